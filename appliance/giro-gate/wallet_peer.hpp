// A wallet's connection: one HTTPS request, one answer, closed. Hostile: every byte. What is inside the signed order is
// the switch's to judge; the gate only takes it out of its JSON.
//   POST /v1/order  {"order":"<hex>"}     POST /v1/query  {"query":"<hex>"}
//   200 decided (approved or not)  400 malformed  404 no such path  429 too many new wallets from one address
//   503 the switch does not answer
#pragma once

#include "net/http.hpp"
#include "terminal.hpp"

namespace giro::gate {

inline constexpr std::uint64_t kWalletAnswer_ms = 5'000;

class WalletPeer final : public net::Protocol {
  public:
    explicit WalletPeer(const Shared& shared) noexcept : m_shared(shared) {}
    [[nodiscard]] std::size_t received(net::Connection& connection, Bytes bytes) override;
    // From the start: the whole request has slow_peer_ms, TLS handshake included.
    [[nodiscard]] bool mid_message() const override { return m_state == State::reading; }
    void answer(net::Connection& connection, const bus::WalletReply& reply);
    void tick(net::Connection& connection, std::uint64_t now_ms) override;
    void closed(net::Connection& connection, net::CloseReason reason) override;

  private:
    enum class State : std::uint8_t { reading, asked, answered };
    void ask(net::Connection& connection);
    void respond(net::Connection& connection, int status, std::string_view json);
    void refuse(net::Connection& connection, int status, std::string_view why);

    const Shared& m_shared;
    net::HttpRequestReader m_reader;
    State m_state = State::reading;
    std::uint64_t m_asked_ms = 0;
};

}  // namespace giro::gate
