// ISO 8583: frames of terminals and issuers' hosts by the shipped dialects and three that use every setting, what is
// inside a field, and the dialect file itself.
#include <algorithm>

#include "iso8583/canonical.hpp"
#include "iso8583/chip.hpp"
#include "iso8583/explain.hpp"
#include "iso8583/ksn.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/pin.hpp"
#include "iso8583/request.hpp"
#include "iso8583/totals.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/iso8583/sample.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::fuzz {

namespace {
using iso8583::Dialect;
using iso8583::Message;
constexpr const char* kFolder = GIRO_SOURCE_DIR "/firmware-config/dialects";
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

// Layouts of every kind, strict and lax, in packed and plain fields; a header; a MAC over pieces.
constexpr std::string_view kNested = R"(
name = "nested"
[message]
mti = "ebcdic"
bitmap = "ebcdic"
header = "tpdu"
[mac]
length = "bcd2"
header = true
fields = [0, 4, 1, 48]
[defaults]
prefix = "ebcdic"
content = "ans"
[fields]
3 = { name = "code", max = 6, content = "n", body = "bcd", layout = "code" }
4 = { name = "amount", max = 12, content = "n", body = "ebcdic" }
48 = { name = "private", length = "LLLVAR", max = 999, layout = "private" }
55 = { name = "chip", length = "LLLVAR", max = 999, content = "b", body = "binary", layout = "chip" }
62 = { name = "lax", length = "LLLVAR", max = 999, content = "b", body = "binary", layout = "lax" }
64 = { name = "mac", max = 8, body = "binary", content = "b" }
[layouts.code]
kind = "parts"
parts = [ { name = "a", size = 1 }, { name = "b", size = 2, mask = "hide" }, { name = "rest", size = 0 } ]
[layouts.private]
kind = "tlv"
tag_bytes = 2
length_bytes = 3
unknown = "none"
tags.01 = { name = "one", mask = "pan" }
tags.02 = { name = "two", layout = "private" }
[layouts.chip]
kind = "ber-tlv"
tags.5A = { name = "PAN", mask = "pan", body = "bcd" }
tags.57 = { name = "track", mask = "track", body = "bcd" }
tags.70 = { name = "record", layout = "chip" }
tags.9F26 = { name = "cryptogram", body = "binary" }
[layouts.lax]
kind = "tlv"
strict = false
tag = "bcd"
length = "binary"
tag_bytes = 1
length_bytes = 2
tags.77 = { name = "seven", layout = "chip" }
[layouts.packed]
kind = "tlv"
tag = "binary"
length = "bcd"
tag_bytes = 1
length_bytes = 1
)";

// A mistake each, behind a dialect that is fine up to there.
constexpr std::string_view kMistakes[] = {
    "[classes]\nq = { max = 3 }\n", "[classes]\nn = 3\n", "[mac]\nfields = []\n", "[mac]\nfields = [5, 128, 2, 2]\n",
    "[response_codes]\n000 = \"00\"\nother = \"05\"\n", "[layouts.two]\nkind = \"tlv\"\ntag_bytes = 2\nlength_bytes = 1\ntags.001 = { name = \"x\" }\n",
    "[layouts.ber]\nkind = \"ber-tlv\"\nlength_bytes = 1\ntags.9a = { name = \"a\" }\ntags.9A = { name = \"b\" }\n",
    "[layouts.parts]\nkind = \"parts\"\nparts = [{ name = \"a\", size = 0 }, { name = \"b\", size = 1 }]\n", "[layouts]\nx = 1\n"};

// The number of a dialect is its first byte in the inputs: append only.
const std::vector<Dialect>& dialects() {
    static const std::vector<Dialect> all = [] {
        std::vector<Dialect> out = {iso8583::load_dialect(kShipped).value(), iso8583::parse_dialect(kPacked, "packed").value(),
                                    iso8583::parse_dialect(kPlain, "plain").value(), iso8583::parse_dialect(kNested, "nested").value()};
        std::vector<std::string> others;
        for (const char* name : iso8583::kShippedDialects)
            if (std::string_view(name) != "iso1987-ascii") others.emplace_back(name);
        auto loaded = iso8583::load_dialects(kFolder, others).value();
        for (Dialect& dialect : loaded) out.push_back(std::move(dialect));
        return out;
    }();
    return all;
}

// What unpacks packs again to the same bytes (codec.hpp).
void packs_again(const Dialect& dialect, const Message& message, Bytes frame) {
    Buffer out(iso8583::kFrameBytesMax);
    const auto packed = iso8583::pack(dialect, message, out);
    ASSERT(packed.has_value());
    ASSERT(std::ranges::equal(Bytes(out).first(*packed), frame));
}

