// giro key: the box's payment keys, as its operator sees them. Keys come and go in key blocks (TR-31, X9.143) and, at
// the very start, in two components that two officers type; this program never holds more than one component, for as
// long as it takes to sign and send it. inspect reads a header without any key and without a box.
//
// Hostile: a key block that someone sent. Fails: refused with what the vault said.
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "appliance/giro/command.hpp"
#include "approval/officer.hpp"
#include "payment/key_block_header.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "vault/client.hpp"
#include "vault/payment_wire.hpp"

namespace giro::cli {

namespace {
using Kind = Failure::Kind;
using Json = nlohmann::ordered_json;

Result<vault::SyncClient> vault_of(const Args& args) {
    return vault::SyncClient::connect(args.paths().run(), bus::caller::kAdmin);
}

Result<vault::KeyName> name_of(const Args& args, const std::string& option) {
    const std::string text = args.text(option);
    if (text.size() > vault::KeyName{}.chars.size())
        return fail(Kind::config, fmt::format("'{}' is too long for a key's name", text));
    return vault::KeyName(text);
}

std::string upper(std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}

Json json_of(const payment::KeyBlockHeader& h) {
    Json optional = Json::array();
    for (const auto& block : h.optional) optional.push_back({{"id", block.id}, {"value", block.value}});
    return {{"version", std::string(1, h.version)},
            {"length", h.length},
            {"usage", h.usage},
            {"usage_text", payment::usage_text(h.usage)},
            {"algorithm", std::string(1, h.algorithm)},
            {"algorithm_text", payment::algorithm_text(h.algorithm)},
            {"mode", std::string(1, h.mode)},
            {"mode_text", payment::mode_text(h.mode)},
            {"key_version", h.key_version},
            {"exportability", std::string(1, h.exportability)},
            {"exportability_text", payment::exportability_text(h.exportability)},
            {"optional_blocks", optional}};
}

void print_row(const vault::KeyRow& row) {
    const auto header = payment::parse_key_block_header(row.header);
    if (!header) return;  // the vault's own rows parse
    fmt::print("{:22} {} {:4}  {}  KCV {}  {}, {}, {}\n", row.name.view(), header->usage,
               payment::algorithm_text(header->algorithm), header->key_version, upper(to_hex(row.kcv)),
               payment::usage_text(header->usage), payment::mode_text(header->mode),
               payment::exportability_text(header->exportability));
}
Json json_of(const vault::KeyRow& row) {
    const auto header = payment::parse_key_block_header(row.header);
    Json out = {{"name", row.name.view()}, {"kcv", upper(to_hex(row.kcv))}};
    if (header) out["header"] = json_of(*header);
    return out;
}
void say(const Args& args, const vault::KeyRow& row) {
    if (args.json())
        fmt::print("{}\n", json_of(row).dump());
    else
        print_row(row);
}

// A key block as it was given: the text itself, a file that holds it, or "-" for standard input. No secret.
Result<std::string> block_text(const std::string& given) {
    std::string text = given;
    if (given == "-") {
        std::getline(std::cin, text);
    } else if (std::filesystem::exists(given)) {
        const auto file = read_file(given, payment::kKeyBlockBytesMax + 2);
        if (!file) return tl::unexpected(file.error());
        text = as_text(*file);
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.size() > payment::kKeyBlockBytesMax) return fail(Kind::refused, "that is too long for a key block");
    return text;
}

Result<void> list(const Args& args) {
    auto client = vault_of(args);
    if (!client) return tl::unexpected(client.error());
    const auto reply = client->call<vault::KeyList>({});
    if (!reply) return tl::unexpected(reply.error());
    Json rows = Json::array();
    for (const auto& row : reply->keys) {
        if (args.json())
            rows.push_back(json_of(row));
        else
            print_row(row);
    }
    if (args.json())
        fmt::print("{}\n", Json{{"keys", rows}}.dump());
    else if (reply->keys.empty())
        fmt::print("no payment keys yet: giro key component, giro key import\n");
    return {};
}

Result<void> import(const Args& args) {
    const auto name = name_of(args, "name"), kek = name_of(args, "--under");
    if (!name) return tl::unexpected(name.error());
    if (!kek) return tl::unexpected(kek.error());
    auto block = block_text(args.text("block"));
    if (!block) return tl::unexpected(block.error());
    auto client = vault_of(args);
    if (!client) return tl::unexpected(client.error());
    const auto reply = client->call<vault::KeyImport>({*name, *kek, std::move(*block)});
    if (!reply) return tl::unexpected(reply.error());
    say(args, reply->key);
    return {};
}

Result<void> export_key(const Args& args) {
    const auto name = name_of(args, "name"), kek = name_of(args, "--under");
    if (!name) return tl::unexpected(name.error());
    if (!kek) return tl::unexpected(kek.error());
    auto client = vault_of(args);
    if (!client) return tl::unexpected(client.error());
    const auto reply = client->call<vault::KeyExport>({*name, *kek});
    if (!reply) return tl::unexpected(reply.error());
    if (args.json())
        fmt::print("{}\n", Json{{"block", reply->block}, {"kcv", upper(to_hex(reply->kcv))}}.dump());
    else
        fmt::print("{}\n", reply->block);
    return {};
}

// The 16 characters of a key to be made, from its options.
Result<std::string> header_of(const Args& args) {
    const std::string text = fmt::format("D0000{}{}{}00{}0000", args.text("--usage"), args.text("--algorithm"),
                                         args.text("--mode"), args.text("--exportability"));
    const auto header = payment::parse_key_block_header(text);
    if (!header || text.size() != payment::kHeaderBytes)
        return fail(Kind::config,
                    "--usage has two characters, --algorithm, --mode and --exportability have one (TR-31)");
    return text;
}

Result<void> rotate(const Args& args) {
    const auto name = name_of(args, "name");
    if (!name) return tl::unexpected(name.error());
    std::string header;
    if (args.given("--usage")) {
        auto made = header_of(args);
        if (!made) return tl::unexpected(made.error());
        header = std::move(*made);
    }
    auto client = vault_of(args);
    if (!client) return tl::unexpected(client.error());
    const auto reply = client->call<vault::KeyRotate>({*name, header});
    if (!reply) return tl::unexpected(reply.error());
    say(args, reply->key);
    return {};
}

Result<void> inspect(const Args& args) {
    const auto block = block_text(args.text("block"));
    if (!block) return tl::unexpected(block.error());
    const auto header = payment::parse_key_block_header(*block);
    if (!header) return tl::unexpected(header.error());
    const bool whole = header->length == block->size();
    if (args.json()) {
        Json out = json_of(*header);
        out["whole"] = whole;
        fmt::print("{}\n", out.dump());
        return {};
    }
    fmt::print("version        {}   {}\n", header->version, payment::version_text(header->version));
    fmt::print("length         {}{}\n", header->length, whole ? "" : fmt::format("   but here are {}", block->size()));
    fmt::print("usage          {}  {}\n", header->usage, payment::usage_text(header->usage));
    fmt::print("algorithm      {}   {}\n", header->algorithm, payment::algorithm_text(header->algorithm));
    fmt::print("mode of use    {}   {}\n", header->mode, payment::mode_text(header->mode));
    fmt::print("key version    {}\n", header->key_version);
    fmt::print("exportability  {}   {}\n", header->exportability, payment::exportability_text(header->exportability));
    for (const auto& optional : header->optional) fmt::print("optional {}    {}\n", optional.id, optional.value);
    fmt::print("(a header proves nothing until the vault has checked the block's MAC)\n");
    return {};
}

// Switches the terminal's echo off while it lives.
class NoEcho {
  public:
    NoEcho() noexcept {
        if (::tcgetattr(STDIN_FILENO, &m_before) != 0) return;
        m_is_terminal = true;
        termios quiet = m_before;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;
    ~NoEcho() {
        if (!m_is_terminal) return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &m_before);
        std::fputc('\n', stderr);
    }

