#include "iso8583/codec.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "iso8583/charset.hpp"
#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
constexpr std::uint64_t kSecondaryBit = std::uint64_t{1} << 63;
constexpr char kHexDigits[] = "0123456789ABCDEF";
constexpr unsigned kEbcdicZero = 0xf0;

std::uint8_t u8(std::byte b) noexcept { return std::to_integer<std::uint8_t>(b); }

// Value of an upper-case hexadecimal digit; 16 or more for anything else.
unsigned hex_value(std::uint8_t c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return 16;
}

// The one packed form of a character: digits as they are, D for the separator of a packed track; above 15: has none.
constexpr std::uint8_t kNoBcd = 0xff;
constexpr auto kBcdValue = [] {
    std::array<std::uint8_t, 256> table{};
    for (auto& value : table) value = kNoBcd;
    for (unsigned i = 0; i < 16; ++i) table[static_cast<std::uint8_t>(kHexDigits[i])] = static_cast<std::uint8_t>(i);
    table['='] = 0xD;
    return table;
}();
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

// Packs characters two to a byte, the first into nibble `skip`; the other nibbles stay.
void put_bcd(std::byte* at, Bytes digits, std::size_t skip) noexcept {
    std::size_t i = 0;
    at += skip / 2;
    if (skip % 2 == 1 && !digits.empty()) {
        *at = static_cast<std::byte>((u8(*at) & 0xf0) | kBcdValue[u8(digits[i++])]);
        ++at;
    }
    for (; i + 2 <= digits.size(); i += 2)
        *at++ = static_cast<std::byte>(kBcdValue[u8(digits[i])] << 4 | kBcdValue[u8(digits[i + 1])]);
    if (i < digits.size()) *at = static_cast<std::byte>(kBcdValue[u8(digits[i])] << 4 | (u8(*at) & 15));
}

// memcpy of a size that is not known beforehand is a call; most values have at most 16 bytes, and two moves are enough.
void copy_value(std::byte* to, Bytes value) noexcept {
    const std::byte* from = value.data();
    const std::size_t size = value.size();
    const auto ends = [&](auto first) {
        auto last = first;
        std::memcpy(&first, from, sizeof first);
        std::memcpy(&last, from + size - sizeof last, sizeof last);
        std::memcpy(to, &first, sizeof first);
        std::memcpy(to + size - sizeof last, &last, sizeof last);
    };
    if (size > 16) std::memcpy(to, from, size);
    else if (size >= 8) ends(std::uint64_t{0});
    else if (size >= 4) ends(std::uint32_t{0});
    else
        for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
}

unsigned nibble_at(Bytes packed, std::size_t i) noexcept {
    const unsigned byte = u8(packed[i / 2]);
    return i % 2 == 0 ? byte >> 4 : byte & 15;
}

