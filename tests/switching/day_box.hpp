// A box and a terminal that has a day on it: signs off and on, cuts over, is reconciled, uploads its batch.
#pragma once

#include "fixture.hpp"
#include "switching/network.hpp"

namespace giro::switching {

inline PaymentRequest network(std::uint16_t code, std::uint32_t stan, const char* moment = "1118101112") {
    PaymentRequest r = purchase_of(0, stan);
    r.mti = 0x0800;
    r.network_code = code;
    r.transmission_time = FixedText<10>(moment);
    return r;
}
inline PaymentRequest end_of_period(std::uint32_t stan) {
    PaymentRequest r = purchase_of(0, stan);
    r.mti = 0x0500;
    r.rrn = {};
    return r;
}
inline Claim net_of(MinorUnits net) {
    Claim claim;
    claim.say(Total::net, net);
    return claim;
}

struct DayBox : Box {
    ResponseCode sign(std::uint16_t code, std::uint32_t stan, const char* moment = "1118101112") {
        const auto answer = core->sign(network(code, stan, moment), kNow);
        commit();
        return answer;
    }
    ResponseCode cut(std::uint32_t stan, const char* moment = "1118101112") {
        const auto answer = core->cut_over(network(kCutOver, stan, moment), kNow);
        commit();
        return answer;
    }
    Core::Balanced reconcile(std::uint32_t stan, const Claim& claim) {
        const auto balanced = core->reconcile(end_of_period(stan), claim, kNow);
        commit();
        return balanced;
    }
    ResponseCode upload(const PaymentRequest& r, std::uint8_t card = 1) {
        const auto pan = sealed(card);
        const auto answer = core->upload(r, &pan, kNow);
        commit();
        return answer.code;
    }
    [[nodiscard]] entry::Uploaded last_upload() const {
        REQUIRE(journal.back().kind == entry::Kind::uploaded);
        return *decode<entry::Uploaded>(journal.back().body);
    }
    [[nodiscard]] bool replays() const { return replayed().digest() == state.digest(); }
    [[nodiscard]] bool survives_a_snapshot() const {
        Buffer bytes;
        state.save(bytes);
        const auto loaded = State::load(bytes, 3);
        return loaded && loaded->digest() == state.digest();
    }
};

// A record of the batch: names its sale, whose RRN and local time it repeats.
inline PaymentRequest record_of(const PaymentRequest& sale, std::uint32_t stan, const char* type = "0200") {
    PaymentRequest r = reversal_of(sale, stan);
    r.mti = 0x0320;
    std::memcpy(r.original.chars.data(), type, 4);
    return r;
}

}  // namespace giro::switching
