#include <fmt/format.h>

#include "appliance/giro/journal.hpp"

namespace giro::cli {

namespace {
constexpr std::size_t kReadAtOnce = 4096;
}

Result<journal::JournalReader> open_journal(const config::Paths& paths) {
    if (!std::filesystem::exists(paths.journal()))
        return fail(Failure::Kind::not_provisioned, fmt::format("there is no journal {}; the first start makes it: giro up --dir {}",
                                                                paths.journal().string(), paths.root.string()));
    return journal::JournalReader::open(paths.journal());
}

Result<void> scan_journal(const config::Paths& paths, const journal::EntryCallback& callback, std::uint64_t from_seq) {
    auto reader = open_journal(paths);
    if (!reader) return tl::unexpected(reader.error());
    for (std::uint64_t next = from_seq;;) {
        const auto read = reader->read_from(next, kReadAtOnce, callback);
        if (!read) return tl::unexpected(read.error());
        next += *read;
        if (*read < kReadAtOnce) return {};
    }
}

}  // namespace giro::cli
