// What the tests of the simulators share: the shipped dialect, a fixed key, hand-turned clocks, and an independent MAC.
#pragma once

#include <vector>

#include "appliance/giro/terminal.hpp"
#include "vault/terminal_keys.hpp"

namespace giro::test {

inline const iso8583::Dialect& dialect() {
    static const auto loaded = iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    return *loaded;
}

inline Secret tmk(std::uint8_t first = 0x10) {
    Secret key(vault::kTerminalKeyBytes);
    for (std::size_t i = 0; i < key.size(); ++i) key.writable()[i] = static_cast<std::byte>(first + i);
    return key;
}

inline const pos::Identity kWho{TerminalId("T0000001"), MerchantId("M00000000000001"), AcquirerId("970002"), 963};

class CountingRandom final : public Random {
  public:
    void fill(MutableBytes out) override {
        for (std::byte& b : out) b = static_cast<std::byte>(++m_last);
    }

  private:
    std::uint8_t m_last = 0;
};

inline std::string text_of(Bytes bytes) { return std::string(as_text(bytes)); }

// The box's side, written anew: an answer with the given fields, MACed with vault::mac8.
struct Field {
    unsigned number;
    std::string value;
};
inline Buffer answer(const std::string& mti, const std::vector<Field>& fields, const Secret* key, unsigned mac_field = 64,
                     const iso8583::Dialect& speaks = dialect()) {
    iso8583::Message message;
    message.set_mti(mti);
    for (const Field& field : fields) message.set(field.number, field.value);
    if (key != nullptr) message.set(mac_field, vault::Mac8{});
    Buffer out(iso8583::kFrameBytesMax);
    out.resize(*iso8583::pack(speaks, message, out));
    if (key != nullptr) {
        const auto mac = vault::mac8(*key, Bytes(out).first(out.size() - 8));
        std::copy(mac.begin(), mac.end(), out.end() - 8);
    }
    return out;
}

}  // namespace giro::test
