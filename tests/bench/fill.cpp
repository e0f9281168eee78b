// giro-bench-fill DIR ENTRIES: fills the journal of the box in DIR, which is down, up to ENTRIES entries. The purchases
// are decided by the product's own core and written by its own journal writer, in batches of 1,000: ten million take a
// minute or two, where sockets would take a quarter of an hour. The box must have the demo's cards and terminals.
#include <fmt/format.h>

#include <cstdio>

#include "appliance/giro/demo.hpp"
#include "journal/journal.hpp"
#include "switching/core.hpp"
#include "switching/frames.hpp"
#include "util/archive.hpp"
#include "util/environment.hpp"

namespace {
using namespace giro;
constexpr std::size_t kBatch = 1'000;
constexpr std::uint64_t kProgressEvery = 1'000'000;  // entries

struct Card {
    entry::SealedPan sealed;
    Pan pan;
};

class Filler {
  public:
    Filler(config::Config config, journal::Journal journal)
        : m_currency(config.currency),
          m_journal(std::move(journal)),
          m_core(m_state, switching::Policy{std::move(config), {}}, m_random,
                 [](std::uint64_t) { return std::nullopt; }) {}

    Result<void> fill(std::uint64_t entries) {
        if (auto replayed = replay(); !replayed) return replayed;
        if (m_cards.empty() || m_terminals.empty())
            return fail(Failure::Kind::not_provisioned, "the box has no demo cards: giro demo provision");
        while (m_state.last_seq() < entries) {
            const auto count = std::min<std::uint64_t>(kBatch, entries - m_state.last_seq());
            for (std::uint64_t i = 0; i < count; ++i)
                if (auto paid = pay(); !paid) return paid;
            if (auto written = write(); !written) return written;
            if (m_state.last_seq() % kProgressEvery < kBatch)
                std::fprintf(stderr, "%s entries\n", fmt::format("{}", m_state.last_seq()).c_str());
        }
        return {};
    }

  private:
    Result<void> replay() {
        return m_journal.read(1, [this](const journal::Entry& e) -> Result<void> {
            if (e.kind == static_cast<std::uint16_t>(entry::Kind::card_issued))
                note_card(*decode<entry::CardIssued>(e.body));
            if (e.kind == static_cast<std::uint16_t>(entry::Kind::terminal_added))
                m_terminals.push_back(*decode<entry::TerminalAdded>(e.body));
            return m_state.apply(e.kind, e.body);
        });
    }

    // The demo's cards are numbered in their accounts; the last one of a BIN has no money.
    void note_card(const entry::CardIssued& issued) {
        const auto index = static_cast<std::uint32_t>(issued.account.lo);
        const std::string bin(issued.pan.first6_last4.view().substr(0, 6));
        if (issued.account != demo::card_account(static_cast<std::uint32_t>(std::stoul(bin)), index) ||
            index >= demo::kCardsPerBin)
            return;
        m_cards.push_back({issued.pan, *Pan::parse(demo::pan(bin, index))});
    }

    Result<void> pay() {
        const std::uint64_t number = m_state.last_seq() + 1;
        const Card& card = m_cards[number % m_cards.size()];
        const entry::TerminalAdded& terminal = m_terminals[number % m_terminals.size()];
        PaymentRequest r;
        r.mti = 0x0200;
        r.pan = card.pan;
        r.amount = 1;
        r.currency = m_currency;
        r.received_ns = m_now_ns;
        r.stan = static_cast<std::uint32_t>(number % 999'999 + 1);
        r.rrn = Rrn(fmt::format("B{:011}", number));
        r.transmission_time = m_time;
        r.local_time = FixedText<6>(m_time.view().substr(4));
        r.local_date = FixedText<4>(m_time.view().substr(0, 4));
        r.acquirer = terminal.acquirer;
        r.terminal = terminal.terminal;
        r.merchant = terminal.merchant;
        const auto answer = m_core.purchase(r, &card.sealed, m_now_ns);
        if (answer.code == switching::kApproved) return {};
        return fail(Failure::Kind::refused, fmt::format("purchase {} was declined: {}", number, answer.code.view()));
    }

    Result<void> write() {
        const auto entries = m_core.take_entries();
        m_views.clear();
        for (const auto& e : entries) m_views.push_back({static_cast<std::uint16_t>(e.kind), e.body});
        if (auto written = m_journal.append(m_views, m_now_ns); !written) return tl::unexpected(written.error());
        m_now_ns = m_clock.wall_ns();
        m_time = switching::transmission_time(m_now_ns);
        return m_journal.checkpoint_due(false) ? m_journal.checkpoint() : Result<void>{};
    }

    Currency m_currency;
    SystemClock m_clock;
    SystemRandom m_random;
    journal::Journal m_journal;
    switching::State m_state;
    switching::Core m_core;
    std::uint64_t m_now_ns = m_clock.wall_ns();
    FixedText<10> m_time = switching::transmission_time(m_now_ns);
    std::vector<Card> m_cards;
    std::vector<entry::TerminalAdded> m_terminals;
    std::vector<journal::EntryView> m_views;
};

Result<void> run(const std::string& dir, std::uint64_t entries) {
    const config::Paths paths{dir};
    auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    auto journal = journal::Journal::open(paths.journal());
    if (!journal) return tl::unexpected(journal.error());
    return std::make_unique<Filler>(std::move(*config), std::move(*journal))->fill(entries);
}
}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t entries = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
    if (entries == 0) {
        std::fprintf(stderr, "usage: giro-bench-fill DIR ENTRIES\n");
        return 2;
    }
    if (auto done = run(argv[1], entries); !done) {
        std::fprintf(stderr, "giro-bench-fill: %s\n", done.error().what.c_str());
        return done.error().exit_code();
    }
    return 0;
}
