// Every request the vault takes and every reply its callers do, and the public bundle.
#include "tests/fuzz/target.hpp"
#include "vault/bundle.hpp"
#include "vault/wire.hpp"

namespace {
using namespace giro;
template <typename Message>
void round_trip(Bytes body) {
    const auto message = vault::decode<Message>(body);
    if (!message) return;
    Buffer out;
    vault::encode(out, *message);
    fuzz::require(out.size() == body.size());
}
template <typename... Verb>
void both_sides(Bytes body) {
    (round_trip<typename Verb::Request>(body), ...);
    (round_trip<typename Verb::Reply>(body), ...);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vault;
    both_sides<VaultStatus, MacVerify, MacGenerate, NewSessionKey, ProtectPan, RevealPan, TlsSign, SignCheckpoint, LastCheckpoint,
               SignTx, SignBlock, RandomBytes, PublicKeys, IssueCertificate, InjectTerminalKey>(fuzz::bytes(data, size));
    static_cast<void>(parse_bundle(fuzz::text(data, size)));
    return 0;
}
