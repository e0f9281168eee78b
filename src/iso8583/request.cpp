#include "iso8583/request.hpp"

#include <charconv>

#include "iso8583/canonical.hpp"

namespace giro::iso8583 {

namespace {

// A numeric field that may be absent (0). False when it is there and not a number.
template <typename T>
bool number(const Message& message, unsigned n, T& out) noexcept {
    out = 0;
    if (!message.has(n)) return true;
    const auto value = message.number(n);
    if (!value) return false;
    out = static_cast<T>(*value);
    return static_cast<std::uint64_t>(out) == *value;
}

// False when the text does not fit, which only an edition with wider fields can bring about.
template <std::size_t N>
bool assign(FixedText<N>& out, std::string_view text) noexcept {
    out = FixedText<N>(text);
    return text.size() <= N;
}

constexpr std::uint64_t kStanMax = 999'999;  // n 6; the 2003 edition's n 12 is taken as far as it fits
constexpr std::string_view kUnlistedCode = "05";
constexpr std::string_view kPartialReversal = "401";  // function code (DE24): did not complete for the full amount

bool is_reversal(Mti mti) noexcept { return (mti >> 8 & 0xf) == 4; }
bool is_answer(Mti mti) noexcept { return (mti >> 4 & 1) != 0; }

// DE4 of 2003: currency 3, decimals 1, amount 12.
bool fill_amount_2003(const Message& m, PaymentRequest& r) noexcept {
    constexpr std::uint64_t kAmount = 1'000'000'000'000;
    std::uint64_t all = 0;
    if (!number(m, 4, all)) return false;
    if (m.has(4) && all / kAmount % 10 != kMinorDigits) return false;
    r.amount = static_cast<MinorUnits>(all % kAmount);
    r.currency = static_cast<Currency>(all / kAmount / 10);
    return true;
}

// The later editions say by DE24 that a reversal is in part, and DE4 and DE30 by the dialect's setting. What does not fit
// that, and DE30 without a DE24, is not taken for one of the whole. An answer may leave DE24 out.
void fill_partial_reversal(const Dialect& d, const Message& m, PaymentRequest& r) noexcept {
    const std::string_view function = m.field(24);
    const bool unsaid = function.empty() && m.has(30);
    if (!is_reversal(r.mti) || (function != kPartialReversal && !unsaid)) return;
    r.replacement = kReplacementUnreadable;
    if (d.partial_reversal == PartialReversal::none || (unsaid && !is_answer(r.mti))) return;
    const auto original = original_amount(d, m);
    if (!original || (d.edition == Edition::y2003 && original->currency != r.currency)) return;
    if (r.amount > original->minor) return;
    r.replacement = d.partial_reversal == PartialReversal::amount_stands ? r.amount : original->minor - r.amount;
    r.amount = original->minor;
}

// DE95 of ISO 8583:1987, replacement amounts: actual amount transaction n 12, settlement n 12, two fees x+n 8. The first
// alone is read: a box keeps one currency and takes no fees from messages.
bool fill_replacement(const Dialect& d, const Message& m, PaymentRequest& r) noexcept {
    constexpr std::size_t kAmountDigits = 12;
    r.replacement = 0;
    if (d.edition != Edition::y1987) {
        fill_partial_reversal(d, m, r);
        return true;
    }
    if (!m.has(95)) return true;
    const std::string_view digits = m.field(95).substr(0, kAmountDigits);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), r.replacement);
    return parsed.ec == std::errc() && parsed.ptr == digits.data() + kAmountDigits && digits[0] != '-';
}

bool fill_numbers(const Dialect& d, const Message& m, PaymentRequest& r) noexcept {
    const bool own_currency = d.edition != Edition::y2003;
    if (!(own_currency ? number(m, 4, r.amount) && number(m, 49, r.currency) : fill_amount_2003(m, r))) return false;
    return number(m, 3, r.processing_code) && r.amount <= kAmountMax && number(m, 11, r.stan) && r.stan <= kStanMax;
}

bool fill_network_code(const Dialect& d, const Message& m, PaymentRequest& r) noexcept {
    const unsigned n = wire_field(d.edition, 70);
    if (d.network_codes.pairs.empty()) return number(m, n, r.network_code);
    r.network_code = 0;  // DE24 has other codes too, in other messages
    const auto code = from_wire(d.network_codes, m.field(n));
    if (code)
        for (const char c : code->view()) r.network_code = static_cast<std::uint16_t>(r.network_code * 10 + (c - '0'));
    return true;
}

