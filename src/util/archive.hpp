// One description of a layout serves encoder and decoder: `void fields(auto& a, T& t) { a(t.x, t.y); }`.
// Integers little-endian, bool one byte of 0 or 1, fixed texts and arrays as they are, Buffer as var16, vectors as u16 count and items.
// Decoding is for hostile bytes: enums are checked against their kLast, counts against what is left.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro {

template <typename E>
concept CheckedEnum = std::is_enum_v<E> && requires { E::kLast; };  // values 1..kLast are valid

class Encoder {
  public:
    explicit Encoder(Buffer& out) noexcept : m_out(out) {}
    template <typename... T>
    void operator()(const T&... values) { (put(values), ...); }

  private:
    Writer m_out;
    template <std::unsigned_integral T>
        requires(!std::same_as<T, bool>)
    void put(T v) { m_out.le(v); }
    void put(std::int64_t v) { m_out.i64(v); }
    void put(bool v) { m_out.u8(v ? 1 : 0); }
    template <CheckedEnum E>
    void put(E v) { m_out.le(static_cast<std::make_unsigned_t<std::underlying_type_t<E>>>(v)); }
    template <std::size_t N>
    void put(const FixedText<N>& v) { m_out.text(v); }
    template <std::size_t N>
    void put(const ByteArray<N>& v) { m_out.bytes(v); }
    void put(Id128 v) { m_out.id128(v); }
    void put(const Amount& v) { m_out.i64(v.minor); m_out.u16(v.currency); }
    void put(const Buffer& v) { m_out.var16(v); }
    template <typename T>
    void put(const std::vector<T>& v) {
        ASSERT(v.size() <= 0xffff);
        m_out.u16(static_cast<std::uint16_t>(v.size()));
        for (const T& item : v) put(item);
    }
    template <typename T>
        requires requires(Encoder& e, T& t) { fields(e, t); }
    void put(const T& v) { fields(*this, const_cast<T&>(v)); }  // fields() only reads when given an Encoder
};

class Decoder {
  public:
    explicit Decoder(Bytes in) noexcept : m_in(in) {}
    template <typename... T>
    void operator()(T&... values) { (get(values), ...); }
    [[nodiscard]] bool ok() const noexcept { return m_in.ok(); }
    [[nodiscard]] bool done() const noexcept { return m_in.done(); }

  private:
    Reader m_in;
    template <std::unsigned_integral T>
        requires(!std::same_as<T, bool>)
    void get(T& v) { v = m_in.le<T>(); }
    void get(std::int64_t& v) { v = m_in.i64(); }
    void get(bool& v) {
        const std::uint8_t byte = m_in.u8();
        if (byte > 1) m_in.fail();
        v = byte == 1;
    }
    template <CheckedEnum E>
    void get(E& v) {
        const auto number = m_in.le<std::make_unsigned_t<std::underlying_type_t<E>>>();
        if (number < 1 || number > static_cast<std::underlying_type_t<E>>(E::kLast)) m_in.fail();
        v = static_cast<E>(number);
    }
    template <std::size_t N>
    void get(FixedText<N>& v) { v = m_in.text<N>(); }
    template <std::size_t N>
    void get(ByteArray<N>& v) { v = m_in.array<N>(); }
    void get(Id128& v) { v = m_in.id128(); }
    void get(Amount& v) { v.minor = m_in.i64(); v.currency = m_in.u16(); }
    void get(Buffer& v) {
        const Bytes b = m_in.var16();
        v.assign(b.begin(), b.end());
    }
    template <typename T>
    void get(std::vector<T>& v) {
        const std::size_t count = m_in.u16();
        v.clear();
        for (std::size_t i = 0; i < count && m_in.left() > 0; ++i) get(v.emplace_back());
        if (v.size() != count) m_in.fail();
    }
    template <typename T>
        requires requires(Decoder& d, T& t) { fields(d, t); }
    void get(T& v) { fields(*this, v); }
};

// The whole of `bytes` as a T, or nothing.
template <typename T>
[[nodiscard]] std::optional<T> decode(Bytes bytes) {
    T value;
    Decoder in(bytes);
    in(value);
    if (!in.done()) return std::nullopt;
    return value;
}
template <typename T>
[[nodiscard]] Buffer encode(const T& value) {
    Buffer out;
    out.reserve(512);  // most messages and entries: one allocation
    Encoder encoder(out);
    encoder(value);
    return out;
}

}  // namespace giro
