// From the gate to the decision: what is gathered and decided. What the vault is asked before: pipeline_checks.cpp;
// answers and sending: pipeline_send.cpp.
#include "appliance/giro-switch/pipeline_parts.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "appliance/giro-switch/stored_digits.hpp"
#include "iso8583/ksn.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/request.hpp"
#include "switching/network.hpp"
#include "util/bytes.hpp"
#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::appliance {

using switching::Answer;
using switching::Reply;

namespace {
constexpr std::size_t kBatchRequestsMax = 400;  // two MAC candidates each still fit in one request to the vault
constexpr std::size_t kBatchesAtVaultMax = 3;   // more only adds latency: the vault is one thread
// Beyond it new payments are dropped, beyond twice as many everything else too: the terminals repeat. The gate refuses new ones
// long before (giro-gate/admission.hpp), so this bounds what a gate that does not can fill.
constexpr std::size_t kArrivedMax = 65'536;
static_assert(2 * kBatchRequestsMax <= vault::kBatchItemsMax);
}  // namespace

Result<void> check_dialect(const iso8583::Dialect& dialect) {
    if (dialect.mac_bytes != switching::kMacBytes)
        return fail(Failure::Kind::config, fmt::format("dialect {}: mac_bytes must be {}", dialect.name, switching::kMacBytes));
    for (const unsigned field : {11U, 39U, 41U, 48U, 64U, 128U})
        if (!dialect.fields[field].defined())
            return fail(Failure::Kind::config, fmt::format("dialect {}: there is no field {}, without which nothing is answered",
                                                           dialect.name, field));
    return {};
}

Pipeline::Pipeline(Program& program, switching::Core& core, journal::Journal& journal, vault::Client& vault,
                   const std::vector<iso8583::Dialect>& dialects, Clock& clock, Random& random)
    : m_program(program),
      m_core(core),
      m_journal(journal),
      m_vault(vault),
      m_dialects(dialects),
      m_mac_kinds(program.config.mac.x9_19, program.config.mac.hmac_sha_256),
      m_link_keys(program.config),
      m_link_health(program.config),
      m_clock(clock),
      m_pans(random),
      m_saf(core.state().last_seq()) {
    ASSERT(dialects.size() == config::dialects_of(program.config).size());
    for (const auto& dialect : dialects) m_frames.emplace_back(dialect);
    m_terminal_dialects = terminal_dialects(program.config);
    for (const auto& link : program.config.links) m_link_dialects[link.number] = config::dialect_number(program.config, link.dialect);
    for (const std::uint16_t link : core.state().links_down()) m_link_health.take_down(link, clock.monotonic_ns());
}

Pipeline::~Pipeline() = default;

Result<void> Pipeline::open() {
    bus::Handlers handlers;
    handlers.record = [this](bus::PeerId peer, const bus::Record& record) { received(peer, record); };
    handlers.drained = [this] { start_batches(); };
    auto server = bus::Server::bind(m_program.loop, m_program.context,
                                    m_program.paths.endpoint("switch", bus::caller::kGate), std::move(handlers));
    if (!server) return tl::unexpected(server.error());
    m_gate = std::move(*server);
    return {};
}

