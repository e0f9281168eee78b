// Every kind of journal entry: what decodes has one encoding.
#include <algorithm>

#include "entry/entry.hpp"
#include "tests/fuzz/target.hpp"
#include "util/archive.hpp"

namespace {
using namespace giro;
template <typename... Entry>
void round_trip(Bytes body) {
    (
        [&] {
            const auto entry = decode<Entry>(body);
            if (entry) fuzz::require(std::ranges::equal(encode(*entry), body));
        }(),
        ...);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace entry;
    round_trip<ParticipantOpened, AccountOpened, CardIssued, TerminalAdded, SessionKeySet, SessionKeyUsed, WalletRegistered, FundsPaidIn, Payment,
               ForwardAnswered, Reversal, LinkReversalAnswered, WindowClosed, SettlementProposed, SettlementApproved, SettlementConfirmed,
               SettlementWithdrawn>(
        fuzz::bytes(data, size));
    return 0;
}
