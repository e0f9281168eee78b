// What a node says, byte by byte: HTTP answers, JSON-RPC results, ZMTP. Good ones, every cut, and each way to be wrong.
#include <doctest/doctest.h>

#include "bitcoin_node/http_answer.hpp"
#include "bitcoin_node/rpc.hpp"
#include "bitcoin_node/zmtp.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::bitcoin_node;
using State = HttpAnswerReader::State;

namespace {
State after(std::string_view text) {
    HttpAnswerReader reader;
    return reader.feed(as_bytes(text));
}
const std::string kHash = "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6";
std::string result(const std::string& value) { return R"({"result":)" + value + R"(,"error":null,"id":1})"; }
}  // namespace

TEST_CASE("node's answer: status, length and body, however it is cut") {
    const std::string text = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\ncontent-length:  4 \r\n\r\nbody";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        HttpAnswerReader reader;
        static_cast<void>(reader.feed(as_bytes(std::string_view(text).substr(0, cut))));
        if (cut < text.size()) CHECK(reader.state() == State::reading);
        static_cast<void>(reader.feed(as_bytes(std::string_view(text).substr(cut))));
        REQUIRE(reader.state() == State::complete);
        CHECK(reader.status() == 500);
        CHECK(as_text(reader.body()) == "body");
        CHECK_FALSE(reader.closes());
        CHECK(reader.feed(as_bytes("x")) == State::refused);
        reader.clear();
        CHECK(reader.feed(as_bytes("HTTP/1.1 401\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n")) == State::complete);
        CHECK(reader.closes());
        CHECK(reader.body().empty());
    }
}

TEST_CASE("node's answer: what is none, or could be read in two ways, is refused") {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    for (const std::string& text :
         {std::string("HTTP/1.0 200 OK\r\n\r\n"), std::string("HTTP/1.1 20 OK\r\n\r\n"), std::string("HTTP/1.1 100 Continue\r\n\r\n"),
          std::string("HTTP/1.1 2000\r\nContent-Length: 0\r\n\r\n"), std::string("SSH-2.0-x\r\n\r\n"), ok + "\r\n", ok + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
          ok + "Content-Length: -1\r\n\r\n", ok + "Content-Length: 8100001\r\n\r\n", ok + "Content-Length: 99999999\r\n\r\n", ok + "Content-Length: \r\n\r\n",
          ok + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", ok + "no colon\r\n\r\n", ok + ": x\r\n\r\n", ok + " folded: x\r\n\r\n",
          ok + "a: b\nContent-Length: 0\r\n\r\n", ok + "Content-Length: 0\r\n\r\nx", std::string(kHttpHeadBytesMax, 'a')})
        CHECK_MESSAGE(after(text) == State::refused, text);
    CHECK(after(ok + "Content-Length: 8100000\r\n\r\n") == State::reading);
}

TEST_CASE("node's answer: results become values, errors keep their code, anything else is malformed") {
    const auto info = read_chain_info(as_bytes(result(R"({"chain":"signet","blocks":7,"bestblockhash":")" + kHash + R"(","signet_challenge":"51"})")));
    REQUIRE(info);
    CHECK(info->network == "signet");
    CHECK(info->height == 7);
    CHECK(chain::hash_text(info->best) == kHash);
    CHECK(info->challenge == Buffer{std::byte{0x51}});
    CHECK(read_chain_info(as_bytes(result(R"({"chain":"main","blocks":0,"bestblockhash":")" + kHash + R"("})")))->challenge.empty());
    CHECK(chain::hash_text(*read_hash(as_bytes(result('"' + kHash + '"')))) == kHash);
    CHECK(*read_raw(as_bytes(result(R"("00ff")"))) == Buffer{std::byte{0}, std::byte{0xff}});
    CHECK(read_hashes(as_bytes(result("[\"" + kHash + "\"]")))->size() == 1);
    CHECK(read_verdict(as_bytes(result("null")))->empty());
    CHECK(*read_verdict(as_bytes(result(R"x("bad-version(0x00000003)")x"))) == "bad-version");
    CHECK(*read_verdict(as_bytes(result(R"("bad-txns-in-belowout, value in (1) < value out")"))) == "bad-txns-in-belowout");

    const auto error = read_hash(as_bytes(R"({"result":null,"error":{"code":-26,"message":"txn-mempool-conflict\u0007"},"id":1})"));
    REQUIRE_FALSE(error);
    CHECK(error.error().kind == NodeError::Kind::refused);
    CHECK(error.error().code == kVerifyRejected);
    CHECK(error.error().text == "txn-mempool-conflict?");

    const auto malformed = [](const auto& answer) { return !answer && answer.error().kind == NodeError::Kind::malformed; };
    for (const char* text : {"", "[]", "{}", "null", R"({"result":1,"id":2})", R"({"result":1})", R"({"error":1,"result":1,"id":1})",
                             R"({"error":{"code":"1","message":""},"result":1,"id":1})", R"({"error":{"code":1},"result":1,"id":1})", R"({"result":"ab",)"}) {
        CHECK(malformed(read_hash(as_bytes(text))));
        CHECK(malformed(read_raw(as_bytes(text))));
        CHECK(malformed(read_hashes(as_bytes(text))));
        CHECK(malformed(read_verdict(as_bytes(text))));
        CHECK(malformed(read_chain_info(as_bytes(text))));
    }
    CHECK(malformed(read_hash(as_bytes(result(R"("00")")))));
    CHECK(malformed(read_raw(as_bytes(result(R"("0g")")))));
    CHECK(malformed(read_hashes(as_bytes(result(R"(["00"])")))));
    CHECK(malformed(read_verdict(as_bytes(result(R"("")")))));
    for (const char* value : {"[]", R"({"chain":"signet"})"}) CHECK(malformed(read_chain_info(as_bytes(result(value)))));
    CHECK(malformed(read_chain_info(as_bytes(result(R"({"chain":"signet","blocks":2147483648,"bestblockhash":")" + kHash + R"("})")))));
    CHECK(malformed(read_chain_info(as_bytes(result(R"({"chain":"signet","blocks":1,"bestblockhash":")" + kHash + R"(","signet_challenge":"5"})")))));
    std::string many = "[1";
    for (std::size_t i = 0; i < kJsonValuesMax; ++i) many += ",1";
    CHECK(malformed(read_hashes(as_bytes(result(many + "]")))));
    CHECK(malformed(read_hash(as_bytes(std::string(1'000'000, '[')))));  // and no memory is used up by it
    CHECK(read_verdict(as_bytes(result('"' + std::string(40, '[') + '"'))));  // in text they are no nesting
}

