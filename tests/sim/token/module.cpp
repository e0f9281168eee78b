// A PKCS#11 module in software for the simulator: what the product loads instead of SoftHSM2, over Botan, in memory,
// from a seed. It has the functions that hsm/cryptoki.hpp names; every other is null, and calling it ends the test. As
// strict as a real token: PINs, private objects only after the login, one use per key, nothing sensitive comes out.
#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/sim/token/control.hpp"
#include "tests/sim/token/token.hpp"

namespace giro::test {
namespace {

Bytes bytes_of(const CK_BYTE* data, CK_ULONG size) {
    return {reinterpret_cast<const std::byte*>(data), size};
}

// Writes what was computed to where the caller wants it (5.2: a null pointer asks for the size).
CK_RV give(const Buffer& value, CK_BYTE* out, CK_ULONG* size) {
    const CK_ULONG room = *size;
    *size = value.size();
    if (out == nullptr) return CKR_OK;
    if (room < value.size()) return CKR_BUFFER_TOO_SMALL;
    std::memcpy(out, value.data(), value.size());
    return CKR_OK;
}

CK_RV initialize(void*) {
    if (const CK_RV rv = token().enter(); rv != CKR_OK) return rv;
    return std::exchange(token().initialized, true) ? CKR_CRYPTOKI_ALREADY_INITIALIZED : CKR_OK;
}

CK_RV finalize(void*) {
    if (const CK_RV rv = token().enter(); rv != CKR_OK) return rv;
    token().drop_sessions();
    return std::exchange(token().initialized, false) ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV get_slot_list(CK_BBOOL with_token, CK_SLOT_ID* out, CK_ULONG* count) {
    if (const CK_RV rv = token().enter(); rv != CKR_OK) return rv;
    if (!token().initialized) return CKR_CRYPTOKI_NOT_INITIALIZED;
    const CK_ULONG there = with_token == CK_FALSE || token().present ? 1 : 0;
    const CK_ULONG room = std::exchange(*count, there);
    if (out == nullptr || there == 0) return CKR_OK;
    if (room < there) return CKR_BUFFER_TOO_SMALL;
    *out = kSlot;
    return CKR_OK;
}

// What every function that names the slot answers first.
CK_RV enter_slot(CK_SLOT_ID slot) {
    if (const CK_RV rv = token().enter(); rv != CKR_OK) return rv;
    if (!token().initialized) return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (slot != kSlot) return CKR_SLOT_ID_INVALID;
    if (!token().present) ++token().faults;
    return token().present ? CKR_OK : CKR_TOKEN_NOT_PRESENT;
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* out) {
    if (const CK_RV rv = enter_slot(slot); rv != CKR_OK) return rv;
    *out = {};
    std::ranges::fill(out->label, static_cast<CK_UTF8CHAR>(' '));
    if (token().has_label) std::ranges::copy(token().label, out->label);
    out->flags = CKF_RNG | CKF_LOGIN_REQUIRED;
    if (token().has_label) out->flags |= CKF_TOKEN_INITIALIZED;
    if (token().pin) out->flags |= CKF_USER_PIN_INITIALIZED;
    return CKR_OK;
}

CK_RV init_token(CK_SLOT_ID slot, CK_BYTE* pin, CK_ULONG size, CK_UTF8CHAR* label) {
    if (const CK_RV rv = enter_slot(slot); rv != CKR_OK) return rv;
    if (!token().sessions.empty()) return CKR_SESSION_EXISTS;
    token().objects.clear();
    token().pin.reset();
    const Bytes so_pin = bytes_of(pin, size);
    token().so_pin.emplace(so_pin.begin(), so_pin.end());
    std::copy_n(label, token().label.size(), token().label.begin());
    token().has_label = true;
    return CKR_OK;
}

CK_RV init_pin(CK_SESSION_HANDLE handle, CK_BYTE* pin, CK_ULONG size) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (session->user != CK_USER_TYPE{CKU_SO}) return CKR_USER_NOT_LOGGED_IN;
    const Bytes user_pin = bytes_of(pin, size);
    token().pin.emplace(user_pin.begin(), user_pin.end());
    return CKR_OK;
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void*, CK_NOTIFY, CK_SESSION_HANDLE* out) {
    if (const CK_RV rv = enter_slot(slot); rv != CKR_OK) return rv;
    if ((flags & CKF_SERIAL_SESSION) == 0) return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
    static CK_SESSION_HANDLE last = 100;  // never the same twice: a stale handle must not work by chance
    token().sessions[++last] = {};
    *out = last;
    return CKR_OK;
}

CK_RV close_session(CK_SESSION_HANDLE handle) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    token().close(handle);
    return CKR_OK;
}

CK_RV login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_BYTE* pin, CK_ULONG size) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (session->user) return CKR_USER_ALREADY_LOGGED_IN;
    const auto& own = user == CKU_SO ? token().so_pin : token().pin;
    if (!own) return CKR_USER_PIN_NOT_INITIALIZED;
    if (!std::ranges::equal(*own, bytes_of(pin, size))) return CKR_PIN_INCORRECT;
    session->user = user;
    return CKR_OK;
}

