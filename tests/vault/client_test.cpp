// The two clients against a server that answers by script: replies, refusals, silence.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <thread>

#include "bus/endpoint.hpp"
#include "vault/client.hpp"

namespace giro::test {

using namespace vault;
using bus::Status;

namespace {
class RunDir {
  public:
    RunDir() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    ~RunDir() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    RunDir(const RunDir&) = delete;
    RunDir& operator=(const RunDir&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return m_path; }

  private:
    std::filesystem::path m_path;
};

// Answers random with as many 7s, refuses tls_sign in words, answers status with rubbish, is silent to the rest.
std::unique_ptr<bus::Server> scripted_server(bus::Loop& loop, bus::Context& context, const RunDir& dir) {
    auto self = std::make_shared<bus::Server*>(nullptr);
    bus::Handlers handlers;
    handlers.record = [self](bus::PeerId peer, const bus::Record& request) {
        Buffer body;
        Status status = Status::ok;
        switch (static_cast<bus::MessageType>(request.type)) {
            case bus::MessageType::vault_random: {
                const auto count = decode<RandomBytes::Request>(request.body)->count;
                encode(body, RandomBytes::Reply{Buffer(count, std::byte{7})});
                break;
            }
            case bus::MessageType::vault_tls_sign: {
                status = Status::token_absent;
                const Bytes why = as_bytes("pulled");
                body.assign(why.begin(), why.end());
                break;
            }
            case bus::MessageType::vault_status: body.assign(3, std::byte{9}); break;
            default: return;
        }
        (*self)->send(peer, {request.type, status, request.correlation, body});
    };
    auto server = bus::Server::bind(loop, context, endpoint_path(dir.path(), "gate"), std::move(handlers));
    REQUIRE(server.has_value());
    *self = server->get();
    return std::move(*server);
}
}  // namespace

TEST_CASE("client: replies, refusals and rubbish each reach their own callback, and drained comes after them") {
    const RunDir dir;
    bus::Loop loop;
    bus::Context context;
    const auto server = scripted_server(loop, context, dir);
    std::vector<std::string> events;
    auto client = Client::connect(loop, context, dir.path(), "gate", [&] {
        if (events.size() == 3) loop.stop();
    });
    REQUIRE(client.has_value());
    (*client)->call<RandomBytes>({5}, [&](Answer<RandomBytes> answer) {
        REQUIRE(answer.has_value());
        events.push_back("random " + std::to_string(answer->bytes.size()));
    });
    (*client)->call<TlsSign>({}, [&](Answer<TlsSign> answer) {
        REQUIRE(!answer.has_value());
        CHECK(answer.error().status == Status::token_absent);
        events.push_back(answer.error().why);
    });
    (*client)->call<VaultStatus>({}, [&](Answer<VaultStatus> answer) {
        REQUIRE(!answer.has_value());
        CHECK(answer.error().status == Status::bad_request);
        events.push_back("rubbish");
    });
    CHECK(events.empty());
    CHECK((*client)->pending() == 3);
    loop.run();
    CHECK(events == std::vector<std::string>{"random 5", "pulled", "rubbish"});
    CHECK((*client)->pending() == 0);
}

TEST_CASE("client: a call that gets no answer is called back with try_again") {
    const RunDir dir;
    bus::Loop loop;
    bus::Context context;
    auto client = Client::connect(loop, context, dir.path(), "gate", {}, 1);  // nobody is bound there
    REQUIRE(client.has_value());
    bool called = false;
    (*client)->call<RandomBytes>({5}, [&](Answer<RandomBytes> answer) {
        REQUIRE(!answer.has_value());
        CHECK(answer.error().status == Status::try_again);
        called = true;
        loop.stop();
    });
    loop.run();
    CHECK(called);
}

TEST_CASE("client: each refusal reads as one line with the right exit status") {
    CHECK(to_failure({Status::token_absent, ""}).kind == Failure::Kind::try_again);
    CHECK(to_failure({Status::try_again, "full"}).what == "the vault cannot answer now: full");
    CHECK(to_failure({Status::refused, "no"}).what == "the vault refused: no");
    CHECK(to_failure({Status::bad_request, ""}).kind == Failure::Kind::refused);
}

TEST_CASE("sync client: waits for a reply, and says try_again when none comes") {
    const RunDir dir;
    bus::Loop loop;
    bus::Context context;
    const auto server = scripted_server(loop, context, dir);
    // The server's loop runs here, the waiting client in a thread of its own; it ends the loop through the socket: the
    // last call is one the server answers, after which the thread is done.
    std::atomic<bool> done = false;
    bus::Timer watcher(loop, [&] {
        if (done) loop.stop();
    });
    watcher.every(10);
    Result<RandomBytes::Reply> random = RandomBytes::Reply{};
    Result<TlsSign::Reply> refused = TlsSign::Reply{};
    Result<PublicKeys::Reply> silent = PublicKeys::Reply{};
    std::thread caller([&] {
        auto client = SyncClient::connect(dir.path(), "gate");
        random = client->call<RandomBytes>({9});
        refused = client->call<TlsSign>({});
        silent = client->call<PublicKeys>({}, 50);
        done = true;
    });
    loop.run();
    caller.join();
    REQUIRE(random.has_value());
    CHECK(random->bytes.size() == 9);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().kind == Failure::Kind::try_again);
    CHECK(refused.error().what.find("pulled") != std::string::npos);
    REQUIRE(!silent.has_value());
    CHECK(silent.error().kind == Failure::Kind::try_again);
}

}  // namespace giro::test
