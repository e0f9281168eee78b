// What a card says of itself: DE55 for the decision, DE22, track 2, the printed value. The data of a real DE55 is EMV's
// own (Book 3 Annex A), that of the cryptograms the public vectors' (tests/hsm/payment/chip_test.cpp).
#include <doctest/doctest.h>

#include "iso8583/canonical.hpp"
#include "iso8583/chip.hpp"
#include "iso8583/codec.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::iso8583;

namespace {
Buffer hex(std::string_view text) {
    auto bytes = from_hex(text);
    REQUIRE(bytes.has_value());
    return *bytes;
}
Dialect shipped(const std::string& name = "iso1987-ascii") {
    const auto dialect = load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/" + name + ".toml");
    REQUIRE(dialect.has_value());
    return *dialect;
}
constexpr std::string_view kField =
    "9f0206000000004000"
    "9f03060000000000009f1a020124"
    "95058000048000"
    "5f2a020124"
    "9a03191105"
    "9c0101"
    "9f370452bf4585"
    "82021800"
    "9f3602001c"
    "9f100706010a03a06010"
    "9f260829cca15ae665fa2e"
    "9f270180"
    "5f340102";

ChipData parsed(Bytes field, const std::string& sequence = {}) {
    static const Dialect dialect = shipped();
    Message m;
    m.set(kChipField, field);
    if (!sequence.empty()) m.set(kCardSequenceField, sequence);
    return chip_data_of(dialect, m);
}
using State = ChipData::State;

std::string without(std::string_view tag_and_rest) {
    std::string text(kField);
    const auto at = text.find(tag_and_rest);
    REQUIRE(at != std::string::npos);
    return text.erase(at, tag_and_rest.size());
}
}  // namespace

TEST_CASE("chip data: what goes under CVN 10's cryptogram, in its order") {
    const ChipData chip = parsed(hex(kField));
    REQUIRE(chip.state == State::whole);
    CHECK(to_hex(chip.data()) ==
          "00000000400000000000000001248000048000012419110501"
          "52bf45851800001c03a06010");
    CHECK(chip.cvn == 10);
    CHECK(chip.type == CryptogramType::arqc);
    CHECK(to_hex(chip.cryptogram) == "29cca15ae665fa2e");
    CHECK(to_hex(chip.atc) == "001c");
    CHECK(chip.psn == 2);
    CHECK(chip.amount == 4000);
    CHECK(chip.currency == 124);
}

TEST_CASE("chip data: CVN 18 has all of the issuer's data under its cryptogram; other versions are not known") {
    std::string text(kField);
    text.replace(text.find("06010a03a06010"), 14, "06011203a0b800");
    const ChipData chip = parsed(hex(text));
    REQUIRE(chip.state == State::whole);
    CHECK(chip.cvn == 18);
    CHECK(to_hex(chip.data()) == "0000000040000000000000000124800004800001241911050152bf45851800001c06011203a0b800");
    text.replace(text.find("06011203a0b800"), 14, "06011103a0b800");
    CHECK(parsed(hex(text)).state == State::unsupported);
}

TEST_CASE("chip data: what the card answered is what it says under its cryptogram; 9F27 that says otherwise is malformed") {
    const auto field = [](std::string_view results, std::string_view information) {
        std::string text(kField);
        text.replace(text.find("03a06010") + 2, 2, results);
        text.replace(text.find("9f270180"), 8, information);
        return parsed(hex(text));
    };
    struct Row {
        const char *results, *information;
        CryptogramType type;
    };
    constexpr Row kRows[] = {{"a0", "9f270180", CryptogramType::arqc}, {"90", "9f270140", CryptogramType::tc},
                             {"60", "9f270140", CryptogramType::tc},   {"80", "9f270100", CryptogramType::aac},
                             {"20", "9f270100", CryptogramType::aac},  {"80", "", CryptogramType::aac}};
    for (const Row& row : kRows) {
        CAPTURE(row.results);
        CHECK(field(row.results, row.information).state == State::whole);
        CHECK(field(row.results, row.information).type == row.type);
    }
    // A card that said no, or approved by itself, passed off as one that asks.
    CHECK(field("80", "9f270180").state == State::malformed);
    CHECK(field("80", "9f270180").type == CryptogramType::aac);
    CHECK(field("90", "9f270180").state == State::malformed);
    for (const char* reserved : {"f0", "b0", "c0"}) CHECK(field(reserved, "").state == State::malformed);
    std::string text(kField);
    text.replace(text.find("03a06010"), 2, "04");
    CHECK(parsed(hex(text)).state == State::malformed);
}

