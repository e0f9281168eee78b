// giro-bench-blast DIR PORT RATE SECONDS patient|hasty: a steady rate of payments and reversals whatever the box does, and what came
// of them, as one line of JSON. Unlike the terminals of `giro pos load`, which wait for an answer before they go on, each connection
// (an acquirer's, with fifteen terminals behind it) has as many requests under way as the rate asks for: an open loop that can be
// beyond what the box can take. First messages are made and MACed before the clock starts, so that they cost the box's cores as little
// as a network would.
//
// What is refused for want of time (96, 91), tills do not forget:
//   patient  it is repeated (0201) after a pause that grows, five times, and then taken back, as README asks of tills. A repeat
//            takes the place of a new payment: RATE is of both together.
//   hasty    it is taken back at once: a reversal beside RATE for each payment that was refused.
// The tail after SECONDS is that of what had begun by then.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_station.hpp"
#include "appliance/giro/terminal_message.hpp"
#include "tests/bench/measure.hpp"
#include "util/bytes.hpp"

namespace {
using namespace giro;
using bench::Steady;

constexpr std::uint32_t kConnections = 64, kTerminalsEach = 15;  // many terminals: of one the box takes only so many reversals of what it does not know
constexpr std::uint64_t kReversalEvery = 20;  // each such message takes back the sale so many before it on its connection
constexpr double kPauseFirst_s = 0.25;        // as giro pos: 1/4, 1/2, 1, 2 and 4 s
constexpr unsigned kRepeats = 5;
constexpr double kPatience_s = 20;            // for answers after the last request
constexpr std::size_t kReadBytes = 256U << 10;
constexpr int kEventsMax = 64;
constexpr std::uint32_t kStanFirst = 100;

enum class Conduct { patient, hasty };

[[noreturn]] void give_up(const std::string& why) {
    fmt::print(stderr, "giro-bench-blast: {}\n", why);
    std::exit(1);
}

struct Request {
    std::size_t from = 0, size = 0;  // of a first message, in its connection's bytes
    double meant_s = 0;              // when it, or its last repeat, was to leave
    std::uint32_t terminal = 0;      // of the connection's
    pos::Sale sale{};                // of a reversal, the one it takes back
    unsigned repeats = 0;
    bool is_reversal = false;
    bool of_refused = false;  // takes back what was never taken
    bool answered = false;
};

// One terminal: its session.
struct Station {
    Station(const pos::Equipment& equipment, std::uint32_t number) : who(pos::identity_of(equipment.config, number)) {
        auto key = pos::load_terminal_key(demo::terminal_key_file(equipment.paths.demo(), who.terminal.view()));
        if (!key) give_up(key.error().what);
        tmk = std::move(*key);
    }
    pos::Identity who;
    Secret tmk;
    std::optional<pos::MacKey> session;
    pos::Sale first;  // of the twenty: it is the one taken back
};

// An acquirer's connection.
class Till {
  public:
    Till(const pos::Equipment& equipment, std::uint32_t first, std::uint16_t port)
        : m_equipment(equipment), m_builder(equipment.dialect), m_reader(equipment.dialect), m_rrns(m_random) {
        m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        if (::connect(m_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("cannot connect");
        const int on = 1;
        ::setsockopt(m_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        for (std::uint32_t i = 0; i < kTerminalsEach; ++i) {
            Station& station = m_stations.emplace_back(equipment, first + i);
            station.session.emplace(station.tmk, exchange(station), station.who.mac);
        }
    }
    ~Till() { ::close(m_fd); }
    Till(const Till&) = delete;
    Till& operator=(const Till&) = delete;

    // One more first message, not yet due.
    void make(const Pan& pan) {
        const bool is_reversal = m_requests.size() % kReversalEvery == kReversalEvery - 1;
        const auto terminal = static_cast<std::uint32_t>(m_requests.size() / kReversalEvery % kTerminalsEach);
        Station& station = m_stations[terminal];
        const pos::Stamp stamp = pos::Stamp::at(m_equipment.clock.wall_ns());
        Request request{.terminal = terminal, .is_reversal = is_reversal};
        if (is_reversal) {
            request.sale = station.first;
            build_reversal(station, station.first, stan_of(m_requests.size()));
        } else {
            request.sale = pos::Sale{pan, {}, 1, stan_of(m_requests.size()), m_rrns.next(), stamp};
            build_purchase(station, request.sale, false);
            if (m_requests.size() % kReversalEvery == 0) station.first = request.sale;
        }
        const Bytes bytes = m_frame.view();
        request.from = m_bytes.size();
        request.size = bytes.size();
        m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end());
        m_requests.push_back(std::move(request));
        m_made = m_requests.size();
    }
    // A place in the rate: a repeat whose pause is over, else, if there may be `more`, the next first message. True if that left.
    bool take_turn(double meant_s, bool more) {
        if (!m_again.empty() && m_again.begin()->first <= meant_s) {
            Request& request = m_requests[m_again.extract(m_again.begin()).mapped()];
            request.meant_s = meant_s;
            build_purchase(m_stations[request.terminal], request.sale, true);
            write(m_frame.view());
            return false;
        }
        if (!more || m_next == m_made) return false;
        Request& request = m_requests[m_next++];
        request.meant_s = meant_s;
        write(Bytes(m_bytes).subspan(request.from, request.size));
        return true;
    }
    // What the kernel does not take waits.
    void flush() {
        if (m_out.empty()) return;
        const ssize_t n = ::send(m_fd, m_out.data() + m_out_sent, m_out.size() - m_out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        m_out_sent += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
        if (m_out_sent < m_out.size()) return;
        m_out.clear();
        m_out_sent = 0;
    }
    // Calls heard(request, code) for each answer to what waits for one.
    template <typename Heard>
    void receive(Heard heard) {
        const std::size_t had = m_in_size;
        if (m_in.size() < had + kReadBytes) m_in.resize(had + kReadBytes);
        const ssize_t n = ::recv(m_fd, m_in.data() + had, kReadBytes, MSG_DONTWAIT);
        if (n == 0) give_up("the box closed a connection");
        m_in_size += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
        std::size_t at = 0;
        while (m_in_size - at >= pos::kLengthBytes) {
            const std::size_t size = load_be<std::uint16_t>(m_in.data() + at);
            if (m_in_size - at - pos::kLengthBytes < size) break;
            const auto answer = m_reader.read(Bytes(m_in).subspan(at + pos::kLengthBytes, size));
            at += pos::kLengthBytes + size;
            if (!answer || answer->stan < kStanFirst || answer->stan - kStanFirst >= m_requests.size()) continue;
            const std::size_t index = answer->stan - kStanFirst;
            if (!m_requests[index].answered) heard(index, answer->code.view());
        }
        std::memmove(m_in.data(), m_in.data() + at, m_in_size - at);
        m_in_size -= at;
    }
    [[nodiscard]] Request& request(std::size_t index) { return m_requests[index]; }
    void repeat_later(std::size_t index, double now_s) {
        Request& request = m_requests[index];
        m_again.emplace(now_s + kPauseFirst_s * static_cast<double>(1U << request.repeats), index);
        ++request.repeats;
    }
    // Now, whatever the rate.
    void take_back(std::size_t index, double now_s) {
        Request back{.meant_s = now_s, .terminal = m_requests[index].terminal, .sale = m_requests[index].sale, .is_reversal = true, .of_refused = true};
        build_reversal(m_stations[back.terminal], back.sale, stan_of(m_requests.size()));
        m_requests.push_back(std::move(back));
        write(m_frame.view());
    }
    [[nodiscard]] int fd() const { return m_fd; }

  private:
    static std::uint32_t stan_of(std::size_t index) { return kStanFirst + static_cast<std::uint32_t>(index); }
    void build_purchase(Station& station, const pos::Sale& sale, bool repeat) {
        if (!m_builder.purchase(m_frame, station.who, sale, *station.session, repeat)) give_up("no purchase in this dialect");
    }
    void build_reversal(Station& station, const pos::Sale& sale, std::uint32_t stan) {
        const pos::Stamp stamp = pos::Stamp::at(m_equipment.clock.wall_ns());
        if (!m_builder.reversal(m_frame, station.who, sale, stan, stamp, *station.session)) give_up("no reversal in this dialect");
    }
    void write(Bytes bytes) { m_out.insert(m_out.end(), bytes.begin(), bytes.end()); }
    vault::Nonce exchange(Station& station) {
        pos::MacKey base(station.tmk, {}, station.who.mac);
        // Later than any exchange of an earlier run within this second.
        const auto stan = static_cast<std::uint32_t>(m_equipment.clock.wall_ns() / 1'000 % 999'000);
        if (!m_builder.network(m_frame, station.who, pos::NetworkCode::key_exchange, stan, pos::Stamp::at(m_equipment.clock.wall_ns()), base))
            give_up("no key exchange in this dialect");
        if (::send(m_fd, m_frame.view().data(), m_frame.size, MSG_NOSIGNAL) != static_cast<ssize_t>(m_frame.size)) give_up("cannot send");
        Buffer in(pos::kLengthBytes);
        if (::recv(m_fd, in.data(), in.size(), MSG_WAITALL) != static_cast<ssize_t>(in.size())) give_up("no answer to a key exchange");
        in.resize(load_be<std::uint16_t>(in.data()));
        if (::recv(m_fd, in.data(), in.size(), MSG_WAITALL) != static_cast<ssize_t>(in.size())) give_up("no answer to a key exchange");
        const auto answer = m_reader.read(in);
        const auto key = answer ? pos::parse_new_key(answer->additional) : std::nullopt;
        if (!key) give_up(fmt::format("{} was refused a session key", station.who.terminal.view()));
        return key->nonce;
    }

    const pos::Equipment& m_equipment;
    pos::MessageBuilder m_builder;
    pos::AnswerReader m_reader;
    SystemRandom m_random;
    pos::RrnMaker m_rrns;
    std::deque<Station> m_stations;
    pos::Frame m_frame;
    std::deque<Request> m_requests;               // by STAN; references stay good
    std::size_t m_made = 0, m_next = 0;           // first messages; sent of them
    std::multimap<double, std::size_t> m_again;   // repeats, by when they are due
    Buffer m_bytes, m_in, m_out;
    std::size_t m_in_size = 0, m_out_sent = 0;
    int m_fd = -1;
};

double percentile(std::vector<double>& values, double share) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

struct Run {
    Conduct conduct = Conduct::patient;
    double seconds = 0;
    std::vector<double> approved_ms, refused_ms, reversed_ms;
    std::uint64_t in_time = 0, reversals_refused = 0, repeated = 0, taken_back = 0, other = 0, sent = 0, waiting = 0;
    double last_s = 0;  // the last answer of all

    void heard(Till& till, std::size_t index, std::string_view code, double now_s) {
        Request& request = till.request(index);
        const double ms = (now_s - request.meant_s) * 1e3;
        const bool shed = code == "96" || code == "91";
        last_s = now_s;
        if (now_s <= seconds && !shed && !request.of_refused) ++in_time;
        if (shed && !request.is_reversal) {
            refused_ms.push_back(ms);
            if (conduct == Conduct::patient && request.repeats < kRepeats) {
                ++repeated;
                return till.repeat_later(index, now_s);
            }
            ++taken_back;
            till.take_back(index, now_s);
            ++waiting;
        } else if (request.is_reversal) {
            if (shed) ++reversals_refused;
            else reversed_ms.push_back(ms);
        } else if (code == "00") {
            approved_ms.push_back(ms);
        } else {
            ++other;
        }
        till.request(index).answered = true;
        --waiting;
    }
};

void play(std::deque<Till>& tills, double rate, Run& run) {
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    for (Till& till : tills) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &till}};
        ::epoll_ctl(poller, EPOLL_CTL_ADD, till.fd(), &event);
    }
    const auto began = Steady::now();
    epoll_event events[kEventsMax];
    std::uint64_t turns = 0;
    for (double now = 0; now < run.seconds || (run.waiting > 0 && now < run.seconds + kPatience_s); now = bench::seconds_since(began)) {
        for (const auto due = static_cast<std::uint64_t>(now * rate); turns < due; ++turns)
            if (tills[turns % tills.size()].take_turn(static_cast<double>(turns) / rate, now < run.seconds)) ++run.sent, ++run.waiting;
        for (Till& till : tills) till.flush();
        const int ready = ::epoll_wait(poller, events, kEventsMax, 1);
        const double heard_at = bench::seconds_since(began);
        for (int i = 0; i < ready; ++i) {
            Till& till = *static_cast<Till*>(events[i].data.ptr);
            till.receive([&](std::size_t index, std::string_view code) { run.heard(till, index, code, heard_at); });
        }
    }
    ::close(poller);
}
}  // namespace

