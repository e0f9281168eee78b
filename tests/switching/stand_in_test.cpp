// Stand-in as its policy declares it, and what is owed to issuers' hosts because of it.
#include <algorithm>

#include "stand_in_box.hpp"
#include "switching/freshness.hpp"

using namespace giro;
using namespace giro::switching;
using entry::Reason;

namespace {
Reason reason_of_last(const Box& box) {
    const auto payment = decode<entry::Payment>(box.journal.back().body);
    return payment && box.journal.back().kind == entry::Kind::payment ? payment->reason : Reason::none;
}
// DE55 of a card that asks (9F27 80) or said no (00), over so many cents (0 to 99) of currency 963.
Buffer chip_field(std::byte information, unsigned cents = 1, std::uint8_t atc = 1, std::uint8_t day = 0x18) {
    Buffer field;
    const auto add = [&field](std::initializer_list<int> bytes) {
        for (const int b : bytes) field.push_back(static_cast<std::byte>(b));
    };
    add({0x9F, 0x26, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x9F, 0x27, 1});
    field.push_back(information);
    add({0x9F, 0x10, 2, 1, 1, 0x9F, 0x37, 4, 1, 2, 3, 4, 0x9F, 0x36, 2, 0});
    field.push_back(std::byte{atc});
    add({0x95, 5, 0, 0, 0, 0, 0, 0x9A, 3, 0x26, 0x11, day, 0x9C, 1, 0, 0x9F, 0x02, 6, 0, 0, 0, 0, 0});
    field.push_back(static_cast<std::byte>(cents / 10 * 16 + cents % 10));
    add({0x5F, 0x2A, 2, 0x09, 0x63, 0x82, 2, 0, 0, 0x9F, 0x1A, 2, 2, 0x76});
    return field;
}
CardShown shown(Buffer chip) {
    CardShown s;
    s.advice.chip = std::move(chip);
    return s;
}
CardChecks with(const CardShown& s) {
    CardChecks checks;
    checks.shown = &s;
    return checks;
}
}  // namespace

TEST_CASE("stand-in: approved at once, paid by the issuer's bank, marked, and owed as an advice until the host has it") {
    StandInBox box;
    const Answer a = box.buy_down(purchase_of(700, 1, kGammaCard));
    CHECK(a.action == Answer::Action::reply);
    CHECK(a.code == kApproved);
    CHECK(a.auth_code.view().size() == 6);
    CHECK(box.journal.back().kind == entry::Kind::stood_in);
    CHECK(decode<entry::StoodIn>(box.journal.back().body)->policy.view() == "shops");
    CHECK(box.balance(kMerchant) == 700);
    CHECK(box.balance(reserve_account(3)) == box.config.participants[2].backing - 700);
    CHECK(box.state.counters().stood_in == 1);
    REQUIRE(box.state.owed_lines().size() == 1);
    box.restart();
    // Its repeat hears the same, link or no link, and nothing is posted twice.
    CHECK(box.buy(purchase_of(700, 1, kGammaCard), kGamma).auth_code == a.auth_code);
    CHECK(box.buy_down(purchase_of(700, 1, kGammaCard)).auth_code == a.auth_code);
    CHECK(box.balance(kMerchant) == 700);
    CHECK_FALSE(box.advise(a.payment, "91"));
    CHECK(box.advise(a.payment, "00"));
    CHECK(box.state.all_outstanding().empty());
    CHECK(box.state.owed_lines().empty());
    CHECK(box.state.counters().advices_accepted == 1);
    CHECK_FALSE(box.advise(a.payment, "00"));  // a second copy
}

TEST_CASE("stand-in: what the issuer refuses stands, is owed by its bank, and is counted with its amount") {
    StandInBox box;
    const Answer a = box.buy_down(purchase_of(700, 1, kGammaCard));
    CHECK(box.advise(a.payment, "51"));
    CHECK(box.balance(kMerchant) == 700);
    CHECK(box.state.counters().advices_refused == 1);
    CHECK(box.state.counters().refused_sum == 700);
    // Taken back later, its host is told: the refusal may have been of a repeat whose first copy it had booked.
    CHECK(box.reverse(reversal_of(purchase_of(700, 1, kGammaCard), 2)).code == kApproved);
    CHECK(box.balance(kMerchant) == 0);
    CHECK(box.reversed_there(a.payment, "25"));
    CHECK(box.state.all_outstanding().empty());
    box.restart();
}

