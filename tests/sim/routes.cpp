#include "tests/sim/routes.hpp"

#include <fmt/format.h>

#include "tests/sim/template.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::sim {

const std::vector<std::string>& route_texts() {
    static const std::vector<std::string> texts = [] {
        const auto route = [](std::string_view name, std::string_view what, std::string_view to) {
            return fmt::format("[[route]]\nname = \"{}\"\n{}\nto = {}\n", name, what, to);
        };
        const std::string two = fmt::format("bins = [\"{}\"]", kOfTwo);
        const std::string code = fmt::format("qr = [\"{}\"]", kAids[0]),
                          other_code = fmt::format("qr = [\"{}\"]", kAids[1]);
        const std::string to_scheme = fmt::format("[\"{}\"]", kSchemeHost),
                          to_delta = fmt::format("[\"{}\"]", kDeltaHost);
        const std::string gamma_first = fmt::format("[\"{}\", \"{}\"]", kGammaHost, kDeltaHost);
        const std::string delta_first = fmt::format("[\"{}\", \"{}\"]", kDeltaHost, kGammaHost);
        const std::string chips = fmt::format("\nstand_in = \"{}\"", kChips);
        return std::vector<std::string>{
            route("two", two, gamma_first) + route("codes", code, to_scheme),
            // The other way round, codes by two hosts, and gamma's own cards stood in for by another policy.
            route("two", two + "\nstand_in = \"none\"", delta_first) +
                route("codes", code, fmt::format("[\"{}\", \"{}\"]", kSchemeHost, kDeltaHost)) +
                route("more-codes", other_code, to_delta) +
                route("gamma", "bins = [\"970003\"]" + chips, fmt::format("[\"{}\"]", kGammaHost)),
            // By amount; a shop that is not there; and a bank that has moved to another host.
            route("small", two + "\namount = { to = 3000 }" + chips, gamma_first) +
                route("nobody", two + "\nmerchants = [\"M9*\"]", "[\"decline\"]") + route("rest", two, delta_first) +
                route("moved", "bins = [\"970006\"]", to_delta) + route("codes", code, to_scheme),
            // Nothing but what the links' own files say: the cards of two hosts and all codes are refused.
            std::string("# no routes\n"),
        };
    }();
    return texts;
}

routing::Routing table_of(const config::Config& config, std::string_view text, const std::filesystem::path& folder) {
    const auto file = folder / "routes-of-the-checker.toml";
    ASSERT(write_file_atomic(file, as_bytes(text), 0600));
    auto routing = routing::load(config, file);
    ASSERT(routing.has_value());
    return std::move(*routing);
}

}  // namespace giro::sim
