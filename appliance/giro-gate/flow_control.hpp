// Decides when the gate stops reading from its sockets because the switch behind it is slow or gone. Pure: no socket,
// no clock. What is not read stays with the peers, whose TCP slows them down; so nothing in the gate grows.
//
// Two reasons to read less:
//   full     in_flight_max requests wait for answers; until half of them are answered. Then a connection may have one
//            request in flight: a merchant whose many requests wait for a silent issuer keeps nobody else from paying.
//   silent   something waits and nothing was heard for silent_ms. Then nobody is read, and only kProbesPerTick requests
//            a second pass, to find out when the switch is back; the first word from it ends the silence.
#pragma once

#include "giro/types.hpp"

namespace giro::gate {

inline constexpr std::uint64_t kInFlightMax = 8192;
inline constexpr std::uint32_t kInFlightPerTerminalMax = 256;  // then its socket is not read until half are answered
inline constexpr std::uint32_t kProbesPerTick = 16;

class FlowControl {
  public:
    explicit FlowControl(std::uint64_t silent_ms, std::uint64_t in_flight_max = kInFlightMax) noexcept
        : m_silent_ms(silent_ms), m_in_flight_max(in_flight_max) {}
    void sent(std::uint64_t now_ms) noexcept;       // a request that the switch will answer
    void settled(std::uint64_t requests) noexcept;  // answered, or given up
    void heard(std::uint64_t now_ms) noexcept;      // anything at all came from the switch
    void tick(std::uint64_t now_ms) noexcept;       // once a second
    [[nodiscard]] bool holds() const noexcept { return m_silent && m_probes_left == 0; }  // nobody may be read
    // Requests that one connection may have in flight; it is not read again before half of them are answered.
    [[nodiscard]] std::uint32_t share() const noexcept { return m_full ? 1 : kInFlightPerTerminalMax; }
    [[nodiscard]] bool silent() const noexcept { return m_silent; }
    [[nodiscard]] std::uint64_t in_flight() const noexcept { return m_in_flight; }

  private:
    const std::uint64_t m_silent_ms;
    const std::uint64_t m_in_flight_max;
    std::uint64_t m_in_flight = 0;
    std::uint64_t m_waiting_since_ms = 0;  // since when something is in flight and nothing was heard
    std::uint32_t m_probes_left = 0;
    bool m_full = false;
    bool m_silent = false;
};

}  // namespace giro::gate
