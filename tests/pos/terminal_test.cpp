#include "appliance/giro/terminal.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "fixture.hpp"
#include "iso8583/pin.hpp"
#include "payment/pin_device.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::pos;
using test::answer;
using test::text_of;
using test::kWho;

namespace {
constexpr std::uint64_t kSecond = 1'000'000'000;

// A terminal on a bench: what it sent and said is kept, time is turned by hand, answers are made as the box would.
struct Bench final : Wire, Observer {
    explicit Bench(const iso8583::Dialect& speaks = test::dialect()) : dialect(speaks) {}
    const iso8583::Dialect& dialect;  // other than the shipped one: without answers
    test::CountingRandom random;
    Shared shared{dialect, random};
    std::unique_ptr<Terminal> owned = std::make_unique<Terminal>(kWho, test::tmk(), 15 * kSecond, shared, *this, *this);
    Terminal& terminal = *owned;
    Now now{kSecond, 1'795'000'000 * kSecond};
    std::vector<Buffer> sent;
    std::vector<Outcome> outcomes;
    std::vector<Oddity> oddities;
    std::string failure;
    int times_ready = 0;
    Secret base = vault::derive_session_key(test::tmk(), {});
    vault::Nonce nonce = [] { vault::Nonce n; n.fill(std::byte{9}); return n; }();
    Secret session = vault::derive_session_key(test::tmk(), nonce);

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
        std::vector<test::Field> fields{{7, last(7)}, {11, last(11)}, {39, code}, {41, last(41)}, {70, last(70)}};
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
    Buffer reply(const std::string& code, const test::Field& change = {0, ""}, const Secret* key = nullptr) const {
        std::vector<test::Field> fields;
        for (const unsigned n : {4U, 11U, 37U, 41U}) fields.push_back({n, n == change.number ? change.value : last(n)});
        fields.push_back({39, code});
        if (code == "00") fields.push_back({38, "123456"});
        const std::string mti = last(0);
        return answer(mti.substr(0, 2) + (mti[2] == '0' ? "10" : "30"), fields, key == nullptr ? &session : key);
    }
    void sell() { terminal.sell(*Pan::parse("9700010000000051"), {}, 1250, false, now.monotonic_ns, now); }
};
}  // namespace

TEST_CASE("terminal: the answer to a payment that is being reversed is late, whatever STAN it names; no MAC failure") {
    Bench b;
    b.sign_on();
    b.sell();
    b.now.monotonic_ns += 16 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.last(0) == "0400");
    b.oddities.clear();
    const std::vector<test::Field> fields{{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, "00"}, {41, b.last(41)}};
    b.terminal.received(answer("0210", fields, &b.session), b.now);
    b.terminal.received(answer("0210", {{39, "12"}}, nullptr), b.now);  // of a box that could not read the payment
    CHECK(b.oddities == std::vector{Observer::Oddity::late, Observer::Oddity::late});
    b.terminal.received(b.reply("00"), b.now);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a sale it approved by itself is told until it is heard, and never taken back") {
    Bench b;
    b.sign_on();
    b.terminal.sell_offline(*Pan::parse("9700010000000051"), 1250, false, b.now.monotonic_ns, b.now);
    CHECK(b.last(0) == "0220");
    CHECK(b.last(90).empty());
    const std::string stan = b.last(11), rrn = b.last(37);
    for (int i = 0; i < 3; ++i) {
        b.now.monotonic_ns += 16 * kSecond;
        b.terminal.tick(b.now);
        CHECK(b.last(0) == "0221");
        CHECK(b.last(11) == stan);
        CHECK(b.last(37) == rrn);
    }
    const std::vector<test::Field> fields{{4, b.last(4)}, {11, stan}, {37, rrn}, {39, "00"}, {41, b.last(41)}};
    b.terminal.received(answer("0230", fields, &b.session), b.now);
    CHECK(b.terminal.ready());
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].approved());
}

