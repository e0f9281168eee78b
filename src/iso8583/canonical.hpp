// The editions of ISO 8583 say the same things in other places: 1987 in DE12, DE13, DE39 (2), DE49, DE70 and DE90; 1993
// in DE12 with the date, DE39 (3), DE24 and DE56; 2003 with the currency inside DE4 and a STAN of 12 digits. Giro
// decides in 1987's terms (PaymentRequest); here is how they are written in a dialect's own. The way back is
// request.hpp. Run by whoever builds messages: giro-gate, giro-switch, the simulators.
#pragma once

#include "giro/request.hpp"
#include "iso8583/message.hpp"

namespace giro::iso8583 {

// Decimals of an amount of the 2003 edition, which says them: any other is refused.
inline constexpr std::uint32_t kMinorDigits = 2;

// Where the edition has what 1987 has in field n; 0: nowhere.
[[nodiscard]] unsigned wire_field(Edition edition, unsigned n) noexcept;

// "0200" with the edition's first digit.
void put_mti(const Dialect& dialect, Message& message, std::string_view mti) noexcept;
// The MTI as Giro knows it: 1200 of a dialect of 1993 is 0x0200. Of another edition than the dialect's: 0xF200.
[[nodiscard]] Mti canonical_mti(const Dialect& dialect, std::string_view digits) noexcept;

// Amount and currency: DE4 and DE49. A negative or larger amount than 12 digits is ASSERTed away.
void put_amount(const Dialect& dialect, Message& message, MinorUnits amount, Currency currency);
void put_stan(const Dialect& dialect, Message& message, std::uint32_t stan);
// Local time (hhmmss) and date (MMDD) of the transaction; the year, where one is said, is the nearest to `wall_ns`.
void put_local_time(const Dialect& dialect, Message& message, std::string_view time, std::string_view date,
                    std::uint64_t wall_ns);
// Whether `year` ("2026", or 1993's "26") is that of the local date (MMDD) as put_local_time would say it.
[[nodiscard]] bool is_year_of(std::string_view year, std::string_view date, std::uint64_t wall_ns) noexcept;
// After put_mti: some editions have codes of their own for reversals and network management.
void put_response_code(const Dialect& dialect, Message& message, std::string_view code);
void put_network_code(const Dialect& dialect, Message& message, unsigned code);

// What a message is for: DE24 of the later editions, which they want in each; 1987 says it nowhere.
enum class Function : std::uint16_t {
    original_authorisation = 100,
    supplementary_authorisation = 106,  // raises the one before
    original_financial = 200,
    authorised_before = 202,            // completes an authorisation, by another amount than that maybe
    full_reversal = 400,
    partial_reversal = 401,
    final_reconciliation = 500,
    checkpoint_reconciliation = 501
};
void put_function(const Dialect& dialect, Message& message, Function function);

// Why the message comes: DE25 of a later edition whose dialect lists reasons; else nothing, and for MessageReason::none.
void put_reason(const Dialect& dialect, Message& message, MessageReason reason);
[[nodiscard]] MessageReason reason_of(const Dialect& dialect, const Message& message) noexcept;

// The amounts of a reversal, and its function code: DE4 and DE49, and when of `original` some is to `stand`, that, as the
// dialect says it. False when it has no way to: a reversal in part may not go out as one of the whole. After put_mti.
[[nodiscard]] bool put_reversal_amounts(const Dialect& dialect, Message& message, MinorUnits original, Currency currency,
                                        MinorUnits stands);
// The later editions' DE30: the original's amount, transaction; what it says of reconciliation is not looked at. Nothing
// when it is absent or not the edition's. 1993 says no currency there: 0.
[[nodiscard]] std::optional<Amount> original_amount(const Dialect& dialect, const Message& message);

// What a reversal says of its original: DE90 or DE56.
struct Original {
    std::string_view mti;  // "0200"
    std::uint32_t stan = 0;
    std::string_view transmission;  // MMDDhhmmss
    std::string_view local_time;    // hhmmss
    std::string_view local_date;    // MMDD
    std::string_view acquirer;      // at most 11 digits
};
void put_original(const Dialect& dialect, Message& message, const Original& original, std::uint64_t wall_ns);

// A code of 1987 as the dialect says it in messages of a class (the MTI's second digit), and back. Back: nothing for a
// code that is not listed.
[[nodiscard]] FixedText<4> to_wire(const CodeMap& map, std::string_view canonical, char mti_class = 0) noexcept;
[[nodiscard]] std::optional<FixedText<4>> from_wire(const CodeMap& map, std::string_view wire) noexcept;

}  // namespace giro::iso8583
