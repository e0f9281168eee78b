// The same journal gives the same state; a snapshot is the state; damage is refused.
#include <algorithm>

#include "fixture.hpp"

using namespace giro;
using namespace giro::switching;

namespace {
Box& busy() {
    static Box box;
    if (box.state.counters().card_approved > 0) return box;
    for (std::uint32_t stan = 1; stan <= 20; ++stan) (void)box.buy(purchase_of(stan, stan), stan % 5 == 0 ? 2 : 1);
    (void)box.reverse(reversal_of(purchase_of(3, 3), 100));
    (void)box.reverse(reversal_of(purchase_of(999, 999), 101));
    (void)box.buy(purchase_of(700, 200, "9700030000000011"), 3);
    for (const std::uint8_t key : {std::uint8_t{4}, std::uint8_t{5}})
        box.core->session_key(purchase_of(1, 296U + key), ByteArray<16>{std::byte{key}}, {}, kNow);
    REQUIRE(box.core->close_window(kNow));
    box.commit();
    return box;
}
}  // namespace

TEST_CASE("state: a replay of the journal gives the same digest, whatever the hash seed") {
    CHECK(busy().replayed().digest() == busy().state.digest());
}

TEST_CASE("state: a snapshot brings back the same state, which goes on the same way") {
    Buffer bytes;
    busy().state.save(bytes);
    auto loaded = State::load(bytes, 5);
    REQUIRE(loaded);
    CHECK(loaded->digest() == busy().state.digest());
    CHECK(loaded->last_seq() == busy().state.last_seq());
    CHECK(loaded
              ->find(RequestClass::payment, {AcquirerId("970002"), TerminalId("T0000001"), 1, Rrn("RRN100000001"),
                                             FixedText<6>("101112"), FixedText<4>("1118")})
              ->response_code == kApproved);
    CHECK(loaded->terminal(TerminalId("T0000001"))->has_previous);
    CHECK(loaded->all_outstanding().size() == 1);
    Buffer again;
    loaded->save(again);
    CHECK(again == bytes);
}

TEST_CASE("state: a terminal's last key is taken until its new one was used once, and a replay knows it") {
    Box box;
    const auto& terminal = *box.state.terminal(TerminalId("T0000001"));
    const ByteArray<16> first{std::byte{5}}, second{std::byte{6}};
    box.core->key_used(TerminalId("T0000001"), {});  // no exchange yet: nothing to give up
    box.core->session_key(purchase_of(1, 300), first, {}, kNow);
    box.core->session_key(purchase_of(1, 301), second, {}, kNow);
    CHECK(terminal.has_previous);
    CHECK(terminal.previous_nonce == first);
    box.core->key_used(TerminalId("T0000001"), first);  // the old one, still in use
    CHECK(terminal.has_previous);
    box.core->key_used(TerminalId("T0000001"), second);
    CHECK_FALSE(terminal.has_previous);
    box.commit();
    const std::size_t entries = box.journal.size();
    box.core->key_used(TerminalId("T0000001"), second);  // journalled once
    box.commit();
    CHECK(box.journal.size() == entries);
    const State replayed = box.replayed();
    CHECK_FALSE(replayed.terminal(TerminalId("T0000001"))->has_previous);
    CHECK(replayed.digest() == box.state.digest());
    State copy = box.replayed();
    CHECK_FALSE(copy.apply(entry::Kind::session_key_used, encode(entry::SessionKeyUsed{TerminalId("T0000001")})));
}

