#include "appliance/giro/pos_load.hpp"

#include <event2/event.h>
#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <limits>
#include <map>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_chip.hpp"
#include "appliance/giro/pos_mischief.hpp"
#include "appliance/giro/pos_trace.hpp"
#include "appliance/giro/wallet_file.hpp"

namespace giro::pos {

namespace {
constexpr std::uint64_t kTickMs = 50;               // timeouts, progress, mischief
constexpr std::uint64_t kWakeMinNs = 300'000;       // an open loop wakes at most so often: payments leave in small groups
constexpr std::size_t kQrWaitingMax = 1024;         // QR payments that wait for their wallet
constexpr std::uint64_t kCountersAtATime = 1000;
constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();  // payments, of a closed loop

struct Card {
    CardName name;
    Pan pan;
};

Card demo_card(const std::string& bin, std::uint32_t index) {
    const auto pan = Pan::parse(demo::pan(bin, index));
    ASSERT(pan);
    return {{bin, index}, *pan};
}

// One terminal's part of the run.
struct Seat {
    std::unique_ptr<Station> station;
    Job job = Job::card;
    int wallet = -1;           // index of the wallet that is paying here
    std::uint8_t steps = 0;    // kRepeat, kReverse, kReverseLate: still to do for this payment
    ResponseCode code;         // of the sale, for the comparison with its repeat
    AuthCode auth_code;
    Buffer chip;
    const Card* card = nullptr;
    ChipUse use;               // of its card's chip; empty: none
};
constexpr std::uint8_t kRepeat = 1, kReverse = 2, kReverseLate = 4;

class LoadRun final : public Observer {
  public:
    LoadRun(const Scenario& scenario, const Equipment& equipment)
        : m_scenario(scenario), m_equipment(equipment), m_shared(equipment.dialect, m_random),
          m_chips(equipment.paths.demo(), equipment.config), m_tick(m_loop, [this] { tick(); }) {}
    ~LoadRun() override {
        if (m_wake != nullptr) event_free(m_wake);
        if (m_timer_fd >= 0) ::close(m_timer_fd);
    }

    Result<Report> run() {
        if (auto prepared = prepare(); !prepared) return tl::unexpected(prepared.error());
        m_loop.handle_stop_signals([this] { stop(); });
        m_tick.every(kTickMs);
        m_last_heard_ns = m_created_ns = m_equipment.clock.monotonic_ns();
        m_loop.run();
        m_progress.clear();
        if (m_trace) m_trace->flush();
        if (m_failure) return tl::unexpected(*m_failure);
        finish_report();
        return std::move(m_report);
    }

  private:
    // --- before the run ---------------------------------------------------------------------------
    Result<void> prepare() {
        make_cards();
        for (const std::string& name : m_scenario.wallets) {
            auto wallet = customer::WalletFile::open(m_equipment.paths, name);
            if (!wallet) return tl::unexpected(wallet.error());
            wallet->set_counters_at_a_time(m_scenario.count == 1 ? 1 : kCountersAtATime);
            m_wallets.push_back(std::move(*wallet));
            m_free_wallets.push_back(static_cast<int>(m_wallets.size()) - 1);
        }
        if (!m_scenario.trace_file.empty()) {
            auto trace = Trace::open(m_scenario.trace_file);
            if (!trace) return tl::unexpected(trace.error());
            m_trace = std::make_unique<Trace>(std::move(*trace));
        }
        m_jobs = m_scenario.count;
        if (m_jobs == 0 && m_scenario.rate > 0) m_jobs = payments_in(m_scenario.seconds, m_scenario.rate);
        if (m_jobs == 0) m_jobs = kNoEnd;
        m_timer_fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        ASSERT(m_timer_fd >= 0);
        m_wake = event_new(m_loop.base(), m_timer_fd, EV_READ | EV_PERSIST, &LoadRun::woken, this);
        ASSERT(m_wake != nullptr && event_add(m_wake, nullptr) == 0);
        return make_seats();
    }

    void make_cards() {
        for (const std::string& bin : m_scenario.bins) {
            for (std::uint32_t i = 1; i <= m_scenario.cards; ++i) m_cards.push_back(demo_card(bin, i));
            m_empty_cards.push_back(demo_card(bin, demo::kCardsPerBin));
        }
        if (!m_scenario.link_bin.empty())
            for (std::uint32_t i = 1; i <= m_scenario.cards; ++i) m_link_cards.push_back(demo_card(m_scenario.link_bin, i));
    }