int main(int argc, char** argv) {
    const std::string_view conduct = argc == 6 ? argv[5] : "";
    if (conduct != "patient" && conduct != "hasty") give_up("usage: giro-bench-blast DIR PORT RATE SECONDS patient|hasty");
    const double rate = std::atof(argv[3]);
    Run run;
    run.seconds = std::atof(argv[4]);
    run.conduct = conduct == "hasty" ? Conduct::hasty : Conduct::patient;
    const auto equipment = pos::load_equipment({argv[1]});
    if (!equipment) give_up(equipment.error().what);
    std::deque<Till> tills;
    for (std::uint32_t i = 0; i < kConnections; ++i)
        tills.emplace_back(**equipment, 1 + i * kTerminalsEach, static_cast<std::uint16_t>(std::atoi(argv[2])));
    const auto all = static_cast<std::uint64_t>(rate * run.seconds) + kConnections;
    for (std::uint64_t n = 0; n < all; ++n)
        tills[n % kConnections].make(*Pan::parse(demo::pan("970001", static_cast<std::uint32_t>(n % (demo::kCardsPerBin - 1)))));
    play(tills, rate, run);
    const nlohmann::json out = {{"offered_per_s", rate},
                                {"sent", run.sent},
                                {"per_second", static_cast<double>(run.in_time) / run.seconds},
                                {"approved", run.approved_ms.size()},
                                {"refused", run.refused_ms.size()},
                                {"repeated", run.repeated},
                                {"taken_back", run.taken_back},
                                {"reversed", run.reversed_ms.size()},
                                {"reversals_refused", run.reversals_refused},
                                {"other", run.other},
                                {"unanswered", run.waiting},
                                {"tail_s", std::max(0.0, run.last_s - run.seconds)},
                                {"p50_ms", percentile(run.approved_ms, 0.5)},
                                {"p99_ms", percentile(run.approved_ms, 0.99)},
                                {"refused_p99_ms", percentile(run.refused_ms, 0.99)},
                                {"reversed_p99_ms", percentile(run.reversed_ms, 0.99)}};
    fmt::print("{}\n", out.dump());
    return 0;
}
