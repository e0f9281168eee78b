// giro approve and giro officer new. Before an officer signs, this command makes the window anew from the journal and
// checks that the proposed transaction does exactly what it asks for: what is shown is what is signed.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "appliance/giro/settlement_read.hpp"
#include "appliance/giro/switch_client.hpp"
#include "approval/officer.hpp"
#include "settlement/transaction.hpp"
#include "settlement/window.hpp"
#include "util/archive.hpp"

namespace giro::cli {

namespace {
struct Proposed {
    settlement::Book book;
    std::map<std::uint64_t, settlement::WindowResult> windows;  // without leaves
    std::vector<settlement::Party> parties;
};

Result<Proposed> read_proposals(const config::Paths& paths) {
    Proposed all;
    settlement::WindowBuilder builder([&](settlement::WindowResult&& w) {
        w.leaves = {};
        all.windows[w.window] = std::move(w);
    });
    auto scanned = scan_journal(paths, [&](const journal::Entry& e) {
        auto fed = all.book.feed(e.seq, e.kind, e.body);
        return fed ? builder.feed(e.seq, e.kind, e.body) : fed;
    });
    if (!scanned) return tl::unexpected(std::move(scanned.error()));
    for (const auto& p : all.book.participants()) all.parties.push_back({p.id, p.settlement_script, {}});
    return all;
}

// The window to approve: the one named, or the oldest that is not confirmed.
Result<const settlement::WindowRecord*> pick(const settlement::Book& book, std::int64_t window) {
    const auto* record = window > 0 ? book.find(static_cast<std::uint64_t>(window)) : book.first_unconfirmed();
    if (record == nullptr)
        return fail(Failure::Kind::refused, "no such window waits for approval (giro settle status)");
    if (!record->proposal)
        return fail(Failure::Kind::try_again,
                    fmt::format("the settlement of window {} is not proposed yet (giro settle wait --state proposed)",
                                record->closed.window));
    if (record->confirmation)
        return fail(Failure::Kind::refused, fmt::format("window {} is settled already", record->closed.window));
    return record;
}

std::string owner_of(const Proposed& all, const Buffer& script) {
    const auto at = std::ranges::find(all.parties, script, &settlement::Party::script);
    return at == all.parties.end() ? "?" : all.book.participant_name(at->participant);
}

void show(const Proposed& all, const entry::SettlementProposed& p, const chain::Tx& tx, const Hash256& digest) {
    fmt::print("settlement of window {}: {} postings, Merkle root {}\n", p.window, p.postings, to_hex(p.merkle_root));
    for (const auto& [id, net] : p.net)
        fmt::print("  {:16} {} {:>20}\n", all.book.participant_name(id), net < 0 ? "pays    " : "receives",
                   money(net < 0 ? -net : net));
    fmt::print("transaction {}\n", chain::hash_text(chain::txid(tx)));
    for (std::size_t i = 0; i < tx.inputs.size(); ++i)
        fmt::print("  spends  {:>20}  of {:16} {}:{}\n", money(static_cast<MinorUnits>(p.inputs[i].amount)),
                   all.book.participant_name(p.inputs[i].participant), chain::hash_text(tx.inputs[i].prevout.txid),
                   tx.inputs[i].prevout.index);
    for (std::size_t i = 1; i < tx.outputs.size(); ++i)
        fmt::print("  pays    {:>20}  to {}\n", money(tx.outputs[i].value), owner_of(all, tx.outputs[i].script_pubkey));
    fmt::print("the journal asks for exactly this; signing its digest {}\n", to_hex(digest));
    std::fflush(stdout);
}

Result<Secret> officer_key(const Args& args, const std::string& officer) {
    const auto files = approval::officer_files(args.paths().demo() / "officers", officer);
    const std::filesystem::path key = args.given("--key") ? std::filesystem::path(args.text("--key")) : files.key;
    const auto passphrase =
        args.given("--passphrase-file") ? std::filesystem::path(args.text("--passphrase-file")) : files.passphrase;
    return approval::unlock_key(key, passphrase);
}
}  // namespace

Result<void> approve(const Args& args) {
    const std::string officer = args.text("--officer");
    if (!approval::is_officer_name(officer))
        return fail(Failure::Kind::config, fmt::format("'{}' is no officer's name", officer));
    const auto key = officer_key(args, officer);  // first: nothing is shown that could then not be signed
    if (!key) return tl::unexpected(key.error());
    const auto all = read_proposals(args.paths());
    if (!all) return tl::unexpected(all.error());
    const auto record = pick(all->book, args.number("--window"));
    if (!record) return tl::unexpected(record.error());
    const entry::SettlementProposed& proposal = *(*record)->proposal;
    const auto checked = settlement::check_settlement(proposal, all->windows.at(proposal.window), all->parties);
    if (!checked)
        return fail(Failure::Kind::integrity,
                    fmt::format("the proposal for window {} is not what the journal asks for, do not sign it: {}",
                                proposal.window, settlement::describe(checked.error().error)));
    std::vector<std::int64_t> amounts;
    for (const auto& input : proposal.inputs) amounts.push_back(static_cast<std::int64_t>(input.amount));
    const Hash256 digest = approval::approval_digest(proposal.window, proposal.unsigned_tx, amounts);
    const chain::Tx tx = *chain::decode_tx(proposal.unsigned_tx);  // check_settlement() has decoded it
    if (!args.json()) show(*all, proposal, tx, digest);
    auto signature = vault::sign_approval(*key, digest);
    if (!signature) return tl::unexpected(std::move(signature.error()));
    const entry::SettlementApproved approved{proposal.window, entry::OfficerName(officer), std::move(*signature)};
    if (auto told = tell_switch(args.paths(), bus::MessageType::approve_settlement, encode(approved)); !told)
        return tl::unexpected(std::move(told.error()));
    if (args.json())
        fmt::print("{}\n", nlohmann::ordered_json{{"window", proposal.window},
                                                  {"officer", officer},
                                                  {"txid", chain::hash_text(chain::txid(tx))},
                                                  {"digest", to_hex(digest)}}
                               .dump());
    else
        fmt::print("{} has approved the settlement of window {}\n", officer, proposal.window);
    return {};
}

Result<void> new_officer(const Args& args) {
    const auto files = approval::create_officer(args.paths().demo() / "officers", args.text("name"));
    if (!files) return tl::unexpected(files.error());
    fmt::print("{}\n", files->public_key.string());
    return {};
}

}  // namespace giro::cli
