#include "bitcoin_node/rpc.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "util/bytes.hpp"

namespace giro::bitcoin_node {

namespace {
using nlohmann::json;

constexpr std::uint32_t kHeightMax = 0x7fffffff;

std::string call(std::string_view method, json params) {
    return json{{"jsonrpc", "1.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}}.dump();
}

std::string printable(std::string_view text) {
    std::string out(text.substr(0, kErrorCharsMax));
    std::replace_if(out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return out;
}

tl::unexpected<NodeError> malformed(std::string_view what) {
    return tl::unexpected<NodeError>({NodeError::Kind::malformed, 0, std::string(what)});
}

// Brackets within brackets, and values, outside of text: what a parser would have to remember.
bool too_much(std::string_view text) noexcept {
    std::size_t depth = 0, values = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_text && c == '\\') ++i;
        else if (c == '"') in_text = !in_text;
        else if (!in_text && (c == '[' || c == '{') && ++depth > kJsonDepthMax) return true;
        else if (!in_text && c == ',' && ++values > kJsonValuesMax) return true;
        else if (!in_text && (c == ']' || c == '}') && depth > 0) --depth;
    }
    return false;
}

// The result that the answer carries, or its error.
NodeAnswer<json> result_of(Bytes body) {
    const std::string_view text = as_text(body);
    if (too_much(text)) return malformed("the answer is beyond every size");
    json answer = json::parse(text.begin(), text.end(), nullptr, false);
    if (!answer.is_object() || !answer.contains("result") || answer.value("id", json()) != 1) return malformed("not an answer to the call");
    if (const auto error = answer.find("error"); error != answer.end() && !error->is_null()) {
        if (!error->is_object()) return malformed("an error that is none");
        const auto code = error->find("code"), message = error->find("message");
        if (code == error->end() || !code->is_number_integer() || message == error->end() || !message->is_string())
            return malformed("an error that is none");
        const auto number = code->get<std::int64_t>();
        return tl::unexpected<NodeError>({NodeError::Kind::refused, static_cast<int>(std::clamp<std::int64_t>(number, INT16_MIN, INT16_MAX)),
                                          printable(message->get_ref<const std::string&>())});
    }
    return std::move(answer["result"]);
}

std::optional<Hash256> hash_of(const json& value) {
    return value.is_string() ? chain::hash_from_text(value.get_ref<const std::string&>()) : std::nullopt;
}
}  // namespace

std::string ask_chain_info() { return call("getblockchaininfo", json::array()); }
std::string ask_block_hash(std::uint32_t height) { return call("getblockhash", json::array({height})); }
std::string ask_block(const Hash256& hash) { return call("getblock", json::array({chain::hash_text(hash), 0})); }
std::string ask_waiting_txs() { return call("getrawmempool", json::array()); }
std::string ask_waiting_tx(const Hash256& txid) { return call("getrawtransaction", json::array({chain::hash_text(txid)})); }
std::string tell_block(Bytes raw) { return call("submitblock", json::array({to_hex(raw)})); }
// 0: whatever its fee. Settlements pay none.
std::string tell_tx(Bytes raw) { return call("sendrawtransaction", json::array({to_hex(raw), 0})); }

NodeAnswer<ChainInfo> read_chain_info(Bytes body) {
    const auto result = result_of(body);
    if (!result) return tl::unexpected(result.error());
    ChainInfo info;
    const auto member = [&](const char* name) { return result->is_object() && result->contains(name) ? (*result)[name] : json(); };
    const json network = member("chain"), height = member("blocks"), challenge = member("signet_challenge");
    const auto best = hash_of(member("bestblockhash"));
    if (!network.is_string() || !height.is_number_unsigned() || !best) return malformed("getblockchaininfo: not what was asked for");
    if (height.get<std::uint64_t>() > kHeightMax) return malformed("getblockchaininfo: an impossible height");
    info.network = printable(network.get_ref<const std::string&>());
    info.height = height.get<std::uint32_t>();
    info.best = *best;
    if (challenge.is_string()) {
        auto script = from_hex(challenge.get_ref<const std::string&>());
        if (!script) return malformed("getblockchaininfo: a challenge that is not hexadecimal");
        info.challenge = std::move(*script);
    }
    return info;
}

NodeAnswer<Hash256> read_hash(Bytes body) {
    const auto result = result_of(body);
    if (!result) return tl::unexpected(result.error());
    const auto hash = hash_of(*result);
    if (!hash) return malformed("not a hash");
    return *hash;
}

NodeAnswer<Buffer> read_raw(Bytes body) {
    const auto result = result_of(body);
    if (!result) return tl::unexpected(result.error());
    if (!result->is_string()) return malformed("not hexadecimal");
    auto raw = from_hex(result->get_ref<const std::string&>());
    if (!raw) return malformed("not hexadecimal");
    return std::move(*raw);
}

NodeAnswer<std::vector<Hash256>> read_hashes(Bytes body) {
    const auto result = result_of(body);
    if (!result) return tl::unexpected(result.error());
    if (!result->is_array() || result->size() > kWaitingTxsMax) return malformed("not a list of transactions");
    std::vector<Hash256> hashes;
    for (const json& item : *result) {
        const auto hash = hash_of(item);
        if (!hash) return malformed("not a list of transactions");
        hashes.push_back(*hash);
    }
    return hashes;
}

NodeAnswer<std::string> read_verdict(Bytes body) {
    const auto result = result_of(body);
    if (!result) return tl::unexpected(result.error());
    if (result->is_null()) return std::string();
    if (!result->is_string() || result->get_ref<const std::string&>().empty()) return malformed("not a verdict");
    return bare_word(printable(result->get_ref<const std::string&>()));
}

std::string bare_word(std::string_view said) {
    return std::string(said.substr(0, said.find_first_of(" (,")));
}

}  // namespace giro::bitcoin_node
