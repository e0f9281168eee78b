// Which way a card goes: by the longest BIN (issuer identification number, ISO/IEC 7812-1) that its PAN begins with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace giro::switching {

struct Route {
    enum class Kind : std::uint8_t { none, on_us, link };
    Kind kind = Kind::none;
    std::uint32_t participant = 0;  // the issuer
    std::uint16_t link = 0;         // the link's number, for Kind::link
    int product = -1;               // index in Config::card_products, for Kind::on_us; -1: none
};

class Routes {
  public:
    explicit Routes(const config::Config& config);
    // Kind::none when no BIN fits.
    [[nodiscard]] Route find(std::string_view pan_digits) const noexcept;

  private:
    struct Entry {
        std::string bin;
        Route route;
    };
    std::vector<Entry> m_entries;  // sorted by BIN
};

}  // namespace giro::switching