TEST_CASE("terminal: signs on, exchanges keys, and MACs its payments with the new one") {
    Bench b;
    b.terminal.connected(b.now);
    CHECK(b.last(0) == "0800");
    CHECK(b.last(70) == "001");
    b.network_answer("00");
    CHECK(b.last(70) == "161");
    b.network_answer("00", b.new_key());
    CHECK(b.times_ready == 1);
    b.sell();
    const Bytes frame = b.sent.back();
    CHECK(to_hex(frame.last(8)) == to_hex(vault::mac8(b.session, frame.first(frame.size() - 8))));
    b.now.monotonic_ns += 5'000'000;
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].approved());
    CHECK(b.outcomes[0].auth_code.view() == "123456");
    CHECK(b.outcomes[0].latency_ns == 5'000'000);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a key whose check value differs is not taken") {
    Bench b;
    b.terminal.connected(b.now);
    b.network_answer("00");
    b.network_answer("00", to_hex(b.nonce) + "000000");
    CHECK(b.failure.find("check value") != std::string::npos);
    CHECK(b.terminal.state() == Terminal::State::failed);
}

TEST_CASE("terminal: a box that does not know it says 58 without a MAC, and is believed") {
    Bench b;
    b.terminal.connected(b.now);
    b.terminal.received(answer("0810", {{11, b.last(11)}, {39, "58"}, {41, "T0000001"}}, nullptr), b.now);
    CHECK(b.failure.find("58") != std::string::npos);
}

TEST_CASE("terminal: a box that is not well is asked again") {
    Bench b;
    b.terminal.connected(b.now);
    b.network_answer("96");
    CHECK(b.failure.empty());
    CHECK(b.sent.size() == 1);
    b.now.monotonic_ns += kSecond;
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == 2);
    CHECK(b.last(70) == "001");
    b.now.monotonic_ns += 15 * kSecond;  // nothing comes: asked anew, with a new STAN
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == 3);
    CHECK(b.last(11) == "000003");
}

TEST_CASE("terminal: an answer is believed by its MAC, its STAN, RRN and amount; anything else is no answer") {
    Bench b;
    b.sign_on();
    b.sell();
    const auto refused = [&](const Buffer& bytes, Observer::Oddity why) {
        b.terminal.received(bytes, b.now);
        CHECK(b.outcomes.empty());
        REQUIRE_FALSE(b.oddities.empty());
        CHECK(b.oddities.back() == why);
    };
    refused(b.reply("00", {0, ""}, &b.base), Observer::Oddity::mac_failure);
    Buffer spoilt = b.reply("00");
    spoilt.back() ^= std::byte{1};
    refused(spoilt, Observer::Oddity::mac_failure);
    refused(answer("0210", {{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, "00"}, {41, "T0000001"}}, nullptr),
            Observer::Oddity::mac_failure);
    refused(b.reply("00", {4, "000000009999"}), Observer::Oddity::mismatch);
    refused(b.reply("00", {37, "XXXXXXXXXXXX"}), Observer::Oddity::mismatch);
    refused(b.reply("00", {11, "000999"}), Observer::Oddity::late);
    refused(b.reply("00", {41, "T0000002"}), Observer::Oddity::late);
    refused(Buffer(7, std::byte{0x41}), Observer::Oddity::malformed);
    b.terminal.received(b.reply("51"), b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].code.view() == "51");
}

TEST_CASE("terminal: no single bit of an answer can be changed without its being refused") {
    Bench b;
    b.sign_on();
    b.sell();
    const Buffer good = b.reply("51");
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        Buffer bad = good;
        bad[bit / 8] ^= std::byte(1 << bit % 8);
        b.terminal.received(bad, b.now);
    }
    CHECK(b.outcomes.empty());
    CHECK(b.oddities.size() == 8 * good.size());
}

TEST_CASE("terminal: a payment that is not answered is reversed, and the reversal repeated until it is answered") {
    Bench b;
    b.sign_on();
    b.sell();
    const std::string rrn = b.last(37), stan = b.last(11);
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK_FALSE(b.outcomes[0].answered);
    CHECK(b.last(0) == "0400");
    CHECK(b.last(37) == rrn);
    CHECK(b.last(90).substr(0, 10) == "0200" + stan);
    const Buffer first = b.sent.back();
    const std::size_t count = b.sent.size();
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == count + 1);
    CHECK(b.last(0) == "0401");  // a repeat says so; all but its MTI and MAC is as before
    const Bytes again = b.sent.back();
    CHECK(to_hex(again.subspan(6, again.size() - 14)) == to_hex(Bytes(first).subspan(6, first.size() - 14)));
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK(b.outcomes[1].forced);
    CHECK(b.outcomes[1].kind == Kind::reversal);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: over a new connection what was under way goes out again unchanged") {
    Bench b;
    b.sign_on();
    b.sell();
    const Buffer first = b.sent.back();
    b.terminal.disconnected();
    b.terminal.connected(b.now);
    CHECK(b.sent.back() == first);
    b.terminal.disconnected();
    b.now.monotonic_ns += 15 * kSecond;
    const std::size_t count = b.sent.size();
    b.terminal.tick(b.now);  // times out without a connection: the reversal waits for one
    CHECK(b.sent.size() == count);
    b.terminal.connected(b.now);
    CHECK(b.last(0) == "0400");
}

