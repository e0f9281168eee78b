#include "appliance/giro/host_books.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::host {

namespace {
constexpr std::string_view kApproved = "00", kAfterItsReversal = "21", kWrongPin = "55";
constexpr std::string_view kNoDecision[] = {"91", "96", "68", "90"};

bool is_decision(const ResponseCode& code) noexcept {
    return std::ranges::find(kNoDecision, code.view()) == std::end(kNoDecision);
}

// Six digits that follow from the purchase's key: a host that lost its memory gives the same ones again.
AuthCode auth_code_of(const Hash256& key) {
    return AuthCode(fmt::format("{:06}", load_be<std::uint32_t>(key.data()) % 1'000'000));
}

std::uint64_t number_of(const Hash256& key, std::uint64_t put_off) {
    return load_be<std::uint64_t>(key.data()) + put_off;
}

// An authorisation holds, and moves nothing.
bool moves_money(const Seen& seen) noexcept { return seen.mti[1] == '2' && seen.code.view() == kApproved; }
}  // namespace

std::optional<Kind> kind_of(std::string_view mti) noexcept {
    struct Row {
        std::string_view class_and_function;
        Kind kind;
    };
    constexpr Row kRows[] = {{"10", Kind::payment}, {"20", Kind::payment},  {"12", Kind::advice},
                             {"22", Kind::advice},  {"40", Kind::reversal}, {"42", Kind::reversal}};
    if (mti.size() != 4 || mti[0] != '0' || (mti[3] != '0' && mti[3] != '1')) return std::nullopt;
    for (const Row& row : kRows)
        if (mti.substr(1, 2) == row.class_and_function) return row.kind;
    return std::nullopt;
}

std::size_t Books::KeyHash::operator()(const Key& key) const noexcept { return load_le<std::uint64_t>(key.data()); }

Books::Key Books::key_of(const Seen& seen, std::uint32_t stan) {
    const fmt::format_int number(stan);
    const auto slash = as_bytes("/"), digits = as_bytes(std::string_view(number.data(), number.size()));
    return sha256({as_bytes(seen.acquirer.view()), slash, as_bytes(seen.terminal.view()), slash, digits, slash,
                   as_bytes(seen.rrn.view()), slash, as_bytes(seen.local_date.view()), slash, as_bytes(seen.local_time.view())});
}

// Dates have no year: what is more than half of one ahead is behind. STANs begin again after 999999.
bool Books::Moment::is_before(const Moment& other) const noexcept {
    constexpr std::int64_t kStansHalf = 500'000;
    if (date != other.date) {
        const auto month = [](const FixedText<4>& text) { return 10 * (text.chars[0] - '0') + (text.chars[1] - '0'); };
        const bool near = std::abs(month(date) - month(other.date)) <= 6;
        return (date < other.date) == near;
    }
    if (time != other.time) return time < other.time;
    const std::int64_t behind = std::int64_t{other.stan} - stan;
    return behind > 0 && behind < kStansHalf;
}

void Books::note_order(Seen& seen) {
    const Moment now{seen.local_date, seen.local_time, seen.stan};
    const auto [at, first] = m_last_advice.try_emplace(seen.terminal, now);
    if (first) return void(m_totals.terminals = m_last_advice.size());
    seen.in_order = !now.is_before(at->second);
    if (seen.in_order) at->second = now;
}

std::optional<ResponseCode> Books::by_rule(const Seen& seen, std::string_view pan, std::string_view merchant, const Key& key) {
    const auto put_off = m_put_off.find(key);
    const std::uint64_t number = number_of(key, put_off == m_put_off.end() ? 0 : put_off->second);
    const auto code = host::decide(m_scenario, {*kind_of(seen.mti), seen.amount, pan, merchant, seen.terminal.view(), number});
    if (code && !is_decision(*code)) ++m_put_off[key];
    return code;
}

