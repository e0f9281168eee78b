#include "appliance/giro/pin_key.hpp"

#include <fmt/format.h>

#include "appliance/giro/demo.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

namespace giro::pos {

Result<Secret> load_pin_key(const std::filesystem::path& demo, std::string_view name) {
    constexpr std::size_t kFileBytesMax = 256, kTdesBytes = 16;
    const auto file = demo::pin_key_file(demo, name);
    auto text = read_file(file, kFileBytesMax);
    if (!text)
        return fail(Failure::Kind::not_provisioned,
                    fmt::format("no PIN key in {}: run `giro demo provision`", file.string()));
    const Secret contents(std::move(*text));
    std::string_view digits = as_text(contents.reveal());
    while (digits.ends_with('\n')) digits.remove_suffix(1);
    auto key = from_hex(digits);
    if (!key || key->size() != kTdesBytes)
        return fail(Failure::Kind::config, fmt::format("{} holds no TDES key of 32 hexadecimal digits", file.string()));
    return Secret(std::move(*key));
}

}  // namespace giro::pos
