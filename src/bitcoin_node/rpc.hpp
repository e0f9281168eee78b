// The few JSON-RPC calls that giro-chain makes of a Bitcoin node, as text, and what comes back as values. Pure. Hostile:
// every answer; a node that lies about a block is found out by the embedded node, which validates it.
#pragma once

#include <string>
#include <vector>

#include "chain/primitives.hpp"

namespace giro::bitcoin_node {

inline constexpr std::size_t kWaitingTxsMax = 100'000;  // ids in one answer
inline constexpr std::size_t kJsonValuesMax = 200'000;
inline constexpr std::size_t kJsonDepthMax = 16;        // a node's deepest answer that is asked for has 3

// Why a call gave no value.
struct NodeError {
    enum class Kind {
        away,          // no connection, or it ended
        silent,        // no answer in time
        unauthorised,  // the cookie is not there, or the node does not take it
        malformed,     // what came is no answer to the call
        refused,       // a JSON-RPC error
    };
    Kind kind = Kind::away;
    int code = 0;      // of a JSON-RPC error
    std::string text;  // .. its message; else one line for the operator. At most kErrorCharsMax, printable ASCII
};
inline constexpr std::size_t kErrorCharsMax = 200;
inline constexpr int kDecodeFailed = -22, kVerifyError = -25, kVerifyRejected = -26, kAlreadyInChain = -27, kWarmingUp = -28;

template <typename T>
using NodeAnswer = Expected<T, NodeError>;

// The bodies of requests. Their id is always 1: a connection has one call under way.
[[nodiscard]] std::string ask_chain_info();
[[nodiscard]] std::string ask_block_hash(std::uint32_t height);
[[nodiscard]] std::string ask_block(const Hash256& hash);
[[nodiscard]] std::string ask_waiting_txs();
[[nodiscard]] std::string ask_waiting_tx(const Hash256& txid);
[[nodiscard]] std::string tell_block(Bytes raw);
[[nodiscard]] std::string tell_tx(Bytes raw);

struct ChainInfo {
    std::string network;  // "signet", "main", ...
    Buffer challenge;     // empty when it says none
    std::uint32_t height = 0;
    Hash256 best{};
};
// Errors: malformed, refused.
[[nodiscard]] NodeAnswer<ChainInfo> read_chain_info(Bytes body);
[[nodiscard]] NodeAnswer<Hash256> read_hash(Bytes body);
[[nodiscard]] NodeAnswer<Buffer> read_raw(Bytes body);                    // hexadecimal: a block or a tx
[[nodiscard]] NodeAnswer<std::vector<Hash256>> read_hashes(Bytes body);   // at most kWaitingTxsMax
// What submitblock says: BIP22's word without what may stand behind it, empty for null.
[[nodiscard]] NodeAnswer<std::string> read_verdict(Bytes body);

// "bad-version(0x00000003)", "mandatory-script-verify-flag-failed (...)", "bad-txns-in-belowout, value in": the word alone.
[[nodiscard]] std::string bare_word(std::string_view said);

}  // namespace giro::bitcoin_node
