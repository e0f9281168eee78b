#include "tests/sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "appliance/snapshot_file.hpp"
#include "journal/journal.hpp"
#include "switching/accounts.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"
#include "vault/digests.hpp"

namespace giro::sim {

namespace {
using Broken = std::vector<std::string>;

class AcknowledgedIsDurable final : public Invariant {
  public:
    int number() const override { return 1; }
    std::string_view sentence() const override { return "an answer on the wire has its entry on disk"; }
    void check(const Scene& s, Broken& broken) const override {
        for (const Heard& h : s.ears.all()) {
            if (!decides(h.code)) continue;
            if (h.reversal ? !has_reversal(s, h) : !has_payment(s, h) && !has_reconciliation(s, h))
                broken.push_back(fmt::format("{} heard {} at {} ms, and no entry says so", h.request, h.code,
                                             h.time_ns / kMillisecond));
        }
    }

  private:
    static bool has_payment(const Scene& s, const Heard& h) {
        const auto found = s.journal.by_request.find(h.request);
        return found != s.journal.by_request.end() && std::ranges::any_of(found->second, [&](std::size_t i) {
                   return s.journal.payments[i].decided() && s.journal.payments[i].code() == h.code;
               });
    }
    static bool has_reconciliation(const Scene& s, const Heard& h) {
        const auto found = s.journal.reconciled.find(h.request);
        return found != s.journal.reconciled.end() && found->second == h.code;
    }
    // 13: another amount than the original's; no entry by rule.
    static bool has_reversal(const Scene& s, const Heard& h) {
        return h.code == "13" || std::ranges::any_of(s.journal.reversals, [&](const auto& r) {
                   return key_of_sale(r.second.key.terminal.view(), r.second.key.stan, r.second.key.rrn.view()) ==
                          h.request;
               });
    }
};

class Once final : public Invariant {
  public:
    int number() const override { return 2; }
    std::string_view sentence() const override {
        return "a request is posted at most once, and its repeats hear the same";
    }
    void check(const Scene& s, Broken& broken) const override {
        for (const auto& [request, at] : s.journal.by_request)
            if (at.size() > 1) broken.push_back(fmt::format("{} was decided {} times", request, at.size()));
        std::map<std::string, const Heard*> first;
        for (const Heard& h : s.ears.all()) {
            if (!decides(h.code)) continue;
            const auto [known, is_new] = first.emplace(h.request + (h.reversal ? "/r" : ""), &h);
            if (!is_new && (known->second->code != h.code || known->second->auth_code != h.auth_code))
                broken.push_back(fmt::format("{} heard {} and later {}", h.request, known->second->code, h.code));
        }
    }
};

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

class ReversalWithinOriginal final : public Invariant {
  public:
    int number() const override { return 4; }
    std::string_view sentence() const override { return "a reversal never exceeds its original"; }
    void check(const Scene& s, Broken& broken) const override {
        std::map<std::uint64_t, MinorUnits> moved;
        for (const auto& [seq, r] : s.journal.reversals) {
            if (r.outcome != entry::ReversalOutcome::reversed) continue;
            const PaymentStory* p = s.journal.payment(r.payment);
            if (p == nullptr || p->seq > seq) {
                broken.push_back(
                    fmt::format("entry {} reverses entry {}, which is no payment before it", seq, r.payment));
                continue;
            }
            moved[r.payment] += r.amount.minor;
            if (!p->approved())
                broken.push_back(fmt::format("entry {} moves back what entry {} never moved", seq, r.payment));
            if (moved[r.payment] > p->payment.amount.minor)
                broken.push_back(
                    fmt::format("entry {}: {} moved back of {}", r.payment, moved[r.payment], p->payment.amount.minor));
        }
    }
};

// Beyond the list: a pre-authorisation is completed at most once, and not above what was authorised and the tolerance.
class CompletionWithinAuthorised final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a completion stays within what was authorised, once"; }
    void check(const Scene& s, Broken& broken) const override {
        std::set<std::uint64_t> seen;
        for (const auto& e : s.journal.completed) {
            const MinorUnits amount = e.payment.amount.minor;
            const auto& limits = s.box.config().switching;
            if (e.authorisation == 0) {
                if (amount > limits.offline_max) broken.push_back(fmt::format("a till sold {} by itself", amount));
                continue;
            }
            const auto authorised = s.journal.authorised.find(e.authorisation);
            if (authorised == s.journal.authorised.end() ||
                amount > authorised->second * (100 + limits.completion_tolerance_percent) / 100)
                broken.push_back(fmt::format("{} were completed of entry {}, beyond what it authorised", amount, e.authorisation));
            if (!seen.insert(e.authorisation).second)
                broken.push_back(fmt::format("entry {} was completed twice", e.authorisation));
        }
    }
};

// Beyond the list: what a terminal is told at the end of its period is what the entries come to, once.
class Reconciled final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a reconciliation counts what the entries say"; }
    void check(const Scene& s, Broken& broken) const override {
        for (const auto& what : s.journal.miscounted) broken.push_back(what);
    }
};

