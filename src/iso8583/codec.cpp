// Reading: from a frame to a Message. Writing: codec_pack.cpp.
#include "iso8583/codec.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "iso8583/charset.hpp"
#include "iso8583/codec_detail.hpp"
#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
// Both characters of a packed byte.
constexpr auto kBcdCharacters = [] {
    std::array<std::array<char, 2>, 256> table{};
    constexpr auto one = [](unsigned nibble) { return nibble == 0xD ? '=' : kHexDigits[nibble]; };
    for (unsigned i = 0; i < 256; ++i) table[i] = {one(i >> 4), one(i & 15)};
    return table;
}();

// `digits` characters from `packed`, from its nibble `first` (0 or 1) on.
void unpack_bcd(std::byte* out, Bytes packed, std::size_t first, std::size_t digits) noexcept {
    if (digits == 0) return;
    std::size_t i = 0, at = 0;
    if (first == 1) out[i++] = static_cast<std::byte>(kBcdCharacters[u8(packed[at++])][1]);
    for (; i + 2 <= digits; i += 2) std::memcpy(out + i, kBcdCharacters[u8(packed[at++])].data(), 2);
    if (i < digits) out[i] = static_cast<std::byte>(kBcdCharacters[u8(packed[at])][0]);
}

unsigned nibble_at(Bytes packed, std::size_t i) noexcept {
    const unsigned byte = u8(packed[i / 2]);
    return i % 2 == 0 ? byte >> 4 : byte & 15;
}
}  // namespace

// Reads one frame from front to back. Every read checks what is left first.
class Unpacker {
  public:
    Unpacker(const Dialect& dialect, Bytes frame, Message& message) noexcept
        : m_dialect(dialect), m_frame(frame), m_message(message) {}

    Expected<void, UnpackError> run() noexcept {
        m_message.clear();
        if (m_frame.size() > kFrameBytesMax) return refuse(Reason::frame_too_long, 1, kFrameBytesMax);
        m_message.m_frame = m_frame;
        if (!header()) return tl::unexpected(m_error);
        for (unsigned half = 0; half < 2; ++half) {
            std::uint64_t left = m_message.m_present[half];
            if (half == 0) left &= ~kSecondaryBit;
            while (left != 0) {
                const unsigned n = first_field(left, half);
                if (!field(n)) {
                    forget_from(n);
                    return tl::unexpected(m_error);
                }
                left &= ~(kSecondaryBit >> (n - 1) % 64);
            }
        }
        if (m_at != m_frame.size()) return refuse(Reason::trailing_bytes, 1, m_at);
        return {};
    }

    // MTI and bitmaps only: what mac_input needs to know.
    bool header() noexcept {
        return read_header() && read_mti() && read_bitmap(0) && (m_message.has(1) ? read_bitmap(1) : true);
    }
    [[nodiscard]] UnpackError error() const noexcept { return m_error; }
    [[nodiscard]] std::size_t at() const noexcept { return m_at; }

  private:
    tl::unexpected<UnpackError> refuse(Reason reason, unsigned n, std::size_t offset) noexcept {
        m_error = {reason, static_cast<std::uint8_t>(n), static_cast<std::uint16_t>(offset)};
        return tl::unexpected(m_error);
    }
    bool no(Reason reason, unsigned n, std::size_t offset) noexcept {
        static_cast<void>(refuse(reason, n, offset));
        return false;
    }
    [[nodiscard]] std::size_t left() const noexcept { return m_frame.size() - m_at; }

    // After a refusal the message keeps only the fields before the refused one.
    void forget_from(unsigned n) noexcept {
        if (n <= 64) m_message.m_present[0] &= ~(~std::uint64_t{0} >> (n - 1));
        m_message.m_present[1] &= n <= 64 ? 0 : ~(~std::uint64_t{0} >> (n - 65));
    }

    bool read_header() noexcept {
        const std::size_t size = m_dialect.header_bytes();
        if (left() < size) return no(Reason::truncated, 0, m_frame.size());
        if (size != 0) m_message.set_header(m_frame.first(size));
        m_at = size;
        return true;
    }

    bool read_mti() noexcept {
        if (left() < m_dialect.mti_bytes()) return no(Reason::truncated, 0, m_frame.size());
        const Bytes wire = m_frame.subspan(m_at, m_dialect.mti_bytes());
        for (std::size_t i = 0; i < 4; ++i) {
            unsigned c = m_dialect.mti == MtiEncoding::bcd ? '0' + nibble_at(wire, i) : u8(wire[i]);
            if (m_dialect.mti == MtiEncoding::ebcdic) c = ebcdic_to_ascii(static_cast<std::uint8_t>(c));
            if (c < '0' || c > '9') return no(Reason::bad_mti, 0, m_at);
            m_message.m_mti[i] = static_cast<char>(c);
        }
        m_at += wire.size();
        return true;
    }

