// What the state lets go of: the oldest requests and transfers of windows that are settled, by entry::Forgotten, and what
// stays known of them: their latest local day. And what each request leaves behind beside itself.
#include <algorithm>

#include "switching/freshness.hpp"
#include "switching/state.hpp"

namespace giro::switching {

void State::advance_settled() {
    for (auto next = m_settlements.find(m_settled_through + 1); next != m_settlements.end() && next->second.confirmed; ++next)
        ++m_settled_through;
}

// A day further ahead than any request may say is one of last year, of something old that is named again.
void State::note_request(const entry::RequestKey& key, std::uint64_t time_ns) {
    if (const auto day = local_day(key.local_date, time_ns); day && *day <= latest_day(time_ns))
        m_newest_day = std::max(m_newest_day, *day);
    if (const auto at = m_terminals.find(key.terminal); at != m_terminals.end()) ++at->second.key_requests;
}

// The oldest request: whether it is of that time, nothing is held under it and no issuer has still to hear or say anything.
bool State::may_forget_request(std::uint64_t last_seq) const {
    if (m_remembered.size() == 0) return false;
    const Remembered& oldest = m_remembered.at(0);
    return oldest.seq <= last_seq && oldest.what != Remembered::What::held && !m_outstanding.contains(oldest.seq);
}

bool State::may_forget(std::uint64_t window) const {
    if (window == 0 || window > m_settled_through) return false;
    const entry::WindowClosed& closed = m_settlements.at(window).closed;
    return may_forget_request(closed.last_seq) || m_ledger.may_forget(closed.time_ns);
}

State::Refusal State::on(const entry::Forgotten& e) {
    if (e.most == 0 || !may_forget(e.window)) return "there is nothing to forget";
    const entry::WindowClosed& closed = m_settlements.at(e.window).closed;
    for (std::uint32_t i = 0; i < e.most && may_forget_request(closed.last_seq); ++i) {
        forget_authorisation(m_remembered.at(0).seq);
        m_remembered_index.erase(m_remembered.at(0).id, m_remembered.ref_at(0));
        m_remembered.drop_front();
    }
    static_cast<void>(m_ledger.forget(closed.time_ns, e.most));
    m_forgotten_day = std::max(m_forgotten_day, m_settlements.at(e.window).newest_day);
    return {};
}

}  // namespace giro::switching
