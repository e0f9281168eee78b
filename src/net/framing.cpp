#include "net/framing.hpp"

#include <algorithm>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::net {

namespace {
constexpr std::byte kEtx{0x03};
constexpr std::size_t kAscii4Max = 9'999;
constexpr std::size_t kBcd4Max = 99'999'999;

// How one byte of a length counts: its value and what the bytes before it are worth.
struct Step {
    unsigned value, base;
    bool good;
};
Step step_of(Framing::Length length, unsigned byte) noexcept {
    switch (length) {
        case Framing::Length::binary2:
        case Framing::Length::binary4:
            return {byte, 256, true};
        case Framing::Length::ascii4:
            return {byte - '0', 10, byte >= '0' && byte <= '9'};
        case Framing::Length::bcd2:
        case Framing::Length::bcd4:
            return {(byte >> 4) * 10 + (byte & 15), 100, byte >> 4 <= 9 && (byte & 15) <= 9};
    }
    return {0, 0, false};
}

std::byte lrc_of(Bytes message) noexcept {
    std::byte lrc{0};
    for (const std::byte b : message) lrc ^= b;
    return lrc;
}

void put_trailer(const Framing& framing, Bytes message, Frame& out) noexcept {
    const bool etx = framing.trailer == Framing::Trailer::etx || framing.trailer == Framing::Trailer::etx_lrc;
    if (etx) out.tail[out.tail_bytes++] = kEtx;
    if (framing.trailer == Framing::Trailer::lrc || framing.trailer == Framing::Trailer::etx_lrc)
        out.tail[out.tail_bytes++] = lrc_of(message) ^ (etx ? kEtx : std::byte{0});
}
}  // namespace

std::size_t Framing::message_bytes_max() const noexcept {
    std::size_t most = UINT16_MAX;
    if (length == Length::binary4) most = UINT32_MAX;
    if (length == Length::ascii4 || length == Length::bcd2) most = kAscii4Max;
    if (length == Length::bcd4) most = kBcd4Max;
    return most - (counts_length ? length_bytes() : 0) - (counts_trailer ? trailer_bytes() : 0);
}

std::optional<Framing> parse_framing(std::string_view words) noexcept {
    Framing out;
    while (!words.empty()) {
        const std::string_view word = words.substr(0, words.find(','));
        words.remove_prefix(std::min(words.size(), word.size() + 1));
        const auto length = std::ranges::find(Framing::kLengths, word, &std::pair<std::string_view, Framing::Length>::first);
        const auto trailer = std::ranges::find(Framing::kTrailers, word, &std::pair<std::string_view, Framing::Trailer>::first);
        if (length != std::end(Framing::kLengths)) out.length = length->second;
        else if (trailer != std::end(Framing::kTrailers)) out.trailer = trailer->second;
        else if (word == "counts-length") out.counts_length = true;
        else if (word == "counts-trailer") out.counts_trailer = true;
        else return std::nullopt;
    }
    return out;
}

std::optional<std::size_t> message_size(const Framing& framing, Bytes length) noexcept {
    std::size_t size = 0;
    for (const std::byte b : length) {
        const Step step = step_of(framing.length, std::to_integer<unsigned>(b));
        if (!step.good) return std::nullopt;
        size = size * step.base + step.value;
    }
    if (framing.counts_length) {
        if (size == 0) return 0;  // a keep-alive, as some say it
        if (size < length.size()) return std::nullopt;
        size -= length.size();
    }
    if (!framing.counts_trailer || size == 0) return size;
    if (size <= framing.trailer_bytes()) return std::nullopt;
    return size - framing.trailer_bytes();
}

Frame frame_of(const Framing& framing, Bytes message) noexcept {
    ASSERT(message.size() <= framing.message_bytes_max());
    Frame out;
    if (!message.empty()) put_trailer(framing, message, out);
    out.head_bytes = framing.length_bytes();
    std::size_t count = message.size() + (framing.counts_length ? out.head_bytes : 0) + (framing.counts_trailer ? out.tail_bytes : 0);
    for (std::size_t i = out.head_bytes; i-- > 0;) {
        switch (framing.length) {
            case Framing::Length::binary2:
            case Framing::Length::binary4:
                out.head[i] = static_cast<std::byte>(count & 255);
                count >>= 8;
                break;
            case Framing::Length::ascii4:
                out.head[i] = static_cast<std::byte>('0' + count % 10);
                count /= 10;
                break;
            case Framing::Length::bcd2:
            case Framing::Length::bcd4:
                out.head[i] = static_cast<std::byte>(count / 10 % 10 << 4 | count % 10);
                count /= 100;
                break;
        }
    }
    return out;
}

bool trailer_good(const Framing& framing, Bytes message, Bytes trailer) noexcept {
    Frame expected;
    put_trailer(framing, message, expected);
    if (trailer.size() != expected.tail_bytes) return false;
    for (std::size_t i = 0; i < trailer.size(); ++i)
        if (trailer[i] != expected.tail[i]) return false;
    return true;
}

}  // namespace giro::net
