// pub/blocks.dat followed as giro-chain writes it, and as somebody else might.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "appliance/giro-explorer/follower.hpp"
#include "tests/explorer/world.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::appliance;
namespace t = giro::explorer::test;
namespace fs = std::filesystem;

namespace {
class File {
  public:
    File() : m_folder(fs::temp_directory_path() / ("giro-follower." + std::to_string(::getpid()))) { fs::create_directories(m_folder); }
    ~File() { fs::remove_all(m_folder); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] fs::path path() const { return m_folder / "blocks.dat"; }
    void replace(const Buffer& whole) const { REQUIRE(write_file_atomic(path(), whole, 0644)); }
    void append(Bytes more) const {
        std::ofstream out(path(), std::ios::binary | std::ios::app);
        out.write(reinterpret_cast<const char*>(more.data()), static_cast<std::streamsize>(more.size()));
    }

  private:
    fs::path m_folder;
};
explorer::Index empty_index() {
    return explorer::Index(chain::test::testnet().params, t::parties());
}
// Until there is no more; whether the tip changed.
bool follow(Follower& follower) {
    bool changed = false;
    for (Follower::Turn turn{false, true}; turn.more;) {
        turn = follower.turn();
        changed = changed || turn.changed;
    }
    return changed;
}
Buffer file_of_first(std::size_t count) {
    return t::file_of({t::blocks().begin(), t::blocks().begin() + static_cast<std::ptrdiff_t>(count)});
}
}  // namespace

TEST_CASE("follower: it takes a chain a few blocks a turn, then what is appended, however the bytes come") {
    const File file;
    auto index = empty_index();
    Follower follower(file.path(), index);
    CHECK_FALSE(follow(follower));  // no file yet
    file.replace(file_of_first(100));
    CHECK(follower.turn().more);
    CHECK(index.tip_height() < 99);
    CHECK(follow(follower));
    CHECK(index.tip_height() == 99);
    CHECK_FALSE(follow(follower));
    const Buffer rest = t::file_of({t::blocks().begin() + 100, t::blocks().end()});
    for (std::size_t at = 0; at < rest.size(); at += 113) {
        file.append(Bytes(rest).subspan(at, std::min<std::size_t>(113, rest.size() - at)));
        static_cast<void>(follow(follower));
    }
    CHECK(index.tip_height() == 102);
    CHECK(follower.stopped().empty());
}

TEST_CASE("follower: a file that is replaced is read again, and a reorganisation in it is followed") {
    const File file;
    auto index = empty_index();
    Follower follower(file.path(), index);
    file.replace(t::file_of(t::blocks()));
    CHECK(follow(follower));
    file.replace(t::file_of(t::blocks()));  // as giro-chain does at each start
    CHECK_FALSE(follow(follower));
    std::vector<Buffer> other(t::blocks().begin(), t::blocks().end() - 1);
    other.insert(other.end(), t::other_end().begin(), t::other_end().end());
    file.replace(t::file_of(other));
    CHECK(follow(follower));
    CHECK(index.tip_height() == 103);
    CHECK(index.windows().size() == 1);
}

TEST_CASE("follower: what is no block of this chain stops it with what it has, until the file is another one") {
    const File file;
    auto index = empty_index();
    Follower follower(file.path(), index);
    const Buffer good = file_of_first(11);
    const auto damaged = [&](std::size_t from_end, std::byte with) {
        Buffer bad = good;
        bad[bad.size() - from_end] ^= with;
        return bad;
    };
    const std::size_t last = t::blocks()[10].size();
    const struct {
        Buffer file;
        const char* says;
    } cases[] = {{damaged(last + 8, std::byte{1}), "another chain"},
                 {damaged(last + 1, std::byte{0x80}), "larger than any block"},
                 {damaged(last - 40, std::byte{1}), "refused"},
                 {damaged(1, std::byte{1}), "refused"}};
    for (const auto& one : cases) {
        CAPTURE(one.says);
        file.replace(one.file);
        static_cast<void>(follow(follower));
        CHECK(follower.stopped().find(one.says) != std::string::npos);
        CHECK(index.tip_height() == 9);
        file.append(Bytes(good));
        CHECK_FALSE(follow(follower));
    }
    file.replace(good);
    CHECK(follow(follower));
    CHECK(follower.stopped().empty());
    CHECK(index.tip_height() == 10);
}
