// What every module stands on: bytes, hashes, secrets, masking, atomic files.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "giro/result.hpp"
#include "giro/types.hpp"
#include "util/bytes.hpp"
#include "util/descriptors.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"
#include "util/log.hpp"
#include "util/secret.hpp"

using namespace giro;

TEST_CASE("hash: SHA-256 of abc is the value in FIPS 180-4") {
    CHECK(to_hex(sha256(as_bytes("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256({as_bytes("a"), as_bytes("bc")}) == sha256(as_bytes("abc")));
}

TEST_CASE("hash: CRC-32C gives the values of RFC 3720 B.4") {
    CHECK(crc32c(Buffer(32, std::byte{0})) == 0x8a9136aa);
    CHECK(crc32c(Buffer(32, std::byte{0xff})) == 0x62a8ab43);
    CHECK(crc32c(as_bytes("123456789")) == 0xe3069283);
}

TEST_CASE("hash: SipHash-2-4 gives the reference vector of its paper") {
    ByteArray<16> key;
    Buffer data;
    for (unsigned i = 0; i < 16; ++i) key[i] = static_cast<std::byte>(i);
    for (unsigned i = 0; i < 15; ++i) data.push_back(static_cast<std::byte>(i));
    CHECK(siphash(key, data) == 0xa129ca6149be45e5);
}

TEST_CASE("bytes: integers lie in the order that is asked for") {
    std::byte at[8];
    store_le(at, std::uint32_t{0x01020304});
    CHECK(to_hex(Bytes(at, 4)) == "04030201");
    CHECK(load_le<std::uint32_t>(at) == 0x01020304);
    store_be(at, std::uint32_t{0x01020304});
    CHECK(to_hex(Bytes(at, 4)) == "01020304");
    CHECK(load_be<std::uint32_t>(at) == 0x01020304);
    store_be(at, std::uint64_t{0x0102030405060708});
    CHECK(to_hex(at) == "0102030405060708");
    CHECK(load_le<std::uint64_t>(at) == 0x0807060504030201);
    CHECK(load_be<std::uint16_t>(at) == 0x0102);
}

TEST_CASE("random: no byte is handed out twice, whatever sizes are asked for") {
    SystemRandom random;
    std::set<std::array<std::byte, 8>> seen;
    for (int i = 0; i < 300; ++i) {  // over several fetches; 500 bytes do not fit what the first leaves
        ByteArray<8> eight;
        random.fill(eight);
        CHECK(seen.insert(eight).second);
        Buffer other(i % 3 == 0 ? 500 : 7);
        random.fill(other);
        CHECK(seen.insert({other[0], other[1], other[2], other[3], other[4], other[5], other[6], std::byte{}}).second);
        CHECK(std::ranges::any_of(Bytes(other).last(7), [](std::byte b) { return b != std::byte{}; }));
    }
    Buffer large(4096);  // more than is kept
    random.fill(large);
    CHECK(std::ranges::any_of(Bytes(large).last(32), [](std::byte b) { return b != std::byte{}; }));
}

TEST_CASE("bytes: hex goes both ways and refuses what is not hex") {
    CHECK(to_hex(*from_hex("00ffA5")) == "00ffa5");
    CHECK_FALSE(from_hex("0"));
    CHECK_FALSE(from_hex("0g"));
    CHECK_FALSE(array_from_hex<4>("001122"));
}

TEST_CASE("bytes: a reader that ran short stays failed and gives zeros") {
    Buffer out;
    Writer w(out);
    w.u16(0x1234);
    w.var16(as_bytes("xyz"));
    Reader r(out);
    CHECK(r.u16() == 0x1234);
    CHECK(as_text(r.var16()) == "xyz");
    CHECK(r.done());
    CHECK(r.u32() == 0);
    CHECK_FALSE(r.ok());
    CHECK(r.take(0).empty());
    CHECK_FALSE(r.ok());
}

TEST_CASE("pan: prints masked only, first six and last four") {
    CHECK(Pan::parse("5413330089604242")->masked() == "541333******4242");
    CHECK(Pan::parse("12345678")->masked() == "****5678");
    CHECK_FALSE(Pan::parse("1234567"));
    CHECK_FALSE(Pan::parse("54133300896042421234"));
    CHECK_FALSE(Pan::parse("5413330089604a42"));
}

TEST_CASE("log: a card number is masked in any text, other digit runs are left") {
    CHECK(log::mask_pans("pan=5413330089604111 rrn=123456789012") == "pan=541333******4111 rrn=123456789012");
    CHECK(log::mask_pans("1234567890123456") == "1234567890123456");  // fails Luhn: no card number
}

TEST_CASE("secret: comparison in constant time sees every difference") {
    CHECK(equal_constant_time(as_bytes("abcd"), as_bytes("abcd")));
    CHECK_FALSE(equal_constant_time(as_bytes("abcd"), as_bytes("abce")));
    CHECK_FALSE(equal_constant_time(as_bytes("abcd"), as_bytes("abc")));
}

TEST_CASE("amount: addition that overflows gives nothing") {
    CHECK(checked_add(1, 2) == 3);
    CHECK_FALSE(checked_add(INT64_MAX, 1));
}

TEST_CASE("file: written atomically, read back whole, locked once") {
    const auto folder = std::filesystem::temp_directory_path() / "giro-util-test";
    std::filesystem::create_directories(folder);
    REQUIRE(write_file_atomic(folder / "f", as_bytes("one")));
    REQUIRE(write_file_atomic(folder / "f", as_bytes("two")));
    CHECK(as_text(*read_file(folder / "f")) == "two");
    CHECK_FALSE(read_file(folder / "f", 2));
    CHECK_FALSE(read_file(folder / "absent"));
    auto first = FileLock::acquire(folder / "lock");
    REQUIRE(first);
    auto second = FileLock::acquire(folder / "lock");
    REQUIRE_FALSE(second);
    CHECK(second.error().exit_code() == 75);
    std::filesystem::remove_all(folder);
}

TEST_CASE("file: what a killed process left half written goes with the next write, what a living one writes stays") {
    const auto folder = std::filesystem::temp_directory_path() / "giro-util-leftovers";
    std::filesystem::create_directories(folder);
    const pid_t dead = ::fork();
    if (dead == 0) ::_exit(0);
    REQUIRE(::waitpid(dead, nullptr, 0) == dead);
    const auto left = folder / fmt::format("f.{}.tmp", dead), of_another = folder / fmt::format("g.{}.tmp", dead),
               under_way = folder / fmt::format("f.{}.tmp", ::getppid()), no_pid = folder / "f.old.tmp";
    for (const auto& file : {left, of_another, under_way, no_pid}) std::ofstream(file) << "half";
    REQUIRE(write_file_atomic(folder / "f", as_bytes("whole")));
    CHECK_FALSE(std::filesystem::exists(left));
    for (const auto& file : {of_another, under_way, no_pid}) CHECK(std::filesystem::exists(file));
    std::filesystem::remove_all(folder);
}

TEST_CASE("descriptors: the soft limit is raised as far as the hard one allows, and both numbers are named beyond") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit low{64, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(allow_descriptors(100, "a test"));
    rlimit raised{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &raised) == 0);
    CHECK(raised.rlim_cur == 100);
    const auto beyond = allow_descriptors(before.rlim_max + 1, "a test");
    REQUIRE_FALSE(beyond);
    CHECK(beyond.error().exit_code() == 2);
    CHECK(beyond.error().what.find(std::to_string(before.rlim_max)) != std::string::npos);
    CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}
