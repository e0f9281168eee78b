#include "appliance/giro-switch/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "bus/admin_messages.hpp"
#include "bus/messages.hpp"
#include "util/archive.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::appliance {

using bus::MessageType;

namespace {
enum Permit : unsigned { kAdmin = 1, kSettle = 2, kAuditor = 4 };

// What staff said goes into the journal and comes out as JSON.
bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}
const switching::Done kNotPlain = tl::unexpected(std::string("the reason has other characters than plain ASCII ones"));
}

struct Commands::Caller {
    std::string name;
    unsigned permit = 0;
    std::unique_ptr<bus::Server> server;
};

// Who may ask for what.
struct Commands::Row {
    MessageType type;
    unsigned permits;
    void (*handle)(Commands&, Caller&, bus::PeerId, const bus::Record&);
};

const Commands::Row Commands::kTable[] = {
    {MessageType::open_participant, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::open_participant);
     }},
    {MessageType::open_account, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::open_account);
     }},
    {MessageType::add_terminal, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::add_terminal);
     }},
    {MessageType::set_terminal_dukpt, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::set_terminal_dukpt);
     }},
    {MessageType::pay_in, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.change(w, p, r, &switching::Core::pay_in); }},
    {MessageType::issue_card, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.of_card<bus::IssueCard>(w, p, r, [](switching::Core& core, const bus::IssueCard& m, const entry::SealedPan& card) {
             return core.issue_card({card, m.account});
         });
     }},
    {MessageType::set_card_pin, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.of_card<bus::SetCardPin>(w, p, r, [](switching::Core& core, const bus::SetCardPin& m, const entry::SealedPan& card) {
             return core.set_card_pin({card.token, card.first6_last4, m.on_file});
         });
     }},
    {MessageType::unlock_card, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.of_card<bus::UnlockCard>(w, p, r, [](switching::Core& core, const bus::UnlockCard&, const entry::SealedPan& card) {
             return core.unlock_card({card.token, card.first6_last4});
         });
     }},
    {MessageType::apply_routes, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.apply_routes(w, p, r); }},
    {MessageType::block_card, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.of_card<bus::UnlockCard>(w, p, r, [](switching::Core& core, const bus::UnlockCard&, const entry::SealedPan& card) {
             return core.block_card({card.token, card.first6_last4});
         });
     }},
    {MessageType::unblock_card, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.of_card<bus::UnlockCard>(w, p, r, [](switching::Core& core, const bus::UnlockCard&, const entry::SealedPan& card) {
             return core.unblock_card({card.token, card.first6_last4});
         });
     }},
    {MessageType::saf_list, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.saf_list(w, p, r); }},
    {MessageType::saf_park, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.saf_change(w, p, r, true); }},
    {MessageType::saf_close, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.saf_close(w, p, r); }},
    {MessageType::saf_retry, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.saf_change(w, p, r, false); }},
    {MessageType::saf_many, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.saf_many(w, p, r); }},
    {MessageType::link_set, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.set_link(w, p, r); }},
    {MessageType::close_window, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.close_window(w, p, r); }},
    {MessageType::approve_settlement, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::approve_settlement);
     }},
    {MessageType::withdraw_settlement, kAdmin,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::withdraw_settlement);
     }},
    {MessageType::propose_settlement, kSettle,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::propose_settlement);
     }},
    {MessageType::confirm_settlement, kSettle,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) {
         c.change(w, p, r, &switching::Core::confirm_settlement);
     }},
    {MessageType::box_status, kAdmin | kSettle | kAuditor,
     [](Commands& c, Caller& w, bus::PeerId p, const bus::Record& r) { c.status(w, p, r); }},
};

Commands::Commands(Program& program, switching::Core& core, Pipeline& pipeline, Clock& clock)
    : m_program(program), m_core(core), m_pipeline(pipeline), m_clock(clock) {}

Commands::~Commands() = default;

Result<void> Commands::open() {
    if (auto opened = open(bus::caller::kAdmin, kAdmin); !opened) return opened;
    if (auto opened = open(bus::caller::kSettle, kSettle); !opened) return opened;
    return open(bus::caller::kAuditor, kAuditor);
}

Result<void> Commands::open(std::string_view caller, unsigned permit) {
    auto entry = std::make_unique<Caller>();
    Caller* raw = entry.get();
    raw->name = caller;
    raw->permit = permit;
    bus::Handlers handlers;
    handlers.record = [this, raw](bus::PeerId peer, const bus::Record& record) { received(*raw, peer, record); };
    auto server = bus::Server::bind(m_program.loop, m_program.context, m_program.paths.endpoint("switch", caller),
                                    std::move(handlers));
    if (!server) return tl::unexpected(server.error());
    raw->server = std::move(*server);
    m_callers.push_back(std::move(entry));
    return {};
}

