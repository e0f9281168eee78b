// The links' session keys: asked of the vault, told to the host, taken into use (link_keys.hpp says when).
#include <fmt/format.h>

#include "appliance/giro-switch/pipeline_parts.hpp"
#include "iso8583/canonical.hpp"
#include "util/bytes.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {
constexpr std::uint64_t kAhead_ns = 1'000'000'000;  // of a key's age: the core hears in time, whenever the next tick comes
constexpr std::size_t kNewKeyChars = 38;            // a nonce and a check value
}  // namespace

Result<void> check_link_keys(const config::Config& config, const std::vector<iso8583::Dialect>& dialects) {
    for (const auto& link : config.links) {
        if (link.key_ages.requests == 0 && link.key_ages.seconds == 0) continue;
        const iso8583::Dialect& dialect = dialects[config::dialect_number(config, link.dialect)];
        const unsigned code = iso8583::wire_field(dialect.edition, 70);
        const bool can = dialect.fields[7].defined() && dialect.fields[code].defined() && dialect.fields[48].max >= kNewKeyChars;
        if (!can)
            return fail(Failure::Kind::config,
                        fmt::format("link {}: dialect {} cannot say a key exchange: it needs DE7, DE{} and a DE48 of {} characters", link.name,
                                    dialect.name, code, kNewKeyChars));
    }
    return {};
}

// To the core a link is up while something may be sent to its host.
void Pipeline::update_link(const config::Link& link) {
    const bool up = m_link_keys.usable(link.number, m_clock.monotonic_ns() + kAhead_ns);
    if (m_core.link_up(link.number) != up) log::info("link {} is {}", link.name, up ? "up" : "down");
    m_core.link_state(link.number, up);
}

void Pipeline::renew_link_keys() {
    for (const config::Link& link : m_program.config.links) renew_link_key(link);
}

void Pipeline::renew_link_key(const config::Link& link) {
    if (m_link_keys.due(link.number, m_clock.monotonic_ns())) ask_link_key(link.number);
    update_link(link);
}

// The key of the link's next message. The core hears at once when it was the last under this key.
vault::Nonce Pipeline::next_link_key(std::uint16_t number) {
    const vault::Nonce key = m_link_keys.next(number, m_clock.monotonic_ns());
    if (const auto* link = config::find_link(m_program.config, number)) renew_link_key(*link);
    return key;
}

void Pipeline::link_failed(std::uint16_t number) {
    m_link_keys.failed(number);
    if (const auto* link = config::find_link(m_program.config, number)) renew_link_key(*link);
}

void Pipeline::ask_link_key(std::uint16_t link) {
    m_link_keys.asking(link, m_clock.monotonic_ns());
    const TerminalId key = switching::link_key_id(link);
    m_vault.call<vault::NewSessionKey>({key, m_mac_kinds.of(key)}, [this, link, key](vault::Answer<vault::NewSessionKey> answer) {
        if (!answer) return note_vault(false, answer.error().why);
        const auto dialect = m_link_dialects.find(link);
        const auto peer = m_link_peers.find(link);
        if (dialect == m_link_dialects.end() || peer == m_link_peers.end()) return;
        const auto& question =
            m_link_keys.question(link, answer->nonce, answer->kcv, switching::transmission_time(m_clock.wall_ns()));
        auto frame = m_frames[dialect->second].link_key_exchange(question.stan, question.transmission, key,
                                                                   to_hex(question.nonce) + question.kcv);
        if (!frame) return warn(fmt::format("the dialect of the link with the key {} cannot say a key exchange", key.view()));
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
