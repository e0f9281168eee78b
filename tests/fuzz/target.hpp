// What every fuzz target is: a parser of outside bytes, what it promises of whatever it accepts (ASSERTs), and seeds
// made by the product's own encoders. Two programs run the same targets:
//
//   test_fuzz  (replay_test.cpp)  every seed, each of its cuts and bit flips, and every file of corpus/<name>/: ./dev
//   test giro-fuzz  (libfuzzer.cpp)    one target under libFuzzer with ASan and UBSan: ./dev fuzz
//
// A finding's input goes into corpus/<name>/ under a name that says what it found, with the mend.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "giro/result.hpp"
#include "giro/types.hpp"
#include "util/bytes.hpp"

namespace giro::fuzz {

using Seeds = std::vector<Buffer>;

struct Target {
    std::string_view name;   // also the folder in corpus/
    std::string_view reads;  // which bytes, and whose
    void (*run)(Bytes input);
    Seeds (*seeds)();
    // How many cuts and flips of all its seeds together test_fuzz tries, spread evenly: what one try costs differs by
    // 10^4.
    std::size_t tries_max;
};
[[nodiscard]] std::span<const Target> targets() noexcept;

[[nodiscard]] inline Buffer owned(Bytes bytes) {
    return {bytes.begin(), bytes.end()};
}
[[nodiscard]] inline Buffer owned(std::string_view text) {
    return owned(as_bytes(text));
}
// `choice` in front: the byte by which a target with several parsers picks one.
[[nodiscard]] inline Buffer chosen(std::size_t choice, Bytes bytes) {
    Buffer out{static_cast<std::byte>(choice)};
    out.insert(out.end(), bytes.begin(), bytes.end());
    return out;
}
[[nodiscard]] inline Buffer chosen(std::size_t choice, std::string_view text) {
    return chosen(choice, as_bytes(text));
}
// That byte modulo `choices`, taken off the front of `input`; 0 when it is empty.
[[nodiscard]] inline std::size_t take_choice(Bytes& input, std::size_t choices) noexcept {
    if (input.empty()) return 0;
    const auto choice = std::to_integer<std::size_t>(input[0]) % choices;
    input = input.subspan(1);
    return choice;
}

}  // namespace giro::fuzz
