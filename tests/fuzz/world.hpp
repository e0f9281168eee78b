// Small worlds that fuzz targets and their seeds stand on: a ledger with every kind of transfer, and a box in memory
// behind the vault (the core, its state, what it journalled).
#pragma once

#include "giro/environment.hpp"
#include "iso8583/codec.hpp"
#include "ledger/ledger.hpp"
#include "switching/core.hpp"
#include "switching/frames.hpp"
#include "tests/fuzz/target.hpp"

namespace giro::fuzz {

// Posted, held, posted and voided in part, expired, frozen and closed.
[[nodiscard]] ledger::Ledger ledger_with_everything();
// The digest that a ledger's snapshot of these bytes (without it) must end with; of its first bytes when it is no
// snapshot.
[[nodiscard]] Hash256 snapshot_digest(Bytes snapshot);

// Bytes from a counter: keys and salts are the same in every run.
class CountingRandom final : public Random {
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

class SmallBox {
  public:
    switching::State state;
    std::vector<switching::PendingEntry> journal;

    SmallBox(switching::State loaded, std::vector<switching::PendingEntry> entries);
    SmallBox(const SmallBox&) = delete;
    SmallBox& operator=(const SmallBox&) = delete;
    [[nodiscard]] switching::State state_copy() const;
    [[nodiscard]] SmallBox copy() const { return SmallBox(state_copy(), journal); }
    // Every record of the batch as the switch takes it once the MACs are good; the rest of a malformed batch is
    // dropped.
    void serve(Bytes batch);
    // Batches that cards, wallets, an issuer's host, staff and giro-settle send, in the order of a day.
    [[nodiscard]] Seeds requests() const;

  private:
    void payment(Bytes body);
    [[nodiscard]] switching::PinCheck check_pin(const PaymentRequest& r, const entry::SealedPan* pan) const;
    switching::CardShown m_shown;
    switching::CardChecks check_card(const PaymentRequest& r, const entry::SealedPan* pan);
    void from_terminal(const PaymentRequest& request);
    void wallet(Bytes body);
    void command(std::uint16_t type, Bytes body);
    CountingRandom m_random;
    iso8583::Message m_message;
    switching::FrameBuilder m_frames;
    switching::Core m_core;
};
// Three banks, a merchant with a terminal, and a card with money.
[[nodiscard]] const SmallBox& box();

}  // namespace giro::fuzz
