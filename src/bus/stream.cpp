#include "bus/stream.hpp"

#include <array>
#include <cstring>
#include <optional>

#include "bus/record.hpp"
#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::bus {

using Outcome = unix_socket::Moved::Status;

bool Outbox::send(int fd, Bytes message) {
    std::array<std::byte, kSizeBytes> head{};
    store_le(head.data(), static_cast<std::uint32_t>(message.size()));
    const std::size_t whole = head.size() + message.size();
    std::size_t sent = 0;
    if (fd >= 0 && m_waiting.empty()) {
        const auto moved = unix_socket::write(fd, head, message);
        if (moved.bytes == whole) return true;
        sent = moved.bytes;  // 0 when the connection has ended: the next flush() says so
    }
    if (m_bytes + whole > kUnsentBytesMax) {
        ASSERT(sent == 0);  // nothing waited
        return false;
    }
    if (m_waiting.empty()) m_sent = sent;
    Secret copy(whole);
    std::memcpy(copy.writable().data(), head.data(), head.size());
    if (!message.empty()) std::memcpy(copy.writable().data() + head.size(), message.data(), message.size());
    m_waiting.push_back(std::move(copy));
    m_bytes += whole;
    return true;
}

bool Outbox::flush(int fd) {
    while (!m_waiting.empty()) {
        const Bytes first = m_waiting.front().reveal();
        const auto moved = unix_socket::write(fd, first.subspan(m_sent), {});
        if (moved.status != Outcome::ok) return moved.status == Outcome::blocked;
        m_sent += moved.bytes;
        if (m_sent < first.size()) continue;
        m_bytes -= first.size();
        m_waiting.pop_front();
        m_sent = 0;
    }
    return true;
}

void Outbox::clear() noexcept {
    m_waiting.clear();
    m_sent = m_bytes = 0;
}

namespace {
// Hands over the whole messages at the beginning of `bytes`; how long they are together, or nothing when a size is
// beyond the bound.
std::optional<std::size_t> hand_over(Bytes bytes, const Inbox::Take& take) {
    std::size_t at = 0;
    while (bytes.size() - at >= kSizeBytes) {
        const std::size_t size = load_le<std::uint32_t>(bytes.data() + at);
        if (size > kBatchBytesMax) return std::nullopt;
        if (bytes.size() - at - kSizeBytes < size) break;
        take(bytes.subspan(at + kSizeBytes, size));
        at += kSizeBytes + size;
    }
    return at;
}
}  // namespace

Inbox::Read Inbox::read(int fd, MutableBytes scratch, const Take& take) {
    const auto moved = unix_socket::read(fd, scratch);
    if (moved.status == Outcome::blocked) return Read::goes_on;
    if (moved.status == Outcome::ended) return Read::ended;
    const MutableBytes got = scratch.first(moved.bytes);
    const bool good = add(got, take);
    wipe(got);
    return good ? Read::goes_on : Read::wrong;
}

bool Inbox::add(Bytes bytes, const Take& take) {
    const bool fresh = m_partial.empty();
    if (!fresh) keep(bytes);
    const Bytes all = fresh ? bytes : Bytes(m_partial);
    const auto taken = hand_over(all, take);
    if (!taken) return false;
    if (!fresh && *taken == 0) return true;
    Buffer rest(all.begin() + static_cast<std::ptrdiff_t>(*taken), all.end());
    m_partial.swap(rest);
    wipe(rest);
    return true;
}

// A vector that grows by itself leaves a copy behind.
void Inbox::keep(Bytes bytes) {
    const std::size_t needed = m_partial.size() + bytes.size();
    if (needed > m_partial.capacity()) {
        Buffer larger;
        larger.reserve(2 * needed);
        larger.assign(m_partial.begin(), m_partial.end());
        m_partial.swap(larger);
        wipe(larger);
    }
    m_partial.insert(m_partial.end(), bytes.begin(), bytes.end());
}

void Inbox::clear() noexcept {
    wipe(m_partial);
    m_partial.clear();
}

}  // namespace giro::bus
