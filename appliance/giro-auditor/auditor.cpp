#include "appliance/giro-auditor/auditor.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "appliance/snapshot_file.hpp"
#include "bus/messages.hpp"
#include "journal/journal.hpp"
#include "switching/state.hpp"
#include "util/append_line.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/failpoint.hpp"
#include "util/hash.hpp"
#include "util/log.hpp"
#include "vault/bundle.hpp"
#include "vault/client.hpp"

namespace giro::appliance {

namespace {
using Kind = Failure::Kind;

constexpr std::size_t kEntriesPerTurn = 4096;  // then the loop sees its signals and timers
constexpr std::uint64_t kPoll_ms = 50;
constexpr std::uintmax_t kCheckpointsBytesMax = std::uintmax_t{64} << 20;  // two days of one a second
constexpr int kUnsignedMax = 3;  // times in a row; one may be a race with the switch, which signs too when it starts
constexpr std::uint64_t kStartPatience_ms = 20'000;
constexpr std::uint64_t kEndPatience_ms = 2'000;
constexpr std::uint64_t kSwitchPatience_ms = 1'000;

class Auditor {
  public:
    // `last_signed`: the head of the last checkpoint the vault signed; it and what is before it are not signed again.
    Auditor(Program& program, journal::JournalReader reader, vault::SyncClient vault, Buffer checkpoint_key,
            const journal::Head& last_signed)
        : m_program(program), m_reader(std::move(reader)), m_vault(std::move(vault)), m_checkpoint_key(std::move(checkpoint_key)),
          m_durable(last_signed), m_signed_seq(last_signed.seq), m_timer(program.loop, [this] { turn(); }) {
        m_timer.once(0);
    }
    Auditor(const Auditor&) = delete;
    Auditor& operator=(const Auditor&) = delete;

    // At a clean end what came since the last checkpoint is signed too, unless the first replay is still under way.
    ~Auditor() {
        if (m_failed || !m_caught_up) return;
        if (auto followed = follow(); !followed) fail(followed.error());
        else if (auto signed_ = sign_durable(kEndPatience_ms); !signed_) fail(signed_.error());
    }

  private:
    void turn() {
        if (auto followed = follow(); !followed) return fail(followed.error());
        m_timer.once(m_caught_up ? kPoll_ms : 0);
        const std::uint64_t now_ns = m_clock.monotonic_ns();
        if (!m_caught_up || now_ns - m_tried_ns < m_program.config.auditor.checkpoint_every_ms * 1'000'000) return;
        m_tried_ns = now_ns;
        if (auto signed_ = sign_durable(vault::kCallTimeout_ms); !signed_) fail(signed_.error());
    }

    void fail(const Failure& failure) {
        m_failed = true;
        m_timer.stop();
        m_program.fail(failure);
    }

    // Applies the next entries, up to kEntriesPerTurn, not past `until` and not past the snapshot's.
    // The head is taken before the snapshot is looked for: the switch writes an entry behind a snapshot only when that is
    // on the disk, so no snapshot is passed unseen.
    Result<void> follow(std::uint64_t until = std::numeric_limits<std::uint64_t>::max()) {
        const auto head = m_reader.head();
        if (!head) return tl::unexpected(head.error());
        if (head->seq < m_state.last_seq()) return replaced();
        look_for_snapshot();
        std::uint64_t to = std::min({head->seq, m_state.last_seq() + kEntriesPerTurn, until});
        if (m_snapshot) to = std::min(to, m_snapshot->seq);
        if (to > m_state.last_seq()) {
            const auto read = m_reader.read_from(m_state.last_seq() + 1, to - m_state.last_seq(),
                                                 [this](const journal::Entry& e) { return m_state.apply(e.kind, e.body); });
            if (!read) return holds(m_reader.checked()) ? tl::unexpected(read.error()) : replaced();
        }
        m_caught_up = m_state.last_seq() == head->seq;
        return compare_snapshot();
    }

    // Does the journal still hold this? Also true where it cannot be read.
    bool holds(const std::optional<journal::Head>& known) {
        if (!known) return true;
        const auto hash = m_reader.hash_at(known->seq);
        return !hash || *hash == known->hash;
    }

    // What was replayed is no longer what the journal says. Entries that were read before they were durable go so when a
    // crash takes them; the replay is then begun again, and its start holds the journal against the last signed checkpoint.
    // What the switch once said is on its disk does not go so.
    tl::unexpected<Failure> replaced() {
        if (!holds(m_durable))
            return giro::fail(Kind::integrity, fmt::format("the journal is not the one whose entry {} was on the disk before; restore it "
                                                           "from its copy", m_durable.seq));
        return giro::fail(Kind::try_again, fmt::format("the journal's end is another than was read before (up to entry {}): it was not "
                                                       "durable and is lost; replaying what is there", m_state.last_seq()));
    }

