// giro-gate: the box's door to the network. Terminals and issuers by ISO 8583, wallets by HTTPS; everything readable
// goes to the switch, everything from the switch goes out. Holds no secret (the TLS key is in the vault) and writes
// nothing; reads etc/ and pub/ once. Hostile: every byte from the network. Without the switch it stops reading; without
// the vault new TLS connections fail and the rest goes on.
#include "appliance/short_slices.hpp"
#include "service.hpp"

int main(int argc, char** argv) {
    giro::appliance::ask_for_short_slices();
    return giro::appliance::run("giro-gate", "Giro's gate: terminals, issuers' hosts and wallets come in here", argc,
                                argv, giro::gate::start);
}
