#include "switching/answers.hpp"

#include "giro/result.hpp"

namespace giro::switching {

ResponseCode response_code(entry::Reason reason) noexcept {
    using entry::Reason;
    static constexpr struct {
        Reason reason;
        const char* code;
    } kTable[] = {
        {Reason::none, "00"},
        {Reason::stale, "68"},
        {Reason::signed_off, "58"},
        {Reason::amount_invalid, "13"},
        {Reason::currency_unknown, "12"},
        {Reason::not_a_purchase, "12"},
        {Reason::reversed_before, "21"},
        {Reason::card_unknown, "14"},
        {Reason::no_route, "15"},
        {Reason::not_on_us, "12"},
        {Reason::original_not_held, "25"},
        {Reason::link_down, "91"},
        {Reason::wallet_order_bad, "30"},
        {Reason::wallet_unknown, "14"},
        {Reason::wallet_mismatch, "12"},
        {Reason::wallet_expired, "54"},
        {Reason::wallet_replayed, "94"},
        {Reason::account_frozen, "62"},
        {Reason::limit_exceeded, "61"},
        {Reason::insufficient_funds, "51"},
        {Reason::issuer_declined, "05"},
        {Reason::issuer_timeout, "91"},
        {Reason::ledger_refused, "96"},
        {Reason::pin_wrong, "55"},
        {Reason::pin_locked, "75"},
        {Reason::pin_unusable, "55"},
        {Reason::chip_refused, "05"},
        {Reason::chip_unusable, "30"},
        {Reason::chip_mismatch, "12"},
        {Reason::chip_wrong, "82"},
        {Reason::chip_used, "82"},
        {Reason::chip_fallback, "57"},
        {Reason::cvv_wrong, "82"},
        {Reason::cvv2_wrong, "N7"},
        {Reason::card_blocked, "62"},
        {Reason::stand_in_pin, "91"},
        {Reason::stand_in_chip, "91"},
        {Reason::stand_in_floor, "91"},
        {Reason::stand_in_limit, "91"},
        {Reason::stand_in_full, "91"},
    };
    static_assert(std::size(kTable) == static_cast<std::size_t>(Reason::kLast), "one row per reason");
    for (const auto& row : kTable)
        if (row.reason == reason) return ResponseCode(row.code);
    ASSERT(false);
}

}  // namespace giro::switching
