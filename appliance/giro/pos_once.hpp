// One customer at one terminal: `giro pos buy` and `giro pos reverse`. Signs on, does the one thing, and hangs up.
#pragma once

#include "appliance/giro/pos_station.hpp"
#include "appliance/giro/pos_trace.hpp"

namespace giro::pos {

struct Purchase {
    Pan pan;         // or
    std::string qr;  // a consumer-presented payload
    CardName card;   // for the till's record
    MinorUnits amount = 0;
    std::string pin{};  // typed for the card; empty: none
    CardData data{};    // what else the card shows
};

struct OnceResult {
    Outcome outcome;
    Sale sale;             // what was sold, or the original of the reversal
    bool reversed = false; // the sale was not answered; the reversal of it was answered with outcome.code
};

// Both block until there is an answer, or until a timeout has passed: Failure::try_again then. A sale that is not
// answered is reversed, as real terminals do, and the result says so. `trace` may be null.
[[nodiscard]] Result<OnceResult> buy_once(const Equipment& equipment, const config::Address& address, Identity who,
                                          std::uint64_t timeout_ms, const Purchase& purchase, Trace* trace);
// `purchase.amount` of `authorised` more, or the final amount of it.
[[nodiscard]] Result<OnceResult> authorise_once(const Equipment& equipment, const config::Address& address, Identity who,
                                                std::uint64_t timeout_ms, const Purchase& purchase, Trace* trace);
[[nodiscard]] Result<OnceResult> follow_once(const Equipment& equipment, const config::Address& address, Identity who,
                                             std::uint64_t timeout_ms, const Sale& authorised, Form form,
                                             const Purchase& purchase, Trace* trace);
[[nodiscard]] Result<OnceResult> reverse_once(const Equipment& equipment, const config::Address& address, Identity who,
                                              std::uint64_t timeout_ms, const Sale& original, Trace* trace,
                                              ReversalForm form = {});

// 0800 with `code`, after the sign-on and key exchange of every start; and 0500, whose answer's totals are in the outcome.
[[nodiscard]] Result<OnceResult> notify_once(const Equipment& equipment, const config::Address& address, Identity who,
                                             std::uint64_t timeout_ms, NetworkCode code);
[[nodiscard]] Result<OnceResult> reconcile_once(const Equipment& equipment, const config::Address& address, Identity who,
                                                std::uint64_t timeout_ms, const Claim& claim);

}  // namespace giro::pos
