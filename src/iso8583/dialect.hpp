// What one link's ISO 8583 looks like on the wire: per field, independent settings for length, encoding, padding,
// content, inner layout and masking; per message, the encoding of MTI and bitmap, the header, and what the MAC covers.
//
// Read once at start from a TOML file (firmware-config/dialects/), by every program that meets frames. The file is the
// operator's: a mistake in it stops the start with file, line and what to write instead.
//
//   name = "iso1987-ascii"
//   extends = "other"          # takes everything that this file does not say from other.toml in the same folder
//   [message]
//   edition = 1987             # 1987 | 1993 | 2003: the MTI's first digit, and where times, codes and amounts stand
//   mti = "ascii"              # ascii | bcd | ebcdic
//   bitmap = "binary"          # binary | hex (upper case) | ebcdic (hex in EBCDIC)
//   header = "none"            # none | tpdu: 5 bytes before the MTI; an answer swaps source and destination
//   mac_bytes = 8              # size of DE64 and DE128, 4 to 32
//   ksn_field = 60             # where DUKPT terminals name their key (ksn.hpp); without it the dialect has no DUKPT
//   pin_field = 61             # where a PIN block of 16 bytes stands (pin.hpp), which DE52 has no room for
//   partial_reversal = "none"  # none | amount-stands | amount-reversed: of 1993 and 2003, what DE4 says in a reversal in
//                              # part (DE24 401, the original's amount in DE30); none: refused. 1987 has DE95
//   cvv2_field = 126           # where the verification value stands that is printed on the card (chip.hpp)
//   [mac]                      # what goes under the MAC, in this order (mac.hpp); all of it may be left out
//   length = "none"            # none | binary2 | binary4 | ascii4 | bcd2 | bcd4: the frame's size, so written, first
//   header = false             # the header
//   fields = [0, 1, 2, 4, 11]  # these fields as on the wire, 0 the MTI, 1 the bitmaps; without it: all up to the MAC
//   [defaults]                 # any field setting; a field's own line overrides it
//   prefix = "ascii"
//   [classes]                  # the same for the fields of one content class; these override [defaults]
//   n = { body = "bcd" }
//   [fields]
//   2 = { name = "Primary account number", length = "LLVAR", max = 19, content = "n", mask = "pan" }
//   [layouts.emv]              # what stands inside a field that says layout = "emv" (layout.hpp)
//   [response_codes]           # DE39 of the 1987 edition (which Giro decides in) = this dialect's; other = any other;
//   "00@4" = "400"             # @ and a digit: in messages of that class alone
//   [network_codes]            # DE70 of the 1987 edition = this dialect's
//   [reason_codes]             # DE25 of 1993 and 2003: giro/message_reason.hpp's words = this dialect's four digits;
//   timeout = "4021"           # other = for a reason that is not listed. Without the table none is said or read
//
// Field settings: length (fixed LLVAR LLLVAR LLLLVAR), max, unit (digits bytes nibbles), prefix (ascii bcd binary
// ebcdic), body (ascii bcd binary ebcdic), pad_side (none left right), pad (one character), content (a n s an as ns ans
// z b x+n), mask (none pan track hide), layout. Where pad_side is not said: n pads left with 0, b and x+n not at all, the
// rest right with space. `12 = {}` takes a field away that the extended file has.
#pragma once

#include <array>
#include <filesystem>
#include <vector>

#include "giro/message_reason.hpp"
#include "giro/result.hpp"
#include "giro/types.hpp"
#include "iso8583/layout.hpp"

