// Terminals and an issuer's host speak each shipped dialect through a running box, and dialects of one's own: with a
// TPDU, with a MAC over more or less than the message.
#include <doctest/doctest.h>

#include <cstring>
#include <regex>
#include <sstream>

#include "tests/story/box.hpp"

using namespace story;

namespace {
Said buy(Box& box, std::vector<std::string> options) {
    options.insert(options.begin(), {"--json", "pos", "buy"});
    return box.giro(options);
}

// What its reversals moved back of a payment, in their order.
std::vector<int> went_back(Box& box, const std::string& rrn) {
    std::vector<int> amounts;
    for (const auto& reversal : box.journal("reversal"))
        if (reversal["rrn"] == rrn && reversal["outcome"] == "reversed") amounts.push_back(reversal["amount"]);
    return amounts;
}

// What the issuer's host heard is to stand of a payment; -1 before it hears of a reversal.
int host_heard(const Box& box, const std::string& rrn) {
    int stands = -1;
    std::istringstream lines(read_text(box.file("host.jsonl")));
    for (std::string line; std::getline(lines, line);) {
        const json seen = json::parse(line, nullptr, false);
        if (seen.is_object() && seen["mti"] == "0400" && seen["rrn"] == rrn) stands = seen["stands"];
    }
    return stands;
}

// `framing` of the terminals' ports and of the link.
void speak(Box& box, const std::string& dialect, const std::string& framing, bool& provisioned) {
    tell("terminals and an issuer's host speak " + dialect);
    CAPTURE(dialect);
    std::string config = read_text(box.file("etc/giro.toml"));
    const auto at = config.find("dialect = \"") + 11;
    config.replace(at, config.find('"', at) - at, dialect);
    config = std::regex_replace(config, std::regex("\nframing = [^\n]*"), "");
    const std::string setting = "framing = { " + framing + " }\n";
    config.insert(config.find("[gate]\n") + std::strlen("[gate]\n"), setting);
    write_text(box.file("etc/giro.toml"), config);
    const auto link = box.file("etc/conf.d/gamma-host.toml");
    write_text(link, std::regex_replace(read_text(link), std::regex("\nframing = [^\n]*"), ""));
    add_to_link(box, setting);
    REQUIRE(box.giro({"config", "check"}).status == 0);
    box.up();
    if (!provisioned) REQUIRE(box.giro({"demo", "provision"}).status == 0);
    provisioned = true;
    box.serve_issuer_host();
    const Said bought = buy(box, {"--amount", "700"});
    INFO(bought.text);
    CHECK(code_of(bought) == "00");
    CHECK(code_of(box.giro({"--json", "pos", "reverse", "--rrn", bought.object().value("rrn", std::string())})) == "00");
    // In part: 700 of it come to stand, then nothing; more than that is not given back.
    const json partly = buy(box, {"--amount", "2000"}).object();
    const auto reverse_to = [&](const json& sale, const std::string& stands) {
        return code_of(box.giro({"--json", "pos", "reverse", "--rrn", sale.value("rrn", std::string()), "--stands", stands}));
    };
    CHECK(reverse_to(partly, "700") == "00");
    CHECK(reverse_to(partly, "2000") == "13");
    CHECK(reverse_to(partly, "0") == "00");
    CHECK(went_back(box, partly.value("rrn", std::string())) == std::vector<int>{1'300, 700});
    CHECK(code_of(buy(box, {"--amount", "100", "--card-index", "200"})) == "51");
    CHECK(code_of(buy(box, {"--bin", "411111", "--amount", "100"})) == "15");
    CHECK(code_of(buy(box, {"--dukpt", "--amount", "100"})) == "00");
    // The end of a terminal's day, in the edition's own fields and codes.
    const auto reconcile = [&](const std::string& net) {
        return code_of(box.giro({"--json", "pos", "reconcile", "--terminal", "7", "--net", net}));
    };
    CHECK(reconcile("0") == "00");
    CHECK(reconcile("-5") == "95");
    // So far: 200 of a period that goes on. 1987 has no word for that.
    const bool later = dialect.find("1993") != std::string::npos || dialect.find("2003") != std::string::npos;
    CHECK(code_of(buy(box, {"--terminal", "7", "--amount", "200"})) == "00");
    const auto so_far = [&](const std::string& net) {
        return code_of(box.giro({"--json", "pos", "reconcile", "--terminal", "7", "--net", net, "--checkpoint"}));
    };
    if (later) {
        CHECK(so_far("200") == "00");
        CHECK(so_far("201") == "95");
        const json open = box.giro({"--json", "recon", "show", "T0000007", "--all"}).object()["periods"].back();
        INFO(open.dump());
        CHECK(open["reconciled"] == false);
        CHECK(open["messages"] == 1);
        REQUIRE(open["checkpoints"].size() == 2);
        CHECK(open["checkpoints"][0]["in_balance"] == true);
        CHECK(open["checkpoints"][1]["differences"][0]["terminal"] == 201);
    } else {
        CHECK(box.giro({"pos", "reconcile", "--terminal", "7", "--net", "200", "--checkpoint"}).status != 0);
    }
    CHECK(reconcile("200") == "00");
    CHECK(box.giro({"pos", "cut-over", "--terminal", "7"}).status == 0);
    CHECK(box.giro({"pos", "sign-off", "--terminal", "7"}).status == 0);
    // A card of the bank behind the link: approved there, and declined there.
    CHECK(eventually(20, [&] { return code_of(buy(box, {"--bin", "970003", "--amount", "100"})) == "00"; }));
    CHECK(code_of(buy(box, {"--bin", "970003", "--amount", "151"})) == "51");
    // Its host hears how much of a payment is to stand.
    const json theirs = buy(box, {"--bin", "970003", "--amount", "1000"}).object();
    CHECK(code_of(box.giro({"--json", "pos", "reverse", "--rrn", theirs.value("rrn", std::string()), "--stands", "400", "--reason", "wrong-amount"})) == "00");
    for (const auto& reversal : box.journal("reversal"))
        if (reversal["rrn"] == theirs["rrn"]) CHECK(reversal.value("why", "") == (later ? "wrong-amount" : ""));
    CHECK(eventually(20, [&] { return host_heard(box, theirs.value("rrn", std::string())) == 400; }));
    box.stop_issuer_host();
    box.down();
}
}  // namespace

// The terminal's purchase by a port of the box, under way.
std::unique_ptr<Running> buying(Box& box, const std::string& port, const std::string& terminal, const std::string& bin) {
    std::vector<std::string> command{"--json", "pos", "load", "--first", terminal, "--count", "20", "--card-bin", bin, "--mix", "card=50,link=50"};
    if (!port.empty()) command.insert(command.end(), {"--port", port});
    return box.start(command, "pos-" + terminal + ".txt");
}

// Three kinds of terminals at one box, and an issuer that speaks a fourth dialect: all at once.
TEST_CASE("dialects: one box, an ASCII port, a packed one with TPDU and one of 2003, and an issuer in EBCDIC") {
    Box box("ports");
    box.init();
    write_text(box.file("etc/dialects/tpdu.toml"), "name = \"own\"\nextends = \"iso1987-bcd\"\n[message]\nheader = \"tpdu\"\n");
    std::string config = read_text(box.file("etc/giro.toml"));
    const auto port = [](const char* name, int number, const char* rest) {
        return std::string("[[port]]\nname = \"") + name + "\"\naddress = \"127.0.0.1:" + std::to_string(number) + "\"\n" + rest + "\n";
    };
    config.insert(config.find("[gate]\n"),
                  port("packed", free_port(), "tls = false\ndialect = \"tpdu\"\nframing = { length = \"bcd2\", trailer = \"etx-lrc\" }\n") +
                      port("new", free_port(), "dialect = \"iso2003\"\nframing = { length = \"ascii4\", counts_length = true }\n"));
    write_text(box.file("etc/giro.toml"), config);
    add_to_link(box, "dialect = \"iso1987-ebcdic\"\nframing = { length = \"binary4\" }\n");
    REQUIRE(box.giro({"config", "check"}).status == 0);
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    box.serve_issuer_host();
    CHECK(eventually(20, [&] { return code_of(buy(box, {"--bin", "970003", "--amount", "100"})) == "00"; }));
    tell("terminals of three dialects pay at once, at home and at the issuer's");
    std::vector<std::unique_ptr<Running>> runs;
    runs.push_back(buying(box, "", "1", "970001"));
    runs.push_back(buying(box, "packed", "2", "970001"));
    runs.push_back(buying(box, "new", "3", "970002"));
    for (auto& run : runs) {
        const int status = run->wait();
        const Said said{status, run->output()};
        INFO(said.text);
        CHECK(status == 0);
        CHECK(said.object().value("approved", 0) == 20);
    }
    tell("shipped scenarios at the packed port: an ordinary shop, and trouble");
    for (const char* name : {"shop", "trouble"}) {
        const Said said = box.giro({"--json", "pos", "load", "--port", "packed", "--seconds", "3", "--scenario",
                                    GIRO_SOURCE_DIR "/firmware-config/scenarios/" + std::string(name) + ".toml"});
        INFO(said.text);
        const json report = said.object();
        CHECK(said.status == 0);
        REQUIRE(report.is_object());
        CHECK(report.value("approved", 0) > 20);
        CHECK(report.value("unresolved", -1) == 0);
        CHECK(report.value("duplicates", -1) == report.value("duplicates_same_answer", -2));
        CHECK_FALSE(report.value("histogram", json::array()).empty());
        if (std::string(name) == "trouble") {
            CHECK(report.value("frames_cut", 0) > 0);
            CHECK(report.value("keep_alives_heard", 0) < report.value("keep_alives_sent", 0) / 100);
        }
    }
    tell("a terminal that speaks another dialect than its port is not heard");
    CHECK(box.giro({"pos", "buy", "--port", "packed", "--dialect", "iso1993", "--timeout", "500", "--amount", "100"}).status == 75);
    const Said typed = box.giro({"--json", "pos", "buy", "--connect", "127.0.0.1:" + std::to_string(box.port("7801")), "--port", "packed", "--dialect",
                                 "iso1987-ascii", "--framing", "binary2", "--amount", "100"});
    CHECK(code_of(typed) == "00");
    box.stop_issuer_host();
    box.down();
    CHECK(box.giro({"journal", "verify"}).status == 0);
}

TEST_CASE("dialects: a purchase, its reversal, a decline and an issuer's answer in each of them") {
    Box box("dialects");
    box.init();
    const std::string own = "name = \"own\"\nextends = \"iso1987-bcd\"\n[message]\nheader = \"tpdu\"\n";
    write_text(box.file("etc/dialects/tpdu.toml"), own);
    write_text(box.file("etc/dialects/tpdu-under-mac.toml"), own + "[mac]\nlength = \"bcd2\"\nheader = true\n");
    write_text(box.file("etc/dialects/mac-of-fields.toml"), own + "[mac]\nfields = [0, 1, 2, 3, 4, 11, 37, 39, 41, 48, 70]\n");
    bool provisioned = false;
    speak(box, "iso1987-bcd", R"(length = "bcd2")", provisioned);
    speak(box, "iso1987-ebcdic", R"(length = "binary4", counts_length = true)", provisioned);
    speak(box, "iso1993", R"(length = "ascii4", trailer = "etx-lrc")", provisioned);
    write_text(box.file("etc/dialects/reversed-1993.toml"), "name = \"own\"\nextends = \"iso1993\"\n[message]\npartial_reversal = \"amount-reversed\"\n");
    write_text(box.file("etc/dialects/reversed-2003.toml"), "name = \"own\"\nextends = \"iso2003\"\n[message]\npartial_reversal = \"amount-reversed\"\n");
    speak(box, "reversed-1993", "", provisioned);
    speak(box, "reversed-2003", "", provisioned);
    speak(box, "iso2003", R"(length = "bcd4", trailer = "lrc", counts_trailer = true)", provisioned);
    speak(box, "tpdu", R"(trailer = "etx")", provisioned);
    speak(box, "tpdu-under-mac", "", provisioned);
    speak(box, "mac-of-fields", R"(length = "ascii4", counts_length = true)", provisioned);
    CHECK(box.giro({"journal", "verify"}).status == 0);
}
