// From why to what the terminal hears: DE39 of ISO 8583:1987 for each reason.
#pragma once

#include "entry/entry.hpp"

namespace giro::switching {

// DE39. `issuer_declined` has none of its own: the issuer's is passed on.
[[nodiscard]] ResponseCode response_code(entry::Reason reason) noexcept;

// Codes that are given without a journal entry, because nothing happened.
inline const ResponseCode kApproved{"00"};
inline const ResponseCode kInvalidMerchant{"03"};      // DE32 or DE42 is not the terminal's
inline const ResponseCode kInvalidAmount{"13"};
inline const ResponseCode kDuplicateTransmission{"94"};  // the same request, but not with the same contents
inline const ResponseCode kOriginalNotFound{"25"};   // of a partial reversal; from a host: it never saw the payment
inline const ResponseCode kUnknownTerminal{"58"};
inline const ResponseCode kNotInBalance{"95"};       // reconcile error: the terminal's totals are not the box's
inline const ResponseCode kBadMac{"63"};
inline const ResponseCode kKeyExpired{"79"};           // of the codes for private use: exchange keys, and ask again
inline const ResponseCode kInvalidTransaction{"12"};
inline const ResponseCode kFormatError{"30"};
inline const ResponseCode kInoperative{"91"};
inline const ResponseCode kMalfunction{"96"};

}  // namespace giro::switching
