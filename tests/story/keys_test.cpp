// Every kind of key that a terminal or a link may have, through a running box: DUKPT of each kind, session keys with each
// kind of MAC, a link with another kind than its terminals.
#include <doctest/doctest.h>

#include "tests/story/box.hpp"

using namespace story;

namespace {
Said buy(Box& box, std::vector<std::string> options) {
    options.insert(options.begin(), {"--json", "pos", "buy"});
    return box.giro(options);
}
}  // namespace

TEST_CASE("keys: DUKPT of each kind, and session keys and a link with each kind of MAC, pay, repeat, reverse and enter PINs") {
    Box box("keys");
    box.init();
    std::string config = read_text(box.file("etc/giro.toml"));
    const std::string vault = "# [vault]";
    config.insert(config.find(vault), "[mac]\nx9_19 = [\"T0000002\"]\nhmac_sha_256 = [\"T0000003\", \"LNK00001\"]\n"
                                      "[[key_class]]\nname = \"kiosks\"\nterminals = [\"T0000004\"]\nsession_key_requests = 10\n");
    write_text(box.file("etc/giro.toml"), config);
    add_to_link(box, "session_key_requests = 100\n");
    REQUIRE(box.giro({"config", "check"}).status == 0);
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    box.serve_issuer_host();
    struct Row {
        const char* what;
        const char* terminal;
        bool dukpt;
    };
    for (const Row& row : {Row{"AES-128 DUKPT", "1", true}, Row{"AES-256 DUKPT", "65", true},
                           Row{"AES-256 DUKPT with HMAC-SHA-256", "69", true}, Row{"TDES DUKPT", "73", true},
                           Row{"a session key of X9.19", "2", false}, Row{"a session key of HMAC-SHA-256", "3", false}}) {
        tell(std::string("a terminal with ") + row.what + " pays");
        CAPTURE(row.what);
        const auto options = [&](std::vector<std::string> more) {
            more.insert(more.end(), {"--terminal", row.terminal});
            if (row.dukpt) more.emplace_back("--dukpt");
            return more;
        };
        const Said bought = buy(box, options({"--amount", "700"}));
        INFO(bought.text);
        REQUIRE(code_of(bought) == "00");
        CHECK(code_of(box.giro({"--json", "pos", "reverse", "--rrn", bought.object().value("rrn", std::string())})) == "00");
        CHECK(eventually(20, [&] { return code_of(buy(box, options({"--bin", "970003", "--amount", "100"}))) == "00"; }));
        std::vector<std::string> load{"--json", "pos", "load", "--first", row.terminal, "--count", "5", "--duplicate"};
        if (row.dukpt) load.emplace_back("--dukpt");
        const Said twice = box.giro(load);
        INFO(twice.text);
        CHECK(twice.status == 0);
        CHECK(twice.object().value("duplicates_same_answer", 0) == 5);
        load.back() = row.dukpt ? "--dukpt" : "--bad-mac";
        if (row.dukpt) load[load.size() - 2] = "--bad-mac";
        const Said spoilt = box.giro(load);
        INFO(spoilt.text);
        CHECK(spoilt.object().value("approved", -1) == 0);
        if (!row.dukpt) continue;
        CHECK(code_of(buy(box, options({"--amount", "100", "--card-index", "12", "--pin", "own"}))) == "00");
        CHECK(code_of(buy(box, options({"--amount", "100", "--card-index", "12", "--pin", "000000000000"}))) == "55");
        CHECK(code_of(buy(box, options({"--amount", "100", "--card-index", "12", "--bin", "970003", "--pin", "own"}))) == "00");
    }
    tell("a scenario with terminals of three kinds at once");
    const Said mixed = box.giro({"--json", "pos", "load", "--seconds", "3", "--scenario", GIRO_SOURCE_DIR "/firmware-config/scenarios/keys.toml"});
    INFO(mixed.text);
    CHECK(mixed.status == 0);
    CHECK(mixed.object().value("approved", 0) > 20);
    tell("a terminal of a class with short-lived keys exchanges them every ten requests");
    const auto exchanged = [&](const char* terminal) {
        std::size_t count = 0;
        for (const json& entry : box.journal("session_key_set")) count += entry.value("terminal", std::string()) == terminal ? 1 : 0;
        return count;
    };
    const auto pay = [&](const char* terminal) {
        const Said said = box.giro({"--json", "pos", "load", "--first", terminal, "--count", "35", "--mix", "card=100"});
        INFO(said.text);
        CHECK(said.object().value("approved", 0) == 35);
    };
    pay("4");
    pay("5");
    CHECK(exchanged("T0000004") == 4);  // at the start, and after 10, 20 and 30
    CHECK(exchanged("T0000005") == 1);
    tell("a link agrees on a session key with its host, and on the next in time");
    const auto agreed = [&] {
        const std::string log = read_text(box.file("log/giro-switch.log"));
        std::size_t count = 0;
        for (std::size_t at = 0; (at = log.find("a new session key", at)) != std::string::npos; ++at) ++count;
        return count;
    };
    const std::size_t before = agreed();
    CHECK(before >= 1);
    const Said linked = box.giro({"--json", "pos", "load", "--count", "240", "--mix", "link=100"});
    INFO(linked.text);
    CHECK(linked.object().value("approved", 0) == 240);
    CHECK(agreed() >= before + 2);
    box.stop_issuer_host();
    box.serve_issuer_host();  // one that knows no session key
    CHECK(eventually(20, [&] { return code_of(buy(box, {"--bin", "970003", "--amount", "100"})) == "00"; }));
    box.stop_issuer_host();
    box.down();
    CHECK(box.giro({"journal", "verify"}).status == 0);
}
