// What the explorer's pages are made of: the frame around each, links, amounts, times, tables. Inside src/explorer only.
#pragma once

#include <functional>
#include <span>

#include "explorer/answer.hpp"
#include "explorer/html.hpp"
#include "explorer/index.hpp"
#include "explorer/route.hpp"

namespace giro::explorer {

// What does not change while the program runs.
struct Look {
    std::string box;         // its name
    Currency currency = 0;   // ISO 4217 numeric, two decimals
    std::string style_path;  // of the style sheet, which is named by what is in it
};

struct Page {
    const Index& index;
    const Look& look;
    const std::string& notice;  // on every page; empty for none
    Html html{};

    // The whole page: head, navigation, search, `inside` as its main part.
    [[nodiscard]] Answer framed(std::string_view title, int status, const std::function<void()>& inside, std::string_view body_class = "");

    void link(std::string_view path, std::string_view words, std::string_view css = "");
    void block_link(std::uint32_t height);              // its height
    void tx_link(const Hash256& txid);                  // shortened
    // The party's name or the address (or the kind of a script that has none).
    void script_link(Bytes script_pubkey);
    void time(std::uint32_t seconds);
    void amount(chain::Satoshi value);
    void net(chain::Satoshi value);  // with a sign, and its colour
    // A row of a <dl>.
    void fact(std::string_view term, const std::function<void()>& of);
    void fact(std::string_view term, std::string_view words);
    void hash_fact(std::string_view term, std::string_view hash);  // whole, to be copied
    // A table with a caption for those who hear it. Columns that begin with '-' are left out on a narrow screen, with '>'
    // are numbers.
    void table(std::string_view caption, std::span<const std::string_view> columns, const std::function<void()>& rows);
    void cell(std::string_view column, const std::function<void()>& inside);
    // What a transaction is: block reward, settlement of a window, transfer.
    void tx_kind(TxNumber number);
    void tx_rows(std::span<const TxNumber> numbers);
    // "Newer" and "older" below a list; an empty path has no link.
    void pager(std::string_view newer, std::string_view older);
    // A bar of `value` out of `most`, as a picture that says what its table says.
    void bar(chain::Satoshi value, chain::Satoshi most);
    [[nodiscard]] std::string confirmations(std::uint32_t height) const;  // "6 or more" from there on: deep pages never change
};

[[nodiscard]] std::string amount_text(chain::Satoshi value);  // "-1,234.50"
[[nodiscard]] std::string grouped(std::uint64_t number);      // "1,234"
[[nodiscard]] std::string short_hash(const Hash256& hash);    // "0000003a1f…62ae1ef6"

}  // namespace giro::explorer
