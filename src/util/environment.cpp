#include "util/environment.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <fmt/format.h>

#include "giro/result.hpp"
#include "util/secret.hpp"

namespace giro {

namespace {
std::uint64_t read_clock(clockid_t id) noexcept {
    timespec t{};
    ASSERT(clock_gettime(id, &t) == 0);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

void from_kernel(MutableBytes out) {
    while (!out.empty()) {
        const ssize_t n = getrandom(out.data(), out.size(), 0);
        ASSERT(n > 0 || errno == EINTR);
        if (n > 0) out = out.subspan(static_cast<std::size_t>(n));
    }
}
}  // namespace

std::uint64_t SystemClock::wall_ns() const { return read_clock(CLOCK_REALTIME); }
std::uint64_t SystemClock::monotonic_ns() const { return read_clock(CLOCK_MONOTONIC); }

SystemRandom::~SystemRandom() { wipe(m_kept); }

void SystemRandom::fill(MutableBytes out) {
    if (out.size() > m_kept.size()) return from_kernel(out);
    if (out.size() > m_left) {
        from_kernel(m_kept);
        m_left = m_kept.size();
    }
    const MutableBytes taken = MutableBytes(m_kept).last(m_left).first(out.size());
    std::copy(taken.begin(), taken.end(), out.begin());
    wipe(taken);
    m_left -= out.size();
}

std::string iso8601_utc(std::uint64_t wall_ns) {
    const auto seconds = static_cast<std::time_t>(wall_ns / 1'000'000'000U);
    std::tm t{};
    gmtime_r(&seconds, &t);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                       t.tm_min, t.tm_sec, wall_ns / 1'000'000U % 1000);
}

}  // namespace giro
