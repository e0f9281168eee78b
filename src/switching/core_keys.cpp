// How long a terminal's session key serves: for so many requests that left an entry, and so long (session_key_requests
// and session_key_s of its [[key_class]] or of [switch]; 0: for ever). Then nothing new is decided under it: the answer is 79, without an
// entry, and the terminal exchanges keys and asks again. What is known already gets its first answer, so no repeat is
// lost on the way; and so a recorded message is worth nothing once its key has gone.
//
//   the key before the current one is taken   until the current one is used, and no longer than session_key_overlap_s;
//                                             not at all when it had expired
//
// DUKPT has a key for each message and nothing here.
#include <limits>

#include "switching/core.hpp"

namespace giro::switching {

namespace {
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

// A step back of the wall clock makes a key new for so long; one from further ahead was made while the clock was wrong, and is old.
constexpr std::uint64_t kClockStep_s = 3'600;

std::uint64_t age_s(std::uint64_t since_ns, std::uint64_t now_ns) {
    if (now_ns > since_ns) return (now_ns - since_ns) / kNsPerSecond;
    return (since_ns - now_ns) / kNsPerSecond > kClockStep_s ? std::numeric_limits<std::uint64_t>::max() : 0;
}
}  // namespace

bool Core::key_expired(const TerminalId& id, std::uint64_t now_ns) const {
    const Terminal* terminal = m_state.terminal(id);
    ASSERT(terminal != nullptr);
    if (terminal->is_dukpt()) return false;
    const config::KeyAges ages = config::key_ages(m_policy.config, id.view());
    if (ages.requests != 0 && terminal->key_requests >= ages.requests) return true;
    return ages.seconds != 0 && age_s(terminal->key_set_ns, now_ns) >= ages.seconds;
}

bool Core::takes_previous_key(const TerminalId& id, std::uint64_t now_ns) const {
    const Terminal* terminal = m_state.terminal(id);
    ASSERT(terminal != nullptr);
    return terminal->has_previous &&
           age_s(terminal->key_set_ns, now_ns) < config::key_ages(m_policy.config, id.view()).overlap_s;
}

}  // namespace giro::switching
