#include "appliance/giro/host_issuer.hpp"

#include <doctest/doctest.h>

#include <memory>

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
    CHECK(Issuer::rule(1205, false) == "05");
    CHECK(Issuer::rule(51, false) == "51");
    CHECK(Issuer::rule(991, false).empty());
    CHECK(Issuer::rule(5100, false) == "00");
    CHECK(Issuer::rule(1205, true) == "00");
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
    link.issuer = std::make_unique<Issuer>(test::dialect(), MacKey(test::tmk(0x40), {}), host::Options{false, false, Secret(Buffer(16, std::byte{0x5a}))});
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
        auto frame = box.link_key_exchange(stan, FixedText<10>("1122150405"), TerminalId("LNK00001"), to_hex(nonce) + to_hex(kcv));
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
        auto frame = box.link_key_exchange(7, FixedText<10>("1122150405"), TerminalId("LNK00001"), std::string(38, '0'));
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
