// How long a session key serves, and the one before it.
#include "tests/switching/fixture.hpp"

using namespace giro;
using namespace giro::switching;

namespace {
const TerminalId kTill("T0000001");

struct KeyBox : Box {
    explicit KeyBox(std::uint32_t requests, std::uint32_t seconds, std::uint32_t overlap_s = 30) {
        config.switching.session_key_requests = requests;
        config.switching.session_key_s = seconds;
        config.switching.session_key_overlap_s = overlap_s;
        make_core();
        exchange(900, kNow);
    }
    void exchange(std::uint32_t stan, std::uint64_t now_ns) {
        core->session_key(purchase_of(1, stan), ByteArray<16>{static_cast<std::byte>(stan)}, {}, now_ns);
        commit();
    }
    [[nodiscard]] bool expired(std::uint64_t now_ns = kNow) const { return core->key_expired(kTill, now_ns); }
};
}  // namespace

TEST_CASE("key: it expires after so many requests, declined ones and reversals too; a repeat does not count") {
    KeyBox box(4, 0);
    const auto bought = purchase_of(100, 1);
    box.buy(bought);
    box.buy(purchase_of(10'000'000, 2));  // declined
    box.reverse(reversal_of(bought, 3));
    for (int i = 0; i < 5; ++i) box.buy(bought);
    CHECK_FALSE(box.expired());
    auto authorisation = purchase_of(100, 4);
    authorisation.mti = 0x0100;
    const auto pan = sealed(1);
    CHECK(box.core->authorisation(authorisation, &pan, kNow).code == kApproved);
    box.commit();
    CHECK(box.expired());
    box.exchange(901, kNow);
    CHECK_FALSE(box.expired());
}

TEST_CASE("key: it expires by its age; a clock that steps back makes it new, one that was far ahead old") {
    KeyBox box(0, 100);
    CHECK_FALSE(box.expired(kNow + 99 * kSecond));
    CHECK(box.expired(kNow + 100 * kSecond));
    CHECK_FALSE(box.expired(kNow - 500 * kSecond));
    CHECK(box.expired(kNow - 3'602 * kSecond));  // it was made by a clock that was wrong
    CHECK_FALSE(box.core->takes_previous_key(kTill, kNow - 3'602 * kSecond));
    box.exchange(901, kNow + 100 * kSecond);
    CHECK_FALSE(box.expired(kNow + 199 * kSecond));
    CHECK(box.expired(kNow + 200 * kSecond));
}

TEST_CASE("key: 0 is for ever, and a terminal with DUKPT keys has none that expires") {
    KeyBox box(0, 0);
    for (std::uint32_t stan = 1; stan < 20; ++stan) box.buy(purchase_of(1, stan));
    CHECK_FALSE(box.expired(kNow + 1'000'000 * kSecond));
    KeyBox dukpt(1, 1);
    dukpt.buy(purchase_of(1, 1));
    CHECK(dukpt.expired(kNow + 9 * kSecond));
    REQUIRE(dukpt.core->set_terminal_dukpt({kTill, FixedText<22>("bdk"), Buffer(12), 1}));
    CHECK_FALSE(dukpt.expired(kNow + 9 * kSecond));
}

TEST_CASE("key: the one before is taken until the new one is used, and no longer than the overlap") {
    KeyBox box(0, 0);
    box.exchange(901, kNow);
    const auto taken = [&](std::uint64_t now_ns) {
        return box.core->takes_previous_key(kTill, now_ns);
    };
    CHECK(taken(kNow));
    CHECK(taken(kNow + 29 * kSecond));
    CHECK_FALSE(taken(kNow + 30 * kSecond));
    box.core->key_used(kTill, box.state.terminal(kTill)->nonce);
    box.commit();
    CHECK_FALSE(taken(kNow));
}

TEST_CASE("key: one that had expired is not taken as the one before: a recorded exchange brings it back for nobody") {
    KeyBox box(0, 100);
    const auto taken = [&](std::uint64_t now_ns) { return box.core->takes_previous_key(kTill, now_ns); };
    box.exchange(901, kNow + 50 * kSecond);
    CHECK(taken(kNow + 51 * kSecond));
    box.exchange(902, kNow + 150 * kSecond);
    CHECK_FALSE(taken(kNow + 151 * kSecond));
    CHECK(box.replayed().digest() == box.state.digest());
    KeyBox counted(2, 0);
    for (std::uint32_t stan = 1; stan <= 2; ++stan) counted.buy(purchase_of(1, stan));
    counted.exchange(901, kNow);
    CHECK_FALSE(counted.core->takes_previous_key(kTill, kNow));
}

TEST_CASE("key: a class of terminals has its own limits, those named alone before those named by their beginning") {
    KeyBox box(2, 0);
    using Ages = std::map<std::string, config::KeyAges, std::less<>>;
    const auto classes = [&](Ages ages) {
        box.config.key_ages = std::move(ages);
        box.make_core();
    };
    for (std::uint32_t stan = 1; stan <= 2; ++stan) box.buy(purchase_of(1, stan));
    CHECK(box.expired());
    classes({{"T*", {3, 0, 5}}, {"T0000002", {1, 0, 5}}});
    CHECK_FALSE(box.expired());
    CHECK_FALSE(box.expired(kNow + 1'000'000 * kSecond));
    box.buy(purchase_of(1, 3));
    CHECK(box.expired());
    classes({{"T*", {3, 0, 5}}, {"T0000001", {0, 40, 7}}, {"T000000*", {1, 1, 1}}});
    CHECK_FALSE(box.expired(kNow + 39 * kSecond));
    CHECK(box.expired(kNow + 40 * kSecond));
    box.exchange(901, kNow);
    CHECK(box.core->takes_previous_key(kTill, kNow + 6 * kSecond));
    CHECK_FALSE(box.core->takes_previous_key(kTill, kNow + 7 * kSecond));
    classes({{"T*", {3, 0, 5}}, {"T000000*", {1, 1, 1}}});
    CHECK_FALSE(box.core->takes_previous_key(kTill, kNow + 1 * kSecond));  // the longest beginning
    classes({{"X*", {1, 1, 1}}});
    CHECK(box.core->takes_previous_key(kTill, kNow + 29 * kSecond));
}

TEST_CASE("key: its age and its requests are in the journal and the snapshot: a restart makes no key new") {
    KeyBox box(3, 0);
    for (std::uint32_t stan = 1; stan <= 3; ++stan) box.buy(purchase_of(1, stan));
    REQUIRE(box.expired());
    CHECK(box.replayed().terminal(kTill)->key_requests == 3);
    CHECK(box.replayed().digest() == box.state.digest());
    Buffer bytes;
    box.state.save(bytes);
    const auto loaded = State::load(bytes);
    REQUIRE(loaded);
    CHECK(loaded->terminal(kTill)->key_requests == 3);
    CHECK(loaded->terminal(kTill)->key_set_ns == kNow);
}
