// Reading and writing bytes: hex, fixed-width integers in either order, and a bounded reader and writer.
// Reader is for hostile input: it never reads past its end, and once it has failed it stays failed.
#pragma once

#include <bit>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "giro/types.hpp"

namespace giro {

[[nodiscard]] std::string to_hex(Bytes bytes);  // lower case
// Nothing on an odd length or a character that is not a hexadecimal digit.
[[nodiscard]] std::optional<Buffer> from_hex(std::string_view hex);
// The same for a fixed size: nothing also when the size differs.
template <std::size_t N>
[[nodiscard]] std::optional<ByteArray<N>> array_from_hex(std::string_view hex) {
    auto bytes = from_hex(hex);
    if (!bytes || bytes->size() != N) return std::nullopt;
    ByteArray<N> out;
    std::memcpy(out.data(), bytes->data(), N);
    return out;
}
// Byte order reversed: how Bitcoin shows a hash to people.
[[nodiscard]] std::string to_hex_reversed(Bytes bytes);

// One move and at most a byte swap each: GCC 12 makes no such thing of a loop over the bytes, and every field of every
// message and entry passes through here.
namespace detail {
template <std::unsigned_integral T>
[[nodiscard]] constexpr T swapped_if(T value, bool swap) noexcept {
    if constexpr (sizeof(T) == 1) return value;
    else if constexpr (sizeof(T) == 2) return swap ? __builtin_bswap16(value) : value;
    else if constexpr (sizeof(T) == 4) return swap ? __builtin_bswap32(value) : value;
    else return swap ? __builtin_bswap64(value) : value;
}
inline constexpr bool kIsLittle = std::endian::native == std::endian::little;
}  // namespace detail

template <std::unsigned_integral T>
void store_le(std::byte* out, T value) noexcept {
    value = detail::swapped_if(value, !detail::kIsLittle);
    std::memcpy(out, &value, sizeof value);
}
template <std::unsigned_integral T>
void store_be(std::byte* out, T value) noexcept {
    value = detail::swapped_if(value, detail::kIsLittle);
    std::memcpy(out, &value, sizeof value);
}
template <std::unsigned_integral T>
[[nodiscard]] T load_le(const std::byte* in) noexcept {
    T value;
    std::memcpy(&value, in, sizeof value);
    return detail::swapped_if(value, !detail::kIsLittle);
}
template <std::unsigned_integral T>
[[nodiscard]] T load_be(const std::byte* in) noexcept {
    T value;
    std::memcpy(&value, in, sizeof value);
    return detail::swapped_if(value, detail::kIsLittle);
}

// Reads little-endian fields from the front. After the first short read every read gives zero and ok() is false:
// decode everything, then check ok() once.
class Reader {
  public:
    explicit Reader(Bytes bytes) noexcept : m_bytes(bytes) {}
    [[nodiscard]] bool ok() const noexcept { return m_ok; }
    [[nodiscard]] bool done() const noexcept { return m_ok && m_bytes.empty(); }  // everything read, nothing left over
    [[nodiscard]] std::size_t left() const noexcept { return m_bytes.size(); }
    void fail() noexcept { m_ok = false; m_bytes = {}; }

    template <std::unsigned_integral T>
    [[nodiscard]] T le() noexcept {
        Bytes b = take(sizeof(T));
        return b.empty() ? T{0} : load_le<T>(b.data());
    }
    [[nodiscard]] std::uint8_t u8() noexcept { return le<std::uint8_t>(); }
    [[nodiscard]] std::uint16_t u16() noexcept { return le<std::uint16_t>(); }
    [[nodiscard]] std::uint32_t u32() noexcept { return le<std::uint32_t>(); }
    [[nodiscard]] std::uint64_t u64() noexcept { return le<std::uint64_t>(); }
    [[nodiscard]] std::int64_t i64() noexcept { return static_cast<std::int64_t>(u64()); }
    [[nodiscard]] Bytes take(std::size_t n) noexcept {  // a view of the next n bytes
        if (!m_ok || n > m_bytes.size()) {
            fail();
            return {};
        }
        const Bytes front(m_bytes.data(), n);
        m_bytes = Bytes(m_bytes.data() + n, m_bytes.size() - n);
        return front;
    }
    template <std::size_t N>
    [[nodiscard]] ByteArray<N> array() noexcept {
        ByteArray<N> out{};
        Bytes b = take(N);
        if (b.size() == N) std::memcpy(out.data(), b.data(), N);
        return out;
    }
    template <std::size_t N>
    [[nodiscard]] FixedText<N> text() noexcept {
        Bytes b = take(N);
        FixedText<N> out;
        if (b.size() == N) std::memcpy(out.chars.data(), b.data(), N);
        return out;
    }
    [[nodiscard]] Bytes var16() noexcept { return take(u16()); }  // u16 length, then that many bytes
    [[nodiscard]] Bytes var32() noexcept { return take(u32()); }  // u32 length, then that many bytes
    [[nodiscard]] Id128 id128() noexcept { const auto hi = u64(); return {hi, u64()}; }

  private:
    Bytes m_bytes;
    bool m_ok = true;
};

// Appends little-endian fields to a Buffer that the caller owns.
class Writer {
  public:
    explicit Writer(Buffer& out) noexcept : m_out(out) {}
    template <std::unsigned_integral T>
    void le(T value) {
        const auto at = m_out.size();
        m_out.resize(at + sizeof(T));
        store_le(m_out.data() + at, value);
    }
    void u8(std::uint8_t v) { m_out.push_back(static_cast<std::byte>(v)); }
    void u16(std::uint16_t v) { le(v); }
    void u32(std::uint32_t v) { le(v); }
    void u64(std::uint64_t v) { le(v); }
    void i64(std::int64_t v) { le(static_cast<std::uint64_t>(v)); }
    void bytes(Bytes b) { m_out.insert(m_out.end(), b.data(), b.data() + b.size()); }
    template <std::size_t N>
    void text(const FixedText<N>& t) { bytes(std::as_bytes(std::span(t.chars))); }
    void var16(Bytes b);  // ASSERTs that it fits
    void var32(Bytes b);
    void id128(Id128 id) { u64(id.hi); u64(id.lo); }
    [[nodiscard]] Buffer& out() noexcept { return m_out; }

  private:
    Buffer& m_out;
};

}  // namespace giro
