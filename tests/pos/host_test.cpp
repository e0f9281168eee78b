#include "appliance/giro/host_issuer.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "appliance/giro/demo.hpp"
#include "fixture.hpp"
#include "payment/pin_device.hpp"
#include "switching/frames.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::pos;
using host::Issuer;

namespace {
// The switch's side of a link: MACs with the link's base key.
struct Link {
    MacKey key{test::tmk(0x40), {}};
    Secret base = vault::derive_session_key(test::tmk(0x40), {});
    std::unique_ptr<Issuer> issuer = std::make_unique<Issuer>(test::dialect(), MacKey(test::tmk(0x40), {}), host::Options{});
    void play(host::Scenario scenario) {
        issuer = std::make_unique<Issuer>(test::dialect(), MacKey(test::tmk(0x40), {}), host::Options{.scenario = std::move(scenario)});
    }
    MessageBuilder builder{test::dialect()};
    Frame frame;
    Sale sale = [] {
        Sale s;
        s.pan = *Pan::parse("9700030000000017");
        s.stan = 5;
        s.rrn = Rrn("ABCDEF123456");
        s.stamp = {FixedText<10>("1122150405"), FixedText<6>("160405"), FixedText<4>("1122")};
        return s;
    }();
    Issuer::Answered buy(MinorUnits amount) {
        sale.amount = amount;
        REQUIRE(builder.purchase(frame, test::kWho, sale, key));
        return issuer->handle(frame.message());
    }
    Issuer::Answered reverse(std::uint32_t stan = 6, MinorUnits stands = 0) {
        REQUIRE(builder.reversal(frame, test::kWho, sale, stan, sale.stamp, key, {.stands = stands}));
        return issuer->handle(frame.message());
    }
    // What the switch tells of what it approved in the bank's stead (0220), or its repeat.
    Issuer::Answered advise(MinorUnits amount, std::uint32_t stan, std::string_view time, const char* mti = "0220") {
        const auto digits = [](auto number, int width) { return std::string(static_cast<std::size_t>(width) - std::to_string(number).size(), '0') + std::to_string(number); };
        return issuer->handle(test::answer(mti, {{2, "9700030000000018"}, {3, "000000"}, {4, digits(amount, 12)}, {7, "1122150405"},
                                                 {11, digits(stan, 6)}, {12, std::string(time)}, {13, "1122"}, {32, "970002"}, {37, "R" + digits(stan, 11)},
                                                 {38, "A12345"}, {39, "00"}, {41, "T0000001"}, {42, "M00000000000001"}, {49, "963"}},
                                           &base));
    }
    Issuer::Answered network(const char* code, bool with_mac = true) {
        return issuer->handle(test::answer("0800", {{7, "1122150405"}, {11, "000007"}, {70, code}}, with_mac ? &base : nullptr, 128));
    }
    Answer read(const Issuer::Answered& answered) {
        REQUIRE(answered.frame.size() > kLengthBytes);
        const Bytes message = Bytes(answered.frame).subspan(kLengthBytes);
        CHECK(load_be<std::uint16_t>(answered.frame.data()) == message.size());
        auto answer = reader.read(message);
        REQUIRE(answer);
        CHECK(to_hex(message.last(8)) == to_hex(vault::mac8(base, message.first(message.size() - 8))));
        return *answer;
    }
    AnswerReader reader{test::dialect()};
};
}  // namespace

TEST_CASE("host: the last two digits of the amount decide") {
    Link link;
    const Answer approved = link.read(link.buy(1200));
    CHECK(approved.mti == "0210");
    CHECK(approved.code.view() == "00");
    CHECK(approved.auth_code.view().size() == 6);
    CHECK(answers(approved, test::kWho, 5));
    CHECK(matches(approved, link.sale));
    link.sale.stan = 6;
    CHECK(link.read(link.buy(1251)).code.view() == "51");
    link.sale.stan = 7;
    const auto silent = link.buy(1291);
    CHECK(silent.frame.empty());
    REQUIRE(silent.seen);
    CHECK_FALSE(silent.seen->answered);
}

