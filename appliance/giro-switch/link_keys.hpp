// The session MAC keys of links, where a link's settings ask for them (session_key_requests, session_key_s of [[link]]): which
// one serves, when the next has to be agreed with the host, and when a link may be used at all. A state machine without
// vault, socket or clock; giro-switch alone.
//
//   no key        link up                 -> the host is told a nonce (0800, DE70 161, under the base key) -> asked
//   asked         the host's 0810 says 00 -> that nonce's key serves; the one before is taken from the host for overlap_s more
//                 kAskAgain_ns            -> asked anew, with another nonce
//   key serves    3/4 of its age or count -> asked for the next; it goes on serving
//                 all of its age or count -> nothing more is sent under it: the link is down to the core
//   link down     -> no key: a host that comes back knows none
//
// Not in the journal: a switch that starts anew agrees on a key with each host before it sends anything else. A recorded
// 0810 is one to a STAN and a moment that are not asked about. Hostile: the host, with its own link.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "config/config.hpp"
#include "giro/request.hpp"
#include "vault/wire.hpp"

namespace giro::appliance {

class LinkKeys {
  public:
    static constexpr std::uint64_t kAskAgain_ns = 5'000'000'000;
    explicit LinkKeys(const config::Config& config);

    void link_state(std::uint16_t link, bool up);
    // Whether messages may go to the host: its link is up, and it has a key that serves, if it needs one. Times: monotonic.
    [[nodiscard]] bool usable(std::uint16_t link, std::uint64_t now_ns) const;
    // The links whose host has to be asked now. asking() must follow, or it is due again at once.
    [[nodiscard]] std::vector<std::uint16_t> due(std::uint64_t now_ns) const;
    // The vault is asked for a key; until `asked`, or kAskAgain_ns.
    void asking(std::uint16_t link, std::uint64_t now_ns);
    // The 0800 that goes to the host: its STAN (1 to 999999) and DE7 are what the answer must repeat.
    struct Question {
        std::uint32_t stan = 0;
        FixedText<10> transmission;
        vault::Nonce nonce{};
    };
    [[nodiscard]] Question question(std::uint16_t link, const vault::Nonce& nonce, const FixedText<10>& transmission);
    // An 0810 with a good MAC. True: the key that was asked about serves from now on.
    [[nodiscard]] bool answered(const PaymentRequest& answer, std::uint64_t now_ns);

    // Under which key the next message goes, and counts it; the base key for a link without session keys.
    [[nodiscard]] vault::Nonce next(std::uint16_t link);
    // Under which an answer of the host may be: its key, and the one before it for a while. None where it needs a key and
    // has none.
    struct Accepted {
        std::optional<vault::Nonce> current, previous;
    };
    [[nodiscard]] Accepted accepted(std::uint16_t link, std::uint64_t now_ns) const;

  private:
    struct Link {
        config::KeyAges ages;
        bool needs_key = false, up = false, has = false, has_previous = false;
        vault::Nonce current{}, previous{};
        std::uint64_t set_ns = 0, used = 0;
        std::uint64_t asked_ns = 0;  // 0: not asked
        Question question;
    };
    // Has it served `quarters` quarters of what it may?
    [[nodiscard]] static bool is_old(const Link& link, std::uint64_t now_ns, std::uint64_t quarters);
    [[nodiscard]] const Link* find(std::uint16_t link) const;
    std::map<std::uint16_t, Link> m_links;
    std::uint32_t m_stan = 0;
};

}  // namespace giro::appliance
