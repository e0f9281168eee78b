#include "appliance/giro/journal_summary.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "appliance/giro/journal.hpp"
#include "appliance/giro/settlement_read.hpp"
#include "entry/entry.hpp"
#include "settlement/receipt.hpp"
#include "switching/state.hpp"
#include "util/archive.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;
using Kind = Failure::Kind;

struct Counts {
    std::uint64_t card = 0, qr = 0, reversals = 0, declines = 0, entries = 0;
};

// Counts entry by entry, keeping a total at each cut so that one window's share is a difference.
class Counter {
  public:
    Result<void> add(const journal::Entry& e) {
        if (auto applied = m_state.apply(e.kind, e.body); !applied) return applied;
        switch (static_cast<entry::Kind>(e.kind)) {
            case entry::Kind::payment: payment(e); break;
            case entry::Kind::forward_answered: forward_answered(e); break;
            case entry::Kind::reversal: reversal(e); break;
            case entry::Kind::authorised:  // nothing is paid yet
                if (decode<entry::Authorised>(e.body)->payment.outcome == entry::Outcome::declined) ++m_total.declines;
                break;
            case entry::Kind::completed:
            case entry::Kind::stood_in: ++m_total.card; break;
            default: break;
        }
        ++m_total.entries;
        m_at.push_back(m_total);
        return {};
    }
    [[nodiscard]] const switching::State& state() const noexcept { return m_state; }
    // Of entries first..last.
    [[nodiscard]] Counts between(std::uint64_t first, std::uint64_t last) const {
        const Counts to = up_to(last), from = up_to(first - 1);
        return {to.card - from.card, to.qr - from.qr, to.reversals - from.reversals, to.declines - from.declines, to.entries - from.entries};
    }

  private:
    [[nodiscard]] Counts up_to(std::uint64_t seq) const { return seq == 0 ? Counts{} : m_at[std::min<std::size_t>(seq, m_at.size()) - 1]; }
    void decided(entry::Channel channel, entry::Outcome outcome) {
        if (outcome == entry::Outcome::declined) ++m_total.declines;
        if (outcome == entry::Outcome::approved) ++(channel == entry::Channel::card ? m_total.card : m_total.qr);
    }
    // apply() has decoded the entry already.
    void payment(const journal::Entry& e) {
        const auto p = decode<entry::Payment>(e.body);
        decided(p->channel, p->outcome);
        if (p->outcome == entry::Outcome::forwarded) m_forwarded[e.seq] = p->channel;
    }
    void forward_answered(const journal::Entry& e) {
        const auto answer = decode<entry::ForwardAnswered>(e.body);
        decided(m_forwarded[answer->payment], answer->outcome);
    }
    void reversal(const journal::Entry& e) {
        if (decode<entry::Reversal>(e.body)->outcome == entry::ReversalOutcome::reversed) ++m_total.reversals;
    }

    switching::State m_state;
    Counts m_total;
    std::vector<Counts> m_at;
    std::unordered_map<std::uint64_t, entry::Channel> m_forwarded;
};

// The chain's own word on where the settlement's transaction is, every block of it validated.
Result<void> put_settlement(json& out, const entry::SettlementConfirmed& confirmed, const chain::ChainState& chain) {
    const std::string txid = to_hex_reversed(confirmed.txid);
    const auto place = chain.find_tx(confirmed.txid);
    if (!place || place->height != confirmed.height || place->block_hash != confirmed.block_hash)
        return fail(Kind::integrity, fmt::format("the journal has {} in the block at height {}; the chain has not", txid, confirmed.height));
    out["tier1_height"] = place->height;
    out["tier1_txid"] = txid;
    return {};
}

std::uint64_t count_good_receipts(const std::string& folder, const chain::ChainState& chain, Bytes challenge) {
    const auto blocks = blocks_of(chain);
    std::uint64_t good = 0;
    for (const auto& receipt : std::filesystem::directory_iterator(folder)) {
        const auto text = read_file(receipt.path(), settlement::kReceiptBytesMax);
        if (text && settlement::verify_receipt(as_text(*text), blocks, challenge)) ++good;
    }
    return good;
}

// What the chain has to say: the transaction's place and the receipts that hold.
Result<void> put_chain(json& out, const config::Paths& paths, const entry::SettlementConfirmed& confirmed, const std::string& receipts) {
    const auto bundle = vault::load_bundle(paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    const auto chain = load_chain(paths, {}, bundle->block.script);
    if (!chain) return tl::unexpected(chain.error());
    if (auto put = put_settlement(out, confirmed, *chain); !put) return put;
    if (!receipts.empty()) out["receipts_verified"] = count_good_receipts(receipts, *chain, bundle->block.script);
    return {};
}
}  // namespace

Result<json> summarise(const config::Paths& paths, std::uint64_t window, const std::string& receipts) {
    Counter counter;
    if (auto read = scan_journal(paths, [&](const journal::Entry& e) { return counter.add(e); }); !read) return tl::unexpected(read.error());
    const auto& settlements = counter.state().settlements();
    if (window != 0 && !settlements.contains(window)) return fail(Kind::refused, fmt::format("window {} is not closed", window));

    std::uint64_t first = 1, last = counter.state().last_seq();
    const switching::Settlement* settlement = nullptr;
    for (const auto& [id, one] : settlements)
        if (window == 0 ? one.confirmed.has_value() : id == window) settlement = &one;
    if (window != 0) {
        last = settlement->closed.last_seq;
        if (settlements.contains(window - 1)) first = settlements.at(window - 1).closed.last_seq + 1;
    }
    const Counts counts = counter.between(first, last);
    json out{{"entries", counts.entries}, {"card_payments", counts.card}, {"qr_payments", counts.qr},
             {"reversals", counts.reversals}, {"declines", counts.declines}, {"ledger_balanced", counter.state().balanced()}};
    if (settlement == nullptr) return out;
    out["window"] = settlement->closed.window;
    if (!settlement->confirmed) return out;
    if (auto put = put_chain(out, paths, *settlement->confirmed, receipts); !put) return tl::unexpected(put.error());
    return out;
}

}  // namespace giro::cli
