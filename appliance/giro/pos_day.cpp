// giro pos sign-off, cut-over and reconcile: the end of a terminal's day.
#include <fmt/format.h>

#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/pos_once.hpp"
#include "appliance/giro/pos_till.hpp"
#include "appliance/giro/settlement_read.hpp"

namespace giro::cli {

namespace {
using namespace pos;

struct Desk : Outfit {
    Identity who;
};

Result<Desk> open_desk(const Args& args) {
    auto outfit = outfit_of(args);
    if (!outfit) return tl::unexpected(outfit.error());
    const auto terminal = terminal_of(args);
    if (!terminal) return tl::unexpected(terminal.error());
    const Identity who = pos::identity_of(outfit->equipment->config, *terminal, args.flag("--dukpt"));
    return Desk{std::move(*outfit), who};
}

std::string totals_json(const Claim& claim) {
    std::string out;
    for (std::size_t i = 0; i < kTotals; ++i) {
        const auto total = static_cast<Total>(i);
        if (claim.has(total))
            out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", name(total), claim.totals[total]);
    }
    return "{" + out + "}";
}

// "net 20.50", and how it comes about, where the box says that.
std::string totals_words(const Claim& claim) {
    const auto of = [&](Total total) { return claim.totals[total]; };
    std::string out = fmt::format("net {}", money(of(Total::net)));
    if (claim.has(Total::debits_amount) && claim.has(Total::debit_reversals_amount))
        out += fmt::format(": {} sales {}, {} moved back {}", of(Total::debits), money(of(Total::debits_amount)),
                           of(Total::debit_reversals), money(of(Total::debit_reversals_amount)));
    return out;
}

// One line: what was asked, and what the box said to it.
Result<void> tell(const Args& args, const Identity& who, std::string_view done, const Outcome& outcome) {
    const std::string_view code = outcome.code.view();
    const std::string_view verdict = outcome.approved() ? done : "REFUSED";
    const Claim counted = outcome.totals.value_or(Claim{});
    if (args.json()) {
        fmt::print(R"({{"verdict":"{}","response_code":"{}","why":"{}","terminal":"{}","counted":{}}})"
                   "\n",
                   verdict, code, response_words(code), who.terminal.view(), totals_json(counted));
    } else {
        fmt::print("{} {}: {} ({}){}\n", verdict, who.terminal.view(), response_words(code), code,
                   outcome.totals ? "; the box counts " + totals_words(counted) : "");
    }
    if (!outcome.approved())
        return fail(Failure::Kind::refused, args.json() ? fmt::format("{} {}", code, response_words(code)) : "");
    return {};
}

Result<void> notify(const Args& args, NetworkCode code, std::string_view done) {
    const auto desk = open_desk(args);
    if (!desk) return tl::unexpected(desk.error());
    const auto result = notify_once(*desk->equipment, desk->address, desk->who, desk->timeout_ms, code);
    if (!result) return tl::unexpected(result.error());
    return tell(args, desk->who, done, result->outcome);
}
}  // namespace

Result<void> pos_sign_off(const Args& args) {
    return notify(args, NetworkCode::sign_off, "SIGNED OFF");
}
Result<void> pos_cut_over(const Args& args) {
    return notify(args, NetworkCode::cut_over, "CUT OVER");
}

Result<void> pos_reconcile(const Args& args) {
    const auto desk = open_desk(args);
    if (!desk) return tl::unexpected(desk.error());
    Claim claim;
    claim.say(Total::net, args.number("--net"));
    claim.checkpoint = args.flag("--checkpoint");
    const auto result = reconcile_once(*desk->equipment, desk->address, desk->who, desk->timeout_ms, claim);
    if (!result) return tl::unexpected(result.error());
    return tell(args, desk->who, "IN BALANCE", result->outcome);
}

}  // namespace giro::cli
