#include "explorer/page_parts.hpp"

#include <fmt/format.h>

#include "explorer/script_text.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"

namespace giro::explorer {

namespace {
struct NavItem {
    std::string_view path, words;
};
constexpr NavItem kNav[] = {{"/blocks", "Blocks"}, {"/windows", "Windows"}, {"/positions", "Positions"}, {"/verify", "Verify a receipt"}, {"/about", "About"}};

void head(Html& html, const Look& look, std::string_view title) {
    html.element("head", {}, [&] {
        html.empty("meta", {{"charset", "utf-8"}});
        html.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
        html.empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
        html.empty("meta", {{"name", "description"}, {"content", "Public, read-only view of a bank-signed settlement chain"}});
        html.element("title", fmt::format("{} · {} · Giro explorer", title, look.box));
        html.empty("link", {{"rel", "icon"}, {"type", "image/svg+xml"}, {"href", "/assets/icon.svg"}});
        html.empty("link", {{"rel", "stylesheet"}, {"href", look.style_path}});
    });
}

void banner(Html& html, const Look& look) {
    html.element("a", {{"class", "skip"}, {"href", "#main"}}, "Skip to content");
    html.element("header", {{"class", "top"}}, [&] {
        html.element("a", {{"class", "brand"}, {"href", "/"}}, [&] {
            html.element("strong", "Giro");
            html.text(" ");
            html.element("span", look.box);
        });
        html.element("nav", {{"aria-label", "Main"}}, [&] {
            for (const NavItem& item : kNav) html.element("a", {{"href", item.path}}, item.words);
        });
        html.element("form", {{"class", "search"}, {"role", "search"}, {"action", "/search"}, {"method", "get"}}, [&] {
            html.element("label", {{"for", "q"}, {"class", "hidden"}}, "Search by height, hash, transaction, address, window or participant");
            html.empty("input", {{"id", "q"}, {"name", "q"}, {"type", "search"}, {"placeholder", "height, hash, txid, address, window"}, {"autocomplete", "off"},
                                 {"spellcheck", "false"}, {"maxlength", "100"}});
            html.element("button", {{"type", "submit"}}, "Search");
        });
    });
}
}  // namespace

std::string grouped(std::uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
    return digits;
}

std::string amount_text(chain::Satoshi value) {
    const auto units = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    return fmt::format("{}{}.{:02}", value < 0 ? "\xe2\x88\x92" : "", grouped(units / 100), units % 100);
}

std::string short_hash(const Hash256& hash) {
    const std::string text = chain::hash_text(hash);
    return text.substr(0, 10) + "\xe2\x80\xa6" + text.substr(56);
}

Answer Page::framed(std::string_view title, int status, const std::function<void()>& inside, std::string_view body_class) {
    html.doctype();
    html.element("html", {{"lang", "en"}}, [&] {
        head(html, look, title);
        html.element("body", {{"class", body_class}}, [&] {
            banner(html, look);
            if (!notice.empty()) html.element("p", {{"class", "notice"}, {"role", "status"}}, notice);
            html.element("main", {{"id", "main"}}, inside);
            html.element("footer", {}, [&] {
                html.element("p", fmt::format("Read from the chain at height {}, every block of it verified here. Amounts in currency {} (ISO 4217), two decimals.",
                                              grouped(index.tip_height()), look.currency));
                html.element("p", {}, [&] { link("/wall", "Wall screen"); });
            });
        });
    });
    Answer answer;
    answer.status = status;
    answer.body = html.take();
    return answer;
}

void Page::link(std::string_view path, std::string_view words, std::string_view css) {
    if (css.empty()) return html.element("a", {{"href", path}}, words);
    html.element("a", {{"href", path}, {"class", css}}, words);
}

void Page::block_link(std::uint32_t height) {
    link("/block/" + chain::hash_text(index.block(height).hash), grouped(height));
}

void Page::tx_link(const Hash256& txid) {
    html.element("a", {{"href", "/tx/" + chain::hash_text(txid)}, {"class", "hash"}, {"title", chain::hash_text(txid)}}, short_hash(txid));
}

void Page::script_link(Bytes script) {
    const std::string address = address_of(script);
    if (address.empty()) return html.element("span", {{"class", "muted"}}, kind_of(script));
    const std::string path = "/address/" + address;
    if (const Party* party = index.party_of(script)) return html.element("a", {{"href", path}, {"class", "party"}}, party->name);
    html.element("a", {{"href", path}, {"class", "hash"}}, address);
}

void Page::time(std::uint32_t seconds) {
    const std::string iso = iso8601_utc(std::uint64_t{seconds} * 1'000'000'000);
    html.element("time", {{"datetime", iso}}, iso.substr(0, 10) + " " + iso.substr(11, 5) + "\xc2\xa0UTC");
}

void Page::amount(chain::Satoshi value) {
    html.element("span", {{"class", "amount"}}, amount_text(value));
}

void Page::net(chain::Satoshi value) {
    html.element("span", {{"class", value < 0 ? "amount pays" : value > 0 ? "amount gets" : "amount"}}, fmt::format("{}{}", value > 0 ? "+" : "", amount_text(value)));
}

void Page::fact(std::string_view term, const std::function<void()>& of) {
    html.element("div", {}, [&] {
        html.element("dt", term);
        html.element("dd", {}, of);
    });
}
void Page::fact(std::string_view term, std::string_view words) {
    fact(term, [&] { html.text(words); });
}
void Page::hash_fact(std::string_view term, std::string_view hash) {
    fact(term, [&] { html.element("code", hash); });
}

namespace {
std::string_view css_of(std::string_view column) {
    if (column.starts_with("->")) return "wide number";
    if (column.starts_with('-')) return "wide";
    return column.starts_with('>') ? "number" : "";
}
}  // namespace

void Page::table(std::string_view caption, std::span<const std::string_view> columns, const std::function<void()>& rows) {
    html.element("table", {}, [&] {
        html.element("caption", {{"class", "hidden"}}, caption);
        html.element("thead", {}, [&] {
            html.element("tr", {}, [&] {
                for (const std::string_view column : columns)
                    html.element("th", {{"scope", "col"}, {"class", css_of(column)}}, column.substr(std::min(column.find_first_not_of("->"), column.size())));
            });
        });
        html.element("tbody", {}, rows);
    });
}
void Page::cell(std::string_view column, const std::function<void()>& inside) {
    html.element("td", {{"class", css_of(column)}}, inside);
}

void Page::tx_kind(TxNumber number) {
    if (const WindowRow* window = index.window_of(number))
        return link(fmt::format("/window/{}", window->commitment.window), fmt::format("Settles window {}", window->commitment.window), "kind settles");
    html.element("span", {{"class", "kind"}}, index.tx(number).position == 0 ? "Block reward" : "Transfer");
}

void Page::tx_rows(std::span<const TxNumber> numbers) {
    constexpr std::string_view kColumns[] = {"Transaction", "Kind", "-Block", "-Time", ">Amount"};
    table("Transactions", kColumns, [&] {
        for (const TxNumber number : numbers) {
            const TxRow& tx = index.tx(number);
            html.element("tr", {}, [&] {
                cell(kColumns[0], [&] { tx_link(tx.txid); });
                cell(kColumns[1], [&] { tx_kind(number); });
                cell(kColumns[2], [&] { block_link(tx.height); });
                cell(kColumns[3], [&] { time(index.block(tx.height).header.time); });
                cell(kColumns[4], [&] { amount(tx.paid); });
            });
        }
    });
}

void Page::pager(std::string_view newer, std::string_view older) {
    if (newer.empty() && older.empty()) return;
    html.element("nav", {{"class", "pager"}, {"aria-label", "Pages"}}, [&] {
        if (!newer.empty()) link(newer, "\xe2\x86\x90 Newer");
        if (!older.empty()) link(older, "Older \xe2\x86\x92");
    });
}

void Page::bar(chain::Satoshi value, chain::Satoshi most) {
    const double share = most <= 0 ? 0 : 100.0 * static_cast<double>(value) / static_cast<double>(most);
    html.element("svg", {{"class", "bar"}, {"viewBox", "0 0 100 4"}, {"preserveAspectRatio", "none"}, {"aria-hidden", "true"}, {"focusable", "false"}}, [&] {
        html.element("rect", {{"class", "track"}, {"width", "100"}, {"height", "4"}, {"rx", "2"}}, "");
        html.element("rect", {{"width", fmt::format("{:.2f}", share)}, {"height", "4"}, {"rx", "2"}}, "");
    });
}

std::string Page::confirmations(std::uint32_t height) const {
    const std::uint32_t depth = index.tip_height() - height + 1;
    return depth > kDeepBlocks ? fmt::format("more than {}", kDeepBlocks) : fmt::format("{}", depth);
}

}  // namespace giro::explorer
