// How often each of many may do something: a burst at once, then one more per interval. Pure: time is an argument. One
// time stamp per key (the generic cell rate algorithm, ITU-T I.371 annex A); whoever has rested is forgotten, so that
// memory follows those who are busy, up to a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace giro {

struct QuotaLimit {
    std::uint32_t burst = 1;        // at once, by one that has rested
    std::uint64_t interval_ns = 1;  // then one more in each
    std::size_t keys_max = 1;       // busy at the same time; beyond, newcomers are refused
};

template <typename Key>
class Quota {
  public:
    explicit Quota(QuotaLimit limit) noexcept : m_limit(limit) {}

    // True: it may, and that is counted. False: not now; nothing is counted.
    [[nodiscard]] bool take(const Key& key, std::uint64_t now_ns) {
        const auto at = m_rested_at_ns.find(key);
        if (at == m_rested_at_ns.end()) return admit(key, now_ns);
        std::uint64_t& rested_at_ns = at->second;
        const std::uint64_t full_ns = m_limit.burst * m_limit.interval_ns;
        // Later than a full burst from now: the clock was set back.
        if (rested_at_ns < now_ns || rested_at_ns - now_ns > full_ns) rested_at_ns = now_ns;
        if (rested_at_ns - now_ns + m_limit.interval_ns > full_ns) return false;
        rested_at_ns += m_limit.interval_ns;
        return true;
    }
    // Whether take() would be true of one that is busy; one that has rested always may.
    [[nodiscard]] bool may(const Key& key, std::uint64_t now_ns) const {
        const auto at = m_rested_at_ns.find(key);
        const std::uint64_t full_ns = m_limit.burst * m_limit.interval_ns;
        if (at == m_rested_at_ns.end() || at->second < now_ns || at->second - now_ns > full_ns) return true;
        return at->second - now_ns + m_limit.interval_ns <= full_ns;
    }
    [[nodiscard]] std::size_t keys() const noexcept { return m_rested_at_ns.size(); }

  private:
    bool admit(const Key& key, std::uint64_t now_ns) {
        if (m_rested_at_ns.size() >= m_limit.keys_max)
            std::erase_if(m_rested_at_ns, [now_ns](const auto& item) { return item.second <= now_ns; });
        if (m_rested_at_ns.size() >= m_limit.keys_max) return false;
        m_rested_at_ns[key] = now_ns + m_limit.interval_ns;
        return true;
    }

    QuotaLimit m_limit;
    std::map<Key, std::uint64_t> m_rested_at_ns;  // when all it has taken is made up for
};

}  // namespace giro
