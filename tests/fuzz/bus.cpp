// What one of Giro's programs may send another: a batch of records, and the body of every message between them but the
// vault's (vault.cpp) and the journal's entries (entry.cpp).
#include <algorithm>

#include "bus/admin_messages.hpp"
#include "bus/gate_messages.hpp"
#include "bus/record.hpp"
#include "bus/stream.hpp"
#include "tests/fuzz/targets.hpp"
#include "util/archive.hpp"

namespace giro::fuzz {

namespace {
// What decodes encodes to the same bytes.
template <typename Message>
void comes_back(const std::optional<Message>& message, Bytes body) {
    if (!message) return;
    Buffer out;
    bus::encode(out, *message);
    ASSERT(std::ranges::equal(out, body));
}
template <typename... Message>
void come_back(Bytes body) {
    const auto one = [&]<typename M>(const std::optional<M>& m) {
        if (m) ASSERT(std::ranges::equal(encode(*m), body));
    };
    (one(decode<Message>(body)), ...);
}
template <typename Message>
Buffer encoded(const Message& message) {
    Buffer out;
    bus::encode(out, message);
    return out;
}
constexpr std::size_t kStreamBytesMax = std::size_t{1} << 20;  // more than any input
const Buffer kBody = {std::byte{1}, std::byte{2}, std::byte{3}};

PaymentRequest request() {
    PaymentRequest r;
    r.connection = 7;
    r.mti = 0x0200;
    r.pan = *Pan::parse("9700010000000018");
    r.amount = 2372;
    r.terminal = TerminalId("T0000001");
    r.has_mac = true;
    r.additional = r.qr = r.raw = kBody;
    return r;
}
}  // namespace

// A stream is cut into the same messages in whatever pieces it comes.
void splits_alike(Bytes stream) {
    const auto split = [stream](std::size_t piece) {
        bus::Inbox in;
        std::pair<bool, std::vector<Buffer>> out{true, {}};
        for (std::size_t at = 0; out.first && at < stream.size(); at += piece)
            out.first = in.add(stream.subspan(at, std::min(piece, stream.size() - at)),
                               [&](Bytes message) { out.second.emplace_back(message.begin(), message.end()); });
        return out;
    };
    ASSERT(split(kStreamBytesMax) == split(1));
}

void run_bus_batch(Bytes input) {
    splits_alike(input);
    bus::RecordReader reader(input);
    Buffer again;
    while (const auto record = reader.next()) {
        ASSERT(record->body.size() <= bus::kRecordBodyBytesMax);
        bus::append_record(again, *record);
    }
    ASSERT(std::ranges::equal(again, input.first(again.size())) && (!reader.ok() || again.size() == input.size()));
}
Seeds seeds_bus_batch() {
    Buffer batch;
    bus::append_record(batch, {0x0101, bus::Status::ok, 0, kBody});
    bus::append_record(batch, {0x0205, bus::Status::refused, 9, {}});
    Buffer too_large;
    Writer w(too_large);
    w.u32(bus::kRecordBodyBytesMax + 1);
    w.u64(0);
    w.u32(0);
    Buffer stream;
    Writer framed(stream);
    for (int i = 0; i < 2; ++i) {
        framed.u32(static_cast<std::uint32_t>(batch.size()));
        framed.bytes(batch);
    }
    return {batch, too_large, stream};
}

void run_bus_message(Bytes input) {
    switch (take_choice(input, 8)) {
        case 0:
            return comes_back(bus::decode_payment_request(input), input);
        case 1:
            return comes_back(bus::decode_frame_out(input), input);
        case 2:
            return comes_back(bus::decode_link_state(input), input);
        case 3:
            return comes_back(bus::decode_link_frame_out(input), input);
        case 4:
            return comes_back(bus::decode_wallet_request(input), input);
        case 5:
            return comes_back(bus::decode_wallet_reply(input), input);
        case 7:
            return comes_back(bus::decode_decided(input), input);
        default:
            come_back<bus::IssueCard, bus::SetCardPin, bus::UnlockCard, bus::WindowReply, bus::ChainTip, bus::ChainTx, bus::ChainUtxos, bus::JournalHead, bus::SafMany,
                      bus::SafManyDone, bus::LinkChange>(
                input);
    }
}
Seeds seeds_bus_message() {
    bus::ChainUtxos utxos;
    utxos.utxos.resize(2);
    return {chosen(0, encoded(request())),
            chosen(0, encoded(PaymentRequest{})),
            chosen(1, encoded(bus::FrameOut{7, true, kBody})),
            chosen(2, encoded(bus::LinkState{0, 1})),
            chosen(3, encoded(bus::LinkFrameOut{0, kBody, 9})),
            chosen(4, encoded(bus::WalletRequest{7, bus::WalletRequest::Kind::query, kBody})),
            chosen(5, encoded(bus::WalletReply{7, ResponseCode("00"), {}, {}, {5, 963}, kBody})),
            chosen(6, encode(bus::IssueCard{FixedText<19>("9700010000000018"), {1, 2}})),
            chosen(6, encode(bus::SetCardPin{FixedText<19>("9700010000000018"), FixedText<12>("1234")})),
            chosen(6, encode(bus::UnlockCard{FixedText<19>("9700010000000018")})),
            chosen(6, encode(bus::WindowReply{1, 2})),
            chosen(6, encode(bus::ChainTip{})),
            chosen(6, encode(bus::ChainTx{})),
            chosen(6, encode(utxos)),
            chosen(6, encode(bus::JournalHead{})),
            chosen(6, encode(bus::SafMany{})),
            chosen(6, encode(bus::SafManyDone{})),
            chosen(6, encode(bus::LinkChange{})),
            chosen(7, encoded(bus::Decided{5}))};
}

}  // namespace giro::fuzz
