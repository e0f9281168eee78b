// The gate behind its TLS: a terminal's or an issuer's stream of frames to the switch, and a wallet's JSON.
#include "appliance/giro-gate/translator.hpp"
#include "appliance/giro-gate/wallet_json.hpp"
#include "bus/gate_messages.hpp"
#include "net/deframer.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/gate/sample.hpp"
#include "wallet/order.hpp"

namespace giro::fuzz {

namespace {
using Source = PaymentRequest::Source;

// Whatever comes: a request the switch can decode, an answer the sender can unpack, or the end of the connection.
bool frame_is_handled(gate::Translator& translator, Bytes frame, Source source) {
    const auto read = translator.read(frame, source);
    if (read) {
        Buffer record;
        bus::encode(record, **read);
        ASSERT(bus::decode_payment_request(record).has_value());
        return true;
    }
    if (read.error() != gate::Refusal::format_error && read.error() != gate::Refusal::not_served) return false;
    iso8583::Message answer;
    ASSERT(iso8583::unpack(gate::dialect(), translator.refusal(read.error()), answer).has_value());
    return true;
}

void run_stream(Bytes input, Source source) {
    gate::Translator translator(gate::dialect(), 0);
    net::Deframer deframer(iso8583::kFrameBytesMax);
    static_cast<void>(deframer.feed(input, [&](Bytes frame) {
        const bool goes_on = frame.empty() || frame_is_handled(translator, frame, source);
        translator.forget();
        return goes_on;
    }));
}

template <typename Fill>
Buffer framed(Fill fill, std::string_view mti = {}) {
    iso8583::Message m;
    fill(m);
    if (!mti.empty()) m.set_mti(mti);
    return owned(gate::framed(gate::packed(m)));
}
Buffer joined(std::initializer_list<Buffer> parts) {
    Buffer out;
    for (const Buffer& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}
void fill_answer(iso8583::Message& m) {
    m.clear();
    m.set_mti("0210");
    m.set(11, "000001");
    m.set(38, "A12345");
    m.set(39, "00");
    m.set(64, "\1\2\3\4\5\6\7\10");
}
}  // namespace

void run_gate_terminal(Bytes input) {
    run_stream(input, Source::terminal);
}
Seeds seeds_gate_terminal() {
    return {joined({framed(gate::fill_echo), framed(gate::fill_purchase), owned(std::string_view("\0\0", 2)),
                    framed(gate::fill_reversal)}),
            framed(gate::fill_purchase, "0201"), framed(gate::fill_purchase, "0100"), framed(fill_answer),
            framed([](iso8583::Message& m) {
                gate::fill_purchase(m);
                m.remove(49);
            })};
}

void run_gate_link(Bytes input) {
    run_stream(input, Source::link);
}
Seeds seeds_gate_link() {
    return {joined({framed(fill_answer), framed(fill_answer, "0410")}), framed(gate::fill_echo),
            framed([](iso8583::Message& m) {
                fill_answer(m);
                m.remove(39);
            })};
}

void run_gate_wallet(Bytes input) {
    using Kind = bus::WalletRequest::Kind;
    const bool order = take_choice(input, 2) == 0;
    const auto read = gate::read_wallet_request(order ? Kind::order : Kind::query, input);
    if (read)
        ASSERT(read->size() == (order ? wallet::kSignedOrderBytes : wallet::kSignedQueryBytes));
    else
        ASSERT(gate::to_string(read.error()) != "?");
    bus::WalletReply reply;
    reply.why = input;
    if (order) reply.balance = {static_cast<MinorUnits>(input.size()), 963};
    ASSERT(gate::wallet_reply_json(reply).starts_with("{") &&
           gate::wallet_refusal_json(as_text(input)).starts_with("{"));
}
Seeds seeds_gate_wallet() {
    return {chosen(0, "{\"order\":\"" + std::string(2 * wallet::kSignedOrderBytes, 'a') + "\"}"),
            chosen(1, "{\"query\":\"" + std::string(2 * wallet::kSignedQueryBytes, '0') + "\"}"),
            chosen(0, "{\"order\":\"00\"}"),
            chosen(0, "{\"order\":\"x\"}"),
            chosen(0, "{\"order\":1}"),
            chosen(1, "[]")};
}

}  // namespace giro::fuzz
