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

std::string signer_of(const std::filesystem::path& officers_folder, std::string_view name, const Hash256& digest,
                      Bytes signature) {
    if (!is_officer_name(name)) return {};
    const auto pem = read_file(officers_folder / (std::string(name) + ".pem"), kPemBytesMax);
    if (!pem || !vault::verify_approval(as_text(*pem), digest, signature)) return {};
    return fingerprint(*pem);
}

std::size_t count_approvals(const std::filesystem::path& officers_folder,
                            std::span<const vault::SignTx::Approval> approvals, const Hash256& digest) {
    std::set<std::string> keys;
    for (const auto& approval : approvals) {
        std::string key = signer_of(officers_folder, approval.officer, digest, approval.signature);
        if (!key.empty()) keys.insert(std::move(key));
    }
    return keys.size();
}

}  // namespace giro::hsm
