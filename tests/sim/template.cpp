#include "tests/sim/template.hpp"

#include <botan/hmac_drbg.h>
#include <botan/pkcs8.h>
#include <botan/rsa.h>
#include <botan/x509_key.h>
#include <fmt/format.h>

#include "appliance/giro-vault/service.hpp"
#include "appliance/giro/demo.hpp"
#include "chain/block_file.hpp"
#include "hsm/vault.hpp"
#include "payment/dukpt_device.hpp"
#include "switching/frames.hpp"
#include "tests/sim/actors.hpp"
#include "tests/sim/routes.hpp"
#include "tests/sim/token/control.hpp"
#include "util/file.hpp"

namespace giro::sim {

namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kTemplateSeed = 8583;
constexpr std::size_t kOfficerKeyBits = 2048;  // the least that the vault takes: it costs a third of the demo's

template <typename V>
typename V::Reply ask_provisioning(hsm::Vault& vault, const typename V::Request& request) {
    Buffer body;
    vault::encode(body, request);
    const auto answer =
        hsm::dispatch(vault, hsm::Caller::admin, hsm::Permit::provisioning, static_cast<std::uint16_t>(V::kType), body);
    ASSERT(answer.status == bus::Status::ok);
    auto reply = vault::decode<typename V::Reply>(answer.body);
    ASSERT(reply);
    return std::move(*reply);
}

void make_terminal_keys(Template& t, const config::Paths& paths) {
    auto vault = hsm::Vault::open(appliance::vault_config(paths, t.config));
    ASSERT(vault);
    std::vector<std::string> names;
    for (std::uint32_t i = 1; i < kDukptFrom; ++i) names.push_back(demo::terminal(i).str());
    for (const auto& link : t.config.links) names.push_back(switching::link_key_id(link.number).str());
    const Secret bdk(Buffer(16, std::byte{0x42}));
    ASSERT((*vault)->present()->payment_keys.add(demo::kBdk, *payment::parse_key_block_header("D0000B0AX00N0000"),
                                                 bdk.reveal()));
    for (const auto& [name, header] : {std::pair(demo::kPvvKey, "D0000V2TV00N0000"), std::pair(demo::kOffsetKey, "D0000V1TV00N0000"),
                                       std::pair(demo::kZoneKey, "D0000P0TE00N0000"), std::pair(demo::kAlphaChipKey, "D0000E0TX00N0000"),
                                       std::pair(demo::kBetaChipKey, "D0000E0TX00N0000"),
                                       std::pair(demo::kCvvKey, "D0000C0TV00N0000")})
        ASSERT((*vault)->present()->payment_keys.add(name, *payment::parse_key_block_header(header), pin_key(name).reveal()));
    for (std::uint32_t i = kDukptFrom; i <= kTerminals; ++i)
        t.terminal_keys.emplace(demo::terminal(i).str(), payment::dukpt_initial_key(bdk, demo::dukpt_ksn(i)));
    for (const auto& name : names)
        t.terminal_keys.emplace(name, ask_provisioning<vault::InjectTerminalKey>(**vault, {TerminalId(name)}).tmk);
}

void make_officers(Template& t, const config::Paths& paths) {
    Botan::HMAC_DRBG drbg("SHA-256");
    const std::vector<std::uint8_t> seed(64, 0x42);
    drbg.add_entropy(seed.data(), seed.size());
    for (const auto& name : t.config.officers) {
        const Botan::RSA_PrivateKey key(drbg, kOfficerKeyBits);
        t.officer_keys[name] = Botan::PKCS8::PEM_encode(key);
        const std::string pem = Botan::X509::PEM_encode(key);
        for (const fs::path& folder : {paths.vault() / "officers", paths.pub() / "officers"}) {
            fs::create_directories(folder);
            ASSERT(write_file_atomic(folder / (name + ".pem"), as_bytes(pem), 0600));
        }
    }
}

// The real vault and the real chain, until the coins of block 1 are mature.
void premine(Template& t, World& world, const fs::path& scratch) {
    {
        Box box(world, t, scratch / "premine", kTemplateSeed);
        for (const RoleId id : {RoleId::the_switch, RoleId::auditor, RoleId::settle, RoleId::gate, RoleId::follower})
            box.role(id).wanted = false;
        box.start_all();
        const auto premined = [&] {
            const auto file = read_file(box.paths().pub() / "blocks.dat");
            if (!file) return false;
            const auto state = chain::load_block_file(*file, {t.bundle.block.script});
            if (!state || state->tip().height < t.config.chain.premine_blocks) return false;
            for (std::uint32_t h = 1; h <= t.config.chain.premine_blocks; ++h) {
                const Bytes raw = state->raw_block_at(h);
                t.blocks.emplace_back(raw.begin(), raw.end());
            }
            return true;
        };
        while (!premined()) {
            ASSERT(world.time_ns() < 600 * kSecond);
            world.run(world.time_ns() + 10 * kSecond, UINT64_MAX >> 1);
        }
        box.stop_all();
    }
    fs::remove_all(scratch / "premine");
}

Template make_template(const fs::path& scratch) {
    Template t;
    t.folder = scratch / "template";
    t.config = box_config();
    const config::Paths paths{t.folder};
    fs::create_directories(paths.dialects());
    ASSERT(write_file_atomic(routing::routes_file(paths), as_bytes(route_texts().front())));
    for (const char* name : {"iso1987-ascii", "iso1993", "iso2003"})
        fs::copy(fs::path(GIRO_SOURCE_DIR) / "firmware-config" / "dialects" / (std::string(name) + ".toml"), paths.dialects());
    for (const char* edition : {"1993", "2003"})
        ASSERT(write_file_atomic(paths.dialects() / fmt::format("reversed-{}.toml", edition),
                                 as_bytes(fmt::format("name = \"own\"\nextends = \"iso{}\"\n[message]\npartial_reversal = \"amount-reversed\"\n", edition)),
                                 0600));
    test::test_token().reset(kTemplateSeed);
    World world(kTemplateSeed);
    ASSERT(hsm::provision(appliance::vault_config(paths, t.config), [](const std::string&) {}));
    t.bundle = *vault::load_bundle(paths.pub() / "bundle.json");
    make_terminal_keys(t, paths);
    make_officers(t, paths);
    premine(t, world, scratch);
    // What draws randomness once in a process must have done so before the first seed: libsecp256k1's context.
    WorldRandom random(world);
    static_cast<void>(wallet::WalletKey::create(random));
    return t;
}
}  // namespace

