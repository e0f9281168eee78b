// giro-explorer: the chain's public pages, read-only. Reads pub/blocks.dat and pub/bundle.json, verifies every block by
// itself, and answers HTTP. Holds no secret, takes no orders, writes nothing; no other program listens to it.
//
// Hostile: every byte from the network, and the blocks. What it cannot read or verify it does not show; it goes on
// showing what it has, says why in its log, and tries again.
#include <sys/resource.h>

#include "appliance/giro-explorer/service.hpp"

int main(int argc, char** argv) {
    // Whatever the public asks for, payments come first.
    constexpr int kNice = 10;
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, kNice));
    return giro::appliance::run("giro-explorer", "Public, read-only pages of the tier-1 chain.", argc, argv,
                                giro::appliance::ExplorerService::start);
}
