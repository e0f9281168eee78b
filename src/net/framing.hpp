// How ISO 8583 messages stand in a byte stream: the length before each and what follows it, as settings of a port or a
// link. Pure. Used by giro-gate and the simulators.
//
//   length    message   trailer
//   2 or 4 bytes        none, ETX (03), LRC (exclusive or of the message's bytes), ETX and LRC (over the message and ETX)
//
// A length of zero (of its own size, where it counts itself) is a keep-alive and has no trailer. A TPDU is part of the
// message (iso8583::Header).
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "giro/types.hpp"

namespace giro::net {

struct Framing {
    enum class Length : std::uint8_t {
        binary2,  // big-endian
        binary4,
        ascii4,   // four digits
        bcd2,     // four digits in two bytes
        bcd4,     // eight digits in four bytes
    };
    enum class Trailer : std::uint8_t { none, etx, lrc, etx_lrc };
    // As settings say them; the first is what is meant where nothing is said.
    static constexpr std::pair<std::string_view, Length> kLengths[] = {{"binary2", Length::binary2}, {"binary4", Length::binary4},
                                                                       {"ascii4", Length::ascii4},   {"bcd2", Length::bcd2},
                                                                       {"bcd4", Length::bcd4}};
    static constexpr std::pair<std::string_view, Trailer> kTrailers[] = {
        {"none", Trailer::none}, {"etx", Trailer::etx}, {"lrc", Trailer::lrc}, {"etx-lrc", Trailer::etx_lrc}};
    Length length = Length::binary2;
    Trailer trailer = Trailer::none;
    bool counts_length = false;   // the length counts its own bytes
    bool counts_trailer = false;  // and the trailer's
    // A keep-alive is answered with one, at most this often per connection, so that two sides that both answer don't do
    // so for ever.
    std::uint32_t keep_alive_ms = 1'000;
    bool operator==(const Framing&) const = default;

    [[nodiscard]] std::size_t length_bytes() const noexcept {
        return length == Length::binary4 || length == Length::ascii4 || length == Length::bcd4 ? 4 : 2;
    }
    [[nodiscard]] std::size_t trailer_bytes() const noexcept {
        return trailer == Trailer::none ? 0 : trailer == Trailer::etx_lrc ? 2 : 1;
    }
    // The largest message that a length can tell of.
    [[nodiscard]] std::size_t message_bytes_max() const noexcept;
};

inline constexpr std::size_t kLengthBytesMax = 4;
inline constexpr std::size_t kTrailerBytesMax = 2;

// A framing in words with commas, of kLengths, kTrailers, counts-length and counts-trailer: "ascii4,etx-lrc,counts-length".
// Nothing when a word is none of these.
[[nodiscard]] std::optional<Framing> parse_framing(std::string_view words) noexcept;

// The message's size by its length, which has length_bytes(); nothing when it is no number in its encoding or smaller
// than what it says it counts.
[[nodiscard]] std::optional<std::size_t> message_size(const Framing& framing, Bytes length) noexcept;

// What goes before and after a message of at most message_bytes_max() (ASSERTed); nothing follows an empty one.
struct Frame {
    std::array<std::byte, kLengthBytesMax> head;
    std::array<std::byte, kTrailerBytesMax> tail;
    std::size_t head_bytes = 0;
    std::size_t tail_bytes = 0;
};
[[nodiscard]] Frame frame_of(const Framing& framing, Bytes message) noexcept;

// Is this the trailer of the message?
[[nodiscard]] bool trailer_good(const Framing& framing, Bytes message, Bytes trailer) noexcept;

}  // namespace giro::net
