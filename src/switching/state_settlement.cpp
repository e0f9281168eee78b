// How windows and their settlement on tier 1 change the state: closed, proposed, approved by officers, confirmed in a block,
// or taken back before an officer signed. As in state_apply.cpp every `on` checks first and then only writes.
#include "switching/state.hpp"
#include "util/hash.hpp"

namespace giro::switching {

State::Refusal State::on(const entry::WindowClosed& e) {
    if (e.window != open_window()) return "it is not the open window";
    if (e.last_seq != m_last_seq) return "its last sequence number is not the one before it";
    m_settlements[e.window] = {e, this_seq(), {}, {}, {}, m_newest_day};
    forget_stand_in();
    return {};
}

State::Refusal State::on(const entry::SettlementProposed& e) {
    const auto at = m_settlements.find(e.window);
    if (at == m_settlements.end()) return "that window is not closed";
    if (at->second.proposed) return "a settlement of that window was proposed already";
    MinorUnits sum = 0;
    for (const auto& position : e.net) {
        if (!m_participants.contains(position.participant)) return "it nets a participant that is not open";
        const auto next = checked_add(sum, position.net);
        if (!next) return "its nets overflow";
        sum = *next;
    }
    if (sum != 0) return "its nets do not sum to zero";
    at->second.proposed = e;
    return {};
}

// Once an officer has signed, the proposal may come to be paid: it stands.
State::Refusal State::on(const entry::SettlementWithdrawn& e) {
    const auto at = m_settlements.find(e.window);
    if (at == m_settlements.end() || !at->second.proposed) return "no settlement of that window is proposed";
    if (!at->second.approvals.empty()) return "an officer has approved it";
    if (at->second.confirmed) return "that window is settled";
    at->second.proposed.reset();
    return {};
}

State::Refusal State::on(const entry::SettlementApproved& e) {
    const auto at = m_settlements.find(e.window);
    if (at == m_settlements.end() || !at->second.proposed) return "no settlement of that window is proposed";
    if (at->second.confirmed) return "that window is settled";
    if (at->second.approvals.contains(e.officer)) return "that officer has approved it already";
    at->second.approvals[e.officer] = e.signature;
    return {};
}

State::Refusal State::on(const entry::SettlementConfirmed& e) {
    const auto at = m_settlements.find(e.window);
    if (at == m_settlements.end() || !at->second.proposed) return "no settlement of that window is proposed";
    if (at->second.confirmed) return "that window is settled";
    if (e.txid != sha256d(at->second.proposed->unsigned_tx)) return "its txid is not that of the proposed transaction";
    at->second.confirmed = e;
    advance_settled();
    return {};
}

}  // namespace giro::switching