// What a reconciliation says, said again, is read as the same.
void totals_come_back(const Dialect& dialect, const Message& message) {
    constexpr Currency kCurrency = 978;
    const auto claim = iso8583::read_totals(dialect, message, kCurrency);
    if (!claim || !dialect.fields[97].defined()) return;
    Message again;
    again.set_mti("0500");
    iso8583::put_totals(dialect, again, *claim, kCurrency);
    const auto read = iso8583::read_totals(dialect, again, kCurrency);
    ASSERT(read.has_value() && read->agrees(claim->totals) && claim->agrees(read->totals));
    ASSERT(!dialect.fields[24].defined() || read->checkpoint == claim->checkpoint);
}

// A reversal in part, said again, is the same; and so is why it comes.
void reversal_comes_back(const Dialect& dialect, const PaymentRequest& request) {
    const bool in_part = request.replacement != 0 && request.replacement <= request.amount;
    if ((request.mti & 0xfff) != 0x400 || !in_part || dialect.partial_reversal == iso8583::PartialReversal::none) return;
    constexpr MinorUnits kSaid = 999'999'999'999;  // what 12 digits hold
    if (request.amount > kSaid) return;
    Message again;
    iso8583::put_mti(dialect, again, "0400");
    if (!iso8583::put_reversal_amounts(dialect, again, request.amount, request.currency, request.replacement)) return;
    iso8583::put_reason(dialect, again, request.reason);
    PaymentRequest read;
    Buffer frame(iso8583::kFrameBytesMax);
    const auto size = iso8583::pack(dialect, again, frame);
    if (!size) return;
    Message in;
    ASSERT(iso8583::unpack(dialect, Bytes(frame).first(*size), in).has_value());
    ASSERT(iso8583::to_request(dialect, Bytes(frame).first(*size), in, read));
    ASSERT(read.amount == request.amount && read.replacement == request.replacement);
    ASSERT(read.reason == request.reason || request.reason == MessageReason::other);  // whose code may be a listed one's
}

// An enciphered PIN, said again where the dialect has it, is the same.
void pin_comes_back(const Dialect& dialect, const Message& message) {
    const auto pin = iso8583::pin_block_of(dialect, message);
    ASSERT(pin.present || pin.size == 0);
    if (pin.size == 0 || !iso8583::carries_pin_block(dialect, pin.size)) return;
    Message again;
    again.set_mti("0200");
    iso8583::put_pin_block(dialect, again, pin.view());
    ASSERT(std::ranges::equal(iso8583::pin_block_of(dialect, again).view(), pin.view()));
}

// How the card was read has a meaning or none; its chip's bytes, said again where the dialect has room, are the same.
void card_comes_back(const Dialect& dialect, const Message& message) {
    ASSERT(iso8583::card_entry_of(dialect, message) <= iso8583::CardEntry::contactless);
    const auto printed = iso8583::printed_cvv_of(dialect, message);
    ASSERT(printed.value.empty() || (printed.present && printed.value.view().size() == 3));
    const auto chip = iso8583::chip_bytes_of(dialect, message);
    Message again;
    again.set_mti("0200");
    if (chip && iso8583::put_chip(dialect, again, *chip)) ASSERT(iso8583::chip_bytes_of(dialect, again) == chip);
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
    totals_come_back(dialect, message);
    pin_comes_back(dialect, message);
    card_comes_back(dialect, message);
    Buffer scratch;
    if (const auto mac = iso8583::mac_input(dialect, input, scratch)) {
        ASSERT(mac->mac.size() == dialect.mac_bytes);
        ASSERT(!dialect.mac.is_one_piece() || mac->covered.size() + mac->mac.size() + dialect.header_bytes() == input.size());
    }
    PaymentRequest request;
    if (!iso8583::to_request(dialect, input, message, request)) return;
    ASSERT(request.amount >= 0 && request.amount <= kAmountMax && request.raw.size() == input.size());
    reversal_comes_back(dialect, request);
    if (const auto ksn = iso8583::ksn_of(dialect, message)) ASSERT(ksn->device().with_counter(ksn->counter()) == *ksn);
}

