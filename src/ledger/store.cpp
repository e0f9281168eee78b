// The index that changes: placing, growing, erasing.
#include "ledger/store.hpp"

namespace giro::ledger {

void IdIndex::place(Part& part, Slot slot) {
    std::uint32_t at = slot.tag & part.mask;
    while (part.slots[at].ref != kNoRef) at = (at + 1) & part.mask;
    part.slots[at] = slot;
}

void IdIndex::grow(Part& part) {
    const std::size_t slots = part.slots.empty() ? kFirstSlots : part.slots.size() * 2;
    std::vector<Slot> old(slots);
    old.swap(part.slots);
    part.mask = static_cast<std::uint32_t>(slots - 1);
    for (const Slot& slot : old)
        if (slot.ref != kNoRef) place(part, slot);
}

void IdIndex::insert(Id128 id, Ref ref) {
    ASSERT(ref != kNoRef);
    const std::uint64_t hash = hash_of(id);
    Part& part = m_parts[hash >> 56];
    if ((part.used + 1) * std::size_t{4} > part.slots.size() * 3) grow(part);
    place(part, {static_cast<std::uint32_t>(hash), ref});
    ++part.used;
}

void IdIndex::erase(Id128 id, Ref ref) {
    const std::uint64_t hash = hash_of(id);
    Part& part = m_parts[hash >> 56];
    ASSERT(part.used > 0);
    std::uint32_t hole = static_cast<std::uint32_t>(hash) & part.mask;
    while (part.slots[hole].ref != ref) {
        ASSERT(part.slots[hole].ref != kNoRef);
        hole = (hole + 1) & part.mask;
    }
    // Backward shift: an entry after the hole moves into it unless its home lies after the hole, so that no probe
    // ever meets a gap and there are no tombstones.
    for (std::uint32_t at = (hole + 1) & part.mask; part.slots[at].ref != kNoRef; at = (at + 1) & part.mask) {
        const std::uint32_t home = part.slots[at].tag & part.mask;
        const std::uint32_t from_home = (at - home) & part.mask;
        const std::uint32_t from_hole = (at - hole) & part.mask;
        if (from_home < from_hole) continue;
        part.slots[hole] = part.slots[at];
        hole = at;
    }
    part.slots[hole] = Slot{};
    --part.used;
}

}  // namespace giro::ledger
