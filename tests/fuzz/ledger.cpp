// The ledger's snapshot, and the switch's whole state around it: only what save() writes is loaded, byte for byte.
#include <algorithm>
#include <limits>

#include "ledger/ledger.hpp"
#include "switching/state.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/fuzz/world.hpp"

namespace giro::fuzz {

namespace {
Buffer saved(const ledger::Ledger& ledger) {
    Buffer out;
    Writer w(out);
    ledger.save(w);
    return out;
}
}  // namespace

// With a digest that is right, so that mutations reach the checks behind it.
void run_ledger_snapshot(Bytes input) {
    const bool sealed = take_choice(input, 2) == 1;
    Buffer bytes = owned(input);
    Reader in(bytes);
    auto loaded = ledger::Ledger::load(in);
    if (!loaded && sealed) {
        // What the refused bytes would have to end with is not to be had from outside: the digest of runs, as format
        // says.
        const Hash256 digest = snapshot_digest(bytes);
        bytes.insert(bytes.end(), digest.begin(), digest.end());
        in = Reader(bytes);
        loaded = ledger::Ledger::load(in);
        // Or this target would be blind to what lies behind the digest.
        ASSERT(loaded || in.left() > 0 || loaded.error().what.find("digest does not match") == std::string::npos);
    }
    if (!loaded) return;
    ASSERT(std::ranges::equal(saved(*loaded), Bytes(bytes).first(bytes.size() - in.left())));
    for (const Currency currency : {Currency{963}, Currency{978}}) ASSERT(loaded->totals(currency).balanced());
}
Seeds seeds_ledger_snapshot() {
    Buffer whole = saved(ledger_with_everything());
    Seeds seeds{chosen(0, whole)};
    whole.resize(whole.size() - sizeof(Hash256));
    seeds.push_back(chosen(1, whole));
    seeds.push_back(chosen(0, saved(ledger::Ledger())));
    ledger::Ledger forgetful = ledger_with_everything();
    ASSERT(forgetful.forget(std::numeric_limits<std::uint64_t>::max(), 2) > 0);
    whole = saved(forgetful);
    whole.resize(whole.size() - sizeof(Hash256));
    seeds.push_back(chosen(1, whole));
    return seeds;
}

void run_switch_snapshot(Bytes input) {
    const auto state = switching::State::load(input);
    if (!state) return;
    Buffer again;
    state->save(again);
    ASSERT(std::ranges::equal(again, input));
}
Seeds seeds_switch_snapshot() {
    Seeds seeds;
    SmallBox after_a_day = box().copy();
    for (const Buffer& batch : box().requests()) after_a_day.serve(batch);
    ASSERT(!after_a_day.state.holds().empty() && !after_a_day.state_copy().holds().empty());
    for (const auto& state : {switching::State(), box().state_copy(), after_a_day.state_copy()}) {
        Buffer out;
        state.save(out);
        seeds.push_back(out);
    }
    return seeds;
}

// Entries one after another, each `size:u16 kind:u8 body`: one that does not fit changes nothing, and the rest
// balances.
void run_switch_entries(Bytes input) {
    switching::State state;
    Reader in(input);
    while (in.left() > 0) {
        const std::size_t size = in.u16();
        const std::uint8_t kind = in.u8();
        const Bytes body = in.take(std::min(size, in.left()));
        const Hash256 before = state.digest();
        const std::uint64_t seq = state.last_seq();
        if (!state.apply(kind, body)) ASSERT(state.digest() == before && state.last_seq() == seq);
        ASSERT(state.balanced());
    }
}
Seeds seeds_switch_entries() {
    Buffer all;
    Writer w(all);
    for (const auto& e : box().journal) {
        w.u16(static_cast<std::uint16_t>(e.body.size()));
        w.u8(static_cast<std::uint8_t>(e.kind));
        w.bytes(e.body);
    }
    return {all};
}

// A batch of records as the gate, staff and giro-settle send them, to the core behind the MACs: after each, the books
// balance and a replay of its entries gives the same state.
void run_switch_requests(Bytes input) {
    SmallBox fresh = box().copy();
    fresh.serve(input);
    ASSERT(fresh.state.balanced());
    switching::State replayed(99);
    for (const auto& e : fresh.journal) ASSERT(replayed.apply(e.kind, e.body));
    ASSERT(replayed.digest() == fresh.state.digest());
}
Seeds seeds_switch_requests() {
    return box().requests();
}

}  // namespace giro::fuzz
