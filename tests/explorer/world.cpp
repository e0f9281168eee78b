#include "tests/explorer/world.hpp"

#include <cstdio>

#include "chain/pow.hpp"

namespace giro::explorer::test {

namespace st = settlement::test;

namespace {
// Of heights 2 to 102, then of other_end(). Keys are fixed and signatures deterministic, so these stay good; where a
// block has changed, it is ground anew, which takes seconds, and the new nonces are printed.
constexpr std::uint32_t kNonces[] = {
    1116782, 7239873, 2410633, 1939965, 5657743, 2871188, 753021, 6337398, 2882470, 731235, 2651780, 1211793,
    7629667, 1524970, 23330408, 14455789, 583195, 2234816, 2456171, 345744, 446901, 1550809, 18593646, 1127817,
    7309964, 13374722, 4951495, 3417749, 2195178, 2236840, 1016465, 1325397, 3804251, 14896569, 5941851,
    3472562, 348505, 14050074, 1795390, 9990606, 4454315, 1438564, 5222629, 631057, 5743397, 500824, 2999249,
    550164, 13373510, 8118469, 738264, 2521106, 3521483, 1552612, 5432960, 7730192, 208175, 1275082, 4049595,
    1284637, 8610317, 1085728, 3427455, 288844, 138156, 9755311, 7496, 962806, 7926405, 7394145, 893698,
    1173563, 1160440, 3638799, 173402, 6411061, 2331950, 936926, 1104742, 4454101, 5473171, 4996093, 5583340,
    8314722, 10093594, 2766006, 874469, 1301909, 5262989, 3045781, 3627116, 3585709, 8738038, 619029, 3739366,
    75772, 1471121, 1038207, 102372, 4572891, 2395938, 1577539, 729661};

class Miner {
  public:
    chain::Block on(const chain::Block& parent, std::uint32_t height, st::BlockPlan plan) {
        plan.coinbase = {{chain::block_subsidy(height), issuer().script}};
        chain::Block block = st::block_on(parent, height, std::move(plan), st::Grind::no);
        block.header.nonce = m_next < std::size(kNonces) ? kNonces[m_next] : 0;
        ++m_next;
        if (!chain::check_pow(block.header)) {
            block.header.nonce = 0;
            chain::test::grind_block(block);
            std::printf("nonce %zu: %u\n", m_next - 1, block.header.nonce);
        }
        return block;
    }

  private:
    std::size_t m_next = 0;
};

struct Mined {
    std::vector<Buffer> blocks, other;

    Mined() {
        Miner miner;
        const auto& world = st::world();
        chain::Block tip = world.first;
        blocks = {chain::encode_block(chain::genesis_block()), chain::encode_block(tip)};
        chain::Block before;
        for (std::uint32_t height = 2; height <= kFirstSettled + 1; ++height) {
            st::BlockPlan plan;
            if (height == kFirstSettled) plan.txs = {world.settled[0].tx};
            if (height == kFirstSettled + 1) plan.txs = {world.settled[1].tx, world.settled[2].tx, world.settled[3].tx};
            before = tip;
            tip = miner.on(tip, height, std::move(plan));
            blocks.push_back(chain::encode_block(tip));
        }
        chain::Block side = miner.on(before, kFirstSettled + 1, {});
        other.push_back(chain::encode_block(side));
        other.push_back(chain::encode_block(miner.on(side, kFirstSettled + 2, {})));
    }
};
const Mined& mined() {
    static const Mined made;
    return made;
}
}  // namespace

const st::Owner& issuer() {
    static const st::Owner made(4);
    return made;
}
const std::vector<Buffer>& blocks() {
    return mined().blocks;
}
const std::vector<Buffer>& other_end() {
    return mined().other;
}

std::vector<Party> parties() {
    return {{0, "issuer", issuer().script}, {1, "alpha", st::banks()[0].script}, {2, "<b>beta</b>", st::banks()[1].script}, {3, "gamma", st::banks()[2].script}};
}

Index index() {
    Index made(chain::test::testnet().params, parties());
    for (const Buffer& raw : blocks()) ASSERT(made.submit(raw).has_value());
    return made;
}

Buffer file_of(const std::vector<Buffer>& raw) {
    Buffer file;
    Writer out(file);
    for (const Buffer& block : raw) {
        out.bytes(chain::network_magic(chain::test::testnet().params));
        out.var32(block);
    }
    return file;
}

settlement::Receipt receipt(std::size_t which, std::size_t posting) {
    return st::receipt_by(which, posting, st::world().settled[which].tx, which == 0 ? kFirstSettled : kFirstSettled + 1, blocks());
}

}  // namespace giro::explorer::test
