// giro receipt and giro verify. A receipt is made from the journal and the chain's blocks, and verified once before it
// is handed out; verifying needs the blocks and the challenge alone, no part of the box has to run.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "appliance/giro/settlement_read.hpp"
#include "settlement/receipt.hpp"
#include "settlement/window.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"

namespace giro::cli {

namespace {
using settlement::Posting;
using settlement::PostingKind;

constexpr unsigned kReceiptMode = 0644;  // it is made to be shown

struct Wanted {
    std::string rrn;
    std::string terminal;  // empty: any
    bool reversal = false;
    [[nodiscard]] bool matches(const Posting& p) const {
        return p.rrn.view() == rrn && (terminal.empty() || p.terminal.view() == terminal) &&
               (p.kind == PostingKind::reversal) == reversal;
    }
};

// The postings that match, the window of the first with all its leaves, and how far that window got.
struct Found {
    std::vector<std::pair<Posting, entry::Salt>> postings;
    settlement::WindowResult window;
    std::uint64_t index = 0;
    std::optional<settlement::Reversed> reversed;
    settlement::Book book;
};

Result<Found> search(const config::Paths& paths, const Wanted& wanted) {
    Found found;
    const auto on_posting = [&](const Posting& p, const entry::Salt& salt) {
        if (wanted.matches(p)) found.postings.emplace_back(p, salt);
        else if (p.kind == PostingKind::reversal && !found.postings.empty() && p.payment == found.postings.front().first.payment)
            found.reversed = settlement::Reversed{p.seq, 0, p.amount.minor + (found.reversed ? found.reversed->amount : 0)};
    };
    const auto on_window = [&](settlement::WindowResult&& w) {
        if (found.reversed && found.reversed->window == 0) found.reversed->window = w.window;
        if (found.postings.empty() || found.window.window != 0) return;
        const auto& [posting, salt] = found.postings.front();
        const auto at = std::ranges::find(w.leaves, leaf_hash(posting, salt));
        if (at == w.leaves.end()) return;
        found.index = static_cast<std::uint64_t>(at - w.leaves.begin());
        found.window = std::move(w);
    };
    settlement::WindowBuilder builder(on_window, on_posting);
    auto scanned = scan_journal(paths, [&](const journal::Entry& e) {
        auto fed = found.book.feed(e.seq, e.kind, e.body);
        return fed ? builder.feed(e.seq, e.kind, e.body) : fed;
    });
    if (!scanned) return tl::unexpected(std::move(scanned.error()));
    return found;
}

// Where the payment's window was confirmed, or why there is no receipt.
Result<entry::SettlementConfirmed> confirmation_of(const Found& found, const Wanted& wanted) {
    if (found.postings.empty())
        return fail(Failure::Kind::refused, fmt::format("no money has moved under RRN {}{}", wanted.rrn,
                                                        wanted.terminal.empty() ? "" : " at that terminal"));
    if (found.postings.size() > 1)
        return fail(Failure::Kind::refused, fmt::format("{} postings have RRN {}; name the terminal with --terminal",
                                                        found.postings.size(), wanted.rrn));
    if (found.window.window == 0) return fail(Failure::Kind::try_again, "its window is still open (giro settle close)");
    const auto* record = found.book.find(found.window.window);
    ASSERT(record != nullptr);
    if (!record->confirmation)
        return fail(Failure::Kind::try_again,
                    fmt::format("window {} is not settled yet (giro settle status)", found.window.window));
    return *record->confirmation;
}

tl::unexpected<Failure> failed_check(std::string_view what, settlement::Check check) {
    return fail(Failure::Kind::integrity,
                fmt::format("{}: check '{}' failed: {}", what, settlement::name(check), settlement::describe(check)));
}
}  // namespace

Result<void> receipt(const Args& args) {
    const Wanted wanted{args.text("rrn"), args.text("--terminal"), args.flag("--reversal")};
    const auto found = search(args.paths(), wanted);
    if (!found) return tl::unexpected(found.error());
    const auto confirmed = confirmation_of(*found, wanted);
    if (!confirmed) return tl::unexpected(confirmed.error());
    const auto challenge = challenge_of(args);
    if (!challenge) return tl::unexpected(challenge.error());
    const auto chain = load_chain(args.paths(), {}, *challenge);
    if (!chain) return tl::unexpected(chain.error());
    const auto blocks = blocks_of(*chain);

    settlement::ReceiptSource source;
    std::tie(source.posting, source.salt) = found->postings.front();
    source.reversed = found->reversed;
    source.window = found->window.window;
    source.leaves = found->window.leaves;
    source.index = found->index;
    source.txid = confirmed->txid;
    source.height = confirmed->height;
    source.blocks = blocks;
    const auto made = settlement::make_receipt(source);
    if (!made) return tl::unexpected(made.error());
    const std::string text = settlement::to_json(*made);
    if (const auto good = settlement::verify_receipt(text, blocks, *challenge); !good)
        return failed_check("the receipt just made", good.error());
    if (args.given("--out")) return write_file_atomic(args.text("--out"), as_bytes(text), kReceiptMode);
    fmt::print("{}", text);
    return {};
}

namespace {
// Whoever makes blocks can make another chain from block 1 on, with participants of its own. So block 1 has to be the
// one that --block1 names; without it, it may pay nobody who is not in the bundle that the challenge comes from. With a
// challenge of the caller's and nothing else, it is only told. Returns block 1's hash as people write it.
Result<std::string> check_block1(const Args& args, const chain::ChainState& chain) {
    const auto block = chain.block_at(1);
    if (!block) return fail(Failure::Kind::integrity, "check 'block1' failed: the chain ends before block 1");
    const Hash256 id = chain::block_hash(block->header);
    const std::string hash = chain::hash_text(id);
    if (args.given("--block1")) {
        const auto wanted = chain::hash_from_text(args.text("--block1"));
        if (!wanted) return fail(Failure::Kind::config, "--block1 takes a block's hash, 64 hexadecimal digits");
        if (*wanted == id) return hash;
        return fail(Failure::Kind::integrity,
                    fmt::format("check 'block1' failed: this is another chain; its block 1 is {}, not {}", hash, args.text("--block1")));
    }
    if (args.given("--challenge")) return hash;
    const auto bundle = vault::load_bundle(args.paths().pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    std::vector<Buffer> known{bundle->issuer.script};
    for (const auto& p : bundle->participants) known.push_back(p.settlement.script);
    if (!settlement::pays_participants_alone(*block, known))
        return fail(Failure::Kind::integrity, fmt::format("check 'block1' failed: this is another chain; its block 1, {}, pays "
                                                          "somebody who is not in pub/bundle.json", hash));
    return hash;
}
}  // namespace

Result<void> verify(const Args& args) {
    const auto file = read_file(args.text("file"), settlement::kReceiptBytesMax);
    if (!file) return fail(Failure::Kind::config, file.error().what);
    const auto challenge = challenge_of(args);
    if (!challenge) return tl::unexpected(challenge.error());
    const auto chain = load_chain(args.paths(), args.text("--chain"), *challenge);
    if (!chain) return tl::unexpected(chain.error());
    const auto block1 = check_block1(args, *chain);
    if (!block1) return tl::unexpected(block1.error());
    const auto good = settlement::verify_receipt(as_text(*file), blocks_of(*chain), *challenge);
    if (!good) return failed_check(args.text("file"), good.error());
    const auto& r = *good;
    if (args.json())
        fmt::print("{}\n", nlohmann::ordered_json{{"verified", true},
                                                  {"rrn", r.posting.rrn.view()},
                                                  {"amount", r.posting.amount.minor},
                                                  {"window", r.window},
                                                  {"reversed_by", r.reversed ? r.reversed->seq : 0},
                                                  {"height", r.height},
                                                  {"block", chain::hash_text(r.block_hash)},
                                                  {"block1", *block1}}
                               .dump());
    else {
        fmt::print("good: {} of {} (RRN {}, terminal {}) is posting {} of {} in window {}, settled in block {} ({}) "
                   "of the chain whose block 1 is {}\n",
                   settlement::name(r.posting.kind), money(r.posting.amount.minor), r.posting.rrn.view(),
                   r.posting.terminal.view(), r.index + 1, r.postings, r.window, r.height,
                   chain::hash_text(r.block_hash), *block1);
        if (r.reversed)
            fmt::print("{} of it reversed, last by entry {}{}, says the box that issued it\n", money(r.reversed->amount), r.reversed->seq,
                       r.reversed->window != 0 ? fmt::format(" in window {}", r.reversed->window) : "");
        else fmt::print("a receipt alone cannot exclude that the payment was reversed after it was issued\n");
    }
    return {};
}

}  // namespace giro::cli
