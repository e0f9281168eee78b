#include "net/http.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace giro::net {

namespace {
constexpr std::size_t kLengthDigitsMax = 6;
constexpr std::string_view kVersion = "HTTP/1.1";

struct Verdict {
    HttpError error;
    int status;
    std::string_view text;
};
constexpr Verdict kVerdicts[] = {
    {HttpError::bad_request_line, 400, "the request line is not POST /path HTTP/1.1"},
    {HttpError::bad_line_end, 400, "lines end with CR LF"},
    {HttpError::bad_header, 400, "a header line is malformed"},
    {HttpError::bad_host, 400, "exactly one Host header is required"},
    {HttpError::bad_content_length, 400, "Content-Length is malformed or repeated"},
    {HttpError::trailing_bytes, 400, "bytes after the body"},
    {HttpError::method_not_allowed, 405, "only POST is served"},
    {HttpError::length_required, 411, "Content-Length is required"},
    {HttpError::body_too_large, 413, "the body is too large"},
    {HttpError::expectation_failed, 417, "Expect is not served"},
    {HttpError::head_too_large, 431, "the header is too large"},
    {HttpError::coding_not_served, 501, "Transfer-Encoding is not served"},
    {HttpError::version_not_served, 505, "only HTTP/1.1 is served"},
};
const Verdict& verdict(HttpError error) noexcept {
    return kVerdicts[static_cast<std::size_t>(error)];
}

struct Phrase {
    int status;
    std::string_view text;
};
constexpr Phrase kPhrases[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

bool is_alphanumeric(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
// RFC 9110 5.6.2
bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}
bool is_path(std::string_view text) noexcept {
    return text.starts_with('/') && std::all_of(text.begin(), text.end(), [](char c) {
               return is_alphanumeric(c) || std::string_view("/-._~").find(c) != std::string_view::npos;
           });
}
bool is_printable(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 0x20 && c <= 0x7e) || c == '\t'; });
}
std::string_view without_outer_space(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}
bool same_name(std::string_view a, std::string_view lower) noexcept {
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                      [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y; });
}
}  // namespace

int http_status(HttpError error) noexcept {
    return verdict(error).status;
}
std::string_view to_string(HttpError error) noexcept {
    return verdict(error).text;
}

bool HttpRequestReader::refuse(HttpError error) noexcept {
    m_state = State::refused;
    m_error = error;
    return false;
}

HttpRequestReader::State HttpRequestReader::feed(Bytes bytes) {
    if (m_state == State::refused || bytes.empty()) return m_state;
    m_in.insert(m_in.end(), bytes.begin(), bytes.end());
    if (m_head_bytes == 0 && !read_head()) return m_state;
    const std::size_t body = m_in.size() - m_head_bytes;
    if (body > m_length)
        static_cast<void>(refuse(HttpError::trailing_bytes));
    else if (body == m_length)
        m_state = State::complete;
    return m_state;
}

// Line by line, so that a bad beginning is refused without waiting for the end.
bool HttpRequestReader::read_head() {
    const std::string_view all = as_text(m_in);
    for (;;) {
        const std::size_t end = all.find_first_of("\r\n", m_line_at);
        const std::size_t seen = end == std::string_view::npos ? all.size() : end + 2;
        if (seen > kHttpHeadBytesMax) return refuse(HttpError::head_too_large);
        if (end == std::string_view::npos) return false;
        if (all[end] == '\n') return refuse(HttpError::bad_line_end);
        if (end + 1 == all.size()) return false;
        if (all[end + 1] != '\n') return refuse(HttpError::bad_line_end);
        const std::string_view line = all.substr(m_line_at, end - m_line_at);
        m_line_at = end + 2;
        if (!m_has_line) {
            if (!request_line(line)) return false;
        } else if (line.empty()) {
            return head_is_whole();
        } else if (!header(line)) {
            return false;
        }
    }
}

bool HttpRequestReader::request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return refuse(HttpError::bad_request_line);
    const std::string_view method = line.substr(0, first);
    const std::string_view path = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(method) || !version.starts_with("HTTP/")) return refuse(HttpError::bad_request_line);
    if (version != kVersion) return refuse(HttpError::version_not_served);
    if (method != "POST") return refuse(HttpError::method_not_allowed);
    if (!is_path(path)) return refuse(HttpError::bad_request_line);
    m_path = path;
    m_has_line = true;
    return true;
}

bool HttpRequestReader::header(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (++m_headers > kHttpHeadersMax || colon == std::string_view::npos) return refuse(HttpError::bad_header);
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = without_outer_space(line.substr(colon + 1));
    if (!is_token(name) || !is_printable(value)) return refuse(HttpError::bad_header);
    if (same_name(name, "content-length")) return content_length(value);
    if (same_name(name, "transfer-encoding")) return refuse(HttpError::coding_not_served);
    if (same_name(name, "expect")) return refuse(HttpError::expectation_failed);
    if (!same_name(name, "host")) return true;
    if (m_has_host || value.empty()) return refuse(HttpError::bad_host);
    return m_has_host = true;
}

bool HttpRequestReader::content_length(std::string_view value) {
    const bool digits = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (m_has_length || value.empty() || value.size() > kLengthDigitsMax || !digits)
        return refuse(HttpError::bad_content_length);
    std::from_chars(value.data(), value.data() + value.size(), m_length);
    if (m_length > kHttpBodyBytesMax) return refuse(HttpError::body_too_large);
    return m_has_length = true;
}

bool HttpRequestReader::head_is_whole() {
    if (!m_has_host) return refuse(HttpError::bad_host);
    if (!m_has_length) return refuse(HttpError::length_required);
    m_head_bytes = m_line_at;
    return true;
}

std::string http_response(int status, std::string_view json) {
    std::string_view phrase = "Status";
    for (const Phrase& p : kPhrases)
        if (p.status == status) phrase = p.text;
    return fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
        "Connection: close\r\n\r\n{}",
        status, phrase, json.size(), json);
}

}  // namespace giro::net
