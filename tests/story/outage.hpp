// An outage of an issuer's host: the box goes on selling by a stand-in policy while its programs are killed in between, and when
// the host is back tells it of everything while other terminals pay on. The story plays a short one, ./dev bench saf one of
// ten minutes; what came of it is told by the journal and by the host's own record.
#pragma once

#include <functional>

#include "tests/story/box.hpp"

namespace story {

// A policy that takes everything, for the box's link. Before the box is up.
void stand_in_for_all(Box& box);

struct Outage {
    int seconds = 8;
    double per_second = 60;       // of the link's cards,
    double live_per_second = 60;  // and of the box's own before and while the advices are told
    int terminals = 16;      // from the first on, while the host is away; as many more pay while the advices are told
    int kills = 2;           // kill -9 of the switch, evenly over the outage
    bool kill_while_told = false;  // .. and one more while the advices are told
    int before_seconds = 3;  // that the others pay before the host is back: what their rate is held against
    int drain_seconds_max = 60;
};

struct Delivered {
    std::uint64_t stood_in = 0;      // advices that the host was owed: as many as payments were asked for
    std::uint64_t once = 0;          // of these, booked by the host once
    std::uint64_t repeats = 0;       // copies that it knew already
    std::uint64_t out_of_order = 0;  // within a terminal
    double drain_s = 0;              // from the host's return until nothing was owed
    double drain_per_s = 0;
    double live_before = 0, live_during = 0;  // payments approved a second, of the others, before and while the advices were told,
    double p99_before_ms = 0, p99_during_ms = 0;  // and how long that took
    std::uint64_t live_lost = 0;              // of the others, without an answer or declined
};

// The box is up, its host is not there and never was. Ends with the host there and nothing owed. `say` hears how it goes.
[[nodiscard]] Delivered outage(Box& box, const Outage& how, const std::function<void(const std::string&)>& say);

}  // namespace story
