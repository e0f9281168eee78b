// What a Bitcoin node, or whoever listens in its place, says to giro-chain: HTTP answers, the JSON in them, ZMTP.
#include <algorithm>

#include "bitcoin_node/http_answer.hpp"
#include "bitcoin_node/rpc.hpp"
#include "bitcoin_node/zmtp.hpp"
#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

using namespace bitcoin_node;

namespace {
// The input without its first byte, cut where that byte says.
std::pair<Bytes, Bytes> cut(Bytes& input) {
    const std::size_t at = take_choice(input, 256);
    const Bytes first = input.first(input.size() * at / 255);
    return {first, input.subspan(first.size())};
}
const std::string kHash(64, 'a');
}  // namespace

void run_node_http(Bytes input) {
    const auto [first, second] = cut(input);
    HttpAnswerReader whole, parts;
    static_cast<void>(whole.feed(input));
    static_cast<void>(parts.feed(first));
    static_cast<void>(parts.feed(second));
    ASSERT(whole.state() == parts.state() && whole.begun() == !input.empty());
    if (whole.state() != HttpAnswerReader::State::complete) return;
    ASSERT(whole.status() == parts.status() && whole.status() >= 200 && whole.closes() == parts.closes());
    ASSERT(std::ranges::equal(whole.body(), parts.body()) && whole.body().size() <= kHttpBodyBytesMax);
}
Seeds seeds_node_http() {
    Seeds seeds;
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    for (const std::string& text :
         {ok + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", ok + "Connection: close\r\nCONTENT-LENGTH: 0\r\n\r\n",
          std::string("HTTP/1.1 500 Internal Server Error\r\ncontent-length:\t3 \r\n\r\nabc"), std::string("HTTP/1.0 200 OK\r\n\r\n"), ok + "\r\n",
          ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", ok + "Content-Length: 8100001\r\n\r\n", ok + "Content-Length: x\r\n\r\n",
          ok + "Transfer-Encoding: chunked\r\n\r\n", ok + "no colon\r\n\r\n", ok + "a: b\nc: d\r\n\r\n", std::string(5000, 'a')})
        for (const std::size_t at : {0U, 60U, 254U}) seeds.push_back(chosen(at, text));
    return seeds;
}

// Whatever is read can be asked for again, and is within its bounds.
void run_node_answer(Bytes input) {
    if (const auto info = read_chain_info(input)) ASSERT(ask_block_hash(info->height).size() < 200 && info->network.size() <= kErrorCharsMax);
    if (const auto hash = read_hash(input)) ASSERT(ask_block(*hash) != ask_waiting_tx(*hash));
    if (const auto hashes = read_hashes(input)) ASSERT(hashes->size() <= kWaitingTxsMax);
    if (const auto raw = read_raw(input)) ASSERT(raw->size() < input.size() && tell_block(*raw).size() > 2 * raw->size() && tell_tx(*raw).size() > 2 * raw->size());
    const auto verdict = read_verdict(input);
    if (verdict) ASSERT(verdict->size() <= kErrorCharsMax && *verdict == bare_word(*verdict));
    if (!verdict && verdict.error().kind == NodeError::Kind::refused)
        ASSERT(verdict.error().text.size() <= kErrorCharsMax && std::ranges::all_of(verdict.error().text, [](char c) { return c >= 0x20 && c <= 0x7e; }));
    ASSERT(!ask_chain_info().empty() && !ask_waiting_txs().empty());
}
Seeds seeds_node_answer() {
    Seeds seeds;
    const auto add = [&](const std::string& result, const std::string& error = "null") {
        seeds.push_back(owned(R"({"result":)" + result + R"(,"error":)" + error + R"(,"id":1})"));
    };
    const std::string info = R"({"chain":"signet","blocks":7,"bestblockhash":")" + kHash + '"';
    add(info + R"(,"signet_challenge":"5120"})");
    add(info + R"(,"signet_challenge":"5"})");
    add(info + "}");
    add(R"({"chain":"signet"})");
    add(R"({"chain":"signet","blocks":4294967296,"bestblockhash":")" + kHash + "\"}");
    add('"' + kHash + '"');
    add("[\"" + kHash + "\",\"" + kHash + "\"]");
    add("[\"aa\"]");
    add("null");
    add("\"\"");
    add(R"x("bad-txns-in-belowout, value in (\\1)")x");
    add("null", R"({"code":-26,"message":"txn-mempool-conflict\u0001"})");
    add("null", R"({"code":-99999999999,"message":""})");
    add("null", R"({"code":"1","message":""})");
    add("null", "1");
    seeds.push_back(owned(R"({"result":1,"id":2})"));
    seeds.push_back(owned(std::string(40, '[')));
    return seeds;
}

namespace {
struct Heard {
    bool good = true;
    std::vector<std::pair<Notice::Topic, Buffer>> notices;
    Buffer sent;
    bool operator==(const Heard&) const = default;
};
Heard hear(Bytes first, Bytes second) {
    NoticeReader reader;
    Heard heard;
    for (const Bytes part : {first, second}) {
        if (!heard.good) break;
        heard.good = reader.feed(part, [&](const Notice& n) {
            ASSERT(reader.subscribed() && (n.topic == Notice::Topic::tx || n.body.size() == 32));
            heard.notices.emplace_back(n.topic, owned(n.body));
        });
        const Buffer out = reader.output();
        heard.sent.insert(heard.sent.end(), out.begin(), out.end());
    }
    return heard;
}
}  // namespace

// Wherever the stream is cut, the same notices come out, and the same is sent.
void run_node_notices(Bytes input) {
    const auto [first, second] = cut(input);
    const Heard whole = hear(input, {}), parts = hear(first, second);
    ASSERT(whole == parts);
}
Seeds seeds_node_notices() {
    std::string greeting(64, '\0');
    greeting[0] = '\xff';
    greeting[9] = '\x7f';
    greeting[10] = '\3';
    greeting.replace(12, 4, "NULL");
    const auto frame = [](char flags, const std::string& body) { return std::string{flags, static_cast<char>(body.size())} + body; };
    const std::string ready = frame(4, std::string("\5READY\13Socket-Type\0\0\0\3PUB", 25));
    const auto message = [&](const std::string& topic, const std::string& body) {
        return frame(1, topic) + frame(1, body) + frame(0, std::string("\1\0\0\0", 4));
    };
    const std::string long_frame("\2\0\0\0\0\0\0\0\4abcd", 13);
    Seeds seeds;
    for (const std::string& text :
         {greeting + ready + message("hashblock", std::string(32, 'h')) + message("rawtx", "tx") + message("other", "x") + frame(4, "\4PING"),
          greeting + ready + frame(1, "rawtx") + frame(1, "tx") + long_frame, greeting + ready + frame(0, "one"), greeting + frame(4, "\5ERROR"),
          greeting + frame(0, "early"), greeting + std::string("\x08\1x", 3), greeting + std::string("\6\0\0\0\0\0\0\4\1", 9), std::string(64, 'H'),
          std::string("\xff") + std::string(8, '\0') + "\x7f\3" + std::string(1, '\0') + "CURVE" + std::string(47, '\0')})
        for (const std::size_t at : {0U, 100U, 200U}) seeds.push_back(chosen(at, text));
    return seeds;
}

}  // namespace giro::fuzz
