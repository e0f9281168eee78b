// The dialect file's reader, and the only file that meets toml++. The first mistake found is reported.
#include "iso8583/dialect.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "iso8583/charset.hpp"
#include "util/file.hpp"
#include "util/toml.hpp"

namespace giro::iso8583 {

namespace {
constexpr std::size_t kDialectFileBytesMax = 256 << 10;
constexpr std::size_t kNameBytesMax = 80;
constexpr std::int64_t kMacBytesMin = 4;
constexpr std::int64_t kMacBytesMax = 32;

template <typename E>
struct Choice {
    std::string_view word;
    E value;
};
constexpr Choice<LengthKind> kLengths[] = {{"fixed", LengthKind::fixed}, {"LLVAR", LengthKind::llvar},
                                           {"LLLVAR", LengthKind::lllvar}, {"LLLLVAR", LengthKind::llllvar}};
constexpr Choice<LengthUnit> kUnits[] = {
    {"digits", LengthUnit::digits}, {"bytes", LengthUnit::bytes}, {"nibbles", LengthUnit::nibbles}};
constexpr Choice<PrefixEncoding> kPrefixes[] = {
    {"ascii", PrefixEncoding::ascii}, {"bcd", PrefixEncoding::bcd}, {"binary", PrefixEncoding::binary}};
constexpr Choice<BodyEncoding> kBodies[] = {{"ascii", BodyEncoding::ascii}, {"bcd", BodyEncoding::bcd},
                                            {"binary", BodyEncoding::binary}, {"ebcdic", BodyEncoding::ebcdic}};
constexpr Choice<PadSide> kPadSides[] = {{"none", PadSide::none}, {"left", PadSide::left}, {"right", PadSide::right}};
constexpr Choice<Masking> kMasks[] = {
    {"none", Masking::none}, {"pan", Masking::pan}, {"track", Masking::track}, {"hide", Masking::hide}};
constexpr Choice<MtiEncoding> kMtis[] = {{"ascii", MtiEncoding::ascii}, {"bcd", MtiEncoding::bcd}};
constexpr Choice<BitmapEncoding> kBitmaps[] = {{"binary", BitmapEncoding::binary}, {"hex", BitmapEncoding::hex}};
constexpr Choice<std::uint8_t> kContents[] = {
    {"n", content::kDigit},
    {"a", content::kLetter},
    {"s", content::kSpecial},
    {"an", content::kDigit | content::kLetter},
    {"as", content::kLetter | content::kSpecial},
    {"ns", content::kDigit | content::kSpecial},
    {"ans", content::kDigit | content::kLetter | content::kSpecial},
    {"b", content::kBinary},
    {"z", content::kTrack},
    {"x+n", content::kDigit | content::kSigned},
};

// The largest number a prefix can carry, by LengthKind.
constexpr std::size_t kDecimalCapacity[] = {0, 99, 999, 9999};
constexpr std::size_t kBinaryCapacity[] = {0, 0xff, 0xffff, 0xffff};
constexpr std::uint8_t kAsciiPrefixBytes[] = {0, 2, 3, 4};
constexpr std::uint8_t kPackedPrefixBytes[] = {0, 1, 2, 2};

// Reads settings and remembers the first mistake; after it, answers are defaults nobody uses.
class Loader {
  public:
    explicit Loader(std::string_view origin) : m_origin(origin) {}

    Result<Dialect> load(const toml::table& root) {
        Dialect dialect;
        known_keys(root, {"name", "message", "defaults", "fields"});
        dialect.name = text(root, "name", root.get("name"), kNameBytesMax);
        if (const auto* message = table(root, "message", true)) message_settings(*message, dialect);
        m_defaults = table(root, "defaults", false);
        if (m_defaults != nullptr) known_keys(*m_defaults, kFieldKeys);
        if (const auto* fields = table(root, "fields", true)) {
            for (const auto& [key, node] : *fields) field(key.str(), node, dialect);
        }
        for (const unsigned n : {kPrimaryMac, kSecondaryMac}) mac_field(dialect, n, root);
        if (m_failure) return tl::unexpected(*m_failure);
        return dialect;
    }

  private:
    static constexpr std::array<std::string_view, 10> kFieldKeys = {
        "name", "length", "max", "unit", "prefix", "body", "pad_side", "pad", "content", "mask"};

    void wrong(const toml::node& at, std::string_view what) {
        if (m_failure) return;
        m_failure = Failure{Failure::Kind::config,
                            fmt::format("{}:{}: {}", m_origin, at.source().begin.line, what)};
    }

