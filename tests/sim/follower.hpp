// The second chain node: follows the first one's blocks over its bus and accepts each by the product's own rules into
// its own chain.db. What two nodes agree on is what anybody outside the box would see.
#pragma once

#include "appliance/giro-chain/node.hpp"
#include "appliance/giro-settle/requests.hpp"
#include "appliance/skeleton.hpp"
#include "util/environment.hpp"

namespace giro::sim {

class Follower {
  public:
    [[nodiscard]] static Result<std::shared_ptr<void>> start(appliance::Program& program);
    [[nodiscard]] static std::filesystem::path database(const config::Paths& paths) {
        return paths.root / "chain2" / "chain.db";
    }

  private:
    Follower(appliance::Program& program, appliance::Node node);
    void ask();
    void take(Bytes raw);

    appliance::Program& m_program;
    SystemClock m_clock;
    appliance::Node m_node;
    std::unique_ptr<settle::Requests> m_chain;
    bus::Timer m_timer;
    bool m_asked = false;
};

}  // namespace giro::sim
