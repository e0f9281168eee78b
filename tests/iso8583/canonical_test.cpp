// What the editions say elsewhere, against bytes worked out from the standards' tables.
#include <doctest/doctest.h>

#include "iso8583/request.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
Dialect dialect(const char* name) {
    return shipped_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects", name);
}

bool readable(const Dialect& d, void (*fill)(Message&)) {
    Message m, in;
    put_mti(d, m, "0200");
    fill(m);
    const Buffer frame = packed(d, m);
    REQUIRE(unpack(d, frame, in));
    PaymentRequest r;
    return to_request(d, frame, in, r);
}
}  // namespace

TEST_CASE("canonical: 1993 has the date in DE12, three digits in DE39, the original in DE56 and the function in DE24") {
    const Dialect d = dialect("iso1993");
    Message m;
    put_mti(d, m, "0410");
    put_local_time(d, m, "163000", "1122", kSampleTime_ns);
    put_response_code(d, m, "00");
    put_original(d, m, {"0200", 4711, "1122153000", "163000", "1122", "970001"}, kSampleTime_ns);
    put_network_code(d, m, 301);
    CHECK(m.mti() == "1410");
    CHECK(m.field(12) == "261122163000");
    CHECK_FALSE(m.has(13));
    CHECK(m.field(39) == "400");
    CHECK(m.field(56) ==
          "1200004711261122163000"
          "06970001");
    CHECK(m.field(24) == "831");
    put_response_code(d, m, "77");
    CHECK(m.field(39) == "100");
}

TEST_CASE("canonical: 2003 has the currency and its decimals in DE4, 12 digits of STAN, 4 of DE39") {
    const Dialect d = dialect("iso2003");
    Message m;
    put_mti(d, m, "0210");
    put_amount(d, m, 2372, 978);
    put_stan(d, m, 4711);
    put_local_time(d, m, "163000", "1122", kSampleTime_ns);
    put_response_code(d, m, "51");
    put_original(d, m, {"0200", 4711, "1122153000", "163000", "1122", "970001"}, kSampleTime_ns);
    CHECK(m.mti() == "2210");
    CHECK(m.field(4) == "9782000000002372");
    CHECK_FALSE(m.has(49));
    CHECK(m.field(11) == "000000004711");
    CHECK(m.field(12) == "20261122163000");
    CHECK(m.field(39) == "1016");
    CHECK(m.field(56) ==
          "2200"
          "000000004711"
          "20261122163000"
          "00000970001");
}

// A completion without an original is a sale of its own: one that names something else must not pass for that.
TEST_CASE("canonical: an original that can be none of ours is still named") {
    static constexpr struct {
        const char* dialect;
        std::string_view original;
        bool has_stan;
    } kRows[] = {{"iso1993", "1100004711261122163000", true},
                 {"iso1993", "", false},
                 {"iso1993", "110000471", false},
                 {"iso2003", "210000000000471120261122163000", true},
                 {"iso2003", "210010000000471120261122163000", false}};
    for (const auto& row : kRows) {
        CAPTURE(row.original);
        const Dialect d = dialect(row.dialect);
        Message m, in;
        put_mti(d, m, "0220");
        m.set(56, row.original);
        const Buffer frame = packed(d, m);
        PaymentRequest r;
        if (!unpack(d, frame, in) || !to_request(d, frame, in, r)) {  // the layout sees that it is cut
            CHECK_FALSE(row.has_stan);
            continue;
        }
        CHECK_FALSE(r.original.empty());
        CHECK((std::string_view(r.original.chars.data(), 10) == "0100004711") == row.has_stan);
    }
}

