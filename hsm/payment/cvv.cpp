#include "hsm/payment/cvv.hpp"

#include <algorithm>

#include "hsm/payment/wiped.hpp"

namespace giro::hsm {

namespace {
bool are_digits(std::string_view text, std::size_t count) noexcept {
    return text.size() == count && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}
}  // namespace

Ck<ByteArray<3>> cvv(const Session& session, const CvvKey& key, const Pan& pan, std::string_view expiry,
                     std::string_view service_code) {
    if (!are_digits(expiry, 4) || !are_digits(service_code, 3) || pan.empty()) return ck_error(CKR_ARGUMENTS_BAD);
    Wiped<16> blocks;  // 32 digits, two a byte
    std::size_t at = 0;
    for (const std::string_view part : {pan.reveal(), expiry, service_code})
        for (const char c : part) {
            const auto value = static_cast<std::byte>(c - '0');
            blocks[at / 2] |= at % 2 == 0 ? value << 4 : value;
            ++at;
        }
    ByteArray<8> chain{};
    const Bytes all = blocks.reveal();
    if (const auto done = encrypt_ecb(session, {key.left, Cipher::tdes}, all.first(8), chain); !done)
        return tl::unexpected(done.error());
    ByteArray<8> cipher{};
    if (const auto done = encrypt_cbc(session, {key.pair, Cipher::tdes}, chain, all.subspan(8), cipher); !done)
        return tl::unexpected(done.error());
    ByteArray<3> out{};
    std::size_t have = 0;
    for (const unsigned less : {0U, 10U})
        for (std::size_t i = 0; i < 16 && have < out.size(); ++i) {
            const auto byte = std::to_integer<unsigned>(cipher[i / 2]);
            const unsigned value = i % 2 == 0 ? byte >> 4 : byte & 15;
            if ((value >= 10) == (less == 10)) out[have++] = static_cast<std::byte>(value - less);
        }
    wipe(cipher);
    return out;
}

}  // namespace giro::hsm