CK_RV logout(CK_SESSION_HANDLE handle) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    return std::exchange(session->user, std::nullopt) ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

// CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE are true of a key that was born in the token like that (4.9).
void mark_origin(TokenObject& key, bool born_here) {
    key.set_flag(CKA_LOCAL, born_here);
    key.set_flag(CKA_ALWAYS_SENSITIVE, born_here && key.flag(CKA_SENSITIVE));
    key.set_flag(CKA_NEVER_EXTRACTABLE, born_here && !key.flag(CKA_EXTRACTABLE));
}

CK_RV create_object(CK_SESSION_HANDLE handle, CK_ATTRIBUTE* attributes, CK_ULONG count, CK_OBJECT_HANDLE* out) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    TokenObject object;
    object.set_all({attributes, count});
    mark_origin(object, false);
    *out = token().add(std::move(object), handle);
    return CKR_OK;
}

CK_RV copy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE from, CK_ATTRIBUTE* changes, CK_ULONG count,
                  CK_OBJECT_HANDLE* out) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    const Stored* original = token().find(from, *session);
    if (original == nullptr) return CKR_OBJECT_HANDLE_INVALID;
    TokenObject copy(original->object);
    if (const CK_RV rv = copy.change({changes, count}); rv != CKR_OK) return rv;
    *out = token().add(std::move(copy), handle);
    return CKR_OK;
}

CK_RV destroy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (token().find(object, *session) == nullptr) return CKR_OBJECT_HANDLE_INVALID;
    token().objects.erase(object);
    return CKR_OK;
}

CK_RV get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* wanted, CK_ULONG count) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    const Stored* stored = token().find(object, *session);
    return stored == nullptr ? CKR_OBJECT_HANDLE_INVALID : stored->object.read({wanted, count});
}

CK_RV find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE* match, CK_ULONG count) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (std::exchange(session->finding, true)) return CKR_OPERATION_ACTIVE;
    session->found.clear();
    for (const auto& [object, stored] : token().objects)
        if (token().find(object, *session) != nullptr && stored.object.matches({match, count}))
            session->found.push_back(object);
    return CKR_OK;
}

CK_RV find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE* out, CK_ULONG room, CK_ULONG* count) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (!session->finding) return CKR_OPERATION_NOT_INITIALIZED;
    *count = std::min<CK_ULONG>(room, session->found.size());
    std::copy_n(session->found.begin(), *count, out);
    session->found.erase(session->found.begin(), session->found.begin() + static_cast<std::ptrdiff_t>(*count));
    return CKR_OK;
}

CK_RV find_objects_final(CK_SESSION_HANDLE handle) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    return std::exchange(session->finding, false) ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

