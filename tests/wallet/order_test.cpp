// Payment orders and queries: their bytes, every rule, and that nothing signed can be changed.
#include <doctest/doctest.h>

#include <set>

#include "util/bytes.hpp"
#include "util/hash.hpp"
#include "wallet/key.hpp"

using namespace giro;
using namespace giro::wallet;

namespace {
// The same bytes every time: tests need no secrets.
class CountingRandom final : public Random {
  public:
    void fill(MutableBytes out) override {
        for (auto& b : out) b = static_cast<std::byte>(++m_next);
    }

  private:
    std::uint8_t m_next = 0;
};

WalletKey test_key() {
    CountingRandom random;
    return WalletKey::create(random);
}

PaymentOrder sample() {
    PaymentOrder order;
    order.merchant = MerchantId("SHOP00000000001");
    order.amount = 2372;
    order.currency = 978;
    order.order_id.fill(std::byte{0xab});
    order.expiry_unix_s = 1'795'000'000;
    order.counter = 7;
    return order;
}

Expected<void, OrderError> accept(Bytes bytes) {
    const auto order = decode_order(bytes);
    if (!order) return tl::unexpected(order.error());
    return verify(*order);
}

OrderError refusal(ByteArray<kSignedOrderBytes> bytes, std::size_t at, unsigned value) {
    bytes[at] = static_cast<std::byte>(value);
    const auto result = decode_order(bytes);
    REQUIRE_FALSE(result.has_value());
    return result.error();
}
}  // namespace

TEST_CASE("order: a signed order goes out and comes back, and verifies") {
    const SignedOrder signed_order = test_key().sign(sample());
    const auto bytes = encode_order(signed_order);
    const auto back = decode_order(bytes);
    REQUIRE(back.has_value());
    CHECK(*back == signed_order);
    CHECK(back->order.payer_pubkey == test_key().pubkey());
    CHECK(verify(*back).has_value());
}

TEST_CASE("order: its bytes are those the header file lists") {
    const auto bytes = encode_order(test_key().sign(sample()));
    const std::string hex = to_hex(bytes);
    CHECK(hex.substr(0, 2) == "01");
    CHECK(hex.substr(2, 66) == to_hex(test_key().pubkey()));
    CHECK(hex.substr(2 * 34, 30) == to_hex(as_bytes("SHOP00000000001")));
    CHECK(hex.substr(2 * 49, 40) == std::string(40, '0'));
    CHECK(hex.substr(2 * 69, 16) == "4409000000000000");
    CHECK(hex.substr(2 * 77, 4) == "d203");
    CHECK(hex.substr(2 * 79, 32) == "abababababababababababababababab");
    CHECK(hex.substr(2 * 103, 16) == "0700000000000000");
    CHECK(order_digest(sample()) != order_digest(test_key().sign(sample()).order));
    CHECK(order_digest(decode_order(bytes)->order) == sha256({as_bytes("giro-order-v1"), Bytes(bytes).first(kOrderBytes)}));
}

TEST_CASE("order: every truncation, every extension and every single-bit flip is refused") {
    for (const bool to_wallet : {false, true}) {
        PaymentOrder order = sample();
        if (to_wallet) {
            order.merchant = {};
            order.payee.fill(std::byte{0x11});
        }
        const auto bytes = encode_order(test_key().sign(order));
        CHECK(accept(bytes).has_value());
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK(accept(Bytes(bytes).first(size)).error() == OrderError::bad_size);
        Buffer longer(bytes.begin(), bytes.end());
        longer.push_back(std::byte{0});
        CHECK(accept(longer).error() == OrderError::bad_size);
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            auto flipped = bytes;
            flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            CHECK_FALSE(accept(flipped).has_value());
        }
    }
}

