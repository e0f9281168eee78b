// Requests to another program's endpoint that may take their time: one callback each, with the reply or without.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>

#include "bus/endpoint.hpp"
#include "bus/messages.hpp"

namespace giro::settle {

inline constexpr std::uint64_t kRequestTimeout_ms = 10'000;

class Requests {
  public:
    // No status: no answer came in time. The body is valid during the call only.
    using OnReply = std::function<void(std::optional<bus::Status>, Bytes)>;

    [[nodiscard]] static Result<std::unique_ptr<Requests>> connect(bus::Loop& loop, bus::Context& context,
                                                                   const std::filesystem::path& endpoint);
    // Calls back exactly once, from the loop.
    void call(bus::MessageType type, Bytes body, OnReply on_reply);

  private:
    struct Pending {
        std::uint16_t type = 0;
        OnReply on_reply;
        std::shared_ptr<bus::Timer> timeout;
    };
    explicit Requests(bus::Loop& loop) : m_loop(loop) {}
    void received(const bus::Record& record);
    void finish(std::uint64_t correlation, std::optional<bus::Status> status, Bytes body);

    bus::Loop& m_loop;
    std::unique_ptr<bus::Client> m_bus;
    std::map<std::uint64_t, Pending> m_pending;
    std::uint64_t m_next = 1;
};

}  // namespace giro::settle
