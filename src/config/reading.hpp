// What giro.toml and the links' files have in common when they are read. Inside src/config only; brings toml++ with it.
#pragma once

#include <set>

#include "config/checker.hpp"

namespace giro::config {

inline constexpr std::size_t kNameCharsMax = 16;

inline bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameCharsMax && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

inline bool is_bin(std::string_view bin) {
    return bin.size() >= 6 && bin.size() <= 8 && std::all_of(bin.begin(), bin.end(), [](char c) { return c >= '0' && c <= '9'; });
}

inline bool is_loopback(const Address& address) {
    return address.host == "127.0.0.1" || address.host == "::1";
}

// No path: nothing that leads out of the folder.
inline bool is_file_name(std::string_view name) {
    constexpr std::size_t kMax = 64;
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
    return !name.empty() && name.size() <= kMax && std::ranges::all_of(name, plain);
}

// What may be given once in all files together.
struct Seen {
    std::set<std::string> names, bins;
};

// One file; `out` gathers from all of them.
struct Reading {
    Checker& check;
    Config& out;
    Seen& seen;
    std::filesystem::path dialects;  // the folder

    std::string name_of(const toml::table& t) {
        std::string name = check.text(t, "name");
        if (!is_name(name)) check.wrong(t.source(), fmt::format("name '{}': 1 to 16 of a-z 0-9 -", name));
        if (!seen.names.insert(name).second) check.wrong(t.source(), fmt::format("name '{}' is given twice", name));
        return name;
    }

    std::vector<std::string> bins_of(const toml::table& t) {
        auto list = check.texts(t, "bins");
        for (const auto& bin : list) {
            if (!is_bin(bin)) check.wrong(t.source(), fmt::format("bin '{}': 6 to 8 digits", bin));
            if (!seen.bins.insert(bin).second) check.wrong(t.source(), fmt::format("bin '{}' is routed twice", bin));
        }
        return list;
    }

    // A key's name as `giro key` takes it.
    std::string key_name(const toml::table& t, std::string_view key) {
        constexpr std::size_t kMax = 22;  // vault::KeyName
        std::string name = check.text(t, key);
        const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; };
        if (name.empty() || name.size() > kMax || name[0] == '.' || !std::ranges::all_of(name, good))
            check.wrong(t.source(), fmt::format("'{}' = \"{}\" is no key's name: 1 to {} of a-z 0-9 . - (giro key list)", key, name, kMax));
        return name;
    }

    void useless_without(const toml::table& t, bool missing, std::string_view key, std::initializer_list<std::string_view> settings) {
        for (const auto setting : settings)
            if (const auto* node = t.get(setting); node != nullptr && missing)
                check.wrong(node->source(), fmt::format("'{}' is of no use without '{}'", setting, key));
    }

    std::string dialect(const toml::table& t) {
        std::string name = check.text(t, "dialect");
        const auto* node = t.get("dialect");
        if (node == nullptr) return name;
        if (!is_file_name(name)) check.wrong(node->source(), fmt::format("dialect '{}': the name of a file in {}, without .toml", name, dialects.string()));
        else if (std::filesystem::is_directory(dialects) && !std::filesystem::exists(dialects / (name + ".toml")))
            check.wrong(node->source(), fmt::format("dialect '{}': there is no {}", name, (dialects / (name + ".toml")).string()));
        return name;
    }

    // framing = { length = "ascii4", trailer = "etx-lrc", ... } of a port or a link; each may be left out.
    net::Framing framing(const toml::table& in) {
        net::Framing made;
        const auto* node = in.get("framing");
        if (node == nullptr) return made;
        const auto* t = node->as_table();
        if (t == nullptr) {
            check.wrong(node->source(), "'framing' must be { length = \"binary2\", ... }");
            return made;
        }
        check.only(*t, {"length", "trailer", "counts_length", "counts_trailer", "keep_alive_ms"});
        made.length = check.word(*t, "length", net::Framing::kLengths);
        made.trailer = check.word(*t, "trailer", net::Framing::kTrailers);
        made.counts_length = check.flag(*t, "counts_length", false);
        made.counts_trailer = check.flag(*t, "counts_trailer", false);
        if (t->contains("keep_alive_ms")) made.keep_alive_ms = check.number<std::uint32_t>(*t, "keep_alive_ms", 100, 600'000);
        return made;
    }

    [[nodiscard]] bool knows(std::uint32_t participant) const {
        return std::any_of(out.participants.begin(), out.participants.end(), [&](const auto& p) { return p.id == participant; });
    }

    // `ages` keeps what it has where nothing is said.
    void session_keys(const toml::table& t, KeyAges& ages) {
        constexpr std::int64_t kRequestsMin = 10, kRequestsMax = 1'000'000'000, kSecondsMin = 60, kSecondsMax = 366 * 86'400;
        const auto limit = [&](std::string_view key, std::int64_t least, std::int64_t most, std::uint32_t& into) {
            if (!t.contains(key)) return;
            into = check.number<std::uint32_t>(t, key, 0, most);
            if (into != 0 && into < least)
                check.wrong(t.get(key)->source(), fmt::format("'{}' = {}: 0 for no limit, or at least {}", key, into, least));
        };
        limit("session_key_requests", kRequestsMin, kRequestsMax, ages.requests);
        limit("session_key_s", kSecondsMin, kSecondsMax, ages.seconds);
        if (ages.seconds != 0) ages.overlap_s = std::min(ages.overlap_s, ages.seconds);
        if (t.contains("session_key_overlap_s")) ages.overlap_s = check.number<std::uint32_t>(t, "session_key_overlap_s", 1, 86'400);
        if (ages.seconds != 0 && ages.overlap_s > ages.seconds)
            check.wrong(t.get("session_key_overlap_s")->source(), "'session_key_overlap_s' is longer than a key serves at all");
    }
};

// The links: each file NAME.toml of `folder`, which need not be there, holds one [link]. Into out.links, by id. The first mistake
// as file:line, or nothing.
[[nodiscard]] std::string read_links(const std::filesystem::path& folder, const std::filesystem::path& dialects, Config& out, Seen& seen);

}  // namespace giro::config
