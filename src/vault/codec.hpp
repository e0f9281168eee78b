// How the vault's messages become bytes: Encoder and Decoder have the same calls, and fields() is written once for both
// (wire.cpp, payment_wire.cpp). Included by those two alone.
//
// Hostile: what a Decoder reads. Once it has failed it stays failed, and nothing is allocated for a count without bytes.
#pragma once

#include <algorithm>
#include <array>

#include "giro/result.hpp"
#include "util/bytes.hpp"
#include "vault/wire.hpp"

namespace giro::vault {

class Encoder {
  public:
    explicit Encoder(Buffer& out) noexcept : m_w(out) {}
    template <std::unsigned_integral T>
    void integer(const T& v) { m_w.le(v); }
    void integer(const std::int64_t& v) { m_w.i64(v); }
    void flag(bool v) { m_w.u8(v ? 1 : 0); }
    template <std::size_t N>
    void array(const ByteArray<N>& v) { m_w.bytes(v); }
    template <std::size_t N>
    void text(const FixedText<N>& v) { m_w.text(v); }
    void view(Bytes v, std::size_t bytes_max) {
        ASSERT(v.size() <= bytes_max);
        m_w.var32(v);
    }
    void buffer(const Buffer& v, std::size_t bytes_max) { view(v, bytes_max); }
    void string(const std::string& v, std::size_t bytes_max) { view(as_bytes(v), bytes_max); }
    void secret(const Secret& v, std::size_t size) {
        ASSERT(v.size() == size);
        m_w.bytes(v.reveal());
    }
    void secret_var(const Secret& v, std::size_t bytes_max) { view(v.reveal(), bytes_max); }
    // An enumeration in one byte.
    template <typename E, std::size_t N>
    void one_of(const E& v, const std::array<E, N>&) {
        m_w.u8(static_cast<std::uint8_t>(v));
    }
    void pan(const Pan& v) {
        FixedText<Pan::kDigitsMax> digits(v.reveal());
        m_w.text(digits);
        wipe(std::as_writable_bytes(std::span(digits.chars)));
    }
    void role(CertificateRole v) { m_w.u8(static_cast<std::uint8_t>(v)); }
    template <typename T, typename Each>
    void list(const std::vector<T>& v, std::size_t items_max, Each&& each) {
        ASSERT(v.size() <= items_max);
        m_w.u16(static_cast<std::uint16_t>(v.size()));
        for (const T& item : v) each(item);
    }
    void flags(const std::vector<bool>& v, std::size_t items_max) {
        ASSERT(v.size() <= items_max);
        m_w.u16(static_cast<std::uint16_t>(v.size()));
        for (const bool b : v) flag(b);
    }

  private:
    Writer m_w;
};

class Decoder {
  public:
    explicit Decoder(Bytes in) noexcept : m_r(in) {}
    [[nodiscard]] bool done() const noexcept { return m_r.done(); }
    template <std::unsigned_integral T>
    void integer(T& v) { v = m_r.le<T>(); }
    void integer(std::int64_t& v) { v = m_r.i64(); }
    void flag(bool& v) {
        const auto raw = m_r.u8();
        if (raw > 1) m_r.fail();
        v = raw == 1;
    }
    template <std::size_t N>
    void array(ByteArray<N>& v) { v = m_r.array<N>(); }
    template <std::size_t N>
    void text(FixedText<N>& v) { v = m_r.text<N>(); }
    void view(Bytes& v, std::size_t bytes_max) {
        v = m_r.var32();
        if (v.size() > bytes_max) m_r.fail();
    }
    void buffer(Buffer& v, std::size_t bytes_max) {
        Bytes raw;
        view(raw, bytes_max);
        if (m_r.ok()) v.assign(raw.begin(), raw.end());
    }
    void string(std::string& v, std::size_t bytes_max) {
        Bytes raw;
        view(raw, bytes_max);
        if (m_r.ok()) v = as_text(raw);
    }
    void secret(Secret& v, std::size_t size) {
        const Bytes raw = m_r.take(size);
        if (m_r.ok()) v = Secret(Buffer(raw.begin(), raw.end()));
    }
    void secret_var(Secret& v, std::size_t bytes_max) {
        Bytes raw;
        view(raw, bytes_max);
        if (m_r.ok()) v = Secret(Buffer(raw.begin(), raw.end()));
    }
    template <typename E, std::size_t N>
    void one_of(E& v, const std::array<E, N>& allowed) {
        v = static_cast<E>(m_r.u8());
        if (std::find(allowed.begin(), allowed.end(), v) == allowed.end()) m_r.fail();
    }
    void pan(Pan& v) {
        auto raw = m_r.text<Pan::kDigitsMax>();
        const auto digits = raw.view();
        const auto parsed = Pan::parse(digits);
        if (parsed) v = *parsed;
        const bool padded =
            std::all_of(raw.chars.begin() + digits.size(), raw.chars.end(), [](char c) { return c == 0; });
        if (!padded || (!digits.empty() && !parsed)) m_r.fail();
        wipe(std::as_writable_bytes(std::span(raw.chars)));
    }
    void role(CertificateRole& v) {
        const auto raw = m_r.u8();
        if (raw < 1 || raw > 3) m_r.fail();
        v = static_cast<CertificateRole>(raw);
    }
    // Items are read one by one, so that a count without its bytes allocates nothing.
    template <typename T, typename Each>
    void list(std::vector<T>& v, std::size_t items_max, Each&& each) {
        const std::size_t count = m_r.u16();
        if (count > items_max) m_r.fail();
        for (std::size_t i = 0; i < count && m_r.ok(); ++i) each(v.emplace_back());
    }
    void flags(std::vector<bool>& v, std::size_t items_max) {
        const std::size_t count = m_r.u16();
        if (count > items_max) m_r.fail();
        for (std::size_t i = 0; i < count && m_r.ok(); ++i) {
            bool b = false;
            flag(b);
            v.push_back(b);
        }
    }

  private:
    Reader m_r;
};

// fields(Encoder or Decoder, Message&) is found where the Message is declared: in this namespace.
template <typename Message>
void encode(Buffer& out, const Message& message) {
    Encoder encoder(out);
    fields(encoder, const_cast<Message&>(message));  // an Encoder only reads
}

template <typename Message>
std::optional<Message> decode(Bytes body) {
    Decoder decoder(body);
    std::optional<Message> message(std::in_place);
    fields(decoder, *message);
    if (!decoder.done()) message.reset();
    return message;
}

#define GIRO_VAULT_MESSAGE(Message)                          \
    template void encode<Message>(Buffer&, const Message&); \
    template std::optional<Message> decode<Message>(Bytes);
#define GIRO_VAULT_VERB(Verb)          \
    GIRO_VAULT_MESSAGE(Verb::Request) \
    GIRO_VAULT_MESSAGE(Verb::Reply)

}  // namespace giro::vault
