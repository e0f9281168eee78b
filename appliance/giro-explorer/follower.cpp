#include "appliance/giro-explorer/follower.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "util/log.hpp"

namespace giro::appliance {

namespace {
constexpr std::size_t kFrameBytes = 8;  // magic and length
static_assert(Follower::kReadBytesMax >= chain::kBlockWeightMax + kFrameBytes);
}  // namespace

Follower::Follower(std::filesystem::path file, explorer::Index& index)
    : m_file(std::move(file)), m_index(index), m_magic(chain::network_magic(index.chain().params())) {}

Follower::~Follower() {
    if (m_fd >= 0) ::close(m_fd);
}

void Follower::stop(std::string why) {
    m_stopped = std::move(why);
    log::error("{}: {}; the pages stay at height {}", m_file.string(), m_stopped, m_index.tip_height());
}

void Follower::open_anew_when_replaced() {
    struct stat now {};
    if (::stat(m_file.c_str(), &now) != 0) return;  // not there yet, or between two: the next turn sees
    const bool same = m_fd >= 0 && now.st_dev == m_device && now.st_ino == m_inode && static_cast<std::uint64_t>(now.st_size) >= m_read;
    if (same) return;
    const int fd = ::open(m_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat opened {};
    if (fd < 0 || ::fstat(fd, &opened) != 0 || !S_ISREG(opened.st_mode)) {
        if (fd >= 0) ::close(fd);
        return;
    }
    if (m_fd >= 0) ::close(m_fd);
    m_fd = fd;
    m_device = opened.st_dev;
    m_inode = opened.st_ino;
    m_read = 0;
    m_in.clear();
    m_taken = 0;
    m_stopped.clear();
}

// True when something was read.
bool Follower::read_more() {
    m_in.erase(m_in.begin(), m_in.begin() + static_cast<std::ptrdiff_t>(m_taken));
    m_taken = 0;
    if (m_fd < 0 || m_in.size() >= kReadBytesMax) return false;
    const std::size_t had = m_in.size();
    m_in.resize(kReadBytesMax);
    const ssize_t n = ::pread(m_fd, m_in.data() + had, kReadBytesMax - had, static_cast<off_t>(m_read));
    m_in.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    m_read += static_cast<std::uint64_t>(std::max<ssize_t>(n, 0));
    return n > 0;
}

std::optional<Bytes> Follower::next_record() {
    Reader in(Bytes(m_in).subspan(m_taken));
    if (in.left() < kFrameBytes) return std::nullopt;
    if (in.array<4>() != m_magic) {
        stop("a record of another chain");
        return std::nullopt;
    }
    const std::uint32_t size = in.u32();
    if (size > chain::kBlockWeightMax) {
        stop("a record larger than any block");
        return std::nullopt;
    }
    if (in.left() < size) return std::nullopt;
    m_taken += kFrameBytes + size;
    return in.take(size);
}

Follower::Turn Follower::turn() {
    Turn made;
    open_anew_when_replaced();
    for (std::size_t blocks = 0, bytes = 0; m_stopped.empty();) {
        if (blocks == kBlocksPerTurn || bytes >= kBytesPerTurn) {
            made.more = true;
            break;
        }
        const auto record = next_record();
        if (!record) {
            if (!m_stopped.empty() || !read_more()) break;
            continue;
        }
        ++blocks;
        bytes += record->size();
        const auto taken = m_index.submit(*record);
        if (!taken) stop(fmt::format("a block is refused: {}", chain::bip22_word(taken.error())));
        else made.changed = made.changed || *taken;
    }
    if (m_taken == m_in.size() && !made.more) Buffer().swap(m_in), m_taken = 0;
    return made;
}

}  // namespace giro::appliance