void Books::decide(Seen& seen, std::string_view pan, std::string_view merchant, bool pin_bad) {
    const Kind kind = *kind_of(seen.mti);
    const Key key = key_of(seen, kind == Kind::reversal ? seen.original_stan : seen.stan);
    if (kind == Kind::reversal) {
        const auto refused = by_rule(seen, pan, merchant, key);
        seen.code = refused.value_or(ResponseCode());
        return seen.code.view() == kApproved ? decide_reversal(seen) : void();
    }
    if (const auto known = m_decisions.find(key); known != m_decisions.end()) {
        seen.repeat = true;
        seen.code = known->second.code;
        seen.auth_code = known->second.auth_code;
        return;
    }
    if (kind == Kind::advice && !m_put_off.contains(key)) note_order(seen);
    if (m_reversed.contains(key)) seen.code = ResponseCode(kAfterItsReversal);
    else if (pin_bad) seen.code = ResponseCode(kWrongPin);
    else seen.code = by_rule(seen, pan, merchant, key).value_or(ResponseCode());
    if (!is_decision(seen.code)) return;
    if (seen.code.view() == kApproved) seen.auth_code = auth_code_of(key);
    book(key, seen);
}

void Books::decide_reversal(Seen& seen) {
    const Key key = key_of(seen, seen.original_stan);
    seen.known = m_decisions.contains(key);
    const auto before = m_reversed.find(key);
    seen.repeat = before != m_reversed.end() && before->second <= seen.stands;
    if (!seen.repeat) take_back(key, seen);
}

void Books::book(const Key& key, const Seen& seen) {
    const MinorUnits amount = moves_money(seen) ? seen.amount : 0;
    if (!m_decisions.emplace(key, Decision{seen.code, seen.auth_code, amount}).second) return;
    const auto reversed = m_reversed.find(key);
    m_totals.money[seen.currency] += reversed == m_reversed.end() ? amount : std::min(amount, reversed->second);
}

void Books::take_back(const Key& key, const Seen& seen) {
    const auto known = m_decisions.find(key);
    const MinorUnits amount = known == m_decisions.end() ? 0 : known->second.amount;
    const auto [at, first] = m_reversed.try_emplace(key, seen.stands);
    const MinorUnits stood = first ? amount : std::min(amount, at->second);
    at->second = std::min(at->second, seen.stands);
    m_totals.money[seen.currency] -= stood - std::min(amount, at->second);
}

void Books::remember(const Seen& seen) {
    const auto kind = kind_of(seen.mti);
    if (!kind) return;
    if (*kind == Kind::reversal) {
        if (seen.code.view() == kApproved) take_back(key_of(seen, seen.original_stan), seen);
    } else if (is_decision(seen.code)) {
        book(key_of(seen, seen.stan), seen);
        if (*kind == Kind::advice && seen.in_order && !seen.repeat) m_last_advice[seen.terminal] = {seen.local_date, seen.local_time, seen.stan};
    }
}

void Books::count(const Seen& seen) {
    Totals& t = m_totals;
    ++t.answers[seen.mti][seen.answered ? seen.code.str() : "silent"];
    if (!seen.answered) ++t.unanswered;
    if (seen.repeat) {
        ++t.repeats;
        if (seen.mti[3] == '0') ++t.duplicates;
        return;
    }
    const bool decided = !seen.code.empty() && is_decision(seen.code), approved = seen.code.view() == kApproved;
    switch (*kind_of(seen.mti)) {
        case Kind::payment:
            ++t.purchases;
            t.approved += approved ? 1 : 0;
            t.declined += !approved && !seen.code.empty() ? 1 : 0;
            return;
        case Kind::advice:
            t.advices += decided || seen.code.empty() ? 1 : 0;
            t.advices_refused += decided && !approved ? 1 : 0;
            t.advices_late += seen.in_order ? 0 : 1;
            return;
        case Kind::reversal:
            t.reversals += approved ? 1 : 0;
            return;
    }
}

}  // namespace giro::host
