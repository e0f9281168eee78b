// giro journal summary: payments, reversals and settlement counted from the journal, the tier-1 transaction looked up in
// the chain, receipts verified. Nothing here is told by whoever sent the payments.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "config/config.hpp"
#include "giro/result.hpp"

namespace giro::cli {

// `window` 0: the whole journal, and the settlement of the last confirmed window. `receipts`: a folder whose *.json are
// checked as `giro verify` does; empty: none.
//   {"card_payments","qr_payments","reversals","declines","window","tier1_height","tier1_txid","receipts_verified",
//    "ledger_balanced","entries"}
// Failures: integrity (the journal does not replay, or the chain has not the transaction the journal speaks of).
[[nodiscard]] Result<nlohmann::json> summarise(const config::Paths& paths, std::uint64_t window, const std::string& receipts);

}  // namespace giro::cli
