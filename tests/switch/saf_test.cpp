// Store-and-forward: what may go of what is owed, and the way of an advice through the pipeline.
#include "appliance/giro-switch/saf.hpp"
#include "iso8583/chip.hpp"
#include "tests/switch/pipeline_fixture.hpp"
#include "tests/switching/stand_in_box.hpp"

using namespace giro;
using namespace giro::appliance;
using switching::kGammaCard;
using switching::kNow;
using switching::kSecond;
using switching::StandInBox;

namespace {
constexpr std::size_t kMost = 32;  // under way at once

// A box whose `terminals` have paid `each` times while the link was down: their advices are owed.
struct Owing {
    StandInBox box{generous()};
    std::vector<TerminalId> terminals;

    Owing(std::size_t count, std::uint32_t each) {
        for (std::size_t i = 0; i < count; ++i) {
            terminals.emplace_back(fmt::format("X{:07}", i));
            REQUIRE(box.core->add_terminal({terminals.back(), MerchantId("M1"), AcquirerId("970002"), switching::kMerchant}));
        }
        box.commit();
        for (std::uint32_t stan = 1; stan <= each; ++stan)
            for (const auto& terminal : terminals) {
                PaymentRequest r = switching::purchase_of(10, stan, kGammaCard);
                r.terminal = terminal;
                REQUIRE(box.buy_down(r).code == switching::kApproved);
            }
    }
    [[nodiscard]] static config::StandIn generous() {
        auto p = switching::policy();
        p.card_count = 1'000'000;
        p.card_sum = p.merchant_hour_sum = kAmountMax;
        return p;
    }
    [[nodiscard]] TerminalId terminal_of(std::uint64_t payment) const { return box.state.outstanding(payment)->payment.key.terminal; }
};
}  // namespace

TEST_CASE("saf: of each terminal one goes at a time, in order; across terminals up to the bound, in turns; all goes once") {
    Owing owing(100, 3);
    StoreAndForward saf(0);
    std::map<TerminalId, std::uint64_t> last;
    std::map<TerminalId, int> turns;
    std::size_t sent = 0;
    for (std::uint64_t now = 0; !owing.box.state.owed_lines().empty(); now += 1'000'000) {
        const auto due = saf.due(owing.box.state, 0, kMost, now);
        REQUIRE(due.size() == std::min<std::size_t>(kMost, owing.box.state.owed_lines().size()));
        CHECK(saf.in_flight(0) == due.size());
        CHECK(saf.due(owing.box.state, 0, kMost, now).empty());  // nothing more until they are answered
        for (const auto& send : due) {
            CHECK_FALSE(send.reversal);
            CHECK_FALSE(send.repeat);
            const TerminalId terminal = owing.terminal_of(send.payment);
            CHECK(send.payment > last[terminal]);
            last[terminal] = send.payment;
            ++turns[terminal];
            ++sent;
            const auto by_turns = [](const auto& x, const auto& y) { return x.second < y.second; };
            const auto [least, most] = std::minmax_element(turns.begin(), turns.end(), by_turns);
            CHECK(most->second - (turns.size() < 100 ? 0 : least->second) <= 1);
        }
        for (const auto& send : due) REQUIRE(owing.box.advise(send.payment, "00"));
    }
    CHECK(sent == 300);
    CHECK(saf.due(owing.box.state, 0, kMost, 1).empty());
    CHECK(saf.in_flight(0) == 0);
}

TEST_CASE("saf: what is not answered goes again after its time as a repeat, and so does all that was owed at the start") {
    Owing owing(2, 1);
    StoreAndForward saf(0);
    REQUIRE(saf.due(owing.box.state, 0, kMost, 0).size() == 2);
    CHECK(saf.due(owing.box.state, 0, kMost, kSafRetry_ns - 1).empty());
    const auto again = saf.due(owing.box.state, 0, kMost, kSafRetry_ns);
    REQUIRE(again.size() == 2);
    CHECK(again[0].repeat);
    CHECK(saf.attempts(again[0].payment) == 2);
    StoreAndForward restarted(owing.box.state.last_seq());
    for (const auto& send : restarted.due(owing.box.state, 0, kMost, 0)) CHECK(send.repeat);
    // Of a payment that is taken back after the start, too: the same line, but its reversal never went.
    CHECK(saf.due(owing.box.state, 1, kMost, 0).empty());  // nothing is owed to another link
}

