#include "appliance/giro-gate/shed_memory.hpp"

#include <doctest/doctest.h>

using namespace giro;
using giro::gate::ShedMemory;

namespace {
PaymentRequest request(std::uint64_t connection, std::uint32_t stan, std::string_view terminal = "T0000001") {
    PaymentRequest r;
    r.connection = connection;
    r.stan = stan;
    r.terminal = TerminalId(terminal);
    r.rrn = Rrn("000000000001");
    return r;
}
}  // namespace

TEST_CASE("shed: what was refused is known by its own connection, until it has been passed on") {
    ShedMemory shed;
    CHECK_FALSE(shed.knows(request(1, 1)));
    shed.note(request(1, 1));
    shed.note(request(1, 1));
    CHECK(shed.knows(request(1, 1)));
    CHECK_FALSE(shed.knows(request(2, 1)));
    CHECK_FALSE(shed.knows(request(1, 2)));
    CHECK_FALSE(shed.knows(request(1, 1, "T0000002")));
    shed.passed(request(1, 1));
    CHECK_FALSE(shed.knows(request(1, 1)));
    shed.note(request(1, 1));  // it came twice: the switch has it
    CHECK_FALSE(shed.knows(request(1, 1)));
}

TEST_CASE(
    "shed: one connection of an acquirer may have very many refused, and nearly all are known; memory does not grow") {
    ShedMemory shed;
    constexpr std::uint32_t kMany = 100'000;
    for (std::uint32_t stan = 1; stan <= kMany; ++stan) shed.note(request(1, stan));
    std::uint32_t known = 0;
    for (std::uint32_t stan = 1; stan <= kMany; ++stan) known += shed.knows(request(1, stan)) ? 1 : 0;
    CHECK(known > kMany - kMany / 20);
    for (std::uint32_t stan = 1; stan <= 10 * kMany; ++stan) shed.note(request(2, stan));
    CHECK_FALSE(shed.knows(request(1, 1)));  // the oldest make room
    CHECK(shed.knows(request(2, 10 * kMany)));
}
