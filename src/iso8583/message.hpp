// One ISO 8583 message: a view of a received frame, or one being built. Holds no heap memory; reuse it.
//
// Values that need no decoding (ASCII and binary bodies) are views into the frame given to unpack(), which must
// outlive their use; BCD and EBCDIC values and those given to set() lie in an arena of this object.
// Card data passes through here in the clear: log nothing of it but explain()'s text.
#pragma once

#include <optional>

#include "iso8583/dialect.hpp"

namespace giro::iso8583 {

// Decoded BCD is twice the wire's size: one frame's worth always fits.
inline constexpr std::size_t kArenaBytes = 2 * kFrameBytesMax;

class Message {
  public:
    Message() noexcept { clear(); }
    Message(const Message&) = delete;  // its views would still point into the other's frame
    Message& operator=(const Message&) = delete;
    void clear() noexcept;  // MTI 0000, no fields; what the arena held is overwritten

    [[nodiscard]] std::string_view mti() const noexcept { return {m_mti.data(), m_mti.size()}; }
    void set_mti(std::string_view mti) noexcept;  // ASSERTs four characters; pack() checks that they are digits

    // True when field n (2..128) is there; has(1) tells of a secondary bitmap.
    [[nodiscard]] bool has(unsigned n) const noexcept {
        return n - 1 < kFieldMax && (m_present[(n - 1) / 64] >> (63 - (n - 1) % 64) & 1) != 0;
    }
    // The decoded value, as on the wire with its padding; empty when absent. Valid until the next set/clear/unpack.
    [[nodiscard]] Bytes bytes(unsigned n) const noexcept;
    [[nodiscard]] std::string_view field(unsigned n) const noexcept { return as_text(bytes(n)); }
    [[nodiscard]] std::string_view trimmed(unsigned n) const noexcept;            // without trailing spaces
    [[nodiscard]] std::optional<std::uint64_t> number(unsigned n) const noexcept; // 1 to 18 digits, else nothing

    // Copies a value in (n from 2 to 128, ASSERTed), replacing the old. pack() pads fixed fields by the dialect and reports
    // what does not fit; more than the arena holds makes pack() refuse with message_too_long.
    void set(unsigned n, Bytes value) noexcept;
    void set(unsigned n, std::string_view value) noexcept { set(n, as_bytes(value)); }
    void set_number(unsigned n, std::uint64_t value, unsigned digits) noexcept;  // with leading zeros to `digits` (<= 20)
    void copy(unsigned n, const Message& from) noexcept;                         // field n of `from`, if it has it
    // As copy(), for an answer that repeats fields of its request: `from` was unpacked by the dialect that this message
    // will be packed by, and its frame (one for all echoed fields, ASSERTed) outlives that. A value that needed no
    // decoding is not copied here, and pack() copies its bytes from the frame unread.
    void echo(unsigned n, const Message& from) noexcept;
    void remove(unsigned n) noexcept;

    // Where field n began in the unpacked frame, its length prefix included.
    [[nodiscard]] std::size_t wire_offset(unsigned n) const noexcept { return has(n) ? m_slots[n].wire : 0; }

    // Prefix and body of a field that stands in the frame and was echo()ed; empty for every other.
    [[nodiscard]] Bytes echoed(unsigned n) const noexcept {
        if (!has(n) || !m_slots[n].echoed) return {};
        const Slot& slot = m_slots[n];
        return {m_frame.data() + slot.wire, std::size_t{slot.offset} + slot.length - slot.wire};
    }

    // What stands before the MTI, in a dialect with a header: 60 00 00 00 00 until it is set or unpacked.
    [[nodiscard]] Bytes header() const noexcept { return m_header; }
    void set_header(Bytes header) noexcept;  // ASSERTs kTpduBytes
    // The header of an answer to `request`: destination and source change places.
    void answer_header(const Message& request) noexcept;

    // The bitmaps as on the wire, most significant bit first: field 1 is bit 63 of present(0), field 65 of present(1).
    [[nodiscard]] std::uint64_t present(unsigned half) const noexcept { return m_present[half]; }
    [[nodiscard]] bool overflowed() const noexcept { return m_overflowed; }

  private:
    friend class Unpacker;
    struct Slot {
        std::uint16_t offset;  // of the decoded value, in the frame or the arena
        std::uint16_t length;
        std::uint16_t wire;    // where the field begins in the frame, length prefix included; 0 after set()
        bool in_arena;
        bool echoed = false;
    };
    [[nodiscard]] std::byte* reserve(std::size_t size) noexcept;  // null and overflowed() when the arena is full
    void mark(unsigned n) noexcept { m_present[(n - 1) / 64] |= std::uint64_t{1} << (63 - (n - 1) % 64); }

    std::array<char, 4> m_mti;
    ByteArray<kTpduBytes> m_header;
    std::array<std::uint64_t, 2> m_present;
    Bytes m_frame;
    std::size_t m_arena_used = 0;
    bool m_overflowed;
    std::array<Slot, kFieldMax + 1> m_slots;  // meaningful where the bitmap says so: clearing is two words
    std::array<std::byte, kArenaBytes> m_arena;
};

}  // namespace giro::iso8583
