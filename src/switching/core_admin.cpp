// Commands of staff: provisioning, windows and settlements. An approval is journalled only when the officer's signature
// is over exactly the proposed transaction; the vault checks it again before it signs.
#include <fmt/format.h>

#include "switching/core.hpp"
#include "switching/core_record.hpp"
#include "vault/digests.hpp"

namespace giro::switching {

// The state is the check: what does not fit it is refused with its reason.
Done Core::open_participant(const entry::ParticipantOpened& e) {
    if (e.backing.currency != m_policy.config.currency)
        return tl::unexpected(fmt::format("its currency is {}, this box keeps {}", e.backing.currency, m_policy.config.currency));
    return admin(entry::Kind::participant_opened, e);
}
Done Core::open_account(const entry::AccountOpened& e) {
    return admin(entry::Kind::account_opened, e);
}
Done Core::issue_card(const entry::CardIssued& e) {
    return admin(entry::Kind::card_issued, e);
}
Done Core::add_terminal(const entry::TerminalAdded& e) {
    return admin(entry::Kind::terminal_added, e);
}
Done Core::set_terminal_dukpt(const entry::TerminalDukptSet& e) {
    return admin(entry::Kind::terminal_dukpt_set, e);
}
Done Core::pay_in(const entry::FundsPaidIn& e) {
    return admin(entry::Kind::funds_paid_in, e);
}
Done Core::propose_settlement(const entry::SettlementProposed& e) {
    return admin(entry::Kind::settlement_proposed, e);
}
Done Core::withdraw_settlement(const entry::SettlementWithdrawn& e) {
    return admin(entry::Kind::settlement_withdrawn, e);
}

tl::expected<entry::WindowClosed, std::string> Core::close_window(std::uint64_t now_ns) {
    entry::WindowClosed e;
    e.window = m_state.open_window();
    e.last_seq = m_state.last_seq();
    e.time_ns = now_ns;
    if (const Done done = admin(entry::Kind::window_closed, e); !done) return tl::unexpected(done.error());
    return e;
}

Done Core::approve_settlement(const entry::SettlementApproved& e) {
    const auto officer = m_policy.officers.find(e.officer);
    if (officer == m_policy.officers.end())
        return tl::unexpected(fmt::format("{} is not an enrolled officer", e.officer.view()));
    const auto settlement = m_state.settlements().find(e.window);
    if (settlement == m_state.settlements().end() || !settlement->second.proposed)
        return tl::unexpected(fmt::format("no settlement of window {} is proposed", e.window));
    const auto& proposed = *settlement->second.proposed;
    std::vector<std::int64_t> amounts;
    for (const auto& input : proposed.inputs) amounts.push_back(static_cast<std::int64_t>(input.amount));
    const Hash256 digest = vault::approval_digest(e.window, proposed.unsigned_tx, amounts);
    if (!vault::verify_approval(officer->second, digest, e.signature))
        return tl::unexpected(
            fmt::format("the signature is not {}'s over the settlement of window {}", e.officer.view(), e.window));
    return admin(entry::Kind::settlement_approved, e);
}

Done Core::confirm_settlement(const entry::SettlementConfirmed& e) {
    const auto settlement = m_state.settlements().find(e.window);
    if (settlement != m_state.settlements().end() &&
        settlement->second.approvals.size() < m_policy.config.settle.approvals_required)
        return tl::unexpected(fmt::format("window {} has too few approvals", e.window));
    return admin(entry::Kind::settlement_confirmed, e);
}

}  // namespace giro::switching
