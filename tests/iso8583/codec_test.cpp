// The codec against hostile frames, and each setting of a dialect against bytes worked out by hand.
#include <doctest/doctest.h>

#include "iso8583/explain.hpp"
#include "iso8583/mac.hpp"
#include "sample.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
const Dialect& shipped() {
    static const auto dialect = load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml");
    REQUIRE_MESSAGE(dialect.has_value(), (dialect ? "" : dialect.error().what));
    return *dialect;
}

// A dialect with MTI and one or two fields of interest.
Dialect small(std::string_view fields, std::string_view message = "") {
    const auto dialect = parse_dialect("name = \"test\"\n[message]\n" + std::string(message) + "\n[fields]\n" + std::string(fields), "test");
    REQUIRE_MESSAGE(dialect.has_value(), (dialect ? "" : dialect.error().what));
    return *dialect;
}

std::string hex_of(const Dialect& dialect, unsigned n, std::string_view value) {
    Message m;
    m.set_mti("0200");
    m.set(n, value);
    return to_hex(packed(dialect, m));
}

// The reason for refusing a frame given in hexadecimal, with field and offset.
CodecError refusal(const Dialect& dialect, std::string_view hex) {
    Message m;
    const Buffer frame = *from_hex(hex);
    const auto result = unpack(dialect, frame, m);
    REQUIRE_FALSE(result.has_value());
    return result.error();
}

std::string decoded(const Dialect& dialect, unsigned n, std::string_view hex) {
    Message m;
    const Buffer frame = *from_hex(hex);
    const auto result = unpack(dialect, frame, m);
    REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().text()));
    CHECK(packed(dialect, m) == frame);
    return std::string(m.field(n));
}

Reason pack_refusal(const Dialect& dialect, unsigned n, std::string_view value, std::size_t room = kFrameBytesMax) {
    Message m;
    m.set(n, value);
    Buffer out(room);
    const auto result = pack(dialect, m, out);
    REQUIRE_FALSE(result.has_value());
    return result.error().reason;
}

const std::string kMti = "30323030";
}  // namespace

TEST_CASE("iso8583: a 17-field purchase goes out and comes back unchanged") {
    Message out, in;
    fill_purchase(out);
    const Buffer frame = packed(shipped(), out);
    REQUIRE(unpack(shipped(), frame, in).has_value());
    CHECK(in.mti() == "0200");
    unsigned fields = 0;
    for (unsigned n = 2; n <= kFieldMax; ++n) {
        CHECK(in.has(n) == out.has(n));
        CHECK(in.field(n) == out.field(n));
        fields += in.has(n);
    }
    CHECK(fields == 17);
    CHECK(in.number(4) == 2372);
    CHECK(packed(shipped(), in) == frame);
}

TEST_CASE("iso8583: an echo test is the bytes the standard's table gives") {
    Message m;
    m.set_mti("0800");
    m.set(7, "1122153000");
    m.set(11, "000001");
    m.set(70, "301");
    CHECK(to_hex(packed(shipped(), m)) ==
          "30383030" "8220000000000000" "0400000000000000" "31313232313533303030" "303030303031" "333031");
}

TEST_CASE("iso8583: every truncation of a purchase is refused as truncated") {
    Message m;
    fill_purchase(m);
    const Buffer frame = packed(shipped(), m);
    for (std::size_t size = 0; size < frame.size(); ++size) {
        const auto result = unpack(shipped(), Bytes(frame).first(size), m);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().reason == Reason::truncated);
        CHECK(result.error().offset == size);
    }
}

TEST_CASE("iso8583: every single-bit flip of a message is refused or decodes to what packs to the same bytes") {
    Message m;
    fill_purchase(m);
    Buffer purchase = packed(shipped(), m);
    m.set(48, "QR");
    m.set(90, "020000471111221530000000000000000000000000");
    m.remove(64);
    m.set(128, "\x01\x02\x03\x04\x05\x06\x07\x08");
    m.set_mti("0400");
    const Buffer reversal = packed(shipped(), m);
    unsigned taken = 0, refused = 0;
    for (Buffer frame : {purchase, reversal}) {
        for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
            const auto mask = static_cast<std::byte>(1U << bit % 8);
            frame[bit / 8] ^= mask;
            if (unpack(shipped(), frame, m)) {
                CHECK(packed(shipped(), m) == frame);
                ++taken;
            } else {
                ++refused;
            }
            CHECK_FALSE(explain(shipped(), frame).empty());
            frame[bit / 8] ^= mask;
        }
    }
    CHECK(taken > 0);
    CHECK(refused > 1000);
}

