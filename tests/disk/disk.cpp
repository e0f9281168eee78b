#include "tests/disk/disk.hpp"

#include "giro/result.hpp"
#include "tests/disk/state.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::test {

namespace {
bool changes_something(DiskOp op) {
    return op != DiskOp::open && op != DiskOp::read;
}
}  // namespace

bool Disk::State::is_last(DiskOp op) {
    if (!changes_something(op)) return false;
    ++m_changes;
    m_stopped = m_stop_at != 0 && --m_stop_at == 0;
    return m_stopped;
}

Disk::State::Verdict Disk::State::admit(DiskOp op) {
    ++m_counts.calls[static_cast<std::size_t>(op)];
    Planned& planned = m_planned[static_cast<std::size_t>(op)];
    if (m_stopped) return Verdict::fail;
    if (is_last(op)) return Verdict::last;
    if (planned.at == 0 || (planned.at > 1 && --planned.at > 0)) return Verdict::go;
    if (!planned.for_ever) planned.at = 0;
    ++m_counts.faults;
    return planned.cut_short ? Verdict::cut_short : Verdict::fail;
}

std::shared_ptr<Node> Disk::State::find(const std::string& path) const {
    const auto found = m_files.find(path);
    return found == m_files.end() ? nullptr : found->second;
}

std::shared_ptr<Node> Disk::State::create(const std::string& path) {
    m_unsynced_removals.erase(path);
    return m_files[path] = std::make_shared<Node>();
}

bool Disk::State::remove(const std::string& path) {
    const auto found = m_files.find(path);
    if (found == m_files.end()) return false;
    found->second->removed = true;
    give_space(found->second->file.size());
    if (found->second->file.ever_synced()) m_unsynced_removals[path] = found->second;
    m_files.erase(found);
    return true;
}

// A file system with a journal of its own commits what happened to names before with any later sync.
void Disk::State::synced(Node& node) {
    node.file.sync();
    m_unsynced_removals.clear();
}

std::uint64_t Disk::State::take_space(std::uint64_t wanted) {
    if (m_space == kNoLimit) return wanted;
    const std::uint64_t taken = std::min(wanted, m_space);
    if (taken < wanted) ++m_counts.faults;
    m_space -= taken;
    return taken;
}

void Disk::State::give_space(std::uint64_t bytes) {
    if (m_space != kNoLimit) m_space += bytes;
}

// Nodes of their own for the next program: the dead one's handles keep the old ones, whose shared memory SQLite still
// points into.
void Disk::State::replace_nodes() {
    for (auto& [path, node] : m_files) {
        auto next = std::make_shared<Node>();
        next->file = std::move(node->file);
        node = std::move(next);
    }
}

void Disk::State::kill() {
    ++m_epoch;
    replace_nodes();
}

void Disk::State::power_cut() {
    ++m_counts.faults;
    for (auto& [path, node] : m_unsynced_removals)
        if (m_random.one_in(2)) m_files.emplace(path, node);
    m_unsynced_removals.clear();
    kill();
    for (auto at = m_files.begin(); at != m_files.end();) {
        DiskFile& file = at->second->file;
        file.crash(m_random, m_counts.crashed);
        at = !file.ever_synced() && m_random.one_in(2) ? m_files.erase(at) : std::next(at);
    }
    m_stopped = false;
    m_stop_at = 0;
}

Disk::Disk(const std::filesystem::path& folder, std::uint64_t seed) {
    std::string real = std::filesystem::canonical(folder).string();
    if (!real.ends_with('/')) real += '/';
    m_state = std::make_shared<State>(std::move(real), seed);
    mount(m_state, seed);
}

Disk::~Disk() {
    m_state->unmount();
    unmount(m_state);
}

void Disk::kill() {
    m_state->kill();
}
void Disk::power_cut() {
    m_state->power_cut();
}
void Disk::stop_at(std::uint64_t k) {
    m_state->m_stop_at = k;
}
bool Disk::stopped() const noexcept {
    return m_state->m_stopped;
}

void Disk::fail(DiskOp op, std::uint64_t k, bool for_ever) {
    ASSERT(k > 0);
    m_state->m_planned[static_cast<std::size_t>(op)] = {k, for_ever, false};
}

void Disk::cut_short(DiskOp op, std::uint64_t k) {
    ASSERT(k > 0 && (op == DiskOp::read || op == DiskOp::write));
    m_state->m_planned[static_cast<std::size_t>(op)] = {k, false, true};
}

void Disk::space(std::uint64_t bytes) {
    m_state->m_space = bytes;
}
void Disk::lie_about_sync(bool on) {
    m_state->m_lies = on;
}

void Disk::heal() {
    m_state->m_planned = {};
    m_state->m_stop_at = 0;
    m_state->m_stopped = false;
    m_state->m_space = kNoLimit;
    m_state->m_lies = false;
}

const DiskCounts& Disk::counts() const noexcept {
    return m_state->m_counts;
}
std::uint64_t Disk::changes() const noexcept {
    return m_state->m_changes;
}

Hash256 Disk::digest() const {
    Buffer all;
    Writer w(all);
    for (const auto& [path, node] : m_state->m_files) {
        w.bytes(as_bytes(path).subspan(m_state->m_folder.size()));
        w.bytes(sha256(node->file.bytes()));
    }
    return sha256(all);
}

Bytes Disk::bytes(const std::string& name) const {
    const auto node = m_state->find(m_state->m_folder + name);
    return node ? node->file.bytes() : Bytes{};
}

void Disk::flip(const std::string& name, std::uint64_t at, std::byte bits) {
    const auto node = m_state->find(m_state->m_folder + name);
    ASSERT(node && at < node->file.size());
    const std::byte damaged = node->file.bytes()[at] ^ bits;
    node->file.write(at, {&damaged, 1});
    node->file.sync();
}

}  // namespace giro::test
