#include "fixture.hpp"

#include <set>

#include "net/framed.hpp"

namespace {
using namespace giro;
using namespace giro::gate;
using namespace std::string_literals;
using net::ClientSocket;

struct Answer {
    std::string mti, response_code, stan;
};
// The answers in a stream of frames.
std::vector<Answer> answers(const std::string& stream) {
    std::vector<Answer> out;
    net::Deframer deframer(iso8583::kFrameBytesMax);
    const auto verdict = deframer.feed(as_bytes(stream), [&](Bytes frame) {
        iso8583::Message m;
        REQUIRE(iso8583::unpack(dialect(), frame, m).has_value());
        out.push_back({std::string(m.mti()), std::string(m.field(39)), std::string(m.field(11))});
        return true;
    });
    REQUIRE(verdict == net::Deframer::Verdict::ok);
    return out;
}
// What the gate itself answers to one frame.
Answer refusal_of(Fixture& f, ClientSocket& client, Bytes frame) {
    const std::size_t before = answers(client.received()).size();
    client.send(framed(frame));
    REQUIRE(f.until([&] { return answers(client.received()).size() == before + 1; }));
    return answers(client.received()).back();
}
}  // namespace

TEST_CASE("gate: a terminal's request reaches the switch and the answer its terminal") {
    Fixture f;
    ClientSocket first(f.gate->ports().terminals);
    ClientSocket second(f.gate->ports().terminals);
    const Buffer frame = purchase();
    first.send(framed(frame));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    second.send(framed(frame));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == 2; }));
    const auto& seen = f.fake_switch.requests;
    CHECK(seen[0].raw == frame);
    CHECK(seen[0].stan == 4711);
    CHECK(seen[0].connection != seen[1].connection);
    f.fake_switch.answer(seen[1].connection, as_bytes("to the second"));
    f.fake_switch.answer(seen[0].connection, as_bytes("to the first"));
    CHECK(f.until([&] { return second.received() == framed(as_bytes("to the second")); }));
    CHECK(f.until([&] { return first.received() == framed(as_bytes("to the first")); }));
    CHECK(f.gate->flow().in_flight() == 0);
}

TEST_CASE("gate: the switch may close a connection after its answer") {
    Fixture f;
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(purchase()));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.fake_switch.answer(f.fake_switch.requests[0].connection, as_bytes("bye"), true);
    CHECK(f.closes(client));
    CHECK(client.received() == framed(as_bytes("bye")));
}

TEST_CASE("gate: an answer for a connection that is gone is dropped and counted, and reaches no other") {
    Fixture f;
    ClientSocket other(f.gate->ports().terminals);
    {
        ClientSocket client(f.gate->ports().terminals);
        client.send(framed(purchase()));
        CHECK(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    }
    CHECK(f.until([&] { return f.gate->connections().size() == 1; }));
    CHECK(f.gate->flow().in_flight() == 0);
    ClientSocket newcomer(f.gate->ports().terminals);
    CHECK(f.until([&] { return f.gate->connections().size() == 2; }));
    f.fake_switch.answer(f.fake_switch.requests[0].connection, as_bytes("late"));
    CHECK(f.until([&] { return f.events.count(Event::reply_for_gone) == 1; }));
    CHECK(other.received().empty());
    CHECK(newcomer.received().empty());
}

TEST_CASE("gate: a request that will not be answered is no longer in flight, and nothing is sent for it") {
    Fixture f;
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(purchase()) + framed(purchase()));
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 2; }));
    f.fake_switch.answer(f.fake_switch.requests[0].connection, {});
    f.fake_switch.answer(f.fake_switch.requests[1].connection, as_bytes("ok"));
    CHECK(f.until([&] { return !client.received().empty(); }));
    CHECK(client.received() == framed(as_bytes("ok")));
    CHECK(f.gate->flow().in_flight() == 0);
}

