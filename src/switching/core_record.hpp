// Inside switching: how a decision becomes an entry, and what names a request.
#pragma once

#include <charconv>

#include "switching/core.hpp"
#include "util/archive.hpp"

namespace giro::switching {

[[nodiscard]] inline entry::RequestKey key_of(const PaymentRequest& r) {
    return {r.acquirer, r.terminal, r.stan, r.rrn, r.local_time, r.local_date};
}

// DE90 of ISO 8583:1987: original mti 4, stan 6, transmission time 10, acquirer 11, forwarder 11. What names an original
// repeats its DE12, DE13 and DE37, so with the STAN of DE90 its key is complete. Nothing when there is no STAN.
[[nodiscard]] inline std::optional<entry::RequestKey> original_key(const PaymentRequest& r) {
    const std::string_view de90(r.original.chars.data(), r.original.chars.size());
    std::uint32_t stan = 0;
    const auto digits = de90.substr(4, 6);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), stan);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
    return entry::RequestKey{r.acquirer, r.terminal, stan, r.rrn, r.local_time, r.local_date};
}

// The first four digits of DE90. Anything but an authorisation or an advice is taken for the purchase that it was always.
[[nodiscard]] inline Mti original_mti(const PaymentRequest& r) {
    const std::string_view mti = r.original.view().substr(0, 4);
    const std::string_view type = mti.size() == 4 ? mti.substr(1, 2) : mti;  // whatever the edition, a repeat or not
    return type == "10" ? 0x0100 : type == "22" ? 0x0220 : 0x0200;
}

// DE3, its first two digits: 00 goods and services (ISO 8583:1987, 4.4.2).
[[nodiscard]] inline bool is_purchase(const entry::Payment& payment) noexcept { return payment.processing_code / 10'000 == 0; }

// Applies and keeps an entry that the core has checked: a refusal here is a bug.
template <typename E>
void Core::record(entry::Kind kind, const E& e) {
    Buffer body = encode(e);
    ASSERT(m_state.apply(kind, body));
    m_entries.push_back({kind, std::move(body)});
}

// The same for what comes from outside: the state itself is the check.
template <typename E>
Done Core::admin(entry::Kind kind, const E& e) {
    Buffer body = encode(e);
    if (const auto applied = m_state.apply(kind, body); !applied) {
        const std::string& what = applied.error().what;
        const auto colon = what.find(": ");
        return tl::unexpected(colon == std::string::npos ? what : what.substr(colon + 2));
    }
    m_entries.push_back({kind, std::move(body)});
    return {};
}

}  // namespace giro::switching
