// A simulated disk for SQLite: the journal's and the chain's own code runs on it unchanged, and it fails on command.
//
// The first Disk registers one SQLite VFS as the default. A path under a Disk's folder lives in that Disk's memory;
// every other path goes to SQLite's own VFS. The folder must really exist: what the product does without SQLite (locks,
// "is there a file?", creating an empty one) still happens there. One thread, no real time, everything from the seed,
// SQLite's own random numbers included (they are seeded again whenever a Disk is made).
#pragma once

#include <array>
#include <filesystem>
#include <limits>
#include <memory>

#include "giro/types.hpp"
#include "tests/disk/file.hpp"

namespace giro::test {

enum class DiskOp : std::uint8_t { open, read, write, sync, truncate, remove };
inline constexpr std::size_t kDiskOps = 6;

struct DiskCounts {
    std::array<std::uint64_t, kDiskOps> calls{};  // by DiskOp, failed ones included
    std::uint64_t faults = 0;                     // calls that failed or were cut short on command, power cuts
    CrashCounts crashed;                          // what power cuts did to writes that were not synced
    [[nodiscard]] std::uint64_t of(DiskOp op) const noexcept { return calls[static_cast<std::size_t>(op)]; }
};

class Disk {
  public:
    static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

    Disk(const std::filesystem::path& folder, std::uint64_t seed);
    ~Disk();  // handles still open keep working on nothing: their IO fails
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    // The program died (kill -9): its handles fail from now on, its locks and shared memory are gone, what it wrote
    // stays. Destroy the old Journal or ChainStore (it holds a lock on a real file), then open again.
    void kill();
    // As kill(), and of what was not synced only a seeded choice stays (tests/disk/file.hpp). Ends stop_at().
    void power_cut();
    // The k-th call that changes something from now on (1: the next write, sync, truncate or remove) is the last that
    // is tried: it and all IO after it fail. For crash images at every step, followed by power_cut().
    void stop_at(std::uint64_t k);
    [[nodiscard]] bool stopped() const noexcept;

    // The k-th call of this kind from now on (1: the next) fails, and all later ones too if `for_ever`.
    void fail(DiskOp op, std::uint64_t k, bool for_ever);
    // The k-th read or write from now on does half of what it was asked: a write then reports a full disk, as SQLite's
    // own VFS does; a read leaves zeros behind, as at the end of a file.
    void cut_short(DiskOp op, std::uint64_t k);
    // So many bytes may still be added to files; beyond it SQLITE_FULL.
    void space(std::uint64_t bytes);
    // fsync says ok and does nothing: the fault that no program can survive, for proving that a checker sees it.
    void lie_about_sync(bool on);
    void heal();  // none of the faults above any more

    [[nodiscard]] const DiskCounts& counts() const noexcept;
    [[nodiscard]] std::uint64_t changes() const noexcept;  // calls that stop_at() counts, so far
    // Of all files' names and bytes: two runs of one seed have the same.
    [[nodiscard]] Hash256 digest() const;
    // A file's bytes as a program sees them; empty when there is no such file. `name` is below the Disk's folder.
    [[nodiscard]] Bytes bytes(const std::string& name) const;
    // Damage: flips bits of a file's byte, on the platter too. `at` must be within the file.
    void flip(const std::string& name, std::uint64_t at, std::byte bits);

    class State;

  private:
    std::shared_ptr<State> m_state;
};

}  // namespace giro::test