TEST_CASE("gate: requests that wait for a silent issuer do not keep the others from being read") {
    Fixture f;
    // 32 connections of one merchant, each with what one connection may have in flight; the switch, which is well, answers
    // none of them yet: it waits for an issuer, or they are repeats of one request that waits.
    constexpr std::size_t kConnections = kInFlightMax / kInFlightPerTerminalMax;
    std::string burst;
    for (std::size_t i = 0; i < kInFlightPerTerminalMax; ++i) burst += framed(purchase());
    std::vector<std::unique_ptr<ClientSocket>> merchant;
    for (std::size_t i = 0; i < kConnections; ++i) {
        merchant.push_back(std::make_unique<ClientSocket>(f.gate->ports().terminals));
        merchant.back()->send(burst);
        REQUIRE(f.until([&] { return f.fake_switch.requests.size() == (i + 1) * kInFlightPerTerminalMax; }));
    }
    ClientSocket other(f.gate->ports().terminals);
    other.send(framed(purchase()));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == kInFlightMax + 1; }));
}

TEST_CASE("gate: it answers 30 to a broken request and 12 to a type that is not served, and goes on") {
    Fixture f;
    ClientSocket client(f.gate->ports().terminals);
    Buffer frame = purchase();
    const Answer broken = refusal_of(f, client, Bytes(frame).first(frame.size() - 1));
    CHECK(broken.mti == "0210");
    CHECK(broken.response_code == "30");
    CHECK(broken.stan == "004711");
    iso8583::Message m;
    fill_purchase(m);
    m.set_mti("0620");
    const Answer unknown = refusal_of(f, client, packed(m));
    CHECK(unknown.mti == "0630");
    CHECK(unknown.response_code == "12");
    CHECK(f.fake_switch.requests.empty());
    client.send(framed(frame));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == 1; }));
}

TEST_CASE("gate: a frame without a message type, one too long, or an answer closes the connection") {
    Fixture f;
    iso8583::Message m;
    fill_purchase(m);
    m.set_mti("0210");
    const std::string inputs[] = {framed(as_bytes("garbage")), framed(as_bytes("02")), "\x10\x01"s, framed(packed(m))};
    for (const std::string& input : inputs) {
        ClientSocket client(f.gate->ports().terminals);
        client.send(input);
        CHECK(f.closes(client));
        CHECK(client.received().empty());
    }
    CHECK(f.events.count(Event::frame_unreadable) == 2);
    CHECK(f.events.count(Event::frame_too_large) == 1);
    CHECK(f.events.count(Event::answer_from_terminal) == 1);
    CHECK(f.fake_switch.requests.empty());
}

TEST_CASE("gate: frames of zero length are answered once a second and otherwise ignored") {
    Fixture f;
    f.fake_switch.echoes = true;
    ClientSocket client(f.gate->ports().terminals);
    const std::string frame = framed(purchase());
    client.send("\0\0\0\0\0\0"s + frame);
    CHECK(f.until([&] { return client.received() == "\0\0"s + frame; }));
}

TEST_CASE("gate: a thousand frames of garbage and every flipped bit of a purchase leave it serving") {
    Fixture f;
    f.fake_switch.echoes = true;
    std::uint64_t state = 20'261'122;  // a fixed seed: the same garbage in every run
    const auto next = [&state] {
        return static_cast<unsigned char>((state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U) >>
                                          56);
    };
    for (int i = 0; i < 1'000; ++i) {
        std::string garbage(next() % 64U + 4, '\0');
        for (char& c : garbage) c = static_cast<char>(next());
        if (i % 2 == 0) garbage.replace(0, 4, "0200");  // every other one gets past the message type
        ClientSocket client(f.gate->ports().terminals);
        client.send(framed(as_bytes(garbage)));
        if (i % 2 == 0)
            CHECK(f.until([&] { return client.received().size() > 2; }));
        else
            CHECK(f.closes(client));
    }
    Buffer frame = purchase();
    for (std::size_t at = 0; at < frame.size(); ++at) {
        ClientSocket client(f.gate->ports().terminals);
        frame[at] ^= std::byte{0x10};
        client.send(framed(frame));
        CHECK(f.until([&] { return client.poll_closed() || client.received().size() > 2; }));
        frame[at] ^= std::byte{0x10};
    }
    f.fake_switch.requests.clear();
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(frame));
    CHECK(f.until([&] { return client.received() == framed(frame); }));
}

