// One seed, from an empty box to a verdict: provision; the safety phase, in which the seed's faults rage and the
// invariants must hold at every recovery; the liveness phase, in which everything is mended and whatever was begun must
// come to its end; the checks on what is left.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/invariants.hpp"
#include "tests/sim/sabotage.hpp"

namespace giro::sim {

struct Order {
    std::uint64_t seed = 1;
    std::uint64_t steps = 25'000;  // events of the safety phase
    Sabotage sabotage = Sabotage::none;
    std::filesystem::path scratch;  // a folder of this process
    std::function<void(std::string_view)> trace;
};

// How often which fault struck. The second row's are parts of the first's, told apart so that it can be seen
// that each kind does strike.
struct Faults {
    std::uint64_t kills = 0, power_cuts = 0, stops = 0, lost = 0, duplicated = 0, delayed = 0, streams_cut = 0,
                  partitions = 0, disk = 0, token_gone = 0, token_slow = 0, token_errors = 0, clock_steps = 0, days = 0;
    std::uint64_t hosts_down = 0, hosts_slow = 0, hosts_silent = 0, hosts_wrong = 0, hosts_confused = 0, hosts_restarted = 0;
    std::uint64_t routes_changed = 0, cards_blocked = 0, parked = 0, shed = 0;  // no faults: what staff did, and the gate
    std::uint64_t nodes_parted = 0, bus_slowed = 0, syncs_failed = 0, disks_full = 0, writes_lost = 0, writes_torn = 0,
                  writes_misdirected = 0;
    [[nodiscard]] std::uint64_t all() const noexcept {
        return kills + power_cuts + stops + lost + duplicated + delayed + streams_cut + partitions + disk + token_gone +
               token_slow + token_errors + clock_steps + days + hosts_down + hosts_slow + hosts_silent + hosts_wrong +
               hosts_confused + hosts_restarted;
    }
    // Every kind by its name, the parts too.
    [[nodiscard]] std::vector<std::pair<std::string_view, std::uint64_t>> by_name() const {
        return {{"kills", kills},
                {"power cuts", power_cuts},
                {"stops", stops},
                {"messages lost", lost},
                {"repeated", duplicated},
                {"late", delayed},
                {"connections cut", streams_cut},
                {"partitions", partitions},
                {"of them between the chain nodes", nodes_parted},
                {"bus slow", bus_slowed},
                {"disk", disk},
                {"fsyncs failed", syncs_failed},
                {"disks full", disks_full},
                {"sectors lost", writes_lost},
                {"torn", writes_torn},
                {"misdirected", writes_misdirected},
                {"token gone", token_gone},
                {"token slow", token_slow},
                {"token errors", token_errors},
                {"clock steps", clock_steps},
                {"days passed", days},
                {"hosts down", hosts_down},
                {"hosts slow", hosts_slow},
                {"hosts silent", hosts_silent},
                {"hosts wrong", hosts_wrong},
                {"hosts confused", hosts_confused},
                {"hosts restarted", hosts_restarted},
                {"routing tables changed", routes_changed},
                {"cards blocked", cards_blocked},
                {"advices and reversals parked by staff", parked},
                {"requests shed", shed}};
    }
};

struct Verdict {
    std::vector<Violation> violations;  // empty: the seed passed
    std::uint64_t digest = 0;
    std::uint64_t events = 0;
    std::uint64_t virtual_ms = 0;
    std::uint64_t entries = 0, answers = 0, windows_settled = 0;
    std::uint64_t approved = 0;   // answers that approved a payment: where none does, nothing was tried
    std::uint64_t forwarded = 0, stood_in = 0;  // payments that went to hosts, and that the box approved for them
    std::uint64_t forgotten = 0;  // how often settled payments were let go of
    Faults faults;
};

[[nodiscard]] Verdict simulate(const Order& order);

}  // namespace giro::sim
