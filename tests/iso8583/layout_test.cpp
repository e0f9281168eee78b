// What is inside a field: tags and parts, good ones and hostile ones.
#include <doctest/doctest.h>

#include "iso8583/layout.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
Dialect with(std::string_view layouts) {
    const auto dialect = parse_dialect(
        "name = 'x'\n[message]\n[fields]\n48 = { name = 'f', length = 'LLLVAR', max = 999, content = 'b', body = "
        "'binary', layout = 'x' }\n" +
            std::string(layouts),
        "d.toml");
    REQUIRE_MESSAGE(dialect.has_value(), (dialect ? "" : dialect.error().what));
    return *dialect;
}
std::string complaint(std::string_view layouts) {
    const auto dialect = parse_dialect(
        "name = 'x'\n[message]\n[fields]\n48 = { name = 'f', length = 'LLLVAR', max = 999, content = 'b', body = "
        "'binary', layout = 'x' }\n" +
            std::string(layouts),
        "d.toml");
    REQUIRE_FALSE(dialect.has_value());
    return dialect.error().what;
}

// Tag=value of every element, nested ones in brackets, then the fault.
std::string read(const Dialect& d, const Layout& layout, Bytes value, unsigned depth = 1) {
    std::string out;
    ElementReader reader(layout, value);
    while (const auto e = reader.next()) {
        const Layout* inside = layout_inside(d.layouts, layout, *e);
        out += (out.empty() ? "" : " ") + to_hex(e->tag) + "=";
        out += inside != nullptr && depth < kLayoutDepthMax ? "[" + read(d, *inside, e->value, depth + 1) + "]"
                                                            : to_hex(e->value);
    }
    if (reader.fault() != ElementFault::none)
        out += " !" + std::string(to_string(reader.fault())) + " at " + std::to_string(reader.at());
    return out;
}
std::string read(const Dialect& d, std::string_view hex) {
    return read(d, d.layouts[0], *from_hex(hex));
}

const char* kEmv =
    "[layouts.x]\nkind = 'ber-tlv'\ntags.5A = { name = 'PAN', mask = 'pan', body = 'bcd' }\ntags.70 = { name = "
    "'record', layout = 'x' }\n";
}  // namespace

TEST_CASE("layout: BER-TLV tags of one to four bytes, lengths of one to three, padding between them") {
    const Dialect d = with(kEmv);
    CHECK(read(d,
               "5a0412345678"
               "9f260111"
               "df812902aabb"
               "9f818101"
               "01cc") == "5a=12345678 9f26=11 df8129=aabb 9f818101=cc");
    CHECK(read(d,
               "0000"
               "5a00"
               "00"
               "c00101"
               "00") == "5a= c0=01");
    CHECK(read(d,
               "c08101"
               "aa"
               "c0820001"
               "bb") == "c0=aa c0=bb");
    CHECK(read(d,
               "7006"
               "5a0112"
               "c00113") == "70=[5a=12 c0=13]");
    CHECK(read(d, "") == "");
}

TEST_CASE("layout: a broken TLV says what and where") {
    const Dialect d = with(kEmv);
    CHECK(read(d,
               "5a0112"
               "9f") == "5a=12 !a tag that is cut off or too long at 3");
    CHECK(read(d,
               "9f81818101"
               "00") == " !a tag that is cut off or too long at 0");
    CHECK(read(d, "5a") == " !a length that is cut off or no number in its encoding at 1");
    CHECK(read(d, "5a80") == " !a length that is cut off or no number in its encoding at 1");  // indefinite
    CHECK(read(d, "5a83000001aa").find("at 1") != std::string::npos);
    CHECK(read(d, "5a8201").find("at 1") != std::string::npos);
    CHECK(read(d,
               "c00112"
               "5a0212") == "c0=12 !a length beyond the end of the field at 4");
    const auto nested = check_elements(d.layouts, d.layouts[0],
                                       *from_hex("c00112"
                                                 "7003"
                                                 "5a0212"));
    CHECK(nested.fault == ElementFault::length_beyond);
    CHECK(nested.offset == 6);
}

TEST_CASE("layout: nesting ends at four") {
    const Dialect d = with(kEmv);
    const auto fault = [&](std::string_view hex) {
        return check_elements(d.layouts, d.layouts[0], *from_hex(hex)).fault;
    };
    CHECK(fault("7006"
                "7004"
                "7002"
                "5a00") == ElementFault::none);
    CHECK(fault("7008"
                "7006"
                "7004"
                "7002"
                "5a00") == ElementFault::too_deep);
}

TEST_CASE("layout: tags and lengths of a fixed size in ascii, bcd and binary") {
    const Dialect ascii =
        with("[layouts.x]\nkind = 'tlv'\ntag_bytes = 2\nlength_bytes = 3\ntags.01 = { name = 'one' }\n");
    CHECK(read(ascii, to_hex(as_bytes("01003abc"
                                      "ZZ000"))) == to_hex(as_bytes("01")) + "=616263 5a5a=");
    CHECK(ascii.layouts[0].find(as_bytes("01"))->name == "one");
    CHECK(read(ascii, to_hex(as_bytes("0100xabc"))).find("no number in its encoding at 2") != std::string::npos);
    CHECK(read(ascii, to_hex(as_bytes("01004abc"))).find("beyond the end of the field at 2") != std::string::npos);
    const Dialect bcd = with(
        "[layouts.x]\nkind = 'tlv'\ntag = 'binary'\nlength = 'bcd'\ntag_bytes = 1\nlength_bytes = 2\ntags.FE = { name "
        "= 'x' }\n");
    CHECK(read(bcd,
               "fe0010"
               "00112233445566778899"
               "01"
               "0000") == "fe=00112233445566778899 01=");
    CHECK(read(bcd, "fe000a00").find("no number in its encoding at 1") != std::string::npos);
    const Dialect binary =
        with("[layouts.x]\nkind = 'tlv'\ntag = 'bcd'\nlength = 'binary'\ntag_bytes = 2\nlength_bytes = 1\n");
    CHECK(read(binary, "123402aabb") == "1234=aabb");
}

