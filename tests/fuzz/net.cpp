// The two streams from the network: ISO 8583 framing and the wallets' HTTP, whole and cut in two anywhere.
#include "net/deframer.hpp"
#include "net/http.hpp"
#include "tests/fuzz/target.hpp"

namespace {
using namespace giro;
constexpr std::size_t kFrameBytesMax = 4096;

std::size_t frames(Bytes first, Bytes second) {
    net::Deframer deframer(kFrameBytesMax);
    std::size_t count = 0;
    const auto count_one = [&](Bytes frame) {
        fuzz::require(frame.size() <= kFrameBytesMax);
        ++count;
        return true;
    };
    if (deframer.feed(first, count_one) == net::Deframer::Verdict::ok) static_cast<void>(deframer.feed(second, count_one));
    return count;
}

net::HttpRequestReader::State request(Bytes first, Bytes second) {
    net::HttpRequestReader reader;
    reader.feed(first);
    return reader.feed(second);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes all = fuzz::bytes(data + 1, size - 1);
    const std::size_t cut = all.size() * data[0] / 256;
    fuzz::require(frames(all, {}) == frames(all.first(cut), all.subspan(cut)));
    static_cast<void>(request(all, {}));
    static_cast<void>(request(all.first(cut), all.subspan(cut)));
    return 0;
}
