// What a terminal may send, told on the wire of a real box: frames cut short, too long, with a bit turned, out of their
// order, from a terminal that nobody knows; and the change of a session key in mid-traffic. Every message is answered
// as the README's table says or ends the connection, nothing is ever silence, and none of it is paid.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/story/till.hpp"
#include "util/bytes.hpp"

using namespace story;
using giro::Buffer;
using giro::Bytes;
using giro::pos::NetworkCode;
using Kind = Heard::Kind;

namespace {
// A demo box that is up, and goes with the last case.
Box* g_box = nullptr;
Box& box() {
    REQUIRE_MESSAGE(g_box != nullptr, "the first case of this file has to run before");
    return *g_box;
}

std::size_t payments_of(const std::string& rrn) {
    const auto all = box().journal("payment");
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const json& p) { return p["rrn"] == rrn; }));
}

// Sends one spoilt message on a connection that may be closed for it. An approval is the one thing that may not come.
void expect_refusal(Till& till, Bytes message, std::string_view what) {
    till.send(message);
    const Heard heard = till.hear();
    INFO(what);
    CHECK(heard.kind != Kind::nothing);
    CHECK(heard.code != "00");
    if (heard.kind == Kind::closed) till.connect();
}
}  // namespace

TEST_CASE("wire: a box is up") {
    tell(
        "on the wire: frames that are cut, too long, turned, out of order; unknown terminals; a new key in "
        "mid-traffic");
    g_box = new Box("wire");
    box().init();
    box().up();
    REQUIRE(box().giro({"demo", "provision"}).status == 0);
}

TEST_CASE("wire: a terminal that nobody knows hears 58, without a MAC") {
    Till stranger(box(), 999, std::string(64, '7'));
    const Heard sign_on = stranger.sign_on();
    CHECK(sign_on == "58");
    CHECK(sign_on.terminal == "T0000999");
    CHECK_FALSE(sign_on.has_mac);
    const Heard payment = stranger.buy(100);
    CHECK(payment == "58");
    CHECK(payment.mti == "0210");
    CHECK_FALSE(payment.has_mac);
}

TEST_CASE(
    "wire: what comes out of its order is refused: a payment before a key, an answer, an unserved message, a payment "
    "after its reversal") {
    Till early(box(), 40);
    CHECK(early.buy(100) == "63");  // no key exchange yet

    Ready till(box(), 41);
    const auto sale = till.sale(100);
    const auto payment = till.purchase(sale);
    Buffer answer(payment.message().begin(), payment.message().end());
    answer[2] = std::byte{'1'};  // 0210: what only the box says
    till.send(answer);
    CHECK(till.hear().kind == Kind::closed);
    till.connect();

    Buffer advice(payment.message().begin(), payment.message().end());
    advice[1] = std::byte{'1'}, advice[2] = std::byte{'2'};  // 0120: not served
    till.send(advice);
    const Heard refused = till.hear();
    CHECK(refused == "12");
    CHECK(refused.mti == "0130");

    CHECK(till.say(till.reversal(sale)) == "00");  // of a payment that has not come
    CHECK(till.say(till.purchase(sale)) == "21");
    CHECK(till.say(till.reversal(sale)) == "00");
    CHECK(till.buy(100) == "00");
}

TEST_CASE("wire: an empty frame is a keep-alive; a length that no message has ends the connection") {
    Ready till(box(), 42);
    till.send({});
    CHECK(till.hear().kind == Kind::keep_alive);
    CHECK(till.buy(100) == "00");
    const std::byte longest[] = {std::byte{0xff}, std::byte{0xff}, std::byte{'0'}};
    till.send_raw(longest);
    CHECK(till.hear().kind == Kind::closed);
    till.connect();
    CHECK(till.buy(100) == "00");
}

TEST_CASE("wire: a payment cut anywhere is refused or ends the connection, and is not paid") {
    Ready till(box(), 43);
    const auto sale = till.sale(100);
    const auto whole = till.purchase(sale);
    for (std::size_t size = 1; size < whole.message().size(); ++size)
        expect_refusal(till, whole.message().first(size), "cut to " + std::to_string(size) + " bytes");
    CHECK(payments_of(std::string(sale.rrn.view())) == 0);
    CHECK(till.say(whole) == "00");  // whole it is paid: nothing of the pieces stands in its way
    CHECK(payments_of(std::string(sale.rrn.view())) == 1);
}

