// The vault's messages: what is encoded decodes to the same, and nothing else decodes; terminal keys and digests.
#include <botan/pkcs8.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <botan/x509_key.h>
#include <doctest/doctest.h>

#include "util/bytes.hpp"
#include "util/hash.hpp"
#include "vault/bundle.hpp"
#include "vault/digests.hpp"
#include "vault/terminal_keys.hpp"
#include "vault/payment_wire.hpp"
#include "vault/wire.hpp"

namespace giro::test {

using namespace vault;

namespace {
// Decodes, encodes again, and expects the same bytes; then every truncation and one byte more to be refused. Flipped
// bits may decode (most fields take any value) but then encode to what they were read from.
template <typename Message>
void check_codec(const Message& message) {
    Buffer bytes;
    encode(bytes, message);
    const auto back = decode<Message>(bytes);
    REQUIRE(back.has_value());
    Buffer again;
    encode(again, *back);
    CHECK(again == bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK(!decode<Message>(Bytes(bytes).first(size)));
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(!decode<Message>(longer));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        Buffer flipped = bytes;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        const auto other = decode<Message>(flipped);
        if (!other) continue;
        Buffer out;
        encode(out, *other);
        CHECK(out == flipped);
    }
}
}  // namespace

TEST_CASE("wire: every request and reply comes back as it was sent, and truncated or longer not at all") {
    const Buffer data = {std::byte{1}, std::byte{2}, std::byte{3}};
    const Pan pan = *Pan::parse("5413330089604111");
    const TerminalId terminal("T0000001");
    check_codec(VaultStatus::Request{});
    check_codec(VaultStatus::Reply{true});
    check_codec(MacVerify::Request{{{terminal, {}, {}, data}, {terminal, {}, {}, {}}}});
    check_codec(MacVerify::Reply{{true, false, true}});
    check_codec(MacGenerate::Request{{{terminal, {}, data}}});
    check_codec(MacGenerate::Reply{{Mac8{}, Mac8{std::byte{1}}}});
    check_codec(NewSessionKey::Request{terminal});
    check_codec(NewSessionKey::Reply{});
    check_codec(ProtectPan::Request{{pan, *Pan::parse("54133300")}});
    check_codec(ProtectPan::Reply{{ProtectedPan{}}});
    check_codec(RevealPan::Request{{ProtectedPan{}}});
    check_codec(RevealPan::Reply{{pan}});
    check_codec(TlsSign::Request{});
    check_codec(TlsSign::Reply{data});
    check_codec(SignCheckpoint::Request{{7, Hash256{std::byte{1}}, Hash256{std::byte{2}}}});
    check_codec(SignCheckpoint::Reply{});
    check_codec(LastCheckpoint::Request{});
    check_codec(LastCheckpoint::Reply{});
    check_codec(LastCheckpoint::Reply{SignedCheckpoint{{7, {}, {}}, {}}});
    check_codec(SignTx::Request{9, data, {{100, 1}, {200, 0}}, {{"alice", data}, {"bob", {}}}});
    check_codec(SignTx::Reply{{{{}, data}, {data}}});
    check_codec(SignBlock::Request{});
    check_codec(SignBlock::Reply{data});
    check_codec(RandomBytes::Request{32});
    check_codec(RandomBytes::Reply{data});
    check_codec(PublicKeys::Request{});
    check_codec(PublicKeys::Reply{"{}"});
    check_codec(IssueCertificate::Request{CertificateRole::admin, "alice", data});
    check_codec(IssueCertificate::Reply{data});
    check_codec(MacVerify::Request{{{terminal, {}, {}, data, MacKind::x9_19}}});
    check_codec(MacGenerate::Request{{{terminal, {}, data, MacKind::hmac_sha256}}});
    check_codec(NewSessionKey::Request{terminal, MacKind::x9_19, true, Nonce{std::byte{9}}});
    check_codec(InjectTerminalKey::Request{terminal});
    check_codec(InjectTerminalKey::Reply{Secret(kTerminalKeyBytes), Kcv{}});
}

TEST_CASE("wire: every payment request and reply comes back as it was sent, and truncated or longer not at all") {
    const Buffer ksn(12, std::byte{5}), block(16, std::byte{6}), data = {std::byte{1}, std::byte{2}, std::byte{3}};
    const Pan pan = *Pan::parse("5413330089604111");
    const KeyName name("zone-1.old");
    const EncryptedPin pin{name, ksn, PinFormat::iso4, block, TerminalId("T0000001"), Nonce{std::byte{7}}};
    check_codec(DukptVerify::Request{{{name, ksn, {}, data, MacKind::x9_19}, {name, {}, {}, {}}}});
    check_codec(DukptVerify::Reply{{DukptVerdict::good, DukptVerdict::repeated}});
    check_codec(DukptMac::Request{{{name, ksn, data}}});
    check_codec(DukptMac::Reply{{{true, Mac8{std::byte{1}}}, {}}});
    check_codec(PinTranslate::Request{{{pin, pan, name, PinFormat::iso0}}});
    check_codec(PinTranslate::Reply{{block, {}}});
    check_codec(PinVerify::Request{{{pin, pan, PinMethod::ibm_3624, name, data}}});
    check_codec(PinVerify::Reply{{{PinVerdict::wrong, 2}, {PinVerdict::locked, 0}}});
    check_codec(CvvVerify::Request{{{name, pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")}}});
    check_codec(CvvVerify::Reply{{true, false}});
    check_codec(ArqcVerify::Request{{{name, pan, 1, true, 18, data}}});
    check_codec(ArqcVerify::Reply{{{ArqcVerdict::used, {}, {}}, {ArqcVerdict::good, data, data}}});
    check_codec(KeyList::Request{});
    check_codec(KeyList::Reply{{{name, "D0000P0TB00E0000", {}}}});
    check_codec(KeyImport::Request{name, name, "D0000P0TB00E0000"});
    check_codec(KeyImport::Reply{{name, "D0000P0TB00E0000", {}}});
    check_codec(KeyExport::Request{name, name});
    check_codec(KeyExport::Reply{"D0000P0TB00E0000", {}});
    check_codec(KeyRotate::Request{name, ""});
    check_codec(KeyRotate::Reply{{name, "", {}}});
    check_codec(KeyComponent::Request{name, "D0000K0AN00N0000", "alice", data, Secret(Buffer(32, std::byte{1}))});
    check_codec(KeyComponent::Reply{{}, true, {}});
    check_codec(PinUnlock::Request{});
    check_codec(PinUnlock::Reply{});
}

TEST_CASE("wire: counts and sizes over their bounds are refused before anything is allocated for them") {
    Buffer count;
    Writer(count).u16(kBatchItemsMax + 1);
    CHECK(!decode<MacVerify::Request>(count));
    Buffer tx;
    Writer w(tx);
    w.u64(1);
    w.u32(kTxBytesMax + 1);
    tx.resize(tx.size() + kTxBytesMax + 1);
    w.u16(0);
    w.u16(0);
    CHECK(!decode<SignTx::Request>(tx));
}

TEST_CASE("wire: a flag that is neither 0 nor 1, an unknown role and letters for a PAN are refused") {
    CHECK(!decode<VaultStatus::Reply>(Buffer{std::byte{2}}));
    Buffer role;
    encode(role, IssueCertificate::Request{CertificateRole::server, "a", {}});
    role[0] = std::byte{0};
    CHECK(!decode<IssueCertificate::Request>(role));
    role[0] = std::byte{4};
    CHECK(!decode<IssueCertificate::Request>(role));
    Buffer pan;
    encode(pan, ProtectPan::Request{{*Pan::parse("5413330089604111")}});
    pan[5] = std::byte{'x'};
    CHECK(!decode<ProtectPan::Request>(pan));
}

TEST_CASE("terminal keys: the MAC is RFC 4493's, cut to eight bytes") {
    const Secret key(from_hex("2b7e151628aed2a6abf7158809cf4f3c").value());
    CHECK(to_hex(mac8(key, from_hex("6bc1bee22e409f96e93d7e117393172a").value())) == "070a16b46b4d4144");
    CHECK(to_hex(mac8(key, {})) == "bb1d6929e9593728");
}

TEST_CASE("terminal keys: a session key is the TMK's AES-256 of the nonce and of its complement") {
    // FIPS-197 C.3: the AES-256 of 00112233…ff under 000102…1f is 8ea2b7ca516745bfeafc49904b496089.
    const Secret tmk(from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").value());
    const auto nonce = array_from_hex<16>("00112233445566778899aabbccddeeff").value();
    const Secret key = derive_session_key(tmk, nonce);
    CHECK(to_hex(key.reveal().first(16)) == "8ea2b7ca516745bfeafc49904b496089");
    const auto complement = array_from_hex<16>("ffeeddccbbaa99887766554433221100").value();
    CHECK(to_hex(derive_session_key(tmk, complement).reveal().subspan(16)) == "8ea2b7ca516745bfeafc49904b496089");
    CHECK(to_hex(kcv(key)) == to_hex(Bytes(mac8(key, ByteArray<16>{})).first(3)));
}

TEST_CASE("digests: an approval covers window, transaction and every amount, in that order") {
    const Buffer tx = {std::byte{0xaa}, std::byte{0xbb}};
    const std::int64_t amounts[] = {1, 0x0102};
    // Written out by hand: the prefix, 5 as u64, the two bytes, 1 and 258 as u64, all little-endian.
    const Buffer message = from_hex(
                               "6769726f2d617070726f76616c2d7631"
                               "0500000000000000"
                               "aabb"
                               "0100000000000000"
                               "0201000000000000")
                               .value();
    CHECK(approval_digest(5, tx, amounts) == sha256(message));
}

TEST_CASE("digests: an officer's signature verifies with his key over this digest only") {
    const Botan::RSA_PrivateKey key(Botan::system_rng(), 2048);
    const std::string secret = Botan::PKCS8::PEM_encode(key);
    const std::string shown = Botan::X509::PEM_encode(key);
    const Bytes secret_bytes = as_bytes(secret);
    const auto signature = sign_approval(Secret(Buffer(secret_bytes.begin(), secret_bytes.end())), Hash256{});
    REQUIRE(signature.has_value());
    CHECK(verify_approval(shown, Hash256{}, *signature));
    CHECK(!verify_approval(shown, Hash256{std::byte{1}}, *signature));
    CHECK(!verify_approval("no key", Hash256{}, *signature));
    CHECK(!verify_approval(shown, Hash256{}, {}));
    CHECK(sign_approval(Secret(Buffer(4)), Hash256{}).error().kind == Failure::Kind::config);
    const Botan::RSA_PrivateKey weak(Botan::system_rng(), 1024);
    const std::string weak_pem = Botan::PKCS8::PEM_encode(weak);
    const Bytes weak_bytes = as_bytes(weak_pem);
    CHECK(!sign_approval(Secret(Buffer(weak_bytes.begin(), weak_bytes.end())), Hash256{}));
}

TEST_CASE("bundle: what is written is read back, and anything else is an integrity failure") {
    Bundle bundle;
    bundle.participants.push_back({7, "seven", {}});
    bundle.participants[0].settlement.address = "tb1q";
    bundle.block.witness_script = {std::byte{0x52}};
    const auto back = parse_bundle(to_json(bundle));
    REQUIRE(back.has_value());
    CHECK(to_json(*back) == to_json(bundle));
    CHECK(back->participants.at(0).name == "seven");
    for (const std::string bad : {"", "{}", "[]", "{\"format\":2}"}) {
        const auto refused = parse_bundle(bad);
        REQUIRE(!refused);
        CHECK(refused.error().kind == Failure::Kind::integrity);
    }
    CHECK(load_bundle("/nonexistent/bundle.json").error().kind == Failure::Kind::not_provisioned);
}

}  // namespace giro::test
