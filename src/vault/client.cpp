#include "vault/client.hpp"

#include "util/environment.hpp"
#include "util/log.hpp"

namespace giro::vault {

namespace {
std::uint64_t now_ms() { return SystemClock{}.monotonic_ns() / 1'000'000; }
}  // namespace

std::filesystem::path endpoint_path(const std::filesystem::path& run_dir, std::string_view caller) {
    return run_dir / ("vault." + std::string(caller));
}

Failure to_failure(const Refusal& refusal) {
    using bus::Status;
    const std::string why = refusal.why.empty() ? std::string() : ": " + refusal.why;
    switch (refusal.status) {
        case Status::token_absent:
            return {Failure::Kind::try_again, "the vault's token is away; see the log of giro-vault" + why};
        case Status::try_again: return {Failure::Kind::try_again, "the vault cannot answer now" + why};
        case Status::bad_request: return {Failure::Kind::refused, "the vault closed the connection" + why};
        case Status::ok:
        case Status::refused:
        case Status::not_found: break;
    }
    return {Failure::Kind::refused, "the vault refused" + why};
}

Client::Client(bus::Loop& loop, std::uint64_t timeout_ms)
    : m_timeout_ms(timeout_ms), m_sweeper(loop, [this] { sweep(); }) {}

Result<std::unique_ptr<Client>> Client::connect(bus::Loop& loop, bus::Context& context,
                                                const std::filesystem::path& run_dir, std::string_view caller,
                                                std::function<void()> drained, std::uint64_t timeout_ms) {
    std::unique_ptr<Client> client(new Client(loop, timeout_ms));
    bus::Handlers handlers;
    handlers.record = [self = client.get()](bus::PeerId, const bus::Record& reply) { self->received(reply); };
    handlers.drained = std::move(drained);
    auto bus = bus::Client::connect(loop, context, endpoint_path(run_dir, caller), std::move(handlers));
    if (!bus) return tl::unexpected(std::move(bus.error()));
    client->m_bus = std::move(*bus);
    client->m_sweeper.every(kSweepInterval_ms);
    return client;
}

void Client::send(std::uint16_t type, Bytes body, OnReply on_reply) {
    const std::uint64_t correlation = m_next++;
    const bool full = m_pending.size() >= kPendingMax;
    // A call over the bound is not sent; the next sweep answers it, so that no callback runs inside call().
    m_pending.emplace(correlation, Pending{full ? 0 : now_ms() + m_timeout_ms, std::move(on_reply)});
    if (!full) m_bus->send({type, bus::Status::ok, correlation, body});
}

void Client::received(const bus::Record& reply) {
    const auto found = m_pending.find(reply.correlation);
    if (found == m_pending.end()) {
        log::debug("vault: a reply came after its time");
        return;
    }
    const OnReply on_reply = std::move(found->second.on_reply);
    m_pending.erase(found);
    on_reply(&reply);
}

void Client::sweep() {
    const std::uint64_t now = now_ms();
    std::vector<OnReply> overdue;  // called after the walk: a callback may call again
    for (auto it = m_pending.begin(); it != m_pending.end();) {
        if (it->second.deadline_ms > now) {
            ++it;
            continue;
        }
        overdue.push_back(std::move(it->second.on_reply));
        it = m_pending.erase(it);
    }
    for (const OnReply& on_reply : overdue) on_reply(nullptr);
}

Result<SyncClient> SyncClient::connect(const std::filesystem::path& run_dir, std::string_view caller) {
    auto bus = bus::SyncClient::connect(endpoint_path(run_dir, caller));
    if (!bus) return tl::unexpected(std::move(bus.error()));
    return SyncClient(std::move(*bus));
}

}  // namespace giro::vault
