#include "net/stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "giro/result.hpp"

namespace giro::net {

namespace {
Stream::Moved plain_result(ssize_t moved, Stream::Status if_blocked) noexcept {
    if (moved > 0) return {Stream::Status::ok, static_cast<std::size_t>(moved)};
    if (moved == 0) return {Stream::Status::ended, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {if_blocked, 0};
    return {Stream::Status::failed, 0};
}
}  // namespace

Stream::Stream(int fd, ssl_st* tls) noexcept : m_fd(fd), m_tls(tls) {
    if (m_tls == nullptr) return;
    ASSERT(SSL_set_fd(m_tls, fd) == 1);
}

Stream::Status Stream::tls_status(int result) noexcept {
    switch (SSL_get_error(m_tls, result)) {
        case SSL_ERROR_WANT_READ:
            return Status::wants_read;
        case SSL_ERROR_WANT_WRITE:
            return Status::wants_write;
        case SSL_ERROR_ZERO_RETURN:
            return Status::ended;
        default:
            return Status::failed;
    }
}

Stream::Status Stream::handshake() noexcept {
    if (m_tls == nullptr) return Status::ok;
    ERR_clear_error();  // SSL_get_error reads the thread's queue: it must hold this call's errors only
    const int result = SSL_do_handshake(m_tls);
    return result == 1 ? Status::ok : tls_status(result);
}

Stream::Moved Stream::read(MutableBytes into) noexcept {
    if (m_tls == nullptr) return plain_result(::recv(m_fd, into.data(), into.size(), 0), Status::wants_read);
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_read_ex(m_tls, into.data(), into.size(), &bytes);
    return {result == 1 ? Status::ok : tls_status(result), bytes};
}

Stream::Moved Stream::write(Bytes from) noexcept {
    if (m_tls == nullptr)
        return plain_result(::send(m_fd, from.data(), from.size(), MSG_NOSIGNAL), Status::wants_write);
    ERR_clear_error();
    std::size_t bytes = 0;
    const int result = SSL_write_ex(m_tls, from.data(), from.size(), &bytes);
    return {result == 1 ? Status::ok : tls_status(result), bytes};
}

void Stream::end_writing() noexcept {
    if (m_tls != nullptr && SSL_is_init_finished(m_tls) == 1) {
        ERR_clear_error();
        SSL_shutdown(m_tls);  // our close_notify; the peer's is not waited for
    }
    if (m_fd >= 0) ::shutdown(m_fd, SHUT_WR);
}

void Stream::close() noexcept {
    if (m_tls != nullptr) SSL_free(m_tls);
    if (m_fd >= 0) ::close(m_fd);
    m_tls = nullptr;
    m_fd = -1;
}

}  // namespace giro::net
