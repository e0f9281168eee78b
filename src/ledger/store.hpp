// Where the ledger keeps its records: fixed-size records in chunks that never move, and an open-addressing index from
// 128-bit id to record. Growth never copies records, and never rehashes more than a 256th of the index at once.
#pragma once

#include <memory>
#include <vector>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::ledger {

using Ref = std::uint32_t;  // names a record in its store
inline constexpr Ref kNoRef = 0xffffffff;
// At most so many records are there at once. Half of all refs: a ref to what was dropped is not soon another's.
inline constexpr std::size_t kRefMax = kNoRef / 2;

// A transfer as it lies in memory: accounts and hold as record numbers.
struct StoredTransfer {
    Id128 id;
    MinorUnits amount;
    std::uint64_t timestamp_ns;
    Ref debit;
    Ref credit;
    Ref pending;  // post and void: the hold; otherwise kNoRef
    std::uint32_t timeout_s;
    std::uint16_t flags;
    std::uint16_t code;
    std::uint8_t state;  // TransferState
};
static_assert(sizeof(StoredTransfer) == 56, "one record is less than a cache line");

// What forgotten transfers have posted on an account: the part of its sums that no transfer shows any more.
struct Carried {
    MinorUnits debits = 0;
    MinorUnits credits = 0;
};

// Records in order of recording, numbered from 0; a Ref is the number modulo kNoRef. The oldest can be dropped, so that
// what is there is always a run of numbers. `kChunkRecords` is a power of two: how many records are allocated at once.
template <typename T, std::size_t kChunkRecords>
class ChunkedStore {
  public:
    [[nodiscard]] std::size_t size() const noexcept { return m_size; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return m_dropped; }  // ever
    // Of the i-th record that is there; of the next to come for i = size().
    [[nodiscard]] Ref ref_at(std::size_t i) const noexcept {
        return static_cast<Ref>((m_first + static_cast<std::uint64_t>(i)) % kNoRef);
    }
    // Where the record lies among those that are there; size() or more when it doesn't.
    [[nodiscard]] std::size_t offset(Ref ref) const noexcept {
        ASSERT(ref != kNoRef);
        return ref >= m_first ? ref - m_first : kNoRef - m_first + ref;
    }
    [[nodiscard]] bool has(Ref ref) const noexcept { return offset(ref) < m_size; }
    // Of a ref that is not there: whether it can be of one that was dropped.
    [[nodiscard]] bool may_be_dropped(Ref ref) const noexcept {
        const std::uint64_t back = kNoRef - offset(ref);
        return back <= kRefMax && back <= m_dropped;
    }
    [[nodiscard]] T& operator[](Ref ref) { return place(offset(ref)); }
    [[nodiscard]] const T& operator[](Ref ref) const { return place(offset(ref)); }
    // The i-th that is there.
    [[nodiscard]] T& at(std::size_t i) { return place(i); }
    [[nodiscard]] const T& at(std::size_t i) const { return place(i); }
    T& push_back(const T& value) {
        ASSERT(m_size < kRefMax);
        if (m_head + m_size == m_chunks.size() * kChunkRecords) grow();
        T& place = slot(m_size);
        place = value;
        ++m_size;
        return place;
    }
    void pop_back() {
        ASSERT(m_size > 0);
        --m_size;
    }
    // Drops the oldest. A chunk's memory goes back with its last record.
    void drop_front() {
        ASSERT(m_size > 0);
        --m_size;
        ++m_dropped;
        m_first = ref_at(1);
        if (++m_head < kChunkRecords) return;
        m_chunks.erase(m_chunks.begin());
        m_head = 0;
    }
    // Of an empty store: as if `dropped` records had been there and gone.
    void start_at(std::uint64_t dropped) {
        ASSERT(m_size == 0);
        m_dropped = dropped;
        m_first = static_cast<Ref>(dropped % kNoRef);
    }

  private:
    [[nodiscard]] T& slot(std::size_t i) const { return m_chunks[(m_head + i) / kChunkRecords][(m_head + i) % kChunkRecords]; }
    [[nodiscard]] T& place(std::size_t i) const {
        ASSERT(i < m_size);
        return slot(i);
    }
    void grow() { m_chunks.push_back(std::make_unique_for_overwrite<T[]>(kChunkRecords)); }

    std::vector<std::unique_ptr<T[]>> m_chunks;
    std::size_t m_size = 0;
    std::size_t m_head = 0;  // where the oldest lies in the first chunk
    std::uint64_t m_dropped = 0;
    Ref m_first = 0;  // m_dropped % kNoRef
};

// id -> Ref. 256 tables by the hash's top byte, each with linear probing and room for one entry in four at least.
// A slot is {32 bits of hash, Ref}: growing and erasing need no look at the records; finding compares the ids there.
class IdIndex {
  public:
    explicit IdIndex(std::uint64_t seed) : m_seed(seed), m_parts(kParts) {}

    // Loads the cache line where find() will look first.
    void prefetch(Id128 id) const noexcept {
        const std::uint64_t hash = hash_of(id);
        const Part& part = m_parts[hash >> 56];
        if (!part.slots.empty()) __builtin_prefetch(&part.slots[static_cast<std::uint32_t>(hash) & part.mask]);
    }
    // The record with this id, or kNoRef. `records[ref].id` is the id of a record.
    template <typename Records>
    [[nodiscard]] Ref find(Id128 id, const Records& records) const {
        const std::uint64_t hash = hash_of(id);
        const Part& part = m_parts[hash >> 56];
        if (part.slots.empty()) return kNoRef;
        const auto tag = static_cast<std::uint32_t>(hash);
        for (std::uint32_t at = tag & part.mask;; at = (at + 1) & part.mask) {
            const Slot slot = part.slots[at];
            if (slot.ref == kNoRef) return kNoRef;
            if (slot.tag == tag && records[slot.ref].id == id) return slot.ref;
        }
    }
    // `id` must not be there.
    void insert(Id128 id, Ref ref);
    // {id, ref} must be there.
    void erase(Id128 id, Ref ref);

  private:
    static constexpr std::size_t kParts = 256;
    static constexpr std::size_t kFirstSlots = 16;
    struct Slot {
        std::uint32_t tag = 0;
        Ref ref = kNoRef;
    };
    struct Part {
        std::vector<Slot> slots;  // a power of two
        std::uint32_t mask = 0;
        std::uint32_t used = 0;
    };

    // A keyed 64 x 64 -> 128 bit multiply, folded: without the seed, ids that collide cannot be chosen.
    [[nodiscard]] std::uint64_t hash_of(Id128 id) const noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide first = static_cast<Wide>(id.hi ^ m_seed) * (id.lo ^ 0xd6e8feb86659fd93);
        const auto folded = static_cast<std::uint64_t>(first) ^ static_cast<std::uint64_t>(first >> 64);
        const Wide second = static_cast<Wide>(folded ^ id.lo ^ 0xa0761d6478bd642f) * (m_seed | 1);
        return static_cast<std::uint64_t>(second) ^ static_cast<std::uint64_t>(second >> 64);
    }
    static void place(Part& part, Slot slot);
    static void grow(Part& part);

    std::uint64_t m_seed;
    std::vector<Part> m_parts;
};

}  // namespace giro::ledger
