// The story of a box, told with the real programs: the place to start reading. Top to bottom it is one day of one demo
// box: it is set up, takes payments by card and by QR, loses its switch in mid-traffic, settles with tier 1, and proves
// a payment from its receipt. What goes wrong around a box is in trouble_test.cpp.
//
// The cases build on one another, in this order. The chain pre-mines its first 101 blocks meanwhile.
#include <doctest/doctest.h>

#include <algorithm>

#include "bitcoin_node/rpc.hpp"
#include "chain/block_file.hpp"
#include "tests/bitcoin_node/real_node.hpp"
#include "tests/story/box.hpp"
#include "tests/story/web.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"

using namespace story;

namespace {
Box* g_box = nullptr;  // made by the first case, gone with the last

Box& box() {
    REQUIRE_MESSAGE(g_box != nullptr, "the cases before this one have to run first");
    return *g_box;
}

// One purchase by card at terminal 1; more options as giro pos buy has them.
Said buy(std::vector<std::string> options) {
    options.insert(options.begin(), {"--json", "pos", "buy"});
    if (std::find(options.begin(), options.end(), "--amount") == options.end()) options.insert(options.end(), {"--amount", "100"});
    return box().giro(options);
}

std::string rrn_of(const Said& said) { return field_of(said, "rrn"); }

// The journal's payments under one retrieval reference number.
std::vector<json> journalled(const std::string& rrn) {
    std::vector<json> found;
    for (auto& payment : box().journal("payment"))
        if (payment["rrn"] == rrn) found.push_back(std::move(payment));
    return found;
}

std::string g_card_rrn, g_window;
}  // namespace

TEST_CASE("story: a box is set up and started, and its demo is provisioned") {
    tell("a box is set up, started and provisioned");
    g_box = new Box("story");
    box().init();
    box().up();
    const Said provisioned = box().giro({"demo", "provision"});
    INFO(provisioned.text);
    REQUIRE(provisioned.status == 0);

    const Said again = box().giro({"--json", "demo", "provision"});
    CHECK(again.object().value("commands", -1) == 0);  // nothing twice
    CHECK(box().status()["token_present"] == true);
}

TEST_CASE("story: terminals sign on, exchange keys and are heard") {
    tell("terminals sign on, exchange keys and are heard");
    const Said echo = box().giro({"--json", "pos", "load", "--terminals", "2", "--echo", "--count", "4"});
    INFO(echo.text);
    CHECK(echo.status == 0);
    CHECK(echo.object()["answered"] == 4);
    CHECK(box().journal("session_key_set").size() >= 2);
}

TEST_CASE("story: a card purchase is approved, and what was answered is in the journal") {
    tell("a card purchase is approved; a card without money is declined");
    const Said bought = buy({"--amount", "1250"});
    INFO(bought.text);
    REQUIRE(bought.status == 0);
    CHECK(code_of(bought) == "00");
    g_card_rrn = rrn_of(bought);
    const auto entries = journalled(g_card_rrn);
    REQUIRE(entries.size() == 1);
    CHECK(entries[0]["outcome"] == "approved");
    CHECK(entries[0]["amount"] == 1250);
    CHECK(entries[0]["auth_code"] == bought.object()["auth_code"]);
}

TEST_CASE("story: a card without money is declined for that reason") {
    const Said declined = buy({"--amount", "100", "--card-index", "200"});
    CHECK(declined.status == 1);
    CHECK(code_of(declined) == "51");
    const auto entries = journalled(rrn_of(declined));
    REQUIRE(entries.size() == 1);
    CHECK(entries[0]["reason"] == "insufficient_funds");
}

TEST_CASE("story: a card of no bank here has no route, and too much is over the limit") {
    CHECK(code_of(buy({"--bin", "411111"})) == "15");
    CHECK(code_of(buy({"--amount", "10000001"})) == "61");
}

