// What people see of a frame: everything but card data, and where and why it does not parse.
#include <doctest/doctest.h>

#include <algorithm>

#include "iso8583/explain.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
Dialect dialect(const char* name) {
    return shipped_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects", name);
}
const ExplainedLine* find(const Explanation& e, std::string_view label) {
    const auto found = std::ranges::find(e.lines, label, &ExplainedLine::label);
    return found == e.lines.end() ? nullptr : &*found;
}
}  // namespace

TEST_CASE("explain: no dialect shows a card's number, its track, expiry or PIN block, neither decoded nor raw") {
    for (const char* name : kShippedDialects) {
        CAPTURE(name);
        const Dialect d = dialect(name);
        Message m;
        fill_everything(d, m);
        const std::string text = explain(d, packed(d, m));
        CAPTURE(text);
        CHECK(text.find("541333******0011") != std::string::npos);
        // 5413330089020011 in ASCII, EBCDIC and packed; the track behind it; the PIN block.
        for (const char* secret : {"5413330089020011", "3333303038393032", "F3F3F3F0F0F8F9F0F2", "3330089020", "2912",
                                   "PINBLOCK", "50494E42"})
            CHECK(text.find(secret) == std::string::npos);
    }
}

TEST_CASE("explain: what is inside a field stands below it, indented, with offset and name") {
    const Dialect d = dialect("iso1987-bcd");
    Message m;
    fill_everything(d, m);
    const Buffer frame = packed(d, m);
    const Explanation e = explain_frame(d, frame);
    CHECK_FALSE(e.refusal);
    const auto* chip = find(e, "DE55");
    const auto* cryptogram = find(e, "9F26");
    REQUIRE(chip != nullptr);
    REQUIRE(cryptogram != nullptr);
    CHECK(cryptogram->depth == 1);
    CHECK(cryptogram->name == "Application cryptogram");
    CHECK(cryptogram->value == "1122334455667788");
    CHECK(cryptogram->offset == chip->offset + 2 + 9);  // its length, and the amount before it
    CHECK(frame[cryptogram->offset] == std::byte{0x9f});
    CHECK(find(e, "5A")->value == "541333******0011");
    CHECK(find(e, "57")->value.starts_with("541333******0011 ("));
    CHECK(find(e, "DF8129")->value == "(3 hidden)");
    const auto type = std::ranges::find(e.lines, "Transaction type", &ExplainedLine::name);
    REQUIRE(type != e.lines.end());
    CHECK(type->value == "\"00\"");
}

TEST_CASE("explain: a frame that does not parse says where, why and what was expected") {
    const Dialect d = dialect("iso1987-ascii");
    Message m;
    fill_purchase(d, m);
    Buffer frame = packed(d, m);
    frame[12 + 2 + 16 + 6] = std::byte{'x'};
    const Explanation e = explain_frame(d, frame);
    REQUIRE(e.refusal);
    CHECK(e.refusal->where == "DE4");
    CHECK(e.refusal->offset == 36);
    CHECK(e.refusal->expected == "exactly 12 characters in ascii: digits");
    CHECK(find(e, "DE3") != nullptr);
    CHECK(find(e, "DE4") == nullptr);
    CHECK(expected_of(d, 0) == "4 digits of message type in 4 bytes");
    CHECK(expected_of(d, 2) ==
          "a length in 2 bytes (ascii, counting characters), then at most 19 characters in ascii: digits");
    CHECK(expected_of(dialect("iso2003"), 55) ==
          "a length in 2 bytes (bcd, counting bytes), then at most 4000 bytes in binary: any bytes; inside: emv");
    frame = packed(d, m);
    frame.push_back(std::byte{0});
    CHECK(explain_frame(d, frame).refusal->expected == "the end of the message: 1 bytes are left");
}

TEST_CASE("explain: lines cover the frame without a hole, in order") {
    for (const char* name : kShippedDialects) {
        CAPTURE(name);
        Dialect d = dialect(name);
        d.header = Header::tpdu;
        Message m;
        fill_everything(d, m);
        const Buffer frame = packed(d, m);
        std::size_t at = 0;
        for (const auto& line : explain_frame(d, frame).lines) {
            if (line.depth != 0) continue;
            CHECK(line.offset == at);
            at += line.bytes;
        }
        CHECK(at == frame.size());
    }
}

TEST_CASE("explain: an unmasked field with a masked part, or with tags that do not parse, shows nothing of it") {
    const auto shown = [](std::string_view layout, std::string_view value) {
        const auto d = parse_dialect("name = 'x'\n[message]\n[fields]\n48 = { name = 'f', length = 'LLLVAR', max = 99, content = 'ans', layout = 'x' }\n[layouts.x]\n" +
                                         std::string(layout), "d.toml");
        REQUIRE_MESSAGE(d.has_value(), (d ? "" : d.error().what));
        Message m;
        m.set(48, value);
        return explain(*d, packed(*d, m));
    };
    const char* parts = "kind = 'parts'\nstrict = false\nparts = [ { name = 'open', size = 2 }, { name = 'secret', size = 4, mask = 'hide' } ]\n";
    const char* tags = "kind = 'tlv'\nstrict = false\ntag_bytes = 2\nlength_bytes = 3\n";
    for (const auto& text : {shown(parts, "AB7391"), shown(parts, "AB739"), shown(tags, "01004739173"), shown(tags, "010047391")}) {
        CAPTURE(text);
        CHECK(text.find("73") == std::string::npos);
        CHECK(text.find("37") == std::string::npos);
    }
    CHECK(shown(parts, "AB7391").find("open: \"AB\"") != std::string::npos);
}
