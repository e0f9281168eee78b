#include "appliance/giro-switch/recovery.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "appliance/snapshot_file.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/failpoint.hpp"
#include "util/hash.hpp"
#include "util/log.hpp"
#include "vault/bundle.hpp"
#include "vault/client.hpp"

namespace giro::appliance {

namespace {

constexpr std::uint64_t kProgressEvery = 250'000;  // entries

// A snapshot is no reason to stay down: the journal has everything. One that cannot be used is kept, beside its place, for
// whoever asks why.
void put_aside(const std::filesystem::path& file, const std::string& why) {
    const std::filesystem::path kept = file.string() + ".refused";
    std::error_code failed;
    std::filesystem::rename(file, kept, failed);
    log::warn("{}; the whole journal is replayed instead, {}", why,
              failed ? "and the file could not be moved away: " + failed.message() : "and the file is now " + kept.string());
}

// The state of the snapshot, if there is one that can be used and the journal agrees with it.
Result<switching::State> from_snapshot(const config::Paths& paths, journal::Journal& journal, std::uint64_t hash_seed) {
    switching::State empty(hash_seed);
    const auto bundle = vault::load_bundle(paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    auto snapshot = read_snapshot(paths.journal().parent_path(), bundle->checkpoint_key);
    const auto file = snapshot_file(paths.journal().parent_path());
    if (!snapshot) {
        if (snapshot.error().kind != Failure::Kind::integrity) log::warn("{}", snapshot.error().what);  // not readable now
        else put_aside(file, snapshot.error().what);
        return empty;
    }
    if (!*snapshot) return empty;
    const auto& checkpoint = (*snapshot)->checkpoint.checkpoint;
    const auto hash = journal.hash_at(checkpoint.seq);
    if (!hash) return tl::unexpected(hash.error());
    if (*hash != checkpoint.chain_hash)
        return fail(Failure::Kind::integrity,
                    fmt::format("journal entry {}: not what the snapshot was signed over; restore the journal from its copy", checkpoint.seq));
    auto state = switching::State::load((*snapshot)->state, hash_seed);
    if (state && state->last_seq() == checkpoint.seq) return state;
    put_aside(file, fmt::format("{}: {}", file.string(), state ? "its sequence number is not its state's" : state.error().what));
    return empty;
}

// A journal that ends before what the vault has signed was cut; one that differs there was rewritten.
Result<void> compare(journal::Journal& journal, const vault::Checkpoint& checkpoint) {
    if (journal.head().seq < checkpoint.seq)
        return fail(Failure::Kind::integrity,
                    fmt::format("the journal ends at entry {}, but entry {} was signed: entries {} to {} are missing; restore it from its copy",
                                journal.head().seq, checkpoint.seq, journal.head().seq + 1, checkpoint.seq));
    const auto hash = journal.hash_at(checkpoint.seq);
    if (!hash) return tl::unexpected(hash.error());
    if (*hash == checkpoint.chain_hash) return {};
    return fail(Failure::Kind::integrity,
                fmt::format("the journal was changed at or before entry {}: its hash is not the one the vault signed; restore it from its copy",
                            checkpoint.seq));
}

Result<void> save_snapshot(const config::Paths& paths, Recovered& recovered) {
    vault::Checkpoint checkpoint;
    checkpoint.seq = recovered.state.last_seq();
    // At an end in mid-batch the state is ahead of the journal: there is nothing to sign then.
    const auto& head = recovered.journal.head();
    if (head.seq != checkpoint.seq) return {};
    checkpoint.chain_hash = head.hash;
    Buffer state;
    recovered.state.save(state);
    checkpoint.state_digest = sha256(state);
    auto client = vault::SyncClient::connect(paths.run(), bus::caller::kSwitch);
    if (!client) return tl::unexpected(client.error());
    const auto reply = client->call<vault::SignCheckpoint>({checkpoint});
    if (!reply) return tl::unexpected(reply.error());
    GIRO_FAILPOINT("switch.snapshot.signed");
    auto written = write_snapshot(paths.journal().parent_path(), {{checkpoint, reply->signature}, std::move(state)});
    if (!written) return written;
    GIRO_FAILPOINT("switch.snapshot.written");
    recovered.snapshot_seq = checkpoint.seq;
    log::info("snapshot at entry {}", checkpoint.seq);
    return {};
}

}  // namespace

void save_snapshot_if_due(const config::Paths& paths, Recovered& recovered, std::uint64_t every_entries) {
    if (recovered.state.last_seq() - recovered.snapshot_seq <= every_entries) return;
    if (auto saved = save_snapshot(paths, recovered); !saved) log::warn("no snapshot: {}", saved.error().what);
}

Result<Recovered> recover(const config::Paths& paths, const std::optional<vault::SignedCheckpoint>& checkpoint,
                          std::uint64_t hash_seed) {
    std::error_code ignored;
    std::filesystem::create_directories(paths.journal().parent_path(), ignored);
    journal::Options options;
    options.create = !checkpoint;  // once something was signed, a missing journal is a loss, not a first start
    SystemRandom random;
    random.fill(options.journal_id);
    auto journal = journal::Journal::open(paths.journal(), options);
    if (!journal) {
        if (checkpoint && journal.error().kind == Failure::Kind::not_provisioned)
            return fail(Failure::Kind::integrity, fmt::format("the journal is gone, but entry {} was signed; restore it from its copy",
                                                              checkpoint->checkpoint.seq));
        return tl::unexpected(journal.error());
    }
    if (checkpoint)
        if (auto same = compare(*journal, checkpoint->checkpoint); !same) return tl::unexpected(same.error());

    GIRO_FAILPOINT("switch.journal.opened");
    const auto began = std::chrono::steady_clock::now();
    auto state = from_snapshot(paths, *journal, hash_seed);
    if (!state) return tl::unexpected(state.error());
    const std::uint64_t snapshot_seq = state->last_seq();
    // What the snapshot holds is not read again: from_snapshot() has compared the chain's hash there with the signed one,
    // and the auditor, which trusts no snapshot, checks every entry. So a start takes no longer with every year of entries.
    const auto replayed = journal->read(snapshot_seq + 1, [&](const journal::Entry& e) -> Result<void> {
        if (e.seq % kProgressEvery == 0) log::info("checking: entry {} of {}", e.seq, journal->head().seq);
        return state->apply(e.kind, e.body);
    });
    if (!replayed) return tl::unexpected(replayed.error());
    ASSERT(state->last_seq() == journal->head().seq);
    GIRO_FAILPOINT("switch.replayed");
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
    log::info("state at entry {}: snapshot at {}, {} entries replayed, {} ms", state->last_seq(), snapshot_seq,
              state->last_seq() - snapshot_seq, ms);
    return Recovered{std::move(*journal), std::move(*state), snapshot_seq};
}

}  // namespace giro::appliance
