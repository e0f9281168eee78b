#include "tests/sim/invariants.hpp"

namespace giro::sim {

const Invariants& invariants() {
    static const Invariants all = [] {
        Invariants made;
        for (const auto add : {add_payment_invariants, add_card_invariants, add_money_invariants, add_record_invariants, add_issuer_invariants})
            add(made);
        return made;
    }();
    return all;
}

std::vector<Violation> check_all(const Scene& scene) {
    std::vector<Violation> violations;
    for (const auto& invariant : invariants()) {
        std::vector<std::string> broken;
        invariant->check(scene, broken);
        for (const auto& what : broken)
            violations.push_back({invariant->number(), std::string(invariant->sentence()), what});
    }
    return violations;
}

}  // namespace giro::sim
