// QR codes of both modes, whoever printed or showed them: what is taken can be written and read again as the same.
#include "qr/cpm.hpp"
#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

namespace {
qr::MpmPayload full_code() {
    qr::MpmPayload p;
    p.initiation = qr::Initiation::once;
    p.card_accounts = {{2, "4000123456789012"}};
    p.accounts = {qr::giro_template({MerchantId("M00000000000001"), TerminalId("T0000001"), {}})};
    p.category = "5411";
    p.currency = 978;
    p.amount = "23.72";
    p.country = "DE";
    p.name = "Corner shop";
    p.city = "Berlin";
    p.postal_code = "10115";
    p.additional = qr::Template{62, {{1, "bill 7"}, {8, "food"}}};
    p.language = qr::Template{64, {{0, "de"}, {1, "Laden an der Ecke"}}};
    p.unreserved = {qr::Template{80, {{0, "org.example"}, {1, "x"}}}};
    return p;
}
}  // namespace

void run_qr_mpm(Bytes input) {
    const auto read = qr::decode_mpm(as_text(input));
    if (!read) {
        ASSERT(qr::to_string(read.error()) != "unknown");
        return;
    }
    const auto written = qr::encode_mpm(*read);
    ASSERT(written && qr::decode_mpm(*written) == *read);
    if (const auto account = qr::giro_account(*read)) {
        const auto again = qr::giro_template(*account);
        ASSERT(again.find(0) != nullptr && *again.find(0) == qr::kGiroIdentifier);
    }
    if (read->amount)
        if (const auto minor = qr::parse_amount(*read->amount, read->currency))
            ASSERT(qr::parse_amount(qr::format_amount(*minor, read->currency), read->currency) == minor);
}

// The checksum over whatever came, so that mutations reach what lies behind it.
void run_qr_mpm_signed(Bytes input) {
    std::string text(as_text(input));
    text += "6304";
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const std::uint16_t crc = qr::crc16_ccitt_false(as_bytes(text));
    for (const int shift : {12, 8, 4, 0}) text += kDigits[(crc >> shift) & 15];
    run_qr_mpm(as_bytes(text));
}
Seeds seeds_qr_mpm() {
    Seeds seeds{owned(qr::encode_mpm(full_code()).value())};
    auto tip = full_code();
    tip.initiation = qr::Initiation::many;
    tip.amount.reset();
    tip.tip = "01";
    tip.language.reset();
    seeds.push_back(owned(qr::encode_mpm(tip).value()));
    tip.tip = "02";
    tip.fee_fixed = "1.50";
    seeds.push_back(owned(qr::encode_mpm(tip).value()));
    tip.tip = "03";
    tip.fee_fixed.reset();
    tip.fee_percent = "5";
    tip.reserved = {{65, "kept"}};
    seeds.push_back(owned(qr::encode_mpm(tip).value()));
    return seeds;
}
Seeds seeds_qr_mpm_signed() {
    Seeds seeds = seeds_qr_mpm();
    for (Buffer& seed : seeds) seed.resize(seed.size() - 8);
    return seeds;
}

void run_qr_cpm(Bytes input) {
    const bool raw = take_choice(input, 2) == 1;
    const std::string text = raw ? qr::to_base64(input) : std::string(as_text(input));
    if (raw) ASSERT(qr::from_base64(text) == owned(input));
    const auto application = qr::application_of(text);
    if (application) ASSERT(application->size() >= 5 && application->size() <= 16);
    const auto read = qr::decode_cpm(text);
    if (!read) return;
    ASSERT(application.has_value());
    if (const auto written = qr::encode_cpm(*read)) ASSERT(qr::decode_cpm(*written) == *read);
}
Seeds seeds_qr_cpm() {
    const std::string code = qr::encode_cpm({Buffer(175, std::byte{7})}).value();
    const Buffer bytes = qr::from_base64(code).value();
    Buffer strange = *from_hex("8505435056303162064f04aabbccdd6112");
    const Buffer rest = *from_hex("4f06f04749524f0163089f7101ffdf010142");
    strange.insert(strange.end(), rest.begin(), rest.end());
    return {chosen(0, code), chosen(1, bytes), chosen(1, strange), chosen(0, std::string_view("hQVDUFYwMWE=")),
            chosen(0, std::string_view("A==="))};
}

}  // namespace giro::fuzz
