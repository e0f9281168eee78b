#include "shed_memory.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace giro::gate {

std::uint64_t ShedMemory::mark_of(const PaymentRequest& request, std::uint32_t stan) {
    std::array<char, 64> key{};
    std::size_t at = 0;
    const auto put = [&](const void* from, std::size_t bytes) {
        std::memcpy(key.data() + at, from, bytes);
        at += bytes;
    };
    put(&request.connection, sizeof request.connection);
    put(&stan, sizeof stan);
    put(request.terminal.chars.data(), request.terminal.chars.size());
    put(request.rrn.chars.data(), request.rrn.chars.size());
    const std::uint64_t mark = std::hash<std::string_view>{}({key.data(), at});
    return (mark & ~kRefused) == 0 ? 2 : mark & ~kRefused;
}

// The one that it already is, else the oldest, makes room.
void ShedMemory::put(std::uint64_t mark) {
    Place& place = m_places[place_of(mark)];
    const auto same = [mark](std::uint64_t other) { return (other | kRefused) == (mark | kRefused); };
    const auto gone = std::find_if(place.begin(), std::prev(place.end()), same);
    std::move_backward(place.begin(), gone, std::next(gone));
    place.front() = mark;
}

void ShedMemory::note(const PaymentRequest& request) {
    const std::uint64_t mark = mark_of(request, request.stan);
    if (!has(mark)) put(mark | kRefused);
}

bool ShedMemory::has(std::uint64_t mark) const {
    const Place& place = m_places[place_of(mark)];
    return std::ranges::find(place, mark) != place.end();
}

bool ShedMemory::knows(const PaymentRequest& request) const { return has(mark_of(request, request.stan) | kRefused); }

// DE90: message type n 4, STAN n 6, ...; the receipt (DE37) is the original's.
bool ShedMemory::knows_original_of(const PaymentRequest& reversal) const {
    constexpr std::size_t kMti = 4, kStan = 6;
    const std::string_view original = reversal.original.view();
    if (original.size() < kMti + kStan) return false;
    std::uint32_t stan = 0;
    const auto digits = original.substr(kMti, kStan);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), stan);
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size() && has(mark_of(reversal, stan) | kRefused);
}

void ShedMemory::passed(const PaymentRequest& request) { put(mark_of(request, request.stan)); }

}  // namespace giro::gate
