// What the switch lets go of: settled, old enough, needed by nobody; and that none of it comes back as new.
#include "fixture.hpp"
#include "switching/freshness.hpp"
#include "wallet/key.hpp"

using namespace giro;
using namespace giro::switching;

namespace {

constexpr std::uint64_t kDay = 86'400 * kSecond;
constexpr std::uint64_t kRemembered = 7 * kDay;  // firmware-config/giro.toml

struct ForgetBox : Box {
    template <typename E>
    [[nodiscard]] bool apply(entry::Kind kind, const E& e) {
        Buffer body = encode(e);
        if (!state.apply(kind, body)) return false;
        journal.push_back({kind, std::move(body)});
        return true;
    }
    void close(std::uint64_t now_ns = kNow + kSecond) {
        REQUIRE(core->close_window(now_ns));
        commit();
    }
    // The state takes a confirmation without officers: theirs is the core's check.
    void settle(std::uint64_t window) {
        entry::SettlementProposed p;
        p.window = window;
        p.unsigned_tx = Buffer(60, std::byte{9});
        REQUIRE(apply(entry::Kind::settlement_proposed, p));
        entry::SettlementConfirmed c;
        c.window = window;
        c.txid = sha256d(p.unsigned_tx);
        REQUIRE(apply(entry::Kind::settlement_confirmed, c));
    }
    // A later window, settled too: what is old is so by the journal as well.
    void settle_later(std::uint64_t now_ns) {
        close(now_ns);
        settle(state.open_window() - 1);
    }
    void expire(std::uint64_t now_ns, bool disk_low = false) {
        (void)core->expire(now_ns, disk_low);
        commit();
    }
    [[nodiscard]] std::size_t moved() const { return state.ledger().transfer_count(); }
    void check_copies() const {
        CHECK(replayed().digest() == state.digest());
        Buffer bytes, again;
        state.save(bytes);
        const auto loaded = State::load(bytes, 5);
        REQUIRE(loaded);
        loaded->save(again);
        CHECK(again == bytes);
        CHECK(loaded->settled_through() == state.settled_through());
    }
};

// The same moment's DE13.
PaymentRequest at_day(PaymentRequest r, const char* mmdd, std::uint64_t now_ns) {
    r.local_date = FixedText<4>(mmdd);
    r.received_ns = now_ns;
    return r;
}

}  // namespace

