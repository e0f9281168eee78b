// What a Disk and SQLite's handles on it share. Internal to tests/disk.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/disk/disk.hpp"
#include "tests/disk/file.hpp"

namespace giro::test {

// SQLite's five lock levels on one file (sqlite.org/lockingv3.html), for the handles of one process.
struct FileLocks {
    int shared = 0;                // handles at SHARED or above
    const void* writer = nullptr;  // the one at RESERVED, PENDING or EXCLUSIVE
    bool pending = false;          // it waits for the readers: no new SHARED
};

// The shared memory beside a database in WAL mode: regions of SQLite's choosing, and 8 locks (SQLITE_SHM_NLOCK).
struct SharedMemory {
    static constexpr int kLocks = 8;
    std::vector<std::unique_ptr<Buffer>> regions;
    std::array<int, kLocks> shared{};
    std::array<bool, kLocks> exclusive{};
    int users = 0;
};

struct Node {
    DiskFile file;
    FileLocks locks;
    SharedMemory shm;
    bool removed = false;
};

class Disk::State {
  public:
    explicit State(std::string folder, std::uint64_t seed) : m_folder(std::move(folder)), m_random(seed) {}

    // `last`: the call that stop_at() named. It fails, but what it did may be found after the power cut.
    enum class Verdict : std::uint8_t { go, fail, cut_short, last };
    // Counts the call and says what becomes of it.
    Verdict admit(DiskOp op);

    [[nodiscard]] bool covers(const std::string& path) const { return path.starts_with(m_folder); }
    [[nodiscard]] std::shared_ptr<Node> find(const std::string& path) const;
    std::shared_ptr<Node> create(const std::string& path);
    bool remove(const std::string& path);
    void synced(Node& node);
    // How many of `wanted` bytes may be added; takes them off the room.
    std::uint64_t take_space(std::uint64_t wanted);
    void give_space(std::uint64_t bytes);
    void kill();
    void power_cut();

    [[nodiscard]] std::uint64_t epoch() const noexcept { return m_epoch; }
    [[nodiscard]] bool stopped() const noexcept { return m_stopped; }
    [[nodiscard]] bool lies() const noexcept { return m_lies; }
    void unmount() noexcept { ++m_epoch; }

  private:
    friend class Disk;
    struct Planned {
        std::uint64_t at = 0;  // 0: nothing planned; counts down
        bool for_ever = false;
        bool cut_short = false;
    };
    void replace_nodes();
    [[nodiscard]] bool is_last(DiskOp op);

    std::string m_folder;  // ends with '/'
    Random m_random;
    std::map<std::string, std::shared_ptr<Node>> m_files;  // by path
    std::map<std::string, std::shared_ptr<Node>> m_unsynced_removals;
    std::array<Planned, kDiskOps> m_planned{};
    std::uint64_t m_stop_at = 0;
    std::uint64_t m_changes = 0;
    std::uint64_t m_space = kNoLimit;
    std::uint64_t m_epoch = 0;  // handles of an earlier one are dead
    bool m_stopped = false;
    bool m_lies = false;
    DiskCounts m_counts;
};

// The Disk whose folder holds `path`; null when none does.
[[nodiscard]] std::shared_ptr<Disk::State> disk_of(const std::string& path);
void mount(const std::shared_ptr<Disk::State>& state, std::uint64_t seed);
void unmount(const std::shared_ptr<Disk::State>& state);

}  // namespace giro::test
