#include "terminal_bench.hpp"

using namespace giro;
using namespace giro::pos;
using test::answer;
using test::Bench;
using test::kSecond;
using test::kWho;

TEST_CASE("terminal: the answer to a payment that is being reversed is late, whatever STAN it names; no MAC failure") {
    Bench b;
    b.sign_on();
    b.sell();
    b.now.monotonic_ns += 16 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.last(0) == "0400");
    b.oddities.clear();
    const std::vector<test::Field> fields{{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, "00"}, {41, b.last(41)}};
    b.terminal.received(answer("0210", fields, &b.session), b.now);
    b.terminal.received(answer("0210", {{39, "12"}}, nullptr), b.now);  // of a box that could not read the payment
    CHECK(b.oddities == std::vector{Observer::Oddity::late, Observer::Oddity::late});
    b.terminal.received(b.reply("00"), b.now);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a sale it approved by itself is told until it is heard, and never taken back") {
    Bench b;
    b.sign_on();
    b.terminal.sell_offline(*Pan::parse("9700010000000051"), 1250, false, b.now.monotonic_ns, b.now);
    CHECK(b.last(0) == "0220");
    CHECK(b.last(90).empty());
    const std::string stan = b.last(11), rrn = b.last(37);
    for (int i = 0; i < 3; ++i) {
        b.now.monotonic_ns += 16 * kSecond;
        b.terminal.tick(b.now);
        CHECK(b.last(0) == "0221");
        CHECK(b.last(11) == stan);
        CHECK(b.last(37) == rrn);
    }
    const std::vector<test::Field> fields{{4, b.last(4)}, {11, stan}, {37, rrn}, {39, "00"}, {41, b.last(41)}};
    b.terminal.received(answer("0230", fields, &b.session), b.now);
    CHECK(b.terminal.ready());
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].approved());
}

TEST_CASE("terminal: signs on, exchanges keys, and MACs its payments with the new one") {
    Bench b;
    b.terminal.connected(b.now);
    CHECK(b.last(0) == "0800");
    CHECK(b.last(70) == "001");
    b.network_answer("00");
    CHECK(b.last(70) == "161");
    b.network_answer("00", b.new_key());
    CHECK(b.times_ready == 1);
    b.sell();
    const Bytes frame = b.sent.back();
    CHECK(to_hex(frame.last(8)) == to_hex(vault::mac8(b.session, frame.first(frame.size() - 8))));
    b.now.monotonic_ns += 5'000'000;
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].approved());
    CHECK(b.outcomes[0].auth_code.view() == "123456");
    CHECK(b.outcomes[0].latency_ns == 5'000'000);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a box that does not know it says 58 without a MAC, and is believed") {
    Bench b;
    b.terminal.connected(b.now);
    b.terminal.received(answer("0810", {{11, b.last(11)}, {39, "58"}, {41, "T0000001"}}, nullptr), b.now);
    CHECK(b.failure.find("58") != std::string::npos);
}

TEST_CASE("terminal: a box that is not well is asked again") {
    Bench b;
    b.terminal.connected(b.now);
    b.network_answer("96");
    CHECK(b.failure.empty());
    CHECK(b.sent.size() == 1);
    b.now.monotonic_ns += kSecond;
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == 2);
    CHECK(b.last(70) == "001");
    b.now.monotonic_ns += 15 * kSecond;  // nothing comes: asked anew, with a new STAN
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == 3);
    CHECK(b.last(11) == "000003");
}

TEST_CASE("terminal: an answer is believed by its MAC, its STAN, RRN and amount; anything else is no answer") {
    Bench b;
    b.sign_on();
    b.sell();
    const auto refused = [&](const Buffer& bytes, Observer::Oddity why) {
        b.terminal.received(bytes, b.now);
        CHECK(b.outcomes.empty());
        REQUIRE_FALSE(b.oddities.empty());
        CHECK(b.oddities.back() == why);
    };
    refused(b.reply("00", {0, ""}, &b.base), Observer::Oddity::mac_failure);
    Buffer spoilt = b.reply("00");
    spoilt.back() ^= std::byte{1};
    refused(spoilt, Observer::Oddity::mac_failure);
    refused(answer("0210", {{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, "00"}, {41, "T0000001"}}, nullptr),
            Observer::Oddity::mac_failure);
    refused(b.reply("00", {4, "000000009999"}), Observer::Oddity::mismatch);
    refused(b.reply("00", {37, "XXXXXXXXXXXX"}), Observer::Oddity::mismatch);
    refused(b.reply("00", {11, "000999"}), Observer::Oddity::late);
    refused(b.reply("00", {41, "T0000002"}), Observer::Oddity::late);
    refused(Buffer(7, std::byte{0x41}), Observer::Oddity::malformed);
    b.terminal.received(b.reply("51"), b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].code.view() == "51");
}

