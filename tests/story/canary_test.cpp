// Canaries: values that must not be found where they do not belong, sent through every flow of a running box, then looked
// for in every file it wrote, its logs and database pages, and the memory of every program but the vault.
//
//   a key     a terminal's master and session key, a DUKPT initial key, an issuer link's key, the token's PIN:
//             in no program but giro-vault, and in no file but the simulators' own (demo/) and vault/pin
//   a card    its number, its tracks, a PIN block, a CVV2: in no file, and once its payment is over in the memory of no
//             program, gate and switch included
//
// A sanitizer's heap keeps what was freed as it was: under one, gate and switch are left out.
// Reads other programs' memory, which needs root; without it that half is skipped, saying so.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "tests/story/till.hpp"
#include "util/bytes.hpp"
#include "vault/terminal_keys.hpp"

using namespace story;

namespace {

struct Canary {
    std::string what;
    std::string bytes;
};

std::string text_of(giro::Bytes bytes) {
    return std::string(giro::as_text(bytes));
}

// A key as it is, and as digits.
void add_key(std::vector<Canary>& out, const std::string& what, const std::string& bytes) {
    const std::string digits = giro::to_hex(giro::as_bytes(bytes));
    std::string upper = digits;
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    out.push_back({what, bytes});
    out.push_back({what + " in digits", digits});
    out.push_back({what + " in capital digits", upper});
}

std::string first_word(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::string word;
    in >> word;
    REQUIRE_FALSE(word.empty());
    return word;
}
std::string key_in(const std::filesystem::path& file) {
    return text_of(giro::from_hex(first_word(file)).value());
}

// A card number as it is, and packed.
void add_pan(std::vector<Canary>& out, const std::string& what, const std::string& pan) {
    out.push_back({what, pan});
    out.push_back({what + ", packed", text_of(giro::from_hex(pan).value())});
}

void look(const std::vector<Canary>& canaries, const std::string& text, const std::string& where) {
    for (const Canary& canary : canaries) {
        CHECK_MESSAGE(text.find(canary.bytes) == std::string::npos, canary.what << " is in " << where);
    }
}

constexpr std::uint64_t kMappingBytesMax = std::uint64_t{4} << 30;  // beyond: a sanitizer's shadow of the address space

// Every part of a program's memory that can be written, and what it has mapped of files; false when it may not be read.
bool read_memory(pid_t pid, const std::function<void(const std::string&, const std::string&)>& each) {
    const std::string process = "/proc/" + std::to_string(pid);
    const int memory = ::open((process + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    std::ifstream maps(process + "/maps");
    if (memory < 0 || !maps) return false;
    bool some = false;
    for (std::string line; std::getline(maps, line);) {
        unsigned long long from = 0, to = 0;
        char permissions[8] = {};
        if (std::sscanf(line.c_str(), "%llx-%llx %7s", &from, &to, permissions) != 3 || permissions[1] != 'w') continue;
        if (to - from > kMappingBytesMax) continue;
        std::string bytes(to - from, '\0');
        const auto read = ::pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(from));
        if (read <= 0) continue;  // reserved, and never touched
        bytes.resize(static_cast<std::size_t>(read));
        some = true;
        each(bytes, line);
    }
    ::close(memory);
    return some;
}

// What of the canaries the program's memory has, and where.
std::vector<std::string> found_in(const Box& box, const std::string& program, const std::vector<Canary>& canaries) {
    std::vector<std::string> out;
    const bool readable = read_memory(box.pid_of(program), [&](const std::string& bytes, const std::string& mapping) {
        for (const Canary& canary : canaries)
            if (const auto at = bytes.find(canary.bytes); at != std::string::npos)
                out.push_back(canary.what + " is in the memory of giro-" + program + ", byte " + std::to_string(at) + " of " + mapping);
    });
    if (!readable) MESSAGE("skipped: the memory of giro-" << program << " may be read by root alone");
    return out;
}

std::size_t look_into_files(const Box& box, const std::vector<Canary>& canaries) {
    std::size_t files = 0;
    for (const auto& folder : {box.folder(), box.said_folder()})
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (!entry.is_regular_file()) continue;
            const std::string name = std::filesystem::relative(entry.path(), folder).string();
            if (name.starts_with("demo/") || name == "vault/pin") continue;
            look(canaries, read_text(entry.path()), name);
            ++files;
        }
    return files;
}

// A purchase with card data that no message of this box needs: tracks, a PIN block, a CVV2 in a private field.
giro::Buffer overfull_purchase(Till& till, const giro::pos::Sale& sale, const std::vector<Canary>& card) {
    const giro::pos::Frame frame = till.purchase(sale);
    const auto dialect =
        giro::iso8583::load_dialect(std::filesystem::path(GIRO_SOURCE_DIR) / "firmware-config/dialects/iso1987-ascii.toml");
    REQUIRE(dialect.has_value());
    giro::iso8583::Message in, out;
    REQUIRE(giro::iso8583::unpack(*dialect, frame.message(), in).has_value());
    out.set_mti(in.mti());
    for (unsigned n = 2; n < giro::iso8583::kPrimaryMac; ++n) out.copy(n, in);
    out.set(35, card[1].bytes);
    out.set(45, card[2].bytes);
    out.set(52, card[3].bytes);
    out.set(62, card[4].bytes);
    out.set(giro::iso8583::kPrimaryMac, giro::vault::Mac8{});
    giro::Buffer packed(giro::iso8583::kFrameBytesMax);
    const auto size = giro::iso8583::pack(*dialect, out, packed);
    REQUIRE(size.has_value());
    packed.resize(*size);
    return packed;
}

}  // namespace