TEST_CASE("host: a repeat gets the same answer, byte for byte, and is not a second purchase") {
    Link link;
    const auto first = link.buy(1200);
    const auto second = link.buy(1200);
    CHECK(first.frame == second.frame);
    CHECK(second.seen->repeat);
    CHECK(link.issuer->totals().purchases == 1);
    CHECK(link.issuer->totals().repeats == 1);
}

TEST_CASE("host: a reversal is answered 00, known or not; the purchase that comes after it is declined") {
    Link link;
    link.sale.amount = 1200;
    const auto early = link.reverse();
    CHECK(link.read(early).code.view() == "00");
    CHECK_FALSE(early.seen->known);
    CHECK(link.read(link.buy(1200)).code.view() == "21");
    Link other;
    CHECK(other.buy(1200).seen);
    const auto reversal = other.reverse();
    CHECK(reversal.seen->known);
    CHECK(reversal.seen->original_stan == 5);
    CHECK(other.reverse().seen->repeat);
    CHECK(other.issuer->totals().reversals == 1);
}

TEST_CASE("host: a reversal in part leaves the least to stand that any of them says") {
    Link link;
    CHECK(link.buy(1200).seen);
    CHECK(link.reverse(6, 900).seen->stands == 900);
    CHECK(link.reverse(6, 900).seen->repeat);
    CHECK_FALSE(link.reverse(7, 400).seen->repeat);
    CHECK(link.reverse(8, 900).seen->repeat);  // late: no more than 400 stands
    CHECK_FALSE(link.reverse(9).seen->repeat);
    CHECK(link.issuer->totals().reversals == 3);
    const auto again = giro::host::from_json(to_json(*link.reverse(6, 900).seen));
    REQUIRE(again);
    CHECK(again->stands == 900);
}

TEST_CASE("host: without a good MAC nothing has an effect") {
    Link link;
    link.sale.amount = 1200;
    REQUIRE(link.builder.purchase(link.frame, test::kWho, link.sale, link.key));
    link.frame.spoil_mac();
    const auto refused = link.issuer->handle(link.frame.message());
    CHECK(link.read(refused).code.view() == "63");
    CHECK_FALSE(refused.seen);
    CHECK(link.issuer->totals().purchases == 0);
    CHECK(link.issuer->totals().bad_macs == 1);
}

TEST_CASE("host: answers an echo, and never an answer") {
    Link link;
    REQUIRE(link.builder.network(link.frame, test::kWho, NetworkCode::echo, 3, link.sale.stamp, link.key));
    const Answer echo = link.read(link.issuer->handle(link.frame.message()));
    CHECK(echo.mti == "0810");
    CHECK(echo.code.view() == "00");
    CHECK_FALSE(link.issuer->handle(test::answer("0210", {{39, "00"}}, &link.base)).understood);
    CHECK_FALSE(link.issuer->handle(Buffer(3)).understood);
}

TEST_CASE("host: what was seen survives a restart through its file, card numbers masked") {
    Link link;
    const auto first = link.buy(1200);
    const std::string line = host::to_json(*first.seen);
    CHECK(line.find("9700030000000017") == std::string::npos);
    CHECK(line.find("970003******0017") != std::string::npos);
    Link next;
    const auto seen = host::from_json(line);
    REQUIRE(seen);
    next.issuer->remember(*seen);
    const auto again = next.buy(1200);
    CHECK(again.frame == first.frame);
    CHECK(again.seen->repeat);
    for (std::size_t size = 0; size < line.size(); ++size) CHECK_FALSE(host::from_json(std::string_view(line).substr(0, size)));
    CHECK_FALSE(host::from_json(R"({"mti":"0800"})"));
}

TEST_CASE("host: a line of the file is JSON whatever a peer put into its fields, and reads back the same") {
    Link link;
    host::Seen seen = *link.buy(1200).seen;
    for (const char* rrn : {"000000000001", "\"quoted\"", "back\\slash", "line\nfeed", "tab\tnul", "del\x7f", "\xc3\xa9\xff", ""}) {
        CAPTURE(rrn);
        seen.rrn = Rrn(rrn);
        std::string line = "a line before it\n";
        host::append_json(line, seen);
        line.erase(0, line.find('\n') + 1);
        CHECK(line == host::to_json(seen));
        CHECK(line.find('\n') == std::string::npos);
        const auto read = nlohmann::ordered_json::parse(line, nullptr, false);
        REQUIRE(read.is_object());
        CHECK(read.dump(-1, ' ', true) == line);
        const bool valid_utf8 = std::string_view(rrn).find('\xff') == std::string_view::npos;
        CHECK((host::from_json(line)->rrn == seen.rrn) == valid_utf8);
        CHECK(host::from_json(line)->auth_code == seen.auth_code);
    }
}

