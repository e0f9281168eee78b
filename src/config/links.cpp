// The links' files, etc/conf.d/NAME.toml: one link each. Written by the operator; a mistake is told as file:line.
#include "config/reading.hpp"

namespace giro::config {

namespace {

constexpr std::uint16_t kLinkIdMax = 9999;
constexpr std::size_t kAddressesMax = 1;

struct LinkFile : Reading {
    void link(const toml::table& t) {
        check.only(t, {"id", "name", "participant", "bins", "dialect", "framing", "match_0210", "match_0410", "pin_key", "pin_format",
                       "session_key_s", "session_key_requests", "session_key_overlap_s", "addresses",
                       "in_flight_max", "sign_on", "echo_ms", "echo_timeout_ms", "down_after", "up_after"});
        Link l;
        const auto id = check.number<std::uint16_t>(t, "id", 1, kLinkIdMax);
        l.number = static_cast<std::uint16_t>(std::max<int>(id, 1) - 1);
        if (find_link(out, l.number) != nullptr) check.wrong(t.source(), fmt::format("link {} is given twice", id));
        l.name = name_of(t);
        l.participant = check.number<std::uint32_t>(t, "participant", 1, 1000);
        if (!knows(l.participant)) check.wrong(t.source(), fmt::format("link '{}': there is no participant {}", l.name, l.participant));
        l.bins = bins_of(t);
        messages(t, l);
        l.addresses = check.addresses(t, "addresses", kAddressesMax);
        health(t, l);
        out.links.push_back(std::move(l));
    }

    void messages(const toml::table& t, Link& l) {
        l.framing = framing(t);
        if (t.contains("dialect")) l.dialect = dialect(t);
        check.correlation(t, "match_0210", 0, l.match_0210);
        check.correlation(t, "match_0410", 95, l.match_0410);
        if (t.contains("pin_key")) l.pin_key = key_name(t, "pin_key");
        useless_without(t, l.pin_key.empty(), "pin_key", {"pin_format"});
        static constexpr std::pair<std::string_view, ZonePinFormat> kFormats[] = {
            {"iso0", ZonePinFormat::iso0}, {"iso3", ZonePinFormat::iso3}, {"iso4", ZonePinFormat::iso4}};
        l.pin_format = check.word(t, "pin_format", kFormats);
        session_keys(t, l.key_ages);
        useless_without(t, l.key_ages.seconds == 0 && l.key_ages.requests == 0, "session_key_s' or 'session_key_requests",
                        {"session_key_overlap_s"});
    }

    void health(const toml::table& t, Link& l) {
        const auto limit = [&](std::string_view key, std::int64_t least, std::int64_t most, auto& into) {
            if (t.contains(key)) into = check.number<std::remove_reference_t<decltype(into)>>(t, key, least, most);
        };
        limit("in_flight_max", 1, 65'536, l.in_flight_max);
        l.sign_on = check.flag(t, "sign_on", true);
        if (t.contains("echo_ms")) {
            l.echo_ms = check.number<std::uint32_t>(t, "echo_ms", 0, 3'600'000);
            if (l.echo_ms != 0 && l.echo_ms < 100) check.wrong(t.get("echo_ms")->source(), "'echo_ms': 0 for none, or at least 100");
        }
        useless_without(t, l.echo_ms == 0, "echo_ms", {"echo_timeout_ms", "down_after", "up_after"});
        limit("echo_timeout_ms", 50, 60'000, l.echo_timeout_ms);
        limit("down_after", 1, 100, l.down_after);
        limit("up_after", 1, 100, l.up_after);
    }
};

// NAME.toml, in the order of their names; what else lies there (certificates, an editor's copies) is none of ours.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code gone;
    for (std::filesystem::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone))
        if (at->path().extension() == ".toml" && !at->path().filename().string().starts_with('.')) files.push_back(at->path());
    std::ranges::sort(files);
    return files;
}

}  // namespace

std::string read_links(const std::filesystem::path& folder, const std::filesystem::path& dialects, Config& out, Seen& seen) {
    const auto files = files_in(folder);
    if (files.size() > kLinksMax) return fmt::format("{}:0: there are more than {} links", folder.string(), kLinksMax);
    for (const auto& file : files) {
        const auto root = read_toml(file);
        if (!root) return root.error().what;
        Checker check(file);
        check.only(*root, {"link"});
        LinkFile reading{{check, out, seen, dialects}};
        reading.link(check.table(*root, "link"));
        if (!check.mistake().empty()) return check.mistake();
    }
    std::ranges::sort(out.links, {}, &Link::number);
    return {};
}

}  // namespace giro::config