void Commands::received(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    for (const Row& row : kTable)
        if (static_cast<std::uint16_t>(row.type) == record.type && (row.permits & caller.permit) != 0)
            return row.handle(*this, caller, peer, record);
    bad_request(caller, peer, record);
}

void Commands::bad_request(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    log::warn("{} sent a command of type {:#06x} that is not its own or does not decode; its connection is closed",
              caller.name, record.type);
    caller.server->close_peer(peer);
}

void Commands::reply(Caller& caller, bus::PeerId peer, const bus::Record& record, const switching::Done& done,
                     Bytes body) {
    GIRO_FAILPOINT("switch.command.decided");
    if (!m_pipeline.commit()) return;
    GIRO_FAILPOINT("switch.command.committed");
    if (done)
        caller.server->send(peer, {record.type, bus::Status::ok, record.correlation, body});
    else
        caller.server->send(peer, {record.type, bus::Status::refused, record.correlation, as_bytes(done.error())});
}

template <typename E>
void Commands::change(Caller& caller, bus::PeerId peer, const bus::Record& record,
                      switching::Done (switching::Core::*method)(const E&)) {
    const auto e = decode<E>(record.body);
    if (!e) return bad_request(caller, peer, record);
    reply(caller, peer, record, (m_core.*method)(*e));
}

template <typename Message>
void Commands::of_card(Caller& caller, bus::PeerId peer, const bus::Record& record,
                       switching::Done (*decide)(switching::Core&, const Message&, const entry::SealedPan&)) {
    const auto request = decode<Message>(record.body);
    const auto pan = request ? Pan::parse(request->pan.view()) : std::nullopt;
    if (!pan) return bad_request(caller, peer, record);
    const bus::Record header{record.type, bus::Status::ok, record.correlation, {}};
    Message rest = *request;
    rest.pan = {};  // not kept while the vault works
    m_pipeline.seal(*pan, [this, &caller, peer, header, rest, decide](std::optional<entry::SealedPan> sealed) {
        if (!sealed)
            return caller.server->send(peer, {header.type, bus::Status::try_again, header.correlation,
                                              as_bytes("the vault does not answer")});
        reply(caller, peer, header, decide(m_core, rest, *sealed), sealed->token);
    });
}

void Commands::close_window(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    if (!record.body.empty()) return bad_request(caller, peer, record);
    const auto closed = m_core.close_window(m_clock.wall_ns());
    if (!closed) return reply(caller, peer, record, tl::unexpected(closed.error()));
    log::info("window {} closed at entry {}", closed->window, closed->last_seq);
    reply(caller, peer, record, {}, encode(bus::WindowReply{closed->window, closed->last_seq}));
}

// The file is read here, by whom it binds: what the operator's program read might have been another.
void Commands::apply_routes(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    if (!record.body.empty()) return bad_request(caller, peer, record);
    auto routing = routing::load(m_program.config, routing::routes_file(m_program.paths));
    if (!routing) return reply(caller, peer, record, tl::unexpected(routing.error().what));
    if (auto usable = check_codes(*routing, m_program.config, m_pipeline.dialects()); !usable)
        return reply(caller, peer, record, tl::unexpected(usable.error().what));
    bus::RoutesReply said;
    said.digest = routing->digest();
    said.rules = static_cast<std::uint32_t>(routing->table.rules().size());
    said.ranges = static_cast<std::uint32_t>(routing->table.ranges());
    said.changed = m_core.apply_routing(std::move(*routing), m_clock.wall_ns());
    log::info("routing table {}: {} routes, {} ranges", said.changed ? "changed" : "read again, the same", said.rules, said.ranges);
    reply(caller, peer, record, {}, encode(said));
}

void Commands::saf_list(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    const auto query = decode<bus::SafQuery>(record.body);
    if (!query || query->most == 0 || query->most > bus::kSafRowsMax) return bad_request(caller, peer, record);
    const auto& all = m_core.state().all_outstanding();
    bus::SafPage page;
    for (auto at = all.upper_bound(query->after); at != all.end() && !page.more; ++at) {
        const switching::Outstanding& o = at->second;
        const bool of_link = query->link == bus::kAnyLink || query->link == o.payment.link;
        const bool of_terminal = query->terminal.empty() || query->terminal == o.payment.key.terminal;
        if (!o.owed() || !of_link || !of_terminal || (query->parked && !o.parked)) continue;
        if (page.rows.size() == query->most) {
            page.more = true;
            break;
        }
        const entry::Payment& p = o.payment;
        page.rows.push_back({at->first, p.link, p.link_stan, p.key.terminal, p.key.rrn, p.amount, o.reversal_owed ? o.stands : p.amount.minor,
                             p.pan.first6_last4, p.time_ns, o.advice_owed, o.reversal_owed, o.owed_at, m_pipeline.saf().attempts(at->first),
                             o.failures, o.parked, o.parked ? FixedText<16>(entry::name(o.parked_for)) : FixedText<16>()});
    }
    caller.server->send(peer, {record.type, bus::Status::ok, record.correlation, encode(page)});
}

