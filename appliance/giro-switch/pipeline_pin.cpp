// The PINs of a batch: once its messages are known to be genuine and its cards are sealed, the vault verifies those of
// cards on us and translates those for links; what it says is kept with the request for the decision
// (switching/core_pin.cpp).
//
// A PIN is asked about once, for the vault counts it: not of a request that was decided or waits, not of a second copy
// while the first is at the vault, not of a message under a KSN that was used before or under a session key that has
// expired. A PIN block is under the PIN key of its message's KSN, or under the PIN key of the session whose MAC key proved
// the message: the current one, or the one before it while that is taken. Hostile: the terminal with good keys, which may
// send any bytes as a block.
#include <fmt/format.h>

#include "appliance/giro-switch/pipeline_parts.hpp"

namespace giro::appliance {

using switching::PinCheck;
using switching::PinQuestion;

namespace {
static_assert(static_cast<int>(config::PinMethod::visa_pvv) == static_cast<int>(vault::PinMethod::visa_pvv) &&
              static_cast<int>(config::PinMethod::ibm_3624) == static_cast<int>(vault::PinMethod::ibm_3624));
static_assert(static_cast<int>(config::ZonePinFormat::iso0) == static_cast<int>(vault::PinFormat::iso0) &&
              static_cast<int>(config::ZonePinFormat::iso3) == static_cast<int>(vault::PinFormat::iso3) &&
              static_cast<int>(config::ZonePinFormat::iso4) == static_cast<int>(vault::PinFormat::iso4));

std::size_t block_bytes(config::ZonePinFormat format) {
    return format == config::ZonePinFormat::iso4 ? iso8583::kAesPinBlockBytes : iso8583::kPinBlockBytes;
}

// What makes the request one and the same, whatever KSN it comes under.
Id128 request_of(const PaymentRequest& r) {
    return switching::request_id(switching::class_of(without_repeat(r.mti)),
                                 {r.acquirer, r.terminal, r.stan, r.rrn, r.local_time, r.local_date});
}

PinCheck check_of(vault::PinVerdict verdict) {
    switch (verdict) {
        case vault::PinVerdict::good:
            return PinCheck::good;
        case vault::PinVerdict::wrong:
            return PinCheck::wrong;
        case vault::PinVerdict::locked:
            return PinCheck::locked;
        case vault::PinVerdict::refused:
            return PinCheck::unusable;
    }
    return PinCheck::unusable;
}

vault::PinVerify::Item verification(const PinQuestion& question, const vault::EncryptedPin& pin, const Pan& pan,
                                    Id128 request) {
    const config::CardProduct& product = *question.product;
    vault::PinVerify::Item out{pin, pan, static_cast<vault::PinMethod>(product.pin), vault::KeyName(product.pvk), {}};
    for (const char digit : question.card->pin_on_file.view())
        out.on_file.push_back(static_cast<std::byte>(digit - '0'));
    out.pvki = product.pvki;
    out.table = product.table;
    out.first = product.first;
    out.count = product.count;
    out.pad = product.pad;
    out.request = static_cast<std::uint32_t>(request.lo) | 1U;  // 0 would be none
    return out;
}
}  // namespace

// What is asked at once, and of which of the batch's items.
struct Pipeline::PinRequests {
    vault::PinVerify::Request verify;
    vault::PinTranslate::Request translate;
    std::vector<std::size_t> verified, translated;
    std::size_t item = 0;  // the one that is looked at,
    vault::Nonce nonce{};  // and of its session key, where it has one
};

Result<void> check_pins(const config::Config& config, const std::vector<iso8583::Dialect>& dialects) {
    for (const auto& link : config.links) {
        const iso8583::Dialect& dialect = dialects[config::dialect_number(config, link.dialect)];
        if (link.pin_key.empty() || iso8583::carries_pin_block(dialect, block_bytes(link.pin_format))) continue;
        return fail(
            Failure::Kind::config,
            fmt::format("link {}: dialect {} has no field for its PIN blocks of {} bytes (pin_format; in the dialect "
                        "DE52 of 8, or pin_field)",
                        link.name, dialect.name, block_bytes(link.pin_format)));
    }
    return {};
}

void Pipeline::ask_about_pins(const std::shared_ptr<Batch>& batch) {
    PinRequests pins;
    for (pins.item = 0; pins.item < batch->items.size(); ++pins.item) {
        Item& item = batch->items[pins.item];
        const bool from_terminal = item.is_payment() && item.request.source == PaymentRequest::Source::terminal;
        if (!from_terminal || !item.pin_block.present || !batch->genuine(item)) continue;
        const bool dukpt = item.terminal->is_dukpt();
        const bool decides_nothing = dukpt ? batch->verdict(item) != vault::DukptVerdict::good
                                           : m_core.key_expired(item.request.terminal, m_clock.wall_ns());
        if (decides_nothing) continue;
        // Of a message under both keys (they are one) the current one counts, as in the decision.
        pins.nonce = batch->good(item.mac) ? item.nonce : item.previous_nonce;
        add_pin(item, pins);
    }
    if (!pins.verify.items.empty()) ask_pins<vault::PinVerify>(batch, pins.verify, pins.verified);
    if (!pins.translate.items.empty()) ask_pins<vault::PinTranslate>(batch, pins.translate, pins.translated);
}

void Pipeline::add_pin(Item& item, PinRequests& pins) {
    if (m_core.knows(item.request)) return;
    const PinQuestion question = m_core.ask_pin(item.request, item.sealed ? &*item.sealed : nullptr, m_clock.wall_ns());
    item.pin_state = Item::PinState::said;
    if (question.kind == PinQuestion::Kind::none) return;
    item.pin_check = PinCheck::unusable;
    if (question.kind == PinQuestion::Kind::unusable || item.pin_block.size == 0) return;
    item.pin_state = Item::PinState::not_asked;
    const Id128 request = request_of(item.request);
    if (!m_pins_asked.insert(request).second) return;  // another copy of it is at the vault
    item.pin_marked = true;
    item.pin_state = Item::PinState::at_vault;
    const bool aes = item.pin_block.size == iso8583::kAesPinBlockBytes;
    const auto format = aes ? vault::PinFormat::iso4 : static_cast<vault::PinFormat>(m_program.config.pin.tdes_format);
    vault::EncryptedPin pin{item.terminal->bdk, item.ksn.view(), format, item.pin_block.view()};
    if (!item.terminal->is_dukpt()) pin = {{}, {}, format, item.pin_block.view(), item.request.terminal, pins.nonce};
    if (question.kind == PinQuestion::Kind::verify) {
        pins.verify.items.push_back(verification(question, pin, item.request.pan, request));
        pins.verified.push_back(pins.item);
        return;
    }
    item.pin_link = question.link->number;
    pins.translate.items.push_back({pin, item.request.pan, vault::KeyName(question.link->pin_key),
                                    static_cast<vault::PinFormat>(question.link->pin_format)});
    pins.translated.push_back(pins.item);
}

template <typename Verb>
void Pipeline::ask_pins(const std::shared_ptr<Batch>& batch, const typename Verb::Request& request,
                        const std::vector<std::size_t>& items) {
    ++batch->waiting;
    m_vault.call<Verb>(request, [this, batch, items](vault::Answer<Verb> answer) {
        if (answer)
            keep_pins(*batch, *answer, items);
        else
            note_vault(false, answer.error().why);
        vault_done(*batch, answer.has_value());
    });
}

void Pipeline::keep_pins(Batch& batch, const vault::PinVerify::Reply& reply, const std::vector<std::size_t>& items) {
    for (std::size_t i = 0; i < items.size() && i < reply.results.size(); ++i) {
        Item& item = batch.items[items[i]];
        item.pin_state = Item::PinState::said;
        item.pin_check = check_of(reply.results[i].verdict);
        if (item.pin_check == PinCheck::unusable)
            warn(fmt::format("a PIN from terminal {} cannot be looked at: no PIN block, or a key is not in the vault",
                             item.request.terminal.view()));
    }
}

void Pipeline::keep_pins(Batch& batch, const vault::PinTranslate::Reply& reply, const std::vector<std::size_t>& items) {
    for (std::size_t i = 0; i < items.size() && i < reply.blocks.size(); ++i) {
        Item& item = batch.items[items[i]];
        item.pin_state = Item::PinState::said;
        item.pin_check = reply.blocks[i].empty() ? PinCheck::unusable : PinCheck::good;
        item.zone_pin_block = reply.blocks[i];
        if (item.pin_check == PinCheck::unusable)
            warn(fmt::format("a PIN from terminal {} cannot be translated: no PIN block, or a key is not in the vault",
                             item.request.terminal.view()));
    }
}

// It carries a PIN that was not looked at, and is not known: nothing is decided without it.
bool Pipeline::pin_is_due(const Item& item) const {
    const bool due = item.pin_block.present && item.pin_state != Item::PinState::said;
    const Mti mti = without_repeat(item.request.mti);
    return due && (mti == 0x0200 || mti == 0x0100) && !m_core.knows(item.request);
}

// Decided or refused: the next copy of a request is one by the core's memory, or is asked about anew.
void Pipeline::forget_pins(const Batch& batch) {
    for (const Item& item : batch.items)
        if (item.pin_marked) m_pins_asked.erase(request_of(item.request));
}

}  // namespace giro::appliance
