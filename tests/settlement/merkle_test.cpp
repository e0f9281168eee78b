// The window's Merkle tree and the bytes of its leaves.
#include <doctest/doctest.h>

#include <set>

#include "settlement/merkle.hpp"
#include "settlement/posting.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::settlement;

namespace {
Buffer joined(std::uint8_t first, std::initializer_list<Bytes> parts) {
    Buffer out{std::byte{first}};
    for (const Bytes part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}
Buffer le64(std::uint64_t value) {
    Buffer out;
    Writer(out).u64(value);
    return out;
}
std::vector<Hash256> leaves_of(std::size_t count) {
    std::vector<Hash256> leaves;
    for (std::size_t i = 0; i < count; ++i) leaves.push_back(sha256(le64(i)));
    return leaves;
}
}  // namespace

TEST_CASE("settlement: the root of three leaves is the hash the file's head describes") {
    const auto l = leaves_of(3);
    const Hash256 left = sha256(joined(1, {l[0], l[1]}));
    const Hash256 top = sha256(joined(1, {left, l[2]}));  // the third is promoted, not doubled
    CHECK(window_root(7, l) == sha256(joined(2, {le64(7), le64(3), top})));
    CHECK(window_root(7, {}) == sha256(joined(2, {le64(7), le64(0), Hash256{}})));
    CHECK(window_root(7, std::span(l).first(1)) == sha256(joined(2, {le64(7), le64(1), l[0]})));
}

TEST_CASE("settlement: every leaf of every small tree proves itself, at its own place only") {
    for (std::size_t count = 1; count <= 33; ++count) {
        const auto leaves = leaves_of(count);
        const Hash256 root = window_root(1, leaves);
        for (std::size_t index = 0; index < count; ++index) {
            const auto path = merkle_path(leaves, index);
            CHECK(root_from_path(1, count, index, leaves[index], path) == root);
            for (std::size_t other = 0; other <= count; ++other)
                if (other != index) CHECK(root_from_path(1, count, other, leaves[index], path) != root);
            for (std::size_t size = 1; size <= 34; ++size)
                if (size != count) CHECK(root_from_path(1, size, index, leaves[index], path) != root);
            CHECK(root_from_path(2, count, index, leaves[index], path) != root);
        }
    }
}

TEST_CASE("settlement: a path that is too short or too long leads nowhere") {
    const auto leaves = leaves_of(5);
    auto path = merkle_path(leaves, 2);
    path.push_back(leaves[0]);
    CHECK_FALSE(root_from_path(1, 5, 2, leaves[2], path));
    path.resize(2);
    CHECK_FALSE(root_from_path(1, 5, 2, leaves[2], path));
}

TEST_CASE("settlement: a list with its last leaf doubled has another root (CVE-2012-2459)") {
    auto leaves = leaves_of(3);
    const Hash256 root = window_root(1, leaves);
    leaves.push_back(leaves.back());
    CHECK(window_root(1, leaves) != root);
}

TEST_CASE("settlement: a posting's bytes lie where the table says") {
    Posting p;
    p.seq = 0x0102030405060708;
    p.kind = PostingKind::forwarded;
    p.channel = entry::Channel::wallet;
    p.time_ns = 2;
    p.payment = 3;
    p.rrn = Rrn("000000000042");
    p.terminal = TerminalId("T0000001");
    p.stan = 4;
    p.merchant = MerchantId("M1");
    p.amount = {1250, 963};
    p.response_code = ResponseCode("00");
    p.auth_code = AuthCode("A12345");
    p.card = FixedText<10>("9700014242");
    p.wallet[0] = std::byte{0xee};
    p.debit = 5;
    p.credit = 6;
    const auto bytes = canonical_bytes(p);
    const auto text_at = [&](std::size_t at, std::size_t size) { return as_text(Bytes(bytes).subspan(at, size)); };
    CHECK(text_at(0, 4) == "GPL1");
    CHECK(load_le<std::uint64_t>(bytes.data() + 4) == p.seq);
    CHECK(bytes[12] == std::byte{2});
    CHECK(bytes[13] == std::byte{3});
    CHECK(load_le<std::uint64_t>(bytes.data() + 14) == 2);
    CHECK(load_le<std::uint64_t>(bytes.data() + 22) == 3);
    CHECK(text_at(30, 12) == "000000000042");
    CHECK(text_at(42, 8) == "T0000001");
    CHECK(load_le<std::uint32_t>(bytes.data() + 50) == 4);
    CHECK(text_at(54, 2) == "M1");
    CHECK(load_le<std::uint64_t>(bytes.data() + 69) == 1250);
    CHECK(load_le<std::uint16_t>(bytes.data() + 77) == 963);
    CHECK(text_at(79, 2) == "00");
    CHECK(text_at(81, 6) == "A12345");
    CHECK(text_at(87, 10) == "9700014242");
    CHECK(bytes[97] == std::byte{0xee});
    CHECK(load_le<std::uint32_t>(bytes.data() + 117) == 5);
    CHECK(load_le<std::uint32_t>(bytes.data() + 121) == 6);
    entry::Salt salt{};
    salt[15] = std::byte{9};
    CHECK(leaf_hash(p, salt) == sha256(joined(0, {salt, bytes})));
    std::set<std::string_view> names;
    for (const auto kind : {PostingKind::payment, PostingKind::forwarded, PostingKind::reversal})
        names.insert(name(kind));
    CHECK(names.size() == 3);
}
