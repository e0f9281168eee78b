// What the gate has to say about its peers: counted always, written at most once a second per kind, so that whoever
// floods the door cannot flood the log. No frame, no field value and no card number is ever part of a line.
#pragma once

#include <string_view>

#include "giro/environment.hpp"

namespace giro::gate {

enum class Event : std::uint8_t {
    frame_unreadable,      // no MTI in it: closed
    frame_too_large,       // a length over the bound: closed
    format_refused,        // answered 30
    type_refused,          // answered 12
    overload_refused,      // answered 96: it would wait too long for the switch
    answer_from_terminal,  // a terminal sent what only a host sends: closed
    answer_unusable,       // an issuer's answer that does not unpack or was not asked for: dropped
    reply_for_gone,        // the switch answered a connection that is closed
    reply_misdirected,     // the switch answered a connection of another kind
    bus_malformed,         // a record of the switch that does not decode
    bus_overflow,          // requests lost because the switch's queue is full
    switch_silent,         // reading stopped
    switch_heard,          // reading goes on
    answers_missing,       // requests given up: the switch never answered them
    link_up,
    link_down,
    link_frame_lost,    // the switch sent to a link that is down
    wallet_refused,     // an HTTP request that was not passed on
    peer_dropped,       // slow, silent, full, or no TLS
    signature_missing,  // the vault did not sign a handshake
    kCount,
};

class EventLog {
  public:
    explicit EventLog(const Clock& clock) noexcept : m_clock(clock) {}
    // `detail` is short and says where: an address, a link's name.
    void note(Event event, std::string_view detail);
    [[nodiscard]] std::uint64_t count(Event event) const noexcept {
        return m_entries[static_cast<std::size_t>(event)].count;
    }

  private:
    struct Entry {
        std::uint64_t count = 0;
        std::uint64_t written_count = 0;
        std::uint64_t written_ns = 0;
    };
    const Clock& m_clock;
    Entry m_entries[static_cast<std::size_t>(Event::kCount)];
};

}  // namespace giro::gate
