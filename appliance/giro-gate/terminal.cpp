#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "util/failpoint.hpp"

namespace giro::gate {

void note_closed(EventLog& events, const net::Connection& connection, net::CloseReason reason) {
    using net::CloseReason;
    if (reason == CloseReason::peer_closed || reason == CloseReason::we_closed) return;
    events.note(Event::peer_dropped, fmt::format("{} ({})", connection.peer(), net::to_string(reason)));
}

void Terminal::frame(net::Connection& connection, Bytes frame) {
    pass_on(connection, frame);
    m_shared.translator.forget();
}

void Terminal::pass_on(net::Connection& connection, Bytes frame) {
    const auto read = m_shared.translator.read(frame, PaymentRequest::Source::terminal);
    if (!read) return refuse(connection, read.error());
    PaymentRequest& request = **read;
    request.connection = connection.id();
    request.link = 0;
    const Work work = work_of(request);
    if (work == Work::fresh && !m_shared.port.takes_new()) {
        m_shared.shed.note(request);
        return refuse(connection, Refusal::overloaded);
    }
    const bool waits = work == Work::undoing && (!m_held.empty() || !m_shared.port.takes_undoing());
    if (waits && hold(connection, request, frame)) return;
    send(connection, request, waits ? Work::owed : work);
}

void Terminal::send(net::Connection& connection, PaymentRequest& request, Work work) {
    if (work == Work::fresh) m_shared.shed.passed(request);
    request.received_ns = m_shared.clock.wall_ns();
    if (m_in_flight++ == 0) m_progress_ms = m_shared.clock.monotonic_ns() / 1'000'000;
    GIRO_FAILPOINT("gate.request.read");
    m_shared.port.send_request(request, work);
    GIRO_FAILPOINT("gate.request.passed");
    if (m_in_flight >= m_shared.port.flow().share()) connection.pause_reading(true);
}

bool Terminal::hold(net::Connection& connection, const PaymentRequest& request, Bytes frame) {
    const auto same = [&](const Waiting& w) { return w.terminal == request.terminal && w.stan == request.stan; };
    const bool is_repeat = without_repeat(request.mti) != request.mti;
    if (is_repeat && std::ranges::any_of(m_held, same)) return true;
    std::size_t& all = m_shared.held.bytes;
    if (m_held_bytes + frame.size() > kHeldBytesMax || all + frame.size() > kHeldBytesAllMax) return false;
    if (m_held.empty()) m_shared.held.connections.push_back(connection.id());
    m_held.push_back({request.terminal, request.stan, Buffer(frame.begin(), frame.end())});
    m_held_bytes += frame.size();
    all += frame.size();
    return true;
}

bool Terminal::release(net::Connection& connection) {
    const Buffer frame = std::move(m_held.front().frame);
    m_held.pop_front();
    m_held_bytes -= frame.size();
    m_shared.held.bytes -= frame.size();
    const auto read = m_shared.translator.read(frame, PaymentRequest::Source::terminal);
    ASSERT(read.has_value());  // it was, before it was held
    PaymentRequest& request = **read;
    request.connection = connection.id();
    request.link = 0;
    send(connection, request, Work::undoing);
    m_shared.translator.forget();
    return !m_held.empty();
}

// A repeat of what was never passed on is the switch's first sight of it.
Work Terminal::work_of(const PaymentRequest& request) const {
    const Mti first = without_repeat(request.mti);
    if (bus::may_be_shed(request.mti) || (bus::may_be_shed(first) && m_shared.shed.knows(request))) return Work::fresh;
    return first == 0x0400 && m_shared.shed.knows_original_of(request) ? Work::undoing : Work::owed;
}

void Terminal::frame_too_large(net::Connection& connection) {
    m_shared.events.note(Event::frame_too_large, connection.peer());
}

void Terminal::refuse(net::Connection& connection, Refusal why) {
    switch (why) {
        case Refusal::unreadable:
            m_shared.events.note(Event::frame_unreadable, connection.peer());
            return connection.close();
        case Refusal::unanswerable:
            m_shared.events.note(Event::answer_from_terminal, connection.peer());
            return connection.close();
        case Refusal::format_error:
            m_shared.events.note(Event::format_refused, connection.peer());
            break;
        case Refusal::not_served:
            m_shared.events.note(Event::type_refused, connection.peer());
            break;
        case Refusal::overloaded:
            m_shared.events.note(Event::overload_refused, connection.peer());
            break;
    }
    send_message(connection, m_shared.translator.refusal(why));
}

void Terminal::answer(net::Connection& connection, const bus::FrameOut& message) {
    m_progress_ms = m_shared.clock.monotonic_ns() / 1'000'000;
    if (m_in_flight > 0) settle(connection, 1);
    GIRO_FAILPOINT("gate.answer.taken");
    if (GIRO_FAILPOINT_LOSES("gate.answer.lost")) return;
    if (!message.frame.empty()) send_message(connection, message.frame);
    if (message.close_after) connection.close_after_sending();
}

void Terminal::settle(net::Connection& connection, std::uint32_t requests) {
    m_in_flight -= requests;
    m_shared.port.settled(requests);
    if (m_in_flight <= m_shared.port.flow().share() / 2) connection.pause_reading(false);
}

void Terminal::tick(net::Connection& connection, std::uint64_t now_ms) {
    if (m_in_flight == 0 || now_ms - m_progress_ms < kAnswerGivenUp_ms) return;
    m_shared.events.note(Event::answers_missing, connection.peer());
    settle(connection, m_in_flight);
}

void Terminal::closed(net::Connection& connection, net::CloseReason reason) {
    if (m_in_flight > 0) m_shared.port.settled(m_in_flight);
    m_in_flight = 0;
    m_shared.held.bytes -= m_held_bytes;
    m_held_bytes = 0;
    m_held.clear();
    note_closed(m_shared.events, connection, reason);
}

}  // namespace giro::gate
