// What the explorer answers, before caching, compression and headers (site.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace giro::explorer {

enum class Lifetime {
    never,    // of what somebody sent: nobody keeps it
    block,    // until the next block: kept for seconds, then asked for again by its ETag
    forever,  // named by its hash and buried deep: never another
};

inline constexpr std::string_view kHtmlType = "text/html; charset=utf-8";
inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";
inline constexpr std::string_view kBytesType = "application/octet-stream";

struct Answer {
    int status = 200;
    std::string_view type = kHtmlType;
    std::string body;
    Lifetime lifetime = Lifetime::block;
    std::string location{};  // of a 303: a path here
    bool wall = false;       // for a screen on a wall: it is to be asked for again every kWallSeconds
};

// A block this deep is taken for settled for ever. (A reorganisation of more is possible in principle; whoever keeps
// an answer of this kind longer then has what was true.)
inline constexpr std::uint32_t kDeepBlocks = 6;
inline constexpr int kWallSeconds = 15;

}  // namespace giro::explorer
