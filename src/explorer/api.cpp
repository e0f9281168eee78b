#include "explorer/api.hpp"

#include <fmt/format.h>

#include "chain/address.hpp"
#include "explorer/api_json.hpp"
#include "explorer/proof.hpp"
#include "explorer/route.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::explorer {

namespace {
constexpr std::size_t kRawBytesOfListMax = 1U << 20;  // of the transactions in one list, as they are in their blocks

Answer text(std::string body, int status = 200) {
    return {status, kTextType, std::move(body)};
}
Answer json(const Json& j) {
    return {200, kJsonType, j.dump(-1, ' ', false, Json::error_handler_t::replace)};
}
Answer bytes(Bytes raw) {
    return {200, kBytesType, std::string(as_text(raw))};
}
const Answer kNoHash{400, kTextType, "Invalid hash: 64 hexadecimal digits"};
const Answer kNoNumber{400, kTextType, "Invalid number"};

// What a hash names by itself, once it is deep, is never another. (Where a transaction stands is no such thing.)
Answer aged(const Index& index, std::uint32_t height, Answer answer) {
    if (answer.status == 200 && index.tip_height() - height >= kDeepBlocks) answer.lifetime = Lifetime::forever;
    return answer;
}

template <typename Of>
Answer with_block(const Index& index, std::string_view hash, Of of) {
    const auto id = chain::hash_from_text(hash);
    if (!id) return kNoHash;
    const auto height = index.height_of(*id);
    return height ? of(*height) : text("Block not found", 404);
}
template <typename Of>
Answer with_tx(const Index& index, std::string_view txid, Of of) {
    const auto id = chain::hash_from_text(txid);
    if (!id) return kNoHash;
    const auto number = index.find_tx(*id);
    return number ? of(*number) : text("Transaction not found", 404);
}

// Consecutive transactions or any others, as long as they are not too much for one answer.
Answer tx_list(const Index& index, std::span<const TxNumber> numbers) {
    std::size_t raw = 0;
    for (const TxNumber number : numbers) raw += index.tx(number).bytes;
    if (raw > kRawBytesOfListMax && numbers.size() > 1) return text("Too large for one list; ask for each by /api/tx/:txid", 400);
    Json list = Json::array();
    for (const TxNumber number : numbers) list.push_back(tx_json(index, number));
    return json(list);
}

// --- blocks --------------------------------------------------------------------------------------------------------
Answer block(const Index& index, const Stars& at) {
    return with_block(index, at[0], [&](std::uint32_t height) { return aged(index, height, json(block_json(index, height))); });
}
Answer block_header(const Index& index, const Stars& at) {
    return with_block(index, at[0], [&](std::uint32_t height) { return aged(index, height, text(to_hex(chain::encode_header(index.block(height).header)))); });
}
Answer block_status(const Index& index, const Stars& at) {
    return with_block(index, at[0], [&](std::uint32_t height) {
        Json j{{"in_best_chain", true}, {"height", height}};
        j["next_best"] = height == index.tip_height() ? Json() : Json(chain::hash_text(index.block(height + 1).hash));
        return json(j);
    });
}
Answer block_raw(const Index& index, const Stars& at) {
    return with_block(index, at[0], [&](std::uint32_t height) { return aged(index, height, bytes(index.chain().raw_block_at(height))); });
}
Answer block_txids(const Index& index, const Stars& at) {
    return with_block(index, at[0], [&](std::uint32_t height) {
        Json list = Json::array();
        const BlockRow& row = index.block(height);
        for (std::uint32_t i = 0; i < row.txs; ++i) list.push_back(chain::hash_text(index.tx(row.first_tx + i).txid));
        return aged(index, height, json(list));
    });
}
Answer block_txid(const Index& index, const Stars& at) {
    return with_block(index, at[0], [&](std::uint32_t height) {
        const BlockRow& row = index.block(height);
        const auto place = number_in(at[1], UINT32_MAX);
        if (!place) return kNoNumber;
        if (*place >= row.txs) return text("Transaction index out of range", 404);
        return aged(index, height, text(chain::hash_text(index.tx(row.first_tx + static_cast<TxNumber>(*place)).txid)));
    });
}
Answer block_txs(const Index& index, const Stars& at) {
    return with_block(index, at[0], [&](std::uint32_t height) {
        const BlockRow& row = index.block(height);
        const auto start = at[1].empty() ? 0 : number_in(at[1], UINT32_MAX);
        if (!start || *start % kTxsOfPage != 0) return text("start index must be a multiple of 25", 400);
        if (*start >= row.txs) return text("start index out of range", 400);
        std::vector<TxNumber> numbers;
        for (auto i = static_cast<std::uint32_t>(*start); i < row.txs && numbers.size() < kTxsOfPage; ++i) numbers.push_back(row.first_tx + i);
        return aged(index, height, tx_list(index, numbers));
    });
}
Answer block_at_height(const Index& index, const Stars& at) {
    const auto height = number_in(at[0], UINT32_MAX);
    if (!height) return kNoNumber;
    if (*height > index.tip_height()) return text("Block not found", 404);
    return text(chain::hash_text(index.block(static_cast<std::uint32_t>(*height)).hash));
}
Answer blocks(const Index& index, const Stars& at) {
    const auto start = at[0].empty() ? index.tip_height() : number_in(at[0], UINT32_MAX);
    if (!start) return kNoNumber;
    Json list = Json::array();
    for (auto height = static_cast<std::int64_t>(std::min<std::uint64_t>(*start, index.tip_height())); height >= 0 && list.size() < kBlocksOfPage; --height)
        list.push_back(block_json(index, static_cast<std::uint32_t>(height)));
    return json(list);
}
Answer tip_height(const Index& index, const Stars&) {
    return text(fmt::format("{}", index.tip_height()));
}
Answer tip_hash(const Index& index, const Stars&) {
    return text(chain::hash_text(index.block(index.tip_height()).hash));
}

// --- transactions --------------------------------------------------------------------------------------------------
Answer tx(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) { return json(tx_json(index, n)); });
}
Answer tx_status(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) { return json(status_json(index, n)); });
}
Answer tx_hex(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) { return aged(index, index.tx(n).height, text(to_hex(index.raw_tx(n)))); });
}
Answer tx_raw(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) { return aged(index, index.tx(n).height, bytes(index.raw_tx(n))); });
}
Answer tx_outspends(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) {
        Json list = Json::array();
        for (std::uint32_t i = 0; i < index.tx(n).outputs; ++i) list.push_back(outspend_json(index, index.output(n, i)));
        return json(list);
    });
}
Answer tx_outspend(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) {
        const auto output = number_in(at[1], UINT32_MAX);
        if (!output) return kNoNumber;
        if (*output >= index.tx(n).outputs) return json({{"spent", false}});
        return json(outspend_json(index, index.output(n, static_cast<std::uint32_t>(*output))));
    });
}
Answer tx_merkle_proof(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) {
        Json path = Json::array();
        for (const Hash256& hash : merkle_path_of(index, n)) path.push_back(chain::hash_text(hash));
        return json({{"block_height", index.tx(n).height}, {"merkle", path}, {"pos", index.tx(n).position}});
    });
}
Answer tx_merkle_block(const Index& index, const Stars& at) {
    return with_tx(index, at[0], [&](TxNumber n) { return text(to_hex(merkle_block_of(index, n))); });
}

