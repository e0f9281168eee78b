// The dialect file's reader: fields, message and codes; layouts in dialect_layouts.cpp. The first mistake found is
// reported.
#include "iso8583/dialect.hpp"

#include <algorithm>
#include <optional>

#include "iso8583/charset.hpp"
#include "iso8583/dialect_reader.hpp"
#include "iso8583/pin.hpp"
#include "util/file.hpp"

namespace giro::iso8583 {

namespace {
constexpr std::size_t kDialectFileBytesMax = 256 << 10;
constexpr std::size_t kNameBytesMax = 80;
constexpr std::size_t kExtendsMax = 3;  // files that extend one another
constexpr std::int64_t kMacBytesMin = 4;
constexpr std::int64_t kMacBytesMax = 32;

constexpr Choice<LengthKind> kLengths[] = {{"fixed", LengthKind::fixed}, {"LLVAR", LengthKind::llvar},
                                           {"LLLVAR", LengthKind::lllvar}, {"LLLLVAR", LengthKind::llllvar}};
constexpr Choice<LengthUnit> kUnits[] = {
    {"digits", LengthUnit::digits}, {"bytes", LengthUnit::bytes}, {"nibbles", LengthUnit::nibbles}};
constexpr Choice<PrefixEncoding> kPrefixes[] = {{"ascii", PrefixEncoding::ascii}, {"bcd", PrefixEncoding::bcd},
                                                {"binary", PrefixEncoding::binary}, {"ebcdic", PrefixEncoding::ebcdic}};
constexpr Choice<BodyEncoding> kBodies[] = {{"ascii", BodyEncoding::ascii}, {"bcd", BodyEncoding::bcd},
                                            {"binary", BodyEncoding::binary}, {"ebcdic", BodyEncoding::ebcdic}};
constexpr Choice<PadSide> kPadSides[] = {{"none", PadSide::none}, {"left", PadSide::left}, {"right", PadSide::right}};
constexpr Choice<MtiEncoding> kMtis[] = {
    {"ascii", MtiEncoding::ascii}, {"bcd", MtiEncoding::bcd}, {"ebcdic", MtiEncoding::ebcdic}};
constexpr Choice<BitmapEncoding> kBitmaps[] = {
    {"binary", BitmapEncoding::binary}, {"hex", BitmapEncoding::hex}, {"ebcdic", BitmapEncoding::ebcdic}};
constexpr Choice<Header> kHeaders[] = {{"none", Header::none}, {"tpdu", Header::tpdu}};
constexpr Choice<LengthHeader> kLengthHeaders[] = {
    {"none", LengthHeader::none},     {"binary2", LengthHeader::binary2}, {"binary4", LengthHeader::binary4},
    {"ascii4", LengthHeader::ascii4}, {"bcd2", LengthHeader::bcd2},       {"bcd4", LengthHeader::bcd4}};
constexpr Choice<PartialReversal> kPartialReversals[] = {{"none", PartialReversal::none},
                                                         {"amount-stands", PartialReversal::amount_stands},
                                                         {"amount-reversed", PartialReversal::amount_reversed}};
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
constexpr std::uint8_t kCharacterPrefixBytes[] = {0, 2, 3, 4};
constexpr std::uint8_t kPackedPrefixBytes[] = {0, 1, 2, 2};

using Files = std::vector<const toml::table*>;  // the file itself, the one it extends, and so on

class Loader {
  public:
    Result<Dialect> load(Files files) {
        m_files = std::move(files);
        Dialect dialect;
        for (const toml::table* file : m_files)
            m_reader.known_keys(*file, {"name", "extends", "message", "mac", "defaults", "classes", "fields", "layouts",
                                 "response_codes", "network_codes", "reason_codes"});
        const toml::table& root = *m_files.front();
        dialect.name = m_reader.text(root, "name", root.get("name"), kNameBytesMax);
        read_layouts(m_reader, m_files, dialect);
        const bool whole = m_files.size() == 1;  // one that extends need not say everything again
        for (const toml::table* file : m_files) {
            if (const auto* message = m_reader.table(*file, "message", whole))
                m_reader.known_keys(*message, {"edition", "mti", "bitmap", "header", "mac_bytes", "ksn_field", "pin_field", "cvv2_field", "partial_reversal"});
            if (const auto* defaults = m_reader.table(*file, "defaults", false)) m_reader.known_keys(*defaults, kFieldKeys);
            if (const auto* classes = m_reader.table(*file, "classes", false)) check_classes(*classes);
            static_cast<void>(m_reader.table(*file, "fields", whole));
        }
        message_settings(root, dialect);
        for (const toml::table* file : m_files)
            if (const auto* fields = file->get_as<toml::table>("fields"))
                for (const auto& [key, node] : *fields) field(key.str(), node, dialect);
        mac_coverage(dialect);
        for (const unsigned n : {kPrimaryMac, kSecondaryMac}) mac_field(dialect, n);
        ksn_field(root, dialect);
        pin_field(root, dialect);
        partial_reversal(dialect);
        cvv2_field(root, dialect);
        codes("response_codes", 2, dialect.response_codes);
        codes("network_codes", 3, dialect.network_codes);
        reasons(dialect);
        if (m_reader.failure()) return tl::unexpected(*m_reader.failure());
        return dialect;
    }

