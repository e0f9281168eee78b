// Each kind of entry as JSON, field by field by name. Sealed card numbers are left out: first six and last four remain.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "appliance/giro/journal.hpp"
#include "entry/entry.hpp"
#include "switching/accounts.hpp"
#include "util/archive.hpp"
#include "util/environment.hpp"

namespace giro::cli {

namespace {
using nlohmann::json;

std::string masked(const FixedText<10>& first6_last4) {
    const std::string digits = first6_last4.str();
    if (digits.size() < 4) return {};
    const std::size_t head = digits.size() - 4;  // 6, or 0 of a short number
    return fmt::format("{}******{}", digits.substr(0, head), digits.substr(head));
}
std::string text(Id128 id) { return fmt::format("{:016x}{:016x}", id.hi, id.lo); }
std::string text(entry::Channel channel) {
    switch (channel) {
        case entry::Channel::card: return "card";
        case entry::Channel::qr: return "qr";
        case entry::Channel::wallet: return "wallet";
    }
    return "?";
}
std::string text(entry::Outcome outcome) {
    switch (outcome) {
        case entry::Outcome::approved: return "approved";
        case entry::Outcome::declined: return "declined";
        case entry::Outcome::forwarded: return "forwarded";
    }
    return "?";
}
std::string text(entry::ReversalOutcome outcome) {
    switch (outcome) {
        case entry::ReversalOutcome::reversed: return "reversed";
        case entry::ReversalOutcome::already: return "already";
        case entry::ReversalOutcome::nothing_owed: return "nothing_owed";
        case entry::ReversalOutcome::unknown: return "unknown";
        case entry::ReversalOutcome::released: return "released";
    }
    return "?";
}
void put(json& out, const entry::RequestKey& key) {
    out["acquirer"] = key.acquirer.view();
    out["terminal"] = key.terminal.view();
    out["stan"] = key.stan;
    out["rrn"] = key.rrn.view();
}
void put(json& out, const Amount& amount) {
    out["amount"] = amount.minor;
    out["currency"] = amount.currency;
}

json fields_of(const entry::ParticipantOpened& e) {
    json out{{"participant", e.id}, {"name", e.name.view()}};
    put(out, e.backing);
    return out;
}
json fields_of(const entry::AccountOpened& e) {
    json out{{"account", text(e.id)}, {"participant", e.participant}, {"label", e.label.view()}, {"overdraft", e.overdraft}};
    put(out, e.opening);
    return out;
}
json fields_of(const entry::CardPinSet& e) { return {{"card", masked(e.first6_last4)}}; }
json fields_of(const entry::RoutesChanged& e) {
    return {{"digest", to_hex(e.digest)}, {"rules", e.rules}, {"ranges", e.ranges}, {"routes_toml", as_text(e.text)}};
}
json fields_of(const entry::CardUnlocked& e) { return {{"card", masked(e.first6_last4)}}; }
json fields_of(const entry::CardBlocked& e) { return {{"card", masked(e.first6_last4)}}; }
json fields_of(const entry::CardUnblocked& e) { return {{"card", masked(e.first6_last4)}}; }
json fields_of(const entry::LinkSet& e) { return {{"link", e.link + 1}, {"down", e.down}, {"why", e.why.view()}}; }
json fields_of(const entry::LinkCutOver& e) { return {{"link", e.link + 1}}; }
json fields_of(const entry::CardIssued& e) { return {{"card", masked(e.pan.first6_last4)}, {"account", text(e.account)}}; }
json fields_of(const entry::TerminalAdded& e) {
    return {{"terminal", e.terminal.view()}, {"merchant", e.merchant.view()}, {"acquirer", e.acquirer.view()}, {"account", text(e.account)}};
}
json fields_of(const entry::SessionKeySet& e) { return {{"terminal", e.terminal.view()}, {"kcv", to_hex(e.kcv)}}; }
json fields_of(const entry::SessionKeyUsed& e) { return {{"terminal", e.terminal.view()}}; }
json fields_of(const entry::TerminalDukptSet& e) {
    return {{"terminal", e.terminal.view()}, {"bdk", e.bdk.view()}, {"ksn", to_hex(e.ksn)}};
}
json fields_of(const entry::WalletRegistered& e) {
    return {{"pubkey", to_hex(e.pubkey)}, {"participant", e.participant}, {"account", text(e.account)}};
}
json fields_of(const entry::FundsPaidIn& e) {
    json out{{"account", text(e.account)}, {"reference", e.reference.view()}};
    put(out, e.amount);
    return out;
}
json fields_of(const entry::Payment& e) {
    json out{{"channel", text(e.channel)}, {"outcome", text(e.outcome)}, {"reason", entry::name(e.reason)},
             {"response_code", e.response_code.view()}, {"auth_code", e.auth_code.view()}, {"merchant", e.merchant.view()}};
    put(out, e.key);
    put(out, e.amount);
    if (e.channel == entry::Channel::card) out["card"] = masked(e.pan.first6_last4);
    else out["wallet"] = to_hex(e.wallet);
    if (e.outcome == entry::Outcome::forwarded) out["link"] = e.link;
    // An offline sale or a completion of a blocked card: it was done, so it stands, and its bank may want to know.
    if (e.outcome == entry::Outcome::approved && e.reason == entry::Reason::card_blocked) out["card_was_blocked"] = true;
    // An offline sale or a completion that the card could not pay: its bank has yet to get it back.
    if (e.outcome == entry::Outcome::approved && e.link_stan == 0 && switching::is_reserve(e.debit)) out["paid_by_reserve"] = e.debit.lo;
    return out;
}
json fields_of(const entry::Authorised& e) {
    json out = fields_of(e.payment);
    if (e.payment.outcome != entry::Outcome::approved) return out;
    if (e.original != 0) out["raises"] = e.original;
    out["held"] = e.total;
    out["lifetime_s"] = e.lifetime_s;
    return out;
}
json fields_of(const entry::Completed& e) {
    json out = fields_of(e.payment);
    if (e.authorisation != 0) out["completes"] = e.authorisation;
    if (e.why != MessageReason::none) out["why"] = name(e.why);
    return out;
}
// Its issuer's bank owes it, whatever becomes of the advice.
json fields_of(const entry::StoodIn& e) {
    json out = fields_of(e.payment);
    out["stood_in_by"] = e.policy.view();
    out["link"] = e.payment.link;
    out["owed_by"] = e.payment.debit.lo;
    out["chip"] = !e.advice.chip.empty();
    return out;
}
json fields_of(const entry::SafAnswered& e) {
    return {{"payment", e.payment}, {"message", e.reversal ? "reversal" : "advice"}, {"verdict", entry::name(e.verdict)},
            {"response_code", e.response_code.view()}};
}
json fields_of(const entry::SafParked& e) { return {{"payment", e.payment}, {"why", entry::name(e.why)}}; }
json fields_of(const entry::SafRetried& e) { return {{"payment", e.payment}}; }
json fields_of(const entry::SafClosed& e) { return {{"payment", e.payment}, {"why", e.why.view()}}; }
json fields_of(const entry::SafExpired& e) { return {{"payment", e.payment}}; }
json fields_of(const entry::ChipChecked& e) {
    return {{"payment", e.payment}, {"cryptogram", entry::name(e.verdict)}, {"atc", to_hex(e.atc)}};
}
json fields_of(const entry::TerminalSigned& e) {
    return {{"terminal", e.terminal.view()}, {"on", e.on}, {"moment", e.moment.view()}, {"stan", e.stan}};
}
json fields_of(const entry::TerminalCutOver& e) {
    return {{"terminal", e.terminal.view()}, {"moment", e.moment.view()}, {"stan", e.stan}};
}
json totals_of(const Totals& totals) {
    json out = json::object();
    for (std::size_t i = 0; i < kTotals; ++i) out[std::string(name(static_cast<Total>(i)))] = totals.values[i];
    return out;
}
json fields_of(const entry::Reconciled& e) {
    const Claim claim{e.said, e.claimed, e.checkpoint};
    json said = json::object();
    for (std::size_t i = 0; i < kTotals; ++i)
        if (claim.has(static_cast<Total>(i))) said[std::string(name(static_cast<Total>(i)))] = e.claimed.values[i];
    return {{"terminal", e.key.terminal.view()}, {"acquirer", e.key.acquirer.view()}, {"stan", e.key.stan}, {"period", e.period},
            {"response_code", e.response_code.view()}, {"counted", totals_of(e.counted)}, {"claimed", std::move(said)},
            {"checkpoint", e.checkpoint}};
}
std::string text(entry::UploadOutcome outcome) {
    switch (outcome) {
        case entry::UploadOutcome::matched: return "matched";
        case entry::UploadOutcome::accepted: return "accepted";
        case entry::UploadOutcome::differs: return "differs";
    }
    return "?";
}
json fields_of(const entry::Uploaded& e) {
    return {{"terminal", e.key.terminal.view()}, {"stan", e.key.stan}, {"rrn", e.key.rrn.view()}, {"payment", e.payment},
            {"outcome", text(e.outcome)}, {"amount", e.amount.minor}, {"response_code", e.response_code.view()}};
}
json fields_of(const entry::HoldsExpired& e) { return {{"at", iso8601_utc(e.time_ns)}}; }
json fields_of(const entry::Forgotten& e) { return {{"window", e.window}, {"most", e.most}}; }
json fields_of(const entry::ForwardAnswered& e) {
    return {{"payment", e.payment}, {"outcome", text(e.outcome)}, {"reason", entry::name(e.reason)},
            {"response_code", e.response_code.view()}, {"reversal_owed", e.reversal_owed != 0}};
}
json fields_of(const entry::Reversal& e) {
    json out{{"outcome", text(e.outcome)}, {"payment", e.payment}, {"response_code", e.response_code.view()}};
    if (e.replacement != 0) out["stands"] = e.replacement;
    if (e.why != MessageReason::none) out["why"] = name(e.why);
    put(out, e.key);
    put(out, e.amount);
    return out;
}
json fields_of(const entry::LinkReversalAnswered& e) { return {{"payment", e.payment}, {"response_code", e.response_code.view()}}; }
json fields_of(const entry::WindowClosed& e) { return {{"window", e.window}, {"last_seq", e.last_seq}}; }
json fields_of(const entry::SettlementProposed& e) {
    json net = json::array();
    for (const auto& position : e.net) net.push_back({{"participant", position.participant}, {"net", position.net}});
    return {{"window", e.window}, {"merkle_root", to_hex(e.merkle_root)}, {"postings", e.postings}, {"net", net}, {"inputs", e.inputs.size()}};
}
json fields_of(const entry::SettlementWithdrawn& e) { return {{"window", e.window}}; }
json fields_of(const entry::SettlementApproved& e) { return {{"window", e.window}, {"officer", e.officer.view()}}; }
json fields_of(const entry::SettlementConfirmed& e) {
    return {{"window", e.window}, {"txid", to_hex_reversed(e.txid)}, {"height", e.height}, {"block_hash", to_hex_reversed(e.block_hash)}};
}

template <typename E>
std::optional<json> read(Bytes body) {
    const auto e = decode<E>(body);
    if (!e) return std::nullopt;
    return fields_of(*e);
}

std::optional<json> read(entry::Kind kind, Bytes body) {
    using entry::Kind;
    switch (kind) {
        case Kind::participant_opened: return read<entry::ParticipantOpened>(body);
        case Kind::account_opened: return read<entry::AccountOpened>(body);
        case Kind::card_issued: return read<entry::CardIssued>(body);
        case Kind::terminal_added: return read<entry::TerminalAdded>(body);
        case Kind::session_key_set: return read<entry::SessionKeySet>(body);
        case Kind::session_key_used: return read<entry::SessionKeyUsed>(body);
        case Kind::terminal_dukpt_set: return read<entry::TerminalDukptSet>(body);
        case Kind::card_pin_set: return read<entry::CardPinSet>(body);
        case Kind::card_unlocked: return read<entry::CardUnlocked>(body);
        case Kind::routes_changed: return read<entry::RoutesChanged>(body);
        case Kind::card_blocked: return read<entry::CardBlocked>(body);
        case Kind::card_unblocked: return read<entry::CardUnblocked>(body);
        case Kind::link_set: return read<entry::LinkSet>(body);
        case Kind::link_cut_over: return read<entry::LinkCutOver>(body);
        case Kind::stood_in: return read<entry::StoodIn>(body);
        case Kind::saf_answered: return read<entry::SafAnswered>(body);
        case Kind::saf_parked: return read<entry::SafParked>(body);
        case Kind::saf_retried: return read<entry::SafRetried>(body);
        case Kind::saf_closed: return read<entry::SafClosed>(body);
        case Kind::saf_expired: return read<entry::SafExpired>(body);
        case Kind::wallet_registered: return read<entry::WalletRegistered>(body);
        case Kind::funds_paid_in: return read<entry::FundsPaidIn>(body);
        case Kind::payment: return read<entry::Payment>(body);
        case Kind::forward_answered: return read<entry::ForwardAnswered>(body);
        case Kind::reversal: return read<entry::Reversal>(body);
        case Kind::link_reversal_answered: return read<entry::LinkReversalAnswered>(body);
        case Kind::authorised: return read<entry::Authorised>(body);
        case Kind::completed: return read<entry::Completed>(body);
        case Kind::terminal_signed: return read<entry::TerminalSigned>(body);
        case Kind::terminal_cut_over: return read<entry::TerminalCutOver>(body);
        case Kind::uploaded: return read<entry::Uploaded>(body);
        case Kind::chip_checked: return read<entry::ChipChecked>(body);
        case Kind::reconciled: return read<entry::Reconciled>(body);
        case Kind::holds_expired: return read<entry::HoldsExpired>(body);
        case Kind::forgotten: return read<entry::Forgotten>(body);
        case Kind::window_closed: return read<entry::WindowClosed>(body);
        case Kind::settlement_proposed: return read<entry::SettlementProposed>(body);
        case Kind::settlement_approved: return read<entry::SettlementApproved>(body);
        case Kind::settlement_confirmed: return read<entry::SettlementConfirmed>(body);
        case Kind::settlement_withdrawn: return read<entry::SettlementWithdrawn>(body);
    }
    return std::nullopt;
}
}  // namespace

Result<json> describe(const journal::Entry& entry) {
    const auto kind = static_cast<entry::Kind>(entry.kind);
    auto fields = read(kind, entry.body);
    if (!fields) return fail(Failure::Kind::integrity, fmt::format("journal entry {} (kind {}) does not decode", entry.seq, entry.kind));
    (*fields)["seq"] = entry.seq;
    (*fields)["kind"] = entry::name(kind);
    (*fields)["time"] = iso8601_utc(entry.time_ns);
    return *fields;
}

}  // namespace giro::cli
