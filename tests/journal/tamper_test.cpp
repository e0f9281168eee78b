// Every way of changing a journal behind its back, and the sequence number that the message names.
#include <fstream>

#include "journal/format.hpp"
#include "tests/journal/support.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::journal;
using Kind = Failure::Kind;

namespace {
// A journal of entries 1 to 50 in batches of ten, attacked with SQL, then verified.
Failure verify_after(const std::string& sql, const std::optional<Head>& expected = std::nullopt) {
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        fill(log, 5);
    }
    attack(folder.file(), sql);
    const auto report = verify(folder.file(), 1, expected);
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == Kind::integrity);
    CHECK(says(report.error(), "restore the journal"));
    return report.error();
}

Head head_at(std::uint64_t seq) {
    TempFolder folder;
    Journal log = open_new(folder.file());
    fill(log, 6);
    return {seq, **log.hash_at(seq)};
}

// The CRC that an entry with this body has: the attacker knows the format.
std::string crc_of(std::uint64_t seq, std::string_view body) {
    BatchHasher hasher;
    hasher.begin();
    return std::to_string(hasher.add(seq, static_cast<std::uint16_t>(seq % 5), as_bytes(body)).crc);
}

struct Attack {
    const char* sql;
    const char* says;
};
}  // namespace

TEST_CASE("tamper: each change of a row is named by its sequence number") {
    const Attack attacks[] = {
        {"UPDATE entries SET body = x'00' WHERE seq = 17", "entry 17 is damaged"},
        {"UPDATE entries SET kind = kind + 1 WHERE seq = 17", "entry 17 is damaged"},
        {"UPDATE entries SET crc = crc + 1 WHERE seq = 17", "entry 17 is damaged"},
        {"UPDATE entries SET kind = 70000 WHERE seq = 17", "entry 17 is malformed"},
        {"UPDATE entries SET kind = -1 WHERE seq = 17", "entry 17 is malformed"},
        {"UPDATE entries SET body = zeroblob(1048577) WHERE seq = 17", "entry 17 is malformed"},
        {"UPDATE entries SET seq = CASE seq WHEN 17 THEN -18 WHEN 18 THEN -17 END WHERE seq IN (17, 18);"
         "UPDATE entries SET seq = -seq WHERE seq < 0", "entry 17 is damaged"},  // swapped
        {"DELETE FROM entries WHERE seq = 17", "entry 17 is missing (of entries 11 to 20)"},
        {"DELETE FROM entries WHERE seq = 1", "entry 1 is missing"},
        {"DELETE FROM entries WHERE seq = 50", "entry 50 is missing"},
        {"DELETE FROM entries WHERE seq > 40", "entry 41 is missing"},
        {"INSERT INTO entries VALUES(51, 1, 1, x'00')", "entry 51 belongs to no batch"},
        {"UPDATE batches SET hash = zeroblob(32) WHERE last_seq = 30", "entries 21 to 30 do not match the hash"},
        {"UPDATE batches SET hash = x'00' WHERE last_seq = 30", "the batch row of entry 30 is malformed"},
        {"UPDATE batches SET time_ns = time_ns + 1 WHERE last_seq = 30", "entries 21 to 30 do not match the hash"},
        {"UPDATE batches SET first_seq = 22 WHERE last_seq = 30", "entry 21 belongs to no batch"},
        {"UPDATE batches SET first_seq = 0 WHERE last_seq = 30", "the batch that ends at entry 30 says it starts at 0"},
        {"UPDATE batches SET first_seq = 31 WHERE last_seq = 30", "the batch that ends at entry 30 says it starts at 31"},
        {"UPDATE batches SET last_seq = 70000 WHERE last_seq = 50", "the batch that ends at entry 70000 says it starts at 41"},
        {"UPDATE batches SET last_seq = 29 WHERE last_seq = 30", "entries 21 to 29 do not match the hash"},
        {"DELETE FROM batches WHERE last_seq = 30", "entry 21 belongs to no batch"},
        {"DELETE FROM batches WHERE last_seq = 50", "entry 41 belongs to no batch"},
        {"DELETE FROM batches WHERE last_seq = 0", "have no batch that ends at 0 before them"},
        {"UPDATE batches SET hash = zeroblob(32) WHERE last_seq = 0", "entries 1 to 10 do not match the hash"},
        {"DELETE FROM batches; DELETE FROM entries", "the batch of entry 0, which starts the chain, is missing"},
        {"CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END", "its tables are not those of a journal"},
        {"DROP TABLE entries", "its tables are not those of a journal"},
        {"DROP TABLE batches", "its tables are not those of a journal"},
        {"ALTER TABLE entries ADD COLUMN extra INTEGER", "its tables are not those of a journal"},
    };
    for (const Attack& attack : attacks) {
        CAPTURE(std::string(attack.sql));
        CHECK(says(verify_after(attack.sql), attack.says));
    }
}

