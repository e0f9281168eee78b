#include "bus/unix_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

namespace giro::bus::unix_socket {

namespace {
constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;

// False: the path is too long. The callers have looked before.
bool name_into(sockaddr_un& address, const std::filesystem::path& path) noexcept {
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    return true;
}

// A socket at `path`, or -1.
template <typename Call>
int make(const std::filesystem::path& path, Call call) noexcept {
    sockaddr_un address{};
    if (!name_into(address, path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | kFlags, 0);
    if (fd < 0 || call(fd, reinterpret_cast<const sockaddr*>(&address), socklen_t{sizeof address})) return fd;
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
}

bool of_this_user(int fd) noexcept {
    ucred other{};
    socklen_t size = sizeof other;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0 &&
           (other.uid == ::geteuid() || other.uid == 0);
}

// The connection, or -1.
int checked(int fd) noexcept {
    if (fd < 0 || of_this_user(fd)) return fd;
    ::close(fd);
    errno = ECONNABORTED;
    return -1;
}

Moved moved(ssize_t count) noexcept {
    if (count > 0) return {Moved::Status::ok, static_cast<std::size_t>(count)};
    const auto is = [](auto... error) { return ((errno == error) || ...); };
    if (count < 0 && is(EAGAIN, EINTR, ENOBUFS, ENOMEM)) return {Moved::Status::blocked, 0};
    return {Moved::Status::ended, 0};
}
}  // namespace

int listen_at(const std::filesystem::path& path) noexcept {
    ::unlink(path.c_str());
    return make(path, [](int fd, const sockaddr* address, socklen_t size) {
        return ::fchmod(fd, S_IRUSR | S_IWUSR) == 0 && ::bind(fd, address, size) == 0 && ::listen(fd, SOMAXCONN) == 0;
    });
}

int connect_to(const std::filesystem::path& path) noexcept {
    return checked(
        make(path, [](int fd, const sockaddr* address, socklen_t size) { return ::connect(fd, address, size) == 0; }));
}

int accept_one(int listener) noexcept {
    return checked(::accept4(listener, nullptr, nullptr, kFlags));
}

Moved read(int fd, MutableBytes into) noexcept {
    return moved(::recv(fd, into.data(), into.size(), 0));
}

Moved write(int fd, Bytes head, Bytes body) noexcept {
    const auto piece = [](Bytes bytes) { return iovec{const_cast<std::byte*>(bytes.data()), bytes.size()}; };
    std::array<iovec, 2> pieces{piece(head), piece(body)};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return moved(::sendmsg(fd, &message, MSG_NOSIGNAL));
}

void wait(int fd, Until what, std::uint64_t timeout_ms) noexcept {
    pollfd one{fd, static_cast<short>(what == Until::readable ? POLLIN : POLLOUT), 0};
    const auto at_most = static_cast<std::uint64_t>(std::numeric_limits<int>::max());
    static_cast<void>(::poll(&one, 1, static_cast<int>(std::min(timeout_ms, at_most))));
}

void close(int fd) noexcept {
    ::close(fd);
}

void close_listener(int fd, const std::filesystem::path& path) noexcept {
    ::unlink(path.c_str());
    ::close(fd);
}

}  // namespace giro::bus::unix_socket
