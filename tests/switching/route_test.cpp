// The routing table in the decision: failover by links that are up, conditions, and what the journal says of a change.
#include "fixture.hpp"

using namespace giro;
using namespace giro::switching;

namespace {

constexpr const char* kGammaCard = "9700030000000011";
constexpr std::uint16_t kPrimary = 0, kSecondary = 7;

routing::Target to_link(std::uint16_t link) { return {routing::Target::Kind::link, 3, link, -1}; }

routing::Routing table_of(std::vector<routing::Rule> rules) {
    auto table = routing::Table::build(std::move(rules));
    REQUIRE(table.has_value());
    return {std::move(*table), 0, "# as the operator wrote it"};
}

routing::Rule gamma_rule(std::vector<routing::Target> to, routing::Conditions when = {}) {
    return {"gamma", "routes.toml:1", {*routing::parse_range("970003")}, std::move(when), std::move(to)};
}

// A box whose gamma cards go to the first link or else to the second.
struct TwoWays {
    Box box;
    TwoWays() {
        config::Link second = box.config.links[0];
        second.number = kSecondary;
        second.name = "gamma-second";
        box.config.links.push_back(second);
        Policy policy{box.config, {}};
        policy.routing = table_of({gamma_rule({to_link(kPrimary), to_link(kSecondary)})});
        box.core.emplace(box.state, std::move(policy), box.random, nullptr);
    }
};

// A customer's code of another scheme (EMVCo CPM): 85 05 CPV01, 61 { 4F A0000006770101 }.
constexpr const char* kOtherCode = "hQVDUFYwMWEJTwegAAAGdwEB";

routing::Rule code_rule(std::string aid, std::vector<routing::Target> to) {
    routing::Rule rule{"codes", "routes.toml:9", {}, {}, std::move(to)};
    rule.aids = {std::move(aid)};
    return rule;
}

PaymentRequest code_purchase(MinorUnits amount, std::uint32_t stan, std::string_view code) {
    PaymentRequest r = purchase_of(amount, stan);
    r.pan = {};
    r.qr = as_bytes(code);
    return r;
}

Answer scan(Box& box, const PaymentRequest& r) {
    const Answer a = box.core->purchase(r, nullptr, kNow);
    box.commit();
    return a;
}

}  // namespace

TEST_CASE("route: a payment goes to the first link of its route that is up, and comes back when that one does") {
    TwoWays two;
    Core& core = *two.box.core;
    core.link_state(kPrimary, true);
    core.link_state(kSecondary, true);
    CHECK(two.box.buy(purchase_of(100, 1, kGammaCard), 3).link == kPrimary);
    core.link_state(kPrimary, false);
    const Answer over = two.box.buy(purchase_of(100, 2, kGammaCard), 3);
    CHECK(over.action == Answer::Action::forward);
    CHECK(over.link == kSecondary);
    CHECK(two.box.state.outstanding(over.payment)->payment.link == kSecondary);
    core.link_state(kPrimary, true);
    CHECK(two.box.buy(purchase_of(100, 3, kGammaCard), 3).link == kPrimary);
    core.link_state(kPrimary, false);
    core.link_state(kSecondary, false);
    CHECK(two.box.buy(purchase_of(100, 4, kGammaCard), 3).code.view() == "91");
}

TEST_CASE("route: a repeat of what went to a link that is down since waits for that one, and goes to no other") {
    TwoWays two;
    Core& core = *two.box.core;
    core.link_state(kPrimary, true);
    core.link_state(kSecondary, true);
    const PaymentRequest sale = purchase_of(100, 1, kGammaCard);
    const Answer first = two.box.buy(sale, 3);
    core.link_state(kPrimary, false);
    const std::uint64_t entries = two.box.state.last_seq();
    const Answer again = two.box.buy(sale, 3);
    CHECK(again.action == Answer::Action::wait);
    CHECK(again.payment == first.payment);
    CHECK(two.box.state.last_seq() == entries);
}

TEST_CASE("route: a PIN that was translated for one link goes to no other") {
    TwoWays two;
    Core& core = *two.box.core;
    core.link_state(kSecondary, true);
    CardChecks checks = PinCheck::good;
    checks.pin_link = kPrimary;
    const auto pan = sealed(3);
    const Answer a = core.purchase(purchase_of(100, 1, kGammaCard), &pan, kNow, checks);
    two.box.commit();
    CHECK(a.code.view() == "91");
    checks.pin_link = kSecondary;
    CHECK(core.purchase(purchase_of(100, 2, kGammaCard), &pan, kNow, checks).link == kSecondary);
    two.box.commit();
}

TEST_CASE("route: what a route declines is answered 15, and cards on us keep their way") {
    Box box;
    CHECK(box.core->apply_routing(table_of({gamma_rule({routing::Target{}}),
                                            {"alpha", "giro.toml", {*routing::parse_range("970001")}, {}, {{routing::Target::Kind::on_us, 1, 0, -1}}}}),
                                  kNow));
    box.commit();
    CHECK(box.buy(purchase_of(100, 1, kGammaCard), 3).code.view() == "15");
    CHECK(box.buy(purchase_of(100, 2)).code.view() == "00");
}

