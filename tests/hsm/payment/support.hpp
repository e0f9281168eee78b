// What the tests of hsm/payment share: keys of given value in a real token, and third parties' vectors from
// ../shared/vectors (beside the checkout); where that folder is absent the tests skip, saying so.
#pragma once

#include <nlohmann/json.hpp>

#include <concepts>
#include <fstream>

#include "hsm/payment/secret_key.hpp"
#include "tests/hsm/token_fixture.hpp"
#include "util/bytes.hpp"

namespace giro::test {

inline Buffer hex(std::string_view text) {
    return from_hex(text).value();
}
template <std::same_as<nlohmann::json> Json>  // or text would convert to JSON
Buffer hex(const Json& value) {
    return from_hex(value.template get<std::string>()).value();
}
template <std::size_t N>
ByteArray<N> hex_array(std::string_view text) {
    return array_from_hex<N>(text).value();
}

inline constexpr hsm::Uses kEveryUse{.sign = true, .encrypt = true, .decrypt = true, .derive = true};

inline hsm::Object token_key(const TokenFixture& token, hsm::Cipher cipher, Bytes value) {
    auto key = hsm::import_session_key(token.session(), cipher, value, kEveryUse);
    REQUIRE(key.has_value());
    return std::move(*key);
}
inline hsm::Object tdes_key(const TokenFixture& token, Bytes value) {
    return token_key(token, hsm::Cipher::tdes, value);
}
// K1 || K1 of K1 || K2.
inline hsm::Object left_key(const TokenFixture& token, Bytes value) {
    Buffer twice(value.begin(), value.begin() + 8);
    twice.insert(twice.end(), value.begin(), value.begin() + 8);
    return tdes_key(token, twice);
}

// A file of the vectors; null when it is not there, which is told.
inline nlohmann::json vector_file(const std::filesystem::path& file) {
    std::ifstream in(vectors() / file);
    if (in) return nlohmann::json::parse(in);
    MESSAGE("skipped: " << file.string() << " is not in ../shared/vectors");
    return {};
}

// Digits as the codecs hold them: 0 to 9 in a byte each.
inline Buffer digits(std::string_view text) {
    Buffer out;
    for (const char c : text) out.push_back(static_cast<std::byte>(c - '0'));
    return out;
}
inline std::string text_of(Bytes digits) {
    std::string out;
    for (const std::byte d : digits) out.push_back(static_cast<char>('0' + std::to_integer<int>(d)));
    return out;
}

}  // namespace giro::test
