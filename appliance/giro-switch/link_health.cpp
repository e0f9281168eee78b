#include "appliance/giro-switch/link_health.hpp"

#include <algorithm>
#include <utility>

#include "switching/answers.hpp"
#include "switching/network.hpp"

namespace giro::appliance {

namespace {
constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint32_t kStans = 999'999;
}  // namespace

std::string_view to_string(LinkHealth::State state) noexcept {
    using enum LinkHealth::State;
    switch (state) {
        case no_line: return "no connection";
        case signing_on: return "signing on";
        case failing: return "not answering";
        case signed_off: return "signed off by its host";
        case signing_off: return "signing off";
        case taken_down: return "taken down";
        case up: return "up";
    }
    return "?";
}

LinkHealth::LinkHealth(const config::Config& config) {
    for (const config::Link& link : config.links) m_links[link.number].settings = &link;
}

const LinkHealth::Link* LinkHealth::find(std::uint16_t link) const {
    const auto found = m_links.find(link);
    return found == m_links.end() ? nullptr : &found->second;
}
LinkHealth::Link* LinkHealth::find(std::uint16_t link) {
    const auto found = m_links.find(link);
    return found == m_links.end() ? nullptr : &found->second;
}

LinkHealth::State LinkHealth::state(std::uint16_t link) const {
    const Link* l = find(link);
    return l == nullptr ? State::no_line : l->figures.state;
}

bool LinkHealth::signed_on(std::uint16_t link) const {
    const State now = state(link);
    return now == State::up || now == State::failing || now == State::signing_off;
}

bool LinkHealth::busy(std::uint16_t link) const {
    const Link* l = find(link);
    return l != nullptr && l->figures.in_flight >= l->settings->in_flight_max;
}

LinkHealth::Figures LinkHealth::figures(std::uint16_t link) const {
    const Link* l = find(link);
    return l == nullptr ? Figures() : l->figures;
}

// Whether what goes unanswered can take it down.
bool LinkHealth::counts(const Link& link) { return link.settings->echo_ms != 0; }

void LinkHealth::set(Link& link, State state, std::uint64_t now_ns) {
    if (state == link.figures.state) return;
    if (state == State::failing) ++link.figures.failures;
    link.figures.state = state;
    link.figures.since_ns = now_ns;
    link.echo_pending = false;
    link.echoes_missed = link.payments_missed = link.good = 0;
}

void LinkHealth::good(Link& link, std::uint64_t now_ns) {
    link.payments_missed = 0;
    if (link.figures.state != State::failing) return;
    if (++link.good >= link.settings->up_after) set(link, State::up, now_ns);
}

void LinkHealth::bad(Link& link, unsigned in_a_row, std::uint64_t now_ns) {
    link.good = 0;
    if (link.figures.state == State::up && counts(link) && in_a_row >= link.settings->down_after) set(link, State::failing, now_ns);
}

void LinkHealth::connected(std::uint16_t link, std::uint16_t connections, std::uint64_t now_ns) {
    Link* l = find(link);
    if (l == nullptr) return;
    l->figures.connections = connections;
    if (connections == 0) {
        set(*l, l->held ? State::taken_down : State::no_line, now_ns);
        l->question = {};
    } else if (l->figures.state == State::no_line) {
        line_made(*l, now_ns);
    }
}

void LinkHealth::line_made(Link& link, std::uint64_t now_ns) {
    link.figures.heard_ns = now_ns;  // its silence begins now
    set(link, link.settings->sign_on ? State::signing_on : State::up, now_ns);
}

void LinkHealth::take_down(std::uint16_t link, std::uint64_t now_ns) {
    Link* l = find(link);
    if (l == nullptr || std::exchange(l->held, true)) return;
    // The host may take our sign-on, which is on its way.
    const bool asked = l->figures.state == State::signing_on && l->question.code == switching::kSignOn;
    const bool signed_on = asked || l->figures.state == State::up || l->figures.state == State::failing;
    set(*l, signed_on ? State::signing_off : State::taken_down, now_ns);
    l->question = {};
}

void LinkHealth::bring_up(std::uint16_t link, std::uint64_t now_ns) {
    Link* l = find(link);
    if (l == nullptr || !std::exchange(l->held, false)) return;
    l->question = {};
    l->figures.refused = {};
    if (l->figures.connections == 0) set(*l, State::no_line, now_ns);
    else line_made(*l, now_ns);
}

void LinkHealth::sent(std::uint16_t link, std::uint64_t payment, std::uint64_t now_ns) {
    Link* l = find(link);
    if (l == nullptr || !m_sent.try_emplace(payment, Sent{link, now_ns}).second) return;
    if (l->figures.in_flight++ == 0) l->waited_ns = now_ns;
}

std::optional<LinkHealth::Sent> LinkHealth::settle(std::uint64_t payment) {
    const auto found = m_sent.find(payment);
    if (found == m_sent.end()) return std::nullopt;
    const Sent sent = found->second;
    m_sent.erase(found);
    --m_links.at(sent.link).figures.in_flight;
    return sent;
}

void LinkHealth::answered(std::uint64_t payment, std::uint64_t now_ns) {
    if (const auto sent = settle(payment)) good(m_links.at(sent->link), now_ns);
}

// What went out before the link was last up says nothing of it now; and a host that has said anything since is not dead: it leaves
// this one alone.
void LinkHealth::unanswered(std::uint64_t payment, std::uint64_t now_ns) {
    const auto sent = settle(payment);
    if (!sent) return;
    Link& l = m_links.at(sent->link);
    ++l.figures.unanswered;
    if (sent->at_ns >= l.figures.since_ns && l.figures.heard_ns <= sent->at_ns) bad(l, ++l.payments_missed, now_ns);
}

void LinkHealth::given_up(std::uint64_t payment) { static_cast<void>(settle(payment)); }

void LinkHealth::keep(const std::function<bool(std::uint64_t payment)>& waits) {
    for (auto it = m_sent.begin(); it != m_sent.end();) {
        const std::uint64_t payment = (it++)->first;
        if (!waits(payment)) given_up(payment);
    }
}

void LinkHealth::heard(std::uint16_t link, std::uint64_t now_ns) {
    Link* l = find(link);
    if (l == nullptr) return;
    l->figures.heard_ns = now_ns;
    l->echoes_missed = 0;
}

ResponseCode LinkHealth::asked(const PaymentRequest& request, std::uint64_t now_ns) {
    Link* l = find(request.link);
    if (l == nullptr) return switching::kInvalidTransaction;
    const bool connected = l->figures.state != State::no_line;
    switch (request.network_code) {
        case switching::kSignOn:
            if (l->held) return switching::kInoperative;
            if (l->figures.state == State::signed_off || l->figures.state == State::signing_on) set(*l, State::up, now_ns);
            return switching::kApproved;
        case switching::kSignOff:
            if (connected && !l->held) set(*l, State::signed_off, now_ns);
            return switching::kApproved;
        case switching::kCutOver:
            ++l->figures.cut_overs;
            return switching::kApproved;
        case switching::kEcho: return switching::kApproved;
        default: return switching::kInvalidTransaction;
    }
}

bool LinkHealth::network_answered(const PaymentRequest& answer, std::uint64_t now_ns) {
    Link* l = find(answer.link);
    if (l == nullptr) return false;
    Question& asked = l->question;
    if (asked.code == 0 || answer.network_code != asked.code || answer.stan != asked.stan || answer.transmission_time != asked.transmission)
        return false;
    const bool approved = answer.response_code == switching::kApproved;
    if (asked.code == switching::kEcho) {
        l->figures.echo_ns = std::max<std::uint64_t>(now_ns - l->asked_ns, 1);
        l->echo_pending = false;
        good(*l, now_ns);
    } else if (asked.code == switching::kSignOff) {
        set(*l, State::taken_down, now_ns);  // whatever it says of it
    } else if (approved) {
        ++l->figures.sign_ons;
        l->figures.refused = {};
        if (l->figures.state == State::signing_on) set(*l, State::up, now_ns);
    } else {
        l->figures.refused = answer.response_code;
    }
    asked = {};
    return true;
}

// Once no payment waits for the host: each has its answer, or its time is over.
std::optional<std::uint16_t> LinkHealth::due_sign_off(Link& link, std::uint64_t now_ns, std::size_t owed_under_way) {
    const bool waits = owed_under_way != 0 && now_ns - link.figures.since_ns < kSignOffWait_ns;
    if (link.figures.in_flight != 0 || waits) return std::nullopt;
    const bool asked = link.question.code == switching::kSignOff;
    if (link.settings->sign_on && !asked) return switching::kSignOff;
    if (!link.settings->sign_on || now_ns - link.asked_ns >= kSignOffWait_ns) {
        link.question = {};
        set(link, State::taken_down, now_ns);
    }
    return std::nullopt;
}

std::optional<std::uint16_t> LinkHealth::due(std::uint16_t link, std::uint64_t now_ns, std::size_t owed_under_way) {
    Link* l = find(link);
    if (l == nullptr) return std::nullopt;
    const std::uint64_t asked_for_ns = now_ns - l->asked_ns;
    if (l->figures.state == State::signing_on) {
        const bool unasked = l->question.code != switching::kSignOn && l->figures.refused.empty();
        const bool wait = l->asked_ns != 0 && asked_for_ns < (unasked ? kAskPause_ns : kAskAgain_ns);
        return wait ? std::nullopt : std::optional<std::uint16_t>(switching::kSignOn);
    }
    if (l->figures.state == State::signing_off) return due_sign_off(*l, now_ns, owed_under_way);
    if (!counts(*l) || !signed_on(link)) return std::nullopt;
    const std::uint64_t timeout_ns = l->settings->echo_timeout_ms * kNsPerMs;
    if (l->echo_pending && asked_for_ns >= timeout_ns) {
        l->echo_pending = false;
        ++l->figures.echoes_missed;
        if (l->figures.heard_ns <= l->asked_ns) bad(*l, ++l->echoes_missed, now_ns);
    }
    if (l->echo_pending) return std::nullopt;
    const std::uint64_t quiet_since_ns = std::max({l->figures.heard_ns, l->asked_ns, l->figures.since_ns});
    const bool suspicious = l->figures.state == State::failing || l->echoes_missed != 0;
    const auto quiet_for = [&](std::uint64_t since_ns, std::uint64_t patience_ns) { return now_ns - std::min(now_ns, since_ns) >= patience_ns; };
    const bool ask = quiet_for(quiet_since_ns, suspicious ? timeout_ns : l->settings->echo_ms * kNsPerMs) ||
                     (l->figures.in_flight != 0 && quiet_for(std::max(quiet_since_ns, l->waited_ns), timeout_ns));
    return ask ? std::optional<std::uint16_t>(switching::kEcho) : std::nullopt;
}

const LinkHealth::Question& LinkHealth::asking(std::uint16_t link, std::uint16_t code, const FixedText<10>& transmission, std::uint64_t now_ns) {
    m_stan = m_stan % kStans + 1;
    Link& l = m_links.at(link);
    l.asked_ns = now_ns;
    l.echo_pending = code == switching::kEcho;
    if (l.echo_pending) ++l.figures.echoes;
    return l.question = {code, m_stan, transmission};
}

}  // namespace giro::appliance