TEST_CASE("chip data: other amounts, type and sequence number may be missing, nothing else") {
    CHECK(to_hex(parsed(hex(without("9f0306000000000000"))).data()) == to_hex(parsed(hex(kField)).data()));
    CHECK(parsed(hex(without("9f270180"))).type == CryptogramType::arqc);
    CHECK(parsed(hex(without("5f340102"))).psn == 0);
    CHECK(parsed(hex(without("5f340102")), "003").psn == 3);
    CHECK(parsed(hex(kField), "003").psn == 2);  // the chip's own word goes first
    CHECK(parsed(hex(without("5f340102")), "123").psn == 0);
    for (const char* tag :
         {"9f0206000000004000", "9f1a020124", "95058000048000", "5f2a020124", "9a03191105", "9c0101", "9f370452bf4585",
          "82021800", "9f3602001c", "9f100706010a03a06010", "9f260829cca15ae665fa2e"}) {
        CAPTURE(tag);
        CHECK(parsed(hex(without(tag))).state == State::malformed);
    }
}

TEST_CASE(
    "chip data: a tag given twice, one of another size, or digits that are none are malformed; others are passed "
    "over") {
    const std::string text(kField);
    CHECK(parsed(hex(text + "9f3602001d")).state == State::malformed);
    CHECK(parsed(hex(without("9c0101") + "9c020101")).state == State::malformed);
    CHECK(parsed(hex(without("9f100706010a03a06010") + "9f100606010a03a060")).state == State::malformed);
    CHECK(parsed(hex(without("9f0206000000004000") + "9f020600000000400a")).state == State::malformed);
    CHECK(parsed(hex(without("5f2a020124") + "5f2a021124")).state == State::malformed);  // 1124: no currency
    CHECK(parsed(hex(text + "84079999999999999957021234"
                            "9f3303e0f8c8"))
              .state == State::whole);
    CHECK(parsed(hex("00" + text + "0000")).state == State::whole);  // EMV Book 3, Annex B1
    CHECK(parsed(Buffer(kChipBytesMax + 1, std::byte{0})).state == State::malformed);
    Message none;
    CHECK(chip_data_of(shipped(), none).state == State::absent);
}

