// The links' session keys: asked of the vault, told to the host, taken into use (link_keys.hpp says when).
#include <fmt/format.h>

#include "appliance/giro-switch/pipeline_parts.hpp"
#include "util/bytes.hpp"
#include "util/log.hpp"

namespace giro::appliance {

// To the core a link is up while something may be sent to its host.
void Pipeline::update_link(const config::Link& link) {
    const bool up = m_link_keys.usable(link.number, m_clock.monotonic_ns());
    if (m_core.link_up(link.number) != up) log::info("link {} is {}", link.name, up ? "up" : "down");
    m_core.link_state(link.number, up);
}

void Pipeline::renew_link_keys() {
    for (const std::uint16_t link : m_link_keys.due(m_clock.monotonic_ns())) ask_link_key(link);
    for (const config::Link& link : m_program.config.links) update_link(link);
}

void Pipeline::ask_link_key(std::uint16_t link) {
    m_link_keys.asking(link, m_clock.monotonic_ns());
    const TerminalId key = switching::link_key_id(link);
    m_vault.call<vault::NewSessionKey>({key, m_mac_kinds.of(key)}, [this, link, key](vault::Answer<vault::NewSessionKey> answer) {
        if (!answer) return note_vault(false, answer.error().why);
        const auto dialect = m_link_dialects.find(link);
        const auto peer = m_link_peers.find(link);
        if (dialect == m_link_dialects.end() || peer == m_link_peers.end()) return;
        const auto question = m_link_keys.question(link, answer->nonce, switching::transmission_time(m_clock.wall_ns()));
        auto frame = m_frames[dialect->second].link_key_exchange(question.stan, question.transmission, key,
                                                                   to_hex(answer->nonce) + to_hex(answer->kcv));
        if (!frame) return warn(fmt::format("link {}: its dialect cannot say a key exchange", link + 1));
        std::vector<Outgoing> out;
        out.push_back({peer->second, MessageType::link_frame_out, link, std::move(*frame), true, key, kBaseKey,
                       dialect->second, {}, {}, {}});
        send_with_macs(std::move(out));
    });
}

void Pipeline::link_key_answered(const PaymentRequest& answer, std::string_view name) {
    if (!m_link_keys.answered(answer, m_clock.monotonic_ns()))
        return warn(fmt::format("link {}: an answer to no key exchange, or a refusal of one (DE39 {})", name, answer.response_code.view()));
    log::info("link {}: a new session key", name);
    if (const auto* link = config::find_link(m_program.config, answer.link)) update_link(*link);
}

}  // namespace giro::appliance
