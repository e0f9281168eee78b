#include "shed_memory.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace giro::gate {

std::uint64_t ShedMemory::mark_of(const PaymentRequest& request) {
    std::array<char, 64> key{};
    std::size_t at = 0;
    const auto put = [&](const void* from, std::size_t bytes) {
        std::memcpy(key.data() + at, from, bytes);
        at += bytes;
    };
    put(&request.connection, sizeof request.connection);
    put(&request.stan, sizeof request.stan);
    put(request.terminal.chars.data(), request.terminal.chars.size());
    put(request.rrn.chars.data(), request.rrn.chars.size());
    const std::uint64_t mark = std::hash<std::string_view>{}({key.data(), at});
    return mark == 0 ? 1 : mark;
}

void ShedMemory::note(const PaymentRequest& request) {
    const std::uint64_t mark = mark_of(request);
    Place& place = m_places[place_of(mark)];
    // The one that it already is, else the oldest, makes room.
    const auto gone = std::find(place.begin(), std::prev(place.end()), mark);
    std::move_backward(place.begin(), gone, std::next(gone));
    place.front() = mark;
}

bool ShedMemory::knows(const PaymentRequest& request) const {
    const std::uint64_t mark = mark_of(request);
    return std::ranges::find(m_places[place_of(mark)], mark) != m_places[place_of(mark)].end();
}

void ShedMemory::passed(const PaymentRequest& request) {
    const std::uint64_t mark = mark_of(request);
    std::ranges::replace(m_places[place_of(mark)], mark, std::uint64_t{0});
}

}  // namespace giro::gate