TEST_CASE("terminal: no single bit of an answer can be changed without its being refused") {
    Bench b;
    b.sign_on();
    b.sell();
    const Buffer good = b.reply("51");
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        Buffer bad = good;
        bad[bit / 8] ^= std::byte(1 << bit % 8);
        b.terminal.received(bad, b.now);
    }
    CHECK(b.outcomes.empty());
    CHECK(b.oddities.size() == 8 * good.size());
}

TEST_CASE("terminal: a payment that is not answered is reversed, and the reversal repeated until it is answered") {
    Bench b;
    b.sign_on();
    b.sell();
    const std::string rrn = b.last(37), stan = b.last(11);
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK_FALSE(b.outcomes[0].answered);
    CHECK(b.last(0) == "0400");
    CHECK(b.last(37) == rrn);
    CHECK(b.last(90).substr(0, 10) == "0200" + stan);
    const Buffer first = b.sent.back();
    const std::size_t count = b.sent.size();
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == count + 1);
    CHECK(b.last(0) == "0401");  // a repeat says so; all but its MTI and MAC is as before
    const Bytes again = b.sent.back();
    CHECK(to_hex(again.subspan(6, again.size() - 14)) == to_hex(Bytes(first).subspan(6, first.size() - 14)));
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK(b.outcomes[1].forced);
    CHECK(b.outcomes[1].kind == Kind::reversal);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: over a new connection what was under way goes out again unchanged") {
    Bench b;
    b.sign_on();
    b.sell();
    const Buffer first = b.sent.back();
    b.terminal.disconnected();
    b.terminal.connected(b.now);
    CHECK(b.sent.back() == first);
    b.terminal.disconnected();
    b.now.monotonic_ns += 15 * kSecond;
    const std::size_t count = b.sent.size();
    b.terminal.tick(b.now);  // times out without a connection: the reversal waits for one
    CHECK(b.sent.size() == count);
    b.terminal.connected(b.now);
    CHECK(b.last(0) == "0400");
}

TEST_CASE("terminal: a repeat is the sale's frame byte for byte; not answered, it is given up") {
    Bench b;
    b.sign_on();
    b.sell();
    const Buffer first = b.sent.back();
    b.terminal.received(b.reply("00"), b.now);
    b.terminal.repeat_sale(b.now);
    CHECK(b.sent.back() == first);
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK(b.outcomes[1].kind == Kind::repeat);
    CHECK_FALSE(b.outcomes[1].answered);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a repeat may say that it is one, and is the same sale") {
    Bench b;
    b.sign_on();
    b.sell();
    const std::string rrn = b.last(37), stan = b.last(11);
    b.terminal.received(b.reply("00"), b.now);
    b.terminal.repeat_sale(b.now, true);
    CHECK(b.last(0) == "0201");
    CHECK(b.last(37) == rrn);
    CHECK(b.last(11) == stan);
}

TEST_CASE("terminal: a reversal in part leaves to stand what DE95 says, as a request or as an advice") {
    Bench b;
    b.sign_on();
    b.sell();
    b.terminal.received(b.reply("00"), b.now);
    b.terminal.reverse(b.terminal.last_sale(), b.now, {.stands = 40, .advice = true});
    CHECK(b.last(0) == "0420");
    CHECK(b.last(95) == "000000000040" "000000000000" "C00000000" "C00000000");
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK(b.outcomes[1].approved());
    b.terminal.reverse(b.terminal.last_sale(), b.now);
    CHECK(b.last(0) == "0400");
    CHECK(b.last(95).empty());
}

TEST_CASE("terminal: of a later edition it says why it takes a sale back: no answer, or one that proves nothing") {
    const iso8583::Dialect later = *iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1993.toml");
    for (const bool silent : {true, false}) {
        Bench b(later);
        const auto network = [&](const std::string& additional) {
            std::vector<test::Field> fields{{7, b.last(7)}, {11, b.last(11)}, {24, b.last(24)}, {39, "800"}, {41, b.last(41)}};
            if (!additional.empty()) fields.push_back({48, additional});
            b.terminal.received(answer("1810", fields, &b.base, 64, later), b.now);
        };
        b.terminal.connected(b.now);
        network({});
        network(b.new_key());
        REQUIRE(b.terminal.ready());
        b.sell();
        if (silent) {
            b.now.monotonic_ns += 16 * kSecond;
            b.terminal.tick(b.now);
        } else {
            b.terminal.received(answer("1210", {{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, "916"}, {41, b.last(41)}}, nullptr, 64, later), b.now);
        }
        REQUIRE(b.last(0) == "1400");
        CHECK(b.last(24) == "400");
        CHECK(b.last(25) == (silent ? "4021" : "4020"));
    }
}

