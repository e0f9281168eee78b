// What moves through the pipeline; inside giro-switch only.
#pragma once

#include "appliance/giro-switch/pipeline.hpp"
#include "bus/messages.hpp"
#include "util/secret.hpp"

namespace giro::appliance {

using bus::MessageType;

inline constexpr vault::Nonce kBaseKey{};  // the terminal's base key: 0800, and everything on an issuer's link

// One request on its way. `request` views into `body`.
struct Pipeline::Item {
    bus::PeerId peer = 0;
    std::uint16_t type = 0;
    Secret body;  // holds a clear card number: wiped when the request is done with
    PaymentRequest request;
    Secret additional, qr;  // DE48 and DE63 where the dialect's must be decoded; request has views of them
    Secret under_mac;       // what the MAC covers, where that is not one piece of `body`
    bus::WalletRequest wallet;
    const switching::Terminal* terminal = nullptr;
    int mac = -1, mac_previous = -1;  // index of its check in the batch's answers; -1 none
    vault::Nonce nonce{}, previous_nonce{};  // the keys it was checked under; the terminal's may change meanwhile
    bool has_pan = false;
    PanCache::Key pan{};
    std::optional<vault::NewSessionKey::Reply> session_key;
    [[nodiscard]] bool is_payment() const noexcept { return type == static_cast<std::uint16_t>(MessageType::payment_request); }
};

struct Pipeline::Outgoing {
    bus::PeerId peer = 0;
    MessageType type = MessageType::frame_out;
    std::uint64_t destination = 0;  // connection, or link
    Buffer frame;                   // for a wallet: the body of its reply
    bool with_mac = false;
    TerminalId key;
    vault::Nonce nonce{};
};

struct Pipeline::Batch {
    std::vector<Item> items;
    std::size_t waiting = 0;  // answers of the vault still to come
    bool failed = false;
    std::vector<bool> mac_good;
    std::uint64_t asked_ns = 0;
    std::vector<Outgoing> out;
    // What the vault said of a check; false when it was not asked.
    [[nodiscard]] bool good(int check) const {
        return check >= 0 && static_cast<std::size_t>(check) < mac_good.size() && mac_good[static_cast<std::size_t>(check)];
    }
    [[nodiscard]] bool genuine(const Item& item) const { return good(item.mac) || good(item.mac_previous); }
};

// A card that the vault is asked to seal.
struct Pipeline::NewPan {
    PanCache::Key key;
    FixedText<10> first6_last4;
};

struct Pipeline::Waiting {
    Item item;
    vault::Nonce nonce{};
};

}  // namespace giro::appliance
