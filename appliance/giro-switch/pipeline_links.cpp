// The links: which host takes messages (link_health.hpp says when), and their session keys: asked of the vault, told to the
// host, taken into use (link_keys.hpp).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "appliance/giro-switch/pipeline_parts.hpp"
#include "iso8583/canonical.hpp"
#include "util/bytes.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {
constexpr std::uint64_t kAhead_ns = 1'000'000'000;  // of a key's age: the core hears in time, whenever the next tick comes
constexpr std::uint64_t kInFlightCheck_ns = 1'000'000'000;
constexpr std::size_t kNewKeyChars = 38;            // a nonce and a check value
}  // namespace

Result<void> check_link_network(const config::Config& config, const std::vector<iso8583::Dialect>& dialects) {
    for (const auto& link : config.links) {
        const iso8583::Dialect& dialect = dialects[config::dialect_number(config, link.dialect)];
        const unsigned code = iso8583::wire_field(dialect.edition, 70);
        const bool says_codes = dialect.fields[7].defined() && dialect.fields[code].defined();
        const auto cannot = [&](std::string_view what) {
            return fail(Failure::Kind::config, fmt::format("link {}: dialect {} cannot say {}", link.name, dialect.name, what));
        };
        if ((link.sign_on || link.echo_ms != 0) && !says_codes)
            return cannot(fmt::format("a sign-on or an echo: it needs DE7 and DE{}; or the link sign_on = false and echo_ms = 0", code));
        const bool has_keys = link.key_ages.requests != 0 || link.key_ages.seconds != 0;
        if (has_keys && (!says_codes || dialect.fields[48].max < kNewKeyChars))
            return cannot(fmt::format("a key exchange: it needs DE7, DE{} and a DE48 of {} characters", code, kNewKeyChars));
    }
    return {};
}

void Pipeline::link_connected(bus::PeerId peer, const bus::LinkState& state) {
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    if (m_closing && *m_closing != peer) stay_open();
    const auto [known, first] = m_link_peers.try_emplace(state.link, peer);
    if (known->second != peer) m_link_health.connected(state.link, 0, now_ns);  // another gate, so other connections
    known->second = peer;
    const bool changed = m_link_health.figures(state.link).connections != state.connections;  // the gate says it once a second
    m_link_health.connected(state.link, state.connections, now_ns);
    if (changed) m_saf.link_changed(state.link);
    renew_link(state.link);
}

void Pipeline::link_set(std::uint16_t number) {
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    if (m_core.state().links_down().contains(number)) m_link_health.take_down(number, now_ns);
    else if (!m_links_closing) m_link_health.bring_up(number, now_ns);
    renew_link(number);
}

// --- the clean end: what is under way is decided and answered, hosts are signed off from, and the gate hears when that is done.
// It bounds the time that this takes.

void Pipeline::close(bus::PeerId gate) {
    m_closing = gate;
    m_closed = false;  // links that a gate before this one had signed off from stay so: m_links_closing
    m_gate->send(gate, {static_cast<std::uint16_t>(MessageType::closing), bus::Status::ok, 0, {}});
}

// Another gate is there: the one that was to end has been started anew.
void Pipeline::stay_open() {
    m_closing.reset();
    if (!std::exchange(m_links_closing, false)) return;
    m_link_peers.clear();
    for (const config::Link& link : m_program.config.links) {
        m_link_health.connected(link.number, 0, m_clock.monotonic_ns());  // the ended gate's
        link_set(link.number);
    }
}

void Pipeline::close_when_done() {
    if (!m_closing || m_closed || !m_arrived.empty() || !m_batches.empty()) return;
    if (!std::exchange(m_links_closing, true))
        for (const config::Link& link : m_program.config.links) {
            m_link_health.take_down(link.number, m_clock.monotonic_ns());
            renew_link(link);
        }
    const bool any = std::ranges::any_of(m_program.config.links, [this](const config::Link& link) { return m_link_health.signed_on(link.number); });
    if (any || !m_waiting.empty() || m_portions != 0) return;
    m_closed = true;
    m_gate->send(*m_closing, {static_cast<std::uint16_t>(MessageType::closed), bus::Status::ok, 0, {}});
    log::info("everything is answered and every host signed off from; the gate may end");
}

// To the core a link is up while something may be sent to its host.
void Pipeline::update_link(const config::Link& link) {
    m_link_keys.link_state(link.number, m_link_health.signed_on(link.number));
    const bool up = m_link_health.up(link.number) && m_link_keys.usable(link.number, m_clock.monotonic_ns() + kAhead_ns);
    const std::string_view why = m_link_health.up(link.number) ? "no session key" : to_string(m_link_health.state(link.number));
    if (m_core.link_up(link.number) != up) log::info("link {} is {}{}", link.name, up ? "up" : "down: ", up ? "" : why);
    m_core.link_state(link.number, up, m_link_health.busy(link.number));
}