TEST_CASE("gate: a terminal with a certificate is served over TLS") {
    Fixture f;
    f.fake_switch.echoes = true;
    const net::Identity terminal = net::make_identity(f.ca, "terminal", "clientAuth");
    net::TlsClient client(f.loop, f.gate->ports().terminals_tls, {&f.ca, &terminal});
    REQUIRE(client.handshake());
    const std::string frame = framed(purchase());
    client.send(frame);
    CHECK(client.receive(frame.size()));
    CHECK(client.received() == frame);
    net::TlsClient without(f.loop, f.gate->ports().terminals_tls, {&f.ca});
    static_cast<void>(without.handshake());
    CHECK_FALSE(without.receive(1));
}

TEST_CASE("gate: one terminal's unanswered requests are bounded, and reading goes on as they are answered") {
    Fixture f;
    ClientSocket client(f.gate->ports().terminals);
    const std::string frame = framed(purchase());
    const std::size_t total = 3'000;
    std::string all;
    for (std::size_t i = 0; i < total; ++i) all += frame;
    std::size_t sent = 0;
    const auto push = [&] { sent += client.send_some(std::string_view(all).substr(sent)); };
    CHECK(f.until([&] {
        push();
        return f.fake_switch.requests.size() >= kInFlightPerTerminalMax;
    }));
    const std::size_t one_read = net::kReadBytes / frame.size() + 1;
    CHECK(f.gate->flow().in_flight() <= kInFlightPerTerminalMax + one_read);
    std::size_t answered = 0;
    CHECK(f.until([&] {
        push();
        CHECK(f.gate->flow().in_flight() <= kInFlightPerTerminalMax + one_read);
        for (; answered < f.fake_switch.requests.size(); ++answered)
            f.fake_switch.answer(f.fake_switch.requests[answered].connection, as_bytes("ok"));
        return client.received().size() == total * 4;
    }));
    CHECK(f.gate->flow().in_flight() == 0);
}

TEST_CASE("gate: while the switch is silent nobody is read, and all goes on when it speaks") {
    Fixture f;
    f.fake_switch.decides = false;
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(purchase()));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.clock.advance_ms(5'000);
    CHECK(f.until([&] { return f.gate->flow().silent(); }));
    CHECK(f.events.count(Event::switch_silent) == 1);
    f.fake_switch.answer(f.fake_switch.requests[0].connection, as_bytes("ok"));
    CHECK(f.until([&] { return !f.gate->flow().silent(); }));
    CHECK(f.events.count(Event::switch_heard) == 1);
    CHECK_FALSE(f.gate->connections().reading_held());
}

TEST_CASE("gate: where the switch is behind, new payments hear 96 without a MAC; repeats, reversals and the day's end go on to it") {
    Fixture f;
    f.fake_switch.decides = false;
    ClientSocket first(f.gate->ports().terminals), client(f.gate->ports().terminals);
    first.send(framed(purchase()));
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.clock.advance_ms(3ULL * f.config.gate.wait_max_ms);
    first.send(framed(purchase()));  // one may find out
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 2; }));
    iso8583::Message m;
    const auto sent = [&](auto fill, const char* mti) {
        fill(m);
        m.set_mti(mti);
        return packed(m);
    };
    for (const char* mti : {"0100", "0200"}) {
        const Answer refused = refusal_of(f, client, sent(fill_purchase, mti));
        CHECK(refused.response_code == "96");
        CHECK(refused.stan == "004711");
        CHECK(refused.mti[2] == '1');
    }
    CHECK(refusal_of(f, client, sent(fill_echo, "0800")).response_code == "96");
    CHECK(refusal_of(f, client, sent(fill_purchase, "0201")).response_code == "96");  // of what never came to the switch
    CHECK(f.events.count(Event::overload_refused) == 4);
    ClientSocket elsewhere(f.gate->ports().terminals);
    std::size_t passed = 2;
    const auto passes = [&](const Buffer& frame) {
        elsewhere.send(framed(frame));
        ++passed;
        CHECK(f.until([&] { return f.fake_switch.requests.size() == passed; }));
    };
    for (const char* mti : {"0201", "0101", "0220", "0221"}) passes(sent(fill_purchase, mti));
    for (const char* mti : {"0320", "0400", "0401", "0420"}) passes(sent(fill_reversal, mti));
    passes(sent(fill_reconciliation, "0500"));
    f.fake_switch.send(bus::MessageType::decided, bus::Decided{f.clock.wall_ns()});
    CHECK(f.until([&] {
        client.send(framed(purchase()));
        return f.fake_switch.requests.size() > passed;
    }));
}