// Begins an operation: the key is there and may be used for it.
CK_RV begin(CK_SESSION_HANDLE handle, const CK_MECHANISM& mechanism, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE permission,
            std::optional<TokenSession::Operation> TokenSession::*operation) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (session->*operation) return CKR_OPERATION_ACTIVE;
    const Stored* stored = token().find(key, *session);
    if (stored == nullptr) return CKR_KEY_HANDLE_INVALID;
    if (!stored->object.flag(permission)) return CKR_KEY_FUNCTION_NOT_PERMITTED;
    const bool is_gcm = mechanism.mechanism == CKM_AES_GCM;
    auto gcm = gcm_params(mechanism);
    if (is_gcm && !gcm) return CKR_MECHANISM_PARAM_INVALID;
    if ((is_gcm || is_block_mechanism(mechanism.mechanism)) == (permission == CKA_SIGN)) return CKR_MECHANISM_INVALID;
    const Bytes iv = is_cbc(mechanism.mechanism)
                         ? bytes_of(static_cast<const CK_BYTE*>(mechanism.pParameter), mechanism.ulParameterLen)
                         : Bytes();
    session->*operation = {mechanism.mechanism, key, gcm.value_or(GcmParams{}), Buffer(iv.begin(), iv.end())};
    return CKR_OK;
}

// Ends it: `run` computes with the key. Only a buffer that was too small leaves it begun (5.2).
template <typename Run>
CK_RV end(CK_SESSION_HANDLE handle, std::optional<TokenSession::Operation> TokenSession::*operation, CK_BYTE* out,
          CK_ULONG* size, Run&& run) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (!(session->*operation)) return CKR_OPERATION_NOT_INITIALIZED;
    Stored* stored = token().find((session->*operation)->key, *session);
    Buffer result;
    CK_RV rv = stored == nullptr ? CKR_KEY_HANDLE_INVALID : run(*(session->*operation), stored->object, result);
    if (rv == CKR_OK) rv = give(result, out, size);
    if (out != nullptr && rv != CKR_BUFFER_TOO_SMALL) (session->*operation).reset();
    return rv;
}

CK_RV encrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    return begin(handle, *mechanism, key, CKA_ENCRYPT, &TokenSession::encrypting);
}
CK_RV encrypt_all(CK_SESSION_HANDLE handle, CK_BYTE* in, CK_ULONG count, CK_BYTE* out, CK_ULONG* size) {
    return end(handle, &TokenSession::encrypting, out, size, [&](const auto& op, TokenObject& key, Buffer& result) {
        if (is_block_mechanism(op.mechanism))
            return crypt_blocks(op.mechanism, op.iv, true, key, bytes_of(in, count), result);
        return encrypt(op.gcm, key, bytes_of(in, count), result);
    });
}
CK_RV decrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    return begin(handle, *mechanism, key, CKA_DECRYPT, &TokenSession::decrypting);
}
CK_RV decrypt_all(CK_SESSION_HANDLE handle, CK_BYTE* in, CK_ULONG count, CK_BYTE* out, CK_ULONG* size) {
    return end(handle, &TokenSession::decrypting, out, size, [&](const auto& op, TokenObject& key, Buffer& result) {
        if (is_block_mechanism(op.mechanism))
            return crypt_blocks(op.mechanism, op.iv, false, key, bytes_of(in, count), result);
        return decrypt(op.gcm, key, bytes_of(in, count), result);
    });
}
CK_RV sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    return begin(handle, *mechanism, key, CKA_SIGN, &TokenSession::signing);
}
CK_RV sign_all(CK_SESSION_HANDLE handle, CK_BYTE* in, CK_ULONG count, CK_BYTE* out, CK_ULONG* size) {
    return end(handle, &TokenSession::signing, out, size, [&](const auto& op, TokenObject& key, Buffer& result) {
        const CK_RV code = sign({op.mechanism, nullptr, 0}, key, bytes_of(in, count), result, token().random);
        if (token().bad_signatures) std::ranges::fill(result, std::byte{0xff});
        return code;
    });
}

CK_RV generate_key(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_ATTRIBUTE* attributes, CK_ULONG count,
                   CK_OBJECT_HANDLE* out) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (session->user != CK_USER_TYPE{CKU_USER}) return CKR_USER_NOT_LOGGED_IN;
    TokenObject key;
    key.set_all({attributes, count});
    if (const CK_RV rv = generate_secret(*mechanism, key, token().random); rv != CKR_OK) return rv;
    mark_origin(key, true);
    *out = token().add(std::move(key), handle);
    return CKR_OK;
}

