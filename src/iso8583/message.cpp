#include "iso8583/message.hpp"

#include <charconv>

#include "util/secret.hpp"

namespace giro::iso8583 {

static_assert(kArenaBytes <= UINT16_MAX, "slots hold 16-bit offsets into the arena");
static_assert(kFrameBytesMax <= UINT16_MAX, "slots hold 16-bit offsets into the frame");

namespace {
constexpr std::byte kTpduIdentifier{0x60};  // of transactions; the addresses follow
}

void Message::set_header(Bytes header) noexcept {
    ASSERT(header.size() == m_header.size());
    std::memcpy(m_header.data(), header.data(), m_header.size());
}

void Message::answer_header(const Message& request) noexcept {
    const auto& in = request.m_header;
    m_header = {in[0], in[3], in[4], in[1], in[2]};
}

void Message::clear() noexcept {
    m_mti = {'0', '0', '0', '0'};
    m_header = {kTpduIdentifier};
    m_present = {};
    m_frame = {};
    wipe(MutableBytes(m_arena).first(m_arena_used));
    m_arena_used = 0;
    m_overflowed = false;
}

void Message::set_mti(std::string_view mti) noexcept {
    ASSERT(mti.size() == m_mti.size());
    std::memcpy(m_mti.data(), mti.data(), m_mti.size());
}

Bytes Message::bytes(unsigned n) const noexcept {
    if (n < 2 || !has(n)) return {};
    const Slot slot = m_slots[n];
    if (slot.in_arena) return Bytes(m_arena).subspan(slot.offset, slot.length);
    return {m_frame.data() + slot.offset, slot.length};
}

std::string_view Message::trimmed(unsigned n) const noexcept {
    std::string_view text = field(n);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

std::optional<std::uint64_t> Message::number(unsigned n) const noexcept {
    constexpr std::size_t kDigitsMax = 18;  // always fits in 64 bits
    const std::string_view text = field(n);
    if (text.empty() || text.size() > kDigitsMax) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::byte* Message::reserve(std::size_t size) noexcept {
    if (size > m_arena.size() - m_arena_used) {
        m_overflowed = true;
        return nullptr;
    }
    std::byte* at = m_arena.data() + m_arena_used;
    m_arena_used += size;
    return at;
}

void Message::set(unsigned n, Bytes value) noexcept {
    ASSERT(n >= 2 && n <= kFieldMax);
    Slot& slot = m_slots[n];
    const bool reuse = has(n) && slot.in_arena && slot.length >= value.size();
    std::byte* at = reuse ? m_arena.data() + slot.offset : reserve(value.size());
    if (at == nullptr) return;
    if (!value.empty()) std::memmove(at, value.data(), value.size());  // may be this message's own bytes
    slot = {static_cast<std::uint16_t>(at - m_arena.data()), static_cast<std::uint16_t>(value.size()), 0, true};
    mark(n);
    if (n > 64) mark(1);
}

void Message::set_number(unsigned n, std::uint64_t value, unsigned digits) noexcept {
    std::array<char, 20> text;  // 2^64 has 20 digits
    ASSERT(digits >= 1 && digits <= text.size());
    for (std::size_t i = digits; i-- > 0; value /= 10) text[i] = static_cast<char>('0' + value % 10);
    ASSERT(value == 0);
    set(n, std::string_view(text.data(), digits));
}

void Message::copy(unsigned n, const Message& from) noexcept {
    if (from.has(n)) set(n, from.bytes(n));
}

void Message::echo(unsigned n, const Message& from) noexcept {
    if (!from.has(n)) return;
    const Slot& slot = from.m_slots[n];
    if (slot.in_arena) return set(n, from.bytes(n));
    ASSERT(m_frame.empty() || m_frame.data() == from.m_frame.data());
    m_frame = from.m_frame;
    m_slots[n] = slot;
    m_slots[n].echoed = true;
    mark(n);
    if (n > 64) mark(1);
}

void Message::remove(unsigned n) noexcept {
    ASSERT(n >= 2 && n <= kFieldMax);
    m_present[(n - 1) / 64] &= ~(std::uint64_t{1} << (63 - (n - 1) % 64));
    if (m_present[1] == 0) m_present[0] &= ~(std::uint64_t{1} << 63);
}

}  // namespace giro::iso8583
