// How the simulators' scenario files are read: a table of parts, each with the function that reads it; whatever else
// stands in the file is a mistake. The file is the operator's: read whole or refused. Brings toml++ with it: in .cpp
// files alone.
#pragma once

#include <array>
#include <filesystem>

#include "config/checker.hpp"

namespace giro {

// A part of a file that a `Reading` reads: [name], or with `of_root` what the function takes from the whole file (a
// key, [[name]]).
template <typename Reading>
struct Part {
    std::string_view name;
    void (Reading::*read)(const toml::table&);
    bool of_root = false;
};

// Reads the parts that are there, in the table's order, with a Reading(config::Checker&, Scenario&). What the file does
// not say is as in Scenario{}. Failure::config is one line, file:line: the first mistake.
template <typename Scenario, typename Reading, std::size_t N>
[[nodiscard]] Result<Scenario> read_scenario(const std::filesystem::path& file, const Part<Reading> (&parts)[N]) {
    const auto root = read_toml(file);
    if (!root) return tl::unexpected(root.error());
    Scenario out;
    config::Checker check(file);
    Reading reading(check, out);
    std::array<std::string_view, N> names;
    std::transform(std::begin(parts), std::end(parts), names.begin(),
                   [](const Part<Reading>& part) { return part.name; });
    check.only(*root, names);
    for (const Part<Reading>& part : parts)
        if (root->contains(part.name)) (reading.*part.read)(part.of_root ? *root : check.table(*root, part.name));
    if (!check.mistake().empty()) return fail(Failure::Kind::config, check.mistake());
    return out;
}

}  // namespace giro
