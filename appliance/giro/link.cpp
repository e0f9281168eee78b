// giro link list|down|up: the links to issuers' hosts, taken down by hand for planned maintenance and brought up again. The
// switch does it (link_health.hpp); here it is asked for, and looked at until it is done. Hostile: nothing.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "appliance/giro/command.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/switch_client.hpp"
#include "bus/admin_messages.hpp"
#include "util/archive.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;
constexpr std::uint64_t kWaitMax_s = 3'600;
constexpr std::chrono::milliseconds kLookEvery{100};

// What the switch says of every link; by bus::MessageType::box_status.
Result<json> links_of(const Args& args) {
    const auto body = tell_switch(args.paths(), bus::MessageType::box_status, {});
    if (!body) return tl::unexpected(body.error());
    json status = json::parse(as_text(*body), nullptr, false);
    if (!status.is_object() || !status.value("links", json()).is_array()) return fail(Failure::Kind::try_again, "the switch's answer does not decode");
    return status["links"];
}

void print(const json& link) {
    const std::string state = link.value("state", "?");
    const std::string day = link.value("cut_over_day", "");
    fmt::print("{:>5} {:<20} {:<22} {:>11} {:>9} {:>11}  {}\n", link.value("id", 0), link.value("name", "?"),
               state == "up" && !link.value("up", false) ? "no session key" : state, link.value("connections", 0), link.value("in_flight", 0),
               link.value("outstanding", 0), day.empty() ? "never" : day);
}

Result<void> list(const Args& args) {
    const auto links = links_of(args);
    if (!links) return tl::unexpected(links.error());
    if (args.json()) {
        fmt::print("{}\n", links->dump());
        return {};
    }
    fmt::print("{:>5} {:<20} {:<22} {:>11} {:>9} {:>11}  {}\n", "id", "link", "state", "connections", "in flight", "outstanding", "last cut-over");
    for (const json& link : *links) print(link);
    return {};
}

// By its name or its id, of the configuration that the command reads.
Result<config::Link> link_named(const Args& args) {
    auto config = config::load(args.paths().config_file());
    if (!config) return tl::unexpected(config.error());
    const std::string name = args.text("link");
    const auto same = [&](const config::Link& link) { return link.name == name || std::to_string(link.number + 1) == name; };
    const auto found = std::ranges::find_if(config->links, same);
    if (found == config->links.end()) return fail(Failure::Kind::config, fmt::format("there is no link '{}' in etc/conf.d", name));
    return *found;
}

Result<void> told(const Args& args, const config::Link& link, const json& now) {
    if (args.json()) fmt::print("{}\n", now.dump());
    else fmt::print("link {} is {}\n", link.name, now.value("state", "?"));
    return {};
}

// Until it is down, or up; a host that is away keeps a link from coming up for as long as it is, so that is no failure of the
// command's.
Result<void> change(const Args& args, bool down) {
    const auto link = link_named(args);
    if (!link) return tl::unexpected(link.error());
    const auto wait_s = number_of(args, "--wait", 0, kWaitMax_s);
    if (!wait_s) return tl::unexpected(wait_s.error());
    const std::string why = args.text("--why");
    if (why.size() > sizeof(bus::LinkChange::why)) return fail(Failure::Kind::config, "--why: at most 64 characters");
    const Buffer body = encode(bus::LinkChange{link->number, down, FixedText<64>(why)});
    if (auto said = tell_switch(args.paths(), bus::MessageType::link_set, body); !said) return tl::unexpected(said.error());
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(*wait_s);
    for (;;) {
        const auto links = links_of(args);
        if (!links) return tl::unexpected(links.error());
        const auto now = std::find_if(links->begin(), links->end(), [&](const json& one) { return one.value("id", 0) == link->number + 1; });
        if (now == links->end()) return fail(Failure::Kind::refused, fmt::format("the running switch has no link {}", link->name));
        const bool done = down ? now->value("state", "") == "taken down" : now->value("up", false);
        if (done || (!down && std::chrono::steady_clock::now() >= until)) return told(args, *link, *now);
        if (std::chrono::steady_clock::now() >= until)
            return fail(Failure::Kind::try_again,
                        fmt::format("link {} is taken down for payments, but {} wait for its host still", link->name, now->value("in_flight", 0)));
        std::this_thread::sleep_for(kLookEvery);
    }
}
}  // namespace

std::vector<Command> link_commands() {
    using enum Option::Kind;
    const Option link{"link", "its name or its id (etc/conf.d)", text, "", true};
    const Option wait{"--wait", "seconds to wait until it is done", number, "15"};
    return {{"link list", "every link to an issuer's host and how it is", {}, list},
            {"link down",
             "for planned maintenance: nothing new goes to its host, what is under way is answered, then the host is signed off from; "
             "stays so over restarts",
             {link, {"--why", "for the journal, at most 64 characters", text, "", true}, wait},
             [](const Args& args) { return change(args, true); }},
            {"link up",
             "the host of a link that was taken down is signed on to again, and hears what it is owed",
             {link, {"--why", "for the journal, at most 64 characters", text, ""}, wait},
             [](const Args& args) { return change(args, false); }}};
}

}  // namespace giro::cli
