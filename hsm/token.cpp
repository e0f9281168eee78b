#include "hsm/token.hpp"

#include <algorithm>
#include <utility>

namespace giro::hsm {

namespace {
std::string_view label_of(const CK_TOKEN_INFO& info) noexcept {
    std::string_view label(reinterpret_cast<const char*>(info.label), sizeof(info.label));
    return label.substr(0, label.find_last_not_of(' ') + 1);
}

// The first slot whose token `matches`.
template <typename Matches>
Ck<CK_SLOT_ID> first_slot(const Cryptoki& cryptoki, Matches&& matches) {
    const auto slots = cryptoki.C_GetSlotList(true);
    if (!slots) return tl::unexpected(slots.error());
    for (const CK_SLOT_ID slot : *slots) {
        const auto info = cryptoki.C_GetTokenInfo(slot);
        if (info && matches(*info)) return slot;  // a slot that cannot be asked is not the one
    }
    return ck_error(CKR_TOKEN_NOT_PRESENT);
}

bool g_module_lives = false;  // some Module of this process: PKCS#11 has one state per process
}  // namespace

Ck<std::unique_ptr<Module>> Module::initialize(const Cryptoki& cryptoki) {
    auto done = cryptoki.C_Initialize();
    if (!done && done.error().code == CKR_CRYPTOKI_ALREADY_INITIALIZED && !g_module_lives) {
        // The C_Finalize of an earlier one failed, as it may when the token is pulled: it is still due.
        if (const auto finalized = cryptoki.C_Finalize(); !finalized) return tl::unexpected(finalized.error());
        done = cryptoki.C_Initialize();
    }
    if (!done) return tl::unexpected(done.error());
    return std::unique_ptr<Module>(new Module(cryptoki));
}

Module::Module(const Cryptoki& cryptoki) noexcept : m_cryptoki(cryptoki) { g_module_lives = true; }

Module::~Module() {
    g_module_lives = false;
    static_cast<void>(m_cryptoki.C_Finalize());  // going anyway; initialize() makes good what fails here
}

Ck<CK_SLOT_ID> Module::find_slot(std::string_view label) const {
    return first_slot(m_cryptoki, [&](const CK_TOKEN_INFO& info) {
        return (info.flags & CKF_TOKEN_INITIALIZED) != 0 && label_of(info) == label;
    });
}

Ck<CK_SLOT_ID> Module::find_blank_slot() const {
    return first_slot(m_cryptoki, [](const CK_TOKEN_INFO& info) { return (info.flags & CKF_TOKEN_INITIALIZED) == 0; });
}

Ck<Session> Session::open(const Module& module, CK_SLOT_ID slot) {
    const auto handle = module.cryptoki().C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION);
    if (!handle) return tl::unexpected(handle.error());
    return Session(module.cryptoki(), *handle);
}

Session::Session(Session&& other) noexcept
    : m_cryptoki(other.m_cryptoki), m_handle(std::exchange(other.m_handle, CK_INVALID_HANDLE)) {}

Session::~Session() {
    if (m_handle != CK_INVALID_HANDLE) static_cast<void>(m_cryptoki.C_CloseSession(m_handle));  // gone with the token
}

Ck<void> Session::login(CK_USER_TYPE user, Bytes pin) const { return m_cryptoki.C_Login(m_handle, user, pin); }

Object::Object(Object&& other) noexcept
    : m_session(other.m_session), m_handle(std::exchange(other.m_handle, CK_INVALID_HANDLE)) {}

Object& Object::operator=(Object&& other) noexcept {
    std::swap(m_session, other.m_session);
    std::swap(m_handle, other.m_handle);
    return *this;
}

Object::~Object() {
    if (m_handle != CK_INVALID_HANDLE)
        static_cast<void>(
            m_session->cryptoki().C_DestroyObject(m_session->handle(), m_handle));  // gone with the session
}

Ck<std::unique_ptr<Token>> Token::open(const Cryptoki& cryptoki, std::string_view label, Bytes pin) {
    auto module = Module::initialize(cryptoki);
    if (!module) return tl::unexpected(module.error());
    const auto slot = (*module)->find_slot(label);
    if (!slot) return tl::unexpected(slot.error());
    auto session = Session::open(**module, *slot);
    if (!session) return tl::unexpected(session.error());
    if (const auto done = session->login(CKU_USER, pin); !done) return tl::unexpected(done.error());
    return std::unique_ptr<Token>(new Token(std::move(*module), *slot, std::move(*session)));
}

Ck<void> Token::create(const Cryptoki& cryptoki, std::string_view label, Bytes so_pin, Bytes pin) {
    auto module = Module::initialize(cryptoki);
    if (!module) return tl::unexpected(module.error());
    const auto blank = (*module)->find_blank_slot();
    if (!blank) return tl::unexpected(blank.error());
    if (const auto done = cryptoki.C_InitToken(*blank, so_pin, label); !done) return done;
    const auto slot = (*module)->find_slot(label);
    if (!slot) return tl::unexpected(slot.error());
    const auto session = Session::open(**module, *slot);
    if (!session) return tl::unexpected(session.error());
    if (const auto done = session->login(CKU_SO, so_pin); !done) return done;
    return cryptoki.C_InitPIN(session->handle(), pin);
}

Ck<void> Token::probe(CK_OBJECT_HANDLE witness) const {
    const Cryptoki& cryptoki = m_session.cryptoki();
    if (const auto info = cryptoki.C_GetTokenInfo(m_slot); !info) return tl::unexpected(info.error());
    CK_ULONG type = 0;
    std::array<CK_ATTRIBUTE, 1> wanted{{{CKA_KEY_TYPE, &type, sizeof type}}};
    return cryptoki.C_GetAttributeValue(m_session.handle(), witness, wanted);
}

}  // namespace giro::hsm