    void known_keys(const toml::table& in, std::span<const std::string_view> allowed) {
        for (const auto& [key, node] : in) {
            if (std::find(allowed.begin(), allowed.end(), key.str()) != allowed.end()) continue;
            wrong(node, fmt::format("unknown setting \"{}\"; known: {}", key.str(), fmt::join(allowed, " ")));
        }
    }
    void known_keys(const toml::table& in, std::initializer_list<std::string_view> allowed) {
        known_keys(in, std::span(allowed.begin(), allowed.size()));
    }

    const toml::table* table(const toml::table& in, std::string_view key, bool needed) {
        const toml::node* node = in.get(key);
        if (node == nullptr) {
            if (needed) wrong(in, fmt::format("no [{}] table; add one", key));
            return nullptr;
        }
        if (!node->is_table()) wrong(*node, fmt::format("\"{}\" must be a table: write [{}]", key, key));
        return node->as_table();
    }

    std::string text(const toml::node& owner, std::string_view key, const toml::node* node, std::size_t bytes_max) {
        if (node == nullptr) {
            wrong(owner, fmt::format("\"{}\" is missing", key));
            return {};
        }
        const auto value = node->value_exact<std::string>();
        if (!value || value->empty() || value->size() > bytes_max) {
            wrong(*node, fmt::format("\"{}\" must be text in quotes, 1 to {} bytes", key, bytes_max));
            return {};
        }
        return *value;
    }

    std::int64_t number(const toml::node& owner, std::string_view key, const toml::node* node, std::int64_t low,
                        std::int64_t high) {
        if (node == nullptr) {
            wrong(owner, fmt::format("\"{}\" is missing; give a number from {} to {}", key, low, high));
            return low;
        }
        const auto value = node->value_exact<std::int64_t>();
        if (!value || *value < low || *value > high) {
            wrong(*node, fmt::format("\"{}\" must be a number from {} to {}", key, low, high));
            return low;
        }
        return *value;
    }

    template <typename E, std::size_t N>
    E choice(std::string_view key, const toml::node* node, const Choice<E> (&choices)[N], E fallback) {
        if (node == nullptr) return fallback;
        const auto word = node->value_exact<std::string>();
        for (const auto& choice : choices)
            if (word && *word == choice.word) return choice.value;
        std::string words;
        for (const auto& choice : choices) words += fmt::format(" {}", choice.word);
        wrong(*node, fmt::format("\"{}\" must be one of:{}", key, words));
        return fallback;
    }

    void message_settings(const toml::table& in, Dialect& dialect) {
        known_keys(in, {"mti", "bitmap", "mac_bytes"});
        dialect.mti = choice("mti", in.get("mti"), kMtis, MtiEncoding::ascii);
        dialect.bitmap = choice("bitmap", in.get("bitmap"), kBitmaps, BitmapEncoding::binary);
        if (const auto* mac = in.get("mac_bytes"))
            dialect.mac_bytes = static_cast<std::uint8_t>(number(in, "mac_bytes", mac, kMacBytesMin, kMacBytesMax));
    }

    // A field's own setting, or the one under [defaults].
    const toml::node* setting(const toml::table& in, std::string_view key) const {
        const toml::node* node = in.get(key);
        return node != nullptr || m_defaults == nullptr ? node : m_defaults->get(key);
    }

    void field(std::string_view key, const toml::node& node, Dialect& dialect) {
        unsigned n = 0;
        for (const char c : key) n = c >= '0' && c <= '9' && n < 1000 ? n * 10 + static_cast<unsigned>(c - '0') : 1000;
        if (n < 2 || n > kFieldMax || key[0] == '0') {
            wrong(node, fmt::format("\"{}\" is not a field number from 2 to {}", key, kFieldMax));
            return;
        }
        const auto* in = node.as_table();
        if (in == nullptr) {
            wrong(node, fmt::format("field {} must be a table: {} = {{ name = \"...\", max = ..., ... }}", n, n));
            return;
        }
        known_keys(*in, kFieldKeys);
        dialect.names[n] = text(*in, "name", in->get("name"), kNameBytesMax);
        FieldSpec& spec = dialect.fields[n];
        spec.max = static_cast<std::uint16_t>(number(*in, "max", setting(*in, "max"), 1, kFieldLengthMax));
        spec.length = choice("length", setting(*in, "length"), kLengths, LengthKind::fixed);
        spec.unit = choice("unit", setting(*in, "unit"), kUnits, LengthUnit::digits);
        spec.prefix = choice("prefix", setting(*in, "prefix"), kPrefixes, PrefixEncoding::ascii);
        spec.body = choice("body", setting(*in, "body"), kBodies, BodyEncoding::ascii);
        spec.mask = choice("mask", setting(*in, "mask"), kMasks, Masking::none);
        if (setting(*in, "content") == nullptr) wrong(*in, fmt::format("field {}: \"content\" is missing", n));
        spec.allowed = choice("content", setting(*in, "content"), kContents, content::kBinary);
        padding(*in, spec, n);
        compile(*in, spec, n);
    }