TEST_CASE("story: the same request a second time gets the same answer and is paid once") {
    tell("the same request a second time gets the same answer and is paid once");
    const auto before = box().journal("payment").size();
    const Said twice = box().giro({"--json", "pos", "load", "--count", "5", "--duplicate"});
    INFO(twice.text);
    CHECK(twice.status == 0);
    CHECK(twice.object()["duplicates"] == 5);
    CHECK(twice.object()["duplicates_same_answer"] == 5);
    CHECK(box().journal("payment").size() == before + 5);
}

TEST_CASE("story: a request whose MAC is wrong is refused, and so is a terminal that nobody knows") {
    tell("a wrong MAC and an unknown terminal are refused");
    const Said spoilt = box().giro({"--json", "pos", "load", "--count", "3", "--bad-mac"});
    CHECK(spoilt.object()["by_code"]["63"] == 3);
    write_text(box().file("demo/terminals/T0000999.tmk"), std::string(64, '7') + "\n");
    std::filesystem::permissions(box().file("demo/terminals/T0000999.tmk"), std::filesystem::perms(0600));
    const Said unknown = buy({"--terminal", "999", "--timeout", "1000"});
    CHECK(unknown.status != 0);
    for (const auto& payment : box().journal("payment")) CHECK(payment["terminal"] != "T0000999");
}

TEST_CASE("story: a reversal gives the money back once") {
    tell("a reversal gives the money back once");
    const Said bought = buy({"--amount", "700"});
    REQUIRE(code_of(bought) == "00");
    const Said reversed = box().giro({"--json", "pos", "reverse", "--rrn", rrn_of(bought)});
    INFO(reversed.text);
    CHECK(reversed.status == 0);
    const Said again = box().giro({"--json", "pos", "reverse", "--rrn", rrn_of(bought)});  // another reversal of it
    CHECK(code_of(again) == "00");
    std::size_t moved_back = 0;
    for (const auto& reversal : box().journal("reversal"))
        if (reversal["outcome"] == "reversed") ++moved_back;
    CHECK(moved_back == 1);
}

TEST_CASE("story: a part of a payment is given back, by an advice too, and no more than stands of it") {
    tell("a part of a payment is given back");
    const Said bought = buy({"--amount", "700"});
    REQUIRE(code_of(bought) == "00");
    const auto reverse_to = [&](const std::string& stands) {
        return code_of(box().giro({"--json", "pos", "reverse", "--rrn", rrn_of(bought), "--stands", stands, "--advice"}));
    };
    CHECK(reverse_to("500") == "00");
    CHECK(reverse_to("600") == "00");  // less stands already
    CHECK(reverse_to("700") == "13");
    std::vector<int> amounts;
    for (const auto& reversal : box().journal("reversal"))
        if (reversal["rrn"] == rrn_of(bought) && reversal["outcome"] == "reversed") amounts.push_back(reversal["amount"]);
    CHECK(amounts == std::vector<int>{200});
}

TEST_CASE("story: an amount is authorised, raised, and completed with a tip") {
    tell("an amount is authorised, raised, and completed with a tip");
    const Said authorised = box().giro({"--json", "pos", "authorise", "--amount", "4000"});
    INFO(authorised.text);
    REQUIRE(authorised.status == 0);
    const std::string rrn = rrn_of(authorised);
    CHECK(code_of(box().giro({"--json", "pos", "raise", "--rrn", rrn, "--amount", "1000"})) == "00");
    CHECK(code_of(box().giro({"--json", "pos", "complete", "--rrn", rrn, "--amount", "7000"})) == "13");  // beyond 20 per cent
    const Said completed = box().giro({"--json", "pos", "complete", "--rrn", rrn, "--amount", "5500"});
    INFO(completed.text);
    CHECK(completed.status == 0);
    CHECK(completed.object()["auth_code"] == authorised.object()["auth_code"]);
    const auto entries = box().journal("completed");
    REQUIRE(entries.size() == 1);
    CHECK(entries[0]["amount"] == 5500);
    CHECK(code_of(box().giro({"--json", "pos", "complete", "--rrn", rrn, "--amount", "5500"})) == "94");
    CHECK(code_of(box().giro({"--json", "pos", "reverse", "--rrn", rrn})) == "00");
    const auto reversed = box().journal("reversal").back();
    CHECK(reversed["outcome"] == "reversed");  // the completion, not what was declined after it
    CHECK(reversed["payment"] == entries[0]["seq"]);
}