TEST_CASE("wire: a payment cut off by a lost line is not paid, and harms nobody else") {
    Ready till(box(), 44);
    const auto sale = till.sale(100);
    till.send_raw(till.purchase(sale).view().first(40));
    till.hang_up();
    Ready other(box(), 45);
    CHECK(other.buy(100) == "00");
    CHECK(payments_of(std::string(sale.rrn.view())) == 0);
}

TEST_CASE("wire: a payment with any one bit turned is not paid") {
    Ready till(box(), 46);
    const auto sale = till.sale(100);
    const auto good = till.purchase(sale);
    for (std::size_t bit = 0; bit < 8 * good.message().size(); ++bit) {
        Buffer turned(good.message().begin(), good.message().end());
        turned[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        expect_refusal(till, turned, "bit " + std::to_string(bit) + " turned");
    }
    const auto before = box().journal("payment");
    CHECK(std::none_of(before.begin(), before.end(), [](const json& p) { return p["terminal"] == "T0000046"; }));
    CHECK(till.say(good) == "00");
}

TEST_CASE("wire: a wrong MAC is answered 63 without a MAC: a refusal that proves nothing") {
    Ready till(box(), 47);
    auto spoilt = till.purchase(till.sale(100));
    spoilt.spoil_mac();
    const Heard heard = till.say(spoilt);
    CHECK(heard == "63");
    CHECK_FALSE(heard.has_mac);
}

TEST_CASE("wire: a new key while payments are under way: the old one is taken until the new one was used once") {
    box().serve_issuer_host();
    Ready till(box(), 50);
    REQUIRE(eventually(20, [&] { return till.say(till.purchase(till.sale(1000, "970003"))) == "00"; }));
    const auto old_key = till.key;

    // Under way under the old key: one at another bank's host, one here, and between them the change, in one breath.
    const auto abroad = till.purchase(till.sale(1000, "970003")), here = till.purchase(till.sale(200));
    const auto change = till.network(NetworkCode::key_exchange);
    Buffer all;
    for (const auto* frame : {&abroad, &change, &here})
        all.insert(all.end(), frame->view().begin(), frame->view().end());
    till.send_raw(all);
    std::map<std::string, std::vector<Heard>> heard;
    for (int i = 0; i < 3; ++i) {
        Heard one = till.hear();
        REQUIRE(one.kind == Kind::answer);
        heard[one.mti].push_back(std::move(one));
    }
    REQUIRE(heard["0810"].size() == 1);
    REQUIRE(heard["0210"].size() == 2);
    for (const Heard& paid : heard["0210"]) {
        CHECK(paid == "00");
        CHECK(till.is_from_box(paid, old_key));  // answered under the key it was asked under
    }
    const auto fresh = giro::pos::parse_new_key(giro::as_bytes(heard["0810"][0].additional));
    REQUIRE(fresh.has_value());
    CHECK(fresh->nonce != old_key);

    // The terminal may not have heard of it yet.
    CHECK(till.buy(300) == "00");
    till.use(fresh->nonce);
    const Heard first = till.buy(300);
    CHECK(first == "00");
    CHECK(till.is_from_box(first, fresh->nonce));
    till.use(old_key);
    CHECK(till.buy(300) == "63");
    till.use(fresh->nonce);
    CHECK(till.buy(300) == "00");
}

TEST_CASE("wire: a key that was given up stays so when the switch is started again") {
    Ready till(box(), 51);
    const auto old_key = till.key;
    const auto fresh = till.new_key();
    till.use(fresh);
    REQUIRE(till.buy(100) == "00");
    box().kill_and_wait("switch");
    till.connect();
    till.use(old_key);
    CHECK(till.buy(100) == "63");
    till.use(fresh);
    CHECK(till.buy(100) == "00");
}

TEST_CASE("wire: after all of it nothing has died, and the journal is whole") {
    const json status = box().status();
    const json state = json::parse(read_text(box().file("run/up.json")));
    for (const auto& program : state["programs"])
        CHECK_MESSAGE(program["restarts"] == (program["name"] == "switch" ? 1 : 0),
                      program.dump());  // the one killed above
    CHECK(box().giro({"journal", "verify"}).status == 0);
    box().down();
    delete g_box;
    g_box = nullptr;
}
