// What the gate hands to the switch: one ISO 8583 message, parsed and checked for form, with the bytes it came in.
#pragma once

#include "giro/message_reason.hpp"
#include "giro/types.hpp"

namespace giro {

// ISO 8583:1987 message type identifier as four BCD digits: 0x0200.
using Mti = std::uint16_t;
// The type that a repeat repeats: 0201 -> 0200, 0421 -> 0420 (the acquirer's repeats have origin digit 1).
[[nodiscard]] constexpr Mti without_repeat(Mti mti) noexcept { return static_cast<Mti>(mti & ~1U); }

// PaymentRequest::replacement of a reversal that is in part, but does not say in the dialect's way how much is to stand: it
// is more than any payment, so nothing ever stands so, and the whole is never reversed in its stead.
inline constexpr MinorUnits kReplacementUnreadable = kAmountMax;

struct PaymentRequest {
    enum class Source : std::uint8_t { terminal = 1, link = 2 };

    std::uint64_t connection = 0;   // the gate's number for the socket; 0 for a link
    std::uint64_t received_ns = 0;  // wall clock at the gate
    Source source = Source::terminal;
    std::uint16_t link = 0;     // index of the issuer link it came from (source link)
    std::uint8_t dialect = 0;   // index of the dialect it was read by; the answer goes out in the same

    Mti mti = 0;
    Pan pan;                            // DE2; empty when absent
    std::uint32_t processing_code = 0;  // DE3, n 6
    MinorUnits amount = 0;              // DE4, n 12; of a reversal the original's
    FixedText<10> transmission_time;    // DE7, MMDDhhmmss
    std::uint32_t stan = 0;             // DE11, n 6
    FixedText<6> local_time;            // DE12, hhmmss
    FixedText<4> local_date;            // DE13, MMDD
    FixedText<4> expiry;                // DE14, YYMM
    AcquirerId acquirer;                // DE32
    Rrn rrn;                            // DE37
    AuthCode auth_code;                 // DE38
    ResponseCode response_code;         // DE39; empty when absent
    TerminalId terminal;                // DE41
    MerchantId merchant;                // DE42
    Currency currency = 0;              // DE49
    std::uint16_t network_code = 0;     // DE70, network management information code
    FixedText<42> original;             // DE90, original data elements: mti 4, stan 6, date/time 10, acquirer 11, forwarder 11
    MinorUnits replacement = 0;         // DE95, its first n 12: what is to stand of the original; 0, or absent: nothing;
                                        // or kReplacementUnreadable
    MessageReason reason = MessageReason::none;  // DE25 of the later editions
    ByteArray<8> mac{};                 // DE64 or DE128
    bool has_mac = false;
    Bytes additional;                   // DE48, as received; key exchange answers
    Bytes qr;                           // DE63, a consumer-presented QR payload; empty when absent
    Bytes raw;                          // the whole message, for the MAC
};

}  // namespace giro
