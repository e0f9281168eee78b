#include "hsm/payment/counter_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "hsm/hashed_file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::hsm {

namespace {
using Kind = Failure::Kind;
constexpr std::string_view kMagic = "GIROCTR1";
constexpr std::size_t kMarkBytes = 8 + 8 + 4;
constexpr std::size_t kMarksAt[] = {0, 4096};  // in sectors of their own: a power cut tears one at most
constexpr std::size_t kRecordsAt = 8192;
constexpr std::size_t kRecordBytes = 16 + 4 + 4;
constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;  // far above what is_long() lets it become
constexpr std::size_t kSlackBytes = 1 << 20;                 // superseded records that are left alone

void append_record(Buffer& out, const CounterId& id, std::uint32_t value) {
    Writer w(out);
    w.bytes(id);
    w.u32(value);
    w.u32(crc32c(Bytes(out).last(20)));
}

Buffer mark_of(std::uint64_t synced) {
    Buffer out;
    Writer w(out);
    w.bytes(as_bytes(kMagic));
    w.u64(synced);
    w.u32(crc32c(out));
    return out;
}

// What the later of the two marks that are whole says.
std::optional<std::uint64_t> synced_bytes(Bytes file) {
    std::optional<std::uint64_t> out;
    if (file.size() < kRecordsAt) return out;
    for (const std::size_t at : kMarksAt) {
        const Bytes mark = file.subspan(at, kMarkBytes);
        const auto synced = load_le<std::uint64_t>(mark.data() + kMagic.size());
        if (std::ranges::equal(mark, mark_of(synced))) out = std::max(out.value_or(0), synced);
    }
    return out;
}

// A file's first kRecordsAt bytes, both marks alike.
Buffer head(std::uint64_t synced) {
    Buffer out(kRecordsAt);
    for (const std::size_t at : kMarksAt)
        std::ranges::copy(mark_of(synced), out.begin() + static_cast<std::ptrdiff_t>(at));
    return out;
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
      m_unclean(other.m_unclean),
      m_second_mark(other.m_second_mark),
      m_values(std::move(other.m_values)),
      m_pending(std::move(other.m_pending)) {}

CounterFile::~CounterFile() {
    if (m_fd < 0) return;
    static_cast<void>(::fdatasync(m_fd));  // the last mark
    ::close(m_fd);
}

Result<CounterFile> CounterFile::open(std::filesystem::path file) {
    CounterFile out(std::move(file));
    if (auto done = out.read(); !done) return tl::unexpected(done.error());
    if (out.is_long())
        if (auto done = out.rewrite(); !done) return tl::unexpected(done.error());
    return out;
}

Result<void> CounterFile::read() {
    if (!std::filesystem::exists(m_file)) return {};  // made by the first commit
    auto bytes = read_file(m_file, kFileBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto synced = synced_bytes(*bytes);
    if (!synced) return damaged(m_file);
    Bytes left = Bytes(*bytes).subspan(kRecordsAt);
    for (; left.size() >= kRecordBytes; left = left.subspan(kRecordBytes)) {
        Reader in(left.first(kRecordBytes));
        const auto id = in.array<16>();
        const auto value = in.u32();
        if (in.u32() != crc32c(left.first(20))) break;
        m_values[id] = value;
        m_bytes += kRecordBytes;
    }
    // Behind the mark a crash leaves one commit's worth at most of what is no record.
    if (m_bytes < *synced || left.size() > kBatchRecordsMax * kRecordBytes || m_values.size() > kCountersMax)
        return damaged(m_file);
    return {};
}

Result<void> CounterFile::rewrite() {
    const auto kept = static_cast<std::uint64_t>(std::ranges::count_if(m_values, [](const auto& v) { return v.second != 0; }));
    const std::uint64_t bytes = kept * kRecordBytes;
    Buffer all = head(bytes);
    all.reserve(all.size() + bytes);
    for (const auto& [id, value] : m_values)
        if (value != 0) append_record(all, id, value);
    if (auto done = write_file_atomic(m_file, all, 0600); !done) return done;
    std::erase_if(m_values, [](const auto& v) { return v.second == 0; });  // which is what is said of one that is not there
    if (m_fd >= 0) ::close(std::exchange(m_fd, -1));  // the file of before
    m_bytes = bytes;
    m_unclean = m_second_mark = false;
    return {};
}

bool CounterFile::is_long() const noexcept {
    return m_bytes > 2 * m_values.size() * kRecordBytes + kSlackBytes;
}

Result<void> CounterFile::open_for_writing() {
    if (m_fd >= 0) return {};
    if (!std::filesystem::exists(m_file))  // its name must survive a power cut as its records do
        if (auto done = write_file_atomic(m_file, head(0), 0600); !done) return done;
    m_fd = ::open(m_file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (m_fd >= 0) return {};
    return fail(Kind::try_again, fmt::format("cannot open {}: {}", m_file.string(), std::strerror(errno)));
}

// Where one cannot be written the other stays, which says less and nothing wrong; the next commit tries again.
void CounterFile::mark() {
    const Buffer mark = mark_of(m_bytes);
    const auto at = static_cast<off_t>(kMarksAt[m_second_mark ? 1 : 0]);
    const auto written = ::pwrite(m_fd, mark.data(), mark.size(), at);
    if (written == static_cast<ssize_t>(mark.size())) m_second_mark = !m_second_mark;
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
    // Those that are there go on counting, however full it is.
    const auto is_new = [this](const auto& p) { return !m_values.contains(p.first); };
    const auto added = static_cast<std::size_t>(std::ranges::count_if(pending, is_new));
    if (added != 0 && m_values.size() + added > kCountersMax)
        return fail(Kind::try_again, fmt::format("the vault keeps {} counters, its most", kCountersMax));
    if (is_long())
        if (auto done = rewrite(); !done) return done;
    if (auto done = open_for_writing(); !done) return done;
    Buffer records;
    for (const auto& [id, value] : pending) append_record(records, id, value);
    // What an unfinished commit left goes first: the sync below would make its rest durable behind these.
    if (m_unclean && ::ftruncate(m_fd, static_cast<off_t>(kRecordsAt + m_bytes)) != 0)
        return fail(Kind::try_again, fmt::format("cannot shorten the vault's counters: {}", std::strerror(errno)));
    m_unclean = true;
    if (auto done = write_all(m_fd, records, kRecordsAt + m_bytes); !done) return done;
    m_unclean = false;
    m_bytes += records.size();
    mark();
    for (const auto& [id, value] : pending) m_values[id] = value;
    return {};
}

}  // namespace giro::hsm
