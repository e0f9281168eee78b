// The state as bytes: what a start loads instead of replaying everything, and what digest() hashes.
//
//   snapshot  = "GIROSTAT" version:u32 last_seq:u64 last_link_stan:u32 counters ledger maps
//   ledger    = ledger::Ledger::save
//   maps      = forgotten:u64 newest_day:i64 forgotten_day:i64 routes:32
//               remembered participants terminals cards merchants wallets outstanding holds authorised settlements
//               blocked stand_in_of_cards stand_in_at_merchants links_down cut_over_days
// forgotten is how many requests were, ever. From remembered on each is a u64 count and its items in order of key
// (remembered: in order of recording), fields as in fields() below.
// Two states that are equal give the same bytes.
#include <algorithm>

#include "switching/state.hpp"
#include "util/archive.hpp"
#include "util/hash.hpp"

namespace giro::switching {

namespace {
constexpr std::string_view kMagic = "GIROSTAT";
constexpr std::uint32_t kVersion = 12;
}  // namespace

static void fields(auto& a, Remembered& r) {
    a(r.id, r.seq, r.debit, r.credit, r.amount, r.stands, r.currency, r.what, r.response_code, r.auth_code, r.forwarded,
      r.payer);
}
static void fields(auto& a, Participant& p) {
    a(p.name, p.backing, p.settlement_script);
}
static void fields(auto& a, Terminal& t) {
    Buffer device(t.device.view().begin(), t.device.view().end());
    a(t.merchant, t.acquirer, t.account, t.nonce, t.previous_nonce, t.has_previous, t.exchanged_at, t.exchange_stan,
      t.kcv, t.bdk, device, t.dukpt_mac, t.exchange_code, t.signed_off, t.period, t.open, t.cut_over, t.cut, t.reconciled,
      t.reconciled_by, t.checked, t.checked_by, t.reconciled_period, t.out_of_balance, t.uploads_open, t.key_set_ns, t.key_requests);
    if constexpr (std::is_same_v<decltype(a), Decoder&>) t.device = payment::Ksn::parse(device).value_or(payment::Ksn());
}
static void fields(auto& a, Card& c) {
    a(c.account, c.pin_on_file);
}
static void fields(auto& a, Wallet& w) {
    a(w.pubkey, w.account, w.counter);
}
static void fields(auto& a, Outstanding& o) {
    a(o.payment, o.answered, o.reversal_owed, o.stands, o.why, o.advice_owed, o.advice, o.expires_day, o.owed_at, o.failures, o.parked,
      o.parked_for);
}
static void fields(auto& a, StandInUse::Hour& h) {
    a(h.hour, h.count, h.sum);
}
static void fields(auto& a, StandInUse& u) {
    a(u.hours, u.last_atc);
}
static void fields(auto& a, Hold& h) {
    a(h.request, h.entry, h.expires_ns);
}
static void fields(auto& a, OpenAuthorisation& o) {
    a(o.sale, o.stan, o.payer, o.held);
}
static void fields(auto& a, Counters& c) {
    a(c.card_approved, c.qr_approved, c.declined, c.forwarded, c.reversals, c.stood_in, c.advices_accepted, c.advices_refused,
      c.advices_expired, c.refused_sum, c.expired_sum, c.blocked_taken, c.blocked_sum);
}

struct Approval {
    entry::OfficerName officer;
    Buffer signature;
};
static void fields(auto& a, Approval& e) {
    a(e.officer, e.signature);
}


// A Settlement as it lies in a snapshot: what may be absent is a list of none or one, approvals are in order of officer.
struct SavedSettlement {
    entry::WindowClosed closed;
    std::uint64_t closed_at_seq = 0;
    std::vector<entry::SettlementProposed> proposed;
    std::vector<Approval> approvals;
    std::vector<entry::SettlementConfirmed> confirmed;
    std::int64_t newest_day = -1;
};
static void fields(auto& a, SavedSettlement& s) {
    a(s.closed, s.closed_at_seq, s.proposed, s.approvals, s.confirmed, s.newest_day);
}

namespace {

SavedSettlement to_saved(const Settlement& s) {
    SavedSettlement out{s.closed, s.closed_at_seq, {}, {}, {}, s.newest_day};
    for (const auto& [officer, signature] : s.approvals) out.approvals.push_back({officer, signature});
    if (s.proposed) out.proposed.push_back(*s.proposed);
    if (s.confirmed) out.confirmed.push_back(*s.confirmed);
    return out;
}

// Nothing when to_saved() would not have made it.
std::optional<Settlement> from_saved(SavedSettlement&& s) {
    const auto out_of_order = [](const Approval& x, const Approval& y) { return !(x.officer < y.officer); };
    if (s.proposed.size() > 1 || s.confirmed.size() > 1 || std::ranges::adjacent_find(s.approvals, out_of_order) != s.approvals.end())
        return std::nullopt;
    Settlement out{s.closed, s.closed_at_seq, {}, {}, {}, s.newest_day};
    for (Approval& approval : s.approvals) out.approvals[approval.officer] = std::move(approval.signature);
    if (!s.proposed.empty()) out.proposed = std::move(s.proposed[0]);
    if (!s.confirmed.empty()) out.confirmed = s.confirmed[0];
    return out;
}

template <typename Map>
void save_map(Encoder& a, const Map& map) {
    a(static_cast<std::uint64_t>(map.size()));
    for (const auto& [key, value] : map) a(key, value);
}

// An unordered map in order of key.
template <typename Map>
void save_sorted(Encoder& a, const Map& map) {
    std::vector<const typename Map::value_type*> items;
    items.reserve(map.size());
    for (const auto& item : map) items.push_back(&item);
    std::sort(items.begin(), items.end(), [](const auto* x, const auto* y) { return x->first < y->first; });
    a(static_cast<std::uint64_t>(map.size()));
    for (const auto* item : items) a(item->first, item->second);
}

// False when an item does not decode or its key is not above the one before. Each item is framed by what encodes it, so
// a wrong count runs out of bytes.
template <typename Map>
bool load_map(Decoder& a, Map& map) {
    std::uint64_t count = 0;
    a(count);
    typename Map::key_type last{};
    for (std::uint64_t i = 0; i < count; ++i) {
        if (!a.ok()) return false;
        typename Map::key_type key{};
        typename Map::mapped_type value{};
        a(key, value);
        if (i > 0 && !(last < key)) return false;
        last = key;
        map.emplace(key, std::move(value));
    }
    return a.ok();
}

// The same of a set.
template <typename Set>
bool load_set(Decoder& a, Set& set) {
    std::uint64_t count = 0;
    a(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        typename Set::key_type key{};
        a(key);
        if (!a.ok() || (!set.empty() && !(*set.rbegin() < key))) return false;
        set.insert(set.end(), key);
    }
    return a.ok();
}

}  // namespace

void State::save(Buffer& out) const {
    Writer w(out);
    w.bytes(as_bytes(kMagic));
    w.u32(kVersion);
    Encoder a(out);
    a(m_last_seq, m_last_link_stan, m_counters);
    m_ledger.save(w);
    save_maps(out);
}

void State::save_maps(Buffer& out) const {
    Encoder a(out);
    a(m_remembered.dropped(), m_newest_day, m_forgotten_day, m_routes, static_cast<std::uint64_t>(m_remembered.size()));
    for (std::size_t i = 0; i < m_remembered.size(); ++i) a(m_remembered.at(i));
    save_map(a, m_participants);
    save_sorted(a, m_terminals);
    save_sorted(a, m_cards);
    save_map(a, m_merchants);
    save_map(a, m_wallets);
    save_map(a, m_outstanding);
    save_map(a, m_holds);
    save_map(a, m_authorised);
    std::map<std::uint64_t, SavedSettlement> settlements;
    for (const auto& [window, settlement] : m_settlements) settlements[window] = to_saved(settlement);
    save_map(a, settlements);
    a(static_cast<std::uint64_t>(m_blocked.size()));
    for (const auto& card : m_blocked) a(card);
    save_map(a, m_stand_in_of_cards);
    save_map(a, m_stand_in_at_merchants);
    a(static_cast<std::uint64_t>(m_links_down.size()));
    for (const std::uint16_t link : m_links_down) a(link);
    save_map(a, m_cut_over_days);
}

bool State::load_maps(Reader& in) {
    Decoder a(in.take(in.left()));
    std::map<std::uint64_t, SavedSettlement> settlements;
    std::uint64_t forgotten = 0, count = 0;
    a(forgotten, m_newest_day, m_forgotten_day, m_routes, count);
    m_remembered.start_at(forgotten);
    for (std::uint64_t i = 0; i < count; ++i) {
        Remembered r;
        a(r);
        if (!a.ok() || remembered(r.id) != nullptr || r.seq > m_last_seq) return false;
        const bool authorised = r.what == Remembered::What::held || r.what == Remembered::What::expired;  // raises add to it
        if (r.stands < 0 || (r.stands > r.amount && r.stands != 0 && !authorised)) return false;
        remember(r);
    }
    if (!load_map(a, m_participants) || !load_map(a, m_terminals) || !load_map(a, m_cards) ||
        !load_map(a, m_merchants) || !load_map(a, m_wallets) || !load_map(a, m_outstanding) ||
        !load_map(a, m_holds) || !load_map(a, m_authorised) || !load_map(a, settlements) || !load_set(a, m_blocked))
        return false;
    if (!load_map(a, m_stand_in_of_cards) || !load_map(a, m_stand_in_at_merchants) || !load_set(a, m_links_down) ||
        !load_map(a, m_cut_over_days) || !a.done() || !load_holds())
        return false;
    for (auto& [window, saved] : settlements) {
        auto settlement = from_saved(std::move(saved));
        if (!settlement) return false;
        m_settlements[window] = std::move(*settlement);
    }
    for (const auto& [id, t] : m_terminals)
        if (t.period == 0 || (!t.cut_over && t.cut != Totals{})) return false;
    advance_settled();
    return load_outstanding();
}

// Every hold that can end is an authorisation's, and the other way round.
bool State::load_holds() {
    constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
    for (const auto& [seq, hold] : m_holds) {
        const Remembered* r = remembered(hold.request);
        const auto held = m_ledger.transfer({entry::kHoldTransfer, hold.entry});
        if (r == nullptr || r->seq != seq || r->what != Remembered::What::held || !held) return false;
        const ledger::Transfer& t = held->transfer;
        if (held->state != ledger::TransferState::pending || t.amount != r->stands || t.debit_account != r->debit ||
            t.credit_account != r->credit || t.timeout_s == 0 || t.timestamp_ns + t.timeout_s * kNsPerSecond != hold.expires_ns)
            return false;
        if (!m_hold_ends.emplace(std::pair(hold.expires_ns, hold.entry), seq).second) return false;
    }
    std::size_t ending = 0, authorised = 0;
    for (std::size_t i = 0; i < m_ledger.transfer_count(); ++i) {
        const auto record = m_ledger.transfer_at(i);
        if (record.state == ledger::TransferState::pending && record.transfer.timeout_s != 0) ++ending;
    }
    for (std::size_t i = 0; i < m_remembered.size(); ++i)
        if (m_remembered.at(i).what == Remembered::What::held) ++authorised;
    if (ending != m_holds.size() || authorised != m_holds.size()) return false;
    return load_authorised();
}

// One for each 0100 that is held, or whose hold has ended.
bool State::load_authorised() {
    std::map<std::uint64_t, const Remembered*> open;
    for (std::size_t i = 0; i < m_remembered.size(); ++i) {
        const Remembered& r = m_remembered.at(i);
        if (r.what == Remembered::What::held || r.what == Remembered::What::expired) open[r.seq] = &r;
    }
    if (open.size() != m_authorised.size()) return false;
    for (const auto& [seq, a] : m_authorised) {
        const auto at = open.find(seq);
        if (at == open.end() || a.held != (at->second->what == Remembered::What::held) || a.payer != at->second->payer) return false;
        m_authorised_sales.emplace(a.sale, a.payer, !a.held, seq);
    }
    return true;
}

Hash256 State::digest() const {
    Buffer rest;
    Encoder a(rest);
    a(m_last_seq, m_last_link_stan, m_counters);
    save_maps(rest);
    return sha256({m_ledger.digest(), sha256(rest)});
}

Result<State> State::load(Bytes bytes, std::uint64_t hash_seed) {
    const auto damaged = [] { return fail(Failure::Kind::integrity, "the snapshot is damaged"); };
    Reader in(bytes);
    if (as_text(in.take(kMagic.size())) != kMagic) return damaged();
    if (const std::uint32_t version = in.u32(); in.ok() && version != kVersion)
        return fail(Failure::Kind::integrity,
                    "the snapshot has version " + std::to_string(version) + ", this program reads version " + std::to_string(kVersion));
    State state(hash_seed);
    state.m_last_seq = in.u64();
    state.m_last_link_stan = in.u32();
    auto& c = state.m_counters;
    for (auto* counter : {&c.card_approved, &c.qr_approved, &c.declined, &c.forwarded, &c.reversals, &c.stood_in, &c.advices_accepted,
                          &c.advices_refused, &c.advices_expired})
        *counter = in.u64();
    c.refused_sum = in.i64();
    c.expired_sum = in.i64();
    c.blocked_taken = in.u64();
    c.blocked_sum = in.i64();
    auto ledger = ledger::Ledger::load(in, ledger::Options{.hash_seed = state.m_hash_seed});
    if (!ledger) return tl::unexpected(ledger.error());
    state.m_ledger = std::move(*ledger);
    if (!in.ok() || !state.load_maps(in)) return damaged();
    return state;
}

}  // namespace giro::switching
