// The table of verbs: who may ask for what and when; what does not decode; what must not be meant.
#include "chain/primitives.hpp"
#include "hsm/certificate.hpp"
#include "tests/hsm/payment_verbs.hpp"
#include "tests/hsm/sim_token.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "vault/terminal_keys.hpp"

namespace giro::test {

using namespace hsm;
using bus::Status;

namespace {
// A request that is fine in every way, for each verb.
struct Sample {
    bus::MessageType type;
    std::string name;
    std::vector<Caller> callers;
    Permit permit;
    Buffer body;
};

template <typename V>
Sample sample(std::string name, std::vector<Caller> callers, Permit permit, const typename V::Request& request) {
    Sample out{V::kType, std::move(name), std::move(callers), permit, {}};
    vault::encode(out.body, request);
    return out;
}

const std::vector<Caller> kEveryone(kCallers.begin(), kCallers.end());
const TerminalId kTerminal("T0000001");
const Buffer kData = {std::byte{1}, std::byte{2}, std::byte{3}};

// The specification, written again by hand: a change of the table has to be made in both places.
std::vector<Sample> samples(BoxFixture& box) {
    const Caller gate = Caller::gate, sw = Caller::giro_switch, auditor = Caller::auditor, admin = Caller::admin;
    vault::SignTx::Request sign_tx;
    chain::Tx tx;
    tx.inputs.push_back({{Hash256{std::byte{1}}, 0}, {}, chain::kSequenceFinal, {}});
    tx.outputs.push_back({900, box.at().keys.owners.at(2).public_part.script});
    static Buffer tx_bytes;  // the request only views it
    tx_bytes = chain::encode_tx(tx);
    sign_tx.window = 1;
    sign_tx.tx = tx_bytes;
    sign_tx.inputs = {{1000, 1}};
    const std::int64_t amount = 1000;
    const Hash256 digest = vault::approval_digest(1, tx_bytes, std::span(&amount, 1));
    sign_tx.approvals = {officers()[0].approve(digest), officers()[1].approve(digest)};
    vault::SignBlock::Request block;
    block.block_data[4] = std::byte{1};
    add_payment_keys(box);
    const Buffer ksn = hex("123456789012345600000001"), next_ksn = hex("123456789012345600000002");
    const Buffer pin4 = hex("a912150391ab65a67e52883d81ce2d15");
    const Buffer arqc_data = hex("00000000400000000000000001248000048000012419110501" "52bf45851800001c03a06010");
    box.vault().counters().set(ksn_id("mac-ksn", "bdk.aes", ksn), 1);  // its message was verified
    REQUIRE(box.vault().counters().commit());
    static int boxes = 0;  // names that no sample of an earlier call has taken
    const std::string number = std::to_string(++boxes);
    const Pan pan = *Pan::parse("4111111111111111");
    const vault::EncryptedPin pin{vault::KeyName("bdk.aes"), ksn, vault::PinFormat::iso4, pin4, kTerminal, {}};
    vault::ArqcVerify::Item arqc;
    arqc.key = vault::KeyName("imk");
    arqc.pan = *Pan::parse("1234567890123456");
    arqc.data = arqc_data;
    arqc.arqc = hex_array<8>("29cca15ae665fa2e");
    const std::string header = "D0000K0AN00N0000", kek_name = "kek." + number;
    vault::KeyComponent::Request half{vault::KeyName(kek_name), header, "alice", {}, Secret(32)};
    half.signature = officers()[0].approve(vault::component_digest(kek_name, header, half.component)).signature;
    box.vault().ceremony().emplace(
        Ceremony{kek_name, header, "another", Secret(Buffer(32, std::byte{1})), SystemClock{}.monotonic_ns() / 1'000'000});
    static const Buffer spki = p256_spki(box.at().keys.checkpoint_p256_public);  // any P-256 key will do
    return {
        sample<vault::VaultStatus>("status", kEveryone, Permit::running, {}),
        sample<vault::PublicKeys>("public_keys", kEveryone, Permit::running, {}),
        sample<vault::RandomBytes>("random", kEveryone, Permit::running, {32}),
        sample<vault::MacVerify>("mac_verify", {sw}, Permit::running, {{{kTerminal, {}, {}, kData}}}),
        sample<vault::MacGenerate>("mac_generate", {sw}, Permit::running, {{{kTerminal, {}, kData}}}),
        sample<vault::NewSessionKey>("new_session_key", {sw}, Permit::running, {kTerminal}),
        sample<vault::ProtectPan>("protect_pan", {sw}, Permit::running, {{*Pan::parse("5413330089604111")}}),
        sample<vault::RevealPan>("reveal_pan", {sw}, Permit::running, {{vault::ProtectedPan{}}}),
        sample<vault::TlsSign>("tls_sign", {gate}, Permit::running, {}),
        sample<vault::SignCheckpoint>("sign_checkpoint", {auditor, sw}, Permit::running, {{1, {}, {}}}),
        sample<vault::LastCheckpoint>("last_checkpoint", {auditor, sw, admin}, Permit::running, {}),
        sample<vault::SignTx>("sign_tx", {Caller::settle}, Permit::running, sign_tx),
        sample<vault::SignBlock>("sign_block", {Caller::chain}, Permit::running, block),
        sample<vault::DukptVerify>("dukpt_verify", {sw}, Permit::running, {{{vault::KeyName("bdk.aes"), next_ksn, {}, kData}}}),
        sample<vault::DukptMac>("dukpt_mac", {sw}, Permit::running, {{{vault::KeyName("bdk.aes"), ksn, kData}}}),
        sample<vault::PinTranslate>("pin_translate", {sw}, Permit::running, {{{pin, pan, vault::KeyName("zone"), vault::PinFormat::iso0}}}),
        sample<vault::PinVerify>("pin_verify", {sw}, Permit::running, {{{pin, pan, vault::PinMethod::visa_pvv, vault::KeyName("pvv"), digits("1234")}}}),
        sample<vault::CvvVerify>("cvv_verify", {sw}, Permit::running, {{{vault::KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")}}}),
        sample<vault::ArqcVerify>("arqc_verify", {sw}, Permit::running, {{arqc}}),
        sample<vault::PinUnlock>("pin_unlock", {admin}, Permit::running, {}),
        sample<vault::KeyList>("key_list", {admin}, Permit::running, {}),
        sample<vault::KeyImport>("key_import", {admin}, Permit::running, {vault::KeyName("new." + number), vault::KeyName("kek"), kKeyBlock}),
        sample<vault::KeyExport>("key_export", {admin}, Permit::running, {vault::KeyName("zone"), vault::KeyName("kek")}),
        sample<vault::KeyRotate>("key_rotate", {admin}, Permit::running, {vault::KeyName("zone"), {}}),
        sample<vault::KeyComponent>("key_component", {admin}, Permit::running, half),
        sample<vault::IssueCertificate>("issue_certificate", {admin}, Permit::provisioning,
                                        {vault::CertificateRole::terminal, "T0000001", spki}),
        sample<vault::InjectTerminalKey>("inject_terminal_key", {admin}, Permit::provisioning, {kTerminal}),
    };
}

bool is_in(const std::vector<Caller>& callers, Caller caller) {
    return std::find(callers.begin(), callers.end(), caller) != callers.end();
}
Answer ask(BoxFixture& box, const Sample& s, Caller caller, Permit permit, Bytes body) {
    return dispatch(box.vault(), caller, permit, static_cast<std::uint16_t>(s.type), body);
}
}  // namespace

TEST_CASE("verbs: each verb serves exactly its callers; every other caller is closed") {
    BoxFixture box;
    const auto all = samples(box);
    REQUIRE(all.size() == verb_table().size());
    for (const Sample& s : all) {
        for (const Caller caller : kCallers) {
            CAPTURE(s.name);
            CAPTURE(std::string(name(caller)));
            const Answer answer = ask(box, s, caller, s.permit, s.body);
            CHECK((answer.status == Status::ok) == is_in(s.callers, caller));
            CHECK(answer.close_peer == !is_in(s.callers, caller));
            if (answer.close_peer) CHECK(as_text(answer.body) == "not a verb for this caller");
        }
    }
}

TEST_CASE("verbs: provisioning verbs are closed while running, running verbs while provisioning") {
    BoxFixture box;
    const auto always = [](const Sample& s) { return s.callers.size() == kCallers.size(); };
    for (const Sample& s : samples(box)) {
        CAPTURE(s.name);
        const Permit other = s.permit == Permit::running ? Permit::provisioning : Permit::running;
        CHECK(ask(box, s, s.callers[0], other, s.body).close_peer == !always(s));
    }
}

TEST_CASE("verbs: an unknown verb, every truncation and a byte too many close the peer") {
    BoxFixture box;
    CHECK(dispatch(box.vault(), Caller::admin, Permit::running, 0x0101, {}).close_peer);
    CHECK(dispatch(box.vault(), Caller::admin, Permit::running, 0xffff, {}).close_peer);
    for (const Sample& s : samples(box)) {
        CAPTURE(s.name);
        for (std::size_t size = 0; size < s.body.size(); ++size)
            CHECK(ask(box, s, s.callers[0], s.permit, Bytes(s.body).first(size)).close_peer);
        Buffer longer = s.body;
        longer.push_back(std::byte{0});
        CHECK(ask(box, s, s.callers[0], s.permit, longer).close_peer);
    }
}

// A token in memory that fails when it is told to, call by call, until the verb no longer gets to the call that fails.
TEST_CASE("verbs: a token that fails at any call of any verb is said so, closes nobody, and serves the next one") {
    const GiroTestToken& token = sim_token(7);
    BoxFixture box(test_token_module());
    for (const CK_RV code : {CKR_FUNCTION_FAILED, CKR_DEVICE_REMOVED}) {
        box.restart();  // so that no session key is kept from before
        for (const Sample& s : samples(box)) {
            CAPTURE(s.name);
            const bool needs_token = std::ranges::find(verb_table(), s.type, &Verb::type)->needs_token;
            std::uint64_t refusals = 0;
            for (std::uint64_t k = 1;; ++k) {
                const std::uint64_t before = token.faults();
                token.fail(code, k, 0);
                const Answer answer = ask(box, s, s.callers[0], s.permit, s.body);
                if (token.faults() == before) {
                    CHECK(answer.status == Status::ok);
                    break;
                }
                CHECK_FALSE(answer.close_peer);
                // Served all the same when only the clearing away after it failed.
                if (answer.status != Status::ok) {
                    ++refusals;
                    CHECK(answer.status == (box.vault().present() == nullptr ? Status::token_absent : Status::refused));
                }
                while (box.vault().present() == nullptr) REQUIRE(box.vault().tick());
            }
            token.fail(0, 0, 0);
            if (code == CKR_FUNCTION_FAILED) CHECK((refusals > 0) == needs_token);  // later a checkpoint repeats itself
        }
    }
}

TEST_CASE("verbs: a token that dislikes one request is not a lost token: refused, and the next one is served") {
    const GiroTestToken& token = sim_token(8);
    BoxFixture box(test_token_module());
    for (const Sample& s : samples(box)) {
        if (!std::ranges::find(verb_table(), s.type, &Verb::type)->needs_token) continue;
        CAPTURE(s.name);
        token.fail(CKR_MECHANISM_INVALID, 1, 0);
        CHECK(ask(box, s, s.callers[0], s.permit, s.body).status == Status::refused);
        REQUIRE(box.vault().present() != nullptr);
        CHECK(ask(box, s, s.callers[0], s.permit, s.body).status == Status::ok);
    }
}

TEST_CASE("verbs: what must not be meant closes the peer") {
    BoxFixture box;
    CHECK(box.ask<vault::RandomBytes>({0}, Caller::gate).close_peer);
    CHECK(box.ask<vault::RandomBytes>({vault::kRandomBytesMax + 1}, Caller::gate).close_peer);
    CHECK(box.ask<vault::NewSessionKey>({TerminalId()}, Caller::giro_switch).close_peer);
    CHECK(box.ask<vault::ProtectPan>({{Pan()}}, Caller::giro_switch).close_peer);
    CHECK(box.ask<vault::SignBlock>({}, Caller::chain).close_peer);  // genesis
    CHECK(box.ask<vault::InjectTerminalKey>({TerminalId()}, Caller::admin, Permit::provisioning).close_peer);
}

TEST_CASE("verbs: random bytes come in the number asked for, and not twice the same") {
    BoxFixture box;
    const auto a = box.get<vault::RandomBytes>({32}, Caller::gate);
    const auto b = box.get<vault::RandomBytes>({32}, Caller::gate);
    CHECK(a.bytes.size() == 32);
    CHECK(a.bytes != b.bytes);
}

TEST_CASE("verbs: a terminal with its injected key makes and checks the MACs the vault does") {
    BoxFixture box;
    const auto injected = box.get<vault::InjectTerminalKey>({kTerminal}, Caller::admin, Permit::provisioning);
    const auto session = box.get<vault::NewSessionKey>({kTerminal}, Caller::giro_switch);
    const Secret key = vault::derive_session_key(injected.tmk, session.nonce);
    CHECK(vault::kcv(key) == session.kcv);
    const Secret base = vault::derive_session_key(injected.tmk, vault::Nonce{});
    CHECK(vault::kcv(base) == injected.kcv);

    const vault::Mac8 good = vault::mac8(key, kData);
    vault::Mac8 bad = good;
    bad[7] ^= std::byte{1};
    const auto verified = box.get<vault::MacVerify>({{{kTerminal, session.nonce, good, kData},
                                                      {kTerminal, session.nonce, bad, kData},
                                                      {kTerminal, vault::Nonce{}, good, kData},
                                                      {TerminalId("T0000002"), session.nonce, good, kData},
                                                      {kTerminal, vault::Nonce{}, vault::mac8(base, {}), {}}}},
                                                    Caller::giro_switch);
    CHECK(verified.good == std::vector<bool>{true, false, false, false, true});
    const auto made = box.get<vault::MacGenerate>({{{kTerminal, session.nonce, kData}}}, Caller::giro_switch);
    CHECK(made.macs.at(0) == good);
}

TEST_CASE("verbs: a PAN's token is stable, its ciphertext is not, and only the pair gives it back") {
    BoxFixture box;
    const Pan pan = *Pan::parse("5413330089604111");
    const Pan other = *Pan::parse("54133300896041119");
    const auto a = box.get<vault::ProtectPan>({{pan, other}}, Caller::giro_switch);
    const auto b = box.get<vault::ProtectPan>({{pan}}, Caller::giro_switch);
    CHECK(a.pans[0].token == b.pans[0].token);
    CHECK(a.pans[0].token != a.pans[1].token);
    CHECK(a.pans[0].cipher != b.pans[0].cipher);
    vault::ProtectedPan moved = a.pans[0];
    moved.token = a.pans[1].token;
    vault::ProtectedPan flipped = a.pans[0];
    flipped.cipher[0] ^= std::byte{1};
    const auto clear =
        box.get<vault::RevealPan>({{a.pans[0], a.pans[1], moved, flipped, b.pans[0]}}, Caller::giro_switch);
    CHECK(clear.pans[0] == pan);
    CHECK(clear.pans[1] == other);
    CHECK(clear.pans[2].empty());
    CHECK(clear.pans[3].empty());
    CHECK(clear.pans[4] == pan);  // and a wrong tag did not lose the token
}

TEST_CASE("verbs: the TLS signature verifies under the server's certificate key") {
    BoxFixture box;
    Hash256 digest{};
    digest[3] = std::byte{7};
    const auto reply = box.get<vault::TlsSign>({digest}, Caller::gate);
    const Botan::EC_Group group("secp256r1");
    const auto point = box.bundle().server_key;
    const Botan::ECDSA_PublicKey key(group,
                                     group.OS2ECP(reinterpret_cast<const std::uint8_t*>(point.data()), point.size()));
    Botan::PK_Verifier verifier(key, "Raw", Botan::DER_SEQUENCE);
    CHECK(verifier.verify_message(reinterpret_cast<const std::uint8_t*>(digest.data()), digest.size(),
                                  reinterpret_cast<const std::uint8_t*>(reply.der.data()), reply.der.size()));
}

TEST_CASE("terminal keys: the least recently used session key leaves the token and comes back the same") {
    BoxFixture box;
    TerminalKeys keys(box.at().session(), box.at().keys.terminal_master, 4);
    const auto mac_of = [&](std::uint8_t n) {
        vault::Nonce nonce{};
        nonce[0] = std::byte{n};
        return keys.mac(kTerminal, nonce, kData).value();
    };
    const auto first = mac_of(1);
    for (std::uint8_t n = 2; n <= 9; ++n) CHECK(mac_of(n) != first);
    CHECK(keys.size() == 4);
    CHECK(mac_of(1) == first);
    CHECK(keys.size() == 4);
}

}  // namespace giro::test
