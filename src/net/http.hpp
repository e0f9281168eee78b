// A strict reader for HTTP/1.1 requests (RFC 9112) with small bodies: the wallets' door and the explorer's. Pure: no
// socket, no clock. Every byte is hostile. What two parsers could read in two ways is refused, not repaired: bare LF or
// CR, repeated or odd Content-Length, any Transfer-Encoding, folded lines, space around names, no Host or two.
//
// What a door takes it says by HttpRules. A request whose line is read is refused as soon as one byte is wrong, so a
// refusal comes before the end; how long a peer may take is its connection's part (net/connections.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "giro/types.hpp"

namespace giro::net {

inline constexpr std::size_t kHttpHeadBytesMax = 4096;  // request line and header lines together
inline constexpr std::size_t kHttpHeadersMax = 64;
inline constexpr std::size_t kHttpBodyBytesMax = 8192;

enum class HttpMethod : std::uint8_t { get, head, post };

// The wallets' where nothing is said.
struct HttpRules {
    bool get = false;    // GET and HEAD, which have no body
    bool query = false;  // the target may go on after a '?'
    bool more = false;   // what follows the body is the next request; else it refuses
    std::size_t head_bytes_max = kHttpHeadBytesMax;
    std::size_t body_bytes_max = kHttpBodyBytesMax;
};

enum class HttpError : std::uint8_t {
    bad_request_line,    // 400: not "POST /path HTTP/1.1"
    bad_line_end,        // 400: CR without LF or LF without CR
    bad_header,          // 400: no colon, a name that is no token, folded, a control character, too many
    bad_host,            // 400: Host missing, repeated or empty (RFC 9112 3.2)
    bad_content_length,  // 400: repeated, or not 1 to 6 digits
    unexpected_body,     // 400: GET or HEAD with a body
    trailing_bytes,      // 400: more than one request
    method_not_allowed,  // 405: none that this door takes
    length_required,     // 411: POST without Content-Length
    body_too_large,      // 413
    expectation_failed,  // 417: an Expect header
    head_too_large,      // 431
    coding_not_served,   // 501: a Transfer-Encoding
    version_not_served,  // 505: not HTTP/1.1
};
[[nodiscard]] int http_status(HttpError error) noexcept;
[[nodiscard]] std::string_view to_string(HttpError error) noexcept;

class HttpRequestReader {
  public:
    enum class State : std::uint8_t { reading, complete, refused };
    explicit HttpRequestReader(HttpRules rules = {}) noexcept : m_rules(rules) {}
    // Takes the next bytes. After `complete` any further byte refuses, or with `more` waits for next(); after `refused`
    // nothing changes any more.
    State feed(Bytes bytes);
    // With `more`, after `complete`: begins the next request with what was read behind this one.
    State next();
    [[nodiscard]] State state() const noexcept { return m_state; }
    [[nodiscard]] HttpError error() const noexcept { return m_error; }  // when refused
    // A request has begun and is not whole.
    [[nodiscard]] bool mid_request() const noexcept { return m_state == State::reading && !m_in.empty(); }

    // When complete; views are good until the next feed() or next().
    [[nodiscard]] HttpMethod method() const noexcept { return m_method; }
    [[nodiscard]] std::string_view path() const noexcept { return m_path; }
    [[nodiscard]] std::string_view query() const noexcept { return m_query; }  // behind the '?'; empty without one
    [[nodiscard]] Bytes body() const noexcept { return Bytes(m_in).subspan(m_head_bytes, m_length); }
    // The value of the header of that name (lower case), without outer space. Nothing when it is absent or repeated:
    // what two readers could read in two ways, none of ours reads.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view lower) const;
    [[nodiscard]] bool wants_close() const;  // "Connection: close" (RFC 9112 9.6)

  private:
    struct Header {  // places in m_in
        std::uint32_t name, name_bytes, value, value_bytes;
    };
    [[nodiscard]] State look_for_end();
    [[nodiscard]] bool refuse(HttpError error) noexcept;  // always false
    [[nodiscard]] bool read_head();                       // false: refused, or the empty line is not there yet
    [[nodiscard]] bool request_line(std::string_view line);
    [[nodiscard]] bool method_of(std::string_view word);
    [[nodiscard]] bool target(std::string_view text);
    [[nodiscard]] bool header_line(std::string_view line);
    [[nodiscard]] bool content_length(std::string_view value);
    [[nodiscard]] bool head_is_whole();
    [[nodiscard]] std::string_view text_at(std::uint32_t at, std::uint32_t bytes) const;

    HttpRules m_rules;
    Buffer m_in;                   // at most a head, a body and what one feed brings
    std::size_t m_line_at = 0;     // where the next line of the head begins
    std::size_t m_head_bytes = 0;  // 0 until the empty line
    std::vector<Header> m_headers;
    bool m_has_line = false;
    bool m_has_host = false;
    bool m_has_length = false;
    std::size_t m_length = 0;
    HttpMethod m_method = HttpMethod::post;
    std::string m_path, m_query;
    State m_state = State::reading;
    HttpError m_error = HttpError::bad_request_line;
};

// "HTTP/1.1 200 OK" and the lines up to the empty one. `fields`: whole lines of further headers, each with its CR LF.
// 304 has no Content-Length.
[[nodiscard]] std::string http_head(int status, std::string_view fields, std::size_t content_bytes, bool keep_alive);
// A whole response with a JSON body; says that the connection closes after it.
[[nodiscard]] std::string http_response(int status, std::string_view json);

}  // namespace giro::net
