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

TEST_CASE("start: two dialects that begin alike may not say other sums in a reversal in part where terminals speak one") {
    const std::string folder = GIRO_SOURCE_DIR "/firmware-config/dialects";
    const auto made = [&](const std::string& name, const std::string& message) {
        auto dialect = iso8583::parse_dialect("name = '" + name + "'\nextends = 'iso1993'\n[message]\n" + message, "d.toml", folder);
        REQUIRE_MESSAGE(dialect, dialect.error().what);
        return *dialect;
    };
    const auto older = iso8583::shipped_dialect(folder.c_str(), "iso1987-ascii");
    const auto stands = made("stands", ""), reversed = made("reversed", "partial_reversal = 'amount-reversed'\n"),
               none = made("none", "partial_reversal = 'none'\n"), apart = made("apart", "partial_reversal = 'amount-reversed'\nheader = 'tpdu'\n");
    config::Config config;
    config.gate.dialect = "own";
    config.links.resize(1);
    config.links[0].dialect = "other";
    // The first is the terminals', the second a link's.
    const auto refused = appliance::check_reversals(config, {stands, reversed});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().exit_code() == 2);
    CHECK(refused.error().what.starts_with("dialects own and other: "));
    CHECK_FALSE(appliance::check_reversals(config, {reversed, stands}));
    CHECK(appliance::check_reversals(config, {stands, stands}).has_value());
    CHECK(appliance::check_reversals(config, {stands, none}).has_value());
    CHECK(appliance::check_reversals(config, {stands, apart}).has_value());
    CHECK(appliance::check_reversals(config, {older, reversed}).has_value());
    // Two links may, where no terminal speaks either.
    config.links.resize(2);
    config.links[1].dialect = "third";
    CHECK(appliance::check_reversals(config, {older, stands, reversed}).has_value());
    config.ports.resize(1);
    config.ports[0].dialect = "third";
    const auto at_port = appliance::check_reversals(config, {older, reversed, stands});
    REQUIRE_FALSE(at_port);
    CHECK(appliance::terminal_dialects(config) == std::set<std::uint8_t>{0, 1});
}
