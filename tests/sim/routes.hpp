// The routing tables that staff choose from while the box runs: etc/routes.toml in a few versions, and the table each
// one makes.
#pragma once

#include <string_view>
#include <vector>

#include "routing/file.hpp"

namespace giro::sim {

// Issuers of the cards that tills meet: two on us, one for each link by the link's own file, one that a route sends to
// one of two links, and one of whom nobody knows.
inline constexpr std::string_view kOnUs[] = {"970001", "970002"};
inline constexpr std::string_view kOfTwo = "970005", kUnknown = "979999";
inline constexpr std::string_view kBins[] = {"970001", "970002", "970003", "970004", "970005", "970006", "979999"};
// Application identifiers of customers' codes: of the scheme's host, of one that some tables know, and of nobody.
inline constexpr std::string_view kAids[] = {"A0000006770111", "A0000000041010", "A0000009990000"};

// As they stand in the file. The first is there from the start.
[[nodiscard]] const std::vector<std::string>& route_texts();
// The table of that text. Asserts that the product takes it.
[[nodiscard]] routing::Routing table_of(const config::Config& config, std::string_view text,
                                        const std::filesystem::path& folder);

}  // namespace giro::sim
