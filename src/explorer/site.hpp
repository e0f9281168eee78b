// The whole site: a request in, a reply with its headers out. Keeps what it has made until the next block, so that a
// page asked for again costs a look-up. Pure: no socket, no clock. Hostile: every request.
//
//   GET  /  /blocks  /block/:hash  /tx/:txid  /address/:address  /windows  /window/:n  /positions  /verify  /about  /wall
//   GET  /search?q=    303 to the page that it means, or 404
//   GET  /api/...      api.hpp
//   POST /verify       a receipt; 200 good, 422 not
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "explorer/answer.hpp"
#include "explorer/page_parts.hpp"

namespace giro::explorer {

struct Asked {
    bool post = false;
    std::string_view path, query, content_type, if_none_match, accept_encoding;
    std::string_view body;
};

struct Reply {
    int status = 200;
    std::string fields;                       // header lines, each with CR LF; Content-Length and Connection are the caller's
    std::shared_ptr<const std::string> body;  // never null
    std::size_t made_bytes = 0;               // what had to be made for it; 0 of what was kept
};

// What the pages say of themselves.
enum class Standing {
    current,      // they follow the chain
    catching_up,  // more blocks are being read: pages say so, the API waits (503)
    stopped,      // the chain's file cannot be followed: the same
};

class Site {
  public:
    static constexpr std::size_t kKeptBytesMax = 32U << 20;  // of answers kept, each with its path and kKeptFixed; then the oldest goes
    static constexpr std::size_t kKeptFixed = 1024;
    static constexpr std::size_t kKeptOneMax = 1U << 20;     // larger ones are made anew each time, and not compressed
    static constexpr std::size_t kGzipFrom = 600;            // bytes; what fits one packet is sent as it is

    // `index` must outlive the site.
    Site(const Index& index, std::string box, Currency currency);
    [[nodiscard]] Reply answer(const Asked& asked);
    // The index has another tip: what was kept is void.
    void changed();
    void stands(Standing standing);
    [[nodiscard]] const Look& look() const noexcept { return m_look; }

  private:
    struct Kept {
        Answer answer;
        std::string etag;
        std::shared_ptr<const std::string> plain, zipped;  // zipped is made when it is first asked for
    };
    [[nodiscard]] static Kept make(Answer answer);
    void keep(std::string_view path, Kept made);
    [[nodiscard]] static std::size_t size_of(std::string_view path, const Kept& kept);
    [[nodiscard]] bool pays_strangers() const;
    [[nodiscard]] Answer page_at(const Asked& asked) const;
    [[nodiscard]] Answer search(std::string_view query) const;
    [[nodiscard]] Answer verify(const Asked& asked) const;
    [[nodiscard]] Reply reply(Kept& kept, const Asked& asked) const;
    [[nodiscard]] Page page() const { return {m_index, m_look, m_notice}; }

    const Index& m_index;
    Look m_look;
    Standing m_standing = Standing::current;
    std::string m_notice;  // on each page; empty: nothing is to be said
    std::map<std::string, Kept, std::less<>> m_kept;  // by path
    std::deque<std::string> m_order;                  // of them, the oldest first
    std::size_t m_kept_bytes = 0;
};

}  // namespace giro::explorer
