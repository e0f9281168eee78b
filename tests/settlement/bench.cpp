// How long one window of a million postings takes: netting entry by entry, then the root at the close.
#include <cstdio>

#include "journal_maker.hpp"
#include "tests/bench/measure.hpp"

namespace {
using namespace giro;
using namespace giro::settlement;
using bench::Steady;
constexpr std::size_t kPostings = 1'000'000;

struct Taken {
    double feed_s = 0, close_s = 0;
};

Taken net_window(const test::JournalMaker& journal) {
    std::size_t leaves = 0;
    WindowBuilder builder([&](WindowResult&& window) { leaves = window.leaves.size(); });
    Steady::time_point start = Steady::now(), closing = start;
    std::uint64_t seq = 0;
    for (const auto& e : journal.entries) {
        if (++seq == journal.entries.size()) closing = Steady::now();
        ASSERT(builder.feed(seq, e.kind, e.body));
    }
    ASSERT(leaves == kPostings);
    return {std::chrono::duration<double>(closing - start).count(), bench::seconds_since(closing)};
}
}  // namespace

int main() {
    test::JournalMaker journal(3);
    for (std::uint32_t i = 0; i < kPostings; ++i) journal.payment(1 + i % 3, 1 + (i / 3) % 3, 100 + i % 1000);
    journal.close();
    std::vector<double> feed, close;
    for (int run = 0; run < bench::runs(); ++run) {
        const Taken taken = net_window(journal);
        feed.push_back(taken.feed_s);
        close.push_back(taken.close_s);
    }
    std::printf("{\"postings\":%zu,\"feed_s\":%.3f,\"close_s\":%.3f}\n", kPostings, bench::median(feed), bench::median(close));
}
