// A small box in memory: the shipped configuration, three banks, one merchant with a terminal, two cards, one of them
// without money. Time and randomness are the test's.
#pragma once

#include <doctest/doctest.h>

#include "giro/environment.hpp"
#include "switching/accounts.hpp"
#include "switching/core.hpp"
#include "util/archive.hpp"
#include "util/hash.hpp"

namespace giro::switching {

inline constexpr std::uint64_t kNow = 1'795'000'000'000'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

class SeededRandom final : public Random {
  public:
    void fill(MutableBytes out) override {
        for (std::byte& b : out) {
            m_state = m_state * 6364136223846793005U + 1442695040888963407U;
            b = static_cast<std::byte>(m_state >> 56);
        }
    }

  private:
    std::uint64_t m_state = 42;
};

inline entry::SealedPan sealed(std::uint8_t card) {
    entry::SealedPan pan;
    pan.token[0] = static_cast<std::byte>(card);
    pan.first6_last4 = FixedText<10>("9700010001");
    pan.sealed = Buffer(48, std::byte{card});
    return pan;
}

inline const Id128 kRich{0xC, 1}, kPoor{0xC, 2}, kMerchant{0xD, 1};

struct Box {
    State state{7};
    SeededRandom random;
    std::vector<PendingEntry> journal;
    config::Config config;
    std::optional<Core> core;
    std::map<entry::OfficerName, std::string> officers;

    explicit Box(std::map<entry::OfficerName, std::string> officer_keys = {}) : officers(std::move(officer_keys)) {
        auto loaded = config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml");
        REQUIRE(loaded);
        config = *loaded;
        make_core();
        for (const auto& p : config.participants)
            REQUIRE(core->open_participant({p.id, entry::ParticipantName(p.name), {p.backing, config.currency}, Buffer(34, std::byte{1})}));
        REQUIRE(core->open_account({kMerchant, 2, {0, config.currency}, 0, FixedText<24>("merchant")}));
        REQUIRE(core->open_account({kRich, 1, {100'000, config.currency}, 0, FixedText<24>("rich")}));
        REQUIRE(core->open_account({kPoor, 1, {0, config.currency}, 0, FixedText<24>("poor")}));
        REQUIRE(core->add_terminal({TerminalId("T0000001"), MerchantId("M1"), AcquirerId("970002"), kMerchant}));
        REQUIRE(core->issue_card({sealed(1), kRich}));
        REQUIRE(core->issue_card({sealed(2), kPoor}));
        commit();
    }

    // Anew, by `config` as it is now.
    void make_core() {
        core.emplace(state, Policy{config, officers}, random, [this](std::uint64_t seq) -> std::optional<entry::Payment> {
            if (seq == 0 || seq > journal.size()) return std::nullopt;
            if (journal[seq - 1].kind == entry::Kind::stood_in) return decode<entry::StoodIn>(journal[seq - 1].body)->payment;
            if (journal[seq - 1].kind != entry::Kind::payment) return std::nullopt;
            return decode<entry::Payment>(journal[seq - 1].body);
        });
        core->link_state(0, true);
    }

    void commit() {
        for (auto& e : core->take_entries()) journal.push_back(std::move(e));
        CHECK(state.balanced());
        CHECK(journal.size() == state.last_seq());
    }
    Answer buy(const PaymentRequest& r, std::uint8_t card = 1, std::uint64_t now = kNow) {
        const auto pan = sealed(card);
        const Answer a = core->purchase(r, &pan, now);
        commit();
        return a;
    }
    Answer reverse(const PaymentRequest& r, std::uint64_t now = kNow) {
        const Answer a = core->reversal(r, now);
        commit();
        return a;
    }
    [[nodiscard]] MinorUnits balance(Id128 account) const {
        const auto* a = state.ledger().account(account);
        REQUIRE(a != nullptr);
        return a->credits_posted - a->debits_posted;
    }
    // The state that a replay of the journal makes.
    [[nodiscard]] State replayed() const {
        State copy(99);
        for (const auto& e : journal) REQUIRE(copy.apply(e.kind, e.body));
        return copy;
    }
};

inline PaymentRequest purchase_of(MinorUnits amount, std::uint32_t stan, const char* pan = "9700010000000013") {
    PaymentRequest r;
    r.mti = 0x0200;
    r.pan = *Pan::parse(pan);
    r.amount = amount;
    r.currency = 963;
    r.stan = stan;
    r.received_ns = kNow;
    r.local_time = FixedText<6>("101112");
    r.local_date = FixedText<4>("1118");
    r.transmission_time = FixedText<10>("1118101112");
    r.acquirer = AcquirerId("970002");
    r.rrn = Rrn("RRN" + std::to_string(100'000'000 + stan));
    r.terminal = TerminalId("T0000001");
    r.merchant = MerchantId("M1");
    return r;
}

inline PaymentRequest reversal_of(const PaymentRequest& original, std::uint32_t stan) {
    PaymentRequest r = original;
    r.mti = 0x0400;
    r.stan = stan;
    std::string digits = std::to_string(original.stan);
    digits.insert(0, 6 - digits.size(), '0');
    r.original = FixedText<42>("0200" + digits + original.transmission_time.str() + "0000097000200000000000");
    return r;
}

}  // namespace giro::switching
