// The explorer's pages for people, one function a page; they work without a script. Pure: index in, answer out.
// Hostile: what stands in the path, and every free text of the chain; all of it goes through Html.
#pragma once

#include "explorer/page_parts.hpp"
#include "settlement/receipt.hpp"

namespace giro::explorer {

inline constexpr std::size_t kLinesMax = 400;  // inputs, or outputs, that a transaction's page lists; the API has all

[[nodiscard]] Answer home_page(Page page);
[[nodiscard]] Answer wall_page(Page page);
[[nodiscard]] Answer blocks_page(Page page, const Stars& at);     // [/blocks/:start]
[[nodiscard]] Answer block_page(Page page, const Stars& at);      // /block/:hash[/from/:position]
[[nodiscard]] Answer tx_page(Page page, const Stars& at);         // /tx/:txid
[[nodiscard]] Answer address_page(Page page, const Stars& at);    // /address/:address[/before/:txid]
[[nodiscard]] Answer windows_page(Page page, const Stars& at);    // [/windows/:last]
[[nodiscard]] Answer window_page(Page page, const Stars& at);     // /window/:window
[[nodiscard]] Answer positions_page(Page page);
void position_rows(Page& page);  // its table, which the wall shows too
[[nodiscard]] Answer about_page(Page page);
[[nodiscard]] Answer verify_page(Page page);                      // the form
[[nodiscard]] Answer good_receipt_page(Page page, const settlement::Receipt& receipt);
[[nodiscard]] Answer bad_receipt_page(Page page, std::string_view check, std::string_view why);
// A page that says what is wrong, with 400, 404 or whatever it is.
[[nodiscard]] Answer error_page(Page page, int status, std::string_view title, std::string_view what);

}  // namespace giro::explorer