TEST_CASE("story: a terminal with DUKPT keys has a new one for each message, and one that was used decides nothing new") {
    tell("a terminal with DUKPT keys pays; a KSN that was used is refused");
    const Said bought = buy({"--dukpt", "--amount", "900"});
    INFO(bought.text);
    REQUIRE(code_of(bought) == "00");
    const Said reversed = box().giro({"--json", "pos", "reverse", "--rrn", rrn_of(bought)});
    INFO(reversed.text);
    CHECK(reversed.status == 0);
    // The same message once more, KSN and all, is the same payment.
    const auto before = box().journal("payment").size();
    const Said twice = box().giro({"--json", "pos", "load", "--dukpt", "--first", "2", "--terminals", "2", "--count", "6", "--duplicate"});
    INFO(twice.text);
    CHECK(twice.status == 0);
    CHECK(twice.object()["duplicates_same_answer"] == 6);
    CHECK(box().journal("payment").size() == before + 6);
    // A terminal whose counter went back, as a copy of it would have.
    const auto counter = box().file("demo/terminals/D0000001.counter");
    const std::string now = read_text(counter);
    write_text(counter, "0\n");
    const Said behind = buy({"--dukpt", "--timeout", "1000"});
    CHECK(behind.status != 0);
    CHECK(behind.has("94"));
    CHECK(box().journal("payment").size() == before + 6);
    write_text(counter, now);
    CHECK(code_of(buy({"--dukpt"})) == "00");
}

TEST_CASE("story: a terminal reconciles its day, and what differs is told message by message") {
    tell("a terminal reconciles its day");
    const auto reconcile = [&](const std::string& net) {
        return box().giro({"--json", "pos", "reconcile", "--terminal", "2", "--net", net});
    };
    CHECK(code_of(reconcile("0")) == "00");
    const Said bought = buy({"--terminal", "2", "--amount", "1250"});
    REQUIRE(code_of(bought) == "00");
    CHECK(box().giro({"pos", "cut-over", "--terminal", "2"}).status == 0);
    CHECK(code_of(buy({"--terminal", "2", "--amount", "300"})) == "00");  // of the next day
    const Said differs = reconcile("1240");
    INFO(differs.text);
    CHECK(differs.status == 1);
    CHECK(code_of(differs) == "95");
    CHECK(differs.object()["counted"]["net"] == 1250);
    const json shown = box().giro({"--json", "recon", "show", "T0000002"}).object();
    CHECK(shown["in_balance"] == false);
    CHECK(shown["differences"][0]["total"] == "net");
    REQUIRE(shown["messages"].size() == 1);
    CHECK(shown["messages"][0]["rrn"] == rrn_of(bought));
    CHECK(code_of(box().giro({"--json", "pos", "upload", "--rrn", rrn_of(bought), "--amount", "1240"})) == "95");
    CHECK(code_of(box().giro({"--json", "pos", "upload", "--rrn", rrn_of(bought)})) == "00");
    const json compared = box().giro({"--json", "recon", "show", "T0000002"}).object();
    CHECK(compared["messages"][0]["upload"] == "matched");
    REQUIRE(compared["uploads_that_differ"].size() == 1);
    CHECK(compared["uploads_that_differ"][0]["amount"] == 1240);
    const auto is_second = [](const json& t) { return t["terminal"] == "T0000002"; };
    const json left = box().giro({"--json", "recon", "totals"}).object()["terminals"];
    const auto second = std::ranges::find_if(left, is_second);
    REQUIRE(second != left.end());
    CHECK((*second)["open"]["net"] == 300);
    CHECK((*second)["last_reconciliation"] == "out of balance");
    CHECK(code_of(reconcile("300")) == "00");
    const json none = box().giro({"--json", "recon", "totals"}).object()["terminals"];
    CHECK(std::ranges::none_of(none, is_second));
    CHECK(box().giro({"pos", "sign-off", "--terminal", "2"}).status == 0);
    CHECK(box().journal("terminal_signed").size() == 1);
    CHECK(code_of(buy({"--terminal", "2"})) == "00");  // each start signs on
    CHECK(box().journal("terminal_signed").size() == 2);
}

