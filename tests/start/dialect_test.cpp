#include <doctest/doctest.h>

#include "appliance/giro-switch/pipeline.hpp"
#include "iso8583/dialect.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

using namespace giro;

TEST_CASE("start: a dialect that the switch cannot serve is refused with the field's number, not at the first frame") {
    const auto file = read_file(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml", 1U << 20);
    REQUIRE(file);
    const std::string shipped(as_text(*file));
    const auto check = [](const std::string& text) {
        const auto dialect = iso8583::parse_dialect(text, "d.toml");
        REQUIRE_MESSAGE(dialect, dialect.error().what);
        return appliance::check_dialect(*dialect);
    };
    CHECK(check(shipped).has_value());
    for (const char* field : {"48", "63"}) {
        std::string text = shipped;
        const auto line = text.find(std::string("\n") + field + " = {");
        REQUIRE(line != std::string::npos);
        text.insert(text.find('{', line) + 1, " body = \"ebcdic\",");
        const auto refused = check(text);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().exit_code() == 2);
        CHECK(refused.error().what.find(std::string("field ") + field) != std::string::npos);
    }
}
