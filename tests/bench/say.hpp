// What ./dev bench says while it works, and how it gives up. One line each, with the seconds since the start.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/bench/measure.hpp"

namespace bench {

inline const Steady::time_point kBegan = Steady::now();

inline void say(const std::string& line) {
    fmt::print(stderr, "   {:4.0f} s  {}\n", seconds_since(kBegan), line);
}

[[noreturn]] inline void give_up(const std::string& why) {
    fmt::print(stderr, "bench: {}\n", why);
    std::exit(1);
}

inline void need(bool condition, const std::string& what) {
    if (!condition) give_up(what);
}

}  // namespace bench
