// Connections that misbehave beside the terminals of a run (Bad): some never say a word, some send half a message and
// hang up, some send nothing but keep-alives. The payments of the others must not notice.
#pragma once

#include <list>

#include "appliance/giro/pos_station.hpp"

namespace giro::pos {

class Mischief {
  public:
    // Connects at once.
    Mischief(bus::Loop& loop, const Equipment& equipment, const config::Address& address, const Bad& bad);
    ~Mischief();
    // A few times a second: sends what is due by now.
    void tick(std::uint64_t now_ns);

    struct Totals {
        std::uint64_t frames_cut = 0;  // halves sent
        std::uint64_t keep_alives_sent = 0;
        std::uint64_t keep_alives_heard = 0;
        std::uint64_t hung_up = 0;  // silent or flooding connections that the box ended
    };
    [[nodiscard]] Totals totals() const;

  private:
    enum class Kind : std::uint8_t { silent, cut, keep_alives };
    class Peer;
    Buffer m_frame;  // an echo test, of which half is sent
    const std::uint32_t m_keep_alives_per_second;
    std::uint64_t m_started_ns = 0;
    std::list<Peer> m_peers;
};

}  // namespace giro::pos
