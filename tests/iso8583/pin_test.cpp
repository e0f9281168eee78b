// Encrypted PINs: where each dialect's messages carry a block of 8 or of 16 bytes.
#include <doctest/doctest.h>

#include "iso8583/ksn.hpp"
#include "iso8583/pin.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
Dialect shipped(const std::string& name) {
    const auto dialect = load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/" + name + ".toml");
    REQUIRE(dialect.has_value());
    return *dialect;
}
Buffer block(std::size_t bytes) {
    Buffer out(bytes);
    for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(0xe0 - 13 * i);
    return out;
}
std::string complaint(const std::string& setting, const std::string& field) {
    const auto dialect = parse_dialect("name = 'x'\n[message]\n" + setting + "\n[fields]\n" + field + "\n", "d.toml");
    return dialect ? "" : dialect.error().what;
}
}  // namespace

TEST_CASE(
    "PIN block: every shipped dialect carries 8 bytes in DE52 and 16 in its pin_field, and reads back what it wrote") {
    for (const char* name : {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"}) {
        CAPTURE(name);
        const Dialect dialect = shipped(name);
        REQUIRE(dialect.pin_field != 0);
        CHECK(dialect.pin_field != dialect.ksn_field);
        CHECK(dialect.fields[dialect.pin_field].mask == Masking::hide);
        for (const std::size_t bytes : {kPinBlockBytes, kAesPinBlockBytes}) {
            REQUIRE(carries_pin_block(dialect, bytes));
            Message m;
            m.set_mti(dialect.edition == Edition::y1987 ? "0200" : dialect.edition == Edition::y1993 ? "1200" : "2200");
            put_pin_block(dialect, m, block(bytes));
            CHECK(m.has(bytes == kPinBlockBytes ? 52 : dialect.pin_field));
            const Buffer frame = packed(dialect, m);
            Message read;
            REQUIRE(unpack(dialect, frame, read));
            const PinBlock found = pin_block_of(dialect, read);
            CHECK(found.present);
            CHECK(to_hex(found.view()) == to_hex(block(bytes)));
        }
        CHECK_FALSE(pin_block_of(dialect, Message()).present);
    }
}

TEST_CASE("PIN block: a field that holds none is not the same as no field; two fields are none either") {
    const Dialect dialect = shipped("iso1987-ascii");
    for (const std::string text : {"", "00112233", "0011223344556677", "00112233445566778899aabbccddeef",
                                   "00112233445566778899aabbccddeefg", "00112233445566778899aabbccddeeff00"}) {
        CAPTURE(text);
        Message m;
        m.set(dialect.pin_field, text);
        const PinBlock found = pin_block_of(dialect, m);
        CHECK(found.present);
        CHECK(found.size == 0);
    }
    Message m;
    put_pin_block(dialect, m, block(16));
    CHECK(pin_block_of(dialect, m).size == 16);
    put_pin_block(dialect, m, block(8));
    CHECK(pin_block_of(dialect, m).present);
    CHECK(pin_block_of(dialect, m).size == 0);
}

TEST_CASE("PIN block: a dialect whose DE52 takes both sizes names it, one without pin_field takes 8 bytes alone") {
    const auto both = parse_dialect(
        "name = 'x'\n[message]\npin_field = 52\n[fields]\n52 = { name = 'p', length = 'LLVAR', max = 16, content = "
        "'b', body = 'binary' }\n",
        "d.toml");
    REQUIRE(both.has_value());
    CHECK(both->fields[52].mask == Masking::hide);  // though the file does not say so
    for (const std::size_t bytes : {kPinBlockBytes, kAesPinBlockBytes}) {
        CHECK(carries_pin_block(*both, bytes));
        Message m;
        put_pin_block(*both, m, block(bytes));
        CHECK(pin_block_of(*both, m).size == bytes);
    }
    Dialect eight = shipped("iso1987-ascii");
    eight.pin_field = 0;
    CHECK(carries_pin_block(eight, kPinBlockBytes));
    CHECK_FALSE(carries_pin_block(eight, kAesPinBlockBytes));
}

TEST_CASE("dialect: a pin_field that cannot hold a block of AES, or is the KSN's, is refused with its line") {
    CHECK(complaint("pin_field = 61", "61 = { name = 'p', length = 'LLLVAR', max = 32, content = 'an' }").empty());
    CHECK(complaint("pin_field = 61", "61 = { name = 'p', max = 16, content = 'b', body = 'binary' }").empty());
    const std::string refusal = "d.toml:3: field 61 cannot hold a PIN block of AES";
    CHECK(complaint("pin_field = 61", "").starts_with(refusal));
    CHECK(complaint("pin_field = 61", "61 = { name = 'p', length = 'LLLVAR', max = 31, content = 'an' }")
              .starts_with(refusal));
    CHECK(complaint("pin_field = 61", "61 = { name = 'p', length = 'LLLVAR', max = 32, content = 'n' }")
              .starts_with(refusal));
    CHECK(complaint("pin_field = 61", "61 = { name = 'p', max = 17, content = 'b', body = 'binary' }")
              .starts_with(refusal));
    CHECK(
        complaint("ksn_field = 61\npin_field = 61", "61 = { name = 'p', length = 'LLLVAR', max = 32, content = 'an' }")
            .starts_with("d.toml:4: field 61 is the ksn_field already"));
}