TEST_CASE("iso8583: a refusal names reason, field and offset") {
    const Dialect& d = shipped();
    CHECK(refusal(d, "3032303a0000000000000000") == CodecError{Reason::bad_mti, 0, 0});
    CHECK(refusal(d, kMti + "0000000000000000" "00") == CodecError{Reason::trailing_bytes, 1, 12});
    CHECK(refusal(d, kMti + "2000000000000000" "30303030303a") == CodecError{Reason::bad_content, 3, 17});
    CHECK(refusal(d, kMti + "4000000000000000" "3230" "3131") == CodecError{Reason::length_over_max, 2, 12});
    CHECK(refusal(d, kMti + "4000000000000000" "3120" "3131") == CodecError{Reason::bad_length, 2, 13});
    CHECK(refusal(d, kMti + "8000000000000000" "8000000000000000" "00") == CodecError{Reason::unknown_field, 65, 20});
    const Buffer large(kFrameBytesMax + 1, std::byte{'0'});
    Message m;
    CHECK(unpack(d, large, m).error() == CodecError{Reason::frame_too_long, 1, kFrameBytesMax});
    CHECK(refusal(d, kMti + "2000000000000000" "3030303030").text() == "DE3 at byte 17: the frame ends too early");
    CHECK(CodecError{Reason::bad_mti, 0, 0}.text().starts_with("MTI at byte 0"));
}

TEST_CASE("iso8583: after a refusal the message holds the fields before the refused one") {
    Message m;
    fill_purchase(m);
    Buffer frame = packed(shipped(), m);
    frame[12 + 2 + 16 + 6] = std::byte{'x'};  // first digit of the amount, DE4
    CHECK(unpack(shipped(), frame, m).error().field == 4);
    CHECK(m.field(2) == "5413330089020011");
    CHECK(m.has(3));
    for (unsigned n = 4; n <= kFieldMax; ++n) CHECK_FALSE(m.has(n));
}

TEST_CASE("iso8583: a secondary bitmap is sent when needed, kept when empty, dropped with its last field") {
    Message m;
    const Buffer frame = *from_hex(kMti + "8000000000000000" "0000000000000000");
    REQUIRE(unpack(shipped(), frame, m).has_value());
    CHECK(m.has(1));
    CHECK(packed(shipped(), m) == frame);
    m.clear();
    m.set(70, "301");
    CHECK(m.has(1));
    m.remove(70);
    CHECK_FALSE(m.has(1));
}

TEST_CASE("iso8583: an empty variable field is there, and empty") {
    CHECK(decoded(shipped(), 48, kMti + "0000000000010000" "303030").empty());
}

TEST_CASE("iso8583: content classes take what the standard gives them and nothing else") {
    struct Row { const char* content; std::string_view in; std::string_view out; };
    const Row rows[] = {
        {"n", "0123456789", "a =x"}, {"a", "aZ ", "0-"}, {"s", " -=", "a0"}, {"an", "aZ 09", "-="},
        {"as", "aZ -", "0"}, {"ns", "0 -", "a"}, {"ans", "aZ09 -~", "\x7f\x1f"}, {"z", "09=D:?", "aZ -"}};
    for (const Row& row : rows) {
        CAPTURE(row.content);
        const Dialect d = small(std::string("48 = { name = \"x\", length = \"LLVAR\", max = 40, content = \"") + row.content + "\" }");
        for (const std::size_t length : {1U, 5U, 8U, 9U, 17U}) {
            std::string value;
            while (value.size() < length) value += row.in[value.size() % row.in.size()];
            CHECK(hex_of(d, 48, value).ends_with(to_hex(as_bytes(value))));
            for (const char bad : std::string(row.out) + '\0' + '\xff') {
                for (std::size_t i = 0; i < length; ++i) {
                    std::string wrong = value;
                    wrong[i] = bad;
                    CHECK(pack_refusal(d, 48, wrong) == Reason::bad_content);
                }
            }
        }
    }
    const Dialect fee = small("28 = { name = \"fee\", max = 9, content = \"x+n\" }");
    CHECK(hex_of(fee, 28, "C00000150").ends_with(to_hex(as_bytes("C00000150"))));
    CHECK(pack_refusal(fee, 28, "X00000150") == Reason::bad_content);
    CHECK(pack_refusal(fee, 28, "C0000015D") == Reason::bad_content);
    CHECK(pack_refusal(fee, 28, "C0") == Reason::wrong_length);
}

