#include "translator.hpp"

#include <algorithm>
#include <initializer_list>

namespace giro::gate {

namespace {
using Source = PaymentRequest::Source;
constexpr std::size_t kFunctionDigit = 2;  // of the MTI: version, class, function, origin
constexpr std::size_t kOriginDigit = 3;
constexpr std::size_t kMandatoryMax = 12;

// What is served from whom, and the fields without which the switch could do nothing with it.
struct Served {
    Mti mti;
    Source source;
    std::uint8_t mandatory[kMandatoryMax];  // ends with 0
};
constexpr Served kServed[] = {
    {0x0200, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 0}},
    {0x0400, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 49, 90, 0}},
    {0x0800, Source::terminal, {7, 11, 41, 70, 0}},
    {0x0210, Source::link, {11, 39, 0}},
    {0x0410, Source::link, {11, 39, 0}},
};

Mti to_mti(std::string_view digits) noexcept {
    Mti out = 0;
    for (const char c : digits) out = static_cast<Mti>(out << 4 | (c - '0'));
    return out;
}

const Served* find_served(Mti mti, Source source) noexcept {
    const auto* found = std::find_if(std::begin(kServed), std::end(kServed),
                                     [&](const Served& s) { return s.mti == mti && s.source == source; });
    return found == std::end(kServed) ? nullptr : found;
}

// Function digit: 0 request, 2 advice, 4 notification...; odd: the answer to the one before it.
bool expects_answer(std::string_view mti) noexcept {
    return (mti[kFunctionDigit] - '0') % 2 == 0;
}

bool has_all(const iso8583::Message& message, const Served& served) noexcept {
    for (const std::uint8_t n : served.mandatory) {
        if (n == 0) break;
        if (!message.has(n)) return false;
    }
    return true;
}

bool mti_was_read(const iso8583::UnpackError& error) noexcept {
    return error.field != 0 && error.reason != iso8583::Reason::frame_too_long;
}

// A numeric field that may be absent (0). False when it is there and not a number.
template <typename T>
bool number(const iso8583::Message& message, unsigned n, T& out) noexcept {
    out = 0;
    if (!message.has(n)) return true;
    const auto value = message.number(n);
    if (!value) return false;
    out = static_cast<T>(*value);
    return static_cast<std::uint64_t>(out) == *value;
}
// An absent field is an empty view without an address, which memcpy may not be given.
template <std::size_t N>
void assign(FixedText<N>& out, std::string_view text) noexcept {
    out = text.empty() ? FixedText<N>() : FixedText<N>(text);
}
}  // namespace

Expected<PaymentRequest*, Refusal> Translator::read(Bytes frame, Source source) {
    const auto unpacked = iso8583::unpack(m_dialect, frame, m_message);
    if (!unpacked && !mti_was_read(unpacked.error())) return tl::unexpected(Refusal::unreadable);
    const bool answerable = expects_answer(m_message.mti());
    const auto refuse = [&](Refusal why) { return tl::unexpected(answerable ? why : Refusal::unanswerable); };
    if (!unpacked) return refuse(Refusal::format_error);
    const Mti mti = to_mti(m_message.mti());
    const Served* served = find_served(mti, source);
    if (served == nullptr) return refuse(Refusal::not_served);
    m_request.mti = mti;
    m_request.source = source;
    m_request.dialect = m_index;
    if (!has_all(m_message, *served) || !fill(frame)) return refuse(Refusal::format_error);
    return &m_request;
}

bool Translator::fill(Bytes frame) {
    m_request.pan = Pan();
    if (m_message.has(2)) {
        const auto pan = Pan::parse(m_message.field(2));
        if (!pan) return false;
        m_request.pan = *pan;
    }
    if (!fill_numbers()) return false;
    fill_texts();
    fill_mac(frame);
    m_request.additional = m_message.bytes(48);
    m_request.qr = m_message.bytes(63);
    m_request.raw = frame;
    return true;
}

bool Translator::fill_numbers() {
    return number(m_message, 3, m_request.processing_code) && number(m_message, 4, m_request.amount) &&
           m_request.amount <= kAmountMax && number(m_message, 11, m_request.stan) &&
           number(m_message, 49, m_request.currency) && number(m_message, 70, m_request.network_code);
}

void Translator::fill_texts() {
    const iso8583::Message& m = m_message;
    assign(m_request.transmission_time, m.field(7));
    assign(m_request.local_time, m.field(12));
    assign(m_request.local_date, m.field(13));
    assign(m_request.expiry, m.field(14));
    assign(m_request.acquirer, m.field(32));
    assign(m_request.rrn, m.trimmed(37));
    assign(m_request.auth_code, m.trimmed(38));
    assign(m_request.response_code, m.trimmed(39));
    assign(m_request.terminal, m.trimmed(41));
    assign(m_request.merchant, m.trimmed(42));
    assign(m_request.original, m.field(90));
}

// A MAC anywhere but at the end covers nothing: as good as none (the switch answers 63).
void Translator::fill_mac(Bytes frame) {
    const auto input = iso8583::mac_input(m_dialect, frame);
    m_request.has_mac = input.has_value() && input->mac.size() == m_request.mac.size();
    m_request.mac = {};
    if (m_request.has_mac) std::memcpy(m_request.mac.data(), input->mac.data(), m_request.mac.size());
}

Bytes Translator::refusal(Refusal why) {
    ASSERT(why == Refusal::format_error || why == Refusal::not_served);
    std::array<char, 4> mti;
    std::memcpy(mti.data(), m_message.mti().data(), mti.size());
    ++mti[kFunctionDigit];
    if ((mti[kOriginDigit] - '0') % 2 == 1) --mti[kOriginDigit];  // the answer to a repeat (0201) is no repeat
    m_answer.clear();
    m_answer.set_mti({mti.data(), mti.size()});
    m_answer.copy(11, m_message);
    m_answer.set(39, why == Refusal::format_error ? "30" : "12");
    m_answer.copy(41, m_message);
    const auto packed = iso8583::pack(m_dialect, m_answer, m_out);
    ASSERT(packed.has_value());
    return Bytes(m_out).first(*packed);
}

}  // namespace giro::gate
