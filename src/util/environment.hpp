// The real clock and the kernel's random generator, for programs. Cores take the interfaces of giro/environment.hpp.
#pragma once

#include "giro/environment.hpp"

namespace giro {

class SystemClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t wall_ns() const override;
    [[nodiscard]] std::uint64_t monotonic_ns() const override;
};

// Bytes of getrandom(2), fetched some hundred at a time: a system call for each salt costs more than the salt's hash.
// What has been handed out is wiped here. One thread; a forked child must make its own.
class SystemRandom final : public Random {
  public:
    SystemRandom() = default;
    SystemRandom(SystemRandom&&) noexcept : SystemRandom() {}  // what is kept is not handed on: no byte comes twice
    SystemRandom(const SystemRandom&) = delete;
    SystemRandom& operator=(const SystemRandom&) = delete;
    ~SystemRandom();
    void fill(MutableBytes out) override;

  private:
    static constexpr std::size_t kKeptBytes = 512;
    ByteArray<kKeptBytes> m_kept{};
    std::size_t m_left = 0;  // not handed out yet: the last so many bytes of m_kept
};

// "2026-11-22T15:04:05.123Z" from nanoseconds since 1970.
[[nodiscard]] std::string iso8601_utc(std::uint64_t wall_ns);

}  // namespace giro
