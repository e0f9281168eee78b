// Each fuzz target over its own seeds, their cuts and flipped bits, and the inputs kept in corpus/<target>/. Built by
// any compiler: what the fuzzers found once cannot come back unseen.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "tests/fuzz/targets.hpp"
#include "util/file.hpp"
#include "util/log.hpp"

using namespace giro;

namespace {
std::vector<std::filesystem::path> corpus_of(const fuzz::Target& target) {
    std::vector<std::filesystem::path> files;
    const auto folder = std::filesystem::path(GIRO_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
    if (!std::filesystem::exists(folder)) return files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

// Every cut, then every flipped bit, of every seed; every nth of them where they are more than tries_max.
void cut_and_flip(const fuzz::Target& target, const fuzz::Seeds& seeds) {
    std::size_t all = 0;
    for (const Buffer& seed : seeds) all += 9 * seed.size();
    const std::size_t step = all / target.tries_max + 1;
    std::size_t number = 0;
    for (const Buffer& seed : seeds) {
        for (std::size_t size = 0; size < seed.size(); ++size)
            if (number++ % step == 0) target.run(Bytes(seed).first(size));
        Buffer flipped = seed;
        for (std::size_t bit = 0; bit < 8 * seed.size(); ++bit) {
            if (number++ % step != 0) continue;
            flipped[bit / 8] ^= std::byte{1} << (bit % 8);
            target.run(flipped);
            flipped[bit / 8] = seed[bit / 8];
        }
    }
}

void replay(const fuzz::Target& target) {
    log::set_level(log::Level::error);
    const auto seeds = target.seeds();
    CHECK(!seeds.empty());
    for (const Buffer& seed : seeds) target.run(seed);
    for (const auto& file : corpus_of(target)) {
        const auto input = read_file(file);
        REQUIRE(input);
        target.run(*input);
    }
    cut_and_flip(target, seeds);
}
}  // namespace

#define GIRO_FUZZ_CASE(name, tries_max, reads)                                               \
    TEST_CASE("fuzz " #name ": " reads ", whole, cut and flipped, is read or refused") {     \
        replay(fuzz::Target{#name, reads, fuzz::run_##name, fuzz::seeds_##name, tries_max}); \
    }
GIRO_FUZZ_TARGETS(GIRO_FUZZ_CASE)

TEST_CASE("fuzz: a folder of the corpus belongs to a target") {
    for (const auto& entry : std::filesystem::directory_iterator(GIRO_SOURCE_DIR "/tests/fuzz/corpus"))
        CHECK(std::ranges::find(fuzz::targets(), entry.path().filename().string(), &fuzz::Target::name) !=
              fuzz::targets().end());
}
