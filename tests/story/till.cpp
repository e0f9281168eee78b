#include "tests/story/till.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "util/bytes.hpp"

namespace story {

using namespace giro;

namespace {
iso8583::Dialect shipped_dialect() {
    auto dialect =
        iso8583::load_dialect(std::filesystem::path(GIRO_SOURCE_DIR) / "firmware-config/dialects/iso1987-ascii.toml");
    REQUIRE(dialect.has_value());
    return std::move(*dialect);
}

Secret key_of(const Box& box, const TerminalId& terminal, const std::string& key) {
    if (!key.empty()) return Secret(from_hex(key).value());
    auto loaded = pos::load_terminal_key(box.file("demo/terminals/" + std::string(terminal.view()) + ".tmk"));
    REQUIRE(loaded.has_value());
    return std::move(*loaded);
}

// All of `into`, or why not.
Heard::Kind take(int fd, MutableBytes into, int timeout_ms) {
    for (std::size_t have = 0; have < into.size();) {
        pollfd readable{fd, POLLIN, 0};
        if (::poll(&readable, 1, timeout_ms) != 1) return Heard::Kind::nothing;
        const ssize_t n = ::recv(fd, into.data() + have, into.size() - have, 0);
        if (n <= 0) return Heard::Kind::closed;
        have += static_cast<std::size_t>(n);
    }
    return Heard::Kind::answer;
}
}  // namespace

Till::Till(const Box& box, unsigned number, const std::string& key)
    : m_dialect(shipped_dialect()),
      m_builder(m_dialect),
      m_reader(m_dialect),
      m_who{demo::terminal(number), MerchantId(demo::kMerchant), AcquirerId(demo::kAcquirer), 963},
      m_tmk(key_of(box, m_who.terminal, key)),
      m_base(m_tmk, {}),
      m_session(m_tmk, {}),
      m_port(box.port("7801")),
      m_rrns(m_random) {
    connect();
}

Till::~Till() {
    hang_up();
}

void Till::hang_up() {
    if (m_fd >= 0) ::close(m_fd);
    m_fd = -1;
}

void Till::connect() {
    hang_up();
    m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(m_port));
    REQUIRE(::connect(m_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

// A box that has closed the connection is heard of by hear().
void Till::send_raw(Bytes bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(m_fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
}

void Till::send(Bytes message) {
    Buffer framed(pos::kLengthBytes);
    store_be(framed.data(), static_cast<std::uint16_t>(message.size()));
    framed.insert(framed.end(), message.begin(), message.end());
    send_raw(framed);
}

Heard Till::hear(int timeout_ms) {
    Heard heard;
    ByteArray<pos::kLengthBytes> length;
    heard.kind = take(m_fd, length, timeout_ms);
    if (heard.kind != Heard::Kind::answer) return heard;
    heard.message.resize(load_be<std::uint16_t>(length.data()));
    if (heard.message.empty()) {
        heard.kind = Heard::Kind::keep_alive;
        return heard;
    }
    heard.kind = take(m_fd, heard.message, timeout_ms);
    if (heard.kind != Heard::Kind::answer) return heard;
    const auto answer = m_reader.read(heard.message);
    REQUIRE_MESSAGE(answer.has_value(), "the box sent what cannot be read");
    heard.mti = answer->mti;
    heard.code = answer->code.view();
    heard.rrn = answer->rrn.view();
    heard.terminal = answer->terminal.view();
    heard.additional = as_text(answer->additional);
    heard.has_mac = answer->has_mac;
    return heard;
}

pos::Frame Till::network(pos::NetworkCode code) {
    pos::Frame frame;
    REQUIRE(
        m_builder.network(frame, m_who, code, ++m_stan, pos::Stamp::at(SystemClock{}.wall_ns()), m_base).has_value());
    return frame;
}

pos::Sale Till::sale(MinorUnits amount, std::string_view bin, unsigned card) {
    const auto pan = Pan::parse(demo::pan(bin, card));
    REQUIRE(pan.has_value());
    return {*pan, {}, amount, ++m_stan, m_rrns.next(), pos::Stamp::at(SystemClock{}.wall_ns())};
}

pos::Frame Till::purchase(const pos::Sale& sale) {
    pos::Frame frame;
    REQUIRE(m_builder.purchase(frame, m_who, sale, m_session).has_value());
    return frame;
}

pos::Frame Till::reversal(const pos::Sale& sale) {
    pos::Frame frame;
    REQUIRE(m_builder.reversal(frame, m_who, sale, ++m_stan, pos::Stamp::at(SystemClock{}.wall_ns()), m_session)
                .has_value());
    return frame;
}

vault::Nonce Till::new_key() {
    const Heard answer = say(network(pos::NetworkCode::key_exchange));
    REQUIRE(answer == "00");
    const auto key = pos::parse_new_key(as_bytes(answer.additional));
    REQUIRE(key.has_value());
    CHECK(pos::MacKey(m_tmk, key->nonce).kcv() == key->kcv);
    return key->nonce;
}

void Till::use(const vault::Nonce& nonce) {
    m_session = pos::MacKey(m_tmk, nonce);
}

bool Till::is_from_box(const Heard& answer, const vault::Nonce& nonce) {
    const std::size_t covered = answer.message.size() - sizeof(vault::Mac8);
    return answer.has_mac && pos::MacKey(m_tmk, nonce)
                                 .verify(Bytes(answer.message).first(covered), Bytes(answer.message).subspan(covered));
}

}  // namespace story