TEST_CASE("terminal: a repeat is the sale's frame byte for byte; not answered, it is given up") {
    Bench b;
    b.sign_on();
    b.sell();
    const Buffer first = b.sent.back();
    b.terminal.received(b.reply("00"), b.now);
    b.terminal.repeat_sale(b.now);
    CHECK(b.sent.back() == first);
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK(b.outcomes[1].kind == Kind::repeat);
    CHECK_FALSE(b.outcomes[1].answered);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a repeat may say that it is one, and is the same sale") {
    Bench b;
    b.sign_on();
    b.sell();
    const std::string rrn = b.last(37), stan = b.last(11);
    b.terminal.received(b.reply("00"), b.now);
    b.terminal.repeat_sale(b.now, true);
    CHECK(b.last(0) == "0201");
    CHECK(b.last(37) == rrn);
    CHECK(b.last(11) == stan);
}

TEST_CASE("terminal: a reversal in part leaves to stand what DE95 says, as a request or as an advice") {
    Bench b;
    b.sign_on();
    b.sell();
    b.terminal.received(b.reply("00"), b.now);
    b.terminal.reverse(b.terminal.last_sale(), b.now, {.stands = 40, .advice = true});
    CHECK(b.last(0) == "0420");
    CHECK(b.last(95) == "000000000040" "000000000000" "C00000000" "C00000000");
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK(b.outcomes[1].approved());
    b.terminal.reverse(b.terminal.last_sale(), b.now);
    CHECK(b.last(0) == "0400");
    CHECK(b.last(95).empty());
}

TEST_CASE("terminal: of a later edition it says why it takes a sale back: no answer, or one that proves nothing") {
    const iso8583::Dialect later = *iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1993.toml");
    for (const bool silent : {true, false}) {
        Bench b(later);
        const auto network = [&](const std::string& additional) {
            std::vector<test::Field> fields{{7, b.last(7)}, {11, b.last(11)}, {24, b.last(24)}, {39, "800"}, {41, b.last(41)}};
            if (!additional.empty()) fields.push_back({48, additional});
            b.terminal.received(answer("1810", fields, &b.base, 64, later), b.now);
        };
        b.terminal.connected(b.now);
        network({});
        network(b.new_key());
        REQUIRE(b.terminal.ready());
        b.sell();
        if (silent) {
            b.now.monotonic_ns += 16 * kSecond;
            b.terminal.tick(b.now);
        } else {
            b.terminal.received(answer("1210", {{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, "916"}, {41, b.last(41)}}, nullptr, 64, later), b.now);
        }
        REQUIRE(b.last(0) == "1400");
        CHECK(b.last(24) == "400");
        CHECK(b.last(25) == (silent ? "4021" : "4020"));
    }
}

namespace {
// Keys made of the KSN's counter, ours and theirs apart: what the box would derive.
Secret counted_key(std::uint32_t counter, std::uint8_t direction) {
    Secret key(16);
    key.writable()[0] = static_cast<std::byte>(counter);
    key.writable()[1] = std::byte{direction};
    return key;
}
struct Counted final : MessageKeys {
    std::uint32_t counter = 0;
    MacKey next() override {
        const auto ksn = payment::Ksn::parse(Buffer(12, std::byte{0x11})).value().with_counter(++counter);
        return MacKey(ksn, counted_key(counter, 1), counted_key(counter, 2));
    }
    Buffer pin_block(std::string_view pin, const Pan& pan, Random& random) override {
        return payment::seal_pin_iso4(counted_key(counter, 3), pin, pan, random);
    }
};
}  // namespace

