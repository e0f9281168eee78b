// Every named failpoint of the programs (util/failpoint.hpp), what makes a box pass it, and what recovery leads to. The
// tests arm each, and fail when one is not reached, or when the sources name another.
#pragma once

namespace failpoint {

enum class By {
    payment,     // the load that runs all the time
    restart,     // a start of the program; the test kills it first
    snapshot,    // a start of the switch after more than snapshot_every_entries
    block,       // the pre-mining of the chain
    timeout,     // the issuer's host is away
    settlement,  // a window is closed, approved, signed and confirmed
    host,        // the load; of `giro host`, whom tests/failpoint/luck_test.cpp starts again
};

struct Point {
    const char* name;
    const char* program;
    By by;
    bool loses;         // a message is lost; else the program is killed
    const char* after;  // what recovery leads to, besides what is checked after every point
};

// After every point: the program is up again, payments are answered again, the other programs went on; in the end
// everything that was answered is in the journal once, the journal verifies, and every closed window is settled.
inline constexpr Point kPoints[] = {
    {"gate.request.read", "gate", By::payment, false, "the request is lost; the terminal repeats or reverses it"},
    {"gate.request.passed", "gate", By::payment, false, "decided and journalled; the repeat gets the same answer"},
    {"gate.answer.taken", "gate", By::payment, false, "journalled; the repeat gets the same answer"},
    {"gate.answer.lost", "gate", By::payment, true, "journalled; the repeat gets the same answer"},
    {"switch.batch.taken", "switch", By::payment, false, "nothing of the batch is in the journal"},
    {"switch.macs.checked", "switch", By::payment, false, "nothing of the batch is in the journal"},
    {"switch.decided", "switch", By::payment, false, "nothing of the batch is in the journal"},
    {"journal.entries.inserted", "switch", By::payment, false, "nothing of the batch is in the journal"},
    {"journal.commit.before", "switch", By::payment, false, "nothing of the batch is in the journal"},
    {"journal.commit.after", "switch", By::payment, false, "the whole batch is; the repeats get its answers"},
    {"switch.committed", "switch", By::payment, false, "the whole batch is; the repeats get its answers"},
    {"switch.answers.maced", "switch", By::payment, false, "the whole batch is; the repeats get its answers"},
    {"switch.answers.lost", "switch", By::payment, true, "the whole batch is; the repeats get its answers"},
    {"switch.answers.sent", "switch", By::payment, false,
     "the answers may be lost with the socket; the repeats get them"},
    {"journal.checkpoint.before", "switch", By::payment, false, "the log is read again"},
    {"journal.checkpoint.after", "switch", By::payment, false, "the log is read again, over the same pages"},
    {"vault.request.taken", "vault", By::payment, false,
     "the switch answers 91 or repeats; nothing is decided without a MAC"},
    {"vault.request.done", "vault", By::payment, false, "a signature that nobody has is made again"},
    {"vault.reply.lost", "vault", By::payment, true, "the caller's patience ends; it asks again"},
    {"auditor.checked", "auditor", By::payment, false, "the entries are checked again"},
    {"vault.checkpoint.signed", "vault", By::payment, false, "the checkpoint is not the last one, and is signed again"},
    {"vault.checkpoint.stored", "vault", By::payment, false, "the same checkpoint is signed again for who asks"},
    {"auditor.checkpoint.signed", "auditor", By::payment, false, "the vault has it; the file gets the next one"},
    {"line.before", "auditor", By::payment, false, "the vault has it; the file gets the next one"},
    {"line.written", "auditor", By::payment, false, "the line is there, or is cut off before the next"},
    {"file.created", "vault", By::payment, false, "the old file stands; the half-written one lies beside it"},
    {"file.synced", "vault", By::payment, false, "the old file stands"},
    {"file.renamed", "vault", By::payment, false, "the new file stands"},
    {"switch.journal.opened", "switch", By::restart, false, "a recovery that is killed is done again"},
    {"switch.replayed", "switch", By::restart, false, "a recovery that is killed is done again"},
    {"switch.snapshot.signed", "switch", By::snapshot, false,
     "the old snapshot stands; the vault has signed a newer state"},
    {"switch.snapshot.written", "switch", By::snapshot, false, "the next start begins from the new snapshot"},
    {"chain.block.signed", "chain", By::block, false, "the block is built and signed again"},
    {"chain.block.ground", "chain", By::block, false, "the work is lost, and done again"},
    {"chain.block.accepted", "chain", By::block, false, "the block is in no file; another is made in its place"},
    {"chain.store.before", "chain", By::block, false, "the block is in no file; another is made in its place"},
    {"chain.block.stored", "chain", By::block, false, "pub/blocks.dat is written anew from chain.db"},
    {"chain.block.told", "chain", By::block, false, "the next block follows"},
    {"switch.expired", "switch", By::timeout, false, "the payment expires after the start, once"},
    {"switch.saf.taken", "switch", By::timeout, false, "what is owed is owed still, and goes as a repeat"},
    {"switch.expiry.committed", "switch", By::timeout, false,
     "declined; the reversal is owed; the terminal's repeat is told"},
    {"switch.reversal.owed", "switch", By::timeout, false, "the reversal is sent by the next start"},
    {"switch.saf.answered", "switch", By::timeout, false, "the host has it, and the journal knows: it does not go again"},
    {"switch.command.decided", "switch", By::settlement, false, "the window is not closed; the officer asks again"},
    {"switch.command.committed", "switch", By::settlement, false, "the window is closed, once, at one entry"},
    {"settle.proposal.built", "settle", By::settlement, false, "the same proposal is built again"},
    {"settle.proposal.answered", "settle", By::settlement, false, "the proposal is in the journal, once"},
    {"chain.reply.lost", "chain", By::settlement, true, "giro-settle asks again"},
    {"vault.approvals.good", "vault", By::settlement, false, "the same transaction is signed when it is asked again"},
    {"vault.settlement.signed", "vault", By::settlement, false,
     "the same transaction is signed when it is asked again"},
    {"settle.signed", "settle", By::settlement, false, "the same transaction is signed when it is asked again"},
    {"settle.submitted", "settle", By::settlement, false, "the chain knows it; it is found there"},
    {"settle.block.found", "settle", By::settlement, false, "it is found again and confirmed once"},
    {"host.message.taken", "host", By::host, false, "the host knows nothing of it; the switch reverses it, or says its advice again"},
    {"host.state.before", "host", By::host, false, "decided and in no file: for the next start it never came"},
    {"host.state.written", "host", By::host, false, "booked and not answered: the switch reverses it; an advice's repeat gets the same answer"},
    {"host.answer.sent", "host", By::host, false, "the answer may be lost with the socket"},
    {"settle.confirmed", "settle", By::settlement, false, "the journal has the confirmation, once"},
};

}  // namespace failpoint
