// The bank that keeps its own cards: the product's own issuer core behind a slow and unreliable line.
#include "appliance/giro/demo.hpp"
#include "tests/sim/actors.hpp"

namespace giro::sim {

namespace {
const std::string kAddress = "127.0.0.1:7810";

host::Options options_of(const Secret& tmk) {
    host::Options options;
    options.zone_key = pin_key(demo::kZoneKey);
    options.tmk = Secret(Buffer(tmk.reveal().begin(), tmk.reveal().end()));
    // What nobody answers would be owed for ever: the sweep of seeds is to come to its end.
    options.scenario.rules.insert(options.scenario.rules.begin(), {.kind = host::Kind::advice, .cents = 91, .pan_from = {}, .pan_to = {}, .merchant = {}, .terminal = {}, .code = ResponseCode("00")});
    return options;
}
}

HostActor::HostActor(Outside& outside)
    : m_out(outside), m_issuer(outside.dialect, pos::MacKey(outside.box.made().terminal_keys.at("LNK00001"), {}),
               options_of(outside.box.made().terminal_keys.at("LNK00001"))) {
    serve_at(kAddress, [this](const std::shared_ptr<ActorStream>& stream) { return accept(stream); });
}

StreamEvents HostActor::accept(const std::shared_ptr<ActorStream>& stream) {
    auto deframer = std::make_shared<net::Deframer>(iso8583::kFrameBytesMax);
    StreamEvents events;
    events.received = [this, deframer, keep = stream](Bytes bytes) {
        static_cast<void>(deframer->feed(bytes, [&](Bytes message) {
            frame(keep, message);
            return true;
        }));
    };
    return events;
}

void HostActor::frame(const std::shared_ptr<ActorStream>& stream, Bytes message) {
    if (!m_out.weather.calm && m_out.percent(m_out.weather.loss_percent)) {
        ++m_out.weather.lost;
        return;
    }
    host::Issuer::Answered answered = m_issuer.handle(message);
    if (answered.seen) m_seen.push_back(*answered.seen);
    if (answered.frame.empty()) return;
    const bool twice = !m_out.weather.calm && m_out.percent(m_out.weather.duplicate_percent);
    auto frame = std::make_shared<Buffer>(std::move(answered.frame));
    for (int i = 0; i < (twice ? 2 : 1); ++i) {
        const bool late = !m_out.weather.calm && m_out.world.random.one_in(10);
        const std::uint64_t delay =
            m_out.weather.calm ? kMillisecond
                               : m_out.world.random.below(late ? 6 * kSecond : m_out.weather.host_delay_max_ns);
        m_out.world.at(delay, [stream, frame] { stream->send(*frame); });
    }
}

}  // namespace giro::sim
