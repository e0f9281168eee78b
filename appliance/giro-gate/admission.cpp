#include "admission.hpp"

#include <algorithm>

#include "flow_control.hpp"

namespace giro::gate {

namespace {
constexpr std::uint64_t kMeasure_ms = 20;  // of decisions under load: several batches
constexpr std::uint64_t kBusy = 64;        // so many waited all the time: then it was as fast as it can
constexpr double kSlowdown = 1.0 / 8;      // of each measurement that is slower than what was measured; a faster one counts whole
constexpr std::uint64_t kStalled = 2;      // times wait_max_ms without a decision: it stands still
static_assert(kUndecidedMax < kInFlightMax && kUndecidedLeast <= kUndecidedUnknown && kUndecidedUnknown <= kUndecidedMax);
}  // namespace

std::uint64_t Admission::room() const noexcept {
    if (m_per_ms == 0) return kUndecidedUnknown;
    const double in_time = m_per_ms * static_cast<double>(m_wait_max_ms);
    return std::clamp(static_cast<std::uint64_t>(in_time), kUndecidedLeast, kUndecidedMax);
}

bool Admission::takes_new(std::uint64_t now_ms) noexcept {
    if (m_undecided.empty()) return true;
    const std::uint64_t all = room(), others = std::min(all, m_undecided.size() - m_fresh);
    if (!stalled(now_ms) && m_fresh < std::max(all - others, all / kFreshShare)) return true;
    if (now_ms - m_probed_ms < m_wait_max_ms) return false;
    m_probed_ms = now_ms;
    return true;
}

bool Admission::stalled(std::uint64_t now_ms) const noexcept { return now_ms - m_progress_ms >= kStalled * m_wait_max_ms; }

bool Admission::takes_undoing(std::uint64_t now_ms) noexcept {
    if (m_undoing < room() / kUndoingShare) return true;
    if (!stalled(now_ms) || now_ms - m_undoing_probed_ms < m_wait_max_ms) return false;
    m_undoing_probed_ms = now_ms;
    return true;
}

void Admission::passed(std::uint64_t stamp, Work work, std::uint64_t now_ms) {
    if (m_undecided.empty()) begin_measure(m_progress_ms = now_ms);
    if (m_undecided.size() == kWatchedMax) return;
    m_undecided.push_back({stamp, work});
    m_fresh += work == Work::fresh ? 1 : 0;
    m_undoing += work == Work::undoing ? 1 : 0;
}

void Admission::decided(std::uint64_t stamp, std::uint64_t now_ms) {
    auto found = std::ranges::find(m_undecided, stamp, &Passed::stamp);
    if (found == m_undecided.end()) return;
    while (std::next(found) != m_undecided.end() && std::next(found)->stamp == stamp) ++found;  // within one tick of a clock
    const auto end = std::next(found);
    const auto of = [&](Work work) { return static_cast<std::uint64_t>(std::count_if(m_undecided.begin(), end, [work](const Passed& p) { return p.work == work; })); };
    m_fresh -= of(Work::fresh);
    m_undoing -= of(Work::undoing);
    const auto count = static_cast<std::uint64_t>(end - m_undecided.begin());
    m_undecided.erase(m_undecided.begin(), end);
    m_progress_ms = now_ms;
    measure(count, now_ms);
}

void Admission::begin_measure(std::uint64_t now_ms) noexcept {
    m_since_ms = now_ms;
    m_decided = 0;
    m_least = kUndecidedMax;
}

void Admission::measure(std::uint64_t decided, std::uint64_t now_ms) noexcept {
    m_decided += decided;
    m_least = std::min<std::uint64_t>(m_least, m_undecided.size());
    if (now_ms - m_since_ms < kMeasure_ms) return;
    const double per_ms = static_cast<double>(m_decided) / static_cast<double>(now_ms - m_since_ms);
    const bool busy = m_least >= kBusy;
    if (m_per_ms == 0 ? busy : per_ms > m_per_ms) m_per_ms = per_ms;
    else if (m_per_ms != 0 && busy) m_per_ms += kSlowdown * (per_ms - m_per_ms);
    begin_measure(now_ms);
}

}  // namespace giro::gate