void Commands::saf_close(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    const auto which = decode<bus::SafClose>(record.body);
    if (!which) return bad_request(caller, peer, record);
    if (!is_plain(which->why.view())) return reply(caller, peer, record, kNotPlain);
    reply(caller, peer, record, m_core.saf_close({which->payment, m_clock.wall_ns(), which->why}));
}

void Commands::saf_change(Caller& caller, bus::PeerId peer, const bus::Record& record, bool park) {
    const auto which = decode<bus::SafPayment>(record.body);
    if (!which) return bad_request(caller, peer, record);
    const std::uint64_t now_ns = m_clock.wall_ns();
    reply(caller, peer, record, park ? m_core.saf_park({which->payment, entry::SafWhy::asked, now_ns}) : m_core.saf_retry({which->payment, now_ns}));
}

// As many as one commit and one answer carry; the caller goes on after the last that was looked at. What does not fit the state
// (nothing is owed of it any more) is left as it is.
void Commands::saf_many(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    const auto q = decode<bus::SafMany>(record.body);
    const bool closes = q && q->what == bus::SafWhat::close;
    if (!q || q->most == 0 || q->most > bus::kSafRowsMax || closes == q->why.empty()) return bad_request(caller, peer, record);
    if (!is_plain(q->why.view())) return reply(caller, peer, record, kNotPlain);
    const bool parks = q->what == bus::SafWhat::park;
    std::vector<std::uint64_t> fit;
    bus::SafManyDone done{0, q->after, false};
    const auto& all = m_core.state().all_outstanding();
    for (auto at = all.upper_bound(q->after); at != all.end(); ++at) {
        const switching::Outstanding& o = at->second;
        const bool of_link = q->link == bus::kAnyLink || q->link == o.payment.link;
        const bool of_terminal = q->terminal.empty() || q->terminal == o.payment.key.terminal;
        const bool of_reason = q->reason.empty() || (o.parked && q->reason.view() == entry::name(o.parked_for));
        if (!o.owed() || o.parked == parks || !of_link || !of_terminal || !of_reason) continue;
        done.more = fit.size() == q->most;
        if (done.more) break;
        fit.push_back(at->first);
    }
    const std::uint64_t now_ns = m_clock.wall_ns();
    for (const std::uint64_t payment : fit) {
        const switching::Done changed = parks    ? m_core.saf_park({payment, entry::SafWhy::asked, now_ns})
                                        : closes ? m_core.saf_close({payment, now_ns, q->why})
                                                 : m_core.saf_retry({payment, now_ns});
        if (changed) ++done.changed;
        done.last = payment;
    }
    reply(caller, peer, record, {}, encode(done));
}

void Commands::set_link(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    const auto asked = decode<bus::LinkChange>(record.body);
    if (!asked) return bad_request(caller, peer, record);
    if (!is_plain(asked->why.view())) return reply(caller, peer, record, kNotPlain);
    const config::Link* link = config::find_link(m_program.config, asked->link);
    // One that is down and was removed from conf.d since may be brought up, which forgets it.
    if (link == nullptr && asked->down) return reply(caller, peer, record, tl::unexpected(std::string("there is no such link")));
    const switching::Done done = m_core.set_link({asked->link, asked->down, m_clock.wall_ns(), asked->why});
    if (done) {
        log::info("link {}: staff {}", link == nullptr ? std::to_string(asked->link + 1) : link->name, asked->down ? "takes it down" : "brings it up");
        m_pipeline.link_set(asked->link);
    }
    reply(caller, peer, record, done);
}

