// What moves through the pipeline; inside giro-switch only.
#pragma once

#include "appliance/giro-switch/pipeline.hpp"
#include "bus/messages.hpp"
#include "iso8583/pin.hpp"
#include "payment/ksn.hpp"
#include "switching/network.hpp"
#include "util/secret.hpp"
#include "vault/payment_wire.hpp"

namespace giro::appliance {

using bus::MessageType;

// The base key: 0800 and 0810, and everything on a link without session keys.
inline constexpr vault::Nonce kBaseKey{};
inline constexpr Mti kNetworkAnswer = 0x0810;

// What a terminal's message is.
inline bool is_network(const PaymentRequest& r) {
    return without_repeat(r.mti) == 0x0800;
}
inline bool is_reconciliation(const PaymentRequest& r) {
    const Mti mti = without_repeat(r.mti);
    return mti == 0x0500 || mti == 0x0520;
}
inline bool is_card_payment(const PaymentRequest& r) {
    const Mti mti = without_repeat(r.mti);
    return mti == 0x0200 || mti == 0x0100 || mti == 0x0220 || mti == 0x0320;
}
inline bool is_key_exchange(const PaymentRequest& r) {
    return is_network(r) && r.network_code == switching::kKeyExchange;
}

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
    payment::Ksn ksn;  // of a DUKPT terminal's message; empty: none, or it is not that terminal's
    int dukpt = -1;    // as `mac`, of the check under the KSN's key
    bool has_pan = false;
    PanCache::Key pan{};
    std::optional<entry::SealedPan> sealed;  // kept from when it was found: the cache may have let go of it by the decision
    std::optional<vault::NewSessionKey::Reply> session_key;
    // The PIN block that it carries, as the terminal enciphered it, and what came of it (pipeline_pin.cpp).
    iso8583::PinBlock pin_block;
    enum class PinState : std::uint8_t { not_asked, at_vault, said } pin_state = PinState::not_asked;
    switching::PinCheck pin_check = switching::PinCheck::none;
    bool pin_marked = false;  // it stands in m_pins_asked
    Buffer zone_pin_block;    // of a PIN for a link,
    std::optional<std::uint16_t> pin_link;  // and which
    // What it shows of its card, and what came of it (pipeline_card.cpp); what the answer then has in DE55.
    switching::CardShown shown;
    switching::ChipCheck chip_check = switching::ChipCheck::none;
    switching::CvvCheck cvv_check = switching::CvvCheck::none;
    Buffer chip_approved, chip_declined;
    Buffer issuer_chip;  // DE55 of an answer from a link
    // Everything that was asked about the card; a view of this item.
    [[nodiscard]] switching::CardChecks checks() const {
        switching::CardChecks all = pin_check;
        all.chip = chip_check;
        all.cvv = cvv_check;
        all.shown = &shown;
        all.pin_link = pin_link;
        return all;
    }
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
    std::uint8_t dialect = 0;  // of `frame`
    payment::Ksn ksn;   // not empty: the MAC is made under its key, below `bdk`, and not under `key`'s
    vault::KeyName bdk;
    vault::MacKind dukpt_mac = vault::MacKind::aes_cmac;
    std::uint64_t connection = 0;  // of a link's: the one to answer on; 0: any
};

// What leaves together, once the vault has made its MACs and what it tells of is on the disk.
struct Pipeline::Portion {
    std::vector<Outgoing> out;
    std::size_t waiting = 0;  // answers of the vault still to come
    bool failed = false;
    bool durable = false;
    std::uint64_t asked_ns = 0;
};

struct Pipeline::Batch {
    std::vector<Item> items;
    std::size_t waiting = 0;  // answers of the vault still to come
    std::size_t checks_waiting = 0;  // those of them that say which messages are genuine
    bool failed = false;
    std::uint64_t routing = 0;  // Core::routing_generation() when the cards were asked about
    std::vector<bool> mac_good;
    std::vector<vault::DukptVerdict> dukpt;
    std::uint64_t asked_ns = 0;
    std::vector<Outgoing> out;
    // What the vault said of a check; false when it was not asked.
    [[nodiscard]] bool good(int check) const {
        return check >= 0 && static_cast<std::size_t>(check) < mac_good.size() && mac_good[static_cast<std::size_t>(check)];
    }
    // The same of a check under a KSN; `unknown` when it was not asked.
    [[nodiscard]] vault::DukptVerdict verdict(const Item& item) const {
        const bool said = item.dukpt >= 0 && static_cast<std::size_t>(item.dukpt) < dukpt.size();
        return said ? dukpt[static_cast<std::size_t>(item.dukpt)] : vault::DukptVerdict::unknown;
    }
    // Its MAC is good; of a KSN that was used before, too: then it may be a repeat.
    [[nodiscard]] bool genuine(const Item& item) const {
        const vault::DukptVerdict ksn = verdict(item);
        return good(item.mac) || good(item.mac_previous) || ksn == vault::DukptVerdict::good || ksn == vault::DukptVerdict::again;
    }
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
