// Which of a link's connections carries a frame.
#include <doctest/doctest.h>

#include "appliance/giro-gate/link_connections.hpp"

using namespace giro;
using namespace giro::gate;
using config::LinkMode;

namespace {
constexpr std::uint64_t kSilent_ms = 1'600;
// What the next frames go out on, one after the other.
std::vector<net::ConnectionId> chosen(LinkConnections& link, std::size_t frames, std::uint64_t now_ms = 0) {
    std::vector<net::ConnectionId> out;
    for (std::size_t i = 0; i < frames; ++i) out.push_back(link.choose(now_ms));
    return out;
}
using Ids = std::vector<net::ConnectionId>;
}  // namespace

TEST_CASE("link connections: without one there is none to choose") {
    LinkConnections link(LinkMode::shared, kSilent_ms);
    CHECK(link.choose(0) == 0);
    CHECK(link.forgotten(0, 1) == 0);
    CHECK_FALSE(link.has(0));
    link.heard(7);
    link.sent(7, 0);
    link.closed(7);
    CHECK(link.size() == 0);
}

TEST_CASE("link connections: shared ones take turns, whatever comes and goes") {
    LinkConnections link(LinkMode::shared, kSilent_ms);
    for (const net::ConnectionId id : Ids{1, 2, 3}) link.opened(id, id == 3 ? 1 : 0);
    CHECK(chosen(link, 6) == Ids{1, 2, 3, 1, 2, 3});
    CHECK(chosen(link, 1) == Ids{1});
    link.closed(2);
    CHECK(link.size() == 2);
    CHECK(chosen(link, 3) == Ids{3, 1, 3});
    link.opened(4, 0);
    CHECK(chosen(link, 4) == Ids{1, 3, 4, 1});
}

TEST_CASE("link connections: of primary ones the first address has all turns, the next when it has no connection") {
    LinkConnections link(LinkMode::primary, kSilent_ms);
    link.opened(5, 1);
    CHECK(chosen(link, 2) == Ids{5, 5});
    link.opened(6, 0);
    link.opened(7, 0);
    CHECK(chosen(link, 4) == Ids{6, 7, 6, 7});
    link.closed(6);
    CHECK(chosen(link, 2) == Ids{7, 7});
    link.closed(7);
    CHECK(chosen(link, 1) == Ids{5});
}

TEST_CASE("link connections: one on which nothing is heard after a frame gets no further one while another is heard") {
    for (const LinkMode mode : {LinkMode::shared, LinkMode::primary}) {
        LinkConnections link(mode, kSilent_ms);
        link.opened(1, 0);
        link.opened(2, 1);
        CHECK(link.choose(0) == 1);
        if (mode == LinkMode::shared) CHECK(link.choose(0) == 2);
        link.heard(2);
        CHECK(link.choose(kSilent_ms - 1) == 1);  // since the first frame, not the last
        CHECK(link.choose(kSilent_ms) == 2);
        CHECK(link.choose(kSilent_ms) == 2);
        // Both silent: as if neither was.
        const std::uint64_t both_ms = 2 * kSilent_ms;
        CHECK(link.choose(both_ms) == 1);
        link.heard(1);
        CHECK(link.choose(both_ms) == 1);
        CHECK(link.choose(both_ms) == 1);
    }
}

TEST_CASE("link connections: one is forgotten when it is silent for long and another one lives") {
    LinkConnections link(LinkMode::shared, kSilent_ms);
    link.opened(1, 0);
    CHECK(link.choose(0) == 1);
    CHECK(link.forgotten(100'000, 10'000) == 0);  // the only one
    link.opened(2, 0);
    CHECK(link.forgotten(9'999, 10'000) == 0);
    CHECK(link.forgotten(10'000, 10'000) == 1);
    link.sent(2, 10'000);
    CHECK(link.forgotten(10'000 + kSilent_ms, 10'000) == 0);  // nobody lives
    link.heard(1);
    CHECK(link.forgotten(19'999, 10'000) == 0);
    CHECK(link.forgotten(20'000, 10'000) == 2);
}
