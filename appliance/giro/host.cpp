// `giro host`: the issuer host simulator. Listens where the configuration says a link's host is, or connects to a link that
// listens. Holds the link's terminal master key (demo/terminals/LNK00001.tmk).
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "appliance/giro/command.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/host_scenario_file.hpp"
#include "appliance/giro/host_server.hpp"
#include "appliance/giro/pin_key.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/pos_scenario.hpp"
#include "appliance/giro/pos_station.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/log.hpp"
#include "vault/mac_kinds.hpp"

namespace giro::cli {

namespace {
constexpr std::size_t kConnectionsMax = 64;

// Appends what was seen, by one write(2) of whole lines, and gives back what earlier runs saw.
class StateFile {
  public:
    static Result<std::unique_ptr<StateFile>> open(const std::string& path, host::Issuer& issuer) {
        bool torn = false;  // by an end in mid-write
        std::ifstream before(path);
        for (std::string line; std::getline(before, line);) {
            torn = before.eof();
            if (const auto seen = host::from_json(line)) issuer.remember(*seen);
        }
        if (before.bad()) return fail(Failure::Kind::refused, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
        const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0) return fail(Failure::Kind::config, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
        auto file = std::make_unique<StateFile>(fd);
        if (torn) file->m_lines += '\n';
        return file;
    }
    explicit StateFile(int fd) noexcept : m_fd(fd) {}
    ~StateFile() { ::close(m_fd); }
    StateFile(const StateFile&) = delete;
    StateFile& operator=(const StateFile&) = delete;
    void add(const host::Seen& seen) {
        host::append_json(m_lines, seen);
        m_lines += '\n';
    }
    // What was added since. False when the disk does not take it: the host must stop rather than forget.
    [[nodiscard]] bool write() {
        const bool written = ::write(m_fd, m_lines.data(), m_lines.size()) == static_cast<ssize_t>(m_lines.size());
        m_lines.clear();
        return written;
    }

  private:
    int m_fd;
    std::string m_lines;
};

// One line on the terminal, written over twice a second.
class Progress {
  public:
    explicit Progress(const host::Issuer& issuer) : m_issuer(issuer), m_shown(::isatty(STDERR_FILENO) != 0) {}
    void show(double seconds) {
        if (!m_shown) return;
        const host::Totals& t = m_issuer.totals();
        const std::uint64_t messages = t.purchases + t.advices + t.reversals + t.repeats;
        fmt::print(stderr, "\r\033[K{:6.1f} s  {:>9} messages  {:>7.0f}/s  {:>7} declined  {:>7} reversals  {:>7} advices  {:>7} unanswered", seconds,
                   messages, static_cast<double>(messages - m_messages) / std::max(seconds - m_at, 0.001), t.declined, t.reversals, t.advices, t.unanswered);
        m_messages = messages;
        m_at = seconds;
    }
    void clear() const {
        if (m_shown) fmt::print(stderr, "\r\033[K");
    }

