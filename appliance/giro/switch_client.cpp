#include "appliance/giro/switch_client.hpp"

#include <fmt/format.h>

#include "util/bytes.hpp"

namespace giro::cli {

Result<SwitchClient> SwitchClient::connect(const config::Paths& paths) {
    auto client = bus::SyncClient::connect(paths.endpoint("switch", bus::caller::kAdmin));
    if (!client) return tl::unexpected(client.error());
    return SwitchClient(std::move(*client));
}

Result<Buffer> SwitchClient::tell(bus::MessageType type, Bytes body) {
    auto reply = m_client.call(static_cast<std::uint16_t>(type), body);
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status == bus::Status::ok) return std::move(reply->body);
    const auto kind = reply->status == bus::Status::try_again ? Failure::Kind::try_again : Failure::Kind::refused;
    return fail(kind, fmt::format("the switch refuses: {}", as_text(reply->body)));
}

Result<Buffer> tell_switch(const config::Paths& paths, bus::MessageType type, Bytes body) {
    auto client = SwitchClient::connect(paths);
    if (!client) return tl::unexpected(client.error());
    return client->tell(type, body);
}

}  // namespace giro::cli
