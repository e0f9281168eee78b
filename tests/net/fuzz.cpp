// libFuzzer target: the deframer and the HTTP reader, fed in two pieces at every kind of cut; the first byte chooses
// it.
#include <cstdlib>

#include "net/deframer.hpp"
#include "net/http.hpp"

namespace {
using namespace giro;
constexpr std::size_t kFrameBytesMax = 200;

void require(bool condition) {
    if (!condition) std::abort();
}

// Wherever the stream is cut, the same bytes come out.
std::size_t frame_bytes(Bytes first, Bytes second) {
    net::Deframer deframer(kFrameBytesMax);
    std::size_t total = 0;
    const auto count = [&](Bytes frame) {
        require(frame.size() <= kFrameBytesMax);
        total += frame.size() + net::kLengthBytes;
        return true;
    };
    if (deframer.feed(first, count) == net::Deframer::Verdict::ok) static_cast<void>(deframer.feed(second, count));
    return total;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Bytes input(reinterpret_cast<const std::byte*>(data + 1), size - 1);
    const Bytes first = input.first(input.size() * data[0] / 255);
    const Bytes second = input.subspan(first.size());
    require(frame_bytes(first, second) == frame_bytes(input, {}));

    net::HttpRequestReader whole;
    static_cast<void>(whole.feed(input));
    net::HttpRequestReader cut;
    static_cast<void>(cut.feed(first));
    static_cast<void>(cut.feed(second));
    require(whole.state() == cut.state());
    if (whole.state() == net::HttpRequestReader::State::complete) require(as_text(whole.body()) == as_text(cut.body()));
    return 0;
}
