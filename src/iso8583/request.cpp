#include "iso8583/request.hpp"

#include <charconv>

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

template <std::size_t N>
void assign(FixedText<N>& out, std::string_view text) noexcept {
    out = FixedText<N>(text);
}

bool fill_numbers(const Message& m, PaymentRequest& r) noexcept {
    return number(m, 3, r.processing_code) && number(m, 4, r.amount) && r.amount <= kAmountMax && number(m, 11, r.stan) &&
           number(m, 49, r.currency) && number(m, 70, r.network_code);
}

// DE95 of ISO 8583:1987, replacement amounts: actual amount transaction n 12, settlement n 12, two fees x+n 8. The first
// alone is read: a box keeps one currency and takes no fees from messages.
bool fill_replacement(const Message& m, PaymentRequest& r) noexcept {
    constexpr std::size_t kAmountDigits = 12;
    r.replacement = 0;
    if (!m.has(95)) return true;
    const std::string_view digits = m.field(95).substr(0, kAmountDigits);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), r.replacement);
    return parsed.ec == std::errc() && parsed.ptr == digits.data() + kAmountDigits && digits[0] != '-';
}

void fill_texts(const Message& m, PaymentRequest& r) noexcept {
    assign(r.transmission_time, m.field(7));
    assign(r.local_time, m.field(12));
    assign(r.local_date, m.field(13));
    assign(r.expiry, m.field(14));
    assign(r.acquirer, m.field(32));
    assign(r.rrn, m.trimmed(37));
    assign(r.auth_code, m.trimmed(38));
    assign(r.response_code, m.trimmed(39));
    assign(r.terminal, m.trimmed(41));
    assign(r.merchant, m.trimmed(42));
    assign(r.original, m.field(90));
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

bool to_request(Bytes frame, const Message& message, PaymentRequest& request) {
    request.mti = to_mti(message.mti());
    request.pan = Pan();
    if (message.has(2)) {
        const auto pan = Pan::parse(message.field(2));
        if (!pan) return false;
        request.pan = *pan;
    }
    if (!fill_numbers(message, request) || !fill_replacement(message, request)) return false;
    fill_texts(message, request);
    fill_mac(message, request);
    request.additional = message.bytes(48);
    request.qr = message.bytes(63);
    request.raw = frame;
    return true;
}

}  // namespace giro::iso8583
