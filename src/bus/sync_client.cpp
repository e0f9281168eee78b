#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/format.h>

#include "bus/address.hpp"
#include "bus/endpoint.hpp"
#include "bus/stream.hpp"

namespace giro::bus {

using unix_socket::Until;

namespace {
constexpr std::size_t kReadBytes = std::size_t{16} << 10;
constexpr std::int64_t kReconnect_ms = 20;
}  // namespace

struct SyncClient::Connection {
    int fd = -1;
    Inbox in;
    Outbox out;
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { close(); }
    void disconnect() noexcept {
        if (fd >= 0) unix_socket::close(fd);
        fd = -1;
        in.clear();
        out.start_again();
    }
    void close() noexcept {
        disconnect();
        out.clear();
    }
};

Result<SyncClient> SyncClient::connect(const std::filesystem::path& path) {
    auto address = checked_address(path);
    if (!address) return tl::unexpected(address.error());
    return SyncClient(std::make_unique<Connection>(), *address);
}

SyncClient::SyncClient(std::unique_ptr<Connection> connection, std::filesystem::path path)
    : m_connection(std::move(connection)), m_path(std::move(path)) {}
SyncClient::SyncClient(SyncClient&&) noexcept = default;
SyncClient::~SyncClient() = default;

Result<SyncClient::Reply> SyncClient::call(std::uint16_t type, Bytes body, std::uint64_t timeout_ms) {
    using Steady = std::chrono::steady_clock;
    const std::uint64_t correlation = m_next++;
    Buffer batch;
    append_record(batch, {type, Status::ok, correlation, body});
    Buffer scratch(kReadBytes);
    std::optional<Reply> reply;
    const auto take = [&](Bytes message) {
        RecordReader reader(message);
        while (const auto record = reader.next())  // the others answer calls that were given up
            if (record->correlation == correlation && record->type == type)
                reply = Reply{record->status, Buffer(record->body.begin(), record->body.end())};
    };
    Connection& to = *m_connection;
    const auto deadline = Steady::now() + std::chrono::milliseconds(timeout_ms);
    const bool kept = to.out.send(to.fd, batch);
    ASSERT(kept);  // nothing else waits
    wipe(batch);
    while (!reply) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
        if (left <= 0) {
            if (!to.out.empty()) to.close();  // it is not to arrive once nobody waits for it any more
            return fail(Failure::Kind::try_again,
                        fmt::format("no answer from {} within {} ms; is the box up? (giro status)", m_path.string(),
                                    timeout_ms));
        }
        if (to.fd < 0) to.fd = unix_socket::connect_to(m_path);
        if (to.fd < 0) {
            unix_socket::wait(-1, Until::readable,
                              static_cast<std::uint64_t>(std::min<std::int64_t>(left, kReconnect_ms)));
            continue;
        }
        const bool takes = to.out.flush(to.fd);
        if (takes)
            unix_socket::wait(to.fd, to.out.empty() ? Until::readable : Until::writable,
                              static_cast<std::uint64_t>(left));
        if (to.in.read(to.fd, scratch, take) == Inbox::Read::goes_on && takes) continue;
        const bool gone_with_it = to.out.empty();
        to.disconnect();
        if (gone_with_it && !reply)
            return fail(Failure::Kind::try_again,
                        fmt::format("{} went away before it answered; is the box up? (giro status)", m_path.string()));
        unix_socket::wait(-1, Until::readable, kReconnect_ms);
    }
    return std::move(*reply);
}

}  // namespace giro::bus
