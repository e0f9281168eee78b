// Appending, reading back, opening again; and files that are no journal of ours.
#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

#include "journal/format.hpp"
#include "tests/journal/support.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::journal;
using Kind = Failure::Kind;

namespace {
std::vector<std::string> read_texts(Journal& log, std::uint64_t from) {
    std::vector<std::string> out;
    const auto ok = log.read(from, [&](const Entry& e) -> Result<void> {
        CHECK(e.seq == from + out.size());
        CHECK(e.kind == e.seq % 5);
        out.emplace_back(as_text(e.body));
        return {};
    });
    CHECK_MESSAGE(ok, (ok ? "" : ok.error().what));
    return out;
}
}  // namespace

TEST_CASE("journal: what was appended is read back in order, also after opening again") {
    TempFolder folder;
    Head head;
    {
        Journal log = open_new(folder.file());
        CHECK(log.head().seq == 0);
        CHECK(read_texts(log, 1).empty());
        CHECK(append_numbers(log, 1, 3) == 3U);
        CHECK(append_numbers(log, 4, 1) == 4U);
        CHECK(append_numbers(log, 5, 6) == 10U);
        CHECK(read_texts(log, 1).size() == 10);
        head = log.head();
    }
    auto again = Journal::open(folder.file());
    REQUIRE(again);
    CHECK(again->head() == head);
    CHECK(read_texts(*again, 6) == std::vector<std::string>{"entry 6", "entry 7", "entry 8", "entry 9", "entry 10"});
    CHECK(read_texts(*again, 11).empty());
    CHECK(append_numbers(*again, 11, 2) == 12U);
    CHECK(read_texts(*again, 1).back() == "entry 12");
    CHECK(verify(folder.file())->entries == 12);
}

TEST_CASE("journal: the chain is the one that format.hpp describes") {
    TempFolder folder;
    ByteArray<16> journal_id{};
    journal_id[3] = std::byte{7};
    Journal log = open_new(folder.file(), {.journal_id = journal_id});
    const Hash256 genesis = sha256({as_bytes("giro journal 1"), journal_id});
    CHECK(log.head().hash == genesis);
    const EntryView batch[] = {{2, as_bytes("ab")}, {3, {}}};
    REQUIRE(log.append(batch, 77) == 2U);
    Buffer covered(genesis.begin(), genesis.end());
    Writer w(covered);
    for (std::uint64_t v : {1U, 2U, 77U}) w.u64(v);
    w.u64(1), w.u16(2), w.u32(2), w.bytes(as_bytes("ab"));
    w.u64(2), w.u16(3), w.u32(0);
    CHECK(log.head().hash == sha256(covered));
    CHECK(*log.hash_at(2) == sha256(covered));
    CHECK(*log.hash_at(0) == genesis);
    CHECK_FALSE(*log.hash_at(1));  // no batch ends there
    CHECK_FALSE(*log.hash_at(UINT64_MAX));
}

TEST_CASE("journal: bodies of no byte, of every byte and of the largest size come back the same") {
    TempFolder folder;
    Journal log = open_new(folder.file());
    Buffer all(256), large(kBodyBytesMax, std::byte{0x5a});
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i);
    const EntryView batch[] = {{0, {}}, {0xffff, all}, {1, large}};
    REQUIRE(log.append(batch, 5));
    std::vector<Entry> seen;
    std::vector<Buffer> bodies;
    REQUIRE(log.read(1, [&](const Entry& e) -> Result<void> {
        seen.push_back(e);
        bodies.emplace_back(e.body.begin(), e.body.end());
        return {};
    }));
    REQUIRE(seen.size() == 3);
    CHECK(seen[1].kind == 0xffff);
    CHECK(seen[2].time_ns == 5);
    CHECK(bodies == std::vector<Buffer>{{}, all, large});
}

TEST_CASE("journal: a reader follows the writer live, in pieces of its own size, from any entry") {
    TempFolder folder;
    Journal log = open_new(folder.file());
    auto reader = JournalReader::open(folder.file());
    REQUIRE(reader);
    std::uint64_t next = 1;
    const EntryCallback take = [&](const Entry& e) -> Result<void> {
        CHECK(e.seq == next++);
        return {};
    };
    CHECK(*reader->read_from(next, 100, take) == 0);
    for (int round = 0; round < 5; ++round) {
        fill(log, 3);
        CHECK(*reader->read_from(next, 7, take) == 7);  // ends inside a batch
        CHECK(*reader->read_from(next, 16, take) == 16);
        CHECK(*reader->read_from(next, 100, take) == 7);
        REQUIRE(log.checkpoint());
    }
    CHECK(next == 151);
    CHECK(*reader->head() == log.head());
    CHECK(*reader->hash_at(140) == **log.hash_at(140));
    CHECK_FALSE(*reader->hash_at(141));
}

TEST_CASE("journal: a callback that fails stops the reading with its failure") {
    TempFolder folder;
    Journal log = open_new(folder.file());
    fill(log, 2);
    std::uint64_t last = 0;
    const auto result = log.read(1, [&](const Entry& e) -> Result<void> {
        last = e.seq;
        if (e.seq == 13) return fail(Kind::integrity, "thirteen");
        return {};
    });
    REQUIRE_FALSE(result);
    CHECK(result.error().what == "thirteen");
    CHECK(last == 13);
}

