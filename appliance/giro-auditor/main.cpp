// giro-auditor: replays the journal from its first entry in a second copy of the state, checks the invariants as it goes,
// has the vault sign checkpoints of the journal, and compares the switch's snapshot with its own state.
// Holds no key and changes nothing but auditor/checkpoints.jsonl. Hostile input: the journal's file and switch/snapshot.
// When an invariant fails, or the snapshot is not the state the journal leads to, it says which entry and exits 4: the
// supervisor stops the box. When the vault does not sign, it exits 75: an operator sees it restart, and why.
#include "appliance/giro-auditor/auditor.hpp"

int main(int argc, char** argv) {
    return giro::appliance::run("giro-auditor", "Replays and checks the journal; signs checkpoints.", argc, argv,
                                giro::appliance::start_auditor);
}
