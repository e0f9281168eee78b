// What a run of terminals came to: counters, latencies, and how they are shown to people and programs.
#pragma once

#include <map>
#include <string>

#include "appliance/giro/pos_histogram.hpp"

namespace giro::pos {

struct Report {
    std::uint64_t sent = 0;       // payments (or echo tests) that went out; repeats and reversals not among them
    std::uint64_t not_sent = 0;   // due before the end of the time, but no terminal was free
    std::uint64_t answered = 0;   // of those sent
    std::uint64_t approved = 0;
    std::uint64_t declined = 0;
    std::map<std::string, std::uint64_t> by_code;  // DE39
    std::uint64_t timeouts = 0;            // not answered in time: reversed
    std::uint64_t unresolved = 0;          // still under way when the run was given up
    std::uint64_t mac_failures = 0;        // answers that nobody with the key made
    std::uint64_t mismatches = 0;          // answers with another RRN or amount than asked
    std::uint64_t malformed = 0;
    std::uint64_t late = 0;                // answers to what the terminal no longer waited for
    std::uint64_t duplicates = 0;          // payments sent a second time, and answered
    std::uint64_t duplicates_same_answer = 0;
    std::uint64_t chips = 0;               // payments by chip that were answered,
    std::uint64_t chips_issuer_answers = 0;  // of those with an ARPC that the card takes,
    std::uint64_t chips_wrong_answers = 0;   // and with one that it does not, or approved without one
    std::uint64_t reversals = 0;           // answered 00
    std::uint64_t reversals_refused = 0;   // answered otherwise
    std::uint64_t reversals_forced = 0;    // of both: made because a payment was not answered
    std::uint64_t connections_lost = 0;
    std::uint64_t frames_cut = 0;          // of Bad's connections
    std::uint64_t keep_alives_sent = 0;
    std::uint64_t keep_alives_heard = 0;
    std::uint64_t hung_up = 0;             // silent or flooding ones that the box ended
    double seconds = 0;                    // from the first payment to the last answer
    Histogram latency_ns;                  // of answered payments

    [[nodiscard]] double per_second() const noexcept {
        return seconds > 0 ? static_cast<double>(answered) / seconds : 0;
    }
    [[nodiscard]] double percentile_ms(double fraction) const noexcept {
        return static_cast<double>(latency_ns.percentile(fraction)) / 1e6;
    }
    // Every answer could be believed, by the card too, and every duplicate had the same answer.
    [[nodiscard]] bool sound() const noexcept {
        return mac_failures == 0 && mismatches == 0 && malformed == 0 && duplicates == duplicates_same_answer &&
               chips_wrong_answers == 0;
    }
};

// One object, one line. "histogram": [[to_ms, count], …], eight steps to a power of two, each above the one before it.
[[nodiscard]] std::string to_json(const Report& report);
[[nodiscard]] std::string to_text(const Report& report);  // a table, and the latencies as bars, one to a power of two

// One line on standard error, written over twice a second, where that is a terminal; not in a run's first two seconds.
class Progress {
  public:
    void show(const Report& report, std::uint64_t started_ns, std::uint64_t now_ns);
    void clear() const;

  private:
    std::uint64_t m_shown_ns = 0, m_shown_answered = 0;
};

}  // namespace giro::pos
