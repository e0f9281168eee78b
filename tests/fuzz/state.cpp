// A snapshot of the switch's state is loaded only if it is one, byte for byte; an entry that does not fit changes nothing.
#include <algorithm>

#include "switching/state.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace giro;
    if (size < 2) return 0;
    const Bytes bytes = fuzz::bytes(data, size);
    if (const auto state = switching::State::load(bytes)) {
        Buffer again;
        state->save(again);
        fuzz::require(std::ranges::equal(again, bytes));
    }
    switching::State state;
    const auto before = state.digest();
    if (!state.apply(static_cast<std::uint16_t>(data[0]), bytes.subspan(1))) fuzz::require(state.digest() == before);
    return 0;
}