void Pipeline::received(bus::PeerId peer, const bus::Record& record) {
    const bool is_request = record.type != static_cast<std::uint16_t>(MessageType::link_state);
    const bool is_wallet = record.type == static_cast<std::uint16_t>(MessageType::wallet_request);
    if (is_request && m_arrived.size() >= (is_wallet ? kArrivedMax : 2 * kArrivedMax)) return note_dropped();
    switch (static_cast<MessageType>(record.type)) {
        case MessageType::payment_request: {
            Item& item = arrive(peer, record);
            if (auto request = bus::decode_payment_request(item.body.reveal())) {
                item.request = *request;
                const bool read = read_raw(item);
                m_message.clear();
                const bool shed = read && m_arrived.size() > kArrivedMax && bus::may_be_shed(item.request.mti) &&
                                  item.request.source == PaymentRequest::Source::terminal;
                if (read && !shed) return;
                m_arrived.pop_back();
                if (shed) return note_dropped();
                return warn("the gate passed on a message that does not unpack");
            }
            m_arrived.pop_back();
            break;
        }
        case MessageType::wallet_request: {
            Item& item = arrive(peer, record);
            if (const auto request = bus::decode_wallet_request(item.body.reveal())) {
                item.wallet = *request;
                return;
            }
            m_arrived.pop_back();
            break;
        }
        case MessageType::link_state: {
            const auto state = bus::decode_link_state(record.body);
            if (!state || config::find_link(m_program.config, state->link) == nullptr) break;
            return link_connected(peer, *state);
        }
        case MessageType::closing:
            if (!record.body.empty()) break;
            return close(peer);
        default:
            break;
    }
    log::warn("the gate sent a record of type {:#06x} that is none of its own; its connection is closed", record.type);
    m_gate->close_peer(peer);
}

