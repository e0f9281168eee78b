#include "event_log.hpp"

#include "util/log.hpp"

namespace giro::gate {

namespace {
constexpr std::uint64_t kInterval_ns = 1'000'000'000;

struct Line {
    Event event;
    log::Level level;
    std::string_view text;
};
using log::Level;
constexpr Line kLines[] = {
    {Event::frame_unreadable, Level::warn, "a frame without a readable message type; closed"},
    {Event::frame_too_large, Level::warn, "a length over the maximum; closed"},
    {Event::format_refused, Level::info, "a message that does not unpack; answered 30"},
    {Event::type_refused, Level::info, "a message type that is not served; answered 12"},
    {Event::overload_refused, Level::warn, "the switch is behind: a new payment was refused; answered 96"},
    {Event::answer_from_terminal, Level::warn, "a terminal sent an answer; closed"},
    {Event::answer_unusable, Level::warn, "an issuer's answer that cannot be used; dropped"},
    {Event::reply_for_gone, Level::info, "an answer came for a connection that is closed; dropped"},
    {Event::reply_misdirected, Level::error, "an answer for another kind of connection; dropped"},
    {Event::bus_malformed, Level::error, "a record from the switch does not decode; dropped"},
    {Event::bus_overflow, Level::error, "the queue to the switch is full; requests were lost"},
    {Event::switch_silent, Level::error, "the switch does not answer; reading from the sockets stops"},
    {Event::switch_heard, Level::info, "the switch answers again"},
    {Event::answers_missing, Level::warn, "requests that the switch never answered were given up"},
    {Event::link_up, Level::info, "issuer link is up"},
    {Event::link_down, Level::warn, "issuer link is down; trying again"},
    {Event::link_frame_lost, Level::warn, "a message for an issuer link that is down; dropped"},
    {Event::wallet_refused, Level::info, "a wallet's request was refused"},
    {Event::peer_dropped, Level::info, "a connection was dropped"},
    {Event::signature_missing, Level::error, "the vault did not sign a TLS handshake"},
};
static_assert(std::size(kLines) == static_cast<std::size_t>(Event::kCount));
}  // namespace

void EventLog::note(Event event, std::string_view detail) {
    Entry& entry = m_entries[static_cast<std::size_t>(event)];
    const Line& line = kLines[static_cast<std::size_t>(event)];
    ++entry.count;
    const std::uint64_t now = m_clock.monotonic_ns();
    if (entry.written_ns != 0 && now - entry.written_ns < kInterval_ns) return;
    const std::uint64_t unsaid = entry.count - entry.written_count - 1;
    entry.written_ns = now;
    entry.written_count = entry.count;
    log::write(line.level, unsaid == 0
                               ? fmt::format("{}: {}", detail, line.text)
                               : fmt::format("{}: {} ({} more since the last such line)", detail, line.text, unsaid));
}

}  // namespace giro::gate
