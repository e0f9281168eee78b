// Journal entries come back as they went in, and hostile bytes are refused.
#include <doctest/doctest.h>

#include "entry/entry.hpp"
#include "util/archive.hpp"

using namespace giro;

namespace {
entry::Payment sample() {
    entry::Payment p;
    p.outcome = entry::Outcome::approved;
    p.key = {AcquirerId("12345"), TerminalId("T0000001"), 42, Rrn("000000000042"), FixedText<6>("101112"), FixedText<4>("1122")};
    p.amount = {1250, 963};
    p.response_code = ResponseCode("00");
    p.pan.sealed = Buffer(44, std::byte{7});
    p.debit = {1, 2};
    return p;
}
}  // namespace

TEST_CASE("entry: a payment comes back as it went in") {
    const Buffer bytes = encode(sample());
    const auto back = decode<entry::Payment>(bytes);
    REQUIRE(back);
    CHECK(back->key == sample().key);
    CHECK(back->amount == sample().amount);
    CHECK(back->pan.sealed == sample().pan.sealed);
    CHECK(encode(*back) == bytes);
}

TEST_CASE("entry: every truncation of an entry is refused") {
    const Buffer bytes = encode(sample());
    for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(decode<entry::Payment>(Bytes(bytes).first(n)));
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode<entry::Payment>(longer));
}

TEST_CASE("entry: an enum outside its values is refused") {
    Buffer bytes = encode(sample());
    bytes[0] = std::byte{0};
    CHECK_FALSE(decode<entry::Payment>(bytes));
    bytes[0] = std::byte{4};
    CHECK_FALSE(decode<entry::Payment>(bytes));
}

TEST_CASE("entry: a list whose count exceeds its bytes is refused") {
    entry::SettlementProposed p;
    p.net = {{1, 5}, {2, -5}};
    const Buffer bytes = encode(p);
    CHECK(decode<entry::SettlementProposed>(bytes)->net.size() == 2);
    CHECK_FALSE(decode<entry::SettlementProposed>(Bytes(bytes).first(60)));
}
