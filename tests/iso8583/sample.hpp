// Messages that several tests and the benchmark share.
#pragma once

#include "iso8583/codec.hpp"

namespace giro::iso8583 {

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

inline Buffer packed(const Dialect& dialect, const Message& message) {
    Buffer out(kFrameBytesMax);
    const auto size = pack(dialect, message, out);
    ASSERT(size.has_value());
    out.resize(*size);
    return out;
}

}  // namespace giro::iso8583
