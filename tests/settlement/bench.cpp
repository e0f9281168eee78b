// How long one window of a million postings takes: netting entry by entry, then the root at the close.
#include <chrono>
#include <cstdio>

#include "journal_maker.hpp"

int main() {
    using namespace giro;
    using namespace giro::settlement;
    using Steady = std::chrono::steady_clock;
    constexpr std::size_t kPostings = 1'000'000;
    test::JournalMaker journal(3);
    for (std::uint32_t i = 0; i < kPostings; ++i) journal.payment(1 + i % 3, 1 + (i / 3) % 3, 100 + i % 1000);
    journal.close();
    std::size_t leaves = 0;
    WindowBuilder builder([&](WindowResult&& window) { leaves = window.leaves.size(); });
    Steady::time_point start = Steady::now(), closing = start;
    std::uint64_t seq = 0;
    for (const auto& e : journal.entries) {
        if (++seq == journal.entries.size()) closing = Steady::now();
        ASSERT(builder.feed(seq, e.kind, e.body));
    }
    const auto seconds = [](auto span) { return std::chrono::duration<double>(span).count(); };
    std::printf("{\"postings\":%zu,\"feed_s\":%.3f,\"close_s\":%.3f}\n", leaves, seconds(closing - start),
                seconds(Steady::now() - closing));
}