void Pipeline::note_dropped() {
    if (++m_dropped % 10'000 == 1) log::warn("overloaded: {} requests dropped so far", m_dropped);
}

// Made where it will stay: an item is large, and holds a card number that every copy would have to wipe.
Pipeline::Item& Pipeline::arrive(bus::PeerId peer, const bus::Record& record) {
    Item& item = m_arrived.emplace_back();
    item.peer = peer;
    item.type = record.type;
    item.body = Secret(Buffer(record.body.begin(), record.body.end()));
    return item;
}

// What is decided on is what the MAC covers: every field is read again from the frame itself, whatever the gate said. A
// link's dialect is its setting; of a terminal's the gate alone knows through which port it came.
bool Pipeline::read_raw(Item& item) {
    PaymentRequest& request = item.request;
    if (request.source == PaymentRequest::Source::link) {
        const auto link = m_link_dialects.find(request.link);
        if (link == m_link_dialects.end()) return false;
        request.dialect = link->second;
    }
    if (request.source == PaymentRequest::Source::terminal && !m_terminal_dialects.contains(request.dialect)) return false;
    ASSERT(request.dialect < m_dialects.size());
    const iso8583::Dialect& dialect = m_dialects[request.dialect];
    if (!iso8583::unpack(dialect, request.raw, m_message)) return false;
    if (!iso8583::to_request(dialect, request.raw, m_message, request)) return false;
    item.ksn = iso8583::ksn_of(dialect, m_message).value_or(payment::Ksn());
    item.pin_block = iso8583::pin_block_of(dialect, m_message);
    read_card(dialect, item);
    // Views into the frame outlive this call, those into m_message do not.
    const auto keep = [](Bytes& view, Secret& copy) {
        copy = Secret(Buffer(view.begin(), view.end()));
        view = copy.reveal();
    };
    if (!dialect.fields[48].direct) keep(request.additional, item.additional);
    if (!dialect.fields[63].direct) keep(request.qr, item.qr);
    return true;
}

void Pipeline::start_batches() {
    while (!m_arrived.empty() && m_batches.size() < kBatchesAtVaultMax) start_batch();
}

void Pipeline::start_batch() {
    auto batch = std::make_shared<Batch>();
    if (m_arrived.size() <= kBatchRequestsMax) {
        batch->items = std::exchange(m_arrived, std::move(m_spare));
        m_spare.clear();
    } else {
        const auto end = m_arrived.begin() + static_cast<std::ptrdiff_t>(kBatchRequestsMax);
        batch->items.assign(std::make_move_iterator(m_arrived.begin()), std::make_move_iterator(end));
        m_arrived.erase(m_arrived.begin(), end);
    }
    m_batches.push_back(batch);
    GIRO_FAILPOINT("switch.batch.taken");
    ask_vault(batch);
}

// --- deciding, in order -------------------------------------------------------------------------------------------

// At the end of a turn: all that the vault answered while the last batches were written down is one commit. In order, as ever.
void Pipeline::finish_later() {
    if (m_finish_pending) return;
    m_finish_pending = true;
    m_program.loop.defer([this] {
        m_finish_pending = false;
        finish_ready_batches();
    });
}

void Pipeline::finish_ready_batches() {
    std::vector<std::shared_ptr<Batch>> ready;
    std::size_t requests = 0;
    while (!m_batches.empty() && m_batches.front()->waiting == 0) {
        requests += m_batches.front()->items.size();
        if (!ready.empty() && requests > kBatchRequestsMax) break;
        ready.push_back(std::move(m_batches.front()));
        m_batches.pop_front();
    }
    if (ready.empty() || m_ended) return;
    if (!m_batches.empty() && m_batches.front()->waiting == 0) finish_later();
    start_batches();  // so that the vault is at work while these are decided and written down
    m_vault.flush();
    finish(ready);
    m_vault.flush();
    for (const auto& batch : ready) {
        batch->items.clear();
        if (batch->items.capacity() > m_spare.capacity() && batch->items.capacity() <= kBatchRequestsMax)
            m_spare = std::move(batch->items);
    }
    start_batches();
}

void Pipeline::finish(const std::vector<std::shared_ptr<Batch>>& ready) {
    const std::uint64_t began_ns = m_clock.monotonic_ns();
    check_disk();
    std::size_t requests = 0;
    for (const auto& batch : ready) {
        m_times.vault_verify_ns += began_ns - batch->asked_ns;
        requests += batch->items.size();
        if (batch->failed)
            refuse_all(*batch, switching::kInoperative);
        else if (m_disk_low)
            refuse_all(*batch, switching::kMalfunction);
        else
            decide(*batch);
        forget_pins(*batch);
    }
    GIRO_FAILPOINT("switch.decided");
    const std::uint64_t decided_ns = m_clock.monotonic_ns();
    m_times.decide_ns += decided_ns - began_ns;
    std::vector<Outgoing> out = std::move(ready.front()->out);
    for (std::size_t i = 1; i < ready.size(); ++i)
        out.insert(out.end(), std::make_move_iterator(ready[i]->out.begin()), std::make_move_iterator(ready[i]->out.end()));
    const Portions portions = ask_for_macs(std::move(out));
    m_vault.flush();  // so that it makes them while the entries are written
    const std::uint64_t asked_ns = m_clock.monotonic_ns();
    if (!commit()) return;
    m_times.journal_ns += m_clock.monotonic_ns() - asked_ns;
    ++m_times.batches;
    m_times.requests += requests;
    m_times.requests_max = std::max<std::uint64_t>(m_times.requests_max, requests);
    GIRO_FAILPOINT("switch.committed");
    const bool owed_answered = std::exchange(m_owed_answered, false);
    if (owed_answered) GIRO_FAILPOINT("switch.saf.answered");
    tell_decided(ready);
    release(portions);
    if (owed_answered) send_owed();  // the next of their lines
}

// Each gate hears how far the switch is with what it sent: by that it knows what waits.
void Pipeline::tell_decided(const std::vector<std::shared_ptr<Batch>>& ready) {
    std::map<bus::PeerId, std::uint64_t> last;
    for (const auto& batch : ready)
        for (const Item& item : batch->items)
            if (item.is_payment() && item.request.source == PaymentRequest::Source::terminal) last[item.peer] = item.request.received_ns;
    for (const auto& [peer, received_ns] : last) {
        bus::encode(m_body, bus::Decided{received_ns});
        m_gate->send(peer, {static_cast<std::uint16_t>(MessageType::decided), bus::Status::ok, 0, m_body});
        m_body.clear();
    }
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
        if (item.type == static_cast<std::uint16_t>(MessageType::wallet_request))
            decide_wallet(batch, item);
        else if (item.request.source == PaymentRequest::Source::link)
            decide_link(batch, item);
        else
            decide_terminal(batch, item);
    }
}

