#include "hsm/provision.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>

#include "hsm/certificate.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"

namespace giro::hsm {

namespace {
using Kind = Failure::Kind;
namespace fs = std::filesystem;

constexpr std::size_t kPinRandomBytes = 16;  // 128 bits, written as 32 hexadecimal digits

// Every mechanism that hsm/ asks for; the token refuses all others. SoftHSM copies its list of mechanisms, a node each, at
// every C_...Init: with all that it knows that is a seventh of the time of a MAC.
constexpr std::string_view kMechanisms =
    "CKM_AES_KEY_GEN,CKM_EC_KEY_PAIR_GEN,CKM_RSA_PKCS_KEY_PAIR_GEN,CKM_AES_ECB_ENCRYPT_DATA,CKM_DES3_ECB_ENCRYPT_DATA,"
    "CKM_AES_CMAC,CKM_DES3_CMAC,CKM_SHA256_HMAC,CKM_ECDSA,CKM_SHA256_RSA_PKCS,CKM_SHA256_RSA_PKCS_PSS,CKM_AES_GCM,"
    "CKM_AES_ECB,CKM_AES_CBC,CKM_DES3_ECB,CKM_DES3_CBC";

tl::unexpected<Failure> token_failure(std::string_view doing, const CkError& error) {
    return fail(Kind::refused, fmt::format("{}: {}", doing, error.name()));
}

Result<void> make_private_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
    if (error) return fail(Kind::refused, fmt::format("cannot make {}: {}", folder.string(), error.message()));
    return {};
}

// A random PIN in `file`, once.
Result<void> make_pin(const fs::path& file) {
    if (fs::exists(file)) return {};
    ByteArray<kPinRandomBytes> random;
    SystemRandom{}.fill(random);
    std::string text = to_hex(random);
    auto written = write_file_atomic(file, as_bytes(text), 0600);
    wipe(random);
    wipe(std::as_writable_bytes(std::span(text)));
    return written;
}

Result<Secret> read_pin_file(const fs::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0)
        return fail(Kind::not_provisioned, fmt::format("{} does not exist; run: giro-vault provision", file.string()));
    if ((info.st_mode & 077) != 0)
        return fail(Kind::config,
                    fmt::format("{} can be read by others; run: chmod 600 {}", file.string(), file.string()));
    auto text = read_file(file, 256);
    if (!text) return tl::unexpected(text.error());
    return Secret(std::move(*text));
}

bool token_exists(const Cryptoki& cryptoki) {
    const auto module = Module::initialize(cryptoki);
    return module && (*module)->find_slot(kTokenLabel);
}

// The token with its PINs. A token without PIN file, or a PIN file without token, is not healed silently.
Result<void> make_token(const VaultConfig& config, const Cryptoki& cryptoki,
                        const std::function<void(const std::string&)>& progress) {
    const bool had_pin = fs::exists(config.folder / "pin");
    if (token_exists(cryptoki)) {
        if (!had_pin)
            return fail(Kind::integrity, fmt::format("there is a token but no {}; restore it from the backup",
                                                     (config.folder / "pin").string()));
        return {};
    }
    if (had_pin && fs::exists(config.bundle))
        return fail(Kind::integrity,
                    fmt::format("the box was provisioned, but its token is not in {}; restore it from the "
                                "backup",
                                (config.folder / "tokens").string()));
    if (auto done = make_pin(config.folder / "pin"); !done) return done;
    if (auto done = make_pin(config.folder / "so-pin"); !done) return done;
    const auto so_pin = read_pin_file(config.folder / "so-pin");
    if (!so_pin) return tl::unexpected(so_pin.error());
    const auto pin = read_pin_file(config.folder / "pin");
    if (!pin) return tl::unexpected(pin.error());
    progress("initialising the token");
    const auto created = Token::create(cryptoki, kTokenLabel, so_pin->reveal(), pin->reveal());
    if (!created) return token_failure("cannot initialise the token", created.error());
    return {};
}

ByteArray<16> random_serial() {
    ByteArray<16> serial;
    SystemRandom{}.fill(serial);
    return serial;
}

