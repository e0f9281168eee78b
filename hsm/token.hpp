// A token found by its label, a logged-in session on it, and the objects in it, all of which clean up after themselves.
//
// Runs in giro-vault alone. The token may go away at any moment: then calls answer an error whose token_lost() is true,
// and Token::open() again is the way back, without a restart of the program.
#pragma once

#include <memory>

#include "hsm/cryptoki.hpp"
#include "util/secret.hpp"

namespace giro::hsm {

// Bounds: PKCS#11 pads labels to 32 bytes; a PIN is 4 to 255 bytes in SoftHSM.
inline constexpr std::size_t kLabelBytesMax = 32;

// C_Initialize while it lives, C_Finalize when it goes. At most one at a time in a process.
class Module {
  public:
    [[nodiscard]] static Ck<std::unique_ptr<Module>> initialize(const Cryptoki& cryptoki);
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;
    ~Module();
    [[nodiscard]] const Cryptoki& cryptoki() const noexcept { return m_cryptoki; }
    // The slot whose token has this label; CKR_TOKEN_NOT_PRESENT when none has. Slot numbers change: never keep one.
    [[nodiscard]] Ck<CK_SLOT_ID> find_slot(std::string_view label) const;
    // A slot whose token is not initialised yet; CKR_TOKEN_NOT_PRESENT when there is none.
    [[nodiscard]] Ck<CK_SLOT_ID> find_blank_slot() const;

  private:
    explicit Module(const Cryptoki& cryptoki) noexcept;
    Cryptoki m_cryptoki;
};

// One read-write session. Closes itself.
class Session {
  public:
    [[nodiscard]] static Ck<Session> open(const Module& module, CK_SLOT_ID slot);
    Session(Session&& other) noexcept;
    Session& operator=(Session&&) = delete;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();
    [[nodiscard]] Ck<void> login(CK_USER_TYPE user, Bytes pin) const;
    [[nodiscard]] CK_SESSION_HANDLE handle() const noexcept { return m_handle; }
    [[nodiscard]] const Cryptoki& cryptoki() const noexcept { return m_cryptoki; }

  private:
    Session(const Cryptoki& cryptoki, CK_SESSION_HANDLE handle) noexcept : m_cryptoki(cryptoki), m_handle(handle) {}
    Cryptoki m_cryptoki;
    CK_SESSION_HANDLE m_handle;
};

// A session object (C_DestroyObject) owned by this value. The session must live longer.
class Object {
  public:
    Object(const Session& session, CK_OBJECT_HANDLE handle) noexcept : m_session(&session), m_handle(handle) {}
    Object(Object&& other) noexcept;
    Object& operator=(Object&& other) noexcept;
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    ~Object();
    [[nodiscard]] CK_OBJECT_HANDLE handle() const noexcept { return m_handle; }

  private:
    const Session* m_session;
    CK_OBJECT_HANDLE m_handle;
};

// The module, the token of this label and a session logged in as its user.
class Token {
  public:
    // CKR_TOKEN_NOT_PRESENT: no token with this label. CKR_PIN_INCORRECT: the PIN file is not this token's.
    [[nodiscard]] static Ck<std::unique_ptr<Token>> open(const Cryptoki& cryptoki, std::string_view label, Bytes pin);
    // Initialises a blank slot as `label` with these PINs (C_InitToken, C_InitPIN). Only `giro-vault provision` calls
    // it.
    [[nodiscard]] static Ck<void> create(const Cryptoki& cryptoki, std::string_view label, Bytes so_pin, Bytes pin);
    [[nodiscard]] const Session& session() const noexcept { return m_session; }
    // Still there? Asks the token for its label and reads `witness`, a key stored in it, anew.
    [[nodiscard]] Ck<void> probe(CK_OBJECT_HANDLE witness) const;

  private:
    Token(std::unique_ptr<Module> module, CK_SLOT_ID slot, Session session) noexcept
        : m_module(std::move(module)), m_slot(slot), m_session(std::move(session)) {}
    std::unique_ptr<Module> m_module;  // declared first: finalised after the session is closed
    CK_SLOT_ID m_slot;
    Session m_session;
};

}  // namespace giro::hsm
