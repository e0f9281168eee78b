// PINs: what the vault is to be asked about a request's, and what its word means for the decision. A PIN is asked about
// once: a request that is known, or whose first copy is at the vault, is answered as that one was, so no copy counts
// twice.
//
//   card               PIN of a terminal with a key for it
//   on us              verified against what the card has on file, by its product's method and key; counted there
//   .. without either  unusable: 55, not counted
//   of a link          translated to the link's zone key and sent in the request
//   .. without a key   unusable: 55, the payment is not sent
//   of nobody here     not looked at: there is a reason before
// A message without a PIN is decided without one: which payments need it is the card's and the terminal's to settle.
#include "switching/core.hpp"
#include "switching/core_record.hpp"

namespace giro::switching {

using entry::Reason;

PinQuestion Core::ask_pin(const PaymentRequest& request, const entry::SealedPan* sealed, std::uint64_t now_ns) const {
    const Mti mti = without_repeat(request.mti);
    if ((mti != 0x0200 && mti != 0x0100) || request.pan.empty() || !request.qr.empty()) return {};  // an advice asks nothing
    const routing::Target way = way_of(request);
    PinQuestion question;
    if (!is_at_home(request) || too_old(request, now_ns)) {
        question.kind = PinQuestion::Kind::unusable;  // not `none`: nothing is decided as if it had no PIN
        return question;
    }
    if (way.kind == routing::Target::Kind::link && mti == 0x0200) {
        const config::Link* link = config::find_link(m_policy.config, way.link);
        ASSERT(link != nullptr);
        question.kind = link->pin_key.empty() ? PinQuestion::Kind::unusable : PinQuestion::Kind::translate;
        question.link = link;
    }
    if (way.kind != routing::Target::Kind::on_us || sealed == nullptr) return question;
    const Card* card = m_state.card(sealed->token);
    if (card == nullptr) return question;
    const bool has_pin = way.product >= 0 && !card->pin_on_file.empty();
    question.kind = has_pin ? PinQuestion::Kind::verify : PinQuestion::Kind::unusable;
    question.card = card;
    if (has_pin) question.product = &m_policy.config.card_products[static_cast<std::size_t>(way.product)];
    return question;
}

Reason Core::pin_reason(PinCheck check) noexcept {
    switch (check) {
        case PinCheck::none:
        case PinCheck::good:
            return Reason::none;
        case PinCheck::wrong:
            return Reason::pin_wrong;
        case PinCheck::locked:
            return Reason::pin_locked;
        case PinCheck::unusable:
            return Reason::pin_unusable;
    }
    ASSERT(false);
}

Done Core::set_card_pin(const entry::CardPinSet& e) {
    return admin(entry::Kind::card_pin_set, e);
}
Done Core::block_card(const entry::CardBlocked& e) {
    return admin(entry::Kind::card_blocked, e);
}
Done Core::unblock_card(const entry::CardUnblocked& e) {
    return admin(entry::Kind::card_unblocked, e);
}
Done Core::unlock_card(const entry::CardUnlocked& e) {
    return admin(entry::Kind::card_unlocked, e);
}

}  // namespace giro::switching
