// Which way a card payment goes: by the routing table (routing/table.hpp) and by which links take payments. A table that decides is
// named in the journal before it decides anything.
#include "switching/core.hpp"
#include "switching/core_record.hpp"

namespace giro::switching {

using routing::Target;

Target Core::way_of(const PaymentRequest& request) const {
    const Terminal* terminal = m_state.terminal(request.terminal);
    const MerchantId& merchant = terminal != nullptr && request.merchant.empty() ? terminal->merchant : request.merchant;
    const routing::Query query{request.pan.reveal(),
                               {request.amount, request.currency},
                               merchant.view(),
                               m_routing.minute_of_day(request.received_ns)};
    const routing::Rule* rule = m_routing.table.find(query);
    if (rule == nullptr) return {};
    for (const Target& target : rule->to)
        if (target.kind != Target::Kind::link || link_takes(target.link)) return target;
    return rule->to.front();
}

bool Core::apply_routing(routing::Routing routing, std::uint64_t now_ns) {
    m_routing = std::move(routing);
    return note_routing(now_ns);
}

bool Core::note_routing(std::uint64_t now_ns) {
    const Hash256 digest = m_routing.digest();
    if (digest == m_state.routes()) return false;
    entry::RoutesChanged e;
    e.digest = digest;
    e.rules = static_cast<std::uint32_t>(m_routing.table.rules().size());
    e.ranges = static_cast<std::uint32_t>(m_routing.table.ranges());
    e.time_ns = now_ns;
    if (m_routing.text.size() <= entry::kRoutesTextMax) e.text.assign(as_bytes(m_routing.text).begin(), as_bytes(m_routing.text).end());
    record(entry::Kind::routes_changed, e);
    return true;
}

}  // namespace giro::switching
