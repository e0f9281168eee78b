// giro-auditor: replays the journal in a second copy of the state, checks the invariants as it goes, has the vault sign
// checkpoints, and writes the snapshot that the switch starts from.
// Holds no key and changes nothing but auditor/{snapshot,checkpoints.jsonl}. Hostile input: the journal's file. When an
// invariant fails it says which, at which entry, and exits 4: the supervisor stops the box.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include "appliance/skeleton.hpp"
#include "appliance/snapshot_file.hpp"
#include "journal/journal.hpp"
#include "switching/state.hpp"
#include "util/environment.hpp"
#include "util/hash.hpp"
#include "util/log.hpp"
#include "vault/bundle.hpp"
#include "vault/client.hpp"
#include "vault/digests.hpp"

namespace {

using namespace giro;
using namespace giro::appliance;

constexpr std::size_t kEntriesPerTurn = 4096;  // then the loop sees its signals and timers
constexpr std::uint64_t kPoll_ms = 50;

class Auditor {
  public:
    Auditor(Program& program, journal::JournalReader reader, switching::State state, vault::SyncClient vault)
        : m_program(program), m_reader(std::move(reader)), m_state(std::move(state)), m_vault(std::move(vault)),
          m_snapshot_seq(m_state.last_seq()), m_timer(program.loop, [this] { turn(); }) {
        m_timer.every(kPoll_ms);
    }

  private:
    void turn() {
        for (;;) {
            const auto read = m_reader.read_from(m_state.last_seq() + 1, kEntriesPerTurn,
                                                 [this](const journal::Entry& e) { return m_state.apply(e.kind, e.body); });
            if (!read) return m_program.fail(read.error());
            if (*read < kEntriesPerTurn) break;
        }
        const std::uint64_t now_ns = m_clock.monotonic_ns();
        const std::uint64_t every_ns = m_program.config.auditor.checkpoint_every_ms * 1'000'000;
        if (m_state.last_seq() == m_signed_seq || now_ns - m_signed_ns < every_ns) return;
        m_signed_ns = now_ns;
        if (!m_state.balanced())
            return m_program.fail({Failure::Kind::integrity,
                                   fmt::format("invariant 3 is broken at entry {}: debits and credits differ, or coins are missing", m_state.last_seq())});
        checkpoint();
    }

    // Signs the head of what was replayed: only where a batch ends there.
    void checkpoint() {
        vault::Checkpoint c;
        c.seq = m_state.last_seq();
        const auto hash = m_reader.hash_at(c.seq);
        if (!hash) return m_program.fail(hash.error());
        if (!*hash) return;  // in the middle of a batch that is being read: next time
        c.chain_hash = **hash;
        const bool snapshot = c.seq - m_snapshot_seq >= m_program.config.auditor.snapshot_every_entries;
        Buffer state;
        if (snapshot) {
            m_state.save(state);
            c.state_digest = sha256(state);
        }
        auto signature = m_vault.call<vault::SignCheckpoint>({c});
        if (!signature) return log::warn("entry {} is not signed: {}", c.seq, signature.error().what);
        m_signed_seq = c.seq;
        const vault::SignedCheckpoint signed_checkpoint{c, signature->signature};
        if (auto written = append(signed_checkpoint); !written) return m_program.fail(written.error());
        if (!snapshot) return;
        if (auto written = write_snapshot(m_program.paths.snapshots(), {signed_checkpoint, std::move(state)}); !written)
            return log::warn("no snapshot: {}", written.error().what);
        m_snapshot_seq = c.seq;
        log::info("snapshot at entry {}", c.seq);
    }

    // auditor/checkpoints.jsonl: what `giro journal verify` checks against, one signed line each.
    Result<void> append(const vault::SignedCheckpoint& c) {
        const std::string line = fmt::format("{{\"seq\":{},\"chain_hash\":\"{}\",\"state_digest\":\"{}\",\"signature\":\"{}\"}}\n",
                                             c.checkpoint.seq, to_hex(c.checkpoint.chain_hash), to_hex(c.checkpoint.state_digest), to_hex(c.signature));
        const auto file = m_program.paths.snapshots() / "checkpoints.jsonl";
        const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        const bool ok = fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
        if (fd >= 0) ::close(fd);
        if (ok) return {};
        return fail(Failure::Kind::try_again, fmt::format("cannot append to {}; is the disk full?", file.string()));
    }

    Program& m_program;
    journal::JournalReader m_reader;
    switching::State m_state;
    vault::SyncClient m_vault;
    SystemClock m_clock;
    std::uint64_t m_snapshot_seq;
    std::uint64_t m_signed_seq = 0;
    std::uint64_t m_signed_ns = 0;
    bus::Timer m_timer;
};

// The state of the last snapshot, or an empty one: then everything is replayed.
switching::State first_state(const Program& program, journal::JournalReader& reader) {
    const auto bundle = vault::load_bundle(program.paths.pub() / "bundle.json");
    if (!bundle) return switching::State();
    auto snapshot = read_snapshot(program.paths.snapshots(), bundle->checkpoint_key);
    if (!snapshot || !*snapshot) return switching::State();
    const auto& c = (*snapshot)->checkpoint.checkpoint;
    const auto hash = reader.hash_at(c.seq);
    if (!hash || *hash != c.chain_hash) return switching::State();
    auto state = switching::State::load((*snapshot)->state);
    return state ? std::move(*state) : switching::State();
}

Result<std::shared_ptr<void>> start(Program& program) {
    // Audit must not take time from payments.
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
    if (::nice(5) == -1) log::warn("cannot lower the priority");
    std::error_code ignored;
    std::filesystem::create_directories(program.paths.snapshots(), ignored);
    auto reader = journal::JournalReader::open(program.paths.journal());
    if (!reader) return tl::unexpected(reader.error());
    auto vault = vault::SyncClient::connect(program.paths.run(), bus::caller::kAuditor);
    if (!vault) return tl::unexpected(vault.error());
    auto state = first_state(program, *reader);
    return std::make_shared<Auditor>(program, std::move(*reader), std::move(state), std::move(*vault));
}

}  // namespace

int main(int argc, char** argv) {
    return giro::appliance::run("giro-auditor", "Replays and checks the journal; signs checkpoints.", argc, argv, start);
}