Result<vault::Bundle> make_bundle(const VaultConfig& config, const Session& session, const KeyRing& keys) {
    const std::uint64_t now_s = SystemClock{}.wall_ns() / 1'000'000'000;
    const auto ca = issue_ca_certificate(session, keys, now_s, random_serial());
    const auto server = issue_certificate(session, keys, vault::CertificateRole::server, "localhost",
                                          p256_spki(keys.identity_p256_public), now_s, random_serial());
    if (!ca || !server) return fail(Kind::refused, "the token did not sign the box's certificates");
    vault::Bundle bundle;
    bundle.block = keys.block.public_part;
    bundle.issuer = keys.owners.at(kIssuer).public_part;
    for (const auto& p : config.participants)
        bundle.participants.push_back({p.id, p.name, keys.owners.at(p.id).public_part});
    bundle.checkpoint_key = keys.checkpoint_p256_public;
    bundle.server_key = keys.identity_p256_public;
    bundle.ca_certificate = certificate_pem(*ca);
    bundle.server_certificate = certificate_pem(*server);
    return bundle;
}

// bundle.json and, for tools that read PEM, ca.pem and server.pem beside it.
Result<void> write_public(const fs::path& file, const vault::Bundle& bundle) {
    const fs::path folder = file.parent_path();
    std::error_code ignored;  // the writes below tell
    fs::create_directories(folder, ignored);
    fs::permissions(folder, fs::perms(0755), ignored);
    if (auto done = write_file_atomic(folder / "ca.pem", as_bytes(bundle.ca_certificate), 0644); !done) return done;
    if (auto done = write_file_atomic(folder / "server.pem", as_bytes(bundle.server_certificate), 0644); !done)
        return done;
    return write_file_atomic(file, as_bytes(vault::to_json(bundle)), 0644);  // last: its presence says all is there
}

// True when the bundle is there and speaks of exactly these participants.
bool bundle_is_current(const VaultConfig& config) {
    const auto bundle = vault::load_bundle(config.bundle);
    return bundle && std::ranges::equal(bundle->participants, config.participants, [](const auto& a, const auto& b) {
               return a.id == b.id && a.name == b.name;
           });
}
}  // namespace

std::vector<std::uint32_t> VaultConfig::participant_ids() const {
    std::vector<std::uint32_t> ids;
    for (const auto& p : participants) ids.push_back(p.id);
    return ids;
}

Result<void> prepare_softhsm(const fs::path& folder) {
    const fs::path tokens = fs::absolute(folder / "tokens");
    const fs::path conf = fs::absolute(folder / "softhsm2.conf");
    const std::string text = fmt::format(
        "# Written by giro-vault.\ndirectories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n"
        "slots.removable = false\nslots.mechanisms = {}\n",
        tokens.string(), kMechanisms);
    const auto present = read_file(conf, 4096);
    if (!present || as_text(*present) != text) {
        if (auto done = make_private_folder(folder); !done) return done;
        if (auto done = make_private_folder(tokens); !done) return done;
        if (auto done = write_file_atomic(conf, as_bytes(text), 0600); !done) return done;
    }
    ::setenv("SOFTHSM2_CONF", conf.c_str(), 1);
    return {};
}

Result<Secret> read_pin(const fs::path& folder) { return read_pin_file(folder / "pin"); }

Result<void> provision(const VaultConfig& config, const std::function<void(const std::string&)>& progress) {
    for (const fs::path& folder : {config.folder, config.folder / "officers"})
        if (auto done = make_private_folder(folder); !done) return done;
    if (auto done = prepare_softhsm(config.folder); !done) return done;
    const auto cryptoki = Cryptoki::load(config.module);
    if (!cryptoki) return tl::unexpected(cryptoki.error());
    if (auto done = make_token(config, *cryptoki, progress); !done) return done;

    const auto pin = read_pin(config.folder);
    if (!pin) return tl::unexpected(pin.error());
    const auto token = Token::open(*cryptoki, kTokenLabel, pin->reveal());
    if (!token) return token_failure("cannot open the token", token.error());
    const Session& session = (*token)->session();
    const auto ids = config.participant_ids();
    const auto made =
        generate_missing_keys(session, ids, [&](const KeySpec& spec) { progress("made key " + spec.label); });
    if (!made) return tl::unexpected(made.error());
    const auto keys = load_keys(session, ids);
    if (!keys) return tl::unexpected(keys.error());
    if (*made == 0 && bundle_is_current(config)) return {};
    const auto bundle = make_bundle(config, session, *keys);
    if (!bundle) return tl::unexpected(bundle.error());
    progress("writing " + config.bundle.string());
    return write_public(config.bundle, *bundle);
}

}  // namespace giro::hsm