    // Keeps what was signed over a snapshot that is new, until the replay comes to its entry.
    void look_for_snapshot() {
        const auto folder = m_program.paths.journal().parent_path();
        std::error_code none;
        const auto written = std::filesystem::last_write_time(snapshot_file(folder), none);
        if (none || written == m_snapshot_written) return;
        m_snapshot_written = written;
        const auto found = read_snapshot_checkpoint(folder, m_checkpoint_key);
        // The switch does not start from such a file either.
        if (!found) return log::warn("{}", found.error().what);
        if (!*found) return;
        m_snapshot = (*found)->checkpoint;
        if (m_snapshot->seq >= m_state.last_seq()) return;
        log::info("the snapshot at entry {} is compared at the next start", m_snapshot->seq);
        m_snapshot.reset();
    }

    // At the snapshot's entry: is it the state, and the journal, that the replay has?
    Result<void> compare_snapshot() {
        if (!m_snapshot || m_state.last_seq() != m_snapshot->seq) return {};
        const vault::Checkpoint snapshot = *m_snapshot;
        m_snapshot.reset();
        const auto hash = m_reader.hash_at(snapshot.seq);
        if (!hash) return tl::unexpected(hash.error());
        // A snapshot that was made after this replay began, over a journal that has lost its end since.
        if (*hash != snapshot.chain_hash && snapshot.seq > m_durable.seq) return replaced();
        Buffer state;
        m_state.save(state);
        if (*hash != snapshot.chain_hash || sha256(state) != snapshot.state_digest)
            return giro::fail(Kind::integrity, fmt::format("the switch's snapshot is not the state that the journal leads to at entry {}: "
                                                           "keep a copy of both for the inquiry, then remove the snapshot to replay the journal",
                                                           snapshot.seq));
        log::info("the snapshot at entry {} is the journal's state", snapshot.seq);
        return {};
    }

    // Has the journal signed up to where the switch says that it is on its disk. An entry can be read before it is durable,
    // and for ever if the switch dies between writing and syncing it; signed then and lost in a power cut, it would stop the
    // box. So the switch is asked first, and what is signed is what was replayed up to there, if its hash is the switch's.
    Result<void> sign_durable(std::uint64_t patience_ms) {
        const auto durable = ask_switch();
        if (!durable || durable->seq <= m_signed_seq) return {};
        while (m_state.last_seq() < durable->seq) {
            const std::uint64_t before = m_state.last_seq();
            if (auto followed = follow(durable->seq); !followed) return followed;
            if (m_state.last_seq() == before) return {};  // it cannot be read yet
        }
        if (m_state.last_seq() > durable->seq) return {};  // what was read is not durable yet: next time
        if (m_reader.checked() != durable) return replaced();
        m_durable = *durable;
        if (!m_state.balanced())
            return giro::fail(Kind::integrity, fmt::format("invariant 3 is broken at entry {}: debits and credits differ, or coins "
                                                           "are missing", durable->seq));
        return sign({durable->seq, durable->hash, {}}, patience_ms);
    }

    Result<void> sign(const vault::Checkpoint& c, std::uint64_t patience_ms) {
        GIRO_FAILPOINT("auditor.checked");
        const auto signature = m_vault.call<vault::SignCheckpoint>({c}, patience_ms);
        if (!signature) return not_signed(c.seq, signature.error());
        GIRO_FAILPOINT("auditor.checkpoint.signed");
        m_unsigned = 0;
        m_signed_seq = c.seq;
        return append({c, signature->signature});
    }

    // The journal's end on the switch's disk; nothing when the switch does not answer.
    std::optional<journal::Head> ask_switch() {
        if (!m_switch) {
            auto connected = bus::SyncClient::connect(m_program.paths.endpoint("switch", bus::caller::kAuditor));
            if (!connected) return std::nullopt;
            m_switch.emplace(std::move(*connected));
        }
        const auto reply = m_switch->call(static_cast<std::uint16_t>(bus::MessageType::box_status), {}, kSwitchPatience_ms);
        auto durable = reply ? durable_in(as_text(reply->body)) : std::nullopt;
        if (!durable) m_switch.reset();  // a new connection next time
        return durable;
    }

