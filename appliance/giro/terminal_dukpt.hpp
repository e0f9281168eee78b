// A demo terminal's DUKPT keys as files in demo/terminals/: <id>.ik holds its initial key, its KSN (hexadecimal, in the
// clear, 0600) and the kind of its MACs, <id>.counter how far it has counted. Used by the simulators alone.
//
// The box refuses a counter that does not go up, so a counter is written down before it is used: a number of them at a
// time, of which a crash skips the rest.
#pragma once

#include <filesystem>

#include "appliance/giro/terminal.hpp"
#include "payment/dukpt_device.hpp"

namespace giro::pos {

[[nodiscard]] std::filesystem::path initial_key_file(const std::filesystem::path& demo, std::string_view terminal);
// Writes the key of a device anew, with its counter at the start. `ksn`: with counter zero.
[[nodiscard]] Result<void> write_initial_key(const std::filesystem::path& demo, std::string_view terminal,
                                             const Secret& initial_key, const payment::Ksn& ksn, vault::MacKind mac);

class DukptKeys final : public MessageKeys {
  public:
    static constexpr std::uint32_t kCountersAtATime = 4096;
    // Failure::not_provisioned: there is no such key.
    [[nodiscard]] static Result<std::unique_ptr<DukptKeys>> load(const std::filesystem::path& demo,
                                                                 std::string_view terminal);
    ~DukptKeys() override;  // writes down how far it has really counted
    DukptKeys(const DukptKeys&) = delete;
    DukptKeys& operator=(const DukptKeys&) = delete;

    [[nodiscard]] MacKey next() override;
    [[nodiscard]] Buffer pin_block(std::string_view pin, const Pan& pan, Random& random) override;

  private:
    DukptKeys(Secret initial_key, const payment::Ksn& device, vault::MacKind mac, std::filesystem::path counter_file,
              std::uint32_t counter)
        : m_initial_key(std::move(initial_key)), m_device(device), m_mac(mac), m_counter_file(std::move(counter_file)),
          m_counter(counter), m_written(counter) {}
    void write(std::uint32_t counter);

    Secret m_initial_key, m_pin_key;
    payment::Ksn m_device;
    vault::MacKind m_mac;
    std::filesystem::path m_counter_file;
    std::uint32_t m_counter;  // the last that was used
    std::uint32_t m_written;  // none beyond it may be used yet
};

}  // namespace giro::pos
