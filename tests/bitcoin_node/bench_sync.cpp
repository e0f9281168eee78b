// bench_sync: how long it takes to follow a chain of 10,000 blocks, each validated and written to chain.db and blocks.dat as
// giro-chain does, and to read it again at a start. One JSON line. The target is the simulated world's (tests/sim/os/pow.cpp).
#include <fmt/format.h>

#include <filesystem>

#include "appliance/giro-chain/node.hpp"
#include "chain/pow.hpp"
#include "tests/bench/measure.hpp"
#include "tests/chain/support.hpp"

using namespace giro;
using namespace giro::chain;
using appliance::Node;
using bench::Steady;

namespace {
// With blocks a minute apart the target first changes at 20,160: the simulated world's is too easy to be multiplied.
const ChainParams& params() {
    static const ChainParams made{chain::test::testnet().params.challenge, 60};
    return made;
}

std::vector<Block> make_blocks(std::size_t count) {
    const auto& net = chain::test::testnet();
    const Buffer reward = p2wpkh_script(chain::test::Key::numbered(7).pub());
    ChainState chain(params());
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < count; ++i) {
        Block block = build_block(next_template(chain, reward, chain.tip().time + 60));
        chain::test::sign_block(block, std::span(net.signers).first(2), net.witness_script);
        while (!check_pow(block.header)) ++block.header.nonce;  // two tries; the grinder looks for none that is so easy
        ASSERT(chain.submit_block(encode_block(block), block.header.time));
        blocks.push_back(std::move(block));
    }
    return blocks;
}
}  // namespace

int main() {
    constexpr std::size_t kBlocks = 10'000;
    const std::vector<Block> blocks = make_blocks(kBlocks);
    std::string name = (std::filesystem::temp_directory_path() / "giro-bench-XXXXXX").string();
    ASSERT(mkdtemp(name.data()) != nullptr);
    const std::filesystem::path folder = name;
    const auto open = [&] {
        auto node = Node::open(folder / "chain.db", folder / "blocks.dat", params());
        ASSERT(node);
        return std::move(*node);
    };
    auto start = Steady::now();
    {
        Node node = open();
        for (const Block& block : blocks) ASSERT(node.accept(block, block.header.time));
    }
    const double followed_s = bench::seconds_since(start);
    start = Steady::now();
    ASSERT(open().chain().tip().height == kBlocks);
    const double opened_s = bench::seconds_since(start);
    std::filesystem::remove_all(folder);
    fmt::print("{{\"blocks\":{},\"follow_s\":{:.2f},\"open_s\":{:.2f}}}\n", kBlocks, followed_s, opened_s);
    return 0;
}