CK_RV generate_key_pair(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_ATTRIBUTE* public_part,
                        CK_ULONG public_count, CK_ATTRIBUTE* private_part, CK_ULONG private_count,
                        CK_OBJECT_HANDLE* public_key, CK_OBJECT_HANDLE* private_key) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    if (session->user != CK_USER_TYPE{CKU_USER}) return CKR_USER_NOT_LOGGED_IN;
    TokenObject outer, inner;
    outer.set_all({public_part, public_count});
    inner.set_all({private_part, private_count});
    if (const CK_RV rv = generate_pair(*mechanism, outer, inner, token().random); rv != CKR_OK) return rv;
    mark_origin(inner, true);
    *public_key = token().add(std::move(outer), handle);
    *private_key = token().add(std::move(inner), handle);
    return CKR_OK;
}

CK_RV derive_key(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE* attributes,
                 CK_ULONG count, CK_OBJECT_HANDLE* out) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    Stored* stored = token().find(base, *session);
    if (stored == nullptr) return CKR_KEY_HANDLE_INVALID;
    if (!stored->object.flag(CKA_DERIVE)) return CKR_KEY_FUNCTION_NOT_PERMITTED;
    TokenObject key;
    key.set_all({attributes, count});
    if (const CK_RV rv = derive(*mechanism, stored->object, key); rv != CKR_OK) return rv;
    mark_origin(key, true);
    *out = token().add(std::move(key), handle);
    return CKR_OK;
}

CK_RV generate_random(CK_SESSION_HANDLE handle, CK_BYTE* out, CK_ULONG count) {
    TokenSession* session = nullptr;
    if (const CK_RV rv = token().enter(handle, session); rv != CKR_OK) return rv;
    for (CK_ULONG i = 0; i < count; ++i) out[i] = static_cast<CK_BYTE>(token().random.next());
    return CKR_OK;
}

CK_FUNCTION_LIST make_list() {
    CK_FUNCTION_LIST f{};
    f.version = {2, 40};
    f.C_Initialize = initialize;
    f.C_Finalize = finalize;
    f.C_GetSlotList = get_slot_list;
    f.C_GetTokenInfo = get_token_info;
    f.C_InitToken = init_token;
    f.C_InitPIN = init_pin;
    f.C_OpenSession = open_session;
    f.C_CloseSession = close_session;
    f.C_Login = login;
    f.C_Logout = logout;
    f.C_CreateObject = create_object;
    f.C_CopyObject = copy_object;
    f.C_DestroyObject = destroy_object;
    f.C_GetAttributeValue = get_attribute_value;
    f.C_FindObjectsInit = find_objects_init;
    f.C_FindObjects = find_objects;
    f.C_FindObjectsFinal = find_objects_final;
    f.C_EncryptInit = encrypt_init;
    f.C_Encrypt = encrypt_all;
    f.C_DecryptInit = decrypt_init;
    f.C_Decrypt = decrypt_all;
    f.C_SignInit = sign_init;
    f.C_Sign = sign_all;
    f.C_GenerateKey = generate_key;
    f.C_GenerateKeyPair = generate_key_pair;
    f.C_DeriveKey = derive_key;
    f.C_GenerateRandom = generate_random;
    return f;
}

}  // namespace
}  // namespace giro::test

using giro::test::token;

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** out) {
    static CK_FUNCTION_LIST list = giro::test::make_list();
    *out = &list;
    return CKR_OK;
}

extern "C" __attribute__((visibility("default"))) const GiroTestToken giro_test_token = {
    .reset = [](std::uint64_t seed) { token().reset(seed); },
    .reseed = [](std::uint64_t seed) { token().reseed(seed); },
    .set_present = [](int present) { token().set_present(present != 0); },
    .fail =
        [](std::uint64_t code, std::uint64_t k, int for_ever) {
            token().fault_code = code;
            token().fault_at = k;
            token().fault_for_ever = for_ever != 0;
        },
    .set_slow_ns = [](std::uint64_t per_call) { token().slow_ns = per_call; },
    .take_delay_ns = [] { return std::exchange(token().delay_ns, 0); },
    .calls = [] { return token().calls; },
    .faults = [] { return token().faults; },
    .set_bad_signatures = [](int bad) { token().bad_signatures = bad != 0; },
};
