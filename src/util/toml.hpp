// toml++ as Giro uses it: include this, never <toml++/toml.h>. Takes seconds to compile: in .cpp files alone.
//
// Its parser asserts what a file's bytes can break (a table header such as [+x] ended the program, tests/fuzz found)
// where the line behind the assertion reports the very same as a parse error. So its assertions are off; its memory is
// watched by AddressSanitizer in tests/fuzz (targets config_file and iso8583_dialect).
#pragma once

#ifdef TOML_ASSERT
#error "toml++ was included before util/toml.hpp"
#endif
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>