void Pipeline::decide_terminal(Batch& batch, Item& item) {
    const PaymentRequest& r = item.request;
    if (item.terminal == nullptr) return answer(batch, item, {switching::kUnknownTerminal, {}, {}}, false, kBaseKey);
    const bool dukpt = item.terminal->is_dukpt();
    if (dukpt && !accept_ksn(batch, item)) return;
    const bool current = dukpt || batch.good(item.mac), previous = batch.good(item.mac_previous);
    if (is_network(r)) return decide_network(batch, item, current);
    const vault::Nonce nonce = previous && !current ? item.previous_nonce : item.nonce;
    if (current && !dukpt) m_core.key_used(r.terminal, item.nonce);
    if (!current && !previous) {
        warn(fmt::format("wrong MAC from terminal {}", r.terminal.view()));
        // Without a MAC: the request's bits may be another's than the terminal's, which may have been paid already.
        return answer(batch, item, {switching::kBadMac, {}, {}}, false, nonce);
    }
    const std::uint64_t now_ns = m_clock.wall_ns();
    if (m_core.key_expired(r.terminal, now_ns) && !m_core.knows(r))
        return answer(batch, item, {switching::kKeyExpired, {}, {}}, true, nonce);
    if (is_reconciliation(r)) return answer(batch, item, reconcile(item, now_ns), true, nonce);
    Answer decided;
    const Mti mti = without_repeat(r.mti);
    const entry::SealedPan* sealed = item.sealed ? &*item.sealed : nullptr;
    if (!r.pan.empty() && batch.routing != m_core.routing_generation() && !m_core.knows(r)) {
        // What was asked about its card was asked for another way than it goes now.
        return answer(batch, item, {switching::kInoperative, {}, {}}, true, nonce);
    }
    if (pin_is_due(item)) {
        // Its first copy was at the vault for it, and decided nothing.
        return answer(batch, item, {switching::kInoperative, {}, {}}, true, nonce);
    }
    if (mti == 0x0320 && item.chip_check == switching::ChipCheck::refused) {
        decided.code = switching::response_code(entry::Reason::chip_refused);  // its 0220 heard the same
    } else if (mti == 0x0200) {
        decided = m_core.purchase(r, sealed, now_ns, item.checks());
    } else if (mti == 0x0100) {
        decided = m_core.authorisation(r, sealed, now_ns, item.checks());
    } else if (mti == 0x0220) {
        decided = m_core.completion(r, sealed, now_ns, item.checks());
    } else if (mti == 0x0320) {
        decided = m_core.upload(r, sealed, now_ns);
    } else if (mti == 0x0400 || mti == 0x0420) {
        decided = m_core.reversal(r, now_ns);
        if (decided.gave_up) {
            m_link_health.given_up(decided.gave_up->payment);
            settle_waiting(batch.out, *decided.gave_up);
        }
    } else {
        decided.code = switching::kInvalidTransaction;
    }
    if (decided.action == Answer::Action::reply)
        return answer(batch, item, {decided.code, decided.auth_code, {}, std::nullopt, chip_answer(item, decided)}, true, nonce);
    if (decided.action == Answer::Action::forward) forward(batch, item, decided);
    wait(batch, decided.payment, {std::move(item), nonce});
}

