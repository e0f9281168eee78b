// A terminal's day: signed off and on, cut over, reconciled.
#include "day_box.hpp"

using namespace giro;
using namespace giro::switching;

namespace {
const ResponseCode kSignedOff{"58"};
}

TEST_CASE(
    "day: the box counts sales, completions, authorisations and what was moved back, and says whether it is the "
    "terminal's") {
    DayBox box;
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    CHECK(box.buy(purchase_of(300, 2)).code == kApproved);
    CHECK(box.buy(purchase_of(999'999, 3)).code != kApproved);  // declined: not counted
    CHECK(box.reverse(reversal_of(purchase_of(300, 2), 4)).code == kApproved);
    auto held = purchase_of(500, 5);
    held.mti = 0x0100;
    const auto pan = sealed(1);
    CHECK(box.core->authorisation(held, &pan, kNow).code == kApproved);
    box.commit();
    auto completion = reversal_of(held, 6);
    completion.mti = 0x0220;
    std::memcpy(completion.original.chars.data(), "0100", 4);
    CHECK(box.core->completion(completion, &pan, kNow).code == kApproved);
    box.commit();

    Claim claim = net_of(1'200);
    claim.say(Total::debits, 3);
    claim.say(Total::debits_amount, 1'500);
    claim.say(Total::debit_reversals, 1);
    claim.say(Total::debit_reversals_amount, 300);
    claim.say(Total::authorisations, 1);
    claim.say(Total::credits, 0);
    const auto balanced = box.reconcile(7, claim);
    CHECK(balanced.code == kApproved);
    REQUIRE(balanced.counted);
    CHECK((*balanced.counted)[Total::net] == 1'200);
    CHECK(box.replays());
    CHECK(box.survives_a_snapshot());
}

TEST_CASE("day: each total that differs is out of balance, with what the box counted in the answer") {
    for (std::size_t i = 0; i < kTotals; ++i) {
        const auto total = static_cast<Total>(i);
        CAPTURE(name(total));
        DayBox box;
        CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
        Claim claim = net_of(700);
        claim.say(total, (total == Total::net || total == Total::debits_amount ? 700
                          : total == Total::debits                             ? 1
                                                                               : 0) +
                             1);
        const auto balanced = box.reconcile(2, claim);
        CHECK(balanced.code == kNotInBalance);
        REQUIRE(balanced.counted);
        CHECK((*balanced.counted)[Total::debits] == 1);
        CHECK(box.replays());
    }
}

TEST_CASE("day: a reconciliation ends the period; its repeat hears the same and ends no other") {
    DayBox box;
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    CHECK(box.reconcile(2, net_of(700)).code == kApproved);
    CHECK(box.buy(purchase_of(40, 3)).code == kApproved);
    const std::size_t entries = box.journal.size();
    const auto again = box.reconcile(2, net_of(700));
    CHECK(again.code == kApproved);
    REQUIRE(again.counted);
    CHECK((*again.counted)[Total::net] == 700);
    CHECK(box.reconcile(2, net_of(701)).code == kDuplicateTransmission);
    CHECK(box.journal.size() == entries);
    CHECK(box.reconcile(4, net_of(40)).code == kApproved);
    const auto old = box.reconcile(2, net_of(700));  // a late copy
    CHECK(old.code == kApproved);
    CHECK_FALSE(old.counted);
    CHECK(box.journal.size() == entries + 1);
    CHECK(box.replays());
}

TEST_CASE("day: after a cut-over the period before is what is reconciled, and a second waits for that") {
    DayBox box;
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    CHECK(box.cut(2) == kApproved);
    CHECK(box.buy(purchase_of(40, 3)).code == kApproved);
    CHECK(box.cut(2) == kApproved);               // the same again
    CHECK(box.cut(4) == kInvalidTransaction);     // not reconciled yet
    CHECK(box.cut(1) == kDuplicateTransmission);  // older
    CHECK(box.survives_a_snapshot());
    CHECK(box.reconcile(5, net_of(700)).code == kApproved);
    CHECK(box.reconcile(6, net_of(40)).code == kApproved);
    CHECK(box.state.terminal(TerminalId("T0000001"))->period == 3);
    CHECK(box.replays());
}

TEST_CASE("day: a checkpoint says how the period stands so far, and ends none") {
    DayBox box;
    const auto terminal = [&] { return *box.state.terminal(TerminalId("T0000001")); };
    const auto checkpoint = [](MinorUnits net) {
        Claim claim = net_of(net);
        claim.checkpoint = true;
        return claim;
    };
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    const auto so_far = box.reconcile(2, checkpoint(700));
    CHECK(so_far.code == kApproved);
    REQUIRE(so_far.counted);
    CHECK((*so_far.counted)[Total::net] == 700);
    CHECK(terminal().period == 1);
    CHECK(terminal().reconciled_period == 0);
    CHECK(box.buy(purchase_of(40, 3)).code == kApproved);
    CHECK(box.reconcile(4, checkpoint(700)).code == kNotInBalance);
    CHECK_FALSE(terminal().out_of_balance);
    CHECK(box.upload(record_of(purchase_of(20, 5), 6)) == kApproved);  // of the open period, which is not out of balance
    CHECK(terminal().open[Total::net] == 760);
    // Its repeat hears what it heard; what is final is no repeat of it.
    const std::size_t entries = box.journal.size();
    const auto again = box.reconcile(4, checkpoint(700));
    CHECK(again.code == kNotInBalance);
    REQUIRE(again.counted);
    CHECK((*again.counted)[Total::net] == 740);
    CHECK(box.reconcile(4, net_of(700)).code == kDuplicateTransmission);
    CHECK(box.journal.size() == entries);
    CHECK(box.reconcile(7, net_of(760)).code == kApproved);
    CHECK(terminal().period == 2);
    CHECK(terminal().reconciled_period == 1);
    CHECK(box.replays());
    CHECK(box.survives_a_snapshot());
}

TEST_CASE("day: a checkpoint does not take its totals from the repeat of what is final before it") {
    DayBox box;
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    CHECK(box.reconcile(2, net_of(700)).code == kApproved);  // its answer is lost
    CHECK(box.buy(purchase_of(40, 3)).code == kApproved);
    Claim checkpoint = net_of(40);
    checkpoint.checkpoint = true;
    CHECK(box.reconcile(4, checkpoint).code == kApproved);
    const auto again = box.reconcile(2, net_of(700));
    REQUIRE(again.counted);
    CHECK((*again.counted)[Total::net] == 700);
    const auto checked = box.reconcile(4, checkpoint);
    REQUIRE(checked.counted);
    CHECK((*checked.counted)[Total::net] == 40);
    CHECK(box.replays());
    CHECK(box.survives_a_snapshot());
}

TEST_CASE("day: after a checkpoint out of balance what is uploaded is of the open period, until the next final one") {
    DayBox box;
    const auto open = [&] { return box.state.terminal(TerminalId("T0000001"))->open; };
    Claim checkpoint = net_of(300);
    checkpoint.checkpoint = true;
    CHECK(box.reconcile(1, net_of(1)).code == kNotInBalance);
    CHECK(box.upload(record_of(purchase_of(1, 2), 3)) == kApproved);  // of the period before
    CHECK(open()[Total::net] == 0);
    CHECK(box.reconcile(4, checkpoint).code == kNotInBalance);
    CHECK(box.upload(record_of(purchase_of(300, 5), 6)) == kApproved);
    CHECK(open()[Total::net] == 300);
    CHECK(box.survives_a_snapshot());
    CHECK(box.reconcile(7, net_of(301)).code == kNotInBalance);
    CHECK(box.upload(record_of(purchase_of(1, 8), 9)) == kApproved);  // of the period before again
    CHECK(open()[Total::net] == 0);
    CHECK(box.replays());
}

TEST_CASE("day: a checkpoint after a cut-over is of the period that was cut over, and leaves it to be reconciled") {
    DayBox box;
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    CHECK(box.cut(2) == kApproved);
    CHECK(box.buy(purchase_of(40, 3)).code == kApproved);
    Claim claim = net_of(700);
    claim.checkpoint = true;
    CHECK(box.reconcile(4, claim).code == kApproved);
    CHECK(box.state.terminal(TerminalId("T0000001"))->cut_over);
    CHECK(box.reconcile(5, net_of(700)).code == kApproved);
    CHECK(box.reconcile(6, net_of(40)).code == kApproved);
    CHECK(box.replays());
}

TEST_CASE("day: a forwarded payment counts when its issuer has approved it") {
    DayBox box;
    const Answer a = box.buy(purchase_of(700, 1, "9700030000000011"), 3);
    REQUIRE(a.action == Answer::Action::forward);
    CHECK(box.reconcile(2, net_of(0)).code == kApproved);
    PaymentRequest answer = purchase_of(700, 1);
    answer.stan = a.link_stan;
    answer.response_code = kApproved;
    CHECK(box.core->link_answer(answer, kNow));
    box.commit();
    CHECK(box.reconcile(3, net_of(700)).code == kApproved);
    CHECK(box.replays());
}

TEST_CASE("day: signed off, new payments are declined until the terminal signs on, and what has happened is taken") {
    DayBox box;
    const auto before = purchase_of(700, 1);
    const Answer first = box.buy(before);
    CHECK(first.code == kApproved);
    CHECK(box.sign(kSignOff, 2) == kApproved);
    CHECK(box.buy(purchase_of(10, 3)).code == kSignedOff);
    CHECK(box.buy(before).auth_code == first.auth_code);  // a repeat
    CHECK(box.reverse(reversal_of(before, 4)).code == kApproved);
    CHECK(box.reconcile(5, net_of(0)).code == kApproved);
    CHECK(box.survives_a_snapshot());
    CHECK(box.sign(kSignOn, 6) == kApproved);
    CHECK(box.buy(purchase_of(10, 3)).code == kSignedOff);  // a late copy is not approved now
    CHECK(box.buy(purchase_of(10, 7)).code == kApproved);
    CHECK(box.replays());
}

TEST_CASE("day: a recorded sign-off locks nobody out, and a recorded sign-on lets nobody in") {
    DayBox box;
    CHECK(box.sign(kSignOff, 2, "1118101112") == kApproved);
    CHECK(box.sign(kSignOff, 2, "1118101112") == kApproved);  // its repeat
    CHECK(box.sign(kSignOn, 3, "1118101112") == kApproved);
    std::size_t entries = box.journal.size();
    CHECK(box.sign(kSignOff, 2, "1118101112") == kDuplicateTransmission);
    CHECK(box.sign(kSignOn, 9, "1118101112") == kApproved);  // nothing to change
    CHECK(box.sign(kSignOff, 4, "1118101111") == kDuplicateTransmission);
    CHECK(box.sign(kSignOff, 4, "9931256161") == kFormatError);
    CHECK(box.journal.size() == entries);
    CHECK(box.buy(purchase_of(10, 5)).code == kApproved);
    CHECK(box.sign(kSignOff, 8, "1118101113") == kApproved);
    CHECK(box.sign(kSignOn, 3, "1118101112") == kDuplicateTransmission);
    CHECK(box.buy(purchase_of(10, 6)).code == kSignedOff);
    // A key exchange of the very moment of the sign-off is no repeat of one.
    auto exchange = network(kKeyExchange, 8, "1118101113");
    CHECK(box.core->key_exchange(exchange, kNow) == Core::KeyExchange::replay);
    CHECK(box.replays());
}

TEST_CASE("day: the state takes no reconciliation that its totals do not bear out") {
    DayBox box;
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    entry::Reconciled good;
    good.key = {AcquirerId("970002"), TerminalId("T0000001"), 9, {}, {}, {}};
    good.period = 1;
    good.counted = box.state.terminal(good.key.terminal)->open;
    good.response_code = kApproved;
    const auto takes = [&](auto change) {
        entry::Reconciled e = good;
        change(e);
        State copy = box.replayed();
        return copy.apply(entry::Kind::reconciled, encode(e)).has_value();
    };
    CHECK(takes([](entry::Reconciled&) {}));
    CHECK_FALSE(takes([](entry::Reconciled& e) { e.period = 2; }));
    CHECK_FALSE(takes([](entry::Reconciled& e) { ++e.counted[Total::net]; }));
    CHECK_FALSE(takes([](entry::Reconciled& e) { e.response_code = kNotInBalance; }));
    CHECK_FALSE(takes([](entry::Reconciled& e) { e.key.terminal = TerminalId("T0000009"); }));
}
