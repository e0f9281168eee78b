// Stand-in: payments with a link's card that the box approves by itself while the link is down, as the link's policy
// ([[stand_in]]) declares. The money is posted at once, the bank behind the link owes it, and its host hears of it by an
// advice when it is back (forward_table.hpp). The refusals in the order in which they are looked at; but for the first
// three and the last all are 91:
//
//   the card is blocked                                      62 (core.cpp)
//   no policy, or it is no card                              link_down
//   a PIN came with it: its issuer alone can look at it      stand_in_pin
//   the chip said no (AAC)                                   05
//   no cryptogram over this amount and of this day, and the  stand_in_chip
//   policy requires one; or chip data without one; or its
//   counter is not beyond all that were stood in for of
//   this card
//   more than the policy's floor                             stand_in_floor
//   this card too often or too much in card_hours, or this   stand_in_limit
//   merchant too much in an hour
//   more is owed to issuers than the box keeps in memory     stand_in_full
//   the bank has not so much on tier 1, or above payment_max 61
//
// Limits are counted from the journal alone, so a restart forgets none. Nothing is stood in for once its request went out:
// it may be paid there.
#include <algorithm>
#include <cstdlib>

#include "iso8583/chip.hpp"
#include "switching/accounts.hpp"
#include "switching/advice.hpp"
#include "switching/core.hpp"
#include "switching/core_record.hpp"
#include "switching/freshness.hpp"

namespace giro::switching {

using entry::Reason;

namespace {
constexpr std::uint16_t kCryptogram = 0x9F26, kCryptogramInformation = 0x9F27;

// EMV Book 3, 5.4.3: the first two bits of the cryptogram information data are zero for a decline (AAC).
bool chip_said_no(const CardShown& shown) {
    if (shown.chip.state != iso8583::ChipData::State::absent && shown.chip.type == iso8583::CryptogramType::aac) return true;
    const auto information = iso8583::chip_tag(shown.advice.chip, kCryptogramInformation);
    return information && information->size() == 1 && ((*information)[0] & std::byte{0xC0}) == std::byte{0};
}

// A cryptogram and what it was made over, all of which its issuer needs to verify it (EMV Book 2, 8.1.1): of this amount in
// this currency, and of today by the box's clock, or a day from it: time zones. So a counter need not be known for ever.
bool has_cryptogram(const CardShown& shown, const entry::Payment& payment) {
    const auto cryptogram = iso8583::chip_tag(shown.advice.chip, kCryptogram);
    constexpr std::uint16_t kBeside[] = {0x9F10, 0x9F37, 0x9F36, 0x95, 0x9A, 0x9C, 0x82, 0x9F1A};
    const bool whole = std::ranges::all_of(kBeside, [&](std::uint16_t tag) { return iso8583::chip_tag(shown.advice.chip, tag).has_value(); });
    const auto day = chip_day_of(shown.advice);
    const bool of_today = day && std::abs(*day - day_of(payment.time_ns)) <= 1;
    return whole && cryptogram && cryptogram->size() == 8 && of_today && chip_amount_of(shown.advice) == payment.amount.minor &&
           chip_currency_of(shown.advice) == payment.amount.currency;
}

bool has_chip_data(const CardShown& shown) {
    return shown.chip.state != iso8583::ChipData::State::absent || !shown.advice.chip.empty();
}

bool fits(StandInTotal so_far, MinorUnits amount, MinorUnits sum_max) {
    const auto sum = checked_add(so_far.sum, amount);
    return sum && *sum <= sum_max;
}
}  // namespace

const config::StandIn* Core::stand_in_of(const routing::Target& way) const {
    if (way.stand_in == routing::Target::kNobody) return nullptr;
    if (way.stand_in >= 0) return &m_policy.config.stand_ins.at(static_cast<std::size_t>(way.stand_in));
    const config::Link* link = config::find_link(m_policy.config, way.link);
    return link == nullptr ? nullptr : config::find_stand_in(m_policy.config, link->stand_in);
}

bool Core::may_stand_in(const PaymentRequest& request) const {
    if (m_policy.config.stand_ins.empty() || without_repeat(request.mti) != 0x0200 || request.pan.empty()) return false;
    const routing::Target way = way_of(request);
    return way.kind == routing::Target::Kind::link && stand_in_of(way) != nullptr;
}

Answer Core::stand_in(entry::Payment& payment, const routing::Target& way, const CardChecks& checks) {
    const config::StandIn* policy = stand_in_of(way);
    if (policy == nullptr || payment.channel != entry::Channel::card) return decline(payment, Reason::link_down);
    payment.debit = reserve_account(way.participant);
    payment.link = way.link;
    if (const Reason why = stand_in_reason(payment, *policy, checks); why != Reason::none) return decline(payment, why);
    payment.outcome = entry::Outcome::approved;
    payment.reason = Reason::none;
    payment.response_code = kApproved;
    payment.auth_code = new_auth_code();
    payment.link_stan = m_state.next_link_stan(way.link);
    entry::StoodIn e{payment, FixedText<16>(policy->name), policy->expire_days, {}};
    if (checks.shown != nullptr) e.advice = checks.shown->advice;
    record(entry::Kind::stood_in, e);
    ASSERT(where(m_state.last_seq()) == ForwardState::stood_in);
    return {.code = payment.response_code, .auth_code = payment.auth_code, .payment = m_state.last_seq()};
}

Reason Core::stand_in_reason(const entry::Payment& payment, const config::StandIn& policy, const CardChecks& checks) const {
    if (checks.pin != PinCheck::none) return Reason::stand_in_pin;
    const CardShown none;
    const CardShown& shown = checks.shown == nullptr ? none : *checks.shown;
    if (chip_said_no(shown)) return Reason::chip_refused;
    const bool needs = policy.chip == config::ChipPolicy::required || has_chip_data(shown);
    if (needs && !has_cryptogram(shown, payment)) return Reason::stand_in_chip;
    // A copy of what was stood in for before has its counter, or an earlier one.
    if (needs && atc_of(shown.advice) <= m_state.stood_in_atc(payment.pan.token)) return Reason::stand_in_chip;
    if (payment.amount.minor > policy.floor) return Reason::stand_in_floor;
    constexpr std::uint32_t kMerchantHours = 1;
    const StandInTotal card = m_state.stood_in_of(payment.pan.token, payment.time_ns, policy.card_hours);
    const StandInTotal merchant = m_state.stood_in_at(payment.credit, payment.time_ns, kMerchantHours);
    if (card.count >= policy.card_count || !fits(card, payment.amount.minor, policy.card_sum) ||
        !fits(merchant, payment.amount.minor, policy.merchant_hour_sum))
        return Reason::stand_in_limit;
    if (!m_state.may_stand_in(payment.link, payment.pan.token, payment.credit)) return Reason::stand_in_full;
    if (payment.amount.minor > m_policy.config.switching.payment_max) return Reason::limit_exceeded;
    const Reason why = check_ledger(payment, false);
    return why == Reason::insufficient_funds ? Reason::limit_exceeded : why;
}

}  // namespace giro::switching
