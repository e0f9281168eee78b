// Dialect files: the shipped one against the standard's table, and what a mistake in one says.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "iso8583/dialect.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
std::string complaint(std::string_view toml) {
    const auto dialect = parse_dialect(toml, "d.toml");
    REQUIRE_FALSE(dialect.has_value());
    CHECK(dialect.error().kind == Failure::Kind::config);
    return dialect.error().what;
}

// The complaint about a file whose fifth line is `field`.
std::string field_complaint(const std::string& field) {
    return complaint("name = 'x'\n[message]\n[fields]\n# line 5 follows\n" + field + "\n");
}
bool starts(const std::string& text, std::string_view with) {
    INFO(text);
    CHECK(text.starts_with(with));
    return text.starts_with(with);
}

std::vector<std::string> csv_cells(const std::string& line) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') quoted = !quoted;
        else if (c == ',' && !quoted) cells.emplace_back();
        else cells.back() += c;
    }
    return cells;
}
}  // namespace

TEST_CASE("dialect: the shipped 1987 file has the standard's lengths and kinds for fields 2 to 128") {
    const auto dialect = load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    REQUIRE_MESSAGE(dialect.has_value(), (dialect ? "" : dialect.error().what));
    std::ifstream csv(GIRO_SOURCE_DIR "/../shared/vectors/iso8583/iso87_iso93.csv");
    if (!csv) {
        MESSAGE("skipped: no ../shared/vectors");
        return;
    }
    std::string line;
    std::getline(csv, line);
    unsigned rows = 0;
    while (std::getline(csv, line)) {
        const auto cells = csv_cells(line);
        const auto n = static_cast<unsigned>(std::stoul(cells[0]));
        if (n < 2) continue;
        CAPTURE(n);
        const FieldSpec& spec = dialect->fields[n];
        ++rows;
        if (n == 65) {  // the extended bitmap: no fields beyond 128 here
            CHECK_FALSE(spec.defined());
            continue;
        }
        if (n == 55) continue;  // chip data, as in 1993
        const std::string& kind = cells[3];
        const auto length = kind.find("LLL") != std::string::npos  ? LengthKind::lllvar
                            : kind.find("LL") != std::string::npos ? LengthKind::llvar
                                                                   : LengthKind::fixed;
        CHECK(spec.length == length);
        CHECK(spec.max == std::stoul(cells[2]));
        CHECK((spec.body == BodyEncoding::binary) == (kind == "IFA_BINARY"));
        if (kind == "IFA_NUMERIC") CHECK(spec.allowed == content::kDigit);
        if (kind == "IFA_AMOUNT") CHECK(spec.allowed == (content::kDigit | content::kSigned));
    }
    CHECK(rows == 127);
}

TEST_CASE("dialect: card data is masked in the shipped file") {
    const auto dialect = load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    REQUIRE(dialect.has_value());
    CHECK(dialect->fields[2].mask == Masking::pan);
    for (const unsigned n : {35U, 45U}) CHECK(dialect->fields[n].mask == Masking::track);
    for (const unsigned n : {14U, 34U, 36U, 52U, 55U}) CHECK(dialect->fields[n].mask == Masking::hide);
}

TEST_CASE("dialect: a mistake names file and line and what to write") {
    CHECK(starts(complaint("name = 'x'\n[message\n"), "d.toml:2: not TOML"));
    CHECK(starts(complaint("name = 'x'\n[fields]\n"), "d.toml:1: no [message] table; add one"));
    CHECK(starts(complaint("name = 'x'\nmessage = 3\n[fields]\n"), "d.toml:2: \"message\" must be a table"));
    CHECK(starts(complaint("name = 'x'\ncolour = 1\n[message]\n[fields]\n"), "d.toml:2: unknown setting \"colour\"; known: name"));
    CHECK(starts(complaint("[message]\n[fields]\n"), "d.toml:1: \"name\" is missing"));
    CHECK(starts(complaint("name = 3\n[message]\n[fields]\n"), "d.toml:1: \"name\" must be text in quotes"));
    CHECK(starts(complaint("name = 'x'\n[message]\nmti = 'utf8'\n[fields]\n"), "d.toml:3: \"mti\" must be one of: ascii bcd ebcdic"));
    CHECK(starts(complaint("name = 'x'\n[message]\nmac_bytes = 3\n[fields]\n"), "d.toml:3: \"mac_bytes\" must be a number from 4 to 32"));
    CHECK(starts(field_complaint("1 = { name = 'x', max = 8, content = 'b', body = 'binary' }"), "d.toml:5: \"1\" is not a field number"));
    CHECK(starts(field_complaint("129 = { name = 'x', max = 8, content = 'n' }"), "d.toml:5: \"129\" is not a field number"));
    CHECK(starts(field_complaint("02 = { name = 'x', max = 8, content = 'n' }"), "d.toml:5: \"02\" is not a field number"));
    CHECK(starts(field_complaint("4 = 12"), "d.toml:5: field 4 must be a table"));
    CHECK(starts(field_complaint("4 = { max = 12, content = 'n' }"), "d.toml:5: \"name\" is missing"));
    CHECK(starts(field_complaint("4 = { name = 'x', content = 'n' }"), "d.toml:5: \"max\" is missing"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 0, content = 'n' }"), "d.toml:5: \"max\" must be a number from 1 to 4000"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 12 }"), "d.toml:5: field 4: \"content\" is missing"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 12, content = 'n', pad_sid = 'left' }"), "d.toml:5: unknown setting \"pad_sid\""));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 12, content = 'n', length = 'LVAR' }"), "d.toml:5: \"length\" must be one of: fixed LLVAR"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 100, content = 'n', length = 'LLVAR' }"), "d.toml:5: field 4: max 100 does not fit"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 12, content = 'b' }"), "d.toml:5: field 4: content \"b\" and body"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 12, content = 'ans', body = 'bcd', pad = '0' }"), "d.toml:5: field 4: a bcd body needs content"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 12, content = 'n', body = 'bcd', pad_side = 'none' }"), "d.toml:5: field 4: a bcd body needs pad_side"));
    CHECK(starts(field_complaint("4 = { name = 'x', max = 12, content = 'n', body = 'bcd', pad = 'x' }"), "d.toml:5: field 4: the pad of a bcd body"));
    CHECK(starts(field_complaint("64 = { name = 'x', max = 4, content = 'b', body = 'binary' }"), "d.toml:5: field 64 is the MAC"));
    CHECK(starts(load_dialect("/nonexistent/d.toml").error().what, "cannot open /nonexistent/d.toml"));
}

TEST_CASE("dialect: defaults apply where a field says nothing") {
    const auto dialect = parse_dialect(
        "name = 'x'\n[message]\n[defaults]\nbody = 'bcd'\ncontent = 'n'\n[fields]\n3 = { name = 'a', max = 6 }\n"
        "37 = { name = 'b', max = 12, body = 'ascii', content = 'an' }\n", "d.toml");
    REQUIRE_MESSAGE(dialect.has_value(), (dialect ? "" : dialect.error().what));
    CHECK(dialect->fields[3].body == BodyEncoding::bcd);
    CHECK(dialect->fields[37].body == BodyEncoding::ascii);
    CHECK(dialect->fields[37].pad == ' ');
}
