#include "switching/frames.hpp"

#include <ctime>

#include "giro/result.hpp"
#include "iso8583/canonical.hpp"
#include "iso8583/chip.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/pin.hpp"
#include "switching/advice.hpp"
#include "switching/answers.hpp"
#include "switching/network.hpp"
#include "util/secret.hpp"

namespace giro::switching {

namespace {
// What an answer repeats of its request (ISO 8583:1987 4.4.2, as terminals match on); other editions have it elsewhere.
constexpr unsigned kEchoed[] = {2, 3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 70, 95};
// What goes on to the issuer as it came.
constexpr unsigned kCodeField = 63;  // a customer's code, as the till read it
constexpr unsigned kForwarded[] = {2, 3, 4, 12, 13, 14, 22, 25, 32, 37, 41, 42, 49};

// Both texts below are made for each message of a link: a library's formatting would be a twentieth of the switch's work on it.
char digit(unsigned value) noexcept { return static_cast<char>('0' + value); }
}  // namespace

TerminalId link_key_id(std::uint16_t link) {
    TerminalId id("LNK00000");
    unsigned number = link + 1U;
    for (std::size_t at = id.chars.size(); number != 0; number /= 10) id.chars[--at] = digit(number % 10);
    return id;
}

FixedText<10> transmission_time(std::uint64_t wall_ns) {
    const auto seconds = static_cast<std::time_t>(wall_ns / 1'000'000'000);
    std::tm t{};
    gmtime_r(&seconds, &t);
    FixedText<10> text;
    char* at = text.chars.data();
    for (const int part : {t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec}) {
        *at++ = digit(static_cast<unsigned>(part) / 10);
        *at++ = digit(static_cast<unsigned>(part) % 10);
    }
    return text;
}

Bytes FrameBuilder::covered(const Buffer& frame, Buffer& scratch) const {
    const auto input = iso8583::mac_input(m_dialect, frame, scratch);
    ASSERT(input.has_value());  // finish() packed it with a MAC field
    return input->covered;
}

void FrameBuilder::put_mac(Buffer& frame, const ByteArray<kMacBytes>& mac) {
    ASSERT(frame.size() > kMacBytes);
    std::memcpy(frame.data() + frame.size() - kMacBytes, mac.data(), kMacBytes);
}

std::optional<Buffer> FrameBuilder::finish(bool with_mac) {
    if (with_mac) {
        const bool secondary = m_out.present(1) != 0;
        m_out.set(secondary ? iso8583::kSecondaryMac : iso8583::kPrimaryMac, ByteArray<kMacBytes>{});
    }
    const auto size = iso8583::pack(m_dialect, m_out, m_packed);
    const MutableBytes packed = MutableBytes(m_packed).first(size.value_or(m_packed.size()));
    std::optional<Buffer> frame;
    if (size) frame.emplace(packed.begin(), packed.end());
    wipe(packed);
    m_out.clear();
    m_in.clear();
    return frame;
}

std::optional<Buffer> FrameBuilder::answer(const PaymentRequest& request, const Reply& reply, bool with_mac) {
    if (!iso8583::unpack(m_dialect, request.raw, m_in)) return std::nullopt;
    m_out.clear();
    std::array<char, 4> mti;
    m_in.mti().copy(mti.data(), mti.size());
    ++mti[2];  // request -> request response
    if (mti[3] == '1') mti[3] = '0';  // the answer to a repeat is no repeat
    m_out.set_mti({mti.data(), mti.size()});
    m_out.answer_header(m_in);
    for (const unsigned field : kEchoed) m_out.echo(iso8583::wire_field(m_dialect.edition, field), m_in);
    if (!reply.auth_code.empty()) m_out.set(38, reply.auth_code.view());
    iso8583::put_response_code(m_dialect, m_out, reply.code.view());
    if (!reply.additional.empty()) m_out.set(48, reply.additional);
    if (!reply.chip.empty()) static_cast<void>(iso8583::put_chip(m_dialect, m_out, reply.chip));
    if (reply.totals) {
        constexpr std::uint16_t kAll = (1U << kTotals) - 1;
        static_cast<void>(iso8583::put_totals(m_dialect, m_out, {kAll, *reply.totals}, request.currency));
        if (m_dialect.edition == iso8583::Edition::y1993) m_out.echo(50, m_in);  // the currency that DE24 may speak of
        iso8583::put_settlement_code(m_dialect, m_out, reply.code == kApproved);
    }
    return finish(with_mac);
}

std::optional<Claim> FrameBuilder::claim(const PaymentRequest& request, Currency currency) {
    if (!iso8583::unpack(m_dialect, request.raw, m_in)) return std::nullopt;
    return iso8583::read_totals(m_dialect, m_in, currency);
}

// The terminal's request as another edition says it.
void FrameBuilder::put_request(const PaymentRequest& request, const entry::Payment& payment) {
    if (!request.pan.empty()) m_out.set(2, request.pan.reveal());
    m_out.set_number(3, request.processing_code, 6);
    iso8583::put_amount(m_dialect, m_out, request.amount, request.currency);
    iso8583::put_local_time(m_dialect, m_out, request.local_time.view(), request.local_date.view(), payment.time_ns);
    if (!request.expiry.empty()) m_out.set(14, request.expiry.view());
    m_out.set(32, request.acquirer.view());
    m_out.set(37, request.rrn.view());
    m_out.set(41, request.terminal.view());
    m_out.set(42, request.merchant.view());
}

std::optional<Buffer> FrameBuilder::link_request(const PaymentRequest& request, const entry::Payment& payment,
                                                 const iso8583::Dialect& came_in, Bytes pin_block) {
    if (!pin_block.empty() && !iso8583::carries_pin_block(m_dialect, pin_block.size())) return std::nullopt;
    if (!iso8583::unpack(came_in, request.raw, m_in)) return std::nullopt;
    m_out.clear();
    iso8583::put_mti(m_dialect, m_out, "0200");
    iso8583::put_function(m_dialect, m_out, iso8583::Function::original_financial);
    if (came_in.edition != m_dialect.edition) put_request(request, payment);
    else
        for (const unsigned field : kForwarded) m_out.copy(iso8583::wire_field(m_dialect.edition, field), m_in);
    if (!request.qr.empty()) m_out.set(kCodeField, as_text(request.qr));
    m_out.set(7, transmission_time(payment.time_ns).view());
    iso8583::put_stan(m_dialect, m_out, payment.link_stan);
    if (m_in.has(iso8583::kCardSequenceField) && m_dialect.fields[iso8583::kCardSequenceField].defined())
        m_out.set(iso8583::kCardSequenceField, m_in.field(iso8583::kCardSequenceField));
    if (const auto chip = iso8583::chip_bytes_of(came_in, m_in); chip && m_dialect.fields[iso8583::kChipField].defined())
        if (!iso8583::put_chip(m_dialect, m_out, *chip)) return std::nullopt;
    if (!pin_block.empty()) iso8583::put_pin_block(m_dialect, m_out, pin_block);
    return finish(true);
}

std::optional<Buffer> FrameBuilder::link_network(std::uint16_t code, std::uint32_t stan, const FixedText<10>& transmission,
                                                 const TerminalId& key, std::string_view additional) {
    m_out.clear();
    iso8583::put_mti(m_dialect, m_out, "0800");
    m_out.set(7, transmission.view());
    iso8583::put_stan(m_dialect, m_out, stan);
    m_out.set(41, key.view());
    if (!additional.empty()) m_out.set(48, additional);
    iso8583::put_network_code(m_dialect, m_out, code);
    return finish(true);
}

// DE7 is that of the approval, so that a repeat is the same but for its type.
std::optional<Buffer> FrameBuilder::link_advice(const entry::Payment& payment, const entry::AdviceData& advice, const Pan& pan, bool repeat) {
    const auto put = [&](unsigned field, std::string_view value) {
        if (!value.empty() && m_dialect.fields[field].defined()) m_out.set(field, value);
    };
    m_out.clear();
    iso8583::put_mti(m_dialect, m_out, repeat ? "0221" : "0220");
    iso8583::put_function(m_dialect, m_out, iso8583::Function::original_financial);
    iso8583::put_reason(m_dialect, m_out, MessageReason::issuer_unavailable);
    m_out.set(2, pan.reveal());
    m_out.set_number(3, payment.processing_code, 6);
    iso8583::put_amount(m_dialect, m_out, payment.amount.minor, payment.amount.currency);
    m_out.set(7, transmission_time(payment.time_ns).view());
    iso8583::put_stan(m_dialect, m_out, payment.link_stan);
    iso8583::put_local_time(m_dialect, m_out, payment.key.local_time.view(), payment.key.local_date.view(), payment.time_ns);
    put(14, advice.expiry.view());
    if (advice.edition == year_of(m_dialect.edition)) {
        put(iso8583::kEntryModeField, advice.entry_mode.view());
        put(iso8583::kCardSequenceField, advice.card_sequence.view());
    }
    m_out.set(32, payment.key.acquirer.view());
    m_out.set(37, payment.key.rrn.view());
    put(38, payment.auth_code.view());
    iso8583::put_response_code(m_dialect, m_out, payment.response_code.view());
    m_out.set(41, payment.key.terminal.view());
    m_out.set(42, payment.merchant.view());
    if (!advice.chip.empty() && m_dialect.fields[iso8583::kChipField].defined() && !iso8583::put_chip(m_dialect, m_out, advice.chip))
        return std::nullopt;
    return finish(true);
}

std::optional<Buffer> FrameBuilder::link_reversal(const entry::Payment& payment, MinorUnits stands, const Pan& pan,
                                                  MessageReason why, bool repeat) {
    m_out.clear();
    iso8583::put_mti(m_dialect, m_out, repeat ? "0401" : "0400");
    if (!iso8583::put_reversal_amounts(m_dialect, m_out, payment.amount.minor, payment.amount.currency, stands)) return std::nullopt;
    iso8583::put_reason(m_dialect, m_out, why);
    if (!pan.empty()) m_out.set(2, pan.reveal());  // none: it was paid by a code
    m_out.set_number(3, payment.processing_code, 6);
    const auto time = transmission_time(payment.time_ns);
    const bool advised = payment.outcome == entry::Outcome::approved;  // by the box: the host knows it as an advice
    m_out.set(7, time.view());
    iso8583::put_stan(m_dialect, m_out, payment.link_stan);
    iso8583::put_local_time(m_dialect, m_out, payment.key.local_time.view(), payment.key.local_date.view(), payment.time_ns);
    m_out.set(32, payment.key.acquirer.view());
    m_out.set(37, payment.key.rrn.view());
    m_out.set(41, payment.key.terminal.view());
    m_out.set(42, payment.merchant.view());
    iso8583::put_original(m_dialect, m_out,
                          {advised ? "0220" : "0200", payment.link_stan, time.view(), payment.key.local_time.view(),
                           payment.key.local_date.view(), payment.key.acquirer.view()},
                          payment.time_ns);
    return finish(true);
}

}  // namespace giro::switching