// --- addresses -----------------------------------------------------------------------------------------------------
const ScriptRow kUnused{};

// The script of an address, `unused` when no transaction names it.
std::optional<const ScriptRow*> by_address(const Index& index, std::string_view address) {
    const auto script = chain::decode_address(address);
    if (!script) return std::nullopt;
    const ScriptRow* row = index.find_script(*script);
    return row == nullptr ? &kUnused : row;
}
std::optional<const ScriptRow*> by_script_hash(const Index& index, std::string_view hash) {
    const auto wanted = array_from_hex<32>(hash);
    if (!wanted) return std::nullopt;
    const ScriptRow* row = index.find_script_hash(*wanted);
    return row == nullptr ? &kUnused : row;
}
using Find = std::optional<const ScriptRow*> (*)(const Index&, std::string_view);

template <Find find>
Answer no_script() {
    return find == by_address ? text("Invalid Bitcoin address", 400) : kNoHash;
}
// Answers by `Of` about whichever of the two names it.
template <Find find, Answer (*Of)(const Index&, const ScriptRow&, const Stars&)>
Answer script(const Index& index, const Stars& at) {
    const auto row = find(index, at[0]);
    return row ? Of(index, **row, at) : no_script<find>();
}

template <Find find>
Answer script_stats(const Index& index, const Stars& at) {
    const auto row = find(index, at[0]);
    if (!row) return no_script<find>();
    return json({{find == by_address ? "address" : "scripthash", at[0]}, {"chain_stats", stats_json(**row)}, {"mempool_stats", stats_json(kUnused)}});
}
// The newest 25, or those before the one seen last.
Answer script_txs(const Index& index, const ScriptRow& row, const Stars& at) {
    auto end = row.txs.end();
    if (!at[1].empty()) {
        const auto id = chain::hash_from_text(at[1]);
        if (!id) return kNoHash;
        const auto number = index.find_tx(*id);
        end = number ? std::lower_bound(row.txs.begin(), row.txs.end(), *number) : row.txs.end();
        if (end == row.txs.end() || *end != *number) return text("Transaction not found", 404);
    }
    std::vector<TxNumber> numbers;
    while (end != row.txs.begin() && numbers.size() < kTxsOfPage) numbers.push_back(*--end);
    return tx_list(index, numbers);
}
Answer script_utxo(const Index& index, const ScriptRow& row, const Stars&) {
    if (row.funded_count - row.spent_count > kUtxosMax)
        return text(fmt::format("Too many unspent transaction outputs (>{}). Contact support to raise limits.", kUtxosMax), 400);
    Json list = Json::array();
    for (const auto& unspent : index.chain().utxos_of(row.script)) {
        const auto number = index.find_tx(unspent.outpoint.txid);
        list.push_back({{"txid", chain::hash_text(unspent.outpoint.txid)},
                        {"vout", unspent.outpoint.index},
                        {"status", status_json(index, number.value())},
                        {"value", unspent.coin.out.value}});
    }
    return json(list);
}

