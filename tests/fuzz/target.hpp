// What every fuzz target shares: bytes in, and a promise that must hold for whatever was accepted.
#pragma once

#include <cstdlib>

#include "giro/types.hpp"

namespace fuzz {

inline giro::Bytes bytes(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const std::byte*>(data), size}; }
inline std::string_view text(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }
inline void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
