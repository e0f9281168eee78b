#include "hsm/cryptoki.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace giro::hsm {

namespace {
#define GIRO_CKR_NAMES(X)                                                                                             \
    X(CKR_CANCEL) X(CKR_HOST_MEMORY) X(CKR_SLOT_ID_INVALID) X(CKR_GENERAL_ERROR) X(CKR_FUNCTION_FAILED)               \
    X(CKR_ARGUMENTS_BAD) X(CKR_NO_EVENT) X(CKR_NEED_TO_CREATE_THREADS) X(CKR_CANT_LOCK) X(CKR_ATTRIBUTE_READ_ONLY)    \
    X(CKR_ATTRIBUTE_SENSITIVE) X(CKR_ATTRIBUTE_TYPE_INVALID) X(CKR_ATTRIBUTE_VALUE_INVALID) X(CKR_ACTION_PROHIBITED)  \
    X(CKR_DATA_INVALID) X(CKR_DATA_LEN_RANGE) X(CKR_DEVICE_ERROR) X(CKR_DEVICE_MEMORY) X(CKR_DEVICE_REMOVED)          \
    X(CKR_ENCRYPTED_DATA_INVALID) X(CKR_ENCRYPTED_DATA_LEN_RANGE) X(CKR_FUNCTION_CANCELED)                            \
    X(CKR_FUNCTION_NOT_PARALLEL) X(CKR_FUNCTION_NOT_SUPPORTED) X(CKR_KEY_HANDLE_INVALID) X(CKR_KEY_SIZE_RANGE)        \
    X(CKR_KEY_TYPE_INCONSISTENT) X(CKR_KEY_NOT_NEEDED) X(CKR_KEY_CHANGED) X(CKR_KEY_NEEDED) X(CKR_KEY_INDIGESTIBLE)   \
    X(CKR_KEY_FUNCTION_NOT_PERMITTED) X(CKR_KEY_NOT_WRAPPABLE) X(CKR_KEY_UNEXTRACTABLE) X(CKR_MECHANISM_INVALID)      \
    X(CKR_MECHANISM_PARAM_INVALID) X(CKR_OBJECT_HANDLE_INVALID) X(CKR_OPERATION_ACTIVE)                               \
    X(CKR_OPERATION_NOT_INITIALIZED) X(CKR_PIN_INCORRECT) X(CKR_PIN_INVALID) X(CKR_PIN_LEN_RANGE) X(CKR_PIN_EXPIRED)  \
    X(CKR_PIN_LOCKED) X(CKR_SESSION_CLOSED) X(CKR_SESSION_COUNT) X(CKR_SESSION_HANDLE_INVALID)                        \
    X(CKR_SESSION_PARALLEL_NOT_SUPPORTED) X(CKR_SESSION_READ_ONLY) X(CKR_SESSION_EXISTS)                              \
    X(CKR_SESSION_READ_ONLY_EXISTS) X(CKR_SESSION_READ_WRITE_SO_EXISTS) X(CKR_SIGNATURE_INVALID)                      \
    X(CKR_SIGNATURE_LEN_RANGE) X(CKR_TEMPLATE_INCOMPLETE) X(CKR_TEMPLATE_INCONSISTENT) X(CKR_TOKEN_NOT_PRESENT)       \
    X(CKR_TOKEN_NOT_RECOGNIZED) X(CKR_TOKEN_WRITE_PROTECTED) X(CKR_UNWRAPPING_KEY_SIZE_RANGE)                         \
    X(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT) X(CKR_USER_ALREADY_LOGGED_IN) X(CKR_USER_NOT_LOGGED_IN)                   \
    X(CKR_USER_PIN_NOT_INITIALIZED) X(CKR_USER_TYPE_INVALID) X(CKR_USER_ANOTHER_ALREADY_LOGGED_IN)                    \
    X(CKR_USER_TOO_MANY_TYPES) X(CKR_WRAPPED_KEY_INVALID) X(CKR_WRAPPED_KEY_LEN_RANGE)                                \
    X(CKR_WRAPPING_KEY_HANDLE_INVALID) X(CKR_WRAPPING_KEY_SIZE_RANGE) X(CKR_WRAPPING_KEY_TYPE_INCONSISTENT)           \
    X(CKR_RANDOM_SEED_NOT_SUPPORTED) X(CKR_RANDOM_NO_RNG) X(CKR_DOMAIN_PARAMS_INVALID) X(CKR_CURVE_NOT_SUPPORTED)     \
    X(CKR_BUFFER_TOO_SMALL) X(CKR_SAVED_STATE_INVALID) X(CKR_INFORMATION_SENSITIVE) X(CKR_STATE_UNSAVEABLE)           \
    X(CKR_CRYPTOKI_NOT_INITIALIZED) X(CKR_CRYPTOKI_ALREADY_INITIALIZED) X(CKR_MUTEX_BAD) X(CKR_MUTEX_NOT_LOCKED)      \
    X(CKR_NEW_PIN_MODE) X(CKR_NEXT_OTP) X(CKR_EXCEEDED_MAX_ITERATIONS) X(CKR_FIPS_SELF_TEST_FAILED)                   \
    X(CKR_LIBRARY_LOAD_FAILED) X(CKR_PIN_TOO_WEAK) X(CKR_PUBLIC_KEY_INVALID) X(CKR_FUNCTION_REJECTED)

// The interface takes non-const pointers to what it only reads; and modules take a null pointer for a question about
// the size or for a bad argument, so nothing is passed as a pointer to something.
CK_BYTE g_nothing = 0;
CK_BYTE* bytes_of(Bytes b) noexcept {
    return b.empty() ? &g_nothing : const_cast<CK_BYTE*>(reinterpret_cast<const CK_BYTE*>(b.data()));
}
CK_BYTE* bytes_of(MutableBytes b) noexcept { return b.empty() ? &g_nothing : reinterpret_cast<CK_BYTE*>(b.data()); }

Ck<void> done(CK_RV rv) {
    if (rv != CKR_OK) return ck_error(rv);
    return {};
}

template <typename T>
Ck<T> done(CK_RV rv, T value) {
    if (rv != CKR_OK) return ck_error(rv);
    return value;
}

// What a module answers when its token is pulled, its storage is gone or our handles belong to an earlier life of it.
constexpr std::array kTokenLost = {
    CKR_CRYPTOKI_NOT_INITIALIZED, CKR_DEVICE_ERROR,    CKR_DEVICE_MEMORY,         CKR_DEVICE_REMOVED,
    CKR_FUNCTION_FAILED,          CKR_GENERAL_ERROR,   CKR_HOST_MEMORY,           CKR_KEY_HANDLE_INVALID,
    CKR_OBJECT_HANDLE_INVALID,    CKR_OPERATION_ACTIVE, CKR_SESSION_CLOSED,       CKR_SESSION_HANDLE_INVALID,
    CKR_SLOT_ID_INVALID,          CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_USER_NOT_LOGGED_IN,
};
}  // namespace