TEST_CASE("saf: behind an advice that is answered goes its reversal, and that is no repeat; what is parked lets the next pass") {
    Owing owing(1, 2);
    StoreAndForward saf(0);
    const auto first = saf.due(owing.box.state, 0, kMost, 0);
    REQUIRE(first.size() == 1);
    PaymentRequest sale = switching::purchase_of(10, 1, kGammaCard);
    sale.terminal = owing.terminals[0];
    REQUIRE(owing.box.reverse(switching::reversal_of(sale, 50)).code == switching::kApproved);
    CHECK(StoreAndForward::is_due(owing.box.state, first[0]));  // the advice comes first still
    REQUIRE(owing.box.advise(first[0].payment, "00"));
    CHECK_FALSE(StoreAndForward::is_due(owing.box.state, first[0]));
    const auto back = saf.due(owing.box.state, 0, kMost, 1);
    REQUIRE(back.size() == 1);
    CHECK(back[0].payment == first[0].payment);
    CHECK(back[0].reversal);
    CHECK_FALSE(back[0].repeat);
    owing.box.core->set_aside(back[0].payment, entry::SafWhy::unsayable, kNow);
    owing.box.commit();
    const auto next = saf.due(owing.box.state, 0, kMost, 2);
    REQUIRE(next.size() == 1);
    CHECK(next[0].payment > back[0].payment);
    REQUIRE(owing.box.core->saf_retry({back[0].payment, kNow}));
    owing.box.commit();
    REQUIRE(owing.box.advise(next[0].payment, "00"));
    CHECK(saf.due(owing.box.state, 0, kMost, kSafRetry_ns + 1).size() == 1);
}

