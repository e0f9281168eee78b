// A real SoftHSM2 token in a folder of its own that is removed with it. One at a time in a process (PKCS#11's own
// rule).
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "hsm/mechanism.hpp"
#include "hsm/provision.hpp"
#include "util/file.hpp"

namespace giro::test {

inline constexpr std::string_view kLabel = "test";
inline constexpr std::string_view kPin = "123456789";

class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return m_path; }

  private:
    std::filesystem::path m_path;
};

inline hsm::Cryptoki softhsm() {
    auto cryptoki = hsm::Cryptoki::load(hsm::kDefaultModule);
    REQUIRE_MESSAGE(cryptoki.has_value(), cryptoki.error().what);
    return *cryptoki;
}

// An initialised token without keys, and a logged-in session.
class TokenFixture {
  public:
    TokenFixture() : m_cryptoki(softhsm()) {
        REQUIRE(hsm::prepare_softhsm(m_dir.path()).has_value());
        REQUIRE(
            hsm::Token::create(m_cryptoki, kLabel, as_bytes("so-" + std::string(kPin)), as_bytes(kPin)).has_value());
        reopen();
    }
    void reopen() {
        m_token.reset();
        auto token = hsm::Token::open(m_cryptoki, kLabel, as_bytes(kPin));
        REQUIRE_MESSAGE(token.has_value(), token.error().name());
        m_token = std::move(*token);
    }
    void close() { m_token.reset(); }
    [[nodiscard]] const hsm::Session& session() const { return m_token->session(); }
    [[nodiscard]] const hsm::Cryptoki& cryptoki() const { return m_cryptoki; }
    [[nodiscard]] hsm::Token& token() { return *m_token; }
    [[nodiscard]] std::filesystem::path tokens() const { return m_dir.path() / "tokens"; }

    // A key of given value as a session object: for vectors, which the product never does.
    [[nodiscard]] hsm::Object import_aes(Bytes value, hsm::KeyUse use) const {
        hsm::Template t;
        t.number(CKA_CLASS, CKO_SECRET_KEY)
            .number(CKA_KEY_TYPE, CKK_AES)
            .flag(CKA_TOKEN, false)
            .flag(CKA_SIGN, use == hsm::KeyUse::sign)
            .flag(CKA_ENCRYPT, use == hsm::KeyUse::encrypt)
            .flag(CKA_DECRYPT, use == hsm::KeyUse::encrypt)
            .flag(CKA_DERIVE, use == hsm::KeyUse::derive)
            .bytes(CKA_VALUE, value);
        const auto key = m_cryptoki.C_CreateObject(session().handle(), t.attributes());
        REQUIRE(key.has_value());
        return {session(), *key};
    }

  private:
    TempDir m_dir;
    hsm::Cryptoki m_cryptoki;
    std::unique_ptr<hsm::Token> m_token;
};

inline std::filesystem::path vectors() { return std::filesystem::path(GIRO_SOURCE_DIR) / ".." / "shared" / "vectors"; }

}  // namespace giro::test
