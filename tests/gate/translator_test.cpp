#include "appliance/giro-gate/translator.hpp"

#include <doctest/doctest.h>

#include "iso8583/request.hpp"
#include "sample.hpp"

namespace {
using namespace giro;
using namespace giro::gate;
using Source = PaymentRequest::Source;

Refusal refused(Translator& translator, Bytes frame, Source source = Source::terminal) {
    const auto read = translator.read(frame, source);
    REQUIRE_FALSE(read.has_value());
    return read.error();
}
}  // namespace

TEST_CASE("translator: a purchase arrives field by field") {
    Translator translator(dialect(), 3);
    const Buffer frame = purchase();
    const auto read = translator.read(frame, Source::terminal);
    REQUIRE(read.has_value());
    const PaymentRequest& r = **read;
    CHECK(r.source == Source::terminal);
    CHECK(r.dialect == 3);
    CHECK(r.mti == 0x0200);
    CHECK(r.pan.reveal() == "9700010000000018");
    CHECK(r.processing_code == 0);
    CHECK(r.amount == 2372);
    CHECK(r.transmission_time.view() == "1122153000");
    CHECK(r.stan == 4711);
    CHECK(r.local_time.view() == "163000");
    CHECK(r.local_date.view() == "1122");
    CHECK(r.expiry.view() == "2912");
    CHECK(r.acquirer.view() == "970002");
    CHECK(r.rrn.view() == "632616004711");
    CHECK(r.auth_code.empty());
    CHECK(r.response_code.empty());
    CHECK(r.terminal.view() == "T0000001");
    CHECK(r.merchant.view() == "M00000000000001");
    CHECK(r.currency == 963);
    CHECK(r.network_code == 0);
    CHECK(r.original.empty());
    CHECK(r.has_mac);
    CHECK(as_text(r.mac) == "\x01\x02\x03\x04\x05\x06\x07\x08");
    CHECK(r.additional.empty());
    CHECK(r.qr.empty());
    CHECK(r.raw.data() == frame.data());
    CHECK(r.raw.size() == frame.size());
}

TEST_CASE("translator: nothing of one message is left in the next") {
    Translator translator(dialect(), 0);
    iso8583::Message m;
    fill_reversal(m);
    m.set(48, "more");
    m.set(63, "QR");
    const Buffer full = packed(m);
    const auto first = translator.read(full, Source::terminal);
    REQUIRE(first.has_value());
    CHECK((*first)->mti == 0x0400);
    CHECK((*first)->original.view() == "020000471111221530000000097000200000000000");
    CHECK(as_text((*first)->additional) == "more");
    CHECK(as_text((*first)->qr) == "QR");
    fill_echo(m);
    m.remove(128);
    const Buffer echo = packed(m);
    const auto second = translator.read(echo, Source::terminal);
    REQUIRE(second.has_value());
    const PaymentRequest& r = **second;
    CHECK(r.mti == 0x0800);
    CHECK(r.network_code == 301);
    CHECK(r.pan.empty());
    CHECK(r.amount == 0);
    CHECK(r.rrn.empty());
    CHECK(r.original.empty());
    CHECK(r.additional.empty());
    CHECK(r.qr.empty());
    CHECK_FALSE(r.has_mac);
}

TEST_CASE("translator: an issuer's answers are served on a link only, requests on a terminal only") {
    Translator translator(dialect(), 0);
    iso8583::Message m;
    fill_purchase(m);
    m.set_mti("0210");
    m.set(39, "00");
    m.set(38, "ABC123");
    const Buffer answer = packed(m);
    const auto read = translator.read(answer, Source::link);
    REQUIRE(read.has_value());
    CHECK((*read)->response_code.view() == "00");
    CHECK((*read)->auth_code.view() == "ABC123");
    CHECK(refused(translator, answer) == Refusal::unanswerable);
    CHECK(refused(translator, purchase(), Source::link) == Refusal::not_served);
    for (const char* mti : {"0230", "0410"}) {  // to its advices and reversals
        m.set_mti(mti);
        CHECK(translator.read(packed(m), Source::link).has_value());
        CHECK(refused(translator, packed(m)) == Refusal::unanswerable);
    }
    m.remove(39);
    CHECK(refused(translator, packed(m), Source::link) == Refusal::unanswerable);
}

TEST_CASE("translator: every mandatory field is missed") {
    Translator translator(dialect(), 0);
    const auto misses = [&](void (*fill)(iso8583::Message&), std::initializer_list<unsigned> fields) {
        for (const unsigned n : fields) {
            CAPTURE(n);
            iso8583::Message m;
            fill(m);
            m.remove(n);
            CHECK(refused(translator, packed(m)) == Refusal::format_error);
        }
    };
    misses(fill_purchase, {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49});
    misses(fill_reversal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 49, 90});
    misses(fill_echo, {7, 11, 41, 70});
    misses([](iso8583::Message& m) { fill_reversal(m), m.set_mti("0421"); }, {3, 4, 7, 11, 12, 13, 32, 37, 41, 49, 90});
    misses([](iso8583::Message& m) { fill_reversal(m), m.set_mti("0320"); }, {3, 4, 7, 11, 12, 13, 32, 37, 41, 49, 90});
    misses(fill_reconciliation, {7, 11, 12, 13, 32, 41, 97});
}

