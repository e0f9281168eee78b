// What becomes of one request: its answer, its repeats, its reversals, its completion, its terminal's totals.
#include "tests/sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace giro::sim {

namespace {
using Broken = std::vector<std::string>;

class AcknowledgedIsDurable final : public Invariant {
  public:
    int number() const override { return 1; }
    std::string_view sentence() const override { return "an answer on the wire has its entry on disk"; }
    void check(const Scene& s, Broken& broken) const override {
        for (const Heard& h : s.ears.all()) {
            if (!decides(h.code)) continue;
            if (h.reversal ? !has_reversal(s, h) : !has_payment(s, h) && !has_reconciliation(s, h))
                broken.push_back(fmt::format("{} heard {} at {} ms, and no entry says so", h.request, h.code,
                                             h.time_ns / kMillisecond));
        }
    }

  private:
    static bool has_payment(const Scene& s, const Heard& h) {
        const auto found = s.journal.by_request.find(h.request);
        return found != s.journal.by_request.end() && std::ranges::any_of(found->second, [&](std::size_t i) {
                   return s.journal.payments[i].decided() && s.journal.payments[i].code() == h.code;
               });
    }
    static bool has_reconciliation(const Scene& s, const Heard& h) {
        const auto found = s.journal.reconciled.find(h.request);
        return found != s.journal.reconciled.end() && found->second == h.code;
    }
    // 13: another amount than the original's; no entry by rule.
    static bool has_reversal(const Scene& s, const Heard& h) {
        return h.code == "13" || std::ranges::any_of(s.journal.reversals, [&](const auto& r) {
                   return key_of_sale(r.second.key.terminal.view(), r.second.key.stan, r.second.key.rrn.view()) ==
                          h.request;
               });
    }
};

class Once final : public Invariant {
  public:
    int number() const override { return 2; }
    std::string_view sentence() const override {
        return "a request is posted at most once, and its repeats hear the same";
    }
    void check(const Scene& s, Broken& broken) const override {
        for (const auto& [request, at] : s.journal.by_request)
            if (at.size() > 1) broken.push_back(fmt::format("{} was decided {} times", request, at.size()));
        std::map<std::string, const Heard*> first;
        for (const Heard& h : s.ears.all()) {
            if (!decides(h.code)) continue;
            const auto [known, is_new] = first.emplace(h.request + (h.reversal ? "/r" : ""), &h);
            if (!is_new && (known->second->code != h.code || known->second->auth_code != h.auth_code))
                broken.push_back(fmt::format("{} heard {} and later {}", h.request, known->second->code, h.code));
        }
    }
};

class ReversalWithinOriginal final : public Invariant {
  public:
    int number() const override { return 4; }
    std::string_view sentence() const override { return "a reversal never exceeds its original"; }
    void check(const Scene& s, Broken& broken) const override {
        std::map<std::uint64_t, MinorUnits> moved;
        for (const auto& [seq, r] : s.journal.reversals) {
            if (r.outcome != entry::ReversalOutcome::reversed) continue;
            const PaymentStory* p = s.journal.payment(r.payment);
            if (p == nullptr || p->seq > seq) {
                broken.push_back(
                    fmt::format("entry {} reverses entry {}, which is no payment before it", seq, r.payment));
                continue;
            }
            moved[r.payment] += r.amount.minor;
            if (!p->approved())
                broken.push_back(fmt::format("entry {} moves back what entry {} never moved", seq, r.payment));
            if (moved[r.payment] > p->payment.amount.minor)
                broken.push_back(
                    fmt::format("entry {}: {} moved back of {}", r.payment, moved[r.payment], p->payment.amount.minor));
        }
    }
};

// Beyond the list: a pre-authorisation is completed at most once, and not above what was authorised and the tolerance.
class CompletionWithinAuthorised final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a completion stays within what was authorised, once"; }
    void check(const Scene& s, Broken& broken) const override {
        std::set<std::uint64_t> seen;
        for (const auto& e : s.journal.completed) {
            const MinorUnits amount = e.payment.amount.minor;
            const auto& limits = s.box.config().switching;
            if (e.authorisation == 0) {
                if (amount > limits.offline_max) broken.push_back(fmt::format("a till sold {} by itself", amount));
                continue;
            }
            const auto authorised = s.journal.authorised.find(e.authorisation);
            if (authorised == s.journal.authorised.end() ||
                amount > authorised->second * (100 + limits.completion_tolerance_percent) / 100)
                broken.push_back(fmt::format("{} were completed of entry {}, beyond what it authorised", amount, e.authorisation));
            if (!seen.insert(e.authorisation).second)
                broken.push_back(fmt::format("entry {} was completed twice", e.authorisation));
        }
    }
};

// Beyond the list: what a terminal is told at the end of its period is what the entries come to, once.
class Reconciled final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a reconciliation counts what the entries say"; }
    void check(const Scene& s, Broken& broken) const override {
        for (const auto& what : s.journal.miscounted) broken.push_back(what);
    }
};
// Beyond the list: for want of time the gate refuses new payments and network management alone.
class NeverShed final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "the gate refuses no reversal, advice or reconciliation for want of time"; }
    void check(const Scene& s, Broken& broken) const override {
        for (const auto& what : s.ears.shed()) broken.push_back(what);
    }
};

}  // namespace

void add_payment_invariants(Invariants& all) {
    all.push_back(std::make_unique<AcknowledgedIsDurable>());
    all.push_back(std::make_unique<Once>());
    all.push_back(std::make_unique<ReversalWithinOriginal>());
    all.push_back(std::make_unique<CompletionWithinAuthorised>());
    all.push_back(std::make_unique<Reconciled>());
    all.push_back(std::make_unique<NeverShed>());
}

}  // namespace giro::sim