    bool read_bitmap(unsigned half) noexcept {
        const std::size_t size = m_dialect.bitmap_bytes();
        if (left() < size) {
            m_message.m_present = {};
            return no(Reason::truncated, 1, m_frame.size());
        }
        std::uint64_t bits = 0;
        if (m_dialect.bitmap == BitmapEncoding::binary) {
            bits = load_be<std::uint64_t>(m_frame.data() + m_at);
        } else {
            for (std::size_t i = 0; i < size; ++i) {
                const std::uint8_t c = u8(m_frame[m_at + i]);
                const unsigned value = hex_value(m_dialect.bitmap == BitmapEncoding::ebcdic ? ebcdic_to_ascii(c) : c);
                if (value > 15) {
                    m_message.m_present = {};
                    return no(Reason::bad_bitmap, 1, m_at + i);
                }
                bits = bits << 4 | value;
            }
        }
        m_message.m_present[half] = bits;
        m_at += size;
        return true;
    }

    // The number before a variable field.
    bool read_prefix(const FieldSpec& spec, unsigned n, std::size_t& count) noexcept {
        if (left() < spec.prefix_bytes) return no(Reason::truncated, n, m_frame.size());
        if (spec.prefix == PrefixEncoding::ascii)
            return count_by<10>(spec, n, count, [](unsigned byte) { return byte - '0'; });
        return read_other_prefix(spec, n, count);
    }

    bool read_other_prefix(const FieldSpec& spec, unsigned n, std::size_t& count) noexcept {
        switch (spec.prefix) {
            case PrefixEncoding::ebcdic: return count_by<10>(spec, n, count, [](unsigned byte) { return byte - kEbcdicZero; });
            case PrefixEncoding::bcd:
                return count_by<100>(spec, n, count, [](unsigned byte) {
                    return (byte & 15) > 9 ? 100 : (byte >> 4) * 10 + (byte & 15);
                });
            case PrefixEncoding::binary: return count_by<256>(spec, n, count, [](unsigned byte) { return byte; });
            case PrefixEncoding::ascii: break;
        }
        return false;
    }

    // A number of prefix_bytes digits to this base, each a byte of which `digit_of` makes one.
    template <unsigned base, typename DigitOf>
    bool count_by(const FieldSpec& spec, unsigned n, std::size_t& count, DigitOf digit_of) noexcept {
        count = 0;
        for (std::size_t i = 0; i < spec.prefix_bytes; ++i) {
            const unsigned digit = digit_of(u8(m_frame[m_at + i]));
            if (digit >= base) return no(Reason::bad_length, n, m_at + i);
            count = count * base + digit;
        }
        m_at += spec.prefix_bytes;
        return true;
    }

    bool field(unsigned n) noexcept {
        const FieldSpec& spec = m_dialect.fields[n];
        if (!spec.defined()) return no(Reason::unknown_field, n, m_at);
        const std::size_t wire = m_at;
        std::size_t count = spec.max;
        if (spec.prefix_bytes != 0 && !read_prefix(spec, n, count)) return false;
        m_message.m_slots[n].wire = static_cast<std::uint16_t>(wire);
        const std::size_t body_at = m_at;
        if (!(spec.direct ? direct_body(spec, n, count, wire) : decoded_body(spec, n, count, wire))) return false;
        return !spec.strict || check_inside(spec, n, body_at);
    }

    bool check_inside(const FieldSpec& spec, unsigned n, std::size_t body_at) noexcept {
        const Message::Slot slot = m_message.m_slots[n];
        const Bytes value = slot.in_arena ? Bytes(m_message.m_arena).subspan(slot.offset, slot.length)
                                          : m_frame.subspan(slot.offset, slot.length);
        const auto error = check_elements(m_dialect.layouts, m_dialect.layouts[spec.layout - 1U], value);
        if (error.fault == ElementFault::none) return true;
        return no(Reason::bad_layout, n, body_at + (spec.body == BodyEncoding::bcd ? error.offset / 2 : error.offset));
    }

    bool direct_body(const FieldSpec& spec, unsigned n, std::size_t count, std::size_t wire) noexcept {
        if (count > spec.max) return no(Reason::length_over_max, n, wire);
        if (left() < count) return no(Reason::truncated, n, m_frame.size());
        if (!check(spec, n, m_frame.subspan(m_at, count), m_at)) return false;
        m_message.m_slots[n] = {static_cast<std::uint16_t>(m_at), static_cast<std::uint16_t>(count),
                                static_cast<std::uint16_t>(wire), false};
        m_at += count;
        return true;
    }

    bool check(const FieldSpec& spec, unsigned n, Bytes value, std::size_t offset) noexcept {
        const std::size_t bad = first_outside(spec.allowed, value);
        return bad == value.size() || no(Reason::bad_content, n, offset + bad);
    }

