// The pipeline and keys: DUKPT, where each message has its own, session keys of terminals that have served their time, and those
// of links.
#include "tests/switch/pipeline_fixture.hpp"

namespace giro::appliance {

TEST_CASE("pipeline: a DUKPT terminal's MAC is checked under its KSN, and its answer made under the same") {
    Fixture f;
    f.add_dukpt_terminal();
    f.buy_dukpt(1, f.device().with_counter(1));
    f.buy(2);  // one with a session key, in the same batch
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    for (const auto& heard : f.heard) {
        CHECK(heard.code == "00");
        CHECK(heard.has_mac);
    }
    CHECK(f.vault.ksns == std::vector<std::string>{"shop.bdk 222222222222222200000001"});
    CHECK(f.vault.answered_ksns == std::vector<std::string>{"222222222222222200000001"});
}

TEST_CASE("pipeline: under a KSN that was used, the same request gets its answer again, and nothing new is decided") {
    Fixture f;
    f.add_dukpt_terminal();
    f.buy_dukpt(1, f.device().with_counter(1));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    const std::uint64_t decided = f.journal.head().seq;
    f.vault.ksn_verdict = vault::DukptVerdict::again;
    f.buy_dukpt(1, f.device().with_counter(1));
    f.buy_dukpt(1, f.device().with_counter(1), true);  // 0201
    f.buy_dukpt(2, f.device().with_counter(1));        // another sale
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[2].code == "00");
    CHECK(f.heard[3].code == "94");
    CHECK_FALSE(f.heard[3].has_mac);  // no decision
    f.vault.ksn_verdict = vault::DukptVerdict::repeated;
    f.buy_dukpt(1, f.device().with_counter(1));  // the terminal has gone on since
    REQUIRE(f.until([&] { return f.heard.size() == 5; }));
    CHECK(f.heard[4].code == "94");
    CHECK_FALSE(f.heard[4].has_mac);
    CHECK(f.journal.head().seq == decided);
}

TEST_CASE("pipeline: a wrong MAC, no KSN, or another device's KSN is answered 63, and nothing is decided") {
    Fixture f;
    f.add_dukpt_terminal();
    const std::uint64_t before = f.journal.head().seq;
    f.buy_dukpt(1, payment::Ksn::parse(Buffer(12, std::byte{0x23})).value());  // good keys, but of another till's device
    f.buy_dukpt(2, payment::Ksn());
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.vault.ksns.empty());
    f.vault.ksn_verdict = vault::DukptVerdict::bad_mac;
    f.buy_dukpt(3, f.device().with_counter(1));
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    for (const auto& heard : f.heard) {
        CHECK(heard.code == "63");
        CHECK_FALSE(heard.has_mac);
    }
    CHECK(f.journal.head().seq == before);
}

TEST_CASE("pipeline: an issuer's late answer to a DUKPT terminal that has gone on settles it with the gate, without a frame") {
    Fixture f;
    f.add_dukpt_terminal();
    f.link_up();
    f.buy_dukpt(1, f.device().with_counter(1), false, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.vault.ksn_verdict = vault::DukptVerdict::repeated;  // the vault makes no MAC for it any more
    f.clock.advance_ms(60'000);
    f.pipeline.tick();
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "none");
}

TEST_CASE("pipeline: a link with session keys is down until its host has one, and from the last message under one until the next") {
    Fixture f([](config::Config& c) { c.links.at(0).key_ages = {10, 0, 30}; });
    constexpr const char* kCard = "9700030000000011";
    f.link_up();
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.buy(1, 1, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    f.link_takes_key();
    REQUIRE(f.until([&] { return f.box.core->link_up(0); }));
    CHECK(f.vault.link_macs == std::vector<int>{0});    // the question, under the base key
    CHECK(f.vault.link_checks == std::vector<int>{0});  // and the answer to it
    f.buy(2, 2, kCard);
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    f.link_answers(f.dialects[0], "00");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.link_macs == std::vector<int>{0, 1});
    CHECK(f.vault.link_checks == std::vector<int>{0, 1});  // never under the base key
    // Ten in one go: nine are left under this key. What is beyond hears 91 at once, and leaves the host no reversal.
    for (std::uint32_t stan = 3; stan < 13; ++stan) f.buy(stan, stan, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 3 && f.link_frames == 12; }));
    CHECK(f.heard[2].code == "91");
    CHECK(f.vault.nonces == 2);
    CHECK(f.box.core->state().all_outstanding().size() == 9);
    CHECK_FALSE(f.box.core->link_up(0));
}

TEST_CASE("pipeline: after wrong MACs in a row a link's host is told another key") {
    Fixture f([](config::Config& c) { c.links.at(0).key_ages = {1'000, 0, 30}; });
    f.link_up();
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.link_takes_key();
    REQUIRE(f.until([&] { return f.box.core->link_up(0); }));
    f.buy(1, 1, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    f.clock.advance_ms(6'000);
    f.vault.macs_good = false;
    for (int i = 0; i < 3; ++i) {
        CHECK(f.vault.nonces == 1);
        const std::size_t checks = f.vault.link_checks.size();
        f.link_answers(f.dialects[0], "00");
        REQUIRE(f.until([&] { return f.vault.link_checks.size() == checks + 1; }));
    }
    REQUIRE(f.until([&] { return f.link_frames == 3; }));
    CHECK(f.vault.nonces == 2);
    CHECK(f.heard.empty());
}

TEST_CASE("pipeline: a link that is to have session keys and whose dialect cannot say their exchange stops the start, by name") {
    config::Config config = *config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml");
    auto dialects = *iso8583::load_dialects(GIRO_SOURCE_DIR "/firmware-config/dialects", config::dialects_of(config));
    dialects[0].fields[48].max = 37;
    CHECK(check_link_network(config, dialects).has_value());
    config.links[0].key_ages.seconds = 60;
    const auto refused = check_link_network(config, dialects);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Failure::Kind::config);
    CHECK(refused.error().what.starts_with("link gamma-host: dialect iso1987-ascii cannot say a key exchange"));
    dialects[0].fields[48].max = 38;
    CHECK(check_link_network(config, dialects).has_value());
}

TEST_CASE("pipeline: under an expired session key nothing new is decided: 79 with a MAC; what is known is answered, and 0800 taken") {
    Fixture f([](config::Config& c) { c.switching.session_key_requests = 2; });
    f.buy(1);
    f.buy(2);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    const std::uint64_t decided = f.journal.head().seq;
    f.buy(3);
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[2].code == "79");
    CHECK(f.heard[2].has_mac);
    CHECK(f.heard[3].code == "00");
    CHECK(f.journal.head().seq == decided);
    f.box.core->session_key(switching::purchase_of(1, 900'001), ByteArray<16>{std::byte{6}}, {}, f.clock.wall_ns());
    REQUIRE(f.pipeline.commit());
    f.buy(3);
    REQUIRE(f.until([&] { return f.heard.size() == 5; }));
    CHECK(f.heard[4].code == "00");
}

}  // namespace giro::appliance
