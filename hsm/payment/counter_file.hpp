// Counters that must never go back, across restarts: the KSN ledger (the last good counter of each DUKPT terminal) and
// the wrong PINs of each card. In memory for reading, in vault/counters for ever.
//
//   file = two marks at 0 and 4,096, records from 8,192
//   mark = "GIROCTR1"  synced:u64  crc32c:u32 of both: so many bytes of records were on the disk when it was written
//   record = id:16  value:u32  crc32c:u32 of both, little-endian; the last record of an id counts
//
// A commit appends and syncs before any answer that rests on it leaves; then the mark moves on, the two in turn, and
// reaches the disk with the next sync at the latest. So what a crash left unfinished lies behind the mark and is cut
// off: its answer never left. Bytes before the mark that are no record are Failure::integrity, however few they are.
// Rewritten shorter, without those that are 0, when more than half of it is superseded, at a start or in between. An older copy put back over it
// lets old KSNs in again, as with every file of the vault: never restore an older one.
#pragma once

#include <filesystem>
#include <map>
#include <unordered_map>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::hsm {

using CounterId = ByteArray<16>;
// The id of a thing of a kind ("ksn", "pin"): SHA-256 of both, cut.
[[nodiscard]] CounterId counter_id(std::string_view kind, Bytes thing);

class CounterFile {
  public:
    static constexpr std::size_t kCountersMax = 1'000'000;
    static constexpr std::size_t kBatchRecordsMax = 4096;  // in one commit

    [[nodiscard]] static Result<CounterFile> open(std::filesystem::path file);
    CounterFile(CounterFile&& other) noexcept;
    CounterFile& operator=(CounterFile&&) = delete;
    CounterFile(const CounterFile&) = delete;
    CounterFile& operator=(const CounterFile&) = delete;
    ~CounterFile();

    // What is committed or set since; 0 for what was never set.
    [[nodiscard]] std::uint32_t value(const CounterId& id) const noexcept;
    // In memory until commit().
    void set(const CounterId& id, std::uint32_t value);
    // What was set since the last commit was not meant.
    void forget() noexcept { m_pending.clear(); }
    // Durable when it returns ok. On a failure what was set is forgotten again.
    [[nodiscard]] Result<void> commit();
    [[nodiscard]] std::size_t size() const noexcept { return m_values.size(); }

  private:
    struct Hash {
        std::size_t operator()(const CounterId& id) const noexcept;  // the id is a hash already
    };
    explicit CounterFile(std::filesystem::path file) : m_file(std::move(file)) {}
    Result<void> read();
    Result<void> rewrite();
    [[nodiscard]] bool is_long() const noexcept;
    Result<void> open_for_writing();
    void mark();

    std::filesystem::path m_file;
    int m_fd = -1;
    std::uint64_t m_bytes = 0;   // of whole records in the file
    bool m_unclean = true;       // bytes of an unfinished commit may follow the records
    bool m_second_mark = false;  // the one that is written next
    std::unordered_map<CounterId, std::uint32_t, Hash> m_values;
    std::map<CounterId, std::uint32_t> m_pending;
};

}  // namespace giro::hsm
