// What a core may not reach by itself: time and randomness come in through these, so that a whole box can run
// in one thread of a simulator from one seed.
#pragma once

#include <cstdint>

#include "giro/types.hpp"

namespace giro {

class Clock {
  public:
    virtual ~Clock() = default;
    // Wall clock, nanoseconds since 1970-01-01T00:00:00Z. Written into journal entries; may step.
    [[nodiscard]] virtual std::uint64_t wall_ns() const = 0;
    // Monotonic nanoseconds since an arbitrary start. For timeouts.
    [[nodiscard]] virtual std::uint64_t monotonic_ns() const = 0;
};

class Random {
  public:
    virtual ~Random() = default;
    // Fills `out` with unpredictable bytes. Never fails: no entropy is a reason to abort.
    virtual void fill(MutableBytes out) = 0;
};

}  // namespace giro
