// A run of many terminals on one thread: `giro pos`. Open loop at a rate, or closed loop; the mix of payments; what came
// of them. Shares its two cores with the box it loads, hence no heap and two system calls a payment.
#pragma once

#include "appliance/giro/pos_report.hpp"
#include "appliance/giro/pos_scenario.hpp"
#include "appliance/giro/pos_station.hpp"

namespace giro::pos {

// Runs to the end: all payments answered, or timed out and their reversals answered. Gives the run up when the box has
// said nothing for two timeouts; what was under way then is Report::unresolved. SIGINT and SIGTERM end it early.
// A run of `seconds` sends nothing after them (an open loop: after one tick more); Report::not_sent is what was due.
// Failure: a terminal is refused at sign-on, no connection within a timeout, a wallet or the trace cannot be used.
[[nodiscard]] Result<Report> run_load(const Scenario& scenario, const Equipment& equipment);

}  // namespace giro::pos
