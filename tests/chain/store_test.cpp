// chain.db and the flat block file: what is written is what comes back, and what was edited is noticed.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <filesystem>

#include "chain/block_file.hpp"
#include "chain/store.hpp"
#include "support.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::chain;

namespace {
struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-chain-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
};

void edit(const std::filesystem::path& file, const char* sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
}

constexpr std::size_t kSome = 12;  // blocks

void fill(const std::filesystem::path& file) {
    const auto& recorded = *test::recorded_chain();
    auto store = ChainStore::open(file, recorded.params);
    REQUIRE(store);
    for (std::size_t i = 0; i < kSome; ++i) REQUIRE(store->append(recorded.blocks[i]));
    CHECK(store->block_count() == kSome);
}
}  // namespace

TEST_CASE("store: blocks come back in order after a restart, and more can follow") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    const Folder folder;
    const auto file = folder.path / "chain.db";
    fill(file);
    auto store = ChainStore::open(file, recorded.params);
    REQUIRE(store);
    CHECK(store->block_count() == kSome);
    auto chain = store->replay();
    REQUIRE(chain);
    CHECK(chain->tip().height == kSome);
    Buffer with_tail = recorded.blocks[kSome];
    with_tail.push_back(std::byte{0});
    REQUIRE(chain->submit_block(with_tail, recorded.recorded_at));
    REQUIRE(store->append(with_tail));
    CHECK(store->replay()->tip().hash == chain->tip().hash);
    CHECK_FALSE(store->append(with_tail));  // the same block twice
    CHECK(store->replay()->tip().height == kSome + 1);
}

TEST_CASE("store: an edited, missing or foreign row stops the start and is named") {
    if (test::recorded_chain() == nullptr) return;
    const auto& params = test::recorded_chain()->params;
    struct Row {
        const char* sql;
        const char* says;
    };
    for (const Row row :
         {Row{"UPDATE blocks SET raw = substr(raw, 1, length(raw) - 1) WHERE seq = 5", "row 5: truncated"},
          Row{"UPDATE blocks SET raw = (SELECT raw FROM blocks WHERE seq = 4) WHERE seq = 5", "row 5: duplicate"},
          Row{"UPDATE blocks SET raw = substr(raw, 1, 79) || x'ff' || substr(raw, 81) WHERE seq = 5",
              "row 5: high-hash"},
          Row{"DELETE FROM blocks WHERE seq = 5", "row 5 is missing"},
          Row{"UPDATE blocks SET raw = x'' WHERE seq = 1", "row 1: truncated"}}) {
        CAPTURE(std::string(row.sql));
        const Folder folder;
        const auto file = folder.path / "chain.db";
        fill(file);
        edit(file, row.sql);
        const auto store = ChainStore::open(file, params);
        REQUIRE(store);
        const auto chain = store->replay();
        REQUIRE_FALSE(chain);
        CHECK(chain.error().kind == Failure::Kind::integrity);
        CHECK_MESSAGE(chain.error().what.find(row.says) != std::string::npos, chain.error().what);
    }
}

TEST_CASE("store: another chain, another format, a second writer and a file that is no database are refused") {
    const Folder folder;
    const auto file = folder.path / "chain.db";
    ChainParams params = test::testnet().params;
    {
        const auto store = ChainStore::open(file, params);
        REQUIRE(store);
        CHECK(store->replay()->tip().height == 0);
        const auto second = ChainStore::open(file, params);
        REQUIRE_FALSE(second);
        CHECK(second.error().kind == Failure::Kind::try_again);
    }
    params.block_spacing_s = 60;
    CHECK(ChainStore::open(file, params).error().kind == Failure::Kind::config);
    params = {{kOp1}, 600};
    CHECK(ChainStore::open(file, params).error().kind == Failure::Kind::config);
    edit(file, "PRAGMA user_version = 9");
    CHECK(ChainStore::open(file, test::testnet().params).error().kind == Failure::Kind::integrity);
    edit(file, "PRAGMA user_version = 1; DELETE FROM meta");
    CHECK(ChainStore::open(file, test::testnet().params).error().kind == Failure::Kind::integrity);
    REQUIRE(write_file_atomic(folder.path / "text", as_bytes("this is no database, whatever its name may say")));
    CHECK(ChainStore::open(folder.path / "text", params).error().kind == Failure::Kind::integrity);
    CHECK(ChainStore::open(folder.path / "no" / "folder", params).error().kind != Failure::Kind::integrity);
}

TEST_CASE("block file: an exported chain loads from nothing but the file and the challenge") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    const Folder folder;
    const ChainState chain = test::replay_recorded(kSome);
    REQUIRE(export_blocks_to(chain, folder.path / "blocks.dat"));
    const auto file = read_file(folder.path / "blocks.dat");
    REQUIRE(file);
    CHECK(*file == export_blocks(chain));
    const auto loaded = load_block_file(*file, recorded.params);
    REQUIRE(loaded);
    CHECK(loaded->tip().hash == chain.tip().hash);
    CHECK(loaded->coins() == chain.coins());
    CHECK(split_block_file(*file, recorded.magic)->size() == kSome + 1);

    CHECK(load_block_file(*file, test::testnet().params).error().kind == Failure::Kind::integrity);
    CHECK(split_block_file(*file, {}).error() == ChainError::bad_magic);
    CHECK(split_block_file(Bytes(*file).first(file->size() - 1), recorded.magic).error() == ChainError::truncated);
    CHECK(split_block_file(Bytes(*file).first(3), recorded.magic).error() == ChainError::truncated);
    Buffer huge(recorded.magic.begin(), recorded.magic.end());
    huge.resize(8, std::byte{0xff});
    CHECK(split_block_file(huge, recorded.magic).error() == ChainError::too_large);
    CHECK_FALSE(load_block_file({}, recorded.params));
    // One byte of any block changed: refused, whichever it is.
    for (std::size_t at = 0; at < file->size(); at += 37) {
        Buffer changed = *file;
        changed[at] ^= std::byte{1};
        CHECK_FALSE(load_block_file(changed, recorded.params));
    }
}
