// The terminals' keys, derived inside the token and kept as non-extractable session objects while they are in use.
//
//   TMK(terminal)         = AES-256-ECB under terminal.master of  id:8 "GIROTMK" 01  id:8 "GIROTMK" 02
//   MAC key(TMK, nonce), by the MAC's kind (src/vault/terminal_keys.hpp is the terminal's side):
//     AES-CMAC  = AES-256-ECB under the TMK of  nonce:16  (nonce xor ff…ff):16
//     HMAC      = AES-256-ECB under the TMK of  (nonce xor ff…ff):16  nonce:16
//     X9.19     = TDES under D of  01×8  02×8,  D = AES-256-ECB under the TMK of  (nonce xor 55…55):16
//   PIN keys, below a key of their own, so that whatever nonce anybody names, no key for MACs is one for PINs:
//     P(TMK)    = AES-256-ECB under the TMK of  "GIRO-PIN-KEYS-01"  "GIRO-PIN-KEYS-02"
//     AES       = AES-256-ECB under P of  nonce:16  (nonce xor ff…ff):16     PIN blocks of ISO format 4
//     TDES      = AES-256-ECB under P of  (nonce xor 55…55):16               formats 0, 1, 3
//   They decipher and do nothing else; their check values are of copies that are gone with the call.
//
// All of it happens in the token. The all-zero nonce gives the terminal's base key (0800 messages). Any terminal id has a key: whether the id is known
// is for the switch to say.
#pragma once

#include <list>
#include <unordered_map>
#include <variant>

#include "hsm/mechanism.hpp"
#include "hsm/payment/mac.hpp"
#include "hsm/payment/secret_key.hpp"
#include "vault/terminal_keys.hpp"

namespace giro::hsm {

inline constexpr std::size_t kSessionKeysMax =
    8192;  // session keys held in the token, for MACs and PINs; the least recently used goes

class TerminalKeys {
  public:
    // `master`: the handle of terminal.master. The session must live longer.
    TerminalKeys(const Session& session, CK_OBJECT_HANDLE master, std::size_t keys_max = kSessionKeysMax) noexcept
        : m_session(session), m_master(master), m_keys_max(keys_max) {}
    [[nodiscard]] Ck<vault::Mac8> mac(const TerminalId& terminal, const vault::Nonce& nonce, Bytes data,
                                     vault::MacKind kind = vault::MacKind::aes_cmac);
    [[nodiscard]] Ck<vault::Kcv> kcv(const TerminalId& terminal, const vault::Nonce& nonce,
                                    vault::MacKind kind = vault::MacKind::aes_cmac);
    // The PIN key that only deciphers, good until the next call; and its check value. The nonce is not zero (ASSERTed).
    [[nodiscard]] Ck<KeyRef> pin_key(const TerminalId& terminal, const vault::Nonce& nonce, vault::PinKeyKind kind);
    [[nodiscard]] Ck<vault::Kcv> pin_kcv(const TerminalId& terminal, const vault::Nonce& nonce, vault::PinKeyKind kind) const;
    // The clear TMK, for putting it into the terminal.
    [[nodiscard]] Ck<Secret> master_key_in_clear(const TerminalId& terminal) const;
    [[nodiscard]] std::size_t size() const noexcept { return m_by_use.size(); }

  private:
    struct Id {
        TerminalId terminal;
        vault::Nonce nonce{};
        std::variant<vault::MacKind, vault::PinKeyKind> kind = vault::MacKind::aes_cmac;
        bool operator==(const Id&) const = default;
    };
    struct IdHash {
        std::size_t operator()(const Id& id) const noexcept;
    };
    struct Entry {
        Id id;
        Object key;
        Object left;  // X9.19: K1 || K1
        [[nodiscard]] MacKey mac_key() const noexcept { return {std::get<vault::MacKind>(id.kind), key.handle(), left.handle()}; }
    };
    const Session& m_session;
    CK_OBJECT_HANDLE m_master;
    std::size_t m_keys_max;
    std::list<Entry> m_by_use;  // most recent first
    std::unordered_map<Id, std::list<Entry>::iterator, IdHash> m_by_id;
    Ck<const Entry*> find(const Id& id);
    Ck<Object> terminal_key(const TerminalId& terminal) const;
    Ck<Entry> derive_entry(const Id& id) const;
    Ck<Entry> derive_mac_key(const Id& id, vault::MacKind kind) const;
    Ck<Object> derive_pin_key(const Id& id, vault::PinKeyKind kind, Uses uses) const;
};

}  // namespace giro::hsm
