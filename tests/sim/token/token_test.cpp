// The simulated token under the product's own hsm code: keys, mechanisms, strictness, and every call that can fail.
#include "tests/sim/token/control.hpp"

#include <botan/x509cert.h>

#include "chain/verify.hpp"
#include "tests/hsm/box_fixture.hpp"
#include "util/hash.hpp"
#include "vault/client.hpp"
#include "vault/terminal_keys.hpp"

namespace giro::test {

using namespace hsm;
using bus::Status;

namespace {
// A provisioned box of one bank on the simulated token.
class SimBox {
  public:
    explicit SimBox(std::uint64_t seed = 1) {
        test_token().reset(seed);
        const auto done = provision(config(), [](const std::string&) {});
        REQUIRE_MESSAGE(done, (done ? "" : done.error().what));
        restart();
    }
    void restart() {
        m_vault.reset();
        auto opened = Vault::open(config());
        REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().what));
        m_vault = std::move(*opened);
    }
    [[nodiscard]] VaultConfig config() const {
        VaultConfig config = config_in(m_dir.path());
        config.participants = {{1, "alpha"}};
        config.module = test_token_module();
        return config;
    }
    [[nodiscard]] Vault& vault() { return *m_vault; }
    template <typename V>
    Answer ask(const typename V::Request& request, Caller caller) {
        Buffer body;
        vault::encode(body, request);
        return dispatch(*m_vault, caller, Permit::running, static_cast<std::uint16_t>(V::kType), body);
    }

  private:
    TempDir m_dir;
    std::unique_ptr<Vault> m_vault;
};

const vault::MacGenerate::Request kMac = {{{TerminalId("T0000001"), {}, {}}}};
vault::ProtectPan::Request pan_request() {
    return {{Pan::parse("5413330089604111").value()}};
}

CK_OBJECT_HANDLE key_of(const Session& session, CK_OBJECT_CLASS object_class, std::string_view label) {
    return find_key(session, object_class, label).value().value();
}
}  // namespace

TEST_CASE("sim token: the vault provisions it, opens it again and finds the same keys; another seed has others") {
    SimBox box(1);
    const auto before = box.ask<vault::MacGenerate>(kMac, Caller::giro_switch);
    CHECK(before.status == Status::ok);
    box.restart();
    CHECK(box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).body == before.body);
    const Buffer public_keys = box.ask<vault::PublicKeys>({}, Caller::gate).body;
    SimBox same(1);
    CHECK(same.ask<vault::MacGenerate>(kMac, Caller::giro_switch).body == before.body);
    SimBox other(2);
    CHECK(other.ask<vault::MacGenerate>(kMac, Caller::giro_switch).body != before.body);
}

TEST_CASE("sim token: AES-CMAC and GCM give the published values, ECDSA verifies with other libraries") {
    SimBox box;
    const Session& session = box.vault().present()->session();
    const auto import = [&](std::string_view hex, CK_ATTRIBUTE_TYPE use) {
        Template t;
        t.number(CKA_CLASS, CKO_SECRET_KEY)
            .number(CKA_KEY_TYPE, CKK_AES)
            .flag(CKA_TOKEN, false)
            .flag(use, true)
            .flag(CKA_DECRYPT, use == CKA_ENCRYPT)
            .bytes(CKA_VALUE, from_hex(hex).value());
        return session.cryptoki().C_CreateObject(session.handle(), t.attributes()).value();
    };
    // RFC 4493 4, example 2.
    const auto mac = cmac(session, import("2b7e151628aed2a6abf7158809cf4f3c", CKA_SIGN),
                          from_hex("6bc1bee22e409f96e93d7e117393172a").value());
    CHECK(to_hex(mac.value()) == "070a16b46b4d4144f79bdd9dd04a287c");
    // The GCM specification (McGrew, Viega), test case 4.
    const CK_OBJECT_HANDLE key = import("feffe9928665731c6d6a8f9467308308", CKA_ENCRYPT);
    const auto nonce = array_from_hex<12>("cafebabefacedbaddecaf888").value();
    const Buffer aad = from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2").value();
    const Buffer plain = from_hex(
                             "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
                             "49a6b525b16aedf5aa0de657ba637b39")
                             .value();
    const Buffer sealed = gcm_encrypt(session, key, nonce, aad, plain).value();
    CHECK(to_hex(Bytes(sealed).last(16)) == "5bc94fbc3221a5db94fae95ae7121a47");
    CHECK(equal_constant_time(gcm_decrypt(session, key, nonce, aad, sealed)->reveal(), plain));
    Buffer changed = sealed;
    changed[0] ^= std::byte{1};
    CHECK(gcm_decrypt(session, key, nonce, aad, changed).error().name() == "CKR_ENCRYPTED_DATA_INVALID");

    const auto point = ec_point(session, key_of(session, CKO_PUBLIC_KEY, "checkpoint.p256")).value();
    const CK_OBJECT_HANDLE private_key = key_of(session, CKO_PRIVATE_KEY, "checkpoint.p256");
    const auto block = box.vault().present()->keys.block;
    for (std::uint64_t i = 0; i < 20; ++i) {
        vault::SignedCheckpoint c{{i, {}, {}}, {}};
        const Hash256 digest = vault::checkpoint_digest(c.checkpoint);
        c.signature = sign_ecdsa(session, private_key, Curve::p256, digest).value();
        CHECK(vault::verify_checkpoint(point, c));
        const auto coin = sign_ecdsa(session, block.handles[0], Curve::secp256k1, digest);
        CHECK(chain::verify_ecdsa(digest, coin.value(), block.public_part.keys[0], chain::LowS::required));
    }
}

