// Key serial numbers: their counters, and where each dialect's messages carry them.
#include <doctest/doctest.h>

#include "iso8583/ksn.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;
using payment::Ksn;

namespace {
Ksn ksn(std::string_view digits) {
    return Ksn::parse(*from_hex(digits)).value();
}
Dialect shipped(const std::string& name) {
    const auto dialect = load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/" + name + ".toml");
    REQUIRE(dialect.has_value());
    return *dialect;
}
std::string complaint(const std::string& setting, const std::string& field) {
    const auto dialect =
        parse_dialect("name = 'x'\n[message]\n" + setting + "\n[fields]\n" + field + "\n", "d.toml");
    return dialect ? "" : dialect.error().what;
}
}  // namespace

TEST_CASE("KSN: the counter of AES DUKPT has 32 bits, of TDES DUKPT 21; the device is the rest") {
    const Ksn aes = ksn("123456789012345600000003"), tdes = ksn("ffff9876543210efffff");
    CHECK(aes.counter() == 3);
    CHECK(to_hex(aes.device().view()) == "123456789012345600000000");
    CHECK(to_hex(aes.with_counter(0x01020304).view()) == "123456789012345601020304");
    CHECK(tdes.counter() == 0x0fffff);
    CHECK(to_hex(tdes.device().view()) == "ffff9876543210e00000");
    CHECK(to_hex(tdes.device().with_counter(1).view()) == "ffff9876543210e00001");
    CHECK(tdes.device() == ksn("ffff9876543210e00001").device());
    CHECK_FALSE(tdes.device() == ksn("ffff9876543210000001").device());
    CHECK(Ksn().empty());
    for (const std::size_t size : {0U, 9U, 11U, 13U}) CHECK_FALSE(Ksn::parse(Buffer(size)));
}

TEST_CASE("KSN: a counter of zero or of too many one bits is none that a terminal uses") {
    CHECK_FALSE(ksn("123456789012345600000000").is_counting());
    CHECK(ksn("12345678901234560000ffff").is_counting());
    CHECK_FALSE(ksn("12345678901234560001ffff").is_counting());
    CHECK(ksn("ffff9876543210e003ff").is_counting());
    CHECK_FALSE(ksn("ffff9876543210e007ff").is_counting());
}

TEST_CASE("KSN: every shipped dialect carries it, of both lengths, and reads back what it wrote") {
    for (const char* name : {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"}) {
        CAPTURE(name);
        const Dialect dialect = shipped(name);
        for (const char* digits : {"123456789012345600000003", "ffff9876543210e00001"}) {
            Message m;
            m.set_mti(dialect.edition == Edition::y1987 ? "0200" : dialect.edition == Edition::y1993 ? "1200" : "2200");
            put_ksn(dialect, m, ksn(digits));
            const Buffer frame = packed(dialect, m);
            Message read;
            REQUIRE(unpack(dialect, frame, read));
            REQUIRE(ksn_of(dialect, read).has_value());
            CHECK(*ksn_of(dialect, read) == ksn(digits));
        }
        CHECK_FALSE(ksn_of(dialect, Message()).has_value());
    }
}

TEST_CASE("KSN: what is no number of it is none: other lengths, other characters, odd digits") {
    const Dialect dialect = shipped("iso1987-ascii");
    for (const std::string text : {"", "12", "12345678901234560000000", "12345678901234560000000G", "1234567890123456000000030",
                                   "12345678901234560000000300", "1234 6789012345600000003"}) {
        CAPTURE(text);
        Message m;
        m.set(dialect.ksn_field, text);
        CHECK_FALSE(ksn_of(dialect, m).has_value());
    }
    Message m;
    m.set(dialect.ksn_field, "ABCDEFabcdef123400000001");
    CHECK(to_hex(ksn_of(dialect, m).value().view()) == "abcdefabcdef123400000001");
}

TEST_CASE("dialect: a ksn_field that cannot hold a KSN is refused with its line") {
    const std::string good = "60 = { name = 'k', length = 'LLLVAR', max = 24, content = 'an' }";
    CHECK(complaint("ksn_field = 60", good).empty());
    CHECK(complaint("ksn_field = 53", "53 = { name = 'k', length = 'LLVAR', max = 12, content = 'b', body = 'binary' }").empty());
    const std::string refusal = "d.toml:3: field 60 cannot hold a key serial number";
    CHECK(complaint("ksn_field = 60", "").substr(0, refusal.size()) == refusal);
    CHECK(complaint("ksn_field = 60", "60 = { name = 'k', length = 'LLLVAR', max = 23, content = 'an' }").starts_with(refusal));
    CHECK(complaint("ksn_field = 60", "60 = { name = 'k', length = 'LLLVAR', max = 24, content = 'n' }").starts_with(refusal));
    CHECK(complaint("ksn_field = 60", "60 = { name = 'k', max = 24, content = 'an' }").starts_with(refusal));
    CHECK(complaint("ksn_field = 1", good).starts_with("d.toml:3: \"ksn_field\" must be a number from 2 to 128"));
}