  private:
    static constexpr std::array<std::string_view, 11> kFieldKeys = {
        "name", "length", "max", "unit", "prefix", "body", "pad_side", "pad", "content", "mask", "layout"};

    void check_classes(const toml::table& classes) {
        for (const auto& [key, node] : classes) {
            const bool known = std::ranges::find(kContents, key.str(), &Choice<std::uint8_t>::word) != std::end(kContents);
            const auto* settings = node.as_table();
            if (!known || settings == nullptr)
                return m_reader.wrong(node, fmt::format("\"{}\" is no content class with its settings: n = {{ ... }}", key.str()));
            m_reader.known_keys(*settings, kFieldKeys);
        }
    }

    // The first file's word on a setting of a table such as [message].
    const toml::node* of_table(std::string_view table, std::string_view key) const {
        for (const toml::table* file : m_files)
            if (const auto* in = file->get_as<toml::table>(table); in != nullptr && in->get(key) != nullptr) return in->get(key);
        return nullptr;
    }

    void message_settings(const toml::table& root, Dialect& dialect) {
        const auto* edition = of_table("message", "edition");
        const auto year = edition == nullptr ? 1987 : edition->value_exact<std::int64_t>().value_or(0);
        if (year != 1987 && year != 1993 && year != 2003) m_reader.wrong(*edition, "\"edition\" must be 1987, 1993 or 2003");
        dialect.edition = year == 2003 ? Edition::y2003 : year == 1993 ? Edition::y1993 : Edition::y1987;
        dialect.mti = m_reader.choice("mti", of_table("message", "mti"), kMtis, MtiEncoding::ascii);
        dialect.bitmap = m_reader.choice("bitmap", of_table("message", "bitmap"), kBitmaps, BitmapEncoding::binary);
        dialect.header = m_reader.choice("header", of_table("message", "header"), kHeaders, Header::none);
        if (const auto* mac = of_table("message", "mac_bytes"))
            dialect.mac_bytes = static_cast<std::uint8_t>(m_reader.number(root, "mac_bytes", mac, kMacBytesMin, kMacBytesMax));
    }

    // A field's own setting, or the nearest file's for its class, or under [defaults].
    const toml::node* setting(const toml::table& in, std::string_view key) const {
        if (const toml::node* own = in.get(key)) return own;
        for (const toml::table* file : m_files) {
            if (const auto* classes = file->get_as<toml::table>("classes"))
                if (const auto* of_class = classes->get_as<toml::table>(m_class); of_class != nullptr && of_class->get(key))
                    return of_class->get(key);
            if (const auto* defaults = file->get_as<toml::table>("defaults"); defaults != nullptr && defaults->get(key))
                return defaults->get(key);
        }
        return nullptr;
    }

