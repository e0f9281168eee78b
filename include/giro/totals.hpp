// What a terminal and the box hold against each other at the end of a period: ISO 8583's reconciliation totals.
#pragma once

#include "giro/types.hpp"

namespace giro {

// Numbers are of messages that were approved; amounts are minor units.
enum class Total : std::uint8_t {
    credits,                  // DE74; no message gives one yet: a 0200 with another DE3 than 00xxxx is declined
    credit_reversals,         // DE75
    debits,                   // DE76: 0200 and 0220
    debit_reversals,          // DE77: 04xx that moved money back, in whole or in part
    authorisations,           // DE81: 0100, raises among them
    authorisation_reversals,  // 1993's DE90: 04xx that ended a hold
    credits_amount,           // DE86
    credit_reversals_amount,  // DE87
    debits_amount,            // DE88
    debit_reversals_amount,   // DE89: what moved back
    net,                      // DE97: debits less their reversals less credits and theirs; negative: C, else D
    kLast = net
};
inline constexpr std::size_t kTotals = static_cast<std::size_t>(Total::kLast) + 1;

struct Totals {
    std::array<std::int64_t, kTotals> values{};
    [[nodiscard]] std::int64_t& operator[](Total t) noexcept { return values[static_cast<std::size_t>(t)]; }
    [[nodiscard]] std::int64_t operator[](Total t) const noexcept { return values[static_cast<std::size_t>(t)]; }
    auto operator<=>(const Totals&) const = default;
};

void fields(auto& a, Totals& t) {
    for (std::int64_t& value : t.values) a(value);
}

// What a terminal says of them: bit t of `said` for each total that its message has.
struct Claim {
    std::uint16_t said = 0;
    Totals totals;
    bool checkpoint = false;  // it asks how the period stands so far, and does not end it
    [[nodiscard]] bool has(Total t) const noexcept { return (said >> static_cast<unsigned>(t) & 1U) != 0; }
    void say(Total t, std::int64_t value) noexcept {
        said = static_cast<std::uint16_t>(said | 1U << static_cast<unsigned>(t));
        totals[t] = value;
    }
    // Every total that was said is the counted one.
    [[nodiscard]] bool agrees(const Totals& counted) const noexcept {
        for (std::size_t i = 0; i < kTotals; ++i)
            if (has(static_cast<Total>(i)) && totals.values[i] != counted.values[i]) return false;
        return true;
    }
};
static_assert(kTotals <= 16, "one bit of Claim::said each");

// "debits_amount", for reports.
[[nodiscard]] constexpr std::string_view name(Total t) noexcept {
    constexpr std::string_view kNames[] = {"credits",
                                           "credit_reversals",
                                           "debits",
                                           "debit_reversals",
                                           "authorisations",
                                           "authorisation_reversals",
                                           "credits_amount",
                                           "credit_reversals_amount",
                                           "debits_amount",
                                           "debit_reversals_amount",
                                           "net"};
    static_assert(std::size(kNames) == kTotals);
    return kNames[static_cast<std::size_t>(t)];
}

}  // namespace giro
