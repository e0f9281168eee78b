// The pipeline and PINs: who is asked about which, once, and what follows from the answer.
#include "iso8583/pin.hpp"
#include "tests/switch/pipeline_fixture.hpp"

namespace giro::appliance {

TEST_CASE("pipeline: a PIN on us is verified under its message's KSN, by the card's product, against what is on file") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(1, 7);
    f.buy(2);  // without a PIN, in the same batch
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.pins == std::vector<std::string>{"verify by alpha.pvk 4711 format 4 ...07 abababababababababababababababab"});
}

TEST_CASE("pipeline: wrong is 55, locked 75, and what the vault cannot look at 55; with a MAC and an entry") {
    Fixture f;
    f.add_pin();
    using enum vault::PinVerdict;
    std::uint32_t stan = 0;
    for (const auto& [verdict, code] : {std::pair(wrong, "55"), std::pair(locked, "75"), std::pair(refused, "55")}) {
        f.vault.pin_verdict = verdict;
        ++stan;
        f.buy_with_pin(stan, stan);
        REQUIRE(f.until([&] { return f.heard.size() == stan; }));
        CHECK(f.heard.back().code == code);
        CHECK(f.heard.back().has_mac);
    }
    CHECK(f.payments() == 3);
    CHECK(f.vault.pins.size() == 3);
}

TEST_CASE("pipeline: a repeat is never asked about again, under its KSN or the next one, decided or still at the vault") {
    Fixture f;
    f.add_pin();
    f.vault.pin_verdict = vault::PinVerdict::wrong;
    f.buy_with_pin(1, 1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.buy_with_pin(1, 2, true);  // 0201, under the next KSN
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    f.vault.ksn_verdict = vault::DukptVerdict::again;
    f.buy_with_pin(1, 2, true);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.vault.pins.size() == 1);
    for (const auto& heard : f.heard) CHECK(heard.code == "55");

    // The first copy is at the vault for its PIN while the second comes, in a batch of its own.
    f.vault.ksn_verdict = vault::DukptVerdict::good;
    f.heard.clear();
    f.vault.holds = true;
    f.buy_with_pin(2, 3);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);  // its MAC; its card is known by now
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy_with_pin(2, 4, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].code == "55");
    CHECK(f.heard[1].code == "55");
    CHECK(f.vault.pins.size() == 2);
}

TEST_CASE("pipeline: nothing is decided by what was asked about a card under the routing table before") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.holds = true;
    f.buy_with_pin(1, 2);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));  // its PIN
    auto table = routing::Table::build({{"alpha", "routes.toml:1", {*routing::parse_range("970001")}, {}, {{routing::Target::Kind::on_us, 1, 0, -1}}}});
    REQUIRE(table);
    CHECK(f.box.core->apply_routing({std::move(*table), 0, {}}, f.clock.wall_ns()));
    REQUIRE(f.pipeline.commit());
    const std::uint64_t before = f.journal.head().seq;
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "91");
    CHECK(f.journal.head().seq == before);
}

TEST_CASE("pipeline: a vault that fails at the PIN decides nothing, and the same request is asked about anew") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    const std::uint64_t before = f.journal.head().seq;
    f.vault.holds = true;
    f.buy_with_pin(1, 2);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.status = Status::try_again;
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "91");
    CHECK(f.journal.head().seq == before);
    f.vault.status = Status::ok;
    f.buy_with_pin(1, 3, true);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.heard[2].code == "00");
}

TEST_CASE("pipeline: a copy whose first was at the vault for its PIN, in vain, is not decided without it: 91, with a MAC") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    const std::uint64_t before = f.journal.head().seq;
    f.vault.pin_verdict = vault::PinVerdict::wrong;
    f.vault.holds = true;
    f.buy_with_pin(1, 2);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));  // its PIN
    f.buy_with_pin(1, 3, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.holds = false;
    f.vault.release(1);  // the copy's MAC: its PIN is not asked about
    f.vault.status = Status::try_again;
    f.vault.release(0);
    f.vault.status = Status::ok;
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    for (const std::size_t i : {1U, 2U}) CHECK(f.heard[i].code == "91");
    CHECK(f.vault.pins.size() == 1);
    CHECK(f.journal.head().seq == before);
}

