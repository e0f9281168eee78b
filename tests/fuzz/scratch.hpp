// Files for targets whose parser reads a path: in one folder of this process, which goes away with it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "giro/result.hpp"
#include "util/file.hpp"

namespace giro::fuzz {

class ScratchFolder {
  public:
    ScratchFolder() : m_path((std::filesystem::temp_directory_path() / "giro-fuzz-XXXXXX").string()) {
        ASSERT(::mkdtemp(m_path.data()) != nullptr);
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] std::filesystem::path path() const { return m_path; }

  private:
    std::string m_path;
};
[[nodiscard]] inline std::filesystem::path scratch_folder() {
    static const ScratchFolder folder;
    return folder.path();
}

// The file <scratch folder>/<name> with these contents; folders in `name` are made.
inline std::filesystem::path scratch(const std::filesystem::path& name, Bytes contents) {
    const auto path = scratch_folder() / name;
    std::filesystem::create_directories(path.parent_path());
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ASSERT(fd >= 0 && ::write(fd, contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()));
    ::close(fd);
    return path;
}

}  // namespace giro::fuzz