TEST_CASE("layout: parts one behind the other, the last may be the rest") {
    const Dialect d =
        with("[layouts.x]\nkind = 'parts'\nparts = [ { name = 'a', size = 2 }, { name = 'b', size = 1 } ]\n");
    CHECK(read(d, "112233") == "=1122 =33");
    CHECK(read(d, "1122") == "=1122");
    CHECK(read(d, "11") == " !a part that is cut off at 0");
    CHECK(read(d, "11223344") == "=1122 =33 !bytes behind the last part at 3");
    const Dialect rest =
        with("[layouts.x]\nkind = 'parts'\nparts = [ { name = 'a', size = 2 }, { name = 'b', size = 0 } ]\n");
    CHECK(read(rest, "1122334455") == "=1122 =334455");
}

TEST_CASE(
    "layout: a field that does not fit a strict layout is refused at its byte, a lax one is taken byte for byte") {
    const std::string frame = to_hex(as_bytes("0200")) + "0000000000010000" + to_hex(as_bytes("004")) + "5a0412";
    for (const bool strict : {true, false}) {
        const Dialect d = with(std::string(kEmv) + (strict ? "" : "strict = false\n"));
        Message m;
        const Buffer bytes = *from_hex(frame + "34");
        const auto result = unpack(d, bytes, m);
        CHECK(result.has_value() == !strict);
        if (!result)
            CHECK(result.error() == CodecError{Reason::bad_layout, 48, 16});
        else
            CHECK(packed(d, m) == bytes);
    }
}

TEST_CASE("layout: an unknown constructed tag is taken whatever is in it") {
    const Dialect d = with(kEmv);
    CHECK(check_elements(d.layouts, d.layouts[0], *from_hex("e003ffffff")).fault == ElementFault::none);
}

TEST_CASE("layout: an element is found by its tag, in templates too") {
    const Dialect d = with(kEmv);
    const Buffer value = *from_hex(
        "c00101"
        "7005"
        "5a03111213"
        "9f260142");
    const auto find = [&](std::string_view tag) {
        return find_element(d.layouts, d.layouts[0], value, *from_hex(tag));
    };
    CHECK(to_hex(*find("9f26")) == "42");
    CHECK(to_hex(*find("5a")) == "111213");
    CHECK_FALSE(find("9f27"));
    CHECK_FALSE(find(""));
}

TEST_CASE("layout: a mistake names its line and what to write") {
    CHECK(complaint("").starts_with("d.toml:4: there is no [layouts.x]"));
    CHECK(complaint("[layouts.x]\n").starts_with("d.toml:5: \"kind\" is missing"));
    CHECK(complaint("[layouts.x]\nkind = 'ber'\n").starts_with("d.toml:6: \"kind\" must be one of: ber-tlv tlv parts"));
    CHECK(complaint("[layouts.x]\nkind = 'tlv'\nlength_bytes = 3\n").starts_with("d.toml:5: \"tag_bytes\" is missing"));
    CHECK(complaint("[layouts.x]\nkind = 'ber-tlv'\ntag_bytes = 3\n")
              .starts_with("d.toml:7: \"tag_bytes\" is for kind = \"tlv\""));
    CHECK(complaint("[layouts.x]\nkind = 'ber-tlv'\ntags.5Z = { name = 'x' }\n")
              .starts_with("d.toml:7: tag \"5Z\" must be hexadecimal"));
    CHECK(complaint("[layouts.x]\nkind = 'ber-tlv'\ntags.5A = { }\n").starts_with("d.toml:7: \"name\" is missing"));
    CHECK(complaint("[layouts.x]\nkind = 'ber-tlv'\ntags.5A = { name = 'x' }\ntags.5a = { name = 'y' }\n")
              .find("a tag is given twice") != std::string::npos);
    CHECK(complaint("[layouts.x]\nkind = 'parts'\n").starts_with("d.toml:5: \"parts\" must be a list"));
    CHECK(complaint("[layouts.x]\nkind = 'parts'\nparts = [ { name = 'a', size = 0 }, { name = 'b', size = 1 } ]\n")
              .find("only the last part may have size 0") != std::string::npos);
    CHECK(complaint("[layouts.x]\nkind = 'ber-tlv'\ntags.5A = { name = 'x', layout = 'y' }\n")
              .starts_with("d.toml:7: there is no [layouts.y]"));
}

TEST_CASE("layout: every fault has words of its own") {
    for (int a = 0; a <= static_cast<int>(ElementFault::left_over); ++a)
        for (int b = 0; b < a; ++b)
            CHECK(to_string(static_cast<ElementFault>(a)) != to_string(static_cast<ElementFault>(b)));
}

TEST_CASE("layout: parts without a part end in a refusal, not in the program's end") {  // tests/fuzz, target iso8583_dialect
    const auto dialect = parse_dialect("name = 'x'\n[message]\n[fields]\n3 = { name = 'f', max = 6, content = 'n', layout = 'x' }\n[layouts.x]\nkind = 'parts'\n", "d.toml");
    REQUIRE_FALSE(dialect.has_value());
    CHECK(dialect.error().what.starts_with("d.toml:5: \"parts\" must be a list"));
}