TEST_CASE("gate: what takes back a payment that was refused here waits its turn behind the switch's room; other reversals do not, and none is lost") {
    Fixture f;
    f.fake_switch.decides = false;
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(purchase()));
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.clock.advance_ms(3ULL * f.config.gate.wait_max_ms);
    client.send(framed(purchase()));  // one may find out
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 2; }));
    iso8583::Message m;
    fill_purchase(m);
    m.set_number(11, 4714, 6);
    CHECK(refusal_of(f, client, packed(m)).response_code == "96");
    fill_reversal(m);
    m.set(90, "020000471411221530000000097000200000000000");
    const Buffer hasty = packed(m);
    m.set(90, "020000471211221530000000097000200000000000");  // of a payment that was not refused
    m.set_number(11, 4713, 6);
    const Buffer other = packed(m);
    constexpr std::size_t kShare = kUndecidedUnknown / kUndoingShare, kMore = 20;
    for (std::size_t i = 0; i < kShare + kMore; ++i) client.send(framed(hasty));
    m.set_mti("0401");
    m.set(90, "020000471411221530000000097000200000000000");
    m.set_number(11, 4711, 6);
    client.send(framed(packed(m)));  // the repeat of one that waits is that one
    client.send(framed(other));
    const auto arrived = [&] { return f.fake_switch.requests.size() - 2; };
    CHECK(f.until([&] { return arrived() == kShare + 2; }));  // nothing was decided for long: one finds out
    CHECK(f.fake_switch.requests.back().stan == 4713);
    f.fake_switch.send(bus::MessageType::decided, bus::Decided{f.clock.wall_ns()});
    CHECK(f.until([&] { return arrived() == kShare + kMore + 1; }));
    CHECK(f.fake_switch.requests.back().stan == 4711);
    // What a switch had is lost with it and never decided; what waits is asked one by one until the next one says so.
    for (const auto& request : f.fake_switch.requests) f.fake_switch.answer(request.connection, as_bytes("ok"));  // so that it is read again
    for (std::size_t i = 0; i < kShare; ++i) client.send(framed(hasty));
    CHECK(f.until([&] { return arrived() == 2 * kShare + 2; }));
    f.clock.advance_ms(10ULL * f.config.gate.wait_max_ms);
    f.fake_switch.decides = true;
    CHECK(f.until([&] { return arrived() == 2 * kShare + kMore + 1; }));
}

TEST_CASE("gate: a clean end: terminals are read no more, what comes back still leaves, and it ends when the switch has done its part") {
    Fixture f;
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(purchase()));
    REQUIRE(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    int ended = 0;
    f.gate->close([&] { ++ended; });
    REQUIRE(f.until([&] { return f.fake_switch.closings == 1; }));
    CHECK(f.gate->connections().reading_held());
    client.send(framed(purchase()));
    f.fake_switch.send_raw(static_cast<std::uint16_t>(bus::MessageType::closing), {});
    f.fake_switch.answer(f.fake_switch.requests[0].connection, as_bytes("ok"));
    f.fake_switch.send_raw(static_cast<std::uint16_t>(bus::MessageType::closed), {});
    REQUIRE(f.until([&] { return ended == 1; }));
    CHECK(f.until([&] { return client.received().size() == 4; }));
    CHECK(f.fake_switch.requests.size() == 1);
    CHECK(f.gate->connections().reading_held());
    f.gate->close([&] { ended += 10; });  // asked again: what was to be done is done
    CHECK(ended == 1);
}

