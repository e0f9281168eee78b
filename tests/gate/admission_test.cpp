#include "appliance/giro-gate/admission.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace giro::gate;

namespace {
constexpr std::uint64_t kWait_ms = 100;
constexpr std::uint64_t kKept = 200;  // that a queue at rest has in it

// A switch that decides `per_ms` requests a millisecond, in batches each 5 ms, behind a gate that is offered `offered_per_ms`.
struct Queue {
    Admission admission{kWait_ms};
    std::uint64_t now_ms = 1'000, passed = 0, decided = 0, refused = 0;
    void offer(std::uint64_t requests) {
        for (std::uint64_t i = 0; i < requests; ++i) {
            if (!admission.takes_new(now_ms)) {
                ++refused;
                continue;
            }
            admission.passed(++passed, Work::fresh, now_ms);
        }
    }
    void decide(std::uint64_t requests) {
        const std::uint64_t until = std::min(passed, decided + requests);
        if (until == decided) return;
        admission.decided(until, now_ms);
        decided = until;
    }
    void run(std::uint64_t ms, std::uint64_t offered_per_ms, std::uint64_t per_ms) {
        constexpr std::uint64_t kBatchEvery_ms = 5;
        for (const std::uint64_t end = now_ms + ms; now_ms < end; ++now_ms) {
            offer(offered_per_ms);
            if (now_ms % kBatchEvery_ms == 0) decide(kBatchEvery_ms * per_ms);
        }
    }
};
}  // namespace

TEST_CASE("admission: up to what the switch can do nothing is refused, at rest, in a burst and at its limit") {
    Queue q;
    q.run(2'000, 1, 20);
    q.offer(1'000);  // a thousand terminals at once, and the switch had never been busy
    q.run(2'000, 5, 20);
    q.run(5'000, 19, 20);
    CHECK(q.refused == 0);
}

TEST_CASE("admission: at three times as much the switch is kept busy, and nothing waits longer than it may") {
    for (const std::uint64_t per_ms : {15U, 20U, 30U}) {
        CAPTURE(per_ms);
        Queue q;
        q.run(1'000, per_ms / 2, per_ms);
        const std::uint64_t before = q.decided, began = q.now_ms;
        std::uint64_t longest = 0;
        while (q.now_ms < began + 5'000) {
            q.run(1, 3 * per_ms, per_ms);
            longest = std::max(longest, q.admission.undecided());
        }
        CHECK(q.decided - before > 5'000 * per_ms * 98 / 100);
        CHECK(longest <= per_ms * kWait_ms * 12 / 10);
        CHECK(q.refused > 5'000 * per_ms * 3 / 2);
        const std::uint64_t refused = q.refused;
        q.run(200, 0, per_ms);
        q.run(2'000, per_ms / 2, per_ms);
        CHECK(q.refused == refused);
    }
}

TEST_CASE("admission: a switch that becomes slower gets less room, and one that stands still next to nothing") {
    Queue q;
    q.run(3'000, 60, 40);
    CHECK(q.admission.room() >= 3'900);  // 40 a millisecond, for 100 of them
    q.run(10'000, 60, 3);
    CHECK(q.admission.room() <= 330);
    q.run(2 * kWait_ms, 60, 0);
    const std::uint64_t passed = q.passed;
    q.run(1'000, 60, 0);
    CHECK(q.passed - passed <= 1'000 / kWait_ms + 1);  // to find out
    q.run(1'000, 60, 40);
    CHECK(q.passed - passed > 20'000);
}

TEST_CASE("admission: what a switch that died had not decided is forgotten with the first word of the next") {
    Queue q;
    q.offer(500);
    q.now_ms += 10'000;
    q.offer(5);
    CHECK(q.refused == 4);  // one to find out
    q.admission.decided(q.passed, q.now_ms);
    CHECK(q.admission.undecided() == 0);
    q.offer(100);
    CHECK(q.refused == 4);
}

TEST_CASE("admission: a word about a request that nobody waits for says nothing") {
    Queue q;
    q.offer(10);
    q.admission.decided(99, q.now_ms);
    CHECK(q.admission.undecided() == 10);
    q.admission.decided(3, q.now_ms);
    q.admission.decided(3, q.now_ms);
    CHECK(q.admission.undecided() == 7);
}

TEST_CASE("admission: what is kept count of is bounded") {
    Queue q;
    for (std::uint64_t i = 0; i < kWatchedMax + 10; ++i) q.admission.passed(i, Work::owed, 0);
    CHECK(q.admission.undecided() == kWatchedMax);
}

TEST_CASE("admission: whoever sends what is never shed leaves new payments a share; what waits of it takes from their room") {
    Queue q;
    for (std::uint64_t i = 0; i < 500; ++i) q.admission.passed(1'000'000 + i, Work::owed, q.now_ms);
    q.offer(2'000);
    CHECK(q.passed == kUndecidedUnknown - 500 + 1);  // one more to find out
    Queue flooded;
    for (std::uint64_t i = 0; i < 8'000; ++i) flooded.admission.passed(1'000'000 + i, Work::owed, flooded.now_ms);
    flooded.offer(2'000);
    CHECK(flooded.passed == kUndecidedUnknown / kFreshShare + 1);
    flooded.admission.decided(flooded.passed, flooded.now_ms);
    CHECK(flooded.admission.undecided() == 0);
    flooded.offer(100);
    CHECK(flooded.passed == kUndecidedUnknown / kFreshShare + 1 + 100);
}

TEST_CASE("admission: what undoes has a fourth of the room and no more, and new payments the rest") {
    Queue q;
    q.run(1'000, 10, 20);
    std::uint64_t undoing = 0;
    const std::uint64_t room = q.admission.room();
    while (q.admission.takes_undoing(q.now_ms)) q.admission.passed(1'000'000 + ++undoing, Work::undoing, q.now_ms);
    CHECK(undoing == room / kUndoingShare);
    q.offer(2 * room);
    CHECK(q.admission.undecided() <= room + kKept);
    CHECK(q.admission.undecided() >= room - kKept);
    q.admission.decided(1'000'000 + undoing, q.now_ms);
    CHECK(q.admission.takes_undoing(q.now_ms));
}

TEST_CASE("admission: what undoes finds out that the switch is another, which never says that it has decided what was lost") {
    Queue q;
    q.run(1'000, 10, 20);
    std::uint64_t undoing = 0;
    while (q.admission.takes_undoing(q.now_ms)) q.admission.passed(1'000'000 + ++undoing, Work::undoing, q.now_ms);
    q.now_ms += 10 * kWait_ms;
    CHECK(q.admission.takes_undoing(q.now_ms));  // one
    CHECK_FALSE(q.admission.takes_undoing(q.now_ms));
    q.admission.passed(2'000'000, Work::undoing, q.now_ms);
    q.admission.decided(2'000'000, q.now_ms);
    CHECK(q.admission.undecided() == 0);
    CHECK(q.admission.takes_undoing(q.now_ms));
}
