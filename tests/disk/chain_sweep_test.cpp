// chain.db on a disk that fails: every call of every kind, once and for ever, a full disk, power cuts. Every block that
// giro-chain was told is stored is there, in order and valid; what cannot be read is not called damage.
#include "chain/store.hpp"
#include "tests/chain/support.hpp"
#include "tests/disk/disk.hpp"
#include "tests/disk/random.hpp"
#include "tests/journal/support.hpp"

using namespace giro;
using chain::ChainStore;
using test::Disk;
using test::DiskOp;
using test::Random;

namespace {
constexpr std::size_t kBlocks = 6;
constexpr std::uint64_t kSweepMax = 5'000;

// A program that keeps a chain, as giro-chain does: any failure ends it.
class ChainProgram {
  public:
    explicit ChainProgram(std::uint64_t seed) : m_disk(m_folder.file("").parent_path(), seed) {}
    Disk& disk() noexcept { return m_disk; }
    [[nodiscard]] const std::optional<Failure>& last_failure() const noexcept { return m_failure; }

    // Opens the file, validates what is in it and adds blocks up to `height`. False when it ended with a failure.
    bool run(std::size_t height) {
        stop();
        auto store = ChainStore::open(m_folder.file("chain.db"), chain::test::recorded_chain()->params);
        if (!store) return ended(store.error());
        m_store.emplace(std::move(*store));
        const auto state = m_store->replay();
        if (!state) return ended(state.error());
        const std::size_t there = state->tip().height;
        CHECK(there == m_store->block_count());
        CHECK_MESSAGE(there >= m_acknowledged, "lost: blocks ", there + 1, " to ", m_acknowledged);
        CHECK(there <= m_attempted);
        m_acknowledged = there;
        while (m_acknowledged < height) {
            m_attempted = std::max(m_attempted, m_acknowledged + 1);
            const auto stored = m_store->append(chain::test::recorded_chain()->blocks[m_acknowledged]);
            if (!stored) return ended(stored.error());
            ++m_acknowledged;
        }
        return true;
    }
    // Two runs with a clean end between them.
    bool live() { return run(kBlocks / 2) && run(kBlocks); }
    void stop() { m_store.reset(); }
    void kill() {
        m_disk.kill();
        stop();
    }
    void power_cut() {
        m_disk.power_cut();
        stop();
    }
    void recover() {
        m_disk.heal();
        const bool recovered = run(kBlocks + 1);
        REQUIRE_MESSAGE(recovered, (recovered ? "" : m_failure->what));
    }

  private:
    bool ended(const Failure& failure) {
        CHECK(failure.what.find('\n') == std::string::npos);
        m_failure = failure;
        stop();
        return false;
    }
    journal::TempFolder m_folder;
    Disk m_disk;
    std::optional<ChainStore> m_store;
    std::size_t m_acknowledged = 0;
    std::size_t m_attempted = 0;
    std::optional<Failure> m_failure;
};

// A disk's fault must not send the operator to a backup or, worse, let him remove the chain.
void check_not_called_damage(const ChainProgram& program) {
    if (!program.last_failure()) return;
    CAPTURE(program.last_failure()->what);
    CHECK(program.last_failure()->kind != Failure::Kind::integrity);
}
}  // namespace

TEST_CASE("chain sweep: whichever disk call fails, once or for ever, no stored block is lost") {
    if (chain::test::recorded_chain() == nullptr) return;
    for (const DiskOp op : {DiskOp::open, DiskOp::read, DiskOp::write, DiskOp::sync, DiskOp::truncate, DiskOp::remove})
        for (const bool for_ever : {false, true}) {
            bool clean = false;
            for (std::uint64_t k = 1; !clean; ++k) {
                CAPTURE(static_cast<int>(op));
                CAPTURE(for_ever);
                CAPTURE(k);
                REQUIRE(k < kSweepMax);
                ChainProgram program(k);
                program.disk().fail(op, k, for_ever);
                const bool lived = program.live();
                clean = program.disk().counts().faults == 0;
                if (clean) REQUIRE(lived);
                check_not_called_damage(program);
                program.kill();
                static_cast<void>(program.run(kBlocks));  // before anybody has mended the disk
                check_not_called_damage(program);
                program.power_cut();
                program.recover();
            }
        }
}

TEST_CASE("chain sweep: wherever the disk becomes full, no stored block is lost") {
    if (chain::test::recorded_chain() == nullptr) return;
    bool clean = false;
    for (std::uint64_t room = 0; !clean; room += 1'024) {
        CAPTURE(room);
        REQUIRE(room < kSweepMax * 1'024);
        ChainProgram program(room);
        program.disk().space(room);
        static_cast<void>(program.live());
        clean = program.disk().counts().faults == 0;
        if (program.last_failure()) CHECK(program.last_failure()->kind == Failure::Kind::try_again);
        program.power_cut();
        program.recover();
    }
}

TEST_CASE("chain sweep: reads and writes that do half their work lose no block") {
    if (chain::test::recorded_chain() == nullptr) return;
    for (const DiskOp op : {DiskOp::read, DiskOp::write}) {
        bool clean = false;
        for (std::uint64_t k = 1; !clean; ++k) {
            CAPTURE(static_cast<int>(op));
            CAPTURE(k);
            REQUIRE(k < kSweepMax);
            ChainProgram program(k);
            program.disk().cut_short(op, k);
            static_cast<void>(program.live());
            clean = program.disk().counts().faults == 0;
            program.power_cut();
            program.recover();
        }
    }
}

TEST_CASE("chain sweep: after 500 power cuts at any moment every stored block is there") {
    if (chain::test::recorded_chain() == nullptr) return;
    for (std::uint64_t seed = 0; seed < 250; ++seed) {
        CAPTURE(seed);
        ChainProgram program(seed);
        Random random(seed);
        for (const std::uint64_t calls : {60U, 15U}) {
            program.disk().stop_at(1 + random.below(calls));
            static_cast<void>(program.live());
            check_not_called_damage(program);
            program.power_cut();
        }
        program.recover();
    }
}