    Result<void> make_seats() {
        std::vector<std::pair<Identity, Keys>> terminals;
        for (std::uint32_t i = 0; i < m_scenario.terminals; ++i) {
            Identity who = identity_of(m_equipment.config, m_scenario.first_terminal + i, m_scenario.dukpt);
            who.mac = m_scenario.mac.value_or(who.mac);
            auto key = terminal_keys_of(m_equipment.paths, who.terminal);
            if (!key) return tl::unexpected(key.error());
            terminals.emplace_back(who, std::move(*key));
        }
        const Bad& bad = m_scenario.bad;
        if (bad.silent + bad.cut_frames + bad.keep_alives != 0)
            m_mischief = std::make_unique<Mischief>(m_loop, m_equipment, m_scenario.address, bad);
        for (auto& [who, key] : terminals) {
            auto& seat = *m_seats.emplace_back(std::make_unique<Seat>());
            seat.station = std::make_unique<Station>(m_loop, m_equipment, m_scenario.address, who, std::move(key),
                                                     m_scenario.timeout_ms, m_shared, *this);
            m_seat_of[&seat.station->terminal()] = &seat;
        }
        return {};
    }

    // --- what the terminals say -------------------------------------------------------------------
    void ready(Terminal& terminal) override {
        m_last_heard_ns = m_equipment.clock.monotonic_ns();
        m_idle.push_back(&seat_of(terminal));
        if (++m_ready == m_seats.size()) start();
    }

    void failed(Terminal&, const std::string& why) override { stop_with(Failure::Kind::refused, why); }

    void odd(Terminal&, Oddity oddity) override {
        switch (oddity) {
            case Oddity::mac_failure: ++m_report.mac_failures; break;
            case Oddity::mismatch: ++m_report.mismatches; break;
            case Oddity::late: ++m_report.late; break;
            case Oddity::malformed: ++m_report.malformed; break;
            case Oddity::unproven: break;  // its outcome is counted
        }
    }

    void done(Terminal& terminal, const Outcome& outcome) override {
        const Now now = m_equipment.now();
        m_last_heard_ns = outcome.answered ? now.monotonic_ns : m_last_heard_ns;
        if (m_trace) m_trace->outcome(terminal, outcome);
        Seat& seat = seat_of(terminal);
        switch (outcome.kind) {
            case Kind::sale:
            case Kind::echo: sale_done(seat, outcome, now); break;
            case Kind::repeat: repeat_done(seat, outcome); break;
            case Kind::reversal: reversal_done(outcome); break;
            case Kind::network:
            case Kind::notice:
            case Kind::reconciliation: break;
        }
        if (!terminal.ready()) return;  // its forced reversal is under way
        next_step(seat, now);
        if (!terminal.ready()) return;
        m_ended_ns = now.monotonic_ns;
        if (seat.steps == 0) free_wallet(seat);
        const std::uint64_t pause_ms = seat.steps != 0 ? m_scenario.bad.late_ms : m_scenario.think_ms;
        if (pause_ms != 0) rest(seat, now.monotonic_ns + pause_ms * 1'000'000);
        else go_on(seat, now);
        pump(now);
    }

    void rest(Seat& seat, std::uint64_t until_ns) {
        m_thinking += seat.steps == 0 ? 1 : 0;
        m_resting.emplace(until_ns, &seat);
    }

    // After a pause, or without one: what is left to do for its payment, or the next.
    void go_on(Seat& seat, Now now) {
        if (seat.steps == 0) return m_idle.push_back(&seat);
        seat.steps = 0;
        seat.station->terminal().reverse(seat.station->terminal().last_sale(), now);
    }

    void wake_rested(Now now) {
        while (!m_resting.empty() && m_resting.begin()->first <= now.monotonic_ns) {
            Seat& seat = *m_resting.begin()->second;
            m_resting.erase(m_resting.begin());
            m_thinking -= seat.steps == 0 ? 1 : 0;
            go_on(seat, now);
        }
    }

    void sale_done(Seat& seat, const Outcome& outcome, Now now) {
        if (!outcome.answered) {
            if (outcome.unproven.empty()) ++m_report.timeouts;
            else ++code_count(outcome.unproven);
            seat.steps = 0;
            return;
        }
        ++m_report.answered;
        ++(outcome.approved() ? m_report.approved : m_report.declined);
        ++code_count(outcome.code);
        m_report.latency_ns.record(outcome.latency_ns);
        m_ended_ns = now.monotonic_ns;
        seat.code = outcome.code;
        seat.auth_code = outcome.auth_code;
        seat.chip = outcome.chip;
        chip_answered(seat, outcome);
        if (!outcome.approved()) seat.steps = static_cast<std::uint8_t>(seat.steps & ~(kReverse | kReverseLate));
    }