    // What box_status says of the journal.
    static std::optional<journal::Head> durable_in(std::string_view json) {
        const auto status = nlohmann::json::parse(json, nullptr, false);
        if (!status.is_object() || !status.contains("entries") || !status["entries"].is_number_unsigned()) return std::nullopt;
        if (!status.contains("chain_hash") || !status["chain_hash"].is_string()) return std::nullopt;
        const auto hash = array_from_hex<32>(status["chain_hash"].get<std::string>());
        if (!hash) return std::nullopt;
        return journal::Head{status["entries"].get<std::uint64_t>(), *hash};
    }

    // A token that is away is the vault's to tell and comes back by itself; anything else must not go on in silence.
    Result<void> not_signed(std::uint64_t seq, const Failure& why) {
        log::warn("entry {} is not signed: {}", seq, why.what);
        const auto status = m_vault.call<vault::VaultStatus>({}, kEndPatience_ms);
        if (status && !status->token_present) return {};
        if (++m_unsigned < kUnsignedMax) return {};
        return giro::fail(Kind::try_again, fmt::format("no checkpoint was signed in {} attempts, the last of entry {}: {}", m_unsigned, seq, why.what));
    }

    // auditor/checkpoints.jsonl: what `giro journal verify` checks against, one signed line each. A full one becomes
    // checkpoints.jsonl.1 in the place of the last such; every checkpoint covers all entries before it.
    Result<void> append(const vault::SignedCheckpoint& c) {
        const std::string line = fmt::format("{{\"seq\":{},\"chain_hash\":\"{}\",\"state_digest\":\"{}\",\"signature\":\"{}\"}}\n",
                                             c.checkpoint.seq, to_hex(c.checkpoint.chain_hash), to_hex(c.checkpoint.state_digest), to_hex(c.signature));
        const auto file = m_program.paths.snapshots() / "checkpoints.jsonl";
        std::error_code none;
        if (const auto bytes = std::filesystem::file_size(file, none); !none && bytes > kCheckpointsBytesMax)
            std::filesystem::rename(file, file.string() + ".1", none);
        return append_line(file, line);
    }

    Program& m_program;
    journal::JournalReader m_reader;
    switching::State m_state;
    vault::SyncClient m_vault;
    std::optional<bus::SyncClient> m_switch;
    Buffer m_checkpoint_key;
    SystemClock m_clock;
    std::optional<vault::Checkpoint> m_snapshot;  // of the switch, not yet come to
    std::filesystem::file_time_type m_snapshot_written{};
    journal::Head m_durable;  // the last that is known to have been on the switch's disk
    std::uint64_t m_signed_seq;
    std::uint64_t m_tried_ns = 0;
    int m_unsigned = 0;
    bool m_caught_up = false;
    bool m_failed = false;
    bus::Timer m_timer;
};

// The head of the last checkpoint that was signed; the journal must still hold it. Entry 0 when none was.
Result<journal::Head> last_signed(vault::SyncClient& vault, journal::JournalReader& reader) {
    const auto answer = vault.call<vault::LastCheckpoint>({}, kStartPatience_ms);
    if (!answer) return tl::unexpected(answer.error());
    if (!answer->last) {
        const auto start = reader.hash_at(0);
        if (!start) return tl::unexpected(start.error());
        return journal::Head{0, start->value_or(Hash256{})};
    }
    const auto& last = answer->last->checkpoint;
    const auto hash = reader.hash_at(last.seq);
    if (!hash) return tl::unexpected(hash.error());
    if (*hash == last.chain_hash) return journal::Head{last.seq, last.chain_hash};
    return fail(Kind::integrity, fmt::format("the journal is not the one whose entry {} was signed; restore it from its copy", last.seq));
}

}  // namespace

Result<std::shared_ptr<void>> start_auditor(Program& program) {
    // Audit must not take time from payments.
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
    if (::nice(5) == -1) log::warn("cannot lower the priority");
    std::error_code ignored;
    std::filesystem::create_directories(program.paths.snapshots(), ignored);
    const auto bundle = vault::load_bundle(program.paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    auto reader = journal::JournalReader::open(program.paths.journal());
    if (!reader) return tl::unexpected(reader.error());
    auto vault = vault::SyncClient::connect(program.paths.run(), bus::caller::kAuditor);
    if (!vault) return tl::unexpected(vault.error());
    const auto signed_head = last_signed(*vault, *reader);
    if (!signed_head) return tl::unexpected(signed_head.error());
    const Bytes key = bundle->checkpoint_key;
    return std::make_shared<Auditor>(program, std::move(*reader), std::move(*vault), Buffer(key.begin(), key.end()),
                                     *signed_head);
}

}  // namespace giro::appliance