void Pipeline::renew_links() {
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    if (now_ns - m_in_flight_checked_ns >= kInFlightCheck_ns) {
        m_in_flight_checked_ns = now_ns;
        m_link_health.keep([this](std::uint64_t payment) {
            const auto* outstanding = m_core.state().outstanding(payment);
            return outstanding != nullptr && !outstanding->answered;
        });
    }
    for (const config::Link& link : m_program.config.links) renew_link(link);
}

void Pipeline::renew_link(std::uint16_t number) {
    if (const auto* link = config::find_link(m_program.config, number)) renew_link(*link);
}

void Pipeline::renew_link(const config::Link& link) {
    if (const auto code = m_link_health.due(link.number, m_clock.monotonic_ns(), m_saf.in_flight(link.number))) ask_link(link.number, *code);
    update_link(link);
    if (!m_link_keys.due(link.number, m_clock.monotonic_ns())) return;
    ask_link_key(link.number);
    update_link(link);
}

// The key of the link's next message. The core hears at once when it was the last under this key.
vault::Nonce Pipeline::next_link_key(std::uint16_t number) {
    const vault::Nonce key = m_link_keys.next(number, m_clock.monotonic_ns());
    renew_link(number);
    return key;
}

void Pipeline::link_failed(std::uint16_t number) {
    m_link_keys.failed(number);
    renew_link(number);
}

// A sign-on or an echo.
void Pipeline::ask_link(std::uint16_t link, std::uint16_t code) {
    const auto& question = m_link_health.asking(link, code, switching::transmission_time(m_clock.wall_ns()), m_clock.monotonic_ns());
    auto frame = m_frames[m_link_dialects.at(link)].link_network(code, question.stan, question.transmission, switching::link_key_id(link));
    if (frame) send_to_link(link, std::move(*frame));
}

// An 0800 of ours, under the base key.
void Pipeline::send_to_link(std::uint16_t link, Buffer frame) {
    const auto peer = m_link_peers.find(link);
    if (peer == m_link_peers.end()) return;
    std::vector<Outgoing> out;
    out.push_back({peer->second, MessageType::link_frame_out, link, std::move(frame), true, switching::link_key_id(link), kBaseKey,
                   m_link_dialects.at(link), {}, {}, {}});
    send_with_macs(std::move(out));
}

// What the host asks by itself; it hears on the connection that it asked on.
void Pipeline::answer_link(Batch& batch, const Item& item, std::string_view name) {
    const PaymentRequest& r = item.request;
    const ResponseCode code = m_link_health.asked(r, m_clock.monotonic_ns());
    if (r.network_code == switching::kCutOver) m_core.note_cut_over(r.link, m_clock.wall_ns());
    if (r.network_code != switching::kEcho) log::info("link {}: its host sent 0800 {:03}, answered {}", name, r.network_code, code.view());
    renew_link(r.link);
    auto frame = m_frames[r.dialect].answer(r, {code, {}, {}}, true);
    if (!frame) return;
    Outgoing& out = batch.out.emplace_back(Outgoing{item.peer, MessageType::link_frame_out, r.link, std::move(*frame), true,
                                                    switching::link_key_id(r.link), kBaseKey, r.dialect, {}, {}, {}});
    out.connection = r.connection;
}

void Pipeline::network_answered(const PaymentRequest& answer, std::string_view name) {
    if (answer.network_code == switching::kKeyExchange) return link_key_answered(answer, name);
    const bool ours = m_link_health.network_answered(answer, m_clock.monotonic_ns());
    if (!ours) warn(fmt::format("link {}: an 0810 {:03} that answers no question", name, answer.network_code));
    else if (answer.response_code != switching::kApproved)
        warn(fmt::format("link {}: its host refuses 0800 {:03} with {}", name, answer.network_code, answer.response_code.view()));
    renew_link(answer.link);
}

void Pipeline::ask_link_key(std::uint16_t link) {
    m_link_keys.asking(link, m_clock.monotonic_ns());
    const TerminalId key = switching::link_key_id(link);
    m_vault.call<vault::NewSessionKey>({key, m_mac_kinds.of(key)}, [this, link](vault::Answer<vault::NewSessionKey> answer) {
        if (!answer) return note_vault(false, answer.error().why);
        const auto& question =
            m_link_keys.question(link, answer->nonce, answer->kcv, switching::transmission_time(m_clock.wall_ns()));
        auto frame = m_frames[m_link_dialects.at(link)].link_network(switching::kKeyExchange, question.stan, question.transmission,
                                                                     switching::link_key_id(link), to_hex(question.nonce) + question.kcv);
        if (frame) send_to_link(link, std::move(*frame));
    });
}

void Pipeline::link_key_answered(const PaymentRequest& answer, std::string_view name) {
    if (!m_link_keys.answered(answer, m_clock.monotonic_ns()))
        return warn(fmt::format("link {}: an answer to no key exchange, or a refusal of one (DE39 {})", name, answer.response_code.view()));
    log::info("link {}: a new session key", name);
    if (const auto* link = config::find_link(m_program.config, answer.link)) update_link(*link);
}

}  // namespace giro::appliance
