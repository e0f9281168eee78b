// The vault as a whole: provisioning twice, a token that goes away and comes back, wrong PIN, wrong keys.
#include <botan/x509cert.h>

#include "hsm/certificate.hpp"
#include "tests/hsm/box_fixture.hpp"

namespace giro::test {

using namespace hsm;
using bus::Status;

namespace {
const vault::MacGenerate::Request kMac = {{{TerminalId("T0000001"), {}, {}}}};

// Moves a box's token store aside and back: what pulling a token is for SoftHSM.
class Pulled {
  public:
    explicit Pulled(const VaultConfig& config) : m_here(config.folder / "tokens"), m_away(config.folder / "away") {
        std::filesystem::rename(m_here, m_away);
    }
    void put_back() { std::filesystem::rename(m_away, m_here); }

  private:
    std::filesystem::path m_here, m_away;
};

Botan::X509_Certificate certificate(std::string_view pem) {
    return Botan::X509_Certificate(std::vector<std::uint8_t>(pem.begin(), pem.end()));
}
}  // namespace

TEST_CASE("vault: a token that goes away is noticed and refused, and served again when it is back, without a restart") {
    BoxFixture box;
    const auto before = box.get<vault::MacGenerate>(kMac, Caller::giro_switch);
    Pulled pulled(box.config());
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.vault().present() == nullptr);
    CHECK(!box.get<vault::VaultStatus>({}, Caller::giro_switch).token_present);
    const Answer refused = box.ask<vault::MacGenerate>(kMac, Caller::giro_switch);
    CHECK(refused.status == Status::token_absent);
    CHECK(!refused.close_peer);
    CHECK(box.ask<vault::PublicKeys>({}, Caller::gate).status == Status::ok);  // needs no token
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.vault().present() == nullptr);  // still away

    pulled.put_back();
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.get<vault::VaultStatus>({}, Caller::giro_switch).token_present);
    CHECK(box.get<vault::MacGenerate>(kMac, Caller::giro_switch).macs == before.macs);
}

TEST_CASE("vault: a request that meets the lost token before the tick does is refused too") {
    BoxFixture box;
    Pulled pulled(box.config());
    const Answer refused = box.ask<vault::SignCheckpoint>({{1, {}, {}}}, Caller::auditor);
    CHECK(refused.status == Status::token_absent);
    CHECK(box.vault().present() == nullptr);
    pulled.put_back();
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.ask<vault::SignCheckpoint>({{1, {}, {}}}, Caller::auditor).status == Status::ok);
}

TEST_CASE("vault: starts without its token and serves once it is there") {
    BoxFixture box;
    box.stop();
    Pulled pulled(box.config());
    box.restart();
    CHECK(box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).status == Status::token_absent);
    pulled.put_back();
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.ask<vault::MacGenerate>(kMac, Caller::giro_switch).status == Status::ok);
}

TEST_CASE("vault: half a token is away, not a reason to stop") {
    BoxFixture box;
    Pulled pulled(box.config());
    REQUIRE(box.vault().tick().has_value());
    std::filesystem::create_directories(box.config().folder / "tokens");  // copied back file by file: nothing there yet
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.vault().present() == nullptr);
    std::filesystem::remove(box.config().folder / "tokens");
    pulled.put_back();
    REQUIRE(box.vault().tick().has_value());
    CHECK(box.vault().present() != nullptr);
}

TEST_CASE("vault: a wrong PIN is one clear line at the start, and ends the program when it happens later") {
    BoxFixture box;
    box.stop();
    const auto pin = box.config().folder / "pin";
    const Buffer good = read_file(pin).value();
    REQUIRE(write_file_atomic(pin, as_bytes("00000000")).has_value());
    const auto opened = Vault::open(box.config());
    REQUIRE(!opened);
    CHECK(opened.error().kind == Failure::Kind::not_provisioned);
    CHECK(opened.error().what.find("CKR_PIN_INCORRECT") != std::string::npos);
    CHECK(opened.error().what.find("00000000") == std::string::npos);
    CHECK(opened.error().what.find('\n') == std::string::npos);

    Pulled pulled(box.config());
    box.restart();  // with the wrong PIN, which nobody has refused yet
    pulled.put_back();
    const auto ticked = box.vault().tick();
    REQUIRE(!ticked);
    CHECK(ticked.error().kind == Failure::Kind::not_provisioned);
}

TEST_CASE("vault: a PIN that others may read, or none, stops the start") {
    BoxFixture box;
    box.stop();
    const auto pin = box.config().folder / "pin";
    std::filesystem::permissions(pin, std::filesystem::perms(0644));
    CHECK(Vault::open(box.config()).error().kind == Failure::Kind::config);
    std::filesystem::remove(pin);
    CHECK(Vault::open(box.config()).error().kind == Failure::Kind::not_provisioned);
}

