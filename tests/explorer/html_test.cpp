// The builder of pages: nothing that anybody says becomes markup.
#include <doctest/doctest.h>

#include "explorer/html.hpp"

using namespace giro::explorer;

namespace {
std::string text_of(std::string_view words) {
    Html html;
    html.text(words);
    return html.take();
}
}  // namespace

TEST_CASE("html: elements close themselves and every text is escaped") {
    Html html;
    html.element("p", {{"class", "a\"b"}}, [&] {
        html.text("1 < 2 & 3");
        html.element("b", "'x'");
        html.empty("input", {{"value", "<script>"}});
    });
    CHECK(html.take() == "<p class=\"a&quot;b\">1 &lt; 2 &amp; 3<b>&#39;x&#39;</b><input value=\"&lt;script&gt;\"></p>");
}

TEST_CASE("html: no byte makes it through that a browser could take for markup, and what is no UTF-8 is replaced") {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        const std::string out = text_of(one);
        CAPTURE(byte);
        CHECK(out.find_first_of("<>\"'") == std::string::npos);
        const bool kept = byte >= 0x20 && byte < 0x7f && one.find_first_of("<>\"'&") == std::string::npos;
        CHECK((out == one) == (kept || byte == '\n' || byte == '\t'));
    }
    CHECK(text_of("\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82") == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82");
    for (const std::string_view bad : {"\xc3", "\xe2\x82", "\xf0\x9f\x99", "\xc0\xaf", "\xed\xa0\x80", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80"}) {
        CHECK(text_of(std::string(bad) + "<").ends_with("&lt;"));
        CHECK(text_of(bad).starts_with("\xef\xbf\xbd"));
    }
}
