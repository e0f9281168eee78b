// What stands inside a field: BER-TLV (DE55), TLV with tags and lengths of a fixed size, or parts one behind the other
// (DE3, DE43). Read only: a value comes through a box byte for byte, whatever tags are in it. Run by giro-gate,
// giro-switch and giro. The values are hostile: nothing is read outside them, and nesting ends at kLayoutDepthMax.
//
//   [layouts.emv]
//   kind = "ber-tlv"            # ber-tlv | tlv | parts
//   strict = true               # false: a value that does not fit the layout is taken as it is
//   unknown = "hide"            # mask of a tag that is not listed
//   tags.5A = { name = "Application PAN", mask = "pan", body = "bcd" }
//   tags.70 = { name = "Record", layout = "emv" }    # what is inside; a constructed BER tag has its own layout again
//   [layouts.private]
//   kind = "tlv"
//   tag_bytes = 2               # bytes of the decoded value; of a bcd tag, two digits each
//   tag = "ascii"               # ascii | bcd | binary: the last two are named in hexadecimal below
//   length_bytes = 3
//   length = "ascii"            # ascii | bcd | binary
//   tags.01 = { name = "..." }
//   [layouts.processing_code]
//   kind = "parts"
//   parts = [ { name = "Transaction type", size = 2 }, { name = "Rest", size = 0 } ]    # size 0, last: what is left
//
// body of a tag or part: text (default), bcd (digits of a packed value) or binary (shown in hexadecimal).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::iso8583 {

inline constexpr unsigned kLayoutDepthMax = 4;
inline constexpr std::size_t kLayoutsMax = 32;  // in one dialect
inline constexpr std::size_t kTagBytesMax = 4;
inline constexpr std::size_t kTagLengthBytesMax = 4;

enum class Masking : std::uint8_t { none, pan, track, hide };  // pan: first 6 and last 4; track: the PAN in it, so

struct ElementSpec {
    enum class Body : std::uint8_t { text, bcd, binary };
    std::string tag;  // its bytes in the value; empty for a part
    std::string name;
    std::uint16_t size = 0;  // of a part, in bytes of the decoded value; 0: the rest
    Masking mask = Masking::none;
    Body body = Body::text;
    std::uint8_t layout = 0;  // as FieldSpec::layout
};

struct Layout {
    enum class Kind : std::uint8_t { ber_tlv, tlv, parts };
    enum class Encoding : std::uint8_t { ascii, bcd, binary };
    std::string name;
    Kind kind = Kind::parts;
    bool strict = true;
    Masking unknown = Masking::hide;
    Encoding tag = Encoding::ascii;
    Encoding length = Encoding::ascii;
    std::uint8_t tag_bytes = 0;
    std::uint8_t length_bytes = 0;
    std::vector<ElementSpec> elements;                                       // of parts in order; tags sorted
    // Whether what is inside is to be shown element by element only, each by its own mask: tags, and parts of which one is
    // masked.
    [[nodiscard]] bool has_masks() const noexcept;
    [[nodiscard]] const ElementSpec* find(Bytes tag_wanted) const noexcept;  // null: not listed
};

// One tag or part of a value.
struct Element {
    Bytes tag;  // empty for a part
    Bytes value;
    std::size_t offset = 0;  // of the tag (part) in the value that is read
    std::size_t value_offset = 0;
    bool constructed = false;           // BER-TLV: holds TLVs itself (X.690 8.1.2.5)
    const ElementSpec* spec = nullptr;  // null: a tag that is not listed
};

enum class ElementFault : std::uint8_t {
    none,
    tag_cut,        // the value ends inside a tag, or its tag is longer than kTagBytesMax
    bad_length,     // the value ends inside a length, or it is no number in its encoding, or an indefinite one
    length_beyond,  // a length that goes beyond the value
    part_cut,       // the value ends inside a part
    too_deep,       // nested deeper than kLayoutDepthMax
    left_over,      // bytes behind the last part
};
[[nodiscard]] std::string_view to_string(ElementFault fault) noexcept;  // "a length beyond the end of the field"

// Goes over a value from front to back. After the last element or a fault next() gives nothing.
class ElementReader {
  public:
    ElementReader(const Layout& layout, Bytes value) noexcept : m_layout(layout), m_value(value) {}
    [[nodiscard]] std::optional<Element> next() noexcept;
    [[nodiscard]] ElementFault fault() const noexcept { return m_fault; }
    [[nodiscard]] std::size_t at() const noexcept { return m_at; }  // where it stands, or where the fault is

  private:
    std::optional<Element> refuse(ElementFault fault, std::size_t at) noexcept;
    [[nodiscard]] bool read_tag(Element& element) noexcept;
    [[nodiscard]] bool read_ber_length(std::size_t& length) noexcept;
    [[nodiscard]] bool read_length(std::size_t& length) noexcept;
    std::optional<Element> next_part() noexcept;
    const Layout& m_layout;
    Bytes m_value;
    std::size_t m_at = 0;
    std::size_t m_part = 0;
    ElementFault m_fault = ElementFault::none;
};

// The layout of what is inside an element, or null.
[[nodiscard]] const Layout* layout_inside(const std::vector<Layout>& layouts, const Layout& of,
                                          const Element& element) noexcept;

struct ElementError {
    ElementFault fault = ElementFault::none;
    std::size_t offset = 0;  // in the value
};
// Does the value fit the layout, with all that is nested in it? ElementFault::none when it does.
[[nodiscard]] ElementError check_elements(const std::vector<Layout>& layouts, const Layout& layout, Bytes value,
                                          unsigned depth = 1) noexcept;

// The value of the first element with this tag, looked for in constructed ones too. Nothing when there is none.
[[nodiscard]] std::optional<Bytes> find_element(const std::vector<Layout>& layouts, const Layout& layout, Bytes value,
                                                Bytes tag, unsigned depth = 1) noexcept;

}  // namespace giro::iso8583