TEST_CASE("translator: a repeat is served as what it repeats, and the switch is told that it is one") {
    Translator translator(dialect(), 0);
    for (const char* mti : {"0100", "0101", "0220", "0221", "0201", "0401", "0420", "0421", "0801", "0320", "0321", "0500", "0501", "0520"}) {
        iso8583::Message m;
        fill_reversal(m);
        m.set(70, "301");
        m.set(97, "D0000000000002372");
        m.set_mti(mti);
        const Buffer frame = packed(m);
        const auto read = translator.read(frame, Source::terminal);
        REQUIRE(read.has_value());
        CHECK((*read)->mti == iso8583::to_mti(mti));
        CHECK((without_repeat((*read)->mti) & 0xf) == 0);
        CHECK(refused(translator, frame, Source::link) == Refusal::not_served);
    }
}

TEST_CASE("translator: replacement amounts begin with twelve digits, or the message is malformed") {
    Translator translator(dialect(), 0);
    iso8583::Message m;
    const auto with = [&](std::string_view amounts) {
        fill_reversal(m);
        m.set(95, amounts);
        static Buffer frame;
        frame = packed(m);
        return translator.read(frame, Source::terminal);
    };
    const std::string rest(30, '0');
    const auto good = with("000000000900" + rest);
    REQUIRE(good.has_value());
    CHECK((*good)->replacement == 900);
    for (const char* bad : {"00000000090X", "ABCDEF000000", "C00000000900"}) {
        CAPTURE(bad);
        CHECK_FALSE(with(bad + rest).has_value());
    }
    fill_reversal(m);
    const Buffer without = packed(m);
    REQUIRE(translator.read(without, Source::terminal).has_value());
    CHECK((*translator.read(without, Source::terminal))->replacement == 0);
}

TEST_CASE("translator: a card number that is none and a currency in letters are format errors") {
    Translator translator(dialect(), 0);
    iso8583::Message m;
    fill_purchase(m);
    m.set(2, "1234567");
    CHECK(refused(translator, packed(m)) == Refusal::format_error);
    fill_purchase(m);
    m.set(49, "EUR");
    CHECK(refused(translator, packed(m)) == Refusal::format_error);
}

TEST_CASE("translator: the refusal is the request's answer with what could be read, and unpacks") {
    Translator translator(dialect(), 0);
    struct Case {
        std::string_view mti, answer_mti, code;
        Refusal why;
        bool cut;  // the frame's last byte is missing
    };
    const Case cases[] = {
        {"0200", "0210", "30", Refusal::format_error, true}, {"0120", "0130", "12", Refusal::not_served, false},
        {"0301", "0310", "12", Refusal::not_served, false},  {"0620", "0630", "12", Refusal::not_served, false},
        {"9989", "9998", "12", Refusal::not_served, false},
    };
    for (const Case& c : cases) {
        CAPTURE(c.mti);
        iso8583::Message m;
        fill_purchase(m);
        m.set_mti(c.mti);
        Buffer frame = packed(m);
        if (c.cut) frame.pop_back();
        CHECK(refused(translator, frame) == c.why);
        iso8583::Message answer;
        const Bytes out = translator.refusal(c.why);
        REQUIRE(iso8583::unpack(dialect(), out, answer).has_value());
        CHECK(answer.mti() == c.answer_mti);
        CHECK(answer.field(39) == c.code);
        CHECK(answer.field(11) == "004711");
        CHECK(answer.field(41) == "T0000001");
        CHECK_FALSE(answer.has(64));
    }
}

TEST_CASE("translator: every truncation is refused; an answer is made wherever the type can be read") {
    Translator translator(dialect(), 0);
    const Buffer frame = purchase();
    for (std::size_t size = 0; size < frame.size(); ++size) {
        CAPTURE(size);
        const Refusal why = refused(translator, Bytes(frame).first(size));
        CHECK(why == (size < 4 ? Refusal::unreadable : Refusal::format_error));
        if (why != Refusal::unreadable) CHECK_FALSE(translator.refusal(why).empty());
    }
}

TEST_CASE("translator: every single flipped bit is read, or refused with an answer or a reason") {
    Translator translator(dialect(), 0);
    const Buffer frame = purchase();
    for (std::size_t i = 0; i < frame.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            Buffer flipped = frame;
            flipped[i] ^= static_cast<std::byte>(1 << bit);
            const auto read = translator.read(flipped, Source::terminal);
            if (read) continue;
            if (read.error() != Refusal::format_error && read.error() != Refusal::not_served) continue;
            iso8583::Message answer;
            CHECK(iso8583::unpack(dialect(), translator.refusal(read.error()), answer).has_value());
        }
}
