// The site as a browser sees it: pages, headers, caching, receipts. No socket.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <zlib.h>

#include "chain/address.hpp"
#include "explorer/assets.hpp"
#include "explorer/form.hpp"
#include "explorer/gzip.hpp"
#include "explorer/site.hpp"
#include "tests/explorer/world.hpp"
#include "util/bytes.hpp"

using namespace giro;
using namespace giro::explorer;
namespace t = giro::explorer::test;
namespace st = giro::settlement::test;

namespace {
const Index& shared() {
    static const Index made = t::index();
    return made;
}
Site site() {
    return Site(shared(), "demo <box>", 963);
}
Reply get(Site& at, std::string_view path, std::string_view query = "", std::string_view encoding = "", std::string_view tag = "") {
    Asked asked;
    asked.path = path;
    asked.query = query;
    asked.accept_encoding = encoding;
    asked.if_none_match = tag;
    return at.answer(asked);
}
Reply post(Site& at, std::string_view type, std::string_view body, std::string_view path = "/verify") {
    Asked asked;
    asked.post = true;
    asked.path = path;
    asked.content_type = type;
    asked.body = body;
    return at.answer(asked);
}
bool has(std::string_view text, std::string_view words) {
    return text.find(words) != std::string_view::npos;
}
std::string field(const Reply& reply, std::string_view name) {
    const auto at = reply.fields.find(fmt::format("{}: ", name));
    if (at == std::string::npos) return {};
    const auto from = at + name.size() + 2;
    return reply.fields.substr(from, reply.fields.find("\r\n", from) - from);
}
std::string unzipped(std::string_view body) {
    std::string out(1U << 20, '\0');
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

// Every element that opens also closes, in order.
void check_well_formed(std::string_view html) {
    std::vector<std::string> open;
    for (std::size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at + 1)) {
        if (html.substr(at).starts_with("<!doctype")) continue;
        const bool closes = html[at + 1] == '/';
        const std::size_t from = at + (closes ? 2 : 1);
        const std::string name(html.substr(from, html.find_first_of(" >", from) - from));
        if (closes) {
            REQUIRE(!open.empty());
            REQUIRE(open.back() == name);
            open.pop_back();
        } else if (name != "meta" && name != "link" && name != "input") {
            open.push_back(name);
        }
    }
    CHECK(open.empty());
}
std::vector<std::string> all_paths() {
    std::vector<std::string> paths = {"/", "/wall", "/blocks", "/blocks/50", "/windows", "/windows/2", "/window/1", "/window/4", "/positions", "/verify", "/about"};
    for (const std::uint32_t height : {0U, 1U, 50U, 101U, 102U}) paths.push_back("/block/" + chain::hash_text(shared().block(height).hash));
    for (TxNumber n = 0; n < shared().tx_count(); n += 10) paths.push_back("/tx/" + chain::hash_text(shared().tx(n).txid));
    for (const Party& party : shared().parties()) paths.push_back("/address/" + chain::encode_address(party.script).value());
    paths.push_back(paths.back() + "/before/" + chain::hash_text(chain::txid(st::world().settled[3].tx)));
    return paths;
}
}  // namespace

TEST_CASE("pages: every page is well formed, has one heading, a language, and nothing from elsewhere") {
    Site at = site();
    for (const std::string& path : all_paths()) {
        CAPTURE(path);
        const Reply reply = get(at, path);
        CHECK(reply.status == 200);
        CHECK(field(reply, "Content-Type") == "text/html; charset=utf-8");
        const std::string& html = *reply.body;
        check_well_formed(html);
        CHECK(html.starts_with("<!doctype html>\n<html lang=\"en\">"));
        CHECK(html.find("<h1>") == html.rfind("<h1>"));
        CHECK(has(html, "<h1>"));
        for (const char* no : {"<script", "style=", "http:", "https:", "javascript:", " on", "<b>beta</b>", "<box>"})
            if (std::string_view(no) != " on" || has(html, " onclick")) CHECK_FALSE_MESSAGE(has(html, no), no);
    }
}

TEST_CASE("pages: links lead to pages that are there") {
    Site at = site();
    std::set<std::string> seen;
    for (const std::string& path : all_paths()) {
        const std::string html = *get(at, path).body;
        for (std::size_t from = html.find("href=\""); from != std::string::npos; from = html.find("href=\"", from + 1)) {
            const std::string to = html.substr(from + 6, html.find('"', from + 6) - from - 6);
            if (to.starts_with('#') || !seen.insert(to).second) continue;
            CHECK_MESSAGE(get(at, to).status == 200, to);
        }
    }
    CHECK(seen.size() > 100);
}

