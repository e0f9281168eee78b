// Follows pub/blocks.dat as giro-chain writes it: appended block by block, or replaced whole (after a reorganisation, at
// each start of giro-chain). Hostile: the file. What is not a whole record yet is waited for; what the rules refuse ends
// the following until the file is another one.
#pragma once

#include <filesystem>

#include "explorer/index.hpp"

namespace giro::appliance {

class Follower {
  public:
    // Then the public gets its turn: about 15 ms of verifying. One block it takes at least, however large.
    static constexpr std::size_t kBlocksPerTurn = 64, kBytesPerTurn = 64U << 10;
    static constexpr std::size_t kReadBytesMax = 5U << 20;  // at once; the largest block and its frame fit

    // `index` must outlive it.
    Follower(std::filesystem::path file, explorer::Index& index);
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    struct Turn {
        bool changed = false;  // the best chain is another one
        bool more = false;     // there is more to read at once
    };
    [[nodiscard]] Turn turn();
    // Why the file is not followed any more; empty while it is.
    [[nodiscard]] const std::string& stopped() const noexcept { return m_stopped; }

  private:
    void open_anew_when_replaced();
    void stop(std::string why);
    [[nodiscard]] bool read_more();
    // The next whole record's block; nothing when it is not there yet, or stopped.
    [[nodiscard]] std::optional<Bytes> next_record();

    std::filesystem::path m_file;
    explorer::Index& m_index;
    ByteArray<4> m_magic;
    int m_fd = -1;
    std::uint64_t m_device = 0, m_inode = 0;
    std::uint64_t m_read = 0;     // bytes of the file that are in m_in or behind it
    Buffer m_in;                  // read and not yet taken
    std::size_t m_taken = 0;      // bytes at the front of m_in that are
    std::string m_stopped;
};

}  // namespace giro::appliance