TEST_CASE("iso8583: fixed fields are filled up on their side with their character") {
    CHECK(hex_of(shipped(), 4, "2372").ends_with(to_hex(as_bytes("000000002372"))));
    CHECK(hex_of(shipped(), 42, "SHOP").ends_with(to_hex(as_bytes("SHOP           "))));
    Message m;
    m.set(42, "SHOP           ");
    CHECK(m.trimmed(42) == "SHOP");
    CHECK(pack_refusal(shipped(), 52, "1234567") == Reason::wrong_length);
    CHECK(pack_refusal(shipped(), 41, "123456789") == Reason::length_over_max);
}

TEST_CASE("iso8583: length prefixes count digits, bytes or nibbles in ASCII, BCD or binary") {
    struct Row { const char* settings; const char* value; const char* wire; };
    const Row rows[] = {
        {"length='LLVAR', content='ans'", "ABC", "3033" "414243"},
        {"length='LLLVAR', content='ans', prefix='bcd'", "ABC", "0003" "414243"},
        {"length='LLLLVAR', content='ans', prefix='ascii'", "ABC", "30303033" "414243"},
        {"length='LLVAR', content='ans', prefix='binary', unit='bytes'", "ABCDEFGHIJ", "0a" "4142434445464748494a"},
        {"length='LLVAR', content='ans', prefix='ascii', unit='nibbles'", "ABC", "3036" "414243"},
        {"length='LLLVAR', content='b', body='binary', prefix='binary'", "\x01\x02", "0002" "0102"},
        {"length='LLVAR', content='b', body='binary', prefix='bcd', unit='nibbles'", "\x01\x02", "04" "0102"},
        {"length='LLVAR', content='ans', body='ebcdic', prefix='bcd'", "A1 z", "04" "c1f140a9"},
        {"length='LLVAR', content='n', body='bcd', prefix='bcd'", "12345", "05" "012345"},
        {"length='LLVAR', content='n', body='bcd', prefix='bcd', unit='nibbles'", "12345", "05" "012345"},
        {"length='LLVAR', content='n', body='bcd', prefix='bcd', unit='bytes'", "1234", "02" "1234"},
        {"length='LLVAR', content='n', body='bcd', prefix='bcd', unit='bytes', pad='F'", "12345", "03" "f12345"},
        {"length='LLVAR', content='n', body='bcd', prefix='bcd', pad_side='right', pad='F'", "12345", "05" "12345f"},
        {"length='LLVAR', content='z', body='bcd', prefix='bcd', pad_side='right', pad='0'", "1234=99", "07" "1234d990"},
        {"content='n', body='bcd'", "1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.settings);
        const Dialect d = small(std::string("48 = { name = 'x', max = 40, ") + row.settings + " }");
        const std::string wire = kMti + "0000000000010000" + row.wire;
        CHECK(hex_of(d, 48, row.value) == wire);
        CHECK(decoded(d, 48, wire) == row.value);
        for (std::size_t cut = 1; cut < std::string_view(row.wire).size() / 2; ++cut)
            CHECK(refusal(d, wire.substr(0, wire.size() - 2 * cut)).reason == Reason::truncated);
    }
}

TEST_CASE("iso8583: fixed BCD fields pad, and an odd one has the dialect's pad nibble") {
    const Dialect d = small("22 = { name = 'x', max = 3, content = 'n', body = 'bcd' }");
    CHECK(hex_of(d, 22, "51").ends_with("0051"));
    CHECK(decoded(d, 22, kMti + "0000040000000000" "0051") == "051");
    CHECK(refusal(d, kMti + "0000040000000000" "1051") == CodecError{Reason::bad_padding, 22, 12});
    CHECK(refusal(d, kMti + "0000040000000000" "005a") == CodecError{Reason::bad_content, 22, 13});
    const Dialect f = small("22 = { name = 'x', max = 3, content = 'n', body = 'bcd', pad_side = 'right', pad = 'F' }");
    CHECK(hex_of(f, 22, "051").ends_with("051f"));
    CHECK(pack_refusal(f, 22, "51") == Reason::wrong_length);  // F is no digit: a reader could not tell
}

TEST_CASE("iso8583: packed lengths that are no numbers, or half a byte too many, are refused") {
    const Dialect bcd = small("48 = { name = 'x', length = 'LLVAR', max = 40, content = 'ans', prefix = 'bcd', unit = 'nibbles' }");
    CHECK(refusal(bcd, kMti + "0000000000010000" "0a").reason == Reason::bad_length);
    CHECK(refusal(bcd, kMti + "0000000000010000" "a0").reason == Reason::bad_length);
    CHECK(refusal(bcd, kMti + "0000000000010000" "03" "4142").reason == Reason::bad_length);
    const Dialect bytes = small("2 = { name = 'x', length = 'LLVAR', max = 19, content = 'n', body = 'bcd', prefix = 'bcd', unit = 'bytes' }");
    CHECK(decoded(bytes, 2, kMti + "4000000000000000" "10" "01234567890123456789") == "1234567890123456789");
    CHECK(refusal(bytes, kMti + "4000000000000000" "10" "11234567890123456789").reason == Reason::length_over_max);
    CHECK(refusal(bytes, kMti + "4000000000000000" "11" "0001234567890123456789").reason == Reason::length_over_max);
}

TEST_CASE("iso8583: MTI and bitmap in their other encodings") {
    const Dialect hex = small("3 = { name = 'x', max = 6, content = 'n' }", "bitmap = 'hex'");
    CHECK(hex_of(hex, 3, "123456") == kMti + to_hex(as_bytes("2000000000000000" "123456")));
    CHECK(decoded(hex, 3, kMti + to_hex(as_bytes("2000000000000000" "123456"))) == "123456");
    CHECK(refusal(hex, kMti + to_hex(as_bytes("200000000000000a"))) == CodecError{Reason::bad_bitmap, 1, 19});
    const Dialect bcd = small("3 = { name = 'x', max = 6, content = 'n' }", "mti = 'bcd'");
    CHECK(hex_of(bcd, 3, "123456") == "0200" "2000000000000000" + to_hex(as_bytes("123456")));
    CHECK(decoded(bcd, 3, "0200" "2000000000000000" + to_hex(as_bytes("123456"))) == "123456");
    CHECK(refusal(bcd, "0a00" "0000000000000000").reason == Reason::bad_mti);
}

TEST_CASE("iso8583: what does not fit is refused when packing") {
    CHECK(pack_refusal(shipped(), 4, "2372", 23) == Reason::message_too_long);
    CHECK(pack_refusal(shipped(), 4, "2372", 3) == Reason::message_too_long);
    CHECK(pack_refusal(shipped(), 4, "2372", 11) == Reason::message_too_long);
    CHECK(pack_refusal(shipped(), 48, std::string(kArenaBytes + 1, 'x')) == Reason::message_too_long);
    CHECK(pack_refusal(shipped(), 65, "x") == Reason::unknown_field);
    CHECK(pack_refusal(shipped(), 48, std::string(1000, 'x')) == Reason::length_over_max);
    Message m;
    for (const unsigned n : {46U, 47U, 48U, 56U, 57U}) m.set(n, std::string(999, 'x'));
    Buffer out(2 * kFrameBytesMax);
    CHECK(pack(shipped(), m, out).error().reason == Reason::message_too_long);
    m.clear();
    m.set_mti("02x0");
    CHECK(pack(shipped(), m, out).error() == CodecError{Reason::bad_mti, 0, 0});
}

TEST_CASE("iso8583: a field set twice has its last value, in place or moved") {
    Message m;
    m.set(48, "long value");
    m.set(48, "short");
    CHECK(m.field(48) == "short");
    m.set(48, "a longer value than before");
    CHECK(m.field(48) == "a longer value than before");
    m.set(48, m.field(48).substr(2));
    CHECK(m.field(48) == "longer value than before");
    Message other;
    other.copy(48, m);
    other.copy(4, m);
    CHECK(other.field(48) == m.field(48));
    CHECK_FALSE(other.has(4));
    CHECK_FALSE(other.has(0));
    CHECK_FALSE(other.has(129));
    for (int i = 0; i < 10'000; ++i) m.set(48, "short");  // the arena does not fill up
    CHECK_FALSE(m.overflowed());
}

TEST_CASE("iso8583: an echoed field goes out as it came in, whether its value was decoded or not") {
    const std::string fields = R"(
        2 = { name = "pan", length = "LLVAR", max = 19, content = "n" }
        3 = { name = "packed", max = 5, content = "n", body = "bcd" }
        41 = { name = "terminal", max = 4, content = "ans", body = "ebcdic" }
        70 = { name = "code", max = 3, content = "n" })";
    const Dialect dialect = small(fields);
    Message request;
    request.set_mti("0200");
    request.set(2, "12345678");
    request.set(3, "00042");
    request.set(41, "AB12");
    request.set(70, "301");
    const Buffer frame = packed(dialect, request);
    REQUIRE(unpack(dialect, frame, request));

    Message answer;
    answer.set_mti("0200");
    for (const unsigned n : {2U, 3U, 5U, 41U, 70U}) answer.echo(n, request);
    CHECK_FALSE(answer.has(5));  // the request has none
    for (const unsigned n : {2U, 3U, 41U, 70U}) CHECK(answer.field(n) == request.field(n));
    CHECK(packed(dialect, answer) == frame);

    answer.set(2, "9");  // after it, the field is an ordinary one
    CHECK(answer.echoed(2).empty());
    request.set(2, "9");
    CHECK(packed(dialect, answer) == packed(dialect, request));
}

TEST_CASE("iso8583: numbers are read and written with leading zeros") {
    Message m;
    m.set_number(4, 0, 12);
    CHECK(m.field(4) == "000000000000");
    CHECK(m.number(4) == 0);
    m.set(48, "12x");
    CHECK_FALSE(m.number(48));
    m.set(48, "");
    CHECK_FALSE(m.number(48));
    m.set(48, "1234567890123456789");
    CHECK_FALSE(m.number(48));
    CHECK_FALSE(m.number(5));
}

TEST_CASE("iso8583: the MAC covers everything before the last field, DE64 or DE128") {
    Message m;
    fill_purchase(m);
    const Buffer frame = packed(shipped(), m);
    const auto primary = mac_input(shipped(), frame);
    REQUIRE(primary.has_value());
    CHECK(to_hex(primary->mac) == "0102030405060708");
    CHECK(primary->covered.data() == frame.data());
    CHECK(primary->covered.size() == frame.size() - 8);

    m.set(70, "301");
    CHECK(mac_input(shipped(), packed(shipped(), m)).error().reason == Reason::no_mac);  // DE64 is not the last
    m.remove(64);
    m.set(128, "ABCDEFGH");
    const Buffer extended = packed(shipped(), m);
    CHECK(as_text(mac_input(shipped(), extended)->mac) == "ABCDEFGH");
    m.remove(128);
    m.remove(70);
    CHECK(mac_input(shipped(), packed(shipped(), m)).error().reason == Reason::no_mac);
    CHECK(mac_input(shipped(), *from_hex(kMti + "0000000000000001" "01020304")).error().reason == Reason::no_mac);
    CHECK(mac_input(shipped(), *from_hex(kMti)).error().reason == Reason::truncated);
    CHECK(mac_input(shipped(), *from_hex(kMti + "8000000000000001")).error().reason == Reason::truncated);
    CHECK(mac_input(shipped(), Buffer(kFrameBytesMax + 1)).error().reason == Reason::frame_too_long);
}

TEST_CASE("iso8583: explain shows every field and no card data") {
    Message m;
    fill_purchase(m);
    m.set(52, "\x11\x22\x33\x44\x55\x66\x77\x88");
    m.set(45, "B5413330089020011^NEWCOMER/A^2912");
    m.set(102, "not a number");
    Buffer frame = packed(shipped(), m);
    const std::string text = explain(shipped(), frame);
    CHECK(text.find("541333******0011") != std::string::npos);
    CHECK(text.find("Amount, transaction: \"000000002372\"") != std::string::npos);
    CHECK(text.find("DE41") != std::string::npos);
    for (const char* secret : {"5413330089020011", "2912", "NEWCOMER", "1122334455667788", "not a number"})
        CHECK(text.find(secret) == std::string::npos);
    frame.pop_back();
    const std::string cut = explain(shipped(), frame);
    CHECK(cut.find("refused: DE128") == std::string::npos);
    CHECK(cut.find("refused: DE") != std::string::npos);
    CHECK(cut.find("DE49") != std::string::npos);
    CHECK(explain(shipped(), {}).find("refused: MTI at byte 0: the frame ends too early") != std::string::npos);
}

TEST_CASE("iso8583: every reason has words of its own") {
    for (int a = 0; a <= static_cast<int>(Reason::no_mac); ++a)
        for (int b = 0; b < a; ++b) CHECK(to_string(static_cast<Reason>(a)) != to_string(static_cast<Reason>(b)));
}
