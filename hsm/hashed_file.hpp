// A small file of the vault's that must never be an older or another one than it wrote: a body of fixed size, then its
// SHA-256, replaced atomically. A promise that holds across restarts (the last checkpoint, the last settlement) lies in
// one.
//
// The hash finds damage, not forgery: whoever may write in the vault's folder can write both. Fails: Failure::integrity
// when the file is there and is not that; the vault then does not start, because without it an older promise could be
// given again.
#pragma once

#include <filesystem>
#include <optional>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::hsm {

// For a body that its hash confirms and whose content is none: the same message as for a hash that does not.
[[nodiscard]] tl::unexpected<Failure> damaged(const std::filesystem::path& file);

// The body, exactly `body_bytes` long; nothing where there is no such file yet.
[[nodiscard]] Result<std::optional<Buffer>> read_hashed(const std::filesystem::path& file, std::size_t body_bytes);
// Appends the hash to `body` and writes both, mode 0600. Durable when it returns ok.
[[nodiscard]] Result<void> write_hashed(const std::filesystem::path& file, Buffer body);

}  // namespace giro::hsm
