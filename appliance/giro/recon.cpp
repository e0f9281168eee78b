// giro recon show: what the box counted for a terminal, message by message, from the journal alone; beside a running
// box or without it. Hostile: the journal file, each of whose entries is checked as it is read.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "appliance/giro/command.hpp"
#include "appliance/giro/journal.hpp"
#include "appliance/giro/recon.hpp"
#include "appliance/giro/settlement_read.hpp"
#include "entry/entry.hpp"
#include "util/archive.hpp"

namespace giro::cli {

namespace {
using nlohmann::ordered_json;

// One message that was counted.
struct Line {
    std::uint64_t seq = 0;
    std::string type;  // MTI
    entry::RequestKey key;
    Total total = Total::debits;
    MinorUnits amount = 0;
    std::uint64_t payment = 0;  // its entry's number, where `seq` is that of its issuer's answer; else 0
};

struct Period {
    std::uint64_t number = 1;
    std::vector<Line> lines;
    std::optional<entry::Reconciled> reconciled;
    [[nodiscard]] bool in_balance() const { return reconciled && reconciled->response_code.view() == "00"; }
    std::vector<entry::Reconciled> checkpoints;
    std::vector<entry::Uploaded> uploads;                         // of its sales,
    std::map<std::uint64_t, entry::UploadOutcome> upload_of_sale;  // and the last word of each, by the sale's entry
};

// The periods of one terminal, as its messages and their ends come by.
class Reader {
  public:
    explicit Reader(TerminalId terminal) : m_terminal(terminal) { m_periods.push_back({}); }

    Result<void> feed(const journal::Entry& e) {
        using entry::Kind;
        switch (static_cast<Kind>(e.kind)) {
            case Kind::terminal_added:
                return read<entry::TerminalAdded>(e, [&](const auto& a) { m_known |= a.terminal == m_terminal; });
            case Kind::payment:
                return read<entry::Payment>(e, [&](const auto& p) { payment(e.seq, "0200", p); });
            case Kind::forward_answered:
                return read<entry::ForwardAnswered>(e, [&](const auto& a) { answered(e.seq, a); });
            case Kind::authorised:
                return read<entry::Authorised>(e, [&](const auto& a) {
                    if (a.payment.outcome == entry::Outcome::approved)
                        add({e.seq, "0100", a.payment.key, Total::authorisations, a.payment.amount.minor});
                });
            case Kind::completed:
                return read<entry::Completed>(e, [&](const auto& c) { payment(e.seq, "0220", c.payment); });
            case Kind::stood_in:
                return read<entry::StoodIn>(e, [&](const auto& s) { payment(e.seq, "0200", s.payment); });
            case Kind::reversal:
                return read<entry::Reversal>(e, [&](const auto& r) { reversal(e.seq, r); });
            case Kind::terminal_cut_over:
                return read<entry::TerminalCutOver>(e, [&](const auto& c) {
                    if (c.terminal == m_terminal) begin();
                });
            case Kind::uploaded:
                return read<entry::Uploaded>(e, [&](const auto& u) { uploaded(u); });
            case Kind::reconciled:
                return read<entry::Reconciled>(e, [&](const auto& r) { reconciled(r); });
            default:
                return {};
        }
    }
    [[nodiscard]] bool known() const noexcept { return m_known; }
    [[nodiscard]] const std::vector<Period>& periods() const noexcept { return m_periods; }