TEST_CASE("terminal: with DUKPT each message has the next KSN and its MAC, and answers are believed under that KSN's other key") {
    Bench b;
    auto keys = std::make_unique<Counted>();
    Counted& counted = *keys;
    b.owned = std::make_unique<Terminal>(kWho, std::unique_ptr<MessageKeys>(std::move(keys)), 15 * kSecond, b.shared, b, b);
    Terminal& terminal = *b.owned;
    const auto ksn = [&] { return b.last(60); };
    const auto is_under = [&](std::uint32_t counter) {
        const Bytes frame = b.sent.back();
        return to_hex(frame.last(8)) == to_hex(vault::mac8(counted_key(counter, 1), frame.first(frame.size() - 8)));
    };
    const auto say = [&](const std::string& mti, const std::string& code, const Secret& key) {
        std::vector<test::Field> fields;
        for (const unsigned n : {4U, 11U, 37U, 41U})
            if (!b.last(n).empty()) fields.push_back({n, b.last(n)});
        fields.push_back({39, code});
        if (!b.last(70).empty()) fields.push_back({70, b.last(70)});
        terminal.received(answer(mti, fields, &key, b.last(70).empty() ? 64 : 128), b.now);
    };
    terminal.connected(b.now);
    CHECK(ksn() == "111111111111111100000001");
    CHECK(is_under(1));
    say("0810", "00", counted_key(1, 1));  // our own key's MAC is not the box's
    CHECK_FALSE(terminal.ready());
    say("0810", "00", counted_key(1, 2));
    REQUIRE(terminal.ready());  // no key exchange
    CHECK(b.times_ready == 1);

    const auto sell = [&] { terminal.sell(*Pan::parse("9700010000000051"), {}, 100, false, b.now.monotonic_ns, b.now); };
    sell();
    CHECK(ksn() == "111111111111111100000002");
    CHECK(is_under(2));
    say("0210", "00", counted_key(2, 2));
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].approved());
    terminal.repeat_sale(b.now, true);
    CHECK(ksn() == "111111111111111100000002");  // the same request, the same key
    say("0210", "00", counted_key(2, 2));
    terminal.reverse(terminal.last_sale(), b.now);
    CHECK(ksn() == "111111111111111100000003");
    say("0410", "00", counted_key(3, 2));
    terminal.repeat_sale(b.now, true);
    CHECK(ksn() == "111111111111111100000004");  // the sale's own is left behind
    say("0210", "00", counted_key(4, 2));
    CHECK(b.outcomes.size() == 4);

    // Refused for its KSN, without a MAC: taken back under the next one, and that one too under the next.
    sell();
    const auto refuse = [&](const char* mti) {
        terminal.received(answer(mti, {{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, "94"}, {41, b.last(41)}}, nullptr), b.now);
    };
    refuse("0210");
    CHECK(b.last(0) == "0400");
    CHECK(ksn() == "111111111111111100000006");
    refuse("0410");
    b.now.monotonic_ns += 16 * kSecond;
    terminal.tick(b.now);
    CHECK(b.last(0) == "0401");
    CHECK(ksn() == "111111111111111100000007");
    say("0410", "00", counted_key(7, 2));
    CHECK(b.outcomes.back().forced);
    CHECK(b.outcomes.back().answered);
    CHECK(counted.counter == 7);
}

TEST_CASE("terminal: a reconciliation is repeated until it is answered, and the answer has what the box counted") {
    Bench b;
    b.sign_on();
    Claim claim;
    claim.say(Total::net, 1240);
    b.terminal.reconcile(claim, b.now);
    CHECK(b.last(0) == "0500");
    CHECK(b.last(97) == "D0000000000001240");
    const std::string stan = b.last(11), moment = b.last(12);
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    CHECK(b.last(0) == "0501");
    CHECK(b.last(11) == stan);
    CHECK(b.last(12) == moment);
    b.terminal.received(answer("0510", {{11, stan}, {39, "95"}, {41, b.last(41)}, {66, "2"}, {97, "D0000000000001250"}}, &b.session, 128), b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].kind == Kind::reconciliation);
    CHECK(b.outcomes[0].code.view() == "95");
    REQUIRE(b.outcomes[0].totals);
    CHECK(b.outcomes[0].totals->totals[Total::net] == 1250);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: a sign-off is said under the base key, and given up when it is not answered") {
    Bench b;
    b.sign_on();
    b.terminal.notify(NetworkCode::sign_off, b.now);
    CHECK(b.last(0) == "0800");
    CHECK(b.last(70) == "002");
    b.network_answer("00");
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].kind == Kind::notice);
    CHECK(b.outcomes[0].approved());
    b.terminal.notify(NetworkCode::cut_over, b.now);
    CHECK(b.last(70) == "201");
    b.now.monotonic_ns += 15 * kSecond;
    b.terminal.tick(b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK_FALSE(b.outcomes[1].answered);
    CHECK(b.terminal.ready());
}

