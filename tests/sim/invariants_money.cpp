// Money as a whole: the ledger's balance, windows, the coins on tier 1 and who let them move.
#include "tests/sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "switching/accounts.hpp"
#include "util/file.hpp"
#include "vault/digests.hpp"

namespace giro::sim {

namespace {
using Broken = std::vector<std::string>;

class Balanced final : public Invariant {
  public:
    int number() const override { return 3; }
    std::string_view sentence() const override { return "debits equal credits, and no account passes its limit"; }
    void check(const Scene& s, Broken& broken) const override {
        if (!s.journal.state.balanced()) broken.emplace_back("the state's debits and credits differ");
        for (const auto& why : s.journal.refused) broken.push_back("the journal holds what the state refuses: " + why);
        const auto& ledger = s.journal.state.ledger();
        std::map<Id128, MinorUnits> left = s.journal.balances;
        for (std::size_t i = 0; i < ledger.account_count(); ++i) {
            const auto& a = ledger.account_at(i);
            const MinorUnits balance = a.credits_posted - a.debits_posted;
            if (balance != left[a.id])
                broken.push_back(
                    fmt::format("account {:x}: the ledger says {}, the entries say {}", a.id.lo, balance, left[a.id]));
            left.erase(a.id);
            if ((a.flags & ledger::kDebitsMustNotExceedCredits) != 0 && balance < -a.overdraft)
                broken.push_back(
                    fmt::format("account {:x} owes {} with an overdraft of {}", a.id.lo, -balance, a.overdraft));
        }
        for (const auto& [id, balance] : left)
            if (balance != 0) broken.push_back(fmt::format("account {:x} of the entries is not in the ledger", id.lo));
    }
};

class OneWindow final : public Invariant {
  public:
    int number() const override { return 6; }
    std::string_view sentence() const override { return "every posted payment is in exactly one window"; }
    void check(const Scene& s, Broken& broken) const override {
        std::uint64_t cut = 0, number = 0;
        std::map<std::uint64_t, std::uint64_t> postings;  // window -> how many lie between its cuts
        for (const auto& [window, record] : s.journal.book.windows()) {
            if (window != ++number || record.closed.last_seq < cut)
                broken.push_back(
                    fmt::format("window {} ends at entry {}, after {}", window, record.closed.last_seq, cut));
            for (const std::uint64_t seq : s.journal.postings)
                if (seq > cut && seq <= record.closed.last_seq) ++postings[window];
            cut = record.closed.last_seq;
            if (!record.proposal) continue;
            const auto& built = s.journal.windows.at(window);
            if (record.proposal->postings != postings[window] || built.postings != postings[window])
                broken.push_back(fmt::format("window {}: {} postings proposed, {} built, {} in the journal", window,
                                             record.proposal->postings, built.postings, postings[window]));
            if (record.proposal->merkle_root != built.root)
                broken.push_back(fmt::format("window {}: another root was proposed than its postings have", window));
        }
    }
};

class TierOneSupply final : public Invariant {
  public:
    int number() const override { return 7; }
    std::string_view sentence() const override {
        return "the coins on tier 1 are what was issued, and a settled window moved its net";
    }
    void check(const Scene& s, Broken& broken) const override {
        if (s.chain == nullptr) return;
        std::map<std::uint32_t, chain::Satoshi> owed;
        for (const auto& p : s.journal.book.participants()) owed[p.id] = p.backing.minor;
        for (const auto& [window, record] : s.journal.book.windows()) {
            const auto place = on_chain(*s.chain, record);
            if (record.confirmation && !place)
                broken.push_back(
                    fmt::format("window {} is confirmed, but its transaction is not on the chain", window));
            if (place)
                for (const auto& [id, net] : s.journal.windows.at(window).nets) owed[id] += net;
        }
        for (const auto& p : s.journal.book.participants()) {
            chain::Satoshi coins = 0;
            for (const auto& u : s.chain->utxos_of(p.settlement_script)) coins += u.coin.out.value;
            if (coins != owed[p.id])
                broken.push_back(
                    fmt::format("{} has {} on tier 1 and should have {}", p.name.view(), coins, owed[p.id]));
        }
        const auto* issued = s.journal.state.ledger().account(switching::issuance_account(s.box.config().currency));
        MinorUnits backing = 0;
        for (const auto& p : s.journal.book.participants()) backing += p.backing.minor;
        if (issued != nullptr && issued->debits_posted - issued->credits_posted != backing)
            broken.emplace_back("the ledger's issuance is not the backing");
    }

  private:
    static std::optional<chain::TxPlace> on_chain(const chain::ChainState& chain,
                                                  const settlement::WindowRecord& record) {
        if (!record.proposal) return std::nullopt;
        const auto tx = chain::decode_tx(record.proposal->unsigned_tx);
        return tx ? chain.find_tx(chain::txid(*tx)) : std::nullopt;
    }
};

class Approved final : public Invariant {
  public:
    int number() const override { return 8; }
    std::string_view sentence() const override {
        return "no tier-1 signature without two officers' over exactly that transaction";
    }
    void check(const Scene& s, Broken& broken) const override {
        if (s.chain == nullptr) return;
        for (std::uint32_t height = 1; height <= s.chain->tip().height; ++height) {
            const auto block = s.chain->block_at(height);
            for (std::size_t i = 1; i < block->txs.size(); ++i)
                if (officers_behind(s, chain::txid(block->txs[i])) < 2)
                    broken.push_back(fmt::format("block {} spends {} without two approvals", height,
                                                 chain::hash_text(chain::txid(block->txs[i]))));
        }
    }

  private:
    static std::size_t officers_behind(const Scene& s, const Hash256& txid) {
        for (const auto& [window, record] : s.journal.book.windows()) {
            if (!record.proposal) continue;
            const auto tx = chain::decode_tx(record.proposal->unsigned_tx);
            if (!tx || chain::txid(*tx) != txid) continue;
            std::vector<std::int64_t> amounts;
            for (const auto& input : record.proposal->inputs)
                amounts.push_back(static_cast<std::int64_t>(input.amount));
            const Hash256 digest = vault::approval_digest(window, record.proposal->unsigned_tx, amounts);
            std::set<std::string> officers;
            for (const auto& a : record.approvals) {
                const auto pem = read_file(s.box.paths().vault() / "officers" / (a.officer.str() + ".pem"));
                if (pem && vault::verify_approval(as_text(*pem), digest, a.signature)) officers.insert(a.officer.str());
            }
            return officers.size();
        }
        return 0;
    }
};
}  // namespace

void add_money_invariants(Invariants& all) {
    all.push_back(std::make_unique<Balanced>());
    all.push_back(std::make_unique<OneWindow>());
    all.push_back(std::make_unique<TierOneSupply>());
    all.push_back(std::make_unique<Approved>());
}

}  // namespace giro::sim
