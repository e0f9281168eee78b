#include "bus/gate_messages.hpp"

#include "util/bytes.hpp"

namespace giro::bus {

void encode(Buffer& out, const PaymentRequest& r) {
    Writer w(out);
    w.u64(r.connection);
    w.u64(r.received_ns);
    w.u8(static_cast<std::uint8_t>(r.source));
    w.u16(r.link);
    w.u8(r.dialect);
    w.var16(r.raw);
}

std::optional<PaymentRequest> decode_payment_request(Bytes body) {
    Reader in(body);
    PaymentRequest r;
    r.connection = in.u64();
    r.received_ns = in.u64();
    const std::uint8_t source = in.u8();
    r.source = static_cast<PaymentRequest::Source>(source);
    r.link = in.u16();
    r.dialect = in.u8();
    r.raw = in.var16();
    if (!in.done() || source < 1 || source > 2 || r.raw.size() > kRawBytesMax) return std::nullopt;
    return r;
}

void encode(Buffer& out, const FrameOut& m) {
    Writer w(out);
    w.u64(m.connection);
    w.u8(m.close_after ? 1 : 0);
    w.var16(m.frame);
}

std::optional<FrameOut> decode_frame_out(Bytes body) {
    Reader in(body);
    FrameOut m;
    m.connection = in.u64();
    const std::uint8_t close_after = in.u8();
    m.close_after = close_after == 1;
    m.frame = in.var16();
    if (!in.done() || close_after > 1) return std::nullopt;
    return m;
}

void encode(Buffer& out, const LinkState& m) {
    Writer w(out);
    w.u16(m.link);
    w.u16(m.connections);
}

std::optional<LinkState> decode_link_state(Bytes body) {
    Reader in(body);
    LinkState m;
    m.link = in.u16();
    m.connections = in.u16();
    if (!in.done()) return std::nullopt;
    return m;
}

void encode(Buffer& out, const LinkFrameOut& m) {
    Writer w(out);
    w.u16(m.link);
    w.u64(m.connection);
    w.var16(m.frame);
}

std::optional<LinkFrameOut> decode_link_frame_out(Bytes body) {
    Reader in(body);
    LinkFrameOut m;
    m.link = in.u16();
    m.connection = in.u64();
    m.frame = in.var16();
    if (!in.done()) return std::nullopt;
    return m;
}

void encode(Buffer& out, const WalletRequest& m) {
    Writer w(out);
    w.u64(m.connection);
    w.u8(static_cast<std::uint8_t>(m.kind));
    w.var16(m.body);
}

std::optional<WalletRequest> decode_wallet_request(Bytes body) {
    Reader in(body);
    WalletRequest m;
    m.connection = in.u64();
    const std::uint8_t kind = in.u8();
    m.kind = static_cast<WalletRequest::Kind>(kind);
    m.body = in.var16();
    if (!in.done() || kind < 1 || kind > 2) return std::nullopt;
    return m;
}

void encode(Buffer& out, const WalletReply& m) {
    Writer w(out);
    w.u64(m.connection);
    w.text(m.response_code);
    w.text(m.rrn);
    w.text(m.auth_code);
    w.i64(m.balance.minor);
    w.u16(m.balance.currency);
    w.var16(m.why);
}

std::optional<WalletReply> decode_wallet_reply(Bytes body) {
    Reader in(body);
    WalletReply m;
    m.connection = in.u64();
    m.response_code = in.text<2>();
    m.rrn = in.text<12>();
    m.auth_code = in.text<6>();
    m.balance.minor = in.i64();
    m.balance.currency = in.u16();
    m.why = in.var16();
    if (!in.done()) return std::nullopt;
    return m;
}

}  // namespace giro::bus
