// The seeded bugs. A function of the product that another of its parts calls is replaced by the linker (--wrap); ours
// calls the real one, which the linker names __real_*, and does one thing wrong when its bug is on. The names are those
// of the Itanium C++ ABI: a change of signature in the product stops the link.
#include "tests/sim/sabotage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <map>

#include "appliance/giro-gate/admission.hpp"
#include "bus/gate_messages.hpp"
#include "chain/chain_state.hpp"
#include "hsm/handlers.hpp"
#include "hsm/officers.hpp"
#include "journal/journal.hpp"
#include "ledger/ledger.hpp"
#include "settlement/window.hpp"
#include "switching/core.hpp"
#include "switching/frames.hpp"
#include "tests/sim/os/world.hpp"
#include "util/archive.hpp"

namespace giro::sim {

namespace {
struct Bug {
    std::string_view name;
    int invariant;
    std::string_view sentence = {};  // how it begins, of those beyond the list
};
constexpr Bug kBugs[] = {{"none", 0},
                         {"lying-disk", 1},
                         {"fickle-switch", 2},
                         {"generous-ledger", 3},
                         {"double-reversal", 4},
                         {"edited-journal", 5},
                         {"lost-posting", 6},
                         {"early-confirm", 7},
                         {"blind-vault", 8},
                         {"chatty-log", 9},
                         {"random-state", 10},
                         {"repeated-chip", 0, "a chip's counter pays once"},
                         {"forgetful-advice", 0, "every stood-in approval is at its own issuer"},
                         {"miswritten-link", 0, "a payment goes to one link's host"},
                         {"odd-router", 0, "a payment goes the way of the routing table"},
                         {"lost-reversal", 0, "what its terminal was told is declined"},
                         {"bare-advice", 0, "an advice carries the cryptogram"},
                         {"mute-box", 0, "after the faults are mended everything completes"},
                         {"deaf-block", 0, "a blocked card pays nothing"},
                         {"kind-values", 0, "a wrong verification value"},
                         {"kind-pins", 0, "a wrong PIN"},
                         {"greedy-tip", 0, "a completion stays within"},
                         {"miscounted-day", 0, "a reconciliation counts"},
                         {"shed-anything", 0, "the gate refuses no reversal"}};
static_assert(std::size(kBugs) == static_cast<std::size_t>(Sabotage::count));
Sabotage g_sabotage = Sabotage::none;
std::uint64_t g_calls = 0;
std::map<std::string, int> g_answered;
std::map<std::string, unsigned> g_wrong_values;

bool every(std::uint64_t n) {
    return ++g_calls % n == 0;
}
bool runs(std::string_view process) {
    const World* world = World::now();
    return world != nullptr && world->current() != nullptr && world->current()->name == process;
}
}  // namespace

int breaks(Sabotage sabotage) {
    return kBugs[static_cast<std::size_t>(sabotage)].invariant;
}
std::string_view sentence_broken(Sabotage sabotage) {
    return kBugs[static_cast<std::size_t>(sabotage)].sentence;
}
bool sabotage_of_links() {
    return g_sabotage == Sabotage::forgetful_advice || g_sabotage == Sabotage::miswritten_link || g_sabotage == Sabotage::lost_reversal || g_sabotage == Sabotage::mute_box || g_sabotage == Sabotage::bare_advice;
}
std::string_view name_of(Sabotage sabotage) {
    return kBugs[static_cast<std::size_t>(sabotage)].name;
}

std::optional<Sabotage> sabotage_named(std::string_view name) {
    for (std::size_t i = 1; i < std::size(kBugs); ++i)
        if (kBugs[i].name == name) return static_cast<Sabotage>(i);
    return std::nullopt;
}

std::string sabotage_names() {
    std::string all;
    for (std::size_t i = 1; i < std::size(kBugs); ++i) all += fmt::format("{}{}", i == 1 ? "" : " ", kBugs[i].name);
    return all;
}

void set_sabotage(Sabotage sabotage) {
    g_sabotage = sabotage;
    g_calls = 0;
    g_answered.clear();
    g_wrong_values.clear();
}
unsigned values_called_wrong(const std::string& card) {
    const auto found = g_wrong_values.find(card);
    return found == g_wrong_values.end() ? 0 : found->second;
}
Sabotage sabotage() {
    return g_sabotage;
}

}  // namespace giro::sim

