// Chips and verification values in the decision: what is asked about which card, and what its answer makes of the
// payment.
#include "tests/switching/fixture.hpp"

using namespace giro;
using namespace giro::switching;
using iso8583::CardEntry;
using iso8583::ChipData;
using iso8583::CryptogramType;

namespace {
CardShown chip_of(MinorUnits amount, CryptogramType type = CryptogramType::arqc, std::uint8_t cvn = 10) {
    CardShown shown;
    shown.entry = CardEntry::chip;
    shown.chip.state = ChipData::State::whole;
    shown.chip.type = type;
    shown.chip.cvn = cvn;
    shown.chip.amount = amount;
    shown.chip.currency = 963;
    shown.chip.atc = {std::byte{1}, std::byte{2}};
    shown.chip.cryptogram = {std::byte{9}};
    shown.chip.data_size = 37;
    shown.chip.data_bytes[21] = std::byte{0x26};  // 9A: the day of purchase_of(), 9C: a purchase
    shown.chip.data_bytes[22] = std::byte{0x11};
    shown.chip.data_bytes[23] = std::byte{0x18};
    return shown;
}
CardQuestion question_of(const Box& box, const PaymentRequest& r, const CardShown& shown, std::uint8_t card = 1) {
    const auto pan = sealed(card);
    return box.core->ask_card(r, shown, &pan);
}
Answer buy_with(Box& box, const PaymentRequest& r, const CardChecks& checks, std::uint64_t now_ns = kNow) {
    const auto pan = sealed(1);
    const Answer a = box.core->purchase(r, &pan, now_ns, checks);
    box.commit();
    return a;
}
CardChecks checks_of(ChipCheck chip, CvvCheck cvv = CvvCheck::none, PinCheck pin = PinCheck::none) {
    CardChecks checks = pin;
    checks.chip = chip;
    checks.cvv = cvv;
    return checks;
}
entry::Payment last_payment(const Box& box) {
    return *decode<entry::Payment>(box.journal.back().body);
}
PaymentRequest with_mti(PaymentRequest r, Mti mti) {
    r.mti = mti;
    return r;
}
}  // namespace

TEST_CASE("chip: the vault is asked by the product of the card's BIN; an authorisation and an advice too") {
    Box box;
    const auto question = question_of(box, purchase_of(100, 1), chip_of(100));
    CHECK(question.chip == ChipCheck::to_ask);
    REQUIRE(question.product != nullptr);
    CHECK(question.product->chip_key == "alpha.imk");
    CHECK(!question.cvv);
    CHECK(question_of(box, with_mti(purchase_of(100, 1), 0x0100), chip_of(100)).chip == ChipCheck::to_ask);
    CHECK(question_of(box, with_mti(purchase_of(100, 1), 0x0220), chip_of(100, CryptogramType::tc)).chip ==
          ChipCheck::to_ask);
    CHECK(question_of(box, with_mti(purchase_of(100, 1), 0x0221), chip_of(100, CryptogramType::tc)).chip ==
          ChipCheck::to_ask);
    CHECK(question_of(box, with_mti(purchase_of(100, 1), 0x0201), chip_of(100)).chip == ChipCheck::to_ask);
}

TEST_CASE(
    "chip: what no vault needs to say: another amount or currency, a card that said no, another CVN, malformed data") {
    Box box;
    const auto request = purchase_of(100, 1);
    CHECK(question_of(box, request, chip_of(99)).chip == ChipCheck::mismatch);
    auto dollars = chip_of(100);
    dollars.chip.currency = 840;
    CHECK(question_of(box, request, dollars).chip == ChipCheck::mismatch);
    auto refund = chip_of(100);
    refund.chip.data_bytes[24] = std::byte{0x20};
    CHECK(question_of(box, request, refund).chip == ChipCheck::mismatch);
    CHECK(question_of(box, request, chip_of(100, CryptogramType::aac)).chip == ChipCheck::refused);
    CHECK(question_of(box, request, chip_of(100, CryptogramType::tc)).chip == ChipCheck::refused);
    CHECK(question_of(box, with_mti(request, 0x0220), chip_of(100, CryptogramType::aac)).chip == ChipCheck::refused);
    CHECK(question_of(box, request, chip_of(100, CryptogramType::arqc, 18)).chip ==
          ChipCheck::unusable);  // alpha takes 10
    auto broken = chip_of(100);
    broken.chip.state = ChipData::State::malformed;
    CHECK(question_of(box, request, broken).chip == ChipCheck::unusable);
    broken.chip.type = CryptogramType::aac;
    CHECK(question_of(box, request, broken).chip == ChipCheck::refused);  // whatever else is wrong: the card said no
    CHECK(question_of(box, with_mti(request, 0x0220), broken).chip == ChipCheck::refused);
    broken.chip.type = CryptogramType::arqc;
    broken.chip.state = ChipData::State::unsupported;
    CHECK(question_of(box, request, broken).chip == ChipCheck::unusable);
}

