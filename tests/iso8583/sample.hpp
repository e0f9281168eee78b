// Messages and dialects that several tests and the benchmark share.
#pragma once

#include <array>

#include "iso8583/canonical.hpp"
#include "iso8583/codec.hpp"

namespace giro::iso8583 {

// firmware-config/dialects, every file of it.
inline constexpr std::array kShippedDialects = {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"};

// `folder` is firmware-config/dialects. A mistake in a shipped file stops the test with its words.
inline Dialect shipped_dialect(const std::filesystem::path& folder, std::string_view name) {
    auto dialect = load_dialect(folder / (std::string(name) + ".toml"));
    if (!dialect) assertion_failed(dialect.error().what.c_str(), __FILE__, __LINE__);
    return std::move(*dialect);
}

// A purchase by card with 17 fields, the last of them the MAC.
inline void fill_purchase(Message& m) {
    m.clear();
    m.set_mti("0200");
    m.set(2, "5413330089020011");
    m.set(3, "000000");
    m.set_number(4, 2372, 12);
    m.set(7, "1122153000");
    m.set_number(11, 4711, 6);
    m.set(12, "163000");
    m.set(13, "1122");
    m.set(14, "2912");
    m.set(22, "051");
    m.set(25, "00");
    m.set(32, "12345678901");
    m.set(35, "5413330089020011=29122010123456789");
    m.set(37, "632616004711");
    m.set(41, "TERM0001");
    m.set(42, "SHOP00000000001");
    m.set(49, "978");
    m.set(64, "\x01\x02\x03\x04\x05\x06\x07\x08");
}

inline constexpr std::uint64_t kSampleTime_ns = 1'795'361'400'000'000'000;  // 2026-11-22 15:30:00 UTC

// The same purchase in any dialect's own terms.
inline void fill_purchase(const Dialect& dialect, Message& m) {
    m.clear();
    put_mti(dialect, m, "0200");
    m.set(2, "5413330089020011");
    m.set(3, "000000");
    put_amount(dialect, m, 2372, 978);
    m.set(7, "1122153000");
    put_stan(dialect, m, 4711);
    put_local_time(dialect, m, "163000", "1122", kSampleTime_ns);
    m.set(14, "2912");
    if (dialect.edition == Edition::y1987) {
        m.set(22, "051");
        m.set(25, "00");
    }
    m.set(32, "12345678901");
    m.set(35, "5413330089020011=29122010123456789");
    m.set(37, "632616004711");
    m.set(41, "TERM0001");
    m.set(42, "SHOP00000000001");
    m.set(64, "\x01\x02\x03\x04\x05\x06\x07\x08");
}

// What a chip sent: an amount, a cryptogram, the card's number and track 2, and a tag that nobody knows.
inline constexpr unsigned char kChipData[] = {
    0x9f, 0x02, 0x06, 0x00, 0x00, 0x00, 0x00, 0x23, 0x72, 0x9f, 0x26, 0x08, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
    0x5a, 0x08, 0x54, 0x13, 0x33, 0x00, 0x89, 0x02, 0x00, 0x11, 0x57, 0x11, 0x54, 0x13, 0x33, 0x00, 0x89, 0x02, 0x00, 0x11,
    0xd2, 0x91, 0x22, 0x01, 0x01, 0x23, 0x45, 0x67, 0x8f, 0xdf, 0x81, 0x29, 0x03, 0x01, 0x02, 0x03};
inline Bytes chip_data() { return as_bytes({reinterpret_cast<const char*>(kChipData), sizeof kChipData}); }

// The purchase with chip data, texts of its own and a reversal's fields: every kind of field that a dialect has.
inline void fill_everything(const Dialect& dialect, Message& m) {
    fill_purchase(dialect, m);
    put_mti(dialect, m, "0400");
    m.remove(64);
    m.set(43, dialect.edition == Edition::y2003 ? "\x01\x02" : "Corner shop              Zurich       CH");
    m.set(48, "a text");
    m.set(52, "PINBLOCK");
    m.set(55, chip_data());
    m.set(62, "01003abc7F000");
    m.set(63, "hQVDUFYwMQ==");
    put_original(dialect, m, {"0200", 4711, "1122153000", "163000", "1122", "12345678901"}, kSampleTime_ns);
    m.set(102, "978000123456");
    m.set(128, "\1\2\3\4\5\6\7\10");
}

inline Buffer packed(const Dialect& dialect, const Message& message) {
    Buffer out(kFrameBytesMax);
    const auto size = pack(dialect, message, out);
    if (!size) assertion_failed(size.error().text().c_str(), __FILE__, __LINE__);
    out.resize(*size);
    return out;
}

}  // namespace giro::iso8583
