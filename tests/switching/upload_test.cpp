// A terminal's batch, uploaded after a period that was out of balance: sale by sale.
#include "day_box.hpp"

using namespace giro;
using namespace giro::switching;

TEST_CASE("upload: what stands here as it says matches; another amount, card or a reversed one differs") {
    using entry::UploadOutcome;
    DayBox box;
    const auto sale = purchase_of(700, 1);
    CHECK(box.buy(sale).code == kApproved);
    const MinorUnits merchant = box.balance(kMerchant);
    CHECK(box.upload(record_of(sale, 2)) == kApproved);
    CHECK(box.last_upload().outcome == UploadOutcome::matched);
    CHECK(box.core->upload(record_of(sale, 10), nullptr, kNow).code ==
          kApproved);  // as one by QR is named, without a card
    CHECK(box.core->upload(record_of(purchase_of(5, 11), 12), nullptr, kNow).code ==
          kInvalidTransaction);  // which none is posted for
    box.commit();
    auto more = record_of(sale, 3);
    more.amount = 701;
    CHECK(box.upload(more) == kNotInBalance);
    CHECK(box.last_upload().outcome == UploadOutcome::differs);
    CHECK(box.upload(record_of(sale, 4), 2) == kNotInBalance);
    CHECK(box.reverse(reversal_of(sale, 5)).code == kApproved);
    CHECK(box.upload(record_of(sale, 6)) == kNotInBalance);
    const auto unseen = purchase_of(40, 7);
    CHECK(box.reverse(reversal_of(unseen, 8)).code == kApproved);  // its reversal came first
    CHECK(box.upload(record_of(unseen, 9)) == kNotInBalance);
    CHECK(box.balance(kMerchant) == merchant - 700);
    CHECK(box.replays());
    CHECK(box.survives_a_snapshot());
}

TEST_CASE("upload: a sale that is not known is posted once, and is then the sale itself") {
    for (const char* type : {"0200", "0220"}) {
        CAPTURE(type);
        DayBox box;
        const auto sale = purchase_of(700, 1);
        auto r = record_of(sale, 2, type);
        r.auth_code = AuthCode("OFF123");
        CHECK(box.upload(r) == kApproved);
        CHECK(box.last_upload().outcome == entry::UploadOutcome::accepted);
        CHECK(box.balance(kMerchant) == 700);
        std::size_t entries = box.journal.size();
        CHECK(box.upload(r) == kApproved);  // the same again
        CHECK(box.journal.size() == entries);
        r.amount = 701;
        CHECK(box.upload(r) == kDuplicateTransmission);
        CHECK(box.upload(record_of(sale, 3, type)) == kApproved);
        CHECK(box.last_upload().outcome == entry::UploadOutcome::matched);
        const auto pan = sealed(1);
        const Answer late = type == std::string_view("0200") ? box.buy(sale) : box.core->completion(sale, &pan, kNow);
        box.commit();
        CHECK(late.code == kApproved);
        CHECK(late.auth_code.view() == "OFF123");
        CHECK(box.balance(kMerchant) == 700);
        CHECK((box.state.terminal(sale.terminal)->open)[Total::debits] == 1);
        CHECK(box.replays());
    }
}

TEST_CASE("upload: a sale is not posted again as one of the other type, nor as what is no sale") {
    for (const bool offline : {false, true}) {
        CAPTURE(offline);
        DayBox box;
        PaymentRequest sale = purchase_of(700, 1);
        if (offline) {
            sale.mti = 0x0220;
            sale.auth_code = AuthCode("OFF123");
            const auto pan = sealed(1);
            REQUIRE(box.core->completion(sale, &pan, kNow).code == kApproved);
            box.commit();
        } else {
            REQUIRE(box.buy(sale).code == kApproved);
        }
        const std::size_t entries = box.journal.size();
        auto record = record_of(sale, 2, offline ? "0200" : "0220");
        record.auth_code = AuthCode("OFF123");
        CHECK(box.upload(record) == kInvalidTransaction);
        for (const char* none : {"0100", "0400", "0320", "9999"}) CHECK(box.upload(record_of(sale, 2, none)) == kInvalidTransaction);
        CHECK(box.journal.size() == entries);
        CHECK(box.balance(kMerchant) == 700);
        CHECK(box.upload(record_of(sale, 2, offline ? "0220" : "0200")) == kApproved);
    }
}