TEST_CASE("sim token: the certificates it signed are good") {
    SimBox box;
    const auto bundle = vault::load_bundle(box.config().bundle).value();
    const auto load = [](const std::string& pem) {
        return Botan::X509_Certificate(std::vector<std::uint8_t>(pem.begin(), pem.end()));
    };
    const auto ca_key = load(bundle.ca_certificate).load_subject_public_key();
    CHECK(load(bundle.server_certificate).check_signature(*ca_key));
    CHECK(load(bundle.ca_certificate).check_signature(*ca_key));
}

TEST_CASE("sim token: no private key leaves it, and none is used for what it is not for") {
    SimBox box;
    const Session& session = box.vault().present()->session();
    const CK_OBJECT_HANDLE master = key_of(session, CKO_SECRET_KEY, "terminal.master");
    ByteArray<64> out{};
    std::array<CK_ATTRIBUTE, 1> wanted{{{CKA_VALUE, out.data(), out.size()}}};
    CHECK(session.cryptoki().C_GetAttributeValue(session.handle(), master, wanted).error().name() ==
          "CKR_ATTRIBUTE_SENSITIVE");
    Template loose;
    loose.flag(CKA_EXTRACTABLE, true);
    CHECK(session.cryptoki().C_CopyObject(session.handle(), master, loose.attributes()).error().name() ==
          "CKR_ATTRIBUTE_READ_ONLY");
    CHECK(cmac(session, master, {}).error().name() == "CKR_KEY_FUNCTION_NOT_PERMITTED");
    CHECK(Token::open(session.cryptoki(), kTokenLabel, as_bytes("1234")).error().name() ==
          "CKR_CRYPTOKI_ALREADY_INITIALIZED");
}

TEST_CASE("sim token: pulled and put back, the vault refuses and then serves, without a restart") {
    SimBox box;
    const auto before = box.ask<vault::MacGenerate>(kMac, Caller::giro_switch);
    test_token().set_present(0);
    CHECK(box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).status == Status::token_absent);
    REQUIRE(box.vault().tick());
    CHECK(box.vault().present() == nullptr);
    test_token().set_present(1);
    REQUIRE(box.vault().tick());
    CHECK(box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).body == before.body);
    test_token().set_slow_ns(1'000);
    test_token().take_delay_ns();
    const auto calls = test_token().calls();
    CHECK(box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).status == Status::ok);
    CHECK(test_token().take_delay_ns() == 1'000 * (test_token().calls() - calls));
}

// Found CKR_DEVICE_ERROR from C_Finalize ("away, back and mac", k = 3): the module stayed initialised, the token away.
// Every call that a piece of work makes fails once, with each of these codes, and then the vault is asked until it
// serves.
TEST_CASE("sim token: whichever call fails, the vault answers no nonsense and serves again after some ticks") {
    log::set_level(log::Level::error);
    SimBox box;
    const Buffer mac = box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).body;
    struct Work {
        const char* name;
        std::function<Answer()> run;
    };
    std::uint64_t next = 0;
    const Work works[] = {
        {"mac", [&] { return box.ask<vault::MacGenerate>(kMac, Caller::giro_switch); }},
        {"protect", [&] { return box.ask<vault::ProtectPan>(pan_request(), Caller::giro_switch); }},
        {"checkpoint",
         [&] {
             return box.ask<vault::SignCheckpoint>({{++next, {}, {}}}, Caller::auditor);
         }},
        {"tick and mac",
         [&] {
             if (!box.vault().tick()) return Answer{};
             return box.ask<vault::MacGenerate>(kMac, Caller::giro_switch);
         }},
        {"away, back and mac",
         [&] {
             box.vault().note(CkError{CKR_DEVICE_REMOVED});
             for (int i = 0; i < 3; ++i) REQUIRE(box.vault().tick());
             return box.ask<vault::MacGenerate>(kMac, Caller::giro_switch);
         }},
    };
    for (const Work& work : works)
        for (const CK_RV code : {CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED,
                                 CKR_SESSION_HANDLE_INVALID, CKR_HOST_MEMORY, CKR_CRYPTOKI_NOT_INITIALIZED}) {
            bool clean = false;
            for (std::uint64_t k = 1; !clean; ++k) {
                CAPTURE(work.name);
                CAPTURE(CkError{code}.name());
                CAPTURE(k);
                REQUIRE(k < 500);
                const auto faults = test_token().faults();
                test_token().fail(code, k, 0);
                const Answer answer = work.run();
                test_token().fail(CKR_OK, 0, 0);
                clean = test_token().faults() == faults;
                if (clean) CHECK(answer.status == Status::ok);
                CHECK(!answer.close_peer);
                for (int i = 0; i < 3 && box.vault().present() == nullptr; ++i) REQUIRE(box.vault().tick());
                const Answer after = box.ask<vault::MacGenerate>(kMac, Caller::giro_switch);
                REQUIRE(after.status == Status::ok);
                REQUIRE(after.body == mac);
            }
        }
}

TEST_CASE("sim token: whichever call fails while the vault starts, it starts without its token and finds it later") {
    log::set_level(log::Level::error);
    SimBox box;
    const Buffer mac = box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).body;
    bool clean = false;
    for (std::uint64_t k = 1; !clean; ++k) {
        CAPTURE(k);
        REQUIRE(k < 1'000);
        const auto faults = test_token().faults();
        test_token().fail(CKR_DEVICE_ERROR, k, 0);
        box.restart();  // the calls of the end are among those that fail
        test_token().fail(CKR_OK, 0, 0);
        clean = test_token().faults() == faults;
        for (int i = 0; i < 3 && box.vault().present() == nullptr; ++i) REQUIRE(box.vault().tick());
        REQUIRE(box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).body == mac);
    }
}

}  // namespace giro::test