TEST_CASE("story: a card's PIN is verified in the vault, counted, and the card locked until staff unlock it") {
    tell("a PIN is right, wrong, and one time too often wrong");
    const auto with_pin = [](const char* pin, const char* bin = "970001") {
        const Said said = buy({"--dukpt", "--terminal", "5", "--card-index", "11", "--bin", bin, "--pin", pin});
        INFO(said.text);
        return code_of(said);
    };
    CHECK(with_pin("own") == "00");
    CHECK(with_pin("own", "970002") == "00");  // by the other bank's method
    CHECK(with_pin("000000000000") == "55");
    CHECK(with_pin("own") == "00");            // the right one forgets the wrong one
    for (int i = 0; i < 3; ++i) CHECK(with_pin("000000000000") == "55");
    CHECK(with_pin("own") == "75");
    CHECK(code_of(buy({"--dukpt", "--terminal", "5", "--card-index", "11"})) == "00");  // what needs no PIN
    CHECK(with_pin("own", "970002") == "00");  // another card
    const Said unlocked = box().giro({"card", "unlock", "--bin", "970001", "--card-index", "11"});
    CHECK(unlocked.status == 0);
    CHECK(unlocked.has("card 970001******"));
    CHECK(with_pin("own") == "00");
    CHECK(box().journal("card_unlocked").size() == 1);
    std::size_t wrong = 0;
    for (const auto& payment : box().journal("payment")) wrong += payment["reason"] == "pin_wrong" ? 1 : 0;
    CHECK(wrong == 4);
    CHECK(box().giro({"card", "unlock", "--bin", "970003"}).has("that card is not issued"));
    // The same at a terminal with session keys, by blocks of either cipher.
    const auto in_session = [](const char* pin, const char* block, const char* bin = "970001") {
        const Said said = buy({"--terminal", "5", "--card-index", "11", "--bin", bin, "--pin", pin, "--pin-block", block});
        INFO(said.text);
        return code_of(said);
    };
    for (const char* block : {"aes", "tdes"}) {
        CHECK(in_session("own", block) == "00");
        CHECK(in_session("own", block, "970002") == "00");
        CHECK(in_session("000000000000", block) == "55");
    }
    for (const char* block : {"aes", "tdes"}) CHECK(in_session("000000000000", block) == "55");
    CHECK(in_session("own", "aes") == "75");
    CHECK(with_pin("own") == "75");  // the card's count, whatever the terminal
    CHECK(box().giro({"card", "unlock", "--bin", "970001", "--card-index", "11"}).status == 0);
    CHECK(in_session("own", "tdes") == "00");
    const Said load = box().giro({"--json", "pos", "load", "--dukpt", "--first", "6", "--terminals", "2", "--count", "20", "--pins", "50"});
    INFO(load.text);
    CHECK(load.status == 0);
    CHECK(load.object()["approved"] == 20);
}

