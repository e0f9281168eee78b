#include "settlement/transaction.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "chain/script.hpp"
#include "util/bytes.hpp"

namespace giro::settlement {

namespace {
constexpr std::array<std::byte, 4> kTag{std::byte{'G'}, std::byte{'I'}, std::byte{'R'}, std::byte{'O'}};

tl::unexpected<SettlementProblem> problem(SettlementError error, entry::ParticipantId participant = 0) {
    return tl::unexpected(SettlementProblem{error, participant});
}

bool in_supply(chain::Satoshi value) noexcept {
    return value >= -chain::kMoneyMax && value <= chain::kMoneyMax;
}

const Party* party_of(std::span<const Party> parties, entry::ParticipantId id) {
    const auto at = std::ranges::find(parties, id, &Party::participant);
    return at == parties.end() ? nullptr : &*at;
}

using Nets = std::map<entry::ParticipantId, MinorUnits>;

// The nets by participant, in range and cancelling out, each of a known party.
Expected<Nets, SettlementProblem> checked_nets(std::span<const entry::NetPosition> positions,
                                               std::span<const Party> parties) {
    Nets nets;
    MinorUnits sum = 0;
    for (const auto& [id, net] : positions) {
        if (!in_supply(net)) return problem(SettlementError::amount_out_of_range, id);
        if (!nets.emplace(id, net).second) return problem(SettlementError::nets_do_not_cancel, id);  // named twice
        sum += net;  // both within the supply, so this fits
        if (!in_supply(sum)) return problem(SettlementError::amount_out_of_range, id);
    }
    if (sum != 0) return problem(SettlementError::nets_do_not_cancel);
    for (const auto& [id, net] : nets)
        if (net != 0 && party_of(parties, id) == nullptr) return problem(SettlementError::party_unknown, id);
    return nets;
}

// `coins` ascending by (amount, outpoint). Empty when they do not suffice. ASSERTs need > 0.
std::vector<Coin> choose(std::vector<Coin> coins, chain::Satoshi need) {
    ASSERT(need > 0);
    std::vector<Coin> chosen;
    while (need > 0 && !coins.empty()) {
        const auto enough = std::ranges::lower_bound(coins, need, {}, &Coin::amount);
        const auto next = enough != coins.end() ? enough : std::prev(coins.end());
        need -= next->amount;
        chosen.push_back(*next);
        coins.erase(next);
    }
    if (need > 0) return {};
    return chosen;
}

struct Draft {
    UnsignedSettlement out;
    std::vector<chain::TxOut> change;

