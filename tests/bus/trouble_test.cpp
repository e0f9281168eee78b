// Peers of the bus that do wrong, die, or do not read: they cost themselves only.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "bus/endpoint.hpp"
#include "bus/stream.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::bus;

namespace {
constexpr std::uint64_t kPatience_ms = 10'000;

struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("giro-bus-trouble-" + std::to_string(::getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    [[nodiscard]] std::filesystem::path socket() const { return path / "s"; }
};

// A peer that speaks bytes.
class RawPeer {
  public:
    explicit RawPeer(const std::filesystem::path& path) : m_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        connected = ::connect(m_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;
    ~RawPeer() { ::close(m_fd); }
    void send(Bytes bytes) const {
        REQUIRE(::send(m_fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    }
    // -1 when nothing has come, 0 at the end.
    ssize_t receive(MutableBytes into) const { return ::recv(m_fd, into.data(), into.size(), MSG_DONTWAIT); }
    // As much as the other side takes before it closes.
    void send_what_is_taken(Bytes bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(m_fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        }
    }
    void stop_reading() const { REQUIRE(::shutdown(m_fd, SHUT_RD) == 0); }
    // The other side has closed.
    [[nodiscard]] bool hung_up() const {
        pollfd one{m_fd, 0, 0};
        return ::poll(&one, 1, 0) == 1 && (one.revents & POLLHUP) != 0;
    }
    bool connected = false;

  private:
    int m_fd;
};

Buffer framed(Bytes batch) {
    Buffer out(kSizeBytes);
    store_le(out.data(), static_cast<std::uint32_t>(batch.size()));
    out.insert(out.end(), batch.begin(), batch.end());
    return out;
}

Buffer one_record(std::string_view body) {
    Buffer batch;
    append_record(batch, {5, Status::ok, 1, as_bytes(body)});
    return batch;
}

// A server that keeps what it hears and says it back.
struct Echo {
    Folder folder;
    Context context;
    Loop loop;
    Timer patience{loop, [this] { loop.stop(); }};
    std::unique_ptr<Server> server;
    std::vector<std::string> heard;
    std::map<std::string, PeerId> peer_of;
    std::size_t malformed = 0;

    Echo() { bind(); }
    void bind() {
        Handlers handlers;
        handlers.record = [this](PeerId peer, const Record& r) {
            heard.emplace_back(as_text(r.body));
            peer_of[heard.back()] = peer;
            server->send(peer, {r.type, Status::ok, r.correlation, r.body});
        };
        handlers.malformed = [this](PeerId) { ++malformed; };
        auto bound = Server::bind(loop, context, folder.socket(), std::move(handlers));
        REQUIRE(bound);
        server = std::move(*bound);
    }
    // Until `done`, which is asked every few milliseconds.
    void run_until(const std::function<bool()>& done) {
        bool came = false;
        Timer look(loop, [&] {
            if (came = done(); came) loop.stop();
        });
        look.every(2);
        patience.once(kPatience_ms);
        loop.run();
        CHECK(came);
    }
    // A well-behaved one is served.
    void serves(const std::string& text) {
        bool answered = false;
        auto client = Client::connect(loop, context, folder.socket(),
                                      {[&](PeerId, const Record& r) { answered = as_text(r.body) == text; }, {}, {}});
        REQUIRE(client);
        (*client)->send({5, Status::ok, 1, as_bytes(text)});
        run_until([&] { return answered; });
    }
    bool ended(const RawPeer& peer) {
        std::array<std::byte, 4096> bytes{};
        ssize_t got = 0;
        while ((got = peer.receive(bytes)) > 0) {
        }
        return got == 0 || errno == ECONNRESET;
    }
};
}  // namespace

TEST_CASE("bus stream: messages come out whole, whatever pieces they come in") {
    Buffer sent;
    const std::vector<std::string> texts{"a", "", std::string(100'000, 'x'), "last"};
    for (const auto& text : texts) {
        const Buffer message = framed(as_bytes(text));
        sent.insert(sent.end(), message.begin(), message.end());
    }
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{5}, std::size_t{4'096}, sent.size()}) {
        CAPTURE(piece);
        Inbox in;
        std::vector<std::string> got;
        for (std::size_t at = 0; at < sent.size(); at += piece) {
            const Bytes next = Bytes(sent).subspan(at, std::min(piece, sent.size() - at));
            REQUIRE(in.add(next, [&](Bytes message) { got.emplace_back(as_text(message)); }));
        }
        CHECK(got == texts);
    }
}

TEST_CASE("bus stream: a size beyond the bound ends it, and what came before counts") {
    Buffer bytes = framed(as_bytes("good"));
    bytes.resize(bytes.size() + kSizeBytes);
    store_le(bytes.data() + bytes.size() - kSizeBytes, static_cast<std::uint32_t>(kBatchBytesMax + 1));
    Inbox in;
    std::size_t messages = 0;
    CHECK_FALSE(in.add(bytes, [&](Bytes) { ++messages; }));
    CHECK(messages == 1);
}

TEST_CASE("bus: half a message, a wrong size and garbage cost their sender only") {
    Echo echo;
    const RawPeer half(echo.folder.socket()), wrong(echo.folder.socket()), garbage(echo.folder.socket());
    const Buffer message = framed(one_record("whole"));
    half.send(Bytes(message).first(message.size() - 1));
    wrong.send(as_bytes("GET / HTTP/1.1\r\n\r\n"));  // a size of 542 MB
    garbage.send(framed(as_bytes("no record at all")));
    echo.serves("somebody else");
    echo.run_until([&] { return echo.ended(wrong) && echo.malformed == 2; });
    CHECK_FALSE(echo.ended(half));
    CHECK(echo.heard == std::vector<std::string>{"somebody else"});
    half.send(Bytes(message).last(1));
    echo.run_until([&] { return echo.heard.size() == 2; });
    CHECK(echo.heard.back() == "whole");
}

TEST_CASE("bus: for a peer that does not read only so much is kept, and the others are served") {
    Echo echo;
    const RawPeer lazy(echo.folder.socket());
    lazy.send(framed(one_record("lazy")));
    echo.run_until([&] { return echo.heard.size() == 1; });
    const std::string large(kRecordBodyBytesMax, 'x');
    const std::size_t too_many = kUnsentBytesMax / kRecordBodyBytesMax + 4;
    for (std::size_t i = 0; i < too_many; ++i)
        echo.server->send(echo.peer_of["lazy"], {6, Status::ok, i, as_bytes(large)});
    echo.serves("somebody else");
    CHECK(echo.server->dropped() > 0);
    // It reads after all: what was kept comes whole and in order.
    Inbox in;
    std::vector<std::uint64_t> came;
    Buffer scratch(std::size_t{1} << 20);
    const std::size_t kept = too_many - echo.server->dropped();
    echo.run_until([&] {
        ssize_t got = 0;
        while ((got = lazy.receive(scratch)) > 0)
            CHECK(in.add(Bytes(scratch).first(static_cast<std::size_t>(got)), [&](Bytes batch) {
                RecordReader reader(batch);
                while (const auto record = reader.next())
                    if (record->type == 6 && record->body.size() == large.size()) came.push_back(record->correlation);
            }));
        return came.size() == kept;
    });
    CHECK(std::ranges::is_sorted(came));
}

TEST_CASE("bus: a server that died is found again, and hears what was sent meanwhile, each once and in order") {
    Echo echo;
    std::vector<std::string> answers;
    auto client = Client::connect(echo.loop, echo.context, echo.folder.socket(),
                                  {[&](PeerId, const Record& r) { answers.emplace_back(as_text(r.body)); }, {}, {}});
    REQUIRE(client);
    (*client)->send({5, Status::ok, 0, as_bytes("before")});
    echo.run_until([&] { return answers.size() == 1; });
    echo.server.reset();
    Timer notice(echo.loop, [&] { echo.loop.stop(); });
    notice.once(30);
    echo.loop.run();
    std::vector<std::string> all{"before"};
    for (int i = 0; i < 20; ++i) {
        all.push_back(std::to_string(i) + std::string(100'000, 'y'));  // more than the kernel takes at once
        (*client)->send({5, Status::ok, 0, as_bytes(all.back())});
    }
    echo.bind();
    echo.run_until([&] { return answers.size() == all.size(); });
    CHECK(echo.heard == all);
    CHECK(answers == all);
}

TEST_CASE("bus: the socket file that a killed program left is no obstacle, and a new one is its user's alone") {
    Echo echo;
    echo.server.reset();
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, echo.folder.socket().c_str());
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
    REQUIRE(std::filesystem::exists(echo.folder.socket()));
    echo.bind();
    struct stat about {};
    REQUIRE(::stat(echo.folder.socket().c_str(), &about) == 0);
    CHECK((about.st_mode & 0777U) == 0600U);
    echo.serves("me");
    echo.server.reset();
    CHECK_FALSE(std::filesystem::exists(echo.folder.socket()));
}

TEST_CASE("bus: a program of another user is refused, whatever the file's permissions say") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can become somebody else");
        return;
    }
    Echo echo;
    std::filesystem::permissions(echo.folder.path, std::filesystem::perms::all);
    std::filesystem::permissions(echo.folder.socket(), std::filesystem::perms::all);
    const pid_t stranger = ::fork();
    REQUIRE(stranger >= 0);
    if (stranger == 0) {
        // By a name from here: the folders above may be closed to it.
        if (::chdir(echo.folder.path.c_str()) != 0 || ::setresuid(65'534, 65'534, 65'534) != 0) ::_exit(2);
        const RawPeer peer(echo.folder.socket().filename());
        std::array<std::byte, 1> one{};
        for (int i = 0; peer.connected && i < 2'000; ++i, ::usleep(1'000))
            if (peer.receive(one) == 0) ::_exit(0);
        ::_exit(peer.connected ? 3 : 4);
    }
    int status = -1;
    echo.run_until([&] { return ::waitpid(stranger, &status, WNOHANG) == stranger; });
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(echo.heard.empty());
    echo.serves("root");
}

TEST_CASE("bus: who finds no place among so many connections is served once another goes") {
    Echo echo;
    std::vector<std::unique_ptr<RawPeer>> many;
    for (std::size_t i = 0; i < kPeersMax; ++i) {
        many.push_back(std::make_unique<RawPeer>(echo.folder.socket()));
        REQUIRE(many.back()->connected);
        many.back()->send(framed(one_record(std::to_string(i))));
    }
    echo.run_until([&] { return echo.heard.size() == kPeersMax; });
    const RawPeer late(echo.folder.socket());
    REQUIRE(late.connected);
    late.send(framed(one_record("late")));
    many.front()->send(framed(one_record("again")));
    echo.run_until([&] { return echo.heard.back() == "again"; });
    CHECK(echo.heard.size() == kPeersMax + 1);
    many.pop_back();
    echo.run_until([&] { return echo.heard.back() == "late"; });
}

TEST_CASE("bus: a peer that asks and takes no answers is done with") {
    Echo echo;
    const RawPeer deaf(echo.folder.socket());
    deaf.stop_reading();
    deaf.send(framed(one_record("who hears the answer?")));
    echo.run_until([&] { return deaf.hung_up(); });
    CHECK(echo.heard.size() == 1);
    echo.serves("somebody else");
}

TEST_CASE("bus: a peer that is closed in the middle of what it sends is heard no further") {
    Echo echo;
    Handlers handlers;
    handlers.record = [&](PeerId peer, const Record& r) {
        echo.heard.emplace_back(as_text(r.body));
        echo.server->close_peer(peer);
    };
    echo.server.reset();
    auto bound = Server::bind(echo.loop, echo.context, echo.folder.socket(), std::move(handlers));
    REQUIRE(bound);
    echo.server = std::move(*bound);
    const RawPeer peer(echo.folder.socket()), other(echo.folder.socket());
    Buffer twice = one_record("one");
    append_record(twice, {5, Status::ok, 2, as_bytes("two")});
    Buffer sent = framed(twice);
    const Buffer third = framed(one_record("three"));
    sent.insert(sent.end(), third.begin(), third.end());
    peer.send(sent);
    echo.run_until([&] { return !echo.heard.empty(); });
    other.send(framed(one_record("another")));
    echo.run_until([&] { return echo.heard.size() > 1; });
    CHECK(echo.heard == std::vector<std::string>{"one", "another"});
}

TEST_CASE("bus: nonsense ends the connection where nobody asked to be told of it") {
    Echo echo;
    Handlers handlers;
    handlers.record = [&](PeerId, const Record& r) { echo.heard.emplace_back(as_text(r.body)); };
    echo.server.reset();
    auto bound = Server::bind(echo.loop, echo.context, echo.folder.socket(), std::move(handlers));
    REQUIRE(bound);
    echo.server = std::move(*bound);
    const RawPeer peer(echo.folder.socket());
    Buffer sent = framed(as_bytes("x"));
    const Buffer good = framed(one_record("behind it"));
    sent.insert(sent.end(), good.begin(), good.end());
    peer.send(sent);
    echo.run_until([&] { return peer.hung_up(); });
    CHECK(echo.heard.empty());
}

TEST_CASE("bus: messages that never end are kept up to a bound, and the others are served") {
    Echo echo;
    Buffer beginning(kBatchBytesMax);
    store_le(beginning.data(), static_cast<std::uint32_t>(kBatchBytesMax));
    const std::size_t too_many = kKeptBytesMax / kBatchBytesMax + 2;
    std::vector<std::unique_ptr<RawPeer>> peers;
    std::vector<std::thread> senders;
    for (std::size_t i = 0; i < too_many; ++i) peers.push_back(std::make_unique<RawPeer>(echo.folder.socket()));
    for (const auto& peer : peers) senders.emplace_back([&] { peer->send_what_is_taken(beginning); });
    echo.run_until([&] { return std::ranges::any_of(peers, [](const auto& peer) { return peer->hung_up(); }); });
    echo.serves("somebody else");
    echo.server.reset();  // whoever still sends is let go
    for (auto& sender : senders) sender.join();
}

TEST_CASE("bus: when descriptors were out, connections are taken again once there are some") {
    Echo echo;
    const RawPeer first(echo.folder.socket());
    first.send(framed(one_record("first")));
    echo.run_until([&] { return echo.heard.size() == 1; });
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const RawPeer second(echo.folder.socket());  // waits in the kernel: the loop does not run
    second.send(framed(one_record("second")));
    std::vector<int> all;
    const rlimit few{256, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) all.push_back(fd);
    Timer enough(echo.loop, [&] { echo.loop.stop(); });
    enough.once(50);
    echo.loop.run();
    CHECK(echo.heard.size() == 1);
    for (const int fd : all) ::close(fd);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    echo.run_until([&] { return echo.heard.size() == 2; });
}

TEST_CASE("bus: a call whose server goes away with it says so at once, and one that was given up never arrives") {
    Folder folder;
    auto client = SyncClient::connect(folder.socket());
    REQUIRE(client);
    CHECK_FALSE(client->call(7, as_bytes("given up"), 30));  // nobody is there
    Context context;
    Loop loop;
    Timer patience(loop, [&] { loop.stop(); });
    patience.once(kPatience_ms);
    std::vector<std::string> heard;
    std::unique_ptr<Server> server;
    Handlers handlers;
    handlers.record = [&](PeerId peer, const Record& r) {
        heard.emplace_back(as_text(r.body));
        if (heard.back() == "answer me") return server->send(peer, {r.type, Status::ok, r.correlation, r.body});
        loop.stop();
    };
    auto bound = Server::bind(loop, context, folder.socket(), handlers);
    REQUIRE(bound);
    server = std::move(*bound);
    std::string first, second;
    std::thread caller([&] {
        const auto good = client->call(7, as_bytes("answer me"), kPatience_ms);
        first = good ? as_text(good->body) : good.error().what;
        const auto bad = client->call(7, as_bytes("die"), 100 * kPatience_ms);
        second = bad ? "answered" : bad.error().what;
    });
    loop.run();
    server.reset();
    caller.join();
    CHECK(first == "answer me");
    CHECK(second.find("went away") != std::string::npos);
    CHECK(heard == std::vector<std::string>{"answer me", "die"});
}
