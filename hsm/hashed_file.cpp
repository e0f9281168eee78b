#include "hsm/hashed_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::hsm {

tl::unexpected<Failure> damaged(const std::filesystem::path& file) {
    return fail(Failure::Kind::integrity,
                fmt::format("{} is damaged; restore it from the backup, never an older one", file.string()));
}

Result<std::optional<Buffer>> read_hashed(const std::filesystem::path& file, std::size_t body_bytes) {
    if (!std::filesystem::exists(file)) return std::nullopt;
    const std::size_t file_bytes = body_bytes + sizeof(Hash256);
    auto bytes = read_file(file, file_bytes);
    if (!bytes || bytes->size() != file_bytes) return damaged(file);
    const Hash256 hash = sha256(Bytes(*bytes).first(body_bytes));
    if (!std::ranges::equal(hash, Bytes(*bytes).subspan(body_bytes))) return damaged(file);
    bytes->resize(body_bytes);
    return std::move(*bytes);
}

Result<void> write_hashed(const std::filesystem::path& file, Buffer body) {
    const Hash256 hash = sha256(body);
    body.insert(body.end(), hash.begin(), hash.end());
    return write_file_atomic(file, body, 0600);
}

}  // namespace giro::hsm
