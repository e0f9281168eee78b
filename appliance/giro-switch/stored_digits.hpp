// What of a card number may be stored in the clear. One rule for all that giro-switch journals.
#pragma once

#include <string>

#include "giro/types.hpp"

namespace giro::appliance {

// The first six and last four digits; of fewer than 11 the last four alone, because six and four would be all of them
// (PCI DSS 3.4.1, Pan::masked()). Empty for no card number.
[[nodiscard]] inline FixedText<10> stored_digits(const Pan& pan) {
    std::string text = pan.masked();
    std::erase(text, '*');
    return FixedText<10>(text);
}

}  // namespace giro::appliance
