// Two ends of a connection over a Unix socket.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "bus/endpoint.hpp"

using namespace giro;
using namespace giro::bus;

namespace {

struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("giro-bus-test-" + std::to_string(::getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
};

// An echo server and a client on one loop; ends the loop after `replies` replies or five seconds.
struct Pair {
    Folder folder;
    Context context;
    Loop loop;
    Timer patience{loop, [this] { loop.stop(); }};
    std::unique_ptr<Server> server;
    std::unique_ptr<Client> client;
    std::vector<std::string> replies;
    std::size_t wanted = 0, server_drains = 0;
    PeerId peer = 0;

    Pair() {
        auto bound = Server::bind(loop, context, folder.path / "s",
                                  {[this](PeerId p, const Record& r) {
                                       peer = p;
                                       server->send(p, {r.type, Status::ok, r.correlation, r.body});
                                   },
                                   [this] { ++server_drains; },
                                   {}});
        REQUIRE(bound);
        server = std::move(*bound);
        auto connected = Client::connect(loop, context, folder.path / "s",
                                         {[this](PeerId, const Record& r) {
                                              replies.emplace_back(as_text(r.body));
                                              if (replies.size() == wanted) loop.stop();
                                          },
                                          {},
                                          {}});
        REQUIRE(connected);
        client = std::move(*connected);
    }
    void run(std::size_t count, std::uint64_t ms = 5000) {
        wanted = replies.size() + count;
        patience.once(ms);
        loop.run();
    }
};

}  // namespace

TEST_CASE("bus: what is sent in one turn travels together and comes back in order") {
    Pair pair;
    for (int i = 0; i < 1000; ++i)
        pair.client->send({5, Status::ok, static_cast<std::uint64_t>(i), as_bytes(std::to_string(i))});
    pair.run(1000);
    REQUIRE(pair.replies.size() == 1000);
    for (int i = 0; i < 1000; ++i) CHECK(pair.replies[static_cast<std::size_t>(i)] == std::to_string(i));
    CHECK(pair.server_drains == 1);
}

TEST_CASE("bus: a peer that was closed is heard no more, a new connection is") {
    Pair pair;
    pair.client->send({5, Status::ok, 1, as_bytes("first")});
    pair.run(1);
    REQUIRE(pair.replies.size() == 1);
    pair.server->close_peer(pair.peer);
    pair.client->send({5, Status::ok, 2, as_bytes("second")});
    pair.run(1, 200);
    CHECK(pair.replies.size() == 1);
    auto again = Client::connect(pair.loop, pair.context, pair.folder.path / "s",
                                 {[&](PeerId, const Record& r) {
                                      pair.replies.emplace_back(as_text(r.body));
                                      pair.loop.stop();
                                  },
                                  {},
                                  {}});
    REQUIRE(again);
    (*again)->send({5, Status::ok, 3, as_bytes("third")});
    pair.run(1);
    CHECK(pair.replies.back() == "third");
}

TEST_CASE("bus: what a client sends before the server is there arrives when it is") {
    Folder folder;
    Context context;
    Loop loop;
    Timer patience(loop, [&] { loop.stop(); });
    patience.once(5000);
    auto client = Client::connect(loop, context, folder.path / "late", {[](PeerId, const Record&) {}, {}, {}});
    REQUIRE(client);
    (*client)->send({5, Status::ok, 1, as_bytes("early")});
    std::string got;
    std::unique_ptr<Server> server;
    Timer later(loop, [&] {
        auto bound = Server::bind(loop, context, folder.path / "late",
                                  {[&](PeerId, const Record& r) {
                                       got = as_text(r.body);
                                       loop.stop();
                                   },
                                   {},
                                   {}});
        REQUIRE(bound);
        server = std::move(*bound);
    });
    later.once(50);
    loop.run();
    CHECK(got == "early");
}

TEST_CASE("bus: a call that nobody answers says so in time") {
    Folder folder;
    auto client = SyncClient::connect(folder.path / "nobody");
    REQUIRE(client);
    const auto reply = client->call(5, {}, 50);
    REQUIRE_FALSE(reply);
    CHECK(reply.error().exit_code() == 75);
}

TEST_CASE("bus: a socket path that is too long is refused with what to do") {
    const auto client = SyncClient::connect("/tmp/" + std::string(120, 'x'));
    REQUIRE_FALSE(client);
    CHECK(client.error().kind == Failure::Kind::config);
    CHECK(client.error().what.find("--dir") != std::string::npos);
}
