#include "explorer/script_text.hpp"

#include <fmt/format.h>

#include "chain/address.hpp"
#include "util/bytes.hpp"

namespace giro::explorer {

namespace {
struct Opcode {
    unsigned code;
    std::string_view name;
};
// Those that a script of this chain can be expected to hold; others are written as OP_<number>.
constexpr Opcode kOpcodes[] = {
    {0x00, "OP_0"},         {0x4f, "OP_PUSHNUM_NEG1"}, {0x61, "OP_NOP"},       {0x63, "OP_IF"},          {0x64, "OP_NOTIF"},
    {0x67, "OP_ELSE"},      {0x68, "OP_ENDIF"},        {0x69, "OP_VERIFY"},    {0x6a, "OP_RETURN"},      {0x73, "OP_IFDUP"},
    {0x75, "OP_DROP"},      {0x76, "OP_DUP"},          {0x7c, "OP_SWAP"},      {0x82, "OP_SIZE"},        {0x87, "OP_EQUAL"},
    {0x88, "OP_EQUALVERIFY"}, {0xa6, "OP_RIPEMD160"},  {0xa8, "OP_SHA256"},    {0xa9, "OP_HASH160"},     {0xaa, "OP_HASH256"},
    {0xac, "OP_CHECKSIG"},  {0xad, "OP_CHECKSIGVERIFY"}, {0xae, "OP_CHECKMULTISIG"}, {0xaf, "OP_CHECKMULTISIGVERIFY"},
    {0xb1, "OP_CLTV"},      {0xb2, "OP_CSV"},
};

std::string name_of(std::byte opcode) {
    const auto code = std::to_integer<unsigned>(opcode);
    if (opcode >= chain::kOp1 && opcode <= chain::kOp16) return fmt::format("OP_PUSHNUM_{}", code - 0x50);
    if (code >= 1 && code <= 0x4b) return fmt::format("OP_PUSHBYTES_{}", code);
    if (code >= 0x4c && code <= 0x4e) return fmt::format("OP_PUSHDATA{}", 1U << (code - 0x4c));
    for (const Opcode& known : kOpcodes)
        if (known.code == code) return std::string(known.name);
    return fmt::format("OP_{}", code);
}

bool has_shape(Bytes script, std::initializer_list<unsigned> front, std::size_t size, std::initializer_list<unsigned> back) {
    if (script.size() != size) return false;
    std::size_t at = 0;
    for (const unsigned byte : front)
        if (script[at++] != std::byte(byte)) return false;
    at = size - back.size();
    for (const unsigned byte : back)
        if (script[at++] != std::byte(byte)) return false;
    return true;
}
}  // namespace

std::string_view kind_of(Bytes script) {
    if (script.empty()) return "empty";
    switch (chain::classify(script)) {
        case chain::ScriptKind::p2wpkh:
            return "v0_p2wpkh";
        case chain::ScriptKind::p2wsh:
            return "v0_p2wsh";
        case chain::ScriptKind::op_return:
            return "op_return";
        case chain::ScriptKind::other:
            break;
    }
    if (has_shape(script, {0x51, 0x20}, 34, {})) return "v1_p2tr";
    if (has_shape(script, {0x76, 0xa9, 0x14}, 25, {0x88, 0xac})) return "p2pkh";
    if (has_shape(script, {0xa9, 0x14}, 23, {0x87})) return "p2sh";
    if (has_shape(script, {0x21}, 35, {0xac}) || has_shape(script, {0x41}, 67, {0xac})) return "p2pk";
    return chain::parse_multisig(script) ? "multisig" : "unknown";
}

std::string address_of(Bytes script) {
    return chain::encode_address(script).value_or("");
}

std::string asm_of(Bytes script) {
    std::string out;
    chain::ScriptReader in(script);
    while (const auto element = in.next()) {
        if (!out.empty()) out += ' ';
        out += name_of(element->opcode);
        if (!element->data.empty()) out += ' ' + to_hex(element->data);
    }
    if (!in.ok()) out += out.empty() ? "<push past end>" : " <push past end>";
    return out;
}

}  // namespace giro::explorer
