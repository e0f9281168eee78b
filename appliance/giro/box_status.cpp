// giro status: the supervisor's own file, and one question each to switch, chain and vault. A program that does not
// answer within a moment is shown as such; status itself fails only where no box was set up.
#include <fmt/format.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "appliance/giro/box.hpp"
#include "bus/admin_messages.hpp"
#include "bus/endpoint.hpp"
#include "bus/messages.hpp"
#include "util/archive.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "vault/client.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;
constexpr std::uint64_t kAskMs = 1000;

json parse_or_null(Bytes text) {
    json out = json::parse(as_text(text), nullptr, false);
    return out.is_discarded() ? json() : out;
}

// The reply's body, or nothing when there is no answer or it is not ok.
std::optional<Buffer> ask(const std::filesystem::path& endpoint, bus::MessageType type) {
    if (!std::filesystem::exists(endpoint)) return std::nullopt;
    auto client = bus::SyncClient::connect(endpoint);
    if (!client) return std::nullopt;
    auto reply = client->call(static_cast<std::uint16_t>(type), {}, kAskMs);
    if (!reply || reply->status != bus::Status::ok) return std::nullopt;
    return std::move(reply->body);
}

// Resident memory of a process in kilobytes; 0 when it is gone.
std::uint64_t resident_kb(int pid) {
    std::ifstream in(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
    return 0;
}

json programs_of(const config::Paths& paths) {
    const auto file = read_file(paths.run() / "up.json", 1U << 16);
    json state = file ? parse_or_null(*file) : json();
    if (!state.contains("programs")) return json::array();
    for (auto& program : state["programs"]) {
        const int pid = program.value("pid", 0);
        if (pid != 0) program["resident_kb"] = resident_kb(pid);
    }
    return state["programs"];
}

json gather(const config::Paths& paths) {
    json out;
    const auto up = pid_of_up(paths);
    out["up"] = up.has_value();
    out["pid"] = up.value_or(0);
    if (!up) return out;
    out["programs"] = programs_of(paths);
    if (const auto body = ask(paths.endpoint("switch", "admin"), bus::MessageType::box_status)) out["switch"] = parse_or_null(*body);
    if (const auto body = ask(paths.endpoint("chain", "admin"), bus::MessageType::chain_tip))
        if (const auto tip = decode<bus::ChainTip>(*body))
            out["chain"] = {{"height", tip->height}, {"block_hash", to_hex_reversed(tip->block_hash)}, {"producing", tip->producing != 0},
                            {"trouble", tip->trouble.view()}};
    if (const auto present = token_present(paths)) out["token_present"] = *present;
    return out;
}

std::string link_words(const json& link) {
    const std::string state = link.value("state", "?");
    const bool up = link.value("up", false);
    std::string words = fmt::format("{} {}", link.value("name", "?"), up ? "up" : state == "up" ? "DOWN: no session key" : "DOWN: " + state);
    if (const auto refused = link.value("sign_on_refused", std::string()); !refused.empty()) words += fmt::format(", refused with {}", refused);
    if (const auto for_s = link.value("for_s", -1); for_s >= 0) words += fmt::format(", for {} s", for_s);
    const auto connections = link.value("connections", 0);
    words += fmt::format(", {} connection{}, {} in flight{}", connections, connections == 1 ? "" : "s", link.value("in_flight", 0),
                         link.value("busy", false) ? " (as many as may)" : "");
    if (const auto heard = link.value("heard_s_ago", -1); heard >= 0) words += fmt::format(", heard {} s ago", heard);
    if (const auto outstanding = link.value("outstanding", std::uint64_t{0}); outstanding != 0) words += fmt::format(", {} outstanding", outstanding);
    if (const auto day = link.value("cut_over_day", std::string()); !day.empty()) words += fmt::format(", last cut-over on {}", day);
    if (link.value("echo_ms", 0.0) > 0) words += fmt::format(", last echo {:.1f} ms", link.value("echo_ms", 0.0));
    return words;
}

// In words; how long each stage took is for programs (--json).
void print_switch(const json& fields) {
    for (const auto& [key, value] : fields.items()) {
        if (key == "stages") continue;
        if (key == "outstanding_since_unix_s") {
            if (const auto since_s = value.get<std::uint64_t>(); since_s != 0)
                fmt::print("{:<22} {}; all that came after it stays in memory\n", "oldest outstanding",
                           iso8601_utc(since_s * 1'000'000'000));
            continue;
        }
        std::string words = value.is_boolean() ? (value.get<bool>() ? "yes" : "no") : value.dump();
        if (key == "links") {
            words = value.empty() ? "none" : "";
            for (const auto& link : value) words += (words.empty() ? "" : fmt::format("\n{:<22} ", "")) + link_words(link);
        }
        if (key == "saf") {
            const auto number = [&value = value](const char* of) { return value.value(of, std::int64_t{0}); };
            words = fmt::format("{} owed to issuers, {} parked; stood in {}, refused {} (sum {}), expired {} (sum {})", number("owed"), number("parked"),
                                number("stood_in"), number("refused"), number("refused_sum"), number("expired"), number("expired_sum"));
            for (const auto& link : value.value("removed_links", json::array()))
                words += fmt::format("; {} owed to link {}, which etc/conf.d has no more", link.value("outstanding", 0), link.value("id", 0));
        }
        fmt::print("{:<22} {}\n", key == "vault" ? "vault answers" : key, words);
    }
}

void print_text(const json& status, const config::Paths& paths) {
    if (!status["up"].get<bool>()) {
        fmt::print("the box in {} is down; start it with: giro up --dir {}\n", paths.root.string(), paths.root.string());
        return;
    }
    fmt::print("{:<10} {:<11} {:>8} {:>9} {:>11}\n", "program", "state", "pid", "restarts", "memory kB");
    for (const auto& p : status["programs"])
        fmt::print("{:<10} {:<11} {:>8} {:>9} {:>11}\n", p.value("name", ""), p.value("state", ""), p.value("pid", 0),
                   p.value("restarts", 0), p.value("resident_kb", 0));
    if (status.contains("switch"))
        print_switch(status["switch"]);
    else fmt::print("{:<22} {}\n", "switch", "does not answer");
    if (status.contains("chain")) {
        const json& chain = status["chain"];
        const auto trouble = chain["trouble"].get<std::string>();
        fmt::print("{:<22} height {}, {}{}{}\n", "chain", chain["height"].get<std::uint32_t>(), chain["block_hash"].get<std::string>(),
                   chain["producing"].get<bool>() ? ", grinding a block" : "", trouble.empty() ? "" : "; no block is made: " + trouble);
    } else {
        fmt::print("{:<22} {}\n", "chain", "does not answer");
    }
    fmt::print("{:<22} {}\n", "token", !status.contains("token_present") ? "the vault does not answer"
                                       : status["token_present"].get<bool>() ? "present" : "ABSENT: payments are refused until it is back");
}
}  // namespace

std::optional<bool> token_present(const config::Paths& paths) {
    const auto body = ask(paths.endpoint("vault", "admin"), bus::MessageType::vault_status);
    const auto status = body ? vault::decode<vault::VaultStatus::Reply>(*body) : std::nullopt;
    return status ? std::optional(status->token_present) : std::nullopt;
}

Result<void> show_status(const Args& args) {
    if (auto config = config::load(args.paths().config_file()); !config) return tl::unexpected(config.error());
    const json status = gather(args.paths());
    if (args.json()) fmt::print("{}\n", status.dump());
    else print_text(status, args.paths());
    return {};
}

}  // namespace giro::cli
