#include "hsm/settlement_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::hsm {

namespace {
constexpr std::size_t kBodyBytes = 8 + 32;
constexpr std::size_t kFileBytes = kBodyBytes + 32;
}  // namespace

Result<SettlementFile> SettlementFile::open(std::filesystem::path file) {
    SettlementFile out(std::move(file));
    if (!std::filesystem::exists(out.m_file)) return out;
    const auto bytes = read_file(out.m_file, kFileBytes);
    const auto damaged = [&] {
        return fail(Failure::Kind::integrity,
                    fmt::format("{} is damaged; restore it from the backup, never an older one", out.m_file.string()));
    };
    if (!bytes || bytes->size() != kFileBytes) return damaged();
    const Bytes body = Bytes(*bytes).first(kBodyBytes);
    if (!std::ranges::equal(sha256(body), Bytes(*bytes).subspan(kBodyBytes))) return damaged();
    Reader in(body);
    Signed last;
    last.window = in.u64();
    last.digest = in.array<32>();
    ASSERT(in.done());
    out.m_last = last;
    return out;
}

SettlementFile::Standing SettlementFile::standing(std::uint64_t window, const Hash256& digest) const noexcept {
    if (!m_last || window > m_last->window) return Standing::next;
    if (window < m_last->window) return Standing::behind;
    return digest == m_last->digest ? Standing::same : Standing::contradicts;
}

Result<void> SettlementFile::store(std::uint64_t window, const Hash256& digest) {
    ASSERT(standing(window, digest) == Standing::next);
    Buffer bytes;
    Writer out(bytes);
    out.u64(window);
    out.bytes(digest);
    const Hash256 hash = sha256(bytes);
    bytes.insert(bytes.end(), hash.begin(), hash.end());
    if (auto done = write_file_atomic(m_file, bytes, 0600); !done) return done;
    m_last = Signed{window, digest};
    return {};
}

}  // namespace giro::hsm