TEST_CASE("story: a card's chip is verified in the vault, and believes the answer; a copy of it is refused") {
    tell("cards pay by chip, by stripe and by what is printed on them");
    const auto paid = [](std::vector<std::string> how) {
        how.insert(how.end(), {"--card-index", "12"});
        const Said said = buy(how);
        INFO(said.text);
        return said.object();
    };
    for (const char* bin : {"970001", "970002"}) {  // CVN 10, CVN 18
        CAPTURE(bin);
        const json by_chip = paid({"--emv", "--bin", bin});
        CHECK(by_chip["response_code"] == "00");
        CHECK(by_chip["card_says"] == "its issuer's answer is genuine (ARPC)");
        const json beyond = paid({"--emv", "--bin", bin, "--amount", "10000001"});
        CHECK(beyond["response_code"] == "61");
        CHECK(beyond["card_says"] == "its issuer's answer is genuine (ARPC)");
    }
    CHECK(code_of(buy({"--emv", "--dukpt", "--terminal", "5", "--card-index", "12", "--pin", "own"})) == "00");
    const Said held = box().giro({"--json", "pos", "authorise", "--emv", "--card-index", "12", "--amount", "700"});
    CHECK(held.object()["card_says"] == "its issuer's answer is genuine (ARPC)");
    CHECK(paid({"--stripe"})["response_code"] == "00");
    CHECK(paid({"--cvv2", "own"})["response_code"] == "00");
    const auto guessed = [&](const char* value) { return paid({"--cvv2", value})["response_code"]; };
    CHECK((guessed("000") == "N7" || guessed("111") == "N7"));  // one of them can be the card's own
    tell("a shop of chips, some of them copies, some approved offline");
    const Said load = box().giro({"--json", "pos", "load", "--first", "9", "--terminals", "4", "--seconds", "3", "--scenario",
                                  GIRO_SOURCE_DIR "/firmware-config/scenarios/chip.toml"});
    INFO(load.text);
    CHECK(load.status == 0);
    const json report = load.object();
    REQUIRE(report.is_object());
    CHECK(report.value("chips_issuer_answers", 0) > 10);
    CHECK(report.value("chips_wrong_answers", -1) == 0);
    CHECK(report["by_code"].value("82", 0) > 0);
    std::size_t copies = 0, good = 0;
    for (const auto& payment : box().journal("payment")) copies += payment["reason"] == "chip_wrong" ? 1 : 0;
    CHECK(copies > 0);
    for (const auto& checked : box().journal("chip_checked")) good += checked["cryptogram"] == "good" ? 1 : 0;
    CHECK(good > 0);
}

TEST_CASE("story: a customer pays by QR, shown or scanned, and an order pays once") {
    tell("a customer pays by QR, shown and scanned");
    REQUIRE(box().giro({"wallet", "new", "ada"}).status == 0);
    const Said registered = box().giro({"wallet", "register", "ada"});
    INFO(registered.text);
    REQUIRE(registered.status == 0);
    const auto address = box().giro({"--json", "wallet", "address", "ada"}).object()["address"].get<std::string>();
    const auto balance = [] { return box().giro({"--json", "wallet", "balance", "ada"}).object()["balance"].get<std::int64_t>(); };
    const Said paid_in = box().giro({"bank", "pay-in", "--wallet", address, "--amount", "5000"});
    INFO(paid_in.text);
    REQUIRE(paid_in.status == 0);
    const auto start = balance();

    // The customer shows, the till scans: EMVCo consumer-presented mode in a 0200.
    const auto shown = box().giro({"--json", "wallet", "qr", "ada", "--amount", "300"}).object()["payload"].get<std::string>();
    const Said scanned = buy({"--amount", "300", "--qr", shown});
    INFO(scanned.text);
    CHECK(code_of(scanned) == "00");
    CHECK(code_of(buy({"--amount", "300", "--qr", shown})) == "94");   // the same order again
    const auto other = box().giro({"--json", "wallet", "qr", "ada", "--amount", "300"}).object()["payload"].get<std::string>();
    CHECK(code_of(buy({"--amount", "400", "--qr", other})) == "12");   // more than she signed for

    // The shop shows, the customer scans: EMVCo merchant-presented mode.
    const auto code = box().giro({"--json", "pos", "mpm", "--amount", "450"}).object()["payload"].get<std::string>();
    const Said paid = box().giro({"--json", "wallet", "pay", "ada", code});
    INFO(paid.text);
    CHECK(paid.status == 0);
    std::string spoilt = code;
    spoilt[spoilt.size() / 2] ^= 1;
    CHECK(box().giro({"wallet", "pay", "ada", spoilt}).status == 2);   // the CRC catches a misread
    CHECK(balance() == start - 300 - 450);
}

