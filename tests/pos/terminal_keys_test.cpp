#include "iso8583/pin.hpp"
#include "payment/pin_device.hpp"
#include "terminal_bench.hpp"

using namespace giro;
using namespace giro::pos;
using test::answer;
using test::Bench;
using test::kSecond;
using test::kWho;
using test::text_of;

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

TEST_CASE("terminal: a key whose check value differs is not taken") {
    Bench b;
    b.terminal.connected(b.now);
    b.network_answer("00");
    b.network_answer("00", to_hex(b.nonce) + "000000");
    CHECK(b.failure.find("check value") != std::string::npos);
    CHECK(b.terminal.state() == Terminal::State::failed);
}

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