// Beyond the list: no payment with a wrong PIN is approved, none with the right one declined for it, and a card is locked for what
// its customers typed alone: each wrong PIN counts once, whatever was lost, repeated or killed on the way.
class PinsCounted final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a wrong PIN approves nothing and counts once"; }
    void check(const Scene& s, Broken& broken) const override {
        std::map<std::string, unsigned> wrong;
        for (const auto& [request, typed] : s.ears.typed()) wrong[typed.card] += typed.right ? 0 : 1;
        for (const PaymentStory& p : s.journal.payments) {
            const auto& key = p.payment.key;
            const std::string request = key_of_sale(key.terminal.view(), key.stan, key.rrn.view());
            const auto typed = s.ears.typed().find(request);
            const entry::Reason why = p.payment.reason;
            if (typed == s.ears.typed().end()) {
                if (why == entry::Reason::pin_wrong || why == entry::Reason::pin_locked)
                    broken.push_back(fmt::format("{} was declined for a PIN that nobody typed", request));
                continue;
            }
            if (p.approved() && !typed->second.right) broken.push_back(fmt::format("{} was approved with a wrong PIN", request));
            if (why == entry::Reason::pin_wrong && typed->second.right)
                broken.push_back(fmt::format("{} was declined with the right PIN", request));
            if (why == entry::Reason::pin_locked && wrong[typed->second.card] < vault::kPinAttemptsMax)
                broken.push_back(fmt::format("{} met a locked card with {} wrong PINs typed", request, wrong[typed->second.card]));
        }
    }
};

// Beyond the list: no chip that is a copy is approved, a card's counter is approved once and never goes back, no card is called a
// copy that is none, and no card hears what its issuer did not say.
class ChipsGenuine final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "a chip's counter pays once, and no copy pays"; }
    void check(const Scene& s, Broken& broken) const override {
        for (const auto& what : s.ears.disbelieved()) broken.push_back(what);
        std::map<std::string, std::uint16_t> last_approved, last_used;
        std::set<std::pair<std::string, std::uint16_t>> said_again;  // by a copy, which may be there before the card itself
        for (const auto& [request, dipped] : s.ears.dipped()) {
            if (dipped.genuine) last_used[dipped.card] = std::max(last_used[dipped.card], dipped.atc);
            if (dipped.copied) said_again.emplace(dipped.card, dipped.atc);
        }
        for (const PaymentStory& p : s.journal.payments) {
            const auto& key = p.payment.key;
            const std::string request = key_of_sale(key.terminal.view(), key.stan, key.rrn.view());
            const auto found = s.ears.dipped().find(request);
            const entry::Reason why = p.payment.reason;
            using entry::Reason;
            if (found == s.ears.dipped().end()) {
                if (why == Reason::chip_wrong || why == Reason::chip_used)
                    broken.push_back(fmt::format("{} was declined for a chip that nobody used", request));
                continue;
            }
            const Dipped& dipped = found->second;
            const bool of_another_day = why == Reason::chip_mismatch && dipped.copied;  // days pass
            if ((why == Reason::chip_mismatch && !of_another_day) || why == Reason::chip_unusable || why == Reason::chip_refused)
                broken.push_back(fmt::format("{} was declined as {}", request, entry::name(why)));
            if (dipped.genuine && why == Reason::chip_wrong)
                broken.push_back(fmt::format("{} was declined for its card's own cryptogram", request));
            if (!dipped.genuine && p.approved()) broken.push_back(fmt::format("{} was approved by a chip that is none", request));
            if (why == Reason::chip_used && !dipped.copied && last_used[dipped.card] == dipped.atc &&
                !said_again.contains({dipped.card, dipped.atc}))
                broken.push_back(fmt::format("{} was declined as used, and no later counter was", request));
            if (!p.approved()) continue;
            std::uint16_t& last = last_approved[dipped.card];
            if (dipped.atc <= last) broken.push_back(fmt::format("{} was approved with counter {} after {}", request, dipped.atc, last));
            last = std::max(last, dipped.atc);
        }
    }
};

