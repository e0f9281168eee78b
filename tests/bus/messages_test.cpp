// Records and the messages between gate and switch: they come back as they went, and hostile bytes are refused.
#include <doctest/doctest.h>

#include "bus/gate_messages.hpp"
#include "bus/record.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::bus;

namespace {

PaymentRequest sample() {
    PaymentRequest r;
    r.connection = 77;
    r.received_ns = 1'700'000'000'000'000'000;
    r.source = PaymentRequest::Source::link;
    r.link = 3;
    r.dialect = 1;
    r.raw = as_bytes("the whole message");
    return r;
}

Buffer encoded(const auto& message) {
    Buffer out;
    encode(out, message);
    return out;
}

}  // namespace

TEST_CASE("record: a batch is read back record by record") {
    Buffer batch;
    append_record(batch, {1, Status::ok, 7, as_bytes("one")});
    append_record(batch, {2, Status::refused, 8, {}});
    RecordReader reader(batch);
    const auto first = reader.next();
    REQUIRE(first);
    CHECK(first->type == 1);
    CHECK(first->correlation == 7);
    CHECK(as_text(first->body) == "one");
    CHECK(reader.next()->status == Status::refused);
    CHECK_FALSE(reader.next());
    CHECK(reader.ok());
}

TEST_CASE("record: a truncated batch gives no record that is not whole") {
    Buffer batch;
    append_record(batch, {1, Status::ok, 7, as_bytes("body")});
    for (std::size_t size = 1; size < batch.size(); ++size) {
        RecordReader reader(Bytes(batch).first(size));
        CHECK_FALSE(reader.next());
        CHECK_FALSE(reader.ok());
    }
    store_le(batch.data(), std::uint32_t{0xffffffff});
    RecordReader huge(batch);
    CHECK_FALSE(huge.next());
    CHECK_FALSE(huge.ok());
}

TEST_CASE("gate messages: a payment request comes back as it went") {
    const Buffer bytes = encoded(sample());
    const auto back = decode_payment_request(bytes);
    REQUIRE(back);
    CHECK(back->connection == 77);
    CHECK(back->received_ns == sample().received_ns);
    CHECK(back->source == PaymentRequest::Source::link);
    CHECK(back->link == 3);
    CHECK(back->dialect == 1);
    CHECK(as_text(back->raw) == "the whole message");
    CHECK(encoded(*back) == bytes);
}

TEST_CASE("gate messages: of what the gate read in a message nothing goes to the switch but the message itself") {
    PaymentRequest lie = sample();
    lie.pan = *Pan::parse("9700010000000013");
    lie.amount = 1'250;
    lie.terminal = TerminalId("T0000001");
    CHECK(encoded(lie) == encoded(sample()));
    const auto back = decode_payment_request(encoded(lie));
    REQUIRE(back);
    CHECK(back->pan.empty());
    CHECK(back->amount == 0);
    CHECK(back->terminal.empty());
}

TEST_CASE("gate messages: every truncation, and a byte too many, is refused") {
    const auto refuse = [](const Buffer& bytes, auto decode) {
        for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode(Bytes(bytes).first(size)));
        Buffer longer = bytes;
        longer.push_back(std::byte{0});
        CHECK_FALSE(decode(longer));
    };
    refuse(encoded(sample()), [](Bytes b) { return decode_payment_request(b).has_value(); });
    refuse(encoded(FrameOut{1, true, as_bytes("frame")}), [](Bytes b) { return decode_frame_out(b).has_value(); });
    refuse(encoded(LinkState{1, 2}), [](Bytes b) { return decode_link_state(b).has_value(); });
    refuse(encoded(LinkFrameOut{1, as_bytes("frame")}), [](Bytes b) { return decode_link_frame_out(b).has_value(); });
    refuse(encoded(WalletRequest{1, WalletRequest::Kind::query, as_bytes("q")}),
           [](Bytes b) { return decode_wallet_request(b).has_value(); });
    refuse(encoded(WalletReply{1, ResponseCode("00"), {}, {}, {5, 963}, as_bytes("why")}),
           [](Bytes b) { return decode_wallet_reply(b).has_value(); });
}

TEST_CASE("gate messages: a source, size or kind outside its range is refused") {
    auto wrong = sample();
    for (const int source : {0, 3}) {
        wrong.source = static_cast<PaymentRequest::Source>(source);
        CHECK_FALSE(decode_payment_request(encoded(wrong)));
    }
    wrong = sample();
    const Buffer huge(kRawBytesMax + 1);
    wrong.raw = huge;
    CHECK_FALSE(decode_payment_request(encoded(wrong)));
    CHECK_FALSE(decode_wallet_request(encoded(WalletRequest{1, static_cast<WalletRequest::Kind>(9), {}})));
}

// Found by tests/fuzz (bus_message): each message has one encoding.
TEST_CASE("gate messages: a truth value that is neither 0 nor 1 is refused") {
    Buffer close = encoded(FrameOut{1, true, as_bytes("frame")});
    close[8] = std::byte{2};
    CHECK_FALSE(decode_frame_out(close));
}
