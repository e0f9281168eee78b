// What an issuer's host is told in an advice beside the payment: read from the terminal's request, kept in the journal
// (entry::AdviceData). Run by giro-switch. Hostile: the terminal with good keys, which may send any bytes as chip data.
#pragma once

#include "entry/entry.hpp"
#include "giro/request.hpp"
#include "iso8583/message.hpp"

namespace giro::switching {

// The edition as entry::AdviceData says it: 1987, 1993 or 2003.
[[nodiscard]] std::uint16_t year_of(iso8583::Edition edition) noexcept;

// Of `message`, which `request` was read from. DE22 and DE23 are kept as they are when they are short enough; of DE55 the tags
// that a cryptogram is verified with, each of at most 32 bytes (EMV Book 3, Annex A; Book 2, 8.1), in that list's order: no
// card number (5A), no track (56, 57, 9F6B), no name, and nothing that no list knows.
[[nodiscard]] entry::AdviceData advice_data(const iso8583::Dialect& dialect, const iso8583::Message& message,
                                            const PaymentRequest& request);

// What the chip says of its payment; 0 or nothing where it does not.
[[nodiscard]] std::uint16_t atc_of(const entry::AdviceData& advice) noexcept;              // 9F36
[[nodiscard]] std::optional<MinorUnits> chip_amount_of(const entry::AdviceData& advice);  // 9F02
[[nodiscard]] Currency chip_currency_of(const entry::AdviceData& advice);                 // 5F2A
[[nodiscard]] std::optional<std::int64_t> chip_day_of(const entry::AdviceData& advice);   // 9A, in days since 1970-01-01

}  // namespace giro::switching
