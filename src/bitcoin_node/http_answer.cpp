#include "bitcoin_node/http_answer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "util/bytes.hpp"

namespace giro::bitcoin_node {

namespace {
constexpr std::size_t kLengthDigitsMax = 7;

bool same_word(std::string_view a, std::string_view lower) noexcept {
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                      [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y; });
}
std::string_view without_outer_space(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}
// Digits and nothing else.
bool read_number(std::string_view text, std::size_t digits_max, std::size_t& out) noexcept {
    if (text.empty() || text.size() > digits_max) return false;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
    return read.ec == std::errc() && read.ptr == text.data() + text.size();
}
}  // namespace

bool HttpAnswerReader::refuse() noexcept {
    m_state = State::refused;
    return false;
}

HttpAnswerReader::State HttpAnswerReader::feed(Bytes bytes) {
    if (m_state == State::refused || bytes.empty()) return m_state;
    m_in.insert(m_in.end(), bytes.begin(), bytes.end());
    if (m_head_bytes == 0 && !read_head()) return m_state;
    const std::size_t body = m_in.size() - m_head_bytes;
    if (body > m_length)
        static_cast<void>(refuse());
    else if (body == m_length)
        m_state = State::complete;
    return m_state;
}

bool HttpAnswerReader::read_head() {
    constexpr std::string_view kEnd = "\r\n\r\n";
    const std::string_view all = as_text(m_in);
    const std::size_t end = all.substr(0, kHttpHeadBytesMax).find(kEnd);
    if (end == std::string_view::npos) return all.size() >= kHttpHeadBytesMax ? refuse() : false;
    std::string_view head = all.substr(0, end);
    for (bool first = true; first || !head.empty(); first = false) {
        const std::size_t line_end = std::min(head.find("\r\n"), head.size());
        const std::string_view line = head.substr(0, line_end);
        head.remove_prefix(std::min(line_end + 2, head.size()));
        if (line.find_first_of("\r\n") != std::string_view::npos) return refuse();
        if (!(first ? status_line(line) : header(line))) return refuse();
    }
    if (!m_has_length) return refuse();
    m_head_bytes = end + kEnd.size();
    return true;
}

// "HTTP/1.1 200 OK"
bool HttpAnswerReader::status_line(std::string_view line) {
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    std::size_t status = 0;
    if (!line.starts_with(kVersion) || !read_number(line.substr(kVersion.size(), 3), 3, status)) return false;
    const std::string_view after = line.substr(std::min(line.size(), kVersion.size() + 3));
    if (status < 200 || (!after.empty() && after.front() != ' ')) return false;
    m_status = static_cast<int>(status);
    return true;
}

bool HttpAnswerReader::header(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' || line.front() == '\t') return false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = without_outer_space(line.substr(colon + 1));
    if (same_word(name, "transfer-encoding")) return false;
    if (same_word(name, "connection")) m_closes = m_closes || same_word(value, "close");
    if (!same_word(name, "content-length")) return true;
    if (std::exchange(m_has_length, true)) return false;
    return read_number(value, kLengthDigitsMax, m_length) && m_length <= kHttpBodyBytesMax;
}

}  // namespace giro::bitcoin_node
