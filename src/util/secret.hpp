// Memory that held a secret is wiped before it is given back.
#pragma once

#include "giro/types.hpp"

namespace giro {

// Overwrites with zeros; the compiler may not leave it out.
void wipe(MutableBytes bytes) noexcept;
// Compares in time that depends on the sizes only.
[[nodiscard]] bool equal_constant_time(Bytes a, Bytes b) noexcept;

// Bytes that can be moved but not copied or printed, and wipe themselves.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::size_t size) : m_bytes(size) {}
    explicit Secret(Buffer&& bytes) noexcept : m_bytes(std::move(bytes)) {}
    Secret(Secret&& other) noexcept : m_bytes(std::move(other.m_bytes)) {}
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { wipe(m_bytes); }
    [[nodiscard]] Bytes reveal() const noexcept { return m_bytes; }
    [[nodiscard]] MutableBytes writable() noexcept { return m_bytes; }
    [[nodiscard]] std::size_t size() const noexcept { return m_bytes.size(); }
    [[nodiscard]] bool empty() const noexcept { return m_bytes.empty(); }

  private:
    Buffer m_bytes;
};

}  // namespace giro
