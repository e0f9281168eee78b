// A link's host through the pipeline: signed on to, echoed, given up and taken back; what it asks by itself.
#include "tests/switch/pipeline_fixture.hpp"

namespace giro::appliance {

namespace {
constexpr const char* kCard = "9700030000000011";  // of the link's host

void watched(config::Config& config) {
    config::Link& link = config.links.at(0);
    link.sign_on = true;
    link.echo_ms = 10'000;
    link.in_flight_max = 4;
}

// A link whose host has been signed on to.
struct Watched : Fixture {
    Watched() : Fixture(watched) {
        link_up();
        REQUIRE(until([&] { return link_frames == 1; }));
        CHECK(to_link_field(70) == "001");
        link_answers_network(1);
        REQUIRE(until([&] { return box.core->link_up(0); }));
        link_frames = 0;
    }
    void wait(std::uint64_t ms) {
        clock.advance_ms(ms);
        pipeline.tick();
    }
    // The next frame to the host, which must be an 0800 of this code.
    void asked(const char* code) {
        REQUIRE(until([&] { return link_frames == 1; }));
        link_frames = 0;
        CHECK(to_link_field(0) == "0800");
        CHECK(to_link_field(70) == code);
    }
    [[nodiscard]] bool up() const { return box.core->link_up(0); }
};
}  // namespace

TEST_CASE("pipeline: nothing goes to a host before it has taken the sign-on, and its MACs are under the base key") {
    Fixture f(watched);
    f.link_up();
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    CHECK(f.to_link_field(70) == "001");
    f.buy(1, 1, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    CHECK(f.box.core->state().all_outstanding().empty());
    f.link_answers_network(1, "05");
    REQUIRE(f.until([&] { return !f.pipeline.link_figures(0).refused.empty(); }));
    CHECK_FALSE(f.box.core->link_up(0));
    f.clock.advance_ms(5'000);
    f.pipeline.tick();
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    f.vault.macs_good = false;
    f.link_answers_network(1);
    REQUIRE(f.until([&] { return f.vault.link_checks.size() == 2; }));
    f.vault.macs_good = true;
    CHECK_FALSE(f.box.core->link_up(0));
    f.link_answers_network(1);
    REQUIRE(f.until([&] { return f.box.core->link_up(0); }));
    CHECK(f.vault.link_macs == std::vector<int>{0, 0});
}

TEST_CASE("pipeline: a peer that sends the box's own messages back is not signed on, and hears nothing") {
    Fixture f(watched);
    f.link_up();
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.link_reflects();
    REQUIRE(f.until([&] { return f.vault.link_checks.size() == 1; }));
    f.buy(1, 1, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    CHECK(f.link_frames == 1);
    CHECK_FALSE(f.box.core->link_up(0));
}

TEST_CASE("pipeline: session keys are agreed on after the sign-on") {
    Fixture f([](config::Config& config) {
        watched(config);
        config.links.at(0).key_ages = {1'000, 0, 30};
    });
    f.link_up();
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    CHECK(f.vault.nonces == 0);
    f.link_answers_network(1);
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    CHECK_FALSE(f.box.core->link_up(0));
    f.link_takes_key();
    REQUIRE(f.until([&] { return f.box.core->link_up(0); }));
}

TEST_CASE("pipeline: echoes without an answer take a link down for new payments; two answers bring it back") {
    Watched f;
    f.wait(10'000);
    f.asked("301");
    f.link_answers_network(301);
    REQUIRE(f.until([&] { return f.pipeline.link_figures(0).echo_ns != 0; }));
    f.wait(10'000);
    f.asked("301");
    for (int i = 0; i < 2; ++i) {
        CHECK(f.up());
        f.wait(400);
        f.asked("301");
    }
    f.wait(400);
    CHECK_FALSE(f.up());
    f.buy(1, 1, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    f.wait(400);
    f.asked("301");
    f.link_answers_network(301);
    REQUIRE(f.until([&] { return f.pipeline.link_figures(0).heard_ns == f.clock.monotonic_ns(); }));
    CHECK_FALSE(f.up());
    f.wait(400);
    f.asked("301");
    f.link_answers_network(301);
    REQUIRE(f.until([&] { return f.up(); }));
    CHECK(f.pipeline.link_figures(0).failures == 1);
}

TEST_CASE("pipeline: payments without an answer take a link down, too") {
    Watched f;
    for (std::uint32_t stan = 1; stan <= 3; ++stan) f.buy(stan, stan, kCard);
    REQUIRE(f.until([&] { return f.link_frames == 3; }));
    f.clock.advance_ms(60'000);
    f.pipeline.tick();
    CHECK_FALSE(f.up());
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.pipeline.link_figures(0).in_flight == 0);
}

TEST_CASE("pipeline: beyond in_flight_max a payment is not sent and heard 91, until one is answered") {
    Watched f;
    for (std::uint32_t stan = 1; stan <= 5; ++stan) f.buy(stan, stan, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 1 && f.link_frames == 4; }));
    CHECK(f.heard[0].connection == 5);
    CHECK(f.heard[0].code == "91");
    CHECK(f.up());  // what is owed to the host goes on
    CHECK_FALSE(f.box.core->link_takes(0));
    f.link_answers(f.dialects[0], "00");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.box.core->link_takes(0));
    f.buy(6, 6, kCard);
    REQUIRE(f.until([&] { return f.link_frames == 5; }));
}

TEST_CASE("pipeline: a host's own 0800 is answered on its connection, and obeyed with a good MAC alone") {
    Watched f;
    f.vault.macs_good = false;
    const std::size_t checks = f.vault.link_checks.size();
    f.link_asks(2);
    REQUIRE(f.until([&] { return f.vault.link_checks.size() == checks + 1; }));
    f.vault.macs_good = true;
    struct Row {
        unsigned asks;
        const char* hears;
        bool up;
    };
    for (const Row& row : {Row{301, "00", true}, Row{201, "00", true}, Row{161, "12", true}, Row{2, "00", false}, Row{1, "00", true}}) {
        CAPTURE(row.asks);
        f.link_frames = 0;
        f.link_asks(row.asks);
        REQUIRE(f.until([&] { return f.link_frames == 1; }));  // the first of these had none
        CHECK(f.to_link_field(0) == "0810");
        CHECK(f.to_link_field(39) == row.hears);
        CHECK(f.to_link_field(11) == "004711");
        CHECK(f.to_connection == 77);
        CHECK(f.up() == row.up);
    }
    CHECK(f.pipeline.link_figures(0).cut_overs == 1);
}

TEST_CASE("pipeline: a link that comes back is signed on to anew") {
    Watched f;
    f.link_up(2);
    f.link_up(1);
    f.link_up(0);
    REQUIRE(f.until([&] { return !f.up(); }));
    CHECK(f.link_frames == 0);
    f.wait(1'000);
    f.link_up();
    f.asked("001");
    CHECK_FALSE(f.up());
    f.link_answers_network(1);
    REQUIRE(f.until([&] { return f.up(); }));
}

TEST_CASE("pipeline: a link whose dialect cannot say a sign-on or an echo stops the start, unless it is to do without") {
    config::Config config = *config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml");
    auto dialects = *iso8583::load_dialects(GIRO_SOURCE_DIR "/firmware-config/dialects", config::dialects_of(config));
    dialects[0].fields[70] = {};
    const auto refused = check_link_network(config, dialects);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what.starts_with("link gamma-host: dialect iso1987-ascii cannot say a sign-on or an echo"));
    Fixture::quiet(config);
    CHECK(check_link_network(config, dialects).has_value());
}

TEST_CASE("pipeline: a link that staff takes down takes nothing new, ends what waits there, and signs off; it signs on when it is brought up") {
    Watched f;
    f.buy(1, 1, kCard);
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.link_frames = 0;
    REQUIRE(f.box.core->set_link({0, true, f.clock.wall_ns(), FixedText<64>("their new release")}));
    f.pipeline.link_set(0);
    CHECK_FALSE(f.up());
    f.buy(2, 2, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    f.wait(20);
    CHECK(f.link_frames == 0);  // one waits for its answer
    f.link_answers(f.dialects[0], "00");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    f.wait(20);
    f.asked("002");
    f.link_answers_network(2);
    REQUIRE(f.until([&] { return f.pipeline.link_figures(0).state == LinkHealth::State::taken_down; }));
    CHECK_FALSE(f.box.core->set_link({0, true, f.clock.wall_ns(), {}}));
    REQUIRE(f.box.core->set_link({0, false, f.clock.wall_ns(), {}}));
    f.pipeline.link_set(0);
    f.wait(1'000);
    f.asked("001");
    f.link_answers_network(1);
    REQUIRE(f.until([&] { return f.up(); }));
}

TEST_CASE("pipeline: a link that staff has taken down is not signed on to after a restart either") {
    Fixture f(watched);
    REQUIRE(f.box.core->set_link({0, true, f.clock.wall_ns(), {}}));
    Pipeline restarted(f.program, *f.box.core, f.journal, *f.client, f.dialects, f.clock, f.random);
    CHECK(restarted.link_figures(0).state == LinkHealth::State::taken_down);
}

TEST_CASE("pipeline: before the gate ends, what waits is answered and the host is signed off from") {
    Watched f;
    f.buy(1, 1, kCard);
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.link_frames = 0;
    f.gate_closes();
    REQUIRE(f.until([&] { return f.said_of_end.size() == 1; }));
    CHECK(f.said_of_end[0] == MessageType::closing);
    f.wait(20);
    f.wait(20);
    CHECK(f.link_frames == 0);
    CHECK_FALSE(f.up());
    f.link_answers(f.dialects[0], "00");
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "00");
    f.wait(20);
    f.asked("002");
    CHECK(f.said_of_end.size() == 1);
    f.link_answers_network(2);
    REQUIRE(f.until([&] { return f.pipeline.link_figures(0).state == LinkHealth::State::taken_down; }));
    f.wait(20);
    REQUIRE(f.until([&] { return f.said_of_end.size() == 2; }));
    CHECK(f.said_of_end[1] == MessageType::closed);
    f.wait(20);
    CHECK(f.said_of_end.size() == 2);
    CHECK(f.box.core->state().links_down().empty());  // it is no decision of staff's
}

TEST_CASE("pipeline: where no host is signed on the gate may end at once; another gate's links are signed on to again") {
    Fixture f(watched);
    f.gate_closes();
    REQUIRE(f.until([&] { return f.said_of_end.size() == 1; }));
    f.pipeline.tick();
    REQUIRE(f.until([&] { return f.said_of_end.size() == 2; }));
    f.link_up();
    REQUIRE(f.until([&] { return f.pipeline.link_figures(0).connections == 1; }));
    f.pipeline.tick();
    CHECK(f.pipeline.link_figures(0).state == LinkHealth::State::taken_down);  // the same gate: it is ending
    bus::Handlers handlers;
    handlers.record = [](bus::PeerId, const bus::Record&) {};
    auto other = bus::Client::connect(f.loop, f.context, f.program.paths.endpoint("switch", bus::caller::kGate), std::move(handlers));
    REQUIRE(other.has_value());
    Buffer body;
    bus::encode(body, bus::LinkState{0, 1});
    (*other)->send({static_cast<std::uint16_t>(MessageType::link_state), Status::ok, 0, body});
    REQUIRE(f.until([&] { return f.pipeline.link_figures(0).state == LinkHealth::State::signing_on; }));
}

TEST_CASE("pipeline: a host's cut-over ends its business day, once a day, and leaves an entry") {
    Watched f;
    f.link_asks(201);
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    const auto day = f.box.core->state().cut_over_day(0);
    REQUIRE(day.has_value());
    const std::uint64_t entries = f.box.core->state().last_seq();
    f.link_asks(201);
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    CHECK(f.box.core->state().last_seq() == entries);
    f.clock.advance_ms(86'400'000);
    f.link_asks(201);
    REQUIRE(f.until([&] { return f.box.core->state().last_seq() > entries; }));
    CHECK(f.box.core->state().cut_over_day(0) == *day + 1);
}

}  // namespace giro::appliance
