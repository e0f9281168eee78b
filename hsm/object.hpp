// Keys as objects in the token: what kinds there are, generating, finding by label, checking that they cannot leave,
// and reading public parts. Functions on a logged-in Session; errors as CkError.
#pragma once

#include <deque>
#include <optional>

#include "hsm/token.hpp"

namespace giro::hsm {

enum class KeyKind { rsa4096, p256, secp256k1, aes256, aes128 };

// What a key may be used for; a key has exactly one use.
enum class KeyUse {
    sign,     // RSA, EC: C_Sign. AES: CMAC
    encrypt,  // AES: C_Encrypt and C_Decrypt
    derive,   // AES: base key of C_DeriveKey
};

// An attribute list that owns its values.
class Template {
  public:
    Template& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value);
    Template& flag(CK_ATTRIBUTE_TYPE type, bool value);
    Template& bytes(CK_ATTRIBUTE_TYPE type, Bytes value);
    [[nodiscard]] std::span<CK_ATTRIBUTE> attributes() noexcept { return m_attributes; }

  private:
    std::deque<Buffer> m_values;  // a deque: values never move
    std::vector<CK_ATTRIBUTE> m_attributes;
};

// Makes a key (pair) labelled `label` in the token: CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE. The
// public half has the same label. Fails with CKR_ATTRIBUTE_VALUE_INVALID when the module made it extractable all the
// same.
[[nodiscard]] Ck<void> generate_key(const Session& session, KeyKind kind, KeyUse use, std::string_view label);

// The token object of this class and label; nothing when there is none; CKR_TEMPLATE_INCONSISTENT when there are two.
[[nodiscard]] Ck<std::optional<CK_OBJECT_HANDLE>> find_key(const Session& session, CK_OBJECT_CLASS object_class,
                                                           std::string_view label);

// A session object with the same value and attributes, still unable to leave: a hot key. SoftHSM reads a token object's
// file lock and generation at every use, which halves its speed. It goes with the session.
[[nodiscard]] Ck<CK_OBJECT_HANDLE> copy_to_session(const Session& session, CK_OBJECT_HANDLE key);

// True when the key is and always was sensitive and non-extractable (CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE).
[[nodiscard]] Ck<bool> is_locked_in(const Session& session, CK_OBJECT_HANDLE key);

// The public point of an EC public key: 65 bytes, 04 || x || y.
[[nodiscard]] Ck<ByteArray<65>> ec_point(const Session& session, CK_OBJECT_HANDLE public_key);

struct RsaPublicKey {
    Buffer modulus;   // big-endian
    Buffer exponent;  // big-endian
};
[[nodiscard]] Ck<RsaPublicKey> rsa_public_key(const Session& session, CK_OBJECT_HANDLE public_key);

}  // namespace giro::hsm
