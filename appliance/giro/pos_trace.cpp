#include "appliance/giro/pos_trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "util/file.hpp"

namespace giro::pos {

namespace {
std::string_view name(Kind kind) noexcept {
    switch (kind) {
        case Kind::network: return "network";
        case Kind::echo: return "echo";
        case Kind::sale: return "sale";
        case Kind::repeat: return "repeat";
        case Kind::reversal: return "reversal";
        case Kind::notice: return "notice";
        case Kind::reconciliation: return "reconciliation";
    }
    return "?";
}

// A field of a line that came from a file: text of the right size, or empty.
template <std::size_t N>
FixedText<N> text(const nlohmann::json& line, const char* key) {
    const auto found = line.find(key);
    if (found == line.end() || !found->is_string() || found->get_ref<const std::string&>().size() > N) return {};
    return FixedText<N>(found->get_ref<const std::string&>());
}
template <typename T>
T number(const nlohmann::json& line, const char* key) {
    const auto found = line.find(key);
    return found != line.end() && found->is_number_unsigned() ? found->get<T>() : T{};
}

std::optional<Form> form_of(std::string_view mti) {
    for (const Form form : {Form::purchase, Form::authorisation, Form::completion})
        if (mti == mti_of(form)) return form;
    return std::nullopt;
}

std::optional<FoundSale> read_line(std::string_view text_line, const std::string& rrn, std::optional<Form> wanted) {
    if (text_line.find(rrn) == std::string_view::npos) return std::nullopt;
    const auto line = nlohmann::json::parse(text_line, nullptr, false);
    if (!line.is_object() || line.value("event", "") != "sale" || text<12>(line, "rrn").view() != rrn) return std::nullopt;
    const auto form = form_of(line.value("mti", "0200"));
    const auto original = number<std::uint32_t>(line, "original_stan");
    if (!form || (wanted && form != wanted) || (form == Form::authorisation && original != 0)) return std::nullopt;
    FoundSale found;
    found.sale.form = *form;
    found.terminal = text<8>(line, "terminal");
    found.currency = number<Currency>(line, "currency");
    found.card = {text<19>(line, "bin").str(), number<std::uint32_t>(line, "card")};
    found.sale.amount = number<MinorUnits>(line, "amount");
    found.sale.stan = number<std::uint32_t>(line, "stan");
    found.sale.rrn = Rrn(rrn);
    found.sale.stamp = {text<10>(line, "transmission"), text<6>(line, "local_time"), text<4>(line, "local_date")};
    if (found.terminal.empty() || found.sale.stamp.transmission.view().size() != 10) return std::nullopt;
    return found;
}

// Whether the line says that this sale was declined.
bool declines(std::string_view text_line, const FoundSale& sale) {
    if (text_line.find(sale.sale.rrn.view()) == std::string_view::npos) return false;
    const auto line = nlohmann::json::parse(text_line, nullptr, false);
    return line.is_object() && line.value("event", "") == "answer" && line.value("of", "") == "sale" &&
           text<8>(line, "terminal") == sale.terminal && number<std::uint32_t>(line, "stan") == sale.sale.stan &&
           line.value("code", "00") != "00";
}
}  // namespace

Result<Trace> Trace::open(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    std::FILE* stream = fd < 0 ? nullptr : ::fdopen(fd, "a");
    if (stream == nullptr)
        return fail(Failure::Kind::config, fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
    return Trace(stream);
}

void Trace::sale(const Terminal& terminal, const CardName& card) {
    const Sale& sale = terminal.last_sale();
    fmt::memory_buffer line;
    auto out = std::back_inserter(line);
    fmt::format_to(out, R"({{"event":"sale","terminal":"{}","stan":{},"rrn":"{}","amount":{},"currency":{})",
                   terminal.identity().terminal.view(), sale.stan, sale.rrn.view(), sale.amount,
                   terminal.identity().currency);
    if (!sale.pan.empty())
        fmt::format_to(out, R"(,"pan":"{}","bin":"{}","card":{})", sale.pan.masked(), card.bin, card.index);
    fmt::format_to(out, R"(,"mti":"{}","original_stan":{})", mti_of(sale.form), sale.original_stan);
    fmt::format_to(out, R"(,"transmission":"{}","local_time":"{}","local_date":"{}"}})" "\n",
                   sale.stamp.transmission.view(), sale.stamp.local_time.view(), sale.stamp.local_date.view());
    std::fwrite(line.data(), 1, line.size(), m_file.get());
}

void Trace::outcome(const Terminal& terminal, const Outcome& outcome) {
    fmt::memory_buffer line;
    auto out = std::back_inserter(line);
    fmt::format_to(out, R"({{"event":"{}","of":"{}","terminal":"{}","stan":{})", outcome.answered ? "answer" : "timeout",
                   name(outcome.kind), terminal.identity().terminal.view(), outcome.stan);
    if (outcome.kind == Kind::sale || outcome.kind == Kind::repeat || outcome.kind == Kind::reversal) {
        const Sale& sale = outcome.kind == Kind::reversal ? terminal.last_reversed() : terminal.last_sale();
        fmt::format_to(out, R"(,"rrn":"{}","amount":{})", sale.rrn.view(), sale.amount);
    }
    if (outcome.answered) fmt::format_to(out, R"(,"code":"{}")", outcome.code.view());
    if (!outcome.auth_code.empty()) fmt::format_to(out, R"(,"auth_code":"{}")", outcome.auth_code.view());
    fmt::format_to(out, R"(,"latency_ms":{:.3f}}})" "\n", static_cast<double>(outcome.latency_ns) / 1e6);
    std::fwrite(line.data(), 1, line.size(), m_file.get());
}

Result<std::optional<FoundSale>> find_sale(const std::filesystem::path& file, const std::string& rrn,
                                           std::optional<Form> form) {
    auto contents = read_file(file);
    if (!contents) return tl::unexpected(contents.error());
    std::optional<FoundSale> found, before;
    std::string_view left = as_text(*contents);
    while (!left.empty()) {
        const std::size_t end = std::min(left.find('\n'), left.size());
        const std::string_view line = left.substr(0, end);
        if (auto sale = read_line(line, rrn, form)) before = std::exchange(found, std::move(sale));
        else if (before && declines(line, *found)) found = std::exchange(before, std::nullopt);
        left.remove_prefix(std::min(end + 1, left.size()));
    }
    return found;
}

}  // namespace giro::pos