    void padding(const toml::table& in, FieldSpec& spec, unsigned n) {
        const bool numeric = spec.allowed == content::kDigit;
        const bool unpadded = (spec.allowed & (content::kBinary | content::kSigned)) != 0;
        const PadSide side = unpadded ? PadSide::none : numeric ? PadSide::left : PadSide::right;
        spec.pad_side = choice("pad_side", setting(in, "pad_side"), kPadSides, side);
        spec.pad = numeric ? '0' : ' ';
        if (const auto* pad = setting(in, "pad")) spec.pad = static_cast<std::uint8_t>(text(in, "pad", pad, 1)[0]);
        if (spec.body != BodyEncoding::bcd) return;
        if (spec.pad_side == PadSide::none)
            wrong(in, fmt::format("field {}: a bcd body needs pad_side = \"left\" or \"right\" for odd lengths", n));
        const bool hex = (spec.pad >= '0' && spec.pad <= '9') || (spec.pad >= 'A' && spec.pad <= 'F');
        if (!hex) wrong(in, fmt::format("field {}: the pad of a bcd body must be one of 0 to 9, A to F", n));
    }

    // The settings must make sense together; then what the codec would work out each time is worked out once.
    void compile(const toml::table& in, FieldSpec& spec, unsigned n) {
        const bool binary_content = spec.allowed == content::kBinary;
        if (binary_content != (spec.body == BodyEncoding::binary))
            wrong(in, fmt::format("field {}: content \"b\" and body = \"binary\" go together", n));
        if (spec.body == BodyEncoding::bcd && spec.allowed != content::kDigit && spec.allowed != content::kTrack)
            wrong(in, fmt::format("field {}: a bcd body needs content \"n\" or \"z\"", n));
        const bool packed = spec.body == BodyEncoding::bcd;
        std::size_t count = spec.max;
        if (spec.unit == LengthUnit::bytes && packed) count = (count + 1) / 2;
        if (spec.unit == LengthUnit::nibbles && !packed) count *= 2;
        const auto kind = static_cast<std::size_t>(spec.length);
        const bool binary_prefix = spec.prefix == PrefixEncoding::binary;
        const std::size_t capacity = binary_prefix ? kBinaryCapacity[kind] : kDecimalCapacity[kind];
        if (spec.length != LengthKind::fixed && count > capacity)
            wrong(in, fmt::format("field {}: max {} does not fit its length prefix, which counts to {}", n, spec.max, capacity));
        spec.prefix_bytes = spec.prefix == PrefixEncoding::ascii ? kAsciiPrefixBytes[kind] : kPackedPrefixBytes[kind];
        const bool as_is = spec.body == BodyEncoding::ascii || spec.body == BodyEncoding::binary;
        spec.direct = as_is && (spec.length == LengthKind::fixed || spec.unit != LengthUnit::nibbles);
    }

    void mac_field(const Dialect& dialect, unsigned n, const toml::table& root) {
        const FieldSpec& spec = dialect.fields[n];
        if (!spec.defined()) return;
        if (spec.length != LengthKind::fixed || spec.body != BodyEncoding::binary || spec.max != dialect.mac_bytes) {
            const toml::node* at = root["fields"][std::to_string(n)].node();
            wrong(*at, fmt::format("field {} is the MAC: it must be fixed, binary, and of mac_bytes ({}) bytes", n,
                                   dialect.mac_bytes));
        }
    }

    std::string m_origin;
    const toml::table* m_defaults = nullptr;
    std::optional<Failure> m_failure;
};
}  // namespace

Result<Dialect> parse_dialect(std::string_view toml, std::string_view origin) {
    try {
        return Loader(origin).load(toml::parse(toml));
    } catch (const toml::parse_error& error) {
        return fail(Failure::Kind::config,
                    fmt::format("{}:{}: not TOML: {}", origin, error.source().begin.line, error.description()));
    }
}

Result<Dialect> load_dialect(const std::filesystem::path& path) {
    auto bytes = read_file(path, kDialectFileBytesMax);
    if (!bytes) return fail(Failure::Kind::config, bytes.error().what + "; name a file of firmware-config/dialects");
    return parse_dialect(as_text(*bytes), path.string());
}

}  // namespace giro::iso8583
