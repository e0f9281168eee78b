// giro doctor: everything a box needs from its machine and its own folders, one line each: good, or what is wrong and
// what to do. Reads and tries ports; changes nothing. Ends with the worst finding's exit status.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>

#include <nlohmann/json.hpp>

#include "appliance/giro/box.hpp"
#include "appliance/giro/journal_check.hpp"
#include "appliance/giro/supervisor.hpp"
#include "appliance/snapshot_file.hpp"
#include "journal/journal.hpp"
#include "util/environment.hpp"
#include "vault/bundle.hpp"

namespace giro::cli {

namespace {
namespace fs = std::filesystem;
using Kind = Failure::Kind;
constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";
constexpr std::uintmax_t kDiskFreeBytesMin = std::uintmax_t{1} << 30;  // about two million payments
constexpr std::uint64_t kReleased_ns = 1'760'000'000ULL * 1'000'000'000ULL;  // no honest clock is before October 2025

struct Box {
    config::Paths paths;
    std::optional<config::Config> config;
    std::optional<int> up;
};
using Finding = Result<std::string>;  // good, and what was found; or what is wrong and what to do

Finding check_config_file(const Box& box) {
    auto config = config::load(box.paths.config_file());
    if (!config) return tl::unexpected(config.error());
    if (auto dialects = load_dialects(box.paths, *config); !dialects) return tl::unexpected(dialects.error());
    return fmt::format("{} and its dialects ({}) are good", box.paths.config_file().string(), fmt::join(config::dialects_of(*config), ", "));
}

Finding check_module(const Box&) {
    void* module = ::dlopen(kSoftHsm, RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) return fail(Kind::not_provisioned, fmt::format("{} does not load; apt-get install softhsm2", kSoftHsm));
    ::dlclose(module);
    return std::string(kSoftHsm);
}

Finding check_programs(const Box& box) {
    const auto names = box.config ? programs_of(*box.config) : std::vector<std::string>(kPrograms.begin(), kPrograms.end());
    for (const auto& name : names)
        if (const auto program = programs_folder() / fmt::format("giro-{}", name); ::access(program.c_str(), X_OK) != 0)
            return fail(Kind::config, fmt::format("{} is missing; install giro whole", program.string()));
    return fmt::format("{} in {}", names.size(), programs_folder().string());
}

Finding check_folders(const Box& box) {
    for (const fs::path& folder : {box.paths.root, box.paths.vault(), box.paths.run(), box.paths.journal().parent_path()}) {
        struct stat info {};
        if (::stat(folder.c_str(), &info) != 0) return fail(Kind::not_provisioned, fmt::format("{} is missing; run: giro init", folder.string()));
        if ((info.st_mode & 077) != 0)
            return fail(Kind::config, fmt::format("{} is open to others (mode {:o}); chmod 700 {}", folder.string(), info.st_mode & 07777U, folder.string()));
    }
    return std::string("0700");
}

Finding check_keys(const Box& box) {
    const auto bundle = vault::load_bundle(box.paths.pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    struct stat info {};
    const auto pin = box.paths.vault() / "pin";
    if (::stat(pin.c_str(), &info) != 0) return fail(Kind::not_provisioned, fmt::format("{} is missing; run: giro init", pin.string()));
    if ((info.st_mode & 077) != 0) return fail(Kind::config, fmt::format("{} can be read by others; chmod 600 {}", pin.string(), pin.string()));
    return fmt::format("{} participants' keys in the bundle", bundle->participants.size());
}

bool can_listen(const config::Address& address) {
    const bool v6 = address.host.find(':') != std::string::npos;
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    four.sin_family = AF_INET;
    six.sin6_port = four.sin_port = htons(address.port);
    if (::inet_pton(v6 ? AF_INET6 : AF_INET, address.host.c_str(), v6 ? static_cast<void*>(&six.sin6_addr) : &four.sin_addr) != 1) return false;
    const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool bound = v6 ? ::bind(fd, reinterpret_cast<sockaddr*>(&six), sizeof six) == 0
                          : ::bind(fd, reinterpret_cast<sockaddr*>(&four), sizeof four) == 0;
    const bool listens = bound && ::listen(fd, 1) == 0;
    ::close(fd);
    return listens;
}

Finding check_ports(const Box& box) {
    if (!box.config) return fail(Kind::config, "not checked: the configuration is not good");
    if (box.up) return fmt::format("held by the running box (pid {})", *box.up);
    std::vector<const config::Address*> addresses = {&box.config->gate.terminals, &box.config->gate.terminals_tls, &box.config->gate.wallets};
    for (const config::Port& port : box.config->ports) addresses.push_back(&port.address);
    for (const config::Link& link : box.config->links)
        if (link.inbound) addresses.push_back(&link.addresses.front());
    if (box.config->explorer) addresses.push_back(&box.config->explorer->listen);
    for (const auto* address : addresses)
        if (!can_listen(*address))
            return fail(Kind::try_again, fmt::format("{}:{} cannot be listened on; free it (ss -ltnp shows who has it) or change [gate], [[port]], [explorer] or a link in {}",
                                                     address->host, address->port, box.paths.config_file().parent_path().string()));
    return std::string("free");
}

Finding check_disk(const Box& box) {
    std::error_code error;
    const auto space = fs::space(box.paths.root, error);
    if (error) return fail(Kind::refused, fmt::format("{}: {}", box.paths.root.string(), error.message()));
    if (space.available < kDiskFreeBytesMin)
        return fail(Kind::try_again, fmt::format("only {} MB free under {}; make room", space.available >> 20, box.paths.root.string()));
    return fmt::format("{} MB free", space.available >> 20);
}

Finding check_journal_file(const Box& box) {
    const auto checked = check_journal(box.paths);
    if (checked) return fmt::format("{} entries, whole; {}", checked->report.entries, checkpoint_words(checked->checkpoints));
    if (checked.error().kind == Kind::not_provisioned && fs::exists(box.paths.pub() / "bundle.json")) return std::string("none yet");
    return tl::unexpected(checked.error());
}

// What the switch could not start from it keeps: damaged, or another's. The journal's replay has made its state good again,
// but somebody should know that it happened.
Finding check_snapshot(const Box& box) {
    const fs::path file = appliance::snapshot_file(box.paths.journal().parent_path());
    const fs::path refused = file.string() + ".refused";
    std::error_code error;
    if (fs::exists(refused, error))
        return fail(Kind::refused, fmt::format("{} could not be used, and the whole journal was replayed instead; log/giro-switch.log says why; "
                                               "then remove it", refused.string()));
    return std::string(fs::exists(file, error) ? "none was refused" : "none yet");
}

Finding check_clock(const Box& box) {
    const auto now_ns = SystemClock{}.wall_ns();
    if (now_ns < kReleased_ns) return fail(Kind::config, fmt::format("the clock says {}; set it (timedatectl)", iso8601_utc(now_ns)));
    std::uint64_t last_ns = 0;
    if (fs::exists(box.paths.journal())) {
        auto reader = journal::JournalReader::open(box.paths.journal());
        if (!reader) return tl::unexpected(reader.error());
        const auto head = reader->head();
        if (!head) return tl::unexpected(head.error());
        const auto read = reader->read_from(std::max<std::uint64_t>(1, head->seq), 1, [&](const journal::Entry& e) -> Result<void> {
            last_ns = e.time_ns;
            return {};
        });
        if (!read) return tl::unexpected(read.error());
    }
    if (now_ns < last_ns) return fail(Kind::config, fmt::format("the clock says {}, but the last journal entry is of {}; set it", iso8601_utc(now_ns), iso8601_utc(last_ns)));
    return iso8601_utc(now_ns);
}

struct Check {
    const char* name;
    Finding (*run)(const Box&);
};
constexpr Check kChecks[] = {
    {"configuration", check_config_file}, {"pkcs11 module", check_module}, {"programs", check_programs}, {"folders", check_folders},
    {"keys", check_keys},                 {"ports", check_ports},          {"disk", check_disk},         {"journal", check_journal_file},
    {"snapshot", check_snapshot},         {"clock", check_clock},
};
}  // namespace

Result<void> examine(const Args& args) {
    Box box{args.paths(), std::nullopt, pid_of_up(args.paths())};
    if (auto config = config::load(args.paths().config_file())) box.config = *config;
    nlohmann::json report = nlohmann::json::array();
    std::optional<Failure> worst;
    std::size_t wrong = 0;
    for (const Check& check : kChecks) {
        const Finding finding = check.run(box);
        if (!finding) {
            ++wrong;
            if (!worst || finding.error().kind == Kind::integrity) worst = finding.error();
        }
        const std::string& text = finding ? *finding : finding.error().what;
        report.push_back({{"check", check.name}, {"ok", finding.has_value()}, {"finding", text}});
        if (!args.json()) fmt::print("{} {:<14} {}\n", finding ? "ok   " : "WRONG", check.name, text);
    }
    if (args.json()) fmt::print("{}\n", nlohmann::json{{"ok", wrong == 0}, {"checks", report}}.dump());
    if (!worst) return {};
    return fail(worst->kind, fmt::format("{} of {} checks found something wrong, as said above", wrong, std::size(kChecks)));
}

}  // namespace giro::cli