    // An approval of an online payment must bring the issuer's answer, a refusal may.
    void chip_answered(const Seat& seat, const Outcome& outcome) {
        if (seat.use.empty()) return;
        ++m_report.chips;
        const auto verdict = m_chips.check(seat.card->name.bin, seat.card->name.index, seat.use, outcome.chip, outcome.approved());
        const bool due = outcome.approved() && seat.use.purchase.type == payment::ChipAnswer::arqc;
        if (verdict == ChipCards::Verdict::issuer_answers) ++m_report.chips_issuer_answers;
        else if (verdict == ChipCards::Verdict::wrong || due) ++m_report.chips_wrong_answers;
    }

    void repeat_done(const Seat& seat, const Outcome& outcome) {
        if (!outcome.answered) return;
        ++m_report.duplicates;
        if (outcome.code == seat.code && outcome.auth_code == seat.auth_code && outcome.chip == seat.chip) ++m_report.duplicates_same_answer;
    }

    void reversal_done(const Outcome& outcome) {
        ++(outcome.approved() ? m_report.reversals : m_report.reversals_refused);
        if (outcome.forced) ++m_report.reversals_forced;
    }

    void next_step(Seat& seat, Now now) {
        Terminal& terminal = seat.station->terminal();
        if ((seat.steps & kRepeat) != 0) {
            seat.steps = static_cast<std::uint8_t>(seat.steps & ~kRepeat);
            terminal.repeat_sale(now);
        } else if ((seat.steps & kReverse) != 0) {
            seat.steps = 0;
            terminal.reverse(terminal.last_sale(), now, {.advice = seat.job == Job::advice});
        }
    }

    // --- payments ---------------------------------------------------------------------------------
    void start() {
        const Now now = m_equipment.now();
        m_started_ns = m_ended_ns = now.monotonic_ns;
        m_stop_at_ns = m_scenario.seconds == 0 ? std::numeric_limits<std::uint64_t>::max()
                                               : m_started_ns + m_scenario.seconds * 1'000'000'000;
        // The last payment of an open loop is meant for just before the end; the loop wakes for it a little later.
        if (m_scenario.seconds != 0 && m_scenario.rate > 0) m_stop_at_ns += kTickMs * 1'000'000;
        pump(now);
    }

    // Gives idle terminals what is due. A late payment keeps the time it was meant for.
    void pump(Now now) {
        if (m_started_ns == 0) return check_end();
        wake_rested(now);
        m_due_ns = kNoEnd;
        if (!m_stopping) send_due(now);
        const std::uint64_t next_ns = m_resting.empty() ? m_due_ns : std::min(m_due_ns, m_resting.begin()->first);
        if (next_ns != kNoEnd) wake_at(next_ns);
        check_end();
    }

    void send_due(Now now) {
        if (now.monotonic_ns >= m_stop_at_ns) stop_sending();
        while (!m_idle.empty()) {
            if (!m_qr_waiting.empty() && !m_free_wallets.empty()) {
                const std::uint64_t meant = m_qr_waiting.front();
                m_qr_waiting.pop_front();
                pay(Job::qr, meant, now);
                continue;
            }
            const auto meant = next_due(now);
            if (!meant) break;
            const Job job = m_scenario.mix.of(m_next++);
            if (job == Job::qr && !m_scenario.echo && m_free_wallets.empty()) m_qr_waiting.push_back(*meant);
            else pay(job, *meant, now);
        }
    }

    // The time is over: what the box was too slow to take stays unsent, and is told.
    void stop_sending() {
        if (m_jobs != kNoEnd) m_report.not_sent += m_jobs - m_next;
        m_report.not_sent += m_qr_waiting.size();
        m_jobs = m_next;
        m_qr_waiting.clear();
    }

    std::optional<std::uint64_t> next_due(Now now) {
        if (m_next >= m_jobs || m_qr_waiting.size() >= kQrWaitingMax) return std::nullopt;
        if (m_scenario.rate <= 0) return now.monotonic_ns;
        const std::uint64_t meant = m_started_ns + meant_after_ns(m_next, m_scenario.rate);
        if (meant <= now.monotonic_ns) return meant;
        m_due_ns = std::max(meant, m_woken_ns + kWakeMinNs);
        return std::nullopt;
    }

