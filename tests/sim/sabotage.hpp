// Seeded bugs, for proving that each checker can fail. They are put between two parts of the product by the linker
// (--wrap, see CMakeLists.txt), or into the simulated system, so that the product holds no trace of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace giro::sim {

enum class Sabotage {
    none,
    lying_disk,       // 1: fsync says ok and does nothing
    fickle_switch,    // 2: the repeat of a request hears another answer code
    generous_ledger,  // 3: now and then an account gets one minor unit more than the entry says
    double_reversal,  // 4: a reversal is written down over twice its amount
    edited_journal,   // 5: somebody changes an entry on the disk
    lost_posting,     // 6: giro-settle does not see some of the payments
    early_confirm,    // 7: the chain says of every transaction that it is in a block
    blind_vault,      // 8: the vault signs whatever the officers say, and settle asks after one approval
    chatty_log,       // 9: card numbers are written to the log as they are
    random_state,     // 10: the state depends on more than the journal
    repeated_chip,    // beyond the list: the vault takes a chip's counter again
    forgetful_advice, // beyond the list: an advice that is repeated has another time of day, so its issuer books it again
    miswritten_link,  // ..: the journal names another link than the payment went to
    odd_router,       // ..: now and then a payment goes another way than its route says
    lost_reversal,    // ..: a reversal that a host is owed names another payment
    bare_advice,      // ..: advices go without the card's cryptogram
    mute_box,         // beyond the checkers: what a host is owed cannot be said, and is parked again and again
    deaf_block,       // ..: a blocked card pays, says the journal
    kind_values,      // ..: the vault calls every verification value good
    kind_pins,        // ..: the vault calls every PIN good
    greedy_tip,       // ..: a completion is written down over three times its amount
    miscounted_day,   // ..: a reconciliation is written down with one payment more
    shed_anything,    // ..: the gate refuses whatever comes while it has no time
    count,
};
// Which invariant must find it, and with 0 the beginning of its sentence.
[[nodiscard]] int breaks(Sabotage sabotage);
[[nodiscard]] std::string_view sentence_broken(Sabotage sabotage);
// It shows only where hosts have troubles.
[[nodiscard]] bool sabotage_of_links();
[[nodiscard]] std::optional<Sabotage> sabotage_named(std::string_view name);
[[nodiscard]] std::string_view name_of(Sabotage sabotage);
[[nodiscard]] std::string sabotage_names();

// By the way: how often the vault called a card's verification value wrong, by card number. Asked again, it counts again.
[[nodiscard]] unsigned values_called_wrong(const std::string& card);

// The one that is under way in this process.
void set_sabotage(Sabotage sabotage);
[[nodiscard]] Sabotage sabotage();

}  // namespace giro::sim
