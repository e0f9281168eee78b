// The pipeline: order, what is asked of the vault, who hears what in which dialect, and what happens when vault or journal
// fail.
#include <sqlite3.h>

#include <algorithm>

#include "tests/switch/pipeline_fixture.hpp"

namespace giro::appliance {

TEST_CASE("pipeline: batches are decided in the order they came, whatever order the vault answers in") {
    Fixture f;
    f.vault.holds = true;
    f.buy(1);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy(2);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);  // the MAC of the later one first, then its PAN
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);
    CHECK(f.payments() == 0);
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].connection == 1);
    CHECK(f.heard[1].connection == 2);
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[1].has_mac);
    CHECK(f.journal.head().seq == f.box.core->state().last_seq());
    CHECK(f.pipeline.times().batches == 1);  // the first was all that the second waited for
}

TEST_CASE("pipeline: what arrives while the vault is busy is gathered; at most three batches wait there, and what it answers at once is written down at once") {
    Fixture f;
    f.vault.holds = true;
    for (std::uint32_t stan = 1; stan <= 3; ++stan) {
        f.buy(stan);
        REQUIRE(f.until([&] { return f.vault.held.size() == stan; }));
    }
    for (std::uint32_t stan = 4; stan <= 9; ++stan) f.buy(stan);
    // All of them are in the switch when it has read a frame that it tells of.
    bool read = false;
    bus::Timer later(f.loop, [&] { read = true; });
    later.once(50);
    REQUIRE(f.until([&] { return read; }));
    CHECK(f.vault.held.size() == 3);
    f.vault.holds = false;
    while (!f.vault.held.empty()) f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 9; }));
    for (std::size_t i = 0; i < 9; ++i) CHECK(f.heard[i].connection == i + 1);
    CHECK(f.pipeline.times().batches == 2);  // 1 to 3, and 4 to 9
    CHECK(f.pipeline.times().requests_max == 6);
}

TEST_CASE("pipeline: the gate hears how far the switch is, also of what waits for an issuer or is refused") {
    Fixture f;
    CHECK(f.decided_ns == 0);
    const std::uint64_t at = f.clock.wall_ns();
    f.buy(1);
    REQUIRE(f.until([&] { return f.decided_ns == at; }));
    f.link_up();
    f.clock.advance_ms(1);
    f.buy(2, 2, "9700030000000017");
    REQUIRE(f.until([&] { return f.decided_ns == at + 1'000'000; }));
    CHECK(f.heard.size() == 1);
    f.vault.status = Status::try_again;
    f.clock.advance_ms(1);
    f.buy(3);
    REQUIRE(f.until([&] { return f.decided_ns == at + 2'000'000; }));
}

TEST_CASE(
    "pipeline: a vault that refuses: 91 without a MAC, nothing is journalled, and the same request is taken later") {
    Fixture f;
    const std::uint64_t before = f.journal.head().seq;
    for (const Status status : {Status::token_absent, Status::try_again}) {
        f.heard.clear();
        f.vault.status = status;
        f.buy(1);
        REQUIRE(f.until([&] { return f.heard.size() == 1; }));
        CHECK(f.heard[0].code == "91");
        CHECK_FALSE(f.heard[0].has_mac);
        CHECK_FALSE(f.pipeline.vault_answers());
    }
    CHECK(f.payments() == 0);
    CHECK(f.journal.head().seq == before);
    f.heard.clear();
    f.vault.status = Status::ok;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "00");
    CHECK(f.pipeline.vault_answers());
}

TEST_CASE("pipeline: a wrong MAC is answered 63 without a MAC, and nothing is decided") {
    Fixture f;
    f.vault.macs_good = false;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "63");
    CHECK_FALSE(f.heard[0].has_mac);
    CHECK(f.payments() == 0);
}

