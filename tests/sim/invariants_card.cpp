// What a card shows of itself: PIN, chip, stripe, and whether it is blocked.
#include "tests/sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/sim/sabotage.hpp"
#include "vault/payment_wire.hpp"

namespace giro::sim {

namespace {
using Broken = std::vector<std::string>;

// Beyond the list: no payment with a wrong PIN is approved, none with the right one declined for it, and a card is
// locked for what its customers typed alone: each wrong PIN counts once, whatever was lost, repeated or killed on the
// way.
class PinsCounted final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a wrong PIN approves nothing and counts once"; }
    void check(const Scene& s, Broken& broken) const override {
        std::map<std::string, unsigned> wrong;
        for (const auto& [request, typed] : s.ears.typed()) wrong[typed.card] += typed.right ? 0 : 1;
        for (const PaymentStory& p : s.journal.payments) {
            const auto& key = p.payment.key;
            const std::string request = key_of_sale(key.terminal.view(), key.stan, key.rrn.view());
            const auto typed = s.ears.typed().find(request);
            const entry::Reason why = p.payment.reason;
            if (typed == s.ears.typed().end()) {
                if (why == entry::Reason::pin_wrong || why == entry::Reason::pin_locked)
                    broken.push_back(fmt::format("{} was declined for a PIN that nobody typed", request));
                continue;
            }
            if (p.approved() && !typed->second.right)
                broken.push_back(fmt::format("{} was approved with a wrong PIN", request));
            if (why == entry::Reason::pin_wrong && typed->second.right)
                broken.push_back(fmt::format("{} was declined with the right PIN", request));
            if (why == entry::Reason::pin_locked && wrong[typed->second.card] < vault::kPinAttemptsMax)
                broken.push_back(
                    fmt::format("{} met a locked card with {} wrong PINs typed", request, wrong[typed->second.card]));
        }
    }
};

// Beyond the list: no chip that is a copy is approved, a card's counter is approved once and never goes back, no card
// is called a copy that is none, no card hears what its issuer did not say, and what the card refused is approved by
// nobody here. Of a sale that a till approved by itself, which stands whatever comes of it, the entry behind it says
// what its cryptogram is worth.
class ChipsGenuine final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a chip's counter pays once, and no copy pays"; }
    void check(const Scene& s, Broken& broken) const override {
        for (const auto& what : s.ears.disbelieved()) broken.push_back(what);
        Counters counters;
        for (const auto& [request, dipped] : s.ears.dipped()) {
            if (dipped.genuine) counters.used[dipped.card] = std::max(counters.used[dipped.card], dipped.atc);
            if (dipped.copied) counters.said_again.emplace(dipped.card, dipped.atc);
        }
        for (const PaymentStory& p : s.journal.payments) {
            const auto& key = p.payment.key;
            const std::string request = key_of_sale(key.terminal.view(), key.stan, key.rrn.view());
            const auto found = s.ears.dipped().find(request);
            const entry::Reason why = p.payment.reason;
            if (found == s.ears.dipped().end()) {
                if (why == entry::Reason::chip_wrong || why == entry::Reason::chip_used)
                    broken.push_back(fmt::format("{} was declined for a chip that nobody used", request));
                continue;
            }
            if (found->second.offline)
                check_offline(s, p, found->second, request, counters, broken);
            else if (found->second.on_us)
                check_on_us(p, found->second, request, counters, broken);
            else if (s.journal.stood_in.contains(p.seq))
                check_stood_in(found->second, request, counters, broken);
        }
    }

  private:
    struct Counters {
        std::map<std::string, std::uint16_t> used;  // the last that each card made
        std::set<std::pair<std::string, std::uint16_t>>
            said_again;  // by a copy, which may be there before the card itself
        std::map<std::string, std::uint16_t> approved, stood_in;  // the last of each card
        std::set<std::pair<std::string, std::uint16_t>> good;     // in the order of the journal
    };

    static void check_on_us(const PaymentStory& p, const Dipped& dipped, const std::string& request, Counters& counters,
                            Broken& broken) {
        using entry::Reason;
        const Reason why = p.payment.reason;
        const bool of_another_day = why == Reason::chip_mismatch && dipped.copied;  // days pass
        const bool said_so = why == Reason::chip_refused && (dipped.refused || dipped.agreed);
        if ((why == Reason::chip_mismatch && !of_another_day) || why == Reason::chip_unusable ||
            (why == Reason::chip_refused && !said_so))
            broken.push_back(fmt::format("{} was declined as {}", request, entry::name(why)));
        if (dipped.genuine && why == Reason::chip_wrong)
            broken.push_back(fmt::format("{} was declined for its card's own cryptogram", request));
        if (why == Reason::chip_used && !dipped.copied && counters.used[dipped.card] == dipped.atc &&
            !counters.said_again.contains({dipped.card, dipped.atc}))
            broken.push_back(fmt::format("{} was declined as used, and no later counter was", request));
        if (!p.approved()) return;
        if (!dipped.genuine) broken.push_back(fmt::format("{} was approved by a chip that is none", request));
        if (dipped.refused) broken.push_back(fmt::format("{} was approved, and its card had refused it", request));
        std::uint16_t& last = counters.approved[dipped.card];
        if (dipped.atc <= last)
            broken.push_back(fmt::format("{} was approved with counter {} after {}", request, dipped.atc, last));
        last = std::max(last, dipped.atc);
        if (!counters.good.emplace(dipped.card, dipped.atc).second)
            broken.push_back(fmt::format("{}: counter {} was good twice", request, dipped.atc));
    }