    void field(std::string_view key, const toml::node& node, Dialect& dialect) {
        unsigned n = 0;
        for (const char c : key) n = c >= '0' && c <= '9' && n < 1000 ? n * 10 + static_cast<unsigned>(c - '0') : 1000;
        if (n < 2 || n > kFieldMax || key[0] == '0') {
            m_reader.wrong(node, fmt::format("\"{}\" is not a field number from 2 to {}", key, kFieldMax));
            return;
        }
        if (m_nodes[n] != nullptr) return;  // the extending file has said it
        m_nodes[n] = &node;
        const auto* in = node.as_table();
        if (in == nullptr) {
            m_reader.wrong(node, fmt::format("field {} must be a table: {} = {{ name = \"...\", max = ..., ... }}", n, n));
            return;
        }
        if (in->empty() && m_files.size() > 1) return;
        m_reader.known_keys(*in, kFieldKeys);
        dialect.names[n] = m_reader.text(*in, "name", in->get("name"), kNameBytesMax);
        FieldSpec& spec = dialect.fields[n];
        m_class.clear();
        if (setting(*in, "content") == nullptr) m_reader.wrong(*in, fmt::format("field {}: \"content\" is missing", n));
        spec.allowed = m_reader.choice("content", setting(*in, "content"), kContents, content::kBinary);
        if (const auto* word = setting(*in, "content")) m_class = word->value_or(std::string());
        spec.max = static_cast<std::uint16_t>(m_reader.number(*in, "max", setting(*in, "max"), 1, kFieldLengthMax));
        spec.length = m_reader.choice("length", setting(*in, "length"), kLengths, LengthKind::fixed);
        spec.unit = m_reader.choice("unit", setting(*in, "unit"), kUnits, LengthUnit::digits);
        spec.prefix = m_reader.choice("prefix", setting(*in, "prefix"), kPrefixes, PrefixEncoding::ascii);
        spec.body = m_reader.choice("body", setting(*in, "body"), kBodies, BodyEncoding::ascii);
        spec.mask = m_reader.choice("mask", setting(*in, "mask"), kMasks, Masking::none);
        spec.layout = layout_number(m_reader, setting(*in, "layout"), dialect);
        padding(*in, spec, n);
        compile(*in, spec, n);
        if (spec.layout == 0) return;
        const Layout& layout = dialect.layouts[spec.layout - 1U];
        spec.strict = layout.strict && !(spec.length == LengthKind::fixed && always_fits(layout, spec.max));
    }

    // Parts that make up a fixed field: there is nothing to check in a message.
    static bool always_fits(const Layout& layout, std::size_t size) {
        if (layout.kind != Layout::Kind::parts || layout.elements.empty()) return false;  // empty: after a mistake
        std::size_t sum = 0;
        for (const ElementSpec& part : layout.elements) {
            if (part.layout != 0) return false;
            sum += part.size;
        }
        return sum == size || (sum < size && layout.elements.back().size == 0);
    }

    void padding(const toml::table& in, FieldSpec& spec, unsigned n) {
        const bool numeric = spec.allowed == content::kDigit;
        const bool unpadded = (spec.allowed & (content::kBinary | content::kSigned)) != 0;
        const PadSide side = unpadded ? PadSide::none : numeric ? PadSide::left : PadSide::right;
        spec.pad_side = m_reader.choice("pad_side", setting(in, "pad_side"), kPadSides, side);
        spec.pad = numeric ? '0' : ' ';
        if (const auto* pad = setting(in, "pad")) spec.pad = static_cast<std::uint8_t>(m_reader.text(in, "pad", pad, 1)[0]);
        if (spec.body != BodyEncoding::bcd) return;
        if (spec.pad_side == PadSide::none)
            m_reader.wrong(in, fmt::format("field {}: a bcd body needs pad_side = \"left\" or \"right\" for odd lengths", n));
        const bool hex = (spec.pad >= '0' && spec.pad <= '9') || (spec.pad >= 'A' && spec.pad <= 'F');
        if (!hex) m_reader.wrong(in, fmt::format("field {}: the pad of a bcd body must be one of 0 to 9, A to F", n));
    }

