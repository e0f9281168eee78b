// The chip and the verification values of cards on us: what the vault is to be asked about a request's, and what its
// word means for the decision. By the card's product (etc/giro.toml); cards of other hosts are theirs to look at.
//
//   chip data (DE55)      0100, 0200                                0220
//   ARQC                  verified; its amount, currency, day and   verified, recorded behind the sale (ChipChecked),
//   TC                    type are DE4's, DE49's, DE13's, DE3's;    which stands whatever comes of it
//                         its counter is beyond all before.
//                         TC: refused 05
//   AAC                   refused 05: the card said no              refused 05; 0320 too, which is else not looked at
//   malformed, other CVN  30                                        recorded
//   none, DE22 says chip  30 if the product requires it             as without a chip
//   .. or nothing known   the same: who leaves DE22 out, or says a word of his own, is not let off
//   none, DE22 fallback   57 unless the product takes it            as without a chip
// A product without chip_key leaves DE55 unread. The vault keeps the cards' counters (vault/payment_wire.hpp).
//
// CVV of track 2 (DE35; a chip's iCVV) and the printed CVV2: in 0100 and 0200, where the product has a cvv_key. Wrong
// ones are counted for the card, in the vault: after some no value is good for a while, so that nobody tries all thousand.
#include <algorithm>
#include <chrono>

#include "switching/core.hpp"
#include "switching/core_record.hpp"

