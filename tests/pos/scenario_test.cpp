#include "appliance/giro/pos_scenario.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace giro;
using namespace giro::pos;

TEST_CASE("mix: each hundred payments hold the shares exactly, from any multiple of a hundred") {
    const auto mix = parse_mix("card=57,qr=10,reversal=13,decline=20");
    REQUIRE(mix);
    for (const std::uint64_t from : std::initializer_list<std::uint64_t>{0, 100, 70'000}) {
        std::map<Job, int> seen;
        for (std::uint64_t n = from; n < from + 100; ++n) ++seen[mix->of(n)];
        CHECK(seen == std::map<Job, int>{{Job::card, 57}, {Job::qr, 10}, {Job::reversal, 13}, {Job::decline, 20}});
    }
    CHECK_FALSE(mix->has(Job::link));
}

TEST_CASE("mix: a rare kind does not come in a row") {
    const auto mix = parse_mix("card=90,decline=10");
    REQUIRE(mix);
    int in_a_row = 0;
    for (std::uint64_t n = 1; n < 100; ++n)
        if (mix->of(n) == Job::decline && mix->of(n - 1) == Job::decline) ++in_a_row;
    CHECK(in_a_row == 0);
}

TEST_CASE("mix: unknown kinds, numbers that are none, and sums other than 100 are usage errors") {
    for (const char* text : {"", "cash=100", "card", "card=", "card=x", "card=99", "card=60,qr=60", "card=101", "card=-1"}) {
        const auto mix = parse_mix(text);
        REQUIRE_FALSE(mix);
        CHECK(mix.error().kind == Failure::Kind::config);
    }
}

TEST_CASE("open loop: the n-th payment is meant at n/rate, however late it leaves") {
    CHECK(meant_after_ns(0, 8000) == 0);
    CHECK(meant_after_ns(8000, 8000) == 1'000'000'000);
    CHECK(meant_after_ns(1, 200) == 5'000'000);
    CHECK(payments_in(10, 0.5) == 5);
    CHECK(payments_in(3, 200) == 600);
}

TEST_CASE("addresses and lists are read as people write them") {
    CHECK(parse_address("127.0.0.1:7801")->port == 7801);
    CHECK(parse_address("[::1]:7801")->host == "::1");
    for (const char* text : {"", "7801", ":7801", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x"})
        CHECK_FALSE(parse_address(text));
    CHECK(split_list("970001,,970002,") == std::vector<std::string>{"970001", "970002"});
    CHECK(split_list("").empty());
}