    // The settings must make sense together; then what the codec would work out each time is worked out once.
    void compile(const toml::table& in, FieldSpec& spec, unsigned n) {
        const bool binary_content = spec.allowed == content::kBinary;
        if (binary_content != (spec.body == BodyEncoding::binary))
            m_reader.wrong(in, fmt::format("field {}: content \"b\" and body = \"binary\" go together", n));
        if (spec.body == BodyEncoding::bcd && spec.allowed != content::kDigit && spec.allowed != content::kTrack)
            m_reader.wrong(in, fmt::format("field {}: a bcd body needs content \"n\" or \"z\"", n));
        const bool packed = spec.body == BodyEncoding::bcd;
        std::size_t count = spec.max;
        if (spec.unit == LengthUnit::bytes && packed) count = (count + 1) / 2;
        if (spec.unit == LengthUnit::nibbles && !packed) count *= 2;
        const auto kind = static_cast<std::size_t>(spec.length);
        const bool binary_prefix = spec.prefix == PrefixEncoding::binary;
        const std::size_t capacity = binary_prefix ? kBinaryCapacity[kind] : kDecimalCapacity[kind];
        if (spec.length != LengthKind::fixed && count > capacity)
            m_reader.wrong(in, fmt::format("field {}: max {} does not fit its length prefix, which counts to {}", n, spec.max, capacity));
        const bool characters = spec.prefix == PrefixEncoding::ascii || spec.prefix == PrefixEncoding::ebcdic;
        spec.prefix_bytes = characters ? kCharacterPrefixBytes[kind] : kPackedPrefixBytes[kind];
        const bool as_is = spec.body == BodyEncoding::ascii || spec.body == BodyEncoding::binary;
        spec.direct = as_is && (spec.length == LengthKind::fixed || spec.unit != LengthUnit::nibbles);
    }

    void mac_coverage(Dialect& dialect) {
        for (const toml::table* file : m_files) {
            const auto* in = m_reader.table(*file, "mac", false);
            if (in == nullptr) continue;
            m_reader.known_keys(*in, {"length", "header", "fields"});
            dialect.mac.length = m_reader.choice("length", in->get("length"), kLengthHeaders, LengthHeader::none);
            dialect.mac.header = m_reader.flag("header", in->get("header"), false);
            const auto* list = in->get("fields");
            if (list == nullptr) return;
            if (!list->is_array() || list->as_array()->empty())
                return m_reader.wrong(*list, "\"fields\" must be a list of field numbers, 0 the MTI, 1 the bitmaps");
            for (const auto& one : *list->as_array()) {
                const auto n = m_reader.number(one, "fields", &one, 0, kFieldMax);
                const bool known = n < 2 || dialect.fields[static_cast<std::size_t>(n)].defined();
                const auto number = static_cast<std::uint8_t>(n);
                if (!known || n == kPrimaryMac || n == kSecondaryMac)
                    m_reader.wrong(one, fmt::format("field {} cannot be under the MAC: the dialect has no such field, or it is the MAC", n));
                if (std::ranges::find(dialect.mac.fields, number) != dialect.mac.fields.end())
                    m_reader.wrong(one, fmt::format("field {} is listed twice", n));
                dialect.mac.fields.push_back(number);
            }
            return;
        }
    }

    void mac_field(const Dialect& dialect, unsigned n) {
        const FieldSpec& spec = dialect.fields[n];
        if (!spec.defined()) return;
        if (spec.length != LengthKind::fixed || spec.body != BodyEncoding::binary || spec.max != dialect.mac_bytes)
            m_reader.wrong(*m_nodes[n], fmt::format("field {} is the MAC: it must be fixed, binary, and of mac_bytes ({}) bytes", n,
                                             dialect.mac_bytes));
    }

    // Whether a field takes so many bytes, as they are or in hexadecimal.
    static bool holds_bytes(const FieldSpec& spec, std::size_t bytes) {
        const bool binary = spec.body == BodyEncoding::binary;
        const std::size_t size = binary ? bytes : 2 * bytes;
        constexpr auto kHexadecimal = content::kDigit | content::kLetter;
        if (spec.length == LengthKind::fixed ? spec.max != size : spec.max < size) return false;
        return binary || (spec.allowed & kHexadecimal) == kHexadecimal;
    }

    // DE52 holds 8 bytes; a dialect whose DE52 takes both sizes may name that.
    void pin_field(const toml::table& root, Dialect& dialect) {
        const auto* node = of_table("message", "pin_field");
        if (node == nullptr) return;
        const auto n = m_reader.number(root, "pin_field", node, 2, kFieldMax);
        if (!holds_bytes(dialect.fields[static_cast<std::size_t>(n)], kAesPinBlockBytes))
            m_reader.wrong(*node, fmt::format("field {} cannot hold a PIN block of AES: it must take 16 bytes (b) or 32 characters "
                                              "(an, ans)", n));
        // Enciphered or not, a PIN block is for nobody's eyes (PCI DSS 3.3.1.3).
        dialect.fields[static_cast<std::size_t>(n)].mask = dialect.fields[kPinField].mask = Masking::hide;
        if (n == dialect.ksn_field) m_reader.wrong(*node, fmt::format("field {} is the ksn_field already", n));
        dialect.pin_field = static_cast<std::uint8_t>(n);
    }

