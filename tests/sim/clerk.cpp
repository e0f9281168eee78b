// What staff do with `giro`: the accounts, the cards, windows, approvals. Each command is a call that waits.
#include <fmt/format.h>

#include "appliance/giro/demo.hpp"
#include "approval/officer.hpp"
#include "bus/admin_messages.hpp"
#include "journal/journal.hpp"
#include "payment/pin_device.hpp"
#include "settlement/book.hpp"
#include "settlement/transaction.hpp"
#include "switching/accounts.hpp"
#include "tests/sim/actors.hpp"
#include "tests/sim/evidence.hpp"
#include "tests/sim/routes.hpp"
#include "tests/sim/sabotage.hpp"
#include "util/archive.hpp"
#include "util/file.hpp"

namespace giro::sim {

namespace {
// What a demo card's PIN is verified by, as box_config() says.
std::string on_file(const std::string& bin, std::uint32_t card) {
    const Pan pan = *Pan::parse(demo::pan(bin, card));
    const std::string pin = demo::pin(bin, card);
    if (bin == "970001") return payment::visa_pvv(pin_key(demo::kPvvKey), 1, pin, pan);
    return payment::ibm_offset(pin_key(demo::kOffsetKey), {"0123456789012345", 0, 15, 15}, pin, pan);
}
}  // namespace

using bus::MessageType;

Clerk::Clerk(Outside& outside, std::vector<WalletActor*> wallets) : m_out(outside), m_wallets(std::move(wallets)) {
    m_process.name = "clerk";
}

void Clerk::start() {
    m_process.alive = true;
    ++m_process.incarnation;
    m_out.world.at(
        0, [this] { work(); }, &m_process);
}

void Clerk::stop() {
    if (m_process.alive) m_out.world.kill(m_process, [] {});
}

void Clerk::sleep(std::uint64_t ns) {
    m_out.world.block(m_out.world.time_ns() + ns);
}

// Refused is an answer too: what is asked twice was done the first time.
bool Clerk::tell(MessageType type, Bytes body, bool until_ok) {
    while (alive()) {
        auto client = bus::SyncClient::connect(m_out.box.paths().endpoint("switch", bus::caller::kAdmin));
        if (client) {
            const auto reply = client->call(static_cast<std::uint16_t>(type), body);
            if (reply && (reply->status == bus::Status::ok || reply->status == bus::Status::refused))
                return reply->status == bus::Status::ok;
        }
        if (!until_ok) return false;
        sleep(200 * kMillisecond);
    }
    return false;
}

void Clerk::provision() {
    const auto& t = m_out.box.made();
    const Currency currency = t.config.currency;
    for (const auto& p : t.config.participants) {
        const auto& keys = *std::ranges::find(t.bundle.participants, p.id, &vault::Bundle::Participant::id);
        tell(MessageType::open_participant,
             encode(entry::ParticipantOpened{
                 p.id, entry::ParticipantName(p.name), {p.backing, currency}, keys.settlement.script}),
             true);
    }
    tell(MessageType::open_account,
         encode(entry::AccountOpened{
             demo::merchant_account(1), demo::kMerchantParticipant, {0, currency}, 0, FixedText<24>("merchant 1")}),
         true);
    for (const auto& bank : t.config.participants)
        for (const auto& bin : bank.bins)
            for (std::uint32_t i = 1; i <= kCardsPerBank; ++i) {
                const Id128 account = demo::card_account(static_cast<std::uint32_t>(std::stoul(bin)), i);
                const MinorUnits opening = i == kCardsPerBank ? 0 : kCardOpening;
                tell(MessageType::open_account,
                     encode(entry::AccountOpened{account,
                                                 bank.id,
                                                 {opening, currency},
                                                 i == 2 ? 5'000 : 0,
                                                 FixedText<24>(fmt::format("card {}-{}", bin, i))}),
                     true);
                tell(MessageType::issue_card, encode(bus::IssueCard{FixedText<19>(demo::pan(bin, i)), account}), true);
                tell(MessageType::set_card_pin, encode(bus::SetCardPin{FixedText<19>(demo::pan(bin, i)), FixedText<12>(on_file(bin, i))}), true);
            }
    for (std::uint32_t i = 1; i <= kTerminals; ++i)
        tell(MessageType::add_terminal,
             encode(entry::TerminalAdded{demo::terminal(i), MerchantId(demo::kMerchant), AcquirerId(demo::kAcquirer),
                                         demo::merchant_account(1)}),
             true);
    for (std::uint32_t i = kDukptFrom; i <= kTerminals; ++i) {
        const auto ksn = demo::dukpt_ksn(i);
        tell(MessageType::set_terminal_dukpt,
             encode(entry::TerminalDukptSet{demo::terminal(i), FixedText<22>(demo::kBdk),
                                            Buffer(ksn.view().begin(), ksn.view().end()), 1}),
             true);
    }
}

void Clerk::pay_in() {
    const WalletActor& wallet = *m_wallets[m_out.world.random.below(m_wallets.size())];
    if (!wallet.registered()) return;
    tell(
        MessageType::pay_in,
        encode(entry::FundsPaidIn{
            switching::wallet_account(wallet.address()), {20'000, m_out.box.config().currency}, FixedText<24>("cash")}),
        false);
}

void Clerk::close_window() {
    static_cast<void>(tell(MessageType::close_window, {}, m_out.weather.calm));
}

// As `giro approve`: the window is made anew from the journal and compared before an officer signs.
void Clerk::approve_what_waits() {
    const auto evidence = Evidence::read(m_out.box.paths().journal());
    if (!evidence || !alive()) return;
    const auto* record = evidence->book.first_unconfirmed();
    m_settled = record == nullptr && m_closed_last;
    if (record == nullptr || !record->proposal) return;
    const entry::SettlementProposed& proposal = *record->proposal;
    if (!settlement::check_settlement(proposal, evidence->windows.at(proposal.window), evidence->parties())) return;
    std::vector<std::int64_t> amounts;
    for (const auto& input : proposal.inputs) amounts.push_back(static_cast<std::int64_t>(input.amount));
    const Hash256 digest = approval::approval_digest(proposal.window, proposal.unsigned_tx, amounts);
    const auto& officers = m_out.box.config().officers;
    const std::size_t first = m_out.world.random.below(officers.size());
    for (std::size_t i = 0; i < officers.size() && alive(); ++i) {
        const auto& name = officers[(first + i) % officers.size()];
        if (std::ranges::any_of(record->approvals, [&](const auto& a) { return a.officer.view() == name; })) continue;
        const std::string& pem = m_out.box.made().officer_keys.at(name);
        Secret key(pem.size());
        std::ranges::copy(as_bytes(pem), key.writable().begin());
        const auto signature = vault::sign_approval(key, digest);
        ASSERT(signature);
        tell(MessageType::approve_settlement,
             encode(entry::SettlementApproved{proposal.window, entry::OfficerName(name), *signature}),
             m_out.weather.calm);
        if (sabotage() == Sabotage::blind_vault || m_out.world.random.one_in(3)) return;  // the others later
        sleep(m_out.world.random.below(kSecond));
    }
}

// Another table is put in its place, and applied; or only put there: then the switch's next start finds it.
void Clerk::change_routes() {
    const auto& texts = route_texts();
    const auto& text = texts[m_out.world.random.below(texts.size())];
    ASSERT(write_file_atomic(routing::routes_file(m_out.box.paths()), as_bytes(text)));
    if (m_out.world.random.one_in(4)) return;
    if (tell(MessageType::apply_routes, {}, false)) ++m_out.weather.routes_changed;
}

// Of any bank, whether it is on us or not.
void Clerk::block_or_unblock() {
    auto& random = m_out.world.random;
    if (!m_blocked.empty() && random.one_in(2)) {
        const std::string card = *m_blocked.begin();
        if (tell(MessageType::unblock_card, encode(bus::UnlockCard{FixedText<19>(card)}), true)) m_blocked.erase(card);
        return;
    }
    const std::string card = demo::pan(kBins[random.below(std::size(kBins))], static_cast<std::uint32_t>(1 + random.below(kCardsPerBank)));
    m_blocked.insert(card);
    if (tell(MessageType::block_card, encode(bus::UnlockCard{FixedText<19>(card)}), true)) ++m_out.weather.cards_blocked;
}

std::optional<bus::SafPage> Clerk::owed(bool parked_only) {
    auto client = bus::SyncClient::connect(m_out.box.paths().endpoint("switch", bus::caller::kAdmin));
    if (!client) return std::nullopt;
    bus::SafQuery query;
    query.parked = parked_only;
    const auto reply = client->call(static_cast<std::uint16_t>(MessageType::saf_list), encode(query));
    if (!reply || reply->status != bus::Status::ok) return std::nullopt;
    const auto page = decode<bus::SafPage>(reply->body);
    if (!page) return std::nullopt;
    return *page;
}

// As `giro saf`: now and then one is parked, or sent again, or settled otherwise. Once all is calm, everything that is parked is
// sent again, and must come to its end by itself.
void Clerk::look_after_owed() {
    auto& random = m_out.world.random;
    const bool calm = m_out.weather.calm;
    const auto page = owed(calm || random.one_in(2));
    if (!page || page->rows.empty()) return;
    if (calm) {
        for (const auto& row : page->rows) tell(MessageType::saf_retry, encode(bus::SafPayment{row.payment}), false);
        return;
    }
    const bus::SafRow& row = page->rows[random.below(page->rows.size())];
    if (!row.parked) {
        if (tell(MessageType::saf_park, encode(bus::SafPayment{row.payment}), false)) ++m_out.weather.parked;
    } else if (random.one_in(4)) {
        tell(MessageType::saf_close, encode(bus::SafClose{row.payment, FixedText<64>("settled by letter")}), false);
    } else {
        tell(MessageType::saf_retry, encode(bus::SafPayment{row.payment}), false);
    }
}

void Clerk::work() {
    provision();
    m_provisioned = alive();
    while (alive()) {
        sleep(m_out.weather.calm ? kSecond : 300 * kMillisecond + m_out.world.random.below(2 * kSecond));
        if (!alive()) return;
        if (m_out.weather.calm && !m_closed_last) {
            close_window();
            m_closed_last = alive();
        }
        if (m_out.weather.calm) {
            look_after_owed();
            if (alive()) approve_what_waits();
            continue;
        }
        const std::uint64_t dice = m_out.world.random.below(16);
        if (dice < 5)
            approve_what_waits();
        else if (dice < 8)
            pay_in();
        else if (dice < 10)
            close_window();
        else if (dice < 12)
            change_routes();
        else if (dice < 14)
            block_or_unblock();
        else
            look_after_owed();
    }
}

}  // namespace giro::sim
