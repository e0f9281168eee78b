// What a cashier does: `giro pos buy`, `authorise`, `raise`, `complete`, `reverse` and `mpm`. One payment, one plain line. What was sold
// stands in <dir>/demo/till.jsonl (pos_trace.hpp), where the others find it by its RRN.
#pragma once

#include "appliance/giro/command.hpp"

namespace giro::cli {

// Prints "APPROVED 12.50 auth 123456  rrn …". Failure::refused when declined, try_again when it was not answered in time
// (and was reversed).
[[nodiscard]] Result<void> pos_buy(const Args& args);
[[nodiscard]] Result<void> pos_authorise(const Args& args);
[[nodiscard]] Result<void> pos_raise(const Args& args);
[[nodiscard]] Result<void> pos_complete(const Args& args);
[[nodiscard]] Result<void> pos_reverse(const Args& args);
// The end of a terminal's day: 0800 with DE70 002 and 201, 0500.
[[nodiscard]] Result<void> pos_sign_off(const Args& args);
[[nodiscard]] Result<void> pos_cut_over(const Args& args);
[[nodiscard]] Result<void> pos_reconcile(const Args& args);
// The sale that --rrn names, as a record of the batch (0320).
[[nodiscard]] Result<void> pos_upload(const Args& args);
// Prints the merchant-presented QR payload of a terminal, with or without an amount.
[[nodiscard]] Result<void> pos_mpm(const Args& args);

}  // namespace giro::cli
