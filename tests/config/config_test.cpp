// The configuration is taken whole or refused with file:line.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>

#include "config/config.hpp"
#include "util/file.hpp"

using namespace giro;

namespace {
const std::filesystem::path kShipped = GIRO_SOURCE_DIR "/firmware-config/giro.toml";

const std::filesystem::path kShippedLink = GIRO_SOURCE_DIR "/firmware-config/conf.d/gamma-host.toml";

std::string text_of(const std::filesystem::path& file) { return std::string(as_text(*read_file(file))); }
std::string shipped() { return text_of(kShipped); }

// A folder with the shipped files, each changed once where `from` stands in it, or other ones.
class Folder {
  public:
    Folder() {
        std::filesystem::remove_all(m_path);
        std::filesystem::create_directories(m_path / "conf.d");
        put("giro.toml", shipped());
        put("conf.d/gamma-host.toml", text_of(kShippedLink));
    }
    ~Folder() { std::filesystem::remove_all(m_path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    void put(const std::string& name, const std::string& text) const { REQUIRE(write_file_atomic(m_path / name, as_bytes(text))); }
    void change(std::string_view from, std::string_view to) const {
        for (const char* name : {"giro.toml", "conf.d/gamma-host.toml"}) {
            std::string text = text_of(m_path / name);
            const auto at = text.find(from);
            if (at == std::string::npos) continue;
            return put(name, text.replace(at, from.size(), to));
        }
        FAIL("the shipped files say nowhere " << from);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    [[nodiscard]] Result<config::Config> load() const { return config::load(m_path / "giro.toml"); }

  private:
    std::filesystem::path m_path = std::filesystem::temp_directory_path() / ("giro-config-test." + std::to_string(::getpid()));
};

// The refusal of the shipped files with `from` replaced by `to`.
std::string refusal_with(std::string_view from, std::string_view to) {
    const Folder folder;
    folder.change(from, to);
    const auto loaded = folder.load();
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().kind == Failure::Kind::config);
    return loaded.error().what;
}

Result<config::Config> config_with(std::string_view from, std::string_view to) {
    const Folder folder;
    folder.change(from, to);
    auto loaded = folder.load();
    REQUIRE_MESSAGE(loaded, (loaded ? std::string() : loaded.error().what));
    return loaded;
}

// Of the shipped files' line that begins so.
std::ptrdiff_t line_of(std::string_view beginning) {
    std::string text = shipped();
    if (text.find(beginning) == std::string::npos) text = text_of(kShippedLink);
    return 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find(beginning)), '\n');
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The shipped file with `to` in place of `from` is refused with words that contain `says`.
struct Mistake {
    std::string_view from, to, says;
};
void check_refusals(std::span<const Mistake> mistakes) {
    for (const Mistake& one : mistakes) {
        CAPTURE(one.to);
        const std::string said = refusal_with(one.from, one.to);
        CHECK_MESSAGE(contains(said, one.says), said);
    }
}
}  // namespace

TEST_CASE("config: the shipped file is accepted") {
    const auto c = config::load(kShipped);
    REQUIRE_MESSAGE(c, (c ? std::string() : c.error().what));
    CHECK(c->participants.size() == 3);
    CHECK(c->links.at(0).participant == 3);
    CHECK(c->gate.terminals.port == 7801);
    CHECK(c->settle.approvals_required == 2);
    CHECK(c->explorer.value().listen.port == 7804);
}

TEST_CASE("config: a file that does not exist says how to make it") {
    const auto c = config::load("/nonexistent/giro.toml");
    REQUIRE_FALSE(c);
    CHECK(c.error().exit_code() == 3);
    CHECK(contains(c.error().what, "giro init"));
}

TEST_CASE("config: a character that the TOML reader cannot take is refused with its line, a byte order mark is not") {
    const std::string what = refusal_with("[chain]", "[ch\xEF\xBB\xB7" "ain]");  // U+FEF7
    CHECK(contains(what, ":" + std::to_string(line_of("[chain]")) + ": not TOML: a character beyond U+EFFF"));
    const auto file = std::filesystem::temp_directory_path() / "giro-config-mark-test.toml";
    REQUIRE(write_file_atomic(file, as_bytes("\xEF\xBB\xBF" + shipped())));
    CHECK(config::load(file).has_value());
    std::filesystem::remove(file);
}

TEST_CASE("config: each mistake is named with its line") {
    CHECK(contains(refusal_with("currency = 963", "currency = \"XTS\""), "currency"));
    CHECK(contains(refusal_with("currency = 963", "curency = 963"), ":7:"));
    CHECK(contains(refusal_with("currency = 963", "curency = 963"), "misspelt"));
    CHECK(contains(refusal_with("bins = [\"970002\"]", "bins = [\"970001\"]"), "routed twice"));
    CHECK(contains(refusal_with("bins = [\"970002\"]", "bins = [\"97x002\"]"), "digits"));
    CHECK(contains(refusal_with("terminals = \"127.0.0.1:7801\"", "terminals = \"0.0.0.0:7801\""), "loopback"));
    CHECK(contains(refusal_with("127.0.0.1:7803", "127.0.0.1"), "address:port"));
    CHECK(contains(refusal_with("127.0.0.1:7804", "127.0.0.1"), "address:port"));
    CHECK(contains(refusal_with("requests_per_second = 200", "requests_per_second = -1"), "outside"));
    CHECK(contains(refusal_with("requests_per_second = 200", "requests_per_minute = 200"), "misspelt"));
    CHECK(contains(refusal_with("approvals_required = 2", "approvals_required = 1"), "outside"));
    std::string seventeen = "\"alice\"";
    for (int i = 2; i <= 17; ++i) seventeen += ", \"officer" + std::to_string(i) + "\"";
    CHECK(contains(refusal_with("\"alice\"", seventeen), "more than 16 officers"));
    CHECK(contains(refusal_with("approvals_required = 2", "approvals_required = 4"), "fewer officers"));
    CHECK(contains(refusal_with("participant = 3 ", "participant = 9 "), "no participant 9"));
    CHECK(contains(refusal_with("wallet_participant = 1", "wallet_participant = 8"), "wallet_participant"));
    CHECK(contains(refusal_with("[chain]", "[chains]"), "chain"));
    const auto with_node = [](std::string_view lines) { return refusal_with("block_interval_s = 600", "block_interval_s = 600\n" + std::string(lines)); };
    CHECK(contains(with_node("backend = \"bitcoind\""), "one of: embedded bitcoin-node"));
    CHECK(contains(with_node("node_url = \"http://127.0.0.1:1\""), "of no use without 'backend"));
    CHECK(contains(with_node("backend = \"bitcoin-node\""), "'node_url' must be given"));
    constexpr std::string_view kUrl = "backend = \"bitcoin-node\"\nnode_url = \"http://127.0.0.1:38332\"\n", kCookie = "node_cookie = \"/a/.cookie\"\n";
    const auto after = [&](std::string_view a, std::string_view b, std::string_view c) { return with_node(std::string(a) + std::string(b) + std::string(c)); };
    CHECK(contains(with_node("backend = \"bitcoin-node\"\nnode_url = \"http://192.0.2.1:38332\""), "is not http://127.0.0.1:PORT"));
    CHECK(contains(with_node("backend = \"bitcoin-node\"\nnode_url = \"127.0.0.1:38332\""), "is not http://127.0.0.1:PORT"));
    CHECK(contains(after(kUrl, "node_cookie = \".cookie\"\n", "node_zmq = []"), "absolute path"));
    CHECK(contains(after(kUrl, kCookie, "node_zmq = []"), "one or two addresses"));
    CHECK(contains(after(kUrl, kCookie, "node_zmq = [\"tcp://0.0.0.0:1\"]"), "is not tcp://127.0.0.1:PORT"));
    const auto with_mac = [](const char* lines) { return refusal_with("[settle]", std::string("[mac]\n") + lines + "\n[settle]"); };
    CHECK(contains(with_mac("x9_19 = [\"T00000001\"]"), "1 to 8 characters"));
    CHECK(contains(with_mac("x9_19 = [\"T1\"]\nhmac_sha_256 = [\"T1\"]"), "two kinds of MAC"));
    CHECK(contains(with_mac("x9_91 = []"), "misspelt"));
    CHECK(contains(refusal_with("connections_max", "framing = 2\nconnections_max"), "'framing' must be {"));
    CHECK(contains(refusal_with("connections_max", "framing = { length = \"ascii\" }\nconnections_max"), "one of: binary2 binary4 ascii4 bcd2 bcd4"));
    CHECK(contains(refusal_with("connections_max", "framing = { trailer = 3 }\nconnections_max"), "one of: none etx lrc etx-lrc"));
    CHECK(contains(refusal_with("connections_max", "framing = { counts_length = 1 }\nconnections_max"), "true or false"));
    CHECK(contains(refusal_with("connections_max", "framing = { keep_alive_ms = 1 }\nconnections_max"), "outside 100..600000"));
    CHECK(contains(refusal_with("connections_max", "framing = { lenght = \"bcd2\" }\nconnections_max"), "misspelt"));
    CHECK(contains(refusal_with("# [vault]\n# module", "[vault]\nmodul"), "misspelt"));
}

TEST_CASE("config: ports and links have framings of their own, two bytes of length where nothing is said") {
    const auto c = config_with("connections_max", "framing = { length = \"bcd2\", trailer = \"etx-lrc\", counts_length = true, keep_alive_ms = 5000 }\nconnections_max");
    CHECK(c->gate.framing == net::Framing{net::Framing::Length::bcd2, net::Framing::Trailer::etx_lrc, true, false, 5'000});
    CHECK(c->links.at(0).framing == net::Framing{});
}

TEST_CASE("config: what an answer of a link must repeat is a setting, within what makes it safe") {
    const std::string setting = "match_0410 = [4, 37, 41, 95]";
    CHECK(contains(refusal_with(setting, "match_0410 = [4, 37, 41]"), "must name 95"));
    CHECK(contains(refusal_with(setting, "match_0410 = [41, 95]"), "must name 4 or 37"));
    CHECK(contains(refusal_with(setting, "match_0410 = [4, 2, 95]"), "can be matched by"));
    CHECK(contains(refusal_with(setting, "match_0410 = [\"4\", 95]"), "can be matched by"));
    CHECK(contains(refusal_with(setting, "match_0410 = 4"), "list of data elements"));
}

TEST_CASE("config: more ports and links may speak dialects of their own; the gate's is the first") {
    const Folder folder;
    folder.change("[gate]", "[[port]]\nname = \"bcd\"\naddress = \"127.0.0.1:7821\"\ntls = false\ndialect = \"iso1987-bcd\"\n"
                            "framing = { length = \"bcd2\" }\n[[port]]\nname = \"more\"\naddress = \"0.0.0.0:7822\"\n[gate]");
    folder.change("addresses = ", "dialect = \"iso2003\"\naddresses = ");
    const auto c = folder.load();
    REQUIRE_MESSAGE(c, (c ? std::string() : c.error().what));
    REQUIRE(c->ports.size() == 2);
    CHECK(c->ports[0].address.port == 7821);
    CHECK_FALSE(c->ports[0].tls);
    CHECK(c->ports[0].framing.length == net::Framing::Length::bcd2);
    CHECK(c->ports[1].tls);
    CHECK(config::dialects_of(*c) == std::vector<std::string>{"iso1987-ascii", "iso1987-bcd", "iso2003"});
    CHECK(config::dialect_number(*c, c->ports[1].dialect) == 0);
    CHECK(config::dialect_number(*c, c->links.at(0).dialect) == 2);
}

TEST_CASE("config: a port's mistakes are named with their line") {
    const auto with_port = [](const char* lines) { return refusal_with("[gate]", std::string("[[port]]\nname = \"p\"\n") + lines + "\n[gate]"); };
    const std::string at = ":" + std::to_string(line_of("[gate]") + 3) + ": ";
    CHECK(contains(with_port("address = \"0.0.0.0:7821\"\ntls = false"), "loopback"));
    CHECK(contains(with_port("address = \"127.0.0.1:7801\"\ntls = false"), "given twice"));
    CHECK(contains(with_port("address = \"127.0.0.1:7821\"\nframing = { length = \"ascii\" }"), at + "'length' must be one of"));
    CHECK(contains(with_port("address = \"127.0.0.1:7821\"\ndialect = \"../giro\""), at + "dialect '../giro'"));
    CHECK(contains(with_port("adress = \"127.0.0.1:7821\""), "misspelt"));
    std::string many;
    for (int i = 0; i <= 16; ++i)
        many += "[[port]]\nname = \"p" + std::to_string(i) + "\"\naddress = \"127.0.0.1:" + std::to_string(8000 + i) + "\"\n";
    CHECK(contains(refusal_with("[gate]", many + "[gate]"), "more than 16 ports"));
}

TEST_CASE("config: a dialect without a file is named with its line where the folder is") {
    const auto folder = std::filesystem::temp_directory_path() / "giro-config-dialects";
    std::filesystem::create_directories(folder / "dialects");
    REQUIRE(write_file_atomic(folder / "giro.toml", as_bytes(shipped())));
    const auto c = config::load(folder / "giro.toml");
    REQUIRE_FALSE(c);
    CHECK(contains(c.error().what, "giro.toml:" + std::to_string(line_of("dialect = \"iso1987-ascii\""))));
    CHECK(contains(c.error().what, "iso1987-ascii.toml"));
    std::filesystem::remove_all(folder);
}

TEST_CASE("config: a link is known by its id, whatever its file is called") {
    const Folder folder;
    const std::string other = "[link]\nid = 7\nname = \"other\"\naddresses = [\"127.0.0.1:7811\"]\ntls = false\nparticipant = 1\nbins = [\"970009\"]\n";
    folder.put("conf.d/a.toml", other);
    folder.put("conf.d/a.toml~", "an editor's copy");
    folder.put("conf.d/.b.toml", "and its draft");
    const auto loaded = folder.load();
    REQUIRE_MESSAGE(loaded, (loaded ? std::string() : loaded.error().what));
    REQUIRE(loaded->links.size() == 2);
    CHECK(loaded->links.at(0).name == "gamma-host");
    CHECK(config::find_link(*loaded, 0)->name == "gamma-host");
    CHECK(config::find_link(*loaded, 6)->name == "other");
    CHECK(config::find_link(*loaded, 1) == nullptr);
    const auto refused = [&](std::string_view from, std::string_view to) {
        std::string text = "[link]\nid = 8\nname = \"z\"\naddresses = [\"127.0.0.1:7812\"]\ntls = false\nparticipant = 1\nbins = [\"970008\"]\n";
        folder.put("conf.d/z.toml", text.replace(text.find(from), from.size(), to));
        const auto again = folder.load();
        REQUIRE_FALSE(again);
        return again.error().what;
    };
    CHECK(contains(refused("bins", "bin"), "z.toml:7: 'bin' is not a setting"));
    CHECK(contains(refused("id = 8", "id = 7"), "z.toml:1: link 7 is given twice"));
    CHECK(contains(refused("\"z\"", "\"other\""), "name 'other' is given twice"));
    CHECK(contains(refused("970008", "970009"), "bin '970009' is routed twice"));
    CHECK(contains(refused("[link]", "[[link]]"), "z.toml:1: [link] is missing"));
    CHECK(contains(refused("[link]", "[links]"), "z.toml:1: 'links' is not a setting"));
    CHECK(contains(refused("[link]", "[link"), "z.toml:1: not TOML"));
    CHECK(contains(refused("[\"127.0.0.1:7812\"]", "[]"), "'addresses' must be 1"));
    CHECK(contains(refused("127.0.0.1:7812", "7812"), "is not address:port"));
}

TEST_CASE("config: links' files that cannot be listed or read are a mistake, not a box without links; without a folder there are none") {
    const auto refused = [](const Folder& folder) {
        const auto loaded = folder.load();
        REQUIRE_FALSE(loaded);
        CHECK(loaded.error().kind == Failure::Kind::config);
        return loaded.error().what;
    };
    const Folder folder;
    std::filesystem::remove_all(folder.path() / "conf.d");
    const auto none = folder.load();
    REQUIRE(none);
    CHECK(none->links.empty());
    folder.put("conf.d", "a file");
    CHECK(contains(refused(folder), "conf.d:0: the links' files cannot be listed"));
    std::filesystem::remove(folder.path() / "conf.d");
    std::filesystem::create_directory_symlink("nowhere", folder.path() / "conf.d");
    CHECK(contains(refused(folder), "conf.d:0: the links' files cannot be listed"));
    std::filesystem::remove(folder.path() / "conf.d");
    std::filesystem::create_directories(folder.path() / "conf.d" / "a.toml");  // no file
    CHECK(contains(refused(folder), "a.toml"));
    std::filesystem::remove_all(folder.path() / "conf.d");
    std::filesystem::create_directories(folder.path() / "conf.d");
    std::filesystem::create_symlink("nowhere", folder.path() / "conf.d" / "a.toml");
    CHECK(contains(refused(folder), "a.toml"));
}

TEST_CASE("config: when a link is up is a setting, each mistake with its line") {
    const auto link = config::load(kShipped)->links.at(0);
    CHECK(link.sign_on);
    CHECK(link.echo_ms == 10'000);
    // A host that stops is given up within two seconds: (1 + down_after) * echo_timeout_ms.
    CHECK((1 + link.down_after) * link.echo_timeout_ms < 2'000);
    const std::string name = "name = \"gamma-host\"\n";
    const auto with = [&](const char* settings) { return config_with(name, name + settings)->links.at(0); };
    CHECK(with("echo_ms = 0\nsign_on = false\n").echo_ms == 0);
    const auto own = with("echo_timeout_ms = 50\ndown_after = 1\nup_after = 100\nin_flight_max = 1\n");
    CHECK(own.echo_timeout_ms == 50);
    CHECK(own.down_after == 1);
    CHECK(own.up_after == 100);
    CHECK(own.in_flight_max == 1);
    const auto refused = [&](const char* settings) { return refusal_with(name, name + settings); };
    CHECK(contains(refused("echo_ms = 99\n"), "'echo_ms': 0 for none, or at least 100"));
    CHECK(contains(refused("echo_ms = 0\nup_after = 2\n"), "'up_after' is of no use without 'echo_ms'"));
    CHECK(contains(refused("down_after = 0\n"), "outside 1..100"));
    CHECK(contains(refused("echo_timeout_ms = 49\n"), "outside 50..60000"));
    CHECK(contains(refused("in_flight_max = 0\n"), "outside 1..65536"));
    CHECK(with("saf_in_flight_max = 256\n").saf_in_flight_max == 256);
    CHECK(link.saf_in_flight_max == 32);
    CHECK(contains(refused("saf_in_flight_max = 257\n"), "outside 1..256"));
    CHECK(contains(refused("sign_on = 1\n"), "'sign_on' must be true or false"));
}

TEST_CASE("config: a link connects or listens, with TLS unless it says otherwise; each mistake is named") {
    const auto with = [&](std::string_view addresses, std::string_view tls) {
        const Folder folder;
        folder.change("addresses = [\"127.0.0.1:7810\"] ", std::string(addresses) + " ");
        folder.change("tls = false                  # true where nothing is said: TLS", std::string(tls) + " # TLS");
        folder.put("conf.d/bank.pem", "a certificate");
        return folder.load();
    };
    const auto shared = with("addresses = [\"127.0.0.1:7810\", \"192.0.2.1:7810\"]\nconnections = 32", "tls = false");
    REQUIRE(shared);
    CHECK(shared->links.at(0).addresses.size() == 2);
    CHECK(shared->links.at(0).connections == 32);
    CHECK(shared->links.at(0).mode == config::LinkMode::shared);
    CHECK_FALSE(shared->links.at(0).tls);
    const auto primary = with("addresses = [\"127.0.0.1:7810\", \"192.0.2.1:7810\"]\nmode = \"primary\"", "peer = \"host.bank\"\nca = \"bank.pem\"");
    REQUIRE(primary);
    CHECK(primary->links.at(0).mode == config::LinkMode::primary);
    CHECK(primary->links.at(0).tls == config::LinkTls{"bank.pem", "host.bank"});
    const auto inbound = with("listen = \"0.0.0.0:7811\"\nconnections = 2", "peer = \"host.bank\"");
    REQUIRE(inbound);
    CHECK(inbound->links.at(0).inbound);
    CHECK(inbound->links.at(0).addresses.at(0).port == 7811);
    CHECK(with("listen = \"127.0.0.1:7811\"", "tls = false").has_value());
    struct Row {
        const char *addresses, *tls, *says;
    };
    constexpr Row kRows[] = {
        {"", "tls = false", "either 'addresses', to connect to, or 'listen'"},
        {"listen = \"127.0.0.1:1\"\naddresses = [\"127.0.0.1:2\"]", "tls = false", "either 'addresses', to connect to, or 'listen'"},
        {"listen = \"0.0.0.0:7811\"", "tls = false", "not encrypted and may only listen on loopback"},
        {"listen = \"127.0.0.1:7801\"", "tls = false", "something else listens there"},
        {"addresses = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", "tls = false", "is given twice"},
        {"addresses = [\"127.0.0.1:1\"]\nmode = \"primary\"", "tls = false", "needs more than one address"},
        {"addresses = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nconnections = 33", "tls = false", "outside 1..32"},
        {"addresses = [\"127.0.0.1:1\"]\nmode = \"both\"", "tls = false", "one of: shared primary"},
        {"addresses = [\"127.0.0.1:1\"]", "", "'peer' must be given"},
        {"addresses = [\"127.0.0.1:1\"]", "peer = \"*.bank\"", "is no host's name"},
        {"addresses = [\"127.0.0.1:1\"]", "tls = false\npeer = \"host.bank\"", "'peer' is of no use without 'tls'"},
        {"addresses = [\"127.0.0.1:1\"]", "peer = \"host.bank\"\nca = \"../bank.pem\"", "the name of a .pem file"},
        {"addresses = [\"127.0.0.1:1\"]", "peer = \"host.bank\"\nca = \"other.pem\"", "there is no "},
    };
    for (const Row& row : kRows) {
        CAPTURE(row.says);
        const auto refused = with(row.addresses, row.tls);
        REQUIRE_FALSE(refused);
        CHECK_MESSAGE(contains(refused.error().what, row.says), refused.error().what);
        CHECK(contains(refused.error().what, "gamma-host.toml:"));
    }
}

TEST_CASE("config: a link in giro.toml is refused, and the refusal says where links are now") {
    const std::string said = refusal_with("[gate]\n", "[[link]]\nid = 2\n[gate]\n");
    CHECK(contains(said, "giro.toml:" + std::to_string(line_of("[gate]")) + ": "));
    CHECK(contains(said, "conf.d/NAME.toml"));
}

TEST_CASE("config: a half-written file is refused, not half-used") {
    std::string text = shipped();
    const auto file = std::filesystem::temp_directory_path() / "giro-config-half.toml";
    for (std::size_t size = 0; size + 40 < text.size(); size += 97) {
        REQUIRE(write_file_atomic(file, as_bytes(std::string_view(text).substr(0, size))));
        CHECK_FALSE(config::load(file));
    }
    std::filesystem::remove(file);
}

TEST_CASE("config: how PINs are verified and translated, each mistake with its line") {
    const auto c = config::load(kShipped);
    REQUIRE(c);
    REQUIRE(c->card_products.size() == 2);
    CHECK(c->card_products[0].pin == config::PinMethod::visa_pvv);
    CHECK(c->card_products[1].pin == config::PinMethod::ibm_3624);
    CHECK(c->card_products[1].count == 15);
    CHECK(c->card_products[1].table[10] == std::byte{0});
    CHECK(c->links.at(0).pin_key == "gamma.zpk");
    CHECK(c->links.at(0).pin_format == config::ZonePinFormat::iso0);

    const auto line = [](std::string_view beginning) { return ":" + std::to_string(line_of(beginning)) + ": "; };
    constexpr Mistake kRows[] = {
        {"pin_format = \"iso0\"", "pin_format = \"iso1\"", "'pin_format' must be one of: iso0 iso3 iso4"},
        {"pin_key = \"gamma.zpk\"  ", "", "'pin_format' is of no use without 'pin_key'"},
        {"pin_key = \"gamma.zpk\"", "pin_key = \"Gamma\"", "'pin_key' = \"Gamma\" is no key's name"},
        {"pvk = \"alpha.pvk\"", "pvk = \"\"", "'pvk' = \"\" is no key's name"},
        {"pin = \"visa-pvv\"", "pin = \"pvv\"", "'pin' must be one of: visa-pvv ibm-3624"},
        {"pin = \"visa-pvv\"  ", "", "'pin' must be given"},
        {"pvki = 1 ", "pvki = 7 ", "'pvki' = 7 is outside 0..6"},
        {"pvki = 1 ", "first = 1 ", "'first' is for pin = \"ibm-3624\""},
        {"count = 15 ", "count = 17 ", "'count' = 17 is outside 4..16"},
        {"table = \"0123456789012345\"", "table = \"012345678901234\"", "16 digits, one for each hexadecimal digit"},
        {"table = \"0123456789012345\"", "table = \"0123456012345601\"", "at least 8 different digits, none more than 4 times"},
        {"table = \"0123456789012345\"", "table = \"0000012345678900\"", "at least 8 different digits, none more than 4 times"},
        {"table = \"0123456789012345\"", "table = \"0123456789abcdef\"", "16 digits, one for each hexadecimal digit"},
        {"first = 0 ", "pvki = 1 ", "'pvki' is for pin = \"visa-pvv\""},
        {"# [pin]\n# tdes_format = \"iso0\"", "[pin]\ntdes_format = \"iso4\"", "'tdes_format' must be one of: iso0 iso1 iso3"},
    };
    check_refusals(kRows);
    CHECK(contains(refusal_with("pin_format = \"iso0\"", "pin_format = \"iso1\""), line("pin_format")));
    CHECK(contains(refusal_with("pvki = 1 ", "pvki = 7 "), line("pvki")));
    CHECK(contains(refusal_with("name = \"alpha-debit\"\nbins = [\"970001\"]", "name = \"alpha-debit\"\nbins = [\"970009\"]"),
                   "card product 'alpha-debit': bin '970009' is no participant's"));
    CHECK(contains(refusal_with("name = \"beta-debit\"\nbins = [\"970002\"]", "name = \"beta-debit\"\nbins = [\"970001\"]"),
                   "bin '970001' is of two card products"));
}

TEST_CASE("config: how chips and verification values are checked, each mistake with its line") {
    const auto c = config::load(kShipped);
    REQUIRE(c);
    const auto& alpha = c->card_products.at(0);
    CHECK(alpha.chip_key == "alpha.imk");
    CHECK(!alpha.chip_option_b);
    CHECK(alpha.cvns == std::vector<std::uint8_t>{10});
    CHECK(alpha.chip == config::ChipPolicy::required);
    CHECK(alpha.fallback);
    CHECK(alpha.cvv_key == "alpha.cvk");
    CHECK(alpha.cvv_at == 5);
    const auto& beta = c->card_products.at(1);
    CHECK(beta.chip_option_b);
    CHECK(beta.cvns == std::vector<std::uint8_t>{18});
    CHECK(beta.chip == config::ChipPolicy::if_present);
    CHECK(beta.csu == ByteArray<4>{std::byte{0}, std::byte{0x80}});
    CHECK(beta.cvv_key.empty());

    const auto line = [](std::string_view beginning) { return ":" + std::to_string(line_of(beginning)) + ": "; };
    constexpr Mistake kRows[] = {
        {"chip_key = \"alpha.imk\"", "chip_key = \"\"", "'chip_key' = \"\" is no key's name"},
        {"chip_key = \"alpha.imk\"", "", "is of no use without 'chip_key'"},
        {"chip_option = \"a\"", "chip_option = \"c\"", "'chip_option' must be one of: a b"},
        {"cvn = [10]", "cvn = [17]", "the cryptogram versions that can be checked are 10 and 18"},
        {"cvn = [10]", "cvn = [\"10\"]", "the cryptogram versions that can be checked are 10 and 18"},
        {"cvn = [10]", "cvn = []", "'cvn' must be a list of cryptogram versions"},
        {"cvn = [10]", "cvn = 10", "'cvn' must be a list of cryptogram versions"},
        {"chip = \"required\"", "chip = \"yes\"", "'chip' must be one of: if-present required"},
        {"fallback = true", "fallback = 1", "'fallback' must be true or false"},
        {"csu = \"00800000\"", "fallback = false", "'fallback = false' needs chip = \"required\""},
        {"csu = \"00800000\"", "csu = \"008000\"", "'csu' must be 8 hexadecimal digits"},
        {"csu = \"00800000\"", "csu = \"00000000\"", "'csu' must be 8 hexadecimal digits"},
        {"cvv_key = \"alpha.cvk\"", "", "'cvv_at' is of no use without 'cvv_key'"},
        {"cvv_at = 5", "cvv_at = 19", "'cvv_at' = 19 is outside 0..18"},
    };
    check_refusals(kRows);
    CHECK(contains(refusal_with("cvn = [10]", "cvn = [17]"), line("cvn = [10]")));
    CHECK(contains(refusal_with("csu = \"00800000\"", "csu = \"1\""), line("csu")));
}

TEST_CASE("config: how long session keys serve; few requests or seconds are a mistake, 0 is for ever") {
    const auto c = config::load(kShipped);
    REQUIRE(c);
    CHECK(c->switching.session_key_s == 30 * 86'400);
    CHECK(c->switching.session_key_requests == 100'000);
    CHECK(c->switching.session_key_overlap_s == 300);
    CHECK(contains(refusal_with("session_key_requests = 100_000", "session_key_requests = 9"), "0 for no limit, or at least 10"));
    CHECK(contains(refusal_with("session_key_s = 2_592_000", "session_key_s = 59"), "0 for no limit, or at least 60"));
    CHECK(contains(refusal_with("session_key_s = 2_592_000", "session_key_s = 40_000_000"), "outside 0..31622400"));
    CHECK(contains(refusal_with("session_key_overlap_s = 300", "session_key_overlap_s = 0"), "outside 1..86400"));
}

TEST_CASE("config: a link has session keys where it says how long they serve") {
    CHECK(config::load(kShipped)->links.at(0).key_ages == config::KeyAges{0, 0, 300});
    const std::string name = "name = \"gamma-host\"\n";
    const auto c = config_with(name, name + "session_key_s = 60\nsession_key_requests = 10\nsession_key_overlap_s = 7\n");
    REQUIRE(c);
    CHECK(c->links.at(0).key_ages == config::KeyAges{10, 60, 7});
    CHECK(contains(refusal_with(name, name + "session_key_s = 59\n"), "0 for no limit, or at least 60"));
    CHECK(contains(refusal_with(name, name + "session_key_overlap_s = 7\n"), "of no use without"));
    CHECK(contains(refusal_with(name, name + "session_key_s = 60\nsession_key_overlap_s = 61\n"), "is longer than a key serves"));
    CHECK(config_with(name, name + "session_key_s = 60\n")->links.at(0).key_ages == config::KeyAges{0, 60, 60});
}

TEST_CASE("config: a class of terminals has session keys of its own age; who is in none has those of [switch]") {
    const std::string vault = "# [vault]";
    const auto classes = [&](const std::string& text) { return text + "\n" + vault; };
    const std::string tills = "[[key_class]]\nname = \"tills\"\nterminals = [\"T0000002\", \"K*\"]\nsession_key_requests = 20\n";
    const std::string fast = "[[key_class]]\nname = \"fast\"\nterminals = [\"K00*\"]\nsession_key_s = 60\nsession_key_overlap_s = 5\n";
    const auto c = config_with(vault, classes(tills + fast));
    REQUIRE(c);
    CHECK(config::key_ages(*c, "T0000001") == config::KeyAges{100'000, 30 * 86'400, 300});
    CHECK(config::key_ages(*c, "T0000002") == config::KeyAges{20, 30 * 86'400, 300});
    CHECK(config::key_ages(*c, "K1234567") == config::KeyAges{20, 30 * 86'400, 300});
    CHECK(config::key_ages(*c, "K0012345") == config::KeyAges{100'000, 60, 5});
    CHECK(config::key_ages(*c, "K") == config::KeyAges{20, 30 * 86'400, 300});
    const auto refused = [&](const std::string& text) { return refusal_with(vault, classes(text)); };
    const auto one = [](const std::string& rest) { return "[[key_class]]\nname = \"tills\"\n" + rest; };
    CHECK(contains(refused(one("terminals = []\nsession_key_s = 60\n")), "key class 'tills': it has no terminals"));
    CHECK(contains(refused(one("terminals = [\"T1\"]\n")), "it says nothing else than [switch]"));
    CHECK(contains(refused(one("terminals = [\"T1\"]\nsession_key_s = 59\n")), "0 for no limit, or at least 60"));
    CHECK(contains(refused(one("terminals = [\"T1\"]\nsession_key_requests = 9\n")), "0 for no limit, or at least 10"));
    CHECK(contains(refused(one("terminals = [\"T1\"]\nkey_s = 60\n")), "key_s"));
    CHECK(contains(refused(one("terminals = [\"LNK00001\"]\nsession_key_s = 60\n")), "of a link's keys its own [link] says"));
    for (const char* id : {"", "*", "T*1", "T00000001", "T0000000*"})
        CHECK(contains(refused(one("terminals = [\"" + std::string(id) + "\"]\nsession_key_s = 60\n")), "a terminal's id, or the beginning of ids"));
    CHECK(contains(refused(tills + "[[key_class]]\nname = \"two\"\nterminals = [\"K*\"]\nsession_key_s = 60\n"), "'K*' is of two key classes"));
}

TEST_CASE("config: a stand-in policy is read whole, and a link can only name one that is there") {
    const std::string vault = "# [vault]";
    const std::string policy = "[[stand_in]]\nname = \"shops\"\nfloor = 5000\ncard_count = 3\ncard_sum = 9000\nmerchant_hour_sum = 20000\n";
    const auto c = config_with(vault, policy + vault);
    REQUIRE(c);
    const auto* read = config::find_stand_in(*c, "shops");
    REQUIRE(read != nullptr);
    CHECK(config::find_stand_in(*c, "") == nullptr);
    CHECK(*read == config::StandIn{"shops", 5'000, 3, 9'000, 24, 20'000, config::ChipPolicy::required, 30});
    CHECK(c->links.at(0).stand_in.empty());
    const auto refused = [&](const std::string& text) { return refusal_with(vault, text + vault); };
    CHECK(contains(refused(policy + policy), "is given twice"));
    CHECK(contains(refused(policy + "card_hours = 25\n"), "'card_hours' = 25 is outside 1..24"));
    CHECK(contains(refused(policy + "chip = \"maybe\"\n"), "'chip' must be one of: required if-present"));
    CHECK(contains(refused("[[stand_in]]\nname = \"shops\"\n"), "'floor' must be given"));
    const std::string name = "name = \"gamma-host\"\n";
    CHECK(contains(refusal_with(name, name + "stand_in = \"other\"\n"), "giro.toml has no [[stand_in]] of that name"));
}