TEST_CASE("order: each rule refuses with its own reason") {
    const auto bytes = encode_order(test_key().sign(sample()));
    CHECK(refusal(bytes, 0, 0) == OrderError::bad_version);
    CHECK(refusal(bytes, 0, 3) == OrderError::bad_version);
    CHECK(refusal(bytes, 1, 4) == OrderError::bad_pubkey);
    CHECK(refusal(bytes, 34, 0x1f) == OrderError::bad_merchant);
    CHECK(refusal(bytes, 36, 0) == OrderError::bad_merchant);  // text after the padding began
    CHECK(refusal(bytes, 49, 1) == OrderError::bad_recipient); // merchant and payee
    CHECK(refusal(bytes, 76, 0x80) == OrderError::bad_amount);
    CHECK(refusal(bytes, 78, 0xff) == OrderError::bad_currency);
    PaymentOrder order = sample();
    order.payer_pubkey = test_key().pubkey();
    CHECK(check_order(order).has_value());
    order.amount = 0;
    CHECK(check_order(order).error() == OrderError::bad_amount);
    order.amount = kAmountMax;
    CHECK(check_order(order).has_value());
    order.amount = kAmountMax + 1;
    CHECK(check_order(order).error() == OrderError::bad_amount);
    order = sample();
    order.payer_pubkey = test_key().pubkey();
    order.merchant = {};
    CHECK(check_order(order).error() == OrderError::bad_recipient);
    order.payee[0] = std::byte{1};
    CHECK(check_order(order).has_value());
    order.currency = 0;
    CHECK(check_order(order).error() == OrderError::bad_currency);
}

TEST_CASE("order: another's key, or an order signed as a query, does not verify") {
    SignedOrder order = test_key().sign(sample());
    CountingRandom random;
    CHECK(WalletKey::create(random).pubkey() == test_key().pubkey());
    const WalletKey other = WalletKey::create(random);
    order.order.payer_pubkey = other.pubkey();
    CHECK(verify(order).error() == OrderError::bad_signature);
    order.order.payer_pubkey.fill(std::byte{2});  // x = 0x0202...: form right, point or not, never this key
    CHECK_FALSE(verify(order).has_value());
    order.order.payer_pubkey.fill(std::byte{0xff});
    CHECK(verify(order).error() == OrderError::bad_pubkey);

    const SignedQuery query = test_key().sign(WalletQuery{});
    order = test_key().sign(sample());
    order.signature = query.signature;
    CHECK(verify(order).error() == OrderError::bad_signature);
}

TEST_CASE("order: the high-s twin of a good signature is refused") {
    SignedOrder order = test_key().sign(sample());
    const auto n = *array_from_hex<32>("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    int borrow = 0;  // s becomes n - s
    for (std::size_t i = 32; i-- > 0;) {
        const int digit = std::to_integer<int>(n[i]) - std::to_integer<int>(order.signature[32 + i]) - borrow;
        borrow = digit < 0 ? 1 : 0;
        order.signature[32 + i] = static_cast<std::byte>(digit & 255);
    }
    CHECK(verify(order).error() == OrderError::high_s);
}

TEST_CASE("query: goes out and comes back, and refuses every truncation and bit flip") {
    for (const QueryKind kind : {QueryKind::balance, QueryKind::register_wallet}) {
        WalletQuery query{kind, {}, 1'795'000'000, {}};
        query.nonce.fill(std::byte{0x77});
        const SignedQuery signed_query = test_key().sign(query);
        const auto bytes = encode_query(signed_query);
        const auto back = decode_query(bytes);
        REQUIRE(back.has_value());
        CHECK(*back == signed_query);
        CHECK(verify(*back).has_value());
        CHECK(query_digest(back->query) == sha256({as_bytes("giro-query-v1"), Bytes(bytes).first(kQueryBytes)}));
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK(decode_query(Bytes(bytes).first(size)).error() == OrderError::bad_size);
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            auto flipped = bytes;
            flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            const auto decoded = decode_query(flipped);
            CHECK_FALSE((decoded && verify(*decoded)));
        }
        auto wrong = bytes;
        wrong[0] = std::byte{0};
        CHECK(decode_query(wrong).error() == OrderError::bad_version);
        wrong = bytes;
        wrong[1] = std::byte{3};
        CHECK(decode_query(wrong).error() == OrderError::bad_kind);
        wrong = bytes;
        wrong[2] = std::byte{4};
        CHECK(decode_query(wrong).error() == OrderError::bad_pubkey);
    }
}

TEST_CASE("order: every reason has words of its own") {
    std::set<std::string_view> words;
    for (int i = 0; i <= static_cast<int>(OrderError::bad_signature); ++i) words.insert(to_string(static_cast<OrderError>(i)));
    CHECK(words.size() == static_cast<std::size_t>(OrderError::bad_signature) + 1);
}
