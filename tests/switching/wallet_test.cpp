// Wallets: registering, paying at a terminal by QR code, paying directly, replays.
#include "fixture.hpp"
#include "qr/cpm.hpp"
#include "wallet/key.hpp"

using namespace giro;
using namespace giro::switching;

namespace {

struct WalletBox : Box {
    wallet::WalletKey key = wallet::WalletKey::create(random);
    Hash160 address = wallet::pubkey_hash(key.pubkey());

    void enroll(MinorUnits money) {
        wallet::WalletQuery q;
        q.kind = wallet::QueryKind::register_wallet;
        q.unix_s = kNow / kSecond;
        CHECK(core->wallet_query(wallet::encode_query(key.sign(q)), kNow).code == kApproved);
        if (money > 0) REQUIRE(core->pay_in({wallet_account(address), {money, 963}, FixedText<24>("cash")}));
        commit();
    }
    [[nodiscard]] wallet::PaymentOrder order(MinorUnits amount, std::uint64_t counter) const {
        wallet::PaymentOrder o;
        o.merchant = MerchantId("M1");
        o.amount = amount;
        o.currency = 963;
        o.order_id[0] = static_cast<std::byte>(counter);
        o.expiry_unix_s = kNow / kSecond + 60;
        o.counter = counter;
        return o;
    }
    WalletAnswer pay(const wallet::PaymentOrder& o, std::uint64_t now = kNow) {
        const auto a = core->wallet_order(wallet::encode_order(key.sign(o)), now);
        commit();
        return a;
    }
    Answer present(const wallet::PaymentOrder& o, MinorUnits asked, std::uint32_t stan, std::uint64_t now = kNow) {
        const auto bytes = wallet::encode_order(key.sign(o));
        const auto payload = qr::encode_cpm({Buffer(bytes.begin(), bytes.end())});
        REQUIRE(payload);
        PaymentRequest r = purchase_of(asked, stan);
        r.received_ns = now;
        r.pan = Pan();
        r.qr = as_bytes(*payload);
        const Answer a = core->purchase(r, nullptr, now);
        commit();
        return a;
    }
};

}  // namespace

TEST_CASE("wallet: registering opens an account; registering again answers the balance") {
    WalletBox box;
    box.enroll(500);
    const std::size_t entries = box.journal.size();
    box.enroll(0);
    CHECK(box.journal.size() == entries);
    wallet::WalletQuery q;
    q.unix_s = kNow / kSecond;
    CHECK(box.core->wallet_query(wallet::encode_query(box.key.sign(q)), kNow).balance.minor == 500);
}

TEST_CASE("wallet: a consumer-presented order pays at the terminal") {
    WalletBox box;
    box.enroll(500);
    CHECK(box.present(box.order(120, 1), 120, 1).code == kApproved);
    CHECK(box.balance(kMerchant) == 120);
    CHECK(box.state.counters().qr_approved == 1);
}

TEST_CASE("wallet: an order pays once: presented again elsewhere it is a replay") {
    WalletBox box;
    box.enroll(500);
    (void)box.present(box.order(120, 1), 120, 1);
    CHECK(box.present(box.order(120, 1), 120, 2).code.view() == "94");
    CHECK(box.balance(kMerchant) == 120);
}

TEST_CASE("wallet: each way an order can be wrong has its code") {
    WalletBox box;
    CHECK(box.present(box.order(120, 1), 120, 1).code.view() == "14");  // not registered
    box.enroll(100);
    CHECK(box.present(box.order(20, 1), 21, 2).code.view() == "12");  // another amount
    auto elsewhere = box.order(20, 1);
    elsewhere.merchant = MerchantId("M2");
    CHECK(box.present(elsewhere, 20, 3).code.view() == "12");
    CHECK(box.present(box.order(20, 1), 20, 4, kNow + 61 * kSecond).code.view() == "54");
    CHECK(box.present(box.order(101, 1), 101, 5).code.view() == "51");
    CHECK(box.present(box.order(20, 1), 20, 6).code == kApproved);  // the counter of a declined order is not used up
    CHECK(box.present(box.order(20, 0), 20, 7).code.view() == "94");
}

TEST_CASE("wallet: a direct order pays a merchant or another wallet, and its repeat gets the same answer") {
    WalletBox box;
    box.enroll(500);
    const auto o = box.order(70, 1);
    const auto first = box.pay(o);
    CHECK(first.code == kApproved);
    CHECK(first.balance.minor == 430);
    const auto again = box.pay(o);
    CHECK(again.auth_code == first.auth_code);
    CHECK(again.balance.minor == 430);

    const auto friend_key = wallet::WalletKey::create(box.random);
    auto to_friend = box.order(30, 2);
    to_friend.merchant = MerchantId();
    to_friend.payee = wallet::pubkey_hash(friend_key.pubkey());
    CHECK(box.pay(to_friend).code.view() == "12");  // not registered
    wallet::WalletQuery q;
    q.kind = wallet::QueryKind::register_wallet;
    q.unix_s = kNow / kSecond;
    REQUIRE(box.core->wallet_query(wallet::encode_query(friend_key.sign(q)), kNow).code == kApproved);
    to_friend.counter = 3;
    CHECK(box.pay(to_friend).code == kApproved);
    CHECK(box.balance(wallet_account(to_friend.payee)) == 30);
}

TEST_CASE("wallet: a stranger, a forged order and a clock that is off leave no entry") {
    WalletBox box;
    const std::size_t entries = box.journal.size();
    CHECK(box.pay(box.order(1, 1)).code.view() == "14");
    auto forged = wallet::encode_order(box.key.sign(box.order(1, 1)));
    forged[75] ^= std::byte{1};
    CHECK(box.core->wallet_order(forged, kNow).code == kBadMac);
    CHECK(box.core->wallet_order(as_bytes("short"), kNow).code == kFormatError);
    CHECK(box.core->wallet_query(as_bytes("short"), kNow).code == kFormatError);
    wallet::WalletQuery q;
    q.kind = wallet::QueryKind::register_wallet;
    q.unix_s = kNow / kSecond - 301;
    CHECK(box.core->wallet_query(wallet::encode_query(box.key.sign(q)), kNow).code.view() == "68");
    CHECK_FALSE(box.core->has_entries());
    CHECK(box.journal.size() == entries);
}
