#include "hsm/payment/dukpt_aes.hpp"

#include <algorithm>
#include <bit>

#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
constexpr std::uint16_t kKeyDerivation = 0x8000, kInitialKey = 0x8001;  // 6.3.2
constexpr std::uint16_t kAes128 = 2, kAes256 = 4, kHmac = 5;            // 6.3.2, algorithm indicator
constexpr int kOneBitsMax = 16;

InitialKeyId initial_id(const AesKsn& ksn) noexcept {
    InitialKeyId id;
    std::copy_n(ksn.begin(), id.size(), id.begin());
    return id;
}

// The last 8 bytes of a block: derivation ID and counter.
ByteArray<8> tail_of(const InitialKeyId& id, std::uint32_t counter) noexcept {
    ByteArray<8> tail;
    std::copy_n(id.begin() + 4, 4, tail.begin());
    store_be(tail.data() + 4, counter);
    return tail;
}

struct WorkingKey {
    std::uint16_t algorithm;
    std::size_t bytes;
    Cipher cipher;
};
WorkingKey shape_of(AesDukptKey key) noexcept {
    switch (key) {
        case AesDukptKey::aes128:
            return {kAes128, 16, Cipher::aes};
        case AesDukptKey::aes256:
            return {kAes256, 32, Cipher::aes};
        case AesDukptKey::hmac256:
            return {kHmac, 32, Cipher::hmac};
    }
    ASSERT(false);
}
}  // namespace

bool is_aes_dukpt_counter(std::uint32_t counter) noexcept {
    return counter != 0 && std::popcount(counter) <= kOneBitsMax;
}

std::uint32_t counter_of(const AesKsn& ksn) noexcept {
    return load_be<std::uint32_t>(ksn.data() + 8);
}

Ck<Object> AesDukpt::derive(CK_OBJECT_HANDLE base, std::uint16_t usage, std::uint16_t algorithm, std::size_t bytes,
                            Bytes tail, Cipher cipher, Uses uses) const {
    ByteArray<32> data{};
    for (std::size_t block = 0; block < bytes / 16; ++block) {
        std::byte* const at = data.data() + 16 * block;
        at[0] = std::byte{0x01};
        at[1] = static_cast<std::byte>(block + 1);
        store_be(at + 2, usage);
        store_be(at + 4, algorithm);
        store_be(at + 6, static_cast<std::uint16_t>(bytes * 8));
        std::ranges::copy(tail, at + 8);
    }
    ++m_derivations;
    return derive_secret(m_session, {base, Cipher::aes}, Bytes(data).first(bytes), cipher, uses);
}

CK_OBJECT_HANDLE AesDukpt::find(const Id& id) {
    const auto found = m_by_id.find(id);
    if (found == m_by_id.end()) return CK_INVALID_HANDLE;
    m_by_use.splice(m_by_use.begin(), m_by_use, found->second);
    return found->second->key.handle();
}

CK_OBJECT_HANDLE AesDukpt::keep(const Id& id, Object key) {
    if (m_by_use.size() >= m_keys_max) {
        m_by_id.erase(m_by_use.back().id);
        m_by_use.pop_back();  // C_DestroyObject
    }
    m_by_use.push_front({id, std::move(key)});
    m_by_id.emplace(id, m_by_use.begin());
    return m_by_use.front().key.handle();
}

Ck<CK_OBJECT_HANDLE> AesDukpt::initial_key(const InitialKeyId& id) {
    if (const auto known = find({id, 0}); known != CK_INVALID_HANDLE) return known;
    const std::uint16_t algorithm = m_key_bytes == 32 ? kAes256 : kAes128;
    auto key = derive(m_bdk, kInitialKey, algorithm, m_key_bytes, id, Cipher::aes, {.derive = true});
    if (!key) return tl::unexpected(key.error());
    return keep({id, 0}, std::move(*key));
}

Ck<Object> AesDukpt::transaction_key(const AesKsn& ksn) {
    const std::uint32_t counter = counter_of(ksn);
    ASSERT(is_aes_dukpt_counter(counter));
    const InitialKeyId id = initial_id(ksn);
    const std::uint16_t algorithm = m_key_bytes == 32 ? kAes256 : kAes128;

    // Down the tree, one step for each one bit from the left; the longest part of the way that is known is skipped. The
    // last step is the transaction key, which is not kept.
    std::uint32_t at = counter & (counter - 1);  // the way without its last step
    CK_OBJECT_HANDLE base = CK_INVALID_HANDLE;
    for (; at != 0; at &= at - 1)
        if ((base = find({id, at})) != CK_INVALID_HANDLE) break;
    if (base == CK_INVALID_HANDLE) {
        const auto initial = initial_key(id);
        if (!initial) return tl::unexpected(initial.error());
        base = *initial;
    }
    for (;;) {
        at |= std::bit_floor(counter ^ at);
        auto key = derive(base, kKeyDerivation, algorithm, m_key_bytes, tail_of(id, at), Cipher::aes, {.derive = true});
        if (!key || at == counter) return key;
        base = keep({id, at}, std::move(*key));
    }
}

void AesDukpt::keep_for_answer(const AesKsn& ksn, Object transaction) {
    static_cast<void>(take_for_answer(ksn));
    if (m_answers.size() >= kAnswersMax) {
        m_answer_of.erase(m_answers.front().first);
        m_answers.pop_front();
    }
    m_answers.emplace_back(ksn, std::move(transaction));
    m_answer_of.emplace(ksn, std::prev(m_answers.end()));
}

std::optional<Object> AesDukpt::take_for_answer(const AesKsn& ksn) {
    const auto found = m_answer_of.find(ksn);
    if (found == m_answer_of.end()) return std::nullopt;
    std::optional<Object> key(std::move(found->second->second));
    m_answers.erase(found->second);
    m_answer_of.erase(found);
    return key;
}

Ck<Object> AesDukpt::working_key(const Object& transaction, const AesKsn& ksn, AesDukptUsage usage, AesDukptKey key,
                                 Uses uses) const {
    const WorkingKey shape = shape_of(key);
    ASSERT(shape.bytes <= m_key_bytes);
    return derive(transaction.handle(), static_cast<std::uint16_t>(usage), shape.algorithm, shape.bytes,
                  tail_of(initial_id(ksn), counter_of(ksn)), shape.cipher, uses);
}

}  // namespace giro::hsm
