// giro init: makes a box ready to start, and may be run again: what is there stays, what is missing is made.
// The token and its keys are giro-vault's work (giro-vault provision); this command never sees a key of the box.
// With --demo it also plays the people outside the box: it gives terminals their master keys, makes the terminals'
// client certificate, and enrols officers. Those keys lie in demo/, in the clear, and only there.
#include <botan/auto_rng.h>
#include <botan/base64.h>
#include <botan/ec_group.h>
#include <botan/ecdsa.h>
#include <botan/pkcs8.h>
#include <botan/x509_key.h>
#include <fmt/format.h>

#include "appliance/giro/box.hpp"
#include "appliance/giro/box_child.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_args.hpp"
#include "approval/officer.hpp"
#include "routing/file.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "vault/bundle.hpp"
#include "vault/client.hpp"

namespace giro::cli {

namespace {
namespace fs = std::filesystem;
using Kind = Failure::Kind;
constexpr std::uint64_t kVaultReadyMs = 30'000;

Result<void> make_private(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
    if (error) return fail(Kind::refused, fmt::format("cannot make {}: {}", folder.string(), error.message()));
    return {};
}

Result<void> make_folders(const config::Paths& paths) {
    for (const fs::path& folder :
         {paths.root, paths.config_file().parent_path(), paths.dialects(), paths.links(), paths.run(), paths.log(), paths.vault(),
          paths.journal().parent_path(), paths.snapshots(), paths.chain().parent_path(), paths.pub(), paths.demo()})
        if (auto made = make_private(folder); !made) return made;
    return {};
}

Result<void> copy_if_missing(const fs::path& from, const fs::path& to) {
    if (fs::exists(to)) return {};
    const auto text = read_file(from, 1U << 20);
    if (!text) return tl::unexpected(text.error());
    progress("writing " + to.string());
    return write_file_atomic(to, *text, 0600);
}

Result<void> write_defaults(const config::Paths& paths) {
    const auto defaults = find_defaults();
    if (!defaults) return tl::unexpected(defaults.error());
    const bool first = !fs::exists(paths.config_file());
    if (auto done = copy_if_missing(*defaults / "giro.toml", paths.config_file()); !done) return done;
    if (auto done = copy_if_missing(*defaults / "routes.toml", routing::routes_file(paths)); !done) return done;
    if (first)  // a link that the operator has taken out stays out
        for (const auto& link : fs::directory_iterator(*defaults / "conf.d"))
            if (auto done = copy_if_missing(link.path(), paths.links() / link.path().filename()); !done) return done;
    for (const auto& dialect : fs::directory_iterator(*defaults / "dialects"))
        if (auto done = copy_if_missing(dialect.path(), paths.dialects() / dialect.path().filename()); !done) return done;
    return {};
}

Result<void> provision_vault(const config::Paths& paths) {
    auto vault = Child::start(programs_folder() / "giro-vault", {"provision", "--dir", paths.root.string()}, {});
    if (!vault) return tl::unexpected(vault.error());
    const int code = vault->wait();
    if (code != 0) return fail(kind_of_exit(code), "the vault was not provisioned; giro-vault says why above");
    return {};
}

// The certificates as files of their own, for the gate and for whoever connects to it. Public.
Result<void> write_certificates(const config::Paths& paths) {
    const auto bundle = vault::load_bundle(paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    if (auto done = write_file_atomic(paths.pub() / "ca.pem", as_bytes(bundle->ca_certificate), 0644); !done) return done;
    return write_file_atomic(paths.pub() / "server.pem", as_bytes(bundle->server_certificate), 0644);
}

// --- demo -------------------------------------------------------------------------------------------------------

std::vector<std::string> demo_terminals(const config::Config& config, std::uint32_t terminals) {
    std::vector<std::string> names;
    for (std::uint32_t i = 1; i <= terminals; ++i) names.push_back(demo::terminal(i).str());
    for (const auto& link : config.links) names.push_back(fmt::format("LNK{:05}", link.number + 1));
    return names;
}

Result<void> fetch_terminal_key(vault::SyncClient& vault, const config::Paths& paths, const std::string& terminal) {
    auto key = vault.call<vault::InjectTerminalKey>({TerminalId(terminal)});
    if (!key) return tl::unexpected(key.error());
    std::string hex = to_hex(key->tmk.reveal()) + "\n";
    auto written = write_file_atomic(demo::terminal_key_file(paths.demo(), terminal), as_bytes(hex), 0600);
    wipe(std::as_writable_bytes(std::span(hex)));
    return written;
}

Bytes bytes_of(const std::vector<std::uint8_t>& v) { return std::as_bytes(std::span(v)); }

std::string certificate_pem(Bytes der) {
    const std::string body = Botan::base64_encode(reinterpret_cast<const std::uint8_t*>(der.data()), der.size());
    std::string pem = "-----BEGIN CERTIFICATE-----\n";
    for (std::size_t at = 0; at < body.size(); at += 64) pem += body.substr(at, 64) + "\n";
    return pem + "-----END CERTIFICATE-----\n";
}

// A P-256 key of the terminals' own, and the box's certificate for it.
Result<void> make_client_certificate(vault::SyncClient& vault, const config::Paths& paths) {
    Botan::AutoSeeded_RNG rng;
    const Botan::ECDSA_PrivateKey key(rng, Botan::EC_Group("secp256r1"));
    const auto spki = Botan::X509::BER_encode(key);
    const auto certificate = vault.call<vault::IssueCertificate>({vault::CertificateRole::terminal, "demo-terminals", bytes_of(spki)});
    if (!certificate) return tl::unexpected(certificate.error());
    const fs::path folder = paths.demo() / "terminals";
    if (auto done = write_file_atomic(folder / "client.key", as_bytes(Botan::PKCS8::PEM_encode(key)), 0600); !done) return done;
    return write_file_atomic(folder / "client.pem", as_bytes(certificate_pem(certificate->der)), 0600);
}

// The vault gives out terminals' keys only while it is provisioning, so it is started for just this.
Result<void> fetch_terminal_keys(const config::Paths& paths, const config::Config& config, std::uint32_t terminals) {
    std::vector<std::string> missing;
    for (const auto& name : demo_terminals(config, terminals))
        if (!fs::exists(demo::terminal_key_file(paths.demo(), name))) missing.push_back(name);
    const bool certificate_missing = !fs::exists(paths.demo() / "terminals" / "client.pem");
    if (missing.empty() && !certificate_missing) return {};
    if (auto done = make_private(paths.demo() / "terminals"); !done) return done;

    auto process = Child::start(programs_folder() / "giro-vault", {"serve", "--provisioning", "--dir", paths.root.string()},
                                {kVaultReadyMs, paths.log() / "giro-vault.log"});
    if (!process) return tl::unexpected(process.error());
    auto vault = vault::SyncClient::connect(paths.run(), bus::caller::kAdmin);
    if (!vault) return tl::unexpected(vault.error());
    progress(fmt::format("injecting {} terminal keys", missing.size()));
    for (const auto& name : missing)
        if (auto done = fetch_terminal_key(*vault, paths, name); !done) return done;
    if (certificate_missing) {
        progress("making the terminals' client certificate");
        return make_client_certificate(*vault, paths);
    }
    return {};
}

Result<void> enrol_officer(const config::Paths& paths, const std::string& name) {
    const fs::path officers = paths.demo() / "officers";
    const auto files = approval::officer_files(officers, name);
    if (!fs::exists(files.public_key)) {
        progress("making the key of officer " + name);
        if (auto made = approval::create_officer(officers, name); !made) return tl::unexpected(made.error());
    }
    const auto pem = approval::load_public_key(files.public_key);
    if (!pem) return tl::unexpected(pem.error());
    // The vault's copy decides what is signed; the public one lets the switch turn away an approval that would not count.
    for (const fs::path& folder : {paths.vault() / "officers", paths.pub() / "officers"}) {
        if (auto done = make_private(folder); !done) return done;
        if (fs::exists(folder / (name + ".pem"))) continue;
        if (auto done = write_file_atomic(folder / (name + ".pem"), as_bytes(*pem), 0600); !done) return done;
    }
    return {};
}

Result<void> make_demo(const config::Paths& paths, const config::Config& config, std::uint32_t terminals) {
    if (auto done = make_private(paths.demo() / "officers"); !done) return done;
    for (const auto& name : config.officers)
        if (auto done = enrol_officer(paths, name); !done) return done;
    return fetch_terminal_keys(paths, config, terminals);
}
}  // namespace

Result<void> init_box(const Args& args) {
    const config::Paths& paths = args.paths();
    const auto terminals = number_of(args, "--terminals", 1, demo::kTerminalsMax);
    if (!terminals) return tl::unexpected(terminals.error());
    if (const auto pid = pid_of_up(paths))
        return fail(Kind::try_again, fmt::format("the box in {} is up (pid {}); stop it before init", paths.root.string(), *pid));
    if (auto done = make_folders(paths); !done) return done;
    if (auto done = write_defaults(paths); !done) return done;
    const auto config = config::load(paths.config_file());
    if (!config) return tl::unexpected(config.error());
    if (auto done = provision_vault(paths); !done) return done;
    if (auto done = write_certificates(paths); !done) return done;
    if (args.flag("--demo"))
        if (auto done = make_demo(paths, *config, static_cast<std::uint32_t>(*terminals)); !done) return done;
    if (args.json()) fmt::print("{{\"ok\":true,\"dir\":\"{}\"}}\n", paths.root.string());
    else fmt::print("box '{}' in {} is ready; start it with: giro up --dir {}\n", config->box, paths.root.string(), paths.root.string());
    return {};
}

}  // namespace giro::cli
