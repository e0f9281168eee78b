// Every cell of forward_table.hpp, through the real core: the payment is brought to each state, each thing happens to it
// there, and what comes of it is what the table says; also when the switch was restarted just before.
#include <fmt/format.h>

#include "stand_in_box.hpp"

#include "switching/forward_table.hpp"

using namespace giro;
using namespace giro::switching;

namespace {

using A = ForwardAction;
using E = ForwardEvent;
using S = ForwardState;

constexpr MinorUnits kAmount = 1'000, kPart = 400, kLessPart = 200;

struct Outcome {
    std::string code;      // what the terminal heard; "forward" or "wait": not yet; empty: nothing
    std::size_t entries = 0;
};

// One payment on its way through the table.
struct Case {
    StandInBox box;
    PaymentRequest sale = purchase_of(kAmount, 1, kGammaCard);
    std::uint8_t card = kGamma;
    std::uint64_t payment = 0;
    std::optional<PaymentRequest> reversal;  // the last one
    std::uint32_t stan = 100;

    [[nodiscard]] S state() const {
        const Remembered* r = box.state.find(RequestClass::payment, {sale.acquirer, sale.terminal, sale.stan, sale.rrn, sale.local_time, sale.local_date});
        return forward_state(r, r == nullptr ? nullptr : box.state.outstanding(r->seq));
    }
    [[nodiscard]] const Outstanding* owed() const { return box.state.outstanding(payment); }

    std::string ask(bool up, bool has_policy) {
        box.config.links.at(0).stand_in = has_policy ? "shops" : "";
        box.make_core();
        box.core->link_state(0, up);
        const Answer a = box.buy(sale, card);
        if (a.payment != 0 && payment == 0) payment = a.payment;
        return a.action == Answer::Action::reply ? a.code.str() : a.action == Answer::Action::forward ? "forward" : "wait";
    }
    std::string take_back(MinorUnits leaves) {
        reversal = reversal_of(sale, ++stan);
        reversal->replacement = leaves;
        const Answer a = box.reverse(*reversal);
        return a.code.str();
    }
    void answer(Mti mti, const char* code) {
        const PaymentRequest said = box.said(payment, mti, code);
        if (mti == 0x0210) static_cast<void>(box.core->link_answer(said, kNow));
        else if (mti == 0x0230) static_cast<void>(box.core->link_advice_answer(said, kNow));
        else static_cast<void>(box.core->link_reversal_answer(said, kNow));
        box.commit();
    }
    void expire(std::uint64_t now) {
        static_cast<void>(box.core->expire(now));
        box.commit();
    }

