// The routing table as the operator declares it: etc/routes.toml, and the BINs that etc/giro.toml gives to participants
// (cards on us), and the links' own. Where there is no routes.toml those BINs are the table. Mistakes are told as file:line.
#pragma once

#include <filesystem>

#include "config/config.hpp"
#include "routing/table.hpp"

namespace giro::routing {

struct Routing {
    Table table;
    int utc_offset_min = 0;  // of the local time that `hours` are in, east of Greenwich
    std::string text{};      // of routes.toml; empty: there is none
    // SHA-256 over all that decides: Table::digest() and the offset.
    [[nodiscard]] Hash256 digest() const;
    [[nodiscard]] std::uint16_t minute_of_day(std::uint64_t unix_ns) const noexcept;
};

// etc/routes.toml of the box.
[[nodiscard]] std::filesystem::path routes_file(const config::Paths& paths);

// The rules that the configuration's BINs make, as routes.toml could not: for cards on us, and for each link's own. They
// stand behind those of routes.toml of the same range. ASSERTs that the configuration was checked.
[[nodiscard]] Routing from_bins(const config::Config& config);

// `file` may be absent. Files of BINs that it names lie beside it, one range a line, '#' begins a comment.
[[nodiscard]] Result<Routing> load(const config::Config& config, const std::filesystem::path& file);

}  // namespace giro::routing
