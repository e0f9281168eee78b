// Payments with cards of other banks' hosts: what each host was sent, what it holds, and what the box says of it.
#include "tests/sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/sim/routes.hpp"
#include "util/bytes.hpp"

namespace giro::sim {

namespace {
using Broken = std::vector<std::string>;

std::string name_of(const TerminalId& terminal, const Rrn& rrn) {
    return fmt::format("{}/{}", terminal.view(), rrn.view());
}
std::string name_of(const entry::Payment& payment) {
    return name_of(payment.key.terminal, payment.key.rrn);
}

bool went_to_a_host(const Scene& s, const PaymentStory& p) {
    return p.payment.outcome == entry::Outcome::forwarded || s.journal.stood_in.contains(p.seq);
}

// Payments that went to a host, or are owed to one, by the name that hosts know them by.
std::map<std::string, const PaymentStory*> of_hosts(const Scene& s) {
    std::map<std::string, const PaymentStory*> all;
    for (const PaymentStory& p : s.journal.payments)
        if (went_to_a_host(s, p)) all[name_of(p.payment)] = &p;
    return all;
}

// What one host holds as paid. It knows a payment by what makes it one and the same: a reversal that names another is
// none of it.
class Held {
  public:
    explicit Held(const HostBooks& host) {
        for (const auto& seen : *host.seen) {
            if (seen.code.view() != "00") continue;
            const bool reversal = host::kind_of(seen.mti) == host::Kind::reversal;
            const std::string request = name_of(seen.terminal, seen.rrn);
            Payment& p = m_payments[request][fmt::format("{:06}/{}/{}", reversal ? seen.original_stan : seen.stan,
                                                         seen.local_date.view(), seen.local_time.view())];
            if (reversal)
                p.left = std::min(p.left, seen.stands);
            else
                p.amount = seen.amount;
        }
    }
    [[nodiscard]] MinorUnits of(const std::string& request) const {
        MinorUnits sum = 0;
        if (const auto found = m_payments.find(request); found != m_payments.end())
            for (const auto& [key, p] : found->second) sum += std::min(p.amount, p.left);
        return sum;
    }

  private:
    struct Payment {
        MinorUnits amount = 0, left = kAmountMax;
    };
    std::map<std::string, std::map<std::string, Payment>> m_payments;
};

// Beyond the list: what a host is sent stands in the journal before, and what is said of one payment (its request, its
// repeats, its advice, its reversals) is said to one host, and to the one that the journal names.
class OneHostHearsOfIt final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override {
        return "a payment goes to one link's host, is written down before, and stays with it";
    }
    void check(const Scene& s, Broken& broken) const override {
        const auto payments = of_hosts(s);
        for (const HostBooks& host : s.hosts)
            for (const auto& seen : *host.seen) {
                const std::string request = name_of(seen.terminal, seen.rrn);
                const auto known = payments.find(request);
                if (known == payments.end())
                    broken.push_back(
                        fmt::format("the host of link {} heard {} of {}, of which no entry says that it went to a host",
                                    host.link, seen.mti, request));
                else if (known->second->payment.link != host.link)
                    broken.push_back(fmt::format("the host of link {} heard {} of {}, which went to link {}", host.link,
                                                 seen.mti, request, known->second->payment.link));
            }
    }
};

// Beyond the list: what the issuer's host holds as paid is what the journal holds as paid.
class IssuerAgrees final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "the issuer's books agree with the journal"; }
    void check(const Scene& s, Broken& broken) const override {
        if (!s.at_rest) return;
        for (const HostBooks& host : s.hosts) {
            const Held held(host);
            for (const auto& [request, story] : of_hosts(s)) {
                const PaymentStory& p = *story;
                const auto advised = s.journal.advised.find(p.seq);  // refused by its issuer, it stands here alone
                const bool told = advised != s.journal.advised.end() && advised->second == entry::SafVerdict::accepted;
                if (p.payment.link != host.link || s.journal.closed.contains(p.seq)) continue;
                if (p.payment.outcome != entry::Outcome::forwarded && !told) continue;
                MinorUnits stands = p.approved() ? p.payment.amount.minor : 0;
                for (const auto& r : p.reversed) stands -= r.amount.minor;
                if (const MinorUnits there = held.of(request); stands != there)
                    broken.push_back(fmt::format("{}: of entry {} {} stand here and {} at the issuer", request, p.seq,
                                                 stands, there));
            }
        }
    }
};

