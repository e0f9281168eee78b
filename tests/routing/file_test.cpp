// etc/routes.toml: taken whole or refused with file:line.
#include <doctest/doctest.h>

#include <filesystem>

#include "routing/file.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::routing;

namespace {

const std::filesystem::path kShipped = GIRO_SOURCE_DIR "/firmware-config/giro.toml";

struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / "giro-routing-test";
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    void write(const char* name, std::string_view text) const { REQUIRE(write_file_atomic(path / name, as_bytes(text))); }
    [[nodiscard]] Result<Routing> load(std::string_view text) const {
        write("routes.toml", text);
        return routing::load(*config::load(kShipped), path / "routes.toml");
    }
};

std::string refusal(std::string_view text) {
    const auto loaded = Folder().load(text);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().kind == Failure::Kind::config);
    return loaded.error().what;
}
bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string taken_by(const Routing& routing, const Query& query) {
    const Rule* rule = routing.table.find(query);
    return rule == nullptr ? "none" : rule->name;
}

}  // namespace

TEST_CASE("routes file: without one, the BINs of participants and links are the table") {
    const auto made = routing::load(*config::load(kShipped), "/nonexistent/routes.toml");
    REQUIRE(made.has_value());
    const Rule* on_us = made->table.find({"9700010000000013", {1, 963}, "", 0});
    REQUIRE(on_us != nullptr);
    CHECK(on_us->to == std::vector<Target>{{Target::Kind::on_us, 1, 0, 0}});
    const Rule* link = made->table.find({"9700030000000013", {1, 963}, "", 0});
    REQUIRE(link != nullptr);
    CHECK(link->to == std::vector<Target>{{Target::Kind::link, 3, 0, -1}});
    CHECK(made->table.find({"4111111111111111", {1, 963}, "", 0}) == nullptr);
}

