// What the switch sends is what a terminal and an issuer's host expect, by the shipped dialect.
#include "iso8583/canonical.hpp"
#include "iso8583/chip.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/request.hpp"
#include "switching/advice.hpp"
#include "switching/frames.hpp"
#include "fixture.hpp"

using namespace giro;
using namespace giro::switching;

namespace {

const iso8583::Dialect& dialect() {
    static const auto loaded = iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    REQUIRE(loaded);
    return *loaded;
}

Buffer purchase_frame() {
    iso8583::Message m;
    m.set_mti("0200");
    m.set(2, "9700010000000013");
    m.set(3, "000000");
    m.set_number(4, 1'250, 12);
    m.set(7, "1122101112");
    m.set_number(11, 42, 6);
    m.set(12, "101112");
    m.set(13, "1122");
    m.set(32, "970002");
    m.set(37, "RRN100000042");
    m.set(41, "T0000001");
    m.set(42, "M1             ");
    m.set(49, "963");
    m.set(64, ByteArray<8>{});
    Buffer out(4096);
    const auto size = iso8583::pack(dialect(), m, out);
    REQUIRE(size);
    out.resize(*size);
    return out;
}

}  // namespace

TEST_CASE("frames: an answer repeats what the terminal matches on, and ends with room for the MAC") {
    FrameBuilder builder(dialect());
    const Buffer raw = purchase_frame();
    PaymentRequest r;
    r.raw = raw;
    auto frame = builder.answer(r, {ResponseCode("00"), AuthCode("123456"), {}}, true);
    REQUIRE(frame);
    FrameBuilder::put_mac(*frame, ByteArray<8>{std::byte{0xAB}});
    iso8583::Message m;
    REQUIRE(iso8583::unpack(dialect(), *frame, m));
    CHECK(m.mti() == "0210");
    CHECK(m.field(11) == "000042");
    CHECK(m.field(37) == "RRN100000042");
    CHECK(m.field(38) == "123456");
    CHECK(m.field(39) == "00");
    CHECK(m.bytes(64)[0] == std::byte{0xAB});
    const auto mac = iso8583::mac_input(dialect(), *frame);
    REQUIRE(mac);
    Buffer scratch;
    CHECK(to_hex(mac->covered) == to_hex(builder.covered(*frame, scratch)));
    CHECK_FALSE(builder.answer(r, {ResponseCode("91"), {}, {}}, false)->empty());
}

TEST_CASE("frames: the answer to a repeat is no repeat") {
    static constexpr struct {
        const char *request, *answer;
    } kTypes[] = {{"0200", "0210"}, {"0201", "0210"}, {"0400", "0410"}, {"0401", "0410"},
                  {"0420", "0430"}, {"0421", "0430"}, {"0800", "0810"}, {"0801", "0810"}};
    FrameBuilder builder(dialect());
    for (const auto& type : kTypes) {
        Buffer raw = purchase_frame();
        std::memcpy(raw.data(), type.request, 4);
        PaymentRequest r;
        r.raw = raw;
        const auto frame = builder.answer(r, {ResponseCode("00"), {}, {}}, true);
        REQUIRE(frame);
        CHECK(as_text(Bytes(*frame).first(4)) == type.answer);
    }
}

TEST_CASE("frames: a message that does not unpack gets no answer rather than a wrong one") {
    FrameBuilder builder(dialect());
    PaymentRequest r;
    r.raw = as_bytes("0200garbage");
    CHECK_FALSE(builder.answer(r, {ResponseCode("00"), {}, {}}, true));
    CHECK_FALSE(builder.link_request(r, {}, dialect()));
}

TEST_CASE("frames: a purchase goes on to an issuer of another edition with what both say") {
    const auto load = [](const char* name) {
        return *iso8583::load_dialect(std::string(GIRO_SOURCE_DIR "/firmware-config/dialects/") + name + ".toml");
    };
    const Buffer raw = purchase_frame();
    iso8583::Message m;
    PaymentRequest r;
    REQUIRE(iso8583::unpack(dialect(), raw, m));
    REQUIRE(iso8583::to_request(dialect(), raw, m, r));
    entry::Payment p;
    p.time_ns = 1'795'000'000'000'000'000;
    p.link_stan = 77;
    for (const char* name : {"iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"}) {
        CAPTURE(name);
        const iso8583::Dialect issuer = load(name);
        FrameBuilder builder(issuer);
        const auto frame = builder.link_request(r, p, dialect());
        REQUIRE(frame);
        iso8583::Message out;
        PaymentRequest read;
        REQUIRE(iso8583::unpack(issuer, *frame, out));
        REQUIRE(iso8583::to_request(issuer, *frame, out, read));
        CHECK(read.mti == 0x0200);
        CHECK(read.pan.reveal() == r.pan.reveal());
        CHECK(read.amount == r.amount);
        CHECK(read.currency == r.currency);
        CHECK(read.stan == 77);
        CHECK(read.local_time == r.local_time);
        CHECK(read.local_date == r.local_date);
        CHECK(read.rrn == r.rrn);
        CHECK(read.terminal == r.terminal);
        CHECK(read.merchant == r.merchant);
        CHECK(read.acquirer == r.acquirer);
        CHECK(read.has_mac);
    }
}

TEST_CASE("frames: a forwarded purchase and its reversal name each other by STAN") {
    FrameBuilder builder(dialect());
    const Buffer raw = purchase_frame();
    PaymentRequest r;
    r.raw = raw;
    entry::Payment p;
    p.time_ns = 1'795'000'000'000'000'000;
    p.link_stan = 77;
    p.amount = {1'250, 963};
    p.key = {AcquirerId("970002"), TerminalId("T0000001"), 42,
             Rrn("RRN100000042"),  FixedText<6>("101112"), FixedText<4>("1122")};
    p.merchant = MerchantId("M1");
    const auto request = builder.link_request(r, p, dialect());
    const auto reversal = builder.link_reversal(p, 0, *Pan::parse("9700010000000013"));
    REQUIRE(request);
    REQUIRE(reversal);
    iso8583::Message m;
    REQUIRE(iso8583::unpack(dialect(), *request, m));
    CHECK(m.field(11) == "000077");
    const std::string time(m.field(7));
    REQUIRE(iso8583::unpack(dialect(), *reversal, m));
    CHECK(m.mti() == "0400");
    CHECK(m.field(90) == "0200000077" + time + "0000097000200000000000");
    CHECK(m.field(2) == "9700010000000013");
    CHECK(m.has(128));
    CHECK_FALSE(m.has(95));
    const auto partial = builder.link_reversal(p, 900, *Pan::parse("9700010000000013"));
    REQUIRE(partial);
    REQUIRE(iso8583::unpack(dialect(), *partial, m));
    CHECK(m.field(95) == "000000000900" "000000000000" "C00000000" "C00000000");
    CHECK(link_key_id(0).view() == "LNK00001");
    CHECK(link_key_id(41).view() == "LNK00042");
    CHECK(link_key_id(9'998).view() == "LNK09999");
    CHECK(link_key_id(65'535).view() == "LNK65536");
    CHECK(transmission_time(0).view() == "0101000000");
    CHECK(transmission_time(1'700'000'000'999'999'999).view() == "1114221320");  // date -u -d @1700000000
    CHECK(transmission_time(1'709'251'199'000'000'000).view() == "0229235959");
}

TEST_CASE("frames: a reversal in part goes to a host of a later edition as its dialect says it, or not at all") {
    entry::Payment p;
    p.time_ns = 1'795'000'000'000'000'000;
    p.link_stan = 77;
    p.amount = {1'250, 963};
    p.key = {AcquirerId("970002"), TerminalId("T0000001"), 42,
             Rrn("RRN100000042"),  FixedText<6>("101112"), FixedText<4>("1122")};
    for (const char* name : {"iso1993", "iso2003"}) {
        CAPTURE(name);
        iso8583::Dialect later = *iso8583::load_dialect(std::string(GIRO_SOURCE_DIR "/firmware-config/dialects/") + name + ".toml");
        for (const auto how : {iso8583::PartialReversal::amount_stands, iso8583::PartialReversal::amount_reversed}) {
            later.partial_reversal = how;
            const auto partial = FrameBuilder(later).link_reversal(p, 900, *Pan::parse("9700010000000013"));
            REQUIRE(partial);
            iso8583::Message m;
            REQUIRE(iso8583::unpack(later, *partial, m));
            CHECK(m.field(24) == "401");
            const std::string_view amount = how == iso8583::PartialReversal::amount_stands ? "000000000900" : "000000000350";
            CHECK(m.field(4).ends_with(amount));
            PaymentRequest read;
            REQUIRE(iso8583::to_request(later, *partial, m, read));
            CHECK(read.amount == 1'250);
            CHECK(read.replacement == 900);
        }
        const auto late = FrameBuilder(later).link_reversal(p, 0, *Pan::parse("9700010000000013"), MessageReason::timeout);
        REQUIRE(late);
        iso8583::Message said;
        REQUIRE(iso8583::unpack(later, *late, said));
        CHECK(said.field(25) == "4021");
        later.partial_reversal = iso8583::PartialReversal::none;
        CHECK_FALSE(FrameBuilder(later).link_reversal(p, 900, *Pan::parse("9700010000000013")));
        CHECK(FrameBuilder(later).link_reversal(p, 0, *Pan::parse("9700010000000013")));
    }
}

TEST_CASE("frames: the answer to a reconciliation in a currency that was said says it again, and can be read") {
    const auto later = iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1993.toml");
    REQUIRE(later);
    for (const char* function : {"502", "503"}) {
        iso8583::Message m, in;
        iso8583::put_mti(*later, m, "0500");
        iso8583::put_stan(*later, m, 42);
        m.set(24, std::string_view(function));
        m.set(41, "T0000001");
        m.set(50, "963");
        Claim claim;
        claim.say(Total::net, 700);
        CHECK(iso8583::put_totals(*later, m, claim, 963));
        m.set(128, ByteArray<8>{});
        m.set(24, std::string_view(function));
        Buffer raw(4096);
        const auto size = iso8583::pack(*later, m, raw);
        REQUIRE(size);
        raw.resize(*size);
        PaymentRequest r;
        r.raw = raw;
        r.currency = 963;
        FrameBuilder builder(*later);
        const auto asked = builder.claim(r, 963);
        REQUIRE(asked);
        CHECK(asked->checkpoint == (std::string_view(function) == "503"));
        CHECK_FALSE(builder.claim(r, 978));
        Totals counted;
        counted[Total::net] = 700;
        const auto answer = builder.answer(r, {ResponseCode("00"), {}, {}, counted}, true);
        REQUIRE(answer);
        REQUIRE(iso8583::unpack(*later, *answer, in));
        CHECK(in.mti() == "1510");
        CHECK(in.field(39) == "500");
        CHECK(in.field(24) == function);
        const auto said = iso8583::read_totals(*later, in, 963);
        REQUIRE(said);
        CHECK(said->totals[Total::net] == 700);
    }
}

TEST_CASE("frames: an advice says what the box approved, in each edition as it says it, and its repeat the same but for its type") {
    entry::Payment p;
    p.time_ns = 1'795'000'000'000'000'000;
    p.outcome = entry::Outcome::approved;
    p.link_stan = 77;
    p.amount = {1'250, 963};
    p.key = {AcquirerId("970002"), TerminalId("T0000001"), 42,
             Rrn("RRN100000042"),  FixedText<6>("101112"), FixedText<4>("1122")};
    p.merchant = MerchantId("M1");
    p.response_code = ResponseCode("00");
    p.auth_code = AuthCode("123456");
    entry::AdviceData advice;
    advice.expiry = FixedText<4>("2812");
    advice.entry_mode = FixedText<12>("051");
    advice.card_sequence = FixedText<3>("001");
    advice.chip = Buffer{std::byte{0x9F}, std::byte{0x27}, std::byte{1}, std::byte{0x80}};
    for (const char* name : {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"}) {
        CAPTURE(name);
        const iso8583::Dialect of = *iso8583::load_dialect(std::string(GIRO_SOURCE_DIR "/firmware-config/dialects/") + name + ".toml");
        for (const bool repeat : {false, true}) {
            const auto frame = FrameBuilder(of).link_advice(p, advice, *Pan::parse("9700030000000011"), repeat);
            REQUIRE(frame);
            iso8583::Message m;
            REQUIRE(iso8583::unpack(of, *frame, m));
            PaymentRequest read;
            REQUIRE(iso8583::to_request(of, *frame, m, read));
            CHECK(read.mti == (repeat ? 0x0221 : 0x0220));
            CHECK(read.pan.reveal() == "9700030000000011");
            CHECK(read.amount == 1'250);
            CHECK(read.currency == 963);
            CHECK(read.stan == 77);
            CHECK(read.rrn.view() == "RRN100000042");
            CHECK(read.terminal.view() == "T0000001");
            CHECK(read.acquirer.view() == "970002");
            CHECK(read.local_time.view() == "101112");
            CHECK(read.local_date.view() == "1122");
            CHECK(read.auth_code.view() == "123456");
            CHECK(read.response_code.view() == "00");
            CHECK(read.expiry.view() == "2812");
            CHECK(read.has_mac);
            CHECK(*iso8583::chip_bytes_of(of, m) == advice.chip);
            const bool same_edition = of.edition == iso8583::Edition::y1987;
            CHECK(m.has(22) == same_edition);
            if (!same_edition) CHECK(read.reason == MessageReason::issuer_unavailable);
        }
    }
    // Its reversal names what the host has seen.
    const auto reversal = FrameBuilder(dialect()).link_reversal(p, 0, *Pan::parse("9700030000000011"), MessageReason::none, true);
    REQUIRE(reversal);
    iso8583::Message m;
    REQUIRE(iso8583::unpack(dialect(), *reversal, m));
    CHECK(m.mti() == "0401");
    CHECK(m.field(90).substr(0, 10) == "0220000077");
}

TEST_CASE("frames: of the chip data that goes into an advice no card number, track or name is kept, and nothing that no list knows") {
    const auto tlv = [](std::initializer_list<int> tag, std::size_t size) {
        Buffer out;
        for (const int t : tag) out.push_back(static_cast<std::byte>(t));
        out.push_back(static_cast<std::byte>(size));
        out.insert(out.end(), size, std::byte{0x11});
        return out;
    };
    Buffer chip;
    const auto add = [&chip](const Buffer& b) { chip.insert(chip.end(), b.begin(), b.end()); };
    add(tlv({0x5A}, 8));
    add(tlv({0x57}, 17));
    add(tlv({0x9F, 0x26}, 8));
    add(tlv({0x9F, 0x6B}, 17));
    add(tlv({0x5F, 0x20}, 10));
    add(tlv({0x9F, 0x10}, 33));  // too long
    add(tlv({0x95}, 5));
    add(tlv({0xDF, 0x01}, 4));
    iso8583::Message m;
    REQUIRE(iso8583::put_chip(dialect(), m, chip));
    m.set(22, "051");
    m.set(23, "002");
    PaymentRequest request;
    request.expiry = FixedText<4>("2812");
    const auto advice = advice_data(dialect(), m, request);
    CHECK(advice.edition == 1987);
    CHECK(advice.expiry.view() == "2812");
    CHECK(advice.entry_mode.view() == "051");
    CHECK(advice.card_sequence.view() == "002");
    Buffer kept = tlv({0x9F, 0x26}, 8);
    const Buffer tvr = tlv({0x95}, 5);
    kept.insert(kept.end(), tvr.begin(), tvr.end());
    CHECK(advice.chip == kept);
}
