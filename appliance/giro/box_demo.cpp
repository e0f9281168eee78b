// giro demo provision: banks, accounts, cards and terminals of the demo, as entries of the running switch's journal; and
// giro bank pay-in. What the journal holds already is not sent again, so it may be run as often as one likes.
// Hostile: nothing; it is the operator's own tool. The demo's card numbers are made by rule (demo.hpp) and are no secret.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "appliance/giro/box.hpp"
#include "appliance/giro/demo.hpp"
#include "appliance/giro/demo_keys.hpp"
#include "appliance/giro/journal.hpp"
#include "appliance/giro/pin_key.hpp"
#include "appliance/giro/switch_client.hpp"
#include "bus/admin_messages.hpp"
#include "chain/address.hpp"
#include "entry/entry.hpp"
#include "payment/pin_device.hpp"
#include "switching/accounts.hpp"
#include "util/archive.hpp"
#include "vault/bundle.hpp"

namespace giro::cli {

namespace {
using bus::MessageType;
using Kind = Failure::Kind;
constexpr std::size_t kProgressEvery = 100;  // commands

// What the journal has of the demo.
struct Present {
    std::set<entry::ParticipantId> participants;
    std::set<Id128> accounts;
    std::set<Id128> card_accounts;
    std::size_t pins = 0;
    std::set<std::string> terminals, dukpt_terminals;
};

template <typename Entry>
Result<Entry> decode_entry(const journal::Entry& e) {
    auto entry = decode<Entry>(e.body);
    if (!entry) return fail(Kind::integrity, fmt::format("journal entry {} does not decode", e.seq));
    return *entry;
}

Result<Present> read_present(const config::Paths& paths) {
    Present present;
    const auto note = [&](const journal::Entry& e) -> Result<void> {
        switch (static_cast<entry::Kind>(e.kind)) {
            case entry::Kind::participant_opened:
                return decode_entry<entry::ParticipantOpened>(e).map([&](const auto& p) { present.participants.insert(p.id); });
            case entry::Kind::account_opened:
                return decode_entry<entry::AccountOpened>(e).map([&](const auto& a) { present.accounts.insert(a.id); });
            case entry::Kind::card_issued:
                return decode_entry<entry::CardIssued>(e).map([&](const auto& c) { present.card_accounts.insert(c.account); });
            case entry::Kind::card_pin_set: ++present.pins; return {};
            case entry::Kind::terminal_added:
                return decode_entry<entry::TerminalAdded>(e).map([&](const auto& t) { present.terminals.insert(t.terminal.str()); });
            case entry::Kind::terminal_dukpt_set:
                return decode_entry<entry::TerminalDukptSet>(e).map([&](const auto& t) { present.dukpt_terminals.insert(t.terminal.str()); });
            default: return {};
        }
    };
    if (auto read = scan_journal(paths, note); !read) return tl::unexpected(read.error());
    return present;
}

// The switch, and how many commands it has taken.
class Switch {
  public:
    [[nodiscard]] static Result<Switch> connect(const config::Paths& paths) {
        return SwitchClient::connect(paths).map([](SwitchClient&& client) { return Switch(std::move(client)); });
    }
    template <typename Body>
    Result<void> send(MessageType type, const Body& body) {
        if (auto told = m_client.tell(type, encode(body)); !told) return tl::unexpected(told.error());
        if (++m_sent % kProgressEvery == 0) progress(fmt::format("{} commands journalled", m_sent));
        return {};
    }
    [[nodiscard]] std::size_t sent() const noexcept { return m_sent; }

