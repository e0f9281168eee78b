#include "hsm/officers.hpp"

#include <botan/data_src.h>
#include <botan/x509_key.h>

#include <memory>
#include <set>

#include "util/file.hpp"
#include "vault/digests.hpp"

namespace giro::hsm {

namespace {
constexpr std::size_t kPemBytesMax = 16'384;

// A name that is also a safe file name: no separator, no leading dot.
bool is_officer_name(std::string_view name) noexcept {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    return !name.empty() && name.size() <= vault::kNameBytesMax &&
           name.find_first_not_of(kAllowed) == std::string_view::npos;
}

// The same key has the same fingerprint, however its PEM is written. Empty when it is no key.
std::string fingerprint(Bytes pem) try {
    Botan::DataSource_Memory source(reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size());
    const std::unique_ptr<Botan::Public_Key> key(Botan::X509::load_key(source));
    return key->fingerprint_public("SHA-256");
} catch (const std::exception&) {
    return {};
}
}  // namespace

std::string_view describe(ApprovalError error) noexcept {
    switch (error) {
        case ApprovalError::too_few: return "too few distinct officers approved";
        case ApprovalError::unknown_officer: return "an approval is by an officer who is not enrolled";
        case ApprovalError::officer_twice: return "one officer approved twice";
        case ApprovalError::bad_signature: return "an approval's signature is not over this transaction";
    }
    return "?";
}

Expected<void, ApprovalError> check_approvals(const std::filesystem::path& officers_folder,
                                              std::span<const vault::SignTx::Approval> approvals, const Hash256& digest,
                                              std::size_t required) {
    std::set<std::string> keys;
    for (const auto& approval : approvals) {
        if (!is_officer_name(approval.officer)) return tl::unexpected(ApprovalError::unknown_officer);
        const auto pem = read_file(officers_folder / (approval.officer + ".pem"), kPemBytesMax);
        if (!pem) return tl::unexpected(ApprovalError::unknown_officer);
        const std::string key = fingerprint(*pem);
        if (key.empty()) return tl::unexpected(ApprovalError::unknown_officer);
        if (!keys.insert(key).second) return tl::unexpected(ApprovalError::officer_twice);
        if (!vault::verify_approval(as_text(*pem), digest, approval.signature))
            return tl::unexpected(ApprovalError::bad_signature);
    }
    if (keys.size() < required) return tl::unexpected(ApprovalError::too_few);
    return {};
}

}  // namespace giro::hsm
