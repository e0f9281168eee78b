// giro-auditor between a vault and a switch that say what the test says (doubles on the real bus, in a thread of their
// own, since the auditor waits in its calls), over a real journal: what it has signed, and how it ends when the journal
// is not the one that it replayed.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "appliance/giro-auditor/auditor.hpp"
#include "bus/messages.hpp"
#include "journal/journal.hpp"
#include "tests/net/fixture.hpp"
#include "tests/switching/fixture.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"
#include "vault/wire.hpp"

namespace giro::appliance {

namespace {
using bus::MessageType;
using journal::Head;

class TempFolder {
  public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-auditor-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
        for (const char* sub : {"run", "switch", "pub"}) std::filesystem::create_directories(m_path / sub);
        REQUIRE(write_file_atomic(m_path / "pub" / "bundle.json", as_bytes(vault::to_json({})), 0600));
    }
    ~TempFolder() { std::filesystem::remove_all(m_path); }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

  private:
    std::filesystem::path m_path;
};

// The switch that says what is on its disk, and the vault that signs it.
class Others {
  public:
    explicit Others(const config::Paths& paths) : m_thread([this, paths] { serve(paths); }) {
        while (!m_serves) std::this_thread::yield();
    }
    ~Others() {
        m_stop = true;
        m_thread.join();
    }
    Others(const Others&) = delete;
    Others& operator=(const Others&) = delete;

    void say_durable(const Head& head) {
        const std::lock_guard guard(m_mutex);
        m_durable = head;
    }
    void say_last_signed(const vault::Checkpoint& last) {
        const std::lock_guard guard(m_mutex);
        m_last = last;
    }
    [[nodiscard]] std::vector<Head> signed_heads() {
        const std::lock_guard guard(m_mutex);
        return m_signed;
    }
    [[nodiscard]] int asked() const { return m_asked; }

  private:
    void serve(const config::Paths& paths) {
        bus::Loop loop;
        bus::Context context;
        const auto server = [&](const char* name, Buffer (Others::*answer)(const bus::Record&)) {
            auto self = std::make_shared<bus::Server*>(nullptr);
            bus::Handlers handlers;
            handlers.record = [this, self, answer](bus::PeerId peer, const bus::Record& r) {
                (*self)->send(peer, {r.type, bus::Status::ok, r.correlation, (this->*answer)(r)});
            };
            auto bound = bus::Server::bind(loop, context, paths.endpoint(name, bus::caller::kAuditor), handlers);
            ASSERT(bound);
            *self = bound->get();
            return std::move(*bound);
        };
        const auto the_switch = server("switch", &Others::status);
        const auto the_vault = server("vault", &Others::verb);
        bus::Timer stop(loop, [&] {
            if (m_stop) loop.stop();
        });
        stop.every(5);
        m_serves = true;
        loop.run();
    }
    Buffer status(const bus::Record& r) {
        ASSERT(r.type == static_cast<std::uint16_t>(MessageType::box_status));
        ++m_asked;
        const std::lock_guard guard(m_mutex);
        const std::string json =
            fmt::format(R"({{"entries":{},"chain_hash":"{}"}})", m_durable.seq, to_hex(m_durable.hash));
        const Bytes bytes = as_bytes(json);
        return {bytes.begin(), bytes.end()};
    }
    Buffer verb(const bus::Record& r) {
        const std::lock_guard guard(m_mutex);
        Buffer body;
        if (r.type == static_cast<std::uint16_t>(MessageType::vault_last_checkpoint)) {
            vault::LastCheckpoint::Reply reply;
            if (m_last) reply.last = vault::SignedCheckpoint{*m_last, {}};
            vault::encode(body, reply);
        } else {
            ASSERT(r.type == static_cast<std::uint16_t>(MessageType::vault_sign_checkpoint));
            const auto request = vault::decode<vault::SignCheckpoint::Request>(r.body);
            m_signed.push_back({request->checkpoint.seq, request->checkpoint.chain_hash});
            vault::encode(body, vault::SignCheckpoint::Reply{});
        }
        return body;
    }

    std::mutex m_mutex;
    Head m_durable;
    std::optional<vault::Checkpoint> m_last;
    std::vector<Head> m_signed;
    std::atomic<int> m_asked = 0;
    std::atomic<bool> m_serves = false, m_stop = false;
    std::thread m_thread;
};

// A box's day in the journal, an entry to a batch, and an auditor that follows it.
struct Fixture {
    TempFolder folder;
    config::Paths paths{folder.path()};
    switching::Box day;
    bus::Loop loop;
    bus::Context context;
    std::optional<Failure> failed;
    Program program{paths, day.config, loop, context, [this](Failure f) { failed = std::move(f); }};
    Others others{paths};
    std::shared_ptr<void> auditor;
    std::size_t written = 0;

