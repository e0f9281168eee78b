// giro-bench-blast DIR PORT RATE SECONDS FIRST: payments and reversals at a steady rate whatever the box does, and what came of them,
// as one line of JSON. Unlike the terminals of `giro pos load`, which wait for an answer before they go on, each connection
// here has as many requests under way as the rate asks for: an open loop that can be beyond what the box can take. Its
// messages are made and MACed before the clock starts, so that it costs the box's cores as little as a network would.
//
// A refused payment is not reversed here: a till that does so at once would only double the load (see README).
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
#include <deque>
#include <nlohmann/json.hpp>

#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_station.hpp"
#include "appliance/giro/terminal_message.hpp"
#include "tests/bench/measure.hpp"
#include "util/bytes.hpp"

namespace {
using namespace giro;
using bench::Steady;

constexpr std::uint32_t kTerminals = 64;
constexpr std::uint64_t kReversalEvery = 20;     // each such message takes back the sale so many before it on its terminal
constexpr double kPatience_s = 10;               // for answers after the last request
constexpr std::size_t kReadBytes = 256U << 10;
constexpr int kEventsMax = 64;
constexpr std::uint32_t kStanFirst = 100;

[[noreturn]] void give_up(const std::string& why) {
    fmt::print(stderr, "giro-bench-blast: {}\n", why);
    std::exit(1);
}

struct Request {
    std::size_t from = 0, size = 0;  // in the terminal's bytes
    double meant_s = 0;
    bool is_reversal = false, answered = false;
};

class Till {
  public:
    Till(const pos::Equipment& equipment, std::uint32_t number, std::uint16_t port)
        : m_equipment(equipment), m_who(pos::identity_of(equipment.config, number)), m_builder(equipment.dialect), m_reader(equipment.dialect),
          m_rrns(m_random) {
        auto tmk = pos::load_terminal_key(demo::terminal_key_file(equipment.paths.demo(), m_who.terminal.view()));
        if (!tmk) give_up(tmk.error().what);
        m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        if (::connect(m_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("cannot connect");
        const int on = 1;
        ::setsockopt(m_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        m_session.emplace(*tmk, exchange(*tmk), m_who.mac);
    }
    ~Till() { ::close(m_fd); }
    Till(const Till&) = delete;
    Till& operator=(const Till&) = delete;

    // One more message, to leave at `meant_s`.
    void make(double meant_s, const Pan& pan) {
        const bool is_reversal = m_requests.size() % kReversalEvery == kReversalEvery - 1;
        const auto stan = kStanFirst + static_cast<std::uint32_t>(m_requests.size());
        const pos::Stamp stamp = pos::Stamp::at(m_equipment.clock.wall_ns());
        if (is_reversal) {
            if (!m_builder.reversal(m_frame, m_who, m_first, stan, stamp, *m_session)) give_up("no reversal in this dialect");
        } else {
            const pos::Sale sale{pan, {}, 1, stan, m_rrns.next(), stamp};
            if (!m_builder.purchase(m_frame, m_who, sale, *m_session)) give_up("no purchase in this dialect");
            if (m_requests.size() % kReversalEvery == 0) m_first = sale;
        }
        const Bytes bytes = m_frame.view();
        m_requests.push_back({m_bytes.size(), bytes.size(), meant_s, is_reversal});
        m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end());
    }
    // Writes what is due; what the kernel does not take stays due.
    void send_due(double now_s) {
        while (m_due < m_requests.size() && m_requests[m_due].meant_s <= now_s) m_to = m_requests[m_due].from + m_requests[m_due].size, ++m_due;
        while (m_sent < m_to) {
            const ssize_t n = ::send(m_fd, m_bytes.data() + m_sent, m_to - m_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n <= 0) return;
            m_sent += static_cast<std::size_t>(n);
        }
    }
    // Calls heard(request, code) for each answer.
    template <typename Heard>
    void receive(Heard heard) {
        const std::size_t had = m_in.size();
        m_in.resize(had + kReadBytes);
        const ssize_t n = ::recv(m_fd, m_in.data() + had, kReadBytes, MSG_DONTWAIT);
        m_in.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n == 0) give_up("the box closed a connection");
        std::size_t at = 0;
        while (m_in.size() - at >= pos::kLengthBytes) {
            const std::size_t size = load_be<std::uint16_t>(m_in.data() + at);
            if (m_in.size() - at - pos::kLengthBytes < size) break;
            const auto answer = m_reader.read(Bytes(m_in).subspan(at + pos::kLengthBytes, size));
            at += pos::kLengthBytes + size;
            if (!answer || answer->stan < kStanFirst || answer->stan - kStanFirst >= m_requests.size()) continue;
            Request& request = m_requests[answer->stan - kStanFirst];
            if (std::exchange(request.answered, true)) continue;
            heard(request, answer->code.view());
        }
        m_in.erase(m_in.begin(), m_in.begin() + static_cast<std::ptrdiff_t>(at));
    }
    [[nodiscard]] int fd() const { return m_fd; }

  private:
    vault::Nonce exchange(const Secret& tmk) {
        pos::MacKey base(tmk, {}, m_who.mac);
        // Later than any exchange of an earlier run within this second.
        const auto stan = static_cast<std::uint32_t>(m_equipment.clock.wall_ns() / 1'000 % 999'000);
        if (!m_builder.network(m_frame, m_who, pos::NetworkCode::key_exchange, stan, pos::Stamp::at(m_equipment.clock.wall_ns()), base))
            give_up("no key exchange in this dialect");
        if (::send(m_fd, m_frame.view().data(), m_frame.size, MSG_NOSIGNAL) != static_cast<ssize_t>(m_frame.size)) give_up("cannot send");
        Buffer in(pos::kLengthBytes);
        if (::recv(m_fd, in.data(), in.size(), MSG_WAITALL) != static_cast<ssize_t>(in.size())) give_up("no answer to a key exchange");
        in.resize(load_be<std::uint16_t>(in.data()));
        if (::recv(m_fd, in.data(), in.size(), MSG_WAITALL) != static_cast<ssize_t>(in.size())) give_up("no answer to a key exchange");
        const auto answer = m_reader.read(in);
        const auto key = answer ? pos::parse_new_key(answer->additional) : std::nullopt;
        if (!key) give_up(fmt::format("{} was refused a session key", m_who.terminal.view()));
        return key->nonce;
    }

    const pos::Equipment& m_equipment;
    pos::Identity m_who;
    pos::MessageBuilder m_builder;
    pos::AnswerReader m_reader;
    SystemRandom m_random;
    pos::RrnMaker m_rrns;
    std::optional<pos::MacKey> m_session;
    pos::Frame m_frame;
    pos::Sale m_first;  // of the twenty: it is the one taken back
    std::vector<Request> m_requests;
    Buffer m_bytes, m_in;
    std::size_t m_due = 0, m_to = 0, m_sent = 0;
    int m_fd = -1;
};

double percentile(std::vector<double>& values, double share) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

struct Run {
    std::vector<double> approved_ms, refused_ms, reversed_ms;
    std::uint64_t in_time = 0, reversals_refused = 0, answered = 0, sent = 0, other = 0;

