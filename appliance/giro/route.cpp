// giro route explain|list|apply: which way a payment would go and why, read from the files that the switch reads, so it can
// be asked before the switch takes a change of them. Whether a link is up the running switch says. Hostile: the code of a QR that
// somebody pastes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "appliance/giro/command.hpp"
#include "appliance/giro/settlement_read.hpp"
#include "appliance/giro/switch_client.hpp"
#include "bus/admin_messages.hpp"
#include "qr/cpm.hpp"
#include "routing/file.hpp"
#include "util/archive.hpp"
#include "util/bytes.hpp"

namespace giro::cli {

namespace {
using json = nlohmann::ordered_json;
using routing::Routing;
using routing::Rule;
using routing::Target;

// What the two files of the box say.
struct Box {
    config::Config config;
    Routing routing;
};

Result<Box> load_box(const Args& args) {
    auto config = config::load(args.paths().config_file());
    if (!config) return tl::unexpected(config.error());
    auto routing = routing::load(*config, routing::routes_file(args.paths()));
    if (!routing) return tl::unexpected(routing.error());
    return Box{std::move(*config), std::move(*routing)};
}

// "14:05" of the table's own time, or now.
Result<std::uint16_t> minute_asked(const Args& args, const Routing& routing) {
    if (!args.given("--at")) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        return routing.minute_of_day(static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count()));
    }
    const auto minute = routing::parse_clock(args.text("--at"));
    if (!minute) return fail(Failure::Kind::config, fmt::format("--at {}: a time of day is like 14:05", args.text("--at")));
    return *minute;
}

// The links' names that are up; nothing when the switch does not answer.
std::optional<std::vector<std::string>> links_up(const config::Paths& paths) {
    const auto body = tell_switch(paths, bus::MessageType::box_status, {});
    const auto status = body ? nlohmann::json::parse(as_text(*body), nullptr, false) : nlohmann::json();
    if (!status.contains("links")) return std::nullopt;
    std::vector<std::string> up;
    for (const auto& link : status["links"])
        if (link.value("up", false)) up.push_back(link.value("name", ""));
    return up;
}

json to_json(const Target& target, const Box& box, const std::optional<std::vector<std::string>>& up) {
    if (target.kind == Target::Kind::decline) return {{"to", "decline"}};
    if (target.kind == Target::Kind::on_us) return {{"to", "on-us"}, {"participant", target.participant}};
    const config::Link* link = config::find_link(box.config, target.link);
    ASSERT(link != nullptr);
    json out{{"to", link->name}, {"participant", target.participant}, {"up", nullptr}};
    if (up) out["up"] = std::ranges::find(*up, link->name) != up->end();
    return out;
}

std::string words(const json& target) {
    const auto to = target["to"].get<std::string>();
    if (to == "decline") return "declined, as the route says (15)";
    if (to == "on-us") return fmt::format("this box: participant {}'s cards", target["participant"].get<std::uint32_t>());
    if (target["up"].is_null()) return to;
    return to + (target["up"].get<bool>() ? " (up)" : " (DOWN)");
}

// `out`: what pays.
json explain_query(const Box& box, json out, const routing::Query& query, const config::Paths& paths) {
    out["amount"] = query.amount.minor;
    out["currency"] = query.amount.currency;
    out["merchant"] = query.merchant;
    out["time"] = routing::clock_text(query.minute_of_day);
    out["asked"] = json::array();
    out["goes_to"] = json::array();
    const auto steps = box.routing.table.explain(query);
    for (const auto& step : steps)
        out["asked"].push_back({{"route", step.rule->name},
                                {"range", step.aid.empty() ? routing::to_string(step.range) : step.aid},
                                {"origin", step.rule->origin},
                                {"why_not", step.why_not}});
    if (steps.empty() || !steps.back().why_not.empty()) return out;
    const Rule& rule = *steps.back().rule;
    const bool has_link = rule.to.front().kind == Target::Kind::link;
    const auto up = has_link ? links_up(paths) : std::nullopt;
    for (const Target& target : rule.to) out["goes_to"].push_back(to_json(target, box, up));
    return out;
}

void print(const json& found) {
    fmt::print("{} {}, {} of currency {:03} at {}{}\n", found.contains("card") ? "card" : "code", found.begin()->get<std::string>(),
               money(found["amount"].get<MinorUnits>()), found["currency"].get<Currency>(), found["time"].get<std::string>(),
               found["merchant"].get<std::string>().empty() ? "" : ", merchant " + found["merchant"].get<std::string>());
    for (const auto& step : found["asked"]) {
        const auto why_not = step["why_not"].get<std::string>();
        fmt::print("  {:<16} {:<23} {:<30} {}\n", step["route"].get<std::string>(), step["range"].get<std::string>(),
                   why_not.empty() ? "takes it" : "no: " + why_not, step["origin"].get<std::string>());
    }
    std::vector<std::string> ways;
    for (const auto& target : found["goes_to"]) ways.push_back(words(target));
    fmt::print("goes to: {}\n", ways.empty() ? "nobody (15, no route)" : fmt::format("{}", fmt::join(ways, ", then ")));
}

