#include "chain/signet.hpp"

#include <algorithm>

#include "chain/merkle.hpp"
#include "chain/script.hpp"
#include "chain/sighash.hpp"
#include "chain/verify.hpp"

namespace giro::chain {

namespace {
tl::unexpected<ChainError> error(ChainError e) {
    return tl::unexpected<ChainError>(e);
}

bool begins_with_header(Bytes push) noexcept {
    return push.size() > kSignetHeader.size() && std::equal(kSignetHeader.begin(), kSignetHeader.end(), push.begin());
}

// Whether nothing but one signet push, bare or not, follows the 38 bytes of the commitment.
bool ends_in_signet_push(Bytes script) noexcept {
    ScriptReader reader(script.subspan(kCommitmentScriptBytes));
    const auto push = reader.next();
    if (!push) return reader.ok();
    const bool bare = std::equal(kSignetHeader.begin(), kSignetHeader.end(), push->data.begin(), push->data.end());
    return (bare || begins_with_header(push->data)) && !reader.next() && reader.ok();
}

// A commitment script without its solution, and the solution.
struct CutScript {
    Buffer script;
    Buffer solution;
};

// As a node reads it: the first push longer than the header and beginning with it is cut to the header, and every push
// is written again in its shortest form. Without such a push the script stays as it is.
CutScript cut_solution(const Buffer& script) {
    CutScript cut;
    bool found = false;
    ScriptReader reader(script);
    while (const auto element = reader.next()) {
        if (element->data.empty()) {
            cut.script.push_back(element->opcode);
        } else if (!found && begins_with_header(element->data)) {
            found = true;
            const Bytes solution = element->data.subspan(kSignetHeader.size());
            cut.solution.assign(solution.begin(), solution.end());
            append_push(cut.script, kSignetHeader);
        } else {
            append_push(cut.script, element->data);
        }
    }
    if (!found) cut.script = script;
    return cut;
}

// Fills script_sig and witness of to_sign's input from a solution: compactsize || scriptSig || count || items.
Expected<void, ChainError> read_solution(Bytes solution, TxIn& input) {
    Reader in(solution);
    auto script_sig = read_var_bytes(in);
    if (!script_sig) return error(ChainError::bad_solution);
    const auto count = read_compact_size(in);
    if (!count || *count > in.left()) return error(ChainError::bad_solution);
    for (std::size_t i = 0; i < *count; ++i) {
        auto item = read_var_bytes(in);
        if (!item) return error(ChainError::bad_solution);
        input.witness.push_back(std::move(*item));
    }
    if (!in.done()) return error(ChainError::bad_solution);
    input.script_sig = std::move(*script_sig);
    return {};
}
}  // namespace

Expected<SignetParts, ChainError> signet_parts(const Block& block) {
    const auto index = commitment_output(block);
    if (!index) return error(ChainError::no_commitment);
    Tx coinbase = block.txs.front();
    CutScript cut = cut_solution(coinbase.outputs[*index].script_pubkey);
    coinbase.outputs[*index].script_pubkey = std::move(cut.script);
    std::vector<Hash256> leaves{txid(coinbase)};
    for (std::size_t i = 1; i < block.txs.size(); ++i) leaves.push_back(txid(block.txs[i]));
    const BlockHeader& header = block.header;
    return SignetParts{{header.version, header.previous, merkle_root(std::move(leaves)).root, header.time},
                       std::move(cut.solution)};
}

Tx signet_to_sign(const SignetMessage& message, Bytes challenge) {
    Buffer data;
    Writer out(data);
    out.u32(static_cast<std::uint32_t>(message.version));
    out.bytes(message.previous);
    out.bytes(message.signet_merkle_root);
    out.u32(message.time);

    TxIn from_nothing{{}, {kOp0}, 0, {}};
    append_push(from_nothing.script_sig, data);
    const Tx to_spend{0, {from_nothing}, {{0, Buffer(challenge.begin(), challenge.end())}}, 0};
    return Tx{0, {TxIn{{txid(to_spend), 0}, {}, 0, {}}}, {{0, {kOpReturn}}}, 0};
}

Hash256 signet_sighash(const SignetMessage& message, Bytes witness_script) {
    return bip143_sighash(signet_to_sign(message, p2wsh_script(witness_script)), 0, witness_script, 0);
}

Buffer signet_solution(std::span<const Buffer> signatures, Bytes witness_script) {
    const auto witness = multisig_witness(signatures, witness_script);
    Buffer solution;
    Writer out(solution);
    write_compact_size(out, 0);  // empty scriptSig
    write_compact_size(out, witness.size());
    for (const Buffer& item : witness) write_var_bytes(out, item);
    return solution;
}

void set_signet_solution(Block& block, Bytes solution) {
    const auto index = commitment_output(block);
    ASSERT(index);
    Buffer& script = block.txs.front().outputs[*index].script_pubkey;
    ASSERT(ends_in_signet_push(script));
    script.resize(kCommitmentScriptBytes);
    Buffer push(kSignetHeader.begin(), kSignetHeader.end());
    push.insert(push.end(), solution.begin(), solution.end());
    append_push(script, push);
    block.header.merkle_root = block_merkle_root(block).root;
}

Expected<void, ChainError> verify_signet(const Block& block, Bytes challenge) {
    const auto parts = signet_parts(block);
    if (!parts) return error(parts.error());
    if (parts->solution.empty()) return error(ChainError::no_solution);
    Tx to_sign = signet_to_sign(parts->message, challenge);
    if (const auto read = read_solution(parts->solution, to_sign.inputs[0]); !read) return read;
    return verify_spend(to_sign, 0, {0, Buffer(challenge.begin(), challenge.end())});
}

}  // namespace giro::chain
