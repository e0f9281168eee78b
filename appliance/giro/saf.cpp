// giro saf list|show|retry|park|close: one payment, or all that fit. What issuers' hosts are owed, asked of the running switch, page by page; and what they
// refused or what expired, read from the journal. Card numbers are masked: nothing else of them comes here. Hostile: nothing
// but the journal file, each of whose entries is checked as it is read.
#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>

#include "appliance/giro/command.hpp"
#include "appliance/giro/journal.hpp"
#include "appliance/giro/pos_args.hpp"
#include "appliance/giro/switch_client.hpp"
#include "bus/admin_messages.hpp"
#include "entry/entry.hpp"
#include "util/archive.hpp"
#include "util/environment.hpp"

namespace giro::cli {

namespace {
using bus::MessageType;
using bus::SafRow;
using nlohmann::ordered_json;

std::string masked(const FixedText<10>& first6_last4) {
    const std::string digits = first6_last4.str();
    return digits.size() < 4 ? std::string() : fmt::format("{}******{}", digits.substr(0, digits.size() - 4), digits.substr(digits.size() - 4));
}

std::string_view what(bool advice, bool reversal) {
    return advice && reversal ? "advice, then reversal" : advice ? "advice" : "reversal";
}

// Of a payment's entry until now.
std::uint64_t age_s(std::uint64_t time_ns) {
    const std::uint64_t now_ns = SystemClock().wall_ns();
    return now_ns < time_ns ? 0 : (now_ns - time_ns) / 1'000'000'000;
}

ordered_json to_json(const SafRow& r) {
    ordered_json out{{"payment", r.payment}, {"link", r.link + 1}, {"terminal", r.terminal.view()}, {"rrn", r.rrn.view()},
                     {"card", masked(r.first6_last4)}, {"amount", r.amount.minor}, {"currency", r.amount.currency}, {"owed", what(r.advice, r.reversal)},
                     {"stands", r.stands}, {"age_s", age_s(r.time_ns)}, {"place", r.owed_at}, {"link_stan", r.link_stan}, {"attempts", r.attempts},
                     {"failures", r.failures}, {"parked", r.parked}};
    if (r.parked) out["why"] = r.why.view();
    return out;
}

void print(const SafRow& r) {
    fmt::print("{:>10}  link {:<3} {:<8} rrn {:<12} {} {:>12} {:<22} {:>8} s old, sent {} times{}\n", r.payment, r.link + 1, r.terminal.view(),
               r.rrn.view(), masked(r.first6_last4), fmt::format("{}.{:02}", r.amount.minor / 100, r.amount.minor % 100),
               what(r.advice, r.reversal), age_s(r.time_ns), r.attempts, r.parked ? fmt::format(", parked: {}", r.why.view()) : std::string());
}

Result<bus::SafPage> ask(const Args& args, const bus::SafQuery& query) {
    const auto body = tell_switch(args.paths(), MessageType::saf_list, encode(query));
    if (!body) return tl::unexpected(body.error());
    auto page = decode<bus::SafPage>(*body);
    if (!page) return fail(Failure::Kind::try_again, "the switch's answer does not decode");
    return std::move(*page);
}

// --- from the journal: what came to an end that staff must know ---------------------------------------------------

struct Ended {
    std::uint64_t payment = 0, ended_at = 0;
    entry::Payment of;
    std::string_view how;  // "refused", "expired" or "closed"
    ResponseCode code;
    MinorUnits stands = 0;  // of it, by now
};
std::uint64_t place(const Ended& e) { return e.ended_at; }
std::uint64_t place(const SafRow& r) { return r.payment; }

ordered_json to_json(const Ended& e) {
    return {{"payment", e.payment}, {"link", e.of.link + 1}, {"terminal", e.of.key.terminal.view()}, {"rrn", e.of.key.rrn.view()},
            {"card", masked(e.of.pan.first6_last4)}, {"amount", e.of.amount.minor}, {"stands", e.stands}, {"currency", e.of.amount.currency}, {"how", e.how},
            {"response_code", e.code.view()}, {"entry", e.ended_at}, {"owed_by", e.of.debit.lo}};
}

void print(const Ended& e) {
    fmt::print("{:>10}  link {:<3} {:<8} rrn {:<12} {} {:>12} {} {} (entry {}); bank {} owes what stands of it all the same\n", e.payment, e.of.link + 1,
               e.of.key.terminal.view(), e.of.key.rrn.view(), masked(e.of.pan.first6_last4),
               fmt::format("{}.{:02}", e.stands / 100, e.stands % 100), e.how, e.code.view(), e.ended_at, e.of.debit.lo);
}

// Each stand-in whose advice came to another end than that it was accepted, in the order of these ends, with what stands of it.
class EndedReader {
  public:
    Result<void> feed(const journal::Entry& e) {
        switch (static_cast<entry::Kind>(e.kind)) {
            case entry::Kind::stood_in:
                if (const auto s = decode<entry::StoodIn>(e.body)) m_all[e.seq] = {e.seq, 0, s->payment, {}, {}, s->payment.amount.minor};
                break;
            case entry::Kind::saf_expired:
                if (const auto x = decode<entry::SafExpired>(e.body)) end(e.seq, x->payment, "expired", {});
                break;
            case entry::Kind::saf_closed:
                if (const auto x = decode<entry::SafClosed>(e.body)) end(e.seq, x->payment, "closed", {});
                break;
            case entry::Kind::saf_answered:
                if (const auto a = decode<entry::SafAnswered>(e.body)) {
                    if (a->verdict == entry::SafVerdict::refused) end(e.seq, a->payment, "refused", a->response_code);
                    if (a->verdict == entry::SafVerdict::accepted) m_all.erase(a->payment);
                }
                break;
            case entry::Kind::reversal:
                if (const auto r = decode<entry::Reversal>(e.body); r && r->outcome == entry::ReversalOutcome::reversed)
                    if (const auto at = m_all.find(r->payment); at != m_all.end()) at->second.stands -= r->amount.minor;
                break;
            default:
                break;
        }
        return {};
    }
    // Those after entry `after`, at most `most`.
    [[nodiscard]] std::vector<Ended> rows(std::uint64_t after, std::size_t most) const {
        std::vector<Ended> out;
        for (const auto& [seq, payment] : m_ends)
            if (seq > after && out.size() < most) out.push_back(m_all.at(payment));
        return out;
    }

