#include "wallet/order.hpp"

#include <algorithm>

#include "util/bytes.hpp"
#include "util/hash.hpp"
#include "wallet/key.hpp"

namespace giro::wallet {

namespace {
constexpr std::uint8_t kQueryVersion = 1;
constexpr Currency kCurrencyMax = 999;
constexpr std::string_view kOrderDomain = "giro-order-v1";
constexpr std::string_view kQueryDomain = "giro-query-v1";

// Where each part of an order lies.
constexpr std::size_t kPayerAt = 1;
constexpr std::size_t kMerchantAt = kPayerAt + kPublicKeyBytes;
constexpr std::size_t kPayeeAt = kMerchantAt + sizeof(MerchantId);
constexpr std::size_t kAmountAt = kPayeeAt + sizeof(Hash160);
constexpr std::size_t kCurrencyAt = kAmountAt + sizeof(MinorUnits);
constexpr std::size_t kOrderIdAt = kCurrencyAt + sizeof(Currency);
constexpr std::size_t kExpiryAt = kOrderIdAt + 16;
constexpr std::size_t kCounterAt = kExpiryAt + 8;
static_assert(kMerchantAt == 34 && kPayeeAt == 49 && kAmountAt == 69 && kCurrencyAt == 77 && kOrderIdAt == 79);
static_assert(kExpiryAt == 95 && kCounterAt == 103 && kCounterAt + 8 == kOrderBytes);

// ... and of a query.
constexpr std::size_t kKindAt = 1;
constexpr std::size_t kPubkeyAt = 2;
constexpr std::size_t kTimeAt = kPubkeyAt + kPublicKeyBytes;
constexpr std::size_t kNonceAt = kTimeAt + 8;
static_assert(kNonceAt + 16 == kQueryBytes);

template <std::size_t N>
void put(std::byte* at, const ByteArray<N>& value) noexcept { std::memcpy(at, value.data(), N); }
template <std::size_t N>
void get(const std::byte* at, ByteArray<N>& value) noexcept { std::memcpy(value.data(), at, N); }

ByteArray<kOrderBytes> unsigned_order(const PaymentOrder& order) noexcept {
    ByteArray<kOrderBytes> out;
    out[0] = static_cast<std::byte>(order.way);
    put(&out[kPayerAt], order.payer_pubkey);
    std::memcpy(&out[kMerchantAt], order.merchant.chars.data(), order.merchant.chars.size());
    put(&out[kPayeeAt], order.payee);
    store_le(&out[kAmountAt], static_cast<std::uint64_t>(order.amount));
    store_le(&out[kCurrencyAt], order.currency);
    put(&out[kOrderIdAt], order.order_id);
    store_le(&out[kExpiryAt], order.expiry_unix_s);
    store_le(&out[kCounterAt], order.counter);
    return out;
}

ByteArray<kQueryBytes> unsigned_query(const WalletQuery& query) noexcept {
    ByteArray<kQueryBytes> out;
    out[0] = std::byte{kQueryVersion};
    out[kKindAt] = static_cast<std::byte>(query.kind);
    put(&out[kPubkeyAt], query.pubkey);
    store_le(&out[kTimeAt], query.unix_s);
    put(&out[kNonceAt], query.nonce);
    return out;
}

bool is_compressed(const PublicKey& key) noexcept { return key[0] == std::byte{2} || key[0] == std::byte{3}; }

bool is_canonical(const MerchantId& merchant) noexcept {
    const std::string_view text = merchant.view();
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
    return printable && std::all_of(merchant.chars.begin() + static_cast<std::ptrdiff_t>(text.size()),
                                    merchant.chars.end(), [](char c) { return c == '\0'; });
}
}  // namespace

Expected<void, OrderError> check_order(const PaymentOrder& order) noexcept {
    if (!is_compressed(order.payer_pubkey)) return tl::unexpected(OrderError::bad_pubkey);
    if (!is_canonical(order.merchant)) return tl::unexpected(OrderError::bad_merchant);
    if (order.merchant.empty() == (order.payee == Hash160{})) return tl::unexpected(OrderError::bad_recipient);
    if (order.amount < 1 || order.amount > kAmountMax) return tl::unexpected(OrderError::bad_amount);
    if (order.currency < 1 || order.currency > kCurrencyMax) return tl::unexpected(OrderError::bad_currency);
    return {};
}

Expected<SignedOrder, OrderError> decode_order(Bytes bytes) noexcept {
    if (bytes.size() != kSignedOrderBytes) return tl::unexpected(OrderError::bad_size);
    const auto way = static_cast<Way>(bytes[0]);
    if (way != Way::sent && way != Way::shown) return tl::unexpected(OrderError::bad_version);
    SignedOrder out;
    PaymentOrder& order = out.order;
    order.way = way;
    get(&bytes[kPayerAt], order.payer_pubkey);
    std::memcpy(order.merchant.chars.data(), &bytes[kMerchantAt], order.merchant.chars.size());
    get(&bytes[kPayeeAt], order.payee);
    order.amount = static_cast<MinorUnits>(load_le<std::uint64_t>(&bytes[kAmountAt]));
    order.currency = load_le<std::uint16_t>(&bytes[kCurrencyAt]);
    get(&bytes[kOrderIdAt], order.order_id);
    order.expiry_unix_s = load_le<std::uint64_t>(&bytes[kExpiryAt]);
    order.counter = load_le<std::uint64_t>(&bytes[kCounterAt]);
    get(&bytes[kOrderBytes], out.signature);
    const auto checked = check_order(order);
    if (!checked) return tl::unexpected(checked.error());
    return out;
}

ByteArray<kSignedOrderBytes> encode_order(const SignedOrder& order) noexcept {
    ByteArray<kSignedOrderBytes> out;
    put(out.data(), unsigned_order(order.order));
    put(&out[kOrderBytes], order.signature);
    return out;
}

Hash256 order_digest(const PaymentOrder& order) { return sha256({as_bytes(kOrderDomain), unsigned_order(order)}); }

Expected<void, OrderError> verify(const SignedOrder& order) {
    return verify_digest(order.order.payer_pubkey, order_digest(order.order), order.signature);
}

Expected<SignedQuery, OrderError> decode_query(Bytes bytes) noexcept {
    if (bytes.size() != kSignedQueryBytes) return tl::unexpected(OrderError::bad_size);
    if (bytes[0] != std::byte{kQueryVersion}) return tl::unexpected(OrderError::bad_version);
    const auto kind = static_cast<QueryKind>(bytes[kKindAt]);
    if (kind != QueryKind::balance && kind != QueryKind::register_wallet) return tl::unexpected(OrderError::bad_kind);
    SignedQuery out;
    out.query.kind = kind;
    get(&bytes[kPubkeyAt], out.query.pubkey);
    if (!is_compressed(out.query.pubkey)) return tl::unexpected(OrderError::bad_pubkey);
    out.query.unix_s = load_le<std::uint64_t>(&bytes[kTimeAt]);
    get(&bytes[kNonceAt], out.query.nonce);
    get(&bytes[kQueryBytes], out.signature);
    return out;
}

ByteArray<kSignedQueryBytes> encode_query(const SignedQuery& query) noexcept {
    ByteArray<kSignedQueryBytes> out;
    put(out.data(), unsigned_query(query.query));
    put(&out[kQueryBytes], query.signature);
    return out;
}

Hash256 query_digest(const WalletQuery& query) { return sha256({as_bytes(kQueryDomain), unsigned_query(query)}); }

Expected<void, OrderError> verify(const SignedQuery& query) {
    return verify_digest(query.query.pubkey, query_digest(query.query), query.signature);
}

std::string_view to_string(OrderError error) noexcept {
    switch (error) {
        case OrderError::bad_size: return "not the size of a signed order or query";
        case OrderError::bad_version: return "of an unknown version";
        case OrderError::bad_kind: return "neither a balance query nor a registration";
        case OrderError::bad_pubkey: return "the public key is not a compressed curve point";
        case OrderError::bad_merchant: return "the merchant id is not printable text padded with zero bytes";
        case OrderError::bad_recipient: return "it must name either a merchant or a payee";
        case OrderError::bad_amount: return "the amount is out of range";
        case OrderError::bad_currency: return "the currency is no ISO 4217 number";
        case OrderError::high_s: return "the signature is in its high-s form";
        case OrderError::bad_signature: return "the signature does not verify";
    }
    return "unknown";
}

}  // namespace giro::wallet
