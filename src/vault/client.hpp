// The other programs' way to the vault: Client for programs with a loop (callbacks, batched by the bus), SyncClient for
// the command line and for programs that may wait. The endpoint's path is the caller's identity: connect with your own.
//
//   client.call<MacVerify>({items}, [](Answer<MacVerify> answer) { if (answer) use(answer->good); });
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <unordered_map>

#include "bus/endpoint.hpp"
#include "giro/result.hpp"
#include "vault/wire.hpp"

namespace giro::vault {

inline constexpr std::uint64_t kCallTimeout_ms = 5000;
inline constexpr std::uint64_t kSweepInterval_ms = 250;  // how late a timeout may be noticed
inline constexpr std::size_t kPendingMax = 65'536;       // calls under way; beyond, try_again at the next sweep

// Why there is no reply. token_absent and try_again: later; refused: no, and `why` says it for a person;
// bad_request: the vault has closed this caller's connection, a bug or an attack.
struct Refusal {
    bus::Status status = bus::Status::try_again;
    std::string why;
};
// The line an operator reads: try_again for what passes, refused else.
[[nodiscard]] Failure to_failure(const Refusal& refusal);

template <typename Verb>
using Answer = Expected<typename Verb::Reply, Refusal>;

// run_dir/vault.<caller>
[[nodiscard]] std::filesystem::path endpoint_path(const std::filesystem::path& run_dir, std::string_view caller);

class Client {
  public:
    // `drained` is called once after all replies of one wake were called back: where a program acts on what it
    // gathered.
    [[nodiscard]] static Result<std::unique_ptr<Client>> connect(bus::Loop& loop, bus::Context& context,
                                                                 const std::filesystem::path& run_dir,
                                                                 std::string_view caller,
                                                                 std::function<void()> drained = {},
                                                                 std::uint64_t timeout_ms = kCallTimeout_ms);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Calls back exactly once, from the loop, never from within call(); not at all once the Client is destroyed.
    // Without an answer in time: Refusal try_again.
    template <typename Verb>
    void call(const typename Verb::Request& request, std::function<void(Answer<Verb>)> callback) {
        Buffer body;
        encode(body, request);
        send(static_cast<std::uint16_t>(Verb::kType), body,
             [callback = std::move(callback)](const bus::Record* reply) { callback(read_answer<Verb>(reply)); });
        wipe(body);
    }
    // The calls made so far leave now, rather than at the end of the turn: before work during which the vault could work.
    void flush() { m_bus->flush(); }
    [[nodiscard]] std::size_t pending() const noexcept { return m_pending.size(); }

  private:
    using OnReply = std::function<void(const bus::Record*)>;  // null: no answer came
    struct Pending {
        std::uint64_t deadline_ms = 0;
        OnReply on_reply;
    };
    Client(bus::Loop& loop, std::uint64_t timeout_ms);
    void send(std::uint16_t type, Bytes body, OnReply on_reply);
    void received(const bus::Record& reply);
    void sweep();
    template <typename Verb>
    static Answer<Verb> read_answer(const bus::Record* reply);

    std::uint64_t m_timeout_ms;
    bus::Timer m_sweeper;
    std::unique_ptr<bus::Client> m_bus;
    std::unordered_map<std::uint64_t, Pending> m_pending;
    std::uint64_t m_next = 1;
};

class SyncClient {
  public:
    [[nodiscard]] static Result<SyncClient> connect(const std::filesystem::path& run_dir, std::string_view caller);
    // Waits up to `timeout_ms`. Every Refusal comes as a Failure that says what to do.
    template <typename Verb>
    [[nodiscard]] Result<typename Verb::Reply> call(const typename Verb::Request& request,
                                                    std::uint64_t timeout_ms = kCallTimeout_ms);

  private:
    explicit SyncClient(bus::SyncClient bus) noexcept : m_bus(std::move(bus)) {}
    bus::SyncClient m_bus;
};

// --- templates --------------------------------------------------------------------------------------------------

// A reply's body as an Answer; a reply that does not decode counts as bad_request.
template <typename Verb>
[[nodiscard]] Answer<Verb> parse_answer(bus::Status status, Bytes body) {
    if (status != bus::Status::ok) return tl::unexpected(Refusal{status, std::string(as_text(body))});
    auto reply = decode<typename Verb::Reply>(body);
    if (!reply) return tl::unexpected(Refusal{bus::Status::bad_request, "the vault's reply does not decode"});
    return std::move(*reply);
}

template <typename Verb>
Answer<Verb> Client::read_answer(const bus::Record* reply) {
    if (reply == nullptr) return tl::unexpected(Refusal{bus::Status::try_again, "the vault does not answer"});
    return parse_answer<Verb>(reply->status, reply->body);
}

template <typename Verb>
Result<typename Verb::Reply> SyncClient::call(const typename Verb::Request& request, std::uint64_t timeout_ms) {
    Buffer body;
    encode(body, request);
    auto raw = m_bus.call(static_cast<std::uint16_t>(Verb::kType), body, timeout_ms);
    wipe(body);
    if (!raw) return tl::unexpected(std::move(raw.error()));
    auto answer = parse_answer<Verb>(raw->status, raw->body);
    wipe(raw->body);
    if (!answer) return tl::unexpected(to_failure(answer.error()));
    return std::move(*answer);
}

}  // namespace giro::vault
