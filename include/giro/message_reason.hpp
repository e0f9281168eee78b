// Why a message comes: DE25 of ISO 8583:1993 and 2003, which 1987 does not have. A dialect's [reason_codes] say it in four
// digits; here are those that mean something to a box, and their words, as in dialect files and reports.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

namespace giro {

enum class MessageReason : std::uint8_t {
    none = 1,  // not said
    other,     // said, in a code that the dialect does not list
    // of an advice: why it was not asked for
    issuer_timed_out,
    issuer_unavailable,
    terminal_processed,
    chip_processed,
    under_floor_limit,
    // of a reversal
    customer_cancellation,
    unspecified,
    suspected_malfunction,
    format_error,
    completed_partially,
    wrong_amount,
    late_answer,
    device_unable,
    undelivered,
    invalid_answer,
    timeout,
    kLast = timeout
};
inline constexpr std::size_t kMessageReasons = static_cast<std::size_t>(MessageReason::kLast) + 1;

namespace detail {
inline constexpr std::string_view kReasonNames[] = {"",
                                                    "none",
                                                    "other",
                                                    "issuer-timed-out",
                                                    "issuer-unavailable",
                                                    "terminal-processed",
                                                    "chip-processed",
                                                    "under-floor-limit",
                                                    "customer-cancellation",
                                                    "unspecified",
                                                    "suspected-malfunction",
                                                    "format-error",
                                                    "completed-partially",
                                                    "wrong-amount",
                                                    "late-answer",
                                                    "device-unable",
                                                    "undelivered",
                                                    "invalid-answer",
                                                    "timeout"};
static_assert(std::size(kReasonNames) == kMessageReasons);
}  // namespace detail

// "customer-cancellation".
[[nodiscard]] constexpr std::string_view name(MessageReason reason) noexcept {
    return detail::kReasonNames[static_cast<std::size_t>(reason)];
}
// Back; nothing for a word that is none of them, and for "none".
[[nodiscard]] constexpr std::optional<MessageReason> message_reason(std::string_view word) noexcept {
    const auto* found = std::find(std::begin(detail::kReasonNames) + 2, std::end(detail::kReasonNames), word);
    if (found == std::end(detail::kReasonNames)) return std::nullopt;
    return static_cast<MessageReason>(found - std::begin(detail::kReasonNames));
}

}  // namespace giro
