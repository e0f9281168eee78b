// Questions to the state. How entries change it: state_apply.cpp; how it is saved: state_snapshot.cpp.
#include "switching/state.hpp"

#include "switching/accounts.hpp"
#include "util/archive.hpp"
#include "util/hash.hpp"

namespace giro::switching {

namespace {
constexpr std::uint32_t kStanMax = 999'999;  // DE11, n 6
}

Id128 wallet_account(const Hash160& address) noexcept {
    return {load_be<std::uint64_t>(address.data()), load_be<std::uint64_t>(address.data() + 8)};
}

Id128 request_id(RequestClass request_class, const entry::RequestKey& key) {
    thread_local Buffer bytes;  // used again: this runs for each request
    bytes.clear();
    Encoder encoder(bytes);
    encoder(static_cast<std::uint8_t>(request_class), key);
    const Hash256 digest = sha256(bytes);
    return {load_be<std::uint64_t>(digest.data()), load_be<std::uint64_t>(digest.data() + 8)};
}

std::uint64_t payer_mark(Bytes token_or_address) noexcept {
    ASSERT(token_or_address.size() >= 8);
    return load_le<std::uint64_t>(token_or_address.data());
}

std::uint64_t reversal_mark(RequestClass request_class, const entry::RequestKey& original) {
    return request_id(request_class, original).lo;
}

std::size_t State::TokenHash::operator()(const entry::CardToken& t) const noexcept {
    return load_le<std::uint64_t>(t.data());  // a CMAC: as good as random
}

namespace {
// SplitMix64's finaliser. The indexes multiply by their seed: one of few bits, such as 1, would leave ids that follow one another
// side by side in one table, and forwarded payments' in runs of thousands.
std::uint64_t spread(std::uint64_t seed) noexcept {
    seed += 0x9e3779b97f4a7c15;
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
    return seed ^ (seed >> 31);
}
}  // namespace

State::State(std::uint64_t hash_seed)
    : m_hash_seed(spread(hash_seed)), m_ledger(ledger::Options{.hash_seed = m_hash_seed}), m_remembered_index(m_hash_seed) {}

Id128 State::id_of(RequestClass request_class, const entry::RequestKey& key) const {
    if (m_last_id.id.is_zero() || m_last_id.request_class != request_class || m_last_id.key != key)
        m_last_id = {request_class, key, request_id(request_class, key)};
    return m_last_id.id;
}

const Remembered* State::find(RequestClass request_class, const entry::RequestKey& key) const {
    const ledger::Ref ref = m_remembered_index.find(id_of(request_class, key), m_remembered);
    return ref == ledger::kNoRef ? nullptr : &m_remembered[ref];
}

const Terminal* State::terminal(const TerminalId& id) const {
    const auto at = m_terminals.find(id);
    return at == m_terminals.end() ? nullptr : &at->second;
}

std::map<TerminalId, const Terminal*> State::terminals() const {
    std::map<TerminalId, const Terminal*> all;
    for (const auto& [id, terminal] : m_terminals) all[id] = &terminal;
    return all;
}

const Card* State::card(const entry::CardToken& token) const {
    const auto at = m_cards.find(token);
    return at == m_cards.end() ? nullptr : &at->second;
}

const Wallet* State::wallet(const Hash160& address) const {
    const auto at = m_wallets.find(address);
    return at == m_wallets.end() ? nullptr : &at->second;
}

const Id128* State::merchant_account(const MerchantId& merchant) const {
    const auto at = m_merchants.find(merchant);
    return at == m_merchants.end() ? nullptr : &at->second;
}

const Outstanding* State::outstanding(std::uint64_t payment_seq) const {
    const auto at = m_outstanding.find(payment_seq);
    return at == m_outstanding.end() ? nullptr : &at->second;
}

std::uint64_t State::outstanding_by_stan(std::uint16_t link, std::uint32_t stan) const {
    const auto at = m_link_stans.find({link, stan});
    return at == m_link_stans.end() ? 0 : at->second;
}

std::uint32_t State::next_link_stan(std::uint16_t link) const {
    std::uint32_t stan = m_last_link_stan % kStanMax + 1;
    while (m_link_stans.contains({link, stan})) stan = stan % kStanMax + 1;
    return stan;
}

bool State::balanced() const {
    std::map<Currency, MinorUnits> backing;
    for (const auto& [id, participant] : m_participants)
        backing[participant.backing.currency] += participant.backing.minor;
    for (const auto& [currency, issued] : backing) {
        if (!m_ledger.totals(currency).balanced()) return false;
        const auto* issuance = m_ledger.account(issuance_account(currency));
        if (issuance == nullptr || issuance->debits_posted - issuance->credits_posted != issued) return false;
    }
    return true;
}

Remembered* State::remembered(Id128 id) {
    const ledger::Ref ref = m_remembered_index.find(id, m_remembered);
    return ref == ledger::kNoRef ? nullptr : &m_remembered[ref];
}

void State::remember(const Remembered& r) {
    m_remembered_index.insert(r.id, m_remembered.ref_at(m_remembered.size()));
    m_remembered.push_back(r);
}

}  // namespace giro::switching
