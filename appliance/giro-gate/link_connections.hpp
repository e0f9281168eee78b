// Which of a link's connections carries the next frame. Pure: no socket, no clock.
//
// A connection on which something was sent and nothing heard for silent_ms is silent: it gets nothing while another one is
// not. Among the others, `shared` takes them in turn, `primary` those of the first address that has one, in turn.
#pragma once

#include <vector>

#include "config/config.hpp"
#include "net/protocol.hpp"

namespace giro::gate {

class LinkConnections {
  public:
    LinkConnections(config::LinkMode mode, std::uint64_t silent_ms) noexcept : m_mode(mode), m_silent_ms(silent_ms) {}
    void opened(net::ConnectionId id, std::size_t address);  // its place in Link::addresses
    void closed(net::ConnectionId id);
    void heard(net::ConnectionId id);
    // The one for the next frame, which counts as sent; 0: there is none.
    [[nodiscard]] net::ConnectionId choose(std::uint64_t now_ms);
    // Something was sent on this one, not by choose().
    void sent(net::ConnectionId id, std::uint64_t now_ms);
    // Silent for `ms` while another one is not: a host that may have forgotten it. 0: none is.
    [[nodiscard]] net::ConnectionId forgotten(std::uint64_t now_ms, std::uint64_t ms) const;
    [[nodiscard]] bool has(net::ConnectionId id) const;
    [[nodiscard]] std::size_t size() const noexcept { return m_open.size(); }

  private:
    struct One {
        net::ConnectionId id = 0;
        std::size_t address = 0;
        bool waits = false;           // something was sent and nothing heard
        std::uint64_t since_ms = 0;   // since when
    };
    [[nodiscard]] bool silent_for(const One& one, std::uint64_t now_ms, std::uint64_t ms) const noexcept {
        return one.waits && now_ms - one.since_ms >= ms;
    }
    [[nodiscard]] One* find(net::ConnectionId id);
    const config::LinkMode m_mode;
    const std::uint64_t m_silent_ms;
    std::vector<One> m_open;  // the next in turn first
};

}  // namespace giro::gate