TEST_CASE("pages: what they say is the chain's") {
    Site at = site();
    const auto& settled = st::world().settled[0];
    const std::string window = *get(at, "/window/1").body;
    CHECK(has(window, chain::hash_text(chain::txid(settled.tx))));
    CHECK(has(window, to_hex(settled.window.root)));
    for (const auto& net : settled.window.nets)
        if (net.net > 0) CHECK(has(window, "+" + amount_text(net.net)));
    CHECK(has(*get(at, "/tx/" + chain::hash_text(chain::txid(settled.tx))).body, "Settles window 1"));
    CHECK(has(*get(at, "/positions").body, "&lt;b&gt;beta&lt;/b&gt;"));
    CHECK(has(*get(at, "/").body, "demo &lt;box&gt;"));
    CHECK(amount_text(123456789) == "1,234,567.89");
    CHECK(amount_text(-5) == "\xe2\x88\x92" "0.05");
    CHECK(amount_text(0) == "0.00");
    CHECK(grouped(1000) == "1,000");
}

TEST_CASE("pages: a strict policy stands on every answer, good or bad") {
    Site at = site();
    for (const std::string path : {"/", "/nowhere", "/search", "/verify"}) {
        const Reply reply = get(at, path);
        const std::string csp = field(reply, "Content-Security-Policy");
        CHECK(csp.starts_with("default-src 'none'; style-src 'self';"));
        CHECK(has(csp, "require-trusted-types-for 'script'"));
        CHECK_FALSE(has(csp, "unsafe"));
        CHECK(field(reply, "X-Content-Type-Options") == "nosniff");
        CHECK(field(reply, "Referrer-Policy") == "no-referrer");
    }
    CHECK(has(field(get(at, "/api/blocks"), "Content-Security-Policy"), "sandbox"));
    CHECK(field(get(at, "/api/blocks"), "Access-Control-Allow-Origin") == "*");
    CHECK(field(get(at, "/"), "Access-Control-Allow-Origin").empty());
}

TEST_CASE("pages: what was asked for before is answered by 304, until the chain changes") {
    Index index(chain::test::testnet().params, t::parties());
    for (std::size_t i = 0; i < 100; ++i) REQUIRE(index.submit(t::blocks()[i]));
    Site at(index, "demo", 963);
    const std::string tag = field(get(at, "/"), "ETag");
    CHECK(tag.starts_with("W/\""));
    const Reply again = get(at, "/", "", "", tag);
    CHECK(again.status == 304);
    CHECK(again.body->empty());
    CHECK(field(again, "ETag") == tag);
    CHECK(get(at, "/", "", "", "\"x\", " + tag).status == 304);
    CHECK(get(at, "/", "", "", "*").status == 304);
    CHECK(get(at, "/", "", "", "\"x\"").status == 200);
    REQUIRE(index.submit(t::blocks()[100]) == true);
    at.changed();
    CHECK(get(at, "/", "", "", tag).status == 200);
    CHECK(field(get(at, "/"), "ETag") != tag);
    CHECK(field(get(at, at.look().style_path), "Cache-Control") == "public, max-age=31536000, immutable");
    CHECK(*get(at, at.look().style_path).body == style_sheet());
    CHECK(field(get(at, "/"), "Cache-Control") == "public, max-age=5");
}

TEST_CASE("pages: gzip for those who take it, with the same content") {
    Site at = site();
    const Reply plain = get(at, "/"), zipped = get(at, "/", "", "br;q=1.0, gzip;q=0.8");
    CHECK(field(zipped, "Content-Encoding") == "gzip");
    CHECK(field(plain, "Content-Encoding").empty());
    CHECK(field(plain, "Vary") == "Accept-Encoding");
    CHECK(unzipped(*zipped.body) == *plain.body);
    CHECK(zipped.body->size() * 2 < plain.body->size());
    for (const char* no : {"", "br", "gzip;q=0", "gzip; q=0.000", "xgzip", "identity"}) CHECK_FALSE(takes_gzip(no));
    for (const char* yes : {"gzip", " gzip ", "a,gzip;q=0.1", "gzip;q=1"}) CHECK(takes_gzip(yes));
}

TEST_CASE("pages: the search leads to the page, or says that there is none, without becoming markup") {
    Site at = site();
    const Reply found = get(at, "/search", "q=+7+");
    CHECK(found.status == 303);
    CHECK(field(found, "Location") == "/block/" + chain::hash_text(shared().block(7).hash));
    CHECK(field(get(at, "/search", "x=1&q=window%202"), "Location") == "/window/2");
    const Reply none = get(at, "/search", "q=%3Cscript%3Ealert(1)%3C/script%3E%22%0d%0aX:y");
    CHECK(none.status == 404);
    CHECK_FALSE(has(*none.body, "<script"));
    CHECK(has(*none.body, "&lt;script&gt;"));
    CHECK_FALSE(has(none.fields, "X:y"));
    check_well_formed(*none.body);
    for (const char* odd : {"", "q", "q=", "q=%", "q=%4", "q=%zz", "&&&", "q=%00"}) CHECK(get(at, "/search", odd).status == 404);
}

