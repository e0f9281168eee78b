#include "appliance/giro-switch/service.hpp"

#include <fmt/format.h>

#include "appliance/giro-switch/commands.hpp"
#include "appliance/giro-switch/key_classes.hpp"
#include "appliance/giro-switch/pipeline.hpp"
#include "appliance/giro-switch/recovery.hpp"
#include "util/archive.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "util/log.hpp"

namespace giro::appliance {

namespace {

constexpr std::uint64_t kTick_ms = 20;
constexpr std::uint64_t kVaultPatience_ms = 20'000;

// What lives while the switch serves; destroyed in reverse order.
struct Serving {
    SystemClock clock;
    SystemRandom random;
    std::vector<iso8583::Dialect> dialects;
    std::optional<Recovered> recovered;
    std::optional<switching::Core> core;
    std::unique_ptr<vault::Client> vault;
    std::unique_ptr<Pipeline> pipeline;
    std::unique_ptr<Commands> commands;
    std::unique_ptr<bus::Timer> timer;
    std::function<void()> at_end;

    Serving() = default;
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving() {
        if (at_end) at_end();
    }
};

// The last checkpoint the vault signed: what the journal must still hold.
Result<std::optional<vault::SignedCheckpoint>> last_checkpoint(const config::Paths& paths) {
    auto client = vault::SyncClient::connect(paths.run(), bus::caller::kSwitch);
    if (!client) return tl::unexpected(client.error());
    auto answer = client->call<vault::LastCheckpoint>({}, kVaultPatience_ms);
    if (!answer) return tl::unexpected(answer.error());
    return answer->last;
}

// The officers' public keys, pub/officers/<name>.pem.
Result<std::map<entry::OfficerName, std::string>> load_officers(const Program& program) {
    std::map<entry::OfficerName, std::string> officers;
    for (const auto& name : program.config.officers) {
        const auto pem = read_file(program.paths.pub() / "officers" / (name + ".pem"), 16'384);
        if (!pem) {
            log::warn("officer {} has no key: {}", name, pem.error().what);
            continue;
        }
        officers[entry::OfficerName(name)] = std::string(as_text(*pem));
    }
    return officers;
}

// A payment of the journal by its sequence number, or that of a stand-in.
std::optional<entry::Payment> read_payment(const config::Paths& paths, std::uint64_t seq) {
    auto reader = journal::JournalReader::open(paths.journal());
    if (!reader) return std::nullopt;
    std::optional<entry::Payment> found;
    const auto read = reader->read_from(seq, 1, [&](const journal::Entry& e) -> Result<void> {
        if (e.seq != seq) return {};
        if (e.kind == static_cast<std::uint16_t>(entry::Kind::payment)) found = decode<entry::Payment>(e.body);
        if (e.kind != static_cast<std::uint16_t>(entry::Kind::stood_in)) return {};
        if (const auto stood_in = decode<entry::StoodIn>(e.body)) found = stood_in->payment;
        return {};
    });
    return read ? found : std::nullopt;
}

}  // namespace

Result<std::shared_ptr<void>> start_switch(Program& program) {
    auto serving = std::make_shared<Serving>();
    auto dialects = iso8583::load_dialects(program.paths.dialects(), config::dialects_of(program.config));
    if (!dialects) return tl::unexpected(dialects.error());
    for (const auto& dialect : *dialects)
        if (auto usable = check_dialect(dialect); !usable) return tl::unexpected(usable.error());
    if (auto usable = check_pins(program.config, *dialects); !usable) return tl::unexpected(usable.error());
    if (auto usable = check_link_network(program.config, *dialects); !usable) return tl::unexpected(usable.error());
    if (auto usable = check_reversals(program.config, *dialects); !usable) return tl::unexpected(usable.error());
    serving->dialects = std::move(*dialects);
    auto checkpoint = last_checkpoint(program.paths);
    if (!checkpoint) return tl::unexpected(checkpoint.error());
    auto officers = load_officers(program);
    if (!officers) return tl::unexpected(officers.error());

    ByteArray<8> seed;
    serving->random.fill(seed);
    auto recovered = recover(program.paths, *checkpoint, load_le<std::uint64_t>(seed.data()));
    if (!recovered) return tl::unexpected(recovered.error());
    serving->recovered.emplace(std::move(*recovered));
    save_snapshot_if_due(program.paths, *serving->recovered, program.config.auditor.snapshot_every_entries);
    auto routing = routing::load(program.config, routing::routes_file(program.paths));
    if (!routing) return tl::unexpected(routing.error());
    if (auto usable = check_codes(*routing, program.config, serving->dialects); !usable) return tl::unexpected(usable.error());
    for (const std::string& named : useless_in_key_classes(program.config, serving->recovered->state))
        log::warn("[[key_class]]: '{}' names terminals with DUKPT alone, which have no session keys: it does nothing", named);
    switching::Policy policy{program.config, std::move(*officers)};
    policy.routing = std::move(*routing);
    using enum iso8583::PartialReversal;
    for (std::size_t i = 0; i < serving->dialects.size(); ++i)
        if (serving->dialects[i].partial_reversal == amount_reversed) policy.one_part_dialects.insert(static_cast<std::uint8_t>(i));
    for (const auto& link : program.config.links) {
        const auto how = serving->dialects[config::dialect_number(program.config, link.dialect)].partial_reversal;
        if (how == none) policy.whole_reversals_only.insert(link.number);
        if (how == amount_reversed) policy.one_part_links.insert(link.number);
    }
    serving->core.emplace(serving->recovered->state, std::move(policy), serving->random,
                          [paths = program.paths](std::uint64_t seq) { return read_payment(paths, seq); });

    for (const auto& [number, outstanding] : serving->recovered->state.outstanding_of_links())
        if (config::find_link(program.config, number) == nullptr)
            log::warn("{} payments are outstanding at link {}, which etc/conf.d has no more: giro saf list --link {}", outstanding, number + 1, number + 1);
    if (serving->core->note_routing(serving->clock.wall_ns())) log::info("the routing table is another than at the last start");

    auto vault = vault::Client::connect(program.loop, program.context, program.paths.run(), bus::caller::kSwitch);
    if (!vault) return tl::unexpected(vault.error());
    serving->vault = std::move(*vault);
    serving->pipeline = std::make_unique<Pipeline>(program, *serving->core, serving->recovered->journal, *serving->vault,
                                                   serving->dialects, serving->clock, serving->random);
    serving->commands = std::make_unique<Commands>(program, *serving->core, *serving->pipeline, serving->clock);
    if (auto opened = serving->pipeline->open(); !opened) return tl::unexpected(opened.error());
    if (auto opened = serving->commands->open(); !opened) return tl::unexpected(opened.error());
    serving->timer = std::make_unique<bus::Timer>(program.loop, [raw = serving.get()] { raw->pipeline->tick(); });
    serving->timer->every(kTick_ms);
    serving->at_end = [&program, raw = serving.get()] {
        save_snapshot_if_due(program.paths, *raw->recovered, program.config.auditor.snapshot_every_entries);
    };
    return serving;
}

}  // namespace giro::appliance
