// The invariants of the system as named checkers, one class each (README and SECURITY.md live by them). A checker looks
// at what can be seen from outside the programs: what was heard on the wire, what lies on the disks, what is on the
// chain. It knows nothing of the programs' memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "appliance/giro/host_issuer.hpp"
#include "chain/chain_state.hpp"
#include "hsm/vault.hpp"
#include "tests/sim/box.hpp"
#include "tests/sim/evidence.hpp"
#include "tests/sim/heard.hpp"

namespace giro::sim {

// What the host of one link has seen, in that order, and said.
struct HostBooks {
    std::uint16_t link = 0;
    const std::vector<host::Seen>* seen = nullptr;
};

// Everything that can be looked at. While the simulation runs only the journal, the ears and the hosts are there.
struct Scene {
    Box& box;
    const Ears& ears;
    const Evidence& journal;
    std::vector<HostBooks> hosts{};                     // as of now
    const chain::ChainState* chain = nullptr;           // at the end
    const chain::ChainState* second_chain = nullptr;    // at the end
    const std::string* logs = nullptr;                  // at the end
    const std::vector<std::string>* secrets = nullptr;  // at the end
    bool at_rest = false;                               // every payment has come to its end
};

class Invariant {
  public:
    virtual ~Invariant() = default;
    [[nodiscard]] virtual int number() const = 0;  // in the list of invariants; 0: beyond it
    [[nodiscard]] virtual std::string_view sentence() const = 0;
    // One line for each way in which it is broken, a few at most.
    virtual void check(const Scene& scene, std::vector<std::string>& broken) const = 0;
};

using Invariants = std::vector<std::unique_ptr<Invariant>>;
[[nodiscard]] const Invariants& invariants();
// invariants_*.cpp, each for a question of its own.
void add_payment_invariants(Invariants& all);
void add_card_invariants(Invariants& all);
void add_money_invariants(Invariants& all);
void add_record_invariants(Invariants& all);
void add_issuer_invariants(Invariants& all);

struct Violation {
    int invariant = 0;
    std::string sentence;
    std::string what;
};
// Of all of them.
[[nodiscard]] std::vector<Violation> check_all(const Scene& scene);

}  // namespace giro::sim
