// What issuers' hosts decide and are owed: forwarded payments and their answers, stand-in, and the lines of advices and
// reversals. As in state_apply.cpp every `on` checks first and then only writes. Decisions: forward_table.hpp.
#include <algorithm>

#include "switching/accounts.hpp"
#include "switching/advice.hpp"
#include "switching/freshness.hpp"
#include "switching/state.hpp"

namespace giro::switching {

using entry::Outcome;
using entry::SafVerdict;

namespace {
// The last counter of a chip is kept so long: its cryptogram is taken on the day that it names and on both beside it.
constexpr std::uint32_t kStandInCounterHours = 73;
static_assert(kStandInCounterHours > kStandInHoursKept);
constexpr std::uint8_t kFailuresCounted = 100;  // the core parks long before

std::uint32_t hour_of(std::uint64_t time_ns) noexcept {
    constexpr std::uint64_t kHour_ns = 3'600'000'000'000;
    return static_cast<std::uint32_t>(time_ns / kHour_ns);  // 64 bits of nanoseconds are 5 million hours
}

// Too far from `now` to count, either way: a clock that jumped ahead does not count for ever.
bool is_stale(std::uint32_t hour, std::uint32_t now) noexcept {
    return hour > now ? hour - now >= kStandInHoursKept : now - hour >= kStandInHoursKept;
}

// The hours of the future, of a clock that was ahead, count too: better too much than too little.
StandInTotal total_of(const StandInUse& use, std::uint64_t now_ns, std::uint32_t hours) noexcept {
    const std::uint32_t now = hour_of(now_ns);
    StandInTotal total;
    for (const auto& h : use.hours)
        if (h.hour + hours >= now && !is_stale(h.hour, now)) total.count += h.count, total.sum += h.sum;
    return total;
}

// Whether the sum of all hours stays a sum with `amount` more.
bool sum_fits(const StandInUse* use, MinorUnits amount) noexcept {
    if (use == nullptr) return true;
    std::optional<MinorUnits> sum = amount;
    for (const auto& h : use->hours)
        if (sum) sum = checked_add(*sum, h.sum);
    return sum.has_value();
}

void add(StandInUse& use, std::uint32_t hour, MinorUnits amount) {
    auto at = std::ranges::lower_bound(use.hours, hour, {}, &StandInUse::Hour::hour);
    if (at == use.hours.end() || at->hour != hour) {
        // One that is full has hours on both sides of a clock that jumped: the oldest goes.
        if (use.hours.size() >= kStandInHoursKept) {
            use.hours.erase(use.hours.begin());
            at = std::ranges::lower_bound(use.hours, hour, {}, &StandInUse::Hour::hour);
        }
        at = use.hours.insert(at, {hour, 0, 0});
    }
    ++at->count;
    at->sum += amount;
}

// What was tried does not count against what is owed next.
void unpark(Outstanding& o) noexcept {
    o.parked = false;
    o.parked_for = entry::SafWhy::asked;
    o.failures = 0;
}

template <typename Map, typename Key>
const StandInUse* find_use(const Map& map, const Key& key) {
    const auto at = map.find(key);
    return at == map.end() ? nullptr : &at->second;
}

// What was before `hour` for longer than any policy asks; of a chip's counter the last hour stays as long as a cryptogram that
// was stood in for could come again.
void let_go(auto& map, std::uint32_t hour) {
    for (auto at = map.begin(); at != map.end();) {
        auto& hours = at->second.hours;
        const std::uint32_t last = hours.empty() ? 0 : hours.back().hour;
        const bool counter = at->second.last_atc != 0 && last + kStandInCounterHours > hour;
        std::erase_if(hours, [&](const auto& h) { return h.hour + kStandInHoursKept <= hour && !(counter && h.hour == last); });
        at = hours.empty() ? map.erase(at) : std::next(at);
    }
}
}  // namespace

// --- the indexes ------------------------------------------------------------------------------------------------------

void State::unfile(std::uint64_t seq, const Outstanding& o) {
    if (m_link_stans.erase({o.payment.link, o.payment.link_stan}) != 0) {
        const auto of_link = m_outstanding_of_links.find(o.payment.link);
        if (--of_link->second == 0) m_outstanding_of_links.erase(of_link);
    }
    m_waiting.erase(seq);
    m_parked.erase(seq);
    m_advices.erase({o.payment.link, o.expires_day, seq});
    const auto line = m_owed_lines.find({o.payment.link, o.payment.key.terminal});
    if (line == m_owed_lines.end()) return;
    const auto at = line->second.find(o.owed_at);
    if (at != line->second.end() && at->second == seq) line->second.erase(at);
    if (line->second.empty()) m_owed_lines.erase(line);
}

// False: its STAN or its place in the line is another's.
bool State::file(std::uint64_t seq, const Outstanding& o) {
    if (!m_link_stans.emplace(std::pair(o.payment.link, o.payment.link_stan), seq).second) return false;
    ++m_outstanding_of_links[o.payment.link];
    if (!o.answered) m_waiting.insert(seq);
    if (o.advice_owed) m_advices.insert({o.payment.link, o.expires_day, seq});
    if (o.parked) m_parked.insert(seq);
    if (!o.owed() || o.parked) return true;
    return m_owed_lines[{o.payment.link, o.payment.key.terminal}].emplace(o.owed_at, seq).second;
}

// After unfile() and a change.
void State::refile(std::uint64_t seq) {
    const auto at = m_outstanding.find(seq);
    ASSERT(at != m_outstanding.end());
    if (at->second.answered && !at->second.owed()) {
        m_outstanding.erase(at);
        return;
    }
    ASSERT(file(seq, at->second));
}

// Null when nothing is owed of it.
Outstanding* State::owed(std::uint64_t seq, Remembered** payment) {
    const auto at = m_outstanding.find(seq);
    if (at == m_outstanding.end() || !at->second.owed()) return nullptr;
    *payment = remembered(request_id(RequestClass::payment, at->second.payment.key));
    return *payment != nullptr && (*payment)->seq == seq ? &at->second : nullptr;
}

// --- stand-in ---------------------------------------------------------------------------------------------------------

StandInTotal State::stood_in_of(const entry::CardToken& card, std::uint64_t now_ns, std::uint32_t hours) const {
    const StandInUse* use = find_use(m_stand_in_of_cards, card);
    return use == nullptr ? StandInTotal{} : total_of(*use, now_ns, hours);
}

StandInTotal State::stood_in_at(Id128 merchant, std::uint64_t now_ns, std::uint32_t hours) const {
    const StandInUse* use = find_use(m_stand_in_at_merchants, merchant);
    return use == nullptr ? StandInTotal{} : total_of(*use, now_ns, hours);
}

bool State::has_room(std::uint16_t link) const {
    const auto of_link = m_outstanding_of_links.find(link);
    return m_outstanding.size() < kOutstandingAllMax && (of_link == m_outstanding_of_links.end() || of_link->second < kOutstandingOfLinkMax);
}

bool State::may_stand_in(std::uint16_t link, const entry::CardToken& card, Id128 merchant) const {
    const bool counts_card = m_stand_in_of_cards.size() < kStandInCountedMax || m_stand_in_of_cards.contains(card);
    const bool counts_merchant = m_stand_in_at_merchants.size() < kStandInCountedMax || m_stand_in_at_merchants.contains(merchant);
    return has_room(link) && m_advices.size() < kStoodInMax && counts_card && counts_merchant;
}

std::uint16_t State::stood_in_atc(const entry::CardToken& card) const {
    const StandInUse* use = find_use(m_stand_in_of_cards, card);
    return use == nullptr ? 0 : use->last_atc;
}

void State::count_stand_in(const entry::StoodIn& e) {
    const std::uint32_t hour = hour_of(e.payment.time_ns);
    StandInUse& card = m_stand_in_of_cards[e.payment.pan.token];
    add(card, hour, e.payment.amount.minor);
    card.last_atc = std::max(card.last_atc, atc_of(e.advice));
    add(m_stand_in_at_merchants[e.payment.credit], hour, e.payment.amount.minor);
}

// By the last two windows' ends, the earlier of them: a clock that jumps, even at a window's end, makes nothing old.
void State::forget_stand_in() {
    if (m_settlements.size() < 2) return;
    const auto last = m_settlements.rbegin();
    const std::uint32_t hour = hour_of(std::min(last->second.closed.time_ns, std::next(last)->second.closed.time_ns));
    let_go(m_stand_in_of_cards, hour);
    let_go(m_stand_in_at_merchants, hour);
}

State::Refusal State::on(const entry::StoodIn& e) {
    const entry::Payment& p = e.payment;
    if (p.channel != entry::Channel::card || p.outcome != Outcome::approved) return "it is no card's payment that was approved";
    Remembered r;
    r.id = id_of(RequestClass::payment, p.key);
    if (remembered(r.id) != nullptr) return "that request was decided already, or its reversal came first";
    if (!is_reserve(p.debit) || is_issuance(p.credit)) return "it is not paid by its issuer's bank";
    if (!may_stand_in(p.link, p.pan.token, p.credit)) return "too much is owed to issuers already";
    if (p.link_stan != next_link_stan(p.link)) return "its link STAN is out of order";
    if (!sum_fits(find_use(m_stand_in_of_cards, p.pan.token), p.amount.minor) ||
        !sum_fits(find_use(m_stand_in_at_merchants, p.credit), p.amount.minor))
        return "the sums of its card or merchant overflow";
    r.seq = this_seq();
    ledger::Transfer t;
    t.id = {entry::kPaymentTransfer, r.seq};
    t.debit_account = p.debit;
    t.credit_account = p.credit;
    t.amount = p.amount.minor;
    t.currency = p.amount.currency;
    t.code = kForwarded;
    t.timestamp_ns = p.time_ns;
    if (auto why = transfer(t)) return why;
    // It must succeed from here.
    r.debit = p.debit;
    r.credit = p.credit;
    r.amount = r.stands = p.amount.minor;
    r.currency = p.amount.currency;
    r.response_code = p.response_code;
    r.auth_code = p.auth_code;
    r.forwarded = true;
    r.payer = payer_mark(p.pan.token);
    r.what = Remembered::What::approved;
    ++m_counters.card_approved;
    ++m_counters.stood_in;
    m_last_link_stan = p.link_stan;
    m_outstanding[r.seq] = {.payment = p,
                            .answered = true,
                            .advice_owed = true,
                            .advice = e.advice,
                            .expires_day = day_of(p.time_ns) + e.expire_days,
                            .owed_at = r.seq};
    refile(r.seq);
    count_stand_in(e);
    note_request(p.key, p.time_ns);
    count(p.key.terminal, Total::debits, p.amount.minor);
    remember(r);
    return {};
}

// --- answers ----------------------------------------------------------------------------------------------------------

State::Refusal State::on(const entry::ForwardAnswered& e) {
    const auto at = m_outstanding.find(e.payment);
    if (at == m_outstanding.end() || at->second.answered) return "no forwarded payment waits for it";
    if (e.outcome == Outcome::forwarded) return "an answer cannot be 'forwarded'";
    const bool approved = e.outcome == Outcome::approved;
    if (approved && e.reversal_owed != 0) return "it is approved, and owed a reversal";
    Outstanding& o = at->second;
    Remembered* r = remembered(request_id(RequestClass::payment, o.payment.key));
    if (r == nullptr || r->seq != e.payment || r->what != Remembered::What::forwarded) return "its payment does not wait";
    ledger::Transfer t;
    t.id = {entry::kForwardTransfer, this_seq()};
    t.pending_id = {entry::kForwardTransfer, e.payment};
    t.flags = approved ? ledger::kPostPending : ledger::kVoidPending;
    t.code = kForwarded;
    t.timestamp_ns = e.time_ns;
    if (auto why = transfer(t)) return why;
    r->what = approved ? Remembered::What::approved : Remembered::What::declined;
    if (!approved) r->stands = 0;
    r->response_code = e.response_code;
    r->auth_code = e.auth_code;
    const bool card = at->second.payment.channel == entry::Channel::card;
    ++(!approved ? m_counters.declined : card ? m_counters.card_approved : m_counters.qr_approved);
    if (approved) count(o.payment.key.terminal, Total::debits, r->amount);
    unfile(e.payment, o);
    o.answered = true;
    o.reversal_owed = e.reversal_owed != 0;
    o.owed_at = this_seq();
    // Its answer never came, or asks for what the terminal could not do.
    if (o.reversal_owed)
        o.why = e.reason == entry::Reason::issuer_timeout ? MessageReason::timeout : MessageReason::device_unable;
    refile(e.payment);
    return {};
}

State::Refusal State::on(const entry::LinkReversalAnswered& e) {
    Remembered* payment = nullptr;
    Outstanding* o = owed(e.payment, &payment);
    if (o == nullptr || !o->reversal_owed || o->advice_owed) return "no reversal of that payment is owed next";
    unfile(e.payment, *o);
    o->reversal_owed = false;
    unpark(*o);
    refile(e.payment);
    return {};
}

State::Refusal State::on(const entry::SafAnswered& e) {
    Remembered* payment = nullptr;
    Outstanding* o = owed(e.payment, &payment);
    if (o == nullptr || e.reversal == o->advice_owed) return "nothing is owed of that payment that it answers";
    if (e.reversal && e.verdict != SafVerdict::unreadable) return "a reversal is taken by another entry, and refused by none";
    if (e.verdict == SafVerdict::unreadable) {
        if (o->failures >= kFailuresCounted) return "it was unreadable too often";
        ++o->failures;
        return {};
    }
    unfile(e.payment, *o);
    o->advice_owed = false;
    unpark(*o);
    if (e.verdict == SafVerdict::accepted) {
        ++m_counters.advices_accepted;
    } else {
        // What was refused may be a repeat of what was booked: a reversal stays owed, and a later one is told, too.
        ++m_counters.advices_refused;
        m_counters.refused_sum += std::min(payment->stands, kAmountMax);
    }
    refile(e.payment);
    return {};
}

// --- the park, and the end of waiting ---------------------------------------------------------------------------------

State::Refusal State::on(const entry::SafParked& e) {
    Remembered* payment = nullptr;
    Outstanding* o = owed(e.payment, &payment);
    if (o == nullptr || o->parked) return "nothing is owed of that payment, or it is parked already";
    unfile(e.payment, *o);
    o->parked = true;
    o->parked_for = e.why;
    refile(e.payment);
    return {};
}

State::Refusal State::on(const entry::SafRetried& e) {
    Remembered* payment = nullptr;
    Outstanding* o = owed(e.payment, &payment);
    if (o == nullptr || !o->parked) return "it is not parked";
    unfile(e.payment, *o);
    unpark(*o);
    refile(e.payment);
    return {};
}

State::Refusal State::on(const entry::SafClosed& e) {
    Remembered* payment = nullptr;
    Outstanding* o = owed(e.payment, &payment);
    if (o == nullptr || !o->parked) return "it is not parked";
    if (e.why.empty()) return "nobody says why";
    unfile(e.payment, *o);
    o->advice_owed = o->reversal_owed = false;
    unpark(*o);
    refile(e.payment);
    return {};
}

// Its host may have heard an advice whose answer was lost: a reversal that is owed stays owed.
State::Refusal State::on(const entry::SafExpired& e) {
    Remembered* payment = nullptr;
    Outstanding* o = owed(e.payment, &payment);
    if (o == nullptr || !o->advice_owed) return "no advice of that payment is owed";
    if (day_of(e.time_ns) <= o->expires_day) return "its advice has not expired";
    unfile(e.payment, *o);
    o->advice_owed = false;
    unpark(*o);
    ++m_counters.advices_expired;
    m_counters.expired_sum += std::min(payment->stands, kAmountMax);
    refile(e.payment);
    return {};
}

// --- the links --------------------------------------------------------------------------------------------------------

std::optional<std::int64_t> State::cut_over_day(std::uint16_t link) const {
    const auto at = m_cut_over_days.find(link);
    return at == m_cut_over_days.end() ? std::nullopt : std::optional(at->second);
}

State::Refusal State::on(const entry::LinkSet& e) {
    if (m_links_down.contains(e.link) == e.down) return e.down ? "that link is taken down already" : "that link is not taken down";
    if (e.down) m_links_down.insert(e.link);
    else m_links_down.erase(e.link);
    return {};
}

// Once a day: a host that cuts over again and again fills no journal.
State::Refusal State::on(const entry::LinkCutOver& e) {
    const std::int64_t day = day_of(e.time_ns);
    if (const auto last = cut_over_day(e.link); last && *last >= day) return "that link's host has cut over on that day";
    m_cut_over_days[e.link] = day;
    return {};
}

// --- snapshots --------------------------------------------------------------------------------------------------------

// What save() wrote: everything in it is owed or awaited, and its payment says the same.
bool State::load_outstanding() {
    for (const auto& [seq, o] : m_outstanding) {
        using What = Remembered::What;
        const Remembered* r = remembered(request_id(RequestClass::payment, o.payment.key));
        if (r == nullptr || r->seq != seq || (r->what == What::forwarded) == o.answered) return false;
        if (o.answered != o.owed() || (o.parked && !o.owed()) || o.failures > kFailuresCounted) return false;
        if (!o.parked && o.parked_for != entry::SafWhy::asked) return false;
        if (o.owed() && (o.owed_at == 0 || o.owed_at > m_last_seq)) return false;
        // What is owed fits what became of it, and says what stands of it.
        const bool declined = r->what == What::declined, back = r->what == What::reversed;
        if (!r->forwarded || (o.owed() && !declined && !back && r->what != What::approved)) return false;
        if (o.advice_owed && (declined || (back && !o.reversal_owed))) return false;
        if (o.stands != (o.reversal_owed && !declined ? r->stands : 0)) return false;
        if (!file(seq, o)) return false;
    }
    const auto whole = [](const auto& map) {
        return std::ranges::all_of(map, [](const auto& item) {
            const auto& hours = item.second.hours;
            const auto out_of_order = [](const auto& x, const auto& y) { return x.hour >= y.hour; };
            return !hours.empty() && hours.size() <= kStandInHoursKept && sum_fits(&item.second, 0) &&
                   std::ranges::all_of(hours, [](const auto& h) { return h.sum >= 0; }) &&
                   std::ranges::adjacent_find(hours, out_of_order) == hours.end();
        });
    };
    return whole(m_stand_in_of_cards) && whole(m_stand_in_at_merchants);
}

}  // namespace giro::switching
