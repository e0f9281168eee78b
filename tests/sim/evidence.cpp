#include "tests/sim/evidence.hpp"

#include <fmt/format.h>

#include "journal/journal.hpp"
#include "switching/accounts.hpp"
#include "tests/sim/heard.hpp"
#include "util/archive.hpp"
#include "util/bytes.hpp"

namespace giro::sim {

namespace {
// Names a payment as the ears do: by terminal, or a wallet's own order by its digest, which is its RRN.
std::string request_of(const entry::Payment& p) {
    if (p.channel == entry::Channel::wallet) return "order/" + std::string(p.key.rrn.view());
    return key_of_sale(p.key.terminal.view(), p.key.stan, p.key.rrn.view());
}
}  // namespace

Result<Evidence> Evidence::read(const std::filesystem::path& journal, std::uint64_t hash_seed) {
    Evidence out;
    out.state = switching::State(hash_seed);
    auto reader = journal::JournalReader::open(journal);
    if (!reader) return tl::unexpected(reader.error());
    settlement::WindowBuilder builder([&](settlement::WindowResult&& w) { out.windows[w.window] = std::move(w); });
    bool settles = true;  // until settlement refuses an entry: this file's own books go on
    for (std::uint64_t next = 1;;) {
        const auto read = reader->read_from(next, 4096, [&](const journal::Entry& e) -> Result<void> {
            next = e.seq + 1;
            const auto kind = static_cast<entry::Kind>(e.kind);
            out.entries.push_back({e.seq, kind, Buffer(e.body.begin(), e.body.end())});
            if (settles) {
                auto fed = out.book.feed(e.seq, e.kind, e.body);
                if (fed) fed = builder.feed(e.seq, e.kind, e.body);
                if (!fed) out.refused.push_back(fed.error().what);
                settles = fed.has_value();
            }
            return out.take(e.seq, kind, e.body);
        });
        if (!read) return tl::unexpected(read.error());
        if (*read < 4096) break;
    }
    return out;
}

Result<void> Evidence::take(std::uint64_t seq, entry::Kind kind, Bytes body) {
    if (auto applied = state.apply(kind, body); !applied) refused.push_back(applied.error().what);
    keep_books(seq, kind, body);
    return {};
}

void Evidence::move(Id128 debit, Id128 credit, MinorUnits amount) {
    balances[debit] -= amount;
    balances[credit] += amount;
}

void Evidence::count(const TerminalId& terminal, Total number, MinorUnits amount) {
    Totals& t = days[terminal.str()].open;
    ++t[number];
    if (number == Total::debits) t[Total::debits_amount] += amount, t[Total::net] += amount;
    if (number == Total::debit_reversals) t[Total::debit_reversals_amount] += amount, t[Total::net] -= amount;
}

void Evidence::reconcile(const entry::Reconciled& e) {
    Day& day = days[e.key.terminal.str()];
    const Totals due = day.cut ? *day.cut : day.open;
    bool agrees = true;
    for (std::size_t i = 0; i < kTotals; ++i)
        if ((e.said >> i & 1) != 0 && e.claimed.values[i] != due.values[i]) agrees = false;
    const std::string key = key_of_reconciliation(e.key.terminal.view(), e.key.stan);
    if (e.counted != due) miscounted.push_back(key + " counts otherwise than the entries");
    if (e.response_code.view() != (agrees ? "00" : "95")) miscounted.push_back(key + " is answered otherwise than its totals say");
    if (!reconciled.emplace(key, e.response_code.str()).second) miscounted.push_back(key + " was decided twice");
    if (e.checkpoint) {
        if (!day.cut && !agrees) day.out_of_balance = false;  // what is uploaded now is of the open period
        return;
    }
    if (day.cut) day.cut.reset();
    else day.open = {};
    day.out_of_balance = !agrees;
}

// What matches or was accepted stands as it says.
void Evidence::upload(const entry::Uploaded& e) {
    const std::string key = key_of_upload(e.key.terminal.view(), e.key.stan, e.key.rrn.view());
    const PaymentStory* sale = payment(e.payment);
    MinorUnits stands = sale != nullptr && sale->approved() ? sale->payment.amount.minor : 0;
    if (sale != nullptr)
        for (const auto& r : sale->reversed) stands -= r.amount.minor;
    if (e.outcome == entry::UploadOutcome::accepted) uploaded.insert(e.payment);
    if (e.outcome != entry::UploadOutcome::differs && stands != e.amount.minor) miscounted.push_back(key + " is not what stands");
    if (e.outcome == entry::UploadOutcome::accepted && sale != nullptr && sale->payment.amount.minor > 5'000)
        miscounted.push_back(key + " was accepted beyond a till's own limit");
    if (Day& day = days[e.key.terminal.str()]; e.outcome == entry::UploadOutcome::accepted && day.out_of_balance) {
        --day.open[Total::debits];
        day.open[Total::debits_amount] -= e.amount.minor;
        day.open[Total::net] -= e.amount.minor;
    }
    if (!reconciled.emplace(key, e.response_code.str()).second) miscounted.push_back(key + " was decided twice");
}

// A journal entry's money, by the words of entry.hpp alone.
void Evidence::keep_books(std::uint64_t seq, entry::Kind kind, Bytes body) {
    using entry::Kind;
    if (kind == Kind::participant_opened) {
        const auto e = *decode<entry::ParticipantOpened>(body);
        move(switching::issuance_account(e.backing.currency), switching::reserve_account(e.id), e.backing.minor);
    } else if (kind == Kind::account_opened) {
        const auto e = *decode<entry::AccountOpened>(body);
        move(switching::reserve_account(e.participant), e.id, e.opening.minor);
    } else if (kind == Kind::funds_paid_in) {
        const auto e = *decode<entry::FundsPaidIn>(body);
        const auto* account = state.ledger().account(e.account);
        if (account != nullptr) move(switching::reserve_account(account->participant), e.account, e.amount.minor);
    } else if (kind == Kind::payment) {
        const auto e = *decode<entry::Payment>(body);
        by_request[request_of(e)].push_back(payments.size());
        payments.push_back({seq, e, {}, {}});
        if (e.outcome == entry::Outcome::approved) {
            move(e.debit, e.credit, e.amount.minor);
            postings.push_back(seq);
            if (e.channel != entry::Channel::wallet) count(e.key.terminal, Total::debits, e.amount.minor);
        }
    } else if (kind == Kind::stood_in) {
        const auto e = *decode<entry::StoodIn>(body);
        by_request[request_of(e.payment)].push_back(payments.size());
        payments.push_back({seq, e.payment, {}, {}});
        stood_in.insert(seq);
        move(e.payment.debit, e.payment.credit, e.payment.amount.minor);
        postings.push_back(seq);
        count(e.payment.key.terminal, Total::debits, e.payment.amount.minor);
    } else if (kind == Kind::saf_answered) {
        const auto e = *decode<entry::SafAnswered>(body);
        if (e.verdict != entry::SafVerdict::unreadable) advised[e.payment] = e.verdict;
    } else if (kind == Kind::saf_expired) {
        expired.insert(decode<entry::SafExpired>(body)->payment);
    } else if (kind == Kind::saf_parked) {
        parked_once.insert(decode<entry::SafParked>(body)->payment);
    } else if (kind == Kind::saf_closed) {
        closed.insert(decode<entry::SafClosed>(body)->payment);
    } else if (kind == Kind::chip_checked) {
        const auto e = *decode<entry::ChipChecked>(body);
        chips[e.payment] = e;
    } else if (kind == Kind::card_blocked) {
        blocks[seq] = {decode<entry::CardBlocked>(body)->card, true};
    } else if (kind == Kind::card_unblocked) {
        blocks[seq] = {decode<entry::CardUnblocked>(body)->card, false};
    } else if (kind == Kind::routes_changed) {
        routes[seq] = *decode<entry::RoutesChanged>(body);
    } else if (kind == Kind::authorised) {
        const auto e = *decode<entry::Authorised>(body);
        by_request[request_of(e.payment)].push_back(payments.size());
        payments.push_back({seq, e.payment, {}, {}});
        if (e.payment.outcome != entry::Outcome::approved) return;
        authorised[e.original == 0 ? seq : e.original] += e.payment.amount.minor;
        count(e.payment.key.terminal, Total::authorisations, 0);
    } else if (kind == Kind::completed) {
        const auto e = *decode<entry::Completed>(body);
        by_request[request_of(e.payment)].push_back(payments.size());
        payments.push_back({seq, e.payment, {}, {}});
        completed.push_back(e);
        move(e.payment.debit, e.payment.credit, e.payment.amount.minor);
        postings.push_back(seq);
        count(e.payment.key.terminal, Total::debits, e.payment.amount.minor);
    } else if (kind == Kind::forward_answered) {
        const auto e = *decode<entry::ForwardAnswered>(body);
        for (auto& p : payments)
            if (p.seq == e.payment) {
                p.answered = e;
                if (e.outcome != entry::Outcome::approved) continue;
                move(p.payment.debit, p.payment.credit, p.payment.amount.minor);
                postings.push_back(seq);
                count(p.payment.key.terminal, Total::debits, p.payment.amount.minor);
            }
    } else if (kind == Kind::reversal) {
        const auto e = *decode<entry::Reversal>(body);
        reversals.emplace_back(seq, e);
        if (e.outcome == entry::ReversalOutcome::released) count(e.key.terminal, Total::authorisation_reversals, 0);
        if (e.outcome != entry::ReversalOutcome::reversed) return;
        count(e.key.terminal, Total::debit_reversals, e.amount.minor);
        postings.push_back(seq);
        for (auto& p : payments)
            if (p.seq == e.payment) {
                p.reversed.push_back(e);
                move(p.payment.credit, p.payment.debit, e.amount.minor);
            }
    } else if (kind == Kind::terminal_cut_over) {
        Day& day = days[decode<entry::TerminalCutOver>(body)->terminal.str()];
        if (day.cut) miscounted.push_back(fmt::format("entry {} cuts over before the last period was reconciled", seq));
        day.cut = std::exchange(day.open, {});
    } else if (kind == Kind::uploaded) {
        upload(*decode<entry::Uploaded>(body));
    } else if (kind == Kind::reconciled) {
        reconcile(*decode<entry::Reconciled>(body));
    }
}

std::vector<settlement::Party> Evidence::parties() const {
    std::vector<settlement::Party> all;
    for (const auto& p : book.participants()) all.push_back({p.id, p.settlement_script, {}});
    return all;
}

const PaymentStory* Evidence::payment(std::uint64_t seq) const {
    for (const auto& p : payments)
        if (p.seq == seq) return &p;
    return nullptr;
}

}  // namespace giro::sim
