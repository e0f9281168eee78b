// Windows: which postings count, what each bank owes, and that journals that do not fit are refused by number.
#include <doctest/doctest.h>

#include <random>

#include "journal_maker.hpp"
#include "settlement/merkle.hpp"

using namespace giro;
using namespace giro::settlement;
using test::JournalMaker;

namespace {
MinorUnits net_of(const WindowResult& window, std::uint32_t bank) {
    for (const auto& position : window.nets)
        if (position.participant == bank) return position.net;
    return -1;
}
std::string refusal(const JournalMaker& journal) {
    const auto collected = test::collect(journal);
    return collected ? std::string() : collected.error().what;
}
template <typename E>
std::string refusal_of(entry::Kind kind, const E& e) {
    JournalMaker journal(2);
    journal.payment(1, 2, 10);  // seq 5
    journal.add(kind, e);       // seq 6
    return refusal(journal);
}
}  // namespace

TEST_CASE("settlement: the bank that pays owes, the bank that is paid is owed") {
    JournalMaker journal(3);
    journal.payment(1, 2, 1000);
    journal.payment(2, 1, 300);
    journal.payment(3, 3, 77);  // inside one bank: a posting without net effect
    journal.close();
    const auto collected = test::collect(journal);
    REQUIRE(collected);
    REQUIRE(collected->windows.size() == 1);
    const WindowResult& window = collected->windows[0];
    CHECK(net_of(window, 1) == -700);
    CHECK(net_of(window, 2) == 700);
    CHECK(net_of(window, 3) == 0);
    CHECK(window.leaves.size() == 3);
    CHECK(window.postings == 3);
    CHECK(window.root == window_root(1, window.leaves));
    CHECK(window.leaves[0] == leaf_hash(collected->postings[0], collected->salts[0]));
}

TEST_CASE("settlement: declines, unanswered forwards and reversals that moved nothing are in no window") {
    JournalMaker journal(2);
    journal.payment(1, 2, 10, entry::Outcome::declined);
    const auto declined_later = journal.payment(1, 2, 20, entry::Outcome::forwarded);
    journal.payment(1, 2, 30, entry::Outcome::forwarded);
    journal.answer(declined_later, 1, 2, 20, false);
    journal.reverse(declined_later, 1, 2, 20, entry::ReversalOutcome::nothing_owed);
    journal.reverse(999, 1, 2, 20, entry::ReversalOutcome::unknown);
    journal.close();
    const auto collected = test::collect(journal);
    REQUIRE(collected);
    CHECK(collected->windows[0].leaves.empty());
    CHECK(net_of(collected->windows[0], 1) == 0);
    CHECK(collected->windows[0].root == window_root(1, {}));
}

TEST_CASE("settlement: a forwarded payment counts when it is answered, in the window that is open then") {
    JournalMaker journal(2);
    const auto forwarded = journal.payment(1, 2, 500, entry::Outcome::forwarded);
    journal.payment(2, 1, 1);
    journal.close();
    journal.answer(forwarded, 1, 2, 500, true);
    journal.close();
    const auto collected = test::collect(journal);
    REQUIRE(collected);
    CHECK(net_of(collected->windows[0], 1) == 1);
    CHECK(net_of(collected->windows[1], 1) == -500);
    const Posting& posting = collected->postings[1];
    CHECK(posting.kind == PostingKind::forwarded);
    CHECK(posting.payment == forwarded);
    CHECK(posting.rrn.view() == fmt::format("{:012}", forwarded));
    CHECK(posting.debit == 1);
}

