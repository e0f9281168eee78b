// The frame every long-running program of the box stands in: arguments, configuration, lock, hardening, loop, signals,
// readiness. A program is a `start` function that opens its endpoints on the loop and returns what must stay alive.
//
//   giro-<name> [serve] --dir DIR
//
// Exit status as for `giro`: 0 ok, 2 usage or config, 3 not provisioned, 4 integrity, 75 try again. The supervisor
// (giro up) restarts a program that died, except after 2, 3 and 4, which a restart cannot mend.
#pragma once

#include <any>
#include <functional>
#include <memory>
#include <string>

#include "bus/endpoint.hpp"
#include "bus/loop.hpp"
#include "config/config.hpp"
#include "giro/result.hpp"

namespace giro::appliance {

struct Program {
    config::Paths paths;
    config::Config config;
    bus::Loop& loop;
    bus::Context& context;
    // Ends the loop; the program then exits with the failure's code after logging it.
    std::function<void(Failure)> fail;
    // What SIGTERM and SIGINT do, set by who needs time to end in order; empty: they end the loop. Who sets it ends the loop himself,
    // at the second signal at the latest.
    std::function<void()> stop{};
};

// Opens what the program needs. The returned object lives until the loop has ended, and is destroyed before it.
using Start = std::function<Result<std::shared_ptr<void>>(Program&)>;

// main() of a program: never throws, returns the exit status. `what` is one line for --help.
[[nodiscard]] int run(std::string name, std::string what, int argc, char** argv, const Start& start);

// No core dumps, no ptrace by others of the same user, files private to the user, dies with its supervisor.
void harden_process() noexcept;

}  // namespace giro::appliance