// SQL cannot put a text where a table is STRICT; a hand in the file's bytes can. `from`: a record's header and what
// tells it from others, with the types of its columns as SQLite writes them; the byte `at` of it becomes `type`.
TEST_CASE("tamper: a column whose type was changed in the file's bytes is malformed, not misread") {
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        fill(log, 5);
        const EntryView empty{3, {}};
        REQUIRE(log.append({&empty, 1}, 51'000));
    }
    attack(folder.file(), "PRAGMA journal_mode=DELETE");  // all of it into the one file
    std::ifstream in(folder.file(), std::ios::binary);
    const std::string honest{std::istreambuf_iterator<char>(in), {}};
    struct Edit {
        std::string from;
        std::size_t at;
        char type;  // 13 + 2 n: a text of n bytes
        const char* says;
    };
    const std::string batch("\x05\0\1\2\x4c\x15\x52\x08", 8);  // of entries 21 to 30, at 21'000
    const Edit edits[] = {{batch, 2, 13 + 2, "the batch row of entry 30 is malformed"},
                          {batch, 3, 13 + 2 * 2, "the batch row of entry 30 is malformed"},
                          {batch, 4, 13 + 2 * 32, "the batch row of entry 30 is malformed"}};
    const auto says_after = [&](std::size_t place, char type, const char* words) {
        std::string bytes = honest;
        bytes[place] = type;
        std::ofstream(folder.file(), std::ios::binary) << bytes;
        const auto report = verify(folder.file());
        REQUIRE_FALSE(report);
        CHECK(report.error().kind == Kind::integrity);
        CHECK(says(report.error(), words));
    };
    for (const Edit& edit : edits) {
        const std::size_t place = honest.find(edit.from);
        REQUIRE(place != std::string::npos);
        says_after(place + edit.at, edit.type, edit.says);
    }
    // Entry 17: header of 5 bytes, kind in one byte, crc in 4 or 6, the body.
    const std::size_t body = honest.find("entry 17");
    REQUIRE(body != std::string::npos);
    const std::size_t crc_bytes = honest[body - 4 - 1 - 5] == 5 ? 4 : 6;
    const std::size_t header = body - crc_bytes - 1 - 5;
    REQUIRE(honest[header] == 5);
    says_after(header + 2, 13 + 2, "entry 17 is malformed");
    says_after(header + 3, static_cast<char>(13 + 2 * crc_bytes), "entry 17 is malformed");
    says_after(header + 4, 13 + 2 * 8, "entry 17 is malformed");
    // The empty body of entry 51.
    for (const char crc_type : {'\4', '\5'}) {
        const std::string last{'\5', '\0', '\1', crc_type, '\14', '\3'};
        if (const std::size_t place = honest.find(last); place != std::string::npos)
            says_after(place + 4, 13, "entry 51 is malformed");
    }
}

TEST_CASE("tamper: who reads from the middle checks the hash before it as well") {
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        fill(log, 5);
    }
    attack(folder.file(), "UPDATE batches SET hash = x'00' WHERE last_seq = 30");
    const auto report = verify(folder.file(), 35);
    REQUIRE_FALSE(report);
    CHECK(says(report.error(), "the batch row of entry 30 is malformed"));
}

TEST_CASE("tamper: a batch of more bytes than one may have is refused while it is read, however right its checksums") {
    constexpr std::size_t kEntries = 70;
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        REQUIRE(append_numbers(log, 1, kEntries));
    }
    const std::string body(kBodyBytesMax, '\0');
    std::string sql = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN;";
    for (std::size_t seq = 1; seq <= kEntries; ++seq)
        sql += "UPDATE entries SET body = zeroblob(" + std::to_string(kBodyBytesMax) + "), crc = " + crc_of(seq, body) +
               " WHERE seq = " + std::to_string(seq) + ";";
    attack(folder.file(), sql + "COMMIT");
    CHECK(says(verify(folder.file()).error(), "entries 1 to 70 are larger than a batch can be"));
}

TEST_CASE("tamper: an edit that mends the checksum is caught by the hash of its batch") {
    const std::string edit = "UPDATE entries SET body = x'6f77656420', crc = " + crc_of(17, "owed ") + " WHERE seq = 17";
    CHECK(says(verify_after(edit), "entries 11 to 20 do not match the hash of their batch"));
}

