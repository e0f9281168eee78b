// Reconciliation totals on the wire: field numbers and lengths of the standards' tables.
#include "iso8583/totals.hpp"

#include <doctest/doctest.h>

#include "iso8583/canonical.hpp"
#include "sample.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
constexpr Currency kCurrency = 978;

Dialect dialect(const char* name) {
    return shipped_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects", name);
}

Claim everything(std::int64_t net) {
    Claim claim;
    for (std::size_t i = 0; i < kTotals; ++i) claim.say(static_cast<Total>(i), static_cast<std::int64_t>(i) + 100);
    claim.say(Total::net, net);
    return claim;
}

std::optional<Claim> there_and_back(const Dialect& d, const Claim& claim) {
    Message m, in;
    put_mti(d, m, "0500");
    put_totals(d, m, claim, kCurrency);
    const Buffer frame = packed(d, m);
    REQUIRE(unpack(d, frame, in));
    return read_totals(d, in, kCurrency);
}
}  // namespace

TEST_CASE("totals: each stands in the field that the standard gives it") {
    const Dialect d = dialect("iso1987-ascii");
    Message m;
    put_mti(d, m, "0510");
    put_totals(d, m, everything(-12'345), kCurrency);
    put_settlement_code(d, m, false);
    CHECK(m.field(74) == "0000000100");
    CHECK(m.field(75) == "0000000101");
    CHECK(m.field(76) == "0000000102");
    CHECK(m.field(77) == "0000000103");
    CHECK(m.field(81) == "0000000104");
    CHECK(m.field(86) == "0000000000000106");
    CHECK(m.field(87) == "0000000000000107");
    CHECK(m.field(88) == "0000000000000108");
    CHECK(m.field(89) == "0000000000000109");
    CHECK(m.field(97) == "C0000000000012345");
    CHECK(m.field(66) == "2");
    CHECK_FALSE(m.has(90));  // of 1987: the original data elements
}

TEST_CASE("totals: what one side says in a dialect, the other reads") {
    for (const char* name : {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"}) {
        CAPTURE(name);
        const Dialect d = dialect(name);
        for (const std::int64_t net : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{9'999'999'999'999'999}}) {
            const Claim said = everything(net);
            const auto read = there_and_back(d, said);
            REQUIRE(read);
            CHECK(read->totals[Total::net] == net);
            CHECK(read->agrees(said.totals));
            CHECK(read->has(Total::debits) == (d.edition != Edition::y2003));
            CHECK(read->has(Total::authorisation_reversals) == (d.edition == Edition::y1993));
        }
    }
}

TEST_CASE("totals: a claim without a net, or with one that is none, is no claim") {
    const Dialect d = dialect("iso1987-ascii");
    Claim some;
    some.say(Total::debits, 3);
    CHECK_FALSE(there_and_back(d, some));
    for (const char* net : {"D000000000000000", "0000000000000001X", "X0000000000000001"}) {
        CAPTURE(net);
        Message m;
        put_mti(d, m, "0500");
        m.set(97, std::string_view(net));
        CHECK_FALSE(read_totals(d, m, kCurrency));
    }
    Message other;  // 2003: another currency than the terminal's
    const Dialect late = dialect("iso2003");
    put_mti(late, other, "0500");
    put_totals(late, other, everything(5), 840);
    CHECK_FALSE(read_totals(late, other, kCurrency));
}

TEST_CASE("totals: a claim agrees when all that it says is counted, and nothing else counts") {
    Totals counted;
    counted[Total::debits] = 2;
    counted[Total::net] = 700;
    Claim claim;
    claim.say(Total::net, 700);
    CHECK(claim.agrees(counted));
    claim.say(Total::debits, 3);
    CHECK_FALSE(claim.agrees(counted));
}

TEST_CASE("totals: DE24 of the later editions tells a checkpoint from what is final, and of which currency it is") {
    static constexpr struct {
        const char* dialect;
        const char* function;
        const char* currency;  // DE50 of 1993
        bool read, checkpoint;
    } kRows[] = {
        {"iso1993", "", "", true, false},       {"iso1993", "500", "", true, false},    {"iso1993", "501", "", true, true},
        {"iso1993", "502", "", false, false},   {"iso1993", "502", "978", true, false}, {"iso1993", "503", "978", true, true},
        {"iso1993", "503", "840", false, true}, {"iso1993", "501", "840", false, true}, {"iso1993", "500", "978", true, false},
        {"iso1993", "504", "", false, false},   {"iso1993", "821", "", false, false},   {"iso2003", "", "", true, false},
        {"iso2003", "500", "", true, false},    {"iso2003", "501", "", true, true},     {"iso2003", "502", "", true, false},
        {"iso2003", "503", "", true, true},     {"iso2003", "400", "", false, false},   {"iso1987-ascii", "501", "", true, false},
    };
    for (const auto& row : kRows) {
        CAPTURE(row.dialect);
        CAPTURE(row.function);
        CAPTURE(row.currency);
        const Dialect d = dialect(row.dialect);
        Message m, in;
        put_mti(d, m, "0500");
        CHECK(put_totals(d, m, everything(5), kCurrency));
        if (row.function[0] != 0) m.set(24, std::string_view(row.function));
        if (row.currency[0] != 0) m.set(50, std::string_view(row.currency));
        const Buffer frame = packed(d, m);
        REQUIRE(unpack(d, frame, in));
        const auto claim = read_totals(d, in, kCurrency);
        CHECK(claim.has_value() == row.read);
        if (claim) CHECK(claim->checkpoint == row.checkpoint);
    }
}

TEST_CASE("totals: a checkpoint says so in its function code, which 1987 has not") {
    Claim claim = everything(5);
    claim.checkpoint = true;
    for (const char* name : {"iso1993", "iso2003"}) {
        CAPTURE(name);
        const auto read = there_and_back(dialect(name), claim);
        REQUIRE(read);
        CHECK(read->checkpoint);
    }
    Message m;
    const Dialect older = dialect("iso1987-ascii");
    put_mti(older, m, "0500");
    CHECK_FALSE(put_totals(older, m, claim, kCurrency));
}
