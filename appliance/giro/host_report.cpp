// What `giro host` says at its end: lines for people, or one JSON object.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "appliance/giro/host_books.hpp"

namespace giro::host {

std::string to_json(const Totals& t) {
    nlohmann::ordered_json money = nlohmann::ordered_json::object();
    for (const auto& [currency, sum] : t.money)
        if (sum != 0) money[fmt::format("{:03}", currency)] = sum;
    nlohmann::ordered_json line = {{"purchases", t.purchases}, {"approved", t.approved}, {"declined", t.declined},
                                   {"advices", t.advices}, {"advices_refused", t.advices_refused}, {"advices_late", t.advices_late},
                                   {"advice_terminals", t.terminals}, {"reversals", t.reversals}, {"repeats", t.repeats},
                                   {"duplicates", t.duplicates}, {"unanswered", t.unanswered}, {"bad_macs", t.bad_macs},
                                   {"money", std::move(money)}, {"answers", t.answers}};
    return line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string to_text(const Totals& t) {
    std::string out = fmt::format("host: {} purchases, {} approved, {} declined, {} reversals, {} repeats ({} of them do not say so), {} unanswered, "
                                  "{} wrong MACs\n",
                                  t.purchases, t.approved, t.declined, t.reversals, t.repeats, t.duplicates, t.unanswered, t.bad_macs);
    if (t.advices != 0)
        fmt::format_to(std::back_inserter(out), "host: {} advices of {} terminals, {} refused, {}\n", t.advices, t.terminals, t.advices_refused,
                       t.advices_late == 0 ? std::string("each terminal's in order") : fmt::format("{} out of order", t.advices_late));
    for (const auto& [mti, codes] : t.answers) {
        fmt::format_to(std::back_inserter(out), "  {}", mti);
        for (const auto& [code, count] : codes) fmt::format_to(std::back_inserter(out), "  {} {}", code, count);
        out += '\n';
    }
    for (const auto& [currency, sum] : t.money)
        if (sum != 0) fmt::format_to(std::back_inserter(out), "  approved less reversed, minor units of {:03}: {}\n", currency, sum);
    return out;
}

}  // namespace giro::host
