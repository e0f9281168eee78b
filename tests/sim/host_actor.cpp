// The hosts that keep their own cards: the product's own issuer core behind a slow and unreliable line, with troubles
// of its own.
#include <fmt/format.h>

#include "appliance/giro/demo.hpp"
#include "iso8583/chip.hpp"
#include "switching/frames.hpp"
#include "tests/sim/actors.hpp"

namespace giro::sim {

namespace {
constexpr std::uint64_t kDialAgain_ns = 400 * kMillisecond;
constexpr std::uint64_t kSlowest_ns = 5 * kSecond;
constexpr std::uint64_t kWayClear_ns = kMillisecond;

Secret copy_of(const Secret& key) {
    return Secret(Buffer(key.reveal().begin(), key.reveal().end()));
}

host::Options options_of(const Secret& tmk, bool confused) {
    host::Options options;
    options.zone_key = pin_key(demo::kZoneKey);
    options.tmk = copy_of(tmk);
    auto& rules = options.scenario.rules;
    const auto rule = [&](host::Kind kind, std::optional<unsigned> cents, const char* code) {
        rules.insert(rules.begin(), {.kind = kind,
                                     .cents = cents,
                                     .pan_from = {},
                                     .pan_to = {},
                                     .merchant = {},
                                     .terminal = {},
                                     .code = ResponseCode(code)});
    };
    // What nobody answers would be owed for ever: the sweep of seeds is to come to its end.
    rule(host::Kind::advice, 91, "00");
    if (!confused) return options;
    rule(host::Kind::advice, std::nullopt, "30");
    rule(host::Kind::reversal, std::nullopt, "30");
    return options;
}
}  // namespace

HostActor::HostActor(Outside& outside, const config::Link& link)
    : m_out(outside),
      m_link(link),
      m_dialect(*iso8583::load_dialect(
          outside.box.paths().dialects() /
          ((link.dialect.empty() ? outside.box.config().gate.dialect : link.dialect) + ".toml"))) {
    for (const auto& address : link.addresses) m_addresses.push_back(fmt::format("{}:{}", address.host, address.port));
    start();
    open_doors();
}

// Its books are on its disk, its session keys were in its memory. What it made nothing of it does not know.
void HostActor::start() {
    const Secret& tmk = m_out.box.made().terminal_keys.at(switching::link_key_id(m_link.number).str());
    m_issuer = std::make_unique<host::Issuer>(m_dialect, pos::MacKey(tmk, {}), options_of(tmk, has(Trouble::confused)));
    for (const auto& seen : m_seen)
        if (seen.code.view() != "30") m_issuer->remember(seen);
    m_last.clear();
}

void HostActor::open_doors() {
    if (m_link.inbound) return dial();
    for (const auto& address : m_addresses)
        serve_at(address, [this](const std::shared_ptr<ActorStream>& stream) { return accept(stream); });
}

void HostActor::close_doors() {
    ++m_dials;
    for (const auto& address : m_addresses) {
        if (!m_link.inbound) serve_at(address, {});
        cut_all(address);
    }
}

// Where the box listens for its host.
void HostActor::dial() {
    const std::uint64_t mine = ++m_dials;
    auto deframer = std::make_shared<net::Deframer>(iso8583::kFrameBytesMax);
    StreamEvents events;
    events.received = [this, mine, deframer](Bytes bytes) {
        static_cast<void>(deframer->feed(bytes, [&](Bytes message) {
            if (mine == m_dials && m_dialed != nullptr) frame(m_dialed, message);
            return true;
        }));
    };
    events.closed = [this, mine] {
        m_out.world.at(kDialAgain_ns, [this, mine] {
            if (mine == m_dials) dial();
        });
    };
    m_dialed = connect_to(m_addresses.front(), std::move(events));
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

void HostActor::strike(Trouble trouble, std::uint64_t for_ns) {
    mend();
    m_trouble = trouble;
    m_mute = m_out.world.random.one_in(3);
    if (has(Trouble::down) || has(Trouble::restart)) close_doors();
    if (has(Trouble::confused) || has(Trouble::restart)) start();
    m_out.world.at(for_ns, [this, mine = m_troubles] {
        if (mine == m_troubles) mend();
    });
}

void HostActor::mend() {
    ++m_troubles;
    const auto was = std::exchange(m_trouble, std::nullopt);
    if (was == Trouble::confused) start();
    if (was == Trouble::down || was == Trouble::restart) open_doors();
}

void HostActor::frame(const std::shared_ptr<ActorStream>& stream, Bytes message) {
    const Weather& w = m_out.weather;
    if (!w.calm && m_out.percent(w.loss_percent)) {
        ++m_out.weather.lost;
        return;
    }
    host::Issuer::Answered answered = m_issuer->handle(message);
    const bool money = answered.seen.has_value();
    if (money) {
        if (host::kind_of(answered.seen->mti) == host::Kind::advice) note_advice(*answered.seen, message);
        m_seen.push_back(std::move(*answered.seen));
    }
    if (answered.frame.empty() || (has(Trouble::silent) && (money || m_mute))) return;
    const bool twice = !w.calm && m_out.percent(w.duplicate_percent);
    for (int i = 0; i < (twice ? 2 : 1); ++i) say(stream, answered.frame);
}

void HostActor::note_advice(const host::Seen& seen, Bytes message) {
    iso8583::Message fields;
    if (!iso8583::unpack(m_dialect, message, fields)) return;
    const Buffer chip = iso8583::chip_bytes_of(m_dialect, fields).value_or(Buffer());
    const auto cryptogram = iso8583::chip_tag(chip, 0x9F26);
    m_out.ears.advise(fmt::format("{}/{}", seen.terminal.view(), seen.rrn.view()),
                      cryptogram ? Buffer(cryptogram->begin(), cryptogram->end()) : Buffer());
}

void HostActor::say(const std::shared_ptr<ActorStream>& stream, Buffer frame) {
    World& world = m_out.world;
    const bool calm = m_out.weather.calm;
    const bool late = !calm && world.random.one_in(10);
    const std::uint64_t most = has(Trouble::slow) ? kSlowest_ns : late ? 6 * kSecond : m_out.weather.host_delay_max_ns;
    const std::uint64_t delay = calm ? kWayClear_ns : world.random.below(most);
    if (has(Trouble::wrong) && world.random.one_in(2))
        frame = distorted(std::move(frame));
    else
        m_last = frame;
    world.at(delay, [stream, out = std::make_shared<Buffer>(std::move(frame))] { stream->send(*out); });
}

// A wrong MAC, what it said before to another message, or the beginning of it, which spoils all that follows on the
// line.
Buffer HostActor::distorted(Buffer frame) {
    switch (m_out.world.random.below(3)) {
        case 0:
            frame.back() ^= std::byte{1};
            break;
        case 1:
            if (!m_last.empty()) frame = m_last;
            break;
        default:
            frame.resize(frame.size() / 2);
            break;
    }
    return frame;
}

}  // namespace giro::sim
