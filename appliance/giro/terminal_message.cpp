#include "appliance/giro/terminal_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "appliance/giro/demo.hpp"
#include "iso8583/canonical.hpp"
#include "iso8583/chip.hpp"
#include "iso8583/ksn.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/pin.hpp"
#include "util/bytes.hpp"

namespace giro::pos {

namespace {
using iso8583::kPrimaryMac;
using iso8583::kSecondaryMac;

constexpr std::string_view kProcessingCode = "000000";  // purchase, default accounts
constexpr std::string_view kEntryModeCode = "031";      // DE22 of ISO 8583:1987: optical code, PIN entry possible
constexpr std::string_view kConditionNormal = "00";     // DE25

void two(char* at, int value) noexcept {
    at[0] = static_cast<char>('0' + value / 10 % 10);
    at[1] = static_cast<char>('0' + value % 10);
}

iso8583::CardEntry entry_of(const CardData& card) noexcept {
    using enum iso8583::CardEntry;
    return !card.chip.empty() ? chip : !card.track2.empty() ? stripe : manual;
}

iso8583::Function function_of(const Sale& sale) noexcept {
    using enum iso8583::Function;
    const bool follows = sale.original_stan != 0;
    switch (sale.form) {
        case Form::purchase: return original_financial;
        case Form::authorisation: return follows ? supplementary_authorisation : original_authorisation;
        case Form::completion: return follows ? authorised_before : original_financial;
    }
    return original_financial;
}

MessageReason reason_of(const ReversalForm& form) noexcept {
    if (form.why != MessageReason::none) return form.why;
    return form.stands != 0 ? MessageReason::completed_partially : MessageReason::customer_cancellation;
}
}  // namespace

std::string_view mti_of(Form form) noexcept {
    switch (form) {
        case Form::purchase: return "0200";
        case Form::authorisation: return "0100";
        case Form::completion: return "0220";
    }
    return "";
}

Stamp Stamp::at(std::uint64_t wall_ns) {
    const auto seconds = static_cast<time_t>(wall_ns / 1'000'000'000U);
    thread_local time_t last = -1;  // a load generator asks thousands of times a second
    thread_local Stamp out;
    if (seconds == last) return out;
    last = seconds;
    out.wall_ns = wall_ns;
    tm utc{};
    tm local{};
    gmtime_r(&seconds, &utc);
    localtime_r(&seconds, &local);
    char* t = out.transmission.chars.data();
    two(t, utc.tm_mon + 1), two(t + 2, utc.tm_mday), two(t + 4, utc.tm_hour), two(t + 6, utc.tm_min);
    two(t + 8, std::min(utc.tm_sec, 59));
    char* l = out.local_time.chars.data();
    two(l, local.tm_hour), two(l + 2, local.tm_min), two(l + 4, std::min(local.tm_sec, 59));
    char* d = out.local_date.chars.data();
    two(d, local.tm_mon + 1), two(d + 2, local.tm_mday);
    return out;
}

MessageBuilder::Built MessageBuilder::finish(Frame& out, MacKey& key) {
    const vault::Mac8 room{};
    if (!key.ksn().empty()) iso8583::put_ksn(m_dialect, m_message, key.ksn());
    m_message.set(m_message.has(1) ? kSecondaryMac : kPrimaryMac, room);
    const MutableBytes body = MutableBytes(out.bytes).subspan(kLengthBytes);
    const auto size = iso8583::pack(m_dialect, m_message, body);
    if (!size) return tl::unexpected(size.error());
    const auto input = iso8583::mac_input(m_dialect, body.first(*size), m_scratch);
    if (!input) return tl::unexpected(input.error());
    const vault::Mac8 mac = key.mac(input->covered);
    std::memcpy(body.data() + *size - mac.size(), mac.data(), mac.size());
    store_be(out.bytes.data(), static_cast<std::uint16_t>(*size));
    out.size = kLengthBytes + *size;
    return {};
}

MessageBuilder::Built MessageBuilder::network(Frame& out, const Identity& who, NetworkCode code, std::uint32_t stan,
                                              const Stamp& stamp, MacKey& base_key) {
    m_message.clear();
    iso8583::put_mti(m_dialect, m_message, "0800");
    m_message.set(7, stamp.transmission.view());
    iso8583::put_stan(m_dialect, m_message, stan);
    m_message.set(41, who.terminal.view());
    iso8583::put_network_code(m_dialect, m_message, static_cast<std::uint16_t>(code));
    return finish(out, base_key);
}

iso8583::PackError MessageBuilder::lacks(unsigned field) const {
    return {iso8583::Reason::unknown_field, static_cast<std::uint8_t>(iso8583::wire_field(m_dialect.edition, field)), 0};
}

void MessageBuilder::common(const Identity& who, const Sale& sale) {
    const bool card = !sale.pan.empty();
    if (card) m_message.set(2, sale.pan.reveal());
    m_message.set(3, kProcessingCode);
    iso8583::put_amount(m_dialect, m_message, sale.amount, who.currency);
    iso8583::put_local_time(m_dialect, m_message, sale.stamp.local_time.view(), sale.stamp.local_date.view(), sale.stamp.wall_ns);
    if (card) m_message.set(14, demo::kExpiry);
    if (card) iso8583::put_card_entry(m_dialect, m_message, entry_of(sale.card));
    if (m_dialect.edition == iso8583::Edition::y1987) {
        if (!card) m_message.set(22, kEntryModeCode);
        m_message.set(25, kConditionNormal);
    }
    m_message.set(32, who.acquirer.view());
    m_message.set(37, sale.rrn.view());
    m_message.set(41, who.terminal.view());
    m_message.set(42, who.merchant.view());
}

MessageBuilder::Built MessageBuilder::put_card(const CardData& card) {
    const auto no_room = [](unsigned field) {
        return tl::unexpected(iso8583::PackError{iso8583::Reason::unknown_field, static_cast<std::uint8_t>(field), 0});
    };
    if (!card.chip.empty() && !iso8583::put_chip(m_dialect, m_message, card.chip)) return no_room(iso8583::kChipField);
    if (!card.track2.empty()) m_message.set(iso8583::kTrack2Field, card.track2);
    if (!card.cvv2.empty() && m_dialect.cvv2_field == 0) return no_room(0);
    if (!card.cvv2.empty()) m_message.set(m_dialect.cvv2_field, card.cvv2);
    return {};
}

MessageBuilder::Built MessageBuilder::purchase(Frame& out, const Identity& who, const Sale& sale, MacKey& key,
                                               bool repeat, Bytes pin_block) {
    if (!pin_block.empty() && !iso8583::carries_pin_block(m_dialect, pin_block.size()))
        return tl::unexpected(iso8583::PackError{iso8583::Reason::unknown_field, iso8583::kPinField, 0});
    m_message.clear();
    std::array<char, 4> mti;
    mti_of(sale.form).copy(mti.data(), mti.size());
    if (repeat) mti[3] = '1';
    iso8583::put_mti(m_dialect, m_message, {mti.data(), mti.size()});
    common(who, sale);
    m_message.set(7, sale.stamp.transmission.view());
    iso8583::put_stan(m_dialect, m_message, sale.stan);
    if (!sale.qr.empty()) m_message.set(63, sale.qr);
    if (!pin_block.empty()) iso8583::put_pin_block(m_dialect, m_message, pin_block);
    if (const auto put = put_card(sale.card); !put) return put;
    iso8583::put_function(m_dialect, m_message, function_of(sale));
    if (sale.form == Form::completion) iso8583::put_reason(m_dialect, m_message, MessageReason::terminal_processed);
    if (sale.original_stan != 0)
        iso8583::put_original(m_dialect, m_message,
                              {mti_of(Form::authorisation), sale.original_stan, sale.original_transmission.view(),
                               sale.stamp.local_time.view(), sale.stamp.local_date.view(), who.acquirer.view()},
                              sale.stamp.wall_ns);
    return finish(out, key);
}

MessageBuilder::Built MessageBuilder::reversal(Frame& out, const Identity& who, const Sale& original,
                                               std::uint32_t stan, const Stamp& stamp, MacKey& key,
                                               ReversalForm form) {
    m_message.clear();
    const std::string_view mti = form.upload ? "032" : form.advice ? "042" : "040";
    iso8583::put_mti(m_dialect, m_message, std::string(mti) + (form.repeat ? '1' : '0'));
    common(who, original);
    const bool said = form.upload || iso8583::put_reversal_amounts(m_dialect, m_message, original.amount, who.currency, form.stands);
    if (!said) return tl::unexpected(lacks(95));
    if (!form.upload) iso8583::put_reason(m_dialect, m_message, reason_of(form));
    m_message.set(7, stamp.transmission.view());
    iso8583::put_stan(m_dialect, m_message, stan);
    iso8583::put_original(m_dialect, m_message,
                          {mti_of(original.form), original.stan, original.stamp.transmission.view(),
                           original.stamp.local_time.view(), original.stamp.local_date.view(), who.acquirer.view()},
                          original.stamp.wall_ns);
    return finish(out, key);
}

MessageBuilder::Built MessageBuilder::reconciliation(Frame& out, const Identity& who, const Reconciliation& of, MacKey& key,
                                                     bool repeat) {
    m_message.clear();
    iso8583::put_mti(m_dialect, m_message, repeat ? "0501" : "0500");
    m_message.set(7, of.stamp.transmission.view());
    iso8583::put_stan(m_dialect, m_message, of.stan);
    iso8583::put_local_time(m_dialect, m_message, of.stamp.local_time.view(), of.stamp.local_date.view(), of.stamp.wall_ns);
    m_message.set(32, who.acquirer.view());
    m_message.set(37, of.rrn.view());
    m_message.set(41, who.terminal.view());
    iso8583::put_function(m_dialect, m_message, iso8583::Function::final_reconciliation);
    if (!iso8583::put_totals(m_dialect, m_message, of.claim, who.currency))
        return tl::unexpected(lacks(24));
    return finish(out, key);
}

Expected<Answer, iso8583::UnpackError> AnswerReader::read(Bytes message, Currency currency) {
    const auto unpacked = iso8583::unpack(m_dialect, message, m_message);
    if (!unpacked) return tl::unexpected(unpacked.error());
    Answer answer;
    m_message.mti().copy(m_mti.data(), m_mti.size());
    if (m_mti[0] == '0' + static_cast<int>(m_dialect.edition)) m_mti[0] = '0';
    answer.mti = {m_mti.data(), m_mti.size()};
    answer.stan = static_cast<std::uint32_t>(m_message.number(11).value_or(0));
    constexpr std::uint64_t kAmount = 1'000'000'000'000;  // before its 12 digits 2003 has the currency
    if (const auto amount = m_message.number(4)) answer.amount = static_cast<MinorUnits>(*amount % kAmount);
    const bool later_reversal = answer.mti[1] == '4' && m_dialect.edition != iso8583::Edition::y1987;
    if (const auto original = iso8583::original_amount(m_dialect, m_message); original && later_reversal) answer.amount = original->minor;
    answer.rrn = Rrn(m_message.trimmed(37));
    answer.terminal = TerminalId(m_message.trimmed(41));
    const auto code = iso8583::from_wire(m_dialect.response_codes, m_message.field(39));
    answer.code = ResponseCode(code ? code->view() : "05");
    answer.auth_code = AuthCode(m_message.trimmed(38));
    answer.additional = m_message.bytes(48);
    if (answer.mti == "0510") answer.totals = iso8583::read_totals(m_dialect, m_message, currency);
    answer.chip = iso8583::chip_bytes_of(m_dialect, m_message).value_or(Buffer());
    answer.has_mac = m_message.has(kPrimaryMac) || m_message.has(kSecondaryMac);
    return answer;
}

bool AnswerReader::mac_good(Bytes message, MacKey& key) {
    const auto input = iso8583::mac_input(m_dialect, message, m_scratch);
    return input && key.verify(input->covered, input->mac);
}

bool answers(const Answer& answer, const Identity& who, std::uint32_t stan) noexcept {
    return answer.stan == stan && answer.terminal == who.terminal;
}

bool matches(const Answer& answer, const Sale& sale) noexcept {
    return answer.amount == sale.amount && answer.rrn == sale.rrn;
}

std::optional<NewKey> parse_new_key(Bytes additional) {
    constexpr std::size_t kNonceChars = 2 * sizeof(vault::Nonce);
    constexpr std::size_t kKcvChars = 2 * sizeof(vault::Kcv);
    const std::string_view text = as_text(additional);
    const bool with_pins = text.size() == kNonceChars + 3 * kKcvChars;
    if (text.size() != kNonceChars + kKcvChars && !with_pins) return std::nullopt;
    const auto nonce = array_from_hex<sizeof(vault::Nonce)>(text.substr(0, kNonceChars));
    const auto kcv_at = [&](std::size_t n) { return array_from_hex<sizeof(vault::Kcv)>(text.substr(kNonceChars + n * kKcvChars, kKcvChars)); };
    const auto kcv = kcv_at(0);
    if (!nonce || !kcv) return std::nullopt;
    if (!with_pins) return NewKey{*nonce, *kcv};
    const auto aes = kcv_at(1), tdes = kcv_at(2);
    if (!aes || !tdes) return std::nullopt;
    return NewKey{*nonce, *kcv, NewKey::Pins{*aes, *tdes}};
}

namespace {
constexpr std::string_view kBase32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr unsigned kPrefixChars = 7, kCountChars = 5;
constexpr std::uint64_t kCounts = std::uint64_t{1} << (5 * kCountChars);
static_assert(kPrefixChars + kCountChars == sizeof(Rrn::chars));
}  // namespace

RrnMaker::RrnMaker(Random& random) : m_random(random) { draw(); }

void RrnMaker::draw() {
    ByteArray<8> bytes;
    m_random.fill(bytes);
    m_prefix = load_le<std::uint64_t>(bytes.data()) % (std::uint64_t{1} << (5 * kPrefixChars));
    m_count = 0;
}

Rrn RrnMaker::next() {
    if (m_count == kCounts) draw();
    std::uint64_t number = m_prefix * kCounts + m_count++;
    Rrn rrn;
    for (std::size_t i = rrn.chars.size(); i-- > 0; number /= 32) rrn.chars[i] = kBase32[number % 32];
    return rrn;
}

std::string_view response_words(std::string_view code) noexcept {
    struct Words {
        std::string_view code, words;
    };
    static constexpr Words kWords[] = {
        {"00", "approved"},
        {"05", "the card's bank says no"},
        {"12", "not a valid transaction here"},
        {"13", "not a valid amount"},
        {"14", "no such card or wallet"},
        {"15", "no bank takes this card"},
        {"21", "reversed before it arrived"},
        {"25", "the original is not known"},
        {"30", "the message or QR code is malformed"},
        {"51", "not enough money"},
        {"54", "expired"},
        {"55", "the PIN is wrong"},
        {"57", "this card is not taken so: read its chip"},
        {"58", "this terminal is not known to the box, or signed off"},
        {"61", "over the limit"},
        {"62", "the account is frozen"},
        {"63", "the message authentication code is wrong"},
        {"68", "arrived too late"},
        {"75", "too many wrong PINs; the card is locked"},
        {"79", "the terminal's key has expired"},
        {"82", "the card is not genuine: chip or verification value"},
        {"91", "the card's bank cannot be reached"},
        {"94", "used before"},
        {"95", "not as the box counts it"},
        {"96", "the box is not well; try again"},
        {"N7", "the value printed on the card is wrong"},
    };
    const auto* found = std::ranges::find(kWords, code, &Words::code);
    return found == std::end(kWords) ? "refused" : found->words;
}

}  // namespace giro::pos
