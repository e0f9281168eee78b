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
    w.u16(r.mti);
    w.text(FixedText<Pan::kDigitsMax>(r.pan.reveal()));
    w.u32(r.processing_code);
    w.i64(r.amount);
    w.text(r.transmission_time);
    w.u32(r.stan);
    w.text(r.local_time);
    w.text(r.local_date);
    w.text(r.expiry);
    w.text(r.acquirer);
    w.text(r.rrn);
    w.text(r.auth_code);
    w.text(r.response_code);
    w.text(r.terminal);
    w.text(r.merchant);
    w.u16(r.currency);
    w.u16(r.network_code);
    w.text(r.original);
    w.u8(r.has_mac ? 1 : 0);
    w.bytes(r.mac);
    w.var16(r.additional);
    w.var16(r.qr);
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
    r.mti = in.u16();
    const auto digits = in.text<Pan::kDigitsMax>();
    if (const auto pan = Pan::parse(digits.view())) r.pan = *pan;
    if (digits != FixedText<Pan::kDigitsMax>(r.pan.reveal())) return std::nullopt;  // no PAN, or bytes behind its end
    r.processing_code = in.u32();
    r.amount = in.i64();
    r.transmission_time = in.text<10>();
    r.stan = in.u32();
    r.local_time = in.text<6>();
    r.local_date = in.text<4>();
    r.expiry = in.text<4>();
    r.acquirer = in.text<11>();
    r.rrn = in.text<12>();
    r.auth_code = in.text<6>();
    r.response_code = in.text<2>();
    r.terminal = in.text<8>();
    r.merchant = in.text<15>();
    r.currency = in.u16();
    r.network_code = in.u16();
    r.original = in.text<42>();
    const std::uint8_t has_mac = in.u8();
    r.has_mac = has_mac == 1;
    r.mac = in.array<8>();
    r.additional = in.var16();
    r.qr = in.var16();
    r.raw = in.var16();
    if (!in.done() || source < 1 || source > 2 || has_mac > 1 || r.amount < 0 || r.amount > kAmountMax ||
        r.raw.size() > kRawBytesMax)
        return std::nullopt;
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
    w.u8(m.up ? 1 : 0);
}

std::optional<LinkState> decode_link_state(Bytes body) {
    Reader in(body);
    LinkState m;
    m.link = in.u16();
    const std::uint8_t up = in.u8();
    m.up = up == 1;
    if (!in.done() || up > 1) return std::nullopt;
    return m;
}

void encode(Buffer& out, const LinkFrameOut& m) {
    Writer w(out);
    w.u16(m.link);
    w.var16(m.frame);
}

std::optional<LinkFrameOut> decode_link_frame_out(Bytes body) {
    Reader in(body);
    LinkFrameOut m;
    m.link = in.u16();
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