TEST_CASE("route: conditions are looked at with the terminal's own merchant and the time when the gate received it") {
    Box box;
    routing::Conditions mornings;
    mornings.minute_from = 6 * 60;
    mornings.minute_to = 12 * 60;
    mornings.merchants = {std::string(box.state.terminal(purchase_of(1, 1).terminal)->merchant.view())};
    box.core->apply_routing(table_of({gamma_rule({to_link(kPrimary)}, mornings), gamma_rule({routing::Target{}})}), kNow);
    box.core->link_state(kPrimary, true);
    auto request = purchase_of(100, 1, kGammaCard);
    request.merchant = {};
    constexpr std::uint64_t kHour_ns = 3'600'000'000'000, kDay_ns = 24 * kHour_ns;
    const std::uint64_t midnight = kNow / kDay_ns * kDay_ns;
    const auto at = [&](std::uint64_t hour) {
        request.received_ns = midnight + hour * kHour_ns;
        return box.core->way_of(request).kind;
    };
    CHECK(at(6) == routing::Target::Kind::link);
    CHECK(at(11) == routing::Target::Kind::link);
    CHECK(at(12) == routing::Target::Kind::decline);
    CHECK(at(0) == routing::Target::Kind::decline);
    request.merchant = MerchantId("ANOTHER");
    CHECK(at(6) == routing::Target::Kind::decline);
}

TEST_CASE("route: a table that decides is in the journal once, with its text, and its digest in every copy of the state") {
    Box box;
    const auto table = [] { return table_of({gamma_rule({to_link(kPrimary)})}); };
    CHECK(box.core->apply_routing(table(), kNow));
    box.commit();
    REQUIRE(box.journal.back().kind == entry::Kind::routes_changed);
    const auto e = decode<entry::RoutesChanged>(box.journal.back().body);
    REQUIRE(e);
    CHECK(e->digest == table().digest());
    CHECK(e->rules == 1);
    CHECK(e->ranges == 1);
    CHECK(as_text(e->text) == "# as the operator wrote it");
    CHECK(box.state.routes() == e->digest);
    const std::uint64_t entries = box.state.last_seq();
    CHECK_FALSE(box.core->apply_routing(table(), kNow));  // the same again
    CHECK(box.state.last_seq() == entries);
    Buffer saved;
    box.state.save(saved);
    const auto loaded = State::load(saved);
    REQUIRE(loaded);
    CHECK(loaded->routes() == e->digest);
    CHECK(loaded->digest() == box.state.digest());
    CHECK(box.core->apply_routing(table_of({gamma_rule({routing::Target{}})}), kNow));  // another
}

TEST_CASE("route: of a table whose text is longer than an entry takes, the journal has the digest alone") {
    Box box;
    auto routing = table_of({gamma_rule({to_link(kPrimary)})});
    routing.text.assign(entry::kRoutesTextMax + 1, '#');
    const Hash256 digest = routing.digest();
    CHECK(box.core->apply_routing(std::move(routing), kNow));
    box.commit();
    const auto e = decode<entry::RoutesChanged>(box.journal.back().body);
    REQUIRE(e);
    CHECK(e->text.empty());
    CHECK(e->digest == digest);
}

TEST_CASE("route: a code of another scheme goes to its link by its identifier, is posted when its host approves, and taken back") {
    Box box;
    box.core->apply_routing(table_of({code_rule("A000000677", {to_link(kPrimary)})}), kNow);
    box.core->link_state(kPrimary, true);
    const Answer a = scan(box, code_purchase(700, 1, kOtherCode));
    REQUIRE(a.action == Answer::Action::forward);
    CHECK(a.link == kPrimary);
    const Outstanding* waiting = box.state.outstanding(a.payment);
    REQUIRE(waiting != nullptr);
    CHECK(waiting->payment.channel == entry::Channel::qr);
    CHECK(waiting->payment.pan.token == entry::CardToken{});
    CHECK(waiting->payment.wallet == Hash160{});
    CHECK(scan(box, code_purchase(700, 1, kOtherCode)).action == Answer::Action::wait);
    PaymentRequest answer;
    answer.source = PaymentRequest::Source::link;
    answer.mti = 0x0210;
    answer.link = a.link;
    answer.stan = a.link_stan;
    answer.amount = 700;
    answer.terminal = waiting->payment.key.terminal;
    answer.rrn = waiting->payment.key.rrn;
    answer.response_code = ResponseCode("00");
    REQUIRE(box.core->link_answer(answer, kNow));
    box.commit();
    CHECK(box.balance(kMerchant) == 700);
    CHECK(box.state.counters().qr_approved == 1);
    CHECK(box.state.counters().card_approved == 0);
    CHECK(scan(box, code_purchase(700, 1, kOtherCode)).code.view() == "00");
    CHECK(box.reverse(reversal_of(code_purchase(700, 1, kOtherCode), 2)).code.view() == "00");
    CHECK(box.balance(kMerchant) == 0);
    CHECK(box.state.balanced());
}

TEST_CASE("route: a code of another scheme that no route takes is 15, one whose link is down 91, and what is no code 30") {
    Box box;
    CHECK(scan(box, code_purchase(700, 1, kOtherCode)).code.view() == "15");
    box.core->apply_routing(table_of({code_rule("A000000677", {to_link(kPrimary)})}), kNow);
    box.commit();
    box.core->link_state(kPrimary, false);
    CHECK(scan(box, code_purchase(700, 2, kOtherCode)).code.view() == "91");
    CHECK(scan(box, code_purchase(700, 3, "no code")).code.view() == "30");
    auto both = code_purchase(700, 4, kOtherCode);
    both.pan = *Pan::parse(kGammaCard);
    CHECK(scan(box, both).code.view() == "30");  // a code does not carry a card past what is known of it
    CHECK(box.balance(kMerchant) == 0);
}