using namespace giro;
using namespace giro::sim;

#define GIRO_WRAP(result, symbol, ...)                           \
    result real_##symbol(__VA_ARGS__) asm("__real_" #symbol);    \
    result wrapped_##symbol(__VA_ARGS__) asm("__wrap_" #symbol); \
    result wrapped_##symbol(__VA_ARGS__)

GIRO_WRAP(ledger::TransferResult, _ZN4giro6ledger6Ledger5applyERKNS0_8TransferE, ledger::Ledger* self,
          const ledger::Transfer& transfer) {
    ledger::Transfer other = transfer;
    const bool on = sabotage() == Sabotage::generous_ledger || sabotage() == Sabotage::random_state;
    if (on && transfer.flags == 0 && transfer.amount > 1 && transfer.amount < 1'000'000 && every(7)) ++other.amount;
    return real__ZN4giro6ledger6Ledger5applyERKNS0_8TransferE(self, other);
}

GIRO_WRAP(std::optional<Buffer>, _ZN4giro9switching12FrameBuilder6answerERKNS_14PaymentRequestERKNS0_5ReplyEb,
          switching::FrameBuilder* self, const PaymentRequest& request, const switching::Reply& reply, bool with_mac) {
    switching::Reply other = reply;
    if (sabotage() == Sabotage::fickle_switch && request.mti == 0x0200 && with_mac &&
        g_answered[request.rrn.str()]++ > 0)
        other.code = ResponseCode("05");
    if (sabotage() == Sabotage::chatty_log && !request.pan.reveal().empty()) {
        const std::string line = fmt::format("answering card {}\n", request.pan.reveal());
        [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
    }
    return real__ZN4giro9switching12FrameBuilder6answerERKNS_14PaymentRequestERKNS0_5ReplyEb(self, request, other,
                                                                                             with_mac);
}

GIRO_WRAP(std::optional<Buffer>,
          _ZN4giro9switching12FrameBuilder11link_adviceERKNS_5entry7PaymentERKNS2_10AdviceDataERKNS_3PanEb,
          switching::FrameBuilder* self, const entry::Payment& payment, const entry::AdviceData& advice, const Pan& pan, bool repeat) {
    entry::Payment other = payment;
    if (sabotage() == Sabotage::forgetful_advice && repeat) other.key.local_time = FixedText<6>(payment.key.local_time.view() == "000000" ? "000001" : "000000");
    if (sabotage() == Sabotage::mute_box) return std::nullopt;
    entry::AdviceData bare = advice;
    if (sabotage() == Sabotage::bare_advice) bare.chip.clear();
    return real__ZN4giro9switching12FrameBuilder11link_adviceERKNS_5entry7PaymentERKNS2_10AdviceDataERKNS_3PanEb(self, other, bare, pan,
                                                                                                             repeat);
}

GIRO_WRAP(std::optional<Buffer>, _ZN4giro9switching12FrameBuilder13link_reversalERKNS_5entry7PaymentElRKNS_3PanENS_13MessageReasonEb,
          switching::FrameBuilder* self, const entry::Payment& payment, MinorUnits stands, const Pan& pan, MessageReason why, bool repeat) {
    entry::Payment other = payment;
    if (sabotage() == Sabotage::mute_box) return std::nullopt;
    if (sabotage() == Sabotage::lost_reversal) other.key.local_time = FixedText<6>(payment.key.local_time.view() == "000000" ? "000001" : "000000");
    return real__ZN4giro9switching12FrameBuilder13link_reversalERKNS_5entry7PaymentElRKNS_3PanENS_13MessageReasonEb(self, other, stands, pan, why,
                                                                                                                 repeat);
}

GIRO_WRAP(routing::Target, _ZNK4giro9switching4Core6way_ofERKNS_14PaymentRequestE, const switching::Core* self, const PaymentRequest& request) {
    routing::Target way = real__ZNK4giro9switching4Core6way_ofERKNS_14PaymentRequestE(self, request);
    constexpr std::uint16_t kLinks = 3;
    const bool odd = sabotage() == Sabotage::odd_router && way.kind == routing::Target::Kind::link && !request.pan.empty() && request.stan % 3 == 0;
    if (odd) way.link = static_cast<std::uint16_t>((way.link + 1) % kLinks);
    return way;
}

GIRO_WRAP(bool, _ZN4giro4gate9Admission9takes_newEm, gate::Admission* self, std::uint64_t now_ms) {
    const bool takes = real__ZN4giro4gate9Admission9takes_newEm(self, now_ms);
    return takes && !(sabotage() == Sabotage::shed_anything && every(9));
}

GIRO_WRAP(bool, _ZN4giro3bus11may_be_shedEt, Mti mti) {
    return sabotage() == Sabotage::shed_anything || real__ZN4giro3bus11may_be_shedEt(mti);
}

GIRO_WRAP(hsm::Verdict<vault::CvvVerify::Reply>, _ZN4giro3hsm10cvv_verifyERNS0_5VaultERKNS_5vault9CvvVerify7RequestE, hsm::Vault& vault,
          const vault::CvvVerify::Request& request) {
    auto reply = real__ZN4giro3hsm10cvv_verifyERNS0_5VaultERKNS_5vault9CvvVerify7RequestE(vault, request);
    for (std::size_t i = 0; reply && i < reply->good.size(); ++i)
        if (!reply->good[i]) ++g_wrong_values[std::string(request.items[i].pan.reveal())];
    if (sabotage() == Sabotage::kind_values && reply) reply->good.assign(reply->good.size(), true);
    return reply;
}

GIRO_WRAP(std::optional<chain::TxPlace>, _ZNK4giro5chain10ChainState7find_txERKSt5arrayISt4byteLm32EE,
          const chain::ChainState* self, const Hash256& txid) {
    if (sabotage() == Sabotage::early_confirm && runs("giro-chain")) return chain::TxPlace{1, {}, 1};
    return real__ZNK4giro5chain10ChainState7find_txERKSt5arrayISt4byteLm32EE(self, txid);
}

namespace {
// What the bug of this run writes into the journal instead of an entry's body.
Buffer miswritten(entry::Kind kind, Bytes body) {
    using entry::Kind;
    if (sabotage() == Sabotage::miswritten_link && kind == Kind::payment) {
        auto e = *decode<entry::Payment>(body);
        if (e.outcome == entry::Outcome::forwarded) e.link = e.link == 0 ? 1 : 0;
        return encode(e);
    }
    if (sabotage() == Sabotage::deaf_block && kind == Kind::payment) {
        auto e = *decode<entry::Payment>(body);
        if (e.reason == entry::Reason::card_blocked) e.outcome = entry::Outcome::approved;
        return encode(e);
    }
    if (sabotage() == Sabotage::greedy_tip && kind == Kind::completed) {
        auto e = *decode<entry::Completed>(body);
        e.payment.amount.minor *= 3;
        return encode(e);
    }
    if (sabotage() == Sabotage::miscounted_day && kind == Kind::reconciled) {
        auto e = *decode<entry::Reconciled>(body);
        ++e.counted[Total::debits];
        return encode(e);
    }
    if (sabotage() == Sabotage::double_reversal && kind == Kind::reversal) {
        auto e = *decode<entry::Reversal>(body);
        e.amount.minor *= 2;
        return encode(e);
    }
    return {};
}
}  // namespace

GIRO_WRAP(Result<std::uint64_t>, _ZN4giro7journal7Journal6appendESt4spanIKNS0_9EntryViewELm18446744073709551615EEm,
          journal::Journal* self, std::span<const journal::EntryView> entries, std::uint64_t time_ns) {
    std::vector<journal::EntryView> views(entries.begin(), entries.end());
    std::vector<Buffer> bodies(views.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
        bodies[i] = miswritten(static_cast<entry::Kind>(views[i].kind), views[i].body);
        if (!bodies[i].empty()) views[i].body = bodies[i];
    }
    return real__ZN4giro7journal7Journal6appendESt4spanIKNS0_9EntryViewELm18446744073709551615EEm(self, views, time_ns);
}

GIRO_WRAP(Result<void>, _ZN4giro10settlement13WindowBuilder4feedEmtSt4spanIKSt4byteLm18446744073709551615EE,
          settlement::WindowBuilder* self, std::uint64_t seq, std::uint16_t kind, Bytes body) {
    if (sabotage() == Sabotage::lost_posting && static_cast<entry::Kind>(kind) == entry::Kind::payment &&
        runs("giro-settle")) {
        auto payment = *decode<entry::Payment>(body);
        if (payment.outcome == entry::Outcome::approved && every(3)) {
            payment.outcome = entry::Outcome::declined;
            const Buffer other = encode(payment);
            return real__ZN4giro10settlement13WindowBuilder4feedEmtSt4spanIKSt4byteLm18446744073709551615EE(
                self, seq, kind, other);
        }
    }
    return real__ZN4giro10settlement13WindowBuilder4feedEmtSt4spanIKSt4byteLm18446744073709551615EE(self, seq, kind,
                                                                                                    body);
}

GIRO_WRAP(
    std::size_t,
    _ZN4giro3hsm15count_approvalsERKNSt10filesystem7__cxx114pathESt4spanIKNS_5vault6SignTx8ApprovalELm18446744073709551615EERKSt5arrayISt4byteLm32EE,
    const std::filesystem::path& folder, std::span<const vault::SignTx::Approval> approvals, const Hash256& digest) {
    if (sabotage() == Sabotage::blind_vault) return 2;
    return real__ZN4giro3hsm15count_approvalsERKNSt10filesystem7__cxx114pathESt4spanIKNS_5vault6SignTx8ApprovalELm18446744073709551615EERKSt5arrayISt4byteLm32EE(
        folder, approvals, digest);
}

GIRO_WRAP(hsm::Verdict<vault::ArqcVerify::Reply>, _ZN4giro3hsm11arqc_verifyERNS0_5VaultERKNS_5vault10ArqcVerify7RequestE,
          hsm::Vault& vault, const vault::ArqcVerify::Request& request) {
    auto reply = real__ZN4giro3hsm11arqc_verifyERNS0_5VaultERKNS_5vault10ArqcVerify7RequestE(vault, request);
    if (sabotage() == Sabotage::repeated_chip && reply)
        for (auto& result : reply->results)
            if (result.verdict == vault::ArqcVerdict::used) result.verdict = vault::ArqcVerdict::good;
    return reply;
}

GIRO_WRAP(hsm::Verdict<vault::PinVerify::Reply>, _ZN4giro3hsm10pin_verifyERNS0_5VaultERKNS_5vault9PinVerify7RequestE, hsm::Vault& vault,
          const vault::PinVerify::Request& request) {
    auto reply = real__ZN4giro3hsm10pin_verifyERNS0_5VaultERKNS_5vault9PinVerify7RequestE(vault, request);
    if (sabotage() == Sabotage::kind_pins && reply)
        for (auto& result : reply->results)
            if (result.verdict == vault::PinVerdict::wrong) result.verdict = vault::PinVerdict::good;
    return reply;
}
