#include "appliance/giro/journal_summary.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "appliance/giro/journal.hpp"
#include "bus/admin_messages.hpp"
#include "bus/endpoint.hpp"
#include "bus/messages.hpp"
#include "chain/block_file.hpp"
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

// The running giro-chain's word; nothing when it does not answer.
std::optional<bus::ChainTx> ask_chain(const config::Paths& paths, const Hash256& txid) {
    const auto endpoint = paths.endpoint("chain", bus::caller::kAdmin);
    if (!std::filesystem::exists(endpoint)) return std::nullopt;
    auto client = bus::SyncClient::connect(endpoint);
    if (!client) return std::nullopt;
    const auto reply = client->call(static_cast<std::uint16_t>(bus::MessageType::chain_tx), txid);
    if (!reply || reply->status != bus::Status::ok) return std::nullopt;
    return decode<bus::ChainTx>(reply->body);
}

Result<void> put_settlement(json& out, const config::Paths& paths, const switching::Settlement& settlement) {
    out["window"] = settlement.closed.window;
    if (!settlement.confirmed) return {};
    const auto& confirmed = *settlement.confirmed;
    if (const auto on_chain = ask_chain(paths, confirmed.txid);
        on_chain && (on_chain->height != confirmed.height || on_chain->block_hash != confirmed.block_hash))
        return fail(Kind::integrity, fmt::format("the chain has {} at height {}, the journal at {}", to_hex_reversed(confirmed.txid),
                                                 on_chain->height, confirmed.height));
    out["tier1_height"] = confirmed.height;
    out["tier1_txid"] = to_hex_reversed(confirmed.txid);
    return {};
}

Result<std::uint64_t> count_good_receipts(const config::Paths& paths, const std::string& folder) {
    const auto bundle = vault::load_bundle(paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    const auto file = read_file(paths.pub() / "blocks.dat", std::size_t{1} << 32);
    if (!file) return tl::unexpected(file.error());
    const auto blocks = chain::split_block_file(*file, chain::network_magic({bundle->block.script}));
    if (!blocks) return fail(Kind::integrity, "pub/blocks.dat is not a file of this chain's blocks");
    std::uint64_t good = 0;
    for (const auto& receipt : std::filesystem::directory_iterator(folder)) {
        const auto text = read_file(receipt.path(), settlement::kReceiptBytesMax);
        if (text && settlement::verify_receipt(as_text(*text), *blocks, bundle->block.script)) ++good;
    }
    return good;
}
}  // namespace

Result<json> summarise(const config::Paths& paths, std::uint64_t window, const std::string& receipts) {
    Counter counter;
    if (auto read = for_each_entry(paths, 1, [&](const journal::Entry& e) { return counter.add(e); }); !read) return tl::unexpected(read.error());
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
    if (settlement != nullptr)
        if (auto put = put_settlement(out, paths, *settlement); !put) return tl::unexpected(put.error());
    if (receipts.empty()) return out;
    const auto good = count_good_receipts(paths, receipts);
    if (!good) return tl::unexpected(good.error());
    out["receipts_verified"] = *good;
    return out;
}

}  // namespace giro::cli
