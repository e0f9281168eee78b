#include "net/http.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "giro/result.hpp"

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
    {HttpError::bad_request_line, 400, "the request line is not METHOD /path HTTP/1.1"},
    {HttpError::bad_line_end, 400, "lines end with CR LF"},
    {HttpError::bad_header, 400, "a header line is malformed"},
    {HttpError::bad_host, 400, "exactly one Host header is required"},
    {HttpError::bad_content_length, 400, "Content-Length is malformed or repeated"},
    {HttpError::unexpected_body, 400, "GET and HEAD have no body"},
    {HttpError::trailing_bytes, 400, "bytes after the body"},
    {HttpError::method_not_allowed, 405, "this method is not served"},
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
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
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
bool all_of(std::string_view text, std::string_view others) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [others](char c) { return is_alphanumeric(c) || others.find(c) != std::string_view::npos; });
}
bool is_path(std::string_view text) noexcept {
    return text.starts_with('/') && all_of(text, "/-._~");
}
// RFC 3986 3.4
bool is_query(std::string_view text) noexcept {
    return all_of(text, "/-._~!$&'()*+,;=:@?%");
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
    if (m_state == State::complete && m_rules.more) return m_state;
    return look_for_end();
}

HttpRequestReader::State HttpRequestReader::next() {
    ASSERT(m_rules.more && m_state == State::complete);
    m_in.erase(m_in.begin(), m_in.begin() + static_cast<std::ptrdiff_t>(m_head_bytes + m_length));
    m_line_at = m_head_bytes = m_length = 0;
    m_headers.clear();
    m_has_line = m_has_host = m_has_length = false;
    m_state = State::reading;
    return m_in.empty() ? m_state : look_for_end();
}

HttpRequestReader::State HttpRequestReader::look_for_end() {
    if (m_head_bytes == 0 && !read_head()) return m_state;
    const std::size_t body = m_in.size() - m_head_bytes;
    if (body > m_length && !m_rules.more)
        static_cast<void>(refuse(HttpError::trailing_bytes));
    else if (body >= m_length)
        m_state = State::complete;
    return m_state;
}

// Line by line, so that a bad beginning is refused without waiting for the end.
bool HttpRequestReader::read_head() {
    const std::string_view all = as_text(m_in);
    for (;;) {
        const std::size_t end = all.find_first_of("\r\n", m_line_at);
        const std::size_t seen = end == std::string_view::npos ? all.size() : end + 2;
        if (seen > m_rules.head_bytes_max) return refuse(HttpError::head_too_large);
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
        } else if (!header_line(line)) {
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
    if (!method_of(method)) return refuse(HttpError::method_not_allowed);
    if (!target(path)) return refuse(HttpError::bad_request_line);
    return m_has_line = true;
}

bool HttpRequestReader::method_of(std::string_view word) {
    if (word == "POST")
        m_method = HttpMethod::post;
    else if (word == "GET" && m_rules.get)
        m_method = HttpMethod::get;
    else if (word == "HEAD" && m_rules.get)
        m_method = HttpMethod::head;
    else
        return false;
    return true;
}

bool HttpRequestReader::target(std::string_view text) {
    const std::size_t mark = m_rules.query ? text.find('?') : std::string_view::npos;
    const std::string_view path = text.substr(0, mark);
    const std::string_view query = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
    if (!is_path(path) || !is_query(query)) return false;
    m_path = path;
    m_query = query;
    return true;
}

bool HttpRequestReader::header_line(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (m_headers.size() == kHttpHeadersMax || colon == std::string_view::npos) return refuse(HttpError::bad_header);
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = without_outer_space(line.substr(colon + 1));
    if (!is_token(name) || !is_printable(value)) return refuse(HttpError::bad_header);
    const auto at = [this](std::string_view part) {
        return static_cast<std::uint32_t>(part.data() - reinterpret_cast<const char*>(m_in.data()));
    };
    m_headers.push_back({at(name), static_cast<std::uint32_t>(name.size()), at(value), static_cast<std::uint32_t>(value.size())});
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
    if (m_length > m_rules.body_bytes_max) return refuse(HttpError::body_too_large);
    return m_has_length = true;
}

bool HttpRequestReader::head_is_whole() {
    if (!m_has_host) return refuse(HttpError::bad_host);
    if (m_method == HttpMethod::post && !m_has_length) return refuse(HttpError::length_required);
    if (m_method != HttpMethod::post && m_length != 0) return refuse(HttpError::unexpected_body);
    m_head_bytes = m_line_at;
    return true;
}

std::string_view HttpRequestReader::text_at(std::uint32_t at, std::uint32_t bytes) const {
    return as_text(Bytes(m_in).subspan(at, bytes));
}

std::optional<std::string_view> HttpRequestReader::header(std::string_view lower) const {
    std::optional<std::string_view> found;
    for (const Header& h : m_headers) {
        if (!same_name(text_at(h.name, h.name_bytes), lower)) continue;
        if (found) return std::nullopt;
        found = text_at(h.value, h.value_bytes);
    }
    return found;
}

bool HttpRequestReader::wants_close() const {
    for (const Header& h : m_headers) {
        if (!same_name(text_at(h.name, h.name_bytes), "connection")) continue;
        std::string_view rest = text_at(h.value, h.value_bytes);
        while (!rest.empty()) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            if (same_name(without_outer_space(rest.substr(0, comma)), "close")) return true;
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    return false;
}

std::string http_head(int status, std::string_view fields, std::size_t content_bytes, bool keep_alive) {
    std::string_view phrase = "Status";
    for (const Phrase& p : kPhrases)
        if (p.status == status) phrase = p.text;
    std::string head = fmt::format("HTTP/1.1 {} {}\r\n{}", status, phrase, fields);
    if (status != 304) head += fmt::format("Content-Length: {}\r\n", content_bytes);
    return head += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
}

std::string http_response(int status, std::string_view json) {
    return http_head(status, "Content-Type: application/json\r\nCache-Control: no-store\r\n", json.size(), false) +
           std::string(json);
}

}  // namespace giro::net
