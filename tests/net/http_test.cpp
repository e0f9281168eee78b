#include "net/http.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <set>

namespace {
using namespace giro;
using namespace giro::net;
using namespace std::string_literals;
using State = HttpRequestReader::State;

const std::string kGood = "POST /v1/order HTTP/1.1\r\nHost: giro\r\nContent-Length: 5\r\n\r\nhello";

std::string with_headers(std::string_view lines) {
    return fmt::format("POST / HTTP/1.1\r\n{}\r\n\r\nhello", lines);
}
}  // namespace

TEST_CASE("http: a plain POST is read, in one piece or byte by byte") {
    HttpRequestReader whole;
    CHECK(whole.feed(as_bytes(kGood)) == State::complete);
    CHECK(whole.path() == "/v1/order");
    CHECK(as_text(whole.body()) == "hello");
    HttpRequestReader slow;
    for (std::size_t i = 0; i < kGood.size(); ++i) {
        CHECK(slow.state() == State::reading);
        static_cast<void>(slow.feed(as_bytes(kGood).subspan(i, 1)));
    }
    CHECK(slow.state() == State::complete);
    CHECK(as_text(slow.body()) == "hello");
}

TEST_CASE("http: header names in any case, other headers and an empty body are fine") {
    HttpRequestReader reader;
    CHECK(reader.feed(
              as_bytes("POST /a HTTP/1.1\r\nhOST:x\r\nAccept: */*\r\nX-Empty:\r\ncontent-LENGTH: \t0 \r\n\r\n")) ==
          State::complete);
    CHECK(reader.body().empty());
}

TEST_CASE("http: everything that two parsers could read in two ways is refused, with the right status") {
    struct Case {
        std::string input;
        HttpError error;
        int status;
        HttpRules rules{};
    };
    const HttpRules pages{.get = true, .query = true, .more = true, .body_bytes_max = 100};
    const std::string long_line(kHttpHeadBytesMax, 'a');
    std::string many_headers;
    for (std::size_t i = 0; i <= kHttpHeadersMax; ++i) many_headers += "X: y\r\n";
    const Case cases[] = {
        {"\r\n" + kGood, HttpError::bad_request_line, 400},
        {"POST /v1/order\r\n", HttpError::bad_request_line, 400},
        {"POST  /v1/order HTTP/1.1\r\n", HttpError::bad_request_line, 400},
        {"POST http://x/ HTTP/1.1\r\n", HttpError::bad_request_line, 400},
        {"POST /a?b HTTP/1.1\r\n", HttpError::bad_request_line, 400},
        {"POST / http/1.1\r\n", HttpError::bad_request_line, 400},
        {"P\0ST / HTTP/1.1\r\n"s, HttpError::bad_request_line, 400},
        {"POST / HTTP/1.1\nHost: x\n", HttpError::bad_line_end, 400},
        {"POST / HTTP/1.1\rHost: x\r", HttpError::bad_line_end, 400},
        {"POST / HTTP/1.1\r\nHost: x\nContent-Length: 0\r\n\r\n", HttpError::bad_line_end, 400},
        {with_headers("Host: x\r\nContent-Length 5"), HttpError::bad_header, 400},
        {with_headers("Host: x\r\nContent-Length : 5"), HttpError::bad_header, 400},
        {with_headers("Host: x\r\n folded: 1\r\nContent-Length: 5"), HttpError::bad_header, 400},
        {with_headers("Host: x\r\n: 5"), HttpError::bad_header, 400},
        {with_headers("Host: x\r\nX: a\x01"), HttpError::bad_header, 400},
        {with_headers("Host: x\r\nX: \xc3\xa9"), HttpError::bad_header, 400},
        {with_headers(many_headers + "Host: x"), HttpError::bad_header, 400},
        {with_headers("Content-Length: 5"), HttpError::bad_host, 400},
        {with_headers("Host:\r\nContent-Length: 5"), HttpError::bad_host, 400},
        {with_headers("Host: x\r\nHost: x\r\nContent-Length: 5"), HttpError::bad_host, 400},
        {with_headers("Host: x\r\nContent-Length: 5\r\nContent-Length: 5"), HttpError::bad_content_length, 400},
        {with_headers("Host: x\r\nContent-Length: 5, 5"), HttpError::bad_content_length, 400},
        {with_headers("Host: x\r\nContent-Length: +5"), HttpError::bad_content_length, 400},
        {with_headers("Host: x\r\nContent-Length: -1"), HttpError::bad_content_length, 400},
        {with_headers("Host: x\r\nContent-Length: 0x5"), HttpError::bad_content_length, 400},
        {with_headers("Host: x\r\nContent-Length:"), HttpError::bad_content_length, 400},
        {with_headers("Host: x\r\nContent-Length: 18446744073709551621"), HttpError::bad_content_length, 400},
        {kGood + "x", HttpError::trailing_bytes, 400},
        {kGood + kGood, HttpError::trailing_bytes, 400},
        {"GET / HTTP/1.1\r\n", HttpError::method_not_allowed, 405},
        {"post / HTTP/1.1\r\n", HttpError::method_not_allowed, 405},
        {with_headers("Host: x"), HttpError::length_required, 411},
        {with_headers("Host: x\r\nContent-Length: 8193"), HttpError::body_too_large, 413},
        {with_headers("Host: x\r\nExpect: 100-continue\r\nContent-Length: 5"), HttpError::expectation_failed, 417},
        {"POST /" + long_line, HttpError::head_too_large, 431},
        {with_headers("X: " + long_line), HttpError::head_too_large, 431},
        {with_headers("Host: x\r\nTransfer-Encoding: chunked"), HttpError::coding_not_served, 501},
        {with_headers("Host: x\r\nContent-Length: 5\r\ntransfer-encoding: identity"), HttpError::coding_not_served,
         501},
        {"POST / HTTP/1.0\r\n", HttpError::version_not_served, 505},
        {"PRI * HTTP/2.0\r\n", HttpError::version_not_served, 505},
        // a door that takes GET, a query and one request after another
        {"GET /a?b=<x> HTTP/1.1\r\n", HttpError::bad_request_line, 400, pages},
        {"GET /a%2fb HTTP/1.1\r\n", HttpError::bad_request_line, 400, pages},
        {"GET /a#b HTTP/1.1\r\n", HttpError::bad_request_line, 400, pages},
        {"GET * HTTP/1.1\r\n", HttpError::bad_request_line, 400, pages},
        {"GET / HTTP/1.1\nHost: x\n\n", HttpError::bad_line_end, 400, pages},
        {"GET / HTTP/1.1\r\nAccept: a\r\n b\r\n", HttpError::bad_header, 400, pages},
        {"GET / HTTP/1.1\r\n\r\n", HttpError::bad_host, 400, pages},
        {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", HttpError::unexpected_body, 400, pages},
        {"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n", HttpError::bad_content_length, 400, pages},
        {"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n", HttpError::coding_not_served, 501, pages},
        {"DELETE / HTTP/1.1\r\n", HttpError::method_not_allowed, 405, pages},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n", HttpError::body_too_large, 413, pages},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n", HttpError::bad_request_line, 400, pages},
    };
    std::set<HttpError> seen;
    for (const Case& c : cases) {
        CAPTURE(c.input);
        HttpRequestReader whole(c.rules);
        static_cast<void>(whole.feed(as_bytes(c.input)));
        if (whole.state() == State::complete) static_cast<void>(whole.next());
        CHECK(whole.state() == State::refused);
        CHECK(to_string(whole.error()) == to_string(c.error));
        CHECK(http_status(whole.error()) == c.status);
        HttpRequestReader slow(c.rules);
        for (std::size_t i = 0; i < c.input.size(); ++i)
            if (slow.feed(as_bytes(c.input).subspan(i, 1)) == State::complete && c.rules.more) static_cast<void>(slow.next());
        CHECK(slow.state() == State::refused);
        CHECK(slow.error() == c.error);
        seen.insert(c.error);
    }
    CHECK(seen.size() == static_cast<std::size_t>(HttpError::version_not_served) + 1);
}

