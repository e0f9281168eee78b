// The counters that never go back: across restarts, torn ends, and other people's bytes.
#include "hsm/payment/counter_file.hpp"

#include <algorithm>
#include <vector>

#include "tests/hsm/payment/support.hpp"
#include "util/file.hpp"

namespace giro::test {

using namespace hsm;

namespace {
CounterId id(std::uint8_t n) {
    return counter_id("test", ByteArray<1>{std::byte{n}});
}

void committed(CounterFile& file, std::uint8_t n, std::uint32_t value) {
    file.set(id(n), value);
    REQUIRE(file.commit().has_value());
}
}  // namespace

TEST_CASE("counters: what is committed is there after a restart; what was only set, or forgotten, is not") {
    TempDir dir;
    {
        auto file = CounterFile::open(dir.path() / "counters").value();
        CHECK(file.value(id(1)) == 0);
        committed(file, 1, 5);
        committed(file, 2, 7);
        committed(file, 1, 6);
        file.set(id(1), 9);
        CHECK(file.value(id(1)) == 9);
        file.forget();
        CHECK(file.value(id(1)) == 6);
        file.set(id(2), 99);
    }
    const auto file = CounterFile::open(dir.path() / "counters").value();
    CHECK(file.value(id(1)) == 6);
    CHECK(file.value(id(2)) == 7);
    CHECK(file.size() == 2);
}

namespace {
constexpr std::size_t kMarkAt[] = {0, 4096}, kRecordsAt = 8192, kRecordBytes = 24;

// A file of three commits, and the same with its marks as they were `back` commits before.
Buffer three_commits(const std::filesystem::path& path, std::size_t back) {
    std::vector<Buffer> after;
    auto file = CounterFile::open(path).value();
    for (std::uint32_t value = 5; value <= 7; ++value) {
        committed(file, 1, value);
        after.push_back(read_file(path).value());
    }
    Buffer out = after.back();
    std::ranges::copy(Bytes(after[after.size() - 1 - back]).first(kRecordsAt), out.begin());
    return out;
}
}  // namespace

TEST_CASE("counters: an unfinished end is cut off at every byte, and the next commit goes where it was") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    const Buffer whole = three_commits(path, 1);
    for (std::size_t size = kRecordsAt + 2 * kRecordBytes; size < whole.size(); ++size) {
        REQUIRE(write_file_atomic(path, Bytes(whole).first(size)).has_value());
        auto file = CounterFile::open(path).value();
        CHECK(file.value(id(1)) == 6);
        committed(file, 2, 8);
        const auto again = CounterFile::open(path).value();
        CHECK(again.value(id(1)) == 6);
        CHECK(again.value(id(2)) == 8);
    }
}

TEST_CASE(
    "counters: one flipped bit or one lost byte of what was synced is an integrity failure, the last commit included") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    const Buffer whole = three_commits(path, 0);
    REQUIRE(whole.size() == kRecordsAt + 3 * kRecordBytes);
    for (std::size_t at = kRecordsAt; at < whole.size(); ++at) {
        CAPTURE(at);
        for (int bit = 0; bit < 8; ++bit) {
            Buffer flipped = whole;
            flipped[at] ^= std::byte{1} << bit;
            REQUIRE(write_file_atomic(path, flipped).has_value());
            const auto opened = CounterFile::open(path);
            REQUIRE_FALSE(opened);
            CHECK(opened.error().kind == Failure::Kind::integrity);
        }
        REQUIRE(write_file_atomic(path, Bytes(whole).first(at)).has_value());
        CHECK_FALSE(CounterFile::open(path));
    }
}

TEST_CASE("counters: a torn mark leaves the other one; with neither, the file is damaged") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    const Buffer whole = three_commits(path, 0);
    CHECK_FALSE(std::ranges::equal(Bytes(whole).first(20), Bytes(whole).subspan(kMarkAt[1], 20)));  // written in turn
    Buffer none = whole;
    for (const std::size_t mark : kMarkAt) {
        none[mark + 9] ^= std::byte{4};
        Buffer one = whole;
        one[mark + 3] ^= std::byte{1};
        REQUIRE(write_file_atomic(path, one).has_value());
        auto file = CounterFile::open(path).value();
        CHECK(file.value(id(1)) == 7);
        committed(file, 1, 8);
        CHECK(CounterFile::open(path).value().value(id(1)) == 8);
    }
    for (const Bytes file : {Bytes(none), Bytes(whole).first(kRecordsAt - 1), Bytes()}) {
        REQUIRE(write_file_atomic(path, file).has_value());
        CHECK(CounterFile::open(path).error().kind == Failure::Kind::integrity);
    }
}

TEST_CASE("counters: more behind the mark than one commit is an integrity failure") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    Buffer file = three_commits(path, 0);
    file.resize(file.size() + CounterFile::kBatchRecordsMax * kRecordBytes);
    REQUIRE(write_file_atomic(path, file).has_value());
    CHECK(CounterFile::open(path));
    file.emplace_back();
    REQUIRE(write_file_atomic(path, file).has_value());
    CHECK(CounterFile::open(path).error().kind == Failure::Kind::integrity);
}

TEST_CASE("counters: superseded records are dropped at a start, and values stay") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    const Buffer once = three_commits(path, 0);
    Buffer many = once;
    while (many.size() < (2U << 20)) many.insert(many.end(), once.begin() + kRecordsAt, once.end());
    REQUIRE(write_file_atomic(path, many).has_value());
    auto file = CounterFile::open(path).value();
    CHECK(file.value(id(1)) == 7);
    CHECK(std::filesystem::file_size(path) == kRecordsAt + kRecordBytes);
    committed(file, 1, 51);
    CHECK(CounterFile::open(path).value().value(id(1)) == 51);
}

TEST_CASE("counters: a file that runs for months stays short, and goes on in the one that took its place") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    auto file = CounterFile::open(path).value();
    const auto commit_many = [&](std::uint32_t value) {
        for (std::uint32_t n = 0; n < CounterFile::kBatchRecordsMax; ++n) {
            ByteArray<4> bytes;
            store_be(bytes.data(), n);
            file.set(counter_id("test", bytes), value);
        }
        REQUIRE(file.commit());
    };
    std::uintmax_t longest = 0;
    std::uint32_t value = 0;
    for (int i = 0; i < 40; ++i) {
        commit_many(++value);
        longest = std::max(longest, std::filesystem::file_size(path));
    }
    CHECK(longest < std::size_t{3} << 19);  // 40 commits are 3.7 MiB
    // Those that are 0 are left out where it is rewritten.
    for (int i = 0; i < 30; ++i) commit_many(0);
    file.set(id(2), 5);
    REQUIRE(file.commit());
    CHECK(file.size() <= CounterFile::kBatchRecordsMax + 1);
    CHECK(CounterFile::open(path).value().value(counter_id("test", ByteArray<4>{})) == 0);
    commit_many(++value);
    auto again = CounterFile::open(path).value();
    CHECK(again.size() == CounterFile::kBatchRecordsMax + 1);
    CHECK(again.value(counter_id("test", ByteArray<4>{})) == value);
    committed(file, 1, 7);
    CHECK(CounterFile::open(path).value().value(id(1)) == 7);
}

}  // namespace giro::test