namespace giro::switching {

using entry::ChipVerdict;
using entry::Reason;
using iso8583::CardEntry;
using iso8583::ChipData;
using iso8583::CryptogramType;

namespace {
// Where they stand in what is under the cryptogram (ChipData::kDataBytesMax has the order).
constexpr std::size_t kDateAt = 21, kTypeAt = 24;

unsigned packed(std::byte b) {
    return std::to_integer<unsigned>(b >> 4) * 10 + std::to_integer<unsigned>(b & std::byte{15});
}

// The card's date (9A) is DE13's, or a day from it: clocks differ.
bool is_of_day(const ChipData& chip, const FixedText<4>& local_date) {
    using namespace std::chrono;
    const Bytes data = chip.data();
    const std::string_view said = local_date.view();
    if (data.size() <= kTypeAt || said.size() != 4) return false;
    const int card_year = 2000 + static_cast<int>(packed(data[kDateAt]));
    const year_month_day card{year(card_year), month(packed(data[kDateAt + 1])), day(packed(data[kDateAt + 2]))};
    const auto two = [&](std::size_t at) { return static_cast<unsigned>((said[at] - '0') * 10 + (said[at + 1] - '0')); };
    if (!card.ok()) return false;
    for (const int y : {card_year - 1, card_year, card_year + 1}) {
        const year_month_day till{year(y), month(two(0)), day(two(2))};
        const auto apart = till.ok() ? sys_days(till) - sys_days(card) : days(2);
        if (apart <= days(1) && apart >= days(-1)) return true;
    }
    return false;
}

// What the cryptogram covers is what is asked: amount (or, of a completion with a tip, what was authorised), currency, day, and
// the type of transaction (9C) as DE3 begins.
bool covers(const ChipData& chip, const PaymentRequest& request, MinorUnits authorised) {
    const bool amount = chip.amount == request.amount || (authorised != 0 && chip.amount == authorised);
    const bool type = chip.data_size > kTypeAt && packed(chip.data_bytes[kTypeAt]) == request.processing_code / 10'000;
    return amount && type && chip.currency == request.currency && is_of_day(chip, request.local_date);
}

// What is known of a request's chip data before the vault is asked.
ChipCheck look_at(const config::CardProduct& product, const PaymentRequest& request, const ChipData& chip, bool advice,
                  MinorUnits authorised) {
    if (chip.type == CryptogramType::aac) return ChipCheck::refused;  // whatever else is wrong with it
    if (chip.state != ChipData::State::whole) return ChipCheck::unusable;
    if (!advice && chip.type != CryptogramType::arqc) return ChipCheck::refused;
    if (std::ranges::find(product.cvns, chip.cvn) == product.cvns.end()) return ChipCheck::unusable;
    return covers(chip, request, authorised) ? ChipCheck::to_ask : ChipCheck::mismatch;
}

ChipCheck without_chip_data(const config::CardProduct& product, const PaymentRequest& request, CardEntry entry) {
    const bool may_be_chip = entry == CardEntry::chip || entry == CardEntry::contactless || entry == CardEntry::unknown;
    // One that raises a hold comes from the till alone: the card is gone.
    const bool raises = without_repeat(request.mti) == 0x0100 && !request.original.empty();
    if (raises) return ChipCheck::none;
    const bool required = product.chip == config::ChipPolicy::required;
    if (may_be_chip && required) return ChipCheck::unusable;
    // The cards of a product that requires the chip have one, whatever service code their stripe is said to have.
    const bool falls_back = entry == CardEntry::fallback || (entry == CardEntry::stripe && required);
    return falls_back && !product.fallback ? ChipCheck::fallback : ChipCheck::none;
}

// Of the authorisation that a completion names; 0: none.
MinorUnits authorised_amount(const State& state, const PaymentRequest& request) {
    if (without_repeat(request.mti) != 0x0220 || request.original.empty()) return 0;
    const auto key = original_key(request);
    const Remembered* held = key ? state.find(RequestClass::authorisation, *key) : nullptr;
    return held == nullptr ? 0 : held->amount;
}
}  // namespace

CardQuestion Core::ask_card(const PaymentRequest& request, const CardShown& shown,
                            const entry::SealedPan* sealed) const {
    const Mti mti = without_repeat(request.mti);
    const bool advice = mti == 0x0220 || mti == 0x0320;
    if ((mti != 0x0200 && mti != 0x0100 && !advice) || request.pan.empty() || !request.qr.empty() || sealed == nullptr)
        return {};
    const routing::Target way = way_of(request);
    if (way.kind != routing::Target::Kind::on_us || way.product < 0 || m_state.card(sealed->token) == nullptr) return {};
    const config::CardProduct& product = m_policy.config.card_products[static_cast<std::size_t>(way.product)];
    CardQuestion question;
    question.product = &product;
    question.cvv = !advice && !product.cvv_key.empty() && shown.verification_value;
    if (product.chip_key.empty()) return question;
    if (shown.chip.state != ChipData::State::absent)
        question.chip = look_at(product, request, shown.chip, advice, authorised_amount(m_state, request));
    else if (!advice)
        question.chip = without_chip_data(product, request, shown.entry);
    return question;
}

Reason Core::chip_reason(ChipCheck check) noexcept {
    switch (check) {
        case ChipCheck::none:
        case ChipCheck::good:
            return Reason::none;
        case ChipCheck::refused:
            return Reason::chip_refused;
        case ChipCheck::mismatch:
            return Reason::chip_mismatch;
        case ChipCheck::wrong:
            return Reason::chip_wrong;
        case ChipCheck::used:
            return Reason::chip_used;
        case ChipCheck::fallback:
            return Reason::chip_fallback;
        case ChipCheck::to_ask:  // nobody was asked: it is not taken for good
        case ChipCheck::unusable:
            return Reason::chip_unusable;
    }
    ASSERT(false);
}

// Of a card on us, in this order.
Reason Core::card_reason(const CardChecks& checks) noexcept {
    if (const Reason why = chip_reason(checks.chip); why != Reason::none) return why;
    if (checks.cvv == CvvCheck::wrong) return Reason::cvv_wrong;
    if (checks.cvv == CvvCheck::wrong_printed) return Reason::cvv2_wrong;
    return pin_reason(checks.pin);
}

// Behind the entry of a 0220.
void Core::record_chip(const CardChecks& checks) {
    if (checks.chip == ChipCheck::none || checks.shown == nullptr) return;
    entry::ChipChecked e;
    e.payment = m_state.last_seq();
    e.verdict = checks.chip == ChipCheck::good       ? ChipVerdict::good
                : checks.chip == ChipCheck::wrong    ? ChipVerdict::wrong
                : checks.chip == ChipCheck::used     ? ChipVerdict::used
                : checks.chip == ChipCheck::mismatch ? ChipVerdict::mismatch
                                                     : ChipVerdict::unusable;
    e.atc = checks.shown->chip.atc;
    e.cryptogram = checks.shown->chip.cryptogram;
    record(entry::Kind::chip_checked, e);
}

}  // namespace giro::switching
