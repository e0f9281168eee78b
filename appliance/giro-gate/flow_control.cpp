#include "flow_control.hpp"

#include "giro/result.hpp"

namespace giro::gate {

void FlowControl::sent(std::uint64_t now_ms) noexcept {
    if (m_in_flight == 0) m_waiting_since_ms = now_ms;
    if (++m_in_flight >= m_in_flight_max) m_full = true;
    if (m_silent && m_probes_left > 0) --m_probes_left;
}

void FlowControl::settled(std::uint64_t requests) noexcept {
    ASSERT(requests <= m_in_flight);
    m_in_flight -= requests;
    if (m_in_flight <= m_in_flight_max / 2) m_full = false;
}

void FlowControl::heard(std::uint64_t now_ms) noexcept {
    m_waiting_since_ms = now_ms;
    m_silent = false;
}

void FlowControl::tick(std::uint64_t now_ms) noexcept {
    if (m_in_flight > 0 && now_ms - m_waiting_since_ms >= m_silent_ms) m_silent = true;
    m_probes_left = m_silent ? kProbesPerTick : 0;
}

}  // namespace giro::gate