Secret pin_key(std::string_view name) {
    Secret key(16);
    for (std::size_t i = 0; i < key.size(); ++i) key.writable()[i] = static_cast<std::byte>(name[i % name.size()] * 3 + static_cast<int>(i));
    return key;
}

namespace {
config::Link link_to(const char* name, std::uint32_t participant, std::vector<std::uint16_t> ports, std::vector<std::string> bins) {
    config::Link link;
    link.name = name;
    for (const std::uint16_t port : ports) link.addresses.push_back({"127.0.0.1", port});
    link.participant = participant;
    link.bins = std::move(bins);
    return link;
}

// Three hosts: one that the box stands in for; one with two addresses, the second for when the first is gone, which agrees
// on no session keys; and a scheme's, which connects to the box and takes few payments at a time.
std::vector<config::Link> links() {
    auto gamma = link_to(kGammaHost, 3, {7810}, {"970003"});
    gamma.pin_key = demo::kZoneKey;
    gamma.key_ages = {40, 90, 10};
    gamma.stand_in = kShops;
    auto delta = link_to(kDeltaHost, 4, {7811, 7812}, {"970004"});
    delta.number = 1;
    delta.dialect = "iso1987-ascii";  // whatever the terminals speak
    delta.mode = config::LinkMode::primary;
    delta.pin_key = demo::kZoneKey;
    delta.pin_format = config::ZonePinFormat::iso3;
    auto scheme = link_to(kSchemeHost, 4, {7813}, {"970006"});
    scheme.number = 2;
    scheme.inbound = true;
    scheme.key_ages = {25, 60, 10};
    scheme.in_flight_max = 2;
    return {gamma, delta, scheme};
}

std::vector<config::StandIn> stand_ins() {
    config::StandIn shops;
    shops.name = kShops;
    shops.floor = 5'000;
    shops.card_count = 20;
    shops.card_sum = 60'000;
    shops.merchant_hour_sum = 1'000'000;
    shops.chip = config::ChipPolicy::if_present;
    shops.expire_days = 2;
    config::StandIn chips = shops;
    chips.name = kChips;
    chips.floor = 8'000;
    chips.chip = config::ChipPolicy::required;
    return {shops, chips};
}
}  // namespace

config::Config box_config() {
    config::Config c;
    c.box = "sim";
    c.currency = 963;
    c.participants = {
        {1, "alpha", {"970001"}, kBacking}, {2, "beta", {"970002"}, kBacking}, {3, "gamma", {}, kBacking}, {4, "delta", {}, kBacking}};
    c.links = links();
    c.card_products = {{"alpha-debit", {"970001"}, config::PinMethod::visa_pvv, std::string(demo::kPvvKey)},
                       {"beta-debit", {"970002"}, config::PinMethod::ibm_3624, std::string(demo::kOffsetKey)}};
    c.card_products[1].count = 15;
    c.card_products[0].chip_key = demo::kAlphaChipKey;
    c.card_products[0].cvns = {10};
    c.card_products[1].chip_key = demo::kBetaChipKey;
    c.card_products[1].cvns = {18};
    c.card_products[0].cvv_key = demo::kCvvKey;
    for (auto& product : c.card_products) product.csu = {std::byte{0}, config::kCsuApproves};
    for (std::size_t i = 0; i < 16; ++i) c.card_products[1].table[i] = static_cast<std::byte>(i % 10);
    c.officers = {"alice", "bob", "carol"};
    c.wallet_participant = 1;
    c.gate = {{"127.0.0.1", 7801}, {"127.0.0.1", 7802}, {"127.0.0.1", 7803}, "iso1987-ascii", 64, 300};
    constexpr std::uint32_t kThreeDays = 3 * 86'400;
    c.switching = {100'000, 3'000, 10'000, 20, 20, 5'000};  // holds of 20 s: some end before they are completed
    c.switching.remember_s = kThreeDays;
    c.switching.session_key_requests = 12;  // so that keys expire under way
    c.switching.session_key_s = 60;
    c.switching.session_key_overlap_s = 10;
    c.stand_ins = stand_ins();
    c.vault.module = test::test_token_module();
    c.settle = {2, 1};
    c.chain.premine_blocks = 101;
    c.chain.block_interval_s = 600;
    c.auditor = {40, 1'000};
    return c;
}

const Template& box_template(const fs::path& scratch) {
    static const Template made = make_template(scratch);
    return made;
}

}  // namespace giro::sim
