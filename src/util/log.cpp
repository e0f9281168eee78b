#include "util/log.hpp"

#include <unistd.h>

#include "util/environment.hpp"

namespace giro::log {

namespace {
std::string g_program = "giro";
Level g_lowest = Level::info;
constexpr std::size_t kLineBytesMax = 4096;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool luhn(std::string_view digits) noexcept {
    int sum = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        int d = digits[digits.size() - 1 - i] - '0';
        if (i % 2 == 1) d = d > 4 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return sum % 10 == 0;
}

std::string_view level_name(Level level) noexcept {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warn: return "warn";
        case Level::error: return "ERROR";
    }
    return "?";
}
}  // namespace

void set_program(std::string name) { g_program = std::move(name); }
void set_level(Level lowest) { g_lowest = lowest; }

std::string mask_pans(std::string_view text) {
    std::string out(text);
    for (std::size_t i = 0; i < out.size();) {
        std::size_t end = i;
        while (end < out.size() && is_digit(out[end])) ++end;
        const std::size_t size = end - i;
        if (size >= 13 && size <= 19 && luhn(std::string_view(out).substr(i, size)))
            for (std::size_t k = i + 6; k < end - 4; ++k) out[k] = '*';
        i = end + 1;
    }
    return out;
}

void write(Level level, std::string_view text) {
    if (level < g_lowest) return;
    std::string line = mask_pans(text.substr(0, kLineBytesMax));
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';  // one event, one line, whatever a peer sent
    line = fmt::format("{} {:5} {} {}\n", iso8601_utc(SystemClock{}.wall_ns()), level_name(level), g_program, line);
    [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());  // nowhere to report it
}

}  // namespace giro::log
