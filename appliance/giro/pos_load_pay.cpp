// What the terminals of a run pay, each when its time has come, and what they say became of it.
#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_load_run.hpp"

namespace giro::pos {

namespace {
constexpr std::uint64_t kWakeMinNs = 300'000;       // an open loop wakes at most so often: payments leave in small groups
constexpr std::size_t kQrWaitingMax = 1024;         // QR payments that wait for their wallet
constexpr std::uint8_t kRepeat = 1, kReverse = 2, kReverseLate = 4;
}  // namespace

void LoadRun::ready(Terminal& terminal) {
    m_last_heard_ns = m_equipment.clock.monotonic_ns();
    m_idle.push_back(&seat_of(terminal));
    if (++m_ready == m_seats.size()) start();
}

void LoadRun::odd(Terminal&, Oddity oddity) {
    switch (oddity) {
        case Oddity::mac_failure: ++m_report.mac_failures; break;
        case Oddity::mismatch: ++m_report.mismatches; break;
        case Oddity::late: ++m_report.late; break;
        case Oddity::malformed: ++m_report.malformed; break;
        case Oddity::unproven: break;  // its outcome is counted
    }
}

void LoadRun::done(Terminal& terminal, const Outcome& outcome) {
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

void LoadRun::rest(Seat& seat, std::uint64_t until_ns) {
    m_thinking += seat.steps == 0 ? 1 : 0;
    m_resting.emplace(until_ns, &seat);
}

// After a pause, or without one: what is left to do for its payment, or the next.
void LoadRun::go_on(Seat& seat, Now now) {
    if (seat.steps == 0) return m_idle.push_back(&seat);
    seat.steps = 0;
    seat.station->terminal().reverse(seat.station->terminal().last_sale(), now);
}

void LoadRun::wake_rested(Now now) {
    while (!m_resting.empty() && m_resting.begin()->first <= now.monotonic_ns) {
        Seat& seat = *m_resting.begin()->second;
        m_resting.erase(m_resting.begin());
        m_thinking -= seat.steps == 0 ? 1 : 0;
        go_on(seat, now);
    }
}

void LoadRun::sale_done(Seat& seat, const Outcome& outcome, Now now) {
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
void LoadRun::chip_answered(const Seat& seat, const Outcome& outcome) {
    if (seat.use.empty()) return;
    ++m_report.chips;
    const auto verdict = m_chips.check(seat.card->name.bin, seat.card->name.index, seat.use, outcome.chip, outcome.approved());
    const bool due = outcome.approved() && seat.use.purchase.type == payment::ChipAnswer::arqc;
    if (verdict == ChipCards::Verdict::issuer_answers) ++m_report.chips_issuer_answers;
    else if (verdict == ChipCards::Verdict::wrong || due) ++m_report.chips_wrong_answers;
}

void LoadRun::repeat_done(const Seat& seat, const Outcome& outcome) {
    if (!outcome.answered) return;
    ++m_report.duplicates;
    if (outcome.code == seat.code && outcome.auth_code == seat.auth_code && outcome.chip == seat.chip) ++m_report.duplicates_same_answer;
}

void LoadRun::reversal_done(const Outcome& outcome) {
    ++(outcome.approved() ? m_report.reversals : m_report.reversals_refused);
    if (outcome.forced) ++m_report.reversals_forced;
}

void LoadRun::next_step(Seat& seat, Now now) {
    Terminal& terminal = seat.station->terminal();
    if ((seat.steps & kRepeat) != 0) {
        seat.steps = static_cast<std::uint8_t>(seat.steps & ~kRepeat);
        terminal.repeat_sale(now);
    } else if ((seat.steps & kReverse) != 0) {
        seat.steps = 0;
        terminal.reverse(terminal.last_sale(), now, {.advice = seat.job == Job::advice});
    }
}

void LoadRun::send_due(Now now) {
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
void LoadRun::stop_sending() {
    if (m_jobs != kNoEnd) m_report.not_sent += m_jobs - m_next;
    m_report.not_sent += m_qr_waiting.size();
    m_jobs = m_next;
    m_qr_waiting.clear();
}

std::optional<std::uint64_t> LoadRun::next_due(Now now) {
    if (m_next >= m_jobs || m_qr_waiting.size() >= kQrWaitingMax) return std::nullopt;
    if (m_scenario.rate <= 0) return now.monotonic_ns;
    const std::uint64_t meant = m_started_ns + meant_after_ns(m_next, m_scenario.rate);
    if (meant <= now.monotonic_ns) return meant;
    m_due_ns = std::max(meant, m_woken_ns + kWakeMinNs);
    return std::nullopt;
}

void LoadRun::pay(Job job, std::uint64_t meant_ns, Now now) {
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
bool LoadRun::read_chip(Seat& seat, MinorUnits amount, std::uint64_t number, Now now) {
    const auto type = seat.job == Job::offline ? payment::ChipAnswer::tc : payment::ChipAnswer::arqc;
    auto use = m_chips.use(seat.card->name.bin, seat.card->name.index, type, amount, m_equipment.config.currency, now.wall_ns, m_random);
    if (!use) return stop_with(use.error().kind, use.error().what), false;
    seat.use = std::move(*use);
    if (Bad::strikes(m_scenario.bad.wrong_chip, number, 6)) ChipCards::spoil(seat.use);
    return true;
}

std::string LoadRun::typed_pin(const Card& card, std::uint64_t number) const {
    if (!Bad::strikes(m_scenario.pins, number, 3)) return {};
    std::string pin = demo::pin(card.name.bin, card.name.index);
    if (Bad::strikes(m_scenario.bad.wrong_pin, number, 4)) pin.back() = pin.back() == '0' ? '1' : '0';
    return pin;
}

void LoadRun::pay_by_code(Seat& seat, MinorUnits amount, bool spoilt, std::uint64_t meant_ns, Now now) {
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

void LoadRun::free_wallet(Seat& seat) {
    if (seat.wallet >= 0) m_free_wallets.push_back(seat.wallet);
    seat.wallet = -1;
}

// A handful of codes: a search through them is quicker than a map of strings.
std::uint64_t& LoadRun::code_count(const ResponseCode& code) {
    for (auto& [known, count] : m_code_counts)
        if (known == code) return count;
    return m_code_counts.emplace_back(code, 0).second;
}

}  // namespace giro::pos
