#include "iso8583/mac.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "util/bytes.hpp"

namespace giro::iso8583 {

namespace {
constexpr std::size_t kBcd2Digits = 4;
constexpr std::size_t kBcd4Digits = 8;

Buffer written_length(LengthHeader how, std::size_t size) {
    const auto value = static_cast<std::uint32_t>(size);
    const auto bcd = [&](std::size_t digits) { return *from_hex(fmt::format("{:0{}}", value, digits)); };
    Buffer out;
    switch (how) {
        case LengthHeader::none:
            break;
        case LengthHeader::binary2:
            out.resize(2), store_be(out.data(), static_cast<std::uint16_t>(value));
            break;
        case LengthHeader::binary4:
            out.resize(4), store_be(out.data(), value);
            break;
        case LengthHeader::ascii4: {
            const std::string text = fmt::format("{:04}", value);
            const Bytes bytes = as_bytes(text);
            out.assign(bytes.begin(), bytes.end());
            break;
        }
        case LengthHeader::bcd2:
            out = bcd(kBcd2Digits);
            break;
        case LengthHeader::bcd4:
            out = bcd(kBcd4Digits);
            break;
    }
    return out;
}

// Where a field ends that may be under the MAC: where the next that is there begins. There is one, the MAC itself.
std::size_t end_of(const Message& message, unsigned n) {
    unsigned next = n + 1;
    while (next < kFieldMax && !message.has(next)) ++next;
    ASSERT(message.has(next));
    return message.wire_offset(next);
}

// The MAC's place; the message's fields are not looked at.
Expected<Bytes, UnpackError> mac_of(const Dialect& dialect, Bytes frame, Message& message) noexcept {
    const auto fields_at = unpack_header(dialect, frame, message);
    if (!fields_at) return tl::unexpected(fields_at.error());
    // The lowest bit of the last bitmap that has any is the MAC field's.
    const std::uint64_t last = message.present(1) != 0 ? message.present(1) : message.present(0);
    if ((last & 1) == 0 || frame.size() - *fields_at < dialect.mac_bytes)
        return tl::unexpected(UnpackError{Reason::no_mac, 1, static_cast<std::uint16_t>(*fields_at)});
    return frame.subspan(frame.size() - dialect.mac_bytes);
}
}  // namespace

Expected<MacInput, UnpackError> mac_input(const Dialect& dialect, Bytes frame) noexcept {
    ASSERT(dialect.mac.is_one_piece());
    Message message;
    const auto mac = mac_of(dialect, frame, message);
    if (!mac) return tl::unexpected(mac.error());
    const std::size_t begin = dialect.mac.header ? 0 : dialect.header_bytes();
    return MacInput{frame.subspan(begin, frame.size() - mac->size() - begin), *mac};
}

Expected<MacInput, UnpackError> mac_input(const Dialect& dialect, Bytes frame, Buffer& scratch) {
    if (dialect.mac.is_one_piece()) return mac_input(dialect, frame);
    const auto pieces = mac_pieces(dialect, frame);
    if (!pieces) return tl::unexpected(pieces.error());
    scratch.clear();
    for (const MacPiece& piece : *pieces) scratch.insert(scratch.end(), piece.bytes.begin(), piece.bytes.end());
    return MacInput{scratch, frame.subspan(frame.size() - dialect.mac_bytes)};
}

Expected<std::vector<MacPiece>, UnpackError> mac_pieces(const Dialect& dialect, Bytes frame) {
    Message message;
    const auto mac = mac_of(dialect, frame, message);
    if (!mac) return tl::unexpected(mac.error());
    using What = MacPiece::What;
    std::vector<MacPiece> out;
    const auto add = [&](What what, std::size_t begin, std::size_t end, unsigned field = 0) {
        const Bytes bytes = frame.subspan(begin, end - begin);
        out.push_back({what, static_cast<std::uint8_t>(field), begin, Buffer(bytes.begin(), bytes.end())});
    };
    const std::size_t mti_at = dialect.header_bytes();
    if (dialect.mac.length != LengthHeader::none)
        out.push_back({What::length, 0, std::nullopt, written_length(dialect.mac.length, frame.size())});
    if (dialect.mac.header && mti_at != 0) add(What::header, 0, mti_at);
    if (dialect.mac.fields.empty()) {
        add(What::message, mti_at, frame.size() - mac->size());
        return out;
    }
    const std::size_t bitmaps_at = mti_at + dialect.mti_bytes();
    const std::size_t bitmaps = dialect.bitmap_bytes() * (message.has(1) ? 2 : 1);
    if (const auto unpacked = unpack(dialect, frame, message); !unpacked) return tl::unexpected(unpacked.error());
    for (const unsigned n : dialect.mac.fields) {
        if (n == 0)
            add(What::mti, mti_at, bitmaps_at);
        else if (n == 1)
            add(What::bitmaps, bitmaps_at, bitmaps_at + bitmaps);
        else if (message.has(n))
            add(What::field, message.wire_offset(n), end_of(message, n), n);
    }
    return out;
}

}  // namespace giro::iso8583
