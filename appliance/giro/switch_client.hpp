// Commands to the running switch, over run/switch.admin: one after the other, each durable when its answer is here.
#pragma once

#include "bus/endpoint.hpp"
#include "bus/messages.hpp"
#include "config/config.hpp"

namespace giro::cli {

class SwitchClient {
  public:
    [[nodiscard]] static Result<SwitchClient> connect(const config::Paths& paths);
    // The answer's body. A refusal becomes a Failure: try_again when the switch says so, else refused.
    [[nodiscard]] Result<Buffer> tell(bus::MessageType type, Bytes body);

  private:
    explicit SwitchClient(bus::SyncClient client) : m_client(std::move(client)) {}
    bus::SyncClient m_client;
};

// One command, over a connection of its own.
[[nodiscard]] Result<Buffer> tell_switch(const config::Paths& paths, bus::MessageType type, Bytes body);

}  // namespace giro::cli