TEST_CASE("pipeline: each repeat of a request that waits for its issuer settles the one before with the gate") {
    Fixture f;
    f.link_up();
    f.buy(1, 11, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.buy(1, 12, "9700030000000011");
    f.buy(1, 13, "9700030000000011");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].connection == 11);
    CHECK(f.heard[0].code == "none");
    CHECK(f.heard[1].connection == 12);
    CHECK(f.heard[1].code == "none");
    CHECK(f.link_frames == 1);
    // The last one gets the answer; the issuer is owed a reversal, whose card number the vault does not give back.
    CHECK(f.box.core->state().parked().empty());
    f.clock.advance_ms(60'000);
    f.pipeline.tick();
    REQUIRE(f.until([&] { return f.heard.size() == 3 && f.box.core->state().parked().size() == 1; }));
    CHECK(f.heard[2].connection == 13);
    CHECK(f.heard[2].code == "91");
    CHECK(f.link_frames == 1);
}

TEST_CASE("pipeline: terminals of several dialects and an issuer of another hear each their own") {
    Fixture f([](config::Config& config) {
        config.ports = {{"bcd", {}, false, "iso1987-bcd", {}}, {"new", {}, false, "iso2003", {}}};
        config.links.at(0).dialect = "iso1987-ebcdic";
    });
    REQUIRE(f.dialects.size() == 4);
    const iso8583::Dialect& issuer = f.dialects[3];
    f.link_up();
    for (const std::uint8_t dialect : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
        CAPTURE(int{dialect});
        const std::uint32_t stan = 10U + dialect;
        f.heard.clear();
        f.buy(stan, stan, "9700010000000013", dialect);
        REQUIRE(f.until([&] { return f.heard.size() == 1; }));
        CHECK(f.heard[0].code == "00");
        f.buy(stan + 10, stan, "9700030000000011", dialect);
        REQUIRE(f.until([&] { return f.link_frames == dialect + 1U; }));
        iso8583::Message forwarded;
        REQUIRE(iso8583::unpack(issuer, f.to_link, forwarded).has_value());
        PaymentRequest read;
        REQUIRE(iso8583::to_request(issuer, f.to_link, forwarded, read));
        CHECK(read.mti == 0x0200);
        CHECK(read.pan.reveal() == "9700030000000011");
        CHECK(read.amount == 100);
        CHECK(read.currency == 963);
        CHECK(read.terminal.view() == "T0000001");
        CHECK(read.rrn.view() == "RRN" + std::to_string(100'000'000 + stan + 10));
        CHECK(read.local_date.view() == pos::Stamp::at(f.clock.wall_ns()).local_date.view());
        f.link_answers(issuer, "51");
        REQUIRE(f.until([&] { return f.heard.size() == 2; }));
        CHECK(f.heard[1].code == "51");
        CHECK(f.heard[1].has_mac);
    }
}

TEST_CASE("pipeline: a dialect that the box does not speak, or a link that it does not know, is not read") {
    Fixture f;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    PaymentRequest request;
    const Buffer raw = f.purchase(2, 0);
    request.raw = raw;
    request.dialect = 7;
    f.send(request);
    request.dialect = 0;
    request.source = PaymentRequest::Source::link;
    request.link = 9;
    f.send(request);
    f.buy(3);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.payments() == 2);
}

TEST_CASE("pipeline: a terminal's message is not read by a dialect that only a link has, whatever the gate says") {
    Fixture f([](config::Config& config) { config.links[0].dialect = "iso1993"; });
    f.buy(1, 1, "9700010000000013", 1);
    f.buy(2);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].connection == 2);
    CHECK(f.payments() == 1);
    Fixture with_port([](config::Config& config) {
        config.ports.push_back({"new", {"127.0.0.1", 7899}, false, "iso1993"});
        config.links[0].dialect = "iso1993";
    });
    with_port.buy(1, 1, "9700010000000013", 1);
    REQUIRE(with_port.until([&] { return with_port.heard.size() == 1; }));
    CHECK(with_port.payments() == 1);
}

TEST_CASE("pipeline: a journal that fails ends the program, and no answer leaves") {
    Fixture f;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open(f.program.paths.journal().c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "DROP TABLE entries", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(other);
    f.buy(2);
    REQUIRE(f.until([&] { return f.failed.has_value(); }));
    CHECK(f.failed->what.find("journal.db") != std::string::npos);
    CHECK_FALSE(f.pipeline.commit());
    f.buy(3);
    bool waited = false;
    bus::Timer later(f.loop, [&] { waited = true; });
    later.once(50);
    REQUIRE(f.until([&] { return waited; }));
    CHECK(f.heard.size() == 1);
}

}  // namespace giro::appliance
