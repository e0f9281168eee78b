// Message reason codes (DE25) of 1993 and 2003, against the standards' table; 1987 has none.
#include <doctest/doctest.h>

#include "iso8583/request.hpp"
#include "sample.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
const std::string kFolder = GIRO_SOURCE_DIR "/firmware-config/dialects";

constexpr struct {
    const char* word;
    const char* code;
} kStandard[] = {{"issuer-timed-out", "1002"},    {"issuer-unavailable", "1003"},    {"terminal-processed", "1004"},
                 {"chip-processed", "1005"},      {"under-floor-limit", "1006"},     {"customer-cancellation", "4000"},
                 {"unspecified", "4001"},         {"suspected-malfunction", "4002"}, {"format-error", "4003"},
                 {"completed-partially", "4004"}, {"wrong-amount", "4005"},          {"late-answer", "4006"},
                 {"device-unable", "4007"},       {"undelivered", "4013"},           {"invalid-answer", "4020"},
                 {"timeout", "4021"}};

MessageReason read(const Dialect& d, std::string_view code) {
    Message m, in;
    put_mti(d, m, "0400");
    if (!code.empty()) m.set(25, code);
    const Buffer frame = packed(d, m);
    PaymentRequest r;
    REQUIRE(unpack(d, frame, in));
    REQUIRE(to_request(d, frame, in, r));
    return r.reason;
}

std::string complaint(const std::string& extended, const std::string& more) {
    const auto d = parse_dialect("name = \"own\"\nextends = \"" + extended + "\"\n" + more, "own.toml", kFolder);
    return d ? std::string() : d.error().what;
}
}  // namespace

TEST_CASE("reasons: each has its code in the later editions, is read as what it was, and is unknown to 1987") {
    CHECK(std::size(kStandard) == kMessageReasons - 3);  // but none and other, and the value that is no reason
    for (const char* name : {"iso1993", "iso2003"}) {
        const Dialect d = shipped_dialect(kFolder.c_str(), name);
        for (const auto& row : kStandard) {
            CAPTURE(row.word);
            const auto reason = message_reason(row.word);
            REQUIRE(reason);
            CHECK(giro::name(*reason) == row.word);
            Message m;
            put_reason(d, m, *reason);
            CHECK(m.field(25) == row.code);
            CHECK(read(d, row.code) == *reason);
        }
        CHECK(read(d, "4351") == MessageReason::other);
        CHECK(read(d, "") == MessageReason::none);
        Message m;
        put_reason(d, m, MessageReason::other);
        CHECK(m.field(25) == "4001");
        put_reason(d, m, MessageReason::none);
        CHECK(m.field(25) == "4001");  // says nothing
    }
    const Dialect older = shipped_dialect(kFolder.c_str(), "iso1987-ascii");
    Message m;
    put_reason(older, m, MessageReason::timeout);
    CHECK_FALSE(m.has(25));
    CHECK(read(older, "00") == MessageReason::none);  // of 1987: the point of service's condition
    CHECK_FALSE(message_reason("none"));
    CHECK_FALSE(message_reason(""));
}

TEST_CASE("reasons: a dialect may say its own, and one that it does not list is said as other") {
    const auto own = parse_dialect("name = \"own\"\nextends = \"iso1993\"\n[reason_codes]\ntimeout = \"4351\"\nother = \"4400\"\n",
                                   "own.toml", kFolder);
    REQUIRE(own);
    Message m;
    put_reason(*own, m, MessageReason::timeout);
    CHECK(m.field(25) == "4351");
    put_reason(*own, m, MessageReason::late_answer);
    CHECK(m.field(25) == "4400");
    CHECK(read(*own, "4351") == MessageReason::timeout);
    CHECK(read(*own, "4021") == MessageReason::other);
}

TEST_CASE("reasons: a mistake in the table is named with its line") {
    const std::string table = "[reason_codes]\n";
    CHECK(complaint("iso1993", table + "boredom = \"4000\"\nother = \"4001\"\n").starts_with("own.toml:4: "));
    CHECK(complaint("iso1993", table + "none = \"4000\"\nother = \"4001\"\n").starts_with("own.toml:4: "));
    CHECK(complaint("iso1993", table + "timeout = \"421\"\nother = \"4001\"\n").starts_with("own.toml:4: "));
    CHECK(complaint("iso1993", table + "timeout = \"4O21\"\nother = \"4001\"\n").starts_with("own.toml:4: "));
    CHECK(complaint("iso1993", table + "timeout = \"4021\"\nlate-answer = \"4021\"\nother = \"4001\"\n").find("another reason") !=
          std::string::npos);
    CHECK(complaint("iso1993", table + "timeout = \"4021\"\nunspecified = \"4021\"\nother = \"4021\"\n").find("another reason") !=
          std::string::npos);
    CHECK(complaint("iso1993", table + "timeout = \"4021\"\nother = \"4021\"\n").empty());
    CHECK(complaint("iso1993", table + "timeout = \"4021\"\n").find("needs other") != std::string::npos);
    CHECK(complaint("iso1987-ascii", table + "other = \"4001\"\n").starts_with("own.toml:3: "));
}
