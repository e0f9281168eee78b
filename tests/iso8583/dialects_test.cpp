// Every shipped dialect: messages drawn by chance, every cut and every flipped bit, and what other implementations
// know.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "iso8583/explain.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/request.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
const std::vector<Dialect>& shipped() {
    static const std::vector<Dialect> all = [] {
        std::vector<Dialect> out;
        for (const char* name : kShippedDialects)
            out.push_back(shipped_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects", name));
        out.push_back(out[1]);  // with a header
        out.back().name = "iso1987-bcd with TPDU";
        out.back().header = Header::tpdu;
        return out;
    }();
    return all;
}

using Dice = std::mt19937_64;
std::size_t below(Dice& dice, std::size_t n) {
    return static_cast<std::size_t>(dice() % n);
}

// BER-TLVs, known tags and unknown ones, that end where `size_max` does or before.
Buffer random_tags(Dice& dice, std::size_t size_max) {
    static const char* const kTags[] = {"9f26", "5a", "57", "9f1e", "df8129", "c0", "71"};
    Buffer out;
    for (std::size_t i = below(dice, 6); i > 0; --i) {
        const std::string tag = kTags[below(dice, std::size(kTags))];
        const std::size_t length = tag == "71" ? 0 : below(dice, 150);  // the inside of a template is its own matter
        Buffer one = *from_hex(tag);
        if (length > 127) one.push_back(std::byte{0x81});
        one.push_back(static_cast<std::byte>(length));
        for (std::size_t k = 0; k < length; ++k) one.push_back(static_cast<std::byte>(dice()));
        if (out.size() + one.size() > size_max) break;
        out.insert(out.end(), one.begin(), one.end());
    }
    return out;
}

// A value that the field takes: of any length it may have, of any characters of its class.
Buffer random_value(Dice& dice, const Dialect& dialect, unsigned n) {
    const FieldSpec& spec = dialect.fields[n];
    const Layout* layout = dialect.layout_of(n);
    if (layout != nullptr && layout->kind == Layout::Kind::ber_tlv) return random_tags(dice, spec.max);
    std::size_t length =
        spec.length == LengthKind::fixed ? spec.max : below(dice, std::min<std::size_t>(spec.max, 200) + 1);
    if (layout != nullptr && layout->kind == Layout::Kind::parts) length = spec.max;
    Buffer out;
    while (out.size() < length) {
        const auto c = static_cast<std::uint8_t>(dice());
        const bool digit = c >= '0' && c <= '9', letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ';
        const bool special = c > ' ' && c < 0x7f && !digit && !letter;
        bool good =
            spec.allowed == content::kBinary || (digit && (spec.allowed & (content::kDigit | content::kTrack)) != 0) ||
            (letter && (spec.allowed & content::kLetter) != 0) ||
            (special && (spec.allowed & content::kSpecial) != 0) || (c == '=' && (spec.allowed & content::kTrack) != 0);
        if ((spec.allowed & content::kSigned) != 0 && out.empty()) good = c == 'C' || c == 'D';
        if (good) out.push_back(static_cast<std::byte>(c));
    }
    return out;
}

void fill_by_chance(Dice& dice, const Dialect& dialect, Message& m) {
    m.clear();
    char mti[5] = "0000";
    for (int i = 0; i < 4; ++i) mti[i] = static_cast<char>('0' + below(dice, 10));
    m.set_mti({mti, 4});
    ByteArray<kTpduBytes> header;
    for (auto& byte : header) byte = static_cast<std::byte>(dice());
    if (dialect.header != Header::none) m.set_header(header);
    std::size_t room = kFrameBytesMax / 2;
    for (std::size_t i = below(dice, 30); i > 0; --i) {
        const auto n = static_cast<unsigned>(2 + below(dice, 127));
        if (!dialect.fields[n].defined() || m.has(n)) continue;
        const Buffer value = random_value(dice, dialect, n);
        if (value.size() + 4 > room) break;
        room -= value.size() + 4;
        m.set(n, value);
    }
}
}  // namespace

TEST_CASE(
    "dialects: what is packed in any of them unpacks to the same values and packs to the same bytes (2,000 drawn "
    "messages each)") {
    for (const Dialect& dialect : shipped()) {
        CAPTURE(dialect.name);
        for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
            Dice dice(seed);
            Message out, in;
            fill_by_chance(dice, dialect, out);
            Buffer frame(kFrameBytesMax);
            const auto size = pack(dialect, out, frame);
            CAPTURE(seed);
            REQUIRE_MESSAGE(size.has_value(), (size ? "" : size.error().text()));
            frame.resize(*size);
            const auto result = unpack(dialect, frame, in);
            REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().text()));
            REQUIRE(in.mti() == out.mti());
            for (unsigned n = 2; n <= kFieldMax; ++n) {
                CAPTURE(n);
                REQUIRE(in.has(n) == out.has(n));
                REQUIRE(to_hex(in.bytes(n)) == to_hex(out.bytes(n)));
            }
            REQUIRE(to_hex(packed(dialect, in)) == to_hex(frame));
        }
    }
}

