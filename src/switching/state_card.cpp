// How entries about cards on us change the state.
#include <algorithm>

#include "switching/accounts.hpp"
#include "switching/state.hpp"

namespace giro::switching {

State::Refusal State::on(const entry::CardIssued& e) {
    if (m_ledger.account(e.account) == nullptr || is_box_account(e.account))
        return "there is no such account of a customer";
    if (m_cards.contains(e.pan.token)) return "that card is issued already";
    m_cards[e.pan.token] = {e.account, {}};
    return {};
}

State::Refusal State::on(const entry::CardPinSet& e) {
    constexpr std::size_t kDigitsMin = 4;  // a PVV's, and the shortest offset's
    const auto at = m_cards.find(e.card);
    if (at == m_cards.end()) return "that card is not issued";
    const std::string_view digits = e.on_file.view();
    if (digits.size() < kDigitsMin || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
        return "a PVV or an offset has 4 to 12 digits";
    at->second.pin_on_file = e.on_file;
    return {};
}

// The count of wrong PINs is the vault's: nothing of it is here.
State::Refusal State::on(const entry::CardUnlocked& e) {
    if (!m_cards.contains(e.card)) return "that card is not issued";
    return {};
}

// Of any card: those of links' hosts are issued nowhere here.
State::Refusal State::on(const entry::CardBlocked& e) {
    if (m_blocked.contains(e.card)) return "that card is blocked already";
    if (m_blocked.size() >= kBlockedMax) return "too many cards are blocked";
    m_blocked.insert(e.card);
    return {};
}

State::Refusal State::on(const entry::CardUnblocked& e) {
    if (m_blocked.erase(e.card) == 0) return "that card is not blocked";
    return {};
}

// A sum that is full stays so: it is a figure for reports, and no reason to refuse what was done.
void State::count_blocked(const entry::Payment& p) noexcept {
    if (p.reason != entry::Reason::card_blocked) return;
    ++m_counters.blocked_taken;
    m_counters.blocked_sum = checked_add(m_counters.blocked_sum, p.amount.minor).value_or(m_counters.blocked_sum);
}

// Told for those who read the journal: nothing here goes by it.
State::Refusal State::on(const entry::ChipChecked& e) {
    if (e.payment == 0 || e.payment != m_last_seq) return "it does not stand right behind its payment";
    return {};
}

}  // namespace giro::switching