  private:
    termios m_before{};
    bool m_is_terminal = false;
};

// A component from standard input: hexadecimal, spaces allowed. Byte by byte into memory that is wiped: no stream keeps
// it.
Result<Secret> read_component() {
    std::fputs("component (hexadecimal, not shown): ", stderr);
    std::array<std::byte, vault::kComponentBytesMax> value{};
    std::size_t nibbles = 0;
    bool good = true;
    {
        const NoEcho quiet;
        char c = 0;
        while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
            if (c == ' ' || c == '\r') continue;
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            good &= digit >= 0 && nibbles < 2 * value.size();
            if (!good) continue;
            value[nibbles / 2] |= static_cast<std::byte>(nibbles % 2 == 0 ? digit << 4 : digit);
            ++nibbles;
        }
        wipe(std::as_writable_bytes(std::span(&c, 1)));
    }
    Secret out(nibbles / 2);
    std::copy_n(value.begin(), out.size(), out.writable().begin());
    wipe(value);
    if (!good || nibbles % 2 != 0 || nibbles == 0) return fail(Kind::refused, "that is no hexadecimal component");
    return out;
}

Result<void> component(const Args& args) {
    const auto name = name_of(args, "name");
    if (!name) return tl::unexpected(name.error());
    const std::string officer = args.text("--officer");
    if (!approval::is_officer_name(officer))
        return fail(Kind::config, fmt::format("'{}' is no officer's name", officer));
    const auto header = header_of(args);
    if (!header) return tl::unexpected(header.error());
    const auto files = approval::officer_files(args.paths().demo() / "officers", officer);
    const std::filesystem::path key = args.given("--key") ? std::filesystem::path(args.text("--key")) : files.key;
    const std::filesystem::path passphrase =
        args.given("--passphrase-file") ? std::filesystem::path(args.text("--passphrase-file")) : files.passphrase;
    auto client = vault_of(args);  // first: nothing is typed that could then not be sent
    if (!client) return tl::unexpected(client.error());
    auto value = read_component();
    if (!value) return tl::unexpected(value.error());
    auto signature = approval::sign_with_files(key, passphrase, vault::component_digest(name->view(), *header, *value));
    if (!signature) return tl::unexpected(signature.error());
    const auto reply =
        client->call<vault::KeyComponent>({*name, *header, officer, std::move(*signature), std::move(*value)});
    if (!reply) return tl::unexpected(reply.error());
    const std::string kcv = upper(to_hex(reply->component)), sum = upper(to_hex(reply->sum));
    if (args.json()) {
        Json out = {{"name", name->view()}, {"component_kcv", kcv}, {"complete", reply->complete}};
        if (reply->complete) out["kcv"] = sum;
        fmt::print("{}\n", out.dump());
        return {};
    }
    fmt::print("component of {}: KCV {}\n", name->view(), kcv);
    if (reply->complete)
        fmt::print("key {}: KCV {}\n", name->view(), sum);
    else
        fmt::print("now another officer enters the second component, within {} minutes\n",
                   vault::kComponentWait_ms / 60'000);
    return {};
}
}  // namespace

std::vector<Command> key_commands() {
    using OptionKind = Option::Kind;
    const Option name = {"name", "of the key: 1 to 18 of a-z, 0-9, . and -", OptionKind::text, "", true};
    const Option block = {"block", "the key block, a file that holds it, or - for standard input", OptionKind::text, "",
                          true};
    const Option under = {"--under", "name of the key encryption key", OptionKind::text, "", true};
    const auto usage = [](bool required) {
        return Option{"--usage",
                      "TR-31: B0 BDK, C0 CVK, E0 EMV, K0 KEK, M3 X9.19, M6 CMAC, M7 HMAC, P0 PIN, V1 IBM 3624, V2 PVV",
                      OptionKind::text, "", required};
    };
    const Option algorithm = {"--algorithm", "A AES, T TDES, H HMAC", OptionKind::text, "A", false};
    const Option mode = {"--mode", "TR-31 mode of use; for P0: D decipher, E encipher, B both", OptionKind::text, "N",
                         false};
    const Option exportability = {"--exportability", "E under a trusted key, N never, S under any", OptionKind::text,
                                  "E", false};
    return {
        {"key list", "the payment keys: name, usage, version, check value", {}, list},
        {"key import", "takes a key block (TR-31 version D or B)", {name, block, under}, import},
        {"key export", "gives a key in a key block (version D)", {name, under}, export_key},
        {"key rotate",
         "a new random key instead of NAME, which stays as NAME.old; with --usage: a first one",
         {name, usage(false), algorithm, mode, exportability},
         rotate},
        {"key inspect", "reads a key block's header, without any key", {block}, inspect, never},
        {"key component",
         "the ceremony: one of two officers types one component; the key is the XOR of both",
         {name,
          {"--officer", "who types it", OptionKind::text, "", true},
          usage(true),
          algorithm,
          mode,
          {"--exportability", "E under a trusted key, N never, S under any", OptionKind::text, "N", false},
          {"--key", "file: PKCS#8 PEM, encrypted; default: demo/officers/NAME/key.pem", OptionKind::text, "", false},
          {"--passphrase-file", "file whose first line opens the key; default: demo/officers/NAME/passphrase",
           OptionKind::text, "", false}},
         component},
    };
}

}  // namespace giro::cli
