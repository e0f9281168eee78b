// The PKCS#11 functions Giro uses, by their own names, with their errors as values.
//
// Runs in giro-vault alone. The module is a shared library chosen by the operator (SoftHSM2, or a vendor's own), loaded
// with dlopen; nothing here is reached by hostile bytes that a verb has not checked. One thread owns PKCS#11: the
// module is initialised without locking, and calling from a second thread is a bug.
//
// PKCS #11 Cryptographic Token Interface Base Specification 2.40 (OASIS), section 5.
#pragma once

#include <p11-kit/pkcs11.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::hsm {

// A CK_RV that is not CKR_OK.
struct CkError {
    CK_RV code = CKR_GENERAL_ERROR;
    [[nodiscard]] std::string name() const;  // "CKR_PIN_INCORRECT"; "CKR_0x…" for a vendor's own
    // The token, the session or our handles are gone: nothing works until the module is initialised again.
    [[nodiscard]] bool token_lost() const noexcept;
    bool operator==(const CkError&) const = default;
};

template <typename T>
using Ck = Expected<T, CkError>;

[[nodiscard]] inline tl::unexpected<CkError> ck_error(CK_RV code) { return tl::unexpected<CkError>(CkError{code}); }

// One loaded module. Copyable: it is a table of functions. The library stays mapped until the process ends, because
// modules register exit handlers that must not outlive their code.
class Cryptoki {
  public:
    // Failure::config when the file is not there or is no PKCS#11 module.
    [[nodiscard]] static Result<Cryptoki> load(const std::filesystem::path& module);

    [[nodiscard]] Ck<void> C_Initialize() const;  // 5.4; no locking: one thread
    [[nodiscard]] Ck<void> C_Finalize() const;

    [[nodiscard]] Ck<std::vector<CK_SLOT_ID>> C_GetSlotList(bool token_present) const;  // 5.5
    [[nodiscard]] Ck<CK_TOKEN_INFO> C_GetTokenInfo(CK_SLOT_ID slot) const;
    [[nodiscard]] Ck<void> C_InitToken(CK_SLOT_ID slot, Bytes so_pin,
                                       std::string_view label) const;  // label <= 32 bytes
    [[nodiscard]] Ck<void> C_InitPIN(CK_SESSION_HANDLE session, Bytes pin) const;

    [[nodiscard]] Ck<CK_SESSION_HANDLE> C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags) const;  // 5.6
    [[nodiscard]] Ck<void> C_CloseSession(CK_SESSION_HANDLE session) const;
    [[nodiscard]] Ck<void> C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, Bytes pin) const;
    [[nodiscard]] Ck<void> C_Logout(CK_SESSION_HANDLE session) const;

    using Attributes = std::span<CK_ATTRIBUTE>;
    [[nodiscard]] Ck<CK_OBJECT_HANDLE> C_CreateObject(CK_SESSION_HANDLE session, Attributes attributes) const;  // 5.7
    [[nodiscard]] Ck<CK_OBJECT_HANDLE> C_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                                    Attributes changes) const;
    [[nodiscard]] Ck<void> C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) const;
    [[nodiscard]] Ck<void> C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                               Attributes wanted) const;
    [[nodiscard]] Ck<void> C_FindObjectsInit(CK_SESSION_HANDLE session, Attributes match) const;
    [[nodiscard]] Ck<std::size_t> C_FindObjects(CK_SESSION_HANDLE session, std::span<CK_OBJECT_HANDLE> out) const;
    [[nodiscard]] Ck<void> C_FindObjectsFinal(CK_SESSION_HANDLE session) const;

    // 5.8 to 5.11. The functions that give bytes write into `out` and return how many; CKR_BUFFER_TOO_SMALL else.
    using Mechanism = CK_MECHANISM&;
    [[nodiscard]] Ck<void> C_EncryptInit(CK_SESSION_HANDLE session, Mechanism mechanism, CK_OBJECT_HANDLE key) const;
    [[nodiscard]] Ck<std::size_t> C_Encrypt(CK_SESSION_HANDLE session, Bytes plain, MutableBytes out) const;
    [[nodiscard]] Ck<void> C_DecryptInit(CK_SESSION_HANDLE session, Mechanism mechanism, CK_OBJECT_HANDLE key) const;
    [[nodiscard]] Ck<std::size_t> C_Decrypt(CK_SESSION_HANDLE session, Bytes cipher, MutableBytes out) const;
    [[nodiscard]] Ck<void> C_SignInit(CK_SESSION_HANDLE session, Mechanism mechanism, CK_OBJECT_HANDLE key) const;
    [[nodiscard]] Ck<std::size_t> C_Sign(CK_SESSION_HANDLE session, Bytes data, MutableBytes out) const;

    struct KeyPair {
        CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
        CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    };
    [[nodiscard]] Ck<CK_OBJECT_HANDLE> C_GenerateKey(CK_SESSION_HANDLE session, Mechanism mechanism,  // 5.13
                                                     Attributes attributes) const;
    [[nodiscard]] Ck<KeyPair> C_GenerateKeyPair(CK_SESSION_HANDLE session, Mechanism mechanism, Attributes public_part,
                                                Attributes private_part) const;
    [[nodiscard]] Ck<CK_OBJECT_HANDLE> C_DeriveKey(CK_SESSION_HANDLE session, Mechanism mechanism,
                                                   CK_OBJECT_HANDLE base, Attributes attributes) const;
    [[nodiscard]] Ck<void> C_GenerateRandom(CK_SESSION_HANDLE session, MutableBytes out) const;  // 5.14

  private:
    explicit Cryptoki(CK_FUNCTION_LIST* functions) noexcept : m_f(functions) {}
    CK_FUNCTION_LIST* m_f;
};

}  // namespace giro::hsm
