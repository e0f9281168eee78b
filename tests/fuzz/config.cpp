// The operator's giro.toml: whatever stands in it, a configuration or one line that names the place.
#include "config/config.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

void run_config_file(Bytes input) {
    const auto file = scratch("giro.toml", input);
    const auto config = config::load(file);
    if (config)
        ASSERT(!config->participants.empty() && config->officers.size() >= config->settle.approvals_required);
    else
        ASSERT(config.error().kind == Failure::Kind::config && config.error().what.starts_with(file.string()));
}

Seeds seeds_config_file() {
    const Buffer shipped = read_file(GIRO_SOURCE_DIR "/firmware-config/giro.toml").value();
    const std::string text(as_text(shipped));
    Seeds seeds{shipped, owned("box = 1\nparticipant = [1]\n"),
                owned("[box]\nname = 1\ncurrency = 1000\nofficers = [1]\n"), owned("= =")};
    // One mistake each: what stands there is replaced where it first occurs.
    constexpr std::pair<std::string_view, std::string_view> kMistakes[] = {
        {"127.0.0.1:", "0.0.0.0:"},
        {"127.0.0.1:", "127.0.0.1"},
        {"[[participant]]", "[[participants]]"},
        {"name = ", "nome = "},
        {"bins = [\"", "bins = [\"x"},
        {"approvals_required = 2", "approvals_required = 9"},
        {"id = 1", "id = 2"},
        {"wallet_participant = ", "wallet_participant = 9"},
        {"participant = ", "participant = 9"},
        {"bins = [", "bins = 7 # ["}};
    for (const auto& [from, to] : kMistakes) {
        std::string wrong = text;
        const auto at = wrong.find(from);
        if (at != std::string::npos) seeds.push_back(owned(wrong.replace(at, from.size(), to)));
    }
    return seeds;
}

}  // namespace giro::fuzz