TEST_CASE("gate: an end that nobody hears of, or that is asked for twice, waits for nobody") {
    Fixture f;
    int ended = 0;
    f.gate->close([&] { ++ended; });
    CHECK(ended == 0);
    f.gate->close([&] { ended += 10; });
    CHECK(ended == 1);
    Fixture unheard;
    unheard.gate->close([&] { ++ended; });
    CHECK(unheard.until([&] { return ended == 2; }));  // after kCloseHeardMax_ms
}

TEST_CASE("gate: requests that are never answered are given up, so that they don't count for ever") {
    Fixture f;
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(purchase()));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    f.clock.advance_ms(kAnswerGivenUp_ms);
    CHECK(f.until([&] { return f.gate->flow().in_flight() == 0; }));
    CHECK(f.events.count(Event::answers_missing) == 1);
    CHECK(f.gate->connections().size() == 1);
}

TEST_CASE("gate: records of the switch that don't decode, or that are for somebody else, are dropped and counted") {
    Fixture f;
    ClientSocket client(f.gate->ports().terminals);
    client.send(framed(purchase()));
    CHECK(f.until([&] { return f.fake_switch.requests.size() == 1; }));
    using bus::MessageType;
    f.fake_switch.send_raw(static_cast<std::uint16_t>(MessageType::frame_out), as_bytes("short"));
    f.fake_switch.send_raw(static_cast<std::uint16_t>(MessageType::close_window), {});
    CHECK(f.until([&] { return f.events.count(Event::bus_malformed) == 2; }));
    bus::WalletReply reply;
    reply.connection = f.fake_switch.requests[0].connection;
    f.fake_switch.send(MessageType::wallet_reply, reply);
    f.fake_switch.send(MessageType::link_frame_out, bus::LinkFrameOut{7, as_bytes("x")});
    CHECK(f.until([&] { return f.events.count(Event::reply_misdirected) == 2; }));
    f.fake_switch.answer(reply.connection, as_bytes("ok"));
    CHECK(f.until([&] { return client.received() == framed(as_bytes("ok")); }));
}

namespace {
// An issuer's host on a port of its own: keeps what it gets.
class Host final : public net::FramedProtocol {
  public:
    struct State {
        net::Connection* connection = nullptr;
        std::vector<std::string> frames;
    };
    Host(const Clock& clock, State& state) : FramedProtocol(clock, iso8583::kFrameBytesMax), m_state(state) {}
    void opened(net::Connection& connection) override { m_state.connection = &connection; }
    void closed(net::Connection&, net::CloseReason) override { m_state.connection = nullptr; }

  private:
    void frame(net::Connection&, Bytes frame) override { m_state.frames.emplace_back(as_text(frame)); }
    State& m_state;
};
}  // namespace

TEST_CASE("gate: an issuer link carries both ways, says when it goes down, and comes back") {
    // The host listens on a loop of its own, turned inside the gate's waits.
    net::ManualClock clock;
    bus::Loop host_loop;
    Host::State host;
    auto listening = std::make_unique<net::Connections>(host_loop, clock, net::Limits{});
    net::ListenOptions options;
    options.host = "127.0.0.1";
    options.setting = "host";
    options.make = [&](net::ConnectionId) { return std::make_unique<Host>(clock, host); };
    const std::uint16_t port = *listening->listen(options);
    Fixture f({{"gamma-host", {{"127.0.0.1", port}}, 3, {"970003"}}});
    const auto until = [&](const std::function<bool()>& done) {
        return f.until([&] {
            event_base_loop(host_loop.base(), EVLOOP_NONBLOCK);
            return done();
        });
    };
    const auto state_is = [&](bool up) {
        return until([&] { return !f.fake_switch.link_states.empty() && f.fake_switch.link_states.back().connections == (up ? 1 : 0); });
    };
    CHECK(state_is(true));
    f.fake_switch.send(bus::MessageType::link_frame_out, bus::LinkFrameOut{0, as_bytes("to the issuer")});
    CHECK(until([&] { return host.frames == std::vector<std::string>{"to the issuer"}; }));

    iso8583::Message m;
    fill_purchase(m);
    m.set_mti("0210");
    m.set(39, "00");
    net::send_frame(*host.connection, packed(m));
    CHECK(until([&] { return f.fake_switch.requests.size() == 1; }));
    CHECK(f.fake_switch.requests[0].source == PaymentRequest::Source::link);
    CHECK(f.fake_switch.requests[0].connection != 0);
    CHECK(f.fake_switch.requests[0].response_code.view() == "00");
    CHECK(f.gate->flow().in_flight() == 0);

    Buffer broken = packed(m);
    broken.pop_back();
    net::send_frame(*host.connection, broken);
    CHECK(until([&] { return f.events.count(Event::answer_unusable) == 1; }));
    net::send_frame(*host.connection, purchase());
    CHECK(until([&] { return host.frames.size() == 2; }));
    CHECK(answers(framed(as_bytes(host.frames[1])))[0].response_code == "12");

    f.fake_switch.link_states.clear();
    host.connection->close();
    CHECK(until([&] { return !f.fake_switch.link_states.empty() && f.fake_switch.link_states.front().connections == 0; }));
    CHECK(state_is(true));
    CHECK(f.events.count(Event::link_up) == 2);
}

