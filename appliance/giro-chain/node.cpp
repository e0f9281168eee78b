#include "appliance/giro-chain/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include "util/failpoint.hpp"

namespace giro::appliance {

Result<Node> Node::open(const std::filesystem::path& database, const std::filesystem::path& block_file,
                        const chain::ChainParams& params) {
    std::error_code ignored;  // opening tells
    std::filesystem::create_directories(database.parent_path(), ignored);
    auto store = chain::ChainStore::open(database, params);
    if (!store) return tl::unexpected(store.error());
    auto state = store->replay();
    if (!state) return tl::unexpected(state.error());
    auto file = chain::BlockFile::open(block_file, *state);
    if (!file) return tl::unexpected(file.error());
    return Node(std::move(*store), std::move(*state), std::move(*file));
}

Result<chain::Accepted> Node::accept(const chain::Block& block, std::int64_t now_s) {
    const Buffer raw = chain::encode_block(block);
    GIRO_FAILPOINT("chain.block.ground");
    const auto accepted = m_chain.submit_block(raw, now_s);
    if (!accepted)
        return fail(Failure::Kind::refused, std::string(chain::bip22_word(accepted.error())));
    GIRO_FAILPOINT("chain.block.accepted");
    if (const auto stored = m_store.append(raw); !stored) return tl::unexpected(stored.error());
    GIRO_FAILPOINT("chain.block.stored");
    if (const auto followed = m_file.follow(m_chain); !followed) return tl::unexpected(followed.error());
    GIRO_FAILPOINT("chain.block.told");
    return *accepted;
}

Result<std::vector<chain::TxOut>> first_outputs(const config::Config& config, const vault::Bundle& bundle) {
    const chain::Satoshi subsidy = chain::block_subsidy(1);
    chain::Satoshi rest = subsidy;
    std::vector<chain::TxOut> outputs;
    for (const auto& participant : config.participants) {
        if (participant.backing == 0) continue;
        const auto keys = std::find_if(bundle.participants.begin(), bundle.participants.end(),
                                       [&](const auto& p) { return p.id == participant.id; });
        if (keys == bundle.participants.end())
            return fail(Failure::Kind::config,
                        fmt::format("participant {} has no keys in pub/bundle.json; provision the "
                                    "vault again after adding a participant",
                                    participant.name));
        if (participant.backing > rest)
            return fail(
                Failure::Kind::config,
                fmt::format("the backings of all participants pass {}, which is all that block 1 can pay; lower "
                            "them in giro.toml",
                            subsidy));
        rest -= participant.backing;
        outputs.push_back({participant.backing, keys->settlement.script});
    }
    outputs.push_back({rest, bundle.issuer.script});
    return outputs;
}

}  // namespace giro::appliance
