// giro-fuzz: every target in one libFuzzer program. GIRO_FUZZ_TARGET names the one to run; GIRO_FUZZ_SEEDS, a folder
// that its seeds are written to instead. "list" as target prints all names.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/target.hpp"
#include "util/file.hpp"
#include "util/log.hpp"

namespace {
using namespace giro;
const fuzz::Target* g_target = nullptr;

void write_seeds(const std::filesystem::path& folder) {
    std::size_t number = 0;
    for (const Buffer& seed : g_target->seeds())
        ASSERT(write_file_atomic(folder / ("seed-" + std::to_string(number++)), seed));
}
}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    log::set_level(log::Level::error);
    const char* wanted = std::getenv("GIRO_FUZZ_TARGET");
    for (const fuzz::Target& target : fuzz::targets()) {
        if (wanted != nullptr && target.name == wanted) g_target = &target;
        if (wanted != nullptr && std::string_view(wanted) == "list") std::puts(target.name.data());
    }
    if (wanted == nullptr || std::string_view(wanted) == "list") std::exit(wanted == nullptr ? 2 : 0);
    if (g_target == nullptr) std::exit(2);
    if (const char* folder = std::getenv("GIRO_FUZZ_SEEDS"); folder != nullptr) {
        write_seeds(folder);
        std::exit(0);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    g_target->run({reinterpret_cast<const std::byte*>(data), size});
    return 0;
}