TEST_CASE("canaries: after every flow no key is outside the vault, and no card data in any file or any other program") {
    tell("canaries through every flow, then files and memory are searched");
    Box box("canary");
    box.init();
    std::string config = read_text(box.file("etc/giro.toml"));
    config.insert(config.find("[gate]\n"), "[[port]]\nname = \"packed\"\naddress = \"127.0.0.1:" + std::to_string(free_port()) +
                                               "\"\ntls = false\ndialect = \"iso1987-bcd\"\n");
    write_text(box.file("etc/giro.toml"), config);
    box.up();
    REQUIRE(box.giro({"demo", "provision"}).status == 0);
    box.serve_issuer_host();

    std::vector<Canary> canaries;
    const auto terminals = box.file("demo/terminals");
    add_key(canaries, "a terminal's master key", key_in(terminals / "T0000001.tmk"));
    add_key(canaries, "a link's key", key_in(terminals / "LNK00001.tmk"));
    add_key(canaries, "a DUKPT initial key", key_in(terminals / "D0000001.ik"));
    canaries.push_back({"the token's PIN", first_word(box.file("vault/pin"))});

    Ready till(box, 1);
    add_key(canaries, "a session key",
            text_of(giro::vault::derive_session_key(
                        giro::Secret(giro::from_hex(first_word(terminals / "T0000001.tmk")).value()), till.key)
                        .reveal()));
    for (const auto kind : {giro::vault::PinKeyKind::aes, giro::vault::PinKeyKind::tdes})
        add_key(canaries, "a session PIN key",
                text_of(giro::vault::derive_pin_key(
                            giro::Secret(giro::from_hex(first_word(terminals / "T0000001.tmk")).value()), till.key, kind)
                            .reveal()));
    // The card: approved, declined, at an issuer's, reversed, by DUKPT, and one message with everything a card has.
    const std::string pan = giro::demo::pan("970001", 7);
    const std::vector<Canary> card = {{"a card number", pan},
                                      {"track 2", pan + "=49121010000031337731"},
                                      {"track 1", "B" + pan + "^CANARY/ADA^4912101000031337731"},
                                      {"a PIN block", "\xc4\x9a\x11\xe7\x5d\x82\xf0\x3b"},
                                      {"a CVV2 in a private field", "CV003CANARYCVV2=731"}};
    canaries.insert(canaries.end(), card.begin(), card.end());
    add_pan(canaries, "a card number", pan);
    // What is left of a track where its beginning was overwritten.
    canaries.push_back({"discretionary data of the tracks", "01000031337731"});
    canaries.push_back({"a PIN in the clear", "731902846537"});
    canaries.push_back({"a PIN in the clear, packed", text_of(giro::from_hex("731902846537").value())});
    canaries.push_back({"a PIN in the clear, a digit to a byte", std::string("\7\3\1\11\0\2\10\4\6\5\3\7", 12)});
    for (const char* key : {"alpha.pvk", "beta.pvk", "gamma.zpk", "alpha.cvk"})
        add_key(canaries, key, key_in(box.file("demo/keys") / (std::string(key) + ".key")));
    add_pan(canaries, "another bank's card number", giro::demo::pan("970003", 7));
    add_key(canaries, "a chip card's key", key_in(box.file("demo/cards/970001.cards")));  // of card 1
    const giro::pos::Sale sale = till.sale(731, "970001", 7);
    CHECK(till.say(till.purchase(sale)) == "00");
    CHECK(till.say(till.reversal(sale)) == "00");
    // Its MAC is wrong, so that nothing of it is believed: it has gone all the way there.
    giro::Buffer overfull = overfull_purchase(till, till.sale(732, "970001", 7), card);
    till.send(overfull);
    CHECK(till.hear() == "63");
    // The same of one whose MAC is good: its track is looked at, and so is chip data that has number and track in it.
    giro::pos::Sale by_stripe = till.sale(733, "970001", 7);
    by_stripe.card.track2 = card[1].bytes;
    CHECK(till.say(till.purchase(by_stripe)) == "82");
    giro::pos::Sale by_chip = till.sale(734, "970001", 7);
    by_chip.card.chip = giro::from_hex("5a08" + pan + "5713" + pan + "d49121010000031337731f").value();
    CHECK(till.say(till.purchase(by_chip)) == "30");
    const auto buy = [&](std::vector<std::string> options) {
        options.insert(options.begin(), {"--json", "pos", "buy", "--card-index", "7", "--amount"});
        return box.giro(options).object().value("response_code", std::string());
    };
    CHECK(buy({"100", "--terminal", "2"}) == "00");
    CHECK(buy({"10000001", "--terminal", "2"}) == "61");
    CHECK(buy({"100", "--dukpt"}) == "00");
    CHECK(buy({"100", "--terminal", "2", "--emv"}) == "00");
    CHECK(buy({"100", "--terminal", "2", "--stripe"}) == "00");
    CHECK(buy({"100", "--terminal", "2", "--cvv2", "own"}) == "00");
    // A PIN of twelve digits, which is nowhere by chance: wrong here, so that it goes all the way to the comparison; and
    // translated for another bank.
    const std::string pin = "731902846537";
    CHECK(buy({"100", "--dukpt", "--pin", pin}) == "55");
    CHECK(buy({"100", "--terminal", "2", "--pin", pin}) == "55");
    CHECK(eventually(20, [&] { return buy({"100", "--dukpt", "--pin", pin, "--bin", "970003"}) == "55"; }));
    CHECK(eventually(20, [&] { return buy({"100", "--bin", "970003", "--terminal", "3"}) == "00"; }));
    giro::pos::Sale elsewhere = till.sale(735, "970003", 7);
    elsewhere.card.chip = by_chip.card.chip;
    CHECK(till.say(till.purchase(elsewhere)) == "00");
    CHECK(buy({"100", "--terminal", "2", "--tls"}) == "00");
    CHECK(buy({"100", "--terminal", "2", "--port", "packed"}) == "00");
    CHECK(buy({"100", "--bin", "970003", "--terminal", "3", "--port", "packed"}) == "00");
    // Many at once, so that what goes between the programs is longer than the buffers on its way.
    CHECK(box.giro({"pos", "load", "--first", "4", "--terminals", "48", "--count", "960", "--cards", "7", "--card-bin", "970001",
                    "--mix", "card=80,link=10,reversal=10"})
              .status == 0);
    CHECK(box.giro({"settle", "close"}).status == 0);
    CHECK(box.giro({"journal", "list"}).status == 0);

    // Messages without card data, as there always are: what lay on the stacks goes under.
    for (int i = 0; i < 200; ++i) REQUIRE(till.say(till.network(giro::pos::NetworkCode::echo)) == "00");
    std::vector<std::string> programs = {"auditor", "settle", "chain", "explorer"};
    if (GIRO_WIPES_HEAP) programs.insert(programs.end(), {"gate", "switch"});
    for (const std::string& program : programs) {
        std::vector<std::string> found;
        static_cast<void>(eventually(10, [&] { return (found = found_in(box, program, canaries)).empty(); }));
        for (const std::string& what : found) FAIL_CHECK(what);
    }
    // That the search finds what is there: the PIN, in the vault.
    bool found = false;
    const auto in_vault = read_memory(box.pid_of("vault"), [&](const std::string& bytes, const std::string&) {
        found = found || bytes.find(first_word(box.file("vault/pin"))) != std::string::npos;
    });
    CHECK((found || !in_vault));

    CHECK(look_into_files(box, canaries) > 15);
    till.hang_up();
    box.stop_issuer_host();
    box.down();
    CHECK(look_into_files(box, canaries) > 15);  // the switch's snapshot and the databases as they were closed
}
