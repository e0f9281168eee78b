#include <doctest/doctest.h>

#include "appliance/giro-switch/pipeline.hpp"
#include "tests/iso8583/sample.hpp"

using namespace giro;

namespace {
Result<void> check(const std::string& text) {
    const auto dialect = iso8583::parse_dialect(text, "d.toml", GIRO_SOURCE_DIR "/firmware-config/dialects");
    REQUIRE_MESSAGE(dialect, dialect.error().what);
    return appliance::check_dialect(*dialect);
}
}  // namespace

TEST_CASE("start: every shipped dialect is one that the switch can serve") {
    for (const char* name : iso8583::kShippedDialects) {
        CAPTURE(name);
        CHECK(appliance::check_dialect(iso8583::shipped_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects", name)).has_value());
    }
}

TEST_CASE("start: a dialect that the switch cannot serve is refused with the field's number, not at the first frame") {
    const std::string own = "name = 'own'\nextends = 'iso1987-ascii'\n";
    CHECK(check(own).has_value());
    for (const char* field : {"11", "39", "41", "48", "64", "128"}) {
        const auto refused = check(own + "[fields]\n" + field + " = {}\n");
        REQUIRE_FALSE(refused);
        CHECK(refused.error().exit_code() == 2);
        CHECK(refused.error().what.find(std::string("field ") + field) != std::string::npos);
    }
    const auto small = check(own + "[message]\nmac_bytes = 4\n[fields]\n64 = { name = 'm', max = 4, content = 'b', body = 'binary' }\n"
                                   "128 = { name = 'm', max = 4, content = 'b', body = 'binary' }\n");
    REQUIRE_FALSE(small);
    CHECK(small.error().what.find("mac_bytes must be 8") != std::string::npos);
}
