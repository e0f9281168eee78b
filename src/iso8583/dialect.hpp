// What one link's ISO 8583 looks like on the wire: per field, independent settings for length, encoding, padding,
// content and masking; per message, the encoding of MTI and bitmap and the size of the MAC.
//
// Read once at start from a TOML file (firmware-config/dialects/), by every program that meets frames. The file is the
// operator's: a mistake in it stops the start with file, line and what to write instead.
//
//   name = "iso1987-ascii"
//   [message]
//   mti = "ascii"              # ascii | bcd
//   bitmap = "binary"          # binary | hex (upper case)
//   mac_bytes = 8              # size of DE64 and DE128, 4 to 32
//   [defaults]                 # any field setting; a field's own line overrides it
//   prefix = "ascii"
//   [fields]
//   2 = { name = "Primary account number", length = "LLVAR", max = 19, content = "n", mask = "pan" }
//
// Field settings: length (fixed LLVAR LLLVAR LLLLVAR), max, unit (digits bytes nibbles), prefix (ascii bcd binary),
// body (ascii bcd binary ebcdic), pad_side (none left right), pad (one character), content (a n s an as ns ans z b x+n),
// mask (none pan track hide). Where pad_side is not said: n pads left with 0, b and x+n not at all, the rest right with space.
#pragma once

#include <array>
#include <filesystem>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::iso8583 {

inline constexpr unsigned kFieldMax = 128;          // primary and secondary bitmap
inline constexpr unsigned kPrimaryMac = 64;         // DE64: the MAC where there is no secondary bitmap
inline constexpr unsigned kSecondaryMac = 128;      // DE128: the MAC where there is one
inline constexpr std::size_t kFrameBytesMax = 4096; // larger frames are refused unread
inline constexpr unsigned kFieldLengthMax = 4000;   // the largest `max` a dialect may give

enum class LengthKind : std::uint8_t { fixed, llvar, lllvar, llllvar };
enum class LengthUnit : std::uint8_t {
    digits,   // characters of the decoded value; of a binary body, its bytes
    bytes,    // bytes of the body on the wire
    nibbles,  // half bytes of the body on the wire, the pad nibble of an odd BCD value not counted
};
enum class PrefixEncoding : std::uint8_t { ascii, bcd, binary };  // LL: 2, 1, 1 bytes; LLL: 3, 2, 2; LLLL: 4, 2, 2
enum class BodyEncoding : std::uint8_t { ascii, bcd, binary, ebcdic };
enum class PadSide : std::uint8_t { none, left, right };
enum class Masking : std::uint8_t { none, pan, track, hide };  // pan: first 6 and last 4; track: the PAN in it, so
enum class MtiEncoding : std::uint8_t { ascii, bcd };
enum class BitmapEncoding : std::uint8_t { binary, hex };

// Which characters a field may hold (ISO 8583:1987 4.2): bits of a set.
namespace content {
inline constexpr std::uint8_t kDigit = 1;    // n
inline constexpr std::uint8_t kLetter = 2;   // a, and space
inline constexpr std::uint8_t kSpecial = 4;  // s: the other printable characters
inline constexpr std::uint8_t kTrack = 8;    // z: digits : ; < = > ? and D (the separator of packed tracks)
inline constexpr std::uint8_t kSigned = 16;  // x+n: C or D, then digits
inline constexpr std::uint8_t kBinary = 32;  // b: anything
}  // namespace content

// One field, compiled. `max` counts characters of the decoded value (bytes for b). Undefined fields have max 0.
struct FieldSpec {
    std::uint16_t max = 0;
    LengthKind length = LengthKind::fixed;
    LengthUnit unit = LengthUnit::digits;
    PrefixEncoding prefix = PrefixEncoding::ascii;
    BodyEncoding body = BodyEncoding::ascii;
    PadSide pad_side = PadSide::none;
    std::uint8_t pad = ' ';         // the filling character; for BCD the hexadecimal digit '0'..'F'
    std::uint8_t allowed = 0;       // content:: bits
    Masking mask = Masking::none;
    bool direct = false;            // ASCII or binary body counted in characters: the decoded value is the wire's bytes
    std::uint8_t prefix_bytes = 0;  // 0 for fixed
    [[nodiscard]] bool defined() const noexcept { return max != 0; }
};

struct Dialect {
    std::string name;
    MtiEncoding mti = MtiEncoding::ascii;
    BitmapEncoding bitmap = BitmapEncoding::binary;
    std::uint8_t mac_bytes = 8;
    std::array<FieldSpec, kFieldMax + 1> fields{};  // by field number; 0 and 1 unused
    std::array<std::string, kFieldMax + 1> names{};
    [[nodiscard]] std::size_t mti_bytes() const noexcept { return mti == MtiEncoding::ascii ? 4 : 2; }
    [[nodiscard]] std::size_t bitmap_bytes() const noexcept { return bitmap == BitmapEncoding::binary ? 8 : 16; }  // each
};

// Reads and compiles a dialect file. Failure::config names file, line and the remedy.
[[nodiscard]] Result<Dialect> load_dialect(const std::filesystem::path& path);
// The same from text in memory; `origin` stands for the file's name in messages.
[[nodiscard]] Result<Dialect> parse_dialect(std::string_view toml, std::string_view origin);

}  // namespace giro::iso8583
