// The [layouts] of a dialect file: layout.hpp says what each setting means.
#include "iso8583/dialect_reader.hpp"
#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
constexpr std::size_t kNameBytesMax = 80;
constexpr std::size_t kLayoutNameBytesMax = 32;

constexpr Choice<Layout::Kind> kKinds[] = {
    {"ber-tlv", Layout::Kind::ber_tlv}, {"tlv", Layout::Kind::tlv}, {"parts", Layout::Kind::parts}};
constexpr Choice<Layout::Encoding> kEncodings[] = {
    {"ascii", Layout::Encoding::ascii}, {"bcd", Layout::Encoding::bcd}, {"binary", Layout::Encoding::binary}};
constexpr Choice<ElementSpec::Body> kBodies[] = {
    {"text", ElementSpec::Body::text}, {"bcd", ElementSpec::Body::bcd}, {"binary", ElementSpec::Body::binary}};

// A tag as it stands in the value: characters of an ASCII one, hexadecimal of the others.
std::string tag_bytes(SettingsReader& reader, const Layout& layout, std::string_view key, const toml::node& node) {
    if (layout.kind == Layout::Kind::tlv && layout.tag == Layout::Encoding::ascii) {
        if (key.size() == layout.tag_bytes) return std::string(key);
        reader.wrong(node, fmt::format("tag \"{}\" must have {} characters", key, layout.tag_bytes));
        return {};
    }
    const auto bytes = from_hex(key);
    const bool good = bytes && !bytes->empty() && bytes->size() <= kTagBytesMax &&
                      (layout.kind == Layout::Kind::ber_tlv || bytes->size() == layout.tag_bytes);
    if (!good) reader.wrong(node, fmt::format("tag \"{}\" must be hexadecimal, two digits a byte", key));
    return good ? std::string(as_text(*bytes)) : std::string();
}

ElementSpec element(SettingsReader& reader, const toml::table& in, const Dialect& dialect, bool part) {
    ElementSpec spec;
    if (part)
        reader.known_keys(in, {"name", "size", "mask", "body", "layout"});
    else
        reader.known_keys(in, {"name", "mask", "body", "layout"});
    spec.name = reader.text(in, "name", in.get("name"), kNameBytesMax);
    spec.mask = reader.choice("mask", in.get("mask"), kMasks, Masking::none);
    spec.body = reader.choice("body", in.get("body"), kBodies, ElementSpec::Body::text);
    if (part) spec.size = static_cast<std::uint16_t>(reader.number(in, "size", in.get("size"), 0, kFieldLengthMax));
    spec.layout = layout_number(reader, in.get("layout"), dialect);
    return spec;
}

void read_tags(SettingsReader& reader, const toml::table& in, const Dialect& dialect, Layout& layout) {
    const auto* tags = reader.table(in, "tags", false);
    if (tags == nullptr) return;
    for (const auto& [key, node] : *tags) {
        const auto* one = node.as_table();
        if (one == nullptr) return reader.wrong(node, fmt::format("tag {} must be a table", key.str()));
        ElementSpec spec = element(reader, *one, dialect, false);
        spec.tag = tag_bytes(reader, layout, key.str(), node);
        layout.elements.push_back(std::move(spec));
    }
    std::ranges::sort(layout.elements, {}, &ElementSpec::tag);
    if (std::ranges::adjacent_find(layout.elements, {}, &ElementSpec::tag) != layout.elements.end())
        reader.wrong(*tags, "a tag is given twice");
}

void read_parts(SettingsReader& reader, const toml::table& in, const Dialect& dialect, Layout& layout) {
    const auto* parts = in.get_as<toml::array>("parts");
    if (parts == nullptr || parts->empty())
        return reader.wrong(in, "\"parts\" must be a list of { name = ..., size = ... }");
    for (const auto& node : *parts) {
        const auto* one = node.as_table();
        if (one == nullptr) return reader.wrong(node, "a part must be { name = ..., size = ... }");
        if (!layout.elements.empty() && layout.elements.back().size == 0)
            reader.wrong(node, "only the last part may have size 0");
        layout.elements.push_back(element(reader, *one, dialect, true));
    }
}

void read_layout(SettingsReader& reader, const toml::table& in, const Dialect& dialect, Layout& layout) {
    reader.known_keys(in, {"kind", "strict", "unknown", "tag_bytes", "tag", "length_bytes", "length", "tags", "parts"});
    if (in.get("kind") == nullptr) reader.wrong(in, "\"kind\" is missing: ber-tlv, tlv or parts");
    layout.kind = reader.choice("kind", in.get("kind"), kKinds, Layout::Kind::parts);
    layout.strict = reader.flag("strict", in.get("strict"), true);
    layout.unknown = reader.choice("unknown", in.get("unknown"), kMasks, Masking::hide);
    const bool sized = layout.kind == Layout::Kind::tlv;
    for (const char* key : {"tag_bytes", "tag", "length_bytes", "length"})
        if (!sized && in.get(key) != nullptr)
            reader.wrong(*in.get(key), fmt::format("\"{}\" is for kind = \"tlv\"", key));
    if (sized) {
        layout.tag = reader.choice("tag", in.get("tag"), kEncodings, Layout::Encoding::ascii);
        layout.length = reader.choice("length", in.get("length"), kEncodings, Layout::Encoding::ascii);
        layout.tag_bytes =
            static_cast<std::uint8_t>(reader.number(in, "tag_bytes", in.get("tag_bytes"), 1, kTagBytesMax));
        layout.length_bytes =
            static_cast<std::uint8_t>(reader.number(in, "length_bytes", in.get("length_bytes"), 1, kTagLengthBytesMax));
    }
    const bool parts = layout.kind == Layout::Kind::parts;
    if (const auto* foreign = in.get(parts ? "tags" : "parts"))
        reader.wrong(*foreign, parts ? "kind = \"parts\" has parts, no tags" : "parts are for kind = \"parts\"");
    if (parts)
        read_parts(reader, in, dialect, layout);
    else
        read_tags(reader, in, dialect, layout);
}
}  // namespace

std::uint8_t layout_number(SettingsReader& reader, const toml::node* node, const Dialect& dialect) {
    if (node == nullptr) return 0;
    const auto word = node->value_exact<std::string>();
    for (std::size_t i = 0; i < dialect.layouts.size(); ++i)
        if (word && dialect.layouts[i].name == *word) return static_cast<std::uint8_t>(i + 1);
    reader.wrong(*node, fmt::format("there is no [layouts.{}]", word.value_or("...")));
    return 0;
}

void read_layouts(SettingsReader& reader, std::span<const toml::table* const> files, Dialect& dialect) {
    std::vector<const toml::table*> found;
    for (const toml::table* file : files) {  // names first: an element may name any of them
        const auto* all = reader.table(*file, "layouts", false);
        if (all == nullptr) continue;
        for (const auto& [key, node] : *all) {
            if (std::ranges::find(dialect.layouts, key.str(), &Layout::name) != dialect.layouts.end()) continue;
            const bool named = !key.str().empty() && key.str().size() <= kLayoutNameBytesMax;
            if (!node.is_table() || !named || found.size() == kLayoutsMax)
                return reader.wrong(node,
                                    fmt::format("a layout is [layouts.NAME], its name at most {} bytes, {} in all",
                                                kLayoutNameBytesMax, kLayoutsMax));
            found.push_back(node.as_table());
            dialect.layouts.emplace_back().name = key.str();
        }
    }
    for (std::size_t i = 0; i < found.size(); ++i) read_layout(reader, *found[i], dialect, dialect.layouts[i]);
}

}  // namespace giro::iso8583
