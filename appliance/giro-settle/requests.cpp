#include "requests.hpp"

namespace giro::settle {

Result<std::unique_ptr<Requests>> Requests::connect(bus::Loop& loop, bus::Context& context,
                                                    const std::filesystem::path& endpoint) {
    std::unique_ptr<Requests> made(new Requests(loop));
    bus::Handlers handlers;
    handlers.record = [self = made.get()](bus::PeerId, const bus::Record& record) { self->received(record); };
    auto client = bus::Client::connect(loop, context, endpoint, std::move(handlers));
    if (!client) return tl::unexpected(std::move(client.error()));
    made->m_bus = std::move(*client);
    return made;
}

void Requests::call(bus::MessageType type, Bytes body, OnReply on_reply) {
    const std::uint64_t correlation = m_next++;
    auto timeout = std::make_shared<bus::Timer>(m_loop, [this, correlation] { finish(correlation, std::nullopt, {}); });
    timeout->once(kRequestTimeout_ms);
    m_pending[correlation] = {static_cast<std::uint16_t>(type), std::move(on_reply), std::move(timeout)};
    m_bus->send({static_cast<std::uint16_t>(type), bus::Status::ok, correlation, body});
}

void Requests::received(const bus::Record& record) {
    const auto at = m_pending.find(record.correlation);
    if (at == m_pending.end() || at->second.type != record.type) return;  // came after its timeout
    finish(record.correlation, record.status, record.body);
}

void Requests::finish(std::uint64_t correlation, std::optional<bus::Status> status, Bytes body) {
    auto node = m_pending.extract(correlation);
    ASSERT(!node.empty());
    node.mapped().timeout->stop();
    m_loop.defer([timer = std::move(node.mapped().timeout)] {});  // not destroyed within its own callback
    node.mapped().on_reply(status, body);
}

}  // namespace giro::settle
