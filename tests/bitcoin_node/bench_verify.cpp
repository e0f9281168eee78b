// bench_bitcoin_node: the same blocks of 2,000 transactions through the embedded node and through a Bitcoin node with one
// verifying thread, one after the other in the same run, as CPU time, from hexadecimal text to the disk. One JSON line; {} where there is no Bitcoin node.
#include <fmt/format.h>
#include <time.h>

#include <filesystem>

#include "appliance/giro-chain/node.hpp"
#include "bitcoin_node/rpc.hpp"
#include "real_node.hpp"
#include "tests/bench/measure.hpp"
#include "tests/fuzz/mined.hpp"

using namespace giro;
using namespace giro::chain;

namespace {
constexpr std::size_t kTxs = 2'000;

double cpu_ms(clockid_t clock) {
    timespec now{};
    ASSERT(::clock_gettime(clock, &now) == 0);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

Block next_block(const ChainState& chain, std::vector<Tx> txs) {
    BlockTemplate tmpl = next_template(chain, fuzz::miner_script(), chain.tip().time + 600);
    tmpl.txs = std::move(txs);
    Block block = build_block(tmpl);
    const auto& net = chain::test::testnet();
    chain::test::sign_block(block, std::span(net.signers).first(2), net.witness_script);
    chain::test::grind_block(block);
    return block;
}

Tx coinbase_of(const ChainState& chain, std::uint32_t height) { return chain.block_at(height)->txs[0]; }

// What block `height` paid, into kTxs outputs of the miner.
Tx fan_out(const ChainState& chain, std::uint32_t height) {
    const Satoshi each = block_subsidy(height) / static_cast<Satoshi>(kTxs);
    const std::vector<TxOut> outputs(kTxs, TxOut{each, fuzz::miner_script()});
    return chain::test::spend_p2wpkh(chain::test::Key::numbered(7), {txid(coinbase_of(chain, height)), 0}, block_subsidy(height), outputs);
}

// One tx for each output of `from`.
std::vector<Tx> spends_of(const Tx& from) {
    const Hash256 id = txid(from);
    std::vector<Tx> txs;
    for (std::uint32_t i = 0; i < kTxs; ++i)
        txs.push_back(chain::test::spend_p2wpkh(chain::test::Key::numbered(7), {id, i}, from.outputs[i].value, {{from.outputs[i].value - 1, fuzz::miner_script()}}));
    return txs;
}
}  // namespace

int main() {
    if (!node_test::node_program_root()) {
        fmt::print("{{}}\n");
        return 0;
    }
    std::string name = (std::filesystem::temp_directory_path() / "giro-bench-XXXXXX").string();
    ASSERT(mkdtemp(name.data()) != nullptr);
    std::vector<double> ours, theirs, ratios;
    {
        node_test::RealNode node(name, chain::test::testnet().params.challenge);
        node.start();
        ChainState chain = fuzz::mined_chain(100);
        for (const Buffer& block : fuzz::mined_blocks()) ASSERT(node.ask(bitcoin_node::tell_block(block)).find("\"result\":null") != std::string::npos);
        auto disk = appliance::Node::open(std::filesystem::path(name) / "chain.db", std::filesystem::path(name) / "blocks.dat", chain.params());
        ASSERT(disk);
        for (const Buffer& block : fuzz::mined_blocks()) ASSERT(disk->accept(*decode_block(block), fuzz::kLongAfter));
        clockid_t of_node{};
        ASSERT(::clock_getcpuclockid(node.pid(), &of_node) == 0);
        for (int run = 0; run < bench::runs(); ++run) {
            // Coinbases mature one after another: that of block 1 + 2 x run may be spent now.
            const Tx fan = fan_out(chain, 1 + 2 * static_cast<std::uint32_t>(run));
            const Block funds = next_block(chain, {fan});
            const Buffer raw_funds = encode_block(funds);
            ASSERT(chain.submit_block(raw_funds, funds.header.time) && disk->accept(funds, funds.header.time));
            ASSERT(node.ask(bitcoin_node::tell_block(raw_funds)).find("\"result\":null") != std::string::npos);
            const Block block = next_block(chain, spends_of(fan));
            const Buffer raw = encode_block(block);
            const std::string request = bitcoin_node::tell_block(raw);
            double start = cpu_ms(CLOCK_PROCESS_CPUTIME_ID);
            const auto read = decode_block(*from_hex(to_hex(raw)));
            ASSERT(read && disk->accept(*read, block.header.time));
            ours.push_back(cpu_ms(CLOCK_PROCESS_CPUTIME_ID) - start);
            start = cpu_ms(of_node);
            ASSERT(node.ask(request).find("\"result\":null") != std::string::npos);
            theirs.push_back(cpu_ms(of_node) - start);
            ASSERT(chain.submit_block(raw, block.header.time));  // what the next ones are made on
            ratios.push_back(ours.back() / theirs.back());
        }
    }
    std::filesystem::remove_all(name);
    fmt::print("{{\"txs\":{},\"embedded_block_cpu_ms\":{:.2f},\"node_block_cpu_ms\":{:.2f},\"embedded_of_node\":{:.3f}}}\n", kTxs, bench::median(ours),
               bench::median(theirs), bench::median(ratios));
    return 0;
}