TEST_CASE(
    "dialects: every cut and every flipped bit of the samples, in each dialect, is refused or decodes to what packs to "
    "the same bytes") {
    for (const Dialect& dialect : shipped()) {
        CAPTURE(dialect.name);
        Message m;
        unsigned taken = 0, refused = 0;
        for (void (*fill)(const Dialect&, Message&) : {&fill_purchase, &fill_everything}) {
            fill(dialect, m);
            Buffer frame = packed(dialect, m);
            PaymentRequest request;
            const auto examine = [&](Bytes one) {
                static_cast<void>(explain(dialect, one));
                if (!unpack(dialect, one, m)) return void(++refused);
                ++taken;
                REQUIRE(to_hex(packed(dialect, m)) == to_hex(one));
                static_cast<void>(to_request(dialect, one, m, request));
                if (const auto mac = mac_input(dialect, one))
                    CHECK(mac->covered.size() + mac->mac.size() + dialect.header_bytes() == one.size());
            };
            for (std::size_t size = 0; size < frame.size(); ++size) {
                const unsigned before = taken;
                examine(Bytes(frame).first(size));
                CHECK(taken == before);  // a message that is cut off is never a message
            }
            for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
                frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
                examine(frame);
                frame[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            }
        }
        CHECK(taken > 100);
        CHECK(refused > 1'000);
    }
}

TEST_CASE("dialects: the same purchase is the same request in each of them") {
    for (const Dialect& dialect : shipped()) {
        CAPTURE(dialect.name);
        Message m, in;
        fill_purchase(dialect, m);
        const Buffer frame = packed(dialect, m);
        REQUIRE(unpack(dialect, frame, in));
        PaymentRequest r;
        REQUIRE(to_request(dialect, frame, in, r));
        CHECK(r.mti == 0x0200);
        CHECK(r.pan.reveal() == "5413330089020011");
        CHECK(r.amount == 2372);
        CHECK(r.currency == 978);
        CHECK(r.stan == 4711);
        CHECK(r.local_time.view() == "163000");
        CHECK(r.local_date.view() == "1122");
        CHECK(r.transmission_time.view() == "1122153000");
        CHECK(r.acquirer.view() == "12345678901");
        CHECK(r.rrn.view() == "632616004711");
        CHECK(r.terminal.view() == "TERM0001");
        CHECK(r.merchant.view() == "SHOP00000000001");
        CHECK(r.has_mac);
        CHECK(to_hex(r.mac) == "0102030405060708");
        fill_everything(dialect, m);
        const Buffer reversal = packed(dialect, m);
        REQUIRE(unpack(dialect, reversal, in));
        REQUIRE(to_request(dialect, reversal, in, r));
        CHECK(r.mti == 0x0400);
        CHECK(std::string_view(r.original.chars.data(), 10) == "0200004711");
        CHECK(as_text(r.additional) == "a text");
        CHECK(as_text(r.qr) == "hQVDUFYwMQ==");
    }
}

TEST_CASE("dialects: every answer code of the box is told apart in each of them, and understood again") {
    for (const Dialect& dialect : shipped()) {
        CAPTURE(dialect.name);
        for (const std::string_view mti : {"0110", "0210", "0230", "0330", "0410", "0430", "0510", "0530", "0810"}) {
            for (const std::string_view code : {"00", "03", "05", "12", "13", "14", "15", "21", "25", "30", "51", "54", "55", "58",
                                                "61", "62", "63", "68", "75", "79", "91", "94", "95", "96"}) {
                if (code == "95" && mti[1] != '3' && mti[1] != '5') continue;  // of totals and uploads alone
                CAPTURE(mti);
                CAPTURE(code);
                Message m, in;
                put_mti(dialect, m, mti);
                put_response_code(dialect, m, code);
                const Buffer frame = packed(dialect, m);
                PaymentRequest r;
                REQUIRE(unpack(dialect, frame, in));
                REQUIRE(to_request(dialect, frame, in, r));
                CHECK(r.response_code.view() == code);
            }
        }
        for (const unsigned code : {1U, 161U, 301U}) {
            Message m, in;
            put_mti(dialect, m, "0800");
            put_network_code(dialect, m, code);
            const Buffer frame = packed(dialect, m);
            PaymentRequest r;
            REQUIRE(unpack(dialect, frame, in));
            REQUIRE(to_request(dialect, frame, in, r));
            CHECK(r.network_code == code);
            CHECK(r.mti == 0x0800);
        }
    }
}

TEST_CASE("dialects: a message of another edition is not taken for one of the dialect's own") {
    for (const Dialect& dialect : shipped()) {
        CAPTURE(dialect.name);
        for (const char* mti : {"0200", "1200", "2200", "9200"}) {
            const bool own = mti[0] - '0' == static_cast<int>(dialect.edition);
            CHECK((canonical_mti(dialect, mti) == 0x0200) == own);
        }
    }
}

// A MAC says nothing of the dialect: what one port's terminal signed must not mean something else at another port.
TEST_CASE("dialects: a message of one shipped dialect is none of any other") {
    for (const Dialect& own : shipped())
        for (const bool everything : {false, true}) {
            Message m;
            if (everything) fill_everything(own, m);
            else fill_purchase(own, m);
            const Buffer frame = packed(own, m);
            for (const Dialect& other : shipped()) {
                if (&other == &own) continue;
                CAPTURE(own.name);
                CAPTURE(other.name);
                Message read;
                CHECK((!unpack(other, frame, read) || canonical_mti(other, read.mti()) >> 12 != 0));
            }
        }
}
