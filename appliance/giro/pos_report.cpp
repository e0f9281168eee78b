#include "appliance/giro/pos_report.hpp"

#include <fmt/format.h>

#include <iterator>
#include <vector>

#include "appliance/giro/terminal_message.hpp"

namespace giro::pos {

namespace {
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
            {"reversals", "reversed", r.reversals, false},
            {"reversals_refused", "reversals refused", r.reversals_refused, false},
            {"reversals_forced", "  for want of an answer", r.reversals_forced, false},
            {"connections_lost", "connections lost", r.connections_lost, false}};
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
                   "\"max_ms\":{:.3f}}}",
                   r.seconds, r.per_second(), r.percentile_ms(0.50), r.percentile_ms(0.99), r.percentile_ms(0.999),
                   static_cast<double>(r.latency_ns.max()) / 1e6);
    return out;
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
    return out;
}

}  // namespace giro::pos
