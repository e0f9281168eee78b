#include "tests/sim/token/token.hpp"

#include <utility>

namespace giro::test {

TokenState& token() {
    static TokenState state;
    return state;
}

CK_RV TokenState::enter() {
    ++calls;
    delay_ns += slow_ns;
    if (fault_at == 0 || (fault_at > 1 && --fault_at > 0)) return CKR_OK;
    if (!fault_for_ever) fault_at = 0;
    ++faults;
    return fault_code;
}

CK_RV TokenState::enter(CK_SESSION_HANDLE handle, TokenSession*& out) {
    if (const CK_RV rv = enter(); rv != CKR_OK) return rv;
    if (!initialized) return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (!present) {
        ++faults;
        return CKR_DEVICE_REMOVED;
    }
    const auto found = sessions.find(handle);
    if (found == sessions.end()) return CKR_SESSION_HANDLE_INVALID;
    out = &found->second;
    return CKR_OK;
}

void TokenState::reset(std::uint64_t seed) {
    *this = TokenState();
    random = Random(seed);
}

void TokenState::reseed(std::uint64_t seed) {
    drop_sessions();
    initialized = false;
    present = true;
    fault_at = slow_ns = delay_ns = calls = faults = 0;
    random = Random(seed);
}

void TokenState::set_present(bool now) {
    present = now;
    if (!present) drop_sessions();
}

void TokenState::drop_sessions() {
    sessions.clear();
    std::erase_if(objects, [](const auto& entry) { return entry.second.session != CK_INVALID_HANDLE; });
}

void TokenState::close(CK_SESSION_HANDLE handle) {
    sessions.erase(handle);
    std::erase_if(objects, [&](const auto& entry) { return entry.second.session == handle; });
}

Stored* TokenState::find(CK_OBJECT_HANDLE handle, const TokenSession& session) {
    const auto found = objects.find(handle);
    if (found == objects.end()) return nullptr;
    const bool hidden = found->second.object.flag(CKA_PRIVATE) && session.user != CK_USER_TYPE{CKU_USER};
    return hidden ? nullptr : &found->second;
}

CK_OBJECT_HANDLE TokenState::add(TokenObject object, CK_SESSION_HANDLE session) {
    const CK_OBJECT_HANDLE handle = ++m_next_handle;
    const bool stays = object.flag(CKA_TOKEN);
    objects.emplace(handle, Stored{std::move(object), stays ? CK_INVALID_HANDLE : session});
    return handle;
}

}  // namespace giro::test
