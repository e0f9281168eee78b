// giro-chain's loop: endpoints for giro-settle and the command line, the vault's signature, the grinding thread.
#pragma once

#include "appliance/giro-chain/bitcoin_backend.hpp"
#include "appliance/giro-chain/grind_worker.hpp"
#include "appliance/giro-chain/producer.hpp"
#include "appliance/giro-chain/requests.hpp"
#include "appliance/skeleton.hpp"
#include "util/environment.hpp"
#include "vault/client.hpp"

namespace giro::appliance {

class ChainService {
  public:
    [[nodiscard]] static Result<std::shared_ptr<void>> start(Program& program);

  private:
    ChainService(Program& program, Node node, Producer::Settings settings);
    [[nodiscard]] std::unique_ptr<chain::Backend> make_backend(Program& program, Node node);
    Result<void> listen(Program& program, ChainCaller caller, std::string_view name);
    void serve(ChainCaller caller, bus::Server& server, bus::PeerId peer, const bus::Record& request);
    [[nodiscard]] Producer::Ports ports(Program& program);
    void sign(const chain::SignetMessage& message);
    [[nodiscard]] std::uint32_t now_s() const;

    SystemClock m_clock;
    std::unique_ptr<chain::Backend> m_backend;
    Producer m_producer;
    GrindWorker m_worker;
    std::unique_ptr<vault::Client> m_vault;
    std::vector<std::unique_ptr<bus::Server>> m_servers;
    bus::Timer m_ticker;
};

inline constexpr std::uint64_t kProducerTick_ms = 1000;

}  // namespace giro::appliance
