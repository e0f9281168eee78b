// The journal's bytes: each kind of entry, the file itself (SQLite's parser included), and the files of checkpoints
// that `giro journal verify` holds it against.
#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "appliance/giro/journal_check.hpp"
#include "appliance/snapshot_file.hpp"
#include "entry/entry.hpp"
#include "hsm/checkpoint_file.hpp"
#include "journal/journal.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/settlement/journal_maker.hpp"
#include "util/archive.hpp"
#include "util/hash.hpp"
#include "vault/bundle.hpp"

namespace giro::fuzz {

namespace {
using namespace entry;

template <typename E>
void comes_back(Bytes body) {
    if (const auto entry = decode<E>(body)) ASSERT(std::ranges::equal(encode(*entry), body));
}
using Reader = void (*)(Bytes);
constexpr std::array<Reader, 40> kReaders = {
    comes_back<ParticipantOpened>,   comes_back<AccountOpened>,        comes_back<CardIssued>,       comes_back<TerminalAdded>,
    comes_back<SessionKeySet>,       comes_back<WalletRegistered>,     comes_back<FundsPaidIn>,      comes_back<Payment>,
    comes_back<ForwardAnswered>,     comes_back<Reversal>,             comes_back<LinkReversalAnswered>, comes_back<WindowClosed>,
    comes_back<SettlementProposed>,  comes_back<SettlementApproved>,   comes_back<SettlementConfirmed>,
    comes_back<SessionKeyUsed>,      comes_back<SettlementWithdrawn>, comes_back<Authorised>,          comes_back<Completed>,
    comes_back<HoldsExpired>,        comes_back<TerminalDukptSet>,    comes_back<Forgotten>,
    comes_back<TerminalSigned>,      comes_back<TerminalCutOver>,     comes_back<Reconciled>,
    comes_back<Uploaded>,            comes_back<CardPinSet>,          comes_back<CardUnlocked>,        comes_back<RoutesChanged>,
    comes_back<ChipChecked>,         comes_back<CardBlocked>,          comes_back<CardUnblocked>,       comes_back<StoodIn>,
    comes_back<SafAnswered>,         comes_back<SafParked>,            comes_back<SafRetried>,          comes_back<SafExpired>,
    comes_back<SafClosed>,           comes_back<LinkSet>,              comes_back<LinkCutOver>};
}  // namespace

void run_journal_entry(Bytes input) {
    kReaders[take_choice(input, kReaders.size())](input);
}
Seeds seeds_journal_entry() {
    Reversal reversal;
    reversal.owed.resize(1);
    StoodIn stood_in;
    stood_in.advice.chip = Buffer(11, std::byte{3});
    SettlementProposed proposed;
    proposed.net = {{1, -5}, {2, 5}};
    proposed.unsigned_tx = Buffer(20, std::byte{2});
    proposed.inputs = {{1, 5}};
    const Seeds bodies = {encode(ParticipantOpened{}),
                          encode(AccountOpened{}),
                          encode(CardIssued{}),
                          encode(TerminalAdded{}),
                          encode(SessionKeySet{}),
                          encode(WalletRegistered{}),
                          encode(FundsPaidIn{}),
                          encode(Payment{}),
                          encode(ForwardAnswered{}),
                          encode(reversal),
                          encode(LinkReversalAnswered{}),
                          encode(WindowClosed{}),
                          encode(proposed),
                          encode(SettlementApproved{}),
                          encode(SettlementConfirmed{}), encode(SessionKeyUsed{}),
                          encode(SettlementWithdrawn{}), encode(Authorised{}), encode(Completed{}), encode(HoldsExpired{}),
                          encode(TerminalDukptSet{}), encode(Forgotten{}),
                          encode(TerminalSigned{}), encode(TerminalCutOver{}), encode(Reconciled{}), encode(Uploaded{}),
                          encode(CardPinSet{}), encode(CardUnlocked{}), encode(RoutesChanged{}), encode(ChipChecked{}),
                          encode(CardBlocked{}), encode(CardUnblocked{}), encode(stood_in), encode(SafAnswered{}), encode(SafParked{}),
                          encode(SafRetried{}), encode(SafExpired{}), encode(SafClosed{}), encode(LinkSet{}), encode(LinkCutOver{})};
    Seeds seeds;
    for (std::size_t i = 0; i < bodies.size(); ++i) seeds.push_back(chosen(i, bodies[i]));
    return seeds;
}

namespace {
// What SQL can do to a journal that a fuzzer's bits hardly hit.
constexpr const char* kEdits[] = {
    "PRAGMA application_id=1",
    "PRAGMA user_version=1",
    "CREATE TABLE other(x)",
    "DELETE FROM batches WHERE last_seq = 0",
    "DELETE FROM batches WHERE last_seq = 6",
    "DELETE FROM entries WHERE seq = 3",
    "UPDATE batches SET first_seq = 0 WHERE last_seq = 4",
    "UPDATE batches SET first_seq = 4 WHERE last_seq = 4",
    "UPDATE batches SET time_ns = 5 WHERE last_seq = 4",
    "UPDATE batches SET hash = x'00' WHERE last_seq = 6",
    "UPDATE entries SET kind = 70000 WHERE seq = 3",
    "UPDATE entries SET body = x'00' WHERE seq = 3",
};
Buffer edited(const std::filesystem::path& original, const char* sql) {
    const auto path = scratch("edited.db", read_file(original).value());
    sqlite3* db = nullptr;
    ASSERT(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    ASSERT(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    ASSERT(sqlite3_exec(db, "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    return read_file(path).value();
}
}  // namespace

// A database as somebody with write access left it: readers and the writer refuse it or read it, and never crash.
void run_journal_file(Bytes input) {
    const auto path = scratch("journal.db", input);
    for (const char* beside : {"journal.db-wal", "journal.db-shm", "journal.db-journal"})
        std::filesystem::remove(scratch_folder() / beside);
    const auto report = journal::verify(path);
    std::uint64_t entries = 0;
    const auto count = [&](const journal::Entry& e) -> Result<void> {
        ASSERT(e.seq == ++entries);
        return {};
    };
    auto reader = journal::JournalReader::open(path);
    if (reader) {
        const auto read = reader->read_from(1, 10'000, count);
        ASSERT(!report || (read && entries == report->entries));
        static_cast<void>(reader->hash_at(1));
        ASSERT(!report || reader->read_from(entries + 1, 1, count));
    }
    if (report) {  // a checkpoint over what it ends with holds, one over more or over other bytes does not
        journal::Head head = report->head;
        ASSERT(journal::verify(path, 1, head));
        head.hash[0] ^= std::byte{1};
        ASSERT(!journal::verify(path, 1, head));
        ++head.seq;
        ASSERT(!journal::verify(path, 1, head));
    }
    entries = 0;
    if (auto log = journal::Journal::open(path)) {
        static_cast<void>(log->read(1, count));
        const journal::EntryView one{7, as_bytes("one more")};
        static_cast<void>(log->append({&one, 1}, 1));
    }
}
Seeds seeds_journal_file() {
    Seeds seeds;
    for (const std::size_t batches : {0U, 3U}) {
        const auto path = scratch_folder() / ("seed" + std::to_string(batches) + ".db");
        std::filesystem::remove(path);
        {
            journal::Options options;
            options.create = true;
            auto log = journal::Journal::open(path, options).value();
            for (std::size_t i = 0; i < batches; ++i) {
                const journal::EntryView two[] = {{1, as_bytes("an entry")}, {2, {}}};
                ASSERT(log.append(two, 1'000 * i));
            }
            ASSERT(log.checkpoint());
        }
        seeds.push_back(read_file(path).value());
    }
    for (const char* sql : kEdits) seeds.push_back(edited(scratch_folder() / "seed3.db", sql));
    Buffer torn = seeds[1];
    ASSERT(torn.size() == 3 * 4096);  // the schema, entries, batches
    for (const std::size_t page : {std::size_t{1}, std::size_t{2}})  // of the tables: not one row of them can be read
        std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(page * 4096), 8, std::byte{0xee});
    seeds.push_back(torn);
    return seeds;
}

namespace {
// A file that was read is one the vault goes on from: forward only, and what it stores is read again.
void goes_on(hsm::CheckpointFile& file, const std::filesystem::path& path) {
    ASSERT(file.last().has_value());
    const vault::Checkpoint last = file.last()->checkpoint;
    vault::Checkpoint other = last;
    other.chain_hash[0] ^= std::byte{1};
    ASSERT(file.standing(last) == hsm::Standing::same && file.standing(other) == hsm::Standing::contradicts);
    if (last.seq == std::numeric_limits<std::uint64_t>::max()) return;
    other.seq = last.seq + 1;
    ASSERT(file.standing(other) == hsm::Standing::next && file.store({other, {}}));
    ASSERT(file.standing(last) == hsm::Standing::behind);
    const auto again = hsm::CheckpointFile::open(path);
    ASSERT(again && again->last() && again->last()->checkpoint == other);
}
}  // namespace

// vault/checkpoint, auditor/checkpoints.jsonl and switch/snapshot of a box whose bundle is known: by the first byte.
void run_journal_checkpoints(Bytes input) {
    static const config::Paths paths{scratch_folder() / "box"};
    static const bool ready = [] {
        vault::Bundle bundle;
        for (vault::MultisigKeys* keys : {&bundle.block, &bundle.issuer})
            keys->script = keys->witness_script = Buffer(34, std::byte{1});
        scratch("box/pub/bundle.json", as_bytes(vault::to_json(bundle)));
        return true;
    }();
    ASSERT(ready);
    const std::filesystem::path files[] = {"box/vault/checkpoint", "box/auditor/checkpoints.jsonl",
                                           "box/switch/snapshot"};
    const std::size_t choice = take_choice(input, std::size(files));
    for (const auto& file : files) std::filesystem::remove(scratch_folder() / file);
    const auto file = scratch(files[choice], input);
    const auto checked = cli::check_journal(paths);
    ASSERT(!checked);  // there is no journal, and nothing here is signed
    if (choice == 0) {
        if (auto opened = hsm::CheckpointFile::open(file)) goes_on(*opened, file);
    } else if (choice == 2) {
        ASSERT(!appliance::read_snapshot(paths.journal().parent_path(), ByteArray<65>{}));
    }
}
Seeds seeds_journal_checkpoints() {
    const vault::SignedCheckpoint checkpoint{{7, {}, {}}, {}};
    Buffer body;
    vault::encode(body, checkpoint);
    const Hash256 hash = sha256(body);
    body.insert(body.end(), hash.begin(), hash.end());
    const std::string zeros(64, '0');
    const std::string line = "{\"seq\":7,\"chain_hash\":\"" + zeros + "\",\"state_digest\":\"" + zeros +
                             "\",\"signature\":\"" + zeros + zeros + "\"}\n";
    ASSERT(appliance::write_snapshot(scratch_folder(), {{{7, {}, sha256(as_bytes("state"))}, {}}, owned("state")}));
    const Buffer snapshot = read_file(appliance::snapshot_file(scratch_folder())).value();
    return {chosen(0, body),
            chosen(1, line + line),
            chosen(1, "{\"seq\":7}\n"),
            chosen(1, "{\"seq\":7,\"chain_hash\":1}\n"),
            chosen(1, std::string_view("x")),
            chosen(2, snapshot)};
}

}  // namespace giro::fuzz