TEST_CASE("terminal: a reconciliation is repeated until it is answered, and the answer has what the box counted") {
    Bench b;
    b.sign_on();
    Claim claim;
    claim.say(Total::net, 1240);
    b.terminal.reconcile(claim, b.now);
    CHECK(b.last(0) == "0500");
    CHECK(b.last(97) == "D0000000000001240");
    const std::string stan = b.last(11), moment = b.last(12);
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    CHECK(b.last(0) == "0501");
    CHECK(b.last(11) == stan);
    CHECK(b.last(12) == moment);
    b.terminal.received(answer("0510", {{11, stan}, {39, "95"}, {41, b.last(41)}, {66, "2"}, {97, "D0000000000001250"}}, &b.session, 128), b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].kind == Kind::reconciliation);
    CHECK(b.outcomes[0].code.view() == "95");
    REQUIRE(b.outcomes[0].totals);
    CHECK(b.outcomes[0].totals->totals[Total::net] == 1250);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a sign-off is said under the base key, and given up when it is not answered") {
    Bench b;
    b.sign_on();
    b.terminal.notify(NetworkCode::sign_off, b.now);
    CHECK(b.last(0) == "0800");
    CHECK(b.last(70) == "002");
    b.network_answer("00");
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].kind == Kind::notice);
    CHECK(b.outcomes[0].approved());
    b.terminal.notify(NetworkCode::cut_over, b.now);
    CHECK(b.last(70) == "201");
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK_FALSE(b.outcomes[1].answered);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a refusal without a MAC decides nothing: the payment, which may be posted, is taken back") {
    for (const char* code : {"63", "58", "30", "12", "94"}) {
        Bench b;
        b.sign_on();
        b.sell();
        const auto said = [&](const char* mti) {
            return answer(mti, {{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, code}, {41, "T0000001"}}, nullptr);
        };
        const Buffer true_answer = b.reply("00");
        b.terminal.received(said("0210"), b.now);
        REQUIRE(b.outcomes.size() == 1);
        CHECK_FALSE(b.outcomes[0].answered);
        CHECK(b.outcomes[0].code.empty());
        CHECK(b.outcomes[0].unproven.view() == code);
        REQUIRE(b.last(90).size() == 42);  // its reversal is on the way
        b.terminal.received(true_answer, b.now);  // held back until now
        CHECK(b.outcomes.size() == 1);
        b.terminal.received(said("0410"), b.now);  // nor does it end the reversal
        CHECK(b.outcomes.size() == 1);
        b.terminal.received(b.reply("00"), b.now);
        REQUIRE(b.outcomes.size() == 2);
        CHECK(b.outcomes[1].forced);
        CHECK(b.outcomes[1].answered);
    }
}

TEST_CASE("terminal: a box with too much to do is asked again by the sale's repeat, each time later, before the sale is taken back") {
    Bench b;
    b.sign_on();
    b.sell();
    const std::string stan = b.last(11);
    const auto too_much = [&] { b.terminal.received(answer("0210", {{11, stan}, {39, "96"}, {41, b.last(41)}}, nullptr), b.now); };
    for (const std::uint64_t pause_ms : {250U, 500U, 1'000U, 2'000U, 4'000U}) {
        too_much();
        const std::size_t sent = b.sent.size();
        b.now.monotonic_ns += (pause_ms - 1) * 1'000'000;
        b.terminal.tick(b.now);
        CHECK(b.sent.size() == sent);
        b.now.monotonic_ns += 1'000'000;
        b.terminal.tick(b.now);
        REQUIRE(b.sent.size() == sent + 1);
        CHECK(b.last(0) == "0201");
        CHECK(b.last(11) == stan);
    }
    CHECK(b.outcomes.empty());
    SUBCASE("and the answer that it gets then counts") {
        std::vector<test::Field> fields;
        for (const unsigned n : {4U, 11U, 37U, 41U}) fields.push_back({n, b.last(n)});
        fields.push_back({39, "00"});
        b.terminal.received(answer("0210", fields, &b.session), b.now);
        REQUIRE(b.outcomes.size() == 1);
        CHECK(b.outcomes[0].approved());
    }
    SUBCASE("and then it is") {
        too_much();
        CHECK(b.last(0) == "0400");
    }
    SUBCASE("and when nothing more is heard it is, too") {
        b.now.monotonic_ns += 16 * kSecond;
        b.terminal.tick(b.now);
        CHECK(b.last(0) == "0400");
    }
}

TEST_CASE("terminal: a sign-on that is refused for want of time, without a MAC, is asked again") {
    Bench b;
    b.terminal.connected(b.now);
    b.terminal.received(answer("0810", {{11, b.last(11)}, {39, "96"}, {41, b.last(41)}}, nullptr), b.now);
    CHECK(b.failure.empty());
    b.now.monotonic_ns += 16 * kSecond;
    const std::size_t sent = b.sent.size();
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == sent + 1);
    CHECK(b.last(70) == "001");
}
