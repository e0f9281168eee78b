// Reconciliation totals in messages of class 5 (0500, 0520 and their answers): where each edition has them. Run by
// whoever builds or reads such a message: giro-switch, the simulators. What is read is hostile.
#pragma once

#include "giro/totals.hpp"
#include "iso8583/message.hpp"

namespace giro::iso8583 {

// Sets the fields of those totals that `claim` says, as far as the dialect has them: 1987 and 1993 all (1987 no
// authorisation reversals), 2003 the net alone. A value that its field cannot hold is left out. Of a checkpoint DE24 is
// 501; of what is final it is left as it is. 1987 has no checkpoints: false.
bool put_totals(const Dialect& dialect, Message& message, const Claim& claim, Currency currency);
// What `message` says. Nothing when a field is not what it must be (a number; DE97: C or D and digits, in 2003 with
// `currency` and its decimals before the amount), or when it does not say the net. DE24 of 1993 and 2003: 500, or none,
// is final, 501 a checkpoint; 502 and 503 are the same in a currency that is said (1993: in DE50), which must be `currency`.
[[nodiscard]] std::optional<Claim> read_totals(const Dialect& dialect, const Message& message, Currency currency);

// DE66 of 1987, settlement code: 1 in balance, 2 out of balance. Later editions say it in DE39.
void put_settlement_code(const Dialect& dialect, Message& message, bool in_balance);

}  // namespace giro::iso8583
