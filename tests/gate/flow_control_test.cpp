#include "appliance/giro-gate/flow_control.hpp"

#include <doctest/doctest.h>

#include "appliance/giro-gate/issuer_link.hpp"

using namespace giro::gate;

TEST_CASE("flow: when the switch owes too many answers each connection may have one, until half of them came") {
    FlowControl flow(5'000, 10);
    for (int i = 0; i < 9; ++i) flow.sent(0);
    CHECK(flow.share() == kInFlightPerTerminalMax);
    flow.sent(0);
    CHECK(flow.share() == 1);
    CHECK_FALSE(flow.holds());
    flow.settled(4);
    CHECK(flow.share() == 1);
    flow.settled(1);
    CHECK(flow.share() == kInFlightPerTerminalMax);
    CHECK(flow.in_flight() == 5);
}

TEST_CASE("flow: silence counts only while an answer is owed") {
    FlowControl flow(5'000);
    flow.tick(100'000);
    CHECK_FALSE(flow.silent());
    flow.sent(100'000);
    flow.tick(104'999);
    CHECK_FALSE(flow.silent());
    flow.tick(105'000);
    CHECK(flow.silent());
}

TEST_CASE("flow: a silent switch gets a few requests a second until it is heard") {
    FlowControl flow(5'000);
    flow.sent(0);
    flow.tick(5'000);
    CHECK_FALSE(flow.holds());
    for (std::uint32_t i = 0; i < kProbesPerTick; ++i) {
        CHECK_FALSE(flow.holds());
        flow.sent(5'000);
    }
    CHECK(flow.holds());
    flow.tick(6'000);
    CHECK_FALSE(flow.holds());
    for (std::uint32_t i = 0; i < kProbesPerTick; ++i) flow.sent(6'000);
    CHECK(flow.holds());
    flow.heard(6'500);
    CHECK_FALSE(flow.holds());
    CHECK_FALSE(flow.silent());
    flow.tick(7'000);
    CHECK_FALSE(flow.silent());
}

TEST_CASE("flow: the pause before reconnecting doubles to its maximum and varies by a quarter") {
    std::uint64_t last = 0;
    for (unsigned failures = 0; failures < 40; ++failures) {
        const std::uint64_t shortest = reconnect_pause_ms(failures, 0);
        CHECK(shortest >= last);
        CHECK(shortest >= kReconnectFirst_ms * 3 / 4);
        for (const std::uint32_t dice : {1U, 77'777U, UINT32_MAX}) {
            CHECK(reconnect_pause_ms(failures, dice) >= shortest);
            CHECK(reconnect_pause_ms(failures, dice) <= kReconnectMax_ms * 5 / 4);
        }
        last = shortest;
    }
    CHECK(last == kReconnectMax_ms * 3 / 4);
}
