// A box's folder and configuration for the gate's tests and its benchmark.
#pragma once

#include <filesystem>

#include "appliance/giro-gate/gate.hpp"
#include "sample.hpp"

namespace giro::gate {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        char name[] = "/tmp/giro-gate-XXXXXX";
        ASSERT(::mkdtemp(name) != nullptr);
        m_path = name;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return m_path; }

  private:
    std::filesystem::path m_path;
};

inline config::Config test_config() {
    config::Config config;
    config.gate.terminals = {"127.0.0.1", 0};
    config.gate.terminals_tls = {"127.0.0.1", 0};
    config.gate.wallets = {"127.0.0.1", 0};
    config.gate.connections_max = 256;
    config.gate.idle_timeout_s = 300;
    config.switching.forward_timeout_ms = 3'000;
    return config;
}

}  // namespace giro::gate
