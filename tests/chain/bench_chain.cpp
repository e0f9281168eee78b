// bench_chain: how fast blocks are ground and 2-of-3 spends verified, as one JSON line. Medians of five. Beside the grinding:
// what OpenSSL does of nothing but the two SHA-256 blocks that each try is.
#define OPENSSL_SUPPRESS_DEPRECATED  // SHA256_Transform: there is no other door to the bare block function
#include <fmt/format.h>
#include <openssl/sha.h>

#include <cstdio>

#include "chain/grinder.hpp"
#include "chain/sighash.hpp"
#include "chain/verify.hpp"
#include "support.hpp"
#include "tests/bench/measure.hpp"

using namespace giro;
using namespace giro::chain;

namespace {
template <typename Work>
double median_rate(double units, Work work) {
    return bench::median_of_runs([&] {
        const auto start = bench::Steady::now();
        work();
        return units / bench::seconds_since(start);
    });
}
}  // namespace

int main() {
    const BlockHeader header = genesis_block().header;
    const Uint256 impossible(1);
    constexpr std::uint32_t kHashes = 1U << 21, kVerifications = 1000;
    const double grinding = median_rate(kHashes, [&] {
        const auto found = has_sha_ni() ? grind_sha_ni(header, impossible, 0, kHashes)
                                        : grind_portable(header, impossible, 0, kHashes);
        ASSERT(!found);
    });
    const double bare = median_rate(kHashes, [&] {
        SHA256_CTX state;
        std::array<unsigned char, SHA256_CBLOCK> data{};
        SHA256_Init(&state);
        for (std::uint32_t i = 0; i < 2 * kHashes; ++i) SHA256_Transform(&state, data.data());
        ASSERT(state.h[0] != 0);
    });
    const double portable =
        median_rate(kHashes / 8, [&] { ASSERT(!grind_portable(header, impossible, 0, kHashes / 8)); });

    const auto& net = test::testnet();
    const TxOut spent{kCoin, net.params.challenge};
    Tx tx{2, {TxIn{{}, {}, kSequenceFinal, {}}}, {{1, net.params.challenge}}, 0};
    const Hash256 hash = bip143_sighash(tx, 0, net.witness_script, kCoin);
    const std::vector<Buffer> signatures{net.signers[0].sign(hash), net.signers[2].sign(hash)};
    tx.inputs[0].witness = multisig_witness(signatures, net.witness_script);
    const double verifying = median_rate(kVerifications, [&] {
        for (std::uint32_t i = 0; i < kVerifications; ++i) ASSERT(verify_spend(tx, 0, spent));
    });
    fmt::print(
        "{{\"grind_hashes_per_s\":{:.0f},\"bare_hashes_per_s\":{:.0f},\"grind_of_bare\":{:.3f},\"grind_portable_hashes_per_s\":{:.0f},"
        "\"verify_p2wsh_2of3_per_s\":{:.0f},\"sha_ni\":{}}}\n",
        grinding, bare, grinding / bare, portable, verifying, has_sha_ni());
    return 0;
}
