// An object of the simulated token: its attributes, and which of them leave it (PKCS #11 2.40, 4.4 to 4.9).
#pragma once

#include <p11-kit/pkcs11.h>

#include <map>
#include <memory>
#include <optional>
#include <span>

#include "giro/types.hpp"

namespace Botan {
class MessageAuthenticationCode;
class BlockCipher;
}  // namespace Botan

namespace giro::test {

using Attributes = std::span<const CK_ATTRIBUTE>;

class TokenObject {
  public:
    TokenObject();
    ~TokenObject();
    TokenObject(TokenObject&&) noexcept;
    TokenObject(const TokenObject& other);  // attributes alone

    void set(CK_ATTRIBUTE_TYPE type, Bytes value);
    void set_flag(CK_ATTRIBUTE_TYPE type, bool value);
    void set_number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
    void set_all(Attributes attributes);
    [[nodiscard]] const Buffer* get(CK_ATTRIBUTE_TYPE type) const;
    [[nodiscard]] bool flag(CK_ATTRIBUTE_TYPE type) const;  // false when it has none
    [[nodiscard]] std::optional<CK_ULONG> number(CK_ATTRIBUTE_TYPE type) const;
    [[nodiscard]] bool matches(Attributes wanted) const;

    // Key bytes: never an attribute of a C_GetAttributeValue unless the key may leave.
    [[nodiscard]] const Buffer& value() const noexcept { return m_value; }
    void set_value(Bytes value) { m_value.assign(value.begin(), value.end()); }
    [[nodiscard]] bool may_leave() const { return flag(CKA_EXTRACTABLE) && !flag(CKA_SENSITIVE); }

    // C_GetAttributeValue (5.7): fills each, ulValueLen is CK_UNAVAILABLE_INFORMATION where it cannot; the worst
    // answer.
    [[nodiscard]] CK_RV read(std::span<CK_ATTRIBUTE> wanted) const;
    // The changes of C_CopyObject: a key gets no weaker (4.4.1: CKA_SENSITIVE only to true, CKA_EXTRACTABLE only to
    // false).
    [[nodiscard]] CK_RV change(Attributes changes);

    // The key set up for use, made once: a simulation asks thousands of times.
    [[nodiscard]] Botan::MessageAuthenticationCode& cmac();
    [[nodiscard]] Botan::BlockCipher& aes();

  private:
    [[nodiscard]] CK_RV read_one(CK_ATTRIBUTE& wanted) const;
    std::map<CK_ATTRIBUTE_TYPE, Buffer> m_attributes;
    Buffer m_value;
    std::unique_ptr<Botan::MessageAuthenticationCode> m_cmac;
    std::unique_ptr<Botan::BlockCipher> m_aes;
};

}  // namespace giro::test
