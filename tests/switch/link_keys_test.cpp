// When a link's session key is asked for, serves, and serves no more.
#include <doctest/doctest.h>

#include "appliance/giro-switch/link_keys.hpp"

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
        return r;
    }
    LinkKeys::Question ask(int n, std::uint64_t now_ns) {
        keys.asking(0, now_ns);
        return keys.question(0, nonce(n), kMoment);
    }
    void agree(int n, std::uint64_t now_ns) {
        REQUIRE(keys.answered(answer(ask(n, now_ns)), now_ns));
    }
};
using Due = std::vector<std::uint16_t>;
}  // namespace

TEST_CASE("link keys: a link without them is up with its host, under its base key") {
    Links l({10, 0, 30});
    CHECK(l.keys.usable(1, kStart));
    CHECK(l.keys.next(1) == vault::Nonce{});
    CHECK(l.keys.accepted(1, kStart).current == vault::Nonce{});
    CHECK_FALSE(l.keys.accepted(1, kStart).previous);
    l.keys.link_state(1, false);
    CHECK_FALSE(l.keys.usable(1, kStart));
    CHECK_FALSE(l.keys.usable(7, kStart));  // there is no such link
    l.keys.link_state(7, true);
    CHECK_FALSE(l.keys.usable(7, kStart));
    CHECK_FALSE(l.keys.answered(Links::answer({1, kMoment, {}}, "00", 7), kStart));
}

TEST_CASE("link keys: nothing goes to a host before it has taken a key; a question is asked again after a while, anew") {
    Links l({10, 0, 30});
    CHECK_FALSE(l.keys.usable(0, kStart));
    CHECK_FALSE(l.keys.accepted(0, kStart).current);
    CHECK(l.keys.due(kStart) == Due{0});
    const auto first = l.ask(1, kStart);
    CHECK(l.keys.due(kStart + LinkKeys::kAskAgain_ns - 1).empty());
    CHECK(l.keys.due(kStart + LinkKeys::kAskAgain_ns) == Due{0});
    const auto second = l.ask(2, kStart + LinkKeys::kAskAgain_ns);
    CHECK_FALSE(l.keys.answered(Links::answer(first), kStart));  // too late
    CHECK_FALSE(l.keys.answered(Links::answer(second, "12"), kStart));
    CHECK_FALSE(l.keys.answered(Links::answer({second.stan, FixedText<10>("1123074501"), {}}), kStart));
    CHECK_FALSE(l.keys.usable(0, kStart));
    CHECK(l.keys.answered(Links::answer(second), kStart));
    CHECK_FALSE(l.keys.answered(Links::answer(second), kStart));  // once
    CHECK(l.keys.usable(0, kStart));
    CHECK(l.keys.next(0) == nonce(2));
    CHECK(l.keys.accepted(0, kStart).current == nonce(2));
    CHECK_FALSE(l.keys.accepted(0, kStart).previous);
}

TEST_CASE("link keys: an answer while the vault is still asked names nothing") {
    Links l({10, 0, 30});
    l.keys.asking(0, kStart);
    CHECK_FALSE(l.keys.answered(Links::answer({0, {}, {}}), kStart));
}

TEST_CASE("link keys: by its count the next is asked for at three quarters, and at four nothing goes under it any more") {
    Links l({12, 0, 30});
    l.agree(1, kStart);
    for (int i = 0; i < 8; ++i) CHECK(l.keys.next(0) == nonce(1));
    CHECK(l.keys.due(kStart).empty());
    CHECK(l.keys.next(0) == nonce(1));
    CHECK(l.keys.due(kStart) == Due{0});
    for (int i = 0; i < 2; ++i) CHECK(l.keys.next(0) == nonce(1));
    CHECK(l.keys.usable(0, kStart));
    CHECK(l.keys.next(0) == nonce(1));
    CHECK_FALSE(l.keys.usable(0, kStart));
    l.agree(2, kStart);
    CHECK(l.keys.usable(0, kStart));
    CHECK(l.keys.next(0) == nonce(2));
}

TEST_CASE("link keys: the same by its age; the one before it is taken from the host for the overlap") {
    Links l({0, 100, 30});
    l.agree(1, kStart);
    CHECK(l.keys.due(kStart + 75 * kSecond - 1).empty());
    CHECK(l.keys.due(kStart + 75 * kSecond) == Due{0});
    CHECK(l.keys.usable(0, kStart + 100 * kSecond - 1));
    CHECK_FALSE(l.keys.usable(0, kStart + 100 * kSecond));
    l.agree(2, kStart + 80 * kSecond);
    CHECK(l.keys.usable(0, kStart + 179 * kSecond));
    CHECK(l.keys.accepted(0, kStart + 110 * kSecond - 1).previous == nonce(1));
    CHECK_FALSE(l.keys.accepted(0, kStart + 110 * kSecond).previous);
}

TEST_CASE("link keys: a link that went down has none when it is back") {
    Links l({12, 0, 30});
    l.agree(1, kStart);
    const auto asked = l.ask(2, kStart);
    l.keys.link_state(0, false);
    CHECK(l.keys.due(kStart).empty());
    CHECK_FALSE(l.keys.answered(Links::answer(asked), kStart));
    l.keys.link_state(0, true);
    CHECK_FALSE(l.keys.usable(0, kStart));
    CHECK_FALSE(l.keys.accepted(0, kStart).current);
    CHECK(l.keys.due(kStart) == Due{0});
    l.agree(3, kStart);
    CHECK_FALSE(l.keys.accepted(0, kStart).previous);
}
