// The journal: the one durable, ordered, tamper-evident log of the box. giro-switch is its only writer; the auditor,
// settlement, console and replica read it live. The file format is in journal/format.hpp, byte by byte.
//
// Hostile input: the file itself. Reading checks a CRC per entry (names the damaged one) and a SHA-256 chain per batch
// (names the range), and hands out no entry before its batch has been checked. Failure::integrity is for the operator:
// one line that names the sequence number and what to do.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::journal {

// Bounds of one append: entries in a batch, bytes in one body, bytes of all bodies of a batch.
inline constexpr std::size_t kBatchEntriesMax = 65'536;
inline constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kBatchBytesMax = std::size_t{64} << 20;

// What append() takes. The body is opaque to the journal.
struct EntryView {
    std::uint16_t kind = 0;
    Bytes body{};
};

// What reading gives: views that are good during the callback only.
struct Entry {
    std::uint64_t seq = 0;  // 1, 2, 3, ... without a gap
    std::uint16_t kind = 0;
    std::uint64_t time_ns = 0;  // of its batch
    Bytes body{};
};

// The end of the log after some batch: its last sequence number (0: empty) and the hash of everything up to it.
struct Head {
    std::uint64_t seq = 0;
    Hash256 hash{};
    bool operator==(const Head&) const = default;
};

// Called for each entry in order; a Failure stops the reading, which returns it.
using EntryCallback = std::function<Result<void>(const Entry&)>;

struct Options {
    bool create = false;            // make an empty journal (0600) where there is none; otherwise Failure::not_provisioned
    ByteArray<16> journal_id{};     // of a new journal: starts its hash chain, so that journals cannot be mixed up
    // checkpoint_due() when the write-ahead log holds more pages (4,096 bytes each): a checkpoint stops the writer for
    // about 10 us a page, so a small one often stalls nobody noticeably, and one in an idle moment stalls nobody.
    std::uint32_t checkpoint_pages = 2'048;
    std::uint32_t idle_checkpoint_pages = 256;
    std::uint32_t pages_max = 0;    // a size limit for the database file; 0 = SQLite's own
};

// The writer. One per file: a lock on <path>.lock refuses the second.
class Journal {
  public:
    // Failures: not_provisioned (no file), try_again (another writer has it), config (another format version),
    // integrity (not a journal, or its last batch is damaged), refused (cannot open).
    [[nodiscard]] static Result<Journal> open(const std::filesystem::path& path, const Options& options = {});
    Journal(Journal&&) noexcept;
    Journal& operator=(Journal&&) noexcept;
    ~Journal();

    // Appends one batch (not empty, within the bounds above) in one SQL transaction. Returns the last sequence number,
    // and when it returns the batch is on the disk. Failures:
    //   try_again  the disk is full: nothing was written, the journal goes on when there is room
    //   refused    the disk failed: what was written is not known, and every later call fails too. Exit; start again.
    [[nodiscard]] Result<std::uint64_t> append(std::span<const EntryView> entries, std::uint64_t time_ns);

    // The write-ahead log has grown past Options::checkpoint_pages, or, where nothing waits to be written (`idle`), past
    // idle_checkpoint_pages: call checkpoint() between two batches.
    [[nodiscard]] bool checkpoint_due(bool idle) const noexcept;
    // Copies the write-ahead log into the database as far as readers allow; never waits for them.
    [[nodiscard]] Result<void> checkpoint();

    [[nodiscard]] const Head& head() const noexcept;
    // Every entry from `from_seq` (1 = all) to the head, checking as it goes.
    [[nodiscard]] Result<void> read(std::uint64_t from_seq, const EntryCallback& callback);
    // The hash after the batch that ends at `seq` (0: of the empty journal); nothing when no batch ends there.
    [[nodiscard]] Result<std::optional<Hash256>> hash_at(std::uint64_t seq);

  private:
    class Impl;
    explicit Journal(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> m_impl;
};

// A reader, in any process, beside the running writer or without it. Never writes, never checkpoints.
class JournalReader {
  public:
    [[nodiscard]] static Result<JournalReader> open(const std::filesystem::path& path);  // failures as Journal::open
    JournalReader(JournalReader&&) noexcept;
    JournalReader& operator=(JournalReader&&) noexcept;
    ~JournalReader();

    // Up to `limit` entries from `from_seq`; returns how many. Fewer than `limit` means the head was reached. Keep
    // `limit` to some thousands: while it reads, the writer's log cannot start over.
    // Failure::refused when what this reader has checked before is no longer there: it was read before it was durable and
    // a crash took it, or somebody wrote the past anew. It stays so; the caller starts over with another reader.
    [[nodiscard]] Result<std::size_t> read_from(std::uint64_t from_seq, std::size_t limit, const EntryCallback& callback);
    [[nodiscard]] Result<Head> head();
    [[nodiscard]] Result<std::optional<Hash256>> hash_at(std::uint64_t seq);  // as Journal::hash_at
    // The end of the last batch of which read_from() gave entries, with the hash of all that was read up to it.
    [[nodiscard]] std::optional<Head> checked() const;

  private:
    class Impl;
    explicit JournalReader(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> m_impl;
};

struct VerifyReport {
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t entries = 0;
    std::uint64_t batches = 0;
    Head head;
};

// Checks every entry from `from_seq` on, and that the journal still holds `expected` (a signed checkpoint's head): a
// shorter journal was truncated, another hash there means it was rewritten. Offline or beside the writer.
[[nodiscard]] Result<VerifyReport> verify(const std::filesystem::path& path, std::uint64_t from_seq = 1,
                                          const std::optional<Head>& expected = std::nullopt);

}  // namespace giro::journal