TEST_CASE("settlement: a reversal pays back in its own window, from the receiver's bank to the payer's") {
    JournalMaker journal(2);
    const auto forwarded = journal.payment(1, 2, 40, entry::Outcome::forwarded);
    const auto paid = journal.payment(1, 2, 500);
    journal.answer(forwarded, 1, 2, 40, true);  // its posting comes after a later payment's
    journal.close();
    journal.reverse(paid, 1, 2, 500);
    journal.reverse(forwarded, 1, 2, 40);
    journal.close();
    const auto collected = test::collect(journal);
    REQUIRE(collected);
    CHECK(net_of(collected->windows[0], 1) == -540);
    CHECK(net_of(collected->windows[1], 1) == 540);
    CHECK(collected->postings.back().kind == PostingKind::reversal);
    CHECK(collected->postings.back().debit == 2);
    CHECK(collected->postings.back().credit == 1);
}

TEST_CASE("settlement: reversals in part each pay back their own amount, and no more in all than was paid") {
    JournalMaker journal(2);
    const auto paid = journal.payment(1, 2, 500);
    journal.reverse(paid, 1, 2, 200);
    journal.close();
    journal.reverse(paid, 1, 2, 300);
    journal.close();
    const auto collected = test::collect(journal);
    REQUIRE(collected);
    CHECK(net_of(collected->windows[0], 1) == -300);
    CHECK(net_of(collected->windows[1], 1) == 300);
    JournalMaker greedy(2);
    const auto once = greedy.payment(1, 2, 500);
    greedy.reverse(once, 1, 2, 200);
    greedy.reverse(once, 1, 2, 301);
    CHECK_FALSE(test::collect(greedy));
}

TEST_CASE("settlement: a window takes the postings up to its last sequence number and no further") {
    JournalMaker journal(2);
    journal.payment(1, 2, 5);
    const std::uint64_t cut = journal.entries.size();
    journal.payment(1, 2, 7);
    journal.add(entry::Kind::window_closed, entry::WindowClosed{1, cut, 0});
    journal.add(entry::Kind::window_closed, entry::WindowClosed{2, cut + 1, 0});
    const auto collected = test::collect(journal);
    REQUIRE(collected);
    CHECK(net_of(collected->windows[0], 1) == -5);
    CHECK(net_of(collected->windows[1], 1) == -7);
}

