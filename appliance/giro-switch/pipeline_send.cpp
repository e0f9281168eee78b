// From the decision to the wire: answers and what goes to issuers, MACed by the vault; and what the clock asks for.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "appliance/giro-switch/pipeline_parts.hpp"
#include "appliance/giro-switch/stored_digits.hpp"
#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::appliance {

using switching::Answer;
using switching::Reply;

namespace {
constexpr std::uint64_t kDiskCheck_ns = 1'000'000'000;
constexpr std::uint64_t kDiskFreeMin = 64U
                                       << 20;  // bytes: below, no payment is taken, so that nothing half done is left
}  // namespace

// --- answers ------------------------------------------------------------------------------------------------------

void Pipeline::answer(Batch& batch, const Item& item, const Reply& reply, bool with_mac, const vault::Nonce& nonce) {
    auto frame = m_frames[item.request.dialect].answer(item.request, reply, with_mac);
    if (!frame) {
        log::warn("the gate passed on a message that does not unpack");
        return;
    }
    Outgoing& out = batch.out.emplace_back(
        Outgoing{item.peer, MessageType::frame_out, item.request.connection, std::move(*frame), with_mac,
                 item.request.terminal, nonce, item.request.dialect, {}, {}, {}});
    mac_under(out, item);
}

// The answer to a DUKPT terminal is under the KSN of what it answers.
void Pipeline::mac_under(Outgoing& out, const Item& item) {
    if (item.terminal == nullptr || !item.terminal->is_dukpt()) return;
    out.ksn = item.ksn;
    out.bdk = item.terminal->bdk;
    out.dukpt_mac = static_cast<vault::MacKind>(item.terminal->dukpt_mac);
}

void Pipeline::forward(Batch& batch, Item& item, const Answer& answer) {
    const auto* outstanding = m_core.state().outstanding(answer.payment);
    ASSERT(outstanding != nullptr);
    const auto dialect = m_link_dialects.find(answer.link);
    const auto peer = m_link_peers.find(answer.link);
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    const bool usable = m_link_health.up(answer.link) && m_link_keys.usable(answer.link, now_ns);
    if (!usable || dialect == m_link_dialects.end() || peer == m_link_peers.end()) return;  // it will time out, be declined and reversed
    auto frame = m_frames[dialect->second].link_request(item.request, outstanding->payment, m_dialects[item.request.dialect],
                                                          item.zone_pin_block);
    if (!frame) return;
    m_link_health.sent(answer.link, answer.payment, now_ns);
    batch.out.push_back({peer->second, MessageType::link_frame_out, answer.link, std::move(*frame), true,
                         switching::link_key_id(answer.link), next_link_key(answer.link), dialect->second, {}, {}, {}});
}

// A repeat takes the place of what it repeats: the gate hears that nothing more comes for that one, so that repeats of
// one request which waits do not count as in flight.
void Pipeline::wait(Batch& batch, std::uint64_t payment, Waiting waiting) {
    const auto [at, first] = m_waiting.try_emplace(payment);
    if (!first)
        batch.out.push_back(
            {at->second.item.peer, MessageType::frame_out, at->second.item.request.connection, {}, false, {}, {}, 0, {}, {}, {}});
    at->second = std::move(waiting);
}

void Pipeline::settle_waiting(std::vector<Outgoing>& out, const switching::Decided& decided, const Buffer& chip) {
    const auto at = m_waiting.find(decided.payment);
    if (at == m_waiting.end()) return;  // the switch was restarted meanwhile; the terminal repeats
    const Waiting waiting = std::move(at->second);
    m_waiting.erase(at);
    const std::uint8_t dialect = waiting.item.request.dialect;
    auto frame = m_frames[dialect].answer(waiting.item.request, {decided.code, decided.auth_code, {}, std::nullopt, chip}, true);
    if (!frame) return;
    out.push_back({waiting.item.peer, MessageType::frame_out, waiting.item.request.connection, std::move(*frame), true,
                   waiting.item.request.terminal, waiting.nonce, dialect, {}, {}, {}});
    mac_under(out.back(), waiting.item);
}

// Of what is durable already.
void Pipeline::send_with_macs(std::vector<Outgoing> out) { release(ask_for_macs(std::move(out))); }

// In portions that the vault takes in one request; their answers come in order, and so do the frames. None leaves before release().
Pipeline::Portions Pipeline::ask_for_macs(std::vector<Outgoing> out) {
    Portions portions;
    for (std::size_t from = 0; from < out.size(); from += vault::kBatchItemsMax) {
        const auto first = out.begin() + static_cast<std::ptrdiff_t>(from);
        const auto last = out.begin() + static_cast<std::ptrdiff_t>(std::min(out.size(), from + vault::kBatchItemsMax));
        portions.push_back(ask_for_portion({std::make_move_iterator(first), std::make_move_iterator(last)}));
    }
    return portions;
}

// What they tell of is on the disk. Those that the vault still works on leave when it has answered.
void Pipeline::release(const Portions& portions) {
    for (const auto& portion : portions) {
        portion->durable = true;
        if (portion->waiting != 0 || portion->failed) continue;
        for (const Outgoing& o : portion->out) send(o);
    }
}