TEST_CASE("state: a terminal's DUKPT device is journalled, and a replay and a snapshot know it") {
    Box box;
    const TerminalId id("T0000001");
    const auto set = [&](std::size_t ksn_bytes, std::uint8_t last, const char* bdk = "shop.bdk", std::uint8_t mac = 1) {
        entry::TerminalDukptSet e{id, FixedText<22>(bdk), Buffer(ksn_bytes, std::byte{0x40}), mac};
        for (std::size_t i = ksn_bytes < 4 ? ksn_bytes : ksn_bytes - 4; i < ksn_bytes; ++i) e.ksn[i] = {};
        if (!e.ksn.empty()) e.ksn.back() = std::byte{last};
        return box.core->set_terminal_dukpt(e).has_value();
    };
    CHECK_FALSE(box.state.terminal(id)->is_dukpt());
    CHECK_FALSE(set(11, 0));
    CHECK_FALSE(set(12, 1));  // its counter has begun
    CHECK_FALSE(set(12, 0, ""));
    CHECK_FALSE(set(12, 0, "shop.bdk", 4));
    CHECK_FALSE(box.core->set_terminal_dukpt({TerminalId("T9"), FixedText<22>("shop.bdk"), Buffer(12), 1}).has_value());
    REQUIRE(set(10, 0, "shop.tdes", 2));
    REQUIRE(set(12, 0));  // another device
    box.commit();
    const State replayed = box.replayed();
    CHECK(replayed.digest() == box.state.digest());
    Buffer bytes;
    box.state.save(bytes);
    const auto loaded = State::load(bytes, 5);
    REQUIRE(loaded);
    for (const State* state : {static_cast<const State*>(&box.state), &replayed, &*loaded}) {
        const Terminal& terminal = *state->terminal(id);
        CHECK(terminal.is_dukpt());
        CHECK(terminal.bdk.view() == "shop.bdk");
        CHECK(terminal.device.is_aes());
        CHECK(terminal.dukpt_mac == 1);
    }
}

TEST_CASE("core: it knows the requests that it has decided, and only those") {
    Box box;
    const auto sale = purchase_of(100, 1), other = purchase_of(100, 2);
    CHECK_FALSE(box.core->knows(sale));
    (void)box.buy(sale);
    CHECK(box.core->knows(sale));
    auto repeat = sale;
    repeat.mti = 0x0201;
    CHECK(box.core->knows(repeat));
    const auto reversal = reversal_of(other, 9);
    CHECK_FALSE(box.core->knows(reversal));
    (void)box.reverse(reversal);
    CHECK(box.core->knows(reversal));
    CHECK_FALSE(box.core->knows(other));  // its reversal came first, but of itself nothing was decided
}

TEST_CASE("state: every truncation of a snapshot is refused, and no bit flip crashes or passes for the same state") {
    Buffer bytes;
    busy().state.save(bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(State::load(Bytes(bytes).first(size)));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        Buffer flipped = bytes;
        flipped[at] ^= std::byte{0x10};
        const auto loaded = State::load(flipped);
        if (loaded) CHECK(loaded->digest() != busy().state.digest());
    }
}

TEST_CASE("state: an entry that does not fit is refused by number and changes nothing") {
    const Box& box = busy();
    State copy = box.replayed();
    const Hash256 before = copy.digest();
    for (const auto& e : box.journal) {
        // These fit again: another key, another window, and the key before the last one is still taken.
        static constexpr entry::Kind kFit[] = {entry::Kind::session_key_set, entry::Kind::session_key_used, entry::Kind::window_closed};
        if (std::ranges::find(kFit, e.kind) != std::end(kFit)) continue;
        const auto again = copy.apply(e.kind, e.body);
        REQUIRE_FALSE(again);
        CHECK(again.error().kind == Failure::Kind::integrity);
        CHECK(again.error().what.find("entry " + std::to_string(copy.last_seq() + 1)) != std::string::npos);
    }
    CHECK_FALSE(copy.apply(std::uint16_t{999}, {}));
    CHECK_FALSE(copy.apply(entry::Kind::payment, as_bytes("junk")));
    CHECK(copy.digest() == before);
}

TEST_CASE("state: a box whose issuance does not match its banks' backing is out of balance") {
    CHECK(busy().state.balanced());
    CHECK(State().balanced());
    // The snapshot as one who can sign it could write it: one bank's backing is a unit more than was issued for it.
    Buffer bytes;
    busy().state.save(bytes);
    const auto backing = static_cast<std::uint64_t>(busy().config.participants[0].backing);
    std::size_t unbalanced = 0;
    for (std::size_t at = 0; at + sizeof backing <= bytes.size(); ++at) {
        if (load_le<std::uint64_t>(&bytes[at]) != backing) continue;
        Buffer changed = bytes;
        store_le(&changed[at], backing + 1);
        const auto loaded = State::load(changed);
        if (!loaded) continue;  // another field of that value, which its own reader refuses
        CHECK_FALSE(loaded->balanced());
        ++unbalanced;
    }
    CHECK(unbalanced > 0);
}
