#include "iso8583/explain.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
constexpr std::size_t kRawBytesShown = 24;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_printable(char c) noexcept {
    return c >= 0x20 && c < 0x7f;
}

std::string hidden(std::size_t size) {
    return fmt::format("({} hidden)", size);
}

std::string masked_pan(std::string_view value) {
    const auto pan = Pan::parse(value);
    return pan ? pan->masked() : hidden(value.size());
}

// Track 1 begins with a format letter, track 2 with the PAN; what follows the PAN is never shown.
std::string masked_track(std::string_view value) {
    const std::size_t begin = !value.empty() && value[0] == 'B' ? 1 : 0;
    std::size_t end = begin;
    while (end < value.size() && is_digit(value[end])) ++end;
    return fmt::format("{} ({} more hidden)", masked_pan(value.substr(begin, end - begin)), value.size() - end);
}

std::string masked(Masking mask, std::string_view value) {
    switch (mask) {
        case Masking::pan:
            return masked_pan(value);
        case Masking::track:
            return masked_track(value);
        case Masking::hide:
            return hidden(value.size());
        case Masking::none:
            break;
    }
    return std::ranges::all_of(value, is_printable) ? fmt::format("\"{}\"", value) : to_hex(as_bytes(value));
}

std::string upper_hex(Bytes bytes) {
    std::string hex = to_hex(bytes);
    for (char& c : hex)
        if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    return hex;
}

// Head (length prefix, tag) as it is, body as it is or as stars; cut where it grows long.
std::string raw_of(Bytes head, Bytes body, bool hide) {
    std::string out = upper_hex(head);
    const std::size_t room = kRawBytesShown - std::min(kRawBytesShown, head.size());
    const std::size_t shown = std::min(room, body.size());
    if (!head.empty() && !body.empty()) out += ' ';
    if (hide)
        out.append(2 * shown, '*');
    else
        out += upper_hex(body.first(shown));
    if (shown < body.size()) out += "..";
    return out;
}

// Digits of a packed value: without its pad F, D as the separator of a track.
std::string digits_of(Bytes packed) {
    std::string out = upper_hex(packed);
    std::ranges::replace(out, 'D', '=');
    while (!out.empty() && out.back() == 'F') out.pop_back();
    return out;
}

std::string tag_text(const Layout& layout, const Element& element) {
    const bool text = layout.kind == Layout::Kind::tlv && layout.tag == Layout::Encoding::ascii;
    return text && std::ranges::all_of(as_text(element.tag), is_printable) ? std::string(as_text(element.tag))
                                                                           : upper_hex(element.tag);
}

std::string element_value(const Layout& layout, const Element& element) {
    const Masking mask = element.spec == nullptr ? layout.unknown : element.spec->mask;
    const auto body = element.spec == nullptr ? ElementSpec::Body::text : element.spec->body;
    if (body == ElementSpec::Body::bcd) {
        const std::string digits = digits_of(element.value);
        return mask == Masking::none ? digits : masked(mask, digits);
    }
    if (body == ElementSpec::Body::binary && mask == Masking::none) return upper_hex(element.value);
    return masked(mask, as_text(element.value));
}

// Writes the lines of one frame.
class Explainer {
  public:
    Explainer(const Dialect& dialect, Bytes frame) : m_dialect(dialect), m_frame(frame) {
        m_out.dialect = dialect.name;
        m_out.bytes = frame.size();
    }

    Explanation run() {
        const auto result = unpack(m_dialect, m_frame, m_message);
        const std::size_t broken_at = result ? m_frame.size() : result.error().offset;
        const bool mti_was_read =
            result || (result.error().field != 0 && result.error().reason != Reason::frame_too_long);
        if (mti_was_read) head(broken_at);
        for (unsigned n = 2; n <= kFieldMax; ++n)
            if (m_message.has(n)) field(n, end_of(n, result ? m_frame.size() : 0));
        if (!result) refuse(result.error());
        return std::move(m_out);
    }

  private:
    void line(unsigned depth, std::size_t offset, std::size_t bytes, std::string label, std::string name,
              std::string raw, std::string value) {
        m_out.lines.push_back(
            {depth, offset, bytes, std::move(label), std::move(name), std::move(raw), std::move(value)});
    }

