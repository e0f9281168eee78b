// Codec of the messages between gate and switch (messages.hpp, 0x01xx). Decoders take hostile bytes and check every
// length and every enum; the views in what they return point into the record.
#pragma once

#include <optional>

#include "giro/request.hpp"
#include "giro/types.hpp"

namespace giro::bus {

// payment_request body:
//   connection:u64 received_ns:u64 source:u8 link:u16 dialect:u8 raw:var16
// What the gate read in the message stays with the gate: the switch believes only what the MAC covers, so it reads every
// field again from `raw` (iso8583::to_request). A decoded request has none of them.
// `raw` has at most kRawBytesMax bytes: the largest frame that a dialect takes (iso8583::kFrameBytesMax).
inline constexpr std::size_t kRawBytesMax = 4096;
void encode(Buffer& out, const PaymentRequest& request);
[[nodiscard]] std::optional<PaymentRequest> decode_payment_request(Bytes body);

struct FrameOut {
    std::uint64_t connection = 0;
    bool close_after = false;
    Bytes frame;  // empty: the oldest request in flight there will not be answered; nothing is sent
};
void encode(Buffer& out, const FrameOut& message);
[[nodiscard]] std::optional<FrameOut> decode_frame_out(Bytes body);

struct LinkState {
    std::uint16_t link = 0;
    std::uint16_t connections = 0;  // to its host, now
};
void encode(Buffer& out, const LinkState& message);
[[nodiscard]] std::optional<LinkState> decode_link_state(Bytes body);

struct LinkFrameOut {
    std::uint16_t link = 0;
    Bytes frame;
    std::uint64_t connection = 0;  // an answer goes where its question came from; 0, or gone: the gate chooses
};
void encode(Buffer& out, const LinkFrameOut& message);
[[nodiscard]] std::optional<LinkFrameOut> decode_link_frame_out(Bytes body);

struct WalletRequest {
    enum class Kind : std::uint8_t { order = 1, query = 2 };
    std::uint64_t connection = 0;
    Kind kind = Kind::order;
    Bytes body;  // a signed order or a signed query (wallet/order.hpp)
};
void encode(Buffer& out, const WalletRequest& message);
[[nodiscard]] std::optional<WalletRequest> decode_wallet_request(Bytes body);

struct WalletReply {
    std::uint64_t connection = 0;
    ResponseCode response_code;
    Rrn rrn;
    AuthCode auth_code;
    Amount balance;
    Bytes why;  // one line of text for a person; may be empty
};
void encode(Buffer& out, const WalletReply& message);
[[nodiscard]] std::optional<WalletReply> decode_wallet_reply(Bytes body);

}  // namespace giro::bus