TEST_CASE("canonical: the year of a local time is the nearest") {
    constexpr std::uint64_t kNewYear_ns = 1'798'761'600'000'000'000;  // 2027-01-01 00:00:00 UTC
    const Dialect d = dialect("iso2003");
    Message m;
    put_local_time(d, m, "235959", "1231", kNewYear_ns);
    CHECK(m.field(12) == "20261231235959");
    put_local_time(d, m, "000001", "0101", kNewYear_ns - 1'000'000'000);
    CHECK(m.field(12) == "20270101000001");
}

TEST_CASE("canonical: what 2003 can say and Giro cannot keep is a format error, never cut off") {
    const Dialect d = dialect("iso2003");
    CHECK(readable(d, [](Message& m) { m.set(11, "000000999999"); }));
    CHECK_FALSE(readable(d, [](Message& m) { m.set(11, "000001000000"); }));
    CHECK(readable(d, [](Message& m) { m.set(4, "9782000000002372"); }));
    CHECK_FALSE(readable(d, [](Message& m) { m.set(4, "9783000000002372"); }));
    CHECK(readable(d, [](Message& m) { m.set(41, "TERM0001        "); }));
    CHECK_FALSE(readable(d, [](Message& m) { m.set(41, "TERM00012       "); }));
    CHECK(readable(d, [](Message& m) { m.set(42, "SHOP00000000001"); }));
    CHECK_FALSE(readable(d, [](Message& m) { m.set(42, "SHOP000000000012"); }));
}

TEST_CASE("canonical: a reversal that a later edition says in part is not one of the whole") {
    static constexpr struct {
        const char* dialect;
        const char* function;
        MinorUnits replacement;
    } kRows[] = {{"iso1987-ascii", "401", 0}, {"iso1993", "400", 0}, {"iso1993", "401", kAmountMax}, {"iso2003", "401", kAmountMax}};
    for (const auto& row : kRows) {
        CAPTURE(row.dialect);
        CAPTURE(row.function);
        const Dialect d = dialect(row.dialect);
        for (const char* mti : {"0400", "0420", "0200"}) {
            Message m, in;
            put_mti(d, m, mti);
            m.set(24, std::string_view(row.function));
            const Buffer frame = packed(d, m);
            PaymentRequest r;
            REQUIRE(unpack(d, frame, in));
            REQUIRE(to_request(d, frame, in, r));
            CHECK(r.replacement == (std::string_view(mti) == "0200" ? 0 : row.replacement));
        }
    }
}

TEST_CASE("canonical: a local date of another year is none") {
    static constexpr struct {
        const char* dialect;
        std::string_view local;
        const char* date;
    } kRows[] = {{"iso1993", "261122163000", "1122"},   {"iso1993", "251122163000", ""},   {"iso1993", "271122163000", ""},
                 {"iso2003", "20261122163000", "1122"}, {"iso2003", "20251122163000", ""}, {"iso2003", "19261122163000", ""},
                 {"iso1993", "270101000000", "0101"},   {"iso1993", "260101000000", ""}};
    for (const auto& row : kRows) {
        CAPTURE(row.local);
        const Dialect d = dialect(row.dialect);
        Message m, in;
        put_mti(d, m, "0200");
        m.set(12, row.local);
        const Buffer frame = packed(d, m);
        PaymentRequest r;
        r.received_ns = kSampleTime_ns;
        REQUIRE(unpack(d, frame, in));
        REQUIRE(to_request(d, frame, in, r));
        CHECK(r.local_date.view() == row.date);
        r.received_ns = 0;  // when it came is not known
        REQUIRE(to_request(d, frame, in, r));
        CHECK_FALSE(r.local_date.empty());
    }
}

TEST_CASE("canonical: the later editions say what a message is for") {
    Message m;
    put_function(dialect("iso1987-ascii"), m, Function::full_reversal);
    CHECK_FALSE(m.has(24));
    put_function(dialect("iso1993"), m, Function::full_reversal);
    CHECK(m.field(24) == "400");
}

TEST_CASE("canonical: an issuer's code that the dialect does not list is a decline") {
    const Dialect d = dialect("iso1993");
    Message m, in;
    put_mti(d, m, "0210");
    m.set(39, "199");
    const Buffer frame = packed(d, m);
    PaymentRequest r;
    REQUIRE(unpack(d, frame, in));
    REQUIRE(to_request(d, frame, in, r));
    CHECK(r.response_code.view() == "05");
}