// DE12 and DE13; from 1993 on DE12 holds the date too, 2003's with the century. The year it says must be the one that
// brings the date nearest to when the message came: a date of another year is none, so that nothing goes by it.
void fill_local_time(const Dialect& d, const Message& m, PaymentRequest& r) noexcept {
    std::string_view time = m.field(12), date = m.field(13);
    if (d.edition != Edition::y1987) {
        const std::size_t year = d.edition == Edition::y2003 ? 4 : 2;
        const bool whole = time.size() == year + 10;
        const std::string_view said = time.substr(0, whole ? year : 0);
        date = whole ? time.substr(year, 4) : std::string_view();
        time = whole ? time.substr(year + 4) : std::string_view();
        if (whole && r.received_ns != 0 && !is_year_of(said, date, r.received_ns)) date = {};
    }
    r.local_time = FixedText<6>(time);
    r.local_date = FixedText<4>(date);
}

// DE90 of 1987, or what DE56 says of it: MTI and STAN, which is all that is looked at. What names no original that can be
// ours is not the same as naming none (a completion would pass for an offline sale): it stays there, without digits.
void fill_original(const Dialect& d, const Message& m, PaymentRequest& r) noexcept {
    if (d.edition == Edition::y1987) {
        r.original = FixedText<42>(m.field(90));
        return;
    }
    r.original = {};
    if (!m.has(56)) return;
    r.original.chars.fill('?');
    const std::string_view text = m.field(56);
    const std::size_t stan_digits = d.edition == Edition::y2003 ? 12 : 6;
    if (text.size() < 4 + stan_digits) return;
    const std::string_view stan = text.substr(4, stan_digits);
    if (stan.find_first_not_of('0') < stan_digits - 6) return;  // a STAN that no request of ours can have
    r.original.chars.fill('0');
    text.copy(r.original.chars.data() + 1, 3, 1);
    stan.copy(r.original.chars.data() + 4, 6, stan_digits - 6);
}

bool fill_texts(const Dialect& d, const Message& m, PaymentRequest& r) noexcept {
    fill_local_time(d, m, r);
    fill_original(d, m, r);
    r.response_code = {};
    if (m.has(39)) {
        const auto code = from_wire(d.response_codes, m.trimmed(39));
        r.response_code = ResponseCode(code ? code->view() : kUnlistedCode);
    }
    return assign(r.transmission_time, m.field(7)) && assign(r.expiry, m.field(14)) && assign(r.acquirer, m.field(32)) &&
           assign(r.rrn, m.trimmed(37)) && assign(r.auth_code, m.trimmed(38)) && assign(r.terminal, m.trimmed(41)) &&
           assign(r.merchant, m.trimmed(42));
}

// A MAC anywhere but at the end covers nothing: as good as none (the switch answers 63).
// What mac_input() finds in the frame, from the message that has been unpacked from it: there the last field is the
// frame's end.
void fill_mac(const Message& message, PaymentRequest& r) noexcept {
    const bool secondary = message.present(1) != 0;
    const Bytes mac = message.bytes(secondary ? kSecondaryMac : kPrimaryMac);
    r.has_mac = mac.size() == r.mac.size();
    r.mac = {};
    if (r.has_mac) std::memcpy(r.mac.data(), mac.data(), r.mac.size());
}

}  // namespace

Mti to_mti(std::string_view digits) noexcept {
    Mti out = 0;
    for (const char c : digits) out = static_cast<Mti>(out << 4 | (c - '0'));
    return out;
}

bool to_request(const Dialect& dialect, Bytes frame, const Message& message, PaymentRequest& request) {
    request.mti = canonical_mti(dialect, message.mti());
    request.pan = Pan();
    if (message.has(2)) {
        const auto pan = Pan::parse(message.field(2));
        if (!pan) return false;
        request.pan = *pan;
    }
    if (!fill_numbers(dialect, message, request) || !fill_network_code(dialect, message, request)) return false;
    if (!fill_replacement(dialect, message, request) || !fill_texts(dialect, message, request)) return false;
    request.reason = reason_of(dialect, message);
    fill_mac(message, request);
    request.additional = message.bytes(48);
    request.qr = message.bytes(63);
    request.raw = frame;
    return true;
}

}  // namespace giro::iso8583
