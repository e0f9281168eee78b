#include "appliance/giro/pos_load.hpp"

#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_load_run.hpp"

namespace giro::pos {

namespace {
constexpr std::uint64_t kTickMs = 50;               // timeouts, progress, mischief
constexpr std::uint64_t kCountersAtATime = 1000;

Card demo_card(const std::string& bin, std::uint32_t index) {
    const auto pan = Pan::parse(demo::pan(bin, index));
    ASSERT(pan);
    return {{bin, index}, *pan};
}
}  // namespace

LoadRun::LoadRun(const Scenario& scenario, const Equipment& equipment)
    : m_scenario(scenario), m_equipment(equipment), m_shared(equipment.dialect, m_random),
      m_chips(equipment.paths.demo(), equipment.config), m_tick(m_loop, [this] { tick(); }) {}

LoadRun::~LoadRun() {
    if (m_wake != nullptr) event_free(m_wake);
    if (m_timer_fd >= 0) ::close(m_timer_fd);
}

Result<Report> LoadRun::run() {
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

Result<void> LoadRun::prepare() {
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

void LoadRun::make_cards() {
    for (const std::string& bin : m_scenario.bins) {
        for (std::uint32_t i = 1; i <= m_scenario.cards; ++i) m_cards.push_back(demo_card(bin, i));
        m_empty_cards.push_back(demo_card(bin, demo::kCardsPerBin));
    }
    if (!m_scenario.link_bin.empty())
        for (std::uint32_t i = 1; i <= m_scenario.cards; ++i) m_link_cards.push_back(demo_card(m_scenario.link_bin, i));
}

Result<void> LoadRun::make_seats() {
    std::vector<std::pair<Identity, Keys>> terminals;
    for (std::uint32_t i = 0; i < m_scenario.terminals; ++i) {
        Identity who = identity_of(m_equipment.config, m_scenario.first_terminal + i, m_scenario.dukpt);
        who.mac = m_scenario.mac.value_or(who.mac);
        who.pin = m_scenario.pin_block;
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

void LoadRun::start() {
    const Now now = m_equipment.now();
    m_started_ns = m_ended_ns = now.monotonic_ns;
    m_stop_at_ns = m_scenario.seconds == 0 ? std::numeric_limits<std::uint64_t>::max()
                                           : m_started_ns + m_scenario.seconds * 1'000'000'000;
    // The last payment of an open loop is meant for just before the end; the loop wakes for it a little later.
    if (m_scenario.seconds != 0 && m_scenario.rate > 0) m_stop_at_ns += kTickMs * 1'000'000;
    pump(now);
}

// Gives idle terminals what is due. A late payment keeps the time it was meant for.
void LoadRun::pump(Now now) {
    if (m_started_ns == 0) return check_end();
    wake_rested(now);
    m_due_ns = kNoEnd;
    if (!m_stopping) send_due(now);
    const std::uint64_t next_ns = m_resting.empty() ? m_due_ns : std::min(m_due_ns, m_resting.begin()->first);
    if (next_ns != kNoEnd) wake_at(next_ns);
    check_end();
}

void LoadRun::check_end() {
    const bool all_sent = m_stopping || (m_started_ns != 0 && m_next >= m_jobs && m_qr_waiting.empty());
    if (all_sent && m_idle.size() + m_thinking == m_ready) m_loop.stop();
}

void LoadRun::wake_at(std::uint64_t monotonic_ns) {
    itimerspec spec{};
    spec.it_value.tv_sec = static_cast<time_t>(monotonic_ns / 1'000'000'000);
    spec.it_value.tv_nsec = static_cast<long>(monotonic_ns % 1'000'000'000);
    ASSERT(::timerfd_settime(m_timer_fd, TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

void LoadRun::woken(int fd, short, void* self) {
    std::uint64_t expirations = 0;
    if (::read(fd, &expirations, sizeof expirations) < 0) return;
    auto& run = *static_cast<LoadRun*>(self);
    const Now now = run.m_equipment.now();
    run.m_woken_ns = now.monotonic_ns;
    run.pump(now);
}

void LoadRun::tick() {
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

std::string LoadRun::why_not_started() const {
    for (const auto& seat : m_seats) {
        if (seat->station->terminal().state() == Terminal::State::ready) continue;
        const std::string& error = seat->station->last_error();
        return fmt::format("terminal {} could not sign on at {}:{} within {} ms ({}); is the box up? (giro up)",
                           seat->station->terminal().identity().terminal.view(), m_scenario.address.host,
                           m_scenario.address.port, m_scenario.timeout_ms, error.empty() ? "no answer" : error);
    }
    return "the terminals did not start";
}

void LoadRun::stop() {
    if (m_stopping) m_loop.stop();  // asked twice: at once
    m_stopping = true;
    check_end();
}

void LoadRun::stop_with(Failure::Kind kind, std::string why) {
    if (!m_failure) m_failure = Failure{kind, std::move(why)};
    m_loop.stop();
}

void LoadRun::finish_report() {
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

void LoadRun::finish_codes() {
    for (std::size_t i = 0; i < m_code_counts.size(); ++i)
        if (m_code_counts[i].second != 0) m_report.by_code[m_code_counts[i].first.str()] = m_code_counts[i].second;
}

Result<Report> run_load(const Scenario& scenario, const Equipment& equipment) {
    return std::make_unique<LoadRun>(scenario, equipment)->run();
}

}  // namespace giro::pos