// --- the rest ------------------------------------------------------------------------------------------------------
Answer mempool(const Index&, const Stars&) {
    return json({{"count", 0}, {"vsize", 0}, {"total_fee", 0}, {"fee_histogram", Json::array()}});
}
Answer empty_list(const Index&, const Stars&) {
    return json(Json::array());
}
Answer nothing_waits(const Index& index, const ScriptRow&, const Stars& at) {
    return empty_list(index, at);
}
Answer fee_estimates(const Index&, const Stars&) {
    return json(Json::object());
}
Answer windows(const Index& index, const Stars& at) {
    const auto last = at[0].empty() ? UINT64_MAX : number_in(at[0], UINT64_MAX);
    if (!last) return kNoNumber;
    Json list = Json::array();
    for (auto w = index.windows().upper_bound(*last); w != index.windows().begin() && list.size() < kTxsOfPage;) list.push_back(window_json(index, (--w)->second));
    return json(list);
}
Answer window(const Index& index, const Stars& at) {
    const auto number = number_in(at[0], UINT64_MAX);
    if (!number) return kNoNumber;
    const WindowRow* row = index.find_window(*number);
    return row == nullptr ? text("Window not settled", 404) : json(window_json(index, *row));
}
Answer positions(const Index& index, const Stars&) {
    return json(positions_json(index));
}

struct Route {
    std::string_view pattern;
    Answer (*answer)(const Index&, const Stars&);
};
constexpr Route kRoutes[] = {
    {"/api/block/*", block},
    {"/api/block/*/header", block_header},
    {"/api/block/*/status", block_status},
    {"/api/block/*/raw", block_raw},
    {"/api/block/*/txids", block_txids},
    {"/api/block/*/txid/*", block_txid},
    {"/api/block/*/txs", block_txs},
    {"/api/block/*/txs/*", block_txs},
    {"/api/block-height/*", block_at_height},
    {"/api/blocks", blocks},
    {"/api/blocks/*", blocks},
    {"/api/blocks/tip/height", tip_height},
    {"/api/blocks/tip/hash", tip_hash},
    {"/api/tx/*", tx},
    {"/api/tx/*/status", tx_status},
    {"/api/tx/*/hex", tx_hex},
    {"/api/tx/*/raw", tx_raw},
    {"/api/tx/*/outspends", tx_outspends},
    {"/api/tx/*/outspend/*", tx_outspend},
    {"/api/tx/*/merkle-proof", tx_merkle_proof},
    {"/api/tx/*/merkleblock-proof", tx_merkle_block},
    {"/api/address/*", script_stats<by_address>},
    {"/api/address/*/txs", script<by_address, script_txs>},
    {"/api/address/*/txs/chain", script<by_address, script_txs>},
    {"/api/address/*/txs/chain/*", script<by_address, script_txs>},
    {"/api/address/*/txs/mempool", script<by_address, nothing_waits>},
    {"/api/address/*/utxo", script<by_address, script_utxo>},
    {"/api/scripthash/*", script_stats<by_script_hash>},
    {"/api/scripthash/*/txs", script<by_script_hash, script_txs>},
    {"/api/scripthash/*/txs/chain", script<by_script_hash, script_txs>},
    {"/api/scripthash/*/txs/chain/*", script<by_script_hash, script_txs>},
    {"/api/scripthash/*/txs/mempool", script<by_script_hash, nothing_waits>},
    {"/api/scripthash/*/utxo", script<by_script_hash, script_utxo>},
    {"/api/mempool", mempool},
    {"/api/mempool/txids", empty_list},
    {"/api/mempool/recent", empty_list},
    {"/api/fee-estimates", fee_estimates},
    {"/api/windows", windows},
    {"/api/windows/*", windows},
    {"/api/window/*", window},
    {"/api/positions", positions},
};
}  // namespace

Answer api_answer(const Index& index, std::string_view path) {
    for (const Route& route : kRoutes)
        if (const auto stars = match(route.pattern, path)) return route.answer(index, *stars);
    return text("No such path; see the list at /about", 404);
}

}  // namespace giro::explorer
