// The counters that never go back: across restarts, torn ends, and other people's bytes.
#include "hsm/payment/counter_file.hpp"
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

TEST_CASE("counters: an unfinished end is cut off at every byte, and the next commit goes where it was") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    Buffer whole;
    {
        auto file = CounterFile::open(path).value();
        committed(file, 1, 5);
        committed(file, 1, 6);
        whole = read_file(path).value();
    }
    for (std::size_t size = whole.size() / 2; size < whole.size(); ++size) {
        REQUIRE(write_file_atomic(path, Bytes(whole).first(size)).has_value());
        auto file = CounterFile::open(path).value();
        CHECK(file.value(id(1)) == 5);
        committed(file, 2, 8);
        const auto again = CounterFile::open(path).value();
        CHECK(again.value(id(1)) == 5);
        CHECK(again.value(id(2)) == 8);
    }
}

TEST_CASE("counters: a file that is none is an integrity failure") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    REQUIRE(write_file_atomic(path, Buffer(CounterFile::kBatchRecordsMax * 24 + 1, std::byte{1})).has_value());
    CHECK(CounterFile::open(path).error().kind == Failure::Kind::integrity);
}

TEST_CASE("counters: superseded records are dropped at a start, and values stay") {
    TempDir dir;
    const auto path = dir.path() / "counters";
    {
        auto file = CounterFile::open(path).value();
        for (std::uint32_t i = 1; i <= 50; ++i) committed(file, 1, i);
    }
    Buffer many;
    const Buffer once = read_file(path).value();
    while (many.size() < (2U << 20)) many.insert(many.end(), once.begin(), once.end());
    REQUIRE(write_file_atomic(path, many).has_value());
    auto file = CounterFile::open(path).value();
    CHECK(file.value(id(1)) == 50);
    CHECK(std::filesystem::file_size(path) == 24);
    committed(file, 1, 51);
    CHECK(CounterFile::open(path).value().value(id(1)) == 51);
}

}  // namespace giro::test
