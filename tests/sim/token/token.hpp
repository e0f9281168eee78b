// The state of the simulated token: one slot, its PINs, objects, sessions, the faults a test ordered. module.cpp is the
// C_ functions on top. Internal to tests/sim/token.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "tests/sim/token/crypto.hpp"

namespace giro::test {

inline constexpr CK_SLOT_ID kSlot = 7;  // not 0: nobody may count on a number

struct TokenSession {
    std::optional<CK_USER_TYPE> user;
    std::vector<CK_OBJECT_HANDLE> found;  // what C_FindObjects has still to give
    bool finding = false;
    struct Operation {
        CK_MECHANISM_TYPE mechanism;
        CK_OBJECT_HANDLE key;
        GcmParams gcm;
        Buffer iv;
    };
    std::optional<Operation> signing, encrypting, decrypting;
};

struct Stored {
    TokenObject object;
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;  // of a session object: goes with it
};

class TokenState {
  public:
    // Every C_ function asks first: counts the call, and gives the fault that was ordered for it.
    CK_RV enter();
    // enter(), and the session is there. A token that was pulled has none.
    CK_RV enter(CK_SESSION_HANDLE handle, TokenSession*& out);

    void reset(std::uint64_t seed);
    void reseed(std::uint64_t seed);
    void set_present(bool present);
    void drop_sessions();
    void close(CK_SESSION_HANDLE handle);
    [[nodiscard]] Stored* find(CK_OBJECT_HANDLE handle, const TokenSession& session);
    CK_OBJECT_HANDLE add(TokenObject object, CK_SESSION_HANDLE session);

    bool initialized = false;  // C_Initialize
    bool present = true;
    bool bad_signatures = false;
    bool has_label = false;  // C_InitToken
    std::array<CK_UTF8CHAR, 32> label{};
    std::optional<Buffer> so_pin, pin;
    std::map<CK_OBJECT_HANDLE, Stored> objects;
    std::map<CK_SESSION_HANDLE, TokenSession> sessions;
    Random random{0};

    CK_RV fault_code = CKR_OK;
    std::uint64_t fault_at = 0;
    bool fault_for_ever = false;
    std::uint64_t slow_ns = 0, delay_ns = 0, calls = 0, faults = 0;

  private:
    CK_ULONG m_next_handle = 1;
};

TokenState& token();

}  // namespace giro::test