    void head(std::size_t broken_at) {
        std::size_t at = m_dialect.header_bytes();
        if (at != 0) {
            const Bytes h = m_frame.first(at);
            line(0, 0, at, "TPDU", "", upper_hex(h),
                 fmt::format("identifier {}, destination {}, source {}", upper_hex(h.first(1)),
                             upper_hex(h.subspan(1, 2)), upper_hex(h.subspan(3))));
        }
        line(0, at, m_dialect.mti_bytes(), "MTI", "", upper_hex(m_frame.subspan(at, m_dialect.mti_bytes())),
             std::string(m_message.mti()));
        at += m_dialect.mti_bytes();
        const std::size_t size = m_dialect.bitmap_bytes() * (m_message.has(1) ? 2 : 1);
        if (at + size > std::max(broken_at, at) || at + size > m_frame.size()) return;
        Message bits;  // the message of a refused frame has only the fields before the refusal
        if (!unpack_header(m_dialect, m_frame, bits)) return;
        std::string fields;
        for (unsigned n = 1; n <= kFieldMax; ++n)
            if (bits.has(n)) fields += fmt::format("{}{}", fields.empty() ? "" : " ", n);
        const std::size_t whole = m_dialect.bitmap_bytes() * (bits.has(1) ? 2 : 1);
        line(0, at, whole, "bitmap", "", raw_of({}, m_frame.subspan(at, whole), false),
             fields.empty() ? "no fields" : fields);
    }

    // Where field n's bytes end on the wire: at the next one that was read, or as far as the value tells.
    std::size_t end_of(unsigned n, std::size_t frame_end) {
        for (unsigned next = n + 1; next <= kFieldMax; ++next)
            if (m_message.has(next)) return m_message.wire_offset(next);
        if (frame_end != 0) return frame_end;
        const FieldSpec& spec = m_dialect.fields[n];
        const std::size_t size = m_message.bytes(n).size();
        return m_message.wire_offset(n) + spec.prefix_bytes + (spec.body == BodyEncoding::bcd ? (size + 1) / 2 : size);
    }

    void field(unsigned n, std::size_t end) {
        const FieldSpec& spec = m_dialect.fields[n];
        const std::size_t at = m_message.wire_offset(n);
        const Bytes head = m_frame.subspan(at, spec.prefix_bytes);
        const Bytes body = m_frame.subspan(at + spec.prefix_bytes, end - at - spec.prefix_bytes);
        const Bytes value = m_message.bytes(n);
        const Layout* layout = m_dialect.layout_of(n);
        const bool inside =
            layout != nullptr && check_elements(m_dialect.layouts, *layout, value).fault == ElementFault::none;
        const bool secret = layout != nullptr && layout->has_masks();
        const bool tags = inside && secret;
        const Masking mask = secret && spec.mask == Masking::none ? Masking::hide : spec.mask;  // cannot be read: not shown
        std::string shown;
        if (tags) shown = fmt::format("{} bytes of {}", value.size(), layout->name);
        else if (spec.body == BodyEncoding::binary && mask == Masking::none) shown = upper_hex(value);
        else shown = masked(mask, as_text(value));
        if (layout != nullptr && !inside) {
            const auto error = check_elements(m_dialect.layouts, *layout, value);
            shown += fmt::format(" (no {}: {} at byte {} of it)", layout->name, to_string(error.fault), error.offset);
        }
        line(0, at, end - at, fmt::format("DE{}", n), m_dialect.names[n],
             raw_of(head, tags ? Bytes() : body, mask != Masking::none), shown);
        if (inside && (tags || mask == Masking::none))
            elements(*layout, value, 1, at + spec.prefix_bytes, spec.body == BodyEncoding::bcd);
    }

    void elements(const Layout& layout, Bytes value, unsigned depth, std::size_t at, bool packed) {
        ElementReader reader(layout, value);
        while (const auto element = reader.next()) {
            const std::size_t offset = at + (packed ? element->offset / 2 : element->offset);
            const Layout* inside =
                depth < kLayoutDepthMax ? layout_inside(m_dialect.layouts, layout, *element) : nullptr;
            if (inside != nullptr &&
                check_elements(m_dialect.layouts, *inside, element->value, depth + 1).fault != ElementFault::none)
                inside = nullptr;  // an unknown tag whose value only looks constructed
            const bool part = element->tag.empty();
            const Masking mask = element->spec == nullptr ? layout.unknown : element->spec->mask;
            const Bytes head = value.subspan(element->offset, element->value_offset - element->offset);
            const std::string name = element->spec == nullptr ? "" : element->spec->name;
            line(depth, offset, packed ? 0 : head.size() + element->value.size(),
                 part ? "" : tag_text(layout, *element), name,
                 packed ? "" : raw_of(head, inside != nullptr ? Bytes() : element->value, mask != Masking::none),
                 inside != nullptr ? fmt::format("{} bytes", element->value.size()) : element_value(layout, *element));
            if (inside != nullptr)
                elements(*inside, element->value, depth + 1,
                         at + (packed ? element->value_offset / 2 : element->value_offset), packed);
        }
    }

