// bench_ledger: how many transfers a second one core applies, in batches of 1,000 over 10,000 accounts up to 1,000,000
// transfers. Prints one JSON object; each number is the median of five runs on a new ledger.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "ledger/ledger.hpp"
#include "tests/bench/measure.hpp"

using namespace giro;
using namespace giro::ledger;

namespace {
constexpr std::size_t kAccounts = 10'000;
constexpr std::size_t kTransfers = 1'000'000;
constexpr std::size_t kBatch = 1'000;

// splitmix64: the same work on every machine.
std::uint64_t next_random(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

// `two_phase`: every other transfer posts the hold before it.
std::vector<Transfer> make_transfers(bool two_phase) {
    std::uint64_t seed = 7;
    std::vector<Transfer> out(kTransfers);
    for (std::size_t i = 0; i < kTransfers; ++i) {
        Transfer& t = out[i];
        t.id = {next_random(seed), i + 1};
        t.timestamp_ns = i;
        if (two_phase && i % 2 == 1) {
            t.pending_id = out[i - 1].id;
            t.flags = kPostPending;
            continue;
        }
        const std::uint64_t debit = next_random(seed) % kAccounts;
        t.debit_account = {1, debit + 1};
        t.credit_account = {1, (debit + 1 + next_random(seed) % (kAccounts - 1)) % kAccounts + 1};
        t.amount = 100;
        t.currency = 978;
        if (two_phase) {
            t.flags = kPending;
            t.timeout_s = 3'600;
        }
    }
    return out;
}

double transfers_per_s(const std::vector<Transfer>& transfers) {
    Ledger ledger;
    for (std::uint64_t i = 1; i <= kAccounts; ++i)
        if (ledger.open_account({.id = {1, i}, .currency = 978}) != AccountResult::ok) std::abort();
    std::vector<TransferResult> out(kBatch);
    const auto start = bench::Steady::now();
    for (std::size_t at = 0; at < kTransfers; at += kBatch) {
        ledger.apply(std::span(transfers).subspan(at, kBatch), out);
        if (std::ranges::any_of(out, [](TransferResult r) { return r != TransferResult::ok; })) std::abort();
    }
    return static_cast<double>(kTransfers) / bench::seconds_since(start);
}

double median(const std::vector<Transfer>& transfers) {
    return bench::median_of_runs([&] { return transfers_per_s(transfers); });
}
}  // namespace

int main() {
    const double plain = median(make_transfers(false));
    const double two_phase = median(make_transfers(true));
    std::printf("{\"transfers_per_s\":%.0f,\"two_phase_transfers_per_s\":%.0f,\"accounts\":%zu,\"batch\":%zu}\n", plain,
                two_phase, kAccounts, kBatch);
}
