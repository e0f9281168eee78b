// giro recon totals: what the box has counted for each terminal since its last reconciliation, summed by acquirer and
// currency. Replays the journal, so its sums are those that the switch holds against the terminals. Hostile: the
// journal file, each of whose entries is checked as it is applied.
#include <fmt/format.h>

#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "appliance/giro/journal.hpp"
#include "appliance/giro/recon.hpp"
#include "appliance/giro/settlement_read.hpp"
#include "switching/state.hpp"

namespace giro::cli {

namespace {
using nlohmann::ordered_json;
using switching::State;
using switching::Terminal;

struct Acquirer {
    std::uint64_t terminals = 0;  // of those shown
    Totals totals;
};
using Acquirers = std::map<std::pair<AcquirerId, Currency>, Acquirer>;

Currency currency_of(const State& state, const Terminal& terminal) {
    const ledger::Account* account = state.ledger().account(terminal.account);
    ASSERT(account != nullptr);  // the state adds no terminal without one
    return account->currency;
}

// As the state's own sums, they stand still at the end of 64 bits.
void add(Totals& sum, const Totals& more) {
    using Limits = std::numeric_limits<std::int64_t>;
    for (std::size_t i = 0; i < kTotals; ++i)
        sum.values[i] =
            checked_add(sum.values[i], more.values[i]).value_or(more.values[i] < 0 ? -Limits::max() : Limits::max());
}

bool is_shown(const Terminal& terminal) {
    return terminal.cut_over || terminal.out_of_balance || terminal.open != Totals{};
}

std::string_view last_of(const Terminal& terminal) {
    if (terminal.reconciled_period == 0) return "never";
    return terminal.out_of_balance ? "out of balance" : "in balance";
}

ordered_json to_json(const Totals& totals) {
    ordered_json out = ordered_json::object();
    for (std::size_t i = 0; i < kTotals; ++i) out[std::string(name(static_cast<Total>(i)))] = totals.values[i];
    return out;
}

ordered_json to_json(const TerminalId& id, const Terminal& terminal, Currency currency) {
    ordered_json out{
        {"terminal", id.view()},     {"acquirer", terminal.acquirer.view()},     {"currency", currency},
        {"period", terminal.period}, {"last_reconciliation", last_of(terminal)}, {"open", to_json(terminal.open)}};
    if (terminal.cut_over) out["cut_over"] = to_json(terminal.cut);
    return out;
}

std::string line_of(const Totals& t) {
    return fmt::format("{:>6} sales {:>14}  {:>5} moved back {:>12}  net {:>14}", t[Total::debits],
                       money(t[Total::debits_amount]), t[Total::debit_reversals],
                       money(t[Total::debit_reversals_amount]), money(t[Total::net]));
}

void print(const State& state, const Acquirers& acquirers) {
    for (const auto& [of, acquirer] : acquirers) {
        fmt::print("acquirer {} currency {:03}, terminals: {}\n           {}\n", of.first.view(), of.second,
                   acquirer.terminals, line_of(acquirer.totals));
        for (const auto& [id, terminal] : state.terminals()) {
            if (!is_shown(*terminal) || terminal->acquirer != of.first || currency_of(state, *terminal) != of.second)
                continue;
            fmt::print("  {:<8} {}  period {}, last {}\n", id.view(), line_of(terminal->open), terminal->period,
                       last_of(*terminal));
            if (terminal->cut_over) fmt::print("  {:<8} {}  cut over, to be reconciled\n", "", line_of(terminal->cut));
        }
    }
}
}  // namespace

Result<void> show_totals(const Args& args) {
    State state;
    const auto apply = [&](const journal::Entry& e) { return state.apply(e.kind, e.body); };
    if (auto read = scan_journal(args.paths(), apply); !read) return read;
    Acquirers acquirers;
    ordered_json terminals = ordered_json::array();
    for (const auto& [id, terminal] : state.terminals()) {
        if (!is_shown(*terminal)) continue;
        const Currency currency = currency_of(state, *terminal);
        Acquirer& acquirer = acquirers[{terminal->acquirer, currency}];
        ++acquirer.terminals;
        add(acquirer.totals, terminal->open);
        add(acquirer.totals, terminal->cut);
        terminals.push_back(to_json(id, *terminal, currency));
    }
    if (!args.json()) {
        if (acquirers.empty()) fmt::print("nothing is left to reconcile\n");
        print(state, acquirers);
        return {};
    }
    ordered_json sums = ordered_json::array();
    for (const auto& [of, acquirer] : acquirers)
        sums.push_back({{"acquirer", of.first.view()},
                        {"currency", of.second},
                        {"terminals", acquirer.terminals},
                        {"not_reconciled", to_json(acquirer.totals)}});
    fmt::print("{}\n", ordered_json{{"acquirers", std::move(sums)}, {"terminals", std::move(terminals)}}.dump());
    return {};
}

}  // namespace giro::cli
