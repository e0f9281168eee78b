#include "explorer/site.hpp"

#include <fmt/format.h>

#include "explorer/api.hpp"
#include "explorer/assets.hpp"
#include "explorer/form.hpp"
#include "explorer/gzip.hpp"
#include "explorer/pages.hpp"
#include "explorer/search.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::explorer {

namespace {
constexpr std::size_t kTagBytes = 12;

// No script, no frame, nothing from elsewhere; the one style sheet and icon are this host's own.
constexpr std::string_view kPageFields =
    "Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n"
    "Referrer-Policy: no-referrer\r\n";
// Public data for programs of any origin, which a browser is not to take for a page.
constexpr std::string_view kDataFields = "Content-Security-Policy: default-src 'none'; sandbox\r\nAccess-Control-Allow-Origin: *\r\n";

std::string_view cache_of(Lifetime lifetime) {
    switch (lifetime) {
        case Lifetime::never:
            return "no-store";
        case Lifetime::block:
            return "public, max-age=5";
        case Lifetime::forever:
            return "public, max-age=31536000, immutable";
    }
    return "no-store";
}

Answer asset(std::string_view type, std::string_view content, Lifetime lifetime) {
    Answer answer;
    answer.type = type;
    answer.body = content;
    answer.lifetime = lifetime;
    return answer;
}

struct PageRoute {
    std::string_view pattern;
    Answer (*page)(Page page, const Stars& at);
};
constexpr PageRoute kPages[] = {
    {"/", [](Page page, const Stars&) { return home_page(std::move(page)); }},
    {"/wall", [](Page page, const Stars&) { return wall_page(std::move(page)); }},
    {"/blocks", blocks_page},
    {"/blocks/*", blocks_page},
    {"/block/*", block_page},
    {"/block/*/from/*", block_page},
    {"/tx/*", tx_page},
    {"/address/*", address_page},
    {"/address/*/before/*", address_page},
    {"/windows", windows_page},
    {"/windows/*", windows_page},
    {"/window/*", window_page},
    {"/positions", [](Page page, const Stars&) { return positions_page(std::move(page)); }},
    {"/verify", [](Page page, const Stars&) { return verify_page(std::move(page)); }},
    {"/about", [](Page page, const Stars&) { return about_page(std::move(page)); }},
    {"/assets/icon.svg", [](Page, const Stars&) { return asset("image/svg+xml", icon(), Lifetime::block); }},
};
}  // namespace

Site::Site(const Index& index, std::string box, Currency currency) : m_index(index) {
    m_look.box = std::move(box);
    m_look.currency = currency;
    m_look.style_path = fmt::format("/assets/{}.css", to_hex(Bytes(sha256(as_bytes(style_sheet()))).first(kTagBytes)));
}

void Site::changed() {
    m_kept.clear();
    m_order.clear();
    m_kept_bytes = 0;
    stands(m_standing);
}

// A giro-chain that is taken over could make a chain from block 1 on, and have the banks' names under it.
bool Site::pays_strangers() const {
    if (m_index.tip_height() == 0) return false;
    std::vector<Buffer> known;
    for (const Party& party : m_index.parties()) known.push_back(party.script);
    return !settlement::pays_participants_alone(*m_index.chain().block_at(1), known);
}

void Site::stands(Standing standing) {
    std::string notice;
    if (pays_strangers()) notice = "Do not trust this chain: its block 1 pays somebody who is not among the box's participants.";
    else if (standing == Standing::catching_up) notice = "Blocks are still being read and verified: the chain goes on after what is shown here.";
    else if (standing == Standing::stopped) notice = "The chain cannot be followed any further: what is shown here may be old.";
    m_standing = standing;
    if (notice == m_notice) return;
    m_notice = std::move(notice);
    m_kept.clear();
    m_order.clear();
    m_kept_bytes = 0;
}

// What somebody puts behind a '?' changes no page but the search's.
Reply Site::answer(const Asked& asked) {
    const auto found = asked.post ? m_kept.end() : m_kept.find(asked.path);
    if (found != m_kept.end()) return reply(found->second, asked);
    Kept made = make(page_at(asked));
    Reply replied = reply(made, asked);
    replied.made_bytes = made.plain->size();
    keep(asked.path, std::move(made));
    return replied;
}

std::size_t Site::size_of(std::string_view path, const Kept& kept) {
    return kKeptFixed + 2 * path.size() + kept.plain->size() + (kept.zipped ? kept.zipped->size() : 0);
}

