#include "translator.hpp"

#include <algorithm>
#include <initializer_list>

#include "iso8583/canonical.hpp"
#include "iso8583/request.hpp"

namespace giro::gate {

namespace {
using Source = PaymentRequest::Source;
constexpr std::size_t kFunctionDigit = 2;  // of the MTI: version, class, function, origin
constexpr std::size_t kOriginDigit = 3;
constexpr std::size_t kMandatoryMax = 12;

// What is served from whom, and the fields without which the switch could do nothing with it, as 1987 numbers them.
// A terminal's repeat (xxx1) is served as what it repeats.
struct Served {
    Mti mti;
    Source source;
    std::uint8_t mandatory[kMandatoryMax];  // ends with 0
};
constexpr Served kServed[] = {
    {0x0100, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 0}},
    {0x0220, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 0}},
    {0x0200, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 0}},
    {0x0320, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 49, 90, 0}},
    {0x0400, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 49, 90, 0}},
    {0x0420, Source::terminal, {3, 4, 7, 11, 12, 13, 32, 37, 41, 49, 90, 0}},
    {0x0500, Source::terminal, {7, 11, 12, 13, 32, 41, 97, 0}},
    {0x0520, Source::terminal, {7, 11, 12, 13, 32, 41, 97, 0}},
    {0x0800, Source::terminal, {7, 11, 41, 70, 0}},
    {0x0210, Source::link, {11, 39, 0}},
    {0x0410, Source::link, {11, 39, 0}},
    {0x0800, Source::link, {7, 11, 70, 0}},
    {0x0810, Source::link, {7, 11, 39, 70, 0}},
};

const Served* find_served(Mti mti, Source source) noexcept {
    const auto* found = std::find_if(std::begin(kServed), std::end(kServed),
                                     [&](const Served& s) { return s.mti == mti && s.source == source; });
    return found == std::end(kServed) ? nullptr : found;
}

// Function digit: 0 request, 2 advice, 4 notification...; odd: the answer to the one before it.
bool expects_answer(std::string_view mti) noexcept {
    return (mti[kFunctionDigit] - '0') % 2 == 0;
}

bool has_all(iso8583::Edition edition, const iso8583::Message& message, const Served& served) noexcept {
    for (const std::uint8_t n : served.mandatory) {
        if (n == 0) break;
        if (!message.has(iso8583::wire_field(edition, n))) return false;
    }
    return true;
}

bool mti_was_read(const iso8583::UnpackError& error) noexcept {
    return error.field != 0 && error.reason != iso8583::Reason::frame_too_long;
}
}  // namespace

Expected<PaymentRequest*, Refusal> Translator::read(Bytes frame, Source source) {
    const auto unpacked = iso8583::unpack(m_dialect, frame, m_message);
    if (!unpacked && !mti_was_read(unpacked.error())) return tl::unexpected(Refusal::unreadable);
    const bool answerable = expects_answer(m_message.mti());
    const auto refuse = [&](Refusal why) { return tl::unexpected(answerable ? why : Refusal::unanswerable); };
    if (!unpacked) return refuse(Refusal::format_error);
    const Mti mti = iso8583::canonical_mti(m_dialect, m_message.mti());
    const Served* served = find_served(source == Source::terminal ? without_repeat(mti) : mti, source);
    if (served == nullptr) return refuse(Refusal::not_served);
    m_request.source = source;
    m_request.dialect = m_index;
    const bool complete = has_all(m_dialect.edition, m_message, *served) &&
                          iso8583::to_request(m_dialect, frame, m_message, m_request);
    if (!complete) return refuse(Refusal::format_error);
    return &m_request;
}

Bytes Translator::refusal(Refusal why) {
    ASSERT(why == Refusal::format_error || why == Refusal::not_served);
    std::array<char, 4> mti;
    std::memcpy(mti.data(), m_message.mti().data(), mti.size());
    ++mti[kFunctionDigit];
    if ((mti[kOriginDigit] - '0') % 2 == 1) --mti[kOriginDigit];  // the answer to a repeat (0201) is no repeat
    m_answer.clear();
    m_answer.set_mti({mti.data(), mti.size()});
    m_answer.answer_header(m_message);
    m_answer.copy(11, m_message);
    iso8583::put_response_code(m_dialect, m_answer, why == Refusal::format_error ? "30" : "12");
    m_answer.copy(41, m_message);
    const auto packed = iso8583::pack(m_dialect, m_answer, m_out);
    ASSERT(packed.has_value());
    return Bytes(m_out).first(*packed);
}

void Translator::forget() noexcept {
    m_message.clear();
    m_request.pan = Pan();
}

}  // namespace giro::gate
