// The vault's wire form, both ways, and the public bundle that every program reads.
#include <algorithm>

#include "tests/fuzz/targets.hpp"
#include "vault/bundle.hpp"
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