    Fixture() {
        program.config.auditor.checkpoint_every_ms = 1;
        day.buy(switching::purchase_of(100, 1));
        day.buy(switching::purchase_of(200, 2));
    }
    // The journal's next `count` entries; the head behind them.
    Head write(std::size_t count, std::uint64_t time_ns = switching::kNow) {
        journal::Options options;
        options.create = true;
        auto log = journal::Journal::open(paths.journal(), options);
        REQUIRE(log);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& e = day.journal.at(written++);
            const journal::EntryView view{static_cast<std::uint16_t>(e.kind), e.body};
            REQUIRE(log->append({&view, 1}, time_ns));
        }
        return log->head();
    }
    // A crash took the entries from `seq` on.
    void lose_from(std::uint64_t seq) {
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open(paths.journal().c_str(), &db) == SQLITE_OK);
        const auto sql = fmt::format(
            "BEGIN; DELETE FROM entries WHERE seq >= {0}; DELETE FROM batches WHERE last_seq >= {0}; COMMIT", seq);
        CHECK(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(db);
        written = seq - 1;
    }
    Result<void> start() {
        auto started = start_auditor(program);
        if (!started) return tl::unexpected(started.error());
        auditor = *started;
        return {};
    }
    [[nodiscard]] bool signs(const Head& head) {
        return net::run_until(loop, [&] {
            const auto all = others.signed_heads();
            return failed || (!all.empty() && all.back() == head);
        });
    }
    // So many more turns, each of which read what there was and asked the switch.
    void turn(int times) {
        const int until = others.asked() + times;
        CHECK(net::run_until(loop, [&] { return failed || others.asked() >= until; }));
    }
    [[nodiscard]] int exit_code() {
        CHECK(net::run_until(loop, [&] { return failed.has_value(); }));
        REQUIRE(failed);
        INFO(failed->what);
        return failed->exit_code();
    }
};

Hash256 other(Hash256 hash) {
    hash[31] ^= std::byte{1};
    return hash;
}
}  // namespace

TEST_CASE("auditor: what the switch says is on its disk is signed, and what it does not say is not") {
    Fixture box;
    const Head durable = box.write(5);
    box.others.say_durable(durable);
    REQUIRE(box.start());
    CHECK(box.signs(durable));
    const Head written = box.write(3);  // readable, and not durable yet
    box.turn(4);
    CHECK(box.others.signed_heads().back() == durable);
    box.others.say_durable(written);
    CHECK(box.signs(written));
    CHECK_FALSE(box.failed);
    CHECK(std::filesystem::exists(box.paths.snapshots() / "checkpoints.jsonl"));
}

TEST_CASE("auditor: an entry of the same number and another history is not signed: it ends with 75 and replays anew") {
    Fixture box;
    const Head head = box.write(6);
    box.others.say_durable({head.seq, other(head.hash)});
    REQUIRE(box.start());
    CHECK(box.exit_code() == 75);
    CHECK(box.others.signed_heads().empty());
}

TEST_CASE(
    "auditor: entries that were read before they were durable, lost and overtaken by others: 75, then the others are "
    "signed") {
    Fixture box;
    const Head durable = box.write(5);
    box.others.say_durable(durable);
    REQUIRE(box.start());
    CHECK(box.signs(durable));
    const Head lost = box.write(2);
    box.turn(2);
    box.lose_from(durable.seq + 1);
    const Head instead = box.write(3, switching::kNow + 1);
    REQUIRE(instead.seq > lost.seq);
    box.others.say_durable(instead);
    CHECK(box.exit_code() == 75);
    CHECK(box.others.signed_heads().back() == durable);

    box.auditor.reset();
    box.failed.reset();
    box.others.say_last_signed({durable.seq, durable.hash, {}});
    REQUIRE(box.start());
    CHECK(box.signs(instead));
    CHECK_FALSE(box.failed);
}

TEST_CASE("auditor: a journal that has become shorter than what was read: 75") {
    Fixture box;
    const Head durable = box.write(5);
    box.others.say_durable(durable);
    REQUIRE(box.start());
    CHECK(box.signs(durable));
    box.write(2);
    box.turn(2);
    box.lose_from(durable.seq + 1);
    CHECK(box.exit_code() == 75);
}

TEST_CASE("auditor: an entry that was on the disk and is gone is an integrity failure: 4") {
    Fixture box;
    const Head durable = box.write(5);
    box.others.say_durable(durable);
    REQUIRE(box.start());
    CHECK(box.signs(durable));
    box.lose_from(durable.seq);
    SUBCASE("cut off") {}
    SUBCASE("with others in its place") {
        box.write(3, switching::kNow + 1);
    }
    CHECK(box.exit_code() == 4);
}

TEST_CASE("auditor: a journal that is not the one whose entry was signed is refused at the start: 4") {
    Fixture box;
    const Head head = box.write(5);
    box.others.say_last_signed({head.seq, other(head.hash), {}});
    const auto started = box.start();
    REQUIRE_FALSE(started);
    CHECK(started.error().exit_code() == 4);
}

}  // namespace giro::appliance
