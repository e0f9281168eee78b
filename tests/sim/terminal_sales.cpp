// What a till asks for: purchases by card and by code, sales that it approved by itself, authorisations and what
// follows them, reversals and uploads; and what the customers' cards show it.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "appliance/giro/demo.hpp"
#include "iso8583/chip.hpp"
#include "qr/cpm.hpp"
#include "tests/sim/actors.hpp"
#include "tests/sim/routes.hpp"
#include "util/bytes.hpp"

namespace giro::sim {

namespace {
// A code as another scheme's wallet shows it (EMVCo CPM): its application, and a track 2 equivalent of no card.
std::string other_code(World& world) {
    const auto aid = from_hex(kAids[world.random.below(std::size(kAids))]);
    ASSERT(aid);
    const auto tlv = [](std::byte tag, const Buffer& value) {
        Buffer out{tag, static_cast<std::byte>(value.size())};
        out.insert(out.end(), value.begin(), value.end());
        return out;
    };
    Buffer application = tlv(std::byte{0x4F}, *aid);
    const Buffer track = tlv(std::byte{0x57}, Buffer(8, static_cast<std::byte>(world.random.below(10))));
    application.insert(application.end(), track.begin(), track.end());
    const std::string_view format = "CPV01";
    Buffer code = tlv(std::byte{0x85}, Buffer(as_bytes(format).begin(), as_bytes(format).end()));
    const Buffer inner = tlv(std::byte{0x61}, application);
    code.insert(code.end(), inner.begin(), inner.end());
    return qr::to_base64(code);
}
}  // namespace

std::string TerminalActor::last_request() const {
    const pos::Sale& sale = m_terminal.last_sale();
    return key_of_sale(m_terminal.identity().terminal.view(), sale.stan, sale.rrn.view());
}

// By a wallet's code, a code of another scheme, or a card: of this box, of a host, or of nobody; with its chip, its
// stripe, or typed.
void TerminalActor::sell() {
    World& world = m_out.world;
    MinorUnits amount = 1 + static_cast<MinorUnits>(world.random.below(world.random.one_in(8) ? 120'000 : 9'000));
    const auto sell_code = [&](std::string code, MinorUnits of) {
        m_dipped.reset();
        m_terminal.sell({}, std::move(code), of, false, m_out.now().monotonic_ns, m_out.now());
    };
    if (!m_qr.empty() && world.random.one_in(2)) return sell_code(std::exchange(m_qr, {}), m_qr_amount);
    if (world.random.one_in(8)) return sell_code(other_code(world), amount);
    // Most of the banks, now and then one that nobody knows.
    static constexpr std::size_t kWeighted[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 4, 5};
    const std::size_t bin =
        world.random.one_in(60) ? std::size(kBins) - 1 : kWeighted[world.random.below(std::size(kWeighted))];
    // One card beyond those that were issued, now and then.
    const auto card =
        static_cast<std::uint32_t>(1 + world.random.below(kCardsPerBank + (world.random.one_in(10) ? 1 : 0)));
    const bool on_us = bin < std::size(kOnUs);
    std::string pin;
    if (world.random.one_in(on_us ? 2 : 3)) pin = demo::pin(kBins[bin], card);
    const bool right = !world.random.one_in(6);
    if (!pin.empty() && !right) pin.back() = pin.back() == '0' ? '1' : '0';
    const bool typed = !pin.empty();
    const Pan pan = *Pan::parse(demo::pan(kBins[bin], card));
    pos::CardData data;
    Dipped dipped;
    Shown shown;
    m_dipped.reset();
    const bool says_no = world.random.one_in(12);
    if (world.random.one_in(2))
        data = read_chip(pan, bin, amount, dipped, says_no ? payment::ChipAnswer::aac : payment::ChipAnswer::arqc);
    else if (bin == 0 && world.random.one_in(2))
        data = read_stripe(pan, shown);
    m_terminal.sell(pan, {}, amount, world.random.one_in(50), m_out.now().monotonic_ns, m_out.now(), std::move(pin),
                    std::move(data));
    const std::string request = last_request();
    if (!dipped.card.empty()) m_out.ears.see(request, dipped);
    if (!shown.card.empty()) m_out.ears.see(request, shown);
    if (typed) m_out.ears.see(request, Typed{demo::pan(kBins[bin], card), right});
}

// The till approved it by itself, by the card's word (TC), and tells of it.
void TerminalActor::sell_offline() {
    World& world = m_out.world;
    const std::size_t bin = world.random.below(std::size(kOnUs));
    const auto card = static_cast<std::uint32_t>(1 + world.random.below(kCardsPerBank));
    auto amount = static_cast<MinorUnits>(1 + world.random.below(5'000));
    const Pan pan = *Pan::parse(demo::pan(kBins[bin], card));
    pos::CardData data;
    Dipped dipped;
    m_dipped.reset();
    if (!world.random.one_in(4)) data = read_chip(pan, bin, amount, dipped, payment::ChipAnswer::tc);
    m_dipped.reset();  // the card is gone before the box says anything
    dipped.offline = true;
    m_terminal.sell_offline(pan, amount, false, m_out.now().monotonic_ns, m_out.now(), std::move(data));
    if (!dipped.card.empty()) m_out.ears.see(last_request(), dipped);
}

// The card itself, now and then a copy: one that does not know the key, or one that says again what the card said last,
// which is over that amount.
pos::CardData TerminalActor::read_chip(const Pan& pan, std::size_t bank, MinorUnits& amount, Dipped& dipped,
                                       payment::ChipAnswer answer) {
    World& world = m_out.world;
    const std::string digits(pan.reveal());
    Chip& chip = m_out.chips[digits];
    dipped.card = digits;
    dipped.on_us = bank < std::size(kOnUs);
    const auto keep = [&](const Buffer& field) {
        const auto cryptogram = iso8583::chip_tag(field, 0x9F26);
        ASSERT(cryptogram);
        dipped.cryptogram = Buffer(cryptogram->begin(), cryptogram->end());
    };
    if (!chip.seen.empty() && world.random.one_in(8)) {
        amount = chip.seen_amount;
        dipped.atc = chip.seen_atc;
        dipped.genuine = dipped.copied = true;
        dipped.refused = chip.seen_refused;
        dipped.agreed = chip.seen_offline;
        keep(chip.seen);
        return {chip.seen, {}, {}};
    }
    payment::ChipPurchase& p = chip.purchase;
    p.type = answer;
    p.cvn = bank == 0 ? 10 : 18;
    ++p.atc;
    dipped.atc = p.atc;
    dipped.genuine = true;
    dipped.refused = answer == payment::ChipAnswer::aac;
    dipped.agreed = answer == payment::ChipAnswer::tc;
    p.amount = amount;
    p.currency = m_out.box.config().currency;
    const auto now_s = static_cast<std::time_t>(m_out.now().wall_ns / 1'000'000'000);
    std::tm utc{};
    gmtime_r(&now_s, &utc);
    p.date = FixedText<6>(fmt::format("{:02}{:02}{:02}", utc.tm_year % 100, utc.tm_mon + 1, utc.tm_mday));
    m_out.random.fill(p.unpredictable);
    const Secret key =
        payment::chip_card_key(pin_key(bank == 0 ? demo::kAlphaChipKey : demo::kBetaChipKey), pan, p.psn);
    Buffer field = payment::chip_field(key, p);
    if (!world.random.one_in(8)) {
        chip.seen = field;
        chip.seen_amount = amount;
        chip.seen_atc = p.atc;
        chip.seen_refused = dipped.refused;
        chip.seen_offline = dipped.agreed;
        if (dipped.on_us) m_dipped = p;
        keep(field);
        return {std::move(field), {}, {}};
    }
    const auto cryptogram = iso8583::chip_tag(field, 0x9F26);
    ASSERT(cryptogram);
    field[static_cast<std::size_t>(cryptogram->data() - field.data())] ^= std::byte{1};
    dipped.genuine = false;
    keep(field);
    return {std::move(field), {}, {}};
}

// The stripe, or the number as it is printed, each with its verification value: right, or guessed.
pos::CardData TerminalActor::read_stripe(const Pan& pan, Shown& shown) {
    World& world = m_out.world;
    const bool printed = m_out.dialect.cvv2_field != 0 && world.random.one_in(2);
    constexpr std::string_view kService = "101", kPrinted = "000", kBehindCvv = "00";
    std::string value =
        payment::card_verification_value(pin_key(demo::kCvvKey), pan, demo::kExpiry, printed ? kPrinted : kService);
    shown = {std::string(pan.reveal()), !world.random.one_in(5)};
    if (!shown.right) value.back() = value.back() == '0' ? '1' : '0';
    if (printed) return {{}, {}, value};
    return {{}, fmt::format("{}={}{}{}{}", pan.reveal(), demo::kExpiry, kService, value, kBehindCvv), {}};
}

// A new authorisation, or one from before raised, completed (with a tip, now and then too large a one) or reversed.
void TerminalActor::authorise_or_follow() {
    auto& random = m_out.world.random;
    const auto amount = static_cast<MinorUnits>(1 + random.below(9'000));
    if (m_authorised.empty() || random.one_in(2)) {
        const auto card = static_cast<std::uint32_t>(1 + random.below(kCardsPerBank));
        return m_terminal.authorise(*Pan::parse(demo::pan(random.one_in(2) ? "970001" : "970002", card)), amount,
                                    m_out.now());
    }
    const std::size_t at = random.below(m_authorised.size());
    const pos::Sale sale = m_authorised[at];
    if (random.one_in(3)) return m_terminal.raise(sale, amount, m_out.now());
    if (random.one_in(2)) m_authorised.erase(m_authorised.begin() + static_cast<std::ptrdiff_t>(at));
    if (random.one_in(5)) return m_terminal.reverse(sale, m_out.now());
    const std::uint64_t most = static_cast<std::uint64_t>(sale.amount) * 5 / 4;
    m_terminal.complete(sale, static_cast<MinorUnits>(1 + random.below(most + 1)), m_out.now());
}

// Whole or in part, as a request or as an advice; the same sale may be reversed again and again.
void TerminalActor::reverse() {
    auto& random = m_out.world.random;
    pos::Sale sale = m_approved[random.below(m_approved.size())];
    pos::ReversalForm form;
    if (random.one_in(4)) {  // of its batch, right or wrong; or one that the box never heard of, by card
        form.upload = true;
        if (random.one_in(3)) sale.amount += 1;
        if (random.one_in(3) && !sale.pan.empty()) sale.rrn = m_out.terminals.rrns.next();
        return m_terminal.reverse(sale, m_out.now(), form);
    }
    form.advice = random.one_in(3);
    if (random.one_in(2))
        form.stands = static_cast<MinorUnits>(random.below(static_cast<std::uint64_t>(sale.amount) + 2));
    // What goes back cannot be said to be less than nothing.
    if (m_out.dialect.partial_reversal == iso8583::PartialReversal::amount_reversed)
        form.stands = std::min(form.stands, sale.amount);
    m_terminal.reverse(sale, m_out.now(), form);
}

}  // namespace giro::sim