    void pay(Job job, std::uint64_t meant_ns, Now now) {
        Seat& seat = *m_idle.front();
        m_idle.pop_front();
        Terminal& terminal = seat.station->terminal();
        const std::uint64_t number = m_report.sent++;
        seat.job = job;
        seat.steps = 0;
        if (m_scenario.echo) return terminal.echo(meant_ns, now);
        const Bad& bad = m_scenario.bad;
        const MinorUnits amount = amount_of(m_scenario, number);
        const bool spoilt = Bad::strikes(bad.wrong_mac, number, 0);
        if (Bad::strikes(bad.duplicate, number, 1)) seat.steps = kRepeat;
        if (job == Job::reversal || job == Job::advice) seat.steps |= kReverse;
        else if (job != Job::offline && Bad::strikes(bad.late_reversal, number, 2)) seat.steps |= kReverseLate;
        if (job == Job::qr) return pay_by_code(seat, amount, spoilt, meant_ns, now);
        const std::vector<Card>& cards = job == Job::link ? m_link_cards : job == Job::decline ? m_empty_cards : m_cards;
        const Card& card = cards[m_next_card++ % cards.size()];
        seat.card = &card;
        seat.use = {};
        if (job != Job::link && Bad::strikes(m_scenario.emv, number, 5) && !read_chip(seat, amount, number, now)) return;
        CardData data;
        data.chip = seat.use.field;
        if (job == Job::offline) terminal.sell_offline(card.pan, amount, spoilt, meant_ns, now, std::move(data));
        else terminal.sell(card.pan, {}, amount, spoilt, meant_ns, now, typed_pin(card, number), std::move(data));
        if (m_trace) m_trace->sale(terminal, card.name);
    }

    // False: the run ends, for there is no such chip.
    bool read_chip(Seat& seat, MinorUnits amount, std::uint64_t number, Now now) {
        const auto type = seat.job == Job::offline ? payment::ChipAnswer::tc : payment::ChipAnswer::arqc;
        auto use = m_chips.use(seat.card->name.bin, seat.card->name.index, type, amount, m_equipment.config.currency, now.wall_ns, m_random);
        if (!use) return stop_with(use.error().kind, use.error().what), false;
        seat.use = std::move(*use);
        if (Bad::strikes(m_scenario.bad.wrong_chip, number, 6)) ChipCards::spoil(seat.use);
        return true;
    }

    [[nodiscard]] std::string typed_pin(const Card& card, std::uint64_t number) const {
        if (!Bad::strikes(m_scenario.pins, number, 3)) return {};
        std::string pin = demo::pin(card.name.bin, card.name.index);
        if (Bad::strikes(m_scenario.bad.wrong_pin, number, 4)) pin.back() = pin.back() == '0' ? '1' : '0';
        return pin;
    }

    void pay_by_code(Seat& seat, MinorUnits amount, bool spoilt, std::uint64_t meant_ns, Now now) {
        seat.wallet = m_free_wallets.front();
        m_free_wallets.pop_front();
        seat.use = {};
        Terminal& terminal = seat.station->terminal();
        auto code = m_wallets[static_cast<std::size_t>(seat.wallet)].present(
            terminal.identity().merchant, {amount, m_equipment.config.currency}, m_equipment.clock, m_random);
        if (!code) return stop_with(code.error().kind, code.error().what);
        terminal.sell({}, std::move(*code), amount, spoilt, meant_ns, now);
        if (m_trace) m_trace->sale(terminal, {});
    }

    void free_wallet(Seat& seat) {
        if (seat.wallet >= 0) m_free_wallets.push_back(seat.wallet);
        seat.wallet = -1;
    }

    void check_end() {
        const bool all_sent = m_stopping || (m_started_ns != 0 && m_next >= m_jobs && m_qr_waiting.empty());
        if (all_sent && m_idle.size() + m_thinking == m_ready) m_loop.stop();
    }

