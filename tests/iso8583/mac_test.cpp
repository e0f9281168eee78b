// What goes under the MAC, setting by setting, against bytes written out here.
#include <doctest/doctest.h>

#include "iso8583/mac.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
Dialect with(std::string_view message, std::string_view mac) {
    const auto dialect = parse_dialect(
        "name = 'x'\n[message]\n" + std::string(message) + "\n[mac]\n" + std::string(mac) +
            "\n[fields]\n3 = { name = 'a', max = 6, content = 'n' }\n11 = { name = 'b', max = 6, content = 'n' }\n"
            "48 = { name = 'c', length = 'LLLVAR', max = 99, content = 'ans' }\n64 = { name = 'm', max = 8, content = "
            "'b', body = 'binary' }\n",
        "d.toml");
    REQUIRE_MESSAGE(dialect.has_value(), (dialect ? "" : dialect.error().what));
    return *dialect;
}

std::string covered(const Dialect& dialect) {
    Message m;
    m.set_mti("0200");
    m.set(3, "000000");
    m.set(11, "000471");
    m.set(48, "Abc");
    m.set(64, "\1\2\3\4\5\6\7\10");
    const Buffer frame = packed(dialect, m);
    Buffer scratch;
    const auto input = mac_input(dialect, frame, scratch);
    REQUIRE(input);
    CHECK(to_hex(input->mac) == "0102030405060708");
    return to_hex(input->covered);
}

const std::string kMti = "30323030", kBitmap = "2020000000010001", kDe3 = "303030303030", kDe11 = "303030343731",
                  kDe48 = "303033416263";
const std::string kMessage = kMti + kBitmap + kDe3 + kDe11 + kDe48;
}  // namespace

TEST_CASE("mac: without a word of the dialect, all of the message up to the MAC field") {
    CHECK(covered(with("", "")) == kMessage);
    CHECK(covered(with("header = 'tpdu'", "")) == kMessage);
}

TEST_CASE("mac: header and length come in front of it where the dialect says so") {
    CHECK(covered(with("header = 'tpdu'", "header = true")) == "6000000000" + kMessage);
    CHECK(covered(with("", "length = 'binary2'")) == "0026" + kMessage);
    CHECK(covered(with("", "length = 'binary4'")) == "00000026" + kMessage);
    CHECK(covered(with("", "length = 'ascii4'")) == "30303338" + kMessage);
    CHECK(covered(with("", "length = 'bcd2'")) == "0038" + kMessage);
    CHECK(covered(with("header = 'tpdu'", "length = 'bcd4'\nheader = true")) ==
          "00000043"
          "6000000000" +
              kMessage);
}

TEST_CASE("mac: named fields as on the wire, in the order named; an absent one adds nothing") {
    CHECK(covered(with("", "fields = [0, 11, 3]")) == kMti + kDe11 + kDe3);
    CHECK(covered(with("", "fields = [48, 1]")) == kDe48 + kBitmap);
    const Dialect d = with("", "fields = [3, 48]");
    Message m;
    m.set(3, "123456");
    m.set(64, "\1\2\3\4\5\6\7\10");
    const Buffer frame = packed(d, m);
    Buffer scratch;
    CHECK(as_text(mac_input(d, frame, scratch)->covered) == "123456");
    m.remove(64);
    CHECK(mac_input(d, packed(d, m), scratch).error().reason == Reason::no_mac);
    CHECK(mac_input(d, Bytes(frame).first(frame.size() - 9), scratch).has_value() == false);
}

TEST_CASE("mac: a coverage that cannot be is refused with its line") {
    const auto complaint = [](std::string_view mac) {
        const auto dialect = parse_dialect("name = 'x'\n[message]\n[mac]\n" + std::string(mac) +
                                               "\n[fields]\n3 = { name = 'a', max = 6, content = 'n' }\n64 = { name = "
                                               "'m', max = 8, content = 'b', body = 'binary' }\n",
                                           "d.toml");
        REQUIRE_FALSE(dialect);
        return dialect.error().what;
    };
    CHECK(complaint("fields = []").starts_with("d.toml:4: \"fields\" must be a list"));
    CHECK(complaint("fields = [3, 4]").starts_with("d.toml:4: field 4 cannot be under the MAC"));
    CHECK(complaint("fields = [64]").starts_with("d.toml:4: field 64 cannot be under the MAC"));
    CHECK(complaint("fields = [3, 3]").starts_with("d.toml:4: field 3 is listed twice"));
    CHECK(complaint("length = 'bcd3'").starts_with("d.toml:4: \"length\" must be one of: none binary2"));
    CHECK(complaint("headers = true").starts_with("d.toml:4: unknown setting \"headers\""));
}
