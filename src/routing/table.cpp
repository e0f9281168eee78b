#include "routing/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::routing {

namespace {
tl::unexpected<Failure> wrong(const Rule& rule, const std::string& what) {
    return fail(Failure::Kind::config, fmt::format("{}: route '{}': {}", rule.origin, rule.name, what));
}
}  // namespace

Table::Table() : m_segments(1), m_buckets(kBuckets + 1, 0) {}

Result<Table> Table::build(std::vector<Rule> rules) {
    Table table;
    std::size_t ranges = 0;
    for (const Rule& rule : rules) {
        ASSERT(!rule.to.empty());
        if ((ranges += rule.ranges.size()) > kRangesMax) return wrong(rule, fmt::format("there are more than {} ranges", kRangesMax));
    }
    if (rules.size() > kRulesMax) return wrong(rules[kRulesMax], fmt::format("there are more than {} rules", kRulesMax));
    table.m_rules = std::move(rules);
    table.add_nodes();
    for (std::uint32_t i = 0; i < table.m_rules.size(); ++i)
        for (const auto& aid : table.m_rules[i].aids) table.m_aids[aid].push_back(i);
    if (const auto nested = table.nest(); !nested) return tl::unexpected(nested.error());
    table.cut_segments();
    if (const auto reached = table.check_reach(); !reached) return tl::unexpected(reached.error());
    return table;
}

// One node for each range that is given, with the rules of this very range in their order.
void Table::add_nodes() {
    std::vector<std::pair<Range, std::uint32_t>> given;
    for (std::uint32_t i = 0; i < m_rules.size(); ++i)
        for (const Range& range : m_rules[i].ranges) given.emplace_back(range, i);
    // A wider range before what lies in it; of one range the rules as they were given.
    std::ranges::sort(given, [](const auto& a, const auto& b) {
        if (a.first.first != b.first.first) return a.first.first < b.first.first;
        if (a.first.last != b.first.last) return a.first.last > b.first.last;
        return a.second < b.second;
    });
    m_rule_of_node.reserve(given.size());
    for (const auto& [range, rule] : given) {
        if (m_ranges.empty() || m_ranges.back() != range) {
            m_ranges.push_back(range);
            m_nodes.push_back({kNone, static_cast<std::uint32_t>(m_rule_of_node.size()), 0});
        }
        m_rule_of_node.push_back(rule);
        ++m_nodes.back().rules;
    }
}

// Each node's parent. Two ranges that cross have no narrower one between them.
Result<void> Table::nest() {
    std::vector<std::uint32_t> open;  // the ranges around the present one, widest first
    for (std::uint32_t i = 0; i < m_nodes.size(); ++i) {
        const Range& range = m_ranges[i];
        while (!open.empty() && m_ranges[open.back()].last < range.first) open.pop_back();
        if (!open.empty()) {
            const Range& around = m_ranges[open.back()];
            if (!around.holds(range)) {
                const Rule& other = m_rules[m_rule_of_node[m_nodes[open.back()].first_rule]];
                return wrong(m_rules[m_rule_of_node[m_nodes[i].first_rule]],
                             fmt::format("range {} overlaps {} of route '{}' ({}) and neither holds the other", to_string(range),
                                         to_string(around), other.name, other.origin));
            }
            m_nodes[i].parent = open.back();
        }
        open.push_back(i);
    }
    return {};
}

void Table::cut_segments() {
    constexpr std::uint64_t kEnd = kBuckets * kBucketDigits;  // one past the highest number
    m_segments.clear();
    const auto begin_at = [this](std::uint64_t first, std::uint32_t node) {
        if (!m_segments.empty() && m_segments.back().first() == first) m_segments.pop_back();
        m_segments.emplace_back(first, node);
    };
    std::vector<std::uint32_t> open;
    const auto close_before = [&](std::uint64_t first) {
        while (!open.empty() && m_ranges[open.back()].last < first) {
            const std::uint32_t closed = open.back();
            open.pop_back();
            begin_at(m_ranges[closed].last + 1, m_nodes[closed].parent);
        }
    };
    begin_at(0, kNone);
    for (std::uint32_t i = 0; i < m_nodes.size(); ++i) {
        close_before(m_ranges[i].first);
        begin_at(m_ranges[i].first, i);
        open.push_back(i);
    }
    close_before(kEnd);
    while (!m_segments.empty() && m_segments.back().first() >= kEnd) m_segments.pop_back();

    std::uint32_t segment = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        const std::uint64_t first = bucket * kBucketDigits;
        while (segment + 1 < m_segments.size() && m_segments[segment + 1].first() <= first) ++segment;
        m_buckets[bucket] = segment;
    }
    m_buckets[kBuckets] = static_cast<std::uint32_t>(m_segments.size()) - 1;
}

