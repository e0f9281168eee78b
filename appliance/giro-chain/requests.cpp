#include "appliance/giro-chain/requests.hpp"

#include <algorithm>

#include "bus/admin_messages.hpp"
#include "util/archive.hpp"

namespace giro::appliance {

namespace {
using bus::MessageType;
using bus::Status;

ChainAnswer bad_request() {
    return {Status::bad_request, {}};
}
ChainAnswer not_found() {
    return {Status::not_found, {}};
}
ChainAnswer refused(std::string_view why) {
    const Bytes text = as_bytes(why);
    return {Status::refused, Buffer(text.begin(), text.end())};
}

ChainAnswer tip(const ChainRequests& at, Bytes body) {
    if (!body.empty()) return bad_request();
    const chain::ChainTip tip = at.backend.chain().tip();
    return {Status::ok,
            encode(bus::ChainTip{tip.height, tip.hash, tip.time, static_cast<std::uint8_t>(at.producing() ? 1 : 0),
                                 FixedText<bus::kChainTroubleChars>(at.backend.trouble())})};
}

ChainAnswer find_tx(const ChainRequests& at, Bytes body) {
    Reader in(body);
    const Hash256 id = in.array<32>();
    if (!in.done()) return bad_request();
    if (at.backend.chain().in_mempool(id)) return {Status::ok, encode(bus::ChainTx{})};
    const auto place = at.backend.chain().find_tx(id);
    if (!place) return not_found();
    return {Status::ok,
            encode(bus::ChainTx{place->height, place->block_hash, static_cast<std::uint32_t>(place->position),
                                at.backend.chain().tip().height - place->height + 1})};
}

ChainAnswer utxos(const ChainRequests& at, Bytes body) {
    Reader in(body);
    const Bytes script = in.var16();
    if (!in.done()) return bad_request();
    bus::ChainUtxos reply;
    for (const auto& [outpoint, coin] : at.backend.chain().utxos_of(script)) {
        if (at.backend.chain().spent_in_mempool(outpoint)) continue;
        reply.utxos.push_back({outpoint.txid, outpoint.index, coin.out.value, coin.height,
                               static_cast<std::uint8_t>(coin.coinbase ? 1 : 0)});
    }
    std::ranges::stable_sort(reply.utxos, std::greater{}, &bus::ChainUtxo::amount);
    if (reply.utxos.size() > kUtxosMax) reply.utxos.resize(kUtxosMax);
    return {Status::ok, encode(reply)};
}

ChainAnswer block(const ChainRequests& at, Bytes body) {
    Reader in(body);
    const std::uint32_t height = in.u32();
    if (!in.done()) return bad_request();
    const Bytes raw = at.backend.chain().raw_block_at(height);
    if (raw.empty()) return not_found();
    return {Status::ok, Buffer(raw.begin(), raw.end())};
}

ChainAnswer produce(const ChainRequests& at, Bytes body) {
    if (!body.empty()) return bad_request();
    at.produce();
    return {};
}

// The only request that somebody else may have to be asked about.
void submit_tx(const ChainRequests& at, Bytes body, const ChainReply& reply) {
    const auto tx = chain::decode_tx(body);
    if (!tx) return reply(bad_request());
    at.backend.submit_tx(*tx, [reply](const chain::Taken<Hash256>& taken) {
        using Why = chain::NotTaken::Why;
        if (taken) return reply({Status::ok, Buffer(taken->begin(), taken->end())});
        ChainAnswer not_taken = refused(taken.error().word);
        if (taken.error().why != Why::refused) not_taken.status = Status::try_again;
        reply(not_taken);
    });
}

struct Row {
    MessageType type;
    bool admin_too;  // giro-settle may ask for everything
    ChainAnswer (*handler)(const ChainRequests&, Bytes);
};
constexpr std::array kTable{
    Row{MessageType::chain_tip, true, tip},      Row{MessageType::chain_tx, true, find_tx},
    Row{MessageType::chain_utxos, false, utxos}, Row{MessageType::chain_block, true, block},
    Row{MessageType::chain_produce, false, produce},
};
static_assert(chain::kBlockWeightMax <= bus::kRecordBodyBytesMax);
static_assert(kUtxosMax * 64 <= bus::kRecordBodyBytesMax && kUtxosMax <= 0xffff);
}  // namespace

void answer(const ChainRequests& at, ChainCaller caller, std::uint16_t type, Bytes body, const ChainReply& reply) {
    if (type == static_cast<std::uint16_t>(MessageType::chain_submit_tx))
        return caller == ChainCaller::settle ? submit_tx(at, body, reply) : reply(bad_request());
    const auto row = std::ranges::find(kTable, type, [](const Row& r) { return static_cast<std::uint16_t>(r.type); });
    if (row == kTable.end() || (caller == ChainCaller::admin && !row->admin_too)) return reply(bad_request());
    reply(row->handler(at, body));
}

}  // namespace giro::appliance
