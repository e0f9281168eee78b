// How Giro's functions report: Expected for what can go wrong outside, ASSERT for what must never be.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace giro {

// An expected failure (bad message, decline, busy) is a value of the module's own enum E.
template <typename T, typename E>
using Expected = tl::expected<T, E>;

// A failure that a person reads: one line, says what is wrong and what to do. `exit_code` is what `giro` exits with.
struct Failure {
    enum class Kind { refused = 1, config = 2, not_provisioned = 3, integrity = 4, try_again = 75 };
    Kind kind = Kind::refused;
    std::string what;
    [[nodiscard]] int exit_code() const noexcept { return static_cast<int>(kind); }
};

// Either a T or a Failure for the operator.
template <typename T>
using Result = tl::expected<T, Failure>;

[[nodiscard]] inline tl::unexpected<Failure> fail(Failure::Kind kind, std::string what) {
    return tl::unexpected<Failure>(Failure{kind, std::move(what)});
}

// Prints the failed condition with its place and aborts. Called by ASSERT only.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace giro

// A bug if false. Always compiled in: a switch that is wrong must stop, not go on.
#define ASSERT(condition) \
    (static_cast<bool>(condition) ? static_cast<void>(0) : ::giro::assertion_failed(#condition, __FILE__, __LINE__))