namespace giro::iso8583 {

inline constexpr unsigned kFieldMax = 128;          // primary and secondary bitmap
inline constexpr unsigned kPrimaryMac = 64;         // DE64: the MAC where there is no secondary bitmap
inline constexpr unsigned kSecondaryMac = 128;      // DE128: the MAC where there is one
inline constexpr std::size_t kFrameBytesMax = 4096; // larger frames are refused unread
inline constexpr unsigned kFieldLengthMax = 4000;   // the largest `max` a dialect may give
inline constexpr std::size_t kTpduBytes = 5;        // identifier, destination 2, source 2

enum class LengthKind : std::uint8_t { fixed, llvar, lllvar, llllvar };
enum class LengthUnit : std::uint8_t {
    digits,   // characters of the decoded value; of a binary body, its bytes
    bytes,    // bytes of the body on the wire
    nibbles,  // half bytes of the body on the wire, the pad nibble of an odd BCD value not counted
};
enum class PrefixEncoding : std::uint8_t { ascii, bcd, binary, ebcdic };  // LL: 2, 1, 1, 2 bytes; LLL: 3, 2, 2, 3; LLLL: 4, 2, 2, 4
enum class BodyEncoding : std::uint8_t { ascii, bcd, binary, ebcdic };
enum class PadSide : std::uint8_t { none, left, right };
enum class MtiEncoding : std::uint8_t { ascii, bcd, ebcdic };
enum class BitmapEncoding : std::uint8_t { binary, hex, ebcdic };
enum class Edition : std::uint8_t { y1987, y1993, y2003 };  // its value is the MTI's first digit
enum class Header : std::uint8_t { none, tpdu };
enum class LengthHeader : std::uint8_t { none, binary2, binary4, ascii4, bcd2, bcd4 };  // bcd2: 2 bytes, 4 digits

// How a reversal says that a part of its original is to stand.
enum class PartialReversal : std::uint8_t {
    none,             // it cannot
    replacement,      // 1987: DE95 has what is to stand, DE4 the original's amount
    amount_stands,    // later: DE24 is 401, DE30 has the original's amount, DE4 what is to stand,
    amount_reversed,  // or what goes back
};

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
    std::uint8_t layout = 0;        // of what is inside: Dialect::layouts[layout - 1]; 0: none
    bool strict = false;            // a value that does not fit its layout is refused
    [[nodiscard]] bool defined() const noexcept { return max != 0; }
};

// What the MAC covers: length, header and fields, in this order.
struct MacCoverage {
    LengthHeader length = LengthHeader::none;
    bool header = false;
    std::vector<std::uint8_t> fields;  // 0 the MTI, 1 the bitmaps; empty: the message from its MTI up to the MAC field
    // The message as it lies in the frame, in one piece.
    [[nodiscard]] bool is_one_piece() const noexcept { return length == LengthHeader::none && fields.empty(); }
};

// How a code of the 1987 edition, which Giro decides in, is said in this dialect.
struct CodeMap {
    struct Pair {
        FixedText<4> canonical;  // DE39: "51", or "00@4": of messages of class 4 alone; DE70: "301"
        FixedText<4> wire;
    };
    std::vector<Pair> pairs;
    FixedText<4> other;  // for a canonical code that is not listed
};

struct Dialect {
    std::string name;
    Edition edition = Edition::y1987;
    MtiEncoding mti = MtiEncoding::ascii;
    BitmapEncoding bitmap = BitmapEncoding::binary;
    Header header = Header::none;
    std::uint8_t mac_bytes = 8;
    std::uint8_t ksn_field = 0;  // 0: none
    std::uint8_t pin_field = 0;  // 0: none
    PartialReversal partial_reversal = PartialReversal::none;
    std::uint8_t cvv2_field = 0;  // 0: none
    MacCoverage mac;
    std::array<FieldSpec, kFieldMax + 1> fields{};  // by field number; 0 and 1 unused
    std::array<std::string, kFieldMax + 1> names{};
    std::vector<Layout> layouts;
    CodeMap response_codes, network_codes;  // empty: the codes are the canonical ones
    std::array<FixedText<4>, kMessageReasons> reason_codes{};  // by reason; empty: not listed; all empty: it has none
    [[nodiscard]] std::size_t mti_bytes() const noexcept { return mti == MtiEncoding::bcd ? 2 : 4; }
    [[nodiscard]] std::size_t bitmap_bytes() const noexcept { return bitmap == BitmapEncoding::binary ? 8 : 16; }  // each
    [[nodiscard]] std::size_t header_bytes() const noexcept { return header == Header::tpdu ? kTpduBytes : 0; }
    // The layout of field n, or null.
    [[nodiscard]] const Layout* layout_of(unsigned n) const noexcept {
        return fields[n].layout == 0 ? nullptr : &layouts[fields[n].layout - 1U];
    }
};

// Reads and compiles a dialect file. Failure::config names file, line and the remedy.
[[nodiscard]] Result<Dialect> load_dialect(const std::filesystem::path& path);
// Several by their names, in that order; the first mistake of all.
[[nodiscard]] Result<std::vector<Dialect>> load_dialects(const std::filesystem::path& folder, const std::vector<std::string>& names);
// The same from text in memory; `origin` stands for the file's name in messages, `folder` is where extended files lie
// (empty: a text that extends another is refused).
[[nodiscard]] Result<Dialect> parse_dialect(std::string_view toml, std::string_view origin,
                                            const std::filesystem::path& folder = {});

}  // namespace giro::iso8583
