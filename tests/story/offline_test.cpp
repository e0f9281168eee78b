// A box whose issuer's host is away for long: it goes on selling by its stand-in policy, is killed in between, and when the
// host is back tells it of everything, once and in order of each terminal, while payments go on. By real processes; the
// host's own record says what it heard.
#include <doctest/doctest.h>

#include <map>
#include <sstream>

#include "tests/story/outage.hpp"

using namespace story;

namespace {
// Amounts of 70.00 are approved by the host's rule; 70.51 is one that it refuses.
std::vector<json> heard(Box& box) {
    std::vector<json> all;
    std::istringstream lines(read_text(box.file("host.jsonl")));
    for (std::string line; std::getline(lines, line);)
        if (json one = json::parse(line, nullptr, false); one.is_object()) all.push_back(std::move(one));
    return all;
}

json saf(Box& box) {
    const json status = box.status();
    return status.contains("switch") ? status["switch"].value("saf", json::object()) : json::object();
}

// 16 terminals, `count` payments with the link's cards.
void pay(Box& box, int count) {
    const Said said = box.giro({"--json", "pos", "load", "--terminals", "16", "--count", std::to_string(count), "--mix", "link=100", "--amount", "7000"});
    INFO(said.text);
    REQUIRE(said.status == 0);
}
}  // namespace

TEST_CASE("offline: a long outage with a restart in it, then every advice is delivered once and in order while payments go on") {
    tell("the issuer's host is away: stand-in, kill -9 of the switch, and everything is told when it is back");
    Box box("offline");
    box.init();
    stand_in_for_all(box);
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    pay(box, 150);
    box.kill_and_wait("switch");
    pay(box, 150);
    // One that its issuer will refuse, one that is taken back before its issuer has heard of it, and a card that is blocked.
    REQUIRE(code_of(box.giro({"--json", "pos", "buy", "--bin", "970003", "--amount", "7051"})) == "00");
    const Said taken = box.giro({"--json", "pos", "buy", "--bin", "970003", "--amount", "7100"});
    REQUIRE(code_of(taken) == "00");
    REQUIRE(code_of(box.giro({"--json", "pos", "reverse", "--rrn", field_of(taken, "rrn")})) == "00");
    REQUIRE(box.giro({"card", "block", "--bin", "970003", "--card-index", "7"}).status == 0);
    CHECK(code_of(box.giro({"--json", "pos", "buy", "--bin", "970003", "--card-index", "7", "--amount", "7000"})) == "62");
    const auto stood_in = box.journal("stood_in");
    CHECK(stood_in.size() == 302);
    CHECK(saf(box)["advices_owed"] == 302);
    const Said page = box.giro({"--json", "saf", "list", "--limit", "10"});
    CHECK(page.object()["rows"].size() == 10);
    CHECK(page.object()["more"] == true);
    const std::uint64_t parked = stood_in[5]["seq"].get<std::uint64_t>();
    REQUIRE(box.giro({"saf", "park", std::to_string(parked)}).status == 0);

    box.serve_issuer_host();
    const auto live = box.start({"--json", "pos", "load", "--terminals", "16", "--first", "17", "--rate", "20", "--seconds", "8"}, "live.out");
    REQUIRE(eventually(60, [&] { return saf(box).value("advices_owed", 999) == 1; }));
    box.kill_and_wait("switch");  // what is parked stays so
    CHECK(saf(box)["parked"] == 1);
    REQUIRE(box.giro({"saf", "retry", std::to_string(parked)}).status == 0);
    REQUIRE(eventually(60, [&] { return saf(box).value("owed", 999) == 0; }));
    CHECK(live->wait() == 0);

    // By the host's record: each once, and of each terminal in the order of its entries (but for the one that was parked).
    std::map<std::string, int> booked;
    std::map<std::string, std::uint64_t> refused;
    std::map<std::string, std::vector<std::string>> order;
    for (const json& seen : heard(box)) {
        if (seen["mti"].get<std::string>().substr(0, 3) != "022" || seen["repeat"] == true) continue;
        const std::string rrn = seen["rrn"];
        if (seen["code"] == "00") ++booked[rrn];
        else ++refused[rrn];
        order[seen["terminal"]].push_back(rrn);
    }
    std::map<std::string, std::vector<std::string>> expected;
    std::string moved;
    for (const json& e : stood_in) {
        const std::string rrn = e["rrn"];
        const bool is_refused = e["amount"] == 7051;
        CHECK(booked[rrn] == (is_refused ? 0 : 1));
        CHECK((refused.count(rrn) != 0) == is_refused);
        if (e["seq"] == parked) moved = rrn;
        else expected[e["terminal"]].push_back(rrn);
    }
    CHECK(booked.size() == stood_in.size());
    for (auto& [terminal, rrns] : order) {
        std::erase(rrns, moved);
        CHECK(rrns == expected[terminal]);
    }
    const json told = saf(box);
    CHECK(told["accepted"] == 301);
    CHECK(told["refused"] == 1);
    CHECK(told["refused_sum"] == 7051);
    const Said listed = box.giro({"--json", "saf", "list", "--refused"});
    REQUIRE(listed.object()["rows"].size() == 1);
    CHECK(listed.object()["rows"][0]["amount"] == 7051);
    CHECK(listed.object()["rows"][0]["owed_by"] == 3);
    CHECK(box.giro({"saf", "show", std::to_string(parked)}).has("saf_parked"));
    const Said whole = box.giro({"journal", "verify"});
    INFO(whole.text);
    CHECK(whole.status == 0);
    box.down();
}

TEST_CASE("offline: thousands of payments in an outage, the switch killed in it and while they are told: each advice once, in order") {
    tell("an outage in small, as ./dev bench saf plays it for ten minutes");
    Box box("outage");
    box.init();
    stand_in_for_all(box);
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    const Delivered told = outage(box, {.seconds = 15, .per_second = 150, .live_per_second = 40, .kills = 2, .kill_while_told = true}, tell);
    CHECK(told.stood_in == 2'250);
    CHECK(told.once == told.stood_in);
    CHECK(told.out_of_order == 0);
    CHECK(told.live_during > 0);
    const Said whole = box.giro({"journal", "verify"});
    CHECK_MESSAGE(whole.status == 0, whole.text);
    box.down();
}
