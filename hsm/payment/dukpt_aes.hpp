// AES DUKPT at the receiving side (ANSI X9.24-3:2017), derived wholly inside the token: no key of the tree is ever in
// this process's memory.
//
//   KSN (12 bytes) = initial key ID:8 (BDK ID:4, derivation ID:4) || transaction counter:4, big-endian
//   every derivation (6.3.3): AES-ECB of  01 block:1 usage:2 algorithm:2 bits:2 id-or-counter:8  (16 bytes)
//
// Which keys are kept: initial keys and intermediate keys, the least recently used goes, at most `keys_max` of them.
// Also the transaction keys of messages that wait for their answer: the oldest goes, at most kAnswersMax. Working keys
// are made for one MAC or PIN and destroyed with it.
#pragma once

#include <list>
#include <map>
#include <optional>

#include "hsm/payment/secret_key.hpp"

namespace giro::hsm {

using AesKsn = ByteArray<12>;
using InitialKeyId = ByteArray<8>;

// 6.3.2: what a working key is for.
enum class AesDukptUsage : std::uint16_t {
    key_encryption = 0x0002,
    pin = 0x1000,
    mac_request = 0x2000,   // "message authentication, generation": made by the terminal
    mac_response = 0x2001,  // "message authentication, verification": checked by the terminal
    data_request = 0x3000,
    data_response = 0x3001,
};
// HMAC keys have 256 bits, which needs a 256-bit BDK (6.3.1): SoftHSM takes no shorter key for CKM_SHA256_HMAC, and
// padding one would have to happen outside the token.
enum class AesDukptKey { aes128, aes256, hmac256 };

// 6.3.1: a counter is of use when it is not zero and has at most 16 one bits; terminals skip the others.
[[nodiscard]] bool is_aes_dukpt_counter(std::uint32_t counter) noexcept;
[[nodiscard]] std::uint32_t counter_of(const AesKsn& ksn) noexcept;

class AesDukpt {
  public:
    static constexpr std::size_t kKeysMax = 4096;     // initial and intermediate keys held in the token
    static constexpr std::size_t kAnswersMax = 1024;  // transaction keys held for their answers

    // `bdk`: an AES key (16 or 32 bytes, as `bdk_bytes` says) that may derive. The session must live longer.
    AesDukpt(const Session& session, CK_OBJECT_HANDLE bdk, std::size_t bdk_bytes, std::size_t keys_max = kKeysMax)
        : m_session(session), m_bdk(bdk), m_key_bytes(bdk_bytes), m_keys_max(keys_max) {}

    // The transaction key of a KSN. ASSERTs that its counter is_aes_dukpt_counter().
    [[nodiscard]] Ck<Object> transaction_key(const AesKsn& ksn);
    // Keeps a transaction key until its message is answered, or gives it back; nothing where it is not there (any more).
    void keep_for_answer(const AesKsn& ksn, Object transaction);
    [[nodiscard]] std::optional<Object> take_for_answer(const AesKsn& ksn);
    // A working key under it. ASSERTs that it is no longer than the BDK.
    [[nodiscard]] Ck<Object> working_key(const Object& transaction, const AesKsn& ksn, AesDukptUsage usage,
                                         AesDukptKey key, Uses uses) const;
    [[nodiscard]] std::size_t size() const noexcept { return m_by_use.size(); }
    [[nodiscard]] std::uint64_t derivations() const noexcept { return m_derivations; }  // C_DeriveKey so far

  private:
    using Id = std::pair<InitialKeyId, std::uint32_t>;  // counter 0: the initial key itself
    struct Entry {
        Id id;
        Object key;
    };
    const Session& m_session;
    CK_OBJECT_HANDLE m_bdk;
    std::size_t m_key_bytes;
    std::size_t m_keys_max;
    mutable std::uint64_t m_derivations = 0;
    std::list<Entry> m_by_use;  // most recent first
    std::map<Id, std::list<Entry>::iterator> m_by_id;
    std::list<std::pair<AesKsn, Object>> m_answers;  // oldest first
    std::map<AesKsn, std::list<std::pair<AesKsn, Object>>::iterator> m_answer_of;

    [[nodiscard]] CK_OBJECT_HANDLE find(const Id& id);
    [[nodiscard]] CK_OBJECT_HANDLE keep(const Id& id, Object key);
    [[nodiscard]] Ck<CK_OBJECT_HANDLE> initial_key(const InitialKeyId& id);
    [[nodiscard]] Ck<Object> derive(CK_OBJECT_HANDLE base, std::uint16_t usage, std::uint16_t algorithm,
                                    std::size_t bytes, Bytes tail, Cipher cipher, Uses uses) const;
};

}  // namespace giro::hsm
