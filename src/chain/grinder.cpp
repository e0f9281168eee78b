#include "chain/grinder.hpp"

#include <bit>

#include "chain/grinder_detail.hpp"
#include "chain/pow.hpp"

namespace giro::chain {

namespace detail {
namespace {
// FIPS 180-4, 6.2.2, in plain C++.
void compress(Sha256State& state, const std::array<std::uint32_t, 16>& block) noexcept {
    std::array<std::uint32_t, 64> w;
    for (std::size_t t = 0; t < 16; ++t) w[t] = block[t];
    for (std::size_t t = 16; t < 64; ++t) {
        const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
        const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t t = 0; t < 64; ++t) {
        const std::uint32_t big1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const std::uint32_t t1 = h + big1 + ((e & f) ^ (~e & g)) + kSha256K[t] + w[t];
        const std::uint32_t big0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const std::uint32_t t2 = big0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const Sha256State out{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state[i] += out[i];
}

// The block that hashes a 32-byte hash: 8 words, one bit, the length 256.
std::array<std::uint32_t, 16> block_of(const Sha256State& hash) noexcept {
    std::array<std::uint32_t, 16> block{};
    for (std::size_t i = 0; i < 8; ++i) block[i] = hash[i];
    block[8] = 0x80000000;
    block[15] = 256;
    return block;
}
}  // namespace

PreparedHeader prepare(const BlockHeader& header, const Uint256& target) {
    const auto bytes = encode_header(header);
    PreparedHeader prepared;
    std::array<std::uint32_t, 16> first;
    for (std::size_t i = 0; i < 16; ++i) first[i] = load_be<std::uint32_t>(bytes.data() + 4 * i);
    prepared.midstate = kSha256Start;
    compress(prepared.midstate, first);
    for (std::size_t i = 0; i < 4; ++i) prepared.tail[i] = load_be<std::uint32_t>(bytes.data() + 64 + 4 * i);
    prepared.tail[4] = 0x80000000;
    prepared.tail[15] = 8 * kHeaderBytes;
    prepared.top_word_max = static_cast<std::uint32_t>(target.limbs[3] >> 32);
    return prepared;
}

bool nonce_meets(BlockHeader header, std::uint32_t nonce, const Uint256& target) {
    header.nonce = nonce;
    return meets_target(block_hash(header), target);
}
}  // namespace detail

std::optional<std::uint32_t> grind_portable(const BlockHeader& header, const Uint256& target, std::uint32_t first,
                                            std::uint32_t count) {
    detail::PreparedHeader prepared = detail::prepare(header, target);
    for (std::uint32_t i = 0; i < count; ++i) {
        prepared.tail[detail::kNonceWord] = detail::swap_bytes(first + i);
        detail::Sha256State inner = prepared.midstate, outer = detail::kSha256Start;
        detail::compress(inner, prepared.tail);
        detail::compress(outer, detail::block_of(inner));
        if (detail::swap_bytes(outer[7]) > prepared.top_word_max) continue;
        if (detail::nonce_meets(header, first + i, target)) return first + i;
    }
    return std::nullopt;
}

GrindResult grind(const BlockHeader& header, const KeepGrinding& keep_going, std::uint32_t first_nonce) {
    static const auto engine = has_sha_ni() ? grind_sha_ni : grind_portable;
    const auto target = target_from_bits(header.bits);
    ASSERT(target);
    constexpr std::uint64_t kNonces = std::uint64_t{1} << 32;
    GrindResult result;
    std::uint64_t next = first_nonce & ~1U;  // engines work in pairs
    while (next < kNonces) {
        const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(kGrindSlice, kNonces - next));
        const auto nonce = engine(header, *target, static_cast<std::uint32_t>(next), count);
        if (nonce) {
            result.hashes += *nonce - next + 1;
            result.nonce = *nonce;
            result.end = GrindResult::End::found;
            return result;
        }
        next += count;
        result.hashes += count;
        if (!keep_going(result.hashes)) {
            result.end = GrindResult::End::stopped;
            return result;
        }
    }
    return result;
}

}  // namespace giro::chain