// What a customer or a shop shows, of this box's scheme: it is paid on the box's own ledger.
Result<void> explain_own_code(const Args& args, std::string_view shown, const Box& box) {
    if (args.json()) fmt::print("{}\n", json{{"code", shown}, {"goes_to", {{{"to", "on-us"}, {"participant", box.config.wallet_participant}}}}}.dump());
    else fmt::print("{} of {}\ngoes to: this box, wallets of participant {}\n", shown, qr::kGiroIdentifier, box.config.wallet_participant);
    return {};
}

Result<void> explain_payment(const Args& args, const Box& box, json what, routing::Query query) {
    const auto minute = minute_asked(args, box.routing);
    if (!minute) return tl::unexpected(minute.error());
    query.minute_of_day = *minute;
    query.amount = {args.number("--amount"), args.given("--currency") ? static_cast<Currency>(args.number("--currency")) : box.config.currency};
    const std::string merchant = args.text("--merchant");
    query.merchant = merchant;
    const auto found = explain_query(box, std::move(what), query, args.paths());
    if (args.json()) fmt::print("{}\n", found.dump());
    else print(found);
    if (found["goes_to"].empty()) return fail(Failure::Kind::refused, "");
    return {};
}

Result<void> explain(const Args& args) {
    const auto box = load_box(args);
    if (!box) return tl::unexpected(box.error());
    const std::string what = args.text("payment");
    if (const auto pan = Pan::parse(what)) return explain_payment(args, *box, {{"card", pan->masked()}}, {pan->reveal(), {}, {}, 0, {}});
    if (qr::decode_cpm(what)) return explain_own_code(args, "a wallet's code", *box);
    const auto shop = qr::decode_mpm(what);
    if (shop && qr::giro_account(*shop)) return explain_own_code(args, "a shop's code", *box);
    const auto application = qr::application_of(what);
    const auto aid = application ? routing::parse_aid(to_hex(*application)) : std::nullopt;
    if (aid) return explain_payment(args, *box, {{"code", *aid}}, {{}, {}, {}, 0, *aid});
    return fail(Failure::Kind::refused, fmt::format("that is neither a card number of 8 to 19 digits nor a QR code: {}",
                                                    qr::to_string(shop ? qr::giro_account(*shop).error() : shop.error())));
}

Result<void> list(const Args& args) {
    const auto box = load_box(args);
    if (!box) return tl::unexpected(box.error());
    const auto& table = box->routing.table;
    json out{{"digest", to_hex(box->routing.digest())}, {"ranges", table.ranges()}, {"utc_offset_min", box->routing.utc_offset_min}, {"routes", json::array()}};
    if (!args.json()) fmt::print("{:<20} {:>7}  {:<42} {}\n", "route", "ranges", "goes to", "declared in");
    for (const Rule& rule : table.rules()) {
        json ways = json::array();
        std::vector<std::string> texts;
        for (const Target& target : rule.to) {
            ways.push_back(to_json(target, *box, std::nullopt));
            texts.push_back(ways.back()["to"].get<std::string>());
        }
        out["routes"].push_back({{"route", rule.name}, {"ranges", rule.ranges.size()}, {"always", rule.when.always()}, {"goes_to", ways}, {"origin", rule.origin}});
        if (!args.json())
            fmt::print("{:<20} {:>7}  {:<42} {}\n", rule.name, rule.ranges.size(),
                       fmt::format("{}{}", fmt::join(texts, ", then "), rule.when.always() ? "" : ", on conditions"), rule.origin);
    }
    if (args.json()) fmt::print("{}\n", out.dump());
    else fmt::print("digest {}\n", to_hex(box->routing.digest()));
    return {};
}

Result<void> apply(const Args& args) {
    const auto body = tell_switch(args.paths(), bus::MessageType::apply_routes, {});
    if (!body) return tl::unexpected(body.error());
    const auto said = decode<bus::RoutesReply>(*body);
    if (!said) return fail(Failure::Kind::refused, "the switch's answer does not decode");
    if (args.json())
        fmt::print("{}\n", json{{"digest", to_hex(said->digest)}, {"rules", said->rules}, {"ranges", said->ranges}, {"changed", said->changed}}.dump());
    else
        fmt::print("{}: {} routes, {} ranges, digest {}\n", said->changed ? "decides from now on" : "nothing has changed", said->rules,
                   said->ranges, to_hex(said->digest));
    return {};
}

}  // namespace

std::vector<Command> route_commands() {
    using Kind = Option::Kind;
    return {
        {"route explain", "which way a payment would go and why; also before the box has taken a change of its files",
         {{"payment", "a card number, also its first digits filled up to 8 and more, or the text of a QR code", Kind::text, {}, true},
          {"--amount", "in minor units", Kind::number, "1"},
          {"--currency", "its number (ISO 4217); the box's where nothing is said", Kind::number},
          {"--merchant", "DE42", Kind::text},
          {"--at", "time of day in the table's own time, such as 14:05; now where nothing is said", Kind::text}},
         explain},
        {"route apply", "have the running switch read etc/routes.toml again: payments go by it from then on, and the journal says so", {}, apply},
        {"route list", "the routing table: each route, how many ranges of cards it is for, and where it goes", {}, list},
    };
}

}  // namespace giro::cli
