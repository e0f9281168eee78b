// Advices and reversals that issuers' hosts are owed, from the state's lines to the wire: which go now (saf.hpp), their card
// numbers out of the vault, their MACs. What can never be sent is parked by an entry, with the reason, and is not tried
// again until staff says so (`giro saf retry`): nothing behind it waits for it.
#include <fmt/format.h>

#include "appliance/giro-switch/pipeline_parts.hpp"
#include "appliance/giro-switch/stored_digits.hpp"
#include "util/failpoint.hpp"

namespace giro::appliance {

using entry::SafWhy;

void Pipeline::send_owed() {
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    std::vector<StoreAndForward::Send> sends;
    for (const auto& link : m_program.config.links) {
        if (!m_core.link_up(link.number) || !m_link_peers.contains(link.number) || !m_link_keys.usable(link.number, now_ns)) continue;
        const auto due = m_saf.due(m_core.state(), link.number, link.saf_in_flight_max, now_ns);
        sends.insert(sends.end(), due.begin(), due.end());
    }
    constexpr std::size_t kAtOnce = 256;
    static_assert(kAtOnce <= vault::kBatchItemsMax);
    for (std::size_t from = 0; from < sends.size(); from += kAtOnce)
        reveal_and_send({sends.begin() + static_cast<std::ptrdiff_t>(from),
                         sends.begin() + static_cast<std::ptrdiff_t>(std::min(sends.size(), from + kAtOnce))});
}

// Those of `sends` that are owed still, with their card numbers.
void Pipeline::reveal_and_send(std::vector<StoreAndForward::Send> sends) {
    vault::RevealPan::Request request;
    std::vector<Outgoing> codes;  // paid by a customer's code: there is no card number
    std::erase_if(sends, [&](const auto& send) {
        if (send.give_up) set_aside(send, SafWhy::unanswered);
        if (!StoreAndForward::is_due(m_core.state(), send)) return true;
        const entry::Payment& payment = m_core.state().outstanding(send.payment)->payment;
        if (payment.channel != entry::Channel::card) return add_owed(codes, send, {}), true;
        const auto sealed = to_vault(payment.pan);
        if (sealed) request.pans.push_back(*sealed);
        else set_aside(send, SafWhy::card_unreadable);
        return !sealed.has_value();
    });
    send_with_macs(std::move(codes));
    if (sends.empty()) return;
    GIRO_FAILPOINT("switch.saf.taken");
    m_vault.call<vault::RevealPan>(request, [this, sends](vault::Answer<vault::RevealPan> answer) {
        if (!answer) return not_revealed(sends, answer.error().status);
        std::vector<Outgoing> out;
        for (std::size_t i = 0; i < sends.size(); ++i) {
            const bool there = i < answer->pans.size() && !answer->pans[i].empty();
            if (there) add_owed(out, sends[i], answer->pans[i]);
            else set_aside(sends[i], SafWhy::card_unreadable);
        }
        if (!out.empty()) GIRO_FAILPOINT("switch.reversal.owed");
        send_with_macs(std::move(out));
    });
}

// One that is damaged may have spoilt the others' answer: each is asked for alone. Without its token the vault gives none.
void Pipeline::not_revealed(const std::vector<StoreAndForward::Send>& sends, bus::Status status) {
    if (status == bus::Status::try_again || status == bus::Status::token_absent) return;  // all of it goes again later
    if (sends.size() == 1) return set_aside(sends[0], SafWhy::card_unreadable);
    for (const auto& send : sends) reveal_and_send({send});
}

void Pipeline::add_owed(std::vector<Outgoing>& out, const StoreAndForward::Send& send, const Pan& pan) {
    if (!StoreAndForward::is_due(m_core.state(), send)) return;
    const switching::Outstanding& owed = *m_core.state().outstanding(send.payment);
    const std::uint16_t link = owed.payment.link;
    const auto dialect = m_link_dialects.find(link);
    const auto peer = m_link_peers.find(link);
    if (dialect == m_link_dialects.end() || peer == m_link_peers.end()) return;
    if (!m_link_keys.usable(link, m_clock.monotonic_ns())) return;  // again later
    auto& frames = m_frames[dialect->second];
    const std::optional<Buffer> frame =
        send.reversal ? frames.link_reversal(owed.payment, owed.stands, pan, owed.why, send.repeat)
                      : frames.link_advice(owed.payment, owed.advice, pan, send.repeat);
    if (!frame) return set_aside(send, SafWhy::unsayable);
    out.push_back({peer->second, MessageType::link_frame_out, link, *frame, true, switching::link_key_id(link), next_link_key(link),
                   dialect->second, {}, {}, {}});
}

void Pipeline::set_aside(const StoreAndForward::Send& send, SafWhy why) {
    if (!StoreAndForward::is_due(m_core.state(), send)) return;
    warn(fmt::format("the issuer of payment {} is owed {} that cannot be sent ({}): parked, see giro saf list", send.payment,
                     send.reversal ? "a reversal" : "an advice", entry::name(why)));
    m_core.set_aside(send.payment, why, m_clock.wall_ns());
    static_cast<void>(commit());  // before the next of its line goes
}

}  // namespace giro::appliance
