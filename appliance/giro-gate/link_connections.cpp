#include "link_connections.hpp"

#include <algorithm>
#include <tuple>

namespace giro::gate {

LinkConnections::One* LinkConnections::find(net::ConnectionId id) {
    const auto found = std::ranges::find(m_open, id, &One::id);
    return found == m_open.end() ? nullptr : &*found;
}

bool LinkConnections::has(net::ConnectionId id) const { return std::ranges::find(m_open, id, &One::id) != m_open.end(); }

void LinkConnections::opened(net::ConnectionId id, std::size_t address) { m_open.push_back({id, address}); }

void LinkConnections::closed(net::ConnectionId id) {
    std::erase_if(m_open, [id](const One& one) { return one.id == id; });
}

void LinkConnections::heard(net::ConnectionId id) {
    if (One* one = find(id)) one->waits = false;
}

void LinkConnections::sent(net::ConnectionId id, std::uint64_t now_ms) {
    One* one = find(id);
    if (one == nullptr || one->waits) return;
    one->waits = true;
    one->since_ms = now_ms;
}

net::ConnectionId LinkConnections::choose(std::uint64_t now_ms) {
    const auto rank = [&](const One& one) {
        return std::tuple(silent_for(one, now_ms, m_silent_ms), m_mode == config::LinkMode::primary ? one.address : 0);
    };
    const auto best = std::ranges::min_element(m_open, {}, rank);  // the first of equals
    if (best == m_open.end()) return 0;
    const net::ConnectionId id = best->id;
    std::rotate(best, best + 1, m_open.end());  // its next turn is after all others
    sent(id, now_ms);
    return id;
}

net::ConnectionId LinkConnections::forgotten(std::uint64_t now_ms, std::uint64_t ms) const {
    const auto lives = [&](const One& one) { return !silent_for(one, now_ms, m_silent_ms); };
    if (std::ranges::none_of(m_open, lives)) return 0;
    const auto found = std::ranges::find_if(m_open, [&](const One& one) { return silent_for(one, now_ms, ms); });
    return found == m_open.end() ? 0 : found->id;
}

}  // namespace giro::gate