Seeds seeds_iso8583_message() {
    Seeds seeds;
    Message m;
    iso8583::fill_purchase(m);
    iso8583::put_ksn(dialects()[0], m, *payment::Ksn::parse(Buffer(12, std::byte{0x12})));
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
    m.clear();
    m.set_mti("0200");
    m.set(3, "123456");
    m.set(4, "000000002372");
    m.set(48, "02010" "01005" "54133" "ZZ000");
    m.set(55, iso8583::chip_data());
    m.set(62, from_hex("7700045a02541301000100").value());
    m.set(64, "\1\2\3\4\5\6\7\10");
    seeds.push_back(chosen(3, iso8583::packed(dialects()[3], m)));
    for (std::size_t i = 4; i < dialects().size(); ++i) {
        iso8583::fill_purchase(dialects()[i], m);
        seeds.push_back(chosen(i, iso8583::packed(dialects()[i], m)));
        iso8583::fill_everything(dialects()[i], m);
        seeds.push_back(chosen(i, iso8583::packed(dialects()[i], m)));
        Claim claim;
        for (std::size_t t = 0; t < kTotals; ++t) claim.say(static_cast<Total>(t), static_cast<std::int64_t>(t) + 1);
        claim.say(Total::net, -12'345);
        m.clear();
        iso8583::put_mti(dialects()[i], m, "0500");
        iso8583::put_totals(dialects()[i], m, claim, 978);
        seeds.push_back(chosen(i, iso8583::packed(dialects()[i], m)));
        claim.checkpoint = true;
        if (iso8583::put_totals(dialects()[i], m, claim, 978)) seeds.push_back(chosen(i, iso8583::packed(dialects()[i], m)));
        iso8583::fill_everything(dialects()[i], m);
        if (iso8583::put_reversal_amounts(dialects()[i], m, 2'000, 978, 700)) {
            iso8583::put_reason(dialects()[i], m, MessageReason::completed_partially);
            seeds.push_back(chosen(i, iso8583::packed(dialects()[i], m)));
        }
    }
    // PINs: each size of block alone, then both in one message.
    for (const auto& sizes : {std::vector{iso8583::kPinBlockBytes}, {iso8583::kAesPinBlockBytes}, {iso8583::kPinBlockBytes, iso8583::kAesPinBlockBytes}}) {
        iso8583::fill_purchase(m);
        for (const std::size_t bytes : sizes) iso8583::put_pin_block(dialects()[0], m, Buffer(bytes, std::byte{0xa5}));
        seeds.push_back(chosen(0, iso8583::packed(dialects()[0], m)));
    }
    // How a card was read, by each edition that says so; its printed value.
    for (const std::size_t i : {std::size_t{0}, std::size_t{6}}) {
        const bool first = dialects()[i].edition == iso8583::Edition::y1987;
        for (const char* read : {"011", "021", "051", "071", "801", "991"}) {
            iso8583::fill_purchase(dialects()[i], m);
            m.set(22, first ? std::string(read) : "000000" + std::string(read + 1, 1) + "00000");
            m.set(23, read);
            if (first) m.set(126, read);
            if (i == 0) m.set(55, iso8583::chip_data());
            seeds.push_back(chosen(i, iso8583::packed(dialects()[i], m)));
        }
    }
    return seeds;
}

namespace {
// What is taken for whole stands in the field so, and nothing else is under the cryptogram.
void chip_is_in_field(Bytes field, const iso8583::ChipData& chip) {
    using iso8583::chip_tag;
    ASSERT(chip.cvn == 10 || chip.cvn == 18);
    const auto issuer = chip_tag(field, 0x9F10);
    ASSERT(issuer && issuer->size() >= 7 && issuer->size() <= 32 && (*issuer)[2] == static_cast<std::byte>(chip.cvn));
    constexpr std::size_t kCommon = 33;
    ASSERT(chip.data().size() == kCommon + (chip.cvn == 10 ? 4 : issuer->size()));
    Buffer under;
    static constexpr std::uint16_t kUnder[] = {0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36};
    for (const std::uint16_t tag : kUnder) {
        const auto value = chip_tag(field, tag);
        ASSERT(value || tag == 0x9F03);
        const Buffer none(6);
        const Bytes bytes = value && !value->empty() ? *value : Bytes(none);
        under.insert(under.end(), bytes.begin(), bytes.end());
    }
    ASSERT(std::ranges::equal(under, chip.data().first(kCommon)));
    ASSERT(std::ranges::equal(*chip_tag(field, 0x9F26), chip.cryptogram) && std::ranges::equal(*chip_tag(field, 0x9F36), chip.atc));
    ASSERT(chip.amount >= 0 && chip.psn <= 99 && chip.currency <= 999);
}
}  // namespace

void run_iso8583_card(Bytes input) {
    const Dialect& dialect = dialects()[0];
    const bool chip = take_choice(input, 2) == 0;
    if (input.size() > iso8583::kFrameBytesMax) return;
    Message message;
    message.set(chip ? iso8583::kChipField : iso8583::kTrack2Field, input);
    const auto data = iso8583::chip_data_of(dialect, message);
    if (data.state == iso8583::ChipData::State::whole) chip_is_in_field(input, data);
    constexpr std::size_t kAuthenticationBytesMax = 16;
    if (input.size() <= kAuthenticationBytesMax)
        ASSERT(std::ranges::equal(*iso8583::chip_tag(iso8583::issuer_authentication_field(input), 0x91), input));
    const auto track = iso8583::track2_of(message);
    if (track.state != iso8583::Track2::State::whole) return;
    const std::string_view text = message.trimmed(iso8583::kTrack2Field);
    std::string again(track.pan.reveal());
    again += text[again.size()];
    for (const auto part : {track.expiry.view(), track.service_code.view(), track.discretionary.view()}) again += part;
    ASSERT(again == text);
}

Seeds seeds_iso8583_card() {
    Seeds seeds;
    for (const char* issuer : {"06010a03a06010", "06011203a0b800", "0fa501a03800000000000000000000000f010000000000000000000000000000"}) {
        std::string field = "9f02060000000040009f03060000000000009f1a02012495058000048000" "5f2a0201249a031911059c01019f370452bf458582021800"
                            "9f3602001c9f260829cca15ae665fa2e9f2701805f3401029f10";
        field += to_hex(Buffer{static_cast<std::byte>(std::string_view(issuer).size() / 2)}) + issuer;
        seeds.push_back(chosen(0, from_hex(field).value()));
    }
    seeds.push_back(chosen(0, iso8583::chip_data()));
    seeds.push_back(chosen(0, from_hex("0123456789abcdef3030").value()));
    seeds.push_back(chosen(1, as_bytes("9700010000000013=49122010000012399")));
    seeds.push_back(chosen(1, as_bytes("9700010000000013D4912201")));
    return seeds;
}

// Every layout there is over bytes of any kind: elements lie inside, in order, and their bytes are the value's own.
void run_iso8583_elements(Bytes input) {
    const Dialect& dialect = dialects()[take_choice(input, 2) == 0 ? 0 : 3];
    const auto& layout = dialect.layouts[take_choice(input, dialect.layouts.size())];
    const auto whole = iso8583::check_elements(dialect.layouts, layout, input);
    ASSERT(whole.offset <= input.size());
    iso8583::ElementReader reader(layout, input);
    std::size_t end = 0;
    while (const auto element = reader.next()) {
        ASSERT(element->offset >= end && element->value_offset >= element->offset + element->tag.size());
        end = element->value_offset + element->value.size();
        ASSERT(end <= input.size() && element->value.data() == input.data() + element->value_offset);
        if (!element->tag.empty()) ASSERT(iso8583::find_element(dialect.layouts, layout, input, element->tag).has_value());
    }
    ASSERT((to_string(whole.fault) == "good") == (whole.fault == iso8583::ElementFault::none));
    if (whole.fault == iso8583::ElementFault::none) ASSERT(reader.fault() == iso8583::ElementFault::none);
}

Seeds seeds_iso8583_elements() {
    Seeds seeds;
    const auto add = [&](std::size_t dialect, std::size_t layout, Bytes value) { seeds.push_back(chosen(dialect, chosen(layout, value))); };
    const auto number = [&](std::size_t dialect, std::string_view name) {
        const auto& layouts = dialects()[dialect == 0 ? 0 : 3].layouts;
        return static_cast<std::size_t>(std::ranges::find(layouts, name, &iso8583::Layout::name) - layouts.begin());
    };
    add(0, number(0, "emv"), iso8583::chip_data());
    add(0, number(0, "original"), as_bytes("020000471111221530000000097000200000000000"));
    add(1, number(1, "chip"), from_hex("70065a02541357009f818101010000").value());
    add(1, number(1, "private"), as_bytes("0201001005541330ZZ000"));
    add(1, number(1, "lax"), from_hex("7700045a02541301000100").value());
    add(1, number(1, "packed"), Buffer(14, std::byte{0x11}));
    return seeds;
}

// What loads is a dialect that every frame is safe with; what its MAC covers is the pieces that are shown.
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
    Buffer scratch, joined;
    const auto covered = iso8583::mac_input(*dialect, frame, scratch);
    const auto pieces = iso8583::mac_pieces(*dialect, frame);
    ASSERT(covered.has_value() == pieces.has_value());
    if (!covered) return;
    for (const auto& piece : *pieces) joined.insert(joined.end(), piece.bytes.begin(), piece.bytes.end());
    ASSERT(std::ranges::equal(joined, covered->covered));
}

Seeds seeds_iso8583_dialect() {
    Seeds seeds{
            owned(kPacked),
            owned(kPlain),
            owned(kNested),
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
    for (const std::string_view mistake : kMistakes) seeds.push_back(owned(std::string(kPlain) + std::string(mistake)));
    for (const std::string_view setting : {"pin_field = 55\nksn_field = 55", "pin_field = 3"}) {
        std::string changed(kPacked);
        seeds.push_back(owned(changed.replace(changed.find("[message]"), 9, "[message]\n" + std::string(setting))));
    }
    for (const std::string_view how : {"binary2", "binary4", "ascii4", "bcd2", "bcd4"})
        seeds.push_back(owned(std::string(kPacked) + "[mac]\nfields = [0, 1, 4, 70]\nlength = \"" + std::string(how) + "\"\n"));
    return seeds;
}

}  // namespace giro::fuzz