  private:
    template <typename E, typename Act>
    static Result<void> read(const journal::Entry& e, Act act) {
        const auto decoded = decode<E>(e.body);
        if (!decoded) return fail(Failure::Kind::integrity, fmt::format("journal entry {} does not decode", e.seq));
        act(*decoded);
        return {};
    }
    void add(Line line) {
        if (line.key.terminal == m_terminal) m_periods.back().lines.push_back(std::move(line));
    }
    void begin() {
        Period next;
        next.number = m_periods.back().number + 1;
        m_periods.push_back(std::move(next));
    }
    // Numbers go up by one from 1.
    Period* period(std::uint64_t number) {
        return number == 0 || number > m_periods.size() ? nullptr : &m_periods[number - 1];
    }
    void payment(std::uint64_t seq, const char* type, const entry::Payment& p) {
        if (p.outcome == entry::Outcome::approved) add({seq, type, p.key, Total::debits, p.amount.minor});
        if (p.outcome == entry::Outcome::forwarded && p.key.terminal == m_terminal) m_forwarded[seq] = p;
    }
    void answered(std::uint64_t seq, const entry::ForwardAnswered& a) {
        const auto at = m_forwarded.find(a.payment);
        if (at == m_forwarded.end()) return;
        if (a.outcome == entry::Outcome::approved)
            add({seq, "0200", at->second.key, Total::debits, at->second.amount.minor, a.payment});
        m_forwarded.erase(at);
    }
    void reversal(std::uint64_t seq, const entry::Reversal& r) {
        if (r.outcome == entry::ReversalOutcome::reversed)
            add({seq, "0400", r.key, Total::debit_reversals, r.amount.minor});
        if (r.outcome == entry::ReversalOutcome::released) add({seq, "0400", r.key, Total::authorisation_reversals, 0});
    }
    void reconciled(const entry::Reconciled& r) {
        if (r.key.terminal != m_terminal) return;
        Period* of = period(r.period);
        if (of == nullptr) return;
        if (r.checkpoint) {
            of->checkpoints.push_back(r);
            // What is uploaded from now on is of the open period, as State::on(Reconciled) has it.
            if (of == &m_periods.back() && r.response_code.view() != "00") m_last_reconciled = 0;
            return;
        }
        of->reconciled = r;
        m_last_reconciled = r.period;
        if (m_periods.back().number == r.period) begin();
    }
    // As State::on(Uploaded): of the period that was reconciled last, if that was out of balance, else of the open one.
    void uploaded(const entry::Uploaded& u) {
        if (u.key.terminal != m_terminal) return;
        Period* last = period(m_last_reconciled);
        Period& of = last == nullptr || last->in_balance() ? m_periods.back() : *last;
        auto& lines = m_periods.back().lines;
        const bool moved = u.outcome == entry::UploadOutcome::accepted && &of != &m_periods.back();
        if (moved && !lines.empty() && lines.back().seq == u.payment) lines.pop_back();  // posted by the entry before this
        of.uploads.push_back(u);
        of.upload_of_sale.insert_or_assign(u.payment, u.outcome);
    }