TEST_CASE("story: a card of another bank is decided by that bank's host") {
    tell("a card of another bank is decided by that bank's host");
    box().serve_issuer_host();
    REQUIRE(eventually(20, [] { return code_of(buy({"--bin", "970003", "--amount", "1000"})) == "00"; }));
    CHECK(code_of(buy({"--bin", "970003", "--amount", "1005"})) == "05");
    CHECK(code_of(buy({"--bin", "970003", "--amount", "1051"})) == "51");
    // Its PIN reaches that host under the key of the two banks' zone.
    CHECK(code_of(buy({"--bin", "970003", "--dukpt", "--terminal", "8", "--pin", "own"})) == "00");
    CHECK(code_of(buy({"--bin", "970003", "--terminal", "8", "--pin", "own"})) == "00");
    CHECK(code_of(buy({"--bin", "970003", "--terminal", "8", "--pin", "own", "--pin-block", "tdes"})) == "00");
    CHECK(code_of(buy({"--bin", "970003", "--dukpt", "--terminal", "8", "--pin", "000000000000"})) == "55");
}

TEST_CASE("story: a host that does not answer is declined in time, and hears of it when it is back") {
    tell("a host that does not answer: declined, and the reversal reaches it later");
    const auto since_s = [] { return box().status()["switch"]["outstanding_since_unix_s"].get<std::uint64_t>(); };
    auto waiting = box().start({"--json", "pos", "buy", "--bin", "970003", "--amount", "1091"}, "unanswered.out");
    CHECK(eventually(10, [&] { return since_s() > 0; }));
    waiting->wait();
    CHECK(waiting->output().find("\"91\"") != std::string::npos);
    box().stop_issuer_host();
    CHECK(code_of(buy({"--bin", "970003", "--amount", "1000"})) == "91");
    box().serve_issuer_host();
    CHECK(eventually(30, [&] { return since_s() == 0; }));
    CHECK_FALSE(box().journal("link_reversal_answered").empty());
}

TEST_CASE("story: the switch is killed in mid-traffic; nothing that was answered is lost, nothing is doubled") {
    tell("the switch is killed in mid-traffic");
    const auto trace = box().file("killed.jsonl");
    auto load = box().start({"--json", "pos", "load", "--terminals", "8", "--seconds", "8", "--timeout", "4000", "--trace", trace.string()}, "killed.out");
    for (int kills = 0; kills < 2; ++kills) {
        const auto seen = acknowledged(trace).size();
        REQUIRE(eventually(20, [&] { return acknowledged(trace).size() > seen + 100; }));
        box().kill_and_wait("switch");
    }
    load->wait();
    INFO(load->output());
    const auto told = acknowledged(trace);
    CHECK(told.size() > 200);
    check_nothing_lost(box(), told);
}

