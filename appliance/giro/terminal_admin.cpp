// giro terminal add|dukpt: terminals of the running box, as entries of its journal. Hostile: nothing; it is the
// operator's own tool.
#include <fmt/format.h>

#include "appliance/giro/command.hpp"
#include "appliance/giro/switch_client.hpp"
#include "bus/messages.hpp"
#include "entry/entry.hpp"
#include "payment/ksn.hpp"
#include "util/archive.hpp"
#include "util/bytes.hpp"
#include "vault/wire.hpp"

namespace giro::cli {

namespace {
using bus::MessageType;
using Kind = Failure::Kind;

template <typename Text>
Result<Text> text_of(const Args& args, const std::string& name) {
    const std::string text = args.text(name);
    if (text.empty() || text.size() > Text{}.chars.size())
        return fail(Kind::config, fmt::format("{} '{}' must have 1 to {} characters", name, text, Text{}.chars.size()));
    return Text(text);
}

Result<entry::TerminalDukptSet> dukpt_of(const Args& args) {
    const auto terminal = text_of<TerminalId>(args, "terminal");
    if (!terminal) return tl::unexpected(terminal.error());
    const auto bdk = text_of<FixedText<22>>(args, "--bdk");
    if (!bdk) return tl::unexpected(bdk.error());
    const auto bytes = from_hex(args.text("--ksn"));
    const auto ksn = bytes ? payment::Ksn::parse(*bytes) : std::nullopt;
    if (!ksn) return fail(Kind::config, "--ksn: 24 hexadecimal digits (AES DUKPT) or 20 (TDES DUKPT)");
    static const std::map<std::string, vault::MacKind> kinds = {{"aes-cmac", vault::MacKind::aes_cmac},
                                                                {"x9.19", vault::MacKind::x9_19},
                                                                {"hmac-sha-256", vault::MacKind::hmac_sha256}};
    const auto kind = kinds.find(args.given("--mac") ? args.text("--mac") : ksn->is_aes() ? "aes-cmac" : "x9.19");
    if (kind == kinds.end()) return fail(Kind::config, "--mac: aes-cmac, hmac-sha-256 (AES DUKPT) or x9.19 (TDES DUKPT)");
    const payment::Ksn device = ksn->device();
    return entry::TerminalDukptSet{*terminal, *bdk, Buffer(device.view().begin(), device.view().end()),
                                   static_cast<std::uint8_t>(kind->second)};
}

Result<void> tell_dukpt(const Args& args, SwitchClient& box) {
    const auto entry = dukpt_of(args);
    if (!entry) return tl::unexpected(entry.error());
    if (const auto done = box.tell(MessageType::set_terminal_dukpt, encode(*entry)); !done) return tl::unexpected(done.error());
    return {};
}

Result<void> said(const Args& args, std::string_view what) {
    if (args.json()) fmt::print("{{\"ok\":true,\"terminal\":\"{}\"}}\n", args.text("terminal"));
    else fmt::print("terminal {}: {}\n", args.text("terminal"), what);
    return {};
}

Result<void> add(const Args& args) {
    const auto terminal = text_of<TerminalId>(args, "terminal");
    if (!terminal) return tl::unexpected(terminal.error());
    const auto merchant = text_of<MerchantId>(args, "--merchant");
    if (!merchant) return tl::unexpected(merchant.error());
    const auto acquirer = text_of<AcquirerId>(args, "--acquirer");
    if (!acquirer) return tl::unexpected(acquirer.error());
    const auto account = array_from_hex<16>(args.text("--account"));
    if (!account) return fail(Kind::config, "--account: 32 hexadecimal digits");
    if (args.flag("--dukpt"))
        if (const auto dukpt = dukpt_of(args); !dukpt) return tl::unexpected(dukpt.error());
    auto box = SwitchClient::connect(args.paths());
    if (!box) return tl::unexpected(box.error());
    const Id128 id{load_be<std::uint64_t>(account->data()), load_be<std::uint64_t>(account->data() + 8)};
    const entry::TerminalAdded added{*terminal, *merchant, *acquirer, id};
    if (const auto done = box->tell(MessageType::add_terminal, encode(added)); !done) return tl::unexpected(done.error());
    if (args.flag("--dukpt"))
        if (auto done = tell_dukpt(args, *box); !done) return done;
    return said(args, "added");
}

Result<void> set_dukpt(const Args& args) {
    auto box = SwitchClient::connect(args.paths());
    if (!box) return tl::unexpected(box.error());
    if (auto done = tell_dukpt(args, *box); !done) return done;
    return said(args, "its messages are under DUKPT keys from now on");
}
}  // namespace

std::vector<Command> terminal_commands() {
    using OptionKind = Option::Kind;
    const Option terminal = {"terminal", "its id (DE41), at most 8 characters", OptionKind::text, "", true};
    const auto bdk = [](bool required) {
        return Option{"--bdk", "DUKPT: the base derivation key, of giro key list", OptionKind::text, "", required};
    };
    const auto ksn = [](bool required) {
        return Option{"--ksn", "DUKPT: the device's key serial number, hexadecimal", OptionKind::text, "", required};
    };
    const Option mac = {"--mac", "DUKPT: aes-cmac, hmac-sha-256 or x9.19; default: as the KSN's kind of DUKPT", OptionKind::text,
                        "", false};
    return {{"terminal add",
             "a terminal of a merchant",
             {terminal,
              {"--merchant", "its merchant (DE42)", OptionKind::text, "", true},
              {"--acquirer", "its acquirer (DE32)", OptionKind::text, "", true},
              {"--account", "the merchant's account, 32 hexadecimal digits", OptionKind::text, "", true},
              {"--dukpt", "its messages are under DUKPT keys", OptionKind::flag, "", false},
              bdk(false),
              ksn(false),
              mac},
             add},
            {"terminal dukpt", "gives a terminal DUKPT keys, or another device's", {terminal, bdk(true), ksn(true), mac}, set_dukpt}};
}

}  // namespace giro::cli
