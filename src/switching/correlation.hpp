// Which message an issuer's answer answers: the one that waits under its link and STAN (DE11), if the fields that the
// link's setting names are that message's own. Run by giro-switch; the answer is hostile, its MAC has been verified.
#pragma once

#include "config/config.hpp"
#include "giro/request.hpp"
#include "switching/state.hpp"

namespace giro::switching {

// Why an answer counts as none: the data element that is not the message's (11: nothing waits under its STAN).
struct Unmatched {
    unsigned field = 0;
};

// The first of `fields` (config::kCorrelationFields) that differs between `answer` and what was `sent`; 0 when none does.
[[nodiscard]] unsigned first_difference(const std::vector<unsigned>& fields, const PaymentRequest& answer, const Outstanding& sent);

}  // namespace giro::switching
