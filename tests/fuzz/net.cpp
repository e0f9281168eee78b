// Streams as the gate reads them: length-framed messages and one HTTP request, whole and cut in two; numeric addresses.
#include <algorithm>

#include "net/address.hpp"
#include "net/deframer.hpp"
#include "net/http.hpp"
#include "tests/fuzz/targets.hpp"

namespace giro::fuzz {

namespace {
constexpr std::size_t kFrameBytesMax = 200;

// The input without its first byte, cut where that byte says.
struct Cut {
    Bytes whole, first, second;
    explicit Cut(Bytes input) {
        const std::size_t at = take_choice(input, 256);
        whole = input;
        first = input.first(input.size() * at / 255);
        second = input.subspan(first.size());
    }
};

constexpr net::Framing kFramings[] = {
    {},
    {.length = net::Framing::Length::binary4, .trailer = net::Framing::Trailer::etx},
    {.length = net::Framing::Length::ascii4, .counts_length = true},
    {.length = net::Framing::Length::bcd2, .trailer = net::Framing::Trailer::lrc, .counts_trailer = true},
    {.length = net::Framing::Length::bcd4, .trailer = net::Framing::Trailer::etx_lrc, .counts_length = true, .counts_trailer = true},
};

std::vector<Buffer> frames_of(const net::Framing& framing, Bytes first, Bytes second) {
    net::Deframer deframer(kFrameBytesMax, framing);
    std::vector<Buffer> frames;
    const auto take = [&](Bytes frame) {
        ASSERT(frame.size() <= kFrameBytesMax);
        frames.push_back(owned(frame));
        return frame.size() != 13;  // so that stopping is tried too
    };
    if (deframer.feed(first, take) == net::Deframer::Verdict::ok) static_cast<void>(deframer.feed(second, take));
    return frames;
}
}  // namespace

// Wherever the stream is cut, the same frames come out.
void run_net_deframer(Bytes input) {
    const net::Framing& framing = kFramings[take_choice(input, std::size(kFramings))];
    const Cut cut(input);
    ASSERT(frames_of(framing, cut.first, cut.second) == frames_of(framing, cut.whole, {}));
}
Seeds seeds_net_deframer() {
    Buffer stream{std::byte{0}, std::byte{128}};
    for (const std::size_t size : {0U, 3U, 13U, 200U}) {
        stream.push_back(std::byte{0});
        stream.push_back(static_cast<std::byte>(size));
        stream.insert(stream.end(), size, std::byte{'x'});
    }
    Seeds seeds = {stream, chosen(0, chosen(200, std::string_view("\0\3abc\0\0\1\0", 9))),
                   chosen(0, chosen(255, std::string_view("\0\1a", 3))),
                   chosen(0, chosen(70, std::string_view("\0\3ab\xff\xff\xff", 7))),
                   chosen(0, chosen(60, std::string_view("\xff\xff\0\0", 4)))};
    for (std::size_t i = 1; i < std::size(kFramings); ++i) {
        Buffer one{std::byte{90}};
        for (const std::string_view message : {"abc", "", "a longer message"}) {
            const net::Frame around = net::frame_of(kFramings[i], as_bytes(message));
            const auto add = [&](Bytes bytes) { one.insert(one.end(), bytes.begin(), bytes.end()); };
            add(Bytes(around.head).first(around.head_bytes));
            add(as_bytes(message));
            add(Bytes(around.tail).first(around.tail_bytes));
        }
        seeds.push_back(chosen(i, one));
    }
    return seeds;
}

void run_net_http(Bytes input) {
    const Cut cut(input);
    net::HttpRequestReader whole;
    static_cast<void>(whole.feed(cut.whole));
    net::HttpRequestReader parts;
    static_cast<void>(parts.feed(cut.first));
    static_cast<void>(parts.feed(cut.second));
    ASSERT(whole.state() == parts.state());
    if (whole.state() == net::HttpRequestReader::State::complete)
        ASSERT(whole.path() == parts.path() && std::ranges::equal(whole.body(), parts.body()));
    if (whole.state() == net::HttpRequestReader::State::refused)
        ASSERT(whole.error() == parts.error() &&
               net::http_response(net::http_status(whole.error()), net::to_string(whole.error()))
                   .starts_with("HTTP/1.1 "));
}

namespace {
constexpr net::HttpRules kPages{.get = true, .query = true, .more = true, .head_bytes_max = 600, .body_bytes_max = 300};

// Each request of a stream as one line, and how it ended.
std::vector<std::string> requests_of(Bytes first, Bytes second) {
    using State = net::HttpRequestReader::State;
    net::HttpRequestReader reader(kPages);
    std::vector<std::string> seen;
    for (const Bytes part : {first, second}) {
        static_cast<void>(reader.feed(part));
        for (; reader.state() == State::complete; static_cast<void>(reader.next())) {
            ASSERT(reader.path().starts_with('/') && reader.body().size() <= kPages.body_bytes_max);
            ASSERT(reader.method() == net::HttpMethod::post || reader.body().empty());
            seen.push_back(std::string(reader.path()) + '?' + std::string(reader.query()) + ' ' + std::string(as_text(reader.body())) +
                           std::string(reader.header("accept-encoding").value_or("-")) + (reader.wants_close() ? " close" : ""));
        }
    }
    if (reader.state() == State::refused) seen.emplace_back(net::to_string(reader.error()));
    return seen;
}
}  // namespace

// The explorer's door: wherever the stream is cut, the same requests come out.
void run_net_http_stream(Bytes input) {
    const Cut cut(input);
    ASSERT(requests_of(cut.first, cut.second) == requests_of(cut.whole, {}));
}
Seeds seeds_net_http_stream() {
    const std::string host = "Host: a\r\n";
    const std::string get = "GET /tx/00?from=1&x=%41 HTTP/1.1\r\n" + host;
    const std::vector<std::string> streams = {
        get + "Accept-Encoding: gzip\r\n\r\n" + get + "\r\nHEAD / HTTP/1.1\r\n" + host + "\r\n",
        "POST /verify HTTP/1.1\r\n" + host + "Connection: a, close\r\nContent-Length: 3\r\n\r\nabc" + get + "\r\n",
        get + "Content-Length: 1\r\n\r\nx",
        get + "Accept-Encoding: a\r\nAccept-Encoding: b\r\n\r\n",
        "DELETE / HTTP/1.1\r\n", "GET /?\x7f HTTP/1.1\r\n"};
    Seeds seeds;
    for (const std::string& text : streams)
        for (const std::size_t cut : {0U, 100U, 254U}) seeds.push_back(chosen(cut, text));
    return seeds;
}
Seeds seeds_net_http() {
    Seeds seeds;
    const std::string host = "Host: 127.0.0.1\r\n";
    const std::string post = "POST /v1/order HTTP/1.1\r\n";
    const std::vector<std::string> requests = {
        post + host + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        post + host + "Content-Length: 2\r\n\r\n{}x",
        "GET / HTTP/1.1\r\n" + host + "\r\n",
        "POST / HTTP/1.0\r\n\r\n",
        std::string("PO ST\r\n"),
        "POST /?a HTTP/1.1\r\n" + host,
        post + host + host,
        post + "Host: \r\n",
        post + "\r\n",
        post + host + "\r\n",
        post + "Expect: 100-continue\r\n",
        post + "Transfer-Encoding: chunked\r\n",
        post + "Content-Length: 9999999\r\n",
        post + "Content-Length: 99999\r\n",
        post + "Content-Length: 1\r\nContent-Length: 1\r\n",
        post + "no colon\r\n",
        post + "a b: c\r\n",
        post + "a: \1\r\n",
        std::string("POST / HTTP/1.1\n"),
        std::string("POST / HTTP/1.1\rX"),
        std::string("POST / HTTP/1.1\r"),
        std::string(5000, 'a')};
    for (const std::string& text : requests)
        for (const std::size_t cut : {0U, 100U, 254U}) seeds.push_back(chosen(cut, text));
    return seeds;
}

void run_net_address(Bytes input) {
    const std::string text(as_text(input));
    if (const auto address = net::parse_address(text, 7801)) {
        ASSERT(net::to_text(*address).ends_with(":7801"));
        ASSERT(net::source_of(*address)[0] != std::byte{0});
    }
}
Seeds seeds_net_address() {
    return {owned("127.0.0.1"), owned("2001:db8::1"), owned("::ffff:192.0.2.1"), owned("localhost")};
}

}  // namespace giro::fuzz
