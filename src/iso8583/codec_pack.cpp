// Writing: from a Message to a frame. What a peer sent never comes here but as a Message that codec.cpp has read.
#include <algorithm>

#include "iso8583/charset.hpp"
#include "iso8583/codec.hpp"
#include "iso8583/codec_detail.hpp"
#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
// The one packed form of a character: digits as they are, D for the separator of a packed track; above 15: has none.
constexpr std::uint8_t kNoBcd = 0xff;
constexpr auto kBcdValue = [] {
    std::array<std::uint8_t, 256> table{};
    for (auto& value : table) value = kNoBcd;
    for (unsigned i = 0; i < 16; ++i) table[static_cast<std::uint8_t>(kHexDigits[i])] = static_cast<std::uint8_t>(i);
    table['='] = 0xD;
    return table;
}();

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

Expected<std::size_t, PackError> pack(const Dialect& dialect, const Message& message, MutableBytes out) noexcept {
    return Packer(dialect, message, out).run();
}

}  // namespace giro::iso8583
