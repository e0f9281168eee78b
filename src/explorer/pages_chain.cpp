// Blocks, transactions and addresses.
#include <fmt/format.h>

#include "chain/address.hpp"
#include "explorer/pages.hpp"
#include "explorer/script_text.hpp"
#include "util/bytes.hpp"

namespace giro::explorer {

namespace {
constexpr std::uint32_t kBlocksListed = 25;
constexpr std::uint32_t kTxsListed = 25;
constexpr std::string_view kBlockColumns[] = {"Height", "Time", ">Txs", "->Bytes", "-Block hash"};

enum class Hashes { shown, left_out };
void block_rows(Page& page, std::uint32_t newest, std::uint32_t count, Hashes hashes) {
    const auto columns = std::span(kBlockColumns).first(std::size(kBlockColumns) - (hashes == Hashes::shown ? 0 : 1));
    page.table("Blocks", columns, [&] {
        for (std::uint32_t i = 0; i < count && i <= newest; ++i) {
            const BlockRow& row = page.index.block(newest - i);
            page.html.element("tr", {}, [&] {
                page.cell(kBlockColumns[0], [&] { page.block_link(newest - i); });
                page.cell(kBlockColumns[1], [&] { page.time(row.header.time); });
                page.cell(kBlockColumns[2], [&] { page.html.text(grouped(row.txs)); });
                page.cell(kBlockColumns[3], [&] { page.html.text(grouped(row.bytes)); });
                if (hashes == Hashes::shown) page.cell(kBlockColumns[4], [&] { page.html.element("code", chain::hash_text(row.hash)); });
            });
        }
    });
}

void window_rows(Page& page, std::size_t count) {
    constexpr std::string_view kColumns[] = {"Window", "-Settled in", "Time", ">Moved"};
    page.table("Latest windows", kColumns, [&] {
        for (auto w = page.index.windows().rbegin(); w != page.index.windows().rend() && count-- > 0; ++w) {
            const TxRow& tx = page.index.tx(w->second.tx);
            chain::Satoshi moved = 0;
            for (const Position& position : page.index.positions(w->second.tx)) moved += std::max<chain::Satoshi>(position.net, 0);
            page.html.element("tr", {}, [&] {
                page.cell(kColumns[0], [&] { page.link(fmt::format("/window/{}", w->first), fmt::format("{}", w->first)); });
                page.cell(kColumns[1], [&] { page.block_link(tx.height); });
                page.cell(kColumns[2], [&] { page.time(page.index.block(tx.height).header.time); });
                page.cell(kColumns[3], [&] { page.amount(moved); });
            });
        }
    });
}

void tile(Page& page, std::string_view name, const std::function<void()>& of) {
    page.html.element("div", {{"class", "tile"}}, [&] {
        page.html.element("dt", name);
        page.html.element("dd", {}, of);
    });
}

void tiles(Page& page) {
    const Index& index = page.index;
    page.html.element("dl", {{"class", "tiles"}}, [&] {
        tile(page, "Height", [&] { page.block_link(index.tip_height()); });
        tile(page, "Last block", [&] { page.time(index.block(index.tip_height()).header.time); });
        tile(page, "Windows settled", [&] { page.link("/windows", grouped(index.windows().size())); });
        tile(page, "Coins on the chain", [&] { page.amount(index.supply()); });
    });
}

enum class Shown { page, wall };
Answer overview(Page& page, std::string_view title, std::uint32_t blocks, Shown as) {
    return page.framed(title, 200, [&] {
        page.html.element("h1", fmt::format("The chain of {}", page.look.box));
        tiles(page);
        page.html.element("div", {{"class", "columns"}}, [&] {
            page.html.element("section", {}, [&] {
                page.html.element("h2", "Settled windows");
                if (page.index.windows().empty()) page.html.element("p", {{"class", "muted"}}, "None yet.");
                else window_rows(page, 5);
                page.html.element("p", {{"class", "more"}}, [&] { page.link("/windows", "All windows"); });
                if (as == Shown::page) return;
                page.html.element("h2", "Positions");
                position_rows(page);
            });
            page.html.element("section", {}, [&] {
                page.html.element("h2", "Latest blocks");
                block_rows(page, page.index.tip_height(), blocks, Hashes::left_out);
                page.html.element("p", {{"class", "more"}}, [&] { page.link("/blocks", "All blocks"); });
            });
        });
    }, as == Shown::wall ? "wall" : "");
}

std::optional<std::uint32_t> height_named(const Index& index, std::string_view hash) {
    const auto id = chain::hash_from_text(hash);
    return id ? index.height_of(*id) : std::nullopt;
}

void block_facts(Page& page, std::uint32_t height) {
    const Index& index = page.index;
    const BlockRow& row = index.block(height);
    page.html.element("dl", {{"class", "facts"}}, [&] {
        page.hash_fact("Hash", chain::hash_text(row.hash));
        page.fact("Time", [&] { page.time(row.header.time); });
        page.fact("Confirmations", page.confirmations(height));
        page.fact("Signature", height == 0 ? "None: the genesis block that all signets share" : "Valid: signed by the holders of the chain's challenge (BIP325)");
        if (height > 0) page.fact("Previous", [&] { page.block_link(height - 1); });
        if (height < index.tip_height()) page.fact("Next", [&] { page.block_link(height + 1); });
        page.hash_fact("Merkle root", chain::hash_text(row.header.merkle_root));
        page.fact("Size", fmt::format("{} bytes, {} weight units", grouped(row.bytes), grouped(row.weight)));
        page.fact("Version, bits, nonce", fmt::format("{:08x}, {:08x}, {}", static_cast<std::uint32_t>(row.header.version), row.header.bits, row.header.nonce));
        page.fact("Data", [&] {
            const std::string api = "/api/block/" + chain::hash_text(row.hash);
            page.link(api, "JSON");
            page.html.text(" · ");
            page.link(api + "/header", "header");
            page.html.text(" · ");
            page.link(api + "/raw", "raw block");
        });
    });
}

// --- a transaction -------------------------------------------------------------------------------------------------
void lines_left_out(Page& page, std::size_t count, const std::string& txid) {
    if (count <= kLinesMax) return;
    page.html.element("li", {}, [&] {
        page.html.text(fmt::format("and {} more: ", grouped(count - kLinesMax)));
        page.link("/api/tx/" + txid, "JSON");
    });
}

void input_lines(Page& page, const chain::Tx& tx, const std::string& txid) {
    page.html.element("ol", {{"class", "lines"}}, [&] {
        for (std::size_t i = 0; i < std::min(tx.inputs.size(), kLinesMax); ++i)
            page.html.element("li", {}, [&] {
                const OutputRow* spent = page.index.spent_by(tx.inputs[i].prevout);
                if (spent == nullptr) return page.html.element("span", {{"class", "muted"}}, "New coins");
                page.html.element("span", {{"class", "who"}}, [&] {
                    page.script_link(page.index.script(spent->script).script);
                    page.html.text(" ");
                    page.html.element("span", {{"class", "from"}}, [&] {
                        page.html.text("from ");
                        page.tx_link(tx.inputs[i].prevout.txid);
                        page.html.text(fmt::format(":{}", tx.inputs[i].prevout.index));
                    });
                });
                page.amount(spent->value);
            });
        lines_left_out(page, tx.inputs.size(), txid);
    });
}

void output_lines(Page& page, const chain::Tx& tx, TxNumber number, const std::string& txid) {
    page.html.element("ol", {{"class", "lines"}}, [&] {
        for (std::uint32_t i = 0; i < std::min(tx.outputs.size(), kLinesMax); ++i)
            page.html.element("li", {}, [&] {
                const OutputRow& row = page.index.output(number, i);
                page.html.element("span", {{"class", "who"}}, [&] {
                    if (const auto data = chain::op_return_data(tx.outputs[i].script_pubkey))
                        page.html.element("span", {{"class", "muted"}}, [&] {
                            page.html.text("data ");
                            page.html.element("code", to_hex(*data));
                        });
                    else page.script_link(tx.outputs[i].script_pubkey);
                    page.html.text(" ");
                    if (row.spender != kNoTx) page.html.element("span", {{"class", "from"}}, [&] {
                        page.html.text("spent by ");
                        page.tx_link(page.index.tx(row.spender).txid);
                    });
                });
                page.amount(row.value);
            });
        lines_left_out(page, tx.outputs.size(), txid);
    });
}

void tx_facts(Page& page, TxNumber number) {
    const TxRow& row = page.index.tx(number);
    const std::string txid = chain::hash_text(row.txid);
    page.html.element("dl", {{"class", "facts"}}, [&] {
        page.hash_fact("Transaction id", txid);
        page.fact("Kind", [&] { page.tx_kind(number); });
        page.fact("Block", [&] {
            page.block_link(row.height);
            page.html.text(fmt::format(", place {}", row.position));
        });
        page.fact("Time", [&] { page.time(page.index.block(row.height).header.time); });
        page.fact("Confirmations", page.confirmations(row.height));
        page.fact("Fee", [&] { page.amount(row.fee); });
        page.fact("Size", fmt::format("{} bytes, {} weight units", grouped(row.bytes), grouped(row.weight)));
        page.fact("Data", [&] {
            page.link("/api/tx/" + txid, "JSON");
            page.html.text(" · ");
            page.link("/api/tx/" + txid + "/hex", "hex");
            page.html.text(" · ");
            page.link("/api/tx/" + txid + "/merkleblock-proof", "proof");
        });
    });
}
}  // namespace

Answer home_page(Page page) {
    return overview(page, "Overview", 10, Shown::page);
}
Answer wall_page(Page page) {
    Answer answer = overview(page, "Wall", 12, Shown::wall);
    answer.wall = true;
    return answer;
}

Answer blocks_page(Page page, const Stars& at) {
    const std::uint32_t tip = page.index.tip_height();
    const auto start = at[0].empty() ? tip : number_in(at[0], tip);
    if (!start) return error_page(std::move(page), 404, "No such block", "The chain does not reach that height.");
    const auto newest = static_cast<std::uint32_t>(*start);
    return page.framed("Blocks", 200, [&] {
        page.html.element("h1", "Blocks");
        block_rows(page, newest, kBlocksListed, Hashes::shown);
        page.pager(newest == tip ? "" : fmt::format("/blocks/{}", std::min(newest + kBlocksListed, tip)),
                   newest < kBlocksListed ? "" : fmt::format("/blocks/{}", newest - kBlocksListed));
    });
}

Answer block_page(Page page, const Stars& at) {
    const auto height = height_named(page.index, at[0]);
    if (!height) return error_page(std::move(page), 404, "No such block", "The chain has no block of that hash.");
    const BlockRow& row = page.index.block(*height);
    const auto from = at[1].empty() ? 0 : number_in(at[1], row.txs - 1);
    if (!from || *from % kTxsListed != 0) return error_page(std::move(page), 404, "No such page", "The block has no transactions there.");
    Answer answer = page.framed(fmt::format("Block {}", *height), 200, [&] {
        page.html.element("h1", fmt::format("Block {}", grouped(*height)));
        block_facts(page, *height);
        page.html.element("h2", fmt::format("{} transaction{}", grouped(row.txs), row.txs == 1 ? "" : "s"));
        std::vector<TxNumber> numbers;
        for (auto i = static_cast<std::uint32_t>(*from); i < row.txs && numbers.size() < kTxsListed; ++i) numbers.push_back(row.first_tx + i);
        page.tx_rows(numbers);
        const std::string path = "/block/" + chain::hash_text(row.hash) + "/from/";
        page.pager(*from == 0 ? "" : fmt::format("{}{}", path, *from - kTxsListed),
                   *from + kTxsListed >= row.txs ? "" : fmt::format("{}{}", path, *from + kTxsListed));
    });
    return answer;
}

Answer tx_page(Page page, const Stars& at) {
    const auto id = chain::hash_from_text(at[0]);
    const auto number = id ? page.index.find_tx(*id) : std::nullopt;
    if (!number) return error_page(std::move(page), 404, "No such transaction", "No block of the chain holds a transaction of that id.");
    const chain::Tx tx = page.index.decode(*number);
    const std::string txid = chain::hash_text(*id);
    return page.framed("Transaction " + short_hash(*id), 200, [&] {
        page.html.element("h1", "Transaction");
        tx_facts(page, *number);
        page.html.element("div", {{"class", "columns"}}, [&] {
            page.html.element("section", {}, [&] {
                page.html.element("h2", fmt::format("{} input{}", grouped(tx.inputs.size()), tx.inputs.size() == 1 ? "" : "s"));
                input_lines(page, tx, txid);
            });
            page.html.element("section", {}, [&] {
                page.html.element("h2", fmt::format("{} output{}", grouped(tx.outputs.size()), tx.outputs.size() == 1 ? "" : "s"));
                output_lines(page, tx, *number, txid);
            });
        });
    });
}

Answer address_page(Page page, const Stars& at) {
    const auto script = chain::decode_address(at[0]);
    if (!script) return error_page(std::move(page), 404, "No such address", "That is no address of this chain: they begin with tb1.");
    static const ScriptRow kUnused{};
    const ScriptRow* found = page.index.find_script(*script);
    const ScriptRow& row = found == nullptr ? kUnused : *found;
    auto end = row.txs.end();
    if (!at[1].empty()) {
        const auto id = chain::hash_from_text(at[1]);
        const auto number = id ? page.index.find_tx(*id) : std::nullopt;
        if (!number) return error_page(std::move(page), 404, "No such page", "The address has no such transaction.");
        end = std::lower_bound(row.txs.begin(), row.txs.end(), *number);
    }
    std::vector<TxNumber> numbers;
    while (end != row.txs.begin() && numbers.size() < kTxsListed) numbers.push_back(*--end);
    const std::string address = address_of(*script);
    return page.framed("Address", 200, [&] {
        const Party* party = page.index.party_of(*script);
        page.html.element("h1", party == nullptr ? "Address" : fmt::format("Address of {}", party->name));
        page.html.element("dl", {{"class", "facts"}}, [&] {
            page.hash_fact("Address", address);
            page.fact("Balance", [&] { page.amount(row.balance()); });
            page.fact("Received", [&] { page.amount(row.funded_sum); });
            page.fact("Spent", [&] { page.amount(row.spent_sum); });
            page.fact("Unspent outputs", grouped(row.funded_count - row.spent_count));
            page.fact("Data", [&] { page.link("/api/address/" + address, "JSON"); });
        });
        page.html.element("h2", fmt::format("{} transaction{}", grouped(row.txs.size()), row.txs.size() == 1 ? "" : "s"));
        if (!numbers.empty()) page.tx_rows(numbers);
        const bool more = end != row.txs.begin();
        page.pager(at[1].empty() ? "" : "/address/" + address,
                   more ? "/address/" + address + "/before/" + chain::hash_text(page.index.tx(numbers.back()).txid) : "");
    });
}

}  // namespace giro::explorer