TEST_CASE("chip data: every truncation is malformed, and a flipped bit of what the cryptogram covers is seen") {
    const Buffer field = hex(kField);
    for (std::size_t size = 1; size < field.size() - 4; ++size)  // the last tag may be missing
        if (size != field.size() - 8)                            // as may the one before it
            CHECK(parsed(Bytes(field).first(size)).state == State::malformed);
    const ChipData good = parsed(field);
    constexpr std::uint16_t kUnder[] = {0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36, 0x9F10, 0x9F26};
    for (const std::uint16_t tag : kUnder) {
        const Bytes value = chip_tag(field, tag).value();
        const auto at = static_cast<std::size_t>(value.data() - field.data());
        for (std::size_t bit = tag == 0x9F10 ? 16 : 0; bit < 8 * value.size(); ++bit) {  // not the issuer data's format and key
            Buffer other = field;
            other[at + bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
            const ChipData chip = parsed(other);
            const bool same = to_hex(chip.data()) == to_hex(good.data()) && chip.cryptogram == good.cryptogram;
            CHECK((chip.state != State::whole || !same));
        }
    }
}

TEST_CASE("chip field: bytes go in and out in every shipped dialect; what does not fit is told") {
    const Buffer field = hex(kField);
    for (const char* name : {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"}) {
        CAPTURE(name);
        const Dialect dialect = shipped(name);
        Message m, read;
        m.set_mti(dialect.edition == Edition::y1987 ? "0200" : dialect.edition == Edition::y1993 ? "1200" : "2200");
        REQUIRE(put_chip(dialect, m, field));
        ByteArray<kFrameBytesMax> out;
        const auto size = pack(dialect, m, out);
        REQUIRE(size.has_value());
        REQUIRE(unpack(dialect, Bytes(out).first(*size), read).has_value());
        CHECK(chip_bytes_of(dialect, read) == field);
        CHECK(chip_data_of(dialect, read).state == State::whole);
        CHECK(!put_chip(dialect, m, Buffer(4001, std::byte{1})));
        CHECK(!put_chip(dialect, m, {}));
    }
    Message none;
    CHECK(!chip_bytes_of(shipped(), none).has_value());
    const Buffer answer =
        issuer_authentication_field(hex("0011223344556677"
                                        "3030"));
    CHECK(to_hex(answer) == "910a00112233445566773030");
    CHECK(to_hex(chip_tag(answer, 0x91).value()) == "00112233445566773030");
    CHECK(!chip_tag(answer, 0x8a).has_value());
    CHECK(!chip_tag(hex("91ff00"), 0x91).has_value());
}

TEST_CASE("entry mode: DE22 of 1987 by its first two digits, of 1993 by its seventh character") {
    const auto of = [](const char* dialect, const char* value) {
        Message m;
        m.set(kEntryModeField, value);
        return card_entry_of(shipped(dialect), m);
    };
    CHECK(of("iso1987-ascii", "051") == CardEntry::chip);
    CHECK(of("iso1987-ascii", "071") == CardEntry::contactless);
    CHECK(of("iso1987-ascii", "801") == CardEntry::fallback);
    CHECK(of("iso1987-ascii", "901") == CardEntry::stripe);
    CHECK(of("iso1987-ascii", "021") == CardEntry::stripe);
    CHECK(of("iso1987-ascii", "011") == CardEntry::manual);
    CHECK(of("iso1987-ascii", "000") == CardEntry::unknown);
    CHECK(of("iso1993", "210101511344") == CardEntry::chip);
    CHECK(of("iso1993", "210101211344") == CardEntry::stripe);
    CHECK(of("iso1993", "210101611344") == CardEntry::manual);
    CHECK(of("iso1993", "210101011344") == CardEntry::unknown);
    Message none;
    CHECK(card_entry_of(shipped(), none) == CardEntry::unknown);
}

TEST_CASE("entry mode: DE22 of 2003 by its flags of how the card was read; of several the one that asks for most") {
    const Dialect dialect = shipped("iso2003");
    const auto of = [&](const char* flags) {
        Message m;
        m.set(kEntryModeField, hex(std::string(flags) + std::string(32 - std::string(flags).size(), '0')));
        return card_entry_of(dialect, m);
    };
    CHECK(of("20") == CardEntry::chip);
    CHECK(of("02") == CardEntry::contactless);
    CHECK(of("10") == CardEntry::stripe);
    CHECK(of("04") == CardEntry::manual);
    CHECK(of("40") == CardEntry::manual);
    CHECK(of("1020") == CardEntry::fallback);
    CHECK(of("3008") == CardEntry::fallback);  // the chip was read, and failed
    CHECK(of("34") == CardEntry::chip);
    CHECK(of("12") == CardEntry::contactless);
    for (const char* unknown : {"00", "01", "08", "80", "000020"}) CHECK(of(unknown) == CardEntry::unknown);
    Message none, shorter;
    shorter.set(kEntryModeField, hex("20"));
    CHECK(card_entry_of(dialect, none) == CardEntry::unknown);
    CHECK(card_entry_of(dialect, shorter) == CardEntry::unknown);
}

TEST_CASE("entry mode: what is put in is read again in every dialect, and packs; where there is no word for it nothing is") {
    for (const char* name : {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"})
        for (const CardEntry entry : {CardEntry::manual, CardEntry::stripe, CardEntry::chip, CardEntry::contactless, CardEntry::fallback}) {
            CAPTURE(name);
            const Dialect dialect = shipped(name);
            const bool said = dialect.edition != Edition::y1993 || entry < CardEntry::fallback || entry == CardEntry::chip;
            Message m;
            put_mti(dialect, m, "0200");
            put_card_entry(dialect, m, entry);
            CHECK(m.has(kEntryModeField) == said);
            Buffer frame(kFrameBytesMax);
            const auto size = pack(dialect, m, frame);
            REQUIRE(size.has_value());
            Message back;
            REQUIRE(unpack(dialect, Bytes(frame).first(*size), back).has_value());
            CHECK(card_entry_of(dialect, back) == (said ? entry : CardEntry::unknown));
        }
    Dialect without = shipped();
    without.fields[kEntryModeField] = {};
    Message m;
    put_card_entry(without, m, CardEntry::chip);
    CHECK(!m.has(kEntryModeField));
}

TEST_CASE("track 2: number, expiry, service code and what the issuer put behind; anything else is malformed") {
    const auto of = [](const std::string& track) {
        Message m;
        m.set(kTrack2Field, track);
        return track2_of(m);
    };
    const Track2 track = of("9700010000000013=49122010000012399");
    REQUIRE(track.state == Track2::State::whole);
    CHECK(track.pan.reveal() == "9700010000000013");
    CHECK(track.expiry.view() == "4912");
    CHECK(track.service_code.view() == "201");
    CHECK(track.discretionary.view() == "0000012399");
    CHECK(of("9700010000000013D4912201").state == Track2::State::whole);
    for (const char* bad : {"9700010000000013", "9700010000000013=491220", "=4912201", "9700010000000013=49122010=0",
                            "12=4912201", "9700010000000013=4912;01", "97000100=49122010000000000000000000000"})
        CHECK_MESSAGE(of(bad).state == Track2::State::malformed, bad);
    Message none;
    CHECK(track2_of(none).state == Track2::State::absent);
}

TEST_CASE(
    "CVV2: three digits in the dialect's cvv2_field, which is hidden in traces; a field that cannot hold them is a "
    "mistake") {
    for (const char* name : {"iso1987-ascii", "iso1987-bcd", "iso1987-ebcdic", "iso1993", "iso2003"}) {
        CAPTURE(name);
        const Dialect dialect = shipped(name);
        REQUIRE(dialect.cvv2_field == 126);
        CHECK(dialect.fields[126].mask == Masking::hide);
        Message m;
        CHECK(!printed_cvv_of(dialect, m).present);
        m.set(126, "123");
        CHECK(printed_cvv_of(dialect, m).value.view() == "123");
        for (const char* bad : {"12", "1234", "12a"}) {
            m.set(126, bad);
            CHECK(printed_cvv_of(dialect, m).present);
            CHECK(printed_cvv_of(dialect, m).value.empty());
        }
    }
    const auto complaint = [](const std::string& settings, const std::string& fields) {
        const auto dialect =
            parse_dialect("name = 'x'\n[message]\n" + settings + "\n[fields]\n" + fields + "\n", "d.toml");
        return dialect ? std::string() : dialect.error().what;
    };
    const std::string field = "126 = { name = 'x', length = 'LLVAR', max = 48, content = 'ans' }";
    CHECK(complaint("cvv2_field = 126", field).empty());
    CHECK(complaint("cvv2_field = 125", field).find("d.toml:3") == 0);
    CHECK(complaint("cvv2_field = 126\nksn_field = 126", field).find("ksn_field") != std::string::npos);
    CHECK(complaint("cvv2_field = 126", "126 = { name = 'x', max = 4, content = 'n' }").find("3 digits") !=
          std::string::npos);
    CHECK(complaint("cvv2_field = 126", "126 = { name = 'x', length = 'LLVAR', max = 9, content = 'a' }")
              .find("3 digits") != std::string::npos);
}
