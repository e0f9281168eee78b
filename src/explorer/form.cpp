#include "explorer/form.hpp"

#include <algorithm>

#include "util/bytes.hpp"

namespace giro::explorer {

namespace {
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (text[0] != '%') {
            out += text[0] == '+' ? ' ' : text[0];
            text.remove_prefix(1);
            continue;
        }
        const auto byte = text.size() < 3 ? std::nullopt : from_hex(text.substr(1, 2));
        if (!byte) return std::nullopt;
        out += static_cast<char>(byte->front());
        text.remove_prefix(3);
    }
    return out;
}

// RFC 2046 5.1.1: bchars; a quoted boundary may hold a few more, which browsers do not use.
bool is_boundary(std::string_view text) {
    return !text.empty() && text.size() <= kBoundaryCharsMax && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("'()+_,-./:=?").find(c) != std::string_view::npos;
    });
}

constexpr std::string_view kMultipart = "multipart/form-data; boundary=";

std::string_view boundary_of(std::string_view content_type) {
    if (!content_type.starts_with(kMultipart)) return {};
    std::string_view boundary = content_type.substr(kMultipart.size());
    if (boundary.size() >= 2 && boundary.front() == '"' && boundary.back() == '"') boundary = boundary.substr(1, boundary.size() - 2);
    return is_boundary(boundary) ? boundary : std::string_view();
}

// Whether the part with these header lines is the field of that name.
bool is_field(std::string_view headers, std::string_view name) {
    constexpr std::string_view kDisposition = "form-data; name=\"";
    const std::size_t at = headers.find(kDisposition);
    if (at == std::string_view::npos) return false;
    const std::string_view rest = headers.substr(at + kDisposition.size());
    return rest.starts_with(name) && rest.substr(name.size()).starts_with('"');
}
}  // namespace

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view field = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (field.starts_with(name) && field.substr(name.size()).starts_with('=')) return percent_decoded(field.substr(name.size() + 1));
    }
    return std::nullopt;
}

std::optional<std::string_view> part_of(std::string_view content_type, std::string_view body, std::string_view name) {
    const std::string_view boundary = boundary_of(content_type);
    if (boundary.empty()) return std::nullopt;
    const std::string first = "--" + std::string(boundary);
    const std::string between = "\r\n" + first;
    if (!body.starts_with(first)) return std::nullopt;
    body.remove_prefix(first.size());
    for (std::size_t part = 0; part < kPartsMax && body.starts_with("\r\n"); ++part) {
        const std::size_t head = body.find("\r\n\r\n");
        const std::size_t end = head == std::string_view::npos ? head : body.find(between, head + 2);
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view content = end < head + 4 ? std::string_view() : body.substr(head + 4, end - head - 4);
        if (!content.empty() && is_field(body.substr(0, head), name)) return content;
        body.remove_prefix(end + between.size());
    }
    return std::nullopt;
}

std::string sent_receipt(std::string_view content_type, std::string_view body) {
    if (content_type.starts_with("application/json") || content_type.starts_with("text/plain")) return std::string(body);
    if (const auto file = part_of(content_type, body, "file")) return std::string(*file);
    std::string pasted(part_of(content_type, body, "receipt").value_or(""));
    std::erase(pasted, '\r');
    while (pasted.ends_with('\n')) pasted.pop_back();
    return pasted.empty() ? pasted : pasted + '\n';
}

}  // namespace giro::explorer
