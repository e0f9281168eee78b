#include "appliance/giro/settlement_read.hpp"

#include <fmt/format.h>

#include "chain/block_file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"

namespace giro::cli {

namespace {
constexpr std::size_t kBlockFileBytesMax = std::size_t{1} << 30;
}  // namespace

Result<settlement::Book> read_book(const config::Paths& paths) {
    settlement::Book book;
    auto scanned = scan_journal(paths, [&](const journal::Entry& e) { return book.feed(e.seq, e.kind, e.body); });
    if (!scanned) return tl::unexpected(std::move(scanned.error()));
    return book;
}

Result<std::size_t> approvals_required(const config::Paths& paths) {
    const auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    return std::size_t{config->settle.approvals_required};
}

Result<chain::ChainState> load_chain(const config::Paths& paths, const std::string& file, const Buffer& challenge) {
    const std::filesystem::path blocks = file.empty() ? paths.pub() / "blocks.dat" : std::filesystem::path(file);
    if (!std::filesystem::exists(blocks))
        return fail(Failure::Kind::not_provisioned,
                    fmt::format("{} is not there; name the file of blocks with --chain", blocks.string()));
    const auto bytes = read_file(blocks, kBlockFileBytesMax);
    if (!bytes) return tl::unexpected(bytes.error());
    return chain::load_block_file(*bytes, chain::ChainParams{challenge});
}

std::vector<Bytes> blocks_of(const chain::ChainState& chain) {
    std::vector<Bytes> blocks;
    for (std::uint32_t height = 0; height <= chain.tip().height; ++height) blocks.push_back(chain.raw_block_at(height));
    return blocks;
}

Result<Buffer> challenge_of(const Args& args) {
    if (args.given("--challenge")) {
        auto challenge = from_hex(args.text("--challenge"));
        if (!challenge || challenge->empty())
            return fail(Failure::Kind::config, "--challenge takes the challenge script in hexadecimal");
        return std::move(*challenge);
    }
    auto bundle = vault::load_bundle(args.paths().pub() / "bundle.json");
    if (!bundle) return tl::unexpected(std::move(bundle.error()));
    return std::move(bundle->block.script);
}

std::string money(MinorUnits minor) {
    const auto units = minor < 0 ? 0 - static_cast<std::uint64_t>(minor) : static_cast<std::uint64_t>(minor);
    return fmt::format("{}{}.{:02}", minor < 0 ? "-" : "", units / 100, units % 100);
}

std::string nets_line(const settlement::Book& book, const std::vector<entry::NetPosition>& nets) {
    std::string line;
    for (const auto& [id, net] : nets)
        line += fmt::format("{}{} {}", line.empty() ? "" : ", ", book.participant_name(id), money(net));
    return line;
}

}  // namespace giro::cli
