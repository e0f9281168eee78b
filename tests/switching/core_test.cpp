// Purchases and reversals: what is answered, what moves, what is remembered.
#include "fixture.hpp"

using namespace giro;
using namespace giro::switching;
using entry::Reason;

namespace {
entry::Payment last_payment(const Box& box) {
    REQUIRE(box.journal.back().kind == entry::Kind::payment);
    return *decode<entry::Payment>(box.journal.back().body);
}
}  // namespace

TEST_CASE("switch: an approved purchase moves the amount from the card's account to the merchant's") {
    Box box;
    const Answer a = box.buy(purchase_of(1'250, 1));
    CHECK(a.code == kApproved);
    CHECK(a.auth_code.view().size() == 6);
    CHECK(box.balance(kRich) == 100'000 - 1'250);
    CHECK(box.balance(kMerchant) == 1'250);
}

TEST_CASE("switch: the same request again gets the same answer and moves nothing") {
    Box box;
    const Answer first = box.buy(purchase_of(1'250, 1));
    const std::size_t entries = box.journal.size();
    const Answer again = box.buy(purchase_of(1'250, 1), 1, kNow + 60 * kSecond);
    CHECK(again.code == first.code);
    CHECK(again.auth_code == first.auth_code);
    CHECK(box.journal.size() == entries);
    CHECK(box.balance(kMerchant) == 1'250);
    // A declined one too, even when money has come in meanwhile.
    const Answer declined = box.buy(purchase_of(5, 2), 2);
    REQUIRE(box.core->pay_in({kPoor, {100, 963}, FixedText<24>("cash")}));
    box.commit();
    CHECK(box.buy(purchase_of(5, 2), 2).code == declined.code);
}

TEST_CASE("switch: each reason to decline has its own response code") {
    Box box;
    const auto expect = [&](const PaymentRequest& r, std::uint8_t card, Reason reason, const char* code,
                            std::uint64_t now = kNow) {
        const Answer a = box.buy(r, card, now);
        CHECK(a.code.view() == code);
        CHECK(last_payment(box).reason == reason);
        CHECK(last_payment(box).outcome == entry::Outcome::declined);
    };
    expect(purchase_of(10, 1), 1, Reason::stale, "68", kNow + 11 * kSecond);
    expect(purchase_of(0, 2), 1, Reason::amount_invalid, "13");
    PaymentRequest euro = purchase_of(10, 3);
    euro.currency = 978;
    expect(euro, 1, Reason::currency_unknown, "12");
    expect(purchase_of(10, 4), 9, Reason::card_unknown, "14");
    expect(purchase_of(10, 5, "4111111111111111"), 1, Reason::no_route, "15");
    expect(purchase_of(10'000'001, 6), 1, Reason::limit_exceeded, "61");
    expect(purchase_of(1, 7), 2, Reason::insufficient_funds, "51");
    expect(purchase_of(100'001, 8), 1, Reason::insufficient_funds, "51");
    box.core->link_state(0, false);
    expect(purchase_of(10, 9, "9700030000000011"), 1, Reason::link_down, "91");
    PaymentRequest bad_qr = purchase_of(10, 10);
    bad_qr.pan = Pan();
    bad_qr.qr = as_bytes("not a QR payload");
    expect(bad_qr, 1, Reason::wallet_order_bad, "30");
    CHECK(box.balance(kRich) == 100'000);
    CHECK(box.state.counters().declined == 10);
}

TEST_CASE("switch: cards and terminals belong to customers' accounts, not to the box's own") {
    Box box;
    CHECK_FALSE(box.core->issue_card({sealed(9), issuance_account(963)}));
    CHECK_FALSE(box.core->issue_card({sealed(8), reserve_account(3)}));
    CHECK_FALSE(box.core->add_terminal({TerminalId("T0000008"), MerchantId("M8"), AcquirerId("1"), issuance_account(963)}));
    const auto pan = sealed(9);
    CHECK(box.core->purchase(purchase_of(500, 1), &pan, kNow).code != kApproved);
    CHECK(box.state.balanced());
}

TEST_CASE("switch: every reason has a response code of two characters") {
    for (int i = 1; i <= static_cast<int>(Reason::kLast); ++i) {
        CHECK(response_code(static_cast<Reason>(i)).view().size() == 2);
        CHECK(entry::name(static_cast<Reason>(i)) != "unknown");
    }
}

TEST_CASE("switch: a reversal moves the money back, once") {
    Box box;
    const auto purchase = purchase_of(1'250, 1);
    (void)box.buy(purchase);
    CHECK(box.reverse(reversal_of(purchase, 2)).code == kApproved);
    CHECK(box.balance(kRich) == 100'000);
    const std::size_t entries = box.journal.size();
    CHECK(box.reverse(reversal_of(purchase, 2)).code == kApproved);  // a repeat
    CHECK(box.journal.size() == entries);
    CHECK(box.reverse(reversal_of(purchase, 3)).code == kApproved);  // another reversal of the same
    CHECK(box.balance(kRich) == 100'000);
    CHECK(box.balance(kMerchant) == 0);
    CHECK(box.state.counters().reversals == 1);
}

TEST_CASE("switch: a reversal for another amount is refused and changes nothing") {
    Box box;
    auto purchase = purchase_of(1'250, 1);
    (void)box.buy(purchase);
    auto reversal = reversal_of(purchase, 2);
    reversal.amount = 2'500;
    CHECK(box.reverse(reversal).code == kInvalidAmount);
    CHECK(box.balance(kMerchant) == 1'250);
}

TEST_CASE("switch: a reversal whose merchant has spent the money is answered, and the switch lives") {
    Box box;
    const Id128 shop{0xD, 2};  // no overdraft, and a card of its own: what it earned it may spend
    REQUIRE(box.core->open_account({shop, 2, {0, 963}, 0, FixedText<24>("shop")}));
    REQUIRE(box.core->add_terminal({TerminalId("T0000002"), MerchantId("M2"), AcquirerId("970002"), shop}));
    REQUIRE(box.core->issue_card({sealed(3), shop}));
    box.commit();
    auto sale = purchase_of(1'000, 1);
    sale.terminal = TerminalId("T0000002");
    sale.merchant = MerchantId("M2");
    REQUIRE(box.buy(sale).code == kApproved);
    REQUIRE(box.buy(purchase_of(600, 2), 3).code == kApproved);  // the shop's own card spends most of it
    CHECK(box.reverse(reversal_of(sale, 3)).code == kApproved);  // its bank pays
    CHECK(box.balance(kRich) == 100'000);
    CHECK(box.balance(shop) == 400);
    CHECK(box.replayed().digest() == box.state.digest());
}

TEST_CASE("switch: a reversal that neither the merchant nor its bank can pay is tried again, and leaves no entry") {
    Box box;
    const Id128 shop{0xD, 2};
    REQUIRE(box.core->open_account({shop, 2, {0, 963}, 0, FixedText<24>("shop")}));
    REQUIRE(box.core->open_account({{0xD, 3}, 2, {box.config.participants[1].backing, 963}, 0, FixedText<24>("holds the rest")}));
    REQUIRE(box.core->add_terminal({TerminalId("T0000002"), MerchantId("M2"), AcquirerId("970002"), shop}));
    REQUIRE(box.core->issue_card({sealed(3), shop}));
    box.commit();
    auto sale = purchase_of(1'000, 1);
    sale.terminal = TerminalId("T0000002");
    sale.merchant = MerchantId("M2");
    REQUIRE(box.buy(sale).code == kApproved);
    REQUIRE(box.buy(purchase_of(600, 2), 3).code == kApproved);
    const std::size_t entries = box.journal.size();
    CHECK(box.reverse(reversal_of(sale, 3)).code.view() == "96");
    CHECK(box.journal.size() == entries);
    auto sale_again = purchase_of(600, 4);
    sale_again.terminal = sale.terminal;
    sale_again.merchant = sale.merchant;
    REQUIRE(box.buy(sale_again).code == kApproved);  // the shop has money again
    CHECK(box.reverse(reversal_of(sale, 3)).code == kApproved);
}

TEST_CASE("switch: a purchase that comes after its reversal is declined") {
    Box box;
    const auto purchase = purchase_of(1'250, 1);
    CHECK(box.reverse(reversal_of(purchase, 2)).code == kApproved);
    CHECK(box.reverse(reversal_of(purchase, 3)).code == kApproved);
    const Answer late = box.buy(purchase);
    CHECK(late.code.view() == "21");
    CHECK(box.buy(purchase).code.view() == "21");
    CHECK(box.balance(kMerchant) == 0);
    CHECK(box.reverse(reversal_of(purchase, 4)).code == kApproved);
}

TEST_CASE("switch: a reversal of what was declined owes nothing") {
    Box box;
    const auto purchase = purchase_of(1, 1);
    (void)box.buy(purchase, 2);
    CHECK(box.reverse(reversal_of(purchase, 2)).code == kApproved);
    CHECK(box.balance(kPoor) == 0);
    CHECK(box.state.counters().reversals == 0);
}

TEST_CASE("switch: a reversal whose DE90 names no STAN is a format error") {
    Box box;
    auto reversal = reversal_of(purchase_of(1, 1), 2);
    reversal.original = FixedText<42>("0200abcdef");
    CHECK(box.reverse(reversal).code == kFormatError);
}

TEST_CASE("switch: a 0200 that is no purchase (DE3) does not debit the card") {
    // ISO 8583:1987 processing codes: 20 returns and 21 deposits are credits to the cardholder, 31 asks for a balance.
    for (const std::uint32_t code : {200'000U, 210'000U, 310'000U}) {
        CAPTURE(code);
        Box box;
        auto r = purchase_of(1'000, 1);
        r.processing_code = code;
        CHECK(box.buy(r).code.view() == "12");
        CHECK(box.balance(kRich) == 100'000);
    }
}

TEST_CASE("switch: the longest BIN decides the way") {
    Box box;
    box.config.links[0].bins.push_back("97000199");
    Core core(box.state, Policy{box.config, {}}, box.random, {});
    using Kind = routing::Target::Kind;
    const auto way = [&](std::string_view pan) {
        auto request = purchase_of(100, 1);
        request.pan = *Pan::parse(pan);
        return core.way_of(request);
    };
    CHECK(way("9700010000000013").kind == Kind::on_us);
    CHECK(way("9700019900000013").kind == Kind::link);
    CHECK(way("9700030000000013").participant == 3);
    CHECK(way("4111111111111111").kind == Kind::decline);
}

TEST_CASE("switch: what does not fit the state is refused with its reason and leaves no entry") {
    Box box;
    const std::size_t entries = box.journal.size();
    CHECK(box.core->open_account({kRich, 1, {0, 963}, 0, {}}).error().find("open already") != std::string::npos);
    CHECK(box.core->open_account({{1, 1}, 77, {0, 963}, 0, {}}).error().find("participant") != std::string::npos);
    CHECK(box.core->open_account({{1, 1}, 1, {2'000'000'000, 963}, 0, {}}).error().find("reserve") !=
          std::string::npos);
    CHECK_FALSE(box.core->issue_card({sealed(1), kRich}));
    CHECK_FALSE(box.core->issue_card({sealed(3), Id128{9, 9}}));
    CHECK_FALSE(box.core->add_terminal({TerminalId("T0000001"), MerchantId("M1"), AcquirerId("1"), kMerchant}));
    CHECK_FALSE(box.core->add_terminal({TerminalId("T0000002"), MerchantId("M1"), AcquirerId("1"), kRich}));
    CHECK_FALSE(box.core->open_participant({1, entry::ParticipantName("x"), {1, 963}, {}}));
    CHECK_FALSE(box.core->pay_in({Id128{9, 9}, {1, 963}, {}}));
    CHECK_FALSE(box.core->has_entries());
    CHECK(box.journal.size() == entries);
}

TEST_CASE("switch: a command that is refused leaves the state as it was, and the journal can be replayed") {
    Box box;
    const Hash256 before = box.state.digest();
    const Id128 account{0xE, 1};
    CHECK_FALSE(box.core->open_account({account, 1, {100, 978}, 0, FixedText<24>("another currency")}));
    CHECK(box.state.digest() == before);
    (void)box.core->add_terminal({TerminalId("T0000009"), MerchantId("M9"), AcquirerId("970002"), account});
    box.commit();
    State copy(99);
    for (const auto& e : box.journal) CHECK(copy.apply(e.kind, e.body).has_value());
}

TEST_CASE("switch: the same key with another amount or card is no repeat, and hears of no approval") {
    Box box;
    (void)box.buy(purchase_of(1'250, 1));
    const std::size_t entries = box.journal.size();
    CHECK(box.buy(purchase_of(99'900, 1)).code == kDuplicateTransmission);
    CHECK(box.buy(purchase_of(1'250, 1), 2).code == kDuplicateTransmission);
    PaymentRequest euro = purchase_of(1'250, 1);
    euro.currency = 978;
    CHECK(box.buy(euro).code == kDuplicateTransmission);
    PaymentRequest by_qr = purchase_of(1'250, 1);
    by_qr.qr = as_bytes("not a QR payload");
    CHECK(box.core->purchase(by_qr, nullptr, kNow).code == kDuplicateTransmission);
    CHECK(box.journal.size() == entries);
    CHECK(box.balance(kMerchant) == 1'250);
}

TEST_CASE("switch: a participant that is refused leaves the state as it was") {
    Box box;
    // An account may take an id that a participant will need; only then is the participant refused, half opened.
    (void)box.core->open_account({reserve_account(9), 1, {0, 963}, 0, FixedText<24>("odd")});
    const Hash256 before = box.state.digest();
    CHECK_FALSE(box.core->open_participant({9, entry::ParticipantName("nine"), {5, 978}, Buffer(34, std::byte{1})}));
    CHECK(box.state.digest() == before);
}

TEST_CASE("switch: the same reversal key with another amount or original is no repeat") {
    Box box;
    const PaymentRequest first = purchase_of(1, 1), second = purchase_of(1, 2);
    REQUIRE(box.buy(first).code == kApproved);
    REQUIRE(box.buy(second).code == kApproved);
    const PaymentRequest reversal = reversal_of(first, 100);
    CHECK(box.reverse(reversal).code == kApproved);
    CHECK(box.reverse(reversal).code == kApproved);
    PaymentRequest other = reversal;
    other.amount += 1;
    CHECK(box.reverse(other).code == kDuplicateTransmission);
    other = reversal;
    other.original = reversal_of(second, 100).original;
    CHECK(box.reverse(other).code == kDuplicateTransmission);
    CHECK(box.state.counters().reversals == 1);
}

TEST_CASE("switch: a terminal speaks for its own merchant and acquirer only") {
    Box box;
    const std::size_t entries = box.journal.size();
    PaymentRequest r = purchase_of(10, 1);
    r.merchant = MerchantId("M2");
    CHECK(box.buy(r).code == kInvalidMerchant);
    r = purchase_of(10, 1);
    r.acquirer = AcquirerId("999999");
    CHECK(box.buy(r).code == kInvalidMerchant);
    CHECK(box.reverse(reversal_of(r, 2)).code == kInvalidMerchant);
    CHECK(box.journal.size() == entries);
}

TEST_CASE("switch: a key exchange of a date that is none does not lock the terminal out") {
    Box box;
    auto wrong = purchase_of(1, 1);
    wrong.mti = 0x0800;
    wrong.transmission_time = FixedText<10>("9931256161");  // DE7 is n 10: no rule of the dialect refuses it
    if (box.core->key_exchange(wrong, kNow) == Core::KeyExchange::fresh)
        box.core->session_key(wrong, ByteArray<16>{std::byte{5}}, {}, kNow);
    box.commit();
    auto right = wrong;
    right.stan = 2;
    right.transmission_time = FixedText<10>("1118101112");
    CHECK(box.core->key_exchange(right, kNow) == Core::KeyExchange::fresh);
}

TEST_CASE("switch: a recorded key exchange does not bring an old key back") {
    using KeyExchange = Core::KeyExchange;
    Box box;
    PaymentRequest r = purchase_of(1, 5);
    r.network_code = 161;
    CHECK(box.core->key_exchange(r, kNow) == KeyExchange::fresh);
    box.core->session_key(r, ByteArray<16>{std::byte{5}}, {}, kNow);
    box.commit();
    CHECK(box.core->key_exchange(r, kNow) == KeyExchange::repeat);
    r.stan = 6;
    CHECK(box.core->key_exchange(r, kNow) == KeyExchange::fresh);  // in the same second
    r.stan = 4;
    CHECK(box.core->key_exchange(r, kNow) == KeyExchange::replay);  // a late copy of one before it; simulator, seed 207
    r.transmission_time = FixedText<10>("1118101111");
    CHECK(box.core->key_exchange(r, kNow) == KeyExchange::replay);
}

TEST_CASE("switch: DE7 has no year, and neither an old moment nor a wrong one keeps a terminal out or lets a recording in") {
    using KeyExchange = Core::KeyExchange;
    constexpr std::uint64_t kDay = 86'400 * kSecond;
    const auto at = [](Box& box, const char* moment, std::uint64_t now_ns, std::uint32_t stan = 5) {
        PaymentRequest r = purchase_of(1, stan);
        r.network_code = 161;
        r.transmission_time = FixedText<10>(moment);
        return box.core->key_exchange(r, now_ns);
    };
    const auto set = [](Box& box, const char* moment, std::uint64_t now_ns) {
        PaymentRequest r = purchase_of(1, 5);
        r.network_code = 161;
        r.transmission_time = FixedText<10>(moment);
        box.core->session_key(r, ByteArray<16>{std::byte{5}}, {}, now_ns);
        box.commit();
    };
    Box box;
    set(box, "1118110640", kNow);  // 2026-11-18
    CHECK(at(box, "0305120000", kNow + 107 * kDay) == KeyExchange::fresh);     // 2027-03-05: of a smaller month
    CHECK(at(box, "1120120000", kNow + 107 * kDay) == KeyExchange::replay);    // recorded two days later, of a greater one
    CHECK(at(box, "0301120000", kNow + 107 * kDay) == KeyExchange::replay);    // four days old
    CHECK(at(box, "1118110640", kNow + 365 * kDay) == KeyExchange::repeat);    // the year is not seen; it's the same key
    CHECK(at(box, "1119110641", kNow) == KeyExchange::replay);                 // more than a day ahead
    CHECK(at(box, "1119110640", kNow) == KeyExchange::fresh);
    Box ahead;
    set(ahead, "1231235959", kNow);  // a wrong clock
    CHECK(at(ahead, "1118110640", kNow) == KeyExchange::fresh);
    Box december;
    set(december, "1231235900", kNow + 43 * kDay);  // 2026-12-31
    CHECK(at(december, "0101000100", kNow + 44 * kDay) == KeyExchange::fresh);
    CHECK(at(december, "1231235800", kNow + 44 * kDay) == KeyExchange::replay);
    CHECK(at(box, "0229000000", kNow) == KeyExchange::replay);  // of the last leap year
    for (const char* none : {"0230000000", "1301000000", "1118240000", "1118116000", "111811060x"})
        CHECK(at(box, none, kNow) == KeyExchange::malformed);
}

TEST_CASE("core: a terminal's declines and reversals of nothing are bounded; then 96, and nothing is decided") {
    Box box;
    const auto entries = [&] { return box.journal.size(); };
    std::uint32_t stan = 1;
    const std::size_t before = entries();
    for (; stan <= kIdleEntriesOfTerminal.burst; ++stan)
        CHECK((stan % 2 == 0 ? box.reverse(reversal_of(purchase_of(50, stan + 5'000), stan)) : box.buy(purchase_of(50, stan), 2)).code !=
              kMalfunction);
    CHECK(entries() == before + kIdleEntriesOfTerminal.burst);
    const auto declined = purchase_of(50, stan);
    CHECK(box.buy(declined, 2).code == kMalfunction);
    CHECK(box.reverse(reversal_of(purchase_of(50, 9'000), 9'001)).code == kMalfunction);
    CHECK(entries() == before + kIdleEntriesOfTerminal.burst);
    CHECK(box.buy(purchase_of(50, 1), 2).code == ResponseCode("51"));  // what was decided is answered as it was
    CHECK(box.buy(purchase_of(50, stan + 1), 1).code == kApproved);    // and what moves money is taken
    CHECK(box.reverse(reversal_of(purchase_of(50, stan + 1), stan + 2)).code == kApproved);
    CHECK(box.buy(declined, 2, kNow + kIdleEntriesOfTerminal.interval_ns).code == ResponseCode("51"));
}
