// PIN translation from a terminal's key to a zone's (PCI PIN Security Requirements 3.1, requirement 3-3):
//
//   from \ to   0    1    3    4
//   0, 3, 4    yes   no  yes  yes     no change of PAN: there is one PAN for both blocks, so none can be asked for
//   1          yes   no  yes  yes
//
// Formats 0, 1 and 3 are enciphered under TDES, format 4 under AES; anything else is refused. The clear PIN is in this
// process's locked memory between the two calls on the token, for microseconds, and is wiped.
#pragma once

#include "hsm/payment/dukpt_tdes.hpp"
#include "hsm/payment/pin_block.hpp"
#include "hsm/payment/secret_key.hpp"

namespace giro::hsm {

// A key that PINs are enciphered under: one of the token, or a TDES DUKPT variant in memory.
class PinKey {
  public:
    explicit PinKey(KeyRef key) noexcept : m_key(key) {}
    explicit PinKey(const TdesKey& memory) noexcept : m_memory(&memory) {}
    [[nodiscard]] Cipher cipher() const noexcept { return m_memory != nullptr ? Cipher::tdes : m_key.cipher; }
    [[nodiscard]] Ck<void> decrypt(const Session& session, Bytes in, MutableBytes out) const;  // one block
    [[nodiscard]] Ck<void> encrypt(const Session& session, Bytes in, MutableBytes out) const;  // the token's alone: ASSERTed

  private:
    KeyRef m_key{};
    const TdesKey* m_memory = nullptr;
};

[[nodiscard]] bool is_translation_permitted(PinFormat from, PinFormat to) noexcept;
[[nodiscard]] constexpr Cipher cipher_of(PinFormat format) noexcept {
    return format == PinFormat::iso4 ? Cipher::aes : Cipher::tdes;
}

// The PIN under `key`, in the clear. True: a PIN. False: no block of this format for this PAN, or a key of the wrong
// cipher. An error is the token's.
[[nodiscard]] Ck<bool> decipher_pin(const Session& session, const PinKey& key, PinFormat format, Bytes block,
                                    const Pan& pan, ClearPin& out);
// `block`: block_bytes(format) of it (ASSERTed). False when the PAN is too short for the format or the key is of the wrong
// cipher.
[[nodiscard]] Ck<bool> encipher_pin(const Session& session, const PinKey& key, PinFormat format, const ClearPin& pin,
                                    const Pan& pan, MutableBytes block);

}  // namespace giro::hsm