TEST_CASE("pipeline: two copies of a request whose PIN is at the vault wait for it, each in a batch of its own") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.holds = true;
    f.buy_dukpt(1, f.device().with_counter(2), false, "9700010000000013", Buffer(16));
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy_with_pin(1, 3, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(0);  // the first goes on to its PIN,
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(0);  // the copy waits for it,
    f.buy_with_pin(1, 4, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);  // and so does the next
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.vault.pins.size() == 2);
}

TEST_CASE("pipeline: a copy that is answered unasked does not let the next copy be asked beside the one whose PIN is at the vault") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.holds = true;
    // Of a merchant that is not the terminal's: 03, without an entry, and nobody is asked about its PIN.
    f.buy_dukpt(1, f.device().with_counter(2), false, "9700010000000013", Buffer(16, std::byte{0xab}), "M2");
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy_with_pin(1, 3);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));  // its PIN
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);  // the MAC of its answer
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "03");
    f.buy_with_pin(1, 4, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.holds = false;
    f.vault.release(1);
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[2].code == "00");
    CHECK(f.heard[3].code == "00");
    CHECK(f.vault.pins.size() == 2);
}

TEST_CASE("pipeline: a PIN for a link's card goes out under the zone key, never as it came; what is not translated is not sent") {
    Fixture f;
    f.add_pin();
    f.link_up();
    f.buy_with_pin(1, 1, false, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    CHECK(f.vault.pins == std::vector<std::string>{"translate to gamma.zpk format 0"});
    iso8583::Message sent;
    REQUIRE(iso8583::unpack(f.dialects[0], f.to_link, sent).has_value());
    CHECK(to_hex(sent.bytes(52)) == "cdcdcdcdcdcdcdcd");
    CHECK_FALSE(sent.has(f.dialects[0].pin_field));
    CHECK_FALSE(sent.has(f.dialects[0].ksn_field));
    f.vault.pin_verdict = vault::PinVerdict::refused;
    f.buy_with_pin(2, 2, false, "9700030000000011");
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "55");
    CHECK(f.link_frames == 1);
}

TEST_CASE("pipeline: a PIN block of the other cipher than its DUKPT key is the vault's to refuse, and one that is no block is 55 unasked") {
    Fixture f;
    f.add_pin();
    f.buy_dukpt(1, f.device().with_counter(1), false, "9700010000000013", Buffer(8, std::byte{0xab}));  // of TDES, by an AES key
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.vault.pins.size() == 1);
    iso8583::Message both;  // there is no telling which field counts
    const Buffer frame = f.purchase(2, 0);
    REQUIRE(iso8583::unpack(f.dialects[0], frame, both).has_value());
    iso8583::put_pin_block(f.dialects[0], both, Buffer(8, std::byte{0xab}));
    iso8583::put_pin_block(f.dialects[0], both, Buffer(16, std::byte{0xab}));
    Buffer raw(iso8583::kFrameBytesMax);
    raw.resize(*iso8583::pack(f.dialects[0], both, raw));
    PaymentRequest request;
    request.connection = 2;
    request.received_ns = f.clock.wall_ns();
    request.raw = raw;
    f.send(request);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "55");
    CHECK(f.vault.pins.size() == 1);
}

TEST_CASE("pipeline: a terminal with session keys sends its PIN under that session's: verified of a card on us, translated of a link's") {
    Fixture f;
    f.add_pin();
    f.buy_in_session(1, Buffer(16, std::byte{0xab}));
    f.buy_in_session(2, Buffer(8, std::byte{0xab}));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    for (const auto& heard : f.heard) CHECK(heard.code == "00");
    CHECK(f.vault.pins == std::vector<std::string>{"verify by alpha.pvk 4711 format 4 T0000001/5 abababababababababababababababab",
                                                   "verify by alpha.pvk 4711 format 0 T0000001/5 abababababababab"});
    f.buy_in_session(2, Buffer(8, std::byte{0xab}), true);  // a repeat is no second attempt
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.vault.pins.size() == 2);
    f.vault.pin_verdict = vault::PinVerdict::wrong;
    f.buy_in_session(3, Buffer(16, std::byte{0xab}));
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[3].code == "55");
    f.vault.pin_verdict = vault::PinVerdict::good;
    f.link_up();
    f.buy_in_session(4, Buffer(16, std::byte{0xab}), false, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    CHECK(f.vault.pins.back() == "translate to gamma.zpk format 0");
}

