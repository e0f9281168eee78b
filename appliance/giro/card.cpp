// giro card pin|unlock|block|unblock: what an issuer's staff do to a card on us. The card's number comes by standard input, where no
// list of processes and no shell's history shows it; a demo card may be named by BIN and index. Hostile: nothing; it is
// the operator's own tool. It fails whole, or after the journal's entry and before the vault's: then it is to be run
// again, and says so.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "appliance/giro/command.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/switch_client.hpp"
#include "bus/admin_messages.hpp"
#include "util/archive.hpp"
#include "util/secret.hpp"
#include "vault/client.hpp"
#include "vault/payment_wire.hpp"

namespace giro::cli {

namespace {
using bus::MessageType;
using Kind = Failure::Kind;

// One line, byte by byte into memory that is wiped.
std::optional<Pan> read_pan() {
    if (::isatty(STDIN_FILENO) != 0) std::fputs("card number: ", stderr);
    std::array<char, Pan::kDigitsMax + 1> digits{};
    std::size_t size = 0;
    char c = 0;
    while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        if (c != ' ' && c != '\r' && size < digits.size()) digits[size++] = c;
    auto pan = Pan::parse({digits.data(), size});
    wipe(std::as_writable_bytes(std::span(digits)));
    return pan;
}

Result<Pan> card_of(const Args& args) {
    std::optional<Pan> pan;
    if (args.given("--bin")) {
        constexpr std::uint64_t kIndexMax = 9'999'999;
        const auto index = number_of(args, "--card-index", 1, kIndexMax);
        if (!index) return tl::unexpected(index.error());
        const std::string bin = args.text("--bin");
        if (bin.size() >= 6 && bin.size() <= 8) pan = Pan::parse(demo::pan(bin, static_cast<std::uint32_t>(*index)));
        if (!pan) return fail(Kind::config, fmt::format("--bin '{}' is not a BIN of 6 to 8 digits", bin));
        return *pan;
    }
    pan = read_pan();
    if (!pan) return fail(Kind::config, "standard input has no card number of 8 to 19 digits in its first line");
    return *pan;
}

// The switch knows the card by its token, and writes down what is done to it.
Result<vault::PanToken> tell_of_card(const Args& args, MessageType type, Bytes body) {
    const auto token = tell_switch(args.paths(), type, body);
    if (!token) return tl::unexpected(token.error());
    vault::PanToken out;
    if (token->size() != out.size()) return fail(Kind::try_again, "the switch's answer names no card");
    std::ranges::copy(*token, out.begin());
    return out;
}

Result<void> said(const Args& args, const Pan& pan, std::string_view what) {
    if (args.json())
        fmt::print("{{\"ok\":true,\"card\":\"{}\"}}\n", pan.masked());
    else
        fmt::print("card {}: {}\n", pan.masked(), what);
    return {};
}

Result<void> set_pin(const Args& args) {
    const std::string on_file = args.text("--on-file");
    const bool digits = std::ranges::all_of(on_file, [](char c) { return c >= '0' && c <= '9'; });
    if (on_file.size() < 4 || on_file.size() > vault::kPinDigitsMax || !digits)
        return fail(Kind::config, "--on-file: a PVV of 4 digits, or an offset of as many as the PIN has, 4 to 12");
    const auto pan = card_of(args);
    if (!pan) return tl::unexpected(pan.error());
    const bus::SetCardPin message{FixedText<19>(pan->reveal()), FixedText<12>(on_file)};
    if (const auto done = tell_of_card(args, MessageType::set_card_pin, encode(message)); !done)
        return tl::unexpected(done.error());
    return said(args, *pan, "its PIN is verified by that from now on");
}

// First written down, then done: there is no unlocking that the journal does not know.
Result<void> unlock(const Args& args) {
    const auto pan = card_of(args);
    if (!pan) return tl::unexpected(pan.error());
    auto vault = vault::SyncClient::connect(args.paths().run(), bus::caller::kAdmin);
    if (!vault) return tl::unexpected(vault.error());
    const auto token =
        tell_of_card(args, MessageType::unlock_card, encode(bus::UnlockCard{FixedText<19>(pan->reveal())}));
    if (!token) return tl::unexpected(token.error());
    if (const auto done = vault->call<vault::PinUnlock>({*token}); !done)
        return fail(done.error().kind,
                    fmt::format("the journal has it, but the vault has not unlocked the card: {}; run it again",
                                done.error().what));
    return said(args, *pan, "unlocked; its wrong PINs are forgotten");
}

// Of any card, a link's too.
Result<void> block(const Args& args, MessageType type, std::string_view what) {
    const auto pan = card_of(args);
    if (!pan) return tl::unexpected(pan.error());
    if (const auto done = tell_of_card(args, type, encode(bus::UnlockCard{FixedText<19>(pan->reveal())})); !done)
        return tl::unexpected(done.error());
    return said(args, *pan, what);
}
}  // namespace

std::vector<Command> card_commands() {
    using enum Option::Kind;
    const Option bin{"--bin", "of a demo card, in place of a number on standard input", text, "", false};
    const Option index{"--card-index", "number of that demo card", number, "1", false};
    return {{"card pin",
             "what a card's PIN is verified by, as its issuer's personalisation gives it; the card's number on "
             "standard input",
             {{"--on-file", "Visa PVV or IBM 3624 offset, by the card_product of its BIN", text, "", true}, bin, index},
             set_pin},
            {"card unlock",
             "a card on us that had too many wrong PINs may try again; the card's number on standard input",
             {bin, index},
             unlock},
            {"card block",
             "nothing new is paid with a card, on us or of a link's host (62), until it is unblocked; the card's number on "
             "standard input",
             {bin, index},
             [](const Args& args) { return block(args, MessageType::block_card, "blocked"); }},
            {"card unblock",
             "a card that was blocked may pay again; the card's number on standard input",
             {bin, index},
             [](const Args& args) { return block(args, MessageType::unblock_card, "unblocked"); }}};
}

}  // namespace giro::cli
