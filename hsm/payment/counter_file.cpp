#include "hsm/payment/counter_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "hsm/hashed_file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::hsm {

namespace {
using Kind = Failure::Kind;
constexpr std::size_t kRecordBytes = 16 + 4 + 4;
constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;
constexpr std::size_t kSlackBytes = 1 << 20;  // superseded records that are left alone

void append_record(Buffer& out, const CounterId& id, std::uint32_t value) {
    Writer w(out);
    w.bytes(id);
    w.u32(value);
    w.u32(crc32c(Bytes(out).last(20)));
}

Result<void> write_all(int fd, Bytes data, std::uint64_t at) {
    while (!data.empty()) {
        const auto n = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return fail(Kind::try_again, fmt::format("cannot write the vault's counters: {}", std::strerror(errno)));
        data = data.subspan(static_cast<std::size_t>(n));
        at += static_cast<std::uint64_t>(n);
    }
    if (::fdatasync(fd) != 0)
        return fail(Kind::try_again, fmt::format("cannot sync the vault's counters: {}", std::strerror(errno)));
    return {};
}
}  // namespace

CounterId counter_id(std::string_view kind, Bytes thing) {
    const auto hash = sha256({as_bytes(kind), ByteArray<1>{}, thing});
    CounterId id;
    std::copy_n(hash.begin(), id.size(), id.begin());
    return id;
}

std::size_t CounterFile::Hash::operator()(const CounterId& id) const noexcept {
    return load_le<std::uint64_t>(id.data());
}

CounterFile::CounterFile(CounterFile&& other) noexcept
    : m_file(std::move(other.m_file)),
      m_fd(std::exchange(other.m_fd, -1)),
      m_bytes(other.m_bytes),
      m_values(std::move(other.m_values)),
      m_pending(std::move(other.m_pending)) {}

CounterFile::~CounterFile() {
    if (m_fd >= 0) ::close(m_fd);
}

Result<CounterFile> CounterFile::open(std::filesystem::path file) {
    CounterFile out(std::move(file));
    if (auto done = out.read(); !done) return tl::unexpected(done.error());
    if (out.m_bytes > 2 * out.m_values.size() * kRecordBytes + kSlackBytes)
        if (auto done = out.rewrite(); !done) return tl::unexpected(done.error());
    return out;
}

Result<void> CounterFile::read() {
    if (!std::filesystem::exists(m_file)) return {};  // made by the first commit
    auto bytes = read_file(m_file, kFileBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    Bytes left = *bytes;
    for (; left.size() >= kRecordBytes; left = left.subspan(kRecordBytes)) {
        Reader in(left.first(kRecordBytes));
        const auto id = in.array<16>();
        const auto value = in.u32();
        if (in.u32() != crc32c(left.first(20))) break;
        m_values[id] = value;
        m_bytes += kRecordBytes;
    }
    // More than one commit's worth of what is no record was not left by a crash.
    if (left.size() > kBatchRecordsMax * kRecordBytes || m_values.size() > kCountersMax) return damaged(m_file);
    return {};
}

Result<void> CounterFile::rewrite() {
    Buffer all;
    all.reserve(m_values.size() * kRecordBytes);
    for (const auto& [id, value] : m_values) append_record(all, id, value);
    if (auto done = write_file_atomic(m_file, all, 0600); !done) return done;
    m_bytes = all.size();
    return {};
}

std::uint32_t CounterFile::value(const CounterId& id) const noexcept {
    if (const auto pending = m_pending.find(id); pending != m_pending.end()) return pending->second;
    const auto found = m_values.find(id);
    return found == m_values.end() ? 0 : found->second;
}

void CounterFile::set(const CounterId& id, std::uint32_t value) {
    m_pending[id] = value;
}

Result<void> CounterFile::commit() {
    const auto pending = std::exchange(m_pending, {});
    if (pending.empty()) return {};
    ASSERT(pending.size() <= kBatchRecordsMax);
    if (m_values.size() + pending.size() > kCountersMax)
        return fail(Kind::try_again, fmt::format("the vault keeps {} counters, its most", kCountersMax));
    if (m_fd < 0 && !std::filesystem::exists(m_file))  // its name must survive a power cut as its records do
        if (auto done = write_file_atomic(m_file, {}, 0600); !done) return done;
    if (m_fd < 0) m_fd = ::open(m_file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (m_fd < 0)
        return fail(Kind::try_again, fmt::format("cannot open {}: {}", m_file.string(), std::strerror(errno)));
    Buffer records;
    for (const auto& [id, value] : pending) append_record(records, id, value);
    if (auto done = write_all(m_fd, records, m_bytes); !done) return done;
    // A longer unfinished commit of before may lie behind: cut, or a later reader would take its rest for damage.
    if (::ftruncate(m_fd, static_cast<off_t>(m_bytes + records.size())) != 0)
        return fail(Kind::try_again, fmt::format("cannot shorten the vault's counters: {}", std::strerror(errno)));
    m_bytes += records.size();
    for (const auto& [id, value] : pending) m_values[id] = value;
    return {};
}

}  // namespace giro::hsm
