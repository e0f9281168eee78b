// A line that fails on purpose, between two real programs: each message that comes (two bytes of length and so many) may be
// lost, late, doubled or cut off, and connections end by themselves. What happens to message n of connection c in one
// direction follows from the seed alone. A process of its own with one loop; the test ends it.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace ordeal {

// Of a hundred messages.
struct Weather {
    unsigned lost = 0;
    unsigned twice = 0;
    unsigned late = 0;      // by up to late_ms; those behind it do not wait
    unsigned late_ms = 0;
    unsigned cut_off = 0;   // half of it arrives, then the connection ends
    unsigned ended = 0;     // arrives, then the connection ends
};

class Proxy {
  public:
    // Listens on a loopback port, 0: a free one, and connects each connection on to `to`.
    Proxy(std::uint64_t seed, int port, int to, const Weather& weather);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;
    [[nodiscard]] int port() const { return m_port; }
    // From now on the weather is as it was said; until then, and again from calm() on, every message arrives, at once and once.
    void rage() const;
    void calm() const;

  private:
    int m_port = 0;
    pid_t m_pid = 0;
};

}  // namespace ordeal
