// toml++ as Giro uses it: include this, never <toml++/toml.h>. Takes seconds to compile: in .cpp files alone.
//
// Its parser asserts what a file's bytes can break (a table header such as [+x] ended the program, tests/fuzz found)
// where the line behind the assertion reports the very same as a parse error. So its assertions are off; its memory is
// watched by AddressSanitizer in tests/fuzz (targets config_file and iso8583_dialect).
#pragma once

#ifdef TOML_ASSERT
#error "toml++ was included before util/toml.hpp"
#endif
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "giro/result.hpp"
#include "util/file.hpp"

namespace giro {

// The text as TOML. Failure::Kind::config says "<origin>:<line>: not TOML: why".
//
// Characters from U+F000 to U+FFFF are refused: for some of them toml++'s test for white space runs into what it declares
// unreachable (U+FEF7 in a table's header, tests/fuzz found). A byte order mark, the only one of them that a file may need, is
// stepped over.
[[nodiscard]] inline Result<toml::table> parse_toml(std::string_view text, std::string_view origin) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    constexpr char kLeadByte = '\xEF';
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    if (const auto at = text.find(kLeadByte); at != std::string_view::npos)
        return fail(Failure::Kind::config, fmt::format("{}:{}: not TOML: a character beyond U+EFFF", origin,
                                                       1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')));
    try {
        return toml::parse(text, origin);
    } catch (const toml::parse_error& error) {
        return fail(Failure::Kind::config, fmt::format("{}:{}: not TOML: {}", origin, error.source().begin.line, error.description()));
    }
}

// The same of a file, whose name is the origin.
[[nodiscard]] inline Result<toml::table> read_toml(const std::filesystem::path& file) {
    const auto bytes = read_file(file);
    if (!bytes) return fail(Failure::Kind::config, bytes.error().what);
    return parse_toml(as_text(*bytes), file.string());
}

}  // namespace giro
