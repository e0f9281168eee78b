#include "hsm/payment/emv.hpp"

#include <botan/hash.h>

#include <algorithm>
#include <string>

#include "hsm/payment/wiped.hpp"
#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
// Y || not Y, and Y || Y for the left half twice.
struct Diversifiers {
    ByteArray<16> whole{};
    ByteArray<16> left{};
};
Diversifiers icc_diversifiers(const ByteArray<8>& y) noexcept {
    Diversifiers d;
    for (std::size_t i = 0; i < 8; ++i) {
        d.whole[i] = d.left[i] = d.left[8 + i] = y[i];
        d.whole[8 + i] = ~y[i];
    }
    return d;
}
Diversifiers session_diversifiers(const Atc& atc) noexcept {
    Diversifiers d;
    for (const std::size_t at : {0U, 8U}) {
        std::ranges::copy(atc, d.whole.begin() + static_cast<std::ptrdiff_t>(at));
        std::ranges::copy(atc, d.left.begin() + static_cast<std::ptrdiff_t>(at));
        d.left[at + 2] = std::byte{0xf0};
    }
    d.whole[2] = std::byte{0xf0};
    d.whole[10] = std::byte{0x0f};
    return d;
}

Ck<CardKey> derive_pair(const Session& session, CK_OBJECT_HANDLE base, const Diversifiers& d, bool derives_on) {
    auto whole =
        derive_secret(session, {base, Cipher::tdes}, d.whole, Cipher::tdes, {.encrypt = true, .derive = derives_on});
    if (!whole) return tl::unexpected(whole.error());
    auto left = derive_secret(session, {base, Cipher::tdes}, d.left, Cipher::tdes, {.encrypt = true});
    if (!left) return tl::unexpected(left.error());
    return CardKey{std::move(*whole), std::move(*left)};
}

// PAN || PSN as digits, wiped by the caller.
std::string digits_of(const Pan& pan, std::uint8_t psn) {
    std::string digits(pan.reveal());
    digits.push_back(static_cast<char>('0' + psn / 10));
    digits.push_back(static_cast<char>('0' + psn % 10));
    return digits;
}

// A1.4.2: the first 16 digits of the hash in hex; when there are fewer, its letters as A=0 … F=5 after them.
std::string option_b_digits(const std::string& digits) {
    std::string packed = digits.size() % 2 == 0 ? digits : "0" + digits;
    auto bytes = from_hex(packed).value();
    const auto sha1 = Botan::HashFunction::create_or_throw("SHA-1");
    sha1->update(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    const auto hash = sha1->final_stdvec();
    wipe(bytes);
    wipe(std::as_writable_bytes(std::span(packed)));
    const std::string hex = to_hex(std::as_bytes(std::span(hash)));
    std::string out;
    for (const char c : hex)
        if (c <= '9' && out.size() < 16) out.push_back(c);
    for (const char c : hex)
        if (c > '9' && out.size() < 16) out.push_back(static_cast<char>(c - 'a' + '0'));
    return out;
}
}  // namespace

std::optional<Cvn> cvn_of(std::uint8_t number) noexcept {
    if (number == 10) return Cvn::cvn10;
    if (number == 18) return Cvn::cvn18;
    return std::nullopt;
}

ByteArray<8> icc_key_data(const Pan& pan, std::uint8_t psn, IccKeyOption option) {
    ASSERT(psn <= 99 && !pan.empty());
    std::string digits = digits_of(pan, psn);
    if (option == IccKeyOption::b && pan.reveal().size() > 16) {
        const std::string from = std::exchange(digits, {});
        digits = option_b_digits(from);
    }
    if (digits.size() < 16) digits.insert(0, 16 - digits.size(), '0');
    const auto y = array_from_hex<8>(std::string_view(digits).substr(digits.size() - 16)).value();
    wipe(std::as_writable_bytes(std::span(digits)));
    return y;
}

Ck<CardKey> card_key(const Session& session, CK_OBJECT_HANDLE issuer_master, const Pan& pan, std::uint8_t psn,
                     IccKeyOption option, Cvn cvn, const Atc& atc) {
    auto y = icc_key_data(pan, psn, option);
    auto d = icc_diversifiers(y);
    auto icc = derive_pair(session, issuer_master, d, cvn == Cvn::cvn18);
    for (const MutableBytes used : {MutableBytes(y), MutableBytes(d.whole), MutableBytes(d.left)}) wipe(used);
    if (!icc || cvn == Cvn::cvn10) return icc;
    return derive_pair(session, icc->whole.handle(), session_diversifiers(atc), false);
}

Ck<Cryptogram> application_cryptogram(const Session& session, const CardKey& key, Cvn cvn, Bytes data) {
    const MacPadding padding = cvn == Cvn::cvn10 ? MacPadding::zeros : MacPadding::bit;
    return retail_mac(session, key.whole.handle(), key.left.handle(), data, padding);
}

Ck<Cryptogram> arpc_method1(const Session& session, const CardKey& key, const Cryptogram& arqc,
                            const ByteArray<2>& response_code) {
    Cryptogram x = arqc;
    xor_into(MutableBytes(x).first(2), response_code);
    Cryptogram out{};
    const auto done = encrypt_ecb(session, {key.whole.handle(), Cipher::tdes}, x, out);
    if (!done) return tl::unexpected(done.error());
    return out;
}

Ck<ByteArray<4>> arpc_method2(const Session& session, const CardKey& key, const Cryptogram& arqc,
                              const ByteArray<4>& csu, Bytes proprietary) {
    if (proprietary.size() > 8) return ck_error(CKR_ARGUMENTS_BAD);
    Buffer data(arqc.begin(), arqc.end());
    data.insert(data.end(), csu.begin(), csu.end());
    data.insert(data.end(), proprietary.begin(), proprietary.end());
    const auto mac = retail_mac(session, key.whole.handle(), key.left.handle(), data, MacPadding::bit);
    if (!mac) return tl::unexpected(mac.error());
    ByteArray<4> out;
    std::copy_n(mac->begin(), out.size(), out.begin());
    return out;
}

}  // namespace giro::hsm
