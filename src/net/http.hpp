// A strict reader for one HTTP/1.1 request (RFC 9112) with a small body: the wallets' door. Pure: no socket, no clock.
// Every byte is hostile. What two parsers could read in two ways is refused, not repaired: bare LF or CR, repeated or
// odd Content-Length, any Transfer-Encoding, folded lines, space around names, bytes after the body. POST only.
#pragma once

#include <string>

#include "giro/types.hpp"

namespace giro::net {

inline constexpr std::size_t kHttpHeadBytesMax = 4096;  // request line and header lines together
inline constexpr std::size_t kHttpHeadersMax = 64;
inline constexpr std::size_t kHttpBodyBytesMax = 8192;

enum class HttpError : std::uint8_t {
    bad_request_line,    // 400: not "POST /path HTTP/1.1"
    bad_line_end,        // 400: CR without LF or LF without CR
    bad_header,          // 400: no colon, a name that is no token, folded, a control character, too many
    bad_host,            // 400: Host missing, repeated or empty (RFC 9112 3.2)
    bad_content_length,  // 400: repeated, or not 1 to 6 digits
    trailing_bytes,      // 400: more than one request
    method_not_allowed,  // 405: not POST
    length_required,     // 411: no Content-Length
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
    // Takes the next bytes. After `complete` any further byte refuses; after `refused` nothing changes any more.
    State feed(Bytes bytes);
    [[nodiscard]] State state() const noexcept { return m_state; }
    [[nodiscard]] HttpError error() const noexcept { return m_error; }                       // when refused
    [[nodiscard]] std::string_view path() const noexcept { return m_path; }                  // when complete
    [[nodiscard]] Bytes body() const noexcept { return Bytes(m_in).subspan(m_head_bytes); }  // when complete

  private:
    [[nodiscard]] bool refuse(HttpError error) noexcept;  // always false
    [[nodiscard]] bool read_head();                       // false: refused, or the empty line is not there yet
    [[nodiscard]] bool request_line(std::string_view line);
    [[nodiscard]] bool header(std::string_view line);
    [[nodiscard]] bool content_length(std::string_view value);
    [[nodiscard]] bool head_is_whole();

    Buffer m_in;                   // at most kHttpHeadBytesMax + kHttpBodyBytesMax + what one feed brings
    std::size_t m_line_at = 0;     // where the next line of the head begins
    std::size_t m_head_bytes = 0;  // 0 until the empty line
    std::size_t m_headers = 0;
    bool m_has_line = false;
    bool m_has_host = false;
    bool m_has_length = false;
    std::size_t m_length = 0;
    std::string m_path;
    State m_state = State::reading;
    HttpError m_error = HttpError::bad_request_line;
};

// A whole response with a JSON body; says that the connection closes after it.
[[nodiscard]] std::string http_response(int status, std::string_view json);

}  // namespace giro::net
