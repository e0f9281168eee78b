// giro-chain's node on disk, and what the first block pays.
#include <doctest/doctest.h>

#include <filesystem>

#include "appliance/giro-chain/node.hpp"
#include "support.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::chain;
using appliance::Node;

namespace {
struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-node-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
};
}  // namespace

TEST_CASE("node: accepted blocks are in chain.db and in blocks.dat, through a restart") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    const Folder folder;
    const auto open = [&] {
        return Node::open(folder.path / "chain" / "chain.db", folder.path / "blocks.dat", recorded.params);
    };
    {
        auto node = open();
        REQUIRE(node);
        for (std::size_t i = 0; i < 5; ++i) {
            REQUIRE(node->accept(*decode_block(recorded.blocks[i]), recorded.recorded_at));
            CHECK(*read_file(folder.path / "blocks.dat") == export_blocks(node->chain()));
        }
        const auto refused = node->accept(*decode_block(recorded.blocks[7]), recorded.recorded_at);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == Failure::Kind::refused);
        CHECK(refused.error().what == "prev-blk-not-found");
        CHECK_FALSE(open());  // a second one on the same files
    }
    std::filesystem::remove(folder.path / "blocks.dat");  // only a copy
    auto node = open();
    REQUIRE(node);
    CHECK(node->chain().tip().height == 5);
    CHECK(load_block_file(*read_file(folder.path / "blocks.dat"), recorded.params)->tip().height == 5);
}

TEST_CASE("block file: it follows a reorganisation") {
    if (test::recorded_chain() == nullptr) return;
    const auto& recorded = *test::recorded_chain();
    const Folder folder;
    // Height 103 twice: the recorded verdicts hold several valid blocks on top of 102.
    ChainState chain = test::replay_recorded();
    std::vector<Buffer> valid;
    for (const auto& judged : recorded.verdicts)
        if (judged.accepted && judged.name.starts_with("VALID")) valid.push_back(judged.block);
    REQUIRE(valid.size() >= 2);
    REQUIRE(chain.submit_block(valid[0], recorded.recorded_at));
    auto file = BlockFile::open(folder.path / "blocks.dat", chain);
    REQUIRE(file);
    REQUIRE(file->follow(chain));
    CHECK_FALSE(chain.submit_block(valid[1], recorded.recorded_at)->best);
    Block next = build_block(BlockTemplate{
        block_hash(decode_block(valid[1])->header), 104, chain.tip().time + 1, kBitsLimit, {{1, {kOp1}}}, {}, {}});
    test::sign_block(next, std::span(recorded.signers).first(2), recorded.witness_script);
    test::grind_block(next);
    const auto taken = chain.submit_block(encode_block(next), recorded.recorded_at);
    REQUIRE(taken);
    CHECK(taken->reorganised);
    REQUIRE(file->follow(chain));
    CHECK(*read_file(folder.path / "blocks.dat") == export_blocks(chain));
}

TEST_CASE("node: the first block pays every bank its backing and the issuer the rest") {
    vault::Bundle bundle;
    bundle.issuer.script = {kOp1};
    bundle.participants = {{1, "alpha", {}}, {2, "beta", {}}};
    bundle.participants[0].settlement.script = {kOp1, kOp1};
    bundle.participants[1].settlement.script = {kOp1, kOp16};
    config::Config config;
    config.participants = {{1, "alpha", {}, 1'000}, {2, "beta", {}, 2'000}};
    const auto outputs = appliance::first_outputs(config, bundle);
    REQUIRE(outputs);
    REQUIRE(outputs->size() == 3);
    CHECK((*outputs)[1] == TxOut{2'000, {kOp1, kOp16}});
    CHECK((*outputs)[2] == TxOut{50 * kCoin - 3'000, {kOp1}});
    config.participants[0].backing = 0;
    CHECK(appliance::first_outputs(config, bundle)->size() == 2);
    config.participants[0].backing = 50 * kCoin;
    CHECK(appliance::first_outputs(config, bundle).error().kind == Failure::Kind::config);
    config.participants[0].id = 9;
    CHECK(appliance::first_outputs(config, bundle).error().kind == Failure::Kind::config);
}
