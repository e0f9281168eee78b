// A small disk of a test's own: a RAM disk over one folder, seen by this process and what it starts, and by nobody
// else. Gone with the process at the latest.
#pragma once

#include <cstdint>
#include <filesystem>

namespace story {

class SmallDisk {
  public:
    // Whether this user may mount one here; asked once.
    [[nodiscard]] static bool possible();

    SmallDisk(const std::filesystem::path& folder, std::uint64_t mebibytes);  // needs possible()
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    // Takes all room but `leave` bytes; 0: to the last page, even while others write.
    void fill(std::uint64_t leave) const;
    void make_room() const;
    [[nodiscard]] std::uint64_t free_bytes() const;

  private:
    std::filesystem::path m_folder;
};

}  // namespace story
