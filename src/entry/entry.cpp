#include "entry/entry.hpp"

namespace giro::entry {

std::string_view name(Kind kind) noexcept {
    switch (kind) {
        case Kind::participant_opened: return "participant_opened";
        case Kind::account_opened: return "account_opened";
        case Kind::card_issued: return "card_issued";
        case Kind::terminal_added: return "terminal_added";
        case Kind::session_key_set: return "session_key_set";
        case Kind::session_key_used: return "session_key_used";
        case Kind::terminal_dukpt_set: return "terminal_dukpt_set";
        case Kind::terminal_signed: return "terminal_signed";
        case Kind::terminal_cut_over: return "terminal_cut_over";
        case Kind::card_pin_set: return "card_pin_set";
        case Kind::card_unlocked: return "card_unlocked";
        case Kind::card_blocked: return "card_blocked";
        case Kind::card_unblocked: return "card_unblocked";
        case Kind::link_set: return "link_set";
        case Kind::link_cut_over: return "link_cut_over";
        case Kind::wallet_registered: return "wallet_registered";
        case Kind::funds_paid_in: return "funds_paid_in";
        case Kind::routes_changed: return "routes_changed";
        case Kind::payment: return "payment";
        case Kind::forward_answered: return "forward_answered";
        case Kind::reversal: return "reversal";
        case Kind::link_reversal_answered: return "link_reversal_answered";
        case Kind::authorised: return "authorised";
        case Kind::completed: return "completed";
        case Kind::holds_expired: return "holds_expired";
        case Kind::forgotten: return "forgotten";
        case Kind::reconciled: return "reconciled";
        case Kind::uploaded: return "uploaded";
        case Kind::chip_checked: return "chip_checked";
        case Kind::stood_in: return "stood_in";
        case Kind::saf_answered: return "saf_answered";
        case Kind::saf_parked: return "saf_parked";
        case Kind::saf_retried: return "saf_retried";
        case Kind::saf_expired: return "saf_expired";
        case Kind::saf_closed: return "saf_closed";
        case Kind::window_closed: return "window_closed";
        case Kind::settlement_proposed: return "settlement_proposed";
        case Kind::settlement_approved: return "settlement_approved";
        case Kind::settlement_confirmed: return "settlement_confirmed";
        case Kind::settlement_withdrawn: return "settlement_withdrawn";
    }
    return "unknown";
}

std::string_view name(Reason reason) noexcept {
    switch (reason) {
        case Reason::none: return "none";
        case Reason::stale: return "stale";
        case Reason::signed_off: return "signed_off";
        case Reason::amount_invalid: return "amount_invalid";
        case Reason::currency_unknown: return "currency_unknown";
        case Reason::not_a_purchase: return "not_a_purchase";
        case Reason::reversed_before: return "reversed_before";
        case Reason::card_unknown: return "card_unknown";
        case Reason::no_route: return "no_route";
        case Reason::not_on_us: return "not_on_us";
        case Reason::original_not_held: return "original_not_held";
        case Reason::link_down: return "link_down";
        case Reason::wallet_order_bad: return "wallet_order_bad";
        case Reason::wallet_unknown: return "wallet_unknown";
        case Reason::wallet_mismatch: return "wallet_mismatch";
        case Reason::wallet_expired: return "wallet_expired";
        case Reason::wallet_replayed: return "wallet_replayed";
        case Reason::account_frozen: return "account_frozen";
        case Reason::limit_exceeded: return "limit_exceeded";
        case Reason::insufficient_funds: return "insufficient_funds";
        case Reason::issuer_declined: return "issuer_declined";
        case Reason::issuer_timeout: return "issuer_timeout";
        case Reason::ledger_refused: return "ledger_refused";
        case Reason::pin_wrong: return "pin_wrong";
        case Reason::pin_locked: return "pin_locked";
        case Reason::pin_unusable: return "pin_unusable";
        case Reason::chip_refused: return "chip_refused";
        case Reason::chip_unusable: return "chip_unusable";
        case Reason::chip_mismatch: return "chip_mismatch";
        case Reason::chip_wrong: return "chip_wrong";
        case Reason::chip_used: return "chip_used";
        case Reason::chip_fallback: return "chip_fallback";
        case Reason::cvv_wrong: return "cvv_wrong";
        case Reason::cvv2_wrong: return "cvv2_wrong";
        case Reason::card_blocked: return "card_blocked";
        case Reason::stand_in_pin: return "stand_in_pin";
        case Reason::stand_in_chip: return "stand_in_chip";
        case Reason::stand_in_floor: return "stand_in_floor";
        case Reason::stand_in_limit: return "stand_in_limit";
        case Reason::stand_in_full: return "stand_in_full";
    }
    return "unknown";
}

std::string_view name(SafVerdict verdict) noexcept {
    switch (verdict) {
        case SafVerdict::accepted: return "accepted";
        case SafVerdict::refused: return "refused";
        case SafVerdict::unreadable: return "unreadable";
    }
    return "unknown";
}

std::string_view name(SafWhy why) noexcept {
    switch (why) {
        case SafWhy::unreadable: return "unreadable";
        case SafWhy::card_unreadable: return "card_unreadable";
        case SafWhy::unsayable: return "unsayable";
        case SafWhy::asked: return "asked";
        case SafWhy::unanswered: return "unanswered";
    }
    return "unknown";
}

std::string_view name(ChipVerdict verdict) noexcept {
    switch (verdict) {
        case ChipVerdict::good: return "good";
        case ChipVerdict::wrong: return "wrong";
        case ChipVerdict::used: return "used";
        case ChipVerdict::mismatch: return "mismatch";
        case ChipVerdict::unusable: return "unusable";
    }
    return "unknown";
}

}  // namespace giro::entry
