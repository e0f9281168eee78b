// The product's one thread beside its loop, with a real grinder: what it found, what was stopped, what was left behind.
// The one of these tests that ThreadSanitizer is for: ./dev test --tsan.
#include <doctest/doctest.h>

#include <optional>

#include "appliance/giro-chain/grind_worker.hpp"

using namespace giro;
using appliance::GrindWorker;
using chain::BlockHeader;
using chain::GrindResult;

namespace {
// At signet's floor; its first good nonce is 1,783.
BlockHeader easy_header() {
    BlockHeader header;
    header.time = 1'700'001'216;
    header.bits = 0x1e0377ae;
    return header;
}
// 2^32 hashes on average, and no nonce of this one comes early.
BlockHeader hard_header() {
    BlockHeader header = easy_header();
    header.bits = 0x1d00ffff;
    return header;
}

struct Miner {
    bus::Loop loop;
    std::optional<GrindResult> result;
    int jobs = 0;
    GrindWorker worker{loop, [this](const GrindResult& r) {
                           result = r;
                           ++jobs;
                           loop.stop();
                       }};
    GrindResult run() {
        result.reset();
        loop.run();
        REQUIRE(result);
        return *result;
    }
};
}  // namespace

TEST_CASE("grind worker: a job ends once, on the loop, with what it found; and the next one likewise") {
    Miner miner;
    for (int job = 1; job <= 3; ++job) {
        miner.worker.start(easy_header());
        const GrindResult found = miner.run();
        CHECK(found.end == GrindResult::End::found);
        CHECK(found.nonce == 1'783);
        CHECK(miner.jobs == job);
    }
}

TEST_CASE("grind worker: a job that is stopped ends soon and says so; the next one is not stopped") {
    Miner miner;
    miner.worker.start(hard_header());
    miner.worker.stop();
    CHECK(miner.run().end == GrindResult::End::stopped);
    miner.worker.start(easy_header());
    CHECK(miner.run().end == GrindResult::End::found);
    CHECK(miner.jobs == 2);
}

TEST_CASE("grind worker: who goes in the middle of a job takes it along, unheard") {
    int heard = 0;
    bus::Loop loop;
    {
        GrindWorker worker(loop, [&](const GrindResult&) { ++heard; });
        worker.start(hard_header());
    }
    CHECK(heard == 0);
}
