// A provisioned vault of three banks in a folder of its own, with officers enrolled. The keys are made once a process;
// each fixture works on a copy of them.
#pragma once

#include <botan/ecdsa.h>
#include <botan/pkcs8.h>
#include <botan/pubkey.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <botan/x509_key.h>

#include <map>

#include "hsm/vault.hpp"
#include "hsm/verbs.hpp"
#include "tests/hsm/token_fixture.hpp"
#include "util/log.hpp"
#include "vault/digests.hpp"

namespace giro::test {

struct Officer {
    std::string name;
    std::string private_pem;
    std::string public_pem;
    [[nodiscard]] vault::SignTx::Approval approve(const Hash256& digest) const {
        const Bytes text = as_bytes(private_pem);
        return {name, vault::sign_approval(Secret(Buffer(text.begin(), text.end())), digest).value()};
    }
};

inline Officer make_officer(std::string name) {
    const Botan::RSA_PrivateKey key(Botan::system_rng(), 2048);
    return {std::move(name), Botan::PKCS8::PEM_encode(key), Botan::X509::PEM_encode(key)};
}

inline const std::vector<Officer>& officers() {
    static const std::vector<Officer> all = {make_officer("alice"), make_officer("bob"), make_officer("carol")};
    return all;
}

// `module`: the PKCS#11 library; empty: SoftHSM.
inline hsm::VaultConfig config_in(const std::filesystem::path& root, const std::filesystem::path& module = {}) {
    hsm::VaultConfig config;
    if (!module.empty()) config.module = module;
    config.folder = root / "vault";
    config.bundle = root / "pub" / "bundle.json";
    config.participants = {{1, "alpha"}, {2, "beta"}, {3, "gamma"}};
    return config;
}

inline const std::filesystem::path& provisioned_box(const std::filesystem::path& module = {}) {
    static std::map<std::filesystem::path, TempDir> boxes;
    const bool is_new = !boxes.contains(module);
    const TempDir& dir = boxes[module];
    if (is_new) {
        const auto done = hsm::provision(config_in(dir.path(), module), [](const std::string&) {});
        REQUIRE_MESSAGE(done.has_value(), done.error().what);
    }
    return dir.path();
}

class BoxFixture {
  public:
    explicit BoxFixture(std::filesystem::path module = {}) : m_module(std::move(module)) {
        std::filesystem::copy(provisioned_box(m_module), m_dir.path(), std::filesystem::copy_options::recursive);
        for (const Officer& o : officers()) enrol(o.name, o.public_pem);
        restart();
    }
    // A new start of the program on the same folder.
    void restart() {
        m_vault.reset();
        auto vault = hsm::Vault::open(config());
        REQUIRE_MESSAGE(vault.has_value(), vault.error().what);
        m_vault = std::move(*vault);
    }
    void stop() { m_vault.reset(); }
    void enrol(const std::string& name, const std::string& public_pem) {
        REQUIRE(write_file_atomic(config().folder / "officers" / (name + ".pem"), as_bytes(public_pem)).has_value());
    }
    [[nodiscard]] hsm::VaultConfig config() const { return config_in(m_dir.path(), m_module); }
    [[nodiscard]] hsm::Vault& vault() { return *m_vault; }
    [[nodiscard]] hsm::Vault::Present& at() { return *m_vault->present(); }
    [[nodiscard]] vault::Bundle bundle() const { return vault::load_bundle(config().bundle).value(); }

    // A verb as the wire carries it, by a caller of the right name unless another is given.
    template <typename V>
    hsm::Answer ask(const typename V::Request& request, hsm::Caller caller, hsm::Permit permit = hsm::Permit::running) {
        Buffer body;
        vault::encode(body, request);
        return hsm::dispatch(*m_vault, caller, permit, static_cast<std::uint16_t>(V::kType), body);
    }
    template <typename V>
    typename V::Reply get(const typename V::Request& request, hsm::Caller caller,
                          hsm::Permit permit = hsm::Permit::running) {
        const auto answer = ask<V>(request, caller, permit);
        REQUIRE(answer.status == bus::Status::ok);
        auto reply = vault::decode<typename V::Reply>(answer.body);
        REQUIRE(reply.has_value());
        return std::move(*reply);
    }

  private:
    std::filesystem::path m_module;
    TempDir m_dir;
    std::unique_ptr<hsm::Vault> m_vault;
};

}  // namespace giro::test