  private:
    void end(std::uint64_t seq, std::uint64_t payment, std::string_view how, ResponseCode code) {
        const auto at = m_all.find(payment);
        if (at == m_all.end() || !at->second.how.empty()) return;
        at->second.ended_at = seq;
        at->second.how = how;
        at->second.code = code;
        m_ends[seq] = payment;
    }
    std::map<std::uint64_t, Ended> m_all;           // by payment; those that were accepted are gone
    std::map<std::uint64_t, std::uint64_t> m_ends;  // entry -> payment
};

template <typename Row>
void show_rows(const Args& args, const std::vector<Row>& rows, bool more, std::string_view none) {
    if (!args.json()) {
        for (const Row& row : rows) print(row);
        if (rows.empty()) fmt::print("{}\n", none);
        if (more) fmt::print("there is more: --after {}\n", place(rows.back()));
        return;
    }
    ordered_json all = ordered_json::array();
    for (const Row& row : rows) all.push_back(to_json(row));
    fmt::print("{}\n", ordered_json{{"rows", std::move(all)}, {"more", more}}.dump());
}

Result<void> list_ended(const Args& args, std::uint64_t after, std::size_t most) {
    EndedReader reader;
    if (auto read = scan_journal(args.paths(), [&](const journal::Entry& e) { return reader.feed(e); }); !read) return read;
    auto rows = reader.rows(after, most + 1);
    const bool more = rows.size() > most;
    if (more) rows.pop_back();
    show_rows(args, rows, more, "no issuer has refused an advice, and none has expired");
    return {};
}

// By its id in conf.d; left as it is where nothing is said.
Result<void> link_of(const Args& args, std::uint16_t& number) {
    constexpr std::int64_t kLinkIdMax = 9'999;
    if (!args.given("--link")) return {};
    const auto id = number_of(args, "--link", 1, kLinkIdMax);
    if (!id) return tl::unexpected(id.error());
    number = static_cast<std::uint16_t>(*id - 1);
    return {};
}

Result<void> terminal_of_line(const Args& args, TerminalId& terminal) {
    const std::string id = args.text("--terminal");
    if (id.size() > config::kTerminalIdCharsMax) return fail(Failure::Kind::config, "--terminal: at most 8 characters");
    terminal = TerminalId(id);
    return {};
}

Result<void> reason_of(const Args& args, FixedText<16>& reason) {
    if (!args.given("--reason")) return {};
    std::string all;
    for (auto why = entry::SafWhy{1}; why <= entry::SafWhy::kLast; why = static_cast<entry::SafWhy>(static_cast<int>(why) + 1)) {
        if (args.text("--reason") == entry::name(why)) reason = FixedText<16>(entry::name(why));
        all += fmt::format(" {}", entry::name(why));
    }
    if (reason.empty()) return fail(Failure::Kind::config, "--reason: one of" + all);
    return {};
}

Result<void> list(const Args& args) {
    constexpr std::int64_t kSeqMax = INT64_MAX;
    const auto after = number_of(args, "--after", 0, kSeqMax);
    const auto most = number_of(args, "--limit", 1, bus::kSafRowsMax);
    if (!after || !most) return tl::unexpected(!after ? after.error() : most.error());
    if (args.flag("--refused")) return list_ended(args, static_cast<std::uint64_t>(*after), static_cast<std::size_t>(*most));
    bus::SafQuery query;
    query.after = static_cast<std::uint64_t>(*after);
    query.most = static_cast<std::uint16_t>(*most);
    query.parked = args.flag("--parked");
    if (auto read = terminal_of_line(args, query.terminal); !read) return read;
    if (auto read = link_of(args, query.link); !read) return read;
    const auto page = ask(args, query);
    if (!page) return tl::unexpected(page.error());
    show_rows(args, page->rows, page->more, "nothing is owed to any issuer's host");
    return {};
}

Result<std::uint64_t> payment_of(const Args& args) {
    const auto seq = number_of(args, "payment", 1, INT64_MAX);
    if (!seq) return tl::unexpected(seq.error());
    return static_cast<std::uint64_t>(*seq);
}

// What is owed of it, and every entry that speaks of it.
Result<void> show(const Args& args) {
    const auto seq = payment_of(args);
    if (!seq) return tl::unexpected(seq.error());
    bus::SafQuery query;
    query.after = *seq - 1;
    query.most = 1;
    const auto page = ask(args, query);
    if (!page) return tl::unexpected(page.error());
    const bool owed = !page->rows.empty() && page->rows[0].payment == *seq;
    std::vector<nlohmann::json> entries;
    const auto read = scan_journal(args.paths(), [&](const journal::Entry& e) -> Result<void> {
        auto fields = describe(e);
        if (!fields) return tl::unexpected(fields.error());
        if (e.seq == *seq || fields->value("payment", std::uint64_t{0}) == *seq) entries.push_back(std::move(*fields));
        return {};
    }, *seq);
    if (!read) return tl::unexpected(read.error());
    if (entries.empty()) return fail(Failure::Kind::refused, fmt::format("the journal has no entry {}", *seq));
    if (args.json()) {
        fmt::print("{{\"owed\":{},\"entries\":{}}}\n", owed ? to_json(page->rows[0]).dump() : "null", nlohmann::json(entries).dump());
        return {};
    }
    if (owed) print(page->rows[0]);
    else fmt::print("nothing is owed of payment {}\n", *seq);
    for (const auto& e : entries) fmt::print("{}\n", e.dump());
    return {};
}

// --- one payment, or many -----------------------------------------------------------------------------------------

struct Verb {
    bus::SafWhat what;
    MessageType of_one;
    std::string_view done;  // to one, and to many
};
constexpr Verb kRetry{bus::SafWhat::retry, MessageType::saf_retry, "back in line"};
constexpr Verb kPark{bus::SafWhat::park, MessageType::saf_park, "parked"};
constexpr Verb kClose{bus::SafWhat::close, MessageType::saf_close, "closed; the issuer's host hears no more of it"};

Result<void> change_one(const Args& args, const Verb& verb, const FixedText<64>& why) {
    const auto seq = payment_of(args);
    if (!seq) return tl::unexpected(seq.error());
    const Buffer body = verb.what == bus::SafWhat::close ? encode(bus::SafClose{*seq, why}) : encode(bus::SafPayment{*seq});
    if (auto told = tell_switch(args.paths(), verb.of_one, body); !told) return tl::unexpected(told.error());
    if (args.json()) fmt::print("{{\"ok\":true,\"payment\":{}}}\n", *seq);
    else fmt::print("payment {}: {}\n", *seq, verb.done);
    return {};
}

// Page by page; each is durable when it is counted, so one that is interrupted is simply asked for again.
Result<void> change_many(const Args& args, const Verb& verb, bus::SafMany query) {
    auto client = SwitchClient::connect(args.paths());
    if (!client) return tl::unexpected(client.error());
    const bool shows = !args.json() && ::isatty(STDERR_FILENO) == 1;
    std::uint64_t changed = 0;
    for (bool more = true; more;) {
        const auto body = client->tell(MessageType::saf_many, encode(query));
        if (!body) return tl::unexpected(body.error());
        const auto done = decode<bus::SafManyDone>(*body);
        if (!done || (done->more && done->last <= query.after)) return fail(Failure::Kind::try_again, "the switch's answer does not decode");
        changed += done->changed;
        query.after = done->last;
        more = done->more;
        if (shows) fmt::print(stderr, "\r{} so far", changed);
    }
    if (shows) fmt::print(stderr, "\r");
    if (args.json()) fmt::print("{{\"ok\":true,\"payments\":{}}}\n", changed);
    else fmt::print("{} payment{}: {}\n", changed, changed == 1 ? "" : "s", verb.done);
    return {};
}

Result<void> change(const Args& args, const Verb& verb) {
    const bool some = args.given("--link") || args.given("--terminal") || args.given("--reason");
    const bool one = args.given("payment"), all = args.flag("--all");
    if (one == (some || all)) return fail(Failure::Kind::config, "name one payment, or say which: --link, --terminal, --reason, or --all");
    const std::string why = args.text("--why");
    if (why.size() > sizeof(bus::SafClose::why)) return fail(Failure::Kind::config, "--why: at most 64 characters");
    if (one) return change_one(args, verb, FixedText<64>(why));
    bus::SafMany query;
    query.what = verb.what;
    query.why = FixedText<64>(why);
    if (auto read = link_of(args, query.link); !read) return read;
    if (auto read = terminal_of_line(args, query.terminal); !read) return read;
    if (auto read = reason_of(args, query.reason); !read) return read;
    return change_many(args, verb, query);
}
}  // namespace

std::vector<Command> saf_commands() {
    using enum Option::Kind;
    const auto which = [](std::vector<Option> more = {}) {
        std::vector<Option> out{{"payment", "its entry's number (seq); or", number, "", false},
                                {"--link", "all that is owed to this link: its id (etc/conf.d), of one that was removed, too", number, "", false},
                                {"--terminal", "all of this terminal (DE41)", text, "", false},
                                {"--reason", "all that is parked for this: unreadable, card_unreadable, unsayable, asked, unanswered", text, "", false},
                                {"--all", "all", flag, "", false}};
        out.insert(out.end(), more.begin(), more.end());
        return out;
    };
    const Option payment{"payment", "its entry's number (seq)", number, "", true};
    return {{"saf list",
             "what issuers' hosts are owed: advices of payments that the box approved for them, and reversals",
             {{"--link", "id of one link (etc/conf.d)", number, ""},
              {"--terminal", "of one terminal (DE41)", text, ""},
              {"--parked", "only what is not sent until giro saf retry", flag, ""},
              {"--refused", "instead: what issuers refused and what expired, with its amount, from the journal", flag, ""},
              {"--after", "go on after this payment; of --refused after this entry", number, "0"},
              {"--limit", "rows at most, to 500", number, "100"}},
             list},
            {"saf show", "one payment: what is owed of it, and every entry about it", {payment}, show},
            {"saf retry",
             "parked payments go back to their place in their terminal's line",
             which(),
             [](const Args& args) { return change(args, kRetry); }},
            {"saf close",
             "what is parked is settled otherwise, between the banks: nothing of it is sent any more",
             which({{"--why", "for the journal, at most 64 characters", text, "", true}}),
             [](const Args& args) { return change(args, kClose); }},
            {"saf park",
             "what is owed of a payment is not sent until giro saf retry; what is behind it goes on",
             which(),
             [](const Args& args) { return change(args, kPark); }}};
}

}  // namespace giro::cli
