// When a link's session key is asked for, serves, and serves no more.
#include <doctest/doctest.h>

#include "appliance/giro-switch/link_keys.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::appliance;

namespace {
constexpr std::uint64_t kSecond = 1'000'000'000, kStart = 1'000 * kSecond;
const FixedText<10> kMoment("1123074500");
vault::Nonce nonce(int n) {
    return vault::Nonce{static_cast<std::byte>(n)};
}

// Two links: the first as `ages` says, the second without session keys.
struct Links {
    LinkKeys keys;
    explicit Links(config::KeyAges ages) : keys(made(ages)) {
        keys.link_state(0, true);
        keys.link_state(1, true);
    }
    static config::Config made(config::KeyAges ages) {
        config::Config config;
        config.links.resize(2);
        config.links[0].key_ages = ages;
        config.links[1].number = 1;
        return config;
    }
    static PaymentRequest answer(const LinkKeys::Question& to, const char* code = "00", std::uint16_t link = 0) {
        PaymentRequest r;
        r.link = link;
        r.mti = 0x0810;
        r.stan = to.stan;
        r.transmission_time = to.transmission;
        r.response_code = ResponseCode(code);
        r.network_code = 161;
        r.additional = as_bytes(to.kcv);
        return r;
    }
    LinkKeys::Question ask(int n, std::uint64_t now_ns) {
        keys.asking(0, now_ns);
        return keys.question(0, nonce(n), vault::Kcv{static_cast<std::byte>(n)}, kMoment);
    }
    [[nodiscard]] bool due(std::uint64_t now_ns) const { return keys.due(0, now_ns); }
    void send(int n, int times, std::uint64_t now_ns = kStart) {
        for (int i = 0; i < times; ++i) CHECK(keys.next(0, now_ns) == nonce(n));
    }
    void agree(int n, std::uint64_t now_ns) {
        REQUIRE(keys.answered(answer(ask(n, now_ns)), now_ns));
    }
};
}  // namespace

TEST_CASE("link keys: a link without them is up with its host, under its base key") {
    Links l({10, 0, 30});
    CHECK(l.keys.usable(1, kStart));
    CHECK(l.keys.next(1, kStart) == vault::Nonce{});
    CHECK(l.keys.accepted(1, kStart).current == vault::Nonce{});
    CHECK_FALSE(l.keys.accepted(1, kStart).previous);
    l.keys.link_state(1, false);
    CHECK_FALSE(l.keys.usable(1, kStart));
    CHECK_FALSE(l.keys.usable(7, kStart));  // there is no such link
    l.keys.link_state(7, true);
    CHECK_FALSE(l.keys.usable(7, kStart));
    CHECK_FALSE(l.keys.answered(Links::answer({1, kMoment, {}, "010000"}, "00", 7), kStart));
    l.keys.failed(7);
    l.keys.heard(7);
    CHECK_FALSE(l.keys.due(7, kStart));
    CHECK_FALSE(l.keys.due(1, kStart));
}

TEST_CASE("link keys: nothing goes to a host before it has taken a key; a question is asked again after a while, anew") {
    Links l({10, 0, 30});
    CHECK_FALSE(l.keys.usable(0, kStart));
    CHECK_FALSE(l.keys.accepted(0, kStart).current);
    CHECK(l.due(kStart));
    const auto first = l.ask(1, kStart);
    CHECK_FALSE(l.due(kStart + LinkKeys::kAskAgain_ns - 1));
    CHECK(l.due(kStart + LinkKeys::kAskAgain_ns));
    const auto second = l.ask(2, kStart + LinkKeys::kAskAgain_ns);
    CHECK_FALSE(l.keys.answered(Links::answer(first), kStart));  // too late
    CHECK_FALSE(l.keys.answered(Links::answer(second, "12"), kStart));
    CHECK_FALSE(l.keys.answered(Links::answer({second.stan, FixedText<10>("1123074501"), {}, second.kcv}), kStart));
    PaymentRequest echo = Links::answer(second);
    echo.network_code = 301;  // another 0800 under the same key, which the host answers for anybody
    CHECK_FALSE(l.keys.answered(echo, kStart));
    CHECK_FALSE(l.keys.answered(Links::answer({second.stan, second.transmission, {}, first.kcv}), kStart));
    CHECK_FALSE(l.keys.answered(Links::answer({second.stan, second.transmission, {}, {}}), kStart));
    CHECK_FALSE(l.keys.usable(0, kStart));
    CHECK(l.keys.answered(Links::answer(second), kStart));
    CHECK_FALSE(l.keys.answered(Links::answer(second), kStart));  // once
    CHECK(l.keys.usable(0, kStart));
    l.send(2, 1);
    CHECK(l.keys.accepted(0, kStart).current == nonce(2));
    CHECK_FALSE(l.keys.accepted(0, kStart).previous);
}