std::shared_ptr<Pipeline::Portion> Pipeline::ask_for_portion(std::vector<Outgoing> out) {
    auto portion = std::make_shared<Portion>();
    portion->out = std::move(out);
    portion->asked_ns = m_clock.monotonic_ns();
    vault::MacGenerate::Request sessions;
    vault::DukptMac::Request ksns;
    std::vector<Buffer> scratch(portion->out.size());  // the requests are encoded in call()
    for (std::size_t i = 0; i < portion->out.size(); ++i) {
        const Outgoing& o = portion->out[i];
        if (!o.with_mac) continue;
        const Bytes covered = m_frames[o.dialect].covered(o.frame, scratch[i]);
        if (o.ksn.empty()) sessions.items.push_back({o.key, o.nonce, covered, m_mac_kinds.of(o.key)});
        else ksns.items.push_back({o.bdk, o.ksn.view(), covered, o.dukpt_mac});
    }
    if (!sessions.items.empty() || !ksns.items.empty()) ++m_portions;
    portion->waiting = (sessions.items.empty() ? 0U : 1U) + (ksns.items.empty() ? 0U : 1U);
    if (!sessions.items.empty()) ask_macs<vault::MacGenerate>(portion, sessions);
    if (!ksns.items.empty()) ask_macs<vault::DukptMac>(portion, ksns);
    return portion;
}

template <typename Verb>
void Pipeline::ask_macs(const std::shared_ptr<Portion>& portion, const typename Verb::Request& request) {
    m_vault.call<Verb>(request, [this, portion](vault::Answer<Verb> answer) {
        if (answer) macs_made(*portion, *answer);
        else note_vault(false, answer.error().why);
        portion->failed = portion->failed || !answer;
        if (--portion->waiting != 0) return;
        --m_portions;
        m_times.vault_mac_ns += m_clock.monotonic_ns() - portion->asked_ns;
        // Without a MAC an answer is worth nothing to the terminal: it repeats, and gets the same answer later.
        // Nor does it leave when the journal failed: then it was not released.
        if (portion->failed || !portion->durable) return;
        GIRO_FAILPOINT("switch.answers.maced");
        if (GIRO_FAILPOINT_LOSES("switch.answers.lost")) return;
        for (const Outgoing& o : portion->out) send(o);
        GIRO_FAILPOINT("switch.answers.sent");
        m_gate->flush();  // not after whatever else this turn decides
    });
}

void Pipeline::macs_made(Portion& portion, const vault::MacGenerate::Reply& reply) {
    std::size_t next = 0;
    for (Outgoing& o : portion.out) {
        if (!o.with_mac || !o.ksn.empty()) continue;
        if (next >= reply.macs.size()) return void(portion.failed = true);
        switching::FrameBuilder::put_mac(o.frame, reply.macs[next++]);
    }
}

// None where the terminal has gone on to its next KSN meanwhile: it does not wait for this answer any more.
void Pipeline::macs_made(Portion& portion, const vault::DukptMac::Reply& reply) {
    std::size_t next = 0;
    for (Outgoing& o : portion.out) {
        if (!o.with_mac || o.ksn.empty()) continue;
        if (next >= reply.macs.size()) return void(portion.failed = true);
        const auto& made = reply.macs[next++];
        if (made.made) switching::FrameBuilder::put_mac(o.frame, made.mac);
        else o.frame.clear();
    }
}

void Pipeline::send(const Outgoing& out) {
    if (out.type == MessageType::wallet_reply)
        return m_gate->send(out.peer, {static_cast<std::uint16_t>(out.type), bus::Status::ok, 0, out.frame});
    if (out.type == MessageType::frame_out)
        bus::encode(m_body, bus::FrameOut{out.destination, false, out.frame});
    else
        bus::encode(m_body, bus::LinkFrameOut{static_cast<std::uint16_t>(out.destination), out.frame, out.connection});
    m_gate->send(out.peer, {static_cast<std::uint16_t>(out.type), bus::Status::ok, 0, m_body});
    wipe(m_body);
    m_body.clear();
}

// --- by the clock -------------------------------------------------------------------------------------------------

void Pipeline::tick() {
    if (m_ended) return;
    std::vector<Outgoing> out;
    for (const auto& decided : m_core.expire(m_clock.wall_ns(), m_disk_low)) {
        settle_waiting(out, decided);
        m_link_health.unanswered(decided.payment, m_clock.monotonic_ns());
        if (const auto* unanswered = m_core.state().outstanding(decided.payment)) link_failed(unanswered->payment.link);
    }
    if (!out.empty()) GIRO_FAILPOINT("switch.expired");
    if (!commit()) return;
    if (!out.empty()) GIRO_FAILPOINT("switch.expiry.committed");
    send_with_macs(std::move(out));
    renew_links();
    send_owed();
    close_when_done();
    check_disk();
    if (!m_journal.checkpoint_due(m_batches.empty())) return;
    if (auto done = m_journal.checkpoint(); !done) {
        m_ended = true;
        m_program.fail(done.error());
    }
}

void Pipeline::check_disk() {
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    if (now_ns - m_disk_checked_ns < kDiskCheck_ns) return;
    m_disk_checked_ns = now_ns;
    struct statvfs fs {};
    const auto folder = m_program.paths.journal().parent_path();
    if (::statvfs(folder.c_str(), &fs) != 0) return;
    const bool low = fs.f_bavail * fs.f_frsize < kDiskFreeMin;
    if (low == m_disk_low) return;
    m_disk_low = low;
    if (low)
        log::error("less than {} MiB free in {}: payments are answered 96 until there is room", kDiskFreeMin >> 20,
                   folder.string());
    else
        log::info("there is room on the disk again");
}

void Pipeline::seal(const Pan& pan, std::function<void(std::optional<entry::SealedPan>)> done) {
    const auto seen = stored_digits(pan);
    m_vault.call<vault::ProtectPan>({{pan}}, [seen, done = std::move(done)](vault::Answer<vault::ProtectPan> answer) {
        if (!answer || answer->pans.size() != 1) return done(std::nullopt);
        done(to_entry(answer->pans[0], seen));
    });
}

}  // namespace giro::appliance
