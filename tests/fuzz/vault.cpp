// The vault's wire form, both ways, and the public bundle that every program reads.
#include <algorithm>

#include "tests/fuzz/targets.hpp"
#include "payment/key_block_header.hpp"
#include "vault/bundle.hpp"
#include "vault/payment_wire.hpp"
#include "vault/wire.hpp"

namespace giro::fuzz {

namespace {
using namespace vault;

template <typename Message>
void comes_back(Bytes body) {
    const auto message = decode<Message>(body);
    if (!message) return;
    Buffer out;
    encode(out, *message);
    ASSERT(std::ranges::equal(out, body));
}
using Reader = void (*)(Bytes);
template <typename... Verb>
constexpr auto readers_of() {
    return std::array<Reader, 2 * sizeof...(Verb)>{comes_back<typename Verb::Request>...,
                                                   comes_back<typename Verb::Reply>...};
}
constexpr auto kReaders =
    readers_of<VaultStatus, MacVerify, MacGenerate, NewSessionKey, ProtectPan, RevealPan, TlsSign, SignCheckpoint,
               LastCheckpoint, SignTx, SignBlock, RandomBytes, PublicKeys, IssueCertificate, InjectTerminalKey>();

constexpr auto kPaymentReaders = readers_of<DukptVerify, DukptMac, PinTranslate, PinVerify, CvvVerify, ArqcVerify, KeyList,
                                            KeyImport, KeyExport, KeyRotate, KeyComponent, PinUnlock>();

template <typename Message>
Buffer encoded(const Message& message) {
    Buffer out;
    encode(out, message);
    return out;
}
MultisigKeys keys(std::uint8_t n) {
    MultisigKeys out;
    for (auto& key : out.keys) key.fill(std::byte{n});
    out.witness_script = Buffer(105, std::byte{n});
    out.script = Buffer(34, std::byte{n});
    out.address = "tb1q";
    return out;
}
}  // namespace

void run_vault_wire(Bytes input) {
    kReaders[take_choice(input, kReaders.size())](input);
}
Seeds seeds_vault_wire() {
    const Buffer data = {std::byte{1}, std::byte{2}, std::byte{3}};
    const Pan pan = *Pan::parse("5413330089604111");
    const TerminalId terminal("T0000001");
    const Seeds bodies = {encoded(VaultStatus::Request{}),
                          encoded(MacVerify::Request{{{terminal, {}, {}, data}, {terminal, {}, {}, {}}}}),
                          encoded(MacGenerate::Request{{{terminal, {}, data}}}),
                          encoded(NewSessionKey::Request{terminal}),
                          encoded(ProtectPan::Request{{pan, *Pan::parse("54133300")}}),
                          encoded(RevealPan::Request{{ProtectedPan{}}}),
                          encoded(TlsSign::Request{}),
                          encoded(SignCheckpoint::Request{{7, {}, {}}}),
                          encoded(LastCheckpoint::Request{}),
                          encoded(SignTx::Request{9, data, {{100, 1}, {200, 0}}, {{"alice", data}, {"bob", {}}}}),
                          encoded(SignBlock::Request{}),
                          encoded(RandomBytes::Request{32}),
                          encoded(PublicKeys::Request{}),
                          encoded(IssueCertificate::Request{CertificateRole::admin, "alice", data}),
                          encoded(InjectTerminalKey::Request{terminal}),
                          encoded(VaultStatus::Reply{true}),
                          encoded(MacVerify::Reply{{true, false}}),
                          encoded(MacGenerate::Reply{{Mac8{}}}),
                          encoded(NewSessionKey::Reply{}),
                          encoded(ProtectPan::Reply{{ProtectedPan{}}}),
                          encoded(RevealPan::Reply{{pan, {}}}),
                          encoded(TlsSign::Reply{data}),
                          encoded(SignCheckpoint::Reply{}),
                          encoded(LastCheckpoint::Reply{SignedCheckpoint{{7, {}, {}}, {}}}),
                          encoded(SignTx::Reply{{{{}, data}, {data}}}),
                          encoded(SignBlock::Reply{data}),
                          encoded(RandomBytes::Reply{data}),
                          encoded(PublicKeys::Reply{"{}"}),
                          encoded(IssueCertificate::Reply{data}),
                          encoded(InjectTerminalKey::Reply{Secret(kTerminalKeyBytes), Kcv{}})};
    ASSERT(bodies.size() == kReaders.size());
    Seeds seeds;
    for (std::size_t i = 0; i < bodies.size(); ++i) seeds.push_back(chosen(i, bodies[i]));
    seeds.push_back(chosen(23, encoded(LastCheckpoint::Reply{})));
    Buffer count;
    Writer(count).u16(kBatchItemsMax + 1);
    for (const std::size_t verb : {1U, 2U, 4U, 5U, 16U, 17U, 19U, 20U}) seeds.push_back(chosen(verb, count));
    return seeds;
}

void run_vault_payment(Bytes input) {
    kPaymentReaders[take_choice(input, kPaymentReaders.size())](input);
}
Seeds seeds_vault_payment() {
    const Buffer ksn(12, std::byte{5}), block(16, std::byte{6}), data = {std::byte{1}, std::byte{2}, std::byte{3}};
    const Pan pan = *Pan::parse("5413330089604111");
    const KeyName name("zone-1");
    const std::string header = "D0000P0TB00E0000";
    const EncryptedPin pin{name, ksn, PinFormat::iso4, block, TerminalId("T0000001"), Nonce{std::byte{7}}};
    const Seeds bodies = {encoded(DukptVerify::Request{{{name, ksn, {}, data, MacKind::x9_19}}}),
                          encoded(DukptMac::Request{{{name, ksn, data}}}),
                          encoded(PinTranslate::Request{{{pin, pan, name, PinFormat::iso0}}}),
                          encoded(PinVerify::Request{{{pin, pan, PinMethod::ibm_3624, name, data}}}),
                          encoded(CvvVerify::Request{{{name, pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")}}}),
                          encoded(ArqcVerify::Request{{{name, pan, 1, true, 18, data}}}),
                          encoded(KeyList::Request{}),
                          encoded(KeyImport::Request{name, name, header}),
                          encoded(KeyExport::Request{name, name}),
                          encoded(KeyRotate::Request{name, header}),
                          encoded(KeyComponent::Request{name, header, "alice", data, Secret(Buffer(32, std::byte{1}))}),
                          encoded(PinUnlock::Request{}),
                          encoded(DukptVerify::Reply{{DukptVerdict::good}}),
                          encoded(DukptMac::Reply{{{true, {}}}}),
                          encoded(PinTranslate::Reply{{block, {}}}),
                          encoded(PinVerify::Reply{{{PinVerdict::wrong, 2}}}),
                          encoded(CvvVerify::Reply{{true, false}}),
                          encoded(ArqcVerify::Reply{{{ArqcVerdict::good, data, data}}}),
                          encoded(KeyList::Reply{{{name, header, {}}}}),
                          encoded(KeyImport::Reply{{name, header, {}}}),
                          encoded(KeyExport::Reply{header, {}}),
                          encoded(KeyRotate::Reply{{name, header, {}}}),
                          encoded(KeyComponent::Reply{}),
                          encoded(PinUnlock::Reply{})};
    ASSERT(bodies.size() == kPaymentReaders.size());
    Seeds seeds;
    for (std::size_t i = 0; i < bodies.size(); ++i) seeds.push_back(chosen(i, bodies[i]));
    return seeds;
}

void run_key_block_header(Bytes input) {
    const auto header = payment::parse_key_block_header(as_text(input));
    if (!header) {
        ASSERT(header.error().kind == Failure::Kind::refused);
        return;
    }
    ASSERT(header->header_bytes <= input.size());
    const std::string text = payment::format_key_block_header(*header, 1);
    const auto again = payment::parse_key_block_header(text);
    ASSERT(again && again->optional == header->optional && again->usage == header->usage && again->length == header->length);
    for (const auto word : {payment::usage_text(header->usage), payment::algorithm_text(header->algorithm), payment::mode_text(header->mode),
                            payment::exportability_text(header->exportability), payment::version_text(header->version)})
        ASSERT(!word.empty());
    const std::string filled = payment::format_key_block_header(*header, 16);  // as a block cipher wants it
    const auto full = payment::parse_key_block_header(filled);
    if (filled.size() > payment::kKeyBlockBytesMax || header->optional.size() == payment::kOptionalBlocksMax) return;
    ASSERT((filled.size() - payment::kHeaderBytes) % 16 == 0 && full && full->optional.size() <= header->optional.size() + 1);
    ASSERT(std::equal(header->optional.begin(), header->optional.end(), full->optional.begin()));
}
Seeds seeds_key_block_header() {
    return {owned("D0112P0AE00E0000B82679114F470F54"), owned("B0104B0TX12S0100KS1800604B120F9292800000BB68"),
            owned("D0144K0AN00N0200KS0004001800604B120F929PB0C00000000"), owned("E0084B0TV16N0000B2AE5E26"),
            owned("D0400P0AE00E0100TS0004012C" + std::string(290, 'A')), owned(std::string(payment::kKeyBlockBytesMax + 1, '0'))};
}

void run_vault_bundle(Bytes input) {
    if (const auto bundle = parse_bundle(as_text(input)))
        ASSERT(parse_bundle(to_json(*bundle)).has_value());
    else
        ASSERT(bundle.error().kind == Failure::Kind::integrity);
}
Seeds seeds_vault_bundle() {
    Bundle bundle;
    bundle.block = keys(1);
    bundle.issuer = keys(2);
    bundle.participants = {{1, "north", keys(3)}};
    bundle.ca_certificate = bundle.server_certificate = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    return {owned(to_json(bundle)), owned("{}"), owned("[")};
}

}  // namespace giro::fuzz
