// From a frame to the PaymentRequest that the switch gets, by the link's dialect, and the gate's own refusals.
// The frame is hostile. Form is checked here (unpacks, a type that is served, mandatory fields present, numbers are
// numbers); meaning (MAC, terminal, limits, duplicates) is the switch's. One object serves all connections of a dialect
// and keeps nothing between frames.
#pragma once

#include "giro/request.hpp"
#include "giro/result.hpp"
#include "iso8583/codec.hpp"

namespace giro::gate {

enum class Refusal : std::uint8_t {
    unreadable,    // no MTI: nothing can be answered
    unanswerable,  // itself an answer (function digit odd), and not one that was to be expected here, or broken
    format_error,  // a request that does not unpack or lacks a field: answer 30
    not_served,    // a request of a type that is not in kServed (translator.cpp): answer 12
};

class Translator {
  public:
    // `dialect` must outlive the translator; `index` is the dialect's number in PaymentRequest.
    Translator(const iso8583::Dialect& dialect, std::uint8_t index) noexcept : m_dialect(dialect), m_index(index) {}
    Translator(const Translator&) = delete;
    Translator& operator=(const Translator&) = delete;

    // From a terminal 0100, 0200, 0220, 0320, 0400, 0420, 0500, 0520, 0800 and their repeats (xxx1) are served, from an issuer's
    // link 0210, 0410, 0800 and 0810. Connection, link and time of arrival are for the caller to fill in. The result's views point into
    // `frame`; it is valid until the next call.
    [[nodiscard]] Expected<PaymentRequest*, Refusal> read(Bytes frame, PaymentRequest::Source source);
    // After read() refused with format_error or not_served: the answer to send, without MAC. MTI of the answer, DE39
    // (30 or 12), and DE11 and DE41 as far as they could be read. Valid until the next call.
    [[nodiscard]] Bytes refusal(Refusal why);
    // Overwrites what is left of the card data of the last read().
    void forget() noexcept;

  private:
    const iso8583::Dialect& m_dialect;
    const std::uint8_t m_index;
    iso8583::Message m_message;
    iso8583::Message m_answer;
    PaymentRequest m_request;
    ByteArray<iso8583::kFrameBytesMax> m_out;
};

}  // namespace giro::gate