TEST_CASE("pages: a receipt verifies, by form, file or plain body; one changed character does not") {
    Site at = site();
    const std::string good = settlement::to_json(t::receipt(1, 0));
    const auto form = [](std::string_view name, std::string_view content) {
        return fmt::format("--XX\r\nContent-Disposition: form-data; name=\"receipt\"\r\n\r\n\r\n--XX\r\nContent-Disposition: form-data; name=\"{}\"; "
                           "filename=\"r.json\"\r\nContent-Type: application/json\r\n\r\n{}\r\n--XX--\r\n",
                           name, content);
    };
    const std::string type = "multipart/form-data; boundary=XX";
    for (const Reply& reply : {post(at, "application/json", good), post(at, type, form("file", good)), post(at, "text/plain", good)}) {
        CHECK(reply.status == 200);
        CHECK(has(*reply.body, "Receipt verified"));
        CHECK(has(*reply.body, "/window/2\""));
        CHECK(field(reply, "Cache-Control") == "no-store");
        CHECK(field(reply, "ETag").empty());
        check_well_formed(*reply.body);
    }
    std::string pasted;  // as a browser sends a textarea's lines, the last one cut
    for (const char c : good.substr(0, good.size() - 1)) pasted += c == '\n' ? "\r\n" : std::string(1, c);
    CHECK(post(at, type, form("receipt", pasted)).status == 200);

    for (std::size_t i = 0; i < good.size(); i += 97) {
        std::string changed = good;
        changed[i] = changed[i] == '7' ? '8' : '7';
        if (changed == good) continue;
        const Reply reply = post(at, "application/json", changed);
        CHECK(reply.status == 422);
        CHECK(has(*reply.body, "Receipt refused"));
    }
    for (const std::string& none : {std::string(), std::string("{}"), std::string("<script>"), form("receipt", ""), form("x", good), std::string("--XX\r\n")})
        CHECK(post(at, type, none).status == 422);
    CHECK(post(at, "application/x-www-form-urlencoded", "receipt=1").status == 422);
    const Reply elsewhere = post(at, "text/plain", good, "/");
    CHECK(elsewhere.status == 405);
    CHECK(field(elsewhere, "Allow") == "GET, HEAD");
}

TEST_CASE("pages: a receipt is no good where block 1 pays strangers") {
    auto parties = t::parties();
    parties.pop_back();
    Index index(chain::test::testnet().params, parties);
    for (const Buffer& raw : t::blocks()) REQUIRE(index.submit(raw));
    Site at(index, "demo", 963);
    const Reply reply = post(at, "application/json", settlement::to_json(t::receipt(1, 0)));
    CHECK(reply.status == 422);
    CHECK(has(*reply.body, "block1"));
    at.changed();
    CHECK(has(*get(at, "/").body, "Do not trust this chain"));
    CHECK(get(at, "/api/blocks/tip/height").status == 503);
}

TEST_CASE("form: a part is found by its name, and a malformed body has none") {
    const std::string type = "multipart/form-data; boundary=\"a.b\"";
    CHECK(part_of(type, "--a.b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n2\r\n--a.b--\r\n", "x") == "1\r\n2");
    CHECK_FALSE(part_of(type, "--a.b\r\nContent-Disposition: form-data; name=\"xy\"\r\n\r\n1\r\n--a.b--", "x"));
    for (const char* bad : {"", "--a.b", "--a.b--", "--a.b\r\n\r\n", "--a.b\r\n\r\n--a.b\r\n\r\n--a.b", "x--a.b\r\n\r\n1\r\n--a.b--"}) CHECK_FALSE(part_of(type, bad, "x"));
    for (const char* odd : {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=a b", "text/plain; boundary=a.b"})
        CHECK_FALSE(part_of(odd, "--a.b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--a.b--", "x"));
}

TEST_CASE("pages: what is kept is bounded, whatever paths are asked for, and a query makes no other page") {
    Site at = site();
    CHECK(get(at, "/").made_bytes > 0);
    CHECK(get(at, "/").made_bytes == 0);
    CHECK(get(at, "/", "x=1").made_bytes == 0);
    const std::string address = chain::encode_address(t::issuer().script).value();
    CHECK(get(at, "/api/address/" + address + "/txs/mempool").status == 200);
    CHECK(get(at, "/api/address/" + std::string(8000, 'a') + "/txs/mempool").status == 400);
    CHECK(get(at, "/api/scripthash/x/txs/mempool").status == 400);
    const std::string tx = "/api/tx/" + chain::hash_text(chain::txid(st::world().settled[0].tx)) + "/outspend/";
    for (int i = 0; i < 40'000; ++i) REQUIRE(get(at, tx + std::to_string(i)).status == 200);
    CHECK(get(at, tx + "39999").made_bytes == 0);
    CHECK(get(at, tx + "0").made_bytes > 0);  // the oldest went
}

TEST_CASE("pages: while blocks are still read, or cannot be, pages say so and the API waits") {
    Site at = site();
    CHECK_FALSE(has(*get(at, "/").body, "class=\"notice\""));
    for (const Standing standing : {Standing::catching_up, Standing::stopped}) {
        at.stands(standing);
        CHECK(has(*get(at, "/").body, "class=\"notice\""));
        check_well_formed(*get(at, "/").body);
        CHECK(get(at, "/api/blocks/tip/height").status == 503);
        CHECK(field(get(at, "/api/blocks/tip/height"), "Cache-Control") == "no-store");
    }
    at.stands(Standing::current);
    CHECK_FALSE(has(*get(at, "/").body, "class=\"notice\""));
    CHECK(get(at, "/api/blocks/tip/height").status == 200);
}