TEST_CASE("link keys: an answer while the vault is still asked names nothing") {
    Links l({10, 0, 30});
    l.keys.asking(0, kStart);
    CHECK_FALSE(l.keys.answered(Links::answer({}), kStart));
}

TEST_CASE("link keys: by its count the next is asked for at three quarters, and at four nothing goes under it any more") {
    Links l({12, 0, 30});
    l.agree(1, kStart);
    l.send(1, 8);
    CHECK_FALSE(l.due(kStart));
    l.send(1, 1);
    CHECK(l.due(kStart));
    l.send(1, 2);
    CHECK(l.keys.usable(0, kStart));
    l.send(1, 1);
    CHECK_FALSE(l.keys.usable(0, kStart));
    // What the host answers under it is taken for the overlap, and no longer; and it is nobody's previous key.
    CHECK(l.keys.accepted(0, kStart + 30 * kSecond - 1).current == nonce(1));
    CHECK_FALSE(l.keys.accepted(0, kStart + 30 * kSecond).current);
    l.agree(2, kStart);
    CHECK_FALSE(l.keys.accepted(0, kStart).previous);
    CHECK(l.keys.usable(0, kStart));
    l.send(2, 1);
}

TEST_CASE("link keys: the same by its age; the one before it is taken from the host for the overlap") {
    Links l({0, 100, 30});
    l.agree(1, kStart);
    CHECK_FALSE(l.due(kStart + 75 * kSecond - 1));
    CHECK(l.due(kStart + 75 * kSecond));
    CHECK(l.keys.usable(0, kStart + 100 * kSecond - 1));
    CHECK_FALSE(l.keys.usable(0, kStart + 100 * kSecond));
    CHECK(l.keys.accepted(0, kStart + 130 * kSecond - 1).current == nonce(1));
    CHECK_FALSE(l.keys.accepted(0, kStart + 130 * kSecond).current);
    Links late({0, 100, 30});
    late.agree(1, kStart);
    late.agree(2, kStart + 100 * kSecond);  // the first had expired
    CHECK_FALSE(late.keys.accepted(0, kStart + 101 * kSecond).previous);
    l.agree(2, kStart + 80 * kSecond);
    CHECK(l.keys.usable(0, kStart + 179 * kSecond));
    CHECK(l.keys.accepted(0, kStart + 110 * kSecond - 1).previous == nonce(1));
    CHECK_FALSE(l.keys.accepted(0, kStart + 110 * kSecond).previous);
}

TEST_CASE("link keys: a link that went down has none when it is back, and asks no oftener for going down often") {
    Links l({12, 0, 30});
    l.agree(1, kStart);
    const auto asked = l.ask(2, kStart);
    l.keys.link_state(0, false);
    CHECK_FALSE(l.due(kStart + LinkKeys::kAfterDown_ns));
    CHECK_FALSE(l.keys.answered(Links::answer(asked), kStart));
    l.keys.link_state(0, true);
    CHECK_FALSE(l.keys.usable(0, kStart));
    CHECK_FALSE(l.keys.accepted(0, kStart).current);
    CHECK_FALSE(l.due(kStart + LinkKeys::kAfterDown_ns - 1));
    CHECK(l.due(kStart + LinkKeys::kAfterDown_ns));
    l.agree(3, kStart + LinkKeys::kAfterDown_ns);
    CHECK_FALSE(l.keys.accepted(0, kStart + LinkKeys::kAfterDown_ns).previous);
}

TEST_CASE("link keys: a host that seems to have lost its key is told another, not at once and not all the time") {
    Links l({1000, 0, 30});
    l.keys.failed(0);  // before there is a key: nothing to lose
    l.agree(1, kStart);
    const std::uint64_t later = kStart + LinkKeys::kAskAgain_ns;
    for (unsigned i = 1; i < LinkKeys::kFailuresMax; ++i) l.keys.failed(0);
    l.keys.heard(0);
    for (unsigned i = 1; i < LinkKeys::kFailuresMax; ++i) l.keys.failed(0);
    CHECK_FALSE(l.due(later));
    l.keys.failed(0);
    CHECK_FALSE(l.due(later - 1));
    CHECK(l.due(later));
    CHECK(l.keys.usable(0, later));
    l.agree(2, later);
    CHECK_FALSE(l.due(later + LinkKeys::kAskAgain_ns));
    CHECK(l.keys.accepted(0, later).previous == nonce(1));
}
