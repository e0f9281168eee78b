#include "iso8583/layout.hpp"

#include <algorithm>

namespace giro::iso8583 {

namespace {
// BER (X.690 8.1.2.4, 8.1.3): a tag goes on while bit 8 of its next byte is set; a length of up to 0xffff is enough for
// any field, whose frame has kFrameBytesMax.
constexpr unsigned kBerLongTag = 0x1f;
constexpr unsigned kBerMore = 0x80;
constexpr unsigned kBerConstructed = 0x20;
constexpr unsigned kBerLength1 = 0x81;
constexpr unsigned kBerLength2 = 0x82;

unsigned u8(std::byte b) noexcept {
    return std::to_integer<unsigned>(b);
}
}  // namespace

const ElementSpec* Layout::find(Bytes tag_wanted) const noexcept {
    const std::string_view wanted = as_text(tag_wanted);
    const auto found =
        std::ranges::lower_bound(elements, wanted, {}, [](const ElementSpec& e) { return std::string_view(e.tag); });
    return found != elements.end() && found->tag == wanted ? &*found : nullptr;
}

bool Layout::has_masks() const noexcept {
    return kind != Kind::parts || std::ranges::any_of(elements, [](const ElementSpec& e) { return e.mask != Masking::none; });
}

std::optional<Element> ElementReader::refuse(ElementFault fault, std::size_t at) noexcept {
    m_fault = fault;
    m_at = at;
    return std::nullopt;
}

bool ElementReader::read_tag(Element& element) noexcept {
    std::size_t size = m_layout.tag_bytes;
    const std::size_t left = m_value.size() - m_at;
    if (m_layout.kind == Layout::Kind::ber_tlv) {
        const unsigned first = u8(m_value[m_at]);
        element.constructed = (first & kBerConstructed) != 0;
        size = 1;
        if ((first & kBerLongTag) == kBerLongTag) {
            do ++size;
            while (size <= std::min(left, kTagBytesMax) && (u8(m_value[m_at + size - 1]) & kBerMore) != 0);
        }
    }
    if (size > left || size > kTagBytesMax) return refuse(ElementFault::tag_cut, element.offset).has_value();
    element.tag = m_value.subspan(m_at, size);
    m_at += size;
    return true;
}

bool ElementReader::read_ber_length(std::size_t& length) noexcept {
    const std::size_t begin = m_at;
    if (m_at == m_value.size()) return refuse(ElementFault::bad_length, begin).has_value();
    length = u8(m_value[m_at++]);
    if (length < kBerMore) return true;
    const std::size_t more = length == kBerLength1 ? 1 : length == kBerLength2 ? 2 : 0;
    if (more == 0 || m_value.size() - m_at < more) return refuse(ElementFault::bad_length, begin).has_value();
    length = 0;
    for (std::size_t i = 0; i < more; ++i) length = length << 8 | u8(m_value[m_at++]);
    return true;
}

bool ElementReader::read_length(std::size_t& length) noexcept {
    const std::size_t begin = m_at;
    if (m_value.size() - m_at < m_layout.length_bytes) return refuse(ElementFault::bad_length, begin).has_value();
    length = 0;
    for (unsigned i = 0; i < m_layout.length_bytes; ++i) {
        const unsigned byte = u8(m_value[m_at++]);
        switch (m_layout.length) {
            case Layout::Encoding::ascii:
                if (byte < '0' || byte > '9') return refuse(ElementFault::bad_length, begin).has_value();
                length = length * 10 + (byte - '0');
                break;
            case Layout::Encoding::bcd:
                if (byte >> 4 > 9 || (byte & 15) > 9) return refuse(ElementFault::bad_length, begin).has_value();
                length = length * 100 + (byte >> 4) * 10 + (byte & 15);
                break;
            case Layout::Encoding::binary:
                length = length << 8 | byte;
                break;
        }
    }
    return true;
}

std::optional<Element> ElementReader::next_part() noexcept {
    if (m_at == m_value.size()) return std::nullopt;  // a variable field may end behind any part
    if (m_part == m_layout.elements.size()) return refuse(ElementFault::left_over, m_at);
    const ElementSpec& spec = m_layout.elements[m_part++];
    const std::size_t left = m_value.size() - m_at;
    const std::size_t size = spec.size == 0 ? left : spec.size;
    if (size > left) return refuse(ElementFault::part_cut, m_at);
    Element part{{}, m_value.subspan(m_at, size), m_at, m_at, false, &spec};
    m_at += size;
    return part;
}

std::optional<Element> ElementReader::next() noexcept {
    if (m_fault != ElementFault::none) return std::nullopt;
    if (m_layout.kind == Layout::Kind::parts) return next_part();
    const bool ber = m_layout.kind == Layout::Kind::ber_tlv;
    // EMV Book 3, Annex B1: bytes 00 between data objects mean nothing.
    while (ber && m_at < m_value.size() && m_value[m_at] == std::byte{0}) ++m_at;
    if (m_at == m_value.size()) return std::nullopt;
    Element element;
    element.offset = m_at;
    std::size_t length = 0;
    if (!read_tag(element)) return std::nullopt;
    const std::size_t length_at = m_at;
    if (!(ber ? read_ber_length(length) : read_length(length))) return std::nullopt;
    if (length > m_value.size() - m_at) return refuse(ElementFault::length_beyond, length_at);
    element.value = m_value.subspan(m_at, length);
    element.value_offset = m_at;
    element.spec = m_layout.find(element.tag);
    m_at += length;
    return element;
}

const Layout* layout_inside(const std::vector<Layout>& layouts, const Layout& of, const Element& element) noexcept {
    if (element.spec != nullptr && element.spec->layout != 0) return &layouts[element.spec->layout - 1U];
    return element.constructed ? &of : nullptr;
}

ElementError check_elements(const std::vector<Layout>& layouts, const Layout& layout, Bytes value,
                            unsigned depth) noexcept {
    ElementReader reader(layout, value);
    while (const auto element = reader.next()) {
        const Layout* inside = layout_inside(layouts, layout, *element);
        if (inside == nullptr || element->spec == nullptr) continue;  // an unknown tag is taken as it is
        if (depth == kLayoutDepthMax) return {ElementFault::too_deep, element->offset};
        const ElementError error = check_elements(layouts, *inside, element->value, depth + 1);
        if (error.fault != ElementFault::none) return {error.fault, element->value_offset + error.offset};
    }
    return {reader.fault(), reader.at()};
}

std::optional<Bytes> find_element(const std::vector<Layout>& layouts, const Layout& layout, Bytes value, Bytes tag,
                                  unsigned depth) noexcept {
    ElementReader reader(layout, value);
    while (const auto element = reader.next()) {
        if (as_text(element->tag) == as_text(tag) && !tag.empty()) return element->value;
        const Layout* inside = layout_inside(layouts, layout, *element);
        if (inside == nullptr || depth == kLayoutDepthMax) continue;
        if (const auto found = find_element(layouts, *inside, element->value, tag, depth + 1)) return found;
    }
    return std::nullopt;
}

std::string_view to_string(ElementFault fault) noexcept {
    switch (fault) {
        case ElementFault::none:
            return "good";
        case ElementFault::tag_cut:
            return "a tag that is cut off or too long";
        case ElementFault::bad_length:
            return "a length that is cut off or no number in its encoding";
        case ElementFault::length_beyond:
            return "a length beyond the end of the field";
        case ElementFault::part_cut:
            return "a part that is cut off";
        case ElementFault::too_deep:
            return "tags nested too deep";
        case ElementFault::left_over:
            return "bytes behind the last part";
    }
    return "unknown";
}

}  // namespace giro::iso8583