TEST_CASE(
    "chip: a cryptogram of another day than DE13's pays nothing; a day apart is a clock's doing, at a year's end too") {
    Box box;
    auto request = purchase_of(100, 1);
    const auto check = [&](unsigned year, unsigned month, unsigned day) {
        auto shown = chip_of(100);
        shown.chip.data_bytes[21] = static_cast<std::byte>(year);
        shown.chip.data_bytes[22] = static_cast<std::byte>(month);
        shown.chip.data_bytes[23] = static_cast<std::byte>(day);
        return question_of(box, request, shown).chip;
    };
    CHECK(check(0x26, 0x11, 0x17) == ChipCheck::to_ask);
    CHECK(check(0x26, 0x11, 0x19) == ChipCheck::to_ask);
    CHECK(check(0x26, 0x11, 0x16) == ChipCheck::mismatch);
    CHECK(check(0x26, 0x10, 0x18) == ChipCheck::mismatch);
    CHECK(check(0x26, 0x13, 0x18) == ChipCheck::mismatch);
    CHECK(check(0x26, 0x00, 0x00) == ChipCheck::mismatch);
    request.local_date = FixedText<4>("1231");
    CHECK(check(0x27, 0x01, 0x01) == ChipCheck::to_ask);
    request.local_date = FixedText<4>("0101");
    CHECK(check(0x26, 0x12, 0x31) == ChipCheck::to_ask);
    CHECK(check(0x26, 0x12, 0x30) == ChipCheck::mismatch);
    request.local_date = FixedText<4>("0229");
    CHECK(check(0x28, 0x02, 0x28) == ChipCheck::to_ask);
    request.local_date = {};
    CHECK(check(0x26, 0x11, 0x18) == ChipCheck::mismatch);
}

TEST_CASE("chip: a completion's cryptogram covers what it asks or what was authorised; an upload's AAC is refused") {
    Box box;
    const auto pan = sealed(1);
    const auto held = with_mti(purchase_of(100, 1), 0x0100);
    CHECK(box.core->authorisation(held, &pan, kNow).code == kApproved);
    box.commit();
    auto completion = with_mti(purchase_of(110, 2), 0x0220);
    completion.rrn = held.rrn;
    completion.original = FixedText<42>("010000000111181011120000097000200000000000");
    CHECK(question_of(box, completion, chip_of(100, CryptogramType::tc)).chip == ChipCheck::to_ask);
    CHECK(question_of(box, completion, chip_of(110, CryptogramType::tc)).chip == ChipCheck::to_ask);
    CHECK(question_of(box, completion, chip_of(105, CryptogramType::tc)).chip == ChipCheck::mismatch);
    const auto upload = with_mti(purchase_of(100, 3), 0x0320);
    CHECK(question_of(box, upload, chip_of(100, CryptogramType::aac)).chip == ChipCheck::refused);
}

TEST_CASE(
    "chip: a terminal that read the chip must send its data where the product says so; fallback where it is taken") {
    Box box;
    CardShown bare;
    const auto check = [&](CardEntry entry, const PaymentRequest& r) {
        bare.entry = entry;
        return question_of(box, r, bare).chip;
    };
    const auto request = purchase_of(100, 1);
    CHECK(check(CardEntry::chip, request) == ChipCheck::unusable);
    CHECK(check(CardEntry::contactless, request) == ChipCheck::unusable);
    CHECK(check(CardEntry::unknown, request) == ChipCheck::unusable);  // no DE22, or a word of its own
    for (const CardEntry entry : {CardEntry::fallback, CardEntry::stripe, CardEntry::manual})
        CHECK(check(entry, request) == ChipCheck::none);
    CHECK(check(CardEntry::chip, with_mti(request, 0x0220)) == ChipCheck::none);
    auto raise = with_mti(request, 0x0100);
    raise.original = FixedText<42>("010000000118120000000000000970002");
    CHECK(check(CardEntry::chip, raise) == ChipCheck::none);  // the card is gone
    raise.mti = 0x0200;
    CHECK(check(CardEntry::chip, raise) == ChipCheck::unusable);  // a purchase names no other
    box.config.card_products[0].fallback = false;
    box.make_core();
    for (const CardEntry entry : {CardEntry::fallback, CardEntry::stripe}) CHECK(check(entry, request) == ChipCheck::fallback);
    box.config.card_products[0].chip = config::ChipPolicy::if_present;
    box.make_core();
    CHECK(check(CardEntry::fallback, request) == ChipCheck::fallback);
    CHECK(check(CardEntry::manual, request) == ChipCheck::none);
    for (const CardEntry entry : {CardEntry::chip, CardEntry::unknown}) CHECK(check(entry, request) == ChipCheck::none);
}

