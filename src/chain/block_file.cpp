#include "chain/block_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "util/file.hpp"

namespace giro::chain {

namespace {
Buffer records(const ChainState& chain, std::uint32_t first_height) {
    const auto magic = network_magic(chain.params());
    Buffer file;
    Writer out(file);
    for (std::uint32_t height = first_height; height <= chain.tip().height; ++height) {
        out.bytes(magic);
        out.var32(chain.raw_block_at(height));
    }
    return file;
}
}  // namespace

Buffer export_blocks(const ChainState& chain) {
    return records(chain, 0);
}

Result<void> export_blocks_to(const ChainState& chain, const std::filesystem::path& path) {
    return write_file_atomic(path, export_blocks(chain), 0644);
}

Result<BlockFile> BlockFile::open(std::filesystem::path path, const ChainState& chain) {
    if (const auto written = export_blocks_to(chain, path); !written) return tl::unexpected<Failure>(written.error());
    return BlockFile(std::move(path), chain.tip());
}

Result<void> BlockFile::follow(const ChainState& chain) {
    if (chain.tip().hash == m_tip.hash) return {};
    const bool extends = chain.height_of(m_tip.hash) == m_tip.height;
    const std::uint32_t next = m_tip.height + 1;
    m_tip = chain.tip();
    if (!extends) return export_blocks_to(chain, m_path);
    const Buffer more = records(chain, next);
    std::ofstream file(m_path, std::ios::binary | std::ios::app);
    file.write(reinterpret_cast<const char*>(more.data()), static_cast<std::streamsize>(more.size()));
    file.flush();
    if (file) return {};
    return fail(Failure::Kind::try_again, fmt::format("{}: cannot append a block", m_path.string()));
}

Expected<std::vector<Bytes>, ChainError> split_block_file(Bytes file, const ByteArray<4>& magic) {
    std::vector<Bytes> blocks;
    Reader in(file);
    while (in.left() > 0) {
        const Bytes record_magic = in.take(magic.size());
        if (!in.ok()) return tl::unexpected<ChainError>(ChainError::truncated);
        if (!std::equal(magic.begin(), magic.end(), record_magic.begin()))
            return tl::unexpected<ChainError>(ChainError::bad_magic);
        const std::uint32_t size = in.u32();
        if (size > kBlockWeightMax) return tl::unexpected<ChainError>(ChainError::too_large);
        blocks.push_back(in.take(size));
        if (!in.ok()) return tl::unexpected<ChainError>(ChainError::truncated);
    }
    return blocks;
}

Result<ChainState> load_block_file(Bytes file, const ChainParams& params) {
    const auto blocks = split_block_file(file, network_magic(params));
    if (!blocks) return fail(Failure::Kind::integrity, fmt::format("block file: {}", describe(blocks.error())));
    ChainState chain(params);
    if (blocks->empty() || !std::ranges::equal(blocks->front(), chain.raw_block_at(0)))
        return fail(Failure::Kind::integrity, "block file: does not begin with signet's genesis block");
    for (std::size_t height = 1; height < blocks->size(); ++height) {
        const Bytes raw = (*blocks)[height];
        const auto block = decode_block(raw);
        if (!block)
            return fail(Failure::Kind::integrity,
                        fmt::format("block file: block {}: {}", height, describe(block.error())));
        const auto accepted = chain.submit_block(raw, block->header.time);
        if (!accepted)
            return fail(Failure::Kind::integrity,
                        fmt::format("block file: block {}: {}", height, bip22_word(accepted.error())));
    }
    return chain;
}

}  // namespace giro::chain
