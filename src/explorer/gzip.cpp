#include "explorer/gzip.hpp"

#include <zlib.h>

#include <algorithm>

#include "giro/result.hpp"

namespace giro::explorer {

namespace {
constexpr int kLevel = 4;  // a page shrinks to a quarter; 6 takes half as long again for 2 % more
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemory = 8;

std::string_view without_space(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}
// q=0, q=0.0 and so on: not acceptable.
bool is_zero(std::string_view weight) {
    return weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string_view::npos;
}
}  // namespace

std::string gzip(std::string_view body) {
    z_stream stream{};
    ASSERT(deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, body.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

bool takes_gzip(std::string_view header) {
    while (!header.empty()) {
        const std::size_t end = std::min(header.find(','), header.size());
        const std::string_view one = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        const std::size_t semicolon = std::min(one.find(';'), one.size());
        if (without_space(one.substr(0, semicolon)) != "gzip") continue;
        return semicolon == one.size() || !is_zero(without_space(one.substr(semicolon + 1)));
    }
    return false;
}

}  // namespace giro::explorer
