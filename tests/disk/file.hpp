// One simulated file: its bytes as the programs see them, its bytes as the platter has them, and the writes in between.
//
// What a crash may do to a write that was not synced, and nothing more: leave it out, keep it, keep parts of it
// (512-byte sectors, or a prefix that ends anywhere), apply it out of order, or put a sector of it onto another place
// of the bytes that were not synced. Synced bytes never change by themselves: that is another fault than power loss.
#pragma once

#include <vector>

#include "giro/types.hpp"
#include "tests/disk/random.hpp"

namespace giro::test {

// What crashes did to writes that were not synced.
struct CrashCounts {
    std::uint64_t lost = 0;         // sectors that are not there
    std::uint64_t torn = 0;         // sectors of which a part is there
    std::uint64_t misdirected = 0;  // sectors that went where others belonged
};

class DiskFile {
  public:
    static constexpr std::size_t kSectorBytes = 512;

    // Copies from `offset` on; returns how many bytes there were.
    std::size_t read(std::uint64_t offset, MutableBytes out) const;
    void write(std::uint64_t offset, Bytes data);
    void truncate(std::uint64_t size);
    [[nodiscard]] std::uint64_t size() const noexcept { return m_now.size(); }

    // Everything written is on the platter, except what a failed sync gave up.
    void sync();
    // As Linux does: the error is told once, the pages count as clean, and no later sync writes them again.
    void fail_sync();
    [[nodiscard]] bool ever_synced() const noexcept { return m_ever_synced; }

    // What a power cut leaves; adds what it did to `counts`.
    void crash(Random& random, CrashCounts& counts);

    [[nodiscard]] Bytes bytes() const noexcept { return m_now; }
    [[nodiscard]] std::size_t unsynced() const noexcept { return m_unsynced.size(); }

  private:
    struct Change {
        std::uint64_t offset = 0;
        Buffer data;
        bool is_truncate = false;  // to `offset` bytes
        bool lost = false;         // a sync of it failed
    };
    static void apply(Buffer& bytes, const Change& change);
    static std::vector<Change> sectors_of(const Change& change);
    void drop_overwritten();
    static void cut_out(Change& lost, std::uint64_t begin, std::uint64_t end, std::vector<Change>& left);
    // Each returns how many sectors it spoilt: 0 or 1.
    static std::uint64_t tear(std::vector<Change>& pieces, Random& random);
    static std::uint64_t misdirect(std::vector<Change>& pieces, Random& random);
    // Sectors that are only written with what the platter has already are not at risk.
    void drop_rewrites(std::vector<Change>& pieces) const;
    [[nodiscard]] bool is_synced(const Change& piece) const;
    [[nodiscard]] std::vector<Change> survivors(Random& random, CrashCounts& counts) const;

    Buffer m_now;
    Buffer m_synced;
    std::vector<Change> m_unsynced;
    bool m_ever_synced = false;
};

}  // namespace giro::test