    // 1987 has a field for it. What DE4 says beside DE30 its users do not agree on, so a dialect must say it.
    void partial_reversal(Dialect& dialect) {
        const auto* node = of_table("message", "partial_reversal");
        const auto is_number = [&](unsigned n, unsigned digits) {
            const FieldSpec& spec = dialect.fields[n];
            return spec.length == LengthKind::fixed && spec.allowed == content::kDigit && spec.max == digits;
        };
        if (dialect.edition == Edition::y1987) {
            if (node != nullptr) m_reader.wrong(*node, "\"partial_reversal\" is of 1993 and 2003: in 1987 DE95 has what is to stand");
            if (dialect.fields[95].defined()) dialect.partial_reversal = PartialReversal::replacement;
            return;
        }
        dialect.partial_reversal = m_reader.choice("partial_reversal", node, kPartialReversals, PartialReversal::none);
        if (dialect.partial_reversal == PartialReversal::none) return;
        if (!is_number(24, 3) || !is_number(30, dialect.edition == Edition::y2003 ? 32 : 24))
            m_reader.wrong(*node, "\"partial_reversal\" needs field 24 fixed, n 3, and field 30 fixed, n 24 (1993) or n 32 (2003)");
    }

    // Three digits, in a field of its own.
    void cvv2_field(const toml::table& root, Dialect& dialect) {
        const auto* node = of_table("message", "cvv2_field");
        if (node == nullptr) return;
        const auto n = m_reader.number(root, "cvv2_field", node, 2, kFieldMax);
        FieldSpec& spec = dialect.fields[static_cast<std::size_t>(n)];
        constexpr std::size_t kDigits = 3;
        const bool takes = (spec.allowed & (content::kDigit | content::kBinary)) != 0;
        if (!spec.defined() || !takes || (spec.length == LengthKind::fixed ? spec.max != kDigits : spec.max < kDigits))
            m_reader.wrong(*node, fmt::format("field {} cannot hold a CVV2: it must take 3 digits", n));
        spec.mask = Masking::hide;
        if (n == dialect.ksn_field || n == dialect.pin_field)
            m_reader.wrong(*node, fmt::format("field {} is the ksn_field or the pin_field already", n));
        dialect.cvv2_field = static_cast<std::uint8_t>(n);
    }

    // A binary field of 12 bytes, or one that takes 24 hexadecimal digits; of its own, and not of fixed length, for the two
    // kinds of DUKPT have key serial numbers of two lengths.
    void ksn_field(const toml::table& root, Dialect& dialect) {
        const auto* node = of_table("message", "ksn_field");
        if (node == nullptr) return;
        const auto n = m_reader.number(root, "ksn_field", node, 2, kFieldMax);
        const FieldSpec& spec = dialect.fields[static_cast<std::size_t>(n)];
        constexpr std::size_t kKsnBytes = 12;
        const bool holds = spec.length != LengthKind::fixed && holds_bytes(spec, kKsnBytes);
        if (!holds)
            m_reader.wrong(*node, fmt::format("field {} cannot hold a key serial number: it must be LLVAR or longer, of at least 12 "
                                              "bytes (b) or 24 characters (an, ans)", n));
        dialect.ksn_field = static_cast<std::uint8_t>(n);
    }

    // Canonical code = code on the wire; both ways one to one, `other` apart.
    void codes(std::string_view table, std::size_t digits, CodeMap& map) {
        constexpr std::size_t kWireMax = 4;
        for (const toml::table* file : m_files) {
            const auto* in = m_reader.table(*file, table, false);
            if (in == nullptr) continue;
            for (const auto& [key, node] : *in) {
                const std::string wire = m_reader.text(node, key.str(), &node, kWireMax);
                if (key.str() == "other") {
                    map.other = FixedText<4>(wire);
                    continue;
                }
                const bool of_class = digits == 2 && key.str().size() == 4 && key.str()[2] == '@';
                if (key.str().size() != digits && !of_class)
                    m_reader.wrong(node, fmt::format("\"{}\" must be a code of {} characters, or other", key.str(), digits));
                for (const auto& pair : map.pairs)
                    if (pair.wire.view() == wire) m_reader.wrong(node, fmt::format("\"{}\" already stands for another code", wire));
                map.pairs.push_back({FixedText<4>(key.str()), FixedText<4>(wire)});
            }
            if (map.other.empty()) m_reader.wrong(*in, fmt::format("[{}] needs other = \"...\", for a code that is not listed", table));
            return;
        }
    }

