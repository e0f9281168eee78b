// The links' files, etc/conf.d/NAME.toml: one link each. Written by the operator; a mistake is told as file:line.
#include "config/reading.hpp"

namespace giro::config {

namespace {

constexpr std::uint16_t kLinkIdMax = 9999;
constexpr std::size_t kAddressesMax = 8;
constexpr std::size_t kPeerCharsMax = 253;  // a DNS name, RFC 1035 3.1

struct LinkFile : Reading {
    void link(const toml::table& t) {
        check.only(t, {"id", "name", "participant", "bins", "dialect", "framing", "match_0210", "match_0410", "pin_key", "pin_format",
                       "session_key_s", "session_key_requests", "session_key_overlap_s", "stand_in", "addresses", "listen", "connections", "mode",
                       "saf_in_flight_max", "tls", "ca", "peer", "in_flight_max", "sign_on", "echo_ms", "echo_timeout_ms", "down_after", "up_after"});
        Link l;
        const auto id = check.number<std::uint16_t>(t, "id", 1, kLinkIdMax);
        l.number = static_cast<std::uint16_t>(std::max<int>(id, 1) - 1);
        if (find_link(out, l.number) != nullptr) check.wrong(t.source(), fmt::format("link {} is given twice", id));
        l.name = name_of(t);
        l.participant = check.number<std::uint32_t>(t, "participant", 1, 1000);
        if (!knows(l.participant)) check.wrong(t.source(), fmt::format("link '{}': there is no participant {}", l.name, l.participant));
        l.bins = bins_of(t);
        messages(t, l);
        if (t.contains("stand_in")) l.stand_in = stand_in_of(t);
        connections(t, l);
        security(t, l);
        health(t, l);
        out.links.push_back(std::move(l));
    }

    // The name of a [[stand_in]] of giro.toml.
    std::string stand_in_of(const toml::table& t) {
        std::string name = check.text(t, "stand_in");
        if (find_stand_in(out, name) == nullptr)
            check.wrong(t.get("stand_in")->source(), fmt::format("'stand_in' = \"{}\": giro.toml has no [[stand_in]] of that name", name));
        return name;
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

    void connections(const toml::table& t, Link& l) {
        l.inbound = t.contains("listen");
        if (l.inbound == t.contains("addresses"))
            check.wrong(t.source(), "a link has either 'addresses', to connect to, or 'listen', where its host connects to");
        if (l.inbound) {
            l.addresses = {check.address(t, "listen")};
            if (is_taken(l.addresses[0])) check.wrong(t.get("listen")->source(), "'listen': something else listens there");
        } else {
            l.addresses = check.addresses(t, "addresses", kAddressesMax);
        }
        const std::size_t most = kLinkConnectionsMax / std::max<std::size_t>(l.addresses.size(), 1);
        if (t.contains("connections")) l.connections = check.number<std::uint16_t>(t, "connections", 1, static_cast<std::int64_t>(most));
        static constexpr std::pair<std::string_view, LinkMode> kModes[] = {{"shared", LinkMode::shared}, {"primary", LinkMode::primary}};
        l.mode = check.word(t, "mode", kModes);
        if (l.mode == LinkMode::primary && l.addresses.size() < 2)
            check.wrong(t.get("mode")->source(), "'mode' = \"primary\" needs more than one address");
    }

    [[nodiscard]] bool is_taken(const Address& address) const {
        const auto same = [&](const Address& other) { return other.host == address.host && other.port == address.port; };
        const auto listens = [&](const Link& other) { return other.inbound && same(other.addresses.at(0)); };
        return same(out.gate.terminals) || same(out.gate.terminals_tls) || same(out.gate.wallets) ||
               std::ranges::any_of(out.ports, same, &Port::address) || std::ranges::any_of(out.links, listens);
    }

    void security(const toml::table& t, Link& l) {
        const bool encrypted = check.flag(t, "tls", true);
        useless_without(t, !encrypted, "tls", {"ca", "peer"});
        if (!encrypted) {
            if (l.inbound && !is_loopback(l.addresses.at(0)))
                check.wrong(t.source(), fmt::format("link '{}' is not encrypted and may only listen on loopback", l.name));
            return;
        }
        l.tls.emplace();
        if (!t.contains("peer"))
            return check.wrong(t.source(), "'peer' must be given, the name in the host's certificate; or tls = false, where the line is encrypted");
        l.tls->peer = check.text(t, "peer");
        const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'; };
        if (l.tls->peer.empty() || l.tls->peer.size() > kPeerCharsMax || !std::ranges::all_of(l.tls->peer, good))
            check.wrong(t.get("peer")->source(), fmt::format("'peer' = \"{}\" is no host's name", l.tls->peer));
        if (!t.contains("ca")) return;
        l.tls->ca = check.text(t, "ca");
        constexpr std::string_view kEnd = ".pem";
        const std::string_view ca = l.tls->ca;
        if (!ca.ends_with(kEnd) || !is_file_name(ca.substr(0, ca.size() - kEnd.size())))
            check.wrong(t.get("ca")->source(), fmt::format("'ca' = \"{}\": the name of a .pem file beside this one", ca));
    }

    void health(const toml::table& t, Link& l) {
        const auto limit = [&](std::string_view key, std::int64_t least, std::int64_t most, auto& into) {
            if (t.contains(key)) into = check.number<std::remove_reference_t<decltype(into)>>(t, key, least, most);
        };
        limit("in_flight_max", 1, 65'536, l.in_flight_max);
        limit("saf_in_flight_max", 1, 256, l.saf_in_flight_max);
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

// NAME.toml, in the order of their names; what else lies there (certificates, an editor's copies) is none of ours. A box without
// links needs no folder; one that is there and cannot be read is a mistake, never a box without links.
tl::expected<std::vector<std::filesystem::path>, std::string> files_in(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    std::vector<fs::path> files;
    std::error_code failed;
    if (fs::symlink_status(folder, failed).type() == fs::file_type::not_found) return files;
    fs::directory_iterator at(folder, failed);
    for (const fs::directory_iterator end; !failed && at != end; at.increment(failed))
        if (at->path().extension() == ".toml" && !at->path().filename().string().starts_with('.')) files.push_back(at->path());
    if (failed) return tl::unexpected(fmt::format("{}:0: the links' files cannot be listed: {}", folder.string(), failed.message()));
    std::ranges::sort(files);
    return files;
}

}  // namespace

std::string read_links(const std::filesystem::path& folder, const std::filesystem::path& dialects, Config& out, Seen& seen) {
    const auto files = files_in(folder);
    if (!files) return files.error();
    if (files->size() > kLinksMax) return fmt::format("{}:0: there are more than {} links", folder.string(), kLinksMax);
    for (const auto& file : *files) {
        const auto root = read_toml(file);
        if (!root) return root.error().what;
        Checker check(file);
        check.only(*root, {"link"});
        LinkFile reading{{check, out, seen, dialects}};
        reading.link(check.table(*root, "link"));
        if (!check.mistake().empty()) return check.mistake();
        const auto& link = out.links.back();
        if (link.tls && !link.tls->ca.empty() && !std::filesystem::exists(folder / link.tls->ca))
            return fmt::format("{}:1: there is no {}", file.string(), (folder / link.tls->ca).string());
    }
    std::ranges::sort(out.links, {}, &Link::number);
    return {};
}

}  // namespace giro::config
