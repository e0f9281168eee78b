// A box whose one link has a stand-in policy, and what its host and terminal say of one payment. For the tests of
// forward_table.hpp and of stand-in.
#pragma once

#include "fixture.hpp"

namespace giro::switching {

inline constexpr const char* kGammaCard = "9700030000000011";
inline constexpr std::uint8_t kGamma = 3;  // sealed() of that card
inline constexpr std::uint64_t kDay = 86'400 * kSecond;

inline config::StandIn policy() {
    config::StandIn p;
    p.name = "shops";
    p.floor = 5'000;
    p.card_count = 3;
    p.card_sum = 9'000;
    p.card_hours = 24;
    p.merchant_hour_sum = 20'000;
    p.chip = config::ChipPolicy::if_present;
    p.expire_days = 5;
    return p;
}

struct StandInBox : Box {
    explicit StandInBox(const config::StandIn& p = policy()) {
        config.stand_ins = {p};
        config.links.at(0).stand_in = p.name;
        make_core();
    }
    // A card of the link's while it is down.
    Answer buy_down(const PaymentRequest& r, std::uint8_t card = kGamma, std::uint64_t now = kNow, const CardChecks& checks = {}) {
        core->link_state(0, false);
        const auto pan = sealed(card);
        const Answer a = core->purchase(r, &pan, now, checks);
        commit();
        return a;
    }
    // What the host says of an outstanding payment.
    [[nodiscard]] PaymentRequest said(std::uint64_t payment, Mti mti, const char* code) const {
        PaymentRequest r;
        r.source = PaymentRequest::Source::link;
        r.mti = mti;
        r.response_code = ResponseCode(code);
        r.auth_code = AuthCode("ISS001");
        const Outstanding* o = state.outstanding(payment);
        if (o == nullptr) return r;
        r.link = o->payment.link;
        r.stan = o->payment.link_stan;
        r.amount = o->payment.amount.minor;
        r.terminal = o->payment.key.terminal;
        r.rrn = o->payment.key.rrn;
        if (mti == 0x0410) r.replacement = o->stands;
        return r;
    }
    bool advise(std::uint64_t payment, const char* code, std::uint64_t now = kNow) {
        const bool taken = core->link_advice_answer(said(payment, 0x0230, code), now).has_value();
        commit();
        return taken;
    }
    bool reversed_there(std::uint64_t payment, const char* code = "00") {
        const bool taken = core->link_reversal_answer(said(payment, 0x0410, code), kNow).has_value();
        commit();
        return taken;
    }
    // As a switch that was killed and started again.
    void restart() {
        Buffer bytes;
        state.save(bytes);
        const Hash256 before = state.digest();
        state = replayed();
        CHECK(state.digest() == before);
        auto loaded = State::load(bytes, 11);
        REQUIRE(loaded);
        CHECK(loaded->digest() == before);
        CHECK(loaded->owed_lines() == state.owed_lines());
        CHECK(loaded->waiting() == state.waiting());
        CHECK(loaded->parked() == state.parked());
        CHECK(loaded->advices_owed() == state.advices_owed());
        make_core();
    }
};

}  // namespace giro::switching
