#include "tests/sim/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "chain/store.hpp"
#include "tests/sim/actors.hpp"
#include "tests/sim/follower.hpp"
#include "tests/sim/nemesis.hpp"
#include "tests/sim/os/bus.hpp"
#include "tests/sim/os/disk_space.hpp"
#include "tests/sim/routes.hpp"
#include "tests/sim/token/control.hpp"
#include "util/hash.hpp"

namespace giro::sim {

namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kProvision_ns = 120 * kSecond;
constexpr std::uint64_t kLiveness_ns = 300 * kSecond;
constexpr std::uint64_t kLivenessSabotaged_ns = 40 * kSecond;  // a seeded bug may well keep things from their end
constexpr std::ptrdiff_t kViolationsOfOneKindMax = 3;
constexpr std::uint64_t kNoEventLimit = UINT64_MAX >> 1;

class Run {
  public:
    explicit Run(const Order& order)
        : m_order(order),
          m_template(box_template(order.scratch)),
          m_world(order.seed),
          m_folder(order.scratch / "box"),
          m_box(m_world, m_template, fresh(m_folder), order.seed),
          m_out(m_box, m_weather, m_ears) {
        if (order.trace) {
            m_world.set_trace([this](std::string_view line) {
                m_order.trace(fmt::format("{:>10.3f} ms  {}", double(m_world.time_ns()) / 1e6, line));
            });
        }
        m_world.on_log = [this](std::string_view who, std::string_view line) {
            m_logs += line;
            if (m_order.trace) m_world.trace(fmt::format("{}: {}", who, line.substr(0, line.size() - 1)));
        };
        for (const auto& link : m_box.config().links) m_hosts.push_back(std::make_unique<HostActor>(m_out, link));
        for (std::uint32_t i = 1; i <= kTerminals; ++i) m_tills.push_back(std::make_unique<TerminalActor>(m_out, i));
        for (std::uint32_t i = 1; i <= kWallets; ++i) m_wallets.push_back(std::make_unique<WalletActor>(m_out, i));
        std::vector<WalletActor*> wallets;
        for (const auto& w : m_wallets) wallets.push_back(w.get());
        for (const auto& w : m_wallets) {
            w->others = wallets;
            for (const auto& t : m_tills) w->tills.push_back(t.get());
        }
        m_clerk = std::make_unique<Clerk>(m_out, wallets);
        m_nemesis = std::make_unique<Nemesis>(m_out, m_hosts, m_verdict.faults);
        gather_secrets();
    }

    Verdict run() {
        m_box.on_switch_recovered = [this] { check_recovery(); };
        m_box.on_stopped_for_good = [this](const Role& role, const Failure& failure) {
            blame(0, "no fault stops the box for good",
                  fmt::format("{} ended with {}: {}", role.process.name, failure.exit_code(), failure.what));
        };
        m_box.start_all();
        m_clerk->start();
        if (!reach([this] { return m_clerk->provisioned(); }, kProvision_ns))
            blame(0, "a box can be set up", "it was not");
        for (const auto& t : m_tills) t->start();
        for (const auto& w : m_wallets) w->start();
        m_nemesis->start();
        m_world.run(UINT64_MAX, m_order.steps);
        m_nemesis->heal();
        live();
        finish();
        return std::move(m_verdict);
    }

  private:
    static fs::path fresh(const fs::path& folder) {
        fs::remove_all(folder);
        return folder;
    }

    void gather_secrets() {
        for (const auto bin : kBins)
            for (std::uint32_t i = 1; i <= kCardsPerBank + 1; ++i) m_out.secrets.push_back(demo::pan(bin, i));
        for (const auto& [name, key] : m_template.terminal_keys) {
            m_out.secrets.push_back(std::string(as_text(key.reveal())));
            m_out.secrets.push_back(to_hex(key.reveal()));
        }
    }