TEST_CASE("terminal: an echo is answered under the base key, and a spoilt MAC is one bit off") {
    Bench b;
    b.sign_on();
    b.terminal.echo(b.now.monotonic_ns, b.now);
    CHECK(b.last(70) == "301");
    b.network_answer("00");
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].kind == Kind::echo);
    b.terminal.sell(*Pan::parse("9700010000000051"), {}, 100, true, b.now.monotonic_ns, b.now);
    const Bytes frame = b.sent.back();
    auto mac = vault::mac8(b.session, frame.first(frame.size() - 8));
    mac.back() ^= std::byte{1};
    CHECK(to_hex(frame.last(8)) == to_hex(mac));
}

TEST_CASE("terminal: a refusal without a MAC decides nothing: the payment, which may be posted, is taken back") {
    for (const char* code : {"63", "58", "30", "12", "94"}) {
        Bench b;
        b.sign_on();
        b.sell();
        const auto said = [&](const char* mti) {
            return answer(mti, {{4, b.last(4)}, {11, b.last(11)}, {37, b.last(37)}, {39, code}, {41, "T0000001"}}, nullptr);
        };
        const Buffer true_answer = b.reply("00");
        b.terminal.received(said("0210"), b.now);
        REQUIRE(b.outcomes.size() == 1);
        CHECK_FALSE(b.outcomes[0].answered);
        CHECK(b.outcomes[0].code.empty());
        CHECK(b.outcomes[0].unproven.view() == code);
        REQUIRE(b.last(90).size() == 42);  // its reversal is on the way
        b.terminal.received(true_answer, b.now);  // held back until now
        CHECK(b.outcomes.size() == 1);
        b.terminal.received(said("0410"), b.now);  // nor does it end the reversal
        CHECK(b.outcomes.size() == 1);
        b.terminal.received(b.reply("00"), b.now);
        REQUIRE(b.outcomes.size() == 2);
        CHECK(b.outcomes[1].forced);
        CHECK(b.outcomes[1].answered);
    }
}

TEST_CASE("terminal: a typed PIN goes out under its message's PIN key; a repeat's under the repeat's; no other message has one") {
    Bench b;
    auto keys = std::make_unique<Counted>();
    b.owned = std::make_unique<Terminal>(kWho, std::unique_ptr<MessageKeys>(std::move(keys)), 15 * kSecond, b.shared, b, b);
    Terminal& terminal = *b.owned;
    const auto pin_under = [&](std::uint32_t counter, const Pan& pan) {
        iso8583::Message message;
        REQUIRE(iso8583::unpack(test::dialect(), b.sent.back(), message).has_value());
        const auto block = iso8583::pin_block_of(test::dialect(), message);
        return block.present ? payment::open_pin(counted_key(counter, 3), block.view(), pan).value_or("another key's") : "none";
    };
    const auto say = [&](const std::string& mti, const std::string& code, std::uint32_t counter) {
        std::vector<test::Field> fields;
        for (const unsigned n : {4U, 11U, 37U, 41U})
            if (!b.last(n).empty()) fields.push_back({n, b.last(n)});
        fields.push_back({39, code});
        if (!b.last(70).empty()) fields.push_back({70, b.last(70)});
        const Secret key = counted_key(counter, 2);
        terminal.received(answer(mti, fields, &key, b.last(70).empty() ? 64 : 128), b.now);
    };
    const Pan pan = *Pan::parse("9700010000000051");
    terminal.connected(b.now);
    say("0810", "00", 1);
    REQUIRE(terminal.ready());
    terminal.sell(pan, {}, 100, false, b.now.monotonic_ns, b.now, "4711");
    CHECK(pin_under(2, pan) == "4711");
    say("0210", "00", 2);
    terminal.repeat_sale(b.now, true);
    CHECK(pin_under(2, pan) == "4711");  // its key is still the last
    say("0210", "00", 2);
    terminal.reverse(terminal.last_sale(), b.now);
    CHECK(pin_under(3, pan) == "none");
    say("0410", "00", 3);
    terminal.repeat_sale(b.now, true);
    CHECK(pin_under(4, pan) == "4711");
    say("0210", "00", 4);
    terminal.sell(pan, {}, 100, false, b.now.monotonic_ns, b.now);
    CHECK(pin_under(5, pan) == "none");
}