TEST_CASE("settlement: random postings among two and three banks net to what a naive sum says, and to zero together") {
    for (const std::uint32_t banks : {2U, 3U}) {
        std::mt19937 random(banks);
        const auto upto = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        JournalMaker journal(banks);
        struct Standing {
            std::uint64_t seq;
            std::uint32_t from, to;
            MinorUnits amount;
        };
        std::vector<Standing> standing, waiting;
        for (int i = 0; i < 5000; ++i) {
            const std::uint32_t from = 1 + upto(banks), to = 1 + upto(banks);
            const MinorUnits amount = 1 + upto(100'000);
            switch (upto(8)) {
                case 0:
                    waiting.push_back({journal.payment(from, to, amount, entry::Outcome::forwarded), from, to, amount});
                    break;
                case 1:
                    journal.payment(from, to, amount, entry::Outcome::declined);
                    break;
                case 2:
                    if (waiting.empty()) break;
                    {
                        const Standing w = waiting.back();
                        const bool approved = upto(2) == 0;
                        waiting.pop_back();
                        journal.answer(w.seq, w.from, w.to, w.amount, approved);
                        if (approved) standing.push_back(w);
                    }
                    break;
                case 3:
                    if (standing.empty()) break;
                    std::swap(standing[upto(static_cast<std::uint32_t>(standing.size()))], standing.back());
                    journal.reverse(standing.back().seq, standing.back().from, standing.back().to,
                                    standing.back().amount);
                    standing.pop_back();
                    break;
                default:
                    standing.push_back({journal.payment(from, to, amount), from, to, amount});
            }
            if (upto(200) == 0) journal.close();
        }
        journal.close();
        const auto collected = test::collect(journal);
        REQUIRE(collected);
        REQUIRE(collected->windows.size() == journal.naive_closed.size());
        for (std::size_t w = 0; w < collected->windows.size(); ++w) {
            MinorUnits sum = 0;
            for (const auto& position : collected->windows[w].nets) {
                CHECK(position.net == journal.naive_closed[w][position.participant]);
                sum += position.net;
            }
            CHECK(sum == 0);
            CHECK(collected->windows[w].leaves.size() == journal.naive_postings_closed[w]);
        }
    }
}

TEST_CASE("settlement: an entry that does not fit what came before is refused with its number") {
    const auto says = [](const std::string& text, std::string_view number, std::string_view why) {
        INFO(text);
        CHECK(text.find(number) != std::string::npos);
        CHECK(text.find(why) != std::string::npos);
    };
    entry::Payment payment;
    payment.outcome = entry::Outcome::approved;
    payment.amount = {1, test::kCurrency};
    payment.debit = {9, 9};
    payment.credit = JournalMaker::account(1);
    says(refusal_of(entry::Kind::payment, payment), "entry 6", "no participant's");
    payment.debit = JournalMaker::account(2);
    payment.credit = {9, 9};
    says(refusal_of(entry::Kind::payment, payment), "entry 6", "no participant's");
    payment.credit = JournalMaker::account(1);
    payment.amount.minor = 0;
    says(refusal_of(entry::Kind::payment, payment), "entry 6", "out of range");
    payment.amount = {1, 978};
    says(refusal_of(entry::Kind::payment, payment), "entry 6", "currency");
    says(refusal_of(entry::Kind::payment, entry::WindowClosed{}), "entry 6", "decode");

    entry::ForwardAnswered answer;
    answer.payment = 5;
    says(refusal_of(entry::Kind::forward_answered, answer), "entry 6", "does not wait");
    entry::Reversal reversal;
    reversal.outcome = entry::ReversalOutcome::reversed;
    reversal.payment = 4;
    says(refusal_of(entry::Kind::reversal, reversal), "entry 6", "does not stand");
    says(refusal_of(entry::Kind::window_closed, entry::WindowClosed{2, 5, 0}), "entry 6", "not the open one");
    says(refusal_of(entry::Kind::window_closed, entry::WindowClosed{1, 6, 0}), "entry 6", "cuts where it cannot");

    entry::ParticipantOpened participant;
    participant.id = 1;
    participant.backing = {1, test::kCurrency};
    says(refusal_of(entry::Kind::participant_opened, participant), "entry 6", "open already");
    participant.id = 3;
    participant.backing = {1, 978};
    says(refusal_of(entry::Kind::participant_opened, participant), "entry 6", "second currency");
    entry::AccountOpened account;
    account.id = {1, 1};
    account.participant = 7;
    says(refusal_of(entry::Kind::account_opened, account), "entry 6", "participant 7 is not open");
    account = {JournalMaker::account(1), 1, {}, 0, {}};
    says(refusal_of(entry::Kind::account_opened, account), "entry 6", "open already");
    entry::WalletRegistered wallet;
    wallet.participant = 8;
    says(refusal_of(entry::Kind::wallet_registered, wallet), "entry 6", "participant 8 is not open");
    wallet = {{}, 1, test::kCurrency, JournalMaker::account(1)};
    says(refusal_of(entry::Kind::wallet_registered, wallet), "entry 6", "open already");

    JournalMaker twice(2);
    const auto paid = twice.payment(1, 2, 5);
    twice.reverse(paid, 1, 2, 5);
    twice.reverse(paid, 1, 2, 5);
    says(refusal(twice), "entry 7", "does not stand");
}

TEST_CASE("settlement: entries out of order are refused") {
    WindowBuilder builder([](WindowResult&&) {});
    CHECK_FALSE(builder.feed(2, static_cast<std::uint16_t>(entry::Kind::session_key_set), {}));
    CHECK(builder.feed(1, static_cast<std::uint16_t>(entry::Kind::session_key_set), {}));
}

TEST_CASE("settlement: a wallet's account belongs to the bank it registered at") {
    JournalMaker journal(2);
    entry::WalletRegistered wallet;
    wallet.participant = 2;
    wallet.currency = test::kCurrency;
    wallet.account = {0x77, 1};
    journal.add(entry::Kind::wallet_registered, wallet);
    entry::Payment e;
    e.channel = entry::Channel::wallet;
    e.outcome = entry::Outcome::approved;
    e.amount = {9, test::kCurrency};
    e.debit = wallet.account;
    e.credit = JournalMaker::account(1);
    journal.add(entry::Kind::payment, e);
    journal.close();
    const auto collected = test::collect(journal);
    REQUIRE(collected);
    CHECK(net_of(collected->windows[0], 2) == -9);
}

TEST_CASE("settlement: the book says where every window stands") {
    JournalMaker journal(2);
    journal.payment(1, 2, 5);
    journal.close();
    journal.close();
    entry::SettlementProposed proposal;
    proposal.window = 1;
    journal.add(entry::Kind::settlement_proposed, proposal);
    journal.add(entry::Kind::settlement_withdrawn, entry::SettlementWithdrawn{1});
    journal.add(entry::Kind::settlement_proposed, proposal);  // another in its place
    journal.add(entry::Kind::settlement_approved, entry::SettlementApproved{1, entry::OfficerName("alice"), {}});
    Book book;
    std::uint64_t seq = 0;
    const auto feed_rest = [&] {
        for (; seq < journal.entries.size(); ++seq)
            if (!book.feed(seq + 1, journal.entries[seq].kind, journal.entries[seq].body)) return false;
        return true;
    };
    REQUIRE(feed_rest());
    REQUIRE(book.first_unconfirmed() == book.find(1));
    CHECK(book.find(1)->state(2) == WindowState::proposed);
    CHECK(book.find(1)->state(1) == WindowState::approved);
    CHECK(book.find(2)->state(1) == WindowState::closed);
    CHECK(book.find(3) == nullptr);
    CHECK(book.window_of(5) == book.find(1));
    CHECK(book.window_of(6) == book.find(2));  // the entry that closed window 1
    CHECK(book.window_of(7) == nullptr);
    CHECK(book.participant_name(2) == "bank-2");
    CHECK(book.participant_name(9) == "#9");
    journal.add(entry::Kind::settlement_approved, entry::SettlementApproved{1, entry::OfficerName("bob"), {}});
    journal.add(entry::Kind::settlement_confirmed, entry::SettlementConfirmed{1, {}, 102, {}});
    REQUIRE(feed_rest());
    CHECK(book.find(1)->state(2) == WindowState::confirmed);
    CHECK(book.first_unconfirmed() == book.find(2));
    for (const auto state : {WindowState::closed, WindowState::proposed, WindowState::approved, WindowState::confirmed})
        CHECK(name(state) != "unknown");

    const auto refuses = [&](entry::Kind kind, const auto& e) {
        return !book.feed(99, static_cast<std::uint16_t>(kind), encode(e));
    };
    CHECK(refuses(entry::Kind::window_closed, entry::WindowClosed{2, 0, 0}));
    CHECK(refuses(entry::Kind::settlement_proposed, proposal));
    CHECK(refuses(entry::Kind::settlement_approved, entry::SettlementApproved{1, entry::OfficerName("bob"), {}}));
    CHECK(refuses(entry::Kind::settlement_withdrawn, entry::SettlementWithdrawn{1}));  // officers have approved it
    CHECK(refuses(entry::Kind::settlement_withdrawn, entry::SettlementWithdrawn{2}));  // there is none
    CHECK(refuses(entry::Kind::settlement_approved, entry::SettlementApproved{2, entry::OfficerName("bob"), {}}));
    CHECK(refuses(entry::Kind::settlement_confirmed, entry::SettlementConfirmed{1, {}, 102, {}}));
    CHECK(refuses(entry::Kind::settlement_confirmed, entry::WindowClosed{}));
}
