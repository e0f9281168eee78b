#include "appliance/giro/terminal_message.hpp"

#include <doctest/doctest.h>

#include <set>

#include "fixture.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::pos;
using test::kWho;

namespace {
Sale card_sale() {
    Sale sale;
    sale.pan = *Pan::parse("9700010000000051");
    sale.amount = 1250;
    sale.stan = 7;
    sale.rrn = Rrn("ABCDEF123456");
    sale.stamp = {FixedText<10>("1122150405"), FixedText<6>("160405"), FixedText<4>("1122")};
    return sale;
}
std::string bitmap(std::initializer_list<unsigned> fields) {
    std::string bits(16, '\0');
    for (const unsigned f : fields) bits[(f - 1) / 8] = static_cast<char>(bits[(f - 1) / 8] | 0x80 >> (f - 1) % 8);
    return bits;
}
}  // namespace

TEST_CASE("message: a card purchase is, byte for byte, what ISO 8583:1987 says of its fields") {
    MessageBuilder builder(test::dialect());
    MacKey key(test::tmk(), {});
    Frame frame;
    REQUIRE(builder.purchase(frame, kWho, card_sale(), key));
    const std::string before_mac = "0200" +
        bitmap({2, 3, 4, 7, 11, 12, 13, 14, 22, 25, 32, 37, 41, 42, 49, 64}).substr(0, 8) +
        "169700010000000051" "000000" "000000001250" "1122150405" "000007" "160405" "1122" "4912" "011" "00" "06970002"
        "ABCDEF123456" "T0000001" "M00000000000001" "963";
    CHECK(test::text_of(frame.message().first(frame.message().size() - 8)) == before_mac);
    const auto mac = vault::mac8(vault::derive_session_key(test::tmk(), {}), as_bytes(before_mac));
    CHECK(to_hex(frame.message().last(8)) == to_hex(mac));
    CHECK(load_be<std::uint16_t>(frame.bytes.data()) == before_mac.size() + 8);
}

TEST_CASE("message: a QR purchase carries the code in DE63 and no card") {
    MessageBuilder builder(test::dialect());
    MacKey key(test::tmk(), {});
    Frame frame;
    Sale sale = card_sale();
    sale.pan = Pan();
    sale.qr = "hQVDUFYwMQ==";
    REQUIRE(builder.purchase(frame, kWho, sale, key));
    iso8583::Message message;
    REQUIRE(iso8583::unpack(test::dialect(), frame.message(), message));
    CHECK(message.field(63) == "hQVDUFYwMQ==");
    CHECK_FALSE(message.has(2));
    CHECK_FALSE(message.has(14));
}

TEST_CASE("message: a reversal names its original in DE90 and repeats its card, amount, time and RRN") {
    MessageBuilder builder(test::dialect());
    MacKey key(test::tmk(), {});
    Frame frame;
    const Stamp later{FixedText<10>("1122150500"), FixedText<6>("160500"), FixedText<4>("1122")};
    REQUIRE(builder.reversal(frame, kWho, card_sale(), 8, later, key));
    const std::string before_mac = "0400" +
        bitmap({1, 2, 3, 4, 7, 11, 12, 13, 14, 22, 25, 32, 37, 41, 42, 49, 90, 128}) +
        "169700010000000051" "000000" "000000001250" "1122150500" "000008" "160405" "1122" "4912" "011" "00" "06970002"
        "ABCDEF123456" "T0000001" "M00000000000001" "963" "0200000007112215040500000970002" "00000000000";
    CHECK(test::text_of(frame.message().first(frame.message().size() - 8)) == before_mac);
}

TEST_CASE("message: network management stands under the base key with DE70") {
    MessageBuilder builder(test::dialect());
    MacKey key(test::tmk(), {});
    Frame frame;
    REQUIRE(builder.network(frame, kWho, NetworkCode::key_exchange, 1, card_sale().stamp, key));
    CHECK(test::text_of(frame.message().first(frame.message().size() - 8)) ==
          "0800" + bitmap({1, 7, 11, 41, 70, 128}) + "1122150405" "000001" "T0000001" "161");
}

TEST_CASE("message: what the dialect cannot carry is an error that names the field") {
    MessageBuilder builder(test::dialect());
    MacKey key(test::tmk(), {});
    Frame frame;
    Sale sale = card_sale();
    sale.pan = Pan();
    sale.qr = std::string(1000, 'A');  // DE63 holds 999
    const auto built = builder.purchase(frame, kWho, sale, key);
    REQUIRE_FALSE(built);
    CHECK(built.error().field == 63);
}

TEST_CASE("mac: the kept key gives what vault::mac8 gives, message after message, and no other MAC passes") {
    vault::Nonce nonce;
    nonce.fill(std::byte{0x5a});
    MacKey key(test::tmk(), nonce);
    const Secret same = vault::derive_session_key(test::tmk(), nonce);
    for (std::size_t size = 0; size < 70; ++size) {
        const Buffer data(size, std::byte{0x33});
        auto mac = vault::mac8(same, data);
        CHECK(key.verify(data, mac));
        for (std::size_t bit = 0; bit < 64; ++bit) {
            mac[bit / 8] ^= std::byte(1 << bit % 8);
            CHECK_FALSE(key.verify(data, mac));
            mac[bit / 8] ^= std::byte(1 << bit % 8);
        }
        CHECK_FALSE(key.verify(data, Bytes(mac).first(7)));
    }
    CHECK(key.kcv() == vault::kcv(same));
}

TEST_CASE("answer: nonce and check value come out of DE48, and out of nothing else") {
    const std::string good = "000102030405060708090a0b0c0d0e0f" "a1b2c3";
    const auto key = parse_new_key(as_bytes(good));
    REQUIRE(key);
    CHECK(to_hex(key->nonce) == good.substr(0, 32));
    CHECK(to_hex(key->kcv) == "a1b2c3");
    CHECK_FALSE(parse_new_key({}));
    CHECK_FALSE(parse_new_key(as_bytes(good.substr(1))));
    CHECK_FALSE(parse_new_key(as_bytes(good + "0")));
    CHECK_FALSE(parse_new_key(as_bytes("g" + good.substr(1))));
    CHECK_FALSE(key->pins.has_value());
    const auto both = parse_new_key(as_bytes(good + "0a0b0c" + "0d0e0f"));
    REQUIRE(both);
    CHECK(both->kcv == key->kcv);
    REQUIRE(both->pins.has_value());
    CHECK(to_hex(both->pins->aes) == "0a0b0c");
    CHECK(to_hex(both->pins->tdes) == "0d0e0f");
    CHECK_FALSE(parse_new_key(as_bytes(good + "0a0b0c")));
    CHECK_FALSE(parse_new_key(as_bytes(good + "0a0b0c" + "0d0e0g")));
    CHECK_FALSE(parse_new_key(as_bytes(good + "0a0b0g" + "0d0e0f")));
}

TEST_CASE("rrn: twelve letters and digits, never the same twice, without those that look alike") {
    test::CountingRandom random;
    RrnMaker maker(random);
    RrnMaker other(random);
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) {
        CHECK(seen.insert(maker.next().str()).second);
        CHECK(seen.insert(other.next().str()).second);
    }
    for (const std::string& rrn : seen) {
        CHECK(rrn.size() == 12);
        CHECK(rrn.find_first_of("ILOU") == std::string::npos);
    }
}

TEST_CASE("stamp: DE7 is UTC") {
    CHECK(Stamp::at(1'795'356'245'000'000'000).transmission.view() == "1122140405");
}
