#include "appliance/giro-switch/key_classes.hpp"

namespace giro::appliance {

namespace {
bool fits(std::string_view named, std::string_view terminal) {
    if (!named.ends_with('*')) return terminal == named;
    return terminal.starts_with(named.substr(0, named.size() - 1));
}
}  // namespace

std::vector<std::string> useless_in_key_classes(const config::Config& config, const switching::State& state) {
    std::vector<std::string> useless;
    if (config.key_ages.empty()) return useless;
    const auto terminals = state.terminals();
    for (const auto& [named, ages] : config.key_ages) {
        bool dukpt = false, session = false;
        for (const auto& [id, terminal] : terminals)
            if (fits(named, id.view())) (terminal->is_dukpt() ? dukpt : session) = true;
        if (dukpt && !session) useless.push_back(named);
    }
    return useless;
}

}  // namespace giro::appliance