TEST_CASE("journal: a second writer is refused while the first lives") {
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        const auto second = Journal::open(folder.file());
        REQUIRE_FALSE(second);
        CHECK(second.error().kind == Kind::try_again);
    }
    CHECK(Journal::open(folder.file()));
}

TEST_CASE("journal: nobody but its owner can read it or its write-ahead log") {
    TempFolder folder;
    Journal log = open_new(folder.file());
    fill(log, 1);
    for (const char* name : {"journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"}) {
        struct stat info {};
        REQUIRE(::stat(folder.file(name).c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0600);
    }
}

TEST_CASE("journal: the write-ahead log is due for a checkpoint when it is large, and then starts over") {
    TempFolder folder;
    Journal log = open_new(folder.file(), {.checkpoint_pages = 50});
    CHECK_FALSE(log.checkpoint_due(false));
    while (!log.checkpoint_due(false)) fill(log, 1);
    const auto wal_bytes = [&] { return std::filesystem::file_size(folder.file("journal.db-wal")); };
    const auto before = wal_bytes();
    for (int round = 0; round < 100; ++round) {
        if (log.checkpoint_due(false)) REQUIRE(log.checkpoint());
        fill(log, 1);
    }
    CHECK(wal_bytes() >= before);  // overwritten, not truncated
    CHECK(wal_bytes() < 2 * before);
    CHECK(verify(folder.file())->head == log.head());
}

TEST_CASE("journal: in an idle moment a smaller write-ahead log is due for a checkpoint already") {
    TempFolder folder;
    Journal log = open_new(folder.file(), {.checkpoint_pages = 50, .idle_checkpoint_pages = 10});
    CHECK_FALSE(log.checkpoint_due(true));
    while (!log.checkpoint_due(true)) fill(log, 1);
    CHECK_FALSE(log.checkpoint_due(false));
    REQUIRE(log.checkpoint());
    fill(log, 1);
    CHECK_FALSE(log.checkpoint_due(true));
}

TEST_CASE("journal: a checkpoint goes as far as a reader in the middle allows, and the next one the rest") {
    TempFolder folder;
    Journal log = open_new(folder.file(), {.checkpoint_pages = 8});
    fill(log, 5);
    auto reader = JournalReader::open(folder.file());
    REQUIRE(reader);
    REQUIRE(reader->read_from(1, 1, [&](const Entry&) -> Result<void> {
        fill(log, 5);
        CHECK(log.checkpoint_due(false));
        CHECK(log.checkpoint());
        CHECK_FALSE(log.checkpoint_due(false));
        return {};
    }));
    fill(log, 5);
    CHECK(log.checkpoint());
    CHECK(verify(folder.file())->entries == 150);
}

TEST_CASE("journal: without leave to create one a missing or empty journal is not provisioned") {
    TempFolder folder;
    CHECK(Journal::open(folder.file()).error().kind == Kind::not_provisioned);
    CHECK(JournalReader::open(folder.file()).error().kind == Kind::not_provisioned);
    CHECK(verify(folder.file()).error().kind == Kind::not_provisioned);
    std::ofstream(folder.file()).close();  // a start that was killed before its first transaction
    CHECK(Journal::open(folder.file()).error().kind == Kind::not_provisioned);
    CHECK(JournalReader::open(folder.file()).error().kind == Kind::not_provisioned);
    CHECK(open_new(folder.file()).head().seq == 0);
}

TEST_CASE("journal: a file that is no database is refused") {
    TempFolder folder;
    std::ofstream(folder.file()) << std::string(8'192, 'x');
    for (const auto& failure : {Journal::open(folder.file(), {.create = true}).error(),
                                JournalReader::open(folder.file()).error()}) {
        CHECK(failure.kind == Kind::integrity);
        CHECK(says(failure, "is not a journal"));
    }
}

TEST_CASE("journal: another program's database is refused") {
    TempFolder folder;
    for (const char* sql : {"CREATE TABLE songs(name)", "PRAGMA user_version=7", "DROP TABLE songs"}) {
        attack(folder.file(), sql);
        const auto failure = Journal::open(folder.file(), {.create = true}).error();
        CHECK(failure.kind == Kind::integrity);
        CHECK(says(failure, "another program's database"));
    }
}

TEST_CASE("journal: another format version is refused by name") {
    TempFolder folder;
    { Journal log = open_new(folder.file()); }
    attack(folder.file(), "PRAGMA user_version=1");
    for (const auto& failure : {Journal::open(folder.file()).error(), verify(folder.file()).error()}) {
        CHECK(failure.kind == Kind::config);
        CHECK(says(failure, fmt::format("has format 1, this program reads format {}", kFormatVersion)));
    }
}

TEST_CASE("journal: a path that cannot be opened is refused with its name") {
    TempFolder folder;
    CHECK(Journal::open(folder.file("no/such/journal.db"), {.create = true}).error().kind == Kind::refused);
    // Its lock's name is the longest a file may have; one to be put in its place needs more.
    CHECK(says(Journal::open(folder.file(std::string(250, 'j').c_str()), {.create = true}).error(), "cannot create"));
    std::filesystem::create_directory(folder.file("folder"));
    CHECK(says(JournalReader::open(folder.file("folder")).error(), "folder"));
}