// A KSN serves one message and its repeats: nothing new is decided under it again. False: the refusal is on its way.
bool Pipeline::accept_ksn(Batch& batch, const Item& item) {
    using enum vault::DukptVerdict;
    const PaymentRequest& r = item.request;
    // The terminal may have been given another device since the vault was asked.
    const bool of_device = !item.ksn.empty() && item.ksn.device() == item.terminal->device;
    const vault::DukptVerdict verdict = of_device ? batch.verdict(item) : unknown;
    const bool repeats = verdict == again && (is_network(r) || m_core.knows(r));
    if (verdict == good || repeats) return true;
    const bool used = verdict == again || verdict == repeated;
    warn(fmt::format("{} from DUKPT terminal {}", used ? "a KSN that was used before" : "wrong MAC, or no KSN of its device,",
                     r.terminal.view()));
    // Without a MAC: it decides nothing. The terminal takes back what it asked for, under its next KSN.
    answer(batch, item, {used ? switching::kDuplicateTransmission : switching::kBadMac, {}, {}}, false, kBaseKey);
    return false;
}

Reply Pipeline::reconcile(Item& item, std::uint64_t now_ns) {
    PaymentRequest& r = item.request;
    r.currency = m_core.currency_of(r.terminal);  // DE97 of 2003 says one, and so does its answer
    const auto claim = m_frames[r.dialect].claim(r, r.currency);
    if (!claim) return {switching::kFormatError, {}, {}};
    const auto balanced = m_core.reconcile(r, *claim, now_ns);
    return {balanced.code, {}, {}, balanced.counted};
}

// 0800: sign-on 001, sign-off 002, key exchange 161, cut-over 201, echo 301 (DE70). Under the
// terminal's base key, or DUKPT, which exchanges none.
void Pipeline::decide_network(Batch& batch, Item& item, bool mac_good) {
    Reply reply{switching::kApproved, {}, {}};
    if (!mac_good) {
        warn(fmt::format("wrong MAC from terminal {} (0800)", item.request.terminal.view()));
        reply.code = switching::kBadMac;
    } else if (is_key_exchange(item.request) && item.terminal->is_dukpt()) {
        reply.code = switching::kInvalidTransaction;
    } else if (is_key_exchange(item.request)) {
        using KeyExchange = switching::Core::KeyExchange;
        const KeyExchange kind = m_core.key_exchange(item.request, m_clock.wall_ns());
        if (kind == KeyExchange::fresh && item.session_key)
            m_core.session_key(item.request, item.session_key->nonce, item.session_key->kcv, m_clock.wall_ns());
        else if (kind != KeyExchange::repeat)
            reply.code = switching::kDuplicateTransmission;
        // Of a copy that came while the first was at the vault, the first may have the check values; else it asks again.
        const auto made = std::ranges::find_if(batch.items, [&item](const Item& other) {
            return other.terminal == item.terminal && other.session_key && other.session_key->nonce == item.terminal->nonce;
        });
        if (reply.code == switching::kApproved && made == batch.items.end()) reply.code = switching::kInoperative;
        if (reply.code == switching::kApproved)
            reply.additional = to_hex(item.terminal->nonce) + to_hex(item.terminal->kcv) + to_hex(made->session_key->pin_aes) +
                               to_hex(made->session_key->pin_tdes);
    } else {
        reply.code = network_code(item.request);
    }
    answer(batch, item, reply, mac_good, kBaseKey);
}

ResponseCode Pipeline::network_code(const PaymentRequest& request) {
    switch (request.network_code) {
        case switching::kSignOn:
        case switching::kSignOff: return m_core.sign(request, m_clock.wall_ns());
        case switching::kCutOver: return m_core.cut_over(request, m_clock.wall_ns());
        case switching::kEcho: return switching::kApproved;
        default: return switching::kInvalidTransaction;
    }
}

