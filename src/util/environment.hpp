// The real clock and the kernel's random generator, for programs. Cores take the interfaces of giro/environment.hpp.
#pragma once

#include "giro/environment.hpp"

namespace giro {

class SystemClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t wall_ns() const override;
    [[nodiscard]] std::uint64_t monotonic_ns() const override;
};

class SystemRandom final : public Random {
  public:
    void fill(MutableBytes out) override;  // getrandom(2)
};

// "2026-11-22T15:04:05.123Z" from nanoseconds since 1970.
[[nodiscard]] std::string iso8601_utc(std::uint64_t wall_ns);

}  // namespace giro