TEST_CASE("pipeline: what the box approves while the link is down goes to its host when it is back, in order, until it is answered") {
    Fixture f([](config::Config& c) {
        c.stand_ins = {Owing::generous()};
        c.links.at(0).stand_in = c.stand_ins[0].name;
    });
    f.vault.reveals = true;
    f.link_up(false);
    f.box.core->link_state(0, false);
    const iso8583::Dialect& dialect = f.dialects[0];
    for (std::uint32_t stan = 1; stan <= 2; ++stan) f.buy(stan, stan, kGammaCard);
    f.buy_by(3, f.chip_of(100), kGammaCard);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    for (const auto& heard : f.heard) CHECK(heard.code == "00");
    CHECK(f.link_frames == 0);
    const auto sent = [&](std::string_view mti, std::string_view rrn) {
        iso8583::Message m;
        REQUIRE(iso8583::unpack(dialect, f.to_link, m).has_value());
        CHECK(m.mti() == mti);
        CHECK(m.field(37) == rrn);
        return iso8583::chip_bytes_of(dialect, m).value_or(Buffer());
    };
    f.link_up();
    REQUIRE(f.until([&] {
        f.pipeline.tick();
        return f.link_frames == 1;
    }));
    CHECK(sent("0220", "RRN100000001").empty());
    f.clock.advance_ms(2'000);
    f.pipeline.tick();
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    CHECK(sent("0221", "RRN100000001").empty());
    f.link_answers(dialect, "00", {}, "0230");
    REQUIRE(f.until([&] { return f.link_frames == 3; }));  // at once, without a tick
    CHECK(sent("0220", "RRN100000002").empty());
    f.link_answers(dialect, "51", {}, "0230");  // refused: the line goes on
    REQUIRE(f.until([&] { return f.link_frames == 4; }));
    const Buffer chip = sent("0220", "RRN100000003");
    CHECK(iso8583::chip_tag(chip, 0x9F26).has_value());
    f.link_answers(dialect, "00", {}, "0230");
    REQUIRE(f.until([&] { return f.box.core->state().all_outstanding().empty(); }));
    const auto& c = f.box.core->state().counters();
    CHECK(c.advices_accepted == 2);
    CHECK(c.advices_refused == 1);
    CHECK(c.refused_sum == 100);
    CHECK_FALSE(f.failed);
}

TEST_CASE("saf: what a host never answers while it answers others is given up, and nothing else is; a host that answers nobody gives up nothing") {
    Owing owing(2, 3);
    StoreAndForward saf(0);
    const std::uint64_t poison = saf.due(owing.box.state, 0, kMost, 0)[0].payment;
    std::uint32_t sent = 1;
    bool given_up = false;
    std::uint64_t now = 0;
    while (!given_up && now < 10'000 * kSecond) {
        now += kSecond;
        saf.heard(0, 0);  // live payments
        for (const auto& send : saf.due(owing.box.state, 0, kMost, now)) {
            if (send.payment != poison) {
                static_cast<void>(owing.box.advise(send.payment, "00"));
                saf.heard(0, send.payment);
                continue;
            }
            given_up = send.give_up;
            if (!given_up) ++sent;
        }
    }
    REQUIRE(given_up);
    CHECK(sent == kSafUnheededMax);
    CHECK(owing.box.state.owed_lines().size() == 1);  // the other terminal's are through
    owing.box.core->set_aside(poison, entry::SafWhy::unanswered, kNow);
    owing.box.commit();
    CHECK(owing.box.state.outstanding(poison)->parked_for == entry::SafWhy::unanswered);
    CHECK(saf.due(owing.box.state, 0, kMost, now + 1).size() == 1);  // and its line goes on

    Owing silent(1, 1), busy(1, 1);
    StoreAndForward to_silent(0), to_busy(0);
    for (now = 0; now < 10'000 * kSecond; now += kSecond) {
        for (const auto& send : to_silent.due(silent.box.state, 0, kMost, now)) CHECK_FALSE(send.give_up);
        for (const auto& send : to_busy.due(busy.box.state, 0, kMost, now)) {
            CHECK_FALSE(send.give_up);
            CHECK_FALSE(busy.box.advise(send.payment, "91"));  // it cannot now, and says so each time
            to_busy.heard(0, send.payment);
        }
        to_busy.heard(0, 0);
    }
    CHECK(to_silent.attempts(silent.box.state.all_outstanding().begin()->first) > 600);
    CHECK(to_busy.attempts(busy.box.state.all_outstanding().begin()->first) > 600);
}

TEST_CASE("saf: of what was under way when a host hung up each goes alone, and that on which it hangs up again is given up, alone of all") {
    Owing owing(40, 2);
    StoreAndForward saf(0);
    const std::uint64_t poison = owing.box.state.owed_lines().at({0, owing.terminals[7]}).begin()->second;
    std::uint64_t given_up = 0;
    int cuts = 0;
    for (std::uint64_t now = 0; now < 3'600 * kSecond && !owing.box.state.owed_lines().empty(); now += kSecond / 10) {
        const auto due = saf.due(owing.box.state, 0, kMost, now);
        const auto at = std::ranges::find(due, poison, &StoreAndForward::Send::payment);
        if (at != due.end() && at->give_up) {
            given_up = poison;
            owing.box.core->set_aside(poison, entry::SafWhy::unanswered, kNow);
            owing.box.commit();
            continue;
        }
        if (at != due.end()) {  // whatever else is under way is lost with the connection
            ++cuts;
            saf.link_changed(0);
            continue;
        }
        for (const auto& send : due) {
            CHECK_FALSE(send.give_up);
            REQUIRE(owing.box.advise(send.payment, "00"));
            saf.heard(0, send.payment);
        }
    }
    CHECK(given_up == poison);
    CHECK(cuts == int{kSafCutsMax} + 1);  // the first was not its alone
    CHECK(owing.box.state.owed_lines().empty());
    CHECK(owing.box.state.parked() == std::set<std::uint64_t>{poison});
    CHECK(owing.box.state.counters().advices_accepted == 79);
}