    Outcome fire(E event);
    std::string say(E event);
};

Outcome Case::fire(E event) {
    // What must have happened before, so that it can.
    if ((event == E::retry || event == E::close) && owed() != nullptr && owed()->owed()) {
        REQUIRE(box.core->saf_park({payment, entry::SafWhy::asked, kNow}));
        box.commit();
    }
    if (event == E::expiry) {
        REQUIRE(box.core->close_window(kNow + 7 * kDay));
        box.commit();
    }
    const std::uint64_t before = box.state.last_seq();
    Outcome out;
    out.code = say(event);
    box.commit();
    out.entries = box.state.last_seq() - before;
    return out;
}

std::string Case::say(E event) {
    switch (event) {
        case E::asked_up: return ask(true, true);
        case E::asked_stand_in: return ask(false, true);
        case E::asked_down: return ask(false, false);
        case E::reversal: return take_back(0);
        case E::reversal_part: return take_back(reversal && reversal->replacement == kPart ? kLessPart : kPart);
        case E::reversal_repeat: return box.reverse(*reversal).code.str();
        case E::reversal_of_reversal: {
            PaymentRequest r = reversal_of(sale, ++stan);
            r.original = FixedText<42>("0400000100" + sale.transmission_time.str() + "0000097000200000000000");
            return box.reverse(r).code.str();
        }
        case E::approve: return answer(0x0210, "00"), "";
        case E::approve_otherwise: return answer(0x0210, "08"), "";
        case E::decline: return answer(0x0210, "05"), "";
        case E::reversal_done: return answer(0x0410, "00"), "";
        case E::reversal_unreadable: return answer(0x0410, "12"), "";
        case E::advice_accepted: return answer(0x0230, "00"), "";
        case E::advice_refused: return answer(0x0230, "51"), "";
        case E::advice_unreadable: return answer(0x0230, "30"), "";
        case E::not_now: return answer(0x0230, "91"), answer(0x0410, "96"), "";
        case E::no_answer: return answer(0x0210, ""), answer(0x0230, ""), answer(0x0410, ""), "";
        case E::timeout: return expire(kNow + 3'600 * kSecond), "";
        case E::unanswered: return box.core->link_state(0, true), "";
        case E::expiry: return expire(kNow + 7 * kDay), "";
        case E::link_lost: return box.core->link_state(0, false), "";
        case E::unheeded: return box.core->set_aside(payment, entry::SafWhy::unanswered, kNow), "";
        case E::unsendable: return box.core->set_aside(payment, entry::SafWhy::unsayable, kNow), "";
        case E::park: return static_cast<void>(box.core->saf_park({payment, entry::SafWhy::asked, kNow})), "";
        case E::retry: return static_cast<void>(box.core->saf_retry({payment, kNow})), "";
        case E::close: return static_cast<void>(box.core->saf_close({payment, kNow, FixedText<64>("paid by hand")})), "";
        case E::restart: return box.restart(), "";
    }
    return "?";
}

// The shortest way there, by the table's own events.
void go_to(Case& c, S state) {
    static const std::map<S, std::vector<E>> kWays = {
        {S::unknown, {}},
        {S::reversed_before, {E::reversal}},
        {S::waiting, {E::asked_up}},
        {S::stands, {E::asked_up, E::approve}},
        {S::stands_alone, {E::asked_up}},
        {S::declined, {E::asked_up, E::decline}},
        {S::given_up, {E::asked_up, E::timeout}},
        {S::taken_back, {E::asked_up, E::approve, E::reversal}},
        {S::part_taken_back, {E::asked_up, E::approve, E::reversal_part}},
        {S::reversed, {E::asked_up, E::approve, E::reversal, E::reversal_done}},
        {S::stood_in, {E::asked_stand_in}},
        {S::stood_in_taken_back, {E::asked_stand_in, E::reversal}},
        {S::stood_in_part_taken_back, {E::asked_stand_in, E::reversal_part}},
    };
    REQUIRE(kWays.size() == kForwardStates);
    if (state == S::stands_alone) {
        c.sale = purchase_of(kAmount, 1);
        c.card = 1;
    }
    for (const E event : kWays.at(state)) static_cast<void>(c.fire(event));
    REQUIRE(c.state() == state);
}

struct Expected {
    A action;
    std::size_t entries;
    const char* code;  // null: as this one heard before
};
constexpr Expected kExpected[] = {
    {A::nothing, 0, ""},          {A::send, 1, "forward"},      {A::stand_in, 1, "00"},     {A::wait, 0, "wait"},
    {A::answer_again, 0, nullptr}, {A::post, 1, ""},            {A::release, 1, ""},        {A::give_up, 1, ""},
    {A::give_up_too, 2, "00"},    {A::bury, 1, "00"},           {A::take_back, 1, "00"},    {A::take_back_here, 1, "00"},
    {A::nothing_back, 1, "00"},   {A::come_again, 0, "25"},     {A::busy, 0, "96"},         {A::invalid, 0, "12"},
    {A::settle, 1, ""},           {A::list_refused, 1, ""},     {A::list_expired, 1, ""},   {A::count_failure, 1, ""},
    {A::close, 1, ""},            {A::send_again, 0, ""},       {A::set_aside, 1, ""},        {A::back_in_line, 1, ""},   {A::refuse, 1, nullptr},
};

// What the terminal heard, or hears to a repeat of the payment, in each state.
std::string heard_in(S state) {
    switch (state) {
        case S::declined: return "05";
        case S::given_up: return "91";
        case S::unknown: return "91";          // refused: the link is down
        case S::reversed_before: return "21";  // refused
        default: return "00";
    }
}

// What stands of the payment here.
MinorUnits stands_in(S state, MinorUnits part) {
    if (state == S::stands || state == S::stands_alone || state == S::part_taken_back || state == S::stood_in_part_taken_back) return part;
    return state == S::stood_in ? kAmount : 0;
}

void check_cell(S state, E event, bool restarted) {
    Case c;
    go_to(c, state);
    if (restarted) c.box.restart();
    if (event == E::reversal_repeat && !c.reversal) return;  // there is nothing to repeat
    if (event == E::expiry && state == S::waiting) return;   // so much later its timeout has come
    const ForwardStep step = forward_step(state, event);
    const Outcome out = c.fire(event);
    CHECK(c.state() == step.next);
    const auto* expected = std::ranges::find(kExpected, step.action, &Expected::action);
    REQUIRE(expected != std::end(kExpected));
    CHECK(out.entries == expected->entries);
    if (expected->code != nullptr) CHECK(out.code == expected->code);
    else CHECK(out.code == (event == E::reversal_repeat ? "00" : heard_in(state)));
    const Outstanding* owed = c.owed();
    const bool parked = owed != nullptr && owed->parked;
    CHECK(parked == (step.action == A::set_aside));
    // Money: what was approved less what was taken back, and nothing is held but of one that waits.
    const MinorUnits part = c.reversal && c.reversal->replacement != 0 && step.action != A::come_again ? c.reversal->replacement : kAmount;
    if (step.action != A::busy) CHECK(c.box.balance(kMerchant) == stands_in(step.next, part));
    CHECK((c.box.state.ledger().account(kMerchant)->credits_pending != 0) == (step.next == S::waiting));
    c.box.restart();  // what it has become is loaded from a snapshot, and replayed
    // Parked before that, too: the events that end it leave nothing of the park behind.
    if (parked || step.action == A::answer_again || step.action == A::nothing) return;
    Case p;
    go_to(p, state);
    if (p.owed() == nullptr || !p.owed()->owed() || event == E::retry || event == E::close) return;
    p.box.core->set_aside(p.payment, entry::SafWhy::unreadable, kNow);
    p.box.commit();
    static_cast<void>(p.fire(event));
    CHECK(p.state() == step.next);
    p.box.restart();
}

}  // namespace

TEST_CASE("forward table: each cell is what the core does, whether the switch was restarted before or not") {
    for (std::size_t s = 0; s < kForwardStates; ++s)
        for (std::size_t e = 0; e < kForwardEvents; ++e)
            for (const bool restarted : {false, true}) {
                INFO(name(static_cast<S>(s)), " + ", name(static_cast<E>(e)), restarted ? ", restarted" : "", " -> ",
                     name(forward_step(static_cast<S>(s), static_cast<E>(e)).action));
                check_cell(static_cast<S>(s), static_cast<E>(e), restarted);
            }
}

TEST_CASE("forward table: every state, event and action is in it, and no row is there twice") {
    std::set<std::pair<S, E>> seen;
    std::set<S> reached{S::unknown};
    std::set<A> done;
    for (const ForwardRow& row : forward_rows()) CHECK(seen.emplace(row.state, row.event).second);
    for (std::size_t s = 0; s < kForwardStates; ++s)
        for (std::size_t e = 0; e < kForwardEvents; ++e) {
            const ForwardStep step = forward_step(static_cast<S>(s), static_cast<E>(e));
            reached.insert(step.next);
            done.insert(step.action);
        }
    CHECK(reached.size() == kForwardStates);
    CHECK(done.size() == static_cast<std::size_t>(A::kLast) + 1);
}

namespace {
// A host that books what reaches it, by a mind of its own; whatever it says may get lost.
struct ModelHost {
    const char* to_request = "00";  // DE39 of its 0210, when nothing came before
    const char* to_advice = "00";
    bool complains_of_repeats = false;  // answers the repeat of an advice that it has booked as a duplicate, and so refuses it
    bool booked = false, decided = false;
    MinorUnits leaves = kAmount;  // what reversals leave of it

