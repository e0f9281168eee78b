// A box's payment keys, by name. At rest each is a key block under the token's own payment.lmk in vault/keys/NAME.kb;
// in use it is a session object of the token that cannot leave and may do one thing. The clear key is in this process's
// locked memory between the two, for microseconds, when the token is opened, and when a key comes or goes.
//
// What a key may be for stands in one table (key_store.cpp), by its header's usage and algorithm. Everything else is
// refused. Hostile: names and headers of requests. A file that payment.lmk does not open is Failure::integrity.
#pragma once

#include <map>
#include <memory>

#include "hsm/payment/dukpt_aes.hpp"
#include "hsm/payment/dukpt_tdes.hpp"
#include "hsm/payment/key_block.hpp"
#include "vault/payment_wire.hpp"

namespace giro::hsm {

struct PaymentKey {
    payment::KeyBlockHeader header;
    Cipher cipher = Cipher::aes;
    std::size_t bytes = 0;
    Kcv3 kcv{};
    Object main;
    Object second;                      // C0, M3: K1 || K1. B0 of TDES: the masked BDK. Else none
    std::unique_ptr<AesDukpt> dukpt{};  // B0 of AES
    [[nodiscard]] KeyRef ref() const noexcept { return {main.handle(), cipher}; }
    [[nodiscard]] bool is(std::string_view usage) const noexcept { return header.usage == usage; }
};

// [a-z0-9.-], 1 to 18 characters, no dot in front: it becomes a file's name. (".old" is the store's own.)
[[nodiscard]] bool is_key_name(std::string_view name) noexcept;

// Why a key was not taken, made or given: `refused` in words for the operator, or, when that is empty, the token's
// error.
struct KeyError {
    std::string refused;
    CkError token{};
};
template <typename T>
using Keyed = Expected<T, KeyError>;

class KeyStore {
  public:
    // `lmk`: payment.lmk. The session must live longer. try_again: the token went away meanwhile.
    [[nodiscard]] static Result<KeyStore> open(const Session& session, const ProtectionKey& lmk,
                                               std::filesystem::path folder);

    [[nodiscard]] PaymentKey* find(std::string_view name) noexcept;  // null: none of this name
    [[nodiscard]] std::vector<vault::KeyRow> list() const;

    // Keeps a key that came from outside. Refused: a name that is none or is taken, a kind that is not in the table, a
    // size that does not fit, too many keys.
    [[nodiscard]] Keyed<vault::KeyRow> add(std::string_view name, payment::KeyBlockHeader header, Bytes key);
    // A new random key instead of NAME, which is kept as NAME.old; or, with a header, a first one.
    [[nodiscard]] Keyed<vault::KeyRow> rotate(std::string_view name,
                                              const std::optional<payment::KeyBlockHeader>& header);
    // The key under `kek`, a key of this store.
    [[nodiscard]] Keyed<std::string> wrap(std::string_view name, std::string_view kek);
    // A block under `kek` to add().
    [[nodiscard]] Keyed<vault::KeyRow> unwrap(std::string_view name, std::string_view kek, std::string_view block);

  private:
    KeyStore(const Session& session, const ProtectionKey& lmk, std::filesystem::path folder)
        : m_session(&session), m_lmk(lmk), m_folder(std::move(folder)) {}
    [[nodiscard]] std::filesystem::path file_of(std::string_view name) const;
    [[nodiscard]] Keyed<PaymentKey> make(payment::KeyBlockHeader header, Bytes key) const;
    [[nodiscard]] Keyed<vault::KeyRow> keep(std::string_view name, payment::KeyBlockHeader header, Bytes key);
    [[nodiscard]] Ck<std::optional<KeyInBlock>> stored(std::string_view name) const;

    const Session* m_session;
    ProtectionKey m_lmk;
    std::filesystem::path m_folder;
    std::map<std::string, PaymentKey, std::less<>> m_keys;
};

}  // namespace giro::hsm
