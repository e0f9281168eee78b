#include "under_test.hpp"

#include <doctest/doctest.h>

namespace giro::node_test {

using namespace chain;

bool has_node() {
    if (node_program_root()) return true;
    MESSAGE("there is no Bitcoin node in build/bitcoin-node (./dev test fetches it): skipped");
    return false;
}

std::vector<Kind> kinds() {
    if (has_node()) return {Kind::embedded, Kind::bitcoin_node};
    return {Kind::embedded};
}

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "giro-backend-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
}

UnderTest::UnderTest(Kind kind) {
    if (kind == Kind::bitcoin_node) {
        m_node = std::make_unique<RealNode>(m_folder.path / "node", chain::test::testnet().params.challenge);
        m_node->start();
    }
    open();
}

UnderTest::UnderTest(const config::Config::BitcoinNode& at) : elsewhere(at) { open(); }

UnderTest::~UnderTest() { m_backend.reset(); }

void UnderTest::open() {
    auto node = appliance::Node::open(m_folder.path / "chain.db", m_folder.path / "blocks.dat", chain::test::testnet().params);
    REQUIRE(node);
    const auto now = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
    if (!m_node && !elsewhere) {
        m_backend = std::make_unique<appliance::EmbeddedBackend>(std::move(*node), now);
        return;
    }
    appliance::BitcoinBackend::Ports ports{now, [this] { ++tip_changes; }, [this](Failure f) { failure = std::move(f); }};
    m_backend = std::make_unique<appliance::BitcoinBackend>(m_loop, elsewhere ? *elsewhere : m_node->settings(), std::move(*node), std::move(ports));
}

void UnderTest::restart() {
    m_backend.reset();
    open();
}

bool UnderTest::eventually(const std::function<bool()>& ready) {
    constexpr int kPolls = 3'000;
    int left = kPolls;
    bus::Timer poll(m_loop, [&] {
        if (ready() || --left == 0) m_loop.stop();
    });
    if (ready()) return true;
    poll.every(10);
    m_loop.run();
    return ready();
}

namespace {
template <typename T>
Taken<T> never() {
    return tl::unexpected<NotTaken>({NotTaken::Why::unavailable, "no answer"});
}
}  // namespace

Taken<Accepted> UnderTest::submit(const Block& block) {
    std::optional<Taken<Accepted>> said;
    m_backend->submit_block(block, [&](const Taken<Accepted>& taken) { said = taken; });
    if (!eventually([&] { return said.has_value(); })) return never<Accepted>();
    return *said;
}

Taken<Hash256> UnderTest::submit(const Tx& tx) {
    std::optional<Taken<Hash256>> said;
    m_backend->submit_tx(tx, [&](const Taken<Hash256>& taken) { said = taken; });
    if (!eventually([&] { return said.has_value(); })) return never<Hash256>();
    return *said;
}

void UnderTest::submit_all(std::span<const Buffer> blocks) {
    for (const Buffer& raw : blocks) {
        const auto taken = submit(*decode_block(raw));
        REQUIRE_MESSAGE(taken, word_of(taken));
        REQUIRE(taken->best);
    }
}

}  // namespace giro::node_test
