// Messages for the gate's tests, packed by the shipped dialect.
#pragma once

#include "iso8583/codec.hpp"

namespace giro::gate {

inline const iso8583::Dialect& dialect() {
    static const iso8583::Dialect loaded =
        *iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    return loaded;
}

// A dialect of firmware-config/dialects by its name.
inline iso8583::Dialect shipped(const std::string& name) {
    return *iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/" + name + ".toml");
}

inline void fill_purchase(iso8583::Message& m) {
    m.clear();
    m.set_mti("0200");
    m.set(2, "9700010000000018");
    m.set(3, "000000");
    m.set_number(4, 2372, 12);
    m.set(7, "1122153000");
    m.set_number(11, 4711, 6);
    m.set(12, "163000");
    m.set(13, "1122");
    m.set(14, "2912");
    m.set(22, "011");
    m.set(25, "00");
    m.set(32, "970002");
    m.set(37, "632616004711");
    m.set(41, "T0000001");
    m.set(42, "M00000000000001");
    m.set(49, "963");
    m.set(64, "\x01\x02\x03\x04\x05\x06\x07\x08");
}

inline void fill_reversal(iso8583::Message& m) {
    fill_purchase(m);
    m.set_mti("0400");
    m.remove(64);
    m.set(90, "020000471111221530000000097000200000000000");
    m.set(128, "\x01\x02\x03\x04\x05\x06\x07\x08");
}

inline void fill_echo(iso8583::Message& m) {
    m.clear();
    m.set_mti("0800");
    m.set(7, "1122153000");
    m.set(11, "000001");
    m.set(41, "T0000001");
    m.set(70, "301");
    m.set(128, "\x01\x02\x03\x04\x05\x06\x07\x08");
}

inline void fill_reconciliation(iso8583::Message& m) {
    m.clear();
    m.set_mti("0500");
    m.set(7, "1122153000");
    m.set(11, "000099");
    m.set(12, "163000");
    m.set(13, "1122");
    m.set(32, "970002");
    m.set(41, "T0000001");
    m.set(97, "D0000000000002372");
    m.set(128, "\x01\x02\x03\x04\x05\x06\x07\x08");
}

inline Buffer packed(const iso8583::Message& message, const iso8583::Dialect& by = dialect()) {
    Buffer out(iso8583::kFrameBytesMax);
    const auto size = iso8583::pack(by, message, out);
    ASSERT(size.has_value());
    out.resize(*size);
    return out;
}

inline Buffer purchase() {
    iso8583::Message m;
    fill_purchase(m);
    return packed(m);
}

// With the length in front, as on the wire.
inline std::string framed(Bytes frame) {
    std::string out{static_cast<char>(frame.size() >> 8), static_cast<char>(frame.size() & 0xff)};
    return out.append(as_text(frame));
}

}  // namespace giro::gate
