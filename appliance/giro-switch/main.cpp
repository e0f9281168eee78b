// giro-switch: decides each payment, writes it down, answers. The journal's only writer.
// Holds no key. Hostile input: frames from the gate, commands from the callers of run/switch.*, the journal's own file.
// If the disk fails it exits at once; if the journal was changed it does not start and names the entry.
#include "appliance/giro-switch/service.hpp"
#include "appliance/short_slices.hpp"

int main(int argc, char** argv) {
    giro::appliance::ask_for_short_slices();
    return giro::appliance::run("giro-switch", "Decides payments and keeps the journal.", argc, argv,
                                giro::appliance::start_switch);
}
