#include "chain/script.hpp"

#include <algorithm>

#include "util/hash.hpp"

namespace giro::chain {

namespace {
constexpr std::size_t kDirectPushMax = 75;
constexpr std::size_t kSigopsPerMultiSig = 20;

std::byte op_number(std::size_t n) {
    return static_cast<std::byte>(0x50 + n);
}  // OP_1 is 0x51

// 1 to 16 for OP_1 to OP_16, else 0.
std::size_t number_of(std::byte opcode) noexcept {
    return opcode >= kOp1 && opcode <= kOp16 ? std::to_integer<std::size_t>(opcode) - 0x50 : 0;
}

Buffer witness_program(Bytes program) {
    Buffer script{kOp0};
    append_push(script, program);
    return script;
}
}  // namespace

Buffer p2wpkh_script(const PublicKey& key) {
    return p2wpkh_script(hash160(key));
}
Buffer p2wpkh_script(const Hash160& key_hash) {
    return witness_program(key_hash);
}
Buffer p2wsh_script(Bytes witness_script) {
    return witness_program(sha256(witness_script));
}

Buffer multisig_script(std::size_t k, std::span<const PublicKey> keys) {
    ASSERT(k >= 1 && k <= keys.size() && keys.size() <= kMultiSigKeysMax);
    Buffer script{op_number(k)};
    for (const PublicKey& key : keys) append_push(script, key);
    script.push_back(op_number(keys.size()));
    script.push_back(kOpCheckMultiSig);
    return script;
}

Buffer op_return_script(Bytes data) {
    ASSERT(data.size() <= kOpReturnBytesMax);
    Buffer script{kOpReturn};
    append_push(script, data);
    return script;
}

ScriptKind classify(Bytes script) noexcept {
    if (script.size() == 22 && script[0] == kOp0 && script[1] == std::byte{20}) return ScriptKind::p2wpkh;
    if (script.size() == 34 && script[0] == kOp0 && script[1] == std::byte{32}) return ScriptKind::p2wsh;
    if (!script.empty() && script[0] == kOpReturn) return ScriptKind::op_return;
    return ScriptKind::other;
}

std::optional<Buffer> op_return_data(Bytes script) {
    if (classify(script) != ScriptKind::op_return) return std::nullopt;
    ScriptReader reader(script.subspan(1));
    const auto push = reader.next();
    if (!push || !push->is_push() || reader.next() || !reader.ok()) return std::nullopt;
    return Buffer(push->data.begin(), push->data.end());
}

std::optional<MultiSig> parse_multisig(Bytes script) {
    ScriptReader reader(script);
    const auto required = reader.next();
    if (!required) return std::nullopt;
    MultiSig result{number_of(required->opcode), {}};
    auto element = reader.next();
    for (; element && element->is_push(); element = reader.next()) {
        // A direct push only: 33 or 65 bytes behind PUSHDATA1 would hash to another script all the same.
        if (element->opcode != std::byte{33} && element->opcode != std::byte{65}) return std::nullopt;
        result.keys.emplace_back(element->data.begin(), element->data.end());
    }
    if (!element || number_of(element->opcode) != result.keys.size()) return std::nullopt;
    const auto last = reader.next();
    if (!last || last->opcode != kOpCheckMultiSig || reader.next() || !reader.ok()) return std::nullopt;
    if (result.required == 0 || result.required > result.keys.size()) return std::nullopt;
    return result;
}

std::optional<ScriptElement> ScriptReader::next() noexcept {
    if (!m_in.ok() || m_in.left() == 0) return std::nullopt;
    ScriptElement element{static_cast<std::byte>(m_in.u8()), {}};
    if (!element.is_push()) return element;
    std::size_t size = std::to_integer<std::size_t>(element.opcode);
    if (element.opcode == kOpPushData1) size = m_in.u8();
    if (element.opcode == kOpPushData2) size = m_in.u16();
    if (element.opcode == kOpPushData4) size = m_in.u32();
    element.data = m_in.take(size);
    if (!m_in.ok()) return std::nullopt;
    return element;
}

void append_push(Buffer& script, Bytes data) {
    Writer out(script);
    if (data.size() <= kDirectPushMax) {
        out.u8(static_cast<std::uint8_t>(data.size()));
    } else if (data.size() <= 0xff) {
        out.u8(std::to_integer<std::uint8_t>(kOpPushData1));
        out.u8(static_cast<std::uint8_t>(data.size()));
    } else if (data.size() <= 0xffff) {
        out.u8(std::to_integer<std::uint8_t>(kOpPushData2));
        out.u16(static_cast<std::uint16_t>(data.size()));
    } else {
        out.u8(std::to_integer<std::uint8_t>(kOpPushData4));
        out.u32(static_cast<std::uint32_t>(data.size()));
    }
    out.bytes(data);
}

void append_number(Buffer& script, std::uint32_t value) {
    if (value <= 16) {
        script.push_back(value == 0 ? kOp0 : op_number(value));
        return;
    }
    Buffer digits;
    for (std::uint64_t rest = value; rest != 0; rest >>= 8) digits.push_back(static_cast<std::byte>(rest));
    // The top bit of the last byte is the sign: a number that uses it gets one more byte.
    if ((digits.back() & std::byte{0x80}) != std::byte{0}) digits.push_back(std::byte{0});
    append_push(script, digits);
}

std::size_t count_sigops(Bytes script) noexcept {
    std::size_t count = 0;
    ScriptReader reader(script);
    while (const auto element = reader.next()) {
        if (element->opcode == kOpCheckSig || element->opcode == kOpCheckSigVerify) ++count;
        if (element->opcode == kOpCheckMultiSig || element->opcode == kOpCheckMultiSigVerify)
            count += kSigopsPerMultiSig;
    }
    return count;
}

}  // namespace giro::chain
