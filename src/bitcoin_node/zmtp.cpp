#include "bitcoin_node/zmtp.hpp"

#include <algorithm>

#include "util/bytes.hpp"

namespace giro::bitcoin_node {

namespace {
constexpr std::size_t kGreetingBytes = 64, kVersionAt = 10, kMechanismAt = 12, kMechanismBytes = 20;
constexpr std::byte kMore{1}, kLong{2}, kCommand{4};
constexpr std::string_view kReady = "\x05READY", kBlockTopic = "hashblock", kTxTopic = "rawtx";
constexpr std::string_view kOurReady("\x05READY\x0bSocket-Type\0\0\0\3SUB", 25);

void append(Buffer& out, std::string_view text) {
    const Bytes bytes = as_bytes(text);
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_frame(Buffer& out, std::byte flags, std::string_view first, std::string_view then = {}) {
    out.push_back(flags);
    out.push_back(static_cast<std::byte>(first.size() + then.size()));
    append(out, first);
    append(out, then);
}

std::uint64_t big_endian(Bytes bytes) noexcept {
    std::uint64_t value = 0;
    for (const std::byte b : bytes) value = value << 8 | std::to_integer<std::uint64_t>(b);
    return value;
}
}  // namespace

NoticeReader::NoticeReader() {
    m_out.resize(kGreetingBytes);
    m_out[0] = std::byte{0xff};
    m_out[9] = std::byte{0x7f};
    m_out[kVersionAt] = std::byte{3};
    const Bytes mechanism = as_bytes("NULL");
    std::copy(mechanism.begin(), mechanism.end(), m_out.begin() + kMechanismAt);
}

bool NoticeReader::greeted(Bytes greeting) {
    if (greeting[0] != std::byte{0xff} || greeting[9] != std::byte{0x7f} || greeting[kVersionAt] < std::byte{3}) return false;
    std::string mechanism = "NULL";
    mechanism.resize(kMechanismBytes);
    if (as_text(greeting.subspan(kMechanismAt, kMechanismBytes)) != mechanism) return false;
    append_frame(m_out, kCommand, kOurReady);
    m_state = State::handshake;
    return true;
}

bool NoticeReader::next_frame(Bytes& left, Frame& frame, bool& broken) const {
    if (left.size() < 2) return false;
    const std::byte flags = left[0];
    const std::size_t head = (flags & kLong) != std::byte{} ? 9 : 2;
    frame.more = (flags & kMore) != std::byte{};
    frame.command = (flags & kCommand) != std::byte{};
    broken = (flags & ~(kMore | kLong | kCommand)) != std::byte{} || (frame.more && frame.command);
    if (broken || left.size() < head) return false;
    const std::uint64_t size = big_endian(left.subspan(1, head - 1));
    broken = size > (frame.command ? kZmtpCommandBytesMax : kNoticeBytesMax);
    if (broken || left.size() - head < size) return false;
    frame.body = left.subspan(head, static_cast<std::size_t>(size));
    left = left.subspan(head + static_cast<std::size_t>(size));
    return true;
}

bool NoticeReader::take(const Frame& frame, const std::function<void(const Notice&)>& on_notice) {
    if (frame.command) {
        if (m_state == State::handshake) {
            if (!as_text(frame.body).starts_with(kReady)) return false;
            append_frame(m_out, std::byte{0}, "\x01", kBlockTopic);
            append_frame(m_out, std::byte{0}, "\x01", kTxTopic);
            m_state = State::subscribed;
        }
        return true;  // of the others none asks for an answer under version 3.0
    }
    if (m_state != State::subscribed) return false;
    if (++m_parts_seen <= kNoticePartsMax) m_parts.emplace_back(frame.body.begin(), frame.body.end());
    if (frame.more) return m_parts_seen < 100 * kNoticePartsMax;
    const std::vector<Buffer> parts = std::exchange(m_parts, {});
    if (std::exchange(m_parts_seen, 0) != kNoticePartsMax || parts[2].size() != 4) return true;
    const std::string_view topic = as_text(parts[0]);
    if (topic == kBlockTopic && parts[1].size() == 32) on_notice({Notice::Topic::block, parts[1], load_le<std::uint32_t>(parts[2].data())});
    if (topic == kTxTopic) on_notice({Notice::Topic::tx, parts[1], load_le<std::uint32_t>(parts[2].data())});
    return true;
}

bool NoticeReader::feed(Bytes bytes, const std::function<void(const Notice&)>& on_notice) {
    m_in.insert(m_in.end(), bytes.begin(), bytes.end());
    Bytes left = m_in;
    if (m_state == State::greeting) {
        if (left.size() < kGreetingBytes) return true;
        if (!greeted(left.first(kGreetingBytes))) return false;
        left = left.subspan(kGreetingBytes);
    }
    Frame frame;
    bool broken = false;
    while (next_frame(left, frame, broken))
        if (!take(frame, on_notice)) return false;
    m_in.erase(m_in.begin(), m_in.end() - static_cast<std::ptrdiff_t>(left.size()));
    return !broken;
}

}  // namespace giro::bitcoin_node