unsigned first_field(std::uint64_t half_bits, unsigned half) noexcept {
    return half * 64 + static_cast<unsigned>(std::countl_zero(half_bits)) + 1;
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

namespace {
// Writes one frame from front to back. Every write checks the room first.
class Packer {
  public:
    Packer(const Dialect& dialect, const Message& message, MutableBytes out) noexcept
        : m_dialect(dialect), m_message(message), m_out(out.first(std::min(out.size(), kFrameBytesMax))) {}

    Expected<std::size_t, PackError> run() noexcept {
        if (m_message.overflowed()) no(Reason::message_too_long, 1);
        else if (header()) fields();
        if (m_failed) return tl::unexpected(m_error);
        return m_at;
    }

  private:
    bool no(Reason reason, unsigned n) noexcept {
        m_error = {reason, static_cast<std::uint8_t>(n), static_cast<std::uint16_t>(m_at)};
        m_failed = true;
        return false;
    }

    // The next `size` bytes to write, or null with message_too_long.
    std::byte* room(std::size_t size, unsigned n) noexcept {
        if (m_out.size() - m_at < size) {
            no(Reason::message_too_long, n);
            return nullptr;
        }
        std::byte* at = m_out.data() + m_at;
        m_at += size;
        return at;
    }

    bool header() noexcept {
        const std::string_view mti = m_message.mti();
        if (first_outside(content::kDigit, as_bytes(mti)) != mti.size()) return no(Reason::bad_mti, 0);
        const std::size_t header = m_dialect.header_bytes();
        std::byte* at = room(header + m_dialect.mti_bytes(), 0);
        if (at == nullptr) return false;
        if (header != 0) std::memcpy(at, m_message.header().data(), header);
        at += header;
        if (m_dialect.mti == MtiEncoding::bcd) put_bcd(at, as_bytes(mti), 0);
        else if (m_dialect.mti == MtiEncoding::ascii) std::memcpy(at, mti.data(), mti.size());
        else
            for (std::size_t i = 0; i < mti.size(); ++i) at[i] = ebcdic(static_cast<std::uint8_t>(mti[i]));
        return bitmap(m_message.present(0)) && (m_message.has(1) ? bitmap(m_message.present(1)) : true);
    }

    bool bitmap(std::uint64_t bits) noexcept {
        std::byte* at = room(m_dialect.bitmap_bytes(), 1);
        if (at == nullptr) return false;
        if (m_dialect.bitmap == BitmapEncoding::binary) {
            store_be(at, bits);
            return true;
        }
        for (unsigned i = 0; i < 16; ++i) {
            const auto c = static_cast<std::uint8_t>(kHexDigits[bits >> (60 - 4 * i) & 15]);
            at[i] = m_dialect.bitmap == BitmapEncoding::ebcdic ? ebcdic(c) : std::byte{c};
        }
        return true;
    }

    static std::byte ebcdic(std::uint8_t c) noexcept { return std::byte{ascii_to_ebcdic(c)}; }

    void fields() noexcept {
        for (unsigned half = 0; half < 2; ++half) {
            std::uint64_t left = m_message.present(half);
            if (half == 0) left &= ~kSecondaryBit;
            while (left != 0) {
                const unsigned n = first_field(left, half);
                if (!field(n)) return;
                left &= ~(kSecondaryBit >> (n - 1) % 64);
            }
        }
    }

    bool prefix(const FieldSpec& spec, unsigned n, std::size_t count) noexcept {
        std::byte* at = room(spec.prefix_bytes, n);
        if (at == nullptr) return false;
        const auto write = [&](unsigned base, auto byte_of) {
            for (std::size_t i = spec.prefix_bytes; i-- > 0; count /= base) at[i] = static_cast<std::byte>(byte_of(count % base));
        };
        switch (spec.prefix) {
            case PrefixEncoding::ascii: write(10, [](std::size_t digit) { return '0' + digit; }); break;
            case PrefixEncoding::bcd: write(100, [](std::size_t digits) { return digits / 10 << 4 | digits % 10; }); break;
            case PrefixEncoding::ebcdic: write(10, [](std::size_t digit) { return kEbcdicZero + digit; }); break;
            case PrefixEncoding::binary: write(256, [](std::size_t byte) { return byte; }); break;
        }
        ASSERT(count == 0);  // the dialect's max fits its prefix
        return true;
    }

    bool field(unsigned n) noexcept {
        if (const Bytes wire = m_message.echoed(n); !wire.empty()) {
            std::byte* at = room(wire.size(), n);
            if (at != nullptr) copy_value(at, wire);
            return at != nullptr;
        }
        const FieldSpec& spec = m_dialect.fields[n];
        if (!spec.defined()) return no(Reason::unknown_field, n);
        const Bytes value = m_message.bytes(n);
        if (spec.direct && spec.prefix_bytes == 0 && value.size() == spec.max) {  // most fields of most messages
            if (first_outside(spec.allowed, value) != value.size()) return no(Reason::bad_content, n);
            return put(n, value);
        }
        if (value.size() > spec.max) return no(Reason::length_over_max, n);
        if (first_outside(spec.allowed, value) != value.size()) return no(Reason::bad_content, n);
        if (spec.body == BodyEncoding::bcd && spec.allowed != content::kDigit)  // of a track: : ; < > ? have no packed form
            for (const std::byte c : value)
                if (kBcdValue[u8(c)] == kNoBcd) return no(Reason::bad_content, n);
        std::size_t missing = 0;
        if (spec.prefix_bytes == 0) missing = spec.max - value.size();
        else if (!prefix(spec, n, wire_count(spec, value.size()))) return false;
        if (missing != 0 && !can_pad(spec)) return no(Reason::wrong_length, n);
        return body(spec, n, value, missing);
    }

    static std::size_t wire_count(const FieldSpec& spec, std::size_t length) noexcept {
        if (spec.unit == LengthUnit::digits) return length;
        if (spec.body == BodyEncoding::bcd) return spec.unit == LengthUnit::bytes ? (length + 1) / 2 : length;
        return spec.unit == LengthUnit::bytes ? length : 2 * length;
    }

    // A fixed value is filled up only with what its reader would accept as content.
    static bool can_pad(const FieldSpec& spec) noexcept {
        const auto pad = static_cast<std::byte>(spec.pad);
        return spec.pad_side != PadSide::none && first_outside(spec.allowed, Bytes(&pad, 1)) == 1;
    }

    bool put(unsigned n, Bytes value) noexcept {
        std::byte* at = room(value.size(), n);
        if (at != nullptr) copy_value(at, value);
        return at != nullptr;
    }

    bool body(const FieldSpec& spec, unsigned n, Bytes value, std::size_t missing) noexcept {
        const std::size_t length = value.size() + missing;
        const bool left = spec.pad_side == PadSide::left;
        if (spec.body == BodyEncoding::bcd) {
            std::byte* at = room((length + 1) / 2, n);
            if (at == nullptr) return false;
            const std::size_t fill = missing + length % 2;
            const unsigned pad = hex_value(spec.pad);
            std::memset(at, static_cast<int>(pad << 4 | pad), (length + 1) / 2);
            put_bcd(at, value, left ? fill : 0);
            return true;
        }
        if (missing == 0 && spec.direct) return put(n, value);
        std::byte* at = room(length, n);
        if (at == nullptr) return false;
        std::byte* value_at = left ? at + missing : at;
        if (!value.empty()) std::memcpy(value_at, value.data(), value.size());
        if (missing != 0) std::memset(left ? at : at + value.size(), spec.pad, missing);
        if (spec.body == BodyEncoding::ebcdic)
            for (std::size_t i = 0; i < length; ++i) at[i] = std::byte{ascii_to_ebcdic(u8(at[i]))};
        return true;
    }

    const Dialect& m_dialect;
    const Message& m_message;
    MutableBytes m_out;
    std::size_t m_at = 0;
    bool m_failed = false;
    PackError m_error{};
};
}  // namespace

Expected<void, UnpackError> unpack(const Dialect& dialect, Bytes frame, Message& message) noexcept {
    return Unpacker(dialect, frame, message).run();
}

Expected<std::size_t, PackError> pack(const Dialect& dialect, const Message& message, MutableBytes out) noexcept {
    return Packer(dialect, message, out).run();
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