// Beyond the list: by what was heard on both sides, not by the journal. A terminal that never heard of an approval, and
// heard that it is declined or that nobody answered, has nothing standing at any issuer.
class DeclinedStandsNowhere final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "what its terminal was told is declined stands at no issuer"; }
    void check(const Scene& s, Broken& broken) const override {
        if (!s.at_rest) return;
        std::set<std::string> declined, approved;
        for (const Heard& h : s.ears.all()) {
            if (h.reversal) continue;
            if (h.code == "00")
                approved.insert(without_stan(h.request));
            else if (decides(h.code) || h.code == "91")
                declined.insert(without_stan(h.request));
        }
        std::set<std::string> closed;  // staff answers for these
        for (const std::uint64_t seq : s.journal.closed) closed.insert(name_of(s.journal.payment(seq)->payment));
        for (const HostBooks& host : s.hosts) {
            const Held held(host);
            for (const auto& request : declined)
                if (!approved.contains(request) && !closed.contains(request) && held.of(request) != 0)
                    broken.push_back(fmt::format("{} is declined at its terminal, and {} stand at the host of link {}",
                                                 request, held.of(request), host.link));
        }
    }

  private:
    // A host knows a payment by its link's STANs.
    static std::string without_stan(const std::string& request) {
        const auto first = request.find('/'), last = request.rfind('/');
        return first == last ? request : request.substr(0, first) + request.substr(last);
    }
};

// Beyond the list: what the box approved while the link was down.
class AdvisedOnce final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override {
        return "every stood-in approval is at its own issuer exactly once and in its terminal's order, or refused, "
               "parked, closed or expired by an entry";
    }
    void check(const Scene& s, Broken& broken) const override {
        if (!s.at_rest) return;
        for (const HostBooks& host : s.hosts) check(s, host, broken);
    }

  private:
    static void check(const Scene& s, const HostBooks& host, Broken& broken) {
        const auto payments = of_hosts(s);
        std::map<std::string, int> booked, refused;
        std::map<TerminalId, std::uint32_t> last;
        for (const auto& seen : *host.seen) {
            if (host::kind_of(seen.mti) != host::Kind::advice || seen.repeat) continue;
            const std::string request = name_of(seen.terminal, seen.rrn);
            ++(seen.code.view() == "00" ? booked : refused)[request];
            const auto story = payments.find(request);
            if (seen.code.view() != "00" || story == payments.end() ||
                s.journal.parked_once.contains(story->second->seq))
                continue;
            // By the STANs, which the switch gives out in the journal's order: tills' clocks step. What was parked has
            // lost its place.
            if (std::exchange(last[seen.terminal], seen.stan) > seen.stan)
                broken.push_back(fmt::format("the advice of {} came after a later one of its terminal", request));
        }
        for (const std::uint64_t seq : s.journal.stood_in) {
            const PaymentStory& p = *s.journal.payment(seq);
            if (p.payment.link != host.link) continue;
            const std::string request = name_of(p.payment);
            const auto advised = s.journal.advised.find(seq);
            const bool closed = s.journal.closed.contains(seq);
            const bool ended = advised != s.journal.advised.end() || s.journal.expired.contains(seq) || closed ||
                               s.journal.state.parked().contains(seq);
            if (!ended) broken.push_back(fmt::format("the advice of {} (entry {}) has come to no end", request, seq));
            if (advised == s.journal.advised.end()) {
                if (booked[request] <= 1)
                    booked.erase(request);  // its answer was lost, and then nobody waited for it any more
                continue;
            }
            const bool accepted = advised->second == entry::SafVerdict::accepted;
            if (booked[request] != (accepted ? 1 : 0))
                broken.push_back(fmt::format("{} was stood in for once, {}, and is booked {} times at its issuer",
                                             request, entry::name(advised->second), booked[request]));
            if (!accepted && refused[request] == 0) broken.push_back(fmt::format("{} was refused by nobody", request));
            booked.erase(request);
        }
        for (const auto& [request, times] : booked)
            if (times != 0)
                broken.push_back(
                    fmt::format("{} is booked at the issuer as an advice of nothing that was approved here", request));
    }
};

