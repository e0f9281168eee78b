#include "appliance/giro/pos_report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "appliance/giro/terminal_message.hpp"

namespace giro::pos {

namespace {
constexpr unsigned kStepsInJson = 8;

struct Row {
    const char* key;      // in JSON
    const char* words;    // in the table
    std::uint64_t value;
    bool always;          // shown in the table also when zero
};
std::vector<Row> rows(const Report& r) {
    return {{"sent", "sent", r.sent, true},
            {"not_sent", "not sent before the time was over", r.not_sent, false},
            {"answered", "answered", r.answered, true},
            {"approved", "approved", r.approved, true},
            {"declined", "declined", r.declined, true},
            {"timeouts", "not answered in time", r.timeouts, false},
            {"unresolved", "given up while under way", r.unresolved, false},
            {"mac_failures", "answers with a wrong MAC", r.mac_failures, false},
            {"mismatches", "answers to something else", r.mismatches, false},
            {"malformed", "answers that could not be read", r.malformed, false},
            {"late", "answers that came too late", r.late, false},
            {"duplicates", "sent twice", r.duplicates, false},
            {"duplicates_same_answer", "  same answer", r.duplicates_same_answer, false},
            {"chips", "by chip", r.chips, false},
            {"chips_issuer_answers", "  with an answer that the card takes", r.chips_issuer_answers, false},
            {"chips_wrong_answers", "  with one that it does not", r.chips_wrong_answers, false},
            {"reversals", "reversed", r.reversals, false},
            {"reversals_refused", "reversals refused", r.reversals_refused, false},
            {"reversals_forced", "  for want of an answer", r.reversals_forced, false},
            {"connections_lost", "connections lost", r.connections_lost, false},
            {"frames_cut", "messages cut in half on purpose", r.frames_cut, false},
            {"keep_alives_sent", "keep-alives sent on purpose", r.keep_alives_sent, false},
            {"keep_alives_heard", "  answered", r.keep_alives_heard, false},
            {"hung_up", "silent or flooding connections hung up on", r.hung_up, false}};
}

// "  up to    1.05 ms  ############        1234  12.3 %": from the first step that has any to the last.
void add_bars(const Histogram& latency_ns, std::string& out) {
    constexpr std::uint64_t kBarCharsMax = 40;
    std::uint64_t most = 1;
    for (const auto& [to_ns, count] : latency_ns.steps(1)) most = std::max(most, count);
    for (const auto& [to_ns, count] : latency_ns.steps(1)) {
        const std::string bar(static_cast<std::size_t>((count * kBarCharsMax + most - 1) / most), '#');
        fmt::format_to(std::back_inserter(out), "  up to {:>10.3f} ms  {:<40}{:>10}{:>7.2f} %\n", static_cast<double>(to_ns) / 1e6, bar, count,
                       100.0 * static_cast<double>(count) / static_cast<double>(latency_ns.count()));
    }
}
}  // namespace

std::string to_json(const Report& r) {
    std::string out = "{";
    for (const Row& row : rows(r)) fmt::format_to(std::back_inserter(out), "\"{}\":{},", row.key, row.value);
    out += "\"by_code\":{";
    const char* comma = "";
    for (const auto& [code, count] : r.by_code) {
        fmt::format_to(std::back_inserter(out), "{}\"{}\":{}", comma, code, count);  // DE39 is two letters or digits
        comma = ",";
    }
    fmt::format_to(std::back_inserter(out),
                   "}},\"seconds\":{:.3f},\"per_second\":{:.1f},\"p50_ms\":{:.3f},\"p99_ms\":{:.3f},\"p999_ms\":{:.3f},"
                   "\"max_ms\":{:.3f},\"histogram\":[",
                   r.seconds, r.per_second(), r.percentile_ms(0.50), r.percentile_ms(0.99), r.percentile_ms(0.999),
                   static_cast<double>(r.latency_ns.max()) / 1e6);
    comma = "";
    for (const auto& [to_ns, count] : r.latency_ns.steps(kStepsInJson)) {
        fmt::format_to(std::back_inserter(out), "{}[{:.3f},{}]", comma, static_cast<double>(to_ns) / 1e6, count);
        comma = ",";
    }
    return out + "]}";
}

std::string to_text(const Report& r) {
    std::string out;
    for (const Row& row : rows(r))
        if (row.always || row.value != 0) fmt::format_to(std::back_inserter(out), "{:<44}{:>12}\n", row.words, row.value);
    for (const auto& [code, count] : r.by_code)
        if (code != "00") fmt::format_to(std::back_inserter(out), "  {} {:<39}{:>12}\n", code, response_words(code), count);
    fmt::format_to(std::back_inserter(out), "{:<44}{:>12.2f}\n{:<44}{:>12.1f}\n", "seconds", r.seconds, "a second",
                   r.per_second());
    fmt::format_to(std::back_inserter(out), "latency ms: p50 {:.2f}  p99 {:.2f}  p99.9 {:.2f}  max {:.2f}\n",
                   r.percentile_ms(0.50), r.percentile_ms(0.99), r.percentile_ms(0.999),
                   static_cast<double>(r.latency_ns.max()) / 1e6);
    add_bars(r.latency_ns, out);
    return out;
}

void Progress::show(const Report& report, std::uint64_t started_ns, std::uint64_t now_ns) {
    constexpr std::uint64_t kAfterNs = 2'000'000'000, kEveryNs = 500'000'000;
    if (now_ns - started_ns < kAfterNs || now_ns - m_shown_ns < kEveryNs || ::isatty(STDERR_FILENO) == 0) return;
    const double since = static_cast<double>(now_ns - m_shown_ns) / 1e9;
    const double rate = m_shown_ns == 0 ? 0 : static_cast<double>(report.answered - m_shown_answered) / since;
    fmt::print(stderr, "\r\033[K{:6.1f} s  {:>9} answered  {:>7.0f}/s  {:>7} declined  p99 {:.2f} ms", static_cast<double>(now_ns - started_ns) / 1e9,
               report.answered, rate, report.declined, report.percentile_ms(0.99));
    m_shown_ns = now_ns;
    m_shown_answered = report.answered;
}

void Progress::clear() const {
    if (m_shown_ns != 0) fmt::print(stderr, "\r\033[K");
}

}  // namespace giro::pos
