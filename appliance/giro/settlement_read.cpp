#include "appliance/giro/settlement_read.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>

#include "bus/endpoint.hpp"
#include "chain/block_file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"

namespace giro::cli {

namespace {
constexpr std::size_t kReadEntries = 4096;
constexpr std::size_t kBlockFileBytesMax = std::size_t{1} << 30;

struct CloseDb {
    void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};

// chain.db as chain/store.hpp describes it, read beside its writer. ChainStore itself would lock it.
Result<chain::ChainState> load_chain_db(const std::filesystem::path& path, const Buffer& challenge) {
    if (!std::filesystem::exists(path))
        return fail(Failure::Kind::not_provisioned, fmt::format("{} is not there; start the box (giro up) or name a file with --chain", path.string()));
    sqlite3* handle = nullptr;
    const int opened = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr);
    const std::unique_ptr<sqlite3, CloseDb> db(handle);
    if (opened != SQLITE_OK) return fail(Failure::Kind::try_again, fmt::format("{}: cannot read: {}", path.string(), sqlite3_errstr(opened)));
    sqlite3_busy_timeout(handle, 1000);
    sqlite3_stmt* raw_statement = nullptr;
    sqlite3_prepare_v2(handle, "SELECT raw, (SELECT block_spacing_s FROM meta) FROM blocks ORDER BY seq", -1, &raw_statement, nullptr);
    const std::unique_ptr<sqlite3_stmt, FinalizeStatement> rows(raw_statement);
    if (!rows) return fail(Failure::Kind::integrity, fmt::format("{}: {}", path.string(), sqlite3_errmsg(handle)));
    std::optional<chain::ChainState> chain;
    while (sqlite3_step(rows.get()) == SQLITE_ROW) {
        if (!chain) chain.emplace(chain::ChainParams{challenge, static_cast<std::uint32_t>(sqlite3_column_int64(rows.get(), 1))});
        const Bytes raw(static_cast<const std::byte*>(sqlite3_column_blob(rows.get(), 0)), static_cast<std::size_t>(sqlite3_column_bytes(rows.get(), 0)));
        const auto block = chain::decode_block(raw);
        const auto accepted = block ? chain->submit_block(raw, block->header.time) : tl::unexpected(chain::RejectReason::decode_failed);
        if (!accepted)
            return fail(Failure::Kind::integrity, fmt::format("{}: the block after height {} is not valid: {}", path.string(), chain->tip().height,
                                                              chain::bip22_word(accepted.error())));
    }
    if (!chain) return fail(Failure::Kind::try_again, fmt::format("{} holds no block yet", path.string()));
    return std::move(*chain);
}
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
    if (file.empty()) return load_chain_db(paths.chain(), challenge);
    const auto bytes = read_file(file, kBlockFileBytesMax);
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
        if (!challenge || challenge->empty()) return fail(Failure::Kind::config, "--challenge takes the challenge script in hexadecimal");
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
    for (const auto& [id, net] : nets) line += fmt::format("{}{} {}", line.empty() ? "" : ", ", book.participant_name(id), money(net));
    return line;
}

}  // namespace giro::cli
