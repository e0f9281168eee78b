// What `giro host --state FILE` keeps, a line an event, for tests to hold against the journal and for the next run.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "appliance/giro/host_books.hpp"

namespace giro::host {

namespace {
void put_name(std::string& out, std::string_view name) {
    out += out.back() == '{' ? "\"" : ",\"";
    out += name;
    out += "\":";
}

// What a peer sent may hold anything; what most of them send needs no escape.
void put(std::string& out, std::string_view name, std::string_view text) {
    put_name(out, name);
    const bool plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
    if (plain) out.append("\"").append(text).append("\"");
    else out += nlohmann::json(std::string(text)).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void put(std::string& out, std::string_view name, std::int64_t number) {
    put_name(out, name);
    const fmt::format_int digits(number);
    out.append(digits.data(), digits.size());
}

void put_flag(std::string& out, std::string_view name, bool flag) {
    put_name(out, name);
    out += flag ? "true" : "false";
}
}  // namespace

void append_json(std::string& out, const Seen& s) {
    out += '{';
    put(out, "mti", s.mti);
    put(out, "terminal", s.terminal.view());
    put(out, "acquirer", s.acquirer.view());
    put(out, "stan", s.stan);
    put(out, "rrn", s.rrn.view());
    put(out, "local_time", s.local_time.view());
    put(out, "local_date", s.local_date.view());
    put(out, "amount", s.amount);
    put(out, "currency", s.currency);
    put(out, "pan", s.pan);
    put(out, "code", s.code.view());
    put(out, "auth_code", s.auth_code.view());
    put_flag(out, "repeat", s.repeat);
    put_flag(out, "answered", s.answered);
    if (!s.pin.empty()) put(out, "pin", s.pin);
    if (kind_of(s.mti) == Kind::advice) put_flag(out, "in_order", s.in_order);
    if (kind_of(s.mti) == Kind::reversal) {
        put(out, "original_stan", s.original_stan);
        put_flag(out, "known", s.known);
        put(out, "stands", s.stands);
    }
    if (s.why != MessageReason::none) put(out, "why", name(s.why));
    out += '}';
}

std::string to_json(const Seen& seen) {
    std::string line;
    append_json(line, seen);
    return line;
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