TEST_CASE("http: where the door takes more, requests follow each other, however they are cut") {
    const HttpRules pages{.get = true, .query = true, .more = true};
    const std::string stream = "GET /a?b=%20c&d HTTP/1.1\r\nHost: x\r\nAccept: one\r\nAccept: two\r\n\r\n"
                               "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: keep-alive, Close\r\n\r\nGET"
                               "HEAD / HTTP/1.1\r\nHost: x\r\nIf-None-Match:  \"e\" \r\n\r\nGE";
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        CAPTURE(step);
        HttpRequestReader reader(pages);
        std::vector<std::string> seen;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            static_cast<void>(reader.feed(as_bytes(stream).subspan(at, std::min(step, stream.size() - at))));
            for (; reader.state() == State::complete; static_cast<void>(reader.next()))
                seen.push_back(fmt::format("{} {} {} {} {} {} {}", static_cast<int>(reader.method()), reader.path(), reader.query(),
                                           as_text(reader.body()), reader.wants_close(), reader.header("accept").value_or("-"),
                                           reader.header("if-none-match").value_or("-")));
        }
        CHECK(seen == std::vector<std::string>{"0 /a b=%20c&d  false - -", "2 /b  GET true - -", "1 /   false - \"e\""});
        CHECK(reader.state() == State::reading);
        CHECK(reader.mid_request());
    }
}

TEST_CASE("http: a request cut anywhere is still being read, never complete") {
    for (std::size_t size = 0; size < kGood.size(); ++size) {
        HttpRequestReader reader;
        CHECK(reader.feed(as_bytes(kGood).first(size)) == State::reading);
    }
}

TEST_CASE("http: a flipped bit never makes the body longer than it was or the reader crash") {
    for (std::size_t i = 0; i < kGood.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            std::string flipped = kGood;
            flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
            HttpRequestReader reader;
            if (reader.feed(as_bytes(flipped)) == State::complete) CHECK(reader.body().size() <= 5);
        }
}

TEST_CASE("http: the response says how long it is and that the connection ends") {
    CHECK(http_response(200, "{}") ==
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 2\r\n"
          "Connection: close\r\n\r\n{}");
    CHECK(http_head(304, "ETag: \"x\"\r\n", 9, true) == "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
    CHECK(http_response(503, "").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
}