    void blame(int invariant, std::string sentence, std::string what) {
        if (m_order.trace) m_world.trace("VIOLATION " + sentence + ": " + what);
        const auto same = std::ranges::count(m_verdict.violations, sentence, &Violation::sentence);
        if (same < kViolationsOfOneKindMax)
            m_verdict.violations.push_back({invariant, std::move(sentence), std::move(what)});
        if (!m_stopping) m_world.end();  // what is being stopped must come to its end
    }

    // Runs until `done` or for so long.
    bool reach(const std::function<bool()>& done, std::uint64_t within_ns) {
        const std::uint64_t until = m_world.time_ns() + within_ns;
        while (!done() && m_world.time_ns() < until && !m_world.ended())
            m_world.run(m_world.time_ns() + 500 * kMillisecond, kNoEventLimit);
        return done();
    }

    void check_recovery() {
        const auto journal = Evidence::read(m_box.paths().journal());
        if (!journal) return blame(5, "the journal can be read", journal.error().what);
        report(check_all({m_box, m_ears, *journal, host_books()}));
    }

    std::vector<HostBooks> host_books() const {
        std::vector<HostBooks> all;
        for (const auto& host : m_hosts) all.push_back({host->link(), &host->seen()});
        return all;
    }

    void report(const std::vector<Violation>& violations) {
        for (const auto& v : violations) blame(v.invariant, v.sentence, v.what);
    }

    // Once nothing is broken any more, everything that was begun comes to its end.
    void live() {
        if (m_world.ended()) return;
        std::string waits;
        const auto done = [&] {
            waits = what_waits();
            return waits.empty();
        };
        if (!reach(done, sabotage() == Sabotage::none ? kLiveness_ns : kLivenessSabotaged_ns))
            blame(0, "after the faults are mended everything completes", waits);
        m_at_rest = waits.empty();
    }

    std::string what_waits() {
        for (std::size_t i = 0; i < kRoles; ++i) {
            const Role& role = m_box.role(static_cast<RoleId>(i));
            if (!role.serving) return role.process.name + " does not serve";
        }
        for (const auto& t : m_tills)
            if (!t->at_rest()) return "terminal " + t->state();
        for (const auto& w : m_wallets)
            if (!w->at_rest()) return "a wallet waits for its answer";
        const auto journal = Evidence::read(m_box.paths().journal());
        if (!journal) return journal.error().what;
        if (const auto& all = journal->state.all_outstanding(); !all.empty())
            return fmt::format("{} payments are outstanding at their issuers, entry {} with link {} the first", all.size(), all.begin()->first,
                               all.begin()->second.payment.link);
        if (!m_clerk->everything_settled()) return "a window is not settled";
        return {};
    }

    void finish() {
        m_clerk->stop();
        m_ended_early = m_world.ended();
        if (!m_ended_early)
            m_world.run(m_world.time_ns() + 2 * kSecond, kNoEventLimit);  // the second node, the last checkpoint
        m_world.resume();
        m_stopping = true;
        m_box.stop_all();
        if (sabotage() == Sabotage::edited_journal) edit_journal();
        if (!m_ended_early || sabotage() != Sabotage::none) final_checks();
        sum_up();
    }

    void final_checks() {
        const auto journal = Evidence::read(m_box.paths().journal());
        if (!journal)
            return blame(5, "the journal has no gap, and the signed checkpoints are its own", journal.error().what);
        const auto first = replay(m_box.paths().chain());
        const auto second = replay(Follower::database(m_box.paths()));
        if (!first || !second)
            return blame(7, "the chain can be read", !first ? first.error().what : second.error().what);
        report(check_all(
            {m_box, m_ears, *journal, host_books(), &*first, &*second, &m_logs, &m_out.secrets, m_at_rest}));
        m_verdict.entries = journal->entries.size();
        m_verdict.forgotten = static_cast<std::uint64_t>(
            std::ranges::count(journal->entries, entry::Kind::forgotten, &JournalEntry::kind));
        m_verdict.stood_in = journal->stood_in.size();
        m_verdict.forwarded = static_cast<std::uint64_t>(
            std::ranges::count(journal->payments, entry::Outcome::forwarded, [](const PaymentStory& p) { return p.payment.outcome; }));
        for (const auto& [window, record] : journal->book.windows())
            if (record.confirmation) ++m_verdict.windows_settled;
        for (const std::byte b : journal->state.digest()) m_world.mix(std::to_integer<std::uint64_t>(b));
        for (const std::byte b : first->tip().hash) m_world.mix(std::to_integer<std::uint64_t>(b));
    }