// The rules of the longest identifier that `aid` begins with, then of the next shorter one, until `each` says true.
template <typename Each>
void Table::each_aid(std::string_view aid, const Each& each) const {
    if (m_aids.empty()) return;
    for (std::size_t digits = std::min(aid.size(), kAidDigitsMax); digits >= kAidDigitsMin; --digits) {
        const auto at = m_aids.find(aid.substr(0, digits));
        if (at == m_aids.end()) continue;
        for (const std::uint32_t index : at->second)
            if (each(index, at->first)) return;
    }
}

namespace {
// The rules that are asked of some payment, one after the other, until one has no conditions.
class Walk {
  public:
    explicit Walk(std::vector<bool>& useful) : m_useful(useful) {}
    void ask(const Rule& rule, std::uint32_t index) {
        if (m_ended) return;
        const auto covers = [&](const Rule* before) { return before->when.cover(rule.when); };
        if (std::ranges::none_of(m_asked, covers)) m_useful[index] = true;
        m_asked.push_back(&rule);
        m_ended = rule.when.always();
    }
    // `where`: which payments walk so.
    [[nodiscard]] Result<void> check(const std::string& where) const {
        if (m_asked.empty() || m_ended) return {};
        return wrong(*m_asked.back(), fmt::format("what does not meet its conditions has no way {}: a route without conditions must "
                                                  "follow (to = [\"decline\"] if that is meant)",
                                                  where));
    }

  private:
    std::vector<bool>& m_useful;
    std::vector<const Rule*> m_asked;
    bool m_ended = false;
};
}  // namespace

// Walks every segment and every identifier as a payment would: each rule must be asked somewhere and be the first of its kind
// there, and each walk must end at a rule without conditions once it has met one.
Result<void> Table::check_reach() const {
    std::vector<bool> reached(m_nodes.size()), useful(m_rules.size());
    std::set<std::vector<std::uint32_t>> walked;  // many ranges have the same rules
    for (const Segment& segment : m_segments) {
        std::vector<std::uint32_t> way;
        bool ends = false;
        for (std::uint32_t node = segment.node(); node != kNone && !ends; node = m_nodes[node].parent) {
            reached[node] = true;
            for (std::uint32_t i = 0; i < m_nodes[node].rules && !ends; ++i) {
                way.push_back(m_rule_of_node[m_nodes[node].first_rule + i]);
                ends = m_rules[way.back()].when.always();
            }
        }
        if (way.size() > kAskedMax)
            return wrong(m_rules[way.back()], fmt::format("more than {} routes are asked about one card number", kAskedMax));
        if (way.empty() || !walked.insert(way).second) continue;
        Walk walk(useful);
        for (const std::uint32_t index : way) walk.ask(m_rules[index], index);
        if (auto good = walk.check(fmt::format("from {:0{}} on", segment.first(), kRangeDigits)); !good) return good;
    }
    for (const auto& [aid, rules] : m_aids) {
        std::vector<std::uint32_t> way;
        each_aid(aid, [&](std::uint32_t index, std::string_view) {
            way.push_back(index);
            return m_rules[index].when.always() || way.size() > kAskedMax;
        });
        if (way.size() > kAskedMax) return wrong(m_rules[way.back()], fmt::format("more than {} routes are asked about one code", kAskedMax));
        Walk walk(useful);
        for (const std::uint32_t index : way) walk.ask(m_rules[index], index);
        if (auto good = walk.check(fmt::format("as code {}", aid)); !good) return good;
    }
    for (std::uint32_t i = 0; i < m_nodes.size(); ++i) {
        const auto of_node = std::span(m_rule_of_node).subspan(m_nodes[i].first_rule, m_nodes[i].rules);
        if (reached[i] || std::ranges::all_of(of_node, [this](std::uint32_t rule) { return m_rules[rule].implied; })) continue;
        return wrong(m_rules[m_rule_of_node[m_nodes[i].first_rule]],
                     fmt::format("range {} takes no payment: narrower ranges take all of it", to_string(m_ranges[i])));
    }
    for (std::uint32_t i = 0; i < m_rules.size(); ++i)
        if (!useful[i] && !m_rules[i].implied) return wrong(m_rules[i], "takes no payment: routes before it take all that it would");
    return {};
}