    void spend(entry::ParticipantId owner, const Coin& coin) {
        chain::TxIn in;
        in.prevout = coin.outpoint;
        out.tx.inputs.push_back(std::move(in));
        out.inputs.push_back({owner, static_cast<std::uint64_t>(coin.amount)});
    }
};

Expected<std::vector<Coin>, SettlementProblem> usable_coins(const Party& party) {
    std::vector<Coin> coins = party.coins;
    chain::Satoshi sum = 0;
    for (const Coin& coin : coins) {
        if (coin.amount <= 0 || coin.amount > chain::kMoneyMax)
            return problem(SettlementError::amount_out_of_range, party.participant);
        sum += coin.amount;
        if (!in_supply(sum)) return problem(SettlementError::amount_out_of_range, party.participant);
    }
    std::ranges::sort(coins, [](const Coin& a, const Coin& b) {
        return a.amount != b.amount ? a.amount < b.amount : a.outpoint < b.outpoint;
    });
    return coins;
}

Expected<void, SettlementProblem> pay_debt(Draft& draft, const Party& party, chain::Satoshi debt) {
    auto coins = usable_coins(party);
    if (!coins) return tl::unexpected(coins.error());
    const auto chosen = choose(std::move(*coins), debt);
    if (chosen.empty()) return problem(SettlementError::coins_short, party.participant);
    chain::Satoshi left = -debt;
    for (const Coin& coin : chosen) {
        draft.spend(party.participant, coin);
        left += coin.amount;
    }
    if (left > 0) draft.change.push_back({left, party.script});
    return {};
}

// Nobody owes anybody: the first bank's smallest coin carries the root.
Expected<void, SettlementProblem> carry_root(Draft& draft, std::span<const Party> parties) {
    const auto first = std::ranges::min_element(parties, {}, &Party::participant);
    if (first == parties.end()) return problem(SettlementError::party_unknown);
    const auto coins = usable_coins(*first);
    if (!coins) return tl::unexpected(coins.error());
    if (coins->empty()) return problem(SettlementError::coins_short, first->participant);
    draft.spend(first->participant, coins->front());
    draft.change.push_back({coins->front().amount, first->script});
    return {};
}
}  // namespace

std::string_view describe(SettlementError error) noexcept {
    switch (error) {
        case SettlementError::nets_do_not_cancel:
            return "the net positions do not add up to zero";
        case SettlementError::party_unknown:
            return "a bank has a net position but no settlement script";
        case SettlementError::amount_out_of_range:
            return "an amount is out of range";
        case SettlementError::coins_short:
            return "a bank's coins do not cover what it owes";
        case SettlementError::too_many_inputs:
            return "the settlement would need too many coins";
        case SettlementError::tx_malformed:
            return "the transaction and its list of inputs do not fit each other";
        case SettlementError::commitment_differs:
            return "the transaction does not commit to this window's root";
        case SettlementError::pays_otherwise:
            return "the transaction does not pay exactly the net positions";
    }
    return "unknown";
}

ByteArray<kCommitmentBytes> commitment_bytes(const Commitment& commitment) noexcept {
    ByteArray<kCommitmentBytes> data;
    std::ranges::copy(kTag, data.begin());
    store_le(data.data() + 4, commitment.window);
    std::ranges::copy(commitment.root, data.begin() + 12);
    return data;
}

std::optional<Commitment> commitment_of(const chain::Tx& tx) {
    if (tx.outputs.empty()) return std::nullopt;
    const auto data = chain::op_return_data(tx.outputs[0].script_pubkey);
    if (!data || data->size() != kCommitmentBytes) return std::nullopt;
    if (!std::equal(kTag.begin(), kTag.end(), data->begin())) return std::nullopt;
    Commitment commitment;
    commitment.window = load_le<std::uint64_t>(data->data() + 4);
    std::copy(data->begin() + 12, data->end(), commitment.root.begin());
    return commitment;
}

Expected<UnsignedSettlement, SettlementProblem> build_settlement(const Commitment& commitment,
                                                                 std::span<const entry::NetPosition> positions,
                                                                 std::span<const Party> parties) {
    const auto nets = checked_nets(positions, parties);
    if (!nets) return tl::unexpected(nets.error());
    Draft draft;
    draft.out.tx.outputs.push_back({0, chain::op_return_script(commitment_bytes(commitment))});
    for (const auto& [id, net] : *nets) {
        if (net > 0) draft.out.tx.outputs.push_back({net, party_of(parties, id)->script});
        if (net >= 0) continue;
        if (const auto paid = pay_debt(draft, *party_of(parties, id), -net); !paid) return tl::unexpected(paid.error());
    }
    if (draft.out.inputs.empty())
        if (const auto carried = carry_root(draft, parties); !carried) return tl::unexpected(carried.error());
    std::ranges::move(draft.change, std::back_inserter(draft.out.tx.outputs));
    if (draft.out.inputs.size() > kInputsMax || chain::encode_tx(draft.out.tx).size() > kTxBytesMax)
        return problem(SettlementError::too_many_inputs);
    return std::move(draft.out);
}

namespace {
// What each bank gets less what it gives, as the transaction says; nothing when an output goes to a stranger.
std::optional<Nets> effects(const chain::Tx& tx, std::span<const entry::SettlementInput> inputs,
                            std::span<const Party> parties) {
    Nets nets;
    for (const auto& input : inputs) {
        if (input.amount == 0 || input.amount > static_cast<std::uint64_t>(chain::kMoneyMax)) return std::nullopt;
        nets[input.participant] -= static_cast<MinorUnits>(input.amount);  // at most kInputsMax * 2.1 * 10^15: fits
    }
    for (std::size_t i = 1; i < tx.outputs.size(); ++i) {  // output 0 is the commitment
        const auto to = std::ranges::find(parties, tx.outputs[i].script_pubkey, &Party::script);
        if (to == parties.end() || tx.outputs[i].value <= 0 || tx.outputs[i].value > chain::kMoneyMax)
            return std::nullopt;
        const auto sum = checked_add(nets[to->participant], tx.outputs[i].value);
        if (!sum) return std::nullopt;
        nets[to->participant] = *sum;
    }
    return nets;
}

// Any block may take it as it stands: a lock time, a relative lock (BIP68), another version or an input twice would let
// officers sign what may never be mined, and the window would wait for ever.
bool can_be_mined(const chain::Tx& tx) {
    std::set<chain::OutPoint> spent;
    return tx.version == chain::Tx{}.version && tx.lock_time == 0 && std::ranges::all_of(tx.inputs, [&](const chain::TxIn& in) {
        return in.sequence == chain::kSequenceFinal && in.script_sig.empty() && !in.prevout.is_null() && spent.insert(in.prevout).second;
    });
}
}  // namespace

Expected<void, SettlementProblem> check_settlement(const entry::SettlementProposed& proposal,
                                                   const WindowResult& window, std::span<const Party> parties) {
    const auto tx = chain::decode_tx(proposal.unsigned_tx);
    if (!tx || tx->has_witness() || tx->inputs.empty() || tx->inputs.size() != proposal.inputs.size() ||
        tx->inputs.size() > kInputsMax || !can_be_mined(*tx))
        return problem(SettlementError::tx_malformed);
    const Commitment expected{window.window, window.root};
    if (proposal.window != window.window || proposal.merkle_root != window.root ||
        proposal.postings != window.postings || tx->outputs.empty() || tx->outputs[0].value != 0 ||
        commitment_of(*tx) != expected)
        return problem(SettlementError::commitment_differs);
    const auto nets = checked_nets(window.nets, parties);
    if (!nets) return tl::unexpected(nets.error());
    auto paid = effects(*tx, proposal.inputs, parties);
    if (!paid) return problem(SettlementError::pays_otherwise);
    for (const auto& [id, net] : *nets) {
        if ((*paid)[id] != net) return problem(SettlementError::pays_otherwise, id);
        paid->erase(id);
    }
    for (const auto& [id, net] : *paid)
        if (net != 0) return problem(SettlementError::pays_otherwise, id);
    const bool same_nets = std::ranges::equal(proposal.net, window.nets, [](const auto& a, const auto& b) {
        return a.participant == b.participant && a.net == b.net;
    });
    if (!same_nets) return problem(SettlementError::pays_otherwise);
    return {};
}

}  // namespace giro::settlement