TEST_CASE("terminal: with session keys a PIN goes out under the session's PIN key, of either cipher, and a wrong check value ends it") {
    const Pan pan = *Pan::parse("9700010000000051");
    using enum vault::PinKeyKind;
    for (const auto kind : {aes, tdes}) {
        Bench b;
        Identity who = kWho;
        who.pin = kind;
        b.owned = std::make_unique<Terminal>(who, test::tmk(0x10), 15 * kSecond, b.shared, b, b);
        Terminal& terminal = *b.owned;
        const Secret tmk = test::tmk(0x10);
        const auto say = [&](const std::string& mti, const std::string& code, const vault::Nonce& nonce, const std::string& additional = {}) {
            std::vector<test::Field> fields;
            for (const unsigned n : {4U, 11U, 37U, 41U})
                if (!b.last(n).empty()) fields.push_back({n, b.last(n)});
            fields.push_back({39, code});
            if (!additional.empty()) fields.push_back({48, additional});
            if (!b.last(70).empty()) fields.push_back({70, b.last(70)});
            const Secret key = vault::derive_session_key(tmk, nonce);
            terminal.received(answer(mti, fields, &key, b.last(70).empty() ? 64 : 128), b.now);
        };
        const auto exchange = [&](const vault::Nonce& nonce, bool right = true) {
            auto aes_kcv = vault::pin_kcv(vault::derive_pin_key(tmk, nonce, aes), aes), tdes_kcv = vault::pin_kcv(vault::derive_pin_key(tmk, nonce, tdes), tdes);
            if (!right) (kind == aes ? aes_kcv : tdes_kcv)[0] ^= std::byte{1};
            say("0810", "00", {}, to_hex(nonce) + to_hex(vault::kcv(vault::derive_session_key(tmk, nonce))) + to_hex(aes_kcv) + to_hex(tdes_kcv));
        };
        const auto pin_under = [&](const vault::Nonce& nonce) {
            iso8583::Message message;
            REQUIRE(iso8583::unpack(test::dialect(), b.sent.back(), message).has_value());
            const auto block = iso8583::pin_block_of(test::dialect(), message);
            if (!block.present) return std::string("none");
            CHECK(block.size == (kind == aes ? 16 : 8));
            return payment::open_pin(vault::derive_pin_key(tmk, nonce, kind), block.view(), pan).value_or("another key's");
        };
        const vault::Nonce first{std::byte{1}}, second{std::byte{2}};
        terminal.connected(b.now);
        say("0810", "00", {});
        exchange(first);
        REQUIRE(terminal.ready());
        terminal.sell(pan, {}, 100, false, b.now.monotonic_ns, b.now, "4711");
        CHECK(pin_under(first) == "4711");
        say("0210", "79", first);
        exchange(second);
        CHECK(pin_under(second) == "4711");  // said again under the new key, PIN and all
        say("0210", "00", second);
        terminal.sell(pan, {}, 100, false, b.now.monotonic_ns, b.now);
        CHECK(pin_under(second) == "none");
        say("0210", "79", second);
        exchange({std::byte{3}}, false);
        CHECK(terminal.state() == Terminal::State::failed);
    }
}

