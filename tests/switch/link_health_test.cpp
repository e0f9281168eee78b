// When a link is up, is doubted, is given up and comes back: what its host answers, and what it leaves unanswered.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>

#include "appliance/giro-switch/link_health.hpp"
#include "switching/network.hpp"

using namespace giro;
using namespace giro::appliance;
using State = LinkHealth::State;

namespace {
constexpr std::uint64_t kMs = 1'000'000, kStart = 1'000'000 * kMs;
const FixedText<10> kMoment("1123074500");

struct Host {
    static config::Config made(const std::function<void(config::Link&)>& change) {
        config::Config config;
        config.links.resize(2);
        config.links[1].number = 1;
        config.links[1].sign_on = false;
        config.links[1].echo_ms = 0;
        change(config.links[0]);
        return config;
    }
    config::Config config;
    LinkHealth health;
    std::uint64_t now_ns = kStart;
    std::uint64_t payment = 0;
    std::vector<LinkHealth::Question> asked;

    explicit Host(const std::function<void(config::Link&)>& change = [](config::Link&) {}) : config(made(change)), health(config) {}
    void connect(std::uint16_t link = 0) { health.connected(link, 1, now_ns); }
    // What the switch does every tick: asks when it is due.
    void wait(std::uint64_t ms) {
        for (const std::uint64_t end = now_ns + ms * kMs; now_ns < end;) {
            now_ns += 10 * kMs;
            tick();
        }
    }
    void tick() {
        if (const auto code = health.due(0, now_ns)) asked.push_back(health.asking(0, *code, kMoment, now_ns));
    }
    bool answer(const char* code = "00") { return answer(asked.back(), code); }
    bool answer(const LinkHealth::Question& to, const char* code = "00") {
        PaymentRequest r;
        r.mti = 0x0810;
        r.stan = to.stan;
        r.transmission_time = to.transmission;
        r.network_code = to.code;
        r.response_code = ResponseCode(code);
        health.heard(0, now_ns);
        return health.network_answered(r, now_ns);
    }
    void sign_on() {
        connect();
        tick();
        REQUIRE(asked.size() == 1);
        REQUIRE(answer());
        asked.clear();
    }
    std::string ask(std::uint16_t code) {
        PaymentRequest r;
        r.mti = 0x0800;
        r.network_code = code;
        health.heard(0, now_ns);
        return health.asked(r, now_ns).str();
    }
    std::uint64_t pay() {
        health.sent(0, ++payment, now_ns);
        return payment;
    }
    [[nodiscard]] State state() const { return health.state(0); }
};
}  // namespace

TEST_CASE("link health: a link is up when its host has answered the sign-on") {
    Host h;
    CHECK(h.state() == State::no_line);
    h.tick();
    CHECK(h.asked.empty());
    h.connect();
    CHECK(h.state() == State::signing_on);
    CHECK_FALSE(h.health.signed_on(0));
    h.tick();
    REQUIRE(h.asked.size() == 1);
    CHECK(h.asked[0].code == switching::kSignOn);
    CHECK(h.asked[0].stan == 1);
    h.tick();
    CHECK(h.asked.size() == 1);
    CHECK(h.answer());
    CHECK(h.state() == State::up);
    CHECK(h.health.signed_on(0));
    CHECK(h.health.figures(0).sign_ons == 1);
    CHECK_FALSE(h.answer());  // a second time it answers nothing
}

