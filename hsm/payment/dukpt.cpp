#include "hsm/payment/dukpt.hpp"

#include <algorithm>

namespace giro::hsm {

namespace {
template <std::size_t N>
ByteArray<N> ksn_of(Bytes ksn) noexcept {
    ASSERT(ksn.size() == N);
    ByteArray<N> out;
    std::ranges::copy(ksn, out.begin());
    return out;
}
bool is_aes(Bytes ksn) noexcept {
    return ksn.size() == AesKsn{}.size();
}
bool is_tdes(Bytes ksn) noexcept {
    return ksn.size() == TdesKsn{}.size();
}

Ck<void> tdes_key(const Session& session, const PaymentKey& bdk, Bytes ksn, TdesVariant variant, TdesKey& out) {
    const auto id = ksn_of<10>(ksn);
    TdesKey initial, transaction;
    if (auto done = tdes_initial_key(session, {bdk.main.handle(), bdk.second.handle()}, id, initial); !done)
        return done;
    tdes_transaction_key(initial, id, transaction);
    tdes_variant(transaction, variant, out);
    return {};
}
}  // namespace

std::uint32_t ksn_counter(Bytes ksn) noexcept {
    if (is_aes(ksn)) return counter_of(ksn_of<12>(ksn));
    return is_tdes(ksn) ? counter_of(ksn_of<10>(ksn)) : 0;
}

CounterId ksn_id(std::string_view use, std::string_view bdk, Bytes ksn) {
    Buffer thing;
    const Bytes name = as_bytes(bdk);
    thing.insert(thing.end(), name.begin(), name.end());
    thing.push_back(std::byte{0});
    thing.insert(thing.end(), ksn.begin(), ksn.end());
    if (is_aes(ksn)) thing.resize(thing.size() - 4);
    if (is_tdes(ksn)) {  // the rightmost 21 bits are the counter's
        thing.back() = thing[thing.size() - 2] = std::byte{0};
        thing[thing.size() - 3] &= std::byte{0xe0};
    }
    return counter_id(use, thing);
}

bool ksn_fits(const PaymentKey& bdk, Bytes ksn) noexcept {
    if (!bdk.is("B0")) return false;
    if (bdk.cipher == Cipher::aes) return is_aes(ksn) && is_aes_dukpt_counter(ksn_counter(ksn));
    return is_tdes(ksn) && is_tdes_dukpt_counter(ksn_counter(ksn));
}

Ck<void> dukpt_pin_key(const Session& session, const PaymentKey& bdk, Bytes ksn, DukptKeys& out) {
    if (!ksn_fits(bdk, ksn)) return {};
    if (bdk.cipher == Cipher::tdes) {
        out.pin_in_memory = true;
        return tdes_key(session, bdk, ksn, TdesVariant::pin, out.memory);
    }
    const auto id = ksn_of<12>(ksn);
    const auto transaction = bdk.dukpt->transaction_key(id);
    if (!transaction) return tl::unexpected(transaction.error());
    const auto kind = bdk.bytes == 32 ? AesDukptKey::aes256 : AesDukptKey::aes128;
    auto key = bdk.dukpt->working_key(*transaction, id, AesDukptUsage::pin, kind, {.decrypt = true});
    if (!key) return tl::unexpected(key.error());
    out.token.emplace(std::move(*key));
    return {};
}

Ck<std::optional<ByteArray<8>>> dukpt_mac8(const Session& session, const PaymentKey& bdk, Bytes ksn,
                                           Direction direction, MacKind kind, Bytes data) {
    if (!ksn_fits(bdk, ksn)) return std::nullopt;
    const bool request = direction == Direction::request;
    if (bdk.cipher == Cipher::tdes) {
        if (kind != MacKind::x9_19) return std::nullopt;
        TdesKey key;
        const auto variant = request ? TdesVariant::mac_request : TdesVariant::mac_response;
        if (const auto done = tdes_key(session, bdk, ksn, variant, key); !done) return tl::unexpected(done.error());
        return tdes_mac(key, data);
    }
    const bool hmac = kind == MacKind::hmac_sha256;
    if (kind == MacKind::x9_19 || (hmac && bdk.bytes != 32)) return std::nullopt;
    const auto id = ksn_of<12>(ksn);
    auto kept = request ? std::nullopt : bdk.dukpt->take_for_answer(id);
    auto transaction = kept ? Ck<Object>(std::move(*kept)) : bdk.dukpt->transaction_key(id);
    if (!transaction) return tl::unexpected(transaction.error());
    const auto shape = hmac ? AesDukptKey::hmac256 : bdk.bytes == 32 ? AesDukptKey::aes256 : AesDukptKey::aes128;
    const auto usage = request ? AesDukptUsage::mac_request : AesDukptUsage::mac_response;
    const auto key = bdk.dukpt->working_key(*transaction, id, usage, shape, {.sign = true});
    if (!key) return tl::unexpected(key.error());
    const auto mac = mac8(session, {kind, key->handle(), CK_INVALID_HANDLE}, data);
    if (!mac) return tl::unexpected(mac.error());
    if (request) bdk.dukpt->keep_for_answer(id, std::move(*transaction));
    return *mac;
}

}  // namespace giro::hsm
