// Makes journal entries the way the switch does, and keeps its own naive account of what every bank owes.
#pragma once

#include <fmt/format.h>

#include <map>
#include <vector>

#include "chain/script.hpp"
#include "entry/entry.hpp"
#include "settlement/book.hpp"
#include "settlement/window.hpp"
#include "util/archive.hpp"

namespace giro::settlement::test {

inline constexpr Currency kCurrency = 963;

struct MadeEntry {
    std::uint16_t kind = 0;
    Buffer body;
};

class JournalMaker {
  public:
    explicit JournalMaker(std::uint32_t banks) {
        for (std::uint32_t id = 1; id <= banks; ++id) {
            entry::ParticipantOpened e;
            e.id = id;
            e.name = entry::ParticipantName(fmt::format("bank-{}", id));
            e.backing = {1'000'000'000, kCurrency};
            e.settlement_script = script(id);
            add(entry::Kind::participant_opened, e);
            entry::AccountOpened a;
            a.id = account(id);
            a.participant = id;
            a.opening = {1'000'000, kCurrency};
            add(entry::Kind::account_opened, a);
        }
    }

    static Id128 account(std::uint32_t bank) { return {0x0c00, bank}; }
    static Buffer script(std::uint32_t bank) {
        return chain::p2wsh_script(as_bytes(fmt::format("script of bank {}", bank)));
    }

    template <typename E>
    std::uint64_t add(entry::Kind kind, const E& e) {
        entries.push_back({static_cast<std::uint16_t>(kind), encode(e)});
        return entries.size();
    }
    std::uint64_t payment(std::uint32_t from, std::uint32_t to, MinorUnits amount,
                          entry::Outcome outcome = entry::Outcome::approved) {
        entry::Payment e;
        e.outcome = outcome;
        e.time_ns = 1'700'000'000'000'000'000U + entries.size();
        e.key = {
            AcquirerId("970002"),   TerminalId("T0000001"), next_stan++, Rrn(fmt::format("{:012}", entries.size() + 1)),
            FixedText<6>("101112"), FixedText<4>("1122")};
        e.merchant = MerchantId("M00000000000001");
        e.amount = {amount, kCurrency};
        e.response_code = ResponseCode(outcome == entry::Outcome::declined ? "51" : "00");
        e.auth_code = AuthCode("A12345");
        e.pan.first6_last4 = FixedText<10>("9700014242");
        e.debit = outcome == entry::Outcome::forwarded ? Id128{kLinkAccount, from} : account(from);
        e.credit = account(to);
        e.salt[0] = std::byte(entries.size());
        if (outcome == entry::Outcome::approved) move(from, to, amount);
        return add(entry::Kind::payment, e);
    }
    // A sale that the till approved by itself.
    void complete(std::uint32_t from, std::uint32_t to, MinorUnits amount) {
        entry::Completed e;
        e.payment.outcome = entry::Outcome::approved;
        e.payment.key.rrn = Rrn(fmt::format("{:012}", entries.size() + 1));
        e.payment.amount = {amount, kCurrency};
        e.payment.response_code = ResponseCode("00");
        e.payment.debit = account(from);
        e.payment.credit = account(to);
        move(from, to, amount);
        add(entry::Kind::completed, e);
    }
    void answer(std::uint64_t payment_seq, std::uint32_t from, std::uint32_t to, MinorUnits amount, bool approved) {
        entry::ForwardAnswered e;
        e.payment = payment_seq;
        e.outcome = approved ? entry::Outcome::approved : entry::Outcome::declined;
        e.response_code = ResponseCode(approved ? "00" : "05");
        e.salt[1] = std::byte(entries.size());
        if (approved) move(from, to, amount);
        add(entry::Kind::forward_answered, e);
    }
    // `from` and `to` as in the payment that is taken back.
    void reverse(std::uint64_t payment_seq, std::uint32_t from, std::uint32_t to, MinorUnits amount,
                 entry::ReversalOutcome outcome = entry::ReversalOutcome::reversed) {
        entry::Reversal e;
        e.payment = payment_seq;
        e.outcome = outcome;
        e.original.rrn = Rrn(fmt::format("{:012}", payment_seq));
        e.amount = {amount, kCurrency};
        if (outcome == entry::ReversalOutcome::reversed) move(to, from, amount);
        add(entry::Kind::reversal, e);
    }
    std::uint64_t close() {
        entry::WindowClosed e;
        e.window = ++windows;
        e.last_seq = entries.size();
        add(entry::Kind::window_closed, e);
        naive_closed.push_back(std::move(naive));
        naive.clear();
        naive_postings_closed.push_back(naive_postings);
        naive_postings = 0;
        return windows;
    }

    std::vector<MadeEntry> entries;
    std::map<std::uint32_t, MinorUnits> naive;
    std::size_t naive_postings = 0;
    std::vector<std::map<std::uint32_t, MinorUnits>> naive_closed;
    std::vector<std::size_t> naive_postings_closed;

  private:
    std::uint32_t next_stan = 1;
    std::uint64_t windows = 0;
    void move(std::uint32_t from, std::uint32_t to, MinorUnits amount) {
        naive[from] -= amount;
        naive[to] += amount;
        ++naive_postings;
    }
};

struct Collected {
    std::vector<WindowResult> windows;
    std::vector<Posting> postings;
    std::vector<entry::Salt> salts;
};

// Everything through a WindowBuilder; the first failure, or what came out.
inline Result<Collected> collect(const JournalMaker& journal) {
    Collected out;
    WindowBuilder builder([&](WindowResult&& w) { out.windows.push_back(std::move(w)); },
                          [&](const Posting& p, const entry::Salt& s) {
                              out.postings.push_back(p);
                              out.salts.push_back(s);
                          });
    std::uint64_t seq = 0;
    for (const auto& e : journal.entries)
        if (auto fed = builder.feed(++seq, e.kind, e.body); !fed) return tl::unexpected(fed.error());
    return out;
}

}  // namespace giro::settlement::test
