// A journal read from the disk, with what follows from it by two independent ways: the product's own State, Book and
// WindowBuilder, and a plain book-keeping of this file's own, which knows no ledger.
#pragma once

#include <filesystem>
#include <map>
#include <set>

#include "entry/entry.hpp"
#include "settlement/book.hpp"
#include "settlement/transaction.hpp"
#include "settlement/window.hpp"
#include "switching/state.hpp"

namespace giro::sim {

struct JournalEntry {
    std::uint64_t seq = 0;
    entry::Kind kind{};
    Buffer body;
};

// What became of one payment, by its own entries.
struct PaymentStory {
    std::uint64_t seq = 0;
    entry::Payment payment;
    std::optional<entry::ForwardAnswered> answered;
    std::vector<entry::Reversal> reversed;  // those that moved money
    [[nodiscard]] bool decided() const { return payment.outcome != entry::Outcome::forwarded || answered; }
    [[nodiscard]] bool approved() const {
        return answered ? answered->outcome == entry::Outcome::approved : payment.outcome == entry::Outcome::approved;
    }
    [[nodiscard]] std::string code() const {
        return std::string(answered ? answered->response_code.view() : payment.response_code.view());
    }
};

struct Evidence {
    std::vector<JournalEntry> entries;
    switching::State state;
    std::vector<std::string> refused;  // what the state or settlement did not take
    settlement::Book book;
    std::map<std::uint64_t, settlement::WindowResult> windows;
    std::vector<PaymentStory> payments;
    std::map<std::string, std::vector<std::size_t>> by_request;  // name of the request -> indexes into payments
    std::vector<std::pair<std::uint64_t, entry::Reversal>> reversals;
    std::map<std::uint64_t, MinorUnits> authorised;  // seq of a 0100 -> what it and its raises asked for
    std::vector<entry::Completed> completed;
    std::set<std::uint64_t> stood_in;                         // payments that the box approved for an issuer
    std::map<std::uint64_t, entry::SafVerdict> advised;       // .. and what their issuer said
    std::set<std::uint64_t> expired;                          // .. or nobody did
    std::set<std::uint64_t> parked_once, closed;              // payments of which something owed was, once or for good
    std::set<std::uint64_t> uploaded;                         // sales that the box knows of by their terminal's batch alone
    std::map<std::uint64_t, entry::ChipChecked> chips;        // by the seq of the sale
    std::map<std::uint64_t, std::pair<entry::CardToken, bool>> blocks;  // seq -> the card that is blocked from there on, or no more
    std::map<std::uint64_t, entry::RoutesChanged> routes;     // seq -> the table that decides from there on
    // What each terminal's messages come to since its last cut, and what was cut over and is not reconciled yet.
    struct Day {
        Totals open;
        std::optional<Totals> cut;
        bool out_of_balance = false;  // at the last reconciliation
    };
    std::map<std::string, Day> days;
    std::map<std::string, std::string> reconciled;  // key_of_reconciliation(), key_of_upload() -> its answer's code
    std::vector<std::string> miscounted;            // reconciliations whose totals are not those of the entries
    std::map<Id128, MinorUnits> balances;  // this file's own: credits less debits, posted
    std::vector<std::uint64_t> postings;   // seqs of entries that moved money between customers

    [[nodiscard]] static Result<Evidence> read(const std::filesystem::path& journal, std::uint64_t hash_seed = 1);
    [[nodiscard]] std::vector<settlement::Party> parties() const;
    [[nodiscard]] const PaymentStory* payment(std::uint64_t seq) const;

  private:
    [[nodiscard]] Result<void> take(std::uint64_t seq, entry::Kind kind, Bytes body);
    void keep_books(std::uint64_t seq, entry::Kind kind, Bytes body);
    void count(const TerminalId& terminal, Total number, MinorUnits amount);
    void reconcile(const entry::Reconciled& e);
    void upload(const entry::Uploaded& e);
    void move(Id128 debit, Id128 credit, MinorUnits amount);
};

}  // namespace giro::sim
