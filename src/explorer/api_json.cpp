#include "explorer/api_json.hpp"

#include "chain/pow.hpp"
#include "explorer/script_text.hpp"
#include "util/bytes.hpp"

namespace giro::explorer {

namespace {
// How many times harder than difficulty 1 (bits 1d00ffff), as every explorer counts it: a number for people.
double difficulty_of(std::uint32_t bits) {
    double difficulty = 0xffff / static_cast<double>(bits & 0x00ffffffU);
    int exponent = static_cast<int>(bits >> 24U);
    for (; exponent < 29; ++exponent) difficulty *= 256;
    for (; exponent > 29; --exponent) difficulty /= 256;
    return difficulty;
}

Json output_json(const chain::TxOut& out) {
    Json j{{"scriptpubkey", to_hex(out.script_pubkey)}, {"scriptpubkey_asm", asm_of(out.script_pubkey)}, {"scriptpubkey_type", kind_of(out.script_pubkey)}};
    if (const auto address = address_of(out.script_pubkey); !address.empty()) j["scriptpubkey_address"] = address;
    j["value"] = out.value;
    return j;
}

Json input_json(const Index& index, const chain::TxIn& input) {
    Json j{{"txid", chain::hash_text(input.prevout.txid)}, {"vout", input.prevout.index}};
    const OutputRow* spent = index.spent_by(input.prevout);
    j["prevout"] = spent == nullptr ? Json() : output_json({spent->value, index.script(spent->script).script});
    j["scriptsig"] = to_hex(input.script_sig);
    j["scriptsig_asm"] = asm_of(input.script_sig);
    if (!input.witness.empty()) {
        Json& witness = j["witness"] = Json::array();
        for (const Buffer& item : input.witness) witness.push_back(to_hex(item));
    }
    j["is_coinbase"] = spent == nullptr;
    j["sequence"] = input.sequence;
    if (spent != nullptr && kind_of(index.script(spent->script).script) == "v0_p2wsh" && !input.witness.empty())
        j["inner_witnessscript_asm"] = asm_of(input.witness.back());
    return j;
}
}  // namespace

Json block_json(const Index& index, std::uint32_t height) {
    const BlockRow& row = index.block(height);
    Json j{{"id", chain::hash_text(row.hash)},
           {"height", height},
           {"version", row.header.version},
           {"timestamp", row.header.time},
           {"tx_count", row.txs},
           {"size", row.bytes},
           {"weight", row.weight},
           {"merkle_root", chain::hash_text(row.header.merkle_root)}};
    j["previousblockhash"] = height == 0 ? Json() : Json(chain::hash_text(row.header.previous));
    j["mediantime"] = row.median_time;
    j["nonce"] = row.header.nonce;
    j["bits"] = row.header.bits;
    j["difficulty"] = difficulty_of(row.header.bits);
    return j;
}

Json status_json(const Index& index, TxNumber number) {
    const std::uint32_t height = index.tx(number).height;
    const BlockRow& block = index.block(height);
    return {{"confirmed", true}, {"block_height", height}, {"block_hash", chain::hash_text(block.hash)}, {"block_time", block.header.time}};
}

Json tx_json(const Index& index, TxNumber number) {
    const chain::Tx tx = index.decode(number);
    const TxRow& row = index.tx(number);
    Json j{{"txid", chain::hash_text(row.txid)}, {"version", tx.version}, {"locktime", tx.lock_time}};
    Json& inputs = j["vin"] = Json::array();
    for (const auto& input : tx.inputs) inputs.push_back(input_json(index, input));
    Json& outputs = j["vout"] = Json::array();
    for (const auto& out : tx.outputs) outputs.push_back(output_json(out));
    j["size"] = row.bytes;
    j["weight"] = row.weight;
    j["fee"] = row.fee;
    j["status"] = status_json(index, number);
    return j;
}

Json outspend_json(const Index& index, const OutputRow& output) {
    if (output.spender == kNoTx) return {{"spent", false}};
    return {{"spent", true},
            {"txid", chain::hash_text(index.tx(output.spender).txid)},
            {"vin", output.spender_input},
            {"status", status_json(index, output.spender)}};
}

Json stats_json(const ScriptRow& script) {
    return {{"funded_txo_count", script.funded_count},
            {"funded_txo_sum", script.funded_sum},
            {"spent_txo_count", script.spent_count},
            {"spent_txo_sum", script.spent_sum},
            {"tx_count", script.txs.size()}};
}

Json window_json(const Index& index, const WindowRow& window) {
    Json j{{"window", window.commitment.window}, {"root", to_hex(window.commitment.root)}, {"txid", chain::hash_text(index.tx(window.tx).txid)}};
    j["status"] = status_json(index, window.tx);
    Json& nets = j["net"] = Json::array();
    for (const Position& position : index.positions(window.tx))
        nets.push_back({{"participant", position.party->id}, {"name", position.party->name}, {"net", position.net}});
    return j;
}

Json positions_json(const Index& index) {
    Json j{{"height", index.tip_height()}, {"supply", index.supply()}};
    Json& list = j["positions"] = Json::array();
    for (const Party& party : index.parties()) {
        const ScriptRow* script = index.find_script(party.script);
        list.push_back({{"participant", party.id},
                        {"name", party.name},
                        {"address", address_of(party.script)},
                        {"balance", script == nullptr ? 0 : script->balance()},
                        {"txs", script == nullptr ? 0 : script->txs.size()}});
    }
    return j;
}

}  // namespace giro::explorer
