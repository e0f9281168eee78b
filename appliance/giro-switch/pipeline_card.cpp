// Chips and verification values of a batch: once its messages are known to be genuine and its cards are sealed, the
// vault checks the cryptograms and values of cards on us (switching/core_card.cpp says which and what it means), and
// makes the ARPC that the answer carries, one in case it approves and one in case it does not.
//
// A repeat's cryptogram is asked about again, without counting, so that its answer has the same ARPC: nothing of it is
// kept. What an issuer's host answers in DE55 goes to the terminal as it is; the last kIssuerChipsMax are kept in
// memory for repeats. Hostile: the terminal with good keys, which may send any bytes as chip data or track.
#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro-switch/pipeline_parts.hpp"
#include "switching/advice.hpp"
#include "util/bytes.hpp"

namespace giro::appliance {

using switching::CardQuestion;
using switching::ChipCheck;
using switching::CvvCheck;

namespace {
constexpr std::size_t kIssuerChipsMax = 10'000;
constexpr std::string_view kServiceCodeIcvv = "999", kServiceCodePrinted = "000";
const ByteArray<2> kCodeApproved{std::byte{'0'}, std::byte{'0'}}, kCodeDeclined{std::byte{'0'}, std::byte{'5'}};

ByteArray<4> declining(ByteArray<4> csu) {
    csu[1] &= ~config::kCsuApproves;
    return csu;
}

ChipCheck check_of(vault::ArqcVerdict verdict) {
    switch (verdict) {
        case vault::ArqcVerdict::good:
            return ChipCheck::good;
        case vault::ArqcVerdict::wrong:
            return ChipCheck::wrong;
        case vault::ArqcVerdict::used:
            return ChipCheck::used;
        case vault::ArqcVerdict::refused:
            return ChipCheck::unusable;
    }
    return ChipCheck::unusable;
}

std::string_view text_of(ChipCheck check) {
    switch (check) {
        case ChipCheck::wrong:
            return "its cryptogram is not the card's over this data";
        case ChipCheck::used:
            return "its transaction counter was used before: a repeated or copied chip";
        case ChipCheck::mismatch:
            return "it covers another amount or currency";
        case ChipCheck::unusable:
            return "malformed or missing, of another CVN, or its key is not in the vault";
        case ChipCheck::fallback:
            return "missing, and the product takes no fallback";
        case ChipCheck::none:
        case ChipCheck::to_ask:
        case ChipCheck::good:
        case ChipCheck::refused:
            break;
    }
    return {};
}

// Its data say so, too, of a terminal whose edition has no word for how it read them: 1993's for a card that was tapped.
bool is_by_chip(const switching::CardShown& shown) {
    return shown.entry == iso8583::CardEntry::chip || shown.entry == iso8583::CardEntry::contactless ||
           (shown.entry == iso8583::CardEntry::unknown && shown.chip.state == iso8583::ChipData::State::whole);
}

// What the vault compares; the values are wiped once it has been asked.
vault::CvvVerify::Item of_track(const config::CardProduct& product, const PaymentRequest& request,
                                const switching::CardShown& shown, const iso8583::Track2& track) {
    const bool chip = is_by_chip(shown);
    vault::CvvVerify::Item item{vault::KeyName(product.cvv_key), request.pan, track.expiry, track.service_code, {}};
    if (chip) item.service_code = FixedText<3>(kServiceCodeIcvv);
    // What a chip shows, or is printed, makes no stripe.
    const std::string_view service = track.service_code.view();
    const bool borrowed = !chip && (service == kServiceCodeIcvv || service == kServiceCodePrinted);
    const std::string_view digits = track.discretionary.view();
    const bool other_expiry = !request.expiry.empty() && request.expiry != track.expiry;
    const bool has_value = !borrowed && !other_expiry && track.state == iso8583::Track2::State::whole && track.pan == request.pan &&
                           digits.size() >= product.cvv_at + std::size(item.value.chars);
    if (has_value) item.value = FixedText<3>(digits.substr(product.cvv_at, item.value.chars.size()));
    return item;  // an empty value never matches
}
}  // namespace

// What is asked at once, and of which of the batch's items.
struct Pipeline::CardRequests {
    vault::ArqcVerify::Request chips;
    vault::CvvVerify::Request values;
    std::vector<std::size_t> of_chips, of_values;
    std::vector<CvvCheck> wrong;  // what it is when the value of the same place is wrong
    std::size_t item = 0;         // the one that is looked at
};

void Pipeline::read_card(const iso8583::Dialect& dialect, Item& item) {
    if (item.request.source == PaymentRequest::Source::link) {
        item.issuer_chip = iso8583::chip_bytes_of(dialect, m_message).value_or(Buffer());
        return;
    }
    if (!is_card_payment(item.request)) return;
    item.shown.chip = iso8583::chip_data_of(dialect, m_message);
    item.shown.entry = iso8583::card_entry_of(dialect, m_message);
    if (m_core.may_stand_in(item.request)) item.shown.advice = switching::advice_data(dialect, m_message, item.request);
    // The stripe of a card that has a chip, as its service code says, is a fallback whatever DE22 says of it; so is one without it.
    const bool by_chip = is_by_chip(item.shown);
    const auto track = iso8583::track2_of(m_message);
    const bool tells = track.state == iso8583::Track2::State::whole;
    const char service = track.service_code.chars[0];
    if (!by_chip && (tells ? service == '2' || service == '6' : item.shown.entry == iso8583::CardEntry::stripe))
        item.shown.entry = iso8583::CardEntry::fallback;
    item.shown.verification_value =
        m_message.has(iso8583::kTrack2Field) || (dialect.cvv2_field != 0 && m_message.has(dialect.cvv2_field));
}

void Pipeline::ask_about_cards(const std::shared_ptr<Batch>& batch) {
    CardRequests cards;
    for (cards.item = 0; cards.item < batch->items.size(); ++cards.item) {
        Item& item = batch->items[cards.item];
        const bool from_terminal = item.is_payment() && item.request.source == PaymentRequest::Source::terminal;
        if (!from_terminal || !is_card_payment(item.request) || !batch->genuine(item)) continue;
        add_card(item, cards);
    }
    if (!cards.chips.items.empty()) ask_chips(batch, cards);
    if (!cards.values.items.empty()) ask_values(batch, cards);
}

void Pipeline::add_card(Item& item, CardRequests& cards) {
    const CardQuestion question = m_core.ask_card(item.request, item.shown, item.sealed ? &*item.sealed : nullptr);
    item.chip_check = question.chip;
    // Of most payments there is nothing to ask; looking up whether one is a repeat costs more than the rest of this.
    if (question.product == nullptr || (question.chip == ChipCheck::none && !question.cvv)) return;
    const bool known = m_core.knows(item.request);
    const Mti mti = without_repeat(item.request.mti);
    const bool for_nothing = mti == 0x0320 || (mti == 0x0220 && known);  // what comes of it changes no answer
    if (question.chip == ChipCheck::to_ask && !for_nothing) {
        add_chip(item, *question.product, known, cards);
    } else if (const auto why = text_of(question.chip); !why.empty() && !known) {
        warn_of_card(item, fmt::format("chip data: {}", why));
    }
    if (question.cvv && !known) add_values(item, *question.product, cards);
}

void Pipeline::add_chip(Item& item, const config::CardProduct& product, bool known, CardRequests& cards) {
    const iso8583::ChipData& chip = item.shown.chip;
    const Mti mti = without_repeat(item.request.mti);
    const PaymentRequest& r = item.request;
    const Id128 request = switching::request_id(switching::class_of(mti),
                                                {r.acquirer, r.terminal, r.stan, r.rrn, r.local_time, r.local_date});
    vault::ArqcVerify::Item& out = cards.chips.items.emplace_back();
    out.key = vault::KeyName(product.chip_key);
    out.pan = r.pan;
    out.psn = chip.psn;
    out.option_b = product.chip_option_b;
    out.cvn = chip.cvn;
    out.data = chip.data();
    out.arqc = chip.cryptogram;
    out.code_approved = kCodeApproved;
    out.code_declined = kCodeDeclined;
    out.csu_approved = product.csu;
    out.csu_declined = declining(product.csu);
    out.use = mti == 0x0220 ? vault::ArqcUse::advice : known ? vault::ArqcUse::again : vault::ArqcUse::online;
    store_be(out.request.data(), request.hi);
    store_be(out.request.data() + sizeof request.hi, request.lo);
    cards.of_chips.push_back(cards.item);
}

// The values are read from the frame now, so that no copy of them lies about while the batch waits.
void Pipeline::add_values(Item& item, const config::CardProduct& product, CardRequests& cards) {
    const iso8583::Dialect& dialect = m_dialects[item.request.dialect];
    if (!iso8583::unpack(dialect, item.request.raw, m_message)) return;
    const auto track = iso8583::track2_of(m_message);
    const auto printed = iso8583::printed_cvv_of(dialect, m_message);
    m_message.clear();  // what it decoded of them is overwritten
    // The answer goes by what was sent, not by which was wrong: who sends both learns nothing of either.
    const CvvCheck wrong = printed.present ? CvvCheck::wrong_printed : CvvCheck::wrong;
    item.cvv_check = CvvCheck::good;
    const auto add = [&](vault::CvvVerify::Item value) {
        value.with_last = !cards.of_values.empty() && cards.of_values.back() == cards.item;
        cards.values.items.push_back(value);
        cards.of_values.push_back(cards.item);
        cards.wrong.push_back(wrong);
        wipe(std::as_writable_bytes(std::span(value.value.chars)));
    };
    if (track.state != iso8583::Track2::State::absent) add(of_track(product, item.request, item.shown, track));
    if (printed.present)
        add({vault::KeyName(product.cvv_key), item.request.pan, item.request.expiry, FixedText<3>(kServiceCodePrinted),
             printed.value});
}

void Pipeline::ask_chips(const std::shared_ptr<Batch>& batch, const CardRequests& cards) {
    ++batch->waiting;
    m_vault.call<vault::ArqcVerify>(cards.chips,
                                    [this, batch, items = cards.of_chips](vault::Answer<vault::ArqcVerify> answer) {
                                        const bool whole = answer && answer->results.size() == items.size();
                                        for (std::size_t i = 0; whole && i < items.size(); ++i)
                                            keep_chip(batch->items[items[i]], answer->results[i]);
                                        if (!answer) note_vault(false, answer.error().why);
                                        vault_done(*batch, whole);
                                    });
}

void Pipeline::keep_chip(Item& item, const vault::ArqcVerify::Result& result) {
    item.chip_check = check_of(result.verdict);
    const auto why = text_of(item.chip_check);
    if (!why.empty() && !m_core.knows(item.request)) warn_of_card(item, fmt::format("chip data: {}", why));
    if (result.arpc_approved.empty()) return;
    const auto question = m_core.ask_card(item.request, item.shown, item.sealed ? &*item.sealed : nullptr);
    if (question.product == nullptr) return;
    // Issuer authentication data (tag 91). CVN 10: ARPC, response code; CVN 18: ARPC, card status update.
    const auto with = [&](Buffer arpc, Bytes behind) {
        arpc.insert(arpc.end(), behind.begin(), behind.end());
        return iso8583::issuer_authentication_field(arpc);
    };
    const bool cvn10 = item.shown.chip.cvn == 10;
    const ByteArray<4> csu = question.product->csu, csu_declined = declining(csu);
    item.chip_approved = with(result.arpc_approved, cvn10 ? Bytes(kCodeApproved) : Bytes(csu));
    item.chip_declined = with(result.arpc_declined, cvn10 ? Bytes(kCodeDeclined) : Bytes(csu_declined));
}

void Pipeline::ask_values(const std::shared_ptr<Batch>& batch, CardRequests& cards) {
    ++batch->waiting;
    m_vault.call<vault::CvvVerify>(cards.values, [this, batch, items = cards.of_values,
                                                  wrong = cards.wrong](vault::Answer<vault::CvvVerify> answer) {
        const bool whole = answer && answer->good.size() == items.size();
        for (std::size_t i = 0; whole && i < items.size(); ++i) {
            if (answer->good[i]) continue;
            Item& item = batch->items[items[i]];
            item.cvv_check = wrong[i];
            warn_of_card(item,
                         wrong[i] == CvvCheck::wrong ? "the CVV of its track 2 is wrong" : "the printed CVV2 is wrong");
        }
        if (!answer) note_vault(false, answer.error().why);
        vault_done(*batch, whole);
    });
    for (auto& item : cards.values.items) wipe(std::as_writable_bytes(std::span(item.value.chars)));
}

void Pipeline::warn_of_card(const Item& item, std::string_view what) {
    warn(fmt::format("card {} at terminal {}: {}", item.request.pan.masked(), item.request.terminal.view(), what));
}

// What the decided answer carries in DE55.
Buffer Pipeline::chip_answer(const Item& item, const switching::Answer& decided) const {
    if (!item.chip_approved.empty())
        return decided.code == switching::kApproved ? item.chip_approved : item.chip_declined;
    if (without_repeat(item.request.mti) != 0x0200) return {};
    const auto kept = m_issuer_chips.find(decided.payment);
    return kept == m_issuer_chips.end() ? Buffer() : kept->second;
}

// Nothing but what an issuer says to a card: no number and no track that a host echoes stays here.
void Pipeline::keep_issuer_chip(std::uint64_t payment, const Buffer& field) {
    constexpr std::uint16_t kIssuersTags[] = {0x8A, 0x91, 0x71, 0x72};  // response code, authentication data, scripts
    std::size_t bytes = 0;
    for (const std::uint16_t tag : kIssuersTags)
        if (const auto value = iso8583::chip_tag(field, tag)) bytes += 2 + value->size();
    if (field.empty() || field.size() > iso8583::kChipBytesMax || bytes != field.size()) return;
    m_issuer_chips[payment] = field;
    if (m_issuer_chips.size() > kIssuerChipsMax) m_issuer_chips.erase(m_issuer_chips.begin());
}

}  // namespace giro::appliance