TEST_CASE("gate: the state of a link is said again every second, also while it is down") {
    Fixture f({{"nowhere", {{"127.0.0.1", 1}}, 3, {}, {}}});
    CHECK(f.until([&] { return f.fake_switch.link_states.size() >= 3; }));
    for (const bus::LinkState& state : f.fake_switch.link_states) CHECK(state.connections == 0);
    f.fake_switch.send(bus::MessageType::link_frame_out, bus::LinkFrameOut{0, as_bytes("x")});
    CHECK(f.until([&] { return f.events.count(Event::link_frame_lost) == 1; }));
}

TEST_CASE("gate: each port has its own dialect and framing, and answers in them") {
    const net::Framing trailed{.length = net::Framing::Length::ascii4, .trailer = net::Framing::Trailer::etx_lrc};
    Fixture f({}, {{"bcd", {"127.0.0.1", 0}, false, "iso1987-bcd", trailed}, {"plain", {"127.0.0.1", 0}, false, "", {}}});
    const auto framed_by = [](const net::Framing& framing, Bytes message) {
        const net::Frame around = net::frame_of(framing, message);
        return std::string(as_text(Bytes(around.head).first(around.head_bytes))) + std::string(as_text(message)) +
               std::string(as_text(Bytes(around.tail).first(around.tail_bytes)));
    };
    iso8583::Message m;
    fill_purchase(m);
    const Buffer bcd = packed(m, f.fake_switch.dialects[1]);
    f.fake_switch.echoes = true;
    net::ClientSocket own(f.gate->ports().terminals), other(f.gate->ports().more[0]), plain(f.gate->ports().more[1]);
    own.send(framed(purchase()));
    other.send(framed_by(trailed, bcd));
    plain.send(framed(purchase()));
    CHECK(f.until([&] { return own.received() == framed(purchase()); }));
    CHECK(f.until([&] { return other.received() == framed_by(trailed, bcd); }));
    CHECK(f.until([&] { return plain.received() == framed(purchase()); }));
    std::multiset<int> seen;
    for (const auto& request : f.fake_switch.requests) seen.insert(request.dialect);
    CHECK(seen == std::multiset<int>{0, 0, 1});
    // What the gate itself says is in the port's dialect too.
    fill_echo(m);
    m.remove(11);
    other.send(framed_by(trailed, packed(m, f.fake_switch.dialects[1])));
    const std::size_t echoed = framed_by(trailed, bcd).size();
    REQUIRE(f.until([&] { return other.received().size() > echoed + 6; }));
    const std::string refusal = other.received().substr(echoed + 4);
    REQUIRE(iso8583::unpack(f.fake_switch.dialects[1], as_bytes(refusal).first(refusal.size() - 2), m).has_value());
    CHECK(m.field(39) == "30");
    // A frame of another port's dialect is none of this one's.
    own.send(framed(bcd));
    CHECK(f.closes(own));
}

TEST_CASE("gate: a port in use stops the start with exit code 2 and the setting's name") {
    Fixture f;
    f.config.gate.wallets.port = f.gate->ports().terminals;
    const auto second = f.open();
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().exit_code() == 2);
    CHECK(second.error().what.find("gate.wallets") != std::string::npos);
}