    // Word = DE25; both ways one to one, `other` apart.
    void reasons(Dialect& dialect) {
        constexpr std::size_t kDigits = 4;
        for (const toml::table* file : m_files) {
            const auto* in = m_reader.table(*file, "reason_codes", false);
            if (in == nullptr) continue;
            if (dialect.edition == Edition::y1987 || dialect.fields[25].max != kDigits)
                return m_reader.wrong(*in, "[reason_codes] are of 1993 and 2003, and need field 25 of 4 digits");
            const FixedText<4>& other = dialect.reason_codes[static_cast<std::size_t>(MessageReason::other)];
            for (const auto& [key, node] : *in) {
                const std::string code = m_reader.text(node, key.str(), &node, kDigits);
                const auto reason = message_reason(key.str());
                if (!reason) return m_reader.wrong(node, fmt::format("\"{}\" is no reason of giro/message_reason.hpp", key.str()));
                if (code.size() != kDigits || code.find_first_not_of("0123456789") != std::string::npos)
                    return m_reader.wrong(node, fmt::format("\"{}\" must be a code of 4 digits", key.str()));
                const auto twice = std::ranges::count(dialect.reason_codes, code, [](const auto& one) { return one.view(); });
                if (*reason != MessageReason::other && twice > (other.view() == code ? 1 : 0))
                    m_reader.wrong(node, fmt::format("\"{}\" already stands for another reason", code));
                dialect.reason_codes[static_cast<std::size_t>(*reason)] = FixedText<4>(code);
            }
            if (other.empty()) m_reader.wrong(*in, "[reason_codes] needs other = \"...\", for a reason that is not listed");
            return;
        }
    }

    SettingsReader m_reader;
    Files m_files;
    std::string m_class;                                         // content of the field that is read
    std::array<const toml::node*, kFieldMax + 1> m_nodes{};      // where each field is said
};

bool is_file_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}
}  // namespace

Result<Dialect> parse_dialect(std::string_view toml, std::string_view origin, const std::filesystem::path& folder) {
    std::vector<toml::table> tables;
    tables.reserve(kExtendsMax + 1);
    auto parsed = parse_toml(toml, origin);
    if (!parsed) return tl::unexpected(parsed.error());
    tables.push_back(std::move(*parsed));
    while (const auto* extends = tables.back().get("extends")) {
        const std::string name = extends->value_or(std::string());
        const auto refuse = [&](std::string_view what) {
            return fail(Failure::Kind::config, fmt::format("{}:{}: {}", *extends->source().path, extends->source().begin.line, what));
        };
        if (!is_file_name(name) || folder.empty()) return refuse("\"extends\" must name a file of the same folder, without .toml");
        if (tables.size() > kExtendsMax) return refuse(fmt::format("more than {} files extend one another", kExtendsMax));
        const auto path = folder / (name + ".toml");
        const auto bytes = read_file(path, kDialectFileBytesMax);
        if (!bytes) return refuse(bytes.error().what);
        parsed = parse_toml(as_text(*bytes), path.string());
        if (!parsed) return tl::unexpected(parsed.error());
        tables.push_back(std::move(*parsed));
    }
    Files files;
    for (const auto& table : tables) files.push_back(&table);
    return Loader().load(std::move(files));
}

Result<Dialect> load_dialect(const std::filesystem::path& path) {
    auto bytes = read_file(path, kDialectFileBytesMax);
    if (!bytes) return fail(Failure::Kind::config, bytes.error().what + "; name a file of firmware-config/dialects");
    return parse_dialect(as_text(*bytes), path.string(), path.parent_path());
}

Result<std::vector<Dialect>> load_dialects(const std::filesystem::path& folder, const std::vector<std::string>& names) {
    std::vector<Dialect> out;
    for (const std::string& name : names) {
        auto dialect = load_dialect(folder / (name + ".toml"));
        if (!dialect) return tl::unexpected(dialect.error());
        out.push_back(std::move(*dialect));
    }
    return out;
}

}  // namespace giro::iso8583