TEST_CASE("tamper: a tail cut off cleanly is caught by a checkpoint, and by nothing else") {
    const std::string cut = "DELETE FROM entries WHERE seq > 30; DELETE FROM batches WHERE last_seq > 30";
    CHECK(says(verify_after(cut, head_at(50)), "it ends at entry 30 but a checkpoint covers entry 50: entries 31 to 50 "
                                               "were cut off"));
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        fill(log, 5);
    }
    attack(folder.file(), cut);
    CHECK(verify(folder.file())->last_seq == 30);
    CHECK(verify(folder.file(), 1, head_at(30))->head == head_at(30));
}

TEST_CASE("tamper: a journal that was rewritten whole does not hold the checkpoint") {
    TempFolder folder;
    Journal log = open_new(folder.file(), {.journal_id = {std::byte{1}}});
    fill(log, 5);
    const auto report = verify(folder.file(), 1, head_at(40));
    REQUIRE_FALSE(report);
    CHECK(says(report.error(), "its hash at entry 40 is not the checkpoint's: an entry up to 40 was rewritten"));
    CHECK(says(verify(folder.file(), 1, Head{41, {}}).error(), "its hash at entry 41"));
}

TEST_CASE("tamper: a reader that follows notices when what it has read is rewritten or cut") {
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        fill(log, 5);
    }
    for (const char* sql : {"UPDATE batches SET hash = zeroblob(32) WHERE last_seq = 50",
                            "DELETE FROM entries WHERE seq > 40; DELETE FROM batches WHERE last_seq > 40"}) {
        auto reader = JournalReader::open(folder.file());
        REQUIRE(reader);
        REQUIRE(*reader->read_from(1, 1'000, nothing()) >= 40);
        attack(folder.file(), sql);
        const auto result = reader->read_from(51, 10, nothing());
        REQUIRE_FALSE(result);
        CHECK(says(result.error(), "entry 50"));
        CHECK(result.error().kind == Failure::Kind::refused);  // what is there now is for another reader to judge
        reader = tl::unexpected(Failure{});  // close it before its file goes
        for (const char* name : {"journal.db", "journal.db-wal", "journal.db-shm"}) std::filesystem::remove(folder.file(name));
        Journal log = open_new(folder.file());
        fill(log, 5);
    }
}

TEST_CASE("tamper: no entry of a bad batch is handed out, all of the good ones before it are") {
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        fill(log, 5);
    }
    attack(folder.file(), "UPDATE entries SET body = x'00' WHERE seq = 39");
    auto log = Journal::open(folder.file());
    REQUIRE(log);  // opening checks the last batch; replaying checks the rest
    std::uint64_t last = 0;
    const auto result = log->read(1, [&](const Entry& e) -> Result<void> {
        last = e.seq;
        return {};
    });
    REQUIRE_FALSE(result);
    CHECK(says(result.error(), "entry 39 is damaged"));
    CHECK(last == 30);
    CHECK(log->read(41, nothing()));
}

TEST_CASE("tamper: a damaged last batch stops the start") {
    for (const Attack& a : {Attack{"UPDATE entries SET body = x'00' WHERE seq = 44", "entry 44 is damaged"},
                            Attack{"DELETE FROM entries WHERE seq = 50", "entry 50 is missing"},
                            Attack{"INSERT INTO entries VALUES(52, 1, 1, x'00')", "entry 52 belongs to no batch"}}) {
        TempFolder folder;
        {
            Journal log = open_new(folder.file());
            fill(log, 5);
        }
        attack(folder.file(), a.sql);
        const auto opened = Journal::open(folder.file());
        REQUIRE_FALSE(opened);
        CHECK(opened.error().kind == Kind::integrity);
        CHECK(says(opened.error(), a.says));
    }
}

TEST_CASE("tamper: a file with any page overwritten or cut short is refused or reads as before, and never crashes") {
    TempFolder folder;
    {
        Journal log = open_new(folder.file());
        fill(log, 40);
        REQUIRE(log.checkpoint());
    }
    for (const char* name : {"journal.db-wal", "journal.db-shm"}) std::filesystem::remove(folder.file(name));
    const auto size = std::filesystem::file_size(folder.file());
    const Head head = verify(folder.file())->head;
    std::size_t refused = 0;
    for (std::uintmax_t at = 0; at < size; at += 512) {
        const auto copy = folder.file("copy.db");
        for (bool cut : {false, true}) {
            std::filesystem::copy_file(folder.file(), copy, std::filesystem::copy_options::overwrite_existing);
            if (cut) {
                std::filesystem::resize_file(copy, at);
            } else {
                std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
                file.seekp(static_cast<std::streamoff>(at));
                file << std::string(64, '\xa5');
            }
            const auto report = verify(copy, 1, head);
            if (report) CHECK(report->head == head);
            else ++refused;
        }
    }
    CHECK(refused > size / 512);
}
