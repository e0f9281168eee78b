#include "util/secret.hpp"

#include <string.h>

#include <utility>

namespace giro {

void wipe(MutableBytes bytes) noexcept {
    if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

bool equal_constant_time(Bytes a, Bytes b) noexcept {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference |= std::to_integer<unsigned>(a[i] ^ b[i]);
    return difference == 0;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe(m_bytes);
        m_bytes = std::move(other.m_bytes);
    }
    return *this;
}

}  // namespace giro