    // --- time -------------------------------------------------------------------------------------
    void wake_at(std::uint64_t monotonic_ns) {
        itimerspec spec{};
        spec.it_value.tv_sec = static_cast<time_t>(monotonic_ns / 1'000'000'000);
        spec.it_value.tv_nsec = static_cast<long>(monotonic_ns % 1'000'000'000);
        ASSERT(::timerfd_settime(m_timer_fd, TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
    }

    static void woken(int fd, short, void* self) {
        std::uint64_t expirations = 0;
        if (::read(fd, &expirations, sizeof expirations) < 0) return;
        auto& run = *static_cast<LoadRun*>(self);
        const Now now = run.m_equipment.now();
        run.m_woken_ns = now.monotonic_ns;
        run.pump(now);
    }

    void tick() {
        const Now now = m_equipment.now();
        for (const auto& seat : m_seats) seat->station->terminal().tick(now);
        const std::uint64_t timeout_ns = m_scenario.timeout_ms * 1'000'000;
        if (m_started_ns == 0 && now.monotonic_ns - m_created_ns > timeout_ns) return stop_with(Failure::Kind::try_again, why_not_started());
        if (m_mischief) m_mischief->tick(now.monotonic_ns);
        if (m_started_ns != 0 && m_idle.size() + m_resting.size() != m_ready && now.monotonic_ns - m_last_heard_ns > 2 * timeout_ns + m_scenario.timeout_ms)
            m_loop.stop();
        pump(now);
        if (m_started_ns != 0) m_progress.show(m_report, m_started_ns, now.monotonic_ns);
        if (m_trace) m_trace->flush();
    }

    [[nodiscard]] std::string why_not_started() const {
        for (const auto& seat : m_seats) {
            if (seat->station->terminal().state() == Terminal::State::ready) continue;
            const std::string& error = seat->station->last_error();
            return fmt::format("terminal {} could not sign on at {}:{} within {} ms ({}); is the box up? (giro up)",
                               seat->station->terminal().identity().terminal.view(), m_scenario.address.host,
                               m_scenario.address.port, m_scenario.timeout_ms, error.empty() ? "no answer" : error);
        }
        return "the terminals did not start";
    }

    void stop() {
        if (m_stopping) m_loop.stop();  // asked twice: at once
        m_stopping = true;
        check_end();
    }

    void stop_with(Failure::Kind kind, std::string why) {
        if (!m_failure) m_failure = Failure{kind, std::move(why)};
        m_loop.stop();
    }

    void finish_report() {
        m_report.seconds = static_cast<double>(m_ended_ns - m_started_ns) / 1e9;
        for (const auto& seat : m_seats) {
            m_report.connections_lost += seat->station->connections_lost();
            if (seat->station->terminal().busy()) ++m_report.unresolved;
        }
        if (!m_mischief) return finish_codes();
        const Mischief::Totals did = m_mischief->totals();
        m_report.frames_cut = did.frames_cut;
        m_report.keep_alives_sent = did.keep_alives_sent;
        m_report.keep_alives_heard = did.keep_alives_heard;
        m_report.hung_up = did.hung_up;
        finish_codes();
    }

    void finish_codes() {
        for (std::size_t i = 0; i < m_code_counts.size(); ++i)
            if (m_code_counts[i].second != 0) m_report.by_code[m_code_counts[i].first.str()] = m_code_counts[i].second;
    }

    // A handful of codes: a search through them is quicker than a map of strings.
    std::uint64_t& code_count(const ResponseCode& code) {
        for (auto& [known, count] : m_code_counts)
            if (known == code) return count;
        return m_code_counts.emplace_back(code, 0).second;
    }

    Seat& seat_of(const Terminal& terminal) { return *m_seat_of.at(&terminal); }

    const Scenario& m_scenario;
    const Equipment& m_equipment;
    SystemRandom m_random;
    bus::Loop m_loop;
    Shared m_shared;
    ChipCards m_chips;
    bus::Timer m_tick;
    int m_timer_fd = -1;
    event* m_wake = nullptr;
    std::unique_ptr<Trace> m_trace;
    std::unique_ptr<Mischief> m_mischief;
    std::vector<Card> m_cards, m_link_cards, m_empty_cards;
    std::vector<customer::WalletFile> m_wallets;
    std::deque<int> m_free_wallets;
    std::vector<std::unique_ptr<Seat>> m_seats;
    std::map<const Terminal*, Seat*> m_seat_of;
    std::deque<Seat*> m_idle;                 // longest idle first
    std::multimap<std::uint64_t, Seat*> m_resting;  // by the end of its pause; not among the idle
    std::size_t m_thinking = 0;               // of those, between two payments
    std::uint64_t m_due_ns = 0;               // when the next payment of an open loop is
    std::deque<std::uint64_t> m_qr_waiting;   // the times they were meant for
    std::size_t m_ready = 0;
    std::uint64_t m_next = 0;                 // number of the next payment
    std::uint64_t m_jobs = 0;                 // payments in all
    std::size_t m_next_card = 0;
    std::uint64_t m_created_ns = 0, m_started_ns = 0, m_ended_ns = 0, m_stop_at_ns = 0, m_last_heard_ns = 0, m_woken_ns = 0;
    bool m_stopping = false;
    std::vector<std::pair<ResponseCode, std::uint64_t>> m_code_counts;
    std::optional<Failure> m_failure;
    Report m_report;
    Progress m_progress;
};
}  // namespace

Result<Report> run_load(const Scenario& scenario, const Equipment& equipment) {
    return std::make_unique<LoadRun>(scenario, equipment)->run();
}

}  // namespace giro::pos
