#include "settlement/window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "settlement/merkle.hpp"
#include "util/archive.hpp"

namespace giro::settlement {

using entry::Kind;
using entry::Outcome;

namespace {
constexpr std::size_t kParticipantsMax = 0xffff;  // WindowBuilder::Index

tl::unexpected<Failure> misfit(std::uint64_t seq, std::string_view why) {
    return fail(Failure::Kind::integrity,
                fmt::format("journal entry {}: {}; check it with: giro journal verify", seq, why));
}

constexpr std::string_view kUndecodable = "its bytes do not decode";

Posting posting_of(std::uint64_t seq, const entry::Payment& e) {
    Posting p;
    p.seq = seq;
    p.channel = e.channel;
    p.time_ns = e.time_ns;
    p.payment = seq;
    p.rrn = e.key.rrn;
    p.terminal = e.key.terminal;
    p.stan = e.key.stan;
    p.merchant = e.merchant;
    p.amount = e.amount;
    p.response_code = e.response_code;
    p.auth_code = e.auth_code;
    p.card = e.pan.first6_last4;
    p.wallet = e.wallet;
    return p;
}

Posting posting_of(std::uint64_t seq, const entry::Reversal& e) {
    Posting p;
    p.seq = seq;
    p.kind = PostingKind::reversal;
    p.time_ns = e.time_ns;
    p.payment = e.payment;
    p.rrn = e.original.rrn;
    p.terminal = e.original.terminal;
    p.stan = e.original.stan;
    p.amount = e.amount;
    p.response_code = e.response_code;
    return p;
}
}  // namespace

WindowBuilder::WindowBuilder(OnWindow on_window, OnPosting on_posting)
    : m_on_window(std::move(on_window)), m_on_posting(std::move(on_posting)) {}

Result<void> WindowBuilder::feed(std::uint64_t seq, std::uint16_t kind, Bytes body) {
    if (seq != m_last_seq + 1) return misfit(seq, fmt::format("entry {} must come first", m_last_seq + 1));
    m_last_seq = seq;
    switch (static_cast<Kind>(kind)) {
        case Kind::participant_opened:
            return participant_opened(seq, body);
        case Kind::account_opened:
            return account_opened(seq, body);
        case Kind::wallet_registered:
            return wallet_registered(seq, body);
        case Kind::payment:
            return payment(seq, body);
        case Kind::forward_answered:
            return forward_answered(seq, body);
        case Kind::completed:
            return completed(seq, body);
        case Kind::stood_in:
            return stood_in(seq, body);
        case Kind::reversal:
            return reversal(seq, body);
        case Kind::window_closed:
            return window_closed(seq, body);
        default:
            return {};
    }
}

// --- who has which account ----------------------------------------------------------------------------------------

Result<void> WindowBuilder::participant_opened(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::ParticipantOpened>(body);
    if (!e) return misfit(seq, kUndecodable);
    if (std::ranges::find(m_participants, e->id) != m_participants.end())
        return misfit(seq, "that participant is open already");
    if (m_participants.size() >= kParticipantsMax) return misfit(seq, "too many participants");
    if (!m_participants.empty() && e->backing.currency != m_currency) return misfit(seq, "a second currency");
    const auto index = static_cast<Index>(m_participants.size());
    m_participants.push_back(e->id);
    m_currency = e->backing.currency;
    m_accounts[{kReserveAccount, e->id}] = index;
    m_accounts[{kLinkAccount, e->id}] = index;
    return {};
}

Result<void> WindowBuilder::account_opened(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::AccountOpened>(body);
    if (!e) return misfit(seq, kUndecodable);
    const auto index = index_of(seq, e->participant);
    if (!index) return tl::unexpected(index.error());
    if (!m_accounts.emplace(e->id, *index).second) return misfit(seq, "that account is open already");
    return {};
}

Result<void> WindowBuilder::wallet_registered(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::WalletRegistered>(body);
    if (!e) return misfit(seq, kUndecodable);
    const auto index = index_of(seq, e->participant);
    if (!index) return tl::unexpected(index.error());
    if (!m_accounts.emplace(e->account, *index).second) return misfit(seq, "that account is open already");
    return {};
}

Result<WindowBuilder::Index> WindowBuilder::index_of(std::uint64_t seq, entry::ParticipantId id) const {
    const auto at = std::ranges::find(m_participants, id);
    if (at == m_participants.end()) return misfit(seq, fmt::format("participant {} is not open", id));
    return static_cast<Index>(at - m_participants.begin());
}

Result<WindowBuilder::Index> WindowBuilder::owner_of(std::uint64_t seq, Id128 account) const {
    const auto at = m_accounts.find(account);
    if (at == m_accounts.end())
        return misfit(seq, fmt::format("account {:016x}{:016x} is no participant's", account.hi, account.lo));
    return at->second;
}

// --- what moves money ---------------------------------------------------------------------------------------------

Result<void> WindowBuilder::payment(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::Payment>(body);
    if (!e) return misfit(seq, kUndecodable);
    if (e->outcome == Outcome::declined) return {};
    const auto debit = owner_of(seq, e->debit);
    if (!debit) return tl::unexpected(debit.error());
    const auto credit = owner_of(seq, e->credit);
    if (!credit) return tl::unexpected(credit.error());
    const Sides sides{*debit, *credit};
    const Posting posting = posting_of(seq, *e);
    if (e->outcome == Outcome::approved) return post(posting, sides, e->salt);
    m_forwards[seq] = {posting, sides};
    return {};
}

Result<void> WindowBuilder::forward_answered(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::ForwardAnswered>(body);
    if (!e) return misfit(seq, kUndecodable);
    const auto at = m_forwards.find(e->payment);
    if (at == m_forwards.end()) return misfit(seq, fmt::format("payment {} does not wait for an answer", e->payment));
    auto [posting, sides] = at->second;
    m_forwards.erase(at);
    if (e->outcome != Outcome::approved) return {};
    posting.seq = seq;
    posting.kind = PostingKind::forwarded;
    posting.time_ns = e->time_ns;
    posting.response_code = e->response_code;
    posting.auth_code = e->auth_code;
    return post(posting, sides, e->salt);
}

// One leaf, the tip included.
Result<void> WindowBuilder::completed(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::Completed>(body);
    if (!e) return misfit(seq, kUndecodable);
    const auto debit = owner_of(seq, e->payment.debit);
    if (!debit) return tl::unexpected(debit.error());
    const auto credit = owner_of(seq, e->payment.credit);
    if (!credit) return tl::unexpected(credit.error());
    return post(posting_of(seq, e->payment), {*debit, *credit}, e->payment.salt);
}

Result<void> WindowBuilder::stood_in(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::StoodIn>(body);
    if (!e) return misfit(seq, kUndecodable);
    const auto debit = owner_of(seq, e->payment.debit);
    if (!debit) return tl::unexpected(debit.error());
    const auto credit = owner_of(seq, e->payment.credit);
    if (!credit) return tl::unexpected(credit.error());
    Posting posting = posting_of(seq, e->payment);
    posting.kind = PostingKind::stood_in;
    return post(posting, {*debit, *credit}, e->payment.salt);
}

Result<void> WindowBuilder::reversal(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::Reversal>(body);
    if (!e) return misfit(seq, kUndecodable);
    if (e->outcome != entry::ReversalOutcome::reversed) return {};
    Posted* original = find_posted(e->payment);
    if (original == nullptr || original->stands == 0)
        return misfit(seq, fmt::format("payment {} does not stand", e->payment));
    if (e->amount.minor <= 0 || e->amount.minor > original->stands)
        return misfit(seq, fmt::format("it takes back more than stands of payment {}", e->payment));
    original->stands -= e->amount.minor;
    return post(posting_of(seq, *e), {original->sides.credit, original->sides.debit}, e->salt);
}

WindowBuilder::Posted* WindowBuilder::find_posted(std::uint64_t payment) noexcept {
    const auto at = std::ranges::lower_bound(m_posted, payment, {}, &Posted::seq);
    return at != m_posted.end() && at->seq == payment ? &*at : nullptr;
}

Result<void> WindowBuilder::post(const Posting& posting, Sides sides, const entry::Salt& salt) {
    if (posting.amount.minor <= 0 || posting.amount.minor > kAmountMax)
        return misfit(posting.seq, "its amount is out of range");
    if (posting.amount.currency != m_currency) return misfit(posting.seq, "its currency is not the participants'");
    Posting complete = posting;
    complete.debit = m_participants[sides.debit];
    complete.credit = m_participants[sides.credit];
    m_open.push_back({posting.seq, posting.amount.minor, sides, leaf_hash(complete, salt)});
    if (posting.kind != PostingKind::reversal) {
        const Posted posted{posting.payment, sides, posting.amount.minor};
        // An answer comes after later payments: its payment's place is near the end, not at it.
        m_posted.insert(std::ranges::upper_bound(m_posted, posted.seq, {}, &Posted::seq), posted);
    }
    if (m_on_posting) m_on_posting(complete, salt);
    return {};
}

// --- windows --------------------------------------------------------------------------------------------------------

Result<void> WindowBuilder::window_closed(std::uint64_t seq, Bytes body) {
    const auto e = decode<entry::WindowClosed>(body);
    if (!e) return misfit(seq, kUndecodable);
    if (e->window != m_last_window + 1) return misfit(seq, fmt::format("window {} is not the open one", e->window));
    if (e->last_seq < m_last_cut || e->last_seq >= seq) return misfit(seq, "it cuts where it cannot");
    const auto end = std::ranges::upper_bound(m_open, e->last_seq, {}, &Open::seq);
    const auto count = static_cast<std::size_t>(end - m_open.begin());
    WindowResult result;
    result.window = e->window;
    result.last_seq = e->last_seq;
    result.closed_ns = e->time_ns;
    result.nets = nets_of(count);
    result.leaves.reserve(count);
    for (std::size_t i = 0; i < count; ++i) result.leaves.push_back(m_open[i].leaf);
    result.postings = count;
    result.root = window_root(result.window, result.leaves);
    m_open.erase(m_open.begin(), end);
    m_last_window = e->window;
    m_last_cut = e->last_seq;
    if (m_on_window) m_on_window(std::move(result));
    return {};
}

std::vector<entry::NetPosition> WindowBuilder::nets_of(std::size_t count) const {
    std::vector<MinorUnits> nets(m_participants.size());
    for (std::size_t i = 0; i < count; ++i) {
        const Open& open = m_open[i];
        // At most kAmountMax = 10^15 a posting, and no bank holds more than the coins there are: sums stay far below
        // 2^63, and checked_add makes a journal that says otherwise stop here.
        const auto paid = checked_add(nets[open.sides.debit], -open.amount);
        ASSERT(paid);
        nets[open.sides.debit] = *paid;
        const auto received = checked_add(nets[open.sides.credit], open.amount);
        ASSERT(received);
        nets[open.sides.credit] = *received;
    }
    std::map<entry::ParticipantId, MinorUnits> sorted;
    for (std::size_t i = 0; i < nets.size(); ++i) sorted[m_participants[i]] = nets[i];
    std::vector<entry::NetPosition> positions;
    MinorUnits sum = 0;
    for (const auto& [id, net] : sorted) {
        positions.push_back({id, net});
        sum += net;
    }
    ASSERT(sum == 0);  // each posting pays what it receives
    return positions;
}

}  // namespace giro::settlement
