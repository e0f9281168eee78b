// Consumer-presented codes: the bytes of ours, what is stepped over, and every kind of damage.
#include <doctest/doctest.h>

#include <algorithm>

#include "qr/cpm.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::qr;

namespace {
const std::string kFormatObject = "8505" "4350563031";
const std::string kAid = "4f06" "f04749524f01";
const std::string kOrderObject = "6306" "df0103" "aabbcc";
const std::string kApplication = "6110" + kAid + kOrderObject;

Expected<CpmPayload, QrError> decode_hex(const std::string& hex) { return decode_cpm(to_base64(*from_hex(hex))); }
QrError refusal(const std::string& hex) {
    const auto result = decode_hex(hex);
    REQUIRE_FALSE(result.has_value());
    return result.error();
}
}  // namespace

TEST_CASE("cpm: base64 is that of RFC 4648 section 10, and only its one spelling is read") {
    const std::pair<const char*, const char*> rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, coded] : rows) {
        CHECK(to_base64(as_bytes(plain)) == coded);
        REQUIRE(from_base64(coded).has_value());
        CHECK(as_text(*from_base64(coded)) == plain);
    }
    for (const char* bad : {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm-_"})
        CHECK_FALSE(from_base64(bad));
}

TEST_CASE("cpm: our code is the bytes its header file draws") {
    const CpmPayload payload{*from_hex("aabbcc")};
    CHECK(*encode_cpm(payload) == to_base64(*from_hex(kFormatObject + kApplication)));
    CHECK(encode_cpm(payload)->starts_with("hQVDUFYwM"));  // every consumer-presented code begins so
    CHECK(*decode_hex(kFormatObject + kApplication) == payload);
}

TEST_CASE("cpm: orders of every length that fits come back") {
    for (std::size_t size = 0; size <= kCpmBytesMax; ++size) {
        const CpmPayload payload{Buffer(size, std::byte{0x5a})};
        const auto text = encode_cpm(payload);
        if (size < 480) REQUIRE(text.has_value());
        if (text) CHECK(*decode_cpm(*text) == payload);
        else CHECK(text.error() == QrError::too_long);
    }
    CHECK(encode_cpm({Buffer(kCpmBytesMax + 1)}).error() == QrError::too_long);
}

TEST_CASE("cpm: other applications and unknown objects are stepped over") {
    const std::string other = "6109" "4f07a0000000031010";
    CHECK(decode_hex(kFormatObject + other + kApplication + "6203" "500141").has_value());
    CHECK(decode_hex(kFormatObject + "6114" + kAid + "50024142" + kOrderObject).has_value());
    CHECK(decode_hex(kFormatObject + "6114" + kAid + "630a" "9f010111" "df0103aabbcc").has_value());
    CHECK(refusal(kFormatObject + other) == QrError::not_giro);
    CHECK(refusal(kFormatObject) == QrError::not_giro);
}

TEST_CASE("cpm: each rule refuses with its own reason") {
    CHECK(decode_cpm("hQV").error() == QrError::bad_base64);
    CHECK(decode_cpm(std::string(700, 'A')).error() == QrError::too_long);
    CHECK(decode_cpm(std::string(684, 'A')).error() == QrError::too_long);
    CHECK(decode_cpm("").error() == QrError::bad_format);
    CHECK(refusal("8505" "4350563032" + kApplication) == QrError::bad_format);
    CHECK(refusal(kApplication + kFormatObject) == QrError::bad_format);
    CHECK(refusal(kFormatObject + kApplication + kApplication) == QrError::duplicate_object);
    CHECK(refusal(kFormatObject + "6118" + kAid + kOrderObject + kOrderObject) == QrError::duplicate_object);
    CHECK(refusal(kFormatObject + "6116" + kAid + "630c" "df0103aabbcc" "df0103aabbcc") == QrError::duplicate_object);
    CHECK(refusal(kFormatObject + "6108" + kAid) == QrError::missing_object);
    CHECK(refusal(kFormatObject + "610a" + kAid + "6300") == QrError::missing_object);
    const char* bad_tlv[] = {
        "6101",              // longer than the code
        "61",                // no length
        "618103500141",      // three bytes need no long length
        "61820003500141",    // nor two length bytes
        "6180" "0000",       // indefinite length
        "6183000001" "00",   // three length bytes
        "6182" "01",         // half a length
        "6181",              // no long length
        "9f",                // half a tag
        "9f8101" "00",       // a tag of three bytes
        "6103" "500141",     // an application without its AID first
        "6100",              // an empty application
        "6102" "4f05",       // an inner object past its template
    };
    for (const char* bad : bad_tlv) {
        CAPTURE(bad);
        CHECK(refusal(kFormatObject + bad) == QrError::bad_tlv);
    }
    std::string many = kFormatObject;
    for (int i = 0; i < 40; ++i) many += "5000";
    CHECK(refusal(many) == QrError::bad_tlv);
}

TEST_CASE("cpm: no truncation is taken, and a flipped bit never gives the order with the same bytes in another code") {
    const Buffer code = *from_hex(kFormatObject + kApplication);
    const auto whole = decode_cpm(to_base64(code));
    for (std::size_t size = 0; size < code.size(); ++size)
        CHECK_FALSE(decode_cpm(to_base64(Bytes(code).first(size))).has_value());
    for (std::size_t bit = 0; bit < code.size() * 8; ++bit) {
        Buffer flipped = code;
        flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        const auto result = decode_cpm(to_base64(flipped));
        if (result) CHECK(result->order != whole->order);
    }
}

TEST_CASE("cpm: whose a code is, is told of any well-formed one by its first application") {
    // 85 05 CPV01, 61 { 4F A000000677 0101, 57 ... }: another scheme's, with track 2 data that are not ours to read
    const auto other = from_hex("8505435056303161114F07A00000067701015706970003000000");
    REQUIRE(other);
    const auto aid = application_of(to_base64(*other));
    REQUIRE(aid);
    CHECK(to_hex(*aid) == "a0000006770101");
    CHECK(decode_cpm(to_base64(*other)).error() == QrError::not_giro);
    const auto ours = application_of(encode_cpm({Buffer(10)}).value());
    REQUIRE(ours);
    CHECK(std::ranges::equal(*ours, kGiroApplication));
    CHECK(application_of("x").error() == QrError::bad_base64);
    CHECK(application_of(to_base64(*from_hex("85054350563031"))).error() == QrError::missing_object);
    CHECK(application_of(to_base64(*from_hex("8505435056303161064F04A0000006"))).error() == QrError::bad_tlv);  // four bytes
    CHECK(application_of(to_base64(*from_hex("61074F05A000000677"))).error() == QrError::bad_format);
}
