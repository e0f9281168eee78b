// giro-explorer's loop: follows the chain's file, serves the public.
#pragma once

#include "appliance/giro-explorer/follower.hpp"
#include "appliance/giro-explorer/public_peer.hpp"
#include "appliance/skeleton.hpp"
#include "net/connections.hpp"
#include "util/environment.hpp"
#include "vault/bundle.hpp"

namespace giro::appliance {

class ExplorerService {
  public:
    static constexpr std::uint64_t kLook_ms = 250;               // how often the file is looked at
    static constexpr std::size_t kConnectionsMax = 512;
    static constexpr std::size_t kConnectionsOfSourceMax = 64;   // without a proxy
    static constexpr std::uint64_t kSlowPeer_ms = 8'000;         // for a request; closed within a second more
    static constexpr std::uint64_t kIdle_ms = 30'000;
    static constexpr std::size_t kOutputBytesMax = 12U << 20;    // the largest transaction as hexadecimal digits fits
    static constexpr std::uint32_t kBurstSeconds = 5;            // of its requests a second a source may have at once

    [[nodiscard]] static Result<std::shared_ptr<void>> start(Program& program);
    ExplorerService(bus::Loop& loop, const Clock& clock, const config::Config& config, const vault::Bundle& bundle, const std::filesystem::path& blocks);
    // The port. Failure::config when the address cannot be listened on.
    [[nodiscard]] Result<std::uint16_t> listen(const config::Config::Explorer& settings);
    [[nodiscard]] const explorer::Index& index() const noexcept { return m_index; }

  private:
    void look();

    explorer::Index m_index;
    explorer::Site m_site;
    Follower m_follower;
    PublicDoor m_door;
    net::Connections m_connections;
    bus::Timer m_looker;
};

// Who holds coins under a name: the issuer as 0, and the participants.
[[nodiscard]] std::vector<explorer::Party> parties_of(const vault::Bundle& bundle);

}  // namespace giro::appliance