TEST_CASE("vault: keys that are missing or not those of the bundle stop the start") {
    BoxFixture box;
    box.stop();
    auto more = box.config();
    more.participants.push_back({4, "delta"});
    const auto missing = Vault::open(more);
    REQUIRE(!missing);
    CHECK(missing.error().kind == Failure::Kind::not_provisioned);
    CHECK(missing.error().what.find("settle.4.1") != std::string::npos);

    auto bundle = box.bundle();
    std::swap(bundle.block, bundle.issuer);
    REQUIRE(write_file_atomic(box.config().bundle, as_bytes(vault::to_json(bundle))).has_value());
    CHECK(Vault::open(box.config()).error().kind == Failure::Kind::integrity);
    std::filesystem::remove(box.config().bundle);
    CHECK(Vault::open(box.config()).error().kind == Failure::Kind::not_provisioned);
}

TEST_CASE("provision: a second run changes nothing; a new participant gets keys and the others keep theirs") {
    BoxFixture box;
    box.stop();
    std::vector<std::string> steps;
    const auto progress = [&](const std::string& step) { steps.push_back(step); };
    const Buffer bundle = read_file(box.config().bundle).value();
    REQUIRE(provision(box.config(), progress).has_value());
    CHECK(steps.empty());
    CHECK(read_file(box.config().bundle).value() == bundle);

    auto more = box.config();
    more.participants.push_back({4, "delta"});
    REQUIRE(provision(more, progress).has_value());
    CHECK(steps.size() == 4);  // three keys and the bundle
    const auto now = vault::load_bundle(more.bundle).value();
    const auto then = vault::parse_bundle(as_text(bundle)).value();
    CHECK(now.participants.size() == 4);
    CHECK(now.block.script == then.block.script);
    CHECK(now.participants[2].settlement.script == then.participants[2].settlement.script);
}

TEST_CASE("provision: a token without its PIN, or a box without its token, is not made anew in silence") {
    BoxFixture box;
    box.stop();
    const auto quiet = [](const std::string&) {};
    const auto config = box.config();
    std::filesystem::rename(config.folder / "pin", config.folder / "pin.away");
    CHECK(provision(config, quiet).error().kind == Failure::Kind::integrity);
    std::filesystem::rename(config.folder / "pin.away", config.folder / "pin");
    std::filesystem::rename(config.folder / "tokens", config.folder / "away");
    std::filesystem::create_directories(config.folder / "tokens");
    CHECK(provision(config, quiet).error().kind == Failure::Kind::integrity);
}

TEST_CASE("keys: every private and secret key of a provisioned box is locked in") {
    BoxFixture box;
    const auto ids = box.config().participant_ids();
    CHECK(key_table(ids).size() == 7 + 3 * (2 + ids.size()));
    for (const KeySpec& spec : key_table(ids)) {
        CAPTURE(spec.label);
        const bool secret = spec.kind == KeyKind::aes256;
        const auto key = find_key(box.at().session(), secret ? CKO_SECRET_KEY : CKO_PRIVATE_KEY, spec.label).value();
        REQUIRE(key);
        CHECK(is_locked_in(box.at().session(), *key).value());
    }
    const auto& keys = box.at().keys;
    for (const auto hot : {keys.identity_p256, keys.terminal_master, keys.storage_pan, keys.storage_token})
        CHECK(is_locked_in(box.at().session(), hot).value());
}

TEST_CASE("certificates: the authority signs itself, the server's and a terminal's; another library agrees") {
    BoxFixture box;
    const auto bundle = box.bundle();
    const auto ca = certificate(bundle.ca_certificate);
    const auto server = certificate(bundle.server_certificate);
    const auto ca_key = ca.load_subject_public_key();
    CHECK(ca.is_CA_cert());
    CHECK(ca.check_signature(*ca_key));
    CHECK(server.check_signature(*ca_key));
    CHECK(!server.is_CA_cert());
    CHECK(server.matches_dns_name("localhost"));
    CHECK(server.has_ex_constraint(Botan::OID("1.3.6.1.5.5.7.3.1")));

    const Buffer spki = p256_spki(box.at().keys.checkpoint_p256_public);
    const auto reply = box.get<vault::IssueCertificate>({vault::CertificateRole::terminal, "T0000001", spki},
                                                        Caller::admin, Permit::provisioning);
    const auto terminal = certificate(certificate_pem(reply.der));
    CHECK(terminal.check_signature(*ca_key));
    CHECK(terminal.subject_info("X520.CommonName").at(0) == "T0000001");
    CHECK(terminal.subject_info("X520.OrganizationalUnit").at(0) == "terminal");
    CHECK(terminal.has_ex_constraint(Botan::OID("1.3.6.1.5.5.7.3.2")));
    CHECK(!terminal.has_ex_constraint(Botan::OID("1.3.6.1.5.5.7.3.1")));
}

TEST_CASE("certificates: bad names and keys are refused and close the peer") {
    BoxFixture box;
    const Buffer spki = p256_spki(box.at().keys.checkpoint_p256_public);
    const auto closed = [&](const std::string& name, Bytes key) {
        return box.ask<vault::IssueCertificate>({vault::CertificateRole::terminal, name, key}, Caller::admin,
                                                Permit::provisioning)
            .close_peer;
    };
    CHECK(closed("", spki));
    CHECK(closed("a/b", spki));
    CHECK(closed("T\n1", spki));
    CHECK(closed("T1", {}));
    Buffer cut = spki;
    cut.pop_back();
    CHECK(closed("T1", cut));
    Buffer longer = spki;
    longer.push_back(std::byte{0});
    CHECK(closed("T1", longer));
}

}  // namespace giro::test
