// libFuzzer target: any frame from a terminal or a link is read, or refused with an answer that unpacks.
#include <cstdlib>

#include "appliance/giro-gate/translator.hpp"
#include "appliance/giro-gate/wallet_json.hpp"
#include "bus/gate_messages.hpp"
#include "sample.hpp"

namespace {
using namespace giro;
void require(bool condition) {
    if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static gate::Translator translator(gate::dialect(), 0);
    const Bytes frame(reinterpret_cast<const std::byte*>(data + 1), size - 1);
    const auto source = data[0] % 2 == 0 ? PaymentRequest::Source::terminal : PaymentRequest::Source::link;
    const auto read = translator.read(frame, source);
    if (read) {
        Buffer record;
        bus::encode(record, **read);
        require(bus::decode_payment_request(record).has_value());
    } else if (read.error() == gate::Refusal::format_error || read.error() == gate::Refusal::not_served) {
        iso8583::Message answer;
        require(iso8583::unpack(gate::dialect(), translator.refusal(read.error()), answer).has_value());
    }
    static_cast<void>(gate::read_wallet_request(bus::WalletRequest::Kind::order, frame));
    return 0;
}