std::uint32_t Table::narrowest(std::uint64_t digits) const noexcept {
    const std::size_t bucket = digits / kBucketDigits;
    const auto* low = m_segments.data() + m_buckets[bucket];
    const auto* high = m_segments.data() + m_buckets[bucket + 1] + 1;
    const auto* after = std::upper_bound(low, high, digits, [](std::uint64_t value, const Segment& s) { return value < s.first(); });
    return (after - 1)->node();
}

const Rule* Table::find(const Query& query) const noexcept {
    if (query.pan.empty()) {
        const Rule* found = nullptr;
        each_aid(query.aid, [&](std::uint32_t index, std::string_view) {
            if (m_rules[index].when.hold(query)) found = &m_rules[index];
            return found != nullptr;
        });
        return found;
    }
    for (std::uint32_t node = narrowest(range_digits(query.pan)); node != kNone; node = m_nodes[node].parent)
        for (std::uint32_t i = 0; i < m_nodes[node].rules; ++i) {
            const Rule& rule = m_rules[m_rule_of_node[m_nodes[node].first_rule + i]];
            if (rule.when.hold(query)) return &rule;
        }
    return nullptr;
}

std::vector<Table::Step> Table::explain(const Query& query) const {
    std::vector<Step> steps;
    const auto ask = [&](const Rule& rule, const Range& range, std::string_view aid) {
        steps.push_back({&rule, range, std::string(aid), rule.when.why_not(query)});
        return steps.back().why_not.empty();
    };
    if (query.pan.empty()) {
        each_aid(query.aid, [&](std::uint32_t index, std::string_view aid) { return ask(m_rules[index], {}, aid); });
        return steps;
    }
    for (std::uint32_t node = narrowest(range_digits(query.pan)); node != kNone; node = m_nodes[node].parent)
        for (std::uint32_t i = 0; i < m_nodes[node].rules; ++i)
            if (ask(m_rules[m_rule_of_node[m_nodes[node].first_rule + i]], m_ranges[node], {})) return steps;
    return steps;
}

Hash256 Table::digest() const {
    Buffer bytes;
    Writer out(bytes);
    const auto text = [&](std::string_view s) { out.var32(as_bytes(s)); };
    for (const Rule& rule : m_rules) {
        text(rule.name);
        out.u32(static_cast<std::uint32_t>(rule.when.currencies.size()));
        for (const Currency one : rule.when.currencies) out.u32(one);
        out.i64(rule.when.amount_from);
        out.i64(rule.when.amount_to);
        out.u32(static_cast<std::uint32_t>(rule.when.merchants.size()));
        for (const auto& one : rule.when.merchants) text(one);
        out.u32(rule.when.minute_from);
        out.u32(rule.when.minute_to);
        out.u32(static_cast<std::uint32_t>(rule.to.size()));
        for (const Target& one : rule.to) {
            out.u32(static_cast<std::uint32_t>(one.kind));
            out.u32(one.participant);
            out.u32(one.link);
            out.i64(one.stand_in);
        }
    }
    for (std::size_t i = 0; i < m_nodes.size(); ++i) {
        out.u64(m_ranges[i].first);
        out.u64(m_ranges[i].last);
        out.u32(m_nodes[i].rules);
        for (std::uint32_t j = 0; j < m_nodes[i].rules; ++j) out.u32(m_rule_of_node[m_nodes[i].first_rule + j]);
    }
    for (const auto& [aid, rules] : m_aids) {
        text(aid);
        out.u32(static_cast<std::uint32_t>(rules.size()));
        for (const std::uint32_t index : rules) out.u32(index);
    }
    return sha256(bytes);
}

}  // namespace giro::routing
