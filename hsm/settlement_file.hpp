// The last settlement the vault signed, in vault/settlement: what makes it sign one transaction for a window and no
// other, across restarts.
//
//   body = window:u64 (little-endian) approval_digest:32, in a hashed_file.hpp
//
// Without it another transaction could be signed for a window that has one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "giro/result.hpp"
#include "giro/types.hpp"

namespace giro::hsm {

class SettlementFile {
  public:
    // How a settlement stands to the last one that was signed. Windows are settled in order, one at a time.
    enum class Standing {
        next,         // of a later window
        same,         // exactly that one: it may be signed again, for its signatures may have been lost
        contradicts,  // of the same window, but another
        behind        // of an earlier window
    };

    [[nodiscard]] static Result<SettlementFile> open(std::filesystem::path file);
    // `digest`: what the officers approve, vault::approval_digest() of window, transaction and amounts.
    [[nodiscard]] Standing standing(std::uint64_t window, const Hash256& digest) const noexcept;
    // Durable when it returns ok. ASSERTs that it is next.
    [[nodiscard]] Result<void> store(std::uint64_t window, const Hash256& digest);

  private:
    struct Signed {
        std::uint64_t window = 0;
        Hash256 digest{};
    };
    explicit SettlementFile(std::filesystem::path file) : m_file(std::move(file)) {}
    std::filesystem::path m_file;
    std::optional<Signed> m_last;
};

}  // namespace giro::hsm
