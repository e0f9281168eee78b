// Which payments the gate has refused for want of time: their repeats are the switch's first sight of them, and no more
// than a new payment. Of a fixed size: where too many fall into one place, the oldest is forgotten, and its repeat
// counts as one that is never shed. Hostile: what a mark is made of is from unproved messages; its connection is in it,
// so nobody's repeats are told by what another connection sent, and whoever pushes another's mark out of its place has
// that one's repeats served.
#pragma once

#include <array>
#include <vector>

#include "giro/request.hpp"

namespace giro::gate {

class ShedMemory {
  public:
    static constexpr std::size_t kWays = 4;          // of one place
    static constexpr std::size_t kPlaces = 131'072;  // 4 MiB in all; a till that was refused asks again within seconds

    ShedMemory() : m_places(kPlaces) {}

    // `request` was refused on its connection. Nothing, where it had been passed on already: it came twice.
    void note(const PaymentRequest& request);
    // It, or what it repeats, was refused on its connection and has not been passed on since.
    [[nodiscard]] bool knows(const PaymentRequest& request) const;
    // What this reversal (0400) names was refused on its connection and has not been passed on.
    [[nodiscard]] bool knows_original_of(const PaymentRequest& reversal) const;
    // It goes to the switch: from now on its repeats are repeats.
    void passed(const PaymentRequest& request);

  private:
    using Place = std::array<std::uint64_t, kWays>;  // newest first; 0: none; a mark with kRefused, or passed on
    static constexpr std::uint64_t kRefused = 1;
    // Of `stan` in place of the request's; never 0, and without kRefused.
    [[nodiscard]] static std::uint64_t mark_of(const PaymentRequest& request, std::uint32_t stan);
    [[nodiscard]] bool has(std::uint64_t mark) const;
    void put(std::uint64_t mark);
    [[nodiscard]] static std::size_t place_of(std::uint64_t mark) noexcept { return (mark >> 1) % kPlaces; }

    std::vector<Place> m_places;
};

}  // namespace giro::gate