  private:
    const host::Issuer& m_issuer;
    const bool m_shown;
    std::uint64_t m_messages = 0;
    double m_at = 0;
};

// What the arguments say of the link's host.
struct Setting {
    std::unique_ptr<pos::Equipment> equipment;
    iso8583::Dialect dialect;
    net::Framing framing;
    config::Address address;
    Secret tmk;
    host::Options options;
    std::optional<pos::TlsContext> tls;  // nothing: plain
};

// A certificate and its key make it TLS; a link that is TLS has to have them.
Result<std::optional<pos::TlsContext>> tls_of(const Args& args, const config::Link& link) {
    const bool given = args.given("--tls-cert");
    if (given != args.given("--tls-key")) return fail(Failure::Kind::config, "--tls-cert and --tls-key belong together");
    if (!given && args.given("--ca")) return fail(Failure::Kind::config, "--ca is for TLS: give --tls-cert and --tls-key, too");
    if (!given && link.tls)
        return fail(Failure::Kind::config, fmt::format("link {} is TLS: give --tls-cert and --tls-key, of a certificate for {}", link.name, link.tls->peer));
    if (!given) return std::nullopt;
    const std::filesystem::path ca = args.given("--ca") ? std::filesystem::path(args.text("--ca")) : args.paths().pub() / "ca.pem";
    auto context = pos::TlsContext::load({args.text("--tls-cert"), args.text("--tls-key"), ca});
    if (!context) return tl::unexpected(context.error());
    return std::optional(std::move(*context));
}

Result<host::Scenario> scenario_of(const Args& args) {
    if (!args.given("--scenario")) return host::bank();
    return host::load_scenario(args.text("--scenario"));
}

Result<Setting> setting_of(const Args& args) {
    auto equipment = pos::load_equipment(args.paths());
    if (!equipment) return tl::unexpected(equipment.error());
    const config::Config& config = (*equipment)->config;
    const auto link = number_of(args, "--link", 1, 9999);
    if (!link) return tl::unexpected(link.error());
    const auto* one = config::find_link(config, static_cast<std::uint16_t>(*link - 1));
    if (one == nullptr) return fail(Failure::Kind::config, fmt::format("the configuration has no link with id = {}", *link));
    if (args.given("--listen") && args.given("--connect")) return fail(Failure::Kind::config, "--listen and --connect exclude each other");
    Result<config::Address> address = one->addresses.front();
    for (const char* option : {"--listen", "--connect"})
        if (args.given(option)) address = pos::parse_address(args.text(option));
    if (!address) return tl::unexpected(address.error());
    std::string name = args.given("--dialect") ? args.text("--dialect") : one->dialect;
    if (name.empty()) name = config.gate.dialect;
    auto dialect = iso8583::load_dialect(args.paths().dialects() / (name + ".toml"));
    if (!dialect) return tl::unexpected(dialect.error());
    const auto framing = args.given("--framing") ? pos::framing_of(args.text("--framing")) : one->framing;
    if (!framing) return tl::unexpected(framing.error());
    const TerminalId key_name(fmt::format("LNK{:05}", *link));
    auto tmk = pos::load_terminal_key(demo::terminal_key_file(args.paths().demo(), key_name.view()));
    if (!tmk) return tl::unexpected(tmk.error());
    auto scenario = scenario_of(args);
    if (!scenario) return tl::unexpected(scenario.error());
    host::Options options;
    options.scenario = std::move(*scenario);
    options.tmk = Secret(Buffer(tmk->reveal().begin(), tmk->reveal().end()));
    options.mac = vault::MacKinds(config.mac.x9_19, config.mac.hmac_sha_256).of(key_name);
    if (!one->pin_key.empty())  // one that the demo did not make is another's: PINs under it stay unread
        if (auto zone_key = pos::load_pin_key(args.paths().demo(), one->pin_key)) options.zone_key = std::move(*zone_key);
    auto tls = tls_of(args, *one);
    if (!tls) return tl::unexpected(tls.error());
    return Setting{std::move(*equipment), std::move(*dialect), *framing, *address, std::move(*tmk), std::move(options), std::move(*tls)};
}

Result<void> run_host(const Args& args) {
    auto setting = setting_of(args);
    if (!setting) return tl::unexpected(setting.error());
    const auto connections = number_of(args, "--connections", 1, kConnectionsMax);
    if (!connections) return tl::unexpected(connections.error());
    const vault::MacKind mac = setting->options.mac;
    const std::uint64_t disconnect_each_s = setting->options.scenario.bad.disconnect_each_s;
    host::Issuer issuer(setting->dialect, pos::MacKey(setting->tmk, {}, mac), std::move(setting->options));
    host::Server::Options options{setting->framing, disconnect_each_s, {}, {}, {}};
    std::unique_ptr<StateFile> state;
    if (args.given("--state")) {
        auto opened = StateFile::open(args.text("--state"), issuer);
        if (!opened) return tl::unexpected(opened.error());
        state = std::move(*opened);
        options.keep = [&state](const host::Seen& seen) { state->add(seen); };
        options.kept = [&state] { return state->write(); };
    }
    Progress progress(issuer);
    if (!args.json()) options.progress = [&progress](double seconds) { progress.show(seconds); };
    host::Server server(issuer, std::move(options));
    ssl_ctx_st* tls = setting->tls ? setting->tls->handle() : nullptr;
    if (args.given("--connect")) server.connect(setting->address, *connections, tls);
    else if (auto listens = server.listen(setting->address, tls); !listens) return listens;
    auto done = server.run();
    progress.clear();
    fmt::print("{}", args.json() ? to_json(issuer.totals()) + "\n" : to_text(issuer.totals()));
    return done;
}
}  // namespace

std::vector<Command> host_commands() {
    using enum Option::Kind;
    return {{"host",
             "a bank's own host that a link goes to: approves, declines and misbehaves by a scenario",
             {
                 {"--link", "id of the link in the configuration", number, "1", false},
                 {"--scenario", "what it does; firmware-config/scenarios/host-*.toml has some; default: as host-bank.toml", text, "", false},
                 {"--listen", "address:port; default: the link's", text, "", false},
                 {"--connect", "address:port of a link that listens, in place of listening", text, "", false},
                 {"--connections", "so many, with --connect", number, "1", false},
                 {"--tls-cert", "file: TLS 1.3 with this certificate (PEM); the box wants it to bear the link's peer", text, "", false},
                 {"--tls-key", "file: its key", text, "", false},
                 {"--ca", "file: who issued the box's certificate, and whoever has one of these is taken for the box; default: pub/ca.pem", text, "", false},
                 {"--dialect", "name of a file in etc/dialects; default: the link's", text, "", false},
                 {"--framing", "words with commas such as ascii4,etx-lrc,counts-length; default: the link's", text, "", false},
                 {"--state", "file to append what was seen to, as JSON lines; read at start", text, "", false},
             },
             run_host}};
}

}  // namespace giro::cli