TEST_CASE("forgetting: a settled payment goes when it is old enough, its money stays, and it doesn't come back as new") {
    ForgetBox box;
    const PaymentRequest sale = purchase_of(1'000, 1);
    REQUIRE(box.buy(sale).code == kApproved);
    REQUIRE(box.buy(purchase_of(500, 2), 2).code == ResponseCode("51"));
    REQUIRE(box.reverse(reversal_of(purchase_of(70, 3), 4)).code == kApproved);  // of what never came: it and its grave
    const std::size_t before = box.state.remembered_count();
    CHECK(before == 4);
    box.close();
    const std::uint64_t late = kNow + kSecond + kRemembered;
    box.expire(late);
    CHECK(box.state.remembered_count() == before);  // not settled
    box.settle(1);
    box.expire(late);
    CHECK(box.state.remembered_count() == before);  // the clock alone says that it is old
    box.settle_later(late);
    box.expire(late - 1);
    CHECK(box.state.remembered_count() == before);
    CHECK(box.buy(sale, 1, late - 1).code == kApproved);  // known to its last moment, though its date is too old by then
    box.check_copies();
    box.expire(late);
    CHECK(box.journal.back().kind == entry::Kind::forgotten);
    CHECK(box.state.remembered_count() == 0);
    CHECK(box.moved() == 0);
    CHECK(box.balance(kMerchant) == 1'000);
    const std::uint64_t entries = box.state.last_seq();
    box.expire(late + kSecond);
    CHECK(box.state.last_seq() == entries);
    box.check_copies();

    PaymentRequest again = sale;
    again.received_ns = late;
    CHECK(box.buy(again, 1, late).code == ResponseCode("68"));
    CHECK(box.reverse(reversal_of(again, 5), late).code == kOriginalNotFound);
    CHECK(box.balance(kMerchant) == 1'000);
    CHECK(box.buy(at_day(purchase_of(1, 1), "1125", late), 1, late).code == kApproved);
    box.check_copies();
}

TEST_CASE("forgetting: what an issuer has still to hear keeps itself and all that came after it") {
    ForgetBox box;
    REQUIRE(box.buy(purchase_of(10, 1)).code == kApproved);
    const Answer sent = box.buy(purchase_of(20, 2, "9700030000000011"));
    REQUIRE(sent.action == Answer::Action::forward);
    REQUIRE(box.buy(purchase_of(30, 3)).code == kApproved);
    box.expire(kNow + 60 * kSecond);  // no answer: declined, and the issuer is owed a reversal
    box.close(kNow + 61 * kSecond);
    box.settle(1);
    const std::uint64_t late = kNow + 61 * kSecond + kRemembered;
    box.settle_later(late);
    box.expire(late);
    CHECK(box.state.remembered_count() == 2);
    box.check_copies();
    const std::uint64_t entries = box.state.last_seq();
    box.expire(late + kSecond);
    CHECK(box.state.last_seq() == entries);  // and asks the journal nothing
    REQUIRE(box.apply(entry::Kind::link_reversal_answered, entry::LinkReversalAnswered{sent.payment, kApproved}));
    box.expire(late + 2 * kSecond);
    CHECK(box.state.remembered_count() == 0);
    box.check_copies();
}

TEST_CASE("forgetting: a window that is settled waits for the one before it") {
    ForgetBox box;
    REQUIRE(box.buy(purchase_of(10, 1)).code == kApproved);
    box.close();
    REQUIRE(box.buy(purchase_of(10, 2)).code == kApproved);
    box.close();
    box.settle(2);
    CHECK(box.state.settled_through() == 0);
    box.expire(kNow + 2 * kRemembered);
    CHECK(box.state.remembered_count() == 2);
    box.settle(1);
    CHECK(box.state.settled_through() == 2);
    box.check_copies();
    box.settle_later(kNow + 2 * kRemembered);
    box.expire(kNow + 2 * kRemembered);
    CHECK(box.state.remembered_count() == 0);
    box.check_copies();
}

TEST_CASE("forgetting: a little at a time") {
    ForgetBox box;
    constexpr std::uint32_t kPayments = kForgetPerCall + 100;
    for (std::uint32_t stan = 1; stan <= kPayments; ++stan) REQUIRE(box.buy(purchase_of(1, stan)).code == kApproved);
    box.close();
    box.settle(1);
    const std::uint64_t late = kNow + kSecond + kRemembered;
    box.settle_later(late);
    box.expire(late, true);
    CHECK(box.state.remembered_count() == kPayments);  // the disk is nearly full: it waits
    box.expire(late);
    CHECK(box.state.remembered_count() == 100);
    box.check_copies();
    box.expire(late);
    CHECK(box.state.remembered_count() == 0);
    CHECK(box.balance(kMerchant) == kPayments);
    box.check_copies();
}

TEST_CASE("forgetting: an entry that would forget what is not settled, or nothing, does not fit") {
    ForgetBox box;
    REQUIRE(box.buy(purchase_of(10, 1)).code == kApproved);
    box.close();
    const auto refused = [&](std::uint64_t window, std::uint32_t most) {
        const Hash256 before = box.state.digest();
        CHECK_FALSE(box.apply(entry::Kind::forgotten, entry::Forgotten{window, most}));
        CHECK(box.state.digest() == before);
    };
    refused(0, 1);
    refused(1, 1);  // not settled
    box.settle(1);
    refused(2, 1);
    refused(1, 0);
    REQUIRE(box.apply(entry::Kind::forgotten, entry::Forgotten{1, 10}));
    refused(1, 10);
}

TEST_CASE("forgetting: a sale that a terminal approved by itself is taken while its repeat would be known") {
    ForgetBox box;
    PaymentRequest sale = purchase_of(100, 1);
    sale.mti = 0x0220;
    const auto pan = sealed(1);
    CHECK(box.core->completion(sale, &pan, kNow + 5 * kDay).code == kApproved);
    CHECK(box.core->completion(sale, &pan, kNow + 20 * kDay).code == kApproved);  // its repeat
    sale.stan = 2;
    CHECK(box.core->completion(sale, &pan, kNow + 6 * kDay).code == ResponseCode("68"));
    box.commit();
}

TEST_CASE("forgetting: what was let go of is not new under another setting, nor under a clock that was wrong") {
    ForgetBox box;
    const PaymentRequest sale = purchase_of(1'000, 1);
    REQUIRE(box.buy(sale).code == kApproved);
    box.close();
    box.settle(1);
    const std::uint64_t jumped = kNow + kSecond + kRemembered;
    box.settle_later(jumped);  // the clock is a week ahead for so long that a window is closed and settled
    box.expire(jumped);
    REQUIRE(box.state.remembered_count() == 0);
    const auto refused = [&](std::uint64_t now_ns) {
        PaymentRequest again = sale;
        again.received_ns = now_ns;
        const auto pan = sealed(1);
        CHECK(box.core->purchase(again, &pan, now_ns).code == ResponseCode("68"));
        again.mti = 0x0100;
        CHECK(box.core->authorisation(again, &pan, now_ns).code == ResponseCode("68"));
        again.mti = 0x0220;
        CHECK(box.core->completion(again, &pan, now_ns).code == ResponseCode("68"));
        CHECK(box.reverse(reversal_of(sale, 5), now_ns).code == kOriginalNotFound);
        box.commit();
    };
    refused(kNow + 2 * kSecond);  // the clock is right again
    CHECK(box.buy(at_day(purchase_of(1, 2), "1119", kNow + kDay), 1, kNow + kDay).code == kApproved);
    box.config.switching.remember_s = 30 * 86'400;
    box.core.emplace(box.state, Policy{box.config, {}}, box.random, nullptr);
    refused(kNow + 20 * kDay);
    CHECK(box.balance(kMerchant) == 1'001);
    box.check_copies();
}

TEST_CASE("forgetting: the grave of a reversal is no reason to take what is too old") {
    ForgetBox box;
    const PaymentRequest sale = purchase_of(70, 3);
    REQUIRE(box.reverse(reversal_of(sale, 4)).code == kApproved);
    const std::uint64_t entries = box.state.last_seq();
    CHECK(box.buy(sale, 1, kNow + 6 * kDay).code == ResponseCode("68"));
    CHECK(box.state.last_seq() == entries);
    CHECK(box.buy(sale).code == ResponseCode("21"));
}

namespace {
struct ForgetWalletBox : ForgetBox {
    wallet::WalletKey key = wallet::WalletKey::create(random);
    wallet::PaymentOrder order;

    ForgetWalletBox() {
        wallet::WalletQuery q;
        q.kind = wallet::QueryKind::register_wallet;
        q.unix_s = kNow / kSecond;
        REQUIRE(core->wallet_query(wallet::encode_query(key.sign(q)), kNow).code == kApproved);
        const auto account = wallet_account(wallet::pubkey_hash(key.pubkey()));
        REQUIRE(core->pay_in({account, {1'000, 963}, FixedText<24>("cash")}));
        commit();
        order.way = wallet::Way::sent;
        order.payer_pubkey = key.pubkey();
        order.merchant = MerchantId("M1");
        order.amount = 100;
        order.currency = 963;
        order.expiry_unix_s = kNow / kSecond + 300;
        order.counter = 1;
    }
    std::string pay(std::uint64_t now_ns) {
        const auto answer = core->wallet_order(wallet::encode_order(key.sign(order)), now_ns);
        commit();
        return std::string(answer.code.view());
    }
    void forget(std::uint64_t now_ns) {
        close(now_ns - kRemembered);
        settle(1);
        settle_later(now_ns);
        expire(now_ns);
        REQUIRE(state.remembered_count() == 0);
    }
};
}  // namespace

TEST_CASE("forgetting: a wallet's order that was let go of is neither paid nor declined, whatever was said of it") {
    for (const bool approved : {true, false}) {
        CAPTURE(approved);
        ForgetWalletBox box;
        if (!approved) box.order.amount = 2'000;
        REQUIRE(box.pay(kNow) == (approved ? "00" : "51"));
        const std::uint64_t late = kNow + kSecond + kRemembered;
        box.forget(late);
        const std::uint64_t entries = box.state.last_seq();
        CHECK(box.pay(late) == "68");
        CHECK(box.pay(kNow + 2 * kSecond) == "68");  // the clock was a week ahead, and is right again
        CHECK(box.state.last_seq() == entries);
        CHECK(box.balance(kMerchant) == (approved ? 100 : 0));
        box.order.expiry_unix_s = late / kSecond + 300;
        ++box.order.counter;
        CHECK(box.pay(late) == (approved ? "00" : "51"));
        box.check_copies();
    }
}

TEST_CASE("forgetting: a wallet's order is one of the day on which it came, though its name may read as another date") {
    ForgetWalletBox box;
    for (std::uint32_t n = 0;; ++n) {  // one name in 180 or so is a date
        store_le(box.order.order_id.data(), n);
        const auto name = wallet::order_digest(box.order);
        if (name[13] == std::byte{0x03} && name[14] == std::byte{0x01}) break;
    }
    REQUIRE(box.pay(kNow) == "00");
    const std::uint64_t late = kNow + kSecond + kRemembered;
    box.forget(late);
    CHECK(box.state.forgotten_day() == day_of(kNow));
    CHECK(box.buy(at_day(purchase_of(1, 1), "1125", late), 1, late).code == kApproved);
}

TEST_CASE("forgetting: a terminal's totals are of all its payments, and what was forgotten is reconciled once") {
    ForgetBox box;
    const PaymentRequest sale = purchase_of(700, 1);
    REQUIRE(box.buy(sale).code == kApproved);
    PaymentRequest day = at_day(purchase_of(0, 2), "1119", kNow);  // a clock that runs fast: no payment is of so late a day
    day.mti = 0x0500;
    Claim claim;
    claim.say(Total::net, 700);
    REQUIRE(box.core->reconcile(day, claim, kNow).code == kApproved);
    REQUIRE(box.buy(purchase_of(30, 3)).code == kApproved);
    PaymentRequest record = reversal_of(purchase_of(30, 3), 4);
    record.mti = 0x0320;
    const auto pan = sealed(1);
    REQUIRE(box.core->upload(record, &pan, kNow).code == kApproved);
    box.commit();
    const std::uint64_t late = kNow + kSecond + kRemembered;
    box.close();
    box.settle(1);
    box.settle_later(late);
    box.expire(late);
    REQUIRE(box.state.remembered_count() == 0);
    CHECK((box.state.terminal(sale.terminal)->open)[Total::net] == 30);
    box.check_copies();

    const std::uint64_t entries = box.state.last_seq();
    CHECK(box.core->reconcile(day, claim, late).code == ResponseCode("68"));
    CHECK(box.core->upload(record, &pan, late).code == ResponseCode("68"));
    // Nor when the clock says that it is that day again.
    CHECK(box.core->reconcile(day, claim, kNow).code == ResponseCode("68"));
    CHECK(box.core->upload(record, &pan, kNow).code == ResponseCode("68"));
    CHECK(box.state.last_seq() == entries);
    claim.say(Total::net, 30);
    day.stan = 5;
    const auto balanced = box.core->reconcile(at_day(day, "1125", late), claim, late);
    box.commit();
    CHECK(balanced.code == kApproved);
    box.check_copies();
}

TEST_CASE("forgetting: what names something of last year says no day that is still to come") {
    ForgetBox box;
    REQUIRE(box.buy(purchase_of(10, 1)).code == kApproved);  // 11-18
    const std::int64_t day = box.state.newest_day();
    CHECK(box.reverse(reversal_of(purchase_of(10, 1), 2), kNow + 250 * kDay).code == kApproved);
    CHECK(box.state.newest_day() == day);
}

TEST_CASE("freshness: from a day ahead to two days short of what is remembered, in any year") {
    constexpr std::uint64_t kNewYear = 1'798'761'600 * kSecond;  // 2027-01-01 00:00
    constexpr std::uint64_t kLeapDay = 1'835'395'200 * kSecond;  // 2028-02-29 00:00
    constexpr std::uint32_t kTwoWeeks = 14 * 86'400;
    struct Case {
        const char* date;
        std::uint64_t now_ns;
        std::uint32_t remember_s;
        bool fresh;
    };
    const Case cases[] = {
        {"1118", kNow, kTwoWeeks, true},          {"1119", kNow, kTwoWeeks, true},
        {"1120", kNow, kTwoWeeks, false},         {"1106", kNow, kTwoWeeks, true},
        {"1105", kNow, kTwoWeeks, false},         {"0518", kNow, kTwoWeeks, false},
        {"1117", kNow, 3 * 86'400, true},         {"1116", kNow, 3 * 86'400, false},
        {"1231", kNewYear, kTwoWeeks, true},      {"1220", kNewYear, kTwoWeeks, true},
        {"1219", kNewYear, kTwoWeeks, false},     {"0102", kNewYear, kTwoWeeks, true},
        {"0101", kNewYear - 1, kTwoWeeks, true},  {"0102", kNewYear - 1, kTwoWeeks, false},
        {"0229", kLeapDay, kTwoWeeks, true},      {"0229", kLeapDay + 12 * kDay, kTwoWeeks, true},
        {"0229", kNow, kTwoWeeks, false},         {"0301", kLeapDay, kTwoWeeks, true},
        {"", kNow, kTwoWeeks, false},             {"11", kNow, kTwoWeeks, false},
        {"1a18", kNow, kTwoWeeks, false},         {"111:", kNow, kTwoWeeks, false},
        {"0018", kNow, kTwoWeeks, false},         {"1318", kNow, kTwoWeeks, false},
        {"1100", kNow, kTwoWeeks, false},         {"1131", kNow, kTwoWeeks, false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.date);
        CAPTURE(c.now_ns);
        const auto day = local_day(FixedText<4>(c.date), c.now_ns);
        CHECK((day && is_fresh(*day, c.now_ns, c.remember_s)) == c.fresh);
    }
}