// There is no end of paths, so each costs what it takes.
void Site::keep(std::string_view path, Kept made) {
    if (made.answer.status != 200 || made.answer.lifetime == Lifetime::never || made.plain->size() > kKeptOneMax) return;
    if (made.plain->size() >= kGzipFrom && made.answer.type != kBytesType && !made.zipped) made.zipped = std::make_shared<const std::string>(gzip(*made.plain));
    m_kept_bytes += size_of(path, made);
    while (m_kept_bytes > kKeptBytesMax && !m_order.empty()) {
        const auto oldest = m_kept.find(m_order.front());
        m_kept_bytes -= size_of(oldest->first, oldest->second);
        m_kept.erase(oldest);
        m_order.pop_front();
    }
    m_order.emplace_back(path);
    m_kept.insert_or_assign(std::string(path), std::move(made));
}

Answer Site::page_at(const Asked& asked) const {
    if (asked.post) return asked.path == "/verify" ? verify(asked) : error_page(page(), 405, "Not here", "This site only shows; a receipt to verify goes to /verify.");
    if (asked.path.starts_with("/api/")) {
        if (m_standing == Standing::current && !m_notice.empty()) return {503, kTextType, "this is another chain than the box's", Lifetime::never};
        if (m_standing != Standing::current) return {503, kTextType, "the chain is not read to its end", Lifetime::never};
        return api_answer(m_index, asked.path);
    }
    if (asked.path == "/search") return search(asked.query);
    if (asked.path == m_look.style_path) return asset("text/css; charset=utf-8", style_sheet(), Lifetime::forever);
    for (const PageRoute& route : kPages)
        if (const auto stars = match(route.pattern, asked.path)) return route.page(page(), *stars);
    return error_page(page(), 404, "No such page", "There is nothing at this address.");
}

Answer Site::search(std::string_view query) const {
    const std::string wanted = query_value(query, "q").value_or("");
    Answer found;
    found.location = path_of(m_index, wanted);
    found.status = 303;
    if (!found.location.empty()) return found;
    return error_page(page(), 404, "Nothing found",
                      fmt::format("The chain has no block, transaction, window, address or participant \"{}\".", wanted.substr(0, kSearchCharsMax)));
}

Answer Site::verify(const Asked& asked) const {
    const std::string text = sent_receipt(asked.content_type, asked.body);
    if (text.empty()) return bad_receipt_page(page(), "form", "nothing was sent");
    std::vector<Bytes> blocks;
    for (std::uint32_t height = 0; height <= m_index.tip_height(); ++height) blocks.push_back(m_index.chain().raw_block_at(height));
    if (m_index.tip_height() == 0 || pays_strangers())
        return bad_receipt_page(page(), "block1", "block 1 of this chain pays somebody who is not among the box's participants");
    const auto good = settlement::verify_receipt(text, blocks, m_index.chain().params().challenge);
    return good ? good_receipt_page(page(), *good) : bad_receipt_page(page(), settlement::name(good.error()), settlement::describe(good.error()));
}

Site::Kept Site::make(Answer answer) {
    Kept made;
    made.plain = std::make_shared<const std::string>(std::move(answer.body));
    made.answer = std::move(answer);
    if (made.answer.lifetime != Lifetime::never)
        made.etag = fmt::format("W/\"{}\"", to_hex(Bytes(sha256(as_bytes(*made.plain))).first(kTagBytes)));
    return made;
}

Reply Site::reply(Kept& kept, const Asked& asked) const {
    static const auto kNothing = std::make_shared<const std::string>();
    const Answer& answer = kept.answer;
    Reply out;
    out.status = answer.status;
    out.fields = fmt::format("Cache-Control: {}\r\nX-Content-Type-Options: nosniff\r\n", cache_of(answer.lifetime));
    out.fields += answer.type == kHtmlType ? kPageFields : kDataFields;
    if (answer.wall) out.fields += fmt::format("Refresh: {}\r\n", kWallSeconds);
    if (answer.status == 405) out.fields += "Allow: GET, HEAD\r\n";
    if (answer.status == 303) {
        out.fields += fmt::format("Location: {}\r\n", answer.location);
        out.body = kNothing;
        return out;
    }
    out.fields += "Vary: Accept-Encoding\r\n";
    if (answer.status == 200 && !kept.etag.empty()) {
        out.fields += fmt::format("ETag: {}\r\n", kept.etag);
        // Weak comparison (RFC 9110 13.1.2): what is between the quotes.
        if (asked.if_none_match == "*" || asked.if_none_match.find(std::string_view(kept.etag).substr(2)) != std::string_view::npos) {
            out.status = 304;
            out.body = kNothing;
            return out;
        }
    }
    const bool zips = kept.plain->size() >= kGzipFrom && kept.plain->size() <= kKeptOneMax && answer.type != kBytesType;
    const bool zipped = zips && takes_gzip(asked.accept_encoding);
    if (zipped && !kept.zipped) kept.zipped = std::make_shared<const std::string>(gzip(*kept.plain));
    out.fields += fmt::format("Content-Type: {}\r\n{}", answer.type, zipped ? "Content-Encoding: gzip\r\n" : "");
    out.body = zipped ? kept.zipped : kept.plain;
    return out;
}

}  // namespace giro::explorer
