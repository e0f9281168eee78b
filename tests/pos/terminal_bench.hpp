// A terminal on a bench: what it sent and said is kept, time is turned by hand, answers are made as the box would.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "appliance/giro/terminal.hpp"
#include "fixture.hpp"
#include "util/bytes.hpp"

namespace giro::test {
using namespace pos;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

struct Bench final : Wire, Observer {
    explicit Bench(const iso8583::Dialect& speaks = test::dialect()) : dialect(speaks) {}
    const iso8583::Dialect& dialect;  // other than the shipped one: without answers
    CountingRandom random;
    Shared shared{dialect, random};
    std::unique_ptr<Terminal> owned = std::make_unique<Terminal>(kWho, tmk(), 15 * kSecond, shared, *this, *this);
    Terminal& terminal = *owned;
    Now now{kSecond, 1'795'000'000 * kSecond};
    std::vector<Buffer> sent;
    std::vector<Outcome> outcomes;
    std::vector<Oddity> oddities;
    std::string failure;
    int times_ready = 0;
    Secret base = vault::derive_session_key(tmk(), {});
    vault::Nonce nonce = [] { vault::Nonce n; n.fill(std::byte{9}); return n; }();
    Secret session = vault::derive_session_key(tmk(), nonce);

    void send(Bytes frame) override { sent.emplace_back(frame.begin() + kLengthBytes, frame.end()); }
    void ready(Terminal&) override { ++times_ready; }
    void done(Terminal&, const Outcome& outcome) override { outcomes.push_back(outcome); }
    void failed(Terminal&, const std::string& why) override { failure = why; }
    void odd(Terminal&, Oddity oddity) override { oddities.push_back(oddity); }

    std::string last(unsigned field) const {
        iso8583::Message message;
        REQUIRE(iso8583::unpack(dialect, sent.back(), message));
        return field == 0 ? std::string(message.mti()) : std::string(message.field(field));
    }
    void network_answer(const std::string& code, const std::string& additional = {}) {
        std::vector<Field> fields{{7, last(7)}, {11, last(11)}, {39, code}, {41, last(41)}, {70, last(70)}};
        if (!additional.empty()) fields.push_back({48, additional});
        terminal.received(answer("0810", fields, &base, 128), now);
    }
    std::string new_key() const { return to_hex(nonce) + to_hex(vault::kcv(session)); }
    void sign_on() {
        terminal.connected(now);
        network_answer("00");
        network_answer("00", new_key());
        REQUIRE(terminal.ready());
    }
    // The answer to what was sent last; `change` alters a field before the MAC is made.
    Buffer reply(const std::string& code, const Field& change = {0, ""}, const Secret* key = nullptr) const {
        std::vector<Field> fields;
        for (const unsigned n : {4U, 11U, 37U, 41U}) fields.push_back({n, n == change.number ? change.value : last(n)});
        fields.push_back({39, code});
        if (code == "00") fields.push_back({38, "123456"});
        const std::string mti = last(0);
        return answer(mti.substr(0, 2) + (mti[2] == '0' ? "10" : "30"), fields, key == nullptr ? &session : key);
    }
    void sell() { terminal.sell(*Pan::parse("9700010000000051"), {}, 1250, false, now.monotonic_ns, now); }
};
}  // namespace giro::test
