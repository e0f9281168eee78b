// A clear secret of fixed size on the stack: wiped when it goes. giro-vault locks all its memory (service.cpp), so it
// never reaches a swap device either.
#pragma once

#include "util/secret.hpp"

namespace giro::hsm {

template <std::size_t N>
class Wiped {
  public:
    Wiped() = default;
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;
    ~Wiped() { wipe(m_bytes); }
    [[nodiscard]] Bytes reveal() const noexcept { return m_bytes; }
    [[nodiscard]] MutableBytes writable() noexcept { return m_bytes; }
    [[nodiscard]] std::byte& operator[](std::size_t i) noexcept { return m_bytes[i]; }
    [[nodiscard]] std::byte operator[](std::size_t i) const noexcept { return m_bytes[i]; }
    static constexpr std::size_t size() noexcept { return N; }

  private:
    ByteArray<N> m_bytes{};
};

// out ^= mask, byte by byte. Sizes must be equal (ASSERTed by the caller's types or spans).
inline void xor_into(MutableBytes out, Bytes mask) noexcept {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= mask[i];
}

}  // namespace giro::hsm