    static void check_offline(const Scene& s, const PaymentStory& p, const Dipped& dipped, const std::string& request,
                              Counters& counters, Broken& broken) {
        if (dipped.refused) broken.push_back(fmt::format("{} stands, and its card had refused it", request));
        const auto checked = s.journal.chips.find(p.seq);
        if (checked == s.journal.chips.end())
            return broken.push_back(fmt::format("{} has chip data, and nobody looked at it", request));
        using entry::ChipVerdict;
        const ChipVerdict verdict = checked->second.verdict;
        if (verdict == ChipVerdict::wrong && dipped.genuine)
            broken.push_back(fmt::format("{}: its card's own cryptogram is called wrong", request));
        if (verdict != ChipVerdict::good) return;
        if (!dipped.genuine) broken.push_back(fmt::format("{}: a cryptogram that is none is called good", request));
        if (!counters.good.emplace(dipped.card, dipped.atc).second)
            broken.push_back(fmt::format("{}: counter {} was good twice", request, dipped.atc));
    }

    // Nobody here can tell a copy by its cryptogram; its counter tells.
    static void check_stood_in(const Dipped& dipped, const std::string& request, Counters& counters, Broken& broken) {
        if (dipped.refused) broken.push_back(fmt::format("{} was stood in for, and its card had refused it", request));
        std::uint16_t& last = counters.stood_in[dipped.card];
        if (dipped.atc <= last)
            broken.push_back(fmt::format("{} was stood in for with counter {} after {}", request, dipped.atc, last));
        last = std::max(last, dipped.atc);
    }
};

// Beyond the list: no payment with a wrong verification value of its stripe, or a wrong printed one, is approved, and
// none with the right one declined for it, unless so many were wrong that none is looked at.
class ValuesLookedAt final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a wrong verification value approves nothing"; }
    void check(const Scene& s, Broken& broken) const override {
        constexpr unsigned kWrongMax = 5;
        for (const PaymentStory& p : s.journal.payments) {
            const auto& key = p.payment.key;
            const std::string request = key_of_sale(key.terminal.view(), key.stan, key.rrn.view());
            const auto shown = s.ears.shown().find(request);
            const entry::Reason why = p.payment.reason;
            const bool declined = why == entry::Reason::cvv_wrong || why == entry::Reason::cvv2_wrong;
            if (shown == s.ears.shown().end()) {
                if (declined) broken.push_back(fmt::format("{} was declined for a value that nobody showed", request));
                continue;
            }
            if (p.approved() && !shown->second.right)
                broken.push_back(fmt::format("{} was approved with a wrong value", request));
            if (declined && shown->second.right && values_called_wrong(shown->second.card) < kWrongMax)
                broken.push_back(fmt::format("{} was declined with the right value", request));
        }
    }
};

// Beyond the list: from the entry that blocks a card to the one that unblocks it nothing new is approved with it. What
// a till approved by itself, or is held already, is done.
class BlockedPaysNothing final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a blocked card pays nothing new"; }
    void check(const Scene& s, Broken& broken) const override {
        std::set<entry::CardToken> blocked;
        auto next = s.journal.blocks.begin();
        const std::set<std::uint64_t> done = done_before(s);
        for (const PaymentStory& p : s.journal.payments) {
            for (; next != s.journal.blocks.end() && next->first < p.seq; ++next) {
                const auto& [card, on] = next->second;
                if (on)
                    blocked.insert(card);
                else
                    blocked.erase(card);
            }
            if (p.payment.outcome == entry::Outcome::declined) continue;
            const bool is_blocked = blocked.contains(p.payment.pan.token);
            if (is_blocked != (p.payment.reason == entry::Reason::card_blocked))
                broken.push_back(fmt::format("entry {} does not say whether its card was blocked", p.seq));
            if (!is_blocked || done.contains(p.seq)) continue;
            broken.push_back(fmt::format("entry {} ({}) takes payment {} with a card that is blocked", p.seq,
                                         entry::name(s.journal.entries[p.seq - 1].kind), p.payment.key.rrn.view()));
        }
    }

  private:
    static std::set<std::uint64_t> done_before(const Scene& s) {
        std::set<std::uint64_t> all = s.journal.uploaded;
        for (const auto& e : s.journal.entries)
            if (e.kind == entry::Kind::completed) all.insert(e.seq);
        return all;
    }
};

}  // namespace

void add_card_invariants(Invariants& all) {
    all.push_back(std::make_unique<PinsCounted>());
    all.push_back(std::make_unique<ChipsGenuine>());
    all.push_back(std::make_unique<ValuesLookedAt>());
    all.push_back(std::make_unique<BlockedPaysNothing>());
}

}  // namespace giro::sim
