// PINs in the decision: what is asked about which card, and what its answer makes of the payment.
#include "tests/switching/fixture.hpp"

using namespace giro;
using namespace giro::switching;
using Kind = PinQuestion::Kind;

namespace {
PinQuestion question_of(const Box& box, const PaymentRequest& r, std::uint8_t card = 1) {
    const auto pan = sealed(card);
    return box.core->ask_pin(r, &pan, kNow);
}
void set_pin(Box& box, std::uint8_t card, const char* on_file) {
    REQUIRE(box.core->set_card_pin({sealed(card).token, FixedText<10>("9700010001"), FixedText<12>(on_file)}));
    box.commit();
}
Answer buy_with(Box& box, const PaymentRequest& r, const CardChecks& pin) {
    const auto pan = sealed(1);
    const Answer a = box.core->purchase(r, &pan, kNow, pin);
    box.commit();
    return a;
}
entry::Payment last_payment(const Box& box) {
    return *decode<entry::Payment>(box.journal.back().body);
}
}  // namespace

TEST_CASE("PIN: of a card on us it is verified against what is on file, by the product of its BIN") {
    Box box;
    CHECK(question_of(box, purchase_of(100, 1)).kind == Kind::unusable);  // nothing on file yet
    set_pin(box, 1, "1234");
    const PinQuestion question = question_of(box, purchase_of(100, 1));
    REQUIRE(question.kind == Kind::verify);
    CHECK(question.card->pin_on_file.view() == "1234");
    CHECK(question.product->name == "alpha-debit");
    CHECK(question.product->pvk == "alpha.pvk");
    auto authorisation = purchase_of(100, 1);
    authorisation.mti = 0x0100;
    CHECK(question_of(box, authorisation).kind == Kind::verify);
    set_pin(box, 1, "98765");  // changed
    CHECK(question_of(box, purchase_of(100, 1)).card->pin_on_file.view() == "98765");
}

TEST_CASE("PIN: a card whose BIN is of no product has no way to verify it") {
    Box box;
    set_pin(box, 1, "1234");
    box.config.card_products.clear();
    Core core(box.state, Policy{box.config, {}}, box.random, {});
    const auto pan = sealed(1);
    CHECK(core.ask_pin(purchase_of(100, 1), &pan, kNow).kind == Kind::unusable);
}

TEST_CASE("PIN: of a link's card it is translated to the link's key; a link without one takes none") {
    Box box;
    const auto request = purchase_of(100, 1, "9700030000000011");
    const PinQuestion question = question_of(box, request, 7);
    REQUIRE(question.kind == Kind::translate);
    CHECK(question.link->pin_key == "gamma.zpk");
    CHECK(question.link->pin_format == config::ZonePinFormat::iso0);
    box.config.links[0].pin_key.clear();
    Core core(box.state, Policy{box.config, {}}, box.random, {});
    CHECK(core.ask_pin(request, nullptr, kNow).kind == Kind::unusable);
}

TEST_CASE("PIN: nothing is asked of a request that will leave no entry, and it is not decided as if it had none") {
    Box box;
    set_pin(box, 1, "1234");
    auto stranger = purchase_of(100, 1);
    stranger.merchant = MerchantId("M9");
    CHECK(question_of(box, stranger).kind == Kind::unusable);
    auto old = purchase_of(100, 1);
    old.local_date = FixedText<4>("0101");
    CHECK(question_of(box, old).kind == Kind::unusable);
}

TEST_CASE("PIN: it is not looked at for an advice, a QR payment, an unknown card or a card of nobody here") {
    Box box;
    set_pin(box, 1, "1234");
    auto advice = purchase_of(100, 1);
    advice.mti = 0x0220;
    CHECK(question_of(box, advice).kind == Kind::none);
    auto code = purchase_of(100, 1);
    code.pan = Pan();
    CHECK(question_of(box, code).kind == Kind::none);
    auto both = purchase_of(100, 1);  // the wallet decides, whatever card is named beside it
    const std::string payload = "QR";
    both.qr = as_bytes(payload);
    CHECK(question_of(box, both).kind == Kind::none);
    CHECK(question_of(box, purchase_of(100, 1), 9).kind == Kind::none);
    CHECK(question_of(box, purchase_of(100, 1, "4000000000000002")).kind == Kind::none);
    auto authorisation = purchase_of(100, 1, "9700030000000011");  // is declined for its own reason
    authorisation.mti = 0x0100;
    CHECK(question_of(box, authorisation).kind == Kind::none);
}