TEST_CASE("story: a window is closed, and two different officers must approve what it pays") {
    tell("a window is closed; the chain's first 101 blocks are waited for");
    const Said closed = box().giro({"--json", "settle", "close"});
    INFO(closed.text);
    REQUIRE(closed.status == 0);
    g_window = std::to_string(closed.object()["window"].get<std::uint64_t>());
    const Said proposed = box().giro({"--json", "settle", "wait", "--window", g_window, "--state", "proposed", "--timeout", "600"});
    INFO(proposed.text);
    REQUIRE(proposed.status == 0);

    tell("two officers approve");
    CHECK(box().giro({"approve", "--officer", "alice", "--window", g_window}).status == 0);
    box().giro({"approve", "--officer", "alice", "--window", g_window});  // once more is still one officer
    CHECK(box().giro({"settle", "wait", "--window", g_window, "--state", "approved", "--timeout", "2"}).status == 75);
    write_text(box().file("stranger.pem"), "not a key");
    CHECK(box().giro({"approve", "--officer", "mallory", "--window", g_window}).status != 0);
    const Said second = box().giro({"approve", "--officer", "bob", "--window", g_window});
    INFO(second.text);
    CHECK(second.status == 0);
}

TEST_CASE("story: the window is confirmed in a signed tier-1 block") {
    tell("the window is confirmed in a signed tier-1 block");
    const Said confirmed = box().giro({"settle", "wait", "--window", g_window, "--state", "confirmed", "--timeout", "180"});
    INFO(confirmed.text);
    REQUIRE(confirmed.status == 0);
    const Said summary = box().giro({"--json", "journal", "summary", "--window", g_window});
    INFO(summary.text);
    CHECK(summary.object()["tier1_height"].get<int>() >= 101);
    CHECK(summary.object()["tier1_txid"].get<std::string>().size() == 64);
    CHECK(summary.object()["ledger_balanced"] == true);
}

TEST_CASE("story: an unmodified Bitcoin node takes every block that giro-chain made") {
    if (!giro::node_test::node_program_root()) {
        MESSAGE("there is no Bitcoin node in build/bitcoin-node (./dev test fetches it): skipped");
        return;
    }
    tell("an unmodified Bitcoin node takes every block that giro-chain made");
    const auto bundle = giro::vault::load_bundle(box().file("pub/bundle.json"));
    REQUIRE(bundle);
    const giro::Buffer& challenge = bundle->block.script;
    const auto file = giro::read_file(box().file("pub/blocks.dat"));
    REQUIRE(file);
    const auto blocks = giro::chain::split_block_file(*file, giro::chain::network_magic({challenge}));
    REQUIRE(blocks);
    REQUIRE(blocks->size() > 102);
    giro::node_test::RealNode node(box().said_folder() / "bitcoin-node", challenge);
    node.start();
    for (std::size_t height = 1; height < blocks->size(); ++height) {
        CAPTURE(height);
        CHECK(node.ask(giro::bitcoin_node::tell_block((*blocks)[height])).find("\"result\":null") != std::string::npos);
    }
    const auto tip = giro::chain::block_hash(giro::chain::decode_block(blocks->back())->header);
    CHECK(node.ask(giro::bitcoin_node::ask_chain_info()).find("\"bestblockhash\":\"" + giro::chain::hash_text(tip)) != std::string::npos);
}

TEST_CASE("story: a receipt proves its payment offline, and a changed one says which check failed") {
    tell("a receipt proves its payment offline");
    const auto receipt = box().file("receipt.json");
    const Said made = box().giro({"receipt", g_card_rrn, "--out", receipt.string()});
    INFO(made.text);
    REQUIRE(made.status == 0);
    CHECK(box().giro({"verify", receipt.string()}).status == 0);
    const auto block1 = box().giro({"--json", "verify", receipt.string()}).object()["block1"].get<std::string>();
    CHECK(box().giro({"verify", receipt.string(), "--block1", block1}).status == 0);
    const Said other_chain = box().giro({"verify", receipt.string(), "--block1", std::string(64, '0')});
    CHECK(other_chain.status == 4);
    CHECK(other_chain.has("check 'block1' failed"));
    const std::string bundle = read_text(box().file("pub/bundle.json"));
    json other_banks = json::parse(bundle);
    std::swap(other_banks["participants"][0]["settlement"], other_banks["block"]);
    other_banks["block"] = json::parse(bundle)["block"];
    write_text(box().file("pub/bundle.json"), other_banks.dump());
    const Said strangers = box().giro({"verify", receipt.string()});
    write_text(box().file("pub/bundle.json"), bundle);
    INFO(strangers.text);
    CHECK(strangers.status == 4);
    CHECK(strangers.has("check 'block1' failed"));
    std::string text = read_text(receipt);
    const auto amount = text.find("1250");
    REQUIRE(amount != std::string::npos);
    text[amount] = '9';
    write_text(receipt, text);
    const Said changed = box().giro({"verify", receipt.string()});
    CHECK(changed.status == 4);
    CHECK(changed.has("check '"));
}

