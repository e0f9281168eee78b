#include "appliance/giro/settlement_read.hpp"

#include <fmt/format.h>

#include "bus/endpoint.hpp"
#include "chain/block_file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"

namespace giro::cli {

namespace {
constexpr std::size_t kReadEntries = 4096;
constexpr std::size_t kBlockFileBytesMax = std::size_t{1} << 30;
}  // namespace

Result<void> scan_journal(const config::Paths& paths, const journal::EntryCallback& callback) {
    auto reader = journal::JournalReader::open(paths.journal());
    if (!reader) return tl::unexpected(std::move(reader.error()));
    for (std::uint64_t next = 1;;) {
        const auto count = reader->read_from(next, kReadEntries, callback);
        if (!count) return tl::unexpected(count.error());
        next += *count;
        if (*count < kReadEntries) return {};
    }
}

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

Result<Buffer> tell_switch(const config::Paths& paths, bus::MessageType type, Bytes body) {
    auto client = bus::SyncClient::connect(paths.endpoint("switch", bus::caller::kAdmin));
    if (!client) return tl::unexpected(std::move(client.error()));
    auto reply = client->call(static_cast<std::uint16_t>(type), body);
    if (!reply) return tl::unexpected(std::move(reply.error()));
    if (reply->status == bus::Status::ok) return std::move(reply->body);
    const auto kind = reply->status == bus::Status::try_again ? Failure::Kind::try_again : Failure::Kind::refused;
    return fail(kind, fmt::format("the switch refuses: {}", as_text(reply->body)));
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
