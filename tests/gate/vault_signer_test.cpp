#include "appliance/giro-gate/vault_signer.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "box.hpp"
#include "bus/endpoint.hpp"
#include "tests/net/fixture.hpp"
#include "util/bytes.hpp"

namespace {
using namespace giro;
using namespace giro::gate;

// A vault on a thread of its own, since the signer waits for it. Signs with the digest itself, or refuses.
class FakeVault {
  public:
    explicit FakeVault(const std::filesystem::path& run_dir) {
        bus::Handlers handlers;
        handlers.record = [this](bus::PeerId peer, const bus::Record& record) { answer(peer, record); };
        auto bound = bus::Server::bind(m_loop, m_context, run_dir / "vault.gate", std::move(handlers));
        ASSERT(bound.has_value());
        m_server = std::move(*bound);
        m_watch.every(10);
        m_thread = std::thread([this] { m_loop.run(); });
    }
    ~FakeVault() {
        m_ends = true;
        m_thread.join();
    }
    FakeVault(const FakeVault&) = delete;
    FakeVault& operator=(const FakeVault&) = delete;
    std::atomic<bool> refuses{false};
    std::atomic<int> asked{0};

  private:
    void answer(bus::PeerId peer, const bus::Record& record) {
        ++asked;
        const auto request = vault::decode<vault::TlsSign::Request>(record.body);
        REQUIRE(request.has_value());
        Buffer body;
        vault::encode(body, vault::TlsSign::Reply{Buffer(request->digest.begin(), request->digest.end())});
        if (refuses)
            m_server->send(peer, {record.type, bus::Status::token_absent, record.correlation, as_bytes("no token")});
        else
            m_server->send(peer, {record.type, bus::Status::ok, record.correlation, body});
    }
    bus::Loop m_loop;
    bus::Context m_context;
    std::unique_ptr<bus::Server> m_server;
    std::atomic<bool> m_ends{false};
    bus::Timer m_watch{m_loop, [this] {
                           if (m_ends) m_loop.stop();
                       }};
    std::thread m_thread;
};

struct Fixture {
    TemporaryFolder folder;
    net::ManualClock clock;
    EventLog events{clock};
    VaultSigner signer{folder.path(), clock, events};
    Hash256 digest{std::byte{7}};
    [[nodiscard]] Result<Buffer> sign() { return signer.sign_digest(digest); }
};
}  // namespace

TEST_CASE("vault signer: the signature is the vault's") {
    Fixture f;
    FakeVault vault(f.folder.path());
    for (int i = 1; i <= 3; ++i) {
        const auto signature = f.sign();
        REQUIRE(signature.has_value());
        CHECK(to_hex(*signature) == to_hex(f.digest));
        CHECK(vault.asked == i);
    }
}

TEST_CASE("vault signer: after a refusal the vault is left alone for a while, then asked again") {
    Fixture f;
    FakeVault vault(f.folder.path());
    vault.refuses = true;
    CHECK_FALSE(f.sign().has_value());
    CHECK(vault.asked == 1);
    vault.refuses = false;
    CHECK_FALSE(f.sign().has_value());
    f.clock.advance_ms(kVaultRest_ms - 1);
    CHECK_FALSE(f.sign().has_value());
    CHECK(vault.asked == 1);
    f.clock.advance_ms(1);
    CHECK(f.sign().has_value());
    CHECK(f.events.count(Event::signature_missing) == 1);
}

TEST_CASE("vault signer: without a vault there is an answer all the same, and one when the vault has come") {
    Fixture f;
    CHECK_FALSE(f.sign().has_value());
    FakeVault vault(f.folder.path());
    f.clock.advance_ms(kVaultRest_ms);
    CHECK(f.sign().has_value());
}