    void heard(const Request& request, std::string_view code, double now_s, double seconds) {
        const double ms = (now_s - request.meant_s) * 1e3;
        const bool shed = code == "96" || code == "91";
        ++answered;
        if (request.is_reversal) {
            if (shed) ++reversals_refused;
            else reversed_ms.push_back(ms);
        } else if (code == "00") {
            approved_ms.push_back(ms);
        } else if (shed) {
            refused_ms.push_back(ms);
        } else {
            ++other;
        }
        if (now_s <= seconds && !shed) ++in_time;
    }
};

void play(std::deque<Till>& tills, double seconds, Run& run) {
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    for (Till& till : tills) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &till}};
        ::epoll_ctl(poller, EPOLL_CTL_ADD, till.fd(), &event);
    }
    const auto began = Steady::now();
    epoll_event events[kEventsMax];
    for (double now = 0; run.answered < run.sent && now < seconds + kPatience_s; now = bench::seconds_since(began)) {
        for (Till& till : tills) till.send_due(now);
        const int ready = ::epoll_wait(poller, events, kEventsMax, 1);
        const double heard_at = bench::seconds_since(began);
        for (int i = 0; i < ready; ++i)
            static_cast<Till*>(events[i].data.ptr)->receive([&](const Request& r, std::string_view code) { run.heard(r, code, heard_at, seconds); });
    }
    ::close(poller);
}
}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) give_up("usage: giro-bench-blast DIR PORT RATE SECONDS FIRST");
    const double rate = std::atof(argv[3]), seconds = std::atof(argv[4]);
    const auto equipment = pos::load_equipment({argv[1]});
    if (!equipment) give_up(equipment.error().what);
    std::deque<Till> tills;
    const auto first = static_cast<std::uint32_t>(std::atoi(argv[5]));  // of the terminals
    for (std::uint32_t i = 0; i < kTerminals; ++i) tills.emplace_back(**equipment, first + i, static_cast<std::uint16_t>(std::atoi(argv[2])));
    Run run;
    run.sent = static_cast<std::uint64_t>(rate * seconds);
    for (std::uint64_t n = 0; n < run.sent; ++n) {
        const auto card = static_cast<std::uint32_t>(n % (demo::kCardsPerBin - 1));
        tills[n % kTerminals].make(static_cast<double>(n) / rate, *Pan::parse(demo::pan("970001", card)));
    }
    play(tills, seconds, run);
    const nlohmann::json out = {{"offered_per_s", rate},
                                {"sent", run.sent},
                                {"per_second", static_cast<double>(run.in_time) / seconds},
                                {"approved", run.approved_ms.size()},
                                {"refused", run.refused_ms.size()},
                                {"reversed", run.reversed_ms.size()},
                                {"reversals_refused", run.reversals_refused},
                                {"other", run.other},
                                {"unanswered", run.sent - run.answered},
                                {"p50_ms", percentile(run.approved_ms, 0.5)},
                                {"p99_ms", percentile(run.approved_ms, 0.99)},
                                {"refused_p99_ms", percentile(run.refused_ms, 0.99)},
                                {"reversed_p99_ms", percentile(run.reversed_ms, 0.99)}};
    fmt::print("{}\n", out.dump());
    return 0;
}
