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

// Everything that can be looked at. While the simulation runs only the journal and the ears are there.
struct Scene {
    Box& box;
    const Ears& ears;
    const Evidence& journal;
    const std::vector<host::Seen>* host = nullptr;      // at the end, once everything has come to rest
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

[[nodiscard]] const std::vector<std::unique_ptr<Invariant>>& invariants();

struct Violation {
    int invariant = 0;
    std::string sentence;
    std::string what;
};
// Of all of them.
[[nodiscard]] std::vector<Violation> check_all(const Scene& scene);

}  // namespace giro::sim