namespace {
// The other side of the handshake, and messages as a node sends them.
std::string greeting() {
    std::string text(64, '\0');
    text[0] = '\xff';
    text[9] = '\x7f';
    text[10] = '\3';
    text[11] = '\1';
    text.replace(12, 4, "NULL");
    return text;
}
std::string frame(char flags, const std::string& body) {
    return body.size() < 256 ? std::string{flags, static_cast<char>(body.size())} + body
                             : std::string{static_cast<char>(flags | 2), 0, 0, 0, 0, 0, 0, static_cast<char>(body.size() >> 8), static_cast<char>(body.size())} + body;
}
const std::string kReadyFrame = frame(4, std::string("\5READY\13Socket-Type\0\0\0\3PUB", 25));
std::string message(const std::string& topic, const std::string& body, const std::string& number = std::string("\7\0\0\0", 4)) {
    return frame(1, topic) + frame(1, body) + frame(0, number);
}
struct Heard {
    std::vector<std::string> all;
    bool good = true;
    std::string sent;
    NoticeReader reader;
    void feed(std::string_view text) {
        good = good && reader.feed(as_bytes(text), [&](const Notice& n) {
                   all.push_back((n.topic == Notice::Topic::block ? "block " : "tx ") + std::to_string(n.body.size()) + " " + std::to_string(n.number));
               });
        const Buffer out = reader.output();
        sent += as_text(out);
    }
};
}  // namespace

TEST_CASE("node's notices: greeting, handshake, both wishes, then blocks and txs, however they are cut") {
    const std::string stream = greeting() + kReadyFrame + message("hashblock", std::string(32, 'h')) + message("rawtx", std::string(300, 't'), std::string("\0\1\0\0", 4)) +
                               message("sequence", "passed over") + message("hashblock", "short") + frame(0, "one part") + frame(4, "\4PING");
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        Heard heard;
        heard.feed({});
        CHECK(heard.sent.size() == 64);
        heard.feed(std::string_view(stream).substr(0, cut));
        heard.feed(std::string_view(stream).substr(cut));
        CHECK(heard.good);
        CHECK(heard.all == std::vector<std::string>{"block 32 7", "tx 300 256"});
        CHECK(heard.reader.subscribed());
        const std::string ready = frame(4, std::string("\5READY\13Socket-Type\0\0\0\3SUB", 25));
        CHECK(heard.sent.substr(64) == ready + frame(0, "\1hashblock") + frame(0, "\1rawtx"));
    }
}

TEST_CASE("node's notices: another protocol, an older one, another mechanism and frames beyond every bound are refused") {
    const auto refused = [](const std::string& text) {
        Heard heard;
        heard.feed(text);
        return !heard.good;
    };
    CHECK(refused("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"));
    std::string old = greeting();
    old[10] = 1;
    CHECK(refused(old));
    std::string curve = greeting();
    curve.replace(12, 5, "CURVE");
    CHECK(refused(curve));
    CHECK(refused(greeting() + frame(4, "\5ERROR")));
    CHECK(refused(greeting() + frame(0, "before the handshake")));
    CHECK(refused(greeting() + std::string("\x08\1x", 3)));
    CHECK(refused(greeting() + std::string("\5\1x", 3)));
    CHECK(refused(greeting() + std::string("\6\0\0\0\0\0\0\4\1", 9)));
    CHECK(refused(greeting() + kReadyFrame + std::string("\2\0\0\0\0\0\x3d\x09\1", 9)));
    CHECK_FALSE(refused(greeting() + kReadyFrame + std::string("\2\0\0\0\0\0\x3d\x09\0", 9)));
    std::string endless = greeting() + kReadyFrame;
    for (int i = 0; i < 300; ++i) endless += frame(1, "more");
    CHECK(refused(endless));
}