std::string CkError::name() const {
    switch (code) {
#define GIRO_CKR_CASE(ckr) \
    case ckr: return #ckr;
        GIRO_CKR_NAMES(GIRO_CKR_CASE)
#undef GIRO_CKR_CASE
        default: return fmt::format("CKR_{:#x}", code);
    }
}

bool CkError::token_lost() const noexcept { return std::ranges::find(kTokenLost, code) != kTokenLost.end(); }

Result<Cryptoki> Cryptoki::load(const std::filesystem::path& module) {
    void* library = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return fail(Failure::Kind::config,
                    fmt::format("cannot load the PKCS#11 module {}: {}; install softhsm2 or set vault.module",
                                module.string(), ::dlerror()));
    auto get_list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    if (get_list == nullptr || get_list(&functions) != CKR_OK || functions == nullptr)
        return fail(Failure::Kind::config, fmt::format("{} is not a PKCS#11 module", module.string()));
    return Cryptoki(functions);
}

Ck<void> Cryptoki::C_Initialize() const { return done(m_f->C_Initialize(nullptr)); }
Ck<void> Cryptoki::C_Finalize() const { return done(m_f->C_Finalize(nullptr)); }

Ck<std::vector<CK_SLOT_ID>> Cryptoki::C_GetSlotList(bool token_present) const {
    const CK_BBOOL present = token_present ? CK_TRUE : CK_FALSE;
    CK_ULONG count = 0;
    if (const CK_RV rv = m_f->C_GetSlotList(present, nullptr, &count); rv != CKR_OK) return ck_error(rv);
    std::vector<CK_SLOT_ID> slots(count);
    const CK_RV rv = m_f->C_GetSlotList(present, slots.data(), &count);
    slots.resize(std::min<std::size_t>(count, slots.size()));
    return done(rv, std::move(slots));
}

Ck<CK_TOKEN_INFO> Cryptoki::C_GetTokenInfo(CK_SLOT_ID slot) const {
    CK_TOKEN_INFO info{};
    const CK_RV rv = m_f->C_GetTokenInfo(slot, &info);
    return done(rv, info);
}

Ck<void> Cryptoki::C_InitToken(CK_SLOT_ID slot, Bytes so_pin, std::string_view label) const {
    std::array<CK_UTF8CHAR, 32> padded;  // 5.5: 32 bytes, padded with blanks
    padded.fill(' ');
    if (label.size() > padded.size()) return ck_error(CKR_ARGUMENTS_BAD);
    std::ranges::copy(label, padded.begin());
    return done(m_f->C_InitToken(slot, bytes_of(so_pin), so_pin.size(), padded.data()));
}

Ck<void> Cryptoki::C_InitPIN(CK_SESSION_HANDLE session, Bytes pin) const {
    return done(m_f->C_InitPIN(session, bytes_of(pin), pin.size()));
}

Ck<CK_SESSION_HANDLE> Cryptoki::C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags) const {
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    const CK_RV rv = m_f->C_OpenSession(slot, flags, nullptr, nullptr, &session);
    return done(rv, session);
}

Ck<void> Cryptoki::C_CloseSession(CK_SESSION_HANDLE session) const { return done(m_f->C_CloseSession(session)); }

