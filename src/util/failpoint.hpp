// Named places at which a test kills a program, or has it lose a message: the steps between which a crash matters.
//
// They exist only in the programs of tests/failpoint, where the few files that have them are compiled a second time with
// GIRO_FAILPOINTS. In every other build both macros are nothing. tests/failpoint/points.hpp lists all names, and what
// recovery must lead to after each.
#pragma once

#ifdef GIRO_FAILPOINTS

namespace giro::failpoint {
// The program is killed here (SIGKILL) when a test has armed `name`, once.
void reached(const char* name) noexcept;
// True, once, when a test has armed `name`.
[[nodiscard]] bool fires(const char* name) noexcept;
}  // namespace giro::failpoint

#define GIRO_FAILPOINT(name) ::giro::failpoint::reached("failpoint:" name)
#define GIRO_FAILPOINT_LOSES(name) ::giro::failpoint::fires("failpoint:" name)

#else

#define GIRO_FAILPOINT(name) static_cast<void>(0)
#define GIRO_FAILPOINT_LOSES(name) false

#endif