    // One bit of an entry's body, wherever it lies.
    void edit_journal() {
        const auto journal = Evidence::read(m_box.paths().journal());
        ASSERT(journal && !journal->entries.empty());
        const Buffer& body = journal->entries[m_world.random.below(journal->entries.size())].body;
        for (const char* name : {"journal.db", "journal.db-wal"}) {
            const Bytes file = m_box.switch_disk().bytes(name);
            const auto found = std::search(file.begin(), file.end(), body.begin(), body.end());
            if (found != file.end())
                m_box.switch_disk().flip(name, static_cast<std::uint64_t>(found - file.begin()), std::byte{4});
        }
    }

    Result<chain::ChainState> replay(const fs::path& database) {
        auto store = chain::ChainStore::open(database, {m_template.bundle.block.script});
        if (!store) return tl::unexpected(store.error());
        return store->replay();
    }

    void sum_up() {
        auto& f = m_verdict.faults;
        f.lost = m_weather.lost;
        f.duplicated = m_weather.duplicated;
        f.routes_changed = m_weather.routes_changed;
        f.cards_blocked = m_weather.cards_blocked;
        f.parked = m_weather.parked;
        f.shed = m_weather.shed;
        f.delayed = network_faults().delayed + bus_faults().slowed;
        f.streams_cut = network_faults().cut;
        f.bus_slowed = bus_faults().slowed;
        for (const test::Disk* disk : {&m_box.switch_disk(), &m_box.chain_disk(), &m_box.follower_disk()}) {
            const test::DiskCounts& counts = disk->counts();
            f.disk += counts.faults;
            f.writes_lost += counts.crashed.lost;
            f.writes_torn += counts.crashed.torn;
            f.writes_misdirected += counts.crashed.misdirected;
        }
        f.token_errors = test::test_token().faults();
        m_verdict.answers = m_ears.all().size();
        m_verdict.approved = static_cast<std::uint64_t>(std::ranges::count_if(
            m_ears.all(), [](const Heard& h) { return !h.reversal && h.code == "00"; }));
        m_verdict.events = m_world.events();
        m_verdict.virtual_ms = m_world.time_ns() / kMillisecond;
        m_verdict.digest = m_world.digest();
    }

    const Order& m_order;
    const Template& m_template;
    World m_world;
    fs::path m_folder;
    Box m_box;
    Weather m_weather;
    Ears m_ears;
    Outside m_out;
    std::vector<std::unique_ptr<HostActor>> m_hosts;
    std::vector<std::unique_ptr<TerminalActor>> m_tills;
    std::vector<std::unique_ptr<WalletActor>> m_wallets;
    std::unique_ptr<Clerk> m_clerk;
    std::unique_ptr<Nemesis> m_nemesis;
    std::string m_logs;
    Verdict m_verdict;
    bool m_at_rest = false;
    bool m_ended_early = false;
    bool m_stopping = false;
};
}  // namespace

Verdict simulate(const Order& order) {
    Verdict verdict;
    static_cast<void>(box_template(order.scratch));  // made without the bug
    set_sabotage(order.sabotage);
    {
        auto run = std::make_unique<Run>(order);
        verdict = run->run();
    }
    set_sabotage(Sabotage::none);
    set_disk_free(kDiskRoomy_bytes);
    reset_bus();
    reset_network();
    return verdict;
}

}  // namespace giro::sim
