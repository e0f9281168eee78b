// What `giro host --state FILE` keeps, a line an event, for tests to hold against the journal and for the next run.
#include <nlohmann/json.hpp>

#include "appliance/giro/host_books.hpp"

namespace giro::host {

std::string to_json(const Seen& s) {
    nlohmann::ordered_json line = {{"mti", s.mti},
                                   {"terminal", s.terminal.view()},
                                   {"acquirer", s.acquirer.view()},
                                   {"stan", s.stan},
                                   {"rrn", s.rrn.view()},
                                   {"local_time", s.local_time.view()},
                                   {"local_date", s.local_date.view()},
                                   {"amount", s.amount},
                                   {"currency", s.currency},
                                   {"pan", s.pan},
                                   {"code", s.code.view()},
                                   {"auth_code", s.auth_code.view()},
                                   {"repeat", s.repeat},
                                   {"answered", s.answered}};
    if (!s.pin.empty()) line["pin"] = s.pin;
    if (kind_of(s.mti) == Kind::advice) line["in_order"] = s.in_order;
    if (kind_of(s.mti) == Kind::reversal) {
        line["original_stan"] = s.original_stan;
        line["known"] = s.known;
        line["stands"] = s.stands;
    }
    if (s.why != MessageReason::none) line["why"] = name(s.why);
    return line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::optional<Seen> from_json(std::string_view text) {
    const auto line = nlohmann::json::parse(text, nullptr, false);
    if (!line.is_object()) return std::nullopt;
    try {
        Seen s;
        s.mti = line.at("mti").get<std::string>();
        s.terminal = TerminalId(line.at("terminal").get<std::string>());
        s.acquirer = AcquirerId(line.at("acquirer").get<std::string>());
        s.stan = line.at("stan").get<std::uint32_t>();
        s.rrn = Rrn(line.at("rrn").get<std::string>());
        s.local_time = FixedText<6>(line.at("local_time").get<std::string>());
        s.local_date = FixedText<4>(line.at("local_date").get<std::string>());
        s.amount = line.at("amount").get<MinorUnits>();
        s.currency = line.value("currency", Currency{0});
        s.pan = line.at("pan").get<std::string>();
        s.code = ResponseCode(line.at("code").get<std::string>());
        s.auth_code = AuthCode(line.at("auth_code").get<std::string>());
        s.repeat = line.at("repeat").get<bool>();
        s.answered = line.at("answered").get<bool>();
        s.original_stan = line.value("original_stan", 0U);
        s.in_order = line.value("in_order", true);
        s.pin = line.value("pin", std::string());
        s.known = line.value("known", false);
        s.stands = line.value("stands", MinorUnits{0});
        s.why = message_reason(line.value("why", std::string())).value_or(MessageReason::none);
        constexpr MinorUnits kDe4Max = 999'999'999'999;  // n 12
        const bool good = kind_of(s.mti) && s.amount >= 0 && s.amount <= kDe4Max && s.stands >= 0 && s.stands <= kAmountMax;
        return good ? std::optional(std::move(s)) : std::nullopt;
    } catch (const nlohmann::json::exception&) {  // a field is absent, or of another type
        return std::nullopt;
    }
}

}  // namespace giro::host
