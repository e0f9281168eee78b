// A box that is behind: its vault stands still, so nothing is decided. New payments are refused at the gate within moments, and what
// ends a payment waits for the switch.
#include <doctest/doctest.h>
#include <signal.h>


#include "tests/story/till.hpp"

using namespace story;

TEST_CASE("story: where the switch is behind, new payments are refused at once and without a MAC; a reversal is not") {
    tell("a box that is behind sheds new payments, and nothing else");
    Box box("overload");
    constexpr int kWaitMax_ms = 200;
    box.wait_at_most(kWaitMax_ms);
    box.init();
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    Ready waiting(box, 1), shed(box, 2), other(box, 3);
    const auto sale = other.sale(700);
    REQUIRE(other.say(other.purchase(sale)) == "00");

    const pid_t vault = box.pid_of("vault");
    ::kill(vault, SIGSTOP);
    waiting.send_raw(waiting.purchase(waiting.sale(100)).view());
    Heard refused;
    std::size_t sent = 0;
    // The first ones wait as the other does; as soon as that has waited too long, they are answered.
    const bool answered = eventually(4, [&] {
        shed.send_raw(shed.purchase(shed.sale(100)).view());
        ++sent;
        refused = shed.hear(kWaitMax_ms / 10);
        return refused.kind == Heard::Kind::answer;
    });
    other.send_raw(other.reversal(sale).view());
    const Heard nothing = waiting.hear(50);
    ::kill(vault, SIGCONT);
    REQUIRE(answered);
    CHECK(refused == "96");
    CHECK_FALSE(refused.has_mac);
    CHECK(refused.mti == "0210");
    CHECK(nothing.kind == Heard::Kind::nothing);
    CHECK(waiting.hear() == "00");
    const Heard taken_back = other.hear();
    CHECK(taken_back == "00");
    CHECK(other.is_from_box(taken_back, other.key));
    CHECK(read_text(box.file("log/giro-gate.log")).find("the switch is behind") != std::string::npos);
    // It comes back by itself.
    Ready later(box, 4);
    CHECK(eventually(20, [&] { return later.buy(100) == "00"; }));
    CHECK(box.journal("payment").size() < 4 + sent);
    CHECK(box.giro({"journal", "verify"}).status == 0);
    box.down();
}
