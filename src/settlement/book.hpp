// Where every settlement window stands, from the journal alone: closed, proposed, approved by whom, confirmed. Run by
// giro-settle (whose whole state this is, so that it may die at any point) and by `giro settle status|wait`, `approve`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "entry/entry.hpp"
#include "giro/result.hpp"

namespace giro::settlement {

enum class WindowState { closed, proposed, approved, confirmed };
[[nodiscard]] std::string_view name(WindowState state) noexcept;

struct WindowRecord {
    entry::WindowClosed closed;
    std::optional<entry::SettlementProposed> proposal;
    std::vector<entry::SettlementApproved> approvals;  // distinct officers, in order
    std::optional<entry::SettlementConfirmed> confirmation;
    // `required`: distinct officers that must approve.
    [[nodiscard]] WindowState state(std::size_t required) const noexcept;
};

class Book {
  public:
    // Entries in journal order; other kinds are skipped. Failure::integrity for one that does not decode or fit.
    [[nodiscard]] Result<void> feed(std::uint64_t seq, std::uint16_t kind, Bytes body);
    [[nodiscard]] const std::map<std::uint64_t, WindowRecord>& windows() const noexcept { return m_windows; }
    [[nodiscard]] const WindowRecord* find(std::uint64_t window) const;
    // The window to work on: windows are settled one at a time, in order. Null when all are confirmed.
    [[nodiscard]] const WindowRecord* first_unconfirmed() const;
    // The window that holds `seq`; null when it is still open.
    [[nodiscard]] const WindowRecord* window_of(std::uint64_t seq) const;
    // From participant_opened entries.
    [[nodiscard]] const std::vector<entry::ParticipantOpened>& participants() const noexcept { return m_participants; }
    [[nodiscard]] std::string participant_name(entry::ParticipantId id) const;  // "#7" when unknown

  private:
    std::map<std::uint64_t, WindowRecord> m_windows;
    std::vector<entry::ParticipantOpened> m_participants;
    Result<void> closed(std::uint64_t seq, Bytes body);
    Result<void> proposed(std::uint64_t seq, Bytes body);
    Result<void> withdrawn(std::uint64_t seq, Bytes body);
    Result<void> approved(std::uint64_t seq, Bytes body);
    Result<void> confirmed(std::uint64_t seq, Bytes body);
};

}  // namespace giro::settlement
