// Which dialects terminals may speak, and whether those of a box go together. A terminal's MAC does not bind its message to
// one of them (SECURITY.md): what must not be chosen by who carries it is refused before anything is served.
#include <fmt/format.h>

#include "appliance/giro-switch/pipeline.hpp"
#include "qr/cpm.hpp"

namespace giro::appliance {

namespace {
// Whether DE4 is what a reversal in part is decided by.
bool says_amount(const iso8583::Dialect& dialect) {
    using enum iso8583::PartialReversal;
    return dialect.partial_reversal == amount_stands || dialect.partial_reversal == amount_reversed;
}
}  // namespace

std::set<std::uint8_t> terminal_dialects(const config::Config& config) {
    std::set<std::uint8_t> numbers{0};  // the gate's own
    for (const auto& port : config.ports) numbers.insert(config::dialect_number(config, port.dialect));
    return numbers;
}

Result<void> check_reversals(const config::Config& config, const std::vector<iso8583::Dialect>& dialects) {
    const auto names = config::dialects_of(config);
    for (const std::uint8_t spoken : terminal_dialects(config)) {
        for (std::size_t i = 0; i < dialects.size(); ++i) {
            const iso8583::Dialect &one = dialects[spoken], &other = dialects[i];
            const bool alike = one.edition == other.edition && one.mti == other.mti && one.bitmap == other.bitmap && one.header == other.header;
            if (!alike || !says_amount(one) || !says_amount(other) || one.partial_reversal == other.partial_reversal) continue;
            return fail(Failure::Kind::config,
                        fmt::format("dialects {} and {}: terminals speak one of them, their messages begin alike, and partial_reversal "
                                    "differs: the same signed reversal would be two sums; give one of them another mti, bitmap or header",
                                    names[spoken], names[i]));
        }
    }
    return {};
}

Result<void> check_codes(const routing::Routing& routing, const config::Config& config, const std::vector<iso8583::Dialect>& dialects) {
    constexpr unsigned kCodeField = 63;
    for (const routing::Rule& rule : routing.table.rules())
        for (const routing::Target& target : rule.to) {
            const auto* link = rule.aids.empty() ? nullptr : config::find_link(config, target.link);
            if (link == nullptr || target.kind != routing::Target::Kind::link) continue;
            const iso8583::Dialect& dialect = dialects[config::dialect_number(config, link->dialect)];
            if (dialect.fields[kCodeField].max >= qr::kCpmCharsMax) continue;
            return fail(Failure::Kind::config, fmt::format("{}: route '{}': dialect {} of link {} has no DE63 of {} characters for the code", rule.origin,
                                                           rule.name, dialect.name, link->name, qr::kCpmCharsMax));
        }
    return {};
}

}  // namespace giro::appliance
