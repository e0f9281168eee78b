// From frame to Message and back, by a dialect (ISO 8583:1987 clause 4). Run by giro-gate and giro-switch.
// The frame (what stands between two length headers) is hostile. A refusal names reason, field and offset; nothing
// allocates, throws or reads outside the frame. What unpacks packs again to the same bytes.
#pragma once

#include "iso8583/message.hpp"

namespace giro::iso8583 {

enum class Reason : std::uint8_t {
    frame_too_long,    // more than kFrameBytesMax
    truncated,         // the frame ends inside the MTI, a bitmap, a length or a body
    bad_mti,           // not four digits
    bad_bitmap,        // a hexadecimal bitmap with another character
    unknown_field,     // the bitmap names a field that the dialect does not define
    bad_length,        // a length prefix that is not a number in its encoding, or half a byte too many
    length_over_max,   // longer than the dialect allows
    bad_content,       // a character outside the field's class
    bad_padding,       // the pad nibble of an odd BCD value is not the dialect's
    bad_layout,        // tags, lengths or parts inside a field that do not fit its (strict) layout
    trailing_bytes,    // bytes after the last field
    wrong_length,      // pack: a value shorter than its fixed field that has no padding
    message_too_long,  // pack: larger than the output, kFrameBytesMax or the arena
    no_mac,            // mac_input: the last field is not DE64 or DE128
};
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;  // "a length over the dialect's maximum"

struct CodecError {
    Reason reason;
    std::uint8_t field;    // 0: the MTI, 1: a bitmap or the message as a whole
    std::uint16_t offset;  // byte of the frame where it was seen; when packing, bytes already written
    bool operator==(const CodecError&) const = default;
    [[nodiscard]] std::string text() const;  // "DE4 at byte 37: a character outside the field's class"
};
using UnpackError = CodecError;
using PackError = CodecError;

// Decodes the whole frame into `message` (overwritten; after a refusal: unspecified but safe to use or clear).
[[nodiscard]] Expected<void, UnpackError> unpack(const Dialect& dialect, Bytes frame, Message& message) noexcept;

// Encodes into `out`, which may not overlap the frame `message` was unpacked from. Returns the bytes written.
[[nodiscard]] Expected<std::size_t, PackError> pack(const Dialect& dialect, const Message& message, MutableBytes out) noexcept;

// MTI and bitmaps alone: `message` says which fields there are, and has none of their values. Returns where the first
// field begins.
[[nodiscard]] Expected<std::size_t, UnpackError> unpack_header(const Dialect& dialect, Bytes frame, Message& message) noexcept;

}  // namespace giro::iso8583
