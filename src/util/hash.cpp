#include "util/hash.hpp"

#include <botan/hash.h>

#include <bit>
#include <memory>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro {

namespace {
Botan::HashFunction& sha256_engine() {
    thread_local const std::unique_ptr<Botan::HashFunction> engine = Botan::HashFunction::create_or_throw("SHA-256");
    return *engine;
}

const std::uint8_t* raw(Bytes b) noexcept { return reinterpret_cast<const std::uint8_t*>(b.data()); }

constexpr std::uint32_t kCrc32cPolynomial = 0x82f63b78;  // reflected 0x1edc6f41

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(Bytes data) noexcept {
    std::uint64_t crc = 0xffffffff;
    while (data.size() >= 8) {
        crc = __builtin_ia32_crc32di(crc, load_le<std::uint64_t>(data.data()));
        data = data.subspan(8);
    }
    auto tail = static_cast<std::uint32_t>(crc);
    for (std::byte b : data) tail = __builtin_ia32_crc32qi(tail, std::to_integer<unsigned char>(b));
    return ~tail;
}

std::uint32_t crc32c_portable(Bytes data) noexcept {
    std::uint32_t crc = 0xffffffff;
    for (std::byte b : data) {
        crc ^= std::to_integer<std::uint32_t>(b);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? kCrc32cPolynomial : 0);
    }
    return ~crc;
}
}  // namespace

Hash256 sha256(Bytes data) {
    Hash256 out;
    auto& engine = sha256_engine();
    engine.update(raw(data), data.size());
    engine.final(reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}

Hash256 sha256(std::initializer_list<Bytes> parts) {
    Hash256 out;
    auto& engine = sha256_engine();
    for (Bytes part : parts) engine.update(raw(part), part.size());
    engine.final(reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}

Hash256 sha256d(Bytes data) { return sha256(sha256(data)); }

Hash160 hash160(Bytes data) {
    thread_local const std::unique_ptr<Botan::HashFunction> engine = Botan::HashFunction::create_or_throw("RIPEMD-160");
    const Hash256 inner = sha256(data);
    Hash160 out;
    engine->update(raw(inner), inner.size());
    engine->final(reinterpret_cast<std::uint8_t*>(out.data()));
    return out;
}

std::uint64_t siphash(const ByteArray<16>& key, Bytes data) noexcept {
    const auto k0 = load_le<std::uint64_t>(key.data());
    const auto k1 = load_le<std::uint64_t>(key.data() + 8);
    std::uint64_t v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d;
    std::uint64_t v2 = k0 ^ 0x6c7967656e657261, v3 = k1 ^ 0x7465646279746573;
    const auto round = [&] {
        v0 += v1; v1 = std::rotl(v1, 13); v1 ^= v0; v0 = std::rotl(v0, 32);
        v2 += v3; v3 = std::rotl(v3, 16); v3 ^= v2;
        v0 += v3; v3 = std::rotl(v3, 21); v3 ^= v0;
        v2 += v1; v1 = std::rotl(v1, 17); v1 ^= v2; v2 = std::rotl(v2, 32);
    };
    const std::uint64_t size = data.size();
    const auto absorb = [&](std::uint64_t word) { v3 ^= word; round(); round(); v0 ^= word; };
    while (data.size() >= 8) {
        absorb(load_le<std::uint64_t>(data.data()));
        data = data.subspan(8);
    }
    std::uint64_t last = size << 56;
    for (std::size_t i = 0; i < data.size(); ++i) last |= std::to_integer<std::uint64_t>(data[i]) << (8 * i);
    absorb(last);
    v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
}

std::uint32_t crc32c(Bytes data) noexcept {
    static const bool has_sse42 = __builtin_cpu_supports("sse4.2");
    return has_sse42 ? crc32c_sse42(data) : crc32c_portable(data);
}

}  // namespace giro