TEST_CASE("story: the public pages show the settled window, and verify the receipt") {
    tell("the public pages show the settled window, and verify the receipt");
    const int port = box().port("7804");
    const json summary = box().giro({"--json", "journal", "summary", "--window", g_window}).object();
    const auto txid = summary["tier1_txid"].get<std::string>();
    const auto window = [&] { return ask_web(port, "GET", "/window/" + g_window); };
    REQUIRE(eventually(10, [&] { return window().starts_with("HTTP/1.1 200"); }));  // it looks at the chain four times a second
    CHECK(window().find(txid) != std::string::npos);
    const json tx = json::parse(body_of(ask_web(port, "GET", "/api/tx/" + txid)));
    CHECK(tx["status"]["block_height"] == summary["tier1_height"]);
    std::int64_t sum = 0;
    for (const auto& net : json::parse(body_of(ask_web(port, "GET", "/api/window/" + g_window)))["net"]) sum += net["net"].get<std::int64_t>();
    CHECK(sum == 0);
    const auto receipt = box().file("shown.json");
    REQUIRE(box().giro({"receipt", g_card_rrn, "--out", receipt.string()}).status == 0);
    std::string text = read_text(receipt);
    const auto verified = [&] { return ask_web(port, "POST", "/verify", "application/json", text); };
    const std::string proved = verified();
    CHECK(proved.starts_with("HTTP/1.1 200"));
    CHECK(proved.find("12.50") != std::string::npos);
    text[text.find("1250")] = '9';
    CHECK(eventually(20, [&] { return verified().starts_with("HTTP/1.1 422"); }));  // 503 while it rests from the first
    CHECK(ask_web(port, "DELETE", "/").starts_with("HTTP/1.1 405"));
}

TEST_CASE("story: no card number is in the clear in any file of the box") {
    tell("no card number is in the clear in any file of the box");
    std::size_t files = 0;
    const std::string cards[] = {"9700010000000019", "9700010000002007", "970001000000001", "970003000000001"};
    for (const auto& folder : {box().folder(), box().said_folder()})
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (!entry.is_regular_file()) continue;
            ++files;
            const std::string text = read_text(entry.path());
            for (const auto& card : cards) {
                std::string packed;  // binary-coded decimal, as some dialects send it
                for (std::size_t i = 0; i + 1 < card.size(); i += 2) packed.push_back(static_cast<char>((card[i] - '0') << 4 | (card[i + 1] - '0')));
                CHECK_MESSAGE(text.find(card) == std::string::npos, entry.path().string());
                CHECK_MESSAGE(text.find(packed) == std::string::npos, entry.path().string());
            }
        }
    CHECK(files > 30);
}

TEST_CASE("story: the box stops, starts again with all it knew, and the ledger balances") {
    tell("the box stops and starts again with all it knew");
    const auto entries = box().giro({"--json", "journal", "summary"}).object();
    box().down();
    box().up();
    const auto after = box().giro({"--json", "journal", "summary"}).object();
    CHECK(after["card_payments"] == entries["card_payments"]);
    CHECK(after["ledger_balanced"] == true);
    CHECK(code_of(buy({"--amount", "100"})) == "00");
    box().down();
    delete g_box;
    g_box = nullptr;
}
