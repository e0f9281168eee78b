// ISO 8583: frames of terminals and issuers' hosts by three dialects, and the dialect file itself.
#include <algorithm>

#include "iso8583/codec.hpp"
#include "iso8583/request.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/iso8583/sample.hpp"
#include "util/file.hpp"

namespace giro::fuzz {

namespace {
using iso8583::Dialect;
using iso8583::Message;
constexpr const char* kShipped = GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml";

// Every encoding that the shipped dialect has no use for: packed digits, EBCDIC, nibble counts, binary prefixes.
constexpr std::string_view kPacked = R"(
name = "packed"
[message]
mti = "bcd"
bitmap = "hex"
mac_bytes = 4
[defaults]
prefix = "bcd"
[fields]
2 = { name = "pan", length = "LLVAR", max = 19, body = "bcd", pad_side = "right", pad = "F", unit = "nibbles", content = "n", mask = "pan" }
3 = { name = "code", max = 6, body = "bcd", content = "n" }
4 = { name = "amount", max = 12, body = "bcd", content = "n" }
28 = { name = "fee", max = 9, content = "x+n" }
32 = { name = "acquirer", length = "LLVAR", max = 11, body = "bcd", unit = "bytes", content = "n", pad_side = "left" }
35 = { name = "track", length = "LLVAR", max = 37, body = "bcd", pad_side = "right", pad = "F", content = "z", mask = "track" }
37 = { name = "rrn", max = 12, body = "ebcdic", content = "an" }
41 = { name = "terminal", max = 8, body = "ebcdic", content = "ans" }
43 = { name = "name", length = "LLLVAR", max = 40, body = "ebcdic", unit = "nibbles", content = "ans" }
48 = { name = "more", length = "LLLLVAR", max = 4000, prefix = "binary", content = "ans", mask = "hide" }
52 = { name = "pin", max = 8, body = "binary", content = "b", mask = "hide" }
55 = { name = "chip", length = "LLLVAR", max = 255, prefix = "binary", body = "binary", unit = "nibbles", content = "b" }
63 = { name = "qr", length = "LLVAR", max = 99, prefix = "ascii", content = "as" }
64 = { name = "mac", max = 4, body = "binary", content = "b" }
70 = { name = "network", max = 3, body = "bcd", content = "n" }
128 = { name = "mac", max = 4, body = "binary", content = "b" }
)";
// A binary bitmap over ASCII letters, and no MAC.
constexpr std::string_view kPlain = R"(
name = "plain"
[message]
[fields]
2 = { name = "letters", length = "LLVAR", max = 40, unit = "nibbles", prefix = "binary", content = "a" }
3 = { name = "special", max = 5, content = "s" }
4 = { name = "digits and special", max = 3, pad_side = "left", pad = "*", content = "ns" }
11 = { name = "stan", max = 6, content = "n" }
49 = { name = "currency", max = 3, content = "n" }
66 = { name = "more", length = "LLLVAR", max = 999, content = "ans" }
)";

const std::array<Dialect, 3>& dialects() {
    static const std::array<Dialect, 3> all = {iso8583::load_dialect(kShipped).value(),
                                               iso8583::parse_dialect(kPacked, "packed").value(),
                                               iso8583::parse_dialect(kPlain, "plain").value()};
    return all;
}

// What unpacks packs again to the same bytes (codec.hpp).
void packs_again(const Dialect& dialect, const Message& message, Bytes frame) {
    Buffer out(iso8583::kFrameBytesMax);
    const auto packed = iso8583::pack(dialect, message, out);
    ASSERT(packed.has_value());
    ASSERT(std::ranges::equal(Bytes(out).first(*packed), frame));
}

Buffer packed_sample() {
    Message m;
    m.set_mti("0200");
    m.set(2, "541333008902001");
    m.set(3, "000000");
    m.set_number(4, 2372, 12);
    m.set(28, "C00000015");
    m.set(32, "970002");
    m.set(35, "541333008902001D2912201");
    m.set(37, "632616004711");
    m.set(41, "TERM0001");
    m.set(43, "Corner shop");
    m.set(48, "abc");
    m.set(52, "\1\2\3\4\5\6\7\10");
    m.set(55, "\x9f\x26\x01\x41");
    m.set(63, "a code");
    m.set(70, "301");
    m.set(128, "\1\2\3\4");
    return iso8583::packed(dialects()[1], m);
}
}  // namespace

void run_iso8583_message(Bytes input) {
    const Dialect& dialect = dialects()[take_choice(input, dialects().size())];
    static_cast<void>(iso8583::explain(dialect, input));
    Message message;
    const auto unpacked = iso8583::unpack(dialect, input, message);
    if (!unpacked) {
        ASSERT(!unpacked.error().text().empty());
        return;
    }
    packs_again(dialect, message, input);
    if (const auto mac = iso8583::mac_input(dialect, input))
        ASSERT(mac->covered.size() + mac->mac.size() == input.size());
    PaymentRequest request;
    if (!iso8583::to_request(input, message, request)) return;
    ASSERT(request.amount >= 0 && request.amount <= kAmountMax && request.raw.size() == input.size());
}

Seeds seeds_iso8583_message() {
    Seeds seeds;
    Message m;
    iso8583::fill_purchase(m);
    seeds.push_back(chosen(0, iso8583::packed(dialects()[0], m)));
    m.remove(64);
    m.set_mti("0400");
    m.set(48, "a text");
    m.set(63, "hQVDUFYwMQ==");
    m.set(70, "161");
    m.set(90, "020000471111221530000000097000200000000000");
    m.set(128, "\1\2\3\4\5\6\7\10");
    seeds.push_back(chosen(0, iso8583::packed(dialects()[0], m)));
    seeds.push_back(chosen(1, packed_sample()));
    m.clear();
    m.set_mti("0800");
    m.set(2, "ABC");
    m.set(3, "*+-/.");
    m.set(4, "1");
    m.set(11, "000001");
    m.set(49, "978");
    m.set(66, "more");
    seeds.push_back(chosen(2, iso8583::packed(dialects()[2], m)));
    return seeds;
}

// What loads is a dialect that every frame is safe with.
void run_iso8583_dialect(Bytes input) {
    const auto dialect = iso8583::parse_dialect(as_text(input), "fuzz");
    if (!dialect) {
        ASSERT(dialect.error().kind == Failure::Kind::config && dialect.error().what.starts_with("fuzz:"));
        return;
    }
    static const Buffer frame = packed_sample();
    Message message;
    if (iso8583::unpack(*dialect, frame, message)) packs_again(*dialect, message, frame);
    static_cast<void>(iso8583::explain(*dialect, frame));
}

Seeds seeds_iso8583_dialect() {
    return {owned(kPacked),
            owned(kPlain),
            read_file(kShipped).value(),
            owned("name = \"x\"\n[message]\nmti = \"bcd\"\nmac_bytes = 3\n[fields]\n64 = { name = \"m\", max = 8, "
                  "content = \"n\" }\n"),
            owned("name = 1\nother = 2\n[message]\nbitmap = \"x\"\n[defaults]\nmax = 0\n[fields]\n1 = { }\n129 = { "
                  "}\n2 = 3\n"),
            owned("fields = 1\nmessage = 2\n"),
            owned("name = \"x\"\n[message]\n[fields]\n2 = { name = \"n\", max = 200, length = \"LLVAR\", content = "
                  "\"n\" }\n"),
            owned("name = \"x\"\n[message]\n[fields]\n3 = { name = \"n\", max = 4, body = \"bcd\", content = \"ans\", "
                  "pad_side = \"none\", pad = \"G\" }\n")};
}

}  // namespace giro::fuzz