TEST_CASE("pipeline: a PIN is under the key of the session whose MAC key proved its message, the current one or the one before it") {
    Fixture f;
    f.add_pin();
    f.exchange_keys(10);  // to nonce 1
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.good_under = 5;  // what was on its way
    f.buy_in_session(1, Buffer(16, std::byte{0xab}));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    f.vault.good_under = 1;
    f.buy_in_session(2, Buffer(16, std::byte{0xab}));
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    f.vault.good_under = 5;  // the new one was used: the old one is gone, and its PIN is not looked at
    f.buy_in_session(3, Buffer(16, std::byte{0xab}));
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[3].code == "63");
    CHECK(f.vault.pins == std::vector<std::string>{"verify by alpha.pvk 4711 format 4 T0000001/5 abababababababababababababababab",
                                                   "verify by alpha.pvk 4711 format 4 T0000001/1 abababababababababababababababab"});
}

TEST_CASE("pipeline: under a session key that has expired no PIN is looked at: 79, and asked again under the next one") {
    Fixture f([](config::Config& config) { config.switching.session_key_s = 60; });
    f.add_pin();
    f.clock.advance_ms(61'000);
    f.buy_in_session(1, Buffer(16, std::byte{0xab}));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "79");
    CHECK(f.vault.pins.empty());
    f.exchange_keys(10);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    f.vault.good_under = 1;
    f.buy_in_session(1, Buffer(16, std::byte{0xab}), true);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.heard[2].code == "00");
    CHECK(f.vault.pins.size() == 1);
}

TEST_CASE("pipeline: a key exchange tells the check values of MAC and PIN keys; its repeat the same, whichever batch they are in") {
    Fixture f;
    f.exchange_keys(10);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    const std::string told = "01" + std::string(30, '0') + "000000" + "ae0100" + "de0100";
    CHECK(f.heard[0].additional == told);
    f.exchange_keys(10);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].additional == told);
    // Two copies at once, and a third while they are at the vault.
    f.vault.holds = true;
    f.exchange_keys(11);
    f.exchange_keys(11);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.exchange_keys(11);
    REQUIRE(f.until([&] { return f.vault.held.size() == 3; }));
    f.vault.release(2);  // its MAC: a key for it, too
    REQUIRE(f.until([&] { return f.vault.held.size() == 3; }));
    f.vault.holds = false;
    while (!f.vault.held.empty()) f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 5; }));
    CHECK(f.heard[2].additional.substr(0, 2) == "02");
    CHECK(f.heard[3].additional == f.heard[2].additional);
    CHECK(f.heard[4].code == "91");  // it asks again: what it was given to check by is of a key that was not taken
    f.exchange_keys(11);
    REQUIRE(f.until([&] { return f.heard.size() == 6; }));
    CHECK(f.heard[5].additional == f.heard[2].additional);
}

TEST_CASE("pipeline: a link whose dialect has no room for its PIN blocks stops the start, by name") {
    Fixture f;
    CHECK(check_pins(f.program.config, f.dialects).has_value());
    config::Config config = f.program.config;
    config.links[0].pin_format = config::ZonePinFormat::iso4;
    CHECK(check_pins(config, f.dialects).has_value());
    auto dialects = f.dialects;
    dialects[0].pin_field = 0;
    const auto refused = check_pins(config, dialects);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what.starts_with("link gamma-host: dialect iso1987-ascii has no field for its PIN blocks of 16 bytes"));
}

}  // namespace giro::appliance
