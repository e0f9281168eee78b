#include "appliance/giro/terminal_mac.hpp"

#include <botan/mac.h>
#include <fmt/format.h>

#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::pos {

namespace {
const std::uint8_t* raw(Bytes b) noexcept { return reinterpret_cast<const std::uint8_t*>(b.data()); }

const char* algorithm(vault::MacKind kind, std::size_t key_bytes = 32) noexcept {
    switch (kind) {
        case vault::MacKind::aes_cmac: return key_bytes == 32 ? "CMAC(AES-256)" : "CMAC(AES-128)";
        case vault::MacKind::x9_19: return "X9.19-MAC";
        case vault::MacKind::hmac_sha256: return "HMAC(SHA-256)";
    }
    return "";
}
}  // namespace

MacKey::MacKey(const Secret& tmk, const vault::Nonce& nonce, vault::MacKind kind)
    : m_mac(Botan::MessageAuthenticationCode::create_or_throw(algorithm(kind))) {
    const Secret key = vault::derive_session_key(tmk, nonce, kind);
    m_mac->set_key(raw(key.reveal()), key.size());
    m_kcv = vault::kcv(key, kind);
}
MacKey::MacKey() = default;
MacKey::MacKey(const payment::Ksn& ksn, const Secret& ours, const Secret& theirs, vault::MacKind kind) : m_ksn(ksn) {
    const auto keyed = [kind](const Secret& key) {
        auto mac = Botan::MessageAuthenticationCode::create_or_throw(algorithm(kind, key.size()));
        mac->set_key(raw(key.reveal()), key.size());
        return mac;
    };
    m_mac = keyed(ours);
    m_theirs = keyed(theirs);
}
MacKey::MacKey(MacKey&&) noexcept = default;
MacKey& MacKey::operator=(MacKey&&) noexcept = default;
MacKey::~MacKey() = default;

namespace {
vault::Mac8 mac_under(Botan::MessageAuthenticationCode& key, Bytes data) {
    ByteArray<32> full;  // the longest: HMAC's
    key.update(raw(data), data.size());
    key.final(reinterpret_cast<std::uint8_t*>(full.data()));  // leaves the key in place for the next message
    vault::Mac8 out;
    std::memcpy(out.data(), full.data(), out.size());
    return out;
}
}  // namespace

vault::Mac8 MacKey::mac(Bytes data) { return mac_under(*m_mac, data); }

bool MacKey::verify(Bytes data, Bytes mac_received) {
    return equal_constant_time(mac_under(m_theirs != nullptr ? *m_theirs : *m_mac, data), mac_received);
}

Result<Secret> load_terminal_key(const std::filesystem::path& file) {
    constexpr std::size_t kFileBytesMax = 256;
    auto text = read_file(file, kFileBytesMax);
    if (!text)
        return fail(Failure::Kind::not_provisioned,
                    fmt::format("no terminal master key in {}: run `giro init`, or give --dir", file.string()));
    const Secret contents(std::move(*text));
    std::string_view hex = as_text(contents.reveal());
    while (!hex.empty() && (hex.back() == '\n' || hex.back() == '\r' || hex.back() == ' ')) hex.remove_suffix(1);
    auto key = from_hex(hex);
    if (!key || key->size() != vault::kTerminalKeyBytes)
        return fail(Failure::Kind::config,
                    fmt::format("{} is not a terminal master key: it holds 64 hexadecimal digits", file.string()));
    return Secret(std::move(*key));
}

}  // namespace giro::pos
