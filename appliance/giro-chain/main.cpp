// giro-chain: the embedded tier-1 node. Makes blocks that the vault signs, keeps chain.db and pub/blocks.dat, and
// answers giro-settle and the command line (bus/messages.hpp, 0x04xx).
//
// Hostile: every request and every tx in it. Holds no secret. Talks to the vault.
#include "appliance/giro-chain/service.hpp"

int main(int argc, char** argv) {
    return giro::appliance::run("giro-chain", "keeps the tier-1 chain and makes its blocks", argc, argv,
                                giro::appliance::ChainService::start);
}
