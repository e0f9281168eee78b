#include "appliance/giro-switch/pipeline.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "bus/messages.hpp"
#include "util/bytes.hpp"
#include "util/log.hpp"
#include "util/secret.hpp"

namespace giro::appliance {

using bus::MessageType;
using switching::Answer;
using switching::Reply;

namespace {
constexpr std::size_t kBatchRequestsMax = 400;   // two MAC candidates each still fit in one request to the vault
constexpr std::size_t kBatchesAtVaultMax = 3;    // more only adds latency: the vault is one thread
constexpr std::size_t kArrivedMax = 65'536;      // beyond it requests are dropped: the terminals repeat
constexpr std::uint64_t kReversalRetry_ns = 2'000'000'000;
constexpr std::size_t kReversalsPerTick = 32;
constexpr std::uint64_t kDiskCheck_ns = 1'000'000'000;
constexpr std::uint64_t kDiskFreeMin = 64U << 20;  // bytes: below, no payment is taken, so that nothing half done is left
static_assert(2 * kBatchRequestsMax <= vault::kBatchItemsMax);
const vault::Nonce kBaseKey{};

bool is_key_exchange(const PaymentRequest& r) { return r.mti == 0x0800 && r.network_code == 161; }
}  // namespace

// One request on its way. `request` views into `body`.
struct Pipeline::Item {
    bus::PeerId peer = 0;
    std::uint16_t type = 0;
    Secret body;  // holds a clear card number: wiped when the request is done with
    PaymentRequest request;
    bus::WalletRequest wallet;
    const switching::Terminal* terminal = nullptr;
    int mac = -1, mac_previous = -1;  // index of its check in the batch's answers; -1 none
    vault::Nonce nonce{}, previous_nonce{};  // the keys it was checked under; the terminal's may change meanwhile
    bool has_pan = false;
    PanCache::Key pan{};
    std::optional<vault::NewSessionKey::Reply> session_key;
};

struct Pipeline::Outgoing {
    bus::PeerId peer = 0;
    MessageType type = MessageType::frame_out;
    std::uint64_t destination = 0;  // connection, or link
    Buffer frame;                   // for a wallet: the body of its reply
    bool with_mac = false;
    TerminalId key;
    vault::Nonce nonce{};
};

struct Pipeline::Batch {
    std::vector<Item> items;
    std::size_t waiting = 0;  // answers of the vault still to come
    bool failed = false;
    std::vector<bool> mac_good;
    std::uint64_t asked_ns = 0;
    std::vector<Outgoing> out;
};

struct Pipeline::Waiting {
    Item item;
    vault::Nonce nonce{};
};

Pipeline::Pipeline(Program& program, switching::Core& core, journal::Journal& journal, vault::Client& vault,
                   const iso8583::Dialect& dialect, Clock& clock, Random& random)
    : m_program(program), m_core(core), m_journal(journal), m_vault(vault), m_frames(dialect), m_clock(clock), m_pans(random) {}

Pipeline::~Pipeline() = default;

Result<void> Pipeline::open() {
    bus::Handlers handlers;
    handlers.record = [this](bus::PeerId peer, const bus::Record& record) { received(peer, record); };
    handlers.drained = [this] { start_batches(); };
    auto server = bus::Server::bind(m_program.loop, m_program.context, m_program.paths.endpoint("switch", bus::caller::kGate),
                                    std::move(handlers));
    if (!server) return tl::unexpected(server.error());
    m_gate = std::move(*server);
    return {};
}

void Pipeline::received(bus::PeerId peer, const bus::Record& record) {
    if (m_arrived.size() >= kArrivedMax) {
        if (++m_dropped % 10'000 == 1) log::warn("overloaded: {} requests dropped so far", m_dropped);
        return;
    }
    Item item;
    item.peer = peer;
    item.type = record.type;
    item.body = Secret(Buffer(record.body.begin(), record.body.end()));
    switch (static_cast<MessageType>(record.type)) {
        case MessageType::payment_request: {
            auto request = bus::decode_payment_request(item.body.reveal());
            if (!request) break;
            item.request = *request;
            m_arrived.push_back(std::move(item));
            return;
        }
        case MessageType::wallet_request: {
            const auto request = bus::decode_wallet_request(item.body.reveal());
            if (!request) break;
            item.wallet = *request;
            m_arrived.push_back(std::move(item));
            return;
        }
        case MessageType::link_state: {
            const auto state = bus::decode_link_state(item.body.reveal());
            if (!state || state->link >= m_program.config.links.size()) break;
            if (m_core.link_up(state->link) != state->up)
                log::info("link {} is {}", m_program.config.links[state->link].name, state->up ? "up" : "down");
            m_core.link_state(state->link, state->up);
            m_link_peers[state->link] = peer;
            return;
        }
        default: break;
    }
    log::warn("the gate sent a record of type {:#06x} that is none of its own; its connection is closed", record.type);
    m_gate->close_peer(peer);
}

void Pipeline::start_batches() {
    while (!m_arrived.empty() && m_batches.size() < kBatchesAtVaultMax) start_batch();
}

void Pipeline::start_batch() {
    auto batch = std::make_shared<Batch>();
    if (m_arrived.size() <= kBatchRequestsMax) {
        batch->items.swap(m_arrived);
    } else {
        const auto end = m_arrived.begin() + static_cast<std::ptrdiff_t>(kBatchRequestsMax);
        batch->items.assign(std::make_move_iterator(m_arrived.begin()), std::make_move_iterator(end));
        m_arrived.erase(m_arrived.begin(), end);
    }
    m_batches.push_back(batch);
    ask_vault(batch);
}

// --- what the vault has to say before anything can be decided ----------------------------------------------------

void Pipeline::ask_vault(const std::shared_ptr<Batch>& batch) {
    vault::MacVerify::Request macs;
    vault::ProtectPan::Request pans;
    std::vector<PanCache::Key> keys;
    batch->asked_ns = m_clock.monotonic_ns();
    batch->waiting = 1;  // ours, until everything is asked
    for (std::size_t i = 0; i < batch->items.size(); ++i) {
        Item& item = batch->items[i];
        if (item.type != static_cast<std::uint16_t>(MessageType::payment_request)) continue;
        add_mac_checks(item, macs);
        if (item.mac < 0) continue;
        add_pan(item, pans, keys);
        if (is_key_exchange(item.request)) ask_session_key(batch, i);
    }
    if (!macs.items.empty()) {
        ++batch->waiting;
        m_vault.call<vault::MacVerify>(macs, [this, batch](vault::Answer<vault::MacVerify> answer) {
            if (answer) batch->mac_good = std::move(answer->good);
            else note_vault(false, answer.error().why);
            vault_done(*batch, answer.has_value());
        });
    }
    if (!pans.pans.empty()) {
        ++batch->waiting;
        m_vault.call<vault::ProtectPan>(pans, [this, batch, keys](vault::Answer<vault::ProtectPan> answer) {
            const bool ok = answer && answer->pans.size() == keys.size();
            for (std::size_t i = 0; ok && i < keys.size(); ++i) {
                const auto& p = answer->pans[i];
                entry::SealedPan sealed;
                sealed.token = p.token;
                sealed.sealed.insert(sealed.sealed.end(), p.nonce.begin(), p.nonce.end());
                sealed.sealed.insert(sealed.sealed.end(), p.cipher.begin(), p.cipher.end());
                m_pans.put(keys[i], std::move(sealed));
            }
            vault_done(*batch, ok);
        });
    }
    vault_done(*batch, true);
}

void Pipeline::add_mac_checks(Item& item, vault::MacVerify::Request& macs) const {
    const PaymentRequest& r = item.request;
    const bool from_link = r.source == PaymentRequest::Source::link;
    item.terminal = from_link ? nullptr : m_core.state().terminal(r.terminal);
    if (!r.has_mac || r.raw.size() <= switching::kMacBytes || (!from_link && item.terminal == nullptr)) return;
    vault::MacVerify::Item check;
    check.terminal = from_link ? switching::link_key_id(r.link) : r.terminal;
    check.nonce = from_link || r.mti == 0x0800 ? kBaseKey : item.terminal->nonce;
    check.mac = r.mac;
    check.data = r.raw.first(r.raw.size() - switching::kMacBytes);
    item.mac = static_cast<int>(macs.items.size());
    item.nonce = check.nonce;
    macs.items.push_back(check);
    if (from_link || r.mti == 0x0800 || !item.terminal->has_previous) return;
    const auto used = m_key_used.find(r.terminal);
    if (used != m_key_used.end() && used->second == item.terminal->nonce) return;
    check.nonce = item.previous_nonce = item.terminal->previous_nonce;  // the new key may not have reached the terminal yet
    item.mac_previous = static_cast<int>(macs.items.size());
    macs.items.push_back(check);
}

void Pipeline::add_pan(Item& item, vault::ProtectPan::Request& pans, std::vector<PanCache::Key>& keys) const {
    if (item.request.mti != 0x0200 || item.request.pan.empty()) return;
    item.has_pan = true;
    item.pan = m_pans.key_of(item.request.pan);
    if (m_pans.find(item.pan) != nullptr || std::find(keys.begin(), keys.end(), item.pan) != keys.end()) return;
    keys.push_back(item.pan);
    pans.pans.push_back(item.request.pan);
}

void Pipeline::ask_session_key(const std::shared_ptr<Batch>& batch, std::size_t index) {
    ++batch->waiting;
    m_vault.call<vault::NewSessionKey>({batch->items[index].request.terminal},
                                       [this, batch, index](vault::Answer<vault::NewSessionKey> answer) {
                                           if (answer) batch->items[index].session_key = std::move(*answer);
                                           vault_done(*batch, answer.has_value());
                                       });
}

void Pipeline::vault_done(Batch& batch, bool ok) {
    if (!ok) batch.failed = true;
    ASSERT(batch.waiting > 0);
    if (--batch.waiting == 0) finish_ready_batches();
}

void Pipeline::note_vault(bool answers, const std::string& why) {
    if (answers == m_vault_answers) return;
    m_vault_answers = answers;
    if (answers) log::info("the vault answers again");
    else log::error("the vault refuses: {}; payments are answered 91 until it is back", why);
}

// --- deciding, in order -------------------------------------------------------------------------------------------

void Pipeline::finish_ready_batches() {
    while (!m_batches.empty() && m_batches.front()->waiting == 0) {
        const auto batch = std::move(m_batches.front());
        m_batches.pop_front();
        if (m_ended) continue;
        const std::uint64_t began_ns = m_clock.monotonic_ns();
        m_times.vault_verify_ns += began_ns - batch->asked_ns;
        check_disk();
        if (batch->failed) refuse_all(*batch, switching::kInoperative);
        else if (m_disk_low) refuse_all(*batch, switching::kMalfunction);
        else decide(*batch);
        const std::uint64_t decided_ns = m_clock.monotonic_ns();
        m_times.decide_ns += decided_ns - began_ns;
        if (!commit()) return;
        m_times.journal_ns += m_clock.monotonic_ns() - decided_ns;
        ++m_times.batches;
        m_times.requests += batch->items.size();
        m_times.requests_max = std::max<std::uint64_t>(m_times.requests_max, batch->items.size());
        send_with_macs(std::move(batch->out));
    }
    start_batches();
}

bool Pipeline::commit() {
    if (m_ended) return false;
    const auto entries = m_core.take_entries();
    if (entries.empty()) return true;
    std::vector<journal::EntryView> views;
    views.reserve(entries.size());
    for (const auto& e : entries) views.push_back({static_cast<std::uint16_t>(e.kind), e.body});
    auto appended = m_journal.append(views, m_clock.wall_ns());
    if (!appended) {
        m_ended = true;
        m_program.fail(appended.error());
        return false;
    }
    ASSERT(*appended == m_core.state().last_seq());
    return true;
}

void Pipeline::decide(Batch& batch) {
    note_vault(true, {});
    for (Item& item : batch.items) {
        if (item.type == static_cast<std::uint16_t>(MessageType::wallet_request)) decide_wallet(batch, item);
        else if (item.request.source == PaymentRequest::Source::link) decide_link(batch, item);
        else decide_terminal(batch, item);
    }
}

void Pipeline::decide_terminal(Batch& batch, Item& item) {
    const PaymentRequest& r = item.request;
    if (item.terminal == nullptr) return answer(batch, item, {switching::kUnknownTerminal, {}, {}}, false, kBaseKey);
    const auto good = [&](int index) {
        return index >= 0 && static_cast<std::size_t>(index) < batch.mac_good.size() && batch.mac_good[static_cast<std::size_t>(index)];
    };
    const bool current = good(item.mac), previous = good(item.mac_previous);
    if (r.mti == 0x0800) return decide_network(batch, item, current);
    const vault::Nonce nonce = previous && !current ? item.previous_nonce : item.nonce;
    if (current && item.nonce != kBaseKey) m_key_used[r.terminal] = item.nonce;
    if (!current && !previous) {
        log::warn("wrong MAC from terminal {}", r.terminal.view());
        return answer(batch, item, {switching::kBadMac, {}, {}}, true, nonce);
    }
    const std::uint64_t now_ns = m_clock.wall_ns();
    Answer decided;
    if (r.mti == 0x0200) {
        entry::SealedPan sealed;
        const entry::SealedPan* cached = item.has_pan ? m_pans.find(item.pan) : nullptr;
        if (cached != nullptr) {
            sealed = *cached;
            const std::string_view digits = r.pan.reveal();
            sealed.first6_last4 = FixedText<10>(std::string(digits.substr(0, 6)) + std::string(digits.substr(digits.size() - 4)));
        }
        decided = m_core.purchase(r, cached != nullptr ? &sealed : nullptr, now_ns);
    } else if (r.mti == 0x0400) {
        decided = m_core.reversal(r, now_ns);
    } else {
        decided.code = switching::kInvalidTransaction;
    }
    if (decided.action == Answer::Action::reply) return answer(batch, item, {decided.code, decided.auth_code, {}}, true, nonce);
    if (decided.action == Answer::Action::forward) forward(batch, item, decided);
    m_waiting[decided.payment] = {std::move(item), nonce};
}

// 0800: sign-on 001, echo 301, key exchange 161 (DE70). Under the terminal's base key.
void Pipeline::decide_network(Batch& batch, Item& item, bool mac_good) {
    Reply reply{switching::kApproved, {}, {}};
    if (!mac_good) {
        log::warn("wrong MAC from terminal {} (0800)", item.request.terminal.view());
        reply.code = switching::kBadMac;
    } else if (is_key_exchange(item.request)) {
        ASSERT(item.session_key.has_value());
        m_core.session_key(item.request.terminal, item.session_key->nonce, item.session_key->kcv);
        reply.additional = to_hex(item.session_key->nonce) + to_hex(item.session_key->kcv);
    } else if (item.request.network_code != 1 && item.request.network_code != 301) {
        reply.code = switching::kInvalidTransaction;
    }
    answer(batch, item, reply, true, kBaseKey);
}

void Pipeline::decide_link(Batch& batch, Item& item) {
    const PaymentRequest& r = item.request;
    const std::string_view link = r.link < m_program.config.links.size() ? std::string_view(m_program.config.links[r.link].name) : "?";
    if (item.mac < 0 || !batch.mac_good.at(static_cast<std::size_t>(item.mac))) {
        log::warn("link {}: wrong MAC on a {:04x}; it is left unanswered", link, r.mti);
        return;
    }
    if (r.mti == 0x0210) {
        if (const auto decided = m_core.link_answer(r, m_clock.wall_ns())) settle_waiting(batch.out, *decided);
        else log::warn("link {}: the answer to STAN {:06} is late or answers nothing", link, r.stan);
    } else if (r.mti == 0x0410) {
        if (!m_core.link_reversal_answer(r)) log::warn("link {}: the reversal answer to STAN {:06} answers nothing", link, r.stan);
    }
}

void Pipeline::decide_wallet(Batch& batch, Item& item) {
    const auto now_ns = m_clock.wall_ns();
    const auto answer = item.wallet.kind == bus::WalletRequest::Kind::order ? m_core.wallet_order(item.wallet.body, now_ns)
                                                                           : m_core.wallet_query(item.wallet.body, now_ns);
    answer_wallet(batch, item, answer);
}

void Pipeline::answer_wallet(Batch& batch, const Item& item, const switching::WalletAnswer& answer) {
    Buffer body;
    bus::encode(body, bus::WalletReply{item.wallet.connection, answer.code, answer.rrn, answer.auth_code, answer.balance,
                                       as_bytes(answer.why)});
    Outgoing out;
    out.peer = item.peer;
    out.type = MessageType::wallet_reply;
    out.frame = std::move(body);
    batch.out.push_back(std::move(out));
}

void Pipeline::refuse_all(Batch& batch, const ResponseCode& code) {
    for (Item& item : batch.items) {
        if (item.type == static_cast<std::uint16_t>(MessageType::wallet_request)) {
            answer_wallet(batch, item, {.code = code, .auth_code = {}, .rrn = {}, .balance = {}, .why = "try again later"});
        } else if (item.request.source == PaymentRequest::Source::terminal) {
            answer(batch, item, {code, {}, {}}, false, kBaseKey);
        }
    }
}

// --- answers ------------------------------------------------------------------------------------------------------

void Pipeline::answer(Batch& batch, const Item& item, const Reply& reply, bool with_mac, const vault::Nonce& nonce) {
    auto frame = m_frames.answer(item.request, reply, with_mac);
    if (!frame) {
        log::warn("the gate passed on a message that does not unpack");
        return;
    }
    batch.out.push_back({item.peer, MessageType::frame_out, item.request.connection, std::move(*frame), with_mac, item.request.terminal, nonce});
}

void Pipeline::forward(Batch& batch, Item& item, const Answer& answer) {
    const auto* outstanding = m_core.state().outstanding(answer.payment);
    ASSERT(outstanding != nullptr);
    auto frame = m_frames.link_request(item.request, outstanding->payment);
    const auto peer = m_link_peers.find(answer.link);
    if (!frame || peer == m_link_peers.end()) return;  // it will time out, be declined and reversed
    batch.out.push_back({peer->second, MessageType::link_frame_out, answer.link, std::move(*frame), true,
                         switching::link_key_id(answer.link), kBaseKey});
}

void Pipeline::settle_waiting(std::vector<Outgoing>& out, const switching::Decided& decided) {
    const auto at = m_waiting.find(decided.payment);
    if (at == m_waiting.end()) return;  // the switch was restarted meanwhile; the terminal repeats
    const Waiting waiting = std::move(at->second);
    m_waiting.erase(at);
    auto frame = m_frames.answer(waiting.item.request, {decided.code, decided.auth_code, {}}, true);
    if (!frame) return;
    out.push_back({waiting.item.peer, MessageType::frame_out, waiting.item.request.connection, std::move(*frame), true,
                   waiting.item.request.terminal, waiting.nonce});
}

void Pipeline::send_with_macs(std::vector<Outgoing> out) {
    if (out.empty()) return;
    auto shared = std::make_shared<std::vector<Outgoing>>(std::move(out));
    vault::MacGenerate::Request request;
    for (const Outgoing& o : *shared)
        if (o.with_mac) request.items.push_back({o.key, o.nonce, switching::FrameBuilder::covered(o.frame)});
    if (request.items.empty()) {
        for (const Outgoing& o : *shared) send(o);
        return;
    }
    ASSERT(request.items.size() <= vault::kBatchItemsMax);
    const std::uint64_t asked_ns = m_clock.monotonic_ns();
    m_vault.call<vault::MacGenerate>(request, [this, shared, asked_ns](vault::Answer<vault::MacGenerate> answer) {
        m_times.vault_mac_ns += m_clock.monotonic_ns() - asked_ns;
        // Without a MAC an answer is worth nothing to the terminal: it repeats, and gets the same answer later.
        if (!answer) return note_vault(false, answer.error().why);
        std::size_t next = 0;
        for (Outgoing& o : *shared) {
            if (o.with_mac) {
                if (next >= answer->macs.size()) return;
                switching::FrameBuilder::put_mac(o.frame, answer->macs[next++]);
            }
            send(o);
        }
    });
}

void Pipeline::send(const Outgoing& out) {
    if (out.type == MessageType::wallet_reply)
        return m_gate->send(out.peer, {static_cast<std::uint16_t>(out.type), bus::Status::ok, 0, out.frame});
    Buffer body;
    if (out.type == MessageType::frame_out) bus::encode(body, bus::FrameOut{out.destination, false, out.frame});
    else bus::encode(body, bus::LinkFrameOut{static_cast<std::uint16_t>(out.destination), out.frame});
    m_gate->send(out.peer, {static_cast<std::uint16_t>(out.type), bus::Status::ok, 0, body});
}

// --- by the clock -------------------------------------------------------------------------------------------------

void Pipeline::tick() {
    if (m_ended) return;
    std::vector<Outgoing> out;
    for (const auto& decided : m_core.expire(m_clock.wall_ns())) settle_waiting(out, decided);
    if (!commit()) return;
    send_with_macs(std::move(out));
    send_owed_reversals();
    check_disk();
    if (!m_journal.checkpoint_due()) return;
    if (auto done = m_journal.checkpoint(); !done) {
        m_ended = true;
        m_program.fail(done.error());
    }
}

void Pipeline::send_owed_reversals() {
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    std::size_t sent = 0;
    for (auto it = m_reversal_sent_ns.begin(); it != m_reversal_sent_ns.end();)
        it = m_core.state().outstanding(it->first) == nullptr ? m_reversal_sent_ns.erase(it) : std::next(it);
    for (const auto& [seq, o] : m_core.state().all_outstanding()) {
        if (!o.reversal_owed || !m_core.link_up(o.payment.link) || sent >= kReversalsPerTick) continue;
        const auto last = m_reversal_sent_ns.find(seq);
        if (last != m_reversal_sent_ns.end() && now_ns - last->second < kReversalRetry_ns) continue;
        m_reversal_sent_ns[seq] = now_ns;
        ++sent;
        send_owed_reversal(seq, o.payment);
    }
}

void Pipeline::send_owed_reversal(std::uint64_t seq, const entry::Payment& payment) {
    vault::ProtectedPan sealed;
    if (payment.pan.sealed.size() != sealed.nonce.size() + sealed.cipher.size()) return;
    sealed.token = payment.pan.token;
    std::memcpy(sealed.nonce.data(), payment.pan.sealed.data(), sealed.nonce.size());
    std::memcpy(sealed.cipher.data(), payment.pan.sealed.data() + sealed.nonce.size(), sealed.cipher.size());
    m_vault.call<vault::RevealPan>({{sealed}}, [this, seq](vault::Answer<vault::RevealPan> answer) {
        const auto* owed = m_core.state().outstanding(seq);
        if (!answer || answer->pans.size() != 1 || answer->pans[0].empty() || owed == nullptr) return;
        const std::uint16_t link = owed->payment.link;
        auto frame = m_frames.link_reversal(owed->payment, answer->pans[0]);
        const auto peer = m_link_peers.find(link);
        if (!frame || peer == m_link_peers.end()) return;
        std::vector<Outgoing> out;
        out.push_back({peer->second, MessageType::link_frame_out, link, std::move(*frame), true, switching::link_key_id(link), kBaseKey});
        send_with_macs(std::move(out));
    });
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
    if (low) log::error("less than {} MiB free in {}: payments are answered 96 until there is room", kDiskFreeMin >> 20, folder.string());
    else log::info("there is room on the disk again");
}

void Pipeline::seal(const Pan& pan, std::function<void(std::optional<entry::SealedPan>)> done) {
    const std::string digits(pan.reveal());
    const FixedText<10> masked(digits.substr(0, 6) + digits.substr(digits.size() - 4));
    m_vault.call<vault::ProtectPan>({{pan}}, [masked, done = std::move(done)](vault::Answer<vault::ProtectPan> answer) {
        if (!answer || answer->pans.size() != 1) return done(std::nullopt);
        const auto& p = answer->pans[0];
        entry::SealedPan sealed;
        sealed.token = p.token;
        sealed.first6_last4 = masked;
        sealed.sealed.insert(sealed.sealed.end(), p.nonce.begin(), p.nonce.end());
        sealed.sealed.insert(sealed.sealed.end(), p.cipher.begin(), p.cipher.end());
        done(std::move(sealed));
    });
}

}  // namespace giro::appliance
