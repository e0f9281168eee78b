#include "tests/bench/machine.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

namespace bench {

namespace {
using nlohmann::json;

// The first line that a command prints; empty when it fails.
std::string first_line_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>/dev/null").c_str(), "r"), ::pclose);
    char line[256]{};
    if (!pipe || std::fgets(line, sizeof line, pipe.get()) == nullptr) return {};
    std::string out(line);
    while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
    return out;
}

// The value behind "key : value" in /proc/cpuinfo, of the first processor.
std::string cpu_info(const std::string& key) {
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(key)) return line.substr(std::min(line.size(), line.find(':') + 2));
    return "unknown";
}

int cores() {
    cpu_set_t set;
    return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

// "ext4 on vda", from the mount whose device number is that of the folder.
std::string disk_of(const std::filesystem::path& folder) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0) return "unknown";
    const std::string wanted = fmt::format("{}:{}", major(info.st_dev), minor(info.st_dev));
    std::ifstream in("/proc/self/mountinfo");
    for (std::string line; std::getline(in, line);) {
        std::istringstream fields(line);
        std::string id, parent, device, word, type, source;
        fields >> id >> parent >> device;
        if (device != wanted) continue;
        while (fields >> word && word != "-") continue;
        fields >> type >> source;
        return fmt::format("{} on {}", type, std::filesystem::path(source).filename().string());
    }
    return "unknown";
}

std::string package(const std::string& name) {
    return first_line_of("dpkg-query -W -f='${Version}' " + name);
}

std::string commit() {
    const std::string git = "git -C '" GIRO_SOURCE_DIR "' ";
    const std::string head = first_line_of(git + "rev-parse --short=12 HEAD");
    if (head.empty()) return "unknown";
    return first_line_of(git + "status --porcelain -uno").empty() ? head : head + " + changes";
}
}  // namespace

json machine(const std::filesystem::path& folder) {
    utsname kernel{};
    ::uname(&kernel);
    struct sysinfo memory {};
    ::sysinfo(&memory);
    const auto bytes = static_cast<double>(memory.totalram) * memory.mem_unit;
    return {{"cpu", cpu_info("model name")},
            {"cores", cores()},
            {"mhz", cpu_info("cpu MHz")},
            {"memory_gb", static_cast<int>(bytes / (1 << 30) + 0.5)},
            {"kernel", fmt::format("{} {}", kernel.sysname, kernel.release)},
            {"disk", disk_of(folder)}};
}

json versions() {
    json out{{"commit", commit()}, {"compiler", GIRO_COMPILER}};
    const std::pair<const char*, const char*> packages[] = {{"softhsm", "libsofthsm2"},     {"sqlite", "libsqlite3-0"},
                                                            {"openssl", "libssl3"},         {"libevent", "libevent-2.1-7"},
                                                            {"botan", "libbotan-2-19"}};
    for (const auto& [name, debian] : packages) out[name] = package(debian);
    return out;
}

}  // namespace bench