TEST_CASE(
    "PIN: a wrong one is 55, a locked card 75, one that cannot be looked at 55; each with its reason, and no money "
    "moves") {
    Box box;
    struct Row {
        PinCheck check;
        const char* code;
        entry::Reason reason;
    };
    constexpr Row kRows[] = {{PinCheck::wrong, "55", entry::Reason::pin_wrong},
                             {PinCheck::locked, "75", entry::Reason::pin_locked},
                             {PinCheck::unusable, "55", entry::Reason::pin_unusable}};
    std::uint32_t stan = 1;
    for (const Row& row : kRows) {
        CAPTURE(row.code);
        const auto request = purchase_of(100, stan++);
        CHECK(buy_with(box, request, row.check).code.view() == row.code);
        CHECK(last_payment(box).reason == row.reason);
        CHECK(last_payment(box).outcome == entry::Outcome::declined);
        CHECK(buy_with(box, request, PinCheck::good).code.view() == row.code);  // the repeat gets the first answer
    }
    CHECK(box.balance(kRich) == 100'000);
    CHECK(buy_with(box, purchase_of(100, stan), PinCheck::good).code == kApproved);
    CHECK(box.balance(kRich) == 99'900);
}

TEST_CASE("PIN: a wrong one refuses an authorisation, and a payment at a link before it is sent") {
    Box box;
    auto request = purchase_of(100, 1);
    request.mti = 0x0100;
    const auto pan = sealed(1);
    CHECK(box.core->authorisation(request, &pan, kNow, PinCheck::wrong).code.view() == "55");
    box.commit();
    CHECK(box.state.holds().empty());
    const auto linked = purchase_of(100, 2, "9700030000000011");
    const Answer refused = buy_with(box, linked, PinCheck::unusable);
    CHECK(refused.action == Answer::Action::reply);
    CHECK(refused.code.view() == "55");
    CHECK(box.state.all_outstanding().empty());
    CHECK(buy_with(box, purchase_of(100, 3, "9700030000000011"), PinCheck::good).code.view() == "91");  // verified, for no link
    CardChecks translated = PinCheck::good;
    translated.pin_link = 0;
    CHECK(buy_with(box, purchase_of(100, 4, "9700030000000011"), translated).action == Answer::Action::forward);
}

TEST_CASE("PIN: reasons before it are told first: no such card, and a purchase that is none") {
    Box box;
    const auto unknown = sealed(9);
    CHECK(box.core->purchase(purchase_of(100, 1), &unknown, kNow, PinCheck::none).code.view() == "14");
    auto refund = purchase_of(100, 2);
    refund.processing_code = 200'000;
    const auto pan = sealed(1);
    CHECK(box.core->purchase(refund, &pan, kNow, PinCheck::wrong).code.view() == "12");
    box.commit();
}

TEST_CASE("PIN: what is on file and an unlocking are entries; a replay and a snapshot have them") {
    Box box;
    set_pin(box, 1, "1234");
    set_pin(box, 2, "123456789012");
    REQUIRE(box.core->unlock_card({sealed(1).token, FixedText<10>("9700010001")}));
    box.commit();
    CHECK(box.journal.back().kind == entry::Kind::card_unlocked);
    CHECK(box.replayed().digest() == box.state.digest());
    CHECK(box.replayed().card(sealed(2).token)->pin_on_file.view() == "123456789012");
    Buffer bytes;
    box.state.save(bytes);
    const auto loaded = State::load(bytes);
    REQUIRE(loaded);
    CHECK(loaded->digest() == box.state.digest());
    CHECK(loaded->card(sealed(1).token)->pin_on_file.view() == "1234");
}

TEST_CASE("PIN: a card that was not issued, and what is no PVV or offset, are refused") {
    Box box;
    CHECK_FALSE(box.core->unlock_card({sealed(9).token, {}}));
    CHECK_FALSE(box.core->set_card_pin({sealed(9).token, {}, FixedText<12>("1234")}));
    for (const char* bad : {"", "123", "12a4", "1234 "}) {
        CAPTURE(bad);
        CHECK_FALSE(box.core->set_card_pin({sealed(1).token, {}, FixedText<12>(bad)}));
    }
    CHECK_FALSE(box.core->has_entries());
}
