#include "real_node.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "bitcoin_node/rpc_client.hpp"
#include "util/environment.hpp"

namespace giro::node_test {

namespace fs = std::filesystem;

namespace {
int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    ASSERT(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    ::close(fd);
    return ntohs(address.sin_port);
}
}  // namespace

std::optional<fs::path> node_program_root() {
    const fs::path root = fs::path(GIRO_SOURCE_DIR) / "build" / "bitcoin-node";
    if (fs::exists(root / "usr" / "bin" / "bitcoind")) return root;
    return std::nullopt;
}

RealNode::RealNode(fs::path folder, Bytes challenge)
    : m_folder(std::move(folder)), m_challenge(to_hex(challenge)), m_rpc_port(free_port()), m_zmq_port(free_port()) {
    fs::create_directories(m_folder);
}

RealNode::~RealNode() { stop(); }

void RealNode::start() {
    ASSERT(m_pid == 0);
    const fs::path root = *node_program_root();
    const std::string publish = fmt::format("tcp://127.0.0.1:{}", m_zmq_port);
    const std::vector<std::string> command = {
        root / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", root / "usr/lib/x86_64-linux-gnu", root / "usr/bin/bitcoind",
        "-datadir=" + m_folder.string(), "-signet", "-signetchallenge=" + m_challenge, "-server", "-rpcbind=127.0.0.1",
        "-rpcallowip=127.0.0.1", fmt::format("-rpcport={}", m_rpc_port), "-zmqpubhashblock=" + publish, "-zmqpubrawtx=" + publish,
        // No peers, and nothing that looks for any.
        "-listen=0", "-connect=0", "-dnsseed=0", "-fixedseeds=0", "-discover=0", "-natpmp=0", "-disablewallet",
        // The test's blocks are dated years ago: a node that thinks it is still catching up publishes none.
        "-maxtipage=1000000000",
        // Settlements pay no fee and carry a commitment (README: A Bitcoin node).
        "-minrelaytxfee=0", "-acceptnonstdtxn=1", "-printtoconsole=0", "-par=1", "-dbcache=16"};
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    fs::remove(settings().cookie);
    m_pid = ::fork();
    ASSERT(m_pid >= 0);
    if (m_pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, 0);
        ::dup2(null, 1);
        const int log = ::open((m_folder / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(log, 2);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    using namespace std::chrono_literals;
    for (int i = 0; i < 1200; ++i) {
        int status = 0;
        ASSERT(::waitpid(m_pid, &status, WNOHANG) == 0);  // it has ended: its folder's stderr says why
        if (fs::exists(settings().cookie) && ask(bitcoin_node::ask_chain_info()).find("bestblockhash") != std::string::npos) return;
        std::this_thread::sleep_for(50ms);
    }
    ASSERT(!"the node answers within a minute");
}

void RealNode::wait_for_end() {
    int status = 0;
    ::waitpid(m_pid, &status, 0);
    m_pid = 0;
}

void RealNode::stop() {
    if (m_pid == 0) return;
    ::kill(m_pid, SIGTERM);
    wait_for_end();
}

void RealNode::kill() {
    ::kill(m_pid, SIGKILL);
    wait_for_end();
}

void RealNode::forget_chain() {
    ASSERT(m_pid == 0);
    fs::remove_all(m_folder / "signet");
}

config::Config::BitcoinNode RealNode::settings() const {
    return {{"127.0.0.1", static_cast<std::uint16_t>(m_rpc_port)},
            m_folder / "signet" / ".cookie",
            {{"127.0.0.1", static_cast<std::uint16_t>(m_zmq_port)}}};
}

std::string RealNode::ask(const std::string& body) const {
    bus::Loop loop;
    const SystemClock clock;
    net::Connections connections(loop, clock, bitcoin_node::node_limits());
    const auto at = settings();
    bitcoin_node::RpcClient client(loop, connections, {at.rpc.host, at.rpc.port, at.cookie});
    std::string said;
    client.call(body, [&](const bitcoin_node::NodeAnswer<Bytes>& answer) {
        said = answer ? std::string(as_text(*answer)) : answer.error().text;
        loop.stop();
    });
    loop.run();
    return said;
}

}  // namespace giro::node_test
