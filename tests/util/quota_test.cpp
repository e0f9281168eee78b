// A burst, then a pace; for each by itself, with bounded memory, whatever the clock does.
#include <doctest/doctest.h>

#include "util/quota.hpp"

using giro::Quota;

namespace {
constexpr std::uint64_t kSecond = 1'000'000'000, kStart = 1'000 * kSecond;
constexpr giro::QuotaLimit kLimit{.burst = 3, .interval_ns = 2 * kSecond, .keys_max = 2};
}  // namespace

TEST_CASE("quota: a burst at once, then one per interval, and a full burst again after a rest") {
    Quota<int> quota(kLimit);
    for (int i = 0; i < 3; ++i) CHECK(quota.take(1, kStart));
    CHECK_FALSE(quota.take(1, kStart));
    CHECK_FALSE(quota.take(1, kStart + 2 * kSecond - 1));  // what was refused is not counted
    CHECK(quota.take(1, kStart + 2 * kSecond));
    CHECK_FALSE(quota.take(1, kStart + 2 * kSecond));
    for (int i = 0; i < 3; ++i) CHECK(quota.take(1, kStart + 20 * kSecond));
    CHECK_FALSE(quota.take(1, kStart + 20 * kSecond));
}

TEST_CASE("quota: each has its own") {
    Quota<int> quota(kLimit);
    for (int i = 0; i < 3; ++i) CHECK(quota.take(1, kStart));
    CHECK_FALSE(quota.take(1, kStart));
    CHECK(quota.take(2, kStart));
}

TEST_CASE("quota: when too many are busy newcomers wait, and who has rested makes room") {
    Quota<int> quota(kLimit);
    CHECK(quota.take(1, kStart));
    CHECK(quota.take(2, kStart));
    CHECK_FALSE(quota.take(3, kStart));
    CHECK(quota.take(1, kStart + 1));  // those who are known go on
    CHECK(quota.take(3, kStart + 2 * kSecond));
    CHECK(quota.keys() == 2);
}

TEST_CASE("quota: a clock that is set back locks nobody out") {
    Quota<int> quota(kLimit);
    for (int i = 0; i < 3; ++i) CHECK(quota.take(1, kStart));
    for (int i = 0; i < 3; ++i) CHECK(quota.take(1, kStart - 900 * kSecond));
    CHECK_FALSE(quota.take(1, kStart - 900 * kSecond));
}