void Pipeline::decide_link(Batch& batch, Item& item) {
    const PaymentRequest& r = item.request;
    const auto* configured = config::find_link(m_program.config, r.link);
    const std::string_view link = configured == nullptr ? std::string_view("?") : configured->name;
    if (!batch.good(item.mac) && !batch.good(item.mac_previous)) {
        link_failed(r.link);
        return warn(fmt::format("link {}: wrong MAC on a {:04x}; it is left unanswered", link, r.mti));
    }
    // MACs are the same in both directions: a peer without the key could otherwise sign us on with our own question.
    if (is_network(r) && r.terminal == switching::link_key_id(r.link))
        return warn(fmt::format("link {}: its peer sends our own {:04x} back; it is left unanswered", link, r.mti));
    m_link_health.heard(r.link, m_clock.monotonic_ns());
    if (is_network(r)) return answer_link(batch, item, link);
    if (r.mti == kNetworkAnswer) return network_answered(r, link);
    m_link_keys.heard(r.link);
    m_saf.heard(r.link, m_core.state().outstanding_by_stan(r.link, r.stan));
    if (r.mti == 0x0210) {
        if (const auto decided = m_core.link_answer(r, m_clock.wall_ns())) {
            m_link_health.answered(decided->payment, m_clock.monotonic_ns());
            renew_link(r.link);
            keep_issuer_chip(decided->payment, item.issuer_chip);
            settle_waiting(batch.out, *decided, item.issuer_chip);
        } else
            note_unmatched(r, link, decided.error());
    } else if (r.mti == 0x0410) {
        const auto done = m_core.link_reversal_answer(r, m_clock.wall_ns());
        if (!done) note_unmatched(r, link, done.error());
        m_owed_answered = true;
    } else if (r.mti == 0x0230) {
        const auto done = m_core.link_advice_answer(r, m_clock.wall_ns());
        if (!done) note_unmatched(r, link, done.error());
        m_owed_answered = true;
    }
}

// Counted by link, type and field (giro status tells the sum of each link), so that a host that echoes a field otherwise
// than its setting says stands out.
void Pipeline::note_unmatched(const PaymentRequest& answer, std::string_view link, switching::Unmatched why) {
    const std::uint64_t count = ++m_unmatched[{answer.link, answer.mti, why.field}];
    warn(fmt::format("link {}: a {:04x} under STAN {:06} answers nothing: {} ({} such since the start)", link, answer.mti, answer.stan,
                     why.field == 11 ? std::string("nothing waits under it (DE11)") : fmt::format("DE{} is not the message's", why.field),
                     count));
}

std::uint64_t Pipeline::answers_unmatched(std::uint16_t link) const {
    std::uint64_t sum = 0;
    for (const auto& [key, count] : m_unmatched)
        if (std::get<0>(key) == link) sum += count;
    return sum;
}

void Pipeline::decide_wallet(Batch& batch, Item& item) {
    const auto now_ns = m_clock.wall_ns();
    const auto answer = item.wallet.kind == bus::WalletRequest::Kind::order
                            ? m_core.wallet_order(item.wallet.body, now_ns)
                            : m_core.wallet_query(item.wallet.body, now_ns);
    answer_wallet(batch, item, answer);
}

void Pipeline::answer_wallet(Batch& batch, const Item& item, const switching::WalletAnswer& answer) {
    Buffer body;
    bus::encode(body, bus::WalletReply{item.wallet.connection, answer.code, answer.rrn, answer.auth_code,
                                       answer.balance, as_bytes(answer.why)});
    Outgoing out;
    out.peer = item.peer;
    out.type = MessageType::wallet_reply;
    out.frame = std::move(body);
    batch.out.push_back(std::move(out));
}

void Pipeline::refuse_all(Batch& batch, const ResponseCode& code) {
    for (Item& item : batch.items) {
        if (item.type == static_cast<std::uint16_t>(MessageType::wallet_request)) {
            answer_wallet(batch, item,
                          {.code = code, .auth_code = {}, .rrn = {}, .balance = {}, .why = "try again later"});
        } else if (item.request.source == PaymentRequest::Source::terminal) {
            const bool authentic = !batch.failed && batch.genuine(item);  // without the vault there is no MAC to give
            answer(batch, item, {code, {}, {}}, authentic, item.nonce);
        }
    }
}

}  // namespace giro::appliance
