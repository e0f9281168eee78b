#include "switching/freshness.hpp"

#include <chrono>
#include <optional>

namespace giro::switching {

namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr days kAhead{1};    // time zones and clocks that run fast
constexpr days kMargin{2};   // the same, when the request that is forgotten came

// Two digits; nothing for anything else.
template <std::size_t N>
std::optional<unsigned> two_digits(const FixedText<N>& text, std::size_t at) noexcept {
    const auto digit = [&](std::size_t i) { return static_cast<unsigned>(text.chars[i]) - '0'; };
    if (digit(at) > 9 || digit(at + 1) > 9) return std::nullopt;
    return digit(at) * 10 + digit(at + 1);
}

sys_days date_of(std::uint64_t now_ns) noexcept {
    return std::chrono::floor<days>(std::chrono::sys_time<std::chrono::nanoseconds>(
        std::chrono::nanoseconds(static_cast<std::int64_t>(now_ns))));
}

}  // namespace

std::optional<std::int64_t> local_day(const FixedText<4>& local_date, std::uint64_t now_ns) noexcept {
    const auto month = two_digits(local_date, 0), day = two_digits(local_date, 2);
    if (!month || !day) return std::nullopt;
    const sys_days today = date_of(now_ns);
    const auto this_year = year_month_day(today).year();
    std::optional<sys_days> nearest;
    for (const auto year : {this_year - std::chrono::years(1), this_year, this_year + std::chrono::years(1)}) {
        const year_month_day date(year, std::chrono::month(*month), std::chrono::day(*day));
        if (date.ok() && (!nearest || abs(sys_days(date) - today) < abs(*nearest - today))) nearest = sys_days(date);
    }
    if (!nearest) return std::nullopt;
    return static_cast<std::int64_t>(nearest->time_since_epoch().count());
}

std::int64_t latest_day(std::uint64_t now_ns) noexcept {
    return day_of(now_ns) + kAhead.count();
}

bool is_fresh(std::int64_t day, std::uint64_t now_ns, std::uint32_t remember_s) noexcept {
    if (day > latest_day(now_ns)) return false;
    const auto age = date_of(now_ns).time_since_epoch() - std::chrono::duration<std::int64_t, days::period>(day);
    return age <= std::chrono::floor<days>(std::chrono::seconds(remember_s)) - kMargin;
}

std::optional<std::int64_t> latest_moment(const FixedText<10>& transmission_time, std::int64_t limit_s) noexcept {
    constexpr int kYearsBack = 8;  // a leap day's, over a century's turn
    unsigned parts[5];
    for (std::size_t i = 0; i < std::size(parts); ++i) {
        const auto part = two_digits(transmission_time, 2 * i);
        if (!part) return std::nullopt;
        parts[i] = *part;
    }
    if (parts[2] > 23 || parts[3] > 59 || parts[4] > 59) return std::nullopt;
    const auto limit = std::chrono::sys_seconds(std::chrono::seconds(limit_s));
    const auto last_year = year_month_day(std::chrono::floor<days>(limit)).year();
    for (int back = 0; back <= kYearsBack; ++back) {
        const year_month_day date(last_year - std::chrono::years(back), std::chrono::month(parts[0]), std::chrono::day(parts[1]));
        if (!date.ok()) continue;
        const auto moment = sys_days(date) + std::chrono::hours(parts[2]) + std::chrono::minutes(parts[3]) +
                            std::chrono::seconds(parts[4]);
        if (moment <= limit) return moment.time_since_epoch().count();
    }
    return std::nullopt;
}

std::int64_t day_of(std::uint64_t time_ns) noexcept {
    return date_of(time_ns).time_since_epoch().count();
}

std::int64_t first_day_of_order(std::uint64_t expiry_unix_s) noexcept {
    constexpr std::uint64_t kDay_s = 86'400;
    return expiry_unix_s < kOrderLifeMax_s ? 0 : static_cast<std::int64_t>((expiry_unix_s - kOrderLifeMax_s) / kDay_s);
}

}  // namespace giro::switching
