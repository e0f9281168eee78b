// The commands around the box itself, one file each: init, up, status, doctor, demo provision. box.cpp is their table.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "appliance/giro/command.hpp"
#include "iso8583/dialect.hpp"

namespace giro::cli {

[[nodiscard]] Result<void> init_box(const Args& args);
[[nodiscard]] Result<void> bring_up(const Args& args);
[[nodiscard]] Result<void> show_status(const Args& args);
[[nodiscard]] Result<void> examine(const Args& args);  // doctor
[[nodiscard]] Result<void> check_config(const Args& args);
[[nodiscard]] Result<void> provision_demo(const Args& args);
[[nodiscard]] Result<void> pay_in(const Args& args);

// The folder that giro itself was started from; the other programs lie beside it.
[[nodiscard]] std::filesystem::path programs_folder();
// firmware-config/: beside an installed giro, or in the source tree it was built from.
[[nodiscard]] Result<std::filesystem::path> find_defaults();
// The pid of the `giro up` that holds this box, if one does.
[[nodiscard]] std::optional<int> pid_of_up(const config::Paths& paths);
// The dialects that the configuration names, in config::dialects_of's order.
[[nodiscard]] Result<std::vector<iso8583::Dialect>> load_dialects(const config::Paths& paths, const config::Config& config);
// Whether the vault of the running box has its token; nothing when the vault does not answer.
[[nodiscard]] std::optional<bool> token_present(const config::Paths& paths);
// One line of progress for the operator, on standard error so that --json on standard output stays clean.
void progress(const std::string& line);

}  // namespace giro::cli
