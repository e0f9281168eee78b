// One line per event on standard error: time, level, program, text. A long run of digits that could be a card number
// is masked on the way out, whoever wrote it: first 6 and last 4 (PCI DSS 3.4.1).
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace giro::log {

enum class Level { debug, info, warn, error };

void set_program(std::string name);
void set_level(Level lowest);
void write(Level level, std::string_view text);
// `text` with every run of 13 to 19 digits that passes the Luhn check (ISO/IEC 7812-1 annex B) masked.
[[nodiscard]] std::string mask_pans(std::string_view text);

template <typename... Args>
void debug(fmt::format_string<Args...> f, Args&&... args) { write(Level::debug, fmt::format(f, std::forward<Args>(args)...)); }
template <typename... Args>
void info(fmt::format_string<Args...> f, Args&&... args) { write(Level::info, fmt::format(f, std::forward<Args>(args)...)); }
template <typename... Args>
void warn(fmt::format_string<Args...> f, Args&&... args) { write(Level::warn, fmt::format(f, std::forward<Args>(args)...)); }
template <typename... Args>
void error(fmt::format_string<Args...> f, Args&&... args) { write(Level::error, fmt::format(f, std::forward<Args>(args)...)); }

}  // namespace giro::log
