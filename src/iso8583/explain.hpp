// A frame for people: field by field with offset, raw bytes and value, what is inside a field indented, and where it
// does not parse: where, why, and what was expected there. Card data is masked by the dialect's settings, in the raw
// bytes too. Run by `giro iso explain` on whatever was pasted; nothing in the frame can make it fail.
#pragma once

#include <string>
#include <vector>

#include "iso8583/codec.hpp"

namespace giro::iso8583 {

struct ExplainedLine {
    unsigned depth = 0;      // 0: a field; 1 and more: what is inside it
    std::size_t offset = 0;  // of the first byte in the frame, length prefix included
    std::size_t bytes = 0;   // on the wire; of what is inside a packed field: 0
    std::string label;       // "MTI", "DE2", "9F26"
    std::string name;        // "Primary account number"; empty for a tag that is not listed
    std::string raw;         // hexadecimal, masked bytes as **
    std::string value;       // decoded and masked
};

struct Explanation {
    std::string dialect;
    std::size_t bytes = 0;
    std::vector<ExplainedLine> lines;
    struct Refusal {
        std::string where;  // "DE4"
        std::size_t offset;
        std::string why;       // "a character outside the field's class"
        std::string expected;  // "12 characters of n, in ascii"
    };
    std::optional<Refusal> refusal;
};

[[nodiscard]] Explanation explain_frame(const Dialect& dialect, Bytes frame);
[[nodiscard]] std::string to_text(const Explanation& explanation);
[[nodiscard]] inline std::string explain(const Dialect& dialect, Bytes frame) {
    return to_text(explain_frame(dialect, frame));
}

// What the dialect wants in field n (0 the MTI, 1 the bitmaps), in words: "2 digits of length in ascii, then at most 19
// characters of n, in ascii".
[[nodiscard]] std::string expected_of(const Dialect& dialect, unsigned n);

}  // namespace giro::iso8583