TEST_CASE("routes file: schemes, files of BINs, conditions and ways") {
    const Folder folder;
    folder.write("visa.txt", "# from the scheme, 2026-11\n4\r\n412345 # a bank's\n\n  # nothing\n");
    const auto made = folder.load(R"(
utc_offset = "+07:00"
[[scheme]]
name = "visa"
bins_file = "visa.txt"
[[route]]
name = "night"
scheme = "visa"
hours = "22:00-06:00"
currency = [963, 978]
amount = { to = 5_000 }
merchants = ["M1", "SHOP*"]
to = ["gamma-host"]
[[route]]
name = "visa-else"
scheme = "visa"
to = ["decline"]
[[route]]
name = "moved"
bins = ["97000123"]
to = ["gamma-host"]
)");
    REQUIRE_MESSAGE(made.has_value(), (made ? std::string() : made.error().what));
    const std::uint16_t night = made->minute_of_day(16ULL * 3'600'000'000'000);  // 16:00 UTC
    CHECK(night == 23 * 60);
    CHECK(taken_by(*made, {"4123450000000000", {5'000, 978}, "SHOP9", night}) == "night");
    CHECK(taken_by(*made, {"4123450000000000", {5'000, 978}, "SHOP9", 720}) == "visa-else");
    CHECK(taken_by(*made, {"9700012300000000", {1, 963}, "", 0}) == "moved");
    CHECK(taken_by(*made, {"9700012400000000", {1, 963}, "", 0}) == "alpha");  // around it, by giro.toml
}

TEST_CASE("routes file: local time west of Greenwich and before 1970's second day") {
    Routing west{Table(), -90};
    CHECK(west.minute_of_day(0) == 1440 - 90);
    CHECK(west.minute_of_day(90ULL * 60'000'000'000) == 0);
}

TEST_CASE("routes file: each mistake is named with its line") {
    const std::string good = "[[route]]\nname = \"a\"\nbins = [\"4\"]\nto = [\"gamma-host\"]\n";
    CHECK(contains(refusal("[[rout]]\n"), "routes.toml:1: 'rout' is not a setting"));
    CHECK(contains(refusal("utc_offset = \"7\"\n"), ":1: 'utc_offset' = \"7\" is not like \"+07:00\""));
    CHECK(contains(refusal("utc_offset = \"+15:00\"\n"), "utc_offset"));
    CHECK(contains(refusal("x = ["), "routes.toml:1:"));
    CHECK(contains(refusal("[[route]]\nname = \"A\"\nbins = [\"4\"]\nto = [\"gamma-host\"]\n"), ":1: name 'A'"));
    CHECK(contains(refusal(good + good), ":5: name 'a' is given twice"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins = [\"4x\"]\nto = [\"gamma-host\"]\n"), ":3: bin '4x'"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins = [\"4\", \"4\"]\nto = [\"gamma-host\"]\n"), "range 4 is given twice"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nto = [\"gamma-host\"]\n"), "no range of card numbers"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nscheme = \"b\"\nto = [\"gamma-host\"]\n"), ":3: 'scheme' must be the name"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins_file = \"../x\"\nto = [\"gamma-host\"]\n"), "a file beside this one"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins_file = \"x\"\nto = [\"gamma-host\"]\n"), "cannot be read"));
    CHECK(contains(refusal(good + "hours = \"6-22\"\n"), ":5: 'hours' = \"6-22\""));
    CHECK(contains(refusal(good + "hours = \"06:00-06:00\"\n"), "'hours'"));
    CHECK(contains(refusal(good + "hours = \"24:00-06:00\"\n"), "'hours'"));
    CHECK(contains(refusal(good + "currency = []\n"), ":5: 'currency' must be a list"));
    CHECK(contains(refusal(good + "currency = [0]\n"), "1 to 999"));
    CHECK(contains(refusal(good + "amount = 5\n"), "'amount' must be {"));
    CHECK(contains(refusal(good + "amount = { from = 5, to = 4 }\n"), "from is above to"));
    CHECK(contains(refusal(good + "merchants = []\n"), "names none"));
    CHECK(contains(refusal(good + "merchants = [\"A*B\"]\n"), "only at the end"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins = [\"4\"]\nto = []\n"), "names no way"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins = [\"4\"]\nto = [\"beta\"]\n"), ":4: to 'beta': neither"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins = [\"4\"]\nto = [\"gamma-host\", \"decline\"]\n"), "stands alone"));
    CHECK(contains(refusal("[[route]]\nname = \"a\"\nbins = [\"4\"]\nto = [\"gamma-host\", \"gamma-host\"]\n"), "given twice"));
    const Folder folder;
    folder.write("b.txt", "4\n5x\n");
    const auto loaded = folder.load("[[route]]\nname = \"a\"\nbins_file = \"b.txt\"\nto = [\"gamma-host\"]\n");
    REQUIRE_FALSE(loaded.has_value());
    CHECK(contains(loaded.error().what, "routes.toml:3: b.txt:2:"));
}

TEST_CASE("routes file: a route may take over all cards of a BIN of giro.toml") {
    const Folder folder;
    const auto loaded = folder.load("[[route]]\nname = \"a\"\nbins = [\"970001\"]\nto = [\"gamma-host\"]\n");
    REQUIRE(loaded);
    const Rule* rule = loaded->table.find({"9700010000000013", {100, 963}, "M1", 0});
    REQUIRE(rule != nullptr);
    CHECK(rule->name == "a");
}

TEST_CASE("routes file: a route is for codes or for cards, and not for this box's own codes") {
    const Folder folder;
    const auto loaded = folder.load("[[route]]\nname = \"a\"\nqr = [\"a000000677\"]\nto = [\"gamma-host\"]\n");
    REQUIRE(loaded);
    REQUIRE(loaded->table.find({{}, {100, 963}, "M1", 0, "A000000677"}) != nullptr);
    const auto refusal = [](const std::string& settings) {
        const auto made = Folder().load("[[route]]\nname = \"a\"\n" + settings + "to = [\"gamma-host\"]\n");
        return made ? std::string("taken") : made.error().what;
    };
    CHECK(contains(refusal("qr = [\"A000000677\"]\nbins = [\"4\"]\n"), "for codes (qr) or for cards (bins), not for both"));
    CHECK(contains(refusal("qr = [\"A0\"]\n"), "10 to 32 hexadecimal digits"));
    CHECK(contains(refusal("qr = [\"A000000677\", \"a000000677\"]\n"), "given twice"));
    CHECK(contains(refusal("qr = []\n"), "names no scheme"));
    CHECK(contains(refusal("qr = [\"F04749524F\"]\n"), "this box's own scheme"));
}

TEST_CASE("routes file: a route names who stands in, and only one that there is") {
    const auto load = [](const std::string& settings) { return Folder().load("[[route]]\nname = \"a\"\nbins = [\"4\"]\n" + settings); };
    const auto none = load("to = [\"gamma-host\"]\nstand_in = \"none\"\n");
    REQUIRE(none);
    CHECK(none->table.rules().front().to.front().stand_in == Target::kNobody);
    const auto wrong = [&](const std::string& settings) {
        const auto made = load(settings);
        return made ? std::string("taken") : made.error().what;
    };
    CHECK(contains(wrong("to = [\"gamma-host\"]\nstand_in = \"x\"\n"), ":5: stand_in 'x': neither"));
    CHECK(contains(wrong("to = [\"decline\"]\nstand_in = \"none\"\n"), "is for routes to links"));
}
