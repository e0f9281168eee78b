#include "tests/story/small_disk.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <string>

namespace story {

namespace {
constexpr std::uint64_t kPage = 4096;
const char* const kBallast = "ballast";

// From now on this process has mounts of its own, which end with it.
bool separate_mounts() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}
}  // namespace

bool SmallDisk::possible() {
    static const bool separate = separate_mounts();
    return separate;
}

SmallDisk::SmallDisk(const std::filesystem::path& folder, std::uint64_t mebibytes) : m_folder(folder) {
    const std::string options = "mode=0700,size=" + std::to_string(mebibytes) + "m";
    REQUIRE(::mount("giro-test", folder.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, options.c_str()) == 0);
}

SmallDisk::~SmallDisk() {
    ::umount2(m_folder.c_str(), MNT_DETACH);
}

std::uint64_t SmallDisk::free_bytes() const {
    struct statvfs fs {};
    REQUIRE(::statvfs(m_folder.c_str(), &fs) == 0);
    return fs.f_bavail * fs.f_frsize;
}

void SmallDisk::fill(std::uint64_t leave) const {
    const int fd = ::open((m_folder / kBallast).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    struct stat now {};
    REQUIRE(::fstat(fd, &now) == 0);
    std::uint64_t size = static_cast<std::uint64_t>(now.st_size);
    for (std::uint64_t room = free_bytes(); room > leave + kPage; room = free_bytes()) {
        // Others write meanwhile: what does not fit is tried smaller.
        std::uint64_t take = room - leave;
        while (take >= kPage && ::fallocate(fd, 0, static_cast<off_t>(size), static_cast<off_t>(take)) != 0) take /= 2;
        if (take < kPage) break;
        size += take;
    }
    ::close(fd);
}

void SmallDisk::make_room() const {
    std::filesystem::remove(m_folder / kBallast);
}

}  // namespace story
