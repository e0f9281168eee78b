#include "tests/disk/file.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace giro::test {

std::size_t DiskFile::read(std::uint64_t offset, MutableBytes out) const {
    if (offset >= m_now.size()) return 0;
    const std::size_t count = std::min<std::size_t>(out.size(), m_now.size() - offset);
    std::copy_n(m_now.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
    return count;
}

void DiskFile::apply(Buffer& bytes, const Change& change) {
    if (change.is_truncate) {
        bytes.resize(change.offset);
        return;
    }
    const std::size_t end = change.offset + change.data.size();
    if (bytes.size() < end) bytes.resize(end);
    std::ranges::copy(change.data, bytes.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

void DiskFile::write(std::uint64_t offset, Bytes data) {
    m_unsynced.push_back({offset, Buffer(data.begin(), data.end())});
    apply(m_now, m_unsynced.back());
}

void DiskFile::truncate(std::uint64_t size) {
    m_unsynced.push_back({size, {}, true});
    apply(m_now, m_unsynced.back());
}

void DiskFile::sync() {
    drop_overwritten();
    for (const Change& change : m_unsynced)
        if (!change.lost) apply(m_synced, change);
    std::erase_if(m_unsynced, [](const Change& change) { return !change.lost; });
    m_ever_synced = true;
}

// Bytes that were written again since are on the platter now: what was lost of them cannot come back over them.
void DiskFile::drop_overwritten() {
    std::vector<Change> all;
    for (Change& change : m_unsynced) {
        if (!change.lost && !change.is_truncate) {
            std::vector<Change> left;
            for (Change& before : all) cut_out(before, change.offset, change.offset + change.data.size(), left);
            all = std::move(left);
        }
        all.push_back(std::move(change));
    }
    m_unsynced = std::move(all);
}

// What stays of a lost write without the bytes from `begin` to `end`.
void DiskFile::cut_out(Change& lost, std::uint64_t begin, std::uint64_t end, std::vector<Change>& left) {
    const std::uint64_t first = lost.offset, last = lost.offset + lost.data.size();
    if (!lost.lost || lost.is_truncate || end <= first || begin >= last) {
        left.push_back(std::move(lost));
        return;
    }
    const auto part = [&](std::uint64_t from, std::uint64_t to) {
        if (from >= to) return;
        const auto at = lost.data.begin() + static_cast<std::ptrdiff_t>(from - first);
        left.push_back({from, Buffer(at, at + static_cast<std::ptrdiff_t>(to - from)), false, true});
    };
    part(first, begin);
    part(end, last);
}

void DiskFile::fail_sync() {
    for (Change& change : m_unsynced) change.lost = true;
}

std::vector<DiskFile::Change> DiskFile::sectors_of(const Change& change) {
    if (change.is_truncate) return {change};
    std::vector<Change> pieces;
    for (std::size_t at = 0; at < change.data.size();) {
        const std::size_t room = kSectorBytes - (change.offset + at) % kSectorBytes;
        const std::size_t size = std::min(room, change.data.size() - at);
        const auto from = change.data.begin() + static_cast<std::ptrdiff_t>(at);
        pieces.push_back({change.offset + at, Buffer(from, from + static_cast<std::ptrdiff_t>(size))});
        at += size;
    }
    return pieces;
}

// One sector is written up to some byte only.
std::uint64_t DiskFile::tear(std::vector<Change>& pieces, Random& random) {
    Change& torn = pieces[random.below(pieces.size())];
    if (torn.is_truncate) return 0;
    torn.data.resize(random.below(torn.data.size() + 1));
    return 1;
}

// One sector goes where another of the unsynced ones belonged.
std::uint64_t DiskFile::misdirect(std::vector<Change>& pieces, Random& random) {
    if (pieces.size() < 2) return 0;
    const std::size_t first = random.below(pieces.size());
    const std::size_t other = (first + 1 + random.below(pieces.size() - 1)) % pieces.size();
    Change& from = pieces[first];
    const Change& to = pieces[other];
    if (from.is_truncate || to.is_truncate || from.data.size() != to.data.size() || from.offset == to.offset) return 0;
    from.offset = to.offset;
    return 1;
}

bool DiskFile::is_synced(const Change& piece) const {
    return piece.offset + piece.data.size() <= m_synced.size() &&
           std::ranges::equal(piece.data, Bytes(m_synced).subspan(piece.offset, piece.data.size()));
}

void DiskFile::drop_rewrites(std::vector<Change>& pieces) const {
    std::set<std::uint64_t> changed;  // sectors
    for (const Change& piece : pieces)
        if (piece.is_truncate || !is_synced(piece)) changed.insert(piece.offset / kSectorBytes);
    std::erase_if(pieces, [&](const Change& piece) {
        return !piece.is_truncate && !changed.contains(piece.offset / kSectorBytes);
    });
}

std::vector<DiskFile::Change> DiskFile::survivors(Random& random, CrashCounts& counts) const {
    std::vector<Change> pieces;
    std::size_t written = 0;
    const auto keep = [&](const Change& change) {
        for (Change& piece : sectors_of(change)) pieces.push_back(std::move(piece));
    };
    for (const Change& change : m_unsynced) written += sectors_of(change).size();
    enum Outcome : std::uint8_t { none, all, first_some, some_writes, some_sectors, kOutcomes };
    const auto outcome = static_cast<Outcome>(random.below(kOutcomes));
    const std::size_t first = random.below(m_unsynced.size() + 1);
    for (std::size_t i = 0; i < m_unsynced.size(); ++i) {
        if (outcome == none || (outcome == first_some && i >= first)) break;
        if (outcome == some_writes && random.one_in(2)) continue;
        keep(m_unsynced[i]);
    }
    counts.lost += written - pieces.size();
    drop_rewrites(pieces);
    if (outcome == some_sectors) counts.lost += std::erase_if(pieces, [&](const Change&) { return random.one_in(3); });
    if (outcome == all || outcome == none || pieces.empty()) return pieces;
    if (outcome != first_some && random.one_in(2))
        for (std::size_t i = pieces.size() - 1; i > 0; --i) std::swap(pieces[i], pieces[random.below(i + 1)]);
    if (random.one_in(2)) counts.torn += tear(pieces, random);
    if (random.one_in(2)) counts.misdirected += misdirect(pieces, random);
    return pieces;
}

void DiskFile::crash(Random& random, CrashCounts& counts) {
    for (const Change& change : survivors(random, counts)) apply(m_synced, change);
    m_unsynced.clear();
    m_now = m_synced;
}

}  // namespace giro::test
