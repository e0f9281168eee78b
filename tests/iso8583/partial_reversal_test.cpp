// Reversals in part as each edition says them, and what a dialect must say of DE4.
#include <doctest/doctest.h>

#include "iso8583/request.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
const std::string kFolder = GIRO_SOURCE_DIR "/firmware-config/dialects";

Dialect dialect(const char* name, PartialReversal how) {
    Dialect d = shipped_dialect(kFolder.c_str(), name);
    d.partial_reversal = how;
    return d;
}

struct Said {
    std::string amount, original;  // DE4, DE30
    PaymentRequest request;
};

Said said(const Dialect& d, const char* mti, void (*fill)(const Dialect&, Message&)) {
    Message m, in;
    put_mti(d, m, mti);
    fill(d, m);
    const Buffer frame = packed(d, m);
    REQUIRE(unpack(d, frame, in));
    Said out;
    REQUIRE(to_request(d, frame, in, out.request));
    out.amount = in.field(4);
    out.original = in.field(30);
    return out;
}

constexpr auto kSevenOfTwenty = [](const Dialect& d, Message& m) { CHECK(put_reversal_amounts(d, m, 2'000, 978, 700)); };
}  // namespace

TEST_CASE("partial reversal: DE4 says what stands or what goes back, by the dialect; DE30 the original's amount") {
    static constexpr struct {
        const char* dialect;
        PartialReversal how;
        const char* amount;
        const char* original;
    } kRows[] = {
        {"iso1993", PartialReversal::amount_stands, "000000000700", "000000002000000000000000"},
        {"iso1993", PartialReversal::amount_reversed, "000000001300", "000000002000000000000000"},
        {"iso2003", PartialReversal::amount_stands, "9782000000000700", "97820000000020009782000000000000"},
        {"iso2003", PartialReversal::amount_reversed, "9782000000001300", "97820000000020009782000000000000"},
    };
    for (const auto& row : kRows) {
        CAPTURE(row.amount);
        const Dialect d = dialect(row.dialect, row.how);
        for (const char* mti : {"0400", "0421"}) {
            const Said is = said(d, mti, kSevenOfTwenty);
            CHECK(is.amount == row.amount);
            CHECK(is.original == row.original);
            CHECK(is.request.amount == 2'000);
            CHECK(is.request.currency == 978);
            CHECK(is.request.replacement == 700);
        }
    }
    const Said older = said(dialect("iso1987-ascii", PartialReversal::replacement), "0400", kSevenOfTwenty);
    CHECK(older.amount == "000000002000");
    CHECK(older.original.empty());
    CHECK(older.request.replacement == 700);
    CHECK(shipped_dialect(kFolder.c_str(), "iso1987-bcd").partial_reversal == PartialReversal::replacement);
    CHECK(shipped_dialect(kFolder.c_str(), "iso1993").partial_reversal == PartialReversal::amount_stands);
    CHECK(shipped_dialect(kFolder.c_str(), "iso2003").partial_reversal == PartialReversal::amount_stands);
}

TEST_CASE("partial reversal: what is to stand cannot be said by a dialect that has no way to, nor more than there was") {
    Message m;
    const Dialect none = dialect("iso1993", PartialReversal::none);
    put_mti(none, m, "0400");
    CHECK(put_reversal_amounts(none, m, 2'000, 978, 0));
    CHECK(m.field(24) == "400");
    CHECK_FALSE(m.has(30));
    CHECK_FALSE(put_reversal_amounts(none, m, 2'000, 978, 1));
    CHECK_FALSE(put_reversal_amounts(dialect("iso1993", PartialReversal::amount_reversed), m, 2'000, 978, 2'001));
    CHECK(put_reversal_amounts(dialect("iso1993", PartialReversal::amount_reversed), m, 2'000, 978, 2'000));
}

TEST_CASE("partial reversal: amounts that do not fit are not taken for a reversal of the whole") {
    using Fill = void (*)(const Dialect&, Message&);
    static constexpr struct {
        const char* what;
        const char* dialect;
        Fill fill;
    } kRows[] = {
        {"no DE30", "iso1993",
         [](const Dialect& d, Message& m) { kSevenOfTwenty(d, m), m.remove(30); }},
        {"more in DE4 than there was", "iso1993",
         [](const Dialect& d, Message& m) { kSevenOfTwenty(d, m), m.set(4, "000000002001"); }},
        {"no DE24, but DE30", "iso1993",
         [](const Dialect& d, Message& m) { kSevenOfTwenty(d, m), m.remove(24); }},
        {"another currency", "iso2003",
         [](const Dialect& d, Message& m) { kSevenOfTwenty(d, m), m.set(30, "75620000000020009782000000000000"); }},
        {"other decimals", "iso2003",
         [](const Dialect& d, Message& m) { kSevenOfTwenty(d, m), m.set(30, "97830000000020009782000000000000"); }},
    };
    for (const auto& row : kRows) {
        CAPTURE(row.what);
        for (const auto how : {PartialReversal::amount_stands, PartialReversal::amount_reversed})
            CHECK(said(dialect(row.dialect, how), "0400", row.fill).request.replacement == kReplacementUnreadable);
    }
    const Dialect d = dialect("iso1993", PartialReversal::amount_stands);
    Dialect unsaid = d;
    unsaid.partial_reversal = PartialReversal::none;
    Message m, in;
    put_mti(d, m, "0400");
    kSevenOfTwenty(d, m);
    const Buffer frame = packed(d, m);
    PaymentRequest r;
    REQUIRE(unpack(unsaid, frame, in));
    REQUIRE(to_request(unsaid, frame, in, r));
    CHECK(r.replacement == kReplacementUnreadable);
}

TEST_CASE("partial reversal: an answer may leave the function code out, and a sale's DE30 is nothing to it") {
    const Dialect d = dialect("iso2003", PartialReversal::amount_reversed);
    constexpr auto kWithoutFunction = [](const Dialect& of, Message& m) { kSevenOfTwenty(of, m), m.remove(24); };
    const PaymentRequest answer = said(d, "0410", kWithoutFunction).request;
    CHECK(answer.amount == 2'000);
    CHECK(answer.replacement == 700);
    const PaymentRequest sale = said(d, "0200", kWithoutFunction).request;
    CHECK(sale.amount == 1'300);
    CHECK(sale.replacement == 0);
}

TEST_CASE("partial reversal: a dialect's setting is of the later editions, and needs their fields") {
    const auto complaint = [](const std::string& more) {
        const auto d = parse_dialect("name = \"own\"\nextends = \"iso1993\"\n" + more, "own.toml", kFolder);
        return d ? std::string() : d.error().what;
    };
    CHECK(complaint("[message]\npartial_reversal = \"amount-reversed\"\n").empty());
    CHECK(complaint("[message]\npartial_reversal = \"none\"\n").empty());
    CHECK(complaint("[message]\npartial_reversal = \"sometimes\"\n").starts_with("own.toml:4: "));
    CHECK(complaint("[message]\npartial_reversal = \"amount-stands\"\n[fields]\n30 = { name = \"x\", max = 12, content = \"n\" }\n")
              .find("field 30 fixed") != std::string::npos);
    const auto older = parse_dialect("name = \"own\"\nextends = \"iso1987-ascii\"\n[message]\npartial_reversal = \"amount-stands\"\n", "own.toml", kFolder);
    REQUIRE_FALSE(older);
    CHECK(older.error().what.starts_with("own.toml:4: "));
    const auto without = parse_dialect("name = \"own\"\nextends = \"iso1987-ascii\"\n[fields]\n95 = {}\n", "own.toml", kFolder);
    REQUIRE(without);
    CHECK(without->partial_reversal == PartialReversal::none);
}
