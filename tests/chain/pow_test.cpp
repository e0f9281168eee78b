// Targets, retargeting, work and the grinder.
#include <doctest/doctest.h>

#include "chain/grinder.hpp"
#include "chain/params.hpp"
#include "chain/pow.hpp"

using namespace giro;
using namespace giro::chain;

TEST_CASE("pow: compact targets read and write as a node does") {
    // bits, and what they write back as; from a node's own arith_uint256 tests
    struct Row {
        std::uint32_t bits;
        bool valid;
        std::uint32_t again;
    };
    for (const Row row :
         {Row{0, false, 0}, Row{0x00123456, false, 0}, Row{0x01003456, false, 0}, Row{0x01123456, true, 0x01120000},
          Row{0x02123456, true, 0x02123400}, Row{0x03123456, true, 0x03123456}, Row{0x04123456, true, 0x04123456},
          Row{0x04923456, false, 0}, Row{0x05009234, true, 0x05009234}, Row{0x20123456, true, 0x20123456},
          Row{0xff123456, false, 0}, Row{0x1d00ffff, true, 0x1d00ffff}, Row{0x1e0377ae, true, 0x1e0377ae},
          Row{0x220000ff, true, 0x2100ff00}, Row{0x220001ff, false, 0}, Row{0x210001ff, true, 0x2001ff00},
          Row{0x2100ffff, true, 0x2100ffff}, Row{0x2101ffff, false, 0}, Row{0x23000001, false, 0}}) {
        CAPTURE(row.bits);
        const auto target = decode_compact(row.bits);
        CHECK(target.has_value() == row.valid);
        if (target) CHECK(encode_compact(*target) == row.again);
        if (target) CHECK(decode_compact(encode_compact(*target)) == target);
    }
    CHECK(encode_compact(Uint256(0x80)) == 0x02008000);
    CHECK(target_from_bits(kBitsLimit));
    CHECK_FALSE(target_from_bits(kBitsLimit + 1));
    CHECK_FALSE(target_from_bits(0x1f0377ae));
}

TEST_CASE("pow: 256-bit arithmetic agrees with identities and known values") {
    const Uint256 one(1), big = ~Uint256{};
    CHECK((big + one).is_zero());
    CHECK(Uint256{} - one == big);
    CHECK(((one << 255) >> 255) == one);
    CHECK((one << 256).is_zero());
    CHECK((one << 64).bits() == 65);
    CHECK(big / big == one);
    CHECK(big / one == big);
    CHECK(one / big == Uint256{});
    CHECK((big >> 32) * 0xffffffff / Uint256(0xffffffff) == big >> 32);
    CHECK(Uint256(1'000'000'007) * 998'244'353 == Uint256(1'000'000'007ULL * 998'244'353ULL));
    CHECK((one << 200) / (one << 100) == one << 100);
    CHECK((one << 128) > Uint256(~0ULL));
}

TEST_CASE("pow: work is the expected number of hashes") {
    CHECK(block_work(0x1d00ffff) == Uint256(0x100010001));  // mainnet's difficulty 1
    CHECK(block_work(kBitsLimit) == Uint256(4'838'420));    // 2^40 / 0x377ae: the README's 4.84 million
    CHECK(block_work(0).is_zero());
}

