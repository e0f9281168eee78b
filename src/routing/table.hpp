// The routing table: which rule takes a payment. The narrowest range of card numbers that holds the payment's goes first
// (longest match), rules of the same range in the order in which they were given; the first whose conditions hold takes it.
// Codes go in the same way by the longest application identifier that theirs begins with.
//
// A table is built whole or refused. Refused are, with file:line: ranges of which neither holds the other; a rule that can
// take no payment; a rule with conditions behind which there is none without, so that a payment would have no way by
// oversight: who wants that says `to = ["decline"]`.
#pragma once

#include <map>

#include "giro/result.hpp"
#include "giro/types.hpp"
#include "routing/rule.hpp"

namespace giro::routing {

inline constexpr std::size_t kAskedMax = 256;  // rules that may be asked about one payment
inline constexpr std::size_t kRulesMax = 65'536;
inline constexpr std::size_t kRangesMax = 4'000'000;  // over all rules: some 30 bytes each

class Table {
  public:
    Table();  // without a rule
    // The rules in the order in which those of one range are asked. Failure::Kind::config says what is wrong.
    [[nodiscard]] static Result<Table> build(std::vector<Rule> rules);

    // Null: no rule takes it. Valid as long as the table.
    [[nodiscard]] const Rule* find(const Query& query) const noexcept;

    struct Step {
        const Rule* rule = nullptr;
        Range range;          // the one of the rule that holds the card number,
        std::string aid;      // or the beginning of the code's identifier
        std::string why_not;  // empty: this rule takes it
    };
    // Every rule that is asked about a payment, in that order, up to the one that takes it.
    [[nodiscard]] std::vector<Step> explain(const Query& query) const;

    [[nodiscard]] const std::vector<Rule>& rules() const noexcept { return m_rules; }
    [[nodiscard]] std::size_t ranges() const noexcept { return m_ranges.size(); }
    // SHA-256 over all that decides: the same for tables that send each payment the same way by rules of the same names in
    // the same order, wherever these stand.
    [[nodiscard]] Hash256 digest() const;

  private:
    static constexpr unsigned kNodeBits = 24;
    static constexpr std::uint32_t kNone = (1U << kNodeBits) - 1;
    static_assert(kRangesMax < kNone);
    // What is asked for a range; then its parent's rules, of the narrowest range around it.
    struct Node {
        std::uint32_t parent = kNone;
        std::uint32_t first_rule = 0, rules = 0;  // in m_rule_of_node
    };
    // From `first` up to the next segment's, `node` is the narrowest range; kNone: there is none. Eight bytes: a look-up
    // takes as long as its misses of the cache.
    class Segment {
      public:
        explicit Segment(std::uint64_t first = 0, std::uint32_t node = kNone) noexcept : m_packed(first << kNodeBits | node) {}
        [[nodiscard]] std::uint64_t first() const noexcept { return m_packed >> kNodeBits; }
        [[nodiscard]] std::uint32_t node() const noexcept { return static_cast<std::uint32_t>(m_packed & kNone); }

      private:
        std::uint64_t m_packed;
    };
    static constexpr std::size_t kBuckets = 10'000;  // by the first four digits
    static constexpr std::uint64_t kBucketDigits = 10'000'000;  // of kRangeDigits, the rest

    template <typename Each>
    void each_aid(std::string_view aid, const Each& each) const;
    void add_nodes();
    [[nodiscard]] Result<void> nest();
    void cut_segments();
    [[nodiscard]] Result<void> check_reach() const;
    [[nodiscard]] std::uint32_t narrowest(std::uint64_t digits) const noexcept;

    std::vector<Rule> m_rules;
    std::vector<Range> m_ranges;                // ascending, a wider one before what lies in it
    std::vector<Node> m_nodes;                  // of each range
    std::vector<std::uint32_t> m_rule_of_node;  // indices of m_rules
    std::vector<Segment> m_segments;            // ascending, the first begins at 0
    std::map<std::string, std::vector<std::uint32_t>, std::less<>> m_aids;  // each one's rules, indices of m_rules
    std::vector<std::uint32_t> m_buckets;       // for each: the segment that its first number lies in; one more at the end
};

}  // namespace giro::routing
