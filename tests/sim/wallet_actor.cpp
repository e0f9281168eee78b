// A phone: one signed request at a time, the same bytes again until it is answered.
#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "qr/cpm.hpp"
#include "tests/sim/actors.hpp"
#include "util/bytes.hpp"

namespace giro::sim {

namespace {
const std::string kDoor = "127.0.0.1:7803";
constexpr std::uint64_t kAnswerTimeout_ns = 8 * kSecond;

std::string request(std::string_view path, std::string_view member, Bytes body) {
    const std::string json = fmt::format(R"({{"{}":"{}"}})", member, to_hex(body));
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: sim\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: "
        "close\r\n\r\n{}",
        path, json.size(), json);
}

std::string json_text(const std::string& response, std::string_view name) {
    const std::string quoted = fmt::format("\"{}\":\"", name);
    const auto at = response.find(quoted);
    if (at == std::string::npos) return {};
    const auto from = at + quoted.size();
    return response.substr(from, response.find('"', from) - from);
}
}  // namespace

WalletActor::WalletActor(Outside& outside, std::uint32_t)
    : m_out(outside), m_key(wallet::WalletKey::create(outside.random)) {}

void WalletActor::start() {
    m_out.world.at(m_out.world.random.below(2 * kSecond), [this] { act(); });
}

wallet::PaymentOrder WalletActor::order(MinorUnits amount) {
    wallet::PaymentOrder o;
    o.amount = amount;
    o.currency = m_out.box.config().currency;
    o.counter = ++m_counter;
    o.expiry_unix_s = m_out.world.wall_ns() / kSecond + 300;
    m_out.random.fill(o.order_id);
    return o;
}

std::string WalletActor::present(MinorUnits amount) {
    auto o = order(amount);
    o.merchant = MerchantId(demo::kMerchant);
    const auto bytes = wallet::encode_order(m_key.sign(o));
    return *qr::encode_cpm({Buffer(bytes.begin(), bytes.end())});
}

void WalletActor::act() {
    World& world = m_out.world;
    const auto again = [&](std::uint64_t ns) { world.at(ns, [this] { act(); }); };
    if (!m_pending.empty()) {
        if (m_tries < kTriesMax)
            post();
        else
            m_pending.clear();
        return again(kAnswerTimeout_ns);
    }
    if (m_out.weather.calm) return again(kSecond);
    m_tries = 0;
    m_is_order = m_registered && !world.random.one_in(4);
    if (!m_is_order) {
        wallet::WalletQuery query;
        query.kind = m_registered ? wallet::QueryKind::balance : wallet::QueryKind::register_wallet;
        query.unix_s = world.wall_ns() / kSecond;
        m_out.random.fill(query.nonce);
        m_pending = request("/v1/query", "query", wallet::encode_query(m_key.sign(query)));
    } else {
        const auto amount = 1 + static_cast<MinorUnits>(world.random.below(6'000));
        if (world.random.one_in(3) && !tills.empty()) {
            tills[world.random.below(tills.size())]->hand_over(present(amount), amount);
            return again(world.random.below(2 * kSecond));
        }
        auto o = order(amount);
        if (world.random.one_in(2) && !others.empty())
            o.payee = others[world.random.below(others.size())]->address();
        else
            o.merchant = MerchantId(demo::kMerchant);
        const auto signed_order = m_key.sign(o);
        m_pending = request("/v1/order", "order", wallet::encode_order(signed_order));
        m_order_key = "order/" + to_hex(wallet::order_digest(signed_order.order)).substr(0, 12);
    }
    post();
    again(kAnswerTimeout_ns);
}

void WalletActor::post() {
    World& world = m_out.world;
    ++m_tries;
    m_in.clear();
    const std::uint64_t attempt = ++m_attempt;
    if (!m_out.weather.calm && m_out.percent(m_out.weather.loss_percent)) {
        ++m_out.weather.lost;
        return;
    }
    StreamEvents events;
    events.opened = [this, attempt] {
        if (attempt == m_attempt) m_stream->send(as_bytes(m_pending));
    };
    events.received = [this, attempt](Bytes bytes) {
        if (attempt == m_attempt) m_in += as_text(bytes);
    };
    events.closed = [this, attempt] {
        if (attempt == m_attempt) answered(std::exchange(m_in, {}));
    };
    if (m_stream != nullptr) m_stream->close();
    m_stream = connect_to(kDoor, std::move(events));
    if (!m_out.weather.calm && m_out.percent(m_out.weather.duplicate_percent)) {
        ++m_out.weather.duplicated;
        world.at(world.random.below(3 * kSecond), [this] {
            if (!m_pending.empty()) post();
        });
    }
}

void WalletActor::answered(const std::string& response) {
    if (m_out.world.traces())
        m_out.world.trace("a wallet heard " + response.substr(0, response.find("\r\n")) + " " +
                          json_text(response, "response_code") + " " + json_text(response, "why"));
    if (!response.starts_with("HTTP/1.1 200")) return;  // cut, 503: the same bytes again
    const std::string code = json_text(response, "response_code");
    // 96 may pass, or stand: a wallet that pays itself is refused by the ledger.
    if (code.empty() || ((code == "96" || code == "91") && m_tries < kPatience)) return;
    m_out.world.mix(m_counter);
    if (m_is_order)
        m_out.ears.hear({m_order_key, false, code, json_text(response, "auth_code"), m_out.world.time_ns()});
    else if (code == "00")
        m_registered = true;
    m_pending.clear();
}

}  // namespace giro::sim
