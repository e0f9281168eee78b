// What the vault has to say before anything can be decided: MACs, card numbers to seal, session keys.
#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro-switch/pipeline_parts.hpp"
#include "appliance/giro-switch/stored_digits.hpp"
#include "iso8583/ksn.hpp"
#include "iso8583/mac.hpp"
#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {
constexpr std::uint64_t kWarningsPerSecond = 10;
}

// First the MACs; then, for what proved genuine, the PANs and the session keys. Nobody without a terminal's key makes
// the token do more than check one MAC.
void Pipeline::ask_vault(const std::shared_ptr<Batch>& batch) {
    vault::MacVerify::Request macs;
    vault::DukptVerify::Request dukpt_macs;
    batch->asked_ns = m_clock.monotonic_ns();
    batch->routing = m_core.routing_generation();
    batch->waiting = 1;  // this function
    for (Item& item : batch->items) {
        if (!item.is_payment()) continue;
        const bool from_link = item.request.source == PaymentRequest::Source::link;
        item.terminal = from_link ? nullptr : m_core.state().terminal(item.request.terminal);
        if (item.terminal != nullptr && item.terminal->is_dukpt()) add_dukpt_check(item, dukpt_macs);
        else add_mac_checks(item, macs);
    }
    if (!macs.items.empty()) ask_checks<vault::MacVerify>(batch, macs);
    if (!dukpt_macs.items.empty()) ask_checks<vault::DukptVerify>(batch, dukpt_macs);
    vault_done(*batch, true);
}

template <typename Verb>
void Pipeline::ask_checks(const std::shared_ptr<Batch>& batch, const typename Verb::Request& request) {
    ++batch->waiting;
    ++batch->checks_waiting;
    m_vault.call<Verb>(request, [this, batch](vault::Answer<Verb> answer) {
        if (answer) keep_checks(*batch, *answer);
        else note_vault(false, answer.error().why);
        batch->failed = batch->failed || !answer;
        if (--batch->checks_waiting == 0 && !batch->failed) {
            GIRO_FAILPOINT("switch.macs.checked");
            ask_about_genuine(batch);
        }
        vault_done(*batch, answer.has_value());
    });
}

void Pipeline::keep_checks(Batch& batch, vault::MacVerify::Reply& reply) {
    batch.mac_good = std::move(reply.good);
}
void Pipeline::keep_checks(Batch& batch, vault::DukptVerify::Reply& reply) {
    batch.dukpt = std::move(reply.verdicts);
}

void Pipeline::ask_about_genuine(const std::shared_ptr<Batch>& batch) {
    vault::ProtectPan::Request pans;
    std::vector<NewPan> keys;
    for (std::size_t i = 0; i < batch->items.size(); ++i) {
        Item& item = batch->items[i];
        if (!item.is_payment() || item.request.source != PaymentRequest::Source::terminal || !batch->genuine(item))
            continue;
        add_pan(item, pans, keys);
        if (!is_key_exchange(item.request) || item.terminal->is_dukpt()) continue;
        using KeyExchange = switching::Core::KeyExchange;
        const KeyExchange kind = m_core.key_exchange(item.request, m_clock.wall_ns());
        if (kind == KeyExchange::fresh) ask_session_key(batch, i, {});
        if (kind == KeyExchange::repeat) ask_session_key(batch, i, item.terminal->nonce);
    }
    if (pans.pans.empty()) return ask_about_sealed(batch);
    ++batch->waiting;
    m_vault.call<vault::ProtectPan>(pans, [this, batch, keys](vault::Answer<vault::ProtectPan> answer) {
        const bool ok = answer && answer->pans.size() == keys.size();
        for (std::size_t i = 0; ok && i < keys.size(); ++i) {
            const entry::SealedPan sealed = to_entry(answer->pans[i], keys[i].first6_last4);
            for (Item& item : batch->items)
                if (item.has_pan && item.pan == keys[i].key) item.sealed = sealed;
            m_pans.put(keys[i].key, sealed);
        }
        if (ok) ask_about_sealed(batch);
        vault_done(*batch, ok);
    });
}

void Pipeline::ask_about_sealed(const std::shared_ptr<Batch>& batch) {
    ask_about_pins(batch);
    ask_about_cards(batch);
}