TEST_CASE("host: a PIN under the zone key is looked at: right, wrong, or another key's; without a key none can be") {
    Link link;
    const Secret zone(Buffer(16, std::byte{0x5a}));
    const auto with_pin = [&](const Secret& key, std::string_view pin) {
        ++link.sale.stan;
        const Buffer block = payment::seal_pin_iso0(key, pin, link.sale.pan);
        link.sale.amount = 1200;
        REQUIRE(link.builder.purchase(link.frame, test::kWho, link.sale, link.key, false, block));
        return *link.issuer->handle(link.frame.message()).seen;
    };
    link.sale.pan = *Pan::parse(demo::pan("970003", 7));
    const std::string own = demo::pin("970003", 7);
    CHECK(with_pin(zone, own).pin == "unreadable");
    CHECK(with_pin(zone, own).code.view() == "55");
    link.issuer = std::make_unique<Issuer>(test::dialect(), MacKey(test::tmk(0x40), {}), host::Options{.zone_key = Secret(Buffer(16, std::byte{0x5a}))});
    CHECK(with_pin(zone, own).pin == "good");
    CHECK(with_pin(zone, own).code.view() == "00");
    CHECK(with_pin(zone, "999999999999").pin == "wrong");
    CHECK(with_pin(zone, "999999999999").code.view() == "55");
    CHECK(with_pin(Secret(Buffer(16, std::byte{0x77})), own).pin == "unreadable");
    CHECK(link.buy(1200).seen->pin.empty());
    const auto seen = with_pin(zone, own);
    CHECK(host::from_json(host::to_json(seen))->pin == "good");
}

