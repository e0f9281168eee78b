// Inside switching: how a decision becomes an entry.
#pragma once

#include "switching/core.hpp"
#include "util/archive.hpp"

namespace giro::switching {

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