    TerminalId m_terminal;
    bool m_known = false;
    std::vector<Period> m_periods;
    std::uint64_t m_last_reconciled = 0;  // number of a period whose batch may come; 0: none
    std::map<std::uint64_t, entry::Payment> m_forwarded;  // waiting for their issuer's answer
};

constexpr std::string_view name(entry::UploadOutcome outcome) {
    switch (outcome) {
        case entry::UploadOutcome::matched:
            return "matched";
        case entry::UploadOutcome::accepted:
            return "accepted";
        case entry::UploadOutcome::differs:
            return "differs";
    }
    return "?";
}

// What the terminal's batch, if it has sent one, says of a message: the last word.
std::string_view upload_of(const Period& period, const Line& line) {
    if (period.uploads.empty() || line.total != Total::debits) return "";
    const std::uint64_t payment = line.payment == 0 ? line.seq : line.payment;
    const auto last = period.upload_of_sale.find(payment);
    return last == period.upload_of_sale.end() ? "not uploaded" : name(last->second);
}

ordered_json to_json(const entry::Uploaded& u) {
    return {{"stan", u.original.stan},
            {"rrn", u.original.rrn.view()},
            {"outcome", name(u.outcome)},
            {"amount", u.amount.minor},
            {"entry", u.payment}};
}

ordered_json to_json(const Line& line, std::string_view upload) {
    ordered_json out{{"seq", line.seq},
                     {"mti", line.type},
                     {"stan", line.key.stan},
                     {"rrn", line.key.rrn.view()},
                     {"local_date", line.key.local_date.view()},
                     {"local_time", line.key.local_time.view()},
                     {"counted_as", name(line.total)},
                     {"amount", line.amount}};
    if (!upload.empty()) out["upload"] = upload;
    return out;
}

// The totals that the terminal said and the box counted otherwise.
ordered_json differences(const entry::Reconciled& r) {
    const Claim claim{r.said, r.claimed};
    ordered_json out = ordered_json::array();
    for (std::size_t i = 0; i < kTotals; ++i) {
        const auto total = static_cast<Total>(i);
        if (claim.has(total) && r.claimed[total] != r.counted[total])
            out.push_back({{"total", name(total)}, {"terminal", r.claimed[total]}, {"box", r.counted[total]}});
    }
    return out;
}

// Amounts as money, numbers as they are.
std::string words(const ordered_json& difference, const char* whose) {
    const auto value = difference[whose].get<std::int64_t>();
    const auto total = difference["total"].get<std::string>();
    return total == "net" || total.ends_with("_amount") ? money(value) : fmt::format("{}", value);
}

// A period without its messages.
ordered_json summary_of(const TerminalId& terminal, const Period& period) {
    ordered_json out{
        {"terminal", terminal.view()}, {"period", period.number}, {"reconciled", period.reconciled.has_value()}};
    if (period.reconciled) {
        out["in_balance"] = period.in_balance();
        out["differences"] = differences(*period.reconciled);
    }
    ordered_json checkpoints = ordered_json::array();
    for (const auto& c : period.checkpoints)
        checkpoints.push_back({{"in_balance", c.response_code.view() == "00"}, {"differences", differences(c)}});
    out["checkpoints"] = std::move(checkpoints);
    return out;
}

ordered_json to_json(const TerminalId& terminal, const Period& period) {
    ordered_json lines = ordered_json::array();
    for (const Line& line : period.lines) lines.push_back(to_json(line, upload_of(period, line)));
    ordered_json out = summary_of(terminal, period);
    out["messages"] = std::move(lines);
    ordered_json uploads = ordered_json::array();
    for (const auto& u : period.uploads)
        if (u.outcome != entry::UploadOutcome::matched) uploads.push_back(to_json(u));
    out["uploads_that_differ"] = std::move(uploads);
    return out;
}

void print_differences(const entry::Reconciled& of) {
    for (const auto& difference : differences(of))
        fmt::print("  {}: the terminal says {}, the box counts {}\n", difference["total"].get<std::string>(),
                   words(difference, "terminal"), words(difference, "box"));
}

void print_summary(const TerminalId& terminal, const Period& period) {
    fmt::print("terminal {}, period {}: {} messages, {}\n", terminal.view(), period.number, period.lines.size(),
               !period.reconciled    ? "not reconciled yet"
               : period.in_balance() ? "in balance"
                                     : "out of balance");
    if (period.reconciled) print_differences(*period.reconciled);
    for (const auto& checkpoint : period.checkpoints) {
        fmt::print("  checkpoint: {}\n", checkpoint.response_code.view() == "00" ? "in balance" : "out of balance");
        print_differences(checkpoint);
    }
}

void print(const TerminalId& terminal, const Period& period) {
    print_summary(terminal, period);
    for (const Line& line : period.lines)
        fmt::print("{:>8} {} stan {:06} rrn {:<12} {:<22} {:>12} {}\n", line.seq, line.type, line.key.stan,
                   line.key.rrn.view(), name(line.total), money(line.amount), upload_of(period, line));
    for (const auto& u : period.uploads)
        if (u.outcome != entry::UploadOutcome::matched)
            fmt::print("  uploaded: stan {:06} rrn {} over {}: {}\n", u.original.stan, u.original.rrn.view(),
                       money(u.amount.minor), name(u.outcome));
}

// What came of each period, without the messages.
void show_all(const Args& args, const TerminalId& terminal, const std::vector<Period>& periods) {
    ordered_json all = ordered_json::array();
    for (const Period& period : periods) {
        if (!args.json()) {
            print_summary(terminal, period);
            continue;
        }
        ordered_json summary = summary_of(terminal, period);
        summary["messages"] = period.lines.size();
        summary["uploads"] = period.uploads.size();
        all.push_back(std::move(summary));
    }
    if (args.json()) fmt::print("{}\n", ordered_json{{"periods", std::move(all)}}.dump());
}

Result<void> show(const Args& args) {
    const std::string id = args.text("terminal");
    if (id.size() > sizeof(TerminalId::chars))
        return fail(Failure::Kind::config, fmt::format("'{}' is no terminal's name: at most 8 characters", id));
    const TerminalId terminal{id};
    Reader reader(terminal);
    if (auto read = scan_journal(args.paths(), [&](const journal::Entry& e) { return reader.feed(e); }); !read)
        return read;
    if (!reader.known()) return fail(Failure::Kind::refused, fmt::format("there is no terminal {}", id));
    if (args.flag("--all")) {
        show_all(args, terminal, reader.periods());
        return {};
    }
    const Period* wanted = nullptr;
    for (const Period& period : reader.periods()) {
        const bool is_last_reconciled = !args.given("--period") && period.reconciled;
        if (is_last_reconciled ||
            (args.given("--period") && args.number("--period") == static_cast<std::int64_t>(period.number)))
            wanted = &period;
    }
    if (wanted == nullptr && !args.given("--period")) wanted = &reader.periods().back();
    if (wanted == nullptr)
        return fail(Failure::Kind::refused, fmt::format("terminal {} has no period {}", id, args.text("--period")));
    if (args.json())
        fmt::print("{}\n", to_json(terminal, *wanted).dump());
    else
        print(terminal, *wanted);
    return {};
}
}  // namespace

std::vector<Command> recon_commands() {
    using enum Option::Kind;
    return {{"recon show",
             "what a terminal said of a period (0500) and what the box counted, message by message",
             {{"terminal", "its name (DE41), e.g. T0000001", text, "", true},
              {"--all", "every period of it, each with what came of it, without the messages", flag, ""},
              {"--period", "which of its periods, from 1; default: the last that was reconciled, or else the open one",
               number, ""}},
             show},
            {"recon totals",
             "what the box has counted since each terminal's last reconciliation, by acquirer and currency; terminals "
             "that came "
             "to nothing since, and were in balance, are left out",
             {},
             show_totals}};
}

}  // namespace giro::cli
