#include "settlement/book.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "util/archive.hpp"

namespace giro::settlement {

using entry::Kind;

namespace {
tl::unexpected<Failure> misfit(std::uint64_t seq, std::string_view why) {
    return fail(Failure::Kind::integrity,
                fmt::format("journal entry {}: {}; check it with: giro journal verify", seq, why));
}

template <typename E>
Result<E> decoded(std::uint64_t seq, Bytes body) {
    auto e = decode<E>(body);
    if (!e) return misfit(seq, "its bytes do not decode");
    return std::move(*e);
}
}  // namespace

std::string_view name(WindowState state) noexcept {
    switch (state) {
        case WindowState::closed:
            return "closed";
        case WindowState::proposed:
            return "proposed";
        case WindowState::approved:
            return "approved";
        case WindowState::confirmed:
            return "confirmed";
    }
    return "unknown";
}

WindowState WindowRecord::state(std::size_t required) const noexcept {
    if (confirmation) return WindowState::confirmed;
    if (!proposal) return WindowState::closed;
    return approvals.size() >= required ? WindowState::approved : WindowState::proposed;
}

Result<void> Book::feed(std::uint64_t seq, std::uint16_t kind, Bytes body) {
    switch (static_cast<Kind>(kind)) {
        case Kind::participant_opened: {
            auto e = decoded<entry::ParticipantOpened>(seq, body);
            if (!e) return tl::unexpected(std::move(e.error()));
            m_participants.push_back(std::move(*e));
            return {};
        }
        case Kind::window_closed:
            return closed(seq, body);
        case Kind::settlement_proposed:
            return proposed(seq, body);
        case Kind::settlement_withdrawn:
            return withdrawn(seq, body);
        case Kind::settlement_approved:
            return approved(seq, body);
        case Kind::settlement_confirmed:
            return confirmed(seq, body);
        default:
            return {};
    }
}

Result<void> Book::closed(std::uint64_t seq, Bytes body) {
    const auto e = decoded<entry::WindowClosed>(seq, body);
    if (!e) return tl::unexpected(e.error());
    if (e->window != m_windows.size() + 1) return misfit(seq, fmt::format("window {} is not the open one", e->window));
    m_windows[e->window].closed = *e;
    return {};
}

Result<void> Book::proposed(std::uint64_t seq, Bytes body) {
    auto e = decoded<entry::SettlementProposed>(seq, body);
    if (!e) return tl::unexpected(std::move(e.error()));
    auto* record = m_windows.contains(e->window) ? &m_windows[e->window] : nullptr;
    if (record == nullptr || record->proposal)
        return misfit(seq, fmt::format("window {} takes no proposal", e->window));
    record->proposal = std::move(*e);
    return {};
}

Result<void> Book::withdrawn(std::uint64_t seq, Bytes body) {
    const auto e = decoded<entry::SettlementWithdrawn>(seq, body);
    if (!e) return tl::unexpected(e.error());
    const auto at = m_windows.find(e->window);
    if (at == m_windows.end() || !at->second.proposal || !at->second.approvals.empty() || at->second.confirmation)
        return misfit(seq, fmt::format("window {} has no proposal to withdraw", e->window));
    at->second.proposal.reset();
    return {};
}

Result<void> Book::approved(std::uint64_t seq, Bytes body) {
    auto e = decoded<entry::SettlementApproved>(seq, body);
    if (!e) return tl::unexpected(std::move(e.error()));
    const auto at = m_windows.find(e->window);
    if (at == m_windows.end() || !at->second.proposal)
        return misfit(seq, fmt::format("window {} takes no approval", e->window));
    auto& approvals = at->second.approvals;
    if (std::ranges::find(approvals, e->officer, &entry::SettlementApproved::officer) != approvals.end())
        return misfit(seq, fmt::format("officer {} approves window {} twice", e->officer.view(), e->window));
    approvals.push_back(std::move(*e));
    return {};
}

Result<void> Book::confirmed(std::uint64_t seq, Bytes body) {
    const auto e = decoded<entry::SettlementConfirmed>(seq, body);
    if (!e) return tl::unexpected(e.error());
    const auto at = m_windows.find(e->window);
    if (at == m_windows.end() || !at->second.proposal || at->second.confirmation)
        return misfit(seq, fmt::format("window {} takes no confirmation", e->window));
    at->second.confirmation = *e;
    return {};
}

const WindowRecord* Book::find(std::uint64_t window) const {
    const auto at = m_windows.find(window);
    return at == m_windows.end() ? nullptr : &at->second;
}

const WindowRecord* Book::first_unconfirmed() const {
    const auto at = std::ranges::find_if(m_windows, [](const auto& w) { return !w.second.confirmation; });
    return at == m_windows.end() ? nullptr : &at->second;
}

const WindowRecord* Book::window_of(std::uint64_t seq) const {
    const auto at = std::ranges::find_if(m_windows, [&](const auto& w) { return seq <= w.second.closed.last_seq; });
    return at == m_windows.end() ? nullptr : &at->second;
}

std::string Book::participant_name(entry::ParticipantId id) const {
    const auto at = std::ranges::find(m_participants, id, &entry::ParticipantOpened::id);
    return at == m_participants.end() ? fmt::format("#{}", id) : at->name.str();
}

}  // namespace giro::settlement
