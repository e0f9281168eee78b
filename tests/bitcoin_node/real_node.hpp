// A Bitcoin node under a test: Debian's bitcoin-knots as ./dev test fetched it (packaging/dev/bitcoin_node.sh), on signet with
// the test net's challenge, on free loopback ports, without peers, in a folder of its own. Ended by pid.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "giro/types.hpp"

namespace giro::node_test {

// Where ./dev put it; nothing when it could not be fetched.
[[nodiscard]] std::optional<std::filesystem::path> node_program_root();

class RealNode {
  public:
    RealNode(std::filesystem::path folder, Bytes challenge);
    ~RealNode();
    RealNode(const RealNode&) = delete;
    RealNode& operator=(const RealNode&) = delete;
    void start();         // returns when it answers
    void stop();          // SIGTERM, and waits
    void kill();          // SIGKILL
    void forget_chain();  // while stopped: its folder is emptied
    [[nodiscard]] pid_t pid() const noexcept { return m_pid; }
    [[nodiscard]] config::Config::BitcoinNode settings() const;
    // One call over a connection of its own: what the node answered, JSON.
    [[nodiscard]] std::string ask(const std::string& body) const;

  private:
    void wait_for_end();
    std::filesystem::path m_folder;
    std::string m_challenge;  // hexadecimal
    int m_rpc_port, m_zmq_port;
    pid_t m_pid = 0;
};

}  // namespace giro::node_test