TEST_CASE("link health: a sign-on without an answer, or refused, is asked again after five seconds") {
    Host h;
    h.connect();
    h.tick();
    h.wait(4'990);
    CHECK(h.asked.size() == 1);
    h.wait(20);
    CHECK(h.asked.size() == 2);
    CHECK_FALSE(h.answer(h.asked[0]));  // of the one before
    CHECK(h.answer("58"));
    CHECK(h.state() == State::signing_on);
    CHECK(h.health.figures(0).refused.view() == "58");
    h.wait(4'900);
    CHECK(h.asked.size() == 2);
    h.wait(200);
    REQUIRE(h.asked.size() == 3);
    CHECK(h.answer());
    CHECK(h.state() == State::up);
    CHECK(h.health.figures(0).refused.empty());
}

TEST_CASE("link health: a line that comes and goes is signed on to once a second") {
    Host h;
    for (int i = 0; i < 10; ++i) {
        h.health.connected(0, 1, h.now_ns);
        h.wait(100);
        h.health.connected(0, 0, h.now_ns);
        CHECK(h.state() == State::no_line);
        h.wait(100);
    }
    CHECK(h.asked.size() == 2);
}

TEST_CASE("link health: one of several connections may go; when the last has gone all begins anew") {
    Host h;
    h.sign_on();
    h.health.connected(0, 2, h.now_ns);
    h.health.connected(0, 1, h.now_ns);
    CHECK(h.state() == State::up);
    h.health.connected(0, 0, h.now_ns);
    CHECK(h.state() == State::no_line);
    h.wait(1'500);
    h.connect();
    CHECK(h.state() == State::signing_on);
    h.tick();
    CHECK(h.answer());
    CHECK(h.state() == State::up);
}

TEST_CASE("link health: without sign-on and echo a link is up with its connection, whatever stays unanswered") {
    Host h;
    h.connect(1);
    CHECK(h.health.up(1));
    for (std::uint64_t p = 1; p <= 50; ++p) {
        h.health.sent(1, p, h.now_ns);
        h.health.unanswered(p, h.now_ns);
        CHECK_FALSE(h.health.due(1, h.now_ns + p * 10'000 * kMs));
    }
    CHECK(h.health.up(1));
    CHECK(h.health.figures(1).unanswered == 50);
    h.health.connected(1, 0, h.now_ns);
    CHECK(h.health.state(1) == State::no_line);
    h.health.connected(9, 1, h.now_ns);  // there is no such link
    CHECK(h.health.state(9) == State::no_line);
    CHECK_FALSE(h.health.busy(9));
    CHECK_FALSE(h.health.due(9, h.now_ns));
}

TEST_CASE("link health: an echo goes out after echo_ms of silence, and any word of the host ends a silence") {
    Host h;
    h.sign_on();
    h.wait(9'900);
    CHECK(h.asked.empty());
    h.health.heard(0, h.now_ns);
    h.wait(9'900);
    CHECK(h.asked.empty());
    h.wait(100);
    REQUIRE(h.asked.size() == 1);
    CHECK(h.asked[0].code == switching::kEcho);
    h.now_ns += 7 * kMs;
    CHECK(h.answer());
    CHECK(h.health.figures(0).echo_ns == 7 * kMs);
    CHECK(h.state() == State::up);
}

// Hysteresis: what is answered (+) and what is not (-), one after the other, and what the link is after each.
TEST_CASE("link health: three unanswered in a row take a link down, two answers in a row bring it back") {
    struct Row {
        const char *events, *states;  // u up, F failing
    };
    constexpr Row kRows[] = {{"---", "uuF"},       {"--+--", "uuuuu"},   {"--+---", "uuuuuF"},     {"---+", "uuFF"},
                             {"---++", "uuFFu"},   {"---+-+", "uuFFFF"}, {"---+-++", "uuFFFFu"}, {"---++---", "uuFFuuuF"},
                             {"---++--+", "uuFFuuuu"}};
    for (const bool by_echo : {true, false}) {
        for (const Row& row : kRows) {
            CAPTURE(by_echo);
            CAPTURE(row.events);
            Host h;
            h.sign_on();
            std::string states;
            for (std::size_t i = 0; i < std::strlen(row.events); ++i) {
                const char event = row.events[i];
                if (by_echo) {
                    const std::uint64_t waiting = h.pay();  // makes it doubt after echo_timeout_ms
                    while (h.asked.size() <= i) h.wait(10);
                    h.health.given_up(waiting);
                    if (event == '+') h.answer(h.asked[i]);
                    else h.wait(h.config.links[0].echo_timeout_ms);
                } else {
                    const std::uint64_t payment = h.pay();
                    if (event == '+') h.health.heard(0, h.now_ns), h.health.answered(payment, h.now_ns);
                    else h.health.unanswered(payment, h.now_ns);
                }
                states += h.state() == State::up ? 'u' : h.state() == State::failing ? 'F' : '?';
            }
            CHECK(states == row.states);
        }
    }
}

TEST_CASE("link health: a host that stops is known within two seconds of the first payment, and signed on all the while") {
    Host h;
    h.sign_on();
    h.wait(3'000);
    const std::uint64_t began = h.now_ns;
    h.pay();
    while (h.state() == State::up) h.wait(10);
    CHECK(h.now_ns - began <= 1'700 * kMs);
    CHECK(h.health.signed_on(0));  // its session keys stay
    CHECK(h.asked.size() >= 3);
    CHECK(h.health.figures(0).failures == 1);
    h.wait(60'000);
    CHECK(h.state() == State::failing);
}

TEST_CASE("link health: a host that is slow to echo is not dead while it says anything") {
    Host h;
    h.sign_on();
    for (int i = 0; i < 100; ++i) {
        h.pay();
        h.wait(300);
        h.health.heard(0, h.now_ns);
    }
    CHECK(h.state() == State::up);
}

TEST_CASE("link health: what went out before a link was last up says nothing of it now") {
    Host h;
    h.sign_on();
    for (int i = 0; i < 10; ++i) h.pay();
    h.health.connected(0, 0, h.now_ns);
    h.wait(2'000);
    h.asked.clear();
    h.sign_on();
    for (std::uint64_t p = 1; p <= 10; ++p) h.health.unanswered(p, h.now_ns);
    CHECK(h.state() == State::up);
    CHECK(h.health.figures(0).unanswered == 10);
}

TEST_CASE("link health: a host signs itself off and on, cuts over and echoes; what else it asks is refused") {
    Host h;
    h.sign_on();
    CHECK(h.ask(switching::kEcho) == "00");
    CHECK(h.ask(switching::kCutOver) == "00");
    CHECK(h.health.figures(0).cut_overs == 1);
    CHECK(h.ask(switching::kKeyExchange) == "12");
    CHECK(h.state() == State::up);
    CHECK(h.ask(switching::kSignOff) == "00");
    CHECK(h.state() == State::signed_off);
    CHECK_FALSE(h.health.signed_on(0));
    h.wait(60'000);
    CHECK(h.asked.empty());
    CHECK(h.ask(switching::kSignOn) == "00");
    CHECK(h.state() == State::up);
    CHECK(h.ask(switching::kSignOff) == "00");
    h.health.connected(0, 0, h.now_ns);
    h.connect();
    CHECK(h.state() == State::signing_on);
    CHECK(h.ask(switching::kSignOn) == "00");  // it was first
    CHECK(h.state() == State::up);
}

TEST_CASE("link health: in_flight_max payments make a link busy until one of them is answered or given up") {
    Host h([](config::Link& link) { link.in_flight_max = 3; });
    h.sign_on();
    const std::uint64_t first = h.pay();
    h.pay();
    CHECK_FALSE(h.health.busy(0));
    h.pay();
    CHECK(h.health.busy(0));
    h.health.sent(0, first, h.now_ns);  // the same one
    CHECK(h.health.figures(0).in_flight == 3);
    h.health.answered(first, h.now_ns);
    CHECK_FALSE(h.health.busy(0));
    h.health.answered(first, h.now_ns);
    CHECK(h.health.figures(0).in_flight == 2);
    h.pay();
    CHECK(h.health.busy(0));
    h.health.given_up(h.payment);
    CHECK_FALSE(h.health.busy(0));
    h.health.connected(0, 0, h.now_ns);
    CHECK(h.health.figures(0).in_flight == 2);  // they wait on
    h.health.keep([](std::uint64_t payment) { return payment == 2; });
    CHECK(h.health.figures(0).in_flight == 1);
}

TEST_CASE("link health: a link that is taken down lets its payments end, signs off, and stays down until it is brought up") {
    Host h;
    h.sign_on();
    const auto first = h.pay(), second = h.pay();
    h.health.take_down(0, h.now_ns);
    CHECK(h.state() == State::signing_off);
    CHECK(h.health.signed_on(0));  // its keys are good still
    h.wait(3'000);
    CHECK(h.asked.empty());  // two wait for their answer
    h.health.answered(first, h.now_ns);
    h.tick();
    CHECK(h.asked.empty());
    h.health.unanswered(second, h.now_ns);
    h.tick();
    REQUIRE(h.asked.size() == 1);
    CHECK(h.asked[0].code == switching::kSignOff);
    h.tick();
    CHECK(h.asked.size() == 1);
    CHECK(h.answer());
    CHECK(h.state() == State::taken_down);
    CHECK_FALSE(h.health.signed_on(0));
    h.wait(30'000);
    CHECK(h.asked.size() == 1);  // no echo, no sign-on
    CHECK(h.ask(switching::kSignOn) == "91");
    CHECK(h.ask(switching::kSignOff) == "00");
    CHECK(h.ask(switching::kEcho) == "00");
    CHECK(h.state() == State::taken_down);
    h.health.connected(0, 0, h.now_ns);
    h.connect();
    CHECK(h.state() == State::taken_down);
    h.health.take_down(0, h.now_ns);  // again
    h.health.bring_up(0, h.now_ns);
    CHECK(h.state() == State::signing_on);
    h.tick();
    CHECK(h.asked.back().code == switching::kSignOn);
    CHECK(h.answer());
    CHECK(h.state() == State::up);
    h.health.bring_up(0, h.now_ns);  // again
    CHECK(h.state() == State::up);
}

TEST_CASE("link health: a host that does not answer the sign-off, or refuses it, keeps no link up") {
    Host silent;
    silent.sign_on();
    silent.health.take_down(0, silent.now_ns);
    silent.tick();
    silent.wait(1'980);
    CHECK(silent.state() == State::signing_off);
    silent.wait(20);
    CHECK(silent.state() == State::taken_down);
    CHECK(silent.asked.size() == 1);
    CHECK_FALSE(silent.answer());  // too late
    Host refuses;
    refuses.sign_on();
    refuses.health.take_down(0, refuses.now_ns);
    refuses.tick();
    CHECK(refuses.answer("58"));
    CHECK(refuses.state() == State::taken_down);
    CHECK(refuses.health.figures(0).refused.empty());
}

TEST_CASE("link health: what is not signed on is taken down at once, and what has no sign-on once nothing waits there") {
    Host h;
    h.health.take_down(0, h.now_ns);
    CHECK(h.state() == State::taken_down);
    h.health.bring_up(0, h.now_ns);
    CHECK(h.state() == State::no_line);
    h.connect();
    h.health.take_down(0, h.now_ns);
    CHECK(h.state() == State::taken_down);
    h.health.bring_up(0, h.now_ns);
    h.tick();
    REQUIRE(h.answer());
    REQUIRE(h.ask(switching::kSignOff) == "00");
    h.health.take_down(0, h.now_ns);  // its host is signed off
    CHECK(h.state() == State::taken_down);
    h.health.connected(1, 1, h.now_ns);
    h.health.sent(1, 77, h.now_ns);
    h.health.take_down(1, h.now_ns);
    CHECK_FALSE(h.health.due(1, h.now_ns));
    CHECK(h.health.state(1) == State::signing_off);
    h.health.answered(77, h.now_ns);
    CHECK_FALSE(h.health.due(1, h.now_ns));
    CHECK(h.health.state(1) == State::taken_down);
    h.health.bring_up(1, h.now_ns);
    CHECK(h.health.up(1));
    h.health.take_down(9, h.now_ns);  // there is no such link
    h.health.bring_up(9, h.now_ns);
}

TEST_CASE("link health: a sign-on that is on its way when the link is taken down is taken back") {
    Host h;
    h.connect();
    h.tick();
    const auto sign_on = h.asked.back();
    h.health.take_down(0, h.now_ns);
    CHECK(h.state() == State::signing_off);
    CHECK_FALSE(h.answer(sign_on));
    h.tick();
    CHECK(h.asked.back().code == switching::kSignOff);
    CHECK(h.answer());
    CHECK(h.state() == State::taken_down);
}

TEST_CASE("link health: a sign-off waits for what is owed and under way, but not for long") {
    Host h;
    h.sign_on();
    h.health.take_down(0, h.now_ns);
    CHECK_FALSE(h.health.due(0, h.now_ns, 3));
    CHECK(h.health.due(0, h.now_ns, 0) == switching::kSignOff);
    CHECK_FALSE(h.health.due(0, h.now_ns + LinkHealth::kSignOffWait_ns - 1, 3));
    CHECK(h.health.due(0, h.now_ns + LinkHealth::kSignOffWait_ns, 3) == switching::kSignOff);
}

TEST_CASE("link health: a line that is cut while it is signed off from is down, and a link brought up again meanwhile signs on") {
    Host cut;
    cut.sign_on();
    cut.health.take_down(0, cut.now_ns);
    cut.health.connected(0, 0, cut.now_ns);
    CHECK(cut.state() == State::taken_down);
    Host h;
    h.sign_on();
    h.health.take_down(0, h.now_ns);
    h.tick();
    h.health.bring_up(0, h.now_ns);
    CHECK(h.state() == State::signing_on);
    CHECK_FALSE(h.answer());  // to the sign-off
    CHECK(h.state() == State::signing_on);
    h.wait(1'000);
    CHECK(h.asked.back().code == switching::kSignOn);
    CHECK(h.answer());
    CHECK(h.state() == State::up);
}
