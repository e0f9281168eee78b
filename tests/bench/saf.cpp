#include "tests/bench/saf.hpp"

#include "tests/bench/load_box.hpp"
#include "tests/bench/say.hpp"
#include "tests/story/outage.hpp"

namespace bench {

using nlohmann::json;

json measure_saf() {
    constexpr int kMinute = 60, kMinutes = 10;
    story::Outage how;
    how.seconds = quick() ? kMinute : kMinutes * kMinute;
    how.per_second = 200;
    how.live_per_second = 10 * how.per_second;
    how.terminals = 64;
    how.kills = quick() ? 2 : 5;
    how.before_seconds = 10;
    how.drain_seconds_max = 300;
    LoadBox box("saf");
    story::stand_in_for_all(box.story());
    box.up();
    box.rest();
    const story::Delivered d = story::outage(box.story(), how, say);
    box.down();
    need(d.once == d.stood_in && d.out_of_order == 0, "advices were lost, doubled or out of order");
    return {{"seconds", how.seconds},
            {"stood_in", d.stood_in},
            {"once", d.once},
            {"out_of_order", d.out_of_order},
            {"not_once", d.stood_in - d.once + d.out_of_order},
            {"repeats", d.repeats},
            {"drain_s", d.drain_s},
            {"drain_per_s", d.drain_per_s},
            {"live_before", d.live_before},
            {"live_during", d.live_during},
            {"live_lost", d.live_lost},
            {"p99_before_ms", d.p99_before_ms},
            {"p99_during_ms", d.p99_during_ms},
            {"of_live", d.live_before > 0 ? d.live_during / d.live_before : 0}};
}

}  // namespace bench