    bool decoded_body(const FieldSpec& spec, unsigned n, std::size_t count, std::size_t wire) noexcept {
        if (spec.body == BodyEncoding::bcd) return bcd_body(spec, n, count, wire);
        if (spec.prefix_bytes != 0 && spec.unit == LengthUnit::nibbles) {
            if (count % 2 != 0) return no(Reason::bad_length, n, wire);
            count /= 2;
        }
        if (spec.body != BodyEncoding::ebcdic) return direct_body(spec, n, count, wire);
        if (count > spec.max) return no(Reason::length_over_max, n, wire);
        if (left() < count) return no(Reason::truncated, n, m_frame.size());
        std::byte* out = m_message.reserve(count);
        ASSERT(out != nullptr);
        for (std::size_t i = 0; i < count; ++i) out[i] = std::byte{ebcdic_to_ascii(u8(m_frame[m_at + i]))};
        return decoded(spec, n, {out, count}, wire, count);
    }

    bool bcd_body(const FieldSpec& spec, unsigned n, std::size_t count, std::size_t wire) noexcept {
        const bool in_bytes = spec.prefix_bytes != 0 && spec.unit == LengthUnit::bytes;
        if (count > (in_bytes ? (spec.max + 1U) / 2 : spec.max)) return no(Reason::length_over_max, n, wire);
        const std::size_t size = in_bytes ? count : (count + 1) / 2;
        if (left() < size) return no(Reason::truncated, n, m_frame.size());
        const Bytes packed = m_frame.subspan(m_at, size);
        std::size_t digits = in_bytes ? 2 * size : count;
        std::size_t first = 0;
        const unsigned pad = hex_value(spec.pad);
        const std::size_t pad_at = spec.pad_side == PadSide::left ? 0 : 2 * size - 1;
        if (in_bytes && size != 0 && nibble_at(packed, pad_at) == pad && (digits > spec.max || pad_is_foreign(spec)))
            --digits;
        if (digits > spec.max) return no(Reason::length_over_max, n, wire);
        if (digits % 2 != 0) {
            if (nibble_at(packed, pad_at) != pad) return no(Reason::bad_padding, n, m_at + pad_at / 2);
            if (spec.pad_side == PadSide::left) first = 1;
        }
        std::byte* out = m_message.reserve(digits);
        ASSERT(out != nullptr);
        unpack_bcd(out, packed, first, digits);
        return decoded(spec, n, {out, digits}, wire, size);
    }

    // A pad digit that cannot be part of a value marks an odd value even where the prefix counts bytes.
    static bool pad_is_foreign(const FieldSpec& spec) noexcept {
        const auto pad = static_cast<std::byte>(spec.pad);
        return first_outside(spec.allowed, Bytes(&pad, 1)) == 0;
    }

    bool decoded(const FieldSpec& spec, unsigned n, Bytes value, std::size_t wire, std::size_t wire_bytes) noexcept {
        const std::size_t bad = first_outside(spec.allowed, value);
        if (bad != value.size())
            return no(Reason::bad_content, n, m_at + (spec.body == BodyEncoding::bcd ? bad / 2 : bad));
        m_message.m_slots[n] = {static_cast<std::uint16_t>(value.data() - m_message.m_arena.data()),
                                static_cast<std::uint16_t>(value.size()), static_cast<std::uint16_t>(wire), true};
        m_at += wire_bytes;
        return true;
    }

    const Dialect& m_dialect;
    Bytes m_frame;
    Message& m_message;
    std::size_t m_at = 0;
    UnpackError m_error{};
};

Expected<void, UnpackError> unpack(const Dialect& dialect, Bytes frame, Message& message) noexcept {
    return Unpacker(dialect, frame, message).run();
}

Expected<std::size_t, UnpackError> unpack_header(const Dialect& dialect, Bytes frame, Message& message) noexcept {
    message.clear();
    if (frame.size() > kFrameBytesMax) return tl::unexpected(UnpackError{Reason::frame_too_long, 1, kFrameBytesMax});
    Unpacker unpacker(dialect, frame, message);
    if (!unpacker.header()) return tl::unexpected(unpacker.error());
    return unpacker.at();
}

std::string_view to_string(Reason reason) noexcept {
    switch (reason) {
        case Reason::frame_too_long: return "a frame over the size limit";
        case Reason::truncated: return "the frame ends too early";
        case Reason::bad_mti: return "a message type that is not four digits";
        case Reason::bad_bitmap: return "a bitmap character that is not upper-case hexadecimal";
        case Reason::unknown_field: return "a field that the dialect does not define";
        case Reason::bad_length: return "a length that is not a number in its encoding";
        case Reason::length_over_max: return "a length over the dialect's maximum";
        case Reason::bad_content: return "a character outside the field's class";
        case Reason::bad_padding: return "a pad nibble other than the dialect's";
        case Reason::bad_layout: return "what is inside does not fit the field's layout";
        case Reason::trailing_bytes: return "bytes after the last field";
        case Reason::wrong_length: return "a value shorter than its fixed field";
        case Reason::message_too_long: return "more than the frame can hold";
        case Reason::no_mac: return "no MAC in the last field";
    }
    return "unknown";
}

std::string CodecError::text() const {
    const std::string where = field == 0 ? "MTI" : field == 1 ? "message" : fmt::format("DE{}", field);
    return fmt::format("{} at byte {}: {}", where, offset, to_string(reason));
}

}  // namespace giro::iso8583