TEST_CASE("upload: what is posted after a reconciliation out of balance is of that period, and not of the open one") {
    DayBox box;
    const auto open = [&] { return box.state.terminal(TerminalId("T0000001"))->open; };
    CHECK(box.buy(purchase_of(700, 1)).code == kApproved);
    CHECK(box.reconcile(2, net_of(1'000)).code == kNotInBalance);
    CHECK(box.buy(purchase_of(50, 3)).code == kApproved);
    CHECK(box.upload(record_of(purchase_of(700, 1), 4)) == kApproved);
    CHECK(box.upload(record_of(purchase_of(300, 5), 6)) == kApproved);
    REQUIRE(box.last_upload().outcome == entry::UploadOutcome::accepted);
    CHECK(box.balance(kMerchant) == 1'050);
    CHECK(open()[Total::net] == 50);
    CHECK(open()[Total::debits] == 1);
    CHECK(open()[Total::debits_amount] == 50);
    CHECK(box.survives_a_snapshot());
    CHECK(box.reconcile(7, net_of(50)).code == kApproved);
    CHECK(box.upload(record_of(purchase_of(20, 8), 9)) == kApproved);  // in balance: of the open period
    CHECK(open()[Total::net] == 20);
    CHECK(box.replays());
}

namespace {
// A box that holds 500 for a card, and a record of the 0220 that completes it and never came.
struct HeldBox : DayBox {
    PaymentRequest held = [] {
        auto r = purchase_of(500, 1);
        r.mti = 0x0100;
        return r;
    }();
    Id128 account = kRich;
    HeldBox() { authorise(held); }
    void authorise(const PaymentRequest& r, std::uint8_t card = 1) {
        const auto pan = sealed(card);
        REQUIRE(core->authorisation(r, &pan, kNow).code == kApproved);
        commit();
    }
    [[nodiscard]] static PaymentRequest completion_of(const PaymentRequest& authorised, MinorUnits amount) {
        auto sale = authorised;
        sale.stan = authorised.stan + 1;
        sale.amount = amount;
        return record_of(sale, authorised.stan + 2, "0220");
    }
    [[nodiscard]] MinorUnits pending() const { return state.ledger().account(kRich)->debits_pending; }
};
}  // namespace

TEST_CASE("upload: a completion that never came takes up what is held for it, and does not stand beside it") {
    HeldBox box;
    CHECK(box.upload(HeldBox::completion_of(box.held, 450)) == kApproved);
    CHECK(box.last_upload().outcome == entry::UploadOutcome::accepted);
    CHECK(box.pending() == 0);
    CHECK(box.balance(kRich) == 100'000 - 450);
    CHECK(box.state.holds().empty());
    const auto completed = decode<entry::Completed>(box.journal[box.journal.size() - 2].body);
    REQUIRE(completed);
    CHECK(completed->authorisation != 0);
    // The 0220 itself, late: it has been told.
    auto late = reversal_of(box.held, 2);
    late.mti = 0x0220;
    late.amount = 450;
    std::memcpy(late.original.chars.data(), "0100", 4);
    const auto pan = sealed(1);
    CHECK(box.core->completion(late, &pan, kNow).code == kApproved);
    box.commit();
    CHECK(box.balance(kRich) == 100'000 - 450);
    CHECK(box.replays());
    CHECK(box.survives_a_snapshot());
}

TEST_CASE("upload: a completion is bounded by what is held, as the 0220 itself, and is of the hold's card") {
    HeldBox box;
    const MinorUnits most = 500 + 500 * box.config.switching.completion_tolerance_percent / 100;
    CHECK(box.upload(HeldBox::completion_of(box.held, most + 1)) == kInvalidAmount);
    CHECK(box.pending() == 500);
    auto another = HeldBox::completion_of(box.held, 300);  // another card's sale under the same receipt: nothing is held for it
    CHECK(box.upload(another, 2) == kApproved);
    CHECK(box.pending() == 500);
    auto sale = box.held;  // a 0200 under that receipt is a sale of its own
    sale.stan = 9;
    CHECK(box.upload(record_of(sale, 10)) == kApproved);
    CHECK(box.pending() == 500);
    CHECK(box.replays());
}

TEST_CASE("upload: a completion whose hold has ended is one still: of any amount that was authorised, and once") {
    HeldBox box;
    auto large = purchase_of(box.config.switching.offline_max + 1'000, 40);
    large.mti = 0x0100;
    box.authorise(large);
    const std::uint64_t later = kNow + (box.config.switching.hold_lifetime_s + 1) * kSecond;
    static_cast<void>(box.core->expire(later));
    box.commit();
    REQUIRE(box.state.holds().empty());
    CHECK(box.survives_a_snapshot());
    CHECK(box.upload(HeldBox::completion_of(large, large.amount)) == kApproved);  // more than a till may approve by itself
    CHECK(box.balance(kRich) == 100'000 - large.amount);
    // The 0220 that names the 0100 itself, under another STAN: it is completed.
    auto late = reversal_of(large, 50);
    late.mti = 0x0220;
    std::memcpy(late.original.chars.data(), "0100", 4);
    const auto pan = sealed(1);
    CHECK(box.core->completion(late, &pan, kNow).code == kDuplicateTransmission);
    box.commit();
    CHECK(box.upload(HeldBox::completion_of(box.held, 500)) == kApproved);
    CHECK(box.balance(kRich) == 100'000 - large.amount - 500);
    CHECK(box.replays());
    CHECK(box.survives_a_snapshot());
}

TEST_CASE("upload: of several authorisations under one receipt the one that is held comes before one that has ended") {
    HeldBox box;
    static_cast<void>(box.core->expire(kNow + (box.config.switching.hold_lifetime_s + 1) * kSecond));
    box.commit();
    auto second = box.held;
    second.stan = 20;
    second.amount = 300;
    box.authorise(second);
    CHECK(box.pending() == 300);
    CHECK(box.upload(HeldBox::completion_of(second, 300)) == kApproved);
    CHECK(box.pending() == 0);
    CHECK(box.survives_a_snapshot());
}

TEST_CASE("upload: of several holds under one receipt the card's oldest is completed, and one that has ended is none") {
    HeldBox box;
    auto second = box.held;
    second.stan = 20;
    second.amount = 300;
    box.authorise(second);
    CHECK(box.pending() == 800);
    Buffer bytes;
    box.state.save(bytes);
    auto loaded = State::load(bytes, 3);
    REQUIRE(loaded);
    const auto key = [](const PaymentRequest& r) {
        return entry::RequestKey{r.acquirer, r.terminal, 77, r.rrn, r.local_time, r.local_date};
    };
    const std::uint64_t payer = payer_mark(sealed(1).token);
    REQUIRE(loaded->authorisation_of(key(second), payer) != nullptr);
    CHECK(loaded->authorisation_of(key(second), payer)->stan == 1);
    CHECK(loaded->authorisation_of(key(second), payer + 1) == nullptr);
    CHECK(loaded->authorisation_of(key(second), payer - 1) == nullptr);
    CHECK(box.upload(HeldBox::completion_of(box.held, 500)) == kApproved);
    CHECK(box.pending() == 300);
    REQUIRE(box.state.authorisation_of(key(second), payer) != nullptr);
    CHECK(box.state.authorisation_of(key(second), payer)->stan == 20);
    auto back = reversal_of(second, 30);
    std::memcpy(back.original.chars.data(), "0100", 4);
    CHECK(box.reverse(back).code == kApproved);
    CHECK(box.state.authorisation_of(key(second), payer) == nullptr);
    CHECK(box.upload(HeldBox::completion_of(second, 100)) == kApproved);  // a sale that the till approved by itself
    CHECK(box.replays());
}

TEST_CASE("upload: the state takes none that names another terminal's sale") {
    DayBox box;
    REQUIRE(box.core->add_terminal({TerminalId("T0000002"), MerchantId("M1"), AcquirerId("970002"), kMerchant}));
    CHECK(box.upload(record_of(purchase_of(700, 1), 2)) == kApproved);
    entry::Uploaded e = box.last_upload();
    e.key.stan = 3;
    e.outcome = entry::UploadOutcome::matched;
    const auto takes = [&] {
        State copy = box.replayed();
        return copy.apply(entry::Kind::uploaded, encode(e)).has_value();
    };
    CHECK(takes());
    for (const char* another : {"T0000002", "T0000009"}) {
        CAPTURE(another);
        e.key.terminal = TerminalId(another);
        CHECK_FALSE(takes());
    }
}

TEST_CASE("upload: what cannot be posted leaves no entry") {
    DayBox box;
    const std::size_t entries = box.journal.size();
    CHECK(box.upload(record_of(purchase_of(box.config.switching.offline_max + 1, 1), 2)) == ResponseCode("61"));
    CHECK(box.upload(record_of(purchase_of(0, 1), 2)) == kInvalidAmount);
    CHECK(box.upload(record_of(purchase_of(10, 1), 2), 9) == ResponseCode("14"));
    CHECK(box.upload(record_of(purchase_of(10, 1, "9700030000000011"), 2), 3) == kInvalidTransaction);
    CHECK(box.upload(record_of(purchase_of(10, 1), 2, "0100")) == kInvalidTransaction);
    CHECK(box.journal.size() == entries);
    const Answer waits = box.buy(purchase_of(700, 5, "9700030000000011"), 3);
    REQUIRE(waits.action == Answer::Action::forward);
    CHECK(box.upload(record_of(purchase_of(700, 5, "9700030000000011"), 6), 3) == kOriginalNotFound);
}

TEST_CASE("upload: the card's bank pays what the card has not, as for every sale that the till approved by itself") {
    DayBox box;
    CHECK(box.upload(record_of(purchase_of(500, 1), 2), 2) == kApproved);  // a card without money
    CHECK(box.balance(kMerchant) == 500);
    CHECK(box.balance(kPoor) == 0);
    CHECK(box.replays());
}
