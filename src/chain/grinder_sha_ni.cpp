// The grinding engine for processors with the SHA extensions. Two nonces side by side: one alone would wait for the
// latency of sha256rnds2.
#include "chain/grinder.hpp"
#include "chain/grinder_detail.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace giro::chain {

#if defined(__x86_64__)

namespace {
#define GIRO_SHA_NI __attribute__((target("sha,sse4.1,ssse3")))

// One compression under way. The instruction wants the eight state words as ABEF and CDGH.
struct Lane {
    __m128i abef, cdgh;      // working variables
    __m128i w0, w1, w2, w3;  // the next 16 schedule words
};
struct Packed {
    __m128i abef, cdgh;
};

GIRO_SHA_NI inline Packed pack(const detail::Sha256State& s) noexcept {
    const auto word = [](std::uint32_t v) { return static_cast<int>(v); };
    return {_mm_set_epi32(word(s[0]), word(s[1]), word(s[4]), word(s[5])),
            _mm_set_epi32(word(s[2]), word(s[3]), word(s[6]), word(s[7]))};
}

GIRO_SHA_NI inline __m128i load(const std::uint32_t* words) noexcept {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(words));
}

// Four rounds with the schedule words w0.
GIRO_SHA_NI inline void rounds(Lane& lane, __m128i k) noexcept {
    const __m128i wk = _mm_add_epi32(lane.w0, k);
    lane.cdgh = _mm_sha256rnds2_epu32(lane.cdgh, lane.abef, wk);
    lane.abef = _mm_sha256rnds2_epu32(lane.abef, lane.cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

// Drops w0 and computes the words 16 places on.
GIRO_SHA_NI inline void extend(Lane& lane) noexcept {
    const __m128i sigma0 = _mm_sha256msg1_epu32(lane.w0, lane.w1);
    const __m128i sum = _mm_add_epi32(sigma0, _mm_alignr_epi8(lane.w3, lane.w2, 4));
    const __m128i next = _mm_sha256msg2_epu32(sum, lane.w3);
    lane.w0 = lane.w1;
    lane.w1 = lane.w2;
    lane.w2 = lane.w3;
    lane.w3 = next;
}

GIRO_SHA_NI inline void shift(Lane& lane) noexcept {
    lane.w0 = lane.w1;
    lane.w1 = lane.w2;
    lane.w2 = lane.w3;
}

GIRO_SHA_NI inline void compress_two(Lane& a, Lane& b, const Packed& start) noexcept {
    a.abef = b.abef = start.abef;
    a.cdgh = b.cdgh = start.cdgh;
    for (std::size_t t = 0; t < 48; t += 4) {
        const __m128i k = load(detail::kSha256K.data() + t);
        rounds(a, k);
        rounds(b, k);
        extend(a);
        extend(b);
    }
    for (std::size_t t = 48; t < 64; t += 4) {
        const __m128i k = load(detail::kSha256K.data() + t);
        rounds(a, k);
        rounds(b, k);
        shift(a);
        shift(b);
    }
    a.abef = _mm_add_epi32(a.abef, start.abef);
    a.cdgh = _mm_add_epi32(a.cdgh, start.cdgh);
    b.abef = _mm_add_epi32(b.abef, start.abef);
    b.cdgh = _mm_add_epi32(b.cdgh, start.cdgh);
}

// The second hash's block from the first hash: ABCD and EFGH in order, one bit, the length 256.
GIRO_SHA_NI inline void load_hash(Lane& lane) noexcept {
    const __m128i feba = _mm_shuffle_epi32(lane.abef, 0x1b);  // A B E F from the low end
    const __m128i hgdc = _mm_shuffle_epi32(lane.cdgh, 0x1b);  // C D G H from the low end
    lane.w0 = _mm_unpacklo_epi64(feba, hgdc);
    lane.w1 = _mm_unpackhi_epi64(feba, hgdc);
    lane.w2 = _mm_set_epi32(0, 0, 0, static_cast<int>(0x80000000));
    lane.w3 = _mm_set_epi32(256, 0, 0, 0);
}

GIRO_SHA_NI inline std::uint32_t last_word(const Lane& lane) noexcept {
    return static_cast<std::uint32_t>(_mm_cvtsi128_si32(lane.cdgh));  // H
}

GIRO_SHA_NI std::optional<std::uint32_t> grind_two(const BlockHeader& header, const Uint256& target,
                                                   std::uint32_t first, std::uint32_t count) {
    const detail::PreparedHeader prepared = detail::prepare(header, target);
    const Packed midstate = pack(prepared.midstate), start = pack(detail::kSha256Start);
    const __m128i w0 = load(prepared.tail.data()), w1 = load(prepared.tail.data() + 4);
    const __m128i w2 = load(prepared.tail.data() + 8), w3 = load(prepared.tail.data() + 12);
    for (std::uint32_t i = 0; i < count; i += 2) {
        const std::uint32_t nonce = first + i;
        Lane a{{}, {}, _mm_insert_epi32(w0, static_cast<int>(detail::swap_bytes(nonce)), 3), w1, w2, w3};
        Lane b{{}, {}, _mm_insert_epi32(w0, static_cast<int>(detail::swap_bytes(nonce + 1)), 3), w1, w2, w3};
        compress_two(a, b, midstate);
        load_hash(a);
        load_hash(b);
        compress_two(a, b, start);
        if (detail::swap_bytes(last_word(a)) <= prepared.top_word_max && detail::nonce_meets(header, nonce, target))
            return nonce;
        if (detail::swap_bytes(last_word(b)) <= prepared.top_word_max && detail::nonce_meets(header, nonce + 1, target))
            return nonce + 1;
    }
    return std::nullopt;
}

#undef GIRO_SHA_NI

bool detect() noexcept {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
    constexpr unsigned kShaBit = 1U << 29;  // CPUID leaf 7, EBX
    return (ebx & kShaBit) != 0 && __builtin_cpu_supports("sse4.1") != 0;
}
}  // namespace

bool has_sha_ni() noexcept {
    static const bool has = detect();
    return has;
}

std::optional<std::uint32_t> grind_sha_ni(const BlockHeader& header, const Uint256& target, std::uint32_t first,
                                          std::uint32_t count) {
    ASSERT(has_sha_ni() && count % 2 == 0);
    return grind_two(header, target, first, count);
}

#else

bool has_sha_ni() noexcept {
    return false;
}

std::optional<std::uint32_t> grind_sha_ni(const BlockHeader& header, const Uint256& target, std::uint32_t first,
                                          std::uint32_t count) {
    return grind_portable(header, target, first, count);
}

#endif

}  // namespace giro::chain
