// A wallet's payment order: the payer's signed consent to one payment, carried in a consumer-presented QR code and in
// DE63 of a 0200. Read by giro-switch and by `giro wallet`; every byte comes from a stranger's phone.
//
// Layout, integers little-endian, kSignedOrderBytes in all:
//     0   1  version and way: 1 sent by the wallet itself, 2 shown at a till as a code
//     1  33  payer's public key, compressed secp256k1 point
//    34  15  merchant id, printable ASCII padded with zero bytes; all zero when a wallet is paid
//    49  20  payee: hash160 of the payee's public key; all zero when a merchant is paid
//    69   8  amount in minor units, 1 to kAmountMax
//    77   2  currency, ISO 4217 numeric, 1 to 999
//    79  16  order id, chosen at random by whoever asks for the payment
//    95   8  expiry, seconds since 1970
//   103   8  counter: grows with each order of this key
//   111  64  ECDSA signature r || s, big-endian, low s (BIP 62)
// Signed: SHA-256("giro-order-v1" || bytes 0 to 110).
#pragma once

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::wallet {

inline constexpr std::size_t kPublicKeyBytes = 33;
inline constexpr std::size_t kSignatureBytes = 64;
inline constexpr std::size_t kOrderBytes = 111;
inline constexpr std::size_t kSignedOrderBytes = kOrderBytes + kSignatureBytes;

using PublicKey = ByteArray<kPublicKeyBytes>;
using Signature = ByteArray<kSignatureBytes>;

// How the order is meant to reach the switch; it is refused on the other way, where somebody else may have brought it.
enum class Way : std::uint8_t { sent = 1, shown = 2 };

struct PaymentOrder {
    Way way = Way::sent;
    PublicKey payer_pubkey{};
    MerchantId merchant;       // empty when `payee` is given
    Hash160 payee{};           // zero when `merchant` is given
    MinorUnits amount = 0;
    Currency currency = 0;
    ByteArray<16> order_id{};
    std::uint64_t expiry_unix_s = 0;
    std::uint64_t counter = 0;
    bool operator==(const PaymentOrder&) const = default;
};

struct SignedOrder {
    PaymentOrder order;
    Signature signature{};
    bool operator==(const SignedOrder&) const = default;
};

enum class OrderError : std::uint8_t {
    bad_size,       // not exactly the layout's size
    bad_version,    // neither version 1 sent nor shown
    bad_kind,       // a query that is neither balance nor register
    bad_pubkey,     // not a point of the curve in compressed form
    bad_merchant,   // not printable ASCII, or bytes after the padding began
    bad_recipient,  // neither merchant nor payee, or both
    bad_amount,     // outside 1 to kAmountMax
    bad_currency,   // outside 1 to 999
    high_s,         // the signature's other form: refused, so that an order has one encoding
    bad_signature,  // does not verify
};
[[nodiscard]] std::string_view to_string(OrderError error) noexcept;

// The rules on an order's values, those a decoder makes: bad_pubkey (first byte only), bad_merchant, bad_recipient,
// bad_amount or bad_currency. For whoever fills one in.
[[nodiscard]] Expected<void, OrderError> check_order(const PaymentOrder& order) noexcept;
// Every rule of the layout except the signature and that the key is a point.
[[nodiscard]] Expected<SignedOrder, OrderError> decode_order(Bytes bytes) noexcept;
[[nodiscard]] ByteArray<kSignedOrderBytes> encode_order(const SignedOrder& order) noexcept;
// The signature over the order: bad_pubkey, high_s, bad_signature or nothing. Expiry and counter are the switch's to judge.
[[nodiscard]] Expected<void, OrderError> verify(const SignedOrder& order);
// What is signed; also the order's name in logs and receipts.
[[nodiscard]] Hash256 order_digest(const PaymentOrder& order);

// A wallet's signed question to the switch (kSignedQueryBytes): its balance, or to be registered.
//     0   1  version, 1
//     1   1  kind: 1 balance, 2 register
//     2  33  public key
//    35   8  time asked, seconds since 1970
//    43  16  nonce
//    59  64  signature over SHA-256("giro-query-v1" || bytes 0 to 58)
inline constexpr std::size_t kQueryBytes = 59;
inline constexpr std::size_t kSignedQueryBytes = kQueryBytes + kSignatureBytes;
enum class QueryKind : std::uint8_t { balance = 1, register_wallet = 2 };

struct WalletQuery {
    QueryKind kind = QueryKind::balance;
    PublicKey pubkey{};
    std::uint64_t unix_s = 0;
    ByteArray<16> nonce{};
    bool operator==(const WalletQuery&) const = default;
};
struct SignedQuery {
    WalletQuery query;
    Signature signature{};
    bool operator==(const SignedQuery&) const = default;
};
[[nodiscard]] Expected<SignedQuery, OrderError> decode_query(Bytes bytes) noexcept;
[[nodiscard]] ByteArray<kSignedQueryBytes> encode_query(const SignedQuery& query) noexcept;
[[nodiscard]] Expected<void, OrderError> verify(const SignedQuery& query);
[[nodiscard]] Hash256 query_digest(const WalletQuery& query);

}  // namespace giro::wallet
