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
        auto sent = o;
        sent.way = wallet::Way::sent;
        const auto a = core->wallet_order(wallet::encode_order(key.sign(sent)), now);
        commit();
        return a;
    }
    Answer present(const wallet::PaymentOrder& o, MinorUnits asked, std::uint32_t stan, std::uint64_t now = kNow) {
        auto shown = o;
        shown.way = wallet::Way::shown;
        const auto bytes = wallet::encode_order(key.sign(shown));
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

TEST_CASE("wallet: an order shown at a till cannot be spent through the wallets' door by whoever saw it, nor the other way round") {
    WalletBox box;
    box.enroll(500);
    auto o = box.order(120, 1);
    o.way = wallet::Way::shown;
    const auto posted = box.core->wallet_order(wallet::encode_order(box.key.sign(o)), kNow);
    CHECK(posted.code == kFormatError);
    CHECK_FALSE(box.core->has_entries());
    CHECK(box.present(o, 120, 1).code == kApproved);
    CHECK(box.balance(kMerchant) == 120);

    const auto sent = wallet::encode_order(box.key.sign(box.order(70, 2)));
    const auto payload = qr::encode_cpm({Buffer(sent.begin(), sent.end())});
    REQUIRE(payload);
    PaymentRequest r = purchase_of(70, 2);
    r.pan = Pan();
    r.qr = as_bytes(*payload);
    CHECK(box.core->purchase(r, nullptr, kNow).code == kFormatError);
    box.commit();
    CHECK(box.balance(kMerchant) == 120);
}

TEST_CASE("wallet: an order's bytes, which every merchant keeps, do not tell what the wallet holds") {
    WalletBox box;
    box.enroll(500);
    const auto o = box.order(120, 1);
    CHECK(box.pay(o).balance.currency == 0);
    const auto a_year_on = box.pay(o, kNow + 86'400 * 365 * kSecond);
    CHECK(a_year_on.code == kApproved);  // the same answer
    CHECK(a_year_on.balance.currency == 0);
    CHECK(box.pay(box.order(1, 1)).balance.currency == 0);
}

TEST_CASE("wallet: one wallet's declined orders are bounded; then 96, and nothing is decided") {
    WalletBox box;
    box.enroll(100);
    const std::size_t before = box.journal.size();
    for (std::uint64_t counter = 1; counter <= kIdleEntriesOfWallet.burst; ++counter)
        CHECK(box.pay(box.order(500, counter)).code == ResponseCode("51"));
    CHECK(box.pay(box.order(500, 1'000)).code == kMalfunction);
    CHECK(box.journal.size() == before + kIdleEntriesOfWallet.burst);
    CHECK(box.pay(box.order(50, 1'000)).code == kApproved);
}