  private:
    explicit Switch(SwitchClient client) : m_client(std::move(client)) {}
    SwitchClient m_client;
    std::size_t m_sent = 0;
};

Result<void> open_participants(Switch& box, const config::Config& config, const vault::Bundle& bundle, const Present& present) {
    for (const auto& p : config.participants) {
        if (present.participants.contains(p.id)) continue;
        const auto keys = std::ranges::find(bundle.participants, p.id, &vault::Bundle::Participant::id);
        if (keys == bundle.participants.end())
            return fail(Kind::config, fmt::format("participant {} has no settlement keys in pub/bundle.json; run giro init", p.id));
        const entry::ParticipantOpened opened{p.id, entry::ParticipantName(p.name), {p.backing, config.currency}, keys->settlement.script};
        if (auto done = box.send(MessageType::open_participant, opened); !done) return done;
    }
    return {};
}

Result<void> open_account(Switch& box, const Present& present, const entry::AccountOpened& account) {
    if (present.accounts.contains(account.id)) return {};
    return box.send(MessageType::open_account, account);
}

Result<void> issue_cards(Switch& box, const config::Config& config, const config::Participant& bank, const std::string& bin, const Present& present) {
    const auto bin_number = static_cast<std::uint32_t>(std::stoul(bin));
    for (std::uint32_t i = 1; i <= demo::kCardsPerBin; ++i) {
        const Id128 account = demo::card_account(bin_number, i);
        const MinorUnits opening = i == demo::kCardsPerBin ? 0 : demo::kCardOpening;  // the last one has nothing to spend
        if (auto done = open_account(box, present, {account, bank.id, {opening, config.currency}, 0, FixedText<24>(fmt::format("card {}-{}", bin, i))}); !done)
            return done;
        if (present.card_accounts.contains(account)) continue;
        if (auto done = box.send(MessageType::issue_card, bus::IssueCard{FixedText<19>(demo::pan(bin, i)), account}); !done) return done;
    }
    return {};
}

Result<void> add_terminals(Switch& box, const Present& present, std::uint32_t terminals) {
    for (std::uint32_t i = 1; i <= terminals; ++i) {
        const entry::TerminalAdded terminal{demo::terminal(i), MerchantId(demo::kMerchant), AcquirerId(demo::kAcquirer), demo::merchant_account(1)};
        if (present.terminals.contains(terminal.terminal.str())) continue;
        if (auto done = box.send(MessageType::add_terminal, terminal); !done) return done;
    }
    return {};
}

Result<void> add_dukpt_terminals(Switch& box, const Present& present) {
    for (std::uint32_t i = 1; i <= demo::kDukptTerminals; ++i) {
        const TerminalId id = demo::dukpt_terminal(i);
        if (!present.terminals.contains(id.str())) {
            const entry::TerminalAdded terminal{id, MerchantId(demo::kMerchant), AcquirerId(demo::kAcquirer), demo::merchant_account(1)};
            if (auto done = box.send(MessageType::add_terminal, terminal); !done) return done;
        }
        if (present.dukpt_terminals.contains(id.str())) continue;
        const auto ksn = demo::dukpt_ksn(i);
        const demo::DukptKind& kind = demo::dukpt_kind(i);
        const entry::TerminalDukptSet dukpt{id, FixedText<22>(kind.bdk), Buffer(ksn.view().begin(), ksn.view().end()), kind.mac};
        if (auto done = box.send(MessageType::set_terminal_dukpt, dukpt); !done) return done;
    }
    return {};
}

// What each card's PIN, which is made by rule, is verified by; of products whose key the demo has made. All of them or none: an
// interrupted run does it over.
Result<void> set_pins(Switch& box, const config::Paths& paths, const config::Config& config, const Present& present) {
    std::vector<config::CardProduct> products;
    std::ranges::copy_if(config.card_products, std::back_inserter(products),
                         [&](const auto& p) { return std::filesystem::exists(demo::pin_key_file(paths.demo(), p.pvk)); });
    std::size_t cards = 0;
    for (const auto& product : products) cards += product.bins.size() * demo::kCardsPerBin;
    if (present.pins >= cards) return {};
    for (const auto& product : products) {
        const auto key = pos::load_pin_key(paths.demo(), product.pvk);
        if (!key) return tl::unexpected(key.error());
        payment::Ibm3624Rule rule{{}, product.first, product.count, product.pad};
        for (const std::byte digit : product.table) rule.table += static_cast<char>('0' + std::to_integer<int>(digit));
        for (const auto& bin : product.bins)
            for (std::uint32_t i = 1; i <= demo::kCardsPerBin; ++i) {
                const auto pan = Pan::parse(demo::pan(bin, i));
                ASSERT(pan);
                const std::string on_file = product.pin == config::PinMethod::visa_pvv
                                                ? payment::visa_pvv(*key, product.pvki, demo::pin(bin, i), *pan)
                                                : payment::ibm_offset(*key, rule, demo::pin(bin, i), *pan);
                const bus::SetCardPin message{FixedText<19>(pan->reveal()), FixedText<12>(on_file)};
                if (auto done = box.send(MessageType::set_card_pin, message); !done) return done;
            }
    }
    return {};
}

Result<void> provision(Switch& box, const config::Config& config, const vault::Bundle& bundle, const Present& present, std::uint32_t terminals) {
    if (auto done = open_participants(box, config, bundle, present); !done) return done;
    const entry::AccountOpened merchant{demo::merchant_account(1), demo::kMerchantParticipant, {0, config.currency}, 0, FixedText<24>("merchant 1")};
    if (auto done = open_account(box, present, merchant); !done) return done;
    for (const auto& bank : config.participants)
        for (const auto& bin : bank.bins)
            if (auto done = issue_cards(box, config, bank, bin, present); !done) return done;
    if (auto done = add_terminals(box, present, terminals); !done) return done;
    return add_dukpt_terminals(box, present);
}

// A wallet's address is bech32 of its key's hash (BIP 141 P2WPKH): 0014 and 20 bytes.
Result<Id128> account_of_wallet(const std::string& address) {
    const auto script = chain::decode_address(address);
    if (!script || script->size() != 22) return fail(Kind::config, fmt::format("'{}' is not a wallet's address", address));
    Hash160 hash;
    std::copy(script->begin() + 2, script->end(), hash.begin());
    return switching::wallet_account(hash);
}

Result<Id128> account_from(const Args& args) {
    if (args.given("--wallet")) return account_of_wallet(args.text("--wallet"));
    const auto bytes = array_from_hex<16>(args.text("--account"));
    if (!bytes) return fail(Kind::config, "give --wallet ADDRESS or --account with 32 hexadecimal digits");
    return Id128{load_be<std::uint64_t>(bytes->data()), load_be<std::uint64_t>(bytes->data() + 8)};
}
}  // namespace

Result<void> provision_demo(const Args& args) {
    const auto config = config::load(args.paths().config_file());
    if (!config) return tl::unexpected(config.error());
    const auto bundle = vault::load_bundle(args.paths().pub() / "bundle.json");
    if (!bundle) return tl::unexpected(bundle.error());
    const auto present = read_present(args.paths());
    if (!present) return tl::unexpected(present.error());
    auto box = Switch::connect(args.paths());
    if (!box) return tl::unexpected(box.error());
    const std::uint32_t terminals = demo::terminals_with_key(args.paths().demo());
    const auto keys = provision_demo_keys(args.paths(), *config);
    if (!keys) return tl::unexpected(keys.error());
    if (auto done = provision(*box, *config, *bundle, *present, terminals); !done) return done;
    if (auto done = set_pins(*box, args.paths(), *config, *present); !done) return done;
    const std::size_t commands = box->sent() + *keys;
    if (args.json()) fmt::print("{{\"ok\":true,\"commands\":{}}}\n", commands);
    else
        fmt::print("demo: {} terminals and {} with DUKPT keys, {} cards for each BIN; {} commands were new\n", terminals,
                   demo::kDukptTerminals, demo::kCardsPerBin, commands);
    return {};
}

Result<void> pay_in(const Args& args) {
    const auto config = config::load(args.paths().config_file());
    if (!config) return tl::unexpected(config.error());
    const auto account = account_from(args);
    if (!account) return tl::unexpected(account.error());
    if (args.number("--amount") <= 0 || args.number("--amount") > kAmountMax) return fail(Kind::config, "--amount must be minor units, more than 0");
    auto box = Switch::connect(args.paths());
    if (!box) return tl::unexpected(box.error());
    const entry::FundsPaidIn paid{*account, {args.number("--amount"), config->currency}, FixedText<24>(args.text("--reference"))};
    if (auto done = box->send(MessageType::pay_in, paid); !done) return done;
    if (args.json()) fmt::print("{{\"ok\":true,\"amount\":{}}}\n", args.number("--amount"));
    else fmt::print("paid in: {} minor units\n", args.number("--amount"));
    return {};
}

}  // namespace giro::cli
