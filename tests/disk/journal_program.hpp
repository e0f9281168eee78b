// A program that lives on a simulated disk with a journal: what it was told to be durable, and the checks that it is.
#pragma once

#include <algorithm>
#include <optional>

#include "tests/disk/disk.hpp"
#include "tests/journal/support.hpp"

namespace giro::test {

class JournalProgram {
  public:
    // `pages_max`: the database may grow no further until it recovers; 0: as far as it likes.
    explicit JournalProgram(std::uint64_t seed, std::uint32_t pages_max = 0)
        : m_disk(m_folder.file("").parent_path(), seed), m_pages_max(pages_max) {}

    Disk& disk() noexcept { return m_disk; }
    [[nodiscard]] std::filesystem::path file() const { return m_folder.file(); }
    [[nodiscard]] std::uint64_t acknowledged() const noexcept { return m_acknowledged; }
    [[nodiscard]] const std::optional<Failure>& last_failure() const noexcept { return m_failure; }
    [[nodiscard]] bool running() const noexcept { return m_log.has_value(); }

    // Starts the program: opens the journal and reads all of it, as giro-switch does. False when it refused.
    bool start() {
        m_log.reset();
        auto opened = journal::Journal::open(m_folder.file(), {.create = true, .checkpoint_pages = 12, .pages_max = m_pages_max});
        if (!opened) return ended(opened.error());
        m_log.emplace(std::move(*opened));
        std::uint64_t seq = 0;
        const auto read = m_log->read(1, [&](const journal::Entry& entry) -> Result<void> {
            CHECK(entry.seq == ++seq);
            CHECK(std::ranges::equal(entry.body, body_of(seq)));
            CHECK(entry.kind == kind_of(seq));
            return {};
        });
        if (!read) return ended(read.error());
        check_complete(seq);
        m_acknowledged = seq;  // what was read may be answered again: from now on it must stay
        return true;
    }

    // One batch, and a checkpoint when it is due; a full disk is survived, any other failure ends the program. False
    // when the batch was not acknowledged.
    bool append() {
        std::vector<Buffer> bodies;
        std::vector<journal::EntryView> batch;
        const std::uint64_t before = m_log->head().seq;
        const std::uint64_t count = 1 + before % 7;
        for (std::uint64_t i = 1; i <= count; ++i) bodies.push_back(body_of(before + i));
        for (std::uint64_t i = 1; i <= count; ++i) batch.push_back({kind_of(before + i), bodies[i - 1]});
        m_attempted = std::max(m_attempted, before + count);
        const auto done = m_log->append(batch, 1'000 + before);
        if (!done) return done.error().kind == Failure::Kind::try_again ? noted(done.error()) : ended(done.error());
        m_acknowledged = *done;
        CHECK(*done == before + count);
        if (!m_log->checkpoint_due(false)) return true;
        const auto copied = m_log->checkpoint();
        if (!copied && copied.error().kind != Failure::Kind::try_again)
            ended(copied.error());
        else if (!copied)
            noted(copied.error());
        return true;
    }

    bool append_some(int batches) {
        for (int i = 0; i < batches && running(); ++i) static_cast<void>(append());
        return running();
    }

    // A life: start, some batches, a reader beside it, a clean end, another start, some more. Ends at the first
    // failure.
    bool live() {
        if (!start()) return false;
        if (!append_some(9)) return false;
        auto reader = journal::JournalReader::open(m_folder.file());
        if (!reader) return noted(reader.error());
        if (const auto read = reader->read_from(1, 10'000, journal::nothing()); !read) return noted(read.error());
        stop();
        if (!start()) return false;
        if (!append_some(4)) return false;
        stop();
        return true;
    }

    void stop() { m_log.reset(); }
    void power_cut() {
        m_disk.power_cut();
        stop();
    }
    void kill() {
        m_disk.kill();
        stop();
    }

    // After the faults: it starts, holds what was acknowledged and takes more. `verify` says so as well.
    void recover() {
        m_disk.heal();
        m_pages_max = 0;
        const bool started = start();
        REQUIRE_MESSAGE(started, (started ? "" : m_failure->what));
        REQUIRE(append());
        REQUIRE(append());
        stop();
        const auto report = journal::verify(m_folder.file());
        REQUIRE_MESSAGE(report, (report ? "" : report.error().what));
        CHECK(report->entries == m_acknowledged);
    }

  private:
    static std::uint16_t kind_of(std::uint64_t seq) { return static_cast<std::uint16_t>(seq % 5); }
    static Buffer body_of(std::uint64_t seq) {
        Buffer body(seq * 131 % 700, static_cast<std::byte>(seq));
        const Bytes text = as_bytes("entry ");
        body.insert(body.end(), text.begin(), text.end());
        return body;
    }
    void check_complete(std::uint64_t seq) {
        CHECK_MESSAGE(seq >= m_acknowledged, "lost: entries ", seq + 1, " to ", m_acknowledged);
        CHECK_MESSAGE(seq <= m_attempted, "entries that nobody wrote");
    }
    bool noted(const Failure& failure) {
        CHECK(!failure.what.empty());
        CHECK(failure.what.find('\n') == std::string::npos);
        m_failure = failure;
        return false;
    }
    bool ended(const Failure& failure) {
        noted(failure);
        stop();
        return false;
    }

    journal::TempFolder m_folder;
    Disk m_disk;
    std::uint32_t m_pages_max;
    std::optional<journal::Journal> m_log;
    std::uint64_t m_acknowledged = 0;
    std::uint64_t m_attempted = 0;
    std::optional<Failure> m_failure;
};

}  // namespace giro::test