TEST_CASE("pow: the retarget rule gives what was measured of a node") {
    const std::uint32_t genesis = 1598918400, now = 1795354741;
    // First change: the window starts at the genesis of 2020, so the span is clamped and the limit stays.
    CHECK(retarget(kBitsLimit, genesis, now) == kBitsLimit);
    CHECK(retarget(kBitsLimit, genesis, genesis + 5000u * 86400) == kBitsLimit);
    // Second: 2016 blocks 5 s apart, and again.
    CHECK(retarget(kBitsLimit, now, now + 2015 * 5) == 0x1e00ddeb);
    CHECK(retarget(0x1e00ddeb, now, now + 2015 * 5) == 0x1d377ac0);
    CHECK(retarget(0x1e00ddeb, now, now + 100 * kRetargetTimespan_s) == 0x1e0377ac);
    // Exactly two weeks change nothing; 2016 blocks at 600 s have 2015 gaps, which is a little faster.
    CHECK(retarget(0x1e00ddeb, now, now + kRetargetTimespan_s) == 0x1e00ddeb);
    CHECK(retarget(0x1e00ddeb, now, now + 2015 * 600) < 0x1e00ddeb);
    CHECK(retarget(0x1e00ddeb, now, now - 1) == retarget(0x1e00ddeb, now, now));  // time may go back
    CHECK(retarget(0, now, now) == kBitsLimit);
    // Mainnet's own changes, public facts: at block 32256; at 68544 clamped fast; at 46368 clamped slow.
    CHECK(retarget(0x1d00ffff, 1261130161, 1262152739) == 0x1d00d86a);
    CHECK(retarget(0x1c05a3f4, 1279008237, 1279297671) == 0x1c0168fd);
    CHECK(retarget(0x1c387f6f, 1263163443, 1269211443) == 0x1d00e1fd);
}

TEST_CASE("pow: the interval follows the block spacing, the fortnight stays") {
    CHECK(ChainParams{{}, 600}.retarget_interval() == 2016);
    CHECK(ChainParams{{}, 86400}.retarget_interval() == 14);
    CHECK(ChainParams{{}, 43200}.retarget_interval() == 28);
    CHECK(ChainParams{{}, 60}.retarget_interval() == 20160);
    CHECK(ChainParams{{}, 10}.retarget_interval() == 120960);
    CHECK(ChainParams{{}, 0}.retarget_interval() > 0);
}

TEST_CASE("pow: the subsidy halves every 210,000 blocks and ends") {
    CHECK(block_subsidy(1) == 50 * kCoin);
    CHECK(block_subsidy(209'999) == 50 * kCoin);
    CHECK(block_subsidy(210'000) == 25 * kCoin);
    CHECK(block_subsidy(64 * 210'000) == 0);
}

TEST_CASE("grinder: both engines find the genesis nonce and nothing before it") {
    BlockHeader header = genesis_block().header;
    const std::uint32_t nonce = header.nonce;
    const Uint256 target = *target_from_bits(header.bits);
    const std::uint32_t first = (nonce & ~1U) - 2000;
    header.nonce = 0;
    CHECK(grind_portable(header, target, first, 4000) == nonce);
    CHECK_FALSE(grind_portable(header, target, first, 2000));
    CHECK(grind_sha_ni(header, target, first, 4000) == nonce);
    CHECK_FALSE(grind_sha_ni(header, target, first, 2000));
    // A target that many nonces meet: the two must name the same first one, odd or even.
    const Uint256 easy = ~Uint256{} >> 8;
    for (std::uint32_t start = 0; start < 20'000; start += 1000)
        CHECK(grind_portable(header, easy, start, 1000) == grind_sha_ni(header, easy, start, 1000));
}

TEST_CASE("grinder: it says found, exhausted or stopped") {
    BlockHeader header = genesis_block().header;
    const auto always = [](std::uint64_t) { return true; };
    const auto found = grind(header, always, header.nonce - 5000);
    CHECK(found.end == GrindResult::End::found);
    CHECK(found.nonce == header.nonce);
    CHECK(found.hashes >= 5000);
    const auto exhausted = grind(header, always, 0xffffff00);
    CHECK(exhausted.end == GrindResult::End::exhausted);
    CHECK(exhausted.hashes == 0x100);
    std::uint64_t seen = 0;
    const auto stopped = grind(
        header,
        [&](std::uint64_t hashes) {
            seen = hashes;
            return false;
        },
        1000);
    CHECK(stopped.end == GrindResult::End::stopped);
    CHECK(seen == kGrindSlice);
}
