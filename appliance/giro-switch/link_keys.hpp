// The session MAC keys of links, where a link's settings ask for them (session_key_requests, session_key_s of its file): which
// one serves, when the next has to be agreed with the host, and when a link may be used at all. A state machine without
// vault, socket or clock; giro-switch alone.
//
//   no key        link up                 -> the host is told a nonce (0800, DE70 161, under the base key) -> asked
//   asked         the host's 0810 says 00 -> that nonce's key serves; the one before is taken from the host for overlap_s more,
//                                            unless it had expired
//                 kAskAgain_ns            -> asked anew, with another nonce
//   key serves    3/4 of its age or count -> asked for the next; it goes on serving
//                 all of its age or count -> nothing more is sent under it: the link is down to the core; what the host
//                                            answers under it is taken for overlap_s more
//                 kFailuresMax in a row   -> asked for the next: the host may have lost it
//   link down     -> no key: a host that comes back knows none
//
// Not in the journal: a switch that starts anew agrees on a key with each host before it sends anything else. An 0810 counts
// when it repeats STAN, DE7 and DE70 of the question, and the check value of the very key that it told. Hostile: the host,
// with its own link, and whoever sits on the line without its keys.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "giro/request.hpp"
#include "vault/wire.hpp"

namespace giro::appliance {

class LinkKeys {
  public:
    static constexpr std::uint64_t kAskAgain_ns = 5'000'000'000;
    static constexpr std::uint64_t kAfterDown_ns = 1'000'000'000;  // a link that comes and goes asks no oftener
    static constexpr unsigned kFailuresMax = 3;
    explicit LinkKeys(const config::Config& config);

    void link_state(std::uint16_t link, bool up);
    // Whether messages may go to the host: its link is up, and it has a key that serves, if it needs one. Times: monotonic.
    [[nodiscard]] bool usable(std::uint16_t link, std::uint64_t now_ns) const;
    // Whether the host has to be asked now. asking() must follow, or it is due again at once.
    [[nodiscard]] bool due(std::uint16_t link, std::uint64_t now_ns) const;
    // The vault is asked for a key.
    void asking(std::uint16_t link, std::uint64_t now_ns);
    // The 0800 that goes to the host.
    struct Question {
        std::uint32_t stan = 0;  // 1 to 999999; 0: none
        FixedText<10> transmission{};
        vault::Nonce nonce{};
        std::string kcv{};  // of that nonce's key, as hexadecimal digits
    };
    const Question& question(std::uint16_t link, const vault::Nonce& nonce, const vault::Kcv& kcv, const FixedText<10>& transmission);
    // An 0810 with a good MAC. True: the key that was asked about serves from now on.
    [[nodiscard]] bool answered(const PaymentRequest& answer, std::uint64_t now_ns);

    // Under which key the next message goes, and counts it; the base key for a link without session keys.
    [[nodiscard]] vault::Nonce next(std::uint16_t link, std::uint64_t now_ns);
    // Under which an answer of the host may be: its key, and the one before it. None where it needs a key and has none.
    struct Accepted {
        std::optional<vault::Nonce> current, previous;
    };
    [[nodiscard]] Accepted accepted(std::uint16_t link, std::uint64_t now_ns) const;

    // A message with a wrong MAC, or none in time; and one with a good MAC.
    void failed(std::uint16_t link);
    void heard(std::uint16_t link);

  private:
    struct Link {
        config::KeyAges ages;
        bool needs_key = false, up = false, has = false, has_previous = false;
        vault::Nonce current{}, previous{};
        std::uint64_t set_ns = 0, used = 0;
        std::uint64_t spent_ns = 0;  // when the last that its count allows went under it; 0: not yet
        std::uint64_t asked_ns = 0;  // last; 0: never
        bool pending = false;        // since then, and not answered
        std::uint64_t not_before_ns = 0;
        unsigned failures = 0;       // in a row
        Question question;
    };
    // Has it served `quarters` quarters of what it may?
    [[nodiscard]] static bool is_old(const Link& link, std::uint64_t now_ns, std::uint64_t quarters);
    [[nodiscard]] const Link* find(std::uint16_t link) const;
    [[nodiscard]] Link* find(std::uint16_t link);
    std::map<std::uint16_t, Link> m_links;
    std::uint32_t m_stan = 0;
};

}  // namespace giro::appliance