TEST_CASE("chip: nothing is asked of a card that is not this box's, of a QR payment, or by a product without a key") {
    Box box;
    CHECK(question_of(box, purchase_of(100, 1, "9700030000000011"), chip_of(100)).product == nullptr);
    CHECK(question_of(box, purchase_of(100, 1), chip_of(100), 9).product == nullptr);
    auto code = purchase_of(100, 1);
    const std::string payload = "QR";
    code.qr = as_bytes(payload);
    CHECK(question_of(box, code, chip_of(100)).product == nullptr);
    CHECK(question_of(box, with_mti(purchase_of(100, 1), 0x0400), chip_of(100)).product == nullptr);
    CHECK(box.core->ask_card(purchase_of(100, 1), chip_of(100), nullptr).product == nullptr);
    box.config.card_products[0].chip_key.clear();
    box.make_core();
    CHECK(question_of(box, purchase_of(100, 1), chip_of(99)).chip == ChipCheck::none);
    box.config.card_products.clear();
    box.make_core();
    CHECK(question_of(box, purchase_of(100, 1), chip_of(99)).product == nullptr);
}

TEST_CASE("chip: each refusal has its code and its reason, moves no money, and is what a repeat hears") {
    Box box;
    struct Row {
        ChipCheck check;
        const char* code;
        entry::Reason reason;
    };
    constexpr Row kRows[] = {
        {ChipCheck::wrong, "82", entry::Reason::chip_wrong},
        {ChipCheck::used, "82", entry::Reason::chip_used},
        {ChipCheck::mismatch, "12", entry::Reason::chip_mismatch},
        {ChipCheck::refused, "05", entry::Reason::chip_refused},
        {ChipCheck::unusable, "30", entry::Reason::chip_unusable},
        {ChipCheck::to_ask, "30", entry::Reason::chip_unusable},  // nobody was asked: not taken for good
        {ChipCheck::fallback, "57", entry::Reason::chip_fallback}};
    std::uint32_t stan = 1;
    for (const Row& row : kRows) {
        CAPTURE(row.code);
        const auto request = purchase_of(100, stan++);
        CHECK(buy_with(box, request, checks_of(row.check)).code.view() == row.code);
        CHECK(last_payment(box).reason == row.reason);
        CHECK(buy_with(box, request, checks_of(ChipCheck::good)).code.view() == row.code);
        const auto hold = with_mti(purchase_of(100, stan++), 0x0100);
        const auto pan = sealed(1);
        CHECK(box.core->authorisation(hold, &pan, kNow, checks_of(row.check)).code.view() == row.code);
        box.commit();
    }
    CHECK(box.state.holds().empty());
    CHECK(box.balance(kRich) == 100'000);
    CHECK(buy_with(box, purchase_of(100, stan), checks_of(ChipCheck::good)).code == kApproved);
}

TEST_CASE("chip: a wrong cryptogram is told before a wrong PIN, and the verification value between them") {
    Box box;
    CHECK(
        buy_with(box, purchase_of(100, 1), checks_of(ChipCheck::wrong, CvvCheck::wrong, PinCheck::wrong)).code.view() ==
        "82");
    CHECK(last_payment(box).reason == entry::Reason::chip_wrong);
    CHECK(buy_with(box, purchase_of(100, 2), checks_of(ChipCheck::good, CvvCheck::wrong_printed, PinCheck::wrong))
              .code.view() == "N7");
    CHECK(buy_with(box, purchase_of(100, 3), checks_of(ChipCheck::good, CvvCheck::good, PinCheck::wrong)).code.view() ==
          "55");
}

TEST_CASE(
    "chip: an offline sale stands whatever its cryptogram is worth, which is an entry behind it; one the card refused "
    "does not") {
    Box box;
    const auto pan = sealed(1);
    const CardShown shown = chip_of(100, CryptogramType::tc);
    std::uint32_t stan = 1;
    struct Row {
        ChipCheck check;
        entry::ChipVerdict verdict;
    };
    constexpr Row kRows[] = {{ChipCheck::good, entry::ChipVerdict::good},
                             {ChipCheck::wrong, entry::ChipVerdict::wrong},
                             {ChipCheck::used, entry::ChipVerdict::used},
                             {ChipCheck::mismatch, entry::ChipVerdict::mismatch},
                             {ChipCheck::unusable, entry::ChipVerdict::unusable}};
    for (const Row& row : kRows) {
        CardChecks checks = checks_of(row.check);
        checks.shown = &shown;
        const auto request = with_mti(purchase_of(100, stan++), 0x0220);
        const Answer answer = box.core->completion(request, &pan, kNow, checks);
        CHECK(answer.code == kApproved);
        box.commit();
        const auto noted = decode<entry::ChipChecked>(box.journal.back().body);
        REQUIRE(noted.has_value());
        CHECK(noted->payment == answer.payment);
        CHECK(noted->verdict == row.verdict);
        CHECK(noted->atc == shown.chip.atc);
        CHECK(noted->cryptogram == shown.chip.cryptogram);
        const std::size_t entries = box.journal.size();
        CHECK(box.core->completion(request, &pan, kNow, checks).code == kApproved);  // a repeat
        box.commit();
        CHECK(box.journal.size() == entries);
    }
    CHECK(box.balance(kRich) == 100'000 - 5 * 100);
    const std::size_t entries = box.journal.size();
    CardChecks refused = checks_of(ChipCheck::refused);
    refused.shown = &shown;
    CHECK(box.core->completion(with_mti(purchase_of(100, stan), 0x0220), &pan, kNow, refused).code.view() == "05");
    box.commit();
    CHECK(box.journal.size() == entries);
    CHECK(box.state.digest() == box.replayed().digest());
}

TEST_CASE("chip: an entry about a cryptogram that does not stand behind its payment does not fit") {
    Box box;
    State copy = box.replayed();
    entry::ChipChecked e;
    CHECK(!copy.apply(entry::Kind::chip_checked, encode(e)).has_value());
    e.payment = copy.last_seq() + 1;
    CHECK(!copy.apply(entry::Kind::chip_checked, encode(e)).has_value());
    e.payment = copy.last_seq();
    CHECK(copy.apply(entry::Kind::chip_checked, encode(e)).has_value());
}

TEST_CASE("CVV: it is asked about where the product has a key and the message a value, not of an advice") {
    Box box;
    CardShown shown;
    shown.verification_value = true;
    CHECK(question_of(box, purchase_of(100, 1), shown).cvv);
    CHECK(!question_of(box, with_mti(purchase_of(100, 1), 0x0220), shown).cvv);
    shown.verification_value = false;
    CHECK(!question_of(box, purchase_of(100, 1), shown).cvv);
    shown.verification_value = true;
    box.config.card_products[0].cvv_key.clear();
    box.make_core();
    CHECK(!question_of(box, purchase_of(100, 1), shown).cvv);
}

TEST_CASE("CVV: wrong is 82, or N7 for a printed one, each with an entry") {
    Box box;
    CHECK(buy_with(box, purchase_of(100, 1), checks_of(ChipCheck::none, CvvCheck::wrong)).code.view() == "82");
    CHECK(last_payment(box).reason == entry::Reason::cvv_wrong);
    CHECK(buy_with(box, purchase_of(100, 2), checks_of(ChipCheck::none, CvvCheck::wrong_printed)).code.view() == "N7");
    CHECK(last_payment(box).reason == entry::Reason::cvv2_wrong);
    CHECK(buy_with(box, purchase_of(100, 3), checks_of(ChipCheck::none, CvvCheck::good)).code == kApproved);
    CHECK(buy_with(box, purchase_of(100, 4), checks_of(ChipCheck::wrong, CvvCheck::wrong)).code.view() == "82");
    CHECK(last_payment(box).reason == entry::Reason::chip_wrong);  // the chip comes first
}