TEST_CASE("host: of a later edition it hears how much of a payment is to stand, whichever DE4 says") {
    using iso8583::PartialReversal;
    for (const char* name : {"iso1993", "iso2003"}) {
        for (const auto how : {PartialReversal::amount_stands, PartialReversal::amount_reversed}) {
            CAPTURE(name);
            iso8583::Dialect later = *iso8583::load_dialect(std::string(GIRO_SOURCE_DIR "/firmware-config/dialects/") + name + ".toml");
            later.partial_reversal = how;
            Issuer issuer(later, MacKey(test::tmk(0x40), {}), host::Options{});
            MessageBuilder builder(later);
            AnswerReader reader(later);
            MacKey key(test::tmk(0x40), {});
            Frame frame;
            Sale sale = Link().sale;
            sale.amount = 1'200;
            REQUIRE(builder.reversal(frame, test::kWho, sale, 6, sale.stamp, key, {.stands = 900}));
            const auto answered = issuer.handle(frame.message());
            REQUIRE(answered.seen);
            CHECK(answered.seen->stands == 900);
            CHECK(answered.seen->amount == 1'200);
            CHECK(answered.seen->why == MessageReason::completed_partially);
            CHECK(host::from_json(host::to_json(*answered.seen))->why == MessageReason::completed_partially);
            const auto answer = reader.read(Bytes(answered.frame).subspan(kLengthBytes), 963);
            REQUIRE(answer);
            CHECK(answer->mti == "0410");
            CHECK(matches(*answer, sale));
        }
        iso8583::Dialect none = *iso8583::load_dialect(std::string(GIRO_SOURCE_DIR "/firmware-config/dialects/") + name + ".toml");
        none.partial_reversal = PartialReversal::none;
        MacKey key(test::tmk(0x40), {});
        Frame frame;
        CHECK_FALSE(MessageBuilder(none).reversal(frame, test::kWho, Link().sale, 6, Link().sale.stamp, key, {.stands = 900}));
    }
}

TEST_CASE("host: a session key that the box told serves from its first message on; the one before until then") {
    Link link;
    link.issuer = std::make_unique<Issuer>(test::dialect(), MacKey(test::tmk(0x40), {}),
                                           host::Options{.tmk = test::tmk(0x40), .mac = vault::MacKind::aes_cmac});
    switching::FrameBuilder box(test::dialect());
    const auto key_of = [](int n) { return MacKey(test::tmk(0x40), vault::Nonce{static_cast<std::byte>(n)}); };
    std::uint32_t exchanges = 6;
    const auto tell = [&](int n, bool good_kcv = true, bool good_mac = true, bool again = false) {
        vault::Kcv kcv = key_of(n).kcv();
        if (!good_kcv) kcv[0] ^= std::byte{1};
        const vault::Nonce nonce{static_cast<std::byte>(n)};
        const std::uint32_t stan = again ? 7 : ++exchanges;
        auto frame = box.link_network(161, stan, FixedText<10>("1122150405"), TerminalId("LNK00001"), to_hex(nonce) + to_hex(kcv));
        REQUIRE(frame);
        switching::FrameBuilder::put_mac(*frame, link.key.mac(Bytes(*frame).first(frame->size() - 8)));
        if (!good_mac) frame->back() ^= std::byte{1};
        const auto answer = link.read(link.issuer->handle(*frame));
        CHECK(answer.mti == "0810");
        CHECK(answer.stan == stan);
        CHECK(as_text(answer.additional) == (answer.code.view() == "00" ? to_hex(kcv) : std::string()));
        return answer.code.str();
    };
    // Under key n, and its answer under the same; 0: the base key.
    const auto bought = [&](int n) {
        link.sale.amount = 1200;
        ++link.sale.stan;
        MacKey key = n == 0 ? MacKey(test::tmk(0x40), {}) : key_of(n);
        REQUIRE(link.builder.purchase(link.frame, test::kWho, link.sale, key));
        const auto answered = link.issuer->handle(link.frame.message());
        if (!answered.seen) return false;
        const Bytes message = Bytes(answered.frame).subspan(kLengthBytes);
        CHECK(key.verify(message.first(message.size() - 8), message.last(8)));
        return true;
    };
    CHECK(bought(0));
    CHECK(tell(1, false) == "96");
    CHECK(tell(1, true, false) == "63");
    CHECK(bought(0));
    CHECK(tell(1) == "00");
    CHECK(bought(1));
    CHECK_FALSE(bought(0));
    CHECK(tell(2) == "00");
    CHECK(bought(1));
    CHECK(tell(3) == "00");  // the answer to 2 was lost
    CHECK(bought(1));
    CHECK(bought(3));
    CHECK_FALSE(bought(1));
    CHECK_FALSE(bought(2));
    CHECK(tell(1, true, true, true) == "94");  // recorded
    CHECK_FALSE(bought(1));
    for (int n = 4; n < 9; ++n) CHECK(tell(n) == "00");  // none of them heard by the box
    CHECK(bought(3));
    CHECK(bought(8));
    CHECK_FALSE(bought(3));
    Link other;
    CHECK(other.read(other.issuer->handle([&] {
        auto frame = box.link_network(161, 7, FixedText<10>("1122150405"), TerminalId("LNK00001"), std::string(38, '0'));
        switching::FrameBuilder::put_mac(*frame, other.key.mac(Bytes(*frame).first(frame->size() - 8)));
        return *frame;
    }())).code.view() == "12");
}

TEST_CASE("host: an 0800 without a MAC is answered without one: nobody gets a MAC of the base key for the asking") {
    Link link;
    iso8583::Message message;
    message.set_mti("0800");
    message.set(7, "1122150405");
    message.set(11, "000007");
    message.set(70, "301");
    Buffer raw(iso8583::kFrameBytesMax);
    raw.resize(*iso8583::pack(test::dialect(), message, raw));
    const auto answered = link.issuer->handle(raw);
    REQUIRE(answered.frame.size() > kLengthBytes);
    const auto answer = link.reader.read(Bytes(answered.frame).subspan(kLengthBytes));
    REQUIRE(answer);
    CHECK(answer->mti == "0810");
    CHECK(answer->code.view() == "00");
    CHECK_FALSE(answer->has_mac);
    message.set(70, "161");
    raw.resize(iso8583::kFrameBytesMax);
    raw.resize(*iso8583::pack(test::dialect(), message, raw));
    const auto refused = link.issuer->handle(raw);
    CHECK(link.reader.read(Bytes(refused.frame).subspan(kLengthBytes))->code.view() == "63");
    CHECK_FALSE(link.reader.read(Bytes(refused.frame).subspan(kLengthBytes))->has_mac);
}

TEST_CASE("host: an advice is decided and booked once, whichever repeat of it comes first, and may be refused by rule") {
    Link link;
    const auto first = link.advise(1'200, 10, "160001", "0221");
    CHECK(link.read(first).mti == "0230");
    CHECK(link.read(first).code.view() == "00");
    CHECK_FALSE(first.seen->repeat);
    CHECK(link.advise(1'200, 10, "160001").frame == first.frame);
    CHECK(link.read(link.advise(1'251, 11, "160001")).code.view() == "51");
    CHECK(link.advise(1'291, 12, "160002").frame.empty());
    const host::Totals& t = link.issuer->totals();
    CHECK(t.advices == 3);
    CHECK(t.advices_refused == 1);
    CHECK(t.repeats == 1);
    CHECK(t.duplicates == 1);  // the repeat came as an 0220
    CHECK(t.money.at(963) == 1'200);
    CHECK(t.answers.at("0220").at("51") == 1);
    CHECK(t.answers.at("0220").at("silent") == 1);
    CHECK(t.answers.at("0221").at("00") == 1);
    const auto json = host::to_json(t);
    CHECK(json.find("\"money\":{\"963\":1200}") != std::string::npos);
    CHECK(host::to_text(t).find("3 advices of 1 terminals, 1 refused, each terminal's in order") != std::string::npos);
}

TEST_CASE("host: an advice behind a later one of its terminal is told; a repeat, the year's end and a STAN that begins again are in order") {
    Link link;
    const auto in_order = [&](std::uint32_t stan, std::string_view time) { return link.advise(100, stan, time).seen->in_order; };
    CHECK(in_order(999'999, "160001"));
    CHECK(in_order(1, "160001"));
    CHECK(in_order(5, "160003"));
    CHECK(in_order(1, "160001"));  // a repeat
    CHECK_FALSE(in_order(4, "160003"));
    CHECK_FALSE(in_order(7, "160002"));
    CHECK(in_order(6, "160003"));
    CHECK(link.issuer->totals().advices_late == 2);
    CHECK(host::to_text(link.issuer->totals()).find("2 out of order") != std::string::npos);
}

TEST_CASE("host: 91, 96, 68 and 90 are no decision: who asks again is decided then, and only once") {
    host::Scenario scenario;
    host::Rule& rule = scenario.rules.emplace_back();
    rule.percent = 50;
    rule.code = ResponseCode("96");
    Link link;
    link.play(scenario);
    for (std::uint32_t stan = 1; stan <= 40; ++stan) {
        int tries = 1;
        while (link.read(link.advise(100, stan, "160001", tries == 1 ? "0220" : "0221")).code.view() == "96") REQUIRE(++tries < 40);
        CHECK(link.advise(100, stan, "160001", "0221").seen->repeat);
    }
    CHECK(link.issuer->totals().advices == 40);
    CHECK(link.issuer->totals().advices_late == 0);
    CHECK(link.issuer->totals().money.at(963) == 4'000);
    const auto put_off = link.issuer->totals().answers.at("0220").find("96");
    REQUIRE(put_off != link.issuer->totals().answers.at("0220").end());
    CHECK(put_off->second > 5);
}

TEST_CASE("host: what is booked is what was approved less what was reversed, in any order and over a restart") {
    Link link;
    std::vector<std::string> lines;
    const auto keep = [&](const Issuer::Answered& answered) { lines.push_back(host::to_json(*answered.seen)); };
    keep(link.buy(1'200));
    CHECK(link.issuer->totals().money.at(963) == 1'200);
    keep(link.reverse(6, 900));
    CHECK(link.issuer->totals().money.at(963) == 900);
    keep(link.reverse(7, 900));
    keep(link.reverse(8, 0));
    CHECK(link.issuer->totals().money.at(963) == 0);
    keep(link.reverse(9, 900));
    keep(link.advise(500, 21, "160001"));
    keep(link.buy(1'200));
    CHECK(link.issuer->totals().money.at(963) == 500);
    Link next;
    for (const std::string& line : lines) next.issuer->remember(*host::from_json(line));
    CHECK(next.issuer->totals().money.at(963) == 500);
    CHECK(next.advise(500, 21, "160001").seen->repeat);
    CHECK_FALSE(next.advise(500, 20, "160001").seen->in_order);
}

TEST_CASE("host: what a scenario does to an answer is on the answer, and in what was seen of it") {
    Link link;
    const auto with = [&](auto set) {
        host::Scenario scenario;
        set(scenario);
        link.play(std::move(scenario));
        return link.buy(1'200);
    };
    const auto silent = with([](auto& s) { s.silence.percent = 100; });
    CHECK(silent.frame.empty());
    CHECK_FALSE(silent.seen->answered);
    CHECK(silent.seen->code.view() == "00");  // taken, and not told
    CHECK(link.issuer->totals().answers.at("0200").at("silent") == 1);
    const auto hung_up = with([](auto& s) { s.bad.disconnect_every = 1; });
    CHECK(hung_up.conduct.hang_up);
    CHECK(hung_up.frame.empty());
    const auto half = with([](auto& s) { s.bad.half = 100; });
    CHECK(half.conduct.half);
    CHECK_FALSE(half.seen->answered);
    const auto spoilt = with([](auto& s) { s.bad.wrong_mac = 100; });
    const Bytes message = Bytes(spoilt.frame).subspan(kLengthBytes);
    CHECK(to_hex(message.last(8)) != to_hex(vault::mac8(link.base, message.first(message.size() - 8))));
    CHECK_FALSE(spoilt.seen->answered);
    const auto twice = with([](auto& s) { s.bad.duplicate = 100; });
    CHECK(twice.conduct.copies == 2);
    CHECK(twice.seen->answered);
    const auto late = with([](auto& s) { s.bad.late = 100, s.bad.late_ms = 7, s.delay.ms = 3; });
    CHECK(late.conduct.delay_ns == 10'000'000);
}

TEST_CASE("host: sign-on, echo and the others are answered as the scenario says, or not at all") {
    Link link;
    for (const char* code : {"001", "002", "201", "301"}) CHECK(link.read(link.network(code)).code.view() == "00");
    CHECK(link.read(link.network("999")).code.view() == "12");
    host::Scenario scenario;
    scenario.network = {ResponseCode("05"), ResponseCode("06"), std::nullopt, ResponseCode("07"), ResponseCode("08")};
    scenario.silence.spans = {{5, 6}};
    link.play(scenario);
    CHECK(link.read(link.network("001")).code.view() == "05");
    CHECK(link.read(link.network("002")).code.view() == "06");
    CHECK(link.network("301").frame.empty());
    CHECK(link.read(link.network("201")).code.view() == "07");
    CHECK(link.read(link.network("161")).code.view() == "08");
    const auto message = test::answer("0800", {{7, "1122150405"}, {11, "000007"}, {70, "001"}}, &link.base, 128);
    CHECK(link.issuer->handle(message, 5'000'000'000).frame.empty());
    CHECK_FALSE(link.issuer->handle(message, 6'000'000'000).frame.empty());
    CHECK(link.issuer->totals().answers.at("0800").at("silent") == 2);
}

TEST_CASE("host: a repeat that says so (0201, 0401) is one") {
    Link link;
    CHECK_FALSE(link.buy(1'200).seen->repeat);
    REQUIRE(link.builder.purchase(link.frame, test::kWho, link.sale, link.key, true));
    const auto again = link.issuer->handle(link.frame.message());
    REQUIRE(again.seen);
    CHECK(again.seen->mti == "0201");
    CHECK(again.seen->repeat);
    CHECK(link.read(again).mti == "0210");
    CHECK(link.issuer->totals().duplicates == 0);
    CHECK(link.issuer->totals().repeats == 1);
}
