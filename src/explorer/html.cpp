#include "explorer/html.hpp"

namespace giro::explorer {

namespace {
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

bool leads_here(std::string_view target) {
    return target.starts_with('#') || (target.starts_with('/') && !target.starts_with("//") && !target.starts_with("/\\"));
}
bool is_link(std::string_view name) {
    return name == "href" || name == "src" || name == "action";
}

// The bytes of the UTF-8 character at the front (RFC 3629 4); 0 when there is none.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) { return byte(i) >= low && byte(i) <= high; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef)
        return follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
    if (first >= 0xf0 && first <= 0xf4)
        return follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
    return 0;
}

std::string_view entity_of(char c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        default:
            return {};
    }
}
bool is_control(unsigned char c) {
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
}
}  // namespace

void Html::text(std::string_view words) {
    while (!words.empty()) {
        const std::size_t bytes = character_bytes(words);
        if (const std::string_view entity = entity_of(words[0]); !entity.empty())
            m_out += entity;
        else if (bytes == 0 || is_control(static_cast<unsigned char>(words[0])))
            m_out += kReplacement;
        else
            m_out += words.substr(0, bytes);
        words.remove_prefix(bytes == 0 ? 1 : bytes);
    }
}

void Html::open(Name name, Attributes attributes) {
    m_out += '<';
    m_out += name.text();
    for (const Attribute& attribute : attributes) {
        ASSERT(!is_link(attribute.name.text()) || leads_here(attribute.value));
        if (attribute.value.empty() && attribute.name.text() == "class") continue;
        m_out += ' ';
        m_out += attribute.name.text();
        m_out += "=\"";
        text(attribute.value);
        m_out += '"';
    }
    m_out += '>';
}

void Html::close(Name name) {
    m_out += "</";
    m_out += name.text();
    m_out += '>';
}

}  // namespace giro::explorer