class JournalUnbroken final : public Invariant {
  public:
    int number() const override { return 5; }
    std::string_view sentence() const override {
        return "the journal has no gap, and the signed checkpoints are its own";
    }
    void check(const Scene& s, Broken& broken) const override {
        const auto verified = journal::verify(s.box.paths().journal());
        if (!verified) return broken.push_back(verified.error().what);
        for (std::size_t i = 0; i < s.journal.entries.size(); ++i)
            if (s.journal.entries[i].seq != i + 1)
                return broken.push_back(fmt::format("entry {} stands in place {}", s.journal.entries[i].seq, i + 1));
        auto reader = journal::JournalReader::open(s.box.paths().journal());
        if (!reader) return broken.push_back(reader.error().what);
        std::ifstream lines(s.box.paths().snapshots() / "checkpoints.jsonl");
        for (std::string line; std::getline(lines, line);) {
            const auto seq_at = line.find("\"seq\":"), hash_at = line.find("\"chain_hash\":\"");
            if (seq_at == std::string::npos || hash_at == std::string::npos || line.size() < hash_at + 14 + 64)
                continue;  // torn: its writer died
            const std::uint64_t seq = std::stoull(line.substr(seq_at + 6));
            const auto hash = reader->hash_at(seq);
            if (!hash || !*hash || to_hex(**hash) != line.substr(hash_at + 14, 64))
                return broken.push_back(fmt::format("entry {} is not what was signed", seq));
        }
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

class NothingInTheClear final : public Invariant {
  public:
    int number() const override { return 9; }
    std::string_view sentence() const override { return "no card number and no key in any file or log"; }
    void check(const Scene& s, Broken& broken) const override {
        if (s.secrets == nullptr) return;
        search(*s.secrets, "the logs", as_bytes(*s.logs), broken);
        namespace fs = std::filesystem;
        for (const auto& file : fs::recursive_directory_iterator(s.box.paths().root)) {
            if (!file.is_regular_file()) continue;
            if (const auto bytes = read_file(file.path()))
                search(*s.secrets, file.path().filename().string(), *bytes, broken);
        }
        for (const char* name : {"journal.db", "journal.db-wal"})
            search(*s.secrets, name, s.box.switch_disk().bytes(name), broken);
        for (const char* name : {"chain.db", "chain.db-wal"})
            search(*s.secrets, name, s.box.chain_disk().bytes(name), broken);
    }

  private:
    static void search(const std::vector<std::string>& secrets, std::string_view where, Bytes in, Broken& broken) {
        if (in.empty()) return;
        for (const auto& secret : secrets)
            if (memmem(in.data(), in.size(), secret.data(), secret.size()) != nullptr)
                return broken.push_back(fmt::format("{} holds a secret in the clear", where));
    }
};

class SameState final : public Invariant {
  public:
    int number() const override { return 10; }
    std::string_view sentence() const override {
        return "the same journal gives the same state, and two nodes the same chain";
    }
    void check(const Scene& s, Broken& broken) const override {
        const auto again = Evidence::read(s.box.paths().journal(), 99);
        if (!again || again->state.digest() != s.journal.state.digest())
            broken.emplace_back("a second replay came to another state");
        const auto snapshot =
            appliance::read_snapshot(s.box.paths().journal().parent_path(), s.box.made().bundle.checkpoint_key);
        if (snapshot && *snapshot && (*snapshot)->checkpoint.checkpoint.seq <= s.journal.entries.size()) {
            switching::State state;
            for (std::uint64_t i = 0; i < (*snapshot)->checkpoint.checkpoint.seq; ++i)
                static_cast<void>(state.apply(s.journal.entries[i].kind, s.journal.entries[i].body));
            Buffer bytes;
            state.save(bytes);
            if (sha256(bytes) != (*snapshot)->checkpoint.checkpoint.state_digest)
                broken.push_back(
                    fmt::format("the snapshot at entry {} is another state", (*snapshot)->checkpoint.checkpoint.seq));
        }
        if (s.second_chain != nullptr && s.at_rest && s.second_chain->tip().hash != s.chain->tip().hash)
            broken.emplace_back("the second node has another chain");
    }
};

// Beyond the list: what the issuer's host holds as paid is what the journal holds as paid.
class IssuerAgrees final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override { return "the issuer's books agree with the journal"; }
    void check(const Scene& s, Broken& broken) const override {
        if (s.host == nullptr || !s.at_rest) return;
        std::set<std::string> approved;
        std::map<std::string, MinorUnits> reversed;  // -> the least that a reversal left to stand
        for (const auto& seen : *s.host) {
            const std::string request = fmt::format("{}/{}", seen.terminal.view(), seen.rrn.view());
            if (host::kind_of(seen.mti) == host::Kind::reversal) {
                MinorUnits& least = reversed.try_emplace(request, seen.stands).first->second;
                least = std::min(least, seen.stands);
            } else if (seen.code.view() == "00")
                approved.insert(request);
        }
        for (const auto& p : s.journal.payments) {
            const auto advised = s.journal.advised.find(p.seq);  // refused by its issuer, it stands here alone
            const bool told = advised != s.journal.advised.end() && advised->second == entry::SafVerdict::accepted;
            if (p.payment.outcome != entry::Outcome::forwarded && !told) continue;
            const std::string request = fmt::format("{}/{}", p.payment.key.terminal.view(), p.payment.key.rrn.view());
            MinorUnits stands = p.approved() ? p.payment.amount.minor : 0;
            for (const auto& r : p.reversed) stands -= r.amount.minor;
            MinorUnits stands_there = approved.contains(request) ? p.payment.amount.minor : 0;
            if (const auto r = reversed.find(request); r != reversed.end())
                stands_there = std::min(stands_there, r->second);
            if (stands != stands_there)
                broken.push_back(fmt::format("{}: of entry {} {} stand here and {} at the issuer", request, p.seq, stands,
                                             stands_there));
        }
    }
};

// Beyond the list: what the box approved while the link was down.
class AdvisedOnce final : public Invariant {
  public:
    int number() const override { return 0; }
    std::string_view sentence() const override {
        return "every stood-in approval is at its issuer exactly once and in its terminal's order, or refused, parked or expired by an entry";
    }
    void check(const Scene& s, Broken& broken) const override {
        if (s.host == nullptr || !s.at_rest) return;
        std::map<std::string, int> booked, refused;
        std::map<TerminalId, std::uint32_t> last;
        for (const auto& seen : *s.host) {
            if (host::kind_of(seen.mti) != host::Kind::advice || seen.repeat) continue;
            const std::string request = fmt::format("{}/{}", seen.terminal.view(), seen.rrn.view());
            ++(seen.code.view() == "00" ? booked : refused)[request];
            // By the STANs, which the switch gives out in the journal's order: tills' clocks step.
            if (std::exchange(last[seen.terminal], seen.stan) > seen.stan)
                broken.push_back(fmt::format("the advice of {} came after a later one of its terminal", request));
        }
        for (const std::uint64_t seq : s.journal.stood_in) {
            const PaymentStory& p = *s.journal.payment(seq);
            const std::string request = fmt::format("{}/{}", p.payment.key.terminal.view(), p.payment.key.rrn.view());
            const auto advised = s.journal.advised.find(seq);
            const bool ended = advised != s.journal.advised.end() || s.journal.expired.contains(seq) || s.journal.state.parked().contains(seq);
            if (!ended) broken.push_back(fmt::format("the advice of {} (entry {}) has come to no end", request, seq));
            if (advised == s.journal.advised.end()) continue;
            const bool accepted = advised->second == entry::SafVerdict::accepted;
            if (booked[request] != (accepted ? 1 : 0))
                broken.push_back(fmt::format("{} was stood in for once, {}, and is booked {} times at its issuer", request,
                                             entry::name(advised->second), booked[request]));
            if (!accepted && refused[request] == 0) broken.push_back(fmt::format("{} was refused by nobody", request));
            booked.erase(request);
        }
        for (const auto& [request, times] : booked)
            if (times != 0) broken.push_back(fmt::format("{} is booked at the issuer as an advice of nothing that was approved here", request));
    }
};

std::vector<std::unique_ptr<Invariant>> make() {
    std::vector<std::unique_ptr<Invariant>> all;
    all.push_back(std::make_unique<AcknowledgedIsDurable>());
    all.push_back(std::make_unique<Once>());
    all.push_back(std::make_unique<Balanced>());
    all.push_back(std::make_unique<ReversalWithinOriginal>());
    all.push_back(std::make_unique<CompletionWithinAuthorised>());
    all.push_back(std::make_unique<Reconciled>());
    all.push_back(std::make_unique<PinsCounted>());
    all.push_back(std::make_unique<ChipsGenuine>());
    all.push_back(std::make_unique<JournalUnbroken>());
    all.push_back(std::make_unique<OneWindow>());
    all.push_back(std::make_unique<TierOneSupply>());
    all.push_back(std::make_unique<Approved>());
    all.push_back(std::make_unique<NothingInTheClear>());
    all.push_back(std::make_unique<SameState>());
    all.push_back(std::make_unique<IssuerAgrees>());
    all.push_back(std::make_unique<AdvisedOnce>());
    return all;
}
}  // namespace

const std::vector<std::unique_ptr<Invariant>>& invariants() {
    static const auto all = make();
    return all;
}

std::vector<Violation> check_all(const Scene& scene) {
    std::vector<Violation> violations;
    for (const auto& invariant : invariants()) {
        Broken broken;
        invariant->check(scene, broken);
        for (const auto& what : broken)
            violations.push_back({invariant->number(), std::string(invariant->sentence()), what});
    }
    return violations;
}

}  // namespace giro::sim
