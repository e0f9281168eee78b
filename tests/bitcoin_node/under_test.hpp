// Both back ends behind their one interface, with a loop that runs until an answer is there.
#pragma once

#include <memory>

#include "appliance/giro-chain/bitcoin_backend.hpp"
#include "real_node.hpp"
#include "tests/chain/support.hpp"

namespace giro::node_test {

enum class Kind { embedded, bitcoin_node };
// Whether there is a Bitcoin node; says so when there is none.
[[nodiscard]] bool has_node();
// Those that this machine has.
[[nodiscard]] std::vector<Kind> kinds();

// A folder that goes with it.
struct Folder {
    std::filesystem::path path;
    Folder();
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

// A back end of the test net in a folder of its own; without a node when it is the embedded one.
class UnderTest {
  public:
    explicit UnderTest(Kind kind);
    explicit UnderTest(const config::Config::BitcoinNode& at);  // a node that somebody else provides
    ~UnderTest();
    UnderTest(const UnderTest&) = delete;
    UnderTest& operator=(const UnderTest&) = delete;

    [[nodiscard]] const chain::ChainState& chain() const { return m_backend->chain(); }
    [[nodiscard]] chain::Taken<chain::Accepted> submit(const chain::Block& block);
    [[nodiscard]] chain::Taken<Hash256> submit(const chain::Tx& tx);
    void submit_all(std::span<const Buffer> blocks);  // each must become the tip
    // Runs the loop until `ready`, for half a minute at most. False: it did not come about.
    [[nodiscard]] bool eventually(const std::function<bool()>& ready);
    [[nodiscard]] bool in_step() { return eventually([this] { return m_backend->trouble().empty(); }); }
    [[nodiscard]] const std::string& trouble() const { return m_backend->trouble(); }
    // The program ends and begins anew on the same files; the node goes on.
    void restart();
    [[nodiscard]] RealNode& node() { return *m_node; }
    [[nodiscard]] bus::Loop& loop() { return m_loop; }
    [[nodiscard]] bool subscribed() const { return static_cast<const appliance::BitcoinBackend&>(*m_backend).subscribed(); }
    int tip_changes = 0;
    std::optional<Failure> failure;
    std::optional<config::Config::BitcoinNode> elsewhere;  // from restart() on: not the node's own address

  private:
    void open();
    Folder m_folder;
    std::unique_ptr<RealNode> m_node;
    bus::Loop m_loop;
    std::unique_ptr<chain::Backend> m_backend;
};

// "" when it was taken, else the word.
template <typename T>
[[nodiscard]] std::string word_of(const chain::Taken<T>& taken) {
    return taken ? std::string() : taken.error().word;
}

}  // namespace giro::node_test