    [[nodiscard]] MinorUnits stands() const { return booked ? leaves : 0; }
    const char* request() {
        if (!std::exchange(decided, true)) booked = leaves == kAmount && (std::string_view(to_request) == "00" || std::string_view(to_request) == "08");
        return leaves == kAmount ? to_request : "21";
    }
    const char* advice() {
        if (std::exchange(decided, true)) return booked && complains_of_repeats ? "26" : to_advice;
        booked = std::string_view(to_advice) == "00";
        return to_advice;
    }
    const char* reversal(MinorUnits stands) {
        leaves = std::min(leaves, stands);
        return decided ? "00" : "25";
    }
};

// One payment between a till, the core and such a host, by a random order of everything that can happen.
struct Walk {
    Case c;
    ModelHost host;
    bool on_the_wire = false;  // the 0200
    bool refused = false;      // its advice, to the core

    void say(Mti mti, const char* code, bool lost) {
        if (lost) return;
        refused = refused || (mti == 0x0230 && event_of_answer(mti, ResponseCode(code)) == E::advice_refused);
        c.answer(mti, code);
    }
    // What the core would have sent: its request, or what is owed next.
    void deliver(bool lost) {
        if (std::exchange(on_the_wire, false)) return say(0x0210, host.request(), lost);
        const Outstanding* o = c.owed();
        if (o == nullptr || !o->owed() || o->parked) return;
        if (o->advice_owed) say(0x0230, host.advice(), lost);
        else say(0x0410, host.reversal(o->stands), lost);
    }
    void step(std::size_t what, bool chance) {
        switch (what) {
            case 0:
            case 1:
            case 2: on_the_wire = c.ask(what == 0, what == 1) == "forward" || on_the_wire; break;
            case 3: static_cast<void>(c.take_back(0)); break;
            case 4: static_cast<void>(c.say(E::reversal_part)); break;
            case 5: c.expire(kNow + 3'600 * kSecond); break;
            case 6: c.box.restart(); break;
            case 7: static_cast<void>(c.say(chance ? E::park : E::retry)); c.box.commit(); break;
            default: deliver(chance); break;
        }
    }
    // Everything that is owed is told, and nothing gets lost any more.
    void drain() {
        for (int i = 0; i < 10; ++i) {
            static_cast<void>(c.say(E::retry));
            c.box.commit();
            deliver(false);
            c.expire(kNow + 3'600 * kSecond);
        }
    }
};
}  // namespace

TEST_CASE("forward table: in whatever order, and whatever gets lost, nothing is left standing at an issuer that the terminal was told is off") {
    SeededRandom random;
    const auto below = [&](std::size_t n) {
        ByteArray<8> bytes;
        random.fill(bytes);
        return static_cast<std::size_t>(load_le<std::uint64_t>(bytes.data()) % n);
    };
    std::map<S, int> ends;
    for (int walk = 0; walk < 600; ++walk) {
        constexpr const char* kRequests[] = {"00", "05", "08"};
        constexpr const char* kAdvices[] = {"00", "00", "51"};
        Walk w;
        w.host.to_request = kRequests[below(3)];
        w.host.to_advice = kAdvices[below(3)];
        w.host.complains_of_repeats = below(2) == 0;
        std::string story;
        for (int i = 0; i < 12; ++i) {
            const std::size_t what = below(12);
            const bool chance = below(2) == 0;
            w.step(what, chance);
            story += fmt::format(" {}{} {}", what, chance ? "+" : "-", name(w.c.state()));
        }
        w.drain();
        INFO(story);
        const MinorUnits here = w.c.box.balance(kMerchant), there = w.host.stands();
        CHECK(w.c.box.state.all_outstanding().empty());
        CHECK(there <= here);
        if (!w.refused) CHECK(there == here);
        if (told_not_standing(w.c.state())) CHECK(there == 0);
        CHECK(w.c.box.replayed().digest() == w.c.box.state.digest());
        ++ends[w.c.state()];
    }
    for (const S end : {S::stands, S::declined, S::reversed}) CHECK(ends[end] > 10);
}
