#include "appliance/giro/demo_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_chip.hpp"
#include "appliance/giro/terminal_dukpt.hpp"
#include "approval/officer.hpp"
#include "bus/messages.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "vault/client.hpp"
#include "vault/digests.hpp"
#include "vault/payment_wire.hpp"

namespace giro::cli {

namespace {
using Kind = Failure::Kind;
constexpr std::size_t kTdesBytes = 16;

Secret random_key(std::size_t bytes) {
    Secret key(bytes);
    SystemRandom().fill(key.writable());
    return key;
}

// One officer types one component.
Result<void> enter(vault::SyncClient& vault, const config::Paths& paths, const std::string& officer,
                   std::string_view name, std::string_view header, Secret component) {
    const auto files = approval::officer_files(paths.demo() / "officers", officer);
    auto signature =
        approval::sign_with_files(files.key, files.passphrase, vault::component_digest(name, std::string(header), component));
    if (!signature) return tl::unexpected(signature.error());
    const auto reply = vault.call<vault::KeyComponent>(
        {vault::KeyName(name), std::string(header), officer, std::move(*signature), std::move(component)});
    if (!reply) return tl::unexpected(reply.error());
    return {};
}

Result<void> give(vault::SyncClient& vault, const config::Paths& paths, const config::Config& config,
                  std::string_view name, std::string_view header, const Secret& key) {
    Secret first = random_key(key.size()), second(key.size());
    for (std::size_t i = 0; i < key.size(); ++i) second.writable()[i] = key.reveal()[i] ^ first.reveal()[i];
    if (auto done = enter(vault, paths, config.officers.at(0), name, header, std::move(first)); !done) return done;
    return enter(vault, paths, config.officers.at(1), name, header, std::move(second));
}

struct DemoKey {
    std::string_view name, header;
    Result<Secret> (*make)(const config::Paths&, const config::Config&, const DemoKey&);
};

// The terminals' files first: a vault that has the base key counts as done.
Result<Secret> make_bdk(const config::Paths& paths, const config::Config&, const DemoKey& key) {
    Secret bdk;
    for (std::uint32_t i = 1; i <= demo::kDukptTerminals; ++i) {
        const demo::DukptKind& kind = demo::dukpt_kind(i);
        if (kind.bdk != key.name) continue;
        if (bdk.empty()) bdk = random_key(kind.bdk_bytes);
        const auto ksn = demo::dukpt_ksn(i);
        const Secret initial = payment::dukpt_initial_key(bdk, ksn);
        if (auto done = pos::write_initial_key(paths.demo(), demo::dukpt_terminal(i).view(), initial, ksn,
                                               static_cast<vault::MacKind>(kind.mac));
            !done)
            return tl::unexpected(done.error());
    }
    return bdk;
}

// The chips' issuer master key, which stays in the vault alone; its cards' files first, for the same reason.
Result<Secret> make_chip_key(const config::Paths& paths, const config::Config& config, const DemoKey& demo_key) {
    Secret key = random_key(kTdesBytes);
    for (const auto& product : config.card_products) {
        if (product.chip_key != demo_key.name) continue;
        for (const auto& bin : product.bins)
            if (auto done = pos::write_chip_cards(paths.demo(), bin, key, demo::kCardsPerBin); !done)
                return tl::unexpected(done.error());
    }
    return key;
}

// A TDES key for PINs or verification values; its file first, for the same reason.
Result<Secret> make_pin_key(const config::Paths& paths, const config::Config&, const DemoKey& demo_key) {
    Secret key = random_key(kTdesBytes);
    const auto file = demo::pin_key_file(paths.demo(), demo_key.name);
    std::filesystem::create_directories(file.parent_path());
    std::string digits = to_hex(key.reveal()) + "\n";
    const auto written = write_file_atomic(file, as_bytes(digits), 0600);
    wipe(std::as_writable_bytes(std::span(digits)));
    if (!written) return tl::unexpected(written.error());
    return key;
}

constexpr DemoKey kDemoKeys[] = {
    {demo::kDukptKinds[0].bdk, demo::kDukptKinds[0].header, make_bdk},
    {demo::kDukptKinds[1].bdk, demo::kDukptKinds[1].header, make_bdk},  // of HMAC's terminals, too
    {demo::kDukptKinds[3].bdk, demo::kDukptKinds[3].header, make_bdk},
    {demo::kPvvKey, "D0000V2TV00N0000", make_pin_key},      // PIN verification, Visa PVV
    {demo::kOffsetKey, "D0000V1TV00N0000", make_pin_key},   // .. IBM 3624
    {demo::kZoneKey, "D0000P0TE00N0000", make_pin_key},     // a zone's PIN encryption, which only enciphers here
    {demo::kAlphaChipKey, "D0000E0TX00N0000", make_chip_key},  // an issuer master key for application cryptograms
    {demo::kBetaChipKey, "D0000E0TX00N0000", make_chip_key},
    {demo::kCvvKey, "D0000C0TV00N0000", make_pin_key}};     // card verification values
}  // namespace

Result<std::size_t> provision_demo_keys(const config::Paths& paths, const config::Config& config) {
    if (config.officers.size() < 2) return fail(Kind::config, "the ceremony of the demo's payment keys needs two officers");
    auto vault = vault::SyncClient::connect(paths.run(), bus::caller::kAdmin);
    if (!vault) return tl::unexpected(vault.error());
    const auto list = vault->call<vault::KeyList>({});
    if (!list) return tl::unexpected(list.error());
    std::size_t given = 0;
    for (const DemoKey& key : kDemoKeys) {
        const auto has_name = [&](const vault::KeyRow& row) { return row.name.view() == key.name; };
        if (std::ranges::any_of(list->keys, has_name)) continue;
        const auto clear = key.make(paths, config, key);
        if (!clear) return tl::unexpected(clear.error());
        if (auto done = give(*vault, paths, config, key.name, key.header, *clear); !done) return tl::unexpected(done.error());
        ++given;
    }
    return given;
}

}  // namespace giro::cli
