#include "appliance/giro/pos_histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "appliance/giro/pos_report.hpp"

using giro::pos::Histogram;

TEST_CASE("histogram: every bucket begins where the one before it ends") {
    for (std::size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
        const std::uint64_t last = Histogram::highest_in(i);
        CHECK(Histogram::bucket_of(last) == i);
        CHECK(Histogram::bucket_of(last + 1) == i + 1);
    }
    CHECK(Histogram::highest_in(Histogram::kBuckets - 1) == Histogram::kValueMax);
}

TEST_CASE("histogram: percentiles of random values are within one part in 128 of the sorted list's") {
    std::mt19937_64 random(7);
    std::vector<std::uint64_t> values;
    auto histogram = std::make_unique<Histogram>();
    for (int i = 0; i < 20'000; ++i) {
        values.push_back(random() % (std::uint64_t{1} << (1 + random() % 38)));
        histogram->record(values.back());
    }
    std::ranges::sort(values);
    for (const double fraction : {0.5, 0.9, 0.99, 0.999, 1.0}) {
        const std::uint64_t exact = values[static_cast<std::size_t>(fraction * static_cast<double>(values.size()) + 0.5) - 1];
        const std::uint64_t shown = histogram->percentile(fraction);
        CHECK(shown >= exact);
        CHECK(shown <= exact + exact / 128 + 1);
    }
    CHECK(histogram->max() == values.back());
    CHECK(histogram->count() == values.size());
}

TEST_CASE("histogram: empty gives zero, and a value over the range counts in the last bucket with its true maximum") {
    auto histogram = std::make_unique<Histogram>();
    CHECK(histogram->percentile(0.99) == 0);
    histogram->record(~std::uint64_t{0});
    CHECK(histogram->max() == ~std::uint64_t{0});
    CHECK(histogram->percentile(0.5) == Histogram::kValueMax);
}

TEST_CASE("histogram: coarser steps hold all values, each where it belongs") {
    auto histogram = std::make_unique<Histogram>();
    for (const std::uint64_t value : {0U, 1U, 127U, 128U, 255U, 256U, 1'000'000U}) histogram->record(value);
    for (const unsigned in_a_power : {1U, 8U, 128U}) {
        std::uint64_t count = 0, before = 0;
        for (const auto& step : histogram->steps(in_a_power)) {
            CHECK((count == 0 || step.highest > before));
            before = step.highest;
            count += step.count;
        }
        CHECK(count == 7);
        CHECK(before >= 1'000'000);
    }
    const auto powers = histogram->steps(1);
    REQUIRE(powers.size() == 4);
    CHECK(powers[0].highest == 127);
    CHECK(powers[0].count == 3);
    CHECK(powers[1].highest == 255);
    CHECK(powers[1].count == 2);
    CHECK(powers[2].highest == 511);
    CHECK(powers[3].highest == (1U << 20) - 1);
}

TEST_CASE("report: a wrong MAC, a foreign answer or a repeat answered otherwise makes a run unsound") {
    auto report = std::make_unique<giro::pos::Report>();
    CHECK(report->sound());
    report->duplicates = 2;
    report->duplicates_same_answer = 1;
    CHECK_FALSE(report->sound());
    report->duplicates_same_answer = 2;
    report->by_code["51"] = 3;
    CHECK(report->sound());
    CHECK(to_json(*report).find("\"by_code\":{\"51\":3}") != std::string::npos);
    CHECK(to_text(*report).find("not enough money") != std::string::npos);
    report->mismatches = 1;
    CHECK_FALSE(report->sound());
}
