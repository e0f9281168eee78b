// A batch from another process, and every message between gate and switch in it.
#include "bus/gate_messages.hpp"
#include "bus/record.hpp"
#include "tests/fuzz/target.hpp"

namespace {
using namespace giro;
// What decodes encodes to the same bytes.
template <typename Message>
void round_trip(const std::optional<Message>& message, Bytes body) {
    if (!message) return;
    Buffer out;
    bus::encode(out, *message);
    fuzz::require(out.size() == body.size());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    bus::RecordReader reader(fuzz::bytes(data, size));
    while (const auto record = reader.next()) {
        round_trip(bus::decode_payment_request(record->body), record->body);
        round_trip(bus::decode_frame_out(record->body), record->body);
        round_trip(bus::decode_link_state(record->body), record->body);
        round_trip(bus::decode_link_frame_out(record->body), record->body);
        round_trip(bus::decode_wallet_request(record->body), record->body);
        round_trip(bus::decode_wallet_reply(record->body), record->body);
    }
    return 0;
}