TEST_CASE("stand-in: an advice that its host approves in another way than 00 is accepted") {
    for (const char* code : {"08", "10", "11", "16", "32"}) {
        CAPTURE(code);
        StandInBox box;
        const Answer a = box.buy_down(purchase_of(700, 1, kGammaCard));
        REQUIRE(box.reverse(reversal_of(purchase_of(700, 1, kGammaCard), 2)).code == kApproved);
        CHECK(box.advise(a.payment, code));
        CHECK(box.state.counters().advices_accepted == 1);
        CHECK(box.reversed_there(a.payment));  // and is told that it was taken back
    }
}

TEST_CASE("stand-in: without a policy, for a card that is not the link's, or with the link up, all is as ever") {
    StandInBox box;
    CHECK(box.buy(purchase_of(700, 1, kGammaCard), kGamma).action == Answer::Action::forward);
    box.config.links[0].stand_in.clear();
    box.make_core();
    CHECK(box.buy_down(purchase_of(700, 2, kGammaCard)).code.view() == "91");
    CHECK(reason_of_last(box) == Reason::link_down);
    CHECK(box.state.counters().stood_in == 0);
}

TEST_CASE("stand-in: above the floor, beyond the card's count or sum, and at a merchant with too much in the hour it is 91") {
    StandInBox box;
    CHECK(box.buy_down(purchase_of(5'001, 1, kGammaCard)).code.view() == "91");
    CHECK(reason_of_last(box) == Reason::stand_in_floor);
    CHECK(box.buy_down(purchase_of(5'000, 2, kGammaCard)).code == kApproved);
    CHECK(box.buy_down(purchase_of(4'001, 3, kGammaCard)).code.view() == "91");  // 9,001 of 9,000
    CHECK(reason_of_last(box) == Reason::stand_in_limit);
    CHECK(box.buy_down(purchase_of(3'000, 4, kGammaCard)).code == kApproved);
    box.restart();  // and nothing is forgotten
    CHECK(box.buy_down(purchase_of(1'000, 5, kGammaCard)).code == kApproved);
    CHECK(box.buy_down(purchase_of(1, 6, kGammaCard)).code.view() == "91");  // the fourth of three
    CHECK(reason_of_last(box) == Reason::stand_in_limit);
    // Other cards at the same merchant, 9,000 so far: until 20,000 in the hour.
    CHECK(box.buy_down(purchase_of(5'000, 7, kGammaCard), 4).code == kApproved);
    CHECK(box.buy_down(purchase_of(5'000, 8, kGammaCard), 5).code == kApproved);
    CHECK(box.buy_down(purchase_of(1'001, 9, kGammaCard), 6).code.view() == "91");
    CHECK(box.buy_down(purchase_of(1'000, 10, kGammaCard), 6).code == kApproved);
    // Two hours later the merchant may again; the card of before not before a day has passed.
    const std::uint64_t later = kNow + 2 * 3'600 * kSecond, tomorrow = kNow + kDay + 2 * 3'600 * kSecond;
    const auto at = [](PaymentRequest r, std::uint64_t now) { return r.received_ns = now, r; };
    CHECK(box.buy_down(at(purchase_of(1'000, 11, kGammaCard), later), 7, later).code == kApproved);
    CHECK(box.buy_down(at(purchase_of(1, 12, kGammaCard), later), kGamma, later).code.view() == "91");
    CHECK(box.buy_down(at(purchase_of(1, 13, kGammaCard), tomorrow), kGamma, tomorrow).code == kApproved);
    box.restart();
}

TEST_CASE("stand-in: a clock that jumps years ahead and back counts neither for ever nor for nothing") {
    StandInBox box;
    const std::uint64_t jumped = kNow + 1'000 * kDay;
    const auto at = [](PaymentRequest r, std::uint64_t now) { return r.received_ns = now, r; };
    for (std::uint32_t i = 1; i <= 3; ++i) CHECK(box.buy_down(purchase_of(1, i, kGammaCard)).code == kApproved);
    CHECK(box.state.stood_in_of(sealed(kGamma).token, kNow, 24).count == 3);
    CHECK(box.state.stood_in_of(sealed(kGamma).token, jumped, 24).count == 0);
    PaymentRequest then = at(purchase_of(1, 4, kGammaCard), jumped);
    then.local_date = FixedText<4>("0814");
    static_cast<void>(box.buy_down(then, kGamma, jumped));
    CHECK(box.state.stood_in_of(sealed(kGamma).token, kNow, 24).count == 3);  // the one of the jump is nowhere near
    REQUIRE(box.core->close_window(jumped));
    box.commit();
    CHECK(box.state.stood_in_of(sealed(kGamma).token, kNow, 24).count == 3);
    CHECK(box.buy_down(purchase_of(1, 5, kGammaCard)).code.view() == "91");
    box.restart();
    // Two windows later what is old is let go of.
    REQUIRE(box.core->close_window(kNow + 3 * kDay));
    REQUIRE(box.core->close_window(kNow + 3 * kDay));
    box.commit();
    CHECK(box.state.stood_in_of(sealed(kGamma).token, kNow, 24).count == 0);
    box.restart();
}

TEST_CASE("stand-in: a PIN is its issuer's to look at, and a chip that said no is heeded") {
    StandInBox box;
    CardChecks pin(PinCheck::good);
    pin.pin_link = 0;
    CHECK(box.buy_down(purchase_of(1, 1, kGammaCard), kGamma, kNow, pin).code.view() == "91");
    CHECK(reason_of_last(box) == Reason::stand_in_pin);
    const CardShown no = shown(chip_field(std::byte{0})), yes = shown(chip_field(std::byte{0x80}));
    CHECK(box.buy_down(purchase_of(1, 2, kGammaCard), kGamma, kNow, with(no)).code.view() == "05");
    CHECK(reason_of_last(box) == Reason::chip_refused);
    CardShown half = yes;
    half.advice.chip.resize(5);
    CHECK(box.buy_down(purchase_of(1, 3, kGammaCard), kGamma, kNow, with(half)).code.view() == "91");
    CHECK(reason_of_last(box) == Reason::stand_in_chip);
    const Answer a = box.buy_down(purchase_of(1, 4, kGammaCard), kGamma, kNow, with(yes));
    CHECK(a.code == kApproved);
    CHECK(box.state.outstanding(a.payment)->advice.chip == yes.advice.chip);
    box.restart();
    CHECK(box.state.outstanding(a.payment)->advice.chip == yes.advice.chip);
}

TEST_CASE("stand-in: a policy that requires a cryptogram takes no payment without one") {
    config::StandIn strict = policy();
    strict.chip = config::ChipPolicy::required;
    StandInBox box(strict);
    CHECK(box.buy_down(purchase_of(1, 1, kGammaCard)).code.view() == "91");
    CHECK(reason_of_last(box) == Reason::stand_in_chip);
    const CardShown yes = shown(chip_field(std::byte{0x80})), other = shown(chip_field(std::byte{0x80}, 99)),
                    later = shown(chip_field(std::byte{0x80}, 1, 2));
    CHECK(box.buy_down(purchase_of(1, 2, kGammaCard), kGamma, kNow, with(other)).code.view() == "91");  // over another amount
    CHECK(box.buy_down(purchase_of(1, 3, kGammaCard), kGamma, kNow, with(yes)).code == kApproved);
    box.restart();
    CHECK(box.buy_down(purchase_of(1, 4, kGammaCard), kGamma, kNow, with(yes)).code.view() == "91");  // a copy
    CHECK(reason_of_last(box) == Reason::stand_in_chip);
    CHECK(box.buy_down(purchase_of(1, 5, kGammaCard), kGamma, kNow, with(later)).code == kApproved);
}

// giro-sim --seed 1016 --steps 150000: with the limits' hours the card's last counter was let go of.
TEST_CASE("stand-in: a cryptogram of yesterday is no good again when the limits are forgotten, and one of another week never") {
    constexpr std::uint64_t kHour = 3'600'000'000'000;
    StandInBox box;
    CHECK(box.buy_down(purchase_of(1, 1, kGammaCard), kGamma, kNow, with(shown(chip_field(std::byte{0x80}, 1, 7, 0x19)))).code == kApproved);
    const auto windows_end = [&](std::uint64_t at_ns) {
        for (int i = 0; i < 2; ++i) CHECK(box.core->close_window(at_ns).has_value());
        box.commit();
    };
    const std::uint64_t next_day = kNow + 26 * kHour;
    windows_end(next_day);
    box.restart();
    CHECK(box.state.stood_in_of(sealed(kGamma).token, next_day, 24).count == 0);
    CHECK(box.state.stood_in_atc(sealed(kGamma).token) == 7);
    const CardShown copy = shown(chip_field(std::byte{0x80}, 1, 7, 0x19)), later = shown(chip_field(std::byte{0x80}, 1, 8, 0x19));
    auto again = purchase_of(1, 2, kGammaCard), new_one = purchase_of(1, 3, kGammaCard);
    again.received_ns = new_one.received_ns = next_day;
    CHECK(box.buy_down(again, kGamma, next_day, with(copy)).code.view() == "91");
    CHECK(reason_of_last(box) == Reason::stand_in_chip);
    CHECK(box.buy_down(new_one, kGamma, next_day, with(later)).code == kApproved);
    // Once nobody knows the counter any more, the day does not fit.
    const std::uint64_t next_week = kNow + 120 * kHour;
    windows_end(next_week);
    CHECK(box.state.stood_in_atc(sealed(kGamma).token) == 0);
    auto much_later = purchase_of(1, 4, kGammaCard);
    much_later.received_ns = next_week;
    much_later.local_date = FixedText<4>("1123");
    CHECK(box.buy_down(much_later, kGamma, next_week, with(later)).code.view() == "91");
    CHECK(reason_of_last(box) == Reason::stand_in_chip);
}

TEST_CASE("stand-in: the bank's cover on tier 1 is the end of it") {
    config::StandIn generous = policy();
    generous.floor = generous.card_sum = generous.merchant_hour_sum = kAmountMax;
    generous.card_count = 1'000'000;
    StandInBox box(generous);
    const MinorUnits each = box.config.switching.payment_max, backing = box.config.participants[2].backing;
    CHECK(box.buy_down(purchase_of(each + 1, 900, kGammaCard)).code.view() == "61");
    std::uint32_t stan = 0;
    while (box.buy_down(purchase_of(each, ++stan, kGammaCard)).code == kApproved) REQUIRE(stan <= 2'000);
    CHECK(reason_of_last(box) == Reason::limit_exceeded);
    CHECK(box.balance(reserve_account(3)) == backing % each);
}

TEST_CASE("blocked card: nothing new is paid with it, on us, by a link or in its stead, until it is unblocked") {
    StandInBox box;
    const auto block = [&](std::uint8_t card) {
        REQUIRE(box.core->block_card({sealed(card).token, sealed(card).first6_last4}));
        box.commit();
    };
    block(1);
    block(kGamma);
    CHECK_FALSE(box.core->block_card({sealed(1).token, {}}));
    CHECK(box.buy(purchase_of(1, 1)).code.view() == "62");
    CHECK(reason_of_last(box) == Reason::card_blocked);
    CHECK(box.buy(purchase_of(1, 2, kGammaCard), kGamma).code.view() == "62");
    CHECK(box.buy_down(purchase_of(1, 3, kGammaCard)).code.view() == "62");
    box.restart();
    PaymentRequest hold = purchase_of(1, 4);
    hold.mti = 0x0100;
    const auto pan = sealed(1);
    CHECK(box.core->authorisation(hold, &pan, kNow).code.view() == "62");
    box.commit();
    REQUIRE(box.core->unblock_card({sealed(1).token, {}}));
    CHECK_FALSE(box.core->unblock_card({sealed(1).token, {}}));
    box.commit();
    CHECK(box.buy(purchase_of(1, 5)).code == kApproved);
    CHECK(box.state.blocked_count() == 1);
}

TEST_CASE("saf: a terminal's advices and reversals stand in its line in the order in which they came to be owed") {
    StandInBox box;
    box.core->link_state(0, true);
    const Answer first = box.buy(purchase_of(10, 1, kGammaCard), kGamma);
    REQUIRE(box.core->link_answer(box.said(first.payment, 0x0210, "00"), kNow));
    box.commit();
    const Answer second = box.buy_down(purchase_of(20, 2, kGammaCard));
    REQUIRE(box.reverse(reversal_of(purchase_of(10, 1, kGammaCard), 3)).code == kApproved);
    const Answer third = box.buy_down(purchase_of(30, 4, kGammaCard));
    box.restart();
    const LineKey key{0, TerminalId("T0000001")};
    const auto line = [&] {
        std::vector<std::uint64_t> payments;
        if (box.state.owed_lines().contains(key))
            for (const auto& [at, payment] : box.state.owed_lines().at(key)) payments.push_back(payment);
        return payments;
    };
    CHECK(line() == std::vector{second.payment, first.payment, third.payment});
    // A reversal of what is not advised yet goes behind its advice, at the same place.
    REQUIRE(box.reverse(reversal_of(purchase_of(20, 2, kGammaCard), 5)).code == kApproved);
    CHECK(line().front() == second.payment);
    CHECK_FALSE(box.reversed_there(second.payment));  // it was not sent yet
    CHECK(box.advise(second.payment, "00"));
    CHECK(line().front() == second.payment);
    CHECK(box.reversed_there(second.payment));
    CHECK(line() == std::vector{first.payment, third.payment});
    // What is parked lets the others pass, and comes back to its place.
    REQUIRE(box.core->saf_park({first.payment, entry::SafWhy::asked, kNow}));
    CHECK_FALSE(box.core->saf_park({first.payment, entry::SafWhy::asked, kNow}));
    box.commit();
    CHECK(line() == std::vector{third.payment});
    CHECK(box.state.parked().size() == 1);
    box.restart();
    REQUIRE(box.core->saf_retry({first.payment, kNow}));
    CHECK_FALSE(box.core->saf_retry({first.payment, kNow}));
    box.commit();
    CHECK(line() == std::vector{first.payment, third.payment});
}

TEST_CASE("saf: what a host makes nothing of three times is parked with the reason, and a late answer to it still counts") {
    for (const bool advice : {true, false}) {
        CAPTURE(advice);
        StandInBox box;
        const PaymentRequest sale = purchase_of(10, 1, kGammaCard);
        const Answer a = advice ? box.buy_down(sale) : box.buy(sale, kGamma);
        if (!advice) static_cast<void>(box.core->expire(kNow + 60 * kSecond));
        box.commit();
        for (int i = 0; i < int{kFailuresMax}; ++i) {
            CHECK_FALSE(box.state.outstanding(a.payment)->parked);
            CHECK_FALSE((advice ? box.advise(a.payment, "30") : box.reversed_there(a.payment, "30")));
            box.restart();  // no restart makes it forget how often
        }
        REQUIRE(box.state.outstanding(a.payment)->parked);
        CHECK(box.state.outstanding(a.payment)->parked_for == entry::SafWhy::unreadable);
        CHECK(box.journal.back().kind == entry::Kind::saf_parked);
        CHECK(box.state.owed_lines().empty());
        const std::uint64_t entries = box.state.last_seq();
        CHECK_FALSE((advice ? box.advise(a.payment, "30") : box.reversed_there(a.payment, "30")));
        CHECK(box.state.last_seq() == entries);
        CHECK((advice ? box.advise(a.payment, "00") : box.reversed_there(a.payment)));
        CHECK(box.state.all_outstanding().empty());
        CHECK(box.state.parked().empty());
    }
}

TEST_CASE("saf: an advice expires by the business date: the clock alone, or a window alone, makes nothing old") {
    StandInBox box;
    const Answer a = box.buy_down(purchase_of(700, 1, kGammaCard));
    const auto tick = [&](std::uint64_t now) {
        static_cast<void>(box.core->expire(now));
        box.commit();
        return box.state.counters().advices_expired;
    };
    CHECK(tick(kNow + 400 * kDay) == 0);  // no window closed
    REQUIRE(box.core->close_window(kNow + 5 * kDay));
    CHECK(tick(kNow + 400 * kDay) == 0);  // on its last day
    REQUIRE(box.core->close_window(kNow + 6 * kDay));
    CHECK(tick(kNow) == 0);
    CHECK(tick(kNow + 6 * kDay) == 1);
    CHECK(box.state.counters().expired_sum == 700);
    CHECK(box.state.all_outstanding().empty());
    CHECK(box.balance(kMerchant) == 700);
    CHECK_FALSE(box.advise(a.payment, "00"));
    // Its host may have heard it all the same: should it be taken back, it is told.
    REQUIRE(box.reverse(reversal_of(purchase_of(700, 1, kGammaCard), 2)).code == kApproved);
    CHECK(box.reversed_there(a.payment, "25"));
    box.restart();
}

TEST_CASE("saf: where a link's host tells of its cut-overs its advices expire by these, whatever windows are closed here") {
    StandInBox box;
    REQUIRE(box.buy_down(purchase_of(700, 1, kGammaCard)).code == kApproved);
    const auto tick = [&](std::uint64_t now) {
        static_cast<void>(box.core->expire(now));
        box.commit();
        return box.state.counters().advices_expired;
    };
    CHECK(box.core->note_cut_over(0, kNow + kDay));
    CHECK_FALSE(box.core->note_cut_over(0, kNow + kDay + kSecond));  // on the same day
    CHECK_FALSE(box.core->note_cut_over(0, kNow));
    REQUIRE(box.core->close_window(kNow + 30 * kDay));
    CHECK(tick(kNow + 400 * kDay) == 0);
    CHECK(box.core->note_cut_over(1, kNow + 30 * kDay));  // another link's
    CHECK(tick(kNow + 400 * kDay) == 0);
    CHECK(box.core->note_cut_over(0, kNow + 5 * kDay));
    CHECK(tick(kNow + 400 * kDay) == 0);  // on its last day
    CHECK(box.core->note_cut_over(0, kNow + 6 * kDay));
    CHECK(tick(kNow) == 0);  // the clock is behind
    box.restart();
    CHECK(box.state.cut_over_day(0).has_value());
    CHECK(tick(kNow + 6 * kDay) == 1);
    CHECK_FALSE(box.state.cut_over_day(7));
}

TEST_CASE("saf: what one link's business days keep is in nobody else's way") {
    StandInBox box;
    auto other = box.config.links.at(0);
    other.number = 1;
    other.name = "other";
    other.bins = {"970009"};
    box.config.links.push_back(other);
    box.make_core();
    box.core->link_state(1, false);
    REQUIRE(box.buy_down(purchase_of(700, 1, kGammaCard)).code == kApproved);
    REQUIRE(box.buy_down(purchase_of(600, 2, "9700090000000013"), 9).code == kApproved);
    REQUIRE(box.core->note_cut_over(0, kNow));
    REQUIRE(box.core->close_window(kNow + 6 * kDay));
    static_cast<void>(box.core->expire(kNow + 6 * kDay));
    box.commit();
    CHECK(box.state.counters().expired_sum == 600);
    CHECK(box.state.outstanding_of_links().size() == 1);
}

TEST_CASE("link: staff takes it down and brings it up, each once; a restart and a snapshot know it") {
    StandInBox box;
    REQUIRE(box.core->set_link({0, true, kNow, FixedText<64>("their new release")}));
    CHECK_FALSE(box.core->set_link({0, true, kNow, {}}));
    CHECK(box.core->set_link({4, true, kNow, {}}));
    box.commit();
    box.restart();
    CHECK(box.state.links_down() == std::set<std::uint16_t>{0, 4});
    REQUIRE(box.core->set_link({0, false, kNow, {}}));
    CHECK_FALSE(box.core->set_link({0, false, kNow, {}}));
    box.commit();
    box.restart();
    CHECK(box.state.links_down() == std::set<std::uint16_t>{4});
}

TEST_CASE("saf: entries that do not fit what is owed are refused, and change nothing") {
    StandInBox box;
    const Answer a = box.buy_down(purchase_of(700, 1, kGammaCard));
    const Hash256 before = box.state.digest();
    const auto refused = [&](entry::Kind kind, const auto& e) {
        CHECK_FALSE(box.state.apply(kind, encode(e)));
        CHECK(box.state.digest() == before);
    };
    using entry::SafVerdict;
    refused(entry::Kind::saf_answered, entry::SafAnswered{a.payment + 1, SafVerdict::accepted, false, kApproved, kNow});
    refused(entry::Kind::saf_answered, entry::SafAnswered{a.payment, SafVerdict::accepted, true, kApproved, kNow});
    refused(entry::Kind::link_reversal_answered, entry::LinkReversalAnswered{a.payment, kApproved});
    refused(entry::Kind::saf_retried, entry::SafRetried{a.payment, kNow});
    refused(entry::Kind::saf_parked, entry::SafParked{a.payment + 1, entry::SafWhy::asked, kNow});
    refused(entry::Kind::saf_expired, entry::SafExpired{a.payment, kNow + 5 * kDay});
    auto twice = *decode<entry::StoodIn>(box.journal.back().body);
    refused(entry::Kind::stood_in, twice);
    twice.payment.key.stan = 77;
    refused(entry::Kind::stood_in, twice);  // its link STAN is the first one's
    twice.payment.link_stan = box.state.next_link_stan(0);
    twice.payment.debit = kRich;
    refused(entry::Kind::stood_in, twice);
    twice.payment.debit = reserve_account(3);
    twice.payment.outcome = entry::Outcome::declined;
    refused(entry::Kind::stood_in, twice);
    twice.payment.outcome = entry::Outcome::approved;
    CHECK(box.state.apply(entry::Kind::stood_in, encode(twice)));
}

TEST_CASE("saf: a snapshot whose lines cannot be is refused") {
    StandInBox box;
    static_cast<void>(box.buy_down(purchase_of(700, 1, kGammaCard)));
    Buffer bytes;
    box.state.save(bytes);
    REQUIRE(State::load(bytes));
    std::size_t loaded = 0;
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        Buffer changed = bytes;
        changed[i / 8] ^= static_cast<std::byte>(1U << (i % 8));
        const auto state = State::load(changed);
        if (!state) continue;
        ++loaded;
        Buffer again;
        state->save(again);
        CHECK(again == changed);
    }
    CHECK(loaded > 0);
}

TEST_CASE("link: a till's own reason for giving a waiting payment up is told to its host") {
    StandInBox box;
    const Answer a = box.buy(purchase_of(700, 1, kGammaCard), kGamma);
    PaymentRequest back = reversal_of(purchase_of(700, 1, kGammaCard), 2);
    back.reason = MessageReason::customer_cancellation;
    REQUIRE(box.reverse(back).gave_up);
    CHECK(box.state.outstanding(a.payment)->why == MessageReason::customer_cancellation);
    // A later one is no reason any more: what was sent once is repeated as it was.
    PaymentRequest again = reversal_of(purchase_of(700, 1, kGammaCard), 3);
    again.reason = MessageReason::suspected_malfunction;
    REQUIRE(box.reverse(again).code == kApproved);
    CHECK(box.state.outstanding(a.payment)->why == MessageReason::customer_cancellation);
    box.restart();
}

TEST_CASE("stand-in: a route may name another policy than its link's, or nobody") {
    const auto code_by = [](int stand_in) {
        StandInBox box;
        config::StandIn small = policy();
        small.name = "small";
        small.floor = 100;
        box.config.stand_ins.push_back(small);
        box.make_core();
        const routing::Target way{routing::Target::Kind::link, 3, 0, -1, stand_in};
        auto table = routing::Table::build({{"gamma", "routes.toml:1", {*routing::parse_range("970003")}, {}, {way}}});
        REQUIRE(table);
        box.core->apply_routing({std::move(*table), 0, {}}, kNow);
        box.commit();
        return std::string(box.buy_down(purchase_of(1'000, 1, kGammaCard)).code.view());
    };
    CHECK(code_by(routing::Target::kOfLink) == "00");
    CHECK(code_by(0) == "00");
    CHECK(code_by(1) == "91");  // above its floor
    CHECK(code_by(routing::Target::kNobody) == "91");
}