TEST_CASE("terminal: to 79 it exchanges keys and says the same again under the new one; its repeat is under that too") {
    Bench b;
    b.sign_on();
    b.sell();
    const std::string stan = b.last(11), rrn = b.last(37);
    b.terminal.received(b.reply("79"), b.now);
    CHECK(b.outcomes.empty());
    REQUIRE(b.last(70) == "161");
    b.nonce.fill(std::byte{10});
    const Secret old_session = std::exchange(b.session, vault::derive_session_key(test::tmk(), b.nonce));
    b.network_answer("00", b.new_key());
    CHECK(b.last(0) == "0201");
    CHECK(b.last(11) == stan);
    CHECK(b.last(37) == rrn);
    const Bytes frame = b.sent.back();
    CHECK(to_hex(frame.last(8)) == to_hex(vault::mac8(b.session, frame.first(frame.size() - 8))));
    CHECK(b.times_ready == 1);  // it was, and is again
    b.terminal.received(b.reply("00", {0, ""}, &old_session), b.now);
    CHECK(b.outcomes.empty());
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 1);
    CHECK(b.outcomes[0].approved());
    CHECK(b.outcomes[0].kind == Kind::sale);
    b.terminal.repeat_sale(b.now);
    CHECK(text_of(b.sent.back()) == text_of(frame));
}

TEST_CASE("terminal: a reversal and a connection that breaks meanwhile lose nothing over 79") {
    Bench b;
    b.sign_on();
    b.sell();
    b.terminal.received(b.reply("00"), b.now);
    b.terminal.reverse(b.terminal.last_sale(), b.now);
    const std::string stan = b.last(11);
    b.terminal.received(b.reply("79"), b.now);
    REQUIRE(b.last(70) == "161");
    const std::size_t before = b.sent.size();
    b.terminal.disconnected();
    b.terminal.connected(b.now);
    REQUIRE(b.sent.size() == before + 1);
    CHECK(b.last(70) == "161");
    b.nonce.fill(std::byte{10});
    b.session = vault::derive_session_key(test::tmk(), b.nonce);
    b.network_answer("00", b.new_key());
    CHECK(b.last(0) == "0401");
    CHECK(b.last(11) == stan);
    b.terminal.received(b.reply("00"), b.now);
    REQUIRE(b.outcomes.size() == 2);
    CHECK(b.outcomes[1].kind == Kind::reversal);
    CHECK(b.outcomes[1].approved());
}

TEST_CASE("terminal: a box with too much to do is asked again by the sale's repeat, each time later, before the sale is taken back") {
    Bench b;
    b.sign_on();
    b.sell();
    const std::string stan = b.last(11);
    const auto too_much = [&] { b.terminal.received(answer("0210", {{11, stan}, {39, "96"}, {41, b.last(41)}}, nullptr), b.now); };
    for (const std::uint64_t pause_ms : {250U, 500U, 1'000U, 2'000U, 4'000U}) {
        too_much();
        const std::size_t sent = b.sent.size();
        b.now.monotonic_ns += (pause_ms - 1) * 1'000'000;
        b.terminal.tick(b.now);
        CHECK(b.sent.size() == sent);
        b.now.monotonic_ns += 1'000'000;
        b.terminal.tick(b.now);
        REQUIRE(b.sent.size() == sent + 1);
        CHECK(b.last(0) == "0201");
        CHECK(b.last(11) == stan);
    }
    CHECK(b.outcomes.empty());
    SUBCASE("and the answer that it gets then counts") {
        std::vector<test::Field> fields;
        for (const unsigned n : {4U, 11U, 37U, 41U}) fields.push_back({n, b.last(n)});
        fields.push_back({39, "00"});
        b.terminal.received(answer("0210", fields, &b.session), b.now);
        REQUIRE(b.outcomes.size() == 1);
        CHECK(b.outcomes[0].approved());
    }
    SUBCASE("and then it is") {
        too_much();
        CHECK(b.last(0) == "0400");
    }
    SUBCASE("and when nothing more is heard it is, too") {
        b.now.monotonic_ns += 16 * kSecond;
        b.terminal.tick(b.now);
        CHECK(b.last(0) == "0400");
    }
}

TEST_CASE("terminal: a sign-on that is refused for want of time, without a MAC, is asked again") {
    Bench b;
    b.terminal.connected(b.now);
    b.terminal.received(answer("0810", {{11, b.last(11)}, {39, "96"}, {41, b.last(41)}}, nullptr), b.now);
    CHECK(b.failure.empty());
    b.now.monotonic_ns += 16 * kSecond;
    const std::size_t sent = b.sent.size();
    b.terminal.tick(b.now);
    CHECK(b.sent.size() == sent + 1);
    CHECK(b.last(70) == "001");
}