Ck<void> Cryptoki::C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, Bytes pin) const {
    return done(m_f->C_Login(session, user, bytes_of(pin), pin.size()));
}

Ck<void> Cryptoki::C_Logout(CK_SESSION_HANDLE session) const { return done(m_f->C_Logout(session)); }

Ck<CK_OBJECT_HANDLE> Cryptoki::C_CreateObject(CK_SESSION_HANDLE session, Attributes attributes) const {
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    const CK_RV rv = m_f->C_CreateObject(session, attributes.data(), attributes.size(), &object);
    return done(rv, object);
}

Ck<CK_OBJECT_HANDLE> Cryptoki::C_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                            Attributes changes) const {
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    const CK_RV rv = m_f->C_CopyObject(session, object, changes.data(), changes.size(), &copy);
    return done(rv, copy);
}

Ck<void> Cryptoki::C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) const {
    return done(m_f->C_DestroyObject(session, object));
}

Ck<void> Cryptoki::C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, Attributes wanted) const {
    return done(m_f->C_GetAttributeValue(session, object, wanted.data(), wanted.size()));
}

Ck<void> Cryptoki::C_FindObjectsInit(CK_SESSION_HANDLE session, Attributes match) const {
    return done(m_f->C_FindObjectsInit(session, match.data(), match.size()));
}

Ck<std::size_t> Cryptoki::C_FindObjects(CK_SESSION_HANDLE session, std::span<CK_OBJECT_HANDLE> out) const {
    CK_ULONG count = 0;
    const CK_RV rv = m_f->C_FindObjects(session, out.data(), out.size(), &count);
    return done<std::size_t>(rv, count);
}

Ck<void> Cryptoki::C_FindObjectsFinal(CK_SESSION_HANDLE session) const {
    return done(m_f->C_FindObjectsFinal(session));
}

Ck<void> Cryptoki::C_EncryptInit(CK_SESSION_HANDLE session, Mechanism mechanism, CK_OBJECT_HANDLE key) const {
    return done(m_f->C_EncryptInit(session, &mechanism, key));
}

Ck<std::size_t> Cryptoki::C_Encrypt(CK_SESSION_HANDLE session, Bytes plain, MutableBytes out) const {
    CK_ULONG size = out.size();
    const CK_RV rv = m_f->C_Encrypt(session, bytes_of(plain), plain.size(), bytes_of(out), &size);
    return done<std::size_t>(rv, size);
}

Ck<void> Cryptoki::C_DecryptInit(CK_SESSION_HANDLE session, Mechanism mechanism, CK_OBJECT_HANDLE key) const {
    return done(m_f->C_DecryptInit(session, &mechanism, key));
}

Ck<std::size_t> Cryptoki::C_Decrypt(CK_SESSION_HANDLE session, Bytes cipher, MutableBytes out) const {
    CK_ULONG size = out.size();
    const CK_RV rv = m_f->C_Decrypt(session, bytes_of(cipher), cipher.size(), bytes_of(out), &size);
    return done<std::size_t>(rv, size);
}

Ck<void> Cryptoki::C_SignInit(CK_SESSION_HANDLE session, Mechanism mechanism, CK_OBJECT_HANDLE key) const {
    return done(m_f->C_SignInit(session, &mechanism, key));
}

Ck<std::size_t> Cryptoki::C_Sign(CK_SESSION_HANDLE session, Bytes data, MutableBytes out) const {
    CK_ULONG size = out.size();
    const CK_RV rv = m_f->C_Sign(session, bytes_of(data), data.size(), bytes_of(out), &size);
    return done<std::size_t>(rv, size);
}

Ck<CK_OBJECT_HANDLE> Cryptoki::C_GenerateKey(CK_SESSION_HANDLE session, Mechanism mechanism,
                                             Attributes attributes) const {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    const CK_RV rv = m_f->C_GenerateKey(session, &mechanism, attributes.data(), attributes.size(), &key);
    return done(rv, key);
}

Ck<Cryptoki::KeyPair> Cryptoki::C_GenerateKeyPair(CK_SESSION_HANDLE session, Mechanism mechanism,
                                                  Attributes public_part, Attributes private_part) const {
    KeyPair pair;
    const CK_RV rv =
        m_f->C_GenerateKeyPair(session, &mechanism, public_part.data(), public_part.size(), private_part.data(),
                               private_part.size(), &pair.public_key, &pair.private_key);
    return done(rv, pair);
}

Ck<CK_OBJECT_HANDLE> Cryptoki::C_DeriveKey(CK_SESSION_HANDLE session, Mechanism mechanism, CK_OBJECT_HANDLE base,
                                           Attributes attributes) const {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    const CK_RV rv = m_f->C_DeriveKey(session, &mechanism, base, attributes.data(), attributes.size(), &key);
    return done(rv, key);
}

Ck<void> Cryptoki::C_GenerateRandom(CK_SESSION_HANDLE session, MutableBytes out) const {
    return done(m_f->C_GenerateRandom(session, bytes_of(out), out.size()));
}

}  // namespace giro::hsm
