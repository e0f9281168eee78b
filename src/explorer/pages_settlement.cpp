// Windows, positions, receipts, and what this site is.
#include <fmt/format.h>

#include "explorer/pages.hpp"
#include "explorer/script_text.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"

namespace giro::explorer {

namespace {
constexpr std::size_t kWindowsListed = 25;

// A receipt's text fields may hold any byte: what is not printable ASCII is left to Html.
template <std::size_t N>
std::string words_of(const FixedText<N>& text) {
    return std::string(text.view());
}

void receipt_form(Page& page) {
    page.html.element("form", {{"class", "receipt"}, {"action", "/verify"}, {"method", "post"}, {"enctype", "multipart/form-data"}}, [&] {
        page.html.element("label", {{"for", "receipt"}}, "The receipt's text");
        page.html.element("textarea", {{"id", "receipt"}, {"name", "receipt"}, {"rows", "8"}, {"spellcheck", "false"}, {"autocomplete", "off"}}, "");
        page.html.element("label", {{"for", "file"}}, "or its file");
        page.html.empty("input", {{"id", "file"}, {"name", "file"}, {"type", "file"}, {"accept", ".json,application/json"}});
        page.html.element("button", {{"type", "submit"}}, "Verify");
    });
}

void net_rows(Page& page, std::span<const Position> positions) {
    constexpr std::string_view kColumns[] = {"Participant", "Address", ">Net"};
    page.table("Net positions", std::array<std::string_view, 3>{"Participant", "-Address", ">Net"}, [&] {
        for (const Position& position : positions)
            page.html.element("tr", {}, [&] {
                const std::string address = address_of(position.party->script);
                page.cell(kColumns[0], [&] { page.link("/address/" + address, position.party->name, "party"); });
                page.cell("-", [&] { page.html.element("code", address); });
                page.cell(kColumns[2], [&] { page.net(position.net); });
            });
    });
}

struct ApiPath {
    std::string_view path, gives;
};
constexpr ApiPath kApi[] = {
    {"/api/blocks/tip/height", "the height of the last block; /hash: its hash"},
    {"/api/blocks[/:start]", "ten blocks, newest first"},
    {"/api/block-height/:height", "a block's hash"},
    {"/api/block/:hash", "a block; /header, /status, /raw, /txids, /txid/:index, /txs[/:start]"},
    {"/api/tx/:txid", "a transaction; /status, /hex, /raw, /outspends, /outspend/:vout, /merkle-proof, /merkleblock-proof"},
    {"/api/address/:address", "sums; /txs, /txs/chain/:last, /utxo; by script: /api/scripthash/:hash"},
    {"/api/windows[/:last]", "settled windows, newest first; /api/window/:window: one"},
    {"/api/positions", "what each participant holds"},
};
}  // namespace

Answer windows_page(Page page, const Stars& at) {
    const auto& windows = page.index.windows();
    const auto last = at[0].empty() ? UINT64_MAX : number_in(at[0], UINT64_MAX);
    if (!last) return error_page(std::move(page), 404, "No such window", "A window has a number.");
    auto end = windows.upper_bound(*last);
    const bool newest = end == windows.end();
    constexpr std::string_view kColumns[] = {"Window", "Settled in", "-Time", "-Transaction", "-Root"};
    return page.framed("Windows", 200, [&] {
        page.html.element("h1", "Settled windows");
        page.html.element("p", {{"class", "lead"}},
                          "Payments are netted in windows. A window's transaction moves what each participant owes and carries the root of all its "
                          "payments, so that a receipt proves one payment and tells nothing of its neighbours.");
        if (windows.empty()) page.html.element("p", {{"class", "muted"}}, "None yet.");
        else page.table("Settled windows", kColumns, [&] {
            for (std::size_t i = 0; i < kWindowsListed && end != windows.begin(); ++i) {
                --end;
                const TxRow& tx = page.index.tx(end->second.tx);
                page.html.element("tr", {}, [&] {
                    page.cell(kColumns[0], [&] { page.link(fmt::format("/window/{}", end->first), fmt::format("{}", end->first)); });
                    page.cell(kColumns[1], [&] { page.block_link(tx.height); });
                    page.cell(kColumns[2], [&] { page.time(page.index.block(tx.height).header.time); });
                    page.cell(kColumns[3], [&] { page.tx_link(tx.txid); });
                    page.cell(kColumns[4], [&] { page.html.element("code", to_hex(end->second.commitment.root).substr(0, 16) + "\xe2\x80\xa6"); });
                });
            }
        });
        page.pager(newest ? "" : "/windows", end == windows.begin() ? "" : fmt::format("/windows/{}", std::prev(end)->first));
    });
}

Answer window_page(Page page, const Stars& at) {
    const auto number = number_in(at[0], UINT64_MAX);
    const WindowRow* row = number ? page.index.find_window(*number) : nullptr;
    if (row == nullptr) return error_page(std::move(page), 404, "No such window", "The chain has settled no window of that number.");
    const TxRow& tx = page.index.tx(row->tx);
    return page.framed(fmt::format("Window {}", *number), 200, [&] {
        page.html.element("h1", fmt::format("Window {}", *number));
        page.html.element("dl", {{"class", "facts"}}, [&] {
            page.fact("Settled by", [&] { page.tx_link(tx.txid); });
            page.fact("Block", [&] { page.block_link(tx.height); });
            page.fact("Time", [&] { page.time(page.index.block(tx.height).header.time); });
            page.fact("Confirmations", page.confirmations(tx.height));
            page.hash_fact("Root of its payments", to_hex(row->commitment.root));
            page.fact("Data", [&] { page.link(fmt::format("/api/window/{}", *number), "JSON"); });
        });
        page.html.element("h2", "What it moved");
        const auto positions = page.index.positions(row->tx);
        if (positions.empty()) page.html.element("p", {{"class", "muted"}}, "It moved nothing between participants that this site knows by name.");
        else net_rows(page, positions);
        page.html.element("p", {}, [&] {
            page.html.text("A payment of this window is proved by its receipt: ");
            page.link("/verify", "verify one");
            page.html.text(".");
        });
    });
}

void position_rows(Page& page) {
    const auto& parties = page.index.parties();
    chain::Satoshi most = 0;
    const auto balance_of = [&](const Party& party) {
        const ScriptRow* row = page.index.find_script(party.script);
        return row == nullptr ? 0 : row->balance();
    };
    for (const Party& party : parties)
        if (party.id != 0) most = std::max(most, balance_of(party));
    constexpr std::string_view kColumns[] = {"Participant", "-Share of the largest", ">Holds"};
    page.table("What each participant holds", kColumns, [&] {
        for (const Party& party : parties)
            page.html.element("tr", {}, [&] {
                page.cell(kColumns[0], [&] { page.link("/address/" + address_of(party.script), party.name, "party"); });
                page.cell(kColumns[1], [&] {
                    if (party.id != 0) page.bar(balance_of(party), most);
                });
                page.cell(kColumns[2], [&] { page.amount(balance_of(party)); });
            });
    });
}

Answer positions_page(Page page) {
    return page.framed("Positions", 200, [&] {
        page.html.element("h1", "Positions");
        page.html.element("p", {{"class", "lead"}}, "What each participant holds on the chain, all settled windows included.");
        position_rows(page);
        page.html.element("p", {}, [&] {
            page.html.text("Coins on the chain in all: ");
            page.amount(page.index.supply());
        });
    });
}

Answer verify_page(Page page) {
    return page.framed("Verify a receipt", 200, [&] {
        page.html.element("h1", "Verify a receipt");
        page.html.element("p", {{"class", "lead"}},
                          "A receipt proves that one payment was settled in a signed block. It is checked against the chain here and not kept. Whoever need not "
                          "trust this site checks it at home: giro verify.");
        receipt_form(page);
    });
}

Answer good_receipt_page(Page page, const settlement::Receipt& receipt) {
    const settlement::Posting& p = receipt.posting;
    Answer answer = page.framed("Receipt verified", 200, [&] {
        page.html.element("h1", "Receipt verified");
        page.html.element("p", {{"class", "verdict good"}, {"role", "status"}}, [&] {
            page.html.element("strong", "Good.");
            page.html.text(" This payment is settled in a signed block of the chain.");
        });
        page.html.element("dl", {{"class", "facts"}}, [&] {
            page.fact("Payment", std::string(settlement::name(p.kind)));
            page.fact("Amount", [&] {
                page.amount(p.amount.minor);
                page.html.text(fmt::format(", currency {}", p.amount.currency));
            });
            page.fact("Time", iso8601_utc(p.time_ns));
            page.fact("Reference (RRN)", words_of(p.rrn));
            page.fact("Terminal", words_of(p.terminal));
            if (!p.merchant.view().empty()) page.fact("Merchant", words_of(p.merchant));
            page.fact("Window", [&] { page.link(fmt::format("/window/{}", receipt.window), fmt::format("{}", receipt.window)); });
            page.fact("Place in it", fmt::format("{} of {}", grouped(receipt.index + 1), grouped(receipt.postings)));
            page.fact("Block", [&] { page.block_link(receipt.height); });
            page.fact("Confirmations", page.confirmations(receipt.height));
            if (receipt.reversed)
                page.fact("Taken back", fmt::format("{}, says the box that issued the receipt", amount_text(receipt.reversed->amount)));
        });
        if (!receipt.reversed)
            page.html.element("p", {{"class", "muted"}}, "A receipt alone cannot exclude that the payment was reversed after it was issued.");
        page.html.element("p", {}, [&] { page.link("/verify", "Verify another"); });
    });
    answer.lifetime = Lifetime::never;
    return answer;
}

Answer bad_receipt_page(Page page, std::string_view check, std::string_view why) {
    Answer answer = page.framed("Receipt refused", 422, [&] {
        page.html.element("h1", "Receipt refused");
        page.html.element("p", {{"class", "verdict bad"}, {"role", "status"}}, [&] {
            page.html.element("strong", "Not good.");
            page.html.text(fmt::format(" Check '{}' failed: {}.", check, why));
        });
        receipt_form(page);
    });
    answer.lifetime = Lifetime::never;
    return answer;
}

Answer about_page(Page page) {
    return page.framed("About", 200, [&] {
        page.html.element("h1", "About");
        page.html.element("p", {{"class", "lead"}},
                          "This is the public side of a payment box: a Bitcoin-format chain (a custom signet, BIP325) whose blocks its signers sign. Every "
                          "block was verified by the rules before it was shown here. The site holds no secret and takes no orders.");
        page.html.element("h2", "Check it yourself");
        page.html.element("p", "The blocks are pub/blocks.dat of the box, as a node writes them. The challenge below is the chain: a Bitcoin node started with "
                               "it (signetchallenge) verifies every block.");
        page.html.element("dl", {{"class", "facts"}}, [&] {
            page.hash_fact("Challenge", to_hex(page.index.chain().params().challenge));
            if (page.index.tip_height() > 0) page.hash_fact("Block 1", chain::hash_text(page.index.block(1).hash));
        });
        page.html.element("h2", "For programs");
        page.html.element("p", "Paths and shapes are the Esplora API's, so its clients work with the base /api.");
        page.html.element("dl", {{"class", "facts paths"}}, [&] {
            for (const ApiPath& api : kApi)
                page.html.element("div", {}, [&] {
                    page.html.element("dt", {}, [&] { page.html.element("code", api.path); });
                    page.html.element("dd", api.gives);
                });
        });
    });
}

Answer error_page(Page page, int status, std::string_view title, std::string_view what) {
    return page.framed(title, status, [&] {
        page.html.element("h1", title);
        page.html.element("p", {{"class", "lead"}}, what);
        page.html.element("p", {}, [&] { page.link("/", "To the overview"); });
    });
}

}  // namespace giro::explorer
