// What is said about the figures must follow from them: numbers, ratios, verdicts, medians.
#include <doctest/doctest.h>

#include "tests/bench/medians.hpp"
#include "tests/bench/table.hpp"
#include "tests/bench/table_rows.hpp"

using namespace bench;
using nlohmann::json;

namespace {
json with_heading(json results) {
    results["machine"] = {
        {"cpu", "a CPU"}, {"cores", 2}, {"memory_gb", 4}, {"kernel", "Linux"}, {"disk", "ext4 on disk"}};
    results["versions"] = {{"commit", "abc"}};
    results["quick"] = false;
    return results;
}
}  // namespace

TEST_CASE("bench table: a text takes numbers, ratios, factors and lists from the results") {
    const json results = {{"a", {{"b", 1234.5}, {"c", 0.5}, {"d", 6'500'000}}}, {"n", {{"1", 2.04}, {"8", 150.4}}}};
    CHECK(fill_in("{/a/b}/s", results) == "1,234/s");
    CHECK(fill_in("{/a/d} and {/a/c}", results) == "6.5 M and 0.50");
    CHECK(fill_in("{2*/a/c|/n/1}", results) == "0.49");
    CHECK(fill_in("{/n/[1,8]} µs", results) == "2.0 / 150 µs");
    CHECK(fill_in("no figure", results) == "no figure");
    const json run = {{"r", {{"p50_ms", 1.25}, {"p99_ms", 9.96}, {"p999_ms", 12.0}, {"max_ms", 99.96}}}};
    CHECK(fill_in("{~/r}", run) == "p50 1.2, p99 10.0, p99.9 12.0, max 100 ms");
}

TEST_CASE("bench table: one figure that was not measured leaves the whole text out") {
    const json results = {{"a", 1}, {"zero", 0}};
    CHECK(fill_in("{/a} and {/b}", results).empty());
    CHECK(fill_in("{/a|/b}", results).empty());
    CHECK(fill_in("{/a|/zero}", results).empty());
    CHECK(fill_in("{/a/[1,8]}", results).empty());
}

TEST_CASE("bench table: a target says met or MISSED, and a part that did not run has no row") {
    const std::string good =
        markdown(with_heading({{"iso8583", {{"unpack_ns", 200}, {"pack_ns", 200}, {"together_ns", 400}}}}));
    CHECK(good.find("< 600 ns: met") != std::string::npos);
    CHECK(good.find("./dev bench journal") == std::string::npos);
    const std::string bad =
        markdown(with_heading({{"iso8583", {{"unpack_ns", 200}, {"pack_ns", 200}, {"together_ns", 601}}}}));
    CHECK(bad.find("< 600 ns: MISSED") != std::string::npos);
}

TEST_CASE("bench table: a growth row is made for each size, against the smallest") {
    json sizes;
    for (const auto& [entries, mb] : {std::pair{"10000", 100.0}, std::pair{"100000", 150.0}})
        sizes[entries] = {{"entries", std::stoi(entries)},
                          {"memory_mb", {{"total", mb}, {"switch", 1}, {"auditor", 2}, {"settle", 3}}}};
    const std::string text = markdown(with_heading({{"growth", {{"sizes", sizes}}}}));
    CHECK(text.find("100 MB: switch 1.0, auditor 2.0, settle 3.0 |  | 1.0 |") != std::string::npos);
    CHECK(text.find("150 MB: switch 1.0, auditor 2.0, settle 3.0 |  | 1.5 |") != std::string::npos);
}

TEST_CASE("bench: the median of runs is taken number by number") {
    const std::vector<json> runs = {{{"p", 3}, {"cpu", {{"gate", 1.0}}}},
                                    {{"p", 1}, {"cpu", {{"gate", 9.0}}}},
                                    {{"p", 2}, {"cpu", {{"gate", 5.0}}}}};
    const json middle = medians(runs);
    CHECK(middle["p"] == 2);
    CHECK(middle["cpu"]["gate"] == 5.0);
    CHECK(median({}) == 0);
}