    void refuse(const UnpackError& error) {
        const bool whole = error.field == 1;
        std::string where = error.field == 0 ? "MTI" : whole ? "message" : fmt::format("DE{}", error.field);
        std::string why(to_string(error.reason));
        if (error.reason == Reason::bad_layout) {
            const Layout* layout = m_dialect.layout_of(error.field);
            why = fmt::format("{} (layout {})", why, layout == nullptr ? "?" : layout->name);
        }
        std::string expected;
        switch (error.reason) {
            case Reason::trailing_bytes:
                expected = fmt::format("the end of the message: {} bytes are left", m_frame.size() - error.offset);
                break;
            case Reason::frame_too_long:
                expected = fmt::format("at most {} bytes", kFrameBytesMax);
                break;
            case Reason::unknown_field:
                expected = "no such bit in the bitmap, or a dialect that defines the field";
                break;
            default:
                expected = expected_of(m_dialect, error.field);
        }
        m_out.refusal = {std::move(where), error.offset, std::move(why), std::move(expected)};
    }

    const Dialect& m_dialect;
    Bytes m_frame;
    Message m_message;
    Explanation m_out;
};

std::string_view word(PrefixEncoding e) {
    switch (e) {
        case PrefixEncoding::ascii:
            return "ascii";
        case PrefixEncoding::bcd:
            return "bcd";
        case PrefixEncoding::binary:
            return "binary";
        case PrefixEncoding::ebcdic:
            return "ebcdic";
    }
    return "?";
}
std::string_view word(BodyEncoding e) {
    switch (e) {
        case BodyEncoding::ascii:
            return "ascii";
        case BodyEncoding::bcd:
            return "bcd";
        case BodyEncoding::binary:
            return "binary";
        case BodyEncoding::ebcdic:
            return "ebcdic";
    }
    return "?";
}
std::string_view word(LengthUnit u, BodyEncoding body) {
    switch (u) {
        case LengthUnit::bytes:
            return "bytes";
        case LengthUnit::nibbles:
            return "half bytes";
        case LengthUnit::digits:
            break;
    }
    return body == BodyEncoding::binary ? "bytes" : "characters";
}
std::string class_of(std::uint8_t allowed) {
    if (allowed == content::kBinary) return "any bytes";
    if ((allowed & content::kTrack) != 0) return "track data (z)";
    if ((allowed & content::kSigned) != 0) return "C or D, then digits (x+n)";
    std::string out;
    if ((allowed & content::kLetter) != 0) out += "letters, ";
    if ((allowed & content::kDigit) != 0) out += "digits, ";
    if ((allowed & content::kSpecial) != 0) out += "special characters, ";
    out.resize(out.size() - 2);
    return out;
}
}  // namespace

std::string expected_of(const Dialect& dialect, unsigned n) {
    if (n == 0) {
        const std::string header =
            dialect.header_bytes() == 0 ? "" : fmt::format("{} bytes of TPDU, then ", dialect.header_bytes());
        return fmt::format("{}4 digits of message type in {} bytes", header, dialect.mti_bytes());
    }
    if (n == 1) return fmt::format("a bitmap of {} bytes", dialect.bitmap_bytes());
    const FieldSpec& spec = dialect.fields[n];
    const std::string length = spec.prefix_bytes == 0
                                   ? std::string("exactly")
                                   : fmt::format("a length in {} bytes ({}, counting {}), then at most",
                                                 spec.prefix_bytes, word(spec.prefix), word(spec.unit, spec.body));
    std::string out =
        fmt::format("{} {} {} in {}: {}", length, spec.max, spec.body == BodyEncoding::binary ? "bytes" : "characters",
                    word(spec.body), class_of(spec.allowed));
    if (const Layout* layout = dialect.layout_of(n)) out += fmt::format("; inside: {}", layout->name);
    return out;
}

Explanation explain_frame(const Dialect& dialect, Bytes frame) {
    return Explainer(dialect, frame).run();
}

std::string to_text(const Explanation& e) {
    std::size_t raw_width = 3, label_width = 5;
    for (const auto& line : e.lines) {
        raw_width = std::max(raw_width, line.raw.size());
        label_width = std::max(label_width, line.label.size() + 2 * line.depth);
    }
    std::string out = fmt::format("{} bytes, dialect {}\n{:>6} {:>5}  {:<{}}  {:<{}}  value\n", e.bytes, e.dialect,
                                  "offset", "bytes", "field", label_width, "raw", raw_width);
    for (const auto& line : e.lines) {
        const std::string label = std::string(2 * line.depth, ' ') + line.label;
        const std::string bytes = line.bytes == 0 ? "" : std::to_string(line.bytes);
        out += fmt::format("{:>6} {:>5}  {:<{}}  {:<{}}  {}{}{}\n", line.offset, bytes, label, label_width, line.raw,
                           raw_width, line.name, line.name.empty() ? "" : ": ", line.value);
    }
    if (e.refusal)
        out += fmt::format("refused: {} at byte {}: {}\n   expected: {}\n", e.refusal->where, e.refusal->offset,
                           e.refusal->why, e.refusal->expected);
    return out;
}

}  // namespace giro::iso8583
