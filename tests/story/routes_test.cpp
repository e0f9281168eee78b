// Which way card payments go, in a whole box with the real programs: etc/routes.toml at the start, asked about, and changed
// while payments go on.
#include <doctest/doctest.h>

#include "tests/story/box.hpp"

using namespace story;

TEST_CASE("routes: the box goes by etc/routes.toml, tells why, and takes a change without a pause") {
    tell("routes: declared, explained, and changed while payments go on");
    Box box("routes");
    box.init();
    write_text(box.file("etc/routes.toml"),
               "[[route]]\nname = 'gamma-small'\nbins = ['970003']\namount = { to = 5_000 }\nto = ['gamma-host']\n"
               "[[route]]\nname = 'gamma-rest'\nbins = ['970003']\nto = ['decline']\n");
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    box.serve_issuer_host();
    const auto buy = [&](const std::string& amount) {
        return code_of(box.giro({"--json", "pos", "buy", "--bin", "970003", "--amount", amount}));
    };
    REQUIRE(eventually(20, [&] { return buy("1000") == "00"; }));
    CHECK(buy("5000") == "00");
    CHECK(buy("5001") == "15");

    const Said why = box.giro({"route", "explain", "9700030000000011", "--amount", "5001"});
    CHECK(why.has("gamma-small"));
    CHECK(why.has("amount 5001 is above 5000"));
    CHECK(why.has("declined, as the route says (15)"));
    CHECK(why.has("routes.toml:6"));
    CHECK_FALSE(why.has("9700030000000011"));
    const Said small = box.giro({"--json", "route", "explain", "9700030000000011", "--amount", "100"});
    CHECK(small.object()["goes_to"][0]["to"] == "gamma-host");
    CHECK(small.object()["goes_to"][0]["up"] == true);

    // A mistake is refused with its line, and what decided goes on deciding.
    write_text(box.file("etc/routes.toml"), "[[route]]\nname = 'gamma'\nbins = ['970003']\nto = ['delta-host']\n");
    const Said refused = box.giro({"route", "apply"});
    CHECK(refused.status == 1);
    CHECK(refused.has("routes.toml:4: to 'delta-host'"));
    CHECK(buy("5001") == "15");
    CHECK(box.journal("routes_changed").size() == 1);

    write_text(box.file("etc/routes.toml"), "# none: the BINs of giro.toml\n");
    const Said applied = box.giro({"--json", "route", "apply"});
    CHECK(applied.object()["changed"] == true);
    CHECK(buy("5001") == "00");
    CHECK(box.giro({"--json", "route", "apply"}).object()["changed"] == false);
    const auto changes = box.journal("routes_changed");
    REQUIRE(changes.size() == 2);
    CHECK(changes[1]["digest"] == applied.object()["digest"]);
    CHECK(changes[1]["routes_toml"] == "# none: the BINs of giro.toml\n");

    // A code of another scheme goes to the link that its route says, without a card number; what its host leaves unanswered
    // is taken back there.
    write_text(box.file("etc/routes.toml"), "[[route]]\nname = 'other-scheme'\nqr = ['A000000677']\nto = ['gamma-host']\n");
    REQUIRE(box.giro({"route", "apply"}).status == 0);
    const std::string code = "hQVDUFYwMWEJTwegAAAGdwEB";
    CHECK(box.giro({"route", "explain", code}).has("other-scheme"));
    const auto scan = [&](const std::string& amount) { return code_of(box.giro({"--json", "pos", "buy", "--qr", code, "--amount", amount})); };
    CHECK(scan("700") == "00");
    CHECK(scan("791") == "91");
    CHECK(eventually(30, [&] { return box.status()["switch"]["outstanding"] == 0; }));
    CHECK(box.giro({"journal", "verify"}).status == 0);
    box.down();
}
