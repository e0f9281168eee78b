// Messages recorded from another implementation's tests, each with the spec it was made by: those whose spec our
// dialect settings can say must decode to the recorded values and come out as the recorded bytes.
#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;
using nlohmann::json;

namespace {
constexpr const char* kFolder = GIRO_SOURCE_DIR "/../shared/vectors/iso8583/";

// The recorded spec's words in ours; empty where we have none.
std::string word(const std::map<std::string, std::string>& words, const json& in, const char* key) {
    const auto found = words.find(in.value(key, ""));
    return found == words.end() ? "" : found->second;
}

// One field of a recorded spec as a line of a dialect file, or nothing: sub-elements, tags and reversed padding.
std::optional<std::string> field_line(const std::string& number, const json& spec) {
    static const std::map<std::string, std::string> kBodies = {
        {"asciiEncoder", "ascii"}, {"binaryEncoder", "binary"}, {"bcdEncoder", "bcd"}, {"ebcdicEncoder", "ebcdic"}};
    static const std::map<std::string, std::string> kPrefixes = {{"ASCII", "ascii"}, {"BCD", "bcd"}, {"Binary", "binary"}};
    static const std::map<std::string, std::string> kLengths = {
        {"Fixed", "fixed"}, {"LL", "LLVAR"}, {"LLL", "LLLVAR"}, {"LLLL", "LLLLVAR"}};
    // A composite of fixed parts without tags is the concatenation of its parts: a plain field to us.
    const bool composite = spec["kind"] == "Composite";
    if (composite && spec.value("prefix", "") != "ASCII.Fixed") return std::nullopt;
    const std::string body = composite ? "ascii" : word(kBodies, spec, "enc");
    const std::string prefix = spec.value("prefix", "");
    const auto dot = prefix.find('.');
    if (body.empty() || dot == std::string::npos) return std::nullopt;
    const auto encoding = kPrefixes.find(prefix.substr(0, dot));
    const auto length = kLengths.find(prefix.substr(dot + 1));
    if (encoding == kPrefixes.end() || length == kLengths.end()) return std::nullopt;
    const char* content = body == "binary" ? "b" : body == "bcd" ? "n" : "ans";
    const bool left = spec.value("pad", "") == "leftPadder" || body == "bcd";
    const std::string pad = spec.value("padchar", body == "bcd" ? "0" : " ");
    return fmt::format("{} = {{ name = \"f\", length = \"{}\", max = {}, prefix = \"{}\", body = \"{}\", content = \"{}\"{}, pad = \"{}\" }}\n",
                       number, length->second, spec["length"].get<int>(), encoding->second, body, content,
                       body == "binary" ? "" : left ? ", pad_side = \"left\"" : ", pad_side = \"right\"", pad);
}

std::optional<Dialect> dialect_of(const json& spec, const json& fields) {
    static const std::map<std::string, std::string> kMtis = {{"asciiEncoder", "ascii"}, {"bcdEncoder", "bcd"}};
    static const std::map<std::string, std::string> kBitmaps = {{"hexToASCIIEncoder", "hex"}, {"binaryEncoder", "binary"}};
    const std::string mti = word(kMtis, spec["0"], "enc");
    const std::string bitmap = word(kBitmaps, spec["1"], "enc");
    constexpr int kWholeBitmap = 16;  // read as 16 bytes whatever bit 1 says: not the standard's bitmap
    if (mti.empty() || bitmap.empty() || spec["1"]["length"] == kWholeBitmap) return std::nullopt;
    std::string text = fmt::format("name = \"recorded\"\n[message]\nmti = \"{}\"\nbitmap = \"{}\"\n[fields]\n", mti, bitmap);
    for (const auto& [number, field] : fields.items())
        if (std::stoul(number) > kFieldMax) return std::nullopt;  // a third bitmap
    for (const auto& [number, field] : spec.items()) {
        if (number == "0" || number == "1" || std::stoul(number) > kFieldMax) continue;
        const auto line = field_line(number, field);
        if (line) text += *line;
        else if (fields.contains(number)) return std::nullopt;
    }
    const auto dialect = parse_dialect(text, "recorded");
    if (!dialect) return std::nullopt;  // settings that we hold contradictory
    return *dialect;
}

std::string without_padding(std::string_view text, char pad, bool left) {
    while (!text.empty() && (left ? text.front() : text.back()) == pad) left ? text.remove_prefix(1) : text.remove_suffix(1);
    return std::string(text);
}

void check_fields(const Dialect& dialect, const json& fields, const Message& m) {
    for (const auto& [key, value] : fields.items()) {
        if (key.ends_with(".bytes") || key == "1" || !fields.contains(key + ".bytes")) continue;
        const Buffer expected = *from_hex(fields[key + ".bytes"].get<std::string>());
        if (key == "0") {
            CHECK(m.mti() == as_text(expected));
            continue;
        }
        const auto n = static_cast<unsigned>(std::stoul(key));
        CAPTURE(n);
        REQUIRE(m.has(n));
        const FieldSpec& spec = dialect.fields[n];
        const auto pad = static_cast<char>(spec.pad);
        const bool left = spec.pad_side == PadSide::left;  // they give numbers and values without their padding
        if (spec.body == BodyEncoding::binary) CHECK(to_hex(m.bytes(n)) == to_hex(expected));
        else CHECK(without_padding(m.field(n), pad, left) == without_padding(as_text(expected), pad, left));
    }
}
}  // namespace

TEST_CASE("iso8583: messages recorded from another implementation decode to its values and pack to its bytes") {
    std::ifstream file(std::string(kFolder) + "moov_cases.json");
    if (!file) {
        MESSAGE("skipped: no ../shared/vectors");
        return;
    }
    unsigned good = 0, bad = 0;
    const json collection = json::parse(file);
    for (const auto& entry : collection["cases"]) {
        CAPTURE(entry["test"].get<std::string>());
        const auto wire = from_hex(entry.value("wire", ""));
        const auto dialect = dialect_of(entry["spec"], entry["fields"]);
        // Some were packed to see them fail, and one without its MTI.
        if (!dialect || !wire || wire->empty() || !entry["fields"].contains("0")) continue;
        Message m;
        CAPTURE(entry["wire"].get<std::string>());
        const auto result = unpack(*dialect, *wire, m);
        if (!entry["ok"].get<bool>()) {
            if (entry["error"].get<std::string>().find("subfield") != std::string::npos) continue;  // we have no such rule
            CHECK_FALSE(result.has_value());
            ++bad;
            continue;
        }
        CHECK_MESSAGE(result.has_value(), (result ? "" : result.error().text()));
        if (!result) continue;
        check_fields(*dialect, entry["fields"], m);
        CHECK(to_hex(packed(*dialect, m)) == to_hex(*wire));
        ++good;
    }
    MESSAGE(good, " good and ", bad, " broken messages");
    CHECK(good >= 30);
    CHECK(bad >= 15);
}
