#include "approval/officer.hpp"

#include <botan/auto_rng.h>
#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/rsa.h>
#include <botan/system_rng.h>
#include <botan/x509_key.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::approval {

namespace {
namespace fs = std::filesystem;

constexpr std::size_t kNameCharsMax = 16;  // entry::OfficerName
constexpr std::size_t kKeyFileBytesMax = 64U << 10;
constexpr std::size_t kPassphraseRandomBytes = 20;  // 160 bits, written as hex
// PBKDF2's work when a key is unlocked; the passphrase is random, so it need not be slow.
constexpr std::chrono::milliseconds kUnlockTime{50};

const std::uint8_t* raw(Bytes b) noexcept {
    return reinterpret_cast<const std::uint8_t*>(b.data());
}

Result<Buffer> read_or_say(const fs::path& file, std::string_view what) {
    if (!fs::exists(file))
        return fail(Failure::Kind::not_provisioned,
                    fmt::format("{} is not there: {}; make one with: giro officer new NAME", what, file.string()));
    return read_file(file, kKeyFileBytesMax);
}

// The file's first line, without its end.
Result<std::string> read_passphrase(const fs::path& file) {
    auto bytes = read_or_say(file, "the officer's passphrase");
    if (!bytes) return tl::unexpected(std::move(bytes.error()));
    std::string line(as_text(*bytes));
    wipe(*bytes);
    line.resize(std::min(line.find_first_of("\r\n"), line.size()));
    if (line.empty() || line.size() > kPassphraseBytesMax)
        return fail(Failure::Kind::config, fmt::format("{}: the passphrase must be one line of 1 to {} characters",
                                                       file.string(), kPassphraseBytesMax));
    return line;
}

void wipe_text(std::string& text) noexcept {
    wipe(std::as_writable_bytes(std::span(text)));
}

std::string random_passphrase() {
    const auto bytes = Botan::system_rng().random_vec(kPassphraseRandomBytes);
    return to_hex(std::as_bytes(std::span(bytes)));
}

Result<void> write_key(const Botan::RSA_PrivateKey& key, const OfficerFiles& files) {
    std::string passphrase = random_passphrase();
    const std::string pem = Botan::PKCS8::PEM_encode_encrypted_pbkdf_msec(
        key, Botan::system_rng(), passphrase, kUnlockTime, nullptr, "AES-256/CBC", "SHA-256");
    const std::string line = passphrase + "\n";
    auto done = write_file_atomic(files.passphrase, as_bytes(line));
    if (done) done = write_file_atomic(files.public_key, as_bytes(Botan::X509::PEM_encode(key)), 0644);
    if (done)
        done = write_file_atomic(files.key, as_bytes(pem));  // last: the key is what says that the officer is complete
    wipe_text(passphrase);
    return done;
}
}  // namespace

OfficerFiles officer_files(const fs::path& officers, std::string_view name) {
    const fs::path folder = officers / name;
    return {folder / "key.pem", folder / "passphrase", folder / "public.pem"};
}

bool is_officer_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= kNameCharsMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Result<OfficerFiles> create_officer(const fs::path& officers, std::string_view name) try {
    if (!is_officer_name(name))
        return fail(Failure::Kind::config,
                    fmt::format("'{}' is no officer's name: 1 to {} of a-z, 0-9 and -", name, kNameCharsMax));
    const OfficerFiles files = officer_files(officers, name);
    if (fs::exists(files.key))
        return fail(Failure::Kind::refused, fmt::format("officer {} has a key already: {}", name, files.key.string()));
    const fs::path folder = files.key.parent_path();
    fs::create_directories(folder);
    fs::permissions(folder, fs::perms::owner_all);
    Botan::AutoSeeded_RNG rng;
    const Botan::RSA_PrivateKey key(rng, kOfficerKeyBits);
    if (auto written = write_key(key, files); !written) return tl::unexpected(std::move(written.error()));
    return files;
} catch (const std::exception& e) {  // Botan, filesystem
    return fail(Failure::Kind::refused, fmt::format("cannot make a key for officer {}: {}", name, e.what()));
}

Result<Secret> unlock_key(const fs::path& key_file, const fs::path& passphrase_file) {
    auto pem = read_or_say(key_file, "the officer's key");
    if (!pem) return tl::unexpected(std::move(pem.error()));
    auto passphrase = read_passphrase(passphrase_file);
    if (!passphrase) return tl::unexpected(std::move(passphrase.error()));
    try {
        Botan::DataSource_Memory source(raw(*pem), pem->size());
        const std::unique_ptr<Botan::Private_Key> key = Botan::PKCS8::load_key(source, *passphrase);
        wipe_text(*passphrase);
        std::string plain = Botan::PKCS8::PEM_encode(*key);
        Secret secret(plain.size());
        std::ranges::copy(as_bytes(plain), secret.writable().begin());
        wipe_text(plain);
        return secret;
    } catch (const std::exception&) {  // Botan says "wrong key", "bad padding", "not PEM": all the same to the officer
        wipe_text(*passphrase);
        return fail(Failure::Kind::refused, fmt::format("the passphrase in {} does not open the key {}",
                                                        passphrase_file.string(), key_file.string()));
    }
}

Result<Buffer> sign_with_files(const fs::path& key, const fs::path& passphrase, const Hash256& digest) {
    const auto secret = unlock_key(key, passphrase);
    if (!secret) return tl::unexpected(secret.error());
    return vault::sign_approval(*secret, digest);
}

Result<std::string> load_public_key(const fs::path& file) {
    const auto bytes = read_or_say(file, "the officer's public key");
    if (!bytes) return tl::unexpected(bytes.error());
    return std::string(as_text(*bytes));
}

}  // namespace giro::approval
