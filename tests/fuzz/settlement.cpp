// Settlement: receipts (a stranger's file), proposals, the vault's own check of them, and the journal's entries as the
// window builder reads them.
#include <algorithm>

#include "hsm/settlement.hpp"
#include "settlement/book.hpp"
#include "settlement/receipt.hpp"
#include "settlement/transaction.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/settlement/receipt_world.hpp"
#include "vault/bundle.hpp"

namespace giro::fuzz {

namespace {
using namespace settlement;

// A window of three banks and the chain that settled it; signed, not ground.
struct Settled {
    std::vector<Buffer> raw;
    WindowResult window;
    std::vector<Party> parties;
    entry::SettlementProposed proposed;
    Receipt receipt;
};
const Settled& settled() {
    static const Settled made = [] {
        Settled s;
        test::JournalMaker journal(3);
        for (std::uint32_t i = 0; i < 5; ++i) journal.payment(1 + i % 3, 1 + (i + 1) % 3, 100 + i);
        journal.close();
        auto collected = test::collect(journal).value();
        std::vector<chain::TxOut> first;
        for (const auto& bank : test::banks()) first.push_back({1'000'000, bank.script});
        const auto block = test::block_on(chain::genesis_block(), 1, {first, {}}, test::Grind::no);
        for (std::uint32_t id = 1; id <= 3; ++id)
            s.parties.push_back({id, test::banks()[id - 1].script, {{{chain::txid(block.txs[0]), id - 1}, 1'000'000}}});
        s.window = std::move(collected.windows.at(0));
        auto built = build_settlement({s.window.window, s.window.root}, s.window.nets, s.parties).value();
        s.proposed = {s.window.window, s.window.root, s.window.postings, s.window.nets, chain::encode_tx(built.tx),
                      built.inputs};
        for (std::size_t i = 0; i < built.inputs.size(); ++i)
            test::banks()[built.inputs[i].participant - 1].sign(built.tx, i, 1'000'000);
        s.raw = test::World::chain_of(block, {{{}, {built.tx}}}, test::Grind::no);
        const auto blocks = test::views(s.raw);
        s.receipt = make_receipt({collected.postings[2], collected.salts[2], s.window.window, s.window.leaves, 2,
                                  chain::txid(built.tx), 2, blocks})
                        .value();
        return s;
    }();
    return made;
}
}  // namespace

void run_settlement_receipt(Bytes input) {
    const auto text = as_text(input);
    if (const auto receipt = parse_receipt(text)) ASSERT(to_json(*receipt) == text);
    const auto verified = verify_receipt(text, test::views(settled().raw), test::challenge());
    ASSERT(!verified && !describe(verified.error()).empty());  // nothing here was ground
}
Seeds seeds_settlement_receipt() {
    Receipt reversal = settled().receipt;
    reversal.posting.kind = PostingKind::reversal;
    reversal.posting.channel = entry::Channel::wallet;
    Receipt other_path = settled().receipt;
    other_path.tx_position = 9;
    return {owned(to_json(settled().receipt)), owned(to_json(reversal)), owned(to_json(other_path)),
            owned(to_json(Receipt{})), owned("{}")};
}

void run_settlement_proposal(Bytes input) {
    if (const auto tx = chain::decode_tx(input))
        if (const auto commitment = commitment_of(*tx)) {
            const auto bytes = commitment_bytes(*commitment);
            ASSERT(chain::op_return_script(bytes) == tx->outputs[0].script_pubkey);
        }
    const auto proposed = decode<entry::SettlementProposed>(input);
    if (!proposed) return;
    const auto checked = check_settlement(*proposed, settled().window, settled().parties);
    if (!checked) return ASSERT(!describe(checked.error().error).empty());
    ASSERT(proposed->unsigned_tx.size() <= kTxBytesMax);
}
Seeds seeds_settlement_proposal() {
    auto stranger = settled().proposed;
    auto tx = chain::decode_tx(stranger.unsigned_tx).value();
    tx.outputs.back().script_pubkey[5] ^= std::byte{1};
    stranger.unsigned_tx = chain::encode_tx(tx);
    auto other_amount = settled().proposed;
    other_amount.inputs.at(0).amount += 1;
    return {encode(settled().proposed), encode(stranger), encode(other_amount), settled().proposed.unsigned_tx};
}

// What giro-settle asks the vault to sign, against keys that are the banks'.
void run_settlement_vault(Bytes input) {
    static const hsm::KeyRing keys = [] {
        hsm::KeyRing ring;
        for (std::uint32_t id = 0; id <= 3; ++id) ring.owners[id].public_part.script = test::Owner(id).script;
        return ring;
    }();
    const auto request = vault::decode<vault::SignTx::Request>(input);
    if (!request) return;
    const auto checked = hsm::check_settlement(*request, keys);
    if (!checked) return ASSERT(hsm::describe(checked.error()) != "?");
    ASSERT(chain::encode_tx(*checked).size() == request->tx.size());
}
Seeds seeds_settlement_vault() {
    const auto& s = settled();
    vault::SignTx::Request request{
        s.window.window, s.proposed.unsigned_tx, {}, {{"alice", Buffer(8)}, {"bob", Buffer(8)}}};
    for (const auto& input : s.proposed.inputs)
        request.inputs.push_back({static_cast<std::int64_t>(input.amount), input.participant});
    Seeds seeds;
    const auto add = [&](const vault::SignTx::Request& r) {
        Buffer body;
        vault::encode(body, r);
        seeds.push_back(body);
    };
    add(request);
    auto dear = request;
    dear.inputs[0].amount += hsm::kFeeMax + 1;
    add(dear);
    auto poor = request;
    poor.inputs[0].amount = 1;
    add(poor);
    return seeds;
}

// Entries one after another, each `size:u16 kind:u8 body`, through the window builder and the book.
void run_settlement_entries(Bytes input) {
    MinorUnits nets = 0;
    WindowBuilder builder([&](WindowResult&& w) {
        for (const auto& net : w.nets) nets += net.net;
        ASSERT(nets == 0 && w.leaves.size() == w.postings);
    });
    Book book;
    Reader in(input);
    for (std::uint64_t seq = 1; in.left() > 0; ++seq) {
        const std::size_t size = in.u16();
        const std::uint8_t kind = in.u8();
        const Bytes body = in.take(std::min(size, in.left()));
        if (!builder.feed(seq, kind, body) || !book.feed(seq, kind, body)) return;
    }
}
Seeds seeds_settlement_entries() {
    test::JournalMaker journal(3);
    const auto first = journal.payment(1, 2, 100);
    const auto forward = journal.payment(2, 3, 200, entry::Outcome::forwarded);
    journal.answer(forward, 2, 3, 200, true);
    const auto given_up = journal.payment(2, 3, 300, entry::Outcome::forwarded);
    journal.answer(given_up, 2, 3, 300, false);
    journal.payment(3, 1, 50, entry::Outcome::declined);
    journal.complete(1, 3, 70);
    journal.reverse(first, 1, 2, 100);
    journal.reverse(99, 1, 2, 100, entry::ReversalOutcome::unknown);
    entry::WalletRegistered wallet;
    wallet.participant = 2;
    wallet.currency = test::kCurrency;
    wallet.account = {9, 9};
    journal.add(entry::Kind::wallet_registered, wallet);
    journal.close();
    auto proposed = settled().proposed;
    proposed.window = 1;
    journal.add(entry::Kind::settlement_proposed, proposed);
    journal.add(entry::Kind::settlement_approved, entry::SettlementApproved{1, entry::OfficerName("alice"), Buffer(4)});
    journal.add(entry::Kind::settlement_confirmed, entry::SettlementConfirmed{1, {}, 2, {}});
    Buffer all;
    Writer w(all);
    for (const auto& e : journal.entries) {
        w.u16(static_cast<std::uint16_t>(e.body.size()));
        w.u8(static_cast<std::uint8_t>(e.kind));
        w.bytes(e.body);
    }
    return {all};
}

}  // namespace giro::fuzz