// Times are of now: seconds since, or -1 where it has not been.
std::string Commands::link_json(const config::Link& link) const {
    const LinkHealth::Figures f = m_pipeline.link_figures(link.number);
    const std::uint64_t now_ns = m_clock.monotonic_ns();
    std::string refused(f.refused.view());  // the host's own word
    std::ranges::replace_if(refused, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '?');
    constexpr std::uint64_t kNsOfDay = 86'400'000'000'000;
    constexpr std::size_t kDateChars = 10;  // YYYY-MM-DD
    const auto day = m_core.state().cut_over_day(link.number);
    const auto& outstanding = m_core.state().outstanding_of_links();
    const auto of_link = outstanding.find(link.number);
    const auto ago_s = [&](std::uint64_t at_ns) { return at_ns == 0 ? -1 : static_cast<std::int64_t>((now_ns - at_ns) / 1'000'000'000); };
    return fmt::format(
        "{{\"name\":\"{}\",\"up\":{},\"state\":\"{}\",\"for_s\":{},\"connections\":{},\"in_flight\":{},\"busy\":{},\"heard_s_ago\":{},"
        "\"echo_ms\":{:.1f},\"echoes\":{},\"echoes_missed\":{},\"unanswered\":{},\"failures\":{},\"sign_ons\":{},\"sign_on_refused\":\"{}\","
        "\"cut_overs\":{},\"cut_over_day\":\"{}\",\"answers_unmatched\":{},\"id\":{},\"taken_down\":{},\"outstanding\":{},\"saf_in_flight\":{}}}",
        link.name, m_core.link_up(link.number), to_string(f.state), ago_s(f.since_ns), f.connections, f.in_flight,
        m_pipeline.link_busy(link.number), ago_s(f.heard_ns), static_cast<double>(f.echo_ns) / 1e6, f.echoes, f.echoes_missed, f.unanswered,
        f.failures, f.sign_ons, refused, f.cut_overs, day ? iso8601_utc(static_cast<std::uint64_t>(*day) * kNsOfDay).substr(0, kDateChars) : std::string(), m_pipeline.answers_unmatched(link.number), link.number + 1,
        m_core.state().links_down().contains(link.number), of_link == outstanding.end() ? 0 : of_link->second, m_pipeline.saf().in_flight(link.number));
}

void Commands::status(Caller& caller, bus::PeerId peer, const bus::Record& record) {
    // What is told of the journal is on the disk: the auditor signs nothing else.
    if (!m_pipeline.commit()) return;
    const journal::Head& durable = m_pipeline.durable();
    const auto& s = m_core.state();
    const auto& t = m_pipeline.times();
    std::string links;
    for (const auto& link : m_program.config.links) links += (links.empty() ? "" : ",") + link_json(link);
    // What is owed to links that conf.d has no more: nobody sends it.
    std::string removed;
    for (const auto& [number, outstanding] : s.outstanding_of_links())
        if (config::find_link(m_program.config, number) == nullptr)
            removed += fmt::format("{}{{\"id\":{},\"outstanding\":{}}}", removed.empty() ? "" : ",", number + 1, outstanding);
    const auto& c = s.counters();
    // Everything that came after it is remembered as long as it is.
    const std::uint64_t oldest_s =
        s.all_outstanding().empty() ? 0 : s.all_outstanding().begin()->second.payment.time_ns / 1'000'000'000;
    const std::string json = fmt::format(
        "{{\"entries\":{},\"chain_hash\":\"{}\",\"open_window\":{},\"participants\":{},\"terminals\":{},\"cards\":{},\"wallets\":{},"
        "\"card_payments\":{},\"qr_payments\":{},\"declines\":{},\"forwarded\":{},\"reversals\":{},\"outstanding\":{},"
        "\"outstanding_since_unix_s\":{},\"saf\":{{\"owed\":{},\"parked\":{},\"advices_owed\":{},\"stood_in\":{},\"accepted\":{},"
        "\"refused\":{},\"refused_sum\":{},\"expired\":{},\"expired_sum\":{},\"removed_links\":[{}]}},\"cards_blocked\":{},\"taken_of_blocked_cards\":{},\"taken_of_blocked_cards_sum\":{},"
        "\"vault\":{},\"links\":[{}],\"dropped\":{},"
        "\"stages\":{{\"batches\":{},\"requests\":{},\"requests_max\":{},\"vault_verify_ns\":{},\"decide_ns\":{},"
        "\"journal_ns\":{},\"vault_mac_ns\":{}}}}}",
        durable.seq, to_hex(durable.hash), s.open_window(), s.participants().size(), s.terminal_count(), s.card_count(),
        s.wallet_count(),
        c.card_approved, c.qr_approved, c.declined, c.forwarded, c.reversals, s.all_outstanding().size(), oldest_s,
        s.all_outstanding().size() - s.waiting().size(), s.parked().size(), s.advices_owed().size(), c.stood_in, c.advices_accepted,
        c.advices_refused, c.refused_sum, c.advices_expired, c.expired_sum, removed, s.blocked_count(), c.blocked_taken, c.blocked_sum, m_pipeline.vault_answers(), links, m_pipeline.dropped(), t.batches, t.requests, t.requests_max,
        t.vault_verify_ns, t.decide_ns, t.journal_ns, t.vault_mac_ns);
    caller.server->send(peer, {record.type, bus::Status::ok, record.correlation, as_bytes(json)});
}

}  // namespace giro::appliance
