// The demo's chip cards, as files in demo/cards/: for each BIN <bin>.cards, a line for each card with its own key and
// its transaction counter (hexadecimal and decimal digits, in the clear, 0600). No issuer's master key is among them.
// Used by the simulators alone.
//
// A counter is moved in the file before it is used, under a lock: tills of several processes never use one twice.
#pragma once

#include <filesystem>
#include <map>

#include "config/config.hpp"
#include "giro/environment.hpp"
#include "payment/chip_card.hpp"

namespace giro::pos {

[[nodiscard]] std::filesystem::path chip_cards_file(const std::filesystem::path& demo, std::string_view bin);
// Cards 1 to `count` of a BIN, each with a key derived from the issuer's master key, and with its counter at 0.
[[nodiscard]] Result<void> write_chip_cards(const std::filesystem::path& demo, const std::string& bin,
                                            const Secret& issuer_master, std::uint32_t count);

// One use of a card's chip: what it put under its cryptogram, and the DE55 that says so.
struct ChipUse {
    payment::ChipPurchase purchase;
    Buffer field;
    [[nodiscard]] bool empty() const noexcept { return field.empty(); }
};

class ChipCards {
  public:
    // `config`: its card products say which cryptogram version their cards have.
    ChipCards(std::filesystem::path demo, const config::Config& config) : m_demo(std::move(demo)), m_config(config) {}
    ~ChipCards();
    ChipCards(const ChipCards&) = delete;
    ChipCards& operator=(const ChipCards&) = delete;

    // The next use of card `index` of `bin`. not_provisioned: the demo has made no chip cards of this BIN.
    [[nodiscard]] Result<ChipUse> use(const std::string& bin, std::uint32_t index, payment::ChipAnswer type,
                                      MinorUnits amount, Currency currency, std::uint64_t wall_ns, Random& random);
    // DE55 of the answer: issuer_answers if its ARPC is the issuer's for this use and says what `approved` says.
    enum class Verdict : std::uint8_t { absent, issuer_answers, wrong };
    [[nodiscard]] Verdict check(const std::string& bin, std::uint32_t index, const ChipUse& use, Bytes answer,
                                bool approved);

    // One bit of the cryptogram is another: no card made it.
    static void spoil(ChipUse& use);

  private:
    struct Bin {
        int fd = -1;
        std::uint8_t cvn = 10;
        std::vector<Secret> keys;  // card 1 first
    };
    [[nodiscard]] Result<Bin*> open(const std::string& bin);

    std::filesystem::path m_demo;
    const config::Config& m_config;
    std::map<std::string, Bin> m_bins;
};

}  // namespace giro::pos
