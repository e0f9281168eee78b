// A connection of the public: HTTP/1.1 requests, one after another, each answered by the site. Hostile: every byte, and
// that a peer asks for more than it reads. What the connection bounds: net/connections.hpp.
#pragma once

#include "explorer/site.hpp"
#include "giro/environment.hpp"
#include "net/connection.hpp"
#include "net/http.hpp"
#include "util/quota.hpp"

namespace giro::appliance {

inline constexpr net::HttpRules kPublicRules{.get = true, .query = true, .more = true, .head_bytes_max = 8192, .body_bytes_max = 512U << 10};
inline constexpr std::size_t kWaitingBytesMax = 256U << 10;  // of answers that a peer has not read: no further request is heard
inline constexpr std::size_t kLargeBytes = 256U << 10;       // an answer from here on is one of few at a time
inline constexpr std::size_t kBytesOfRequest = 16U << 10;    // an answer that had to be made counts as one request for each
inline constexpr std::uint64_t kReceiptsRest = 20;           // times as long as the last receipt took, none is looked at
inline constexpr std::size_t kRequestsMax = 1'000;           // of one connection

// What all connections share.
struct PublicDoor {
    explorer::Site& site;
    const Clock& clock;
    bool limited = true;               // by source; false where a proxy stands before it
    Quota<net::Source> requests;       // of one source
    Quota<net::Source> receipts;       // of one source
    Quota<int> all_receipts, large;    // of all together
    std::uint64_t receipts_from_ns = 0;  // the next one is not looked at before
};

class PublicPeer final : public net::Protocol {
  public:
    explicit PublicPeer(PublicDoor& door) noexcept : m_door(door), m_reader(kPublicRules) {}
    [[nodiscard]] std::size_t received(net::Connection& connection, Bytes bytes) override;
    // The first request is awaited from the start; later ones once they have begun.
    [[nodiscard]] bool mid_message() const override { return m_served == 0 || m_reader.mid_request(); }

  private:
    enum class Next { serve_on, close };
    [[nodiscard]] Next serve(net::Connection& connection);
    [[nodiscard]] bool may_ask(net::Connection& connection);
    [[nodiscard]] explorer::Reply reply_of() const;
    void charge(net::Connection& connection, const explorer::Reply& reply, std::uint64_t began_ns);
    void refuse(net::Connection& connection, int status, std::string_view why);

    PublicDoor& m_door;
    net::HttpRequestReader m_reader;
    std::size_t m_served = 0;
};

}  // namespace giro::appliance
