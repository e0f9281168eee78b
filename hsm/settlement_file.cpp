#include "hsm/settlement_file.hpp"

#include "hsm/hashed_file.hpp"
#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
constexpr std::size_t kBodyBytes = 8 + 32;
}  // namespace

Result<SettlementFile> SettlementFile::open(std::filesystem::path file) {
    SettlementFile out(std::move(file));
    const auto body = read_hashed(out.m_file, kBodyBytes);
    if (!body) return tl::unexpected(body.error());
    if (!*body) return out;
    Reader in(**body);
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
    if (auto done = write_hashed(m_file, std::move(bytes)); !done) return done;
    m_last = Signed{window, digest};
    return {};
}

}  // namespace giro::hsm