void Pipeline::add_mac_checks(Item& item, vault::MacVerify::Request& macs) const {
    const PaymentRequest& r = item.request;
    const bool from_link = r.source == PaymentRequest::Source::link;
    if (!r.has_mac || r.raw.size() <= switching::kMacBytes || (!from_link && item.terminal == nullptr)) return;
    if (!from_link && !is_network(r) && item.terminal->nonce == kBaseKey) return;  // no payment before a key exchange
    vault::MacVerify::Item check;
    check.terminal = from_link ? switching::link_key_id(r.link) : r.terminal;
    const bool by_base_key = is_network(r) || (from_link && r.mti == kNetworkAnswer);
    const auto of_link = from_link && !by_base_key ? m_link_keys.accepted(r.link, m_clock.monotonic_ns()) : LinkKeys::Accepted{kBaseKey, {}};
    if (!of_link.current && !of_link.previous) return;  // there is no key that it could be under
    check.nonce = from_link ? of_link.current.value_or(of_link.previous.value_or(kBaseKey)) : by_base_key ? kBaseKey : item.terminal->nonce;
    check.mac = r.mac;
    Buffer pieces;
    const auto input = iso8583::mac_input(m_dialects[r.dialect], r.raw, pieces);
    if (!input) return;
    check.data = input->covered;
    item.under_mac = Secret(std::move(pieces));  // the view stays good: moved, not copied
    check.kind = m_mac_kinds.of(check.terminal);
    item.mac = static_cast<int>(macs.items.size());
    item.nonce = check.nonce;
    macs.items.push_back(check);
    if (from_link ? !of_link.current || !of_link.previous : is_network(r) || !m_core.takes_previous_key(r.terminal, m_clock.wall_ns())) return;
    // The new key may not have reached the terminal yet, or the host not have answered everything under the old one.
    check.nonce = item.previous_nonce = from_link ? *of_link.previous : item.terminal->previous_nonce;
    item.mac_previous = static_cast<int>(macs.items.size());
    macs.items.push_back(check);
}

// The key is that of the KSN in the message, which must name this terminal's device: another device's key, good as it is,
// says nothing about who stands at this till.
void Pipeline::add_dukpt_check(Item& item, vault::DukptVerify::Request& macs) const {
    const PaymentRequest& r = item.request;
    if (!r.has_mac || item.ksn.device() != item.terminal->device) item.ksn = {};
    if (item.ksn.empty()) return;
    Buffer pieces;
    const auto input = iso8583::mac_input(m_dialects[r.dialect], r.raw, pieces);
    if (!input) return;
    item.dukpt = static_cast<int>(macs.items.size());
    macs.items.push_back({item.terminal->bdk, item.ksn.view(), r.mac, input->covered,
                          static_cast<vault::MacKind>(item.terminal->dukpt_mac)});
    item.under_mac = Secret(std::move(pieces));  // the view stays good: moved, not copied
}

void Pipeline::add_pan(Item& item, vault::ProtectPan::Request& pans, std::vector<NewPan>& keys) const {
    if (!is_card_payment(item.request) || item.request.pan.empty()) return;
    item.has_pan = true;
    item.pan = m_pans.key_of(item.request.pan);
    if (const entry::SealedPan* known = m_pans.find(item.pan)) item.sealed = *known;
    if (item.sealed || std::ranges::find(keys, item.pan, &NewPan::key) != keys.end()) return;
    keys.push_back({item.pan, stored_digits(item.request.pan)});
    pans.pans.push_back(item.request.pan);
}

// `of`: zero, or the nonce of the key that is there, whose answer was lost.
void Pipeline::ask_session_key(const std::shared_ptr<Batch>& batch, std::size_t index, const vault::Nonce& of) {
    ++batch->waiting;
    const TerminalId& terminal = batch->items[index].request.terminal;
    m_vault.call<vault::NewSessionKey>({terminal, m_mac_kinds.of(terminal), true, of},
                                       [this, batch, index](vault::Answer<vault::NewSessionKey> answer) {
                                           if (answer) batch->items[index].session_key = std::move(*answer);
                                           vault_done(*batch, answer.has_value());
                                       });
}

void Pipeline::vault_done(Batch& batch, bool ok) {
    if (!ok) batch.failed = true;
    ASSERT(batch.waiting > 0);
    if (--batch.waiting == 0) finish_later();
}

void Pipeline::note_vault(bool answers, const std::string& why) {
    if (answers == m_vault_answers) return;
    m_vault_answers = answers;
    if (answers)
        log::info("the vault answers again");
    else
        log::error("the vault refuses: {}; payments are answered 91 until it is back",
                   why.empty() ? "its token is away" : why);
}

// Peers can cause these at will: at most kWarningsPerSecond, then a count.
void Pipeline::warn(std::string_view what) {
    const std::uint64_t second = m_clock.monotonic_ns() / 1'000'000'000;
    if (second != m_warned_second) {
        if (m_warned > kWarningsPerSecond) log::warn("{} more such lines left out", m_warned - kWarningsPerSecond);
        m_warned_second = second;
        m_warned = 0;
    }
    if (++m_warned <= kWarningsPerSecond) log::warn("{}", what);
}

}  // namespace giro::appliance