// Beyond the list: an advice brings the issuer the cryptogram that the card made for the sale, so that it can look at
// it.
class AdviceHasCryptogram final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override {
        return "an advice carries the cryptogram of its sale's card, and no other";
    }
    void check(const Scene& s, Broken& broken) const override {
        std::map<std::string, Buffer> made;
        for (const PaymentStory& p : s.journal.payments) {
            if (!s.journal.stood_in.contains(p.seq)) continue;
            const auto& key = p.payment.key;
            const auto dipped = s.ears.dipped().find(key_of_sale(key.terminal.view(), key.stan, key.rrn.view()));
            made[name_of(p.payment)] = dipped == s.ears.dipped().end() ? Buffer() : dipped->second.cryptogram;
        }
        for (const auto& [request, cryptogram] : s.ears.advised())
            if (const auto sale = made.find(request); sale != made.end() && sale->second != cryptogram)
                broken.push_back(fmt::format("the advice of {} has the cryptogram {}, and its card made {}", request,
                                             to_hex(cryptogram), to_hex(sale->second)));
    }
};

// Beyond the list: which way a payment went, or that it went none, is what the table says that the journal names last
// before it.
class RoutesObeyed final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override {
        return "a payment goes the way of the routing table that the journal names";
    }
    void check(const Scene& s, Broken& broken) const override {
        std::optional<routing::Routing> table;
        auto next = s.journal.routes.begin();
        for (const PaymentStory& p : s.journal.payments) {
            for (; next != s.journal.routes.end() && next->first < p.seq; ++next) {
                table = table_of(s.box.config(), as_text(next->second.text), s.box.paths().root);
                if (table->digest() != next->second.digest)
                    broken.push_back(fmt::format("entry {} names another table than it holds", next->first));
            }
            const bool refused = p.payment.reason == entry::Reason::no_route;
            if (!went_to_a_host(s, p) && !refused) continue;
            if (!table) return broken.push_back(fmt::format("entry {} went by a table that no entry names", p.seq));
            const auto to = targets(*table, p.payment);
            const bool has_link =
                std::ranges::any_of(to, [](const auto& t) { return t.kind == routing::Target::Kind::link; });
            if (p.payment.channel == entry::Channel::card && refused && has_link)
                broken.push_back(fmt::format("entry {} was refused for want of a way, and there is one", p.seq));
            if (p.payment.channel != entry::Channel::card || refused) continue;
            const auto is_it = [&](const auto& t) {
                return t.kind == routing::Target::Kind::link && t.link == p.payment.link;
            };
            if (std::ranges::none_of(to, is_it))
                broken.push_back(
                    fmt::format("entry {} went to link {}, and its route names others", p.seq, p.payment.link));
            if (s.journal.stood_in.contains(p.seq) && !to.empty() && !is_it(to.front()))
                broken.push_back(
                    fmt::format("entry {} was stood in for another link than the first of its route", p.seq));
        }
    }

  private:
    // The simulated cards of one issuer differ behind the digits that a range looks at. Codes are not kept.
    static std::vector<routing::Target> targets(const routing::Routing& table, const entry::Payment& payment) {
        const std::string pan(payment.pan.first6_last4.view().substr(0, 6));
        const routing::Rule* rule = table.table.find({pan, payment.amount, payment.merchant.view(), 0});
        return rule == nullptr ? std::vector<routing::Target>{} : rule->to;
    }
};

}  // namespace

void add_issuer_invariants(Invariants& all) {
    all.push_back(std::make_unique<OneHostHearsOfIt>());
    all.push_back(std::make_unique<RoutesObeyed>());
    all.push_back(std::make_unique<IssuerAgrees>());
    all.push_back(std::make_unique<DeclinedStandsNowhere>());
    all.push_back(std::make_unique<AdviceHasCryptogram>());
    all.push_back(std::make_unique<AdvisedOnce>());
}

}  // namespace giro::sim
