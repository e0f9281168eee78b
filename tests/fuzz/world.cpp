#include "tests/fuzz/world.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bus/gate_messages.hpp"
#include "bus/messages.hpp"
#include "bus/record.hpp"
#include "chain/script.hpp"
#include "iso8583/chip.hpp"
#include "iso8583/pin.hpp"
#include "iso8583/request.hpp"
#include "qr/cpm.hpp"
#include "switching/accounts.hpp"
#include "switching/network.hpp"
#include "tests/gate/sample.hpp"
#include "util/archive.hpp"
#include "util/bytes.hpp"
#include "util/hash.hpp"
#include "wallet/key.hpp"

namespace giro::fuzz {

namespace {
using bus::MessageType;
using switching::Core;

constexpr std::uint64_t kNow = 1'795'363'200'000'000'000;  // of the day that the frames' DE13 says, or all of them are stale
constexpr Id128 kCustomer{0xC, 1}, kMerchant{0xD, 1};

switching::Policy policy() {
    static const auto config = config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml").value();
    return {config, {}};
}

wallet::WalletKey wallet_key() {
    CountingRandom random;
    return wallet::WalletKey::create(random);
}
const wallet::WalletKey& customer() {
    static const wallet::WalletKey key = wallet_key();
    return key;
}
wallet::SignedOrder order(wallet::Way way, std::uint64_t counter) {
    wallet::PaymentOrder o;
    o.way = way;
    o.merchant = MerchantId("M00000000000001");
    o.amount = 2372;
    o.currency = 963;
    o.expiry_unix_s = kNow / 1'000'000'000 + 60;
    o.counter = counter;
    return customer().sign(o);
}
wallet::SignedQuery query(wallet::QueryKind kind) {
    wallet::WalletQuery q;
    q.kind = kind;
    q.unix_s = kNow / 1'000'000'000;
    return customer().sign(q);
}

template <typename Message>
void append(Buffer& batch, MessageType type, const Message& message) {
    Buffer body;
    bus::encode(body, message);
    bus::append_record(batch, {static_cast<std::uint16_t>(type), bus::Status::ok, 0, body});
}
template <typename E>
void append_entry(Buffer& batch, MessageType type, const E& e) {
    bus::append_record(batch, {static_cast<std::uint16_t>(type), bus::Status::ok, 0, encode(e)});
}
template <typename Change>
void append_frame(Buffer& batch, PaymentRequest::Source source, Change change) {
    iso8583::Message m;
    gate::fill_purchase(m);
    change(m);
    const Buffer frame = gate::packed(m);
    PaymentRequest r;
    r.connection = 7;
    r.received_ns = kNow;
    r.source = source;
    r.raw = frame;
    append(batch, MessageType::payment_request, r);
}

// A stranger's purchase, one that is reversed, one by QR, one declined.
Buffer at_the_till() {
    constexpr auto kTerminal = PaymentRequest::Source::terminal;
    Buffer out;
    append_frame(out, kTerminal, [](iso8583::Message&) {});
    append_frame(out, kTerminal, [](iso8583::Message&) {});  // repeated
    append_frame(out, kTerminal, [](iso8583::Message& m) { gate::fill_reversal(m); });
    append_frame(out, kTerminal, [](iso8583::Message& m) { m.set_mti("0201"); });
    append_frame(out, kTerminal, [](iso8583::Message& m) { m.set_mti("0100"); });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        gate::fill_reversal(m);
        m.set_mti("0100");
        m.set(11, "004718");
        m.set(90, "010000471111221530000000097000200000000000");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        gate::fill_reversal(m);
        m.set_mti("0220");
        m.set(11, "004719");
        m.set(90, "010000471111221530000000097000200000000000");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        gate::fill_reversal(m);
        m.set_mti("0421");
        m.set(11, "004717");
        m.set(95, "000000000100000000000000C00000000C00000000");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        m.set(11, "004712");
        m.set(4, "000000000000");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        m.set(11, "004713");
        m.remove(2);
        m.set(63, qr::encode_cpm({owned(Bytes(wallet::encode_order(order(wallet::Way::shown, 50))))}).value());
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        gate::fill_reversal(m);
        m.set(11, "004714");
        m.set(90, "020000999911221530000000097000200000000000");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        gate::fill_echo(m);
        m.set(70, "161");
    });
    for (const char* code : {"201", "002", "001"})
        append_frame(out, kTerminal, [code](iso8583::Message& m) {
            gate::fill_echo(m);
            m.set(7, code == std::string_view("201") ? "1122153001" : code == std::string_view("002") ? "1122153002" : "1122153003");
            m.set(70, std::string_view(code));
        });
    for (const char* original : {"0200004711", "0200008888", "0220008889"})
        append_frame(out, kTerminal, [original](iso8583::Message& m) {
            gate::fill_reversal(m);
            m.set_mti("0320");
            m.set(11, "00" + std::string(original).substr(6));
            m.set(90, original + std::string("11221530000000097000200000000000"));
        });
    append_frame(out, kTerminal, [](iso8583::Message& m) { gate::fill_reconciliation(m); });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        gate::fill_reconciliation(m);
        m.set_mti("0520");
        m.set(11, "000098");
        m.set(76, "0000000001");
    });
    for (const char* said : {"00", "01", "02", "03"})
        append_frame(out, kTerminal, [said](iso8583::Message& m) {
            m.set(11, std::string("0049") + said);
            m.set(52, Buffer(8, static_cast<std::byte>(said[1] - '0')));
        });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        m.set(11, "004715");
        m.set(42, "M00000000000009");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        m.set(11, "004716");
        m.set(2, "4111111111111111");
    });
    // By chip: good, wrong, over another amount, without its data; an offline sale with its certificate; by stripe.
    const auto chip = [](std::string_view amount, std::string_view last, std::string_view type = "80") {
        return *from_hex(fmt::format("9f0206{}9f1a02075695050000000000" "5f2a0209639a032611239c01009f3704000000009f3602000a82021800"
                                     "9f100706010a03{}00009f260800000000000000{}9f2701{}", amount,
                                     type == "40" ? "90" : "a0", last, type));
    };
    std::uint32_t stan = 4'730;
    for (const auto& field : {chip("000000002372", "00"), chip("000000002372", "01"), chip("000000002371", "00"), Buffer()})
        append_frame(out, kTerminal, [&](iso8583::Message& m) {
            m.set_number(11, stan++, 6);
            m.set(22, "051");
            if (!field.empty()) m.set(55, field);
        });
    append_frame(out, kTerminal, [&](iso8583::Message& m) {
        m.set_mti("0220");
        m.set_number(11, stan++, 6);
        m.set(22, "051");
        m.set(55, chip("000000002372", "01", "40"));
    });
    append_frame(out, kTerminal, [&](iso8583::Message& m) {
        m.set_number(11, stan++, 6);
        m.set(22, "901");
        m.set(35, "9700010000000018=49122010000012399");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {  // held still when the day is over
        m.set_mti("0100");
        m.set(11, "004720");
    });
    return out;
}
// Sent to an issuer's host: one answered, one reversed before, one given up.
Buffer over_the_link() {
    constexpr auto kTerminal = PaymentRequest::Source::terminal;
    constexpr auto kLink = PaymentRequest::Source::link;
    Buffer out;
    append(out, MessageType::link_state, bus::LinkState{0, 1});
    for (const char* stan : {"005001", "005002", "005003"}) {
        iso8583::Message m;
        gate::fill_purchase(m);
        m.set(2, policy().config.links.at(0).bins.at(0) + "0000000018");
        m.set(11, std::string_view(stan));
        const Buffer frame = gate::packed(m);
        PaymentRequest r;
        r.received_ns = kNow;
        r.raw = frame;
        append(out, MessageType::payment_request, r);
    }
    append_frame(out, kLink, [](iso8583::Message& m) {
        m.set_mti("0210");
        m.set(11, "000001");
        m.set(38, "A12345");
        m.set(39, "00");
    });
    append_frame(out, kTerminal, [](iso8583::Message& m) {
        gate::fill_reversal(m);
        m.set(11, "005004");
        m.set(90, "020000500211221530000000097000200000000000");
    });
    append_frame(out, kLink, [](iso8583::Message& m) {
        m.set_mti("0410");
        m.set(11, "000002");
        m.set(39, "00");
    });
    append(out, MessageType::link_state, bus::LinkState{0, 0});
    return out;
}
Buffer from_wallets() {
    Buffer out;
    const auto say = [&](bus::WalletRequest::Kind kind, Bytes body) {
        append(out, MessageType::wallet_request, bus::WalletRequest{9, kind, body});
    };
    const auto registration = wallet::encode_query(query(wallet::QueryKind::register_wallet));
    const auto balance = wallet::encode_query(query(wallet::QueryKind::balance));
    say(bus::WalletRequest::Kind::query, registration);
    entry::FundsPaidIn paid{switching::wallet_account(wallet::pubkey_hash(customer().pubkey())), {10'000, 963}, {}};
    append_entry(out, MessageType::pay_in, paid);
    const auto first = wallet::encode_order(order(wallet::Way::sent, 7));
    say(bus::WalletRequest::Kind::order, first);
    say(bus::WalletRequest::Kind::order, first);
    say(bus::WalletRequest::Kind::query, balance);
    return out;
}
Buffer from_staff() {
    Buffer out;
    append_entry(out, MessageType::open_account, entry::AccountOpened{{0xC, 9}, 1, {100, 963}, 0, {}});
    append_entry(out, MessageType::issue_card,
                 entry::CardIssued{{{std::byte{5}}, FixedText<10>("9700010005"), Buffer(48)}, {0xC, 9}});
    append_entry(out, MessageType::set_card_pin, entry::CardPinSet{{std::byte{1}}, FixedText<10>("9700010018"), FixedText<12>("4711")});
    append_entry(out, MessageType::unlock_card, entry::CardUnlocked{{std::byte{1}}, FixedText<10>("9700010018")});
    append_entry(
        out, MessageType::add_terminal,
        entry::TerminalAdded{TerminalId("T0000002"), MerchantId("M00000000000001"), AcquirerId("970002"), kMerchant});
    append_entry(out, MessageType::open_participant,
                 entry::ParticipantOpened{9, entry::ParticipantName("new"), {1000, 963}, Buffer(34)});
    bus::append_record(out, {static_cast<std::uint16_t>(MessageType::close_window), bus::Status::ok, 0, {}});
    entry::SettlementProposed proposed;
    proposed.window = 1;
    proposed.unsigned_tx = Buffer(60);
    proposed.net = {{1, 0}, {2, 0}, {3, 0}};
    append_entry(out, MessageType::propose_settlement, proposed);
    append_entry(out, MessageType::approve_settlement,
                 entry::SettlementApproved{1, entry::OfficerName("alice"), Buffer(384)});
    append_entry(out, MessageType::confirm_settlement, entry::SettlementConfirmed{1, {}, 7, {}});
    return out;
}

SmallBox made() {
    switching::State state;
    std::vector<switching::PendingEntry> journal;
    const auto add = [&](entry::Kind kind, const auto& e) {
        Buffer body = encode(e);
        ASSERT(state.apply(kind, body));
        journal.push_back({kind, std::move(body)});
    };
    const config::Config config = policy().config;
    for (const auto& p : config.participants)
        add(entry::Kind::participant_opened,
            entry::ParticipantOpened{
                p.id, entry::ParticipantName(p.name), {p.backing, config.currency}, Buffer(34, std::byte{1})});
    add(entry::Kind::account_opened, entry::AccountOpened{kMerchant, 2, {0, config.currency}, 0, {}});
    add(entry::Kind::account_opened, entry::AccountOpened{kCustomer, 1, {100'000, config.currency}, 0, {}});
    add(entry::Kind::terminal_added,
        entry::TerminalAdded{TerminalId("T0000001"), MerchantId("M00000000000001"), AcquirerId("970002"), kMerchant});
    add(entry::Kind::card_issued,
        entry::CardIssued{{{std::byte{1}}, FixedText<10>("9700010018"), Buffer(48, std::byte{1})}, kCustomer});
    add(entry::Kind::card_pin_set, entry::CardPinSet{{std::byte{1}}, FixedText<10>("9700010018"), FixedText<12>("1234")});
    return SmallBox(std::move(state), std::move(journal));
}
}  // namespace

ledger::Ledger ledger_with_everything() {
    using namespace ledger;
    Ledger out;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        Account a;
        a.id = {1, id};
        a.currency = 963;
        if (id == 2) a.flags = kDebitsMustNotExceedCredits, a.overdraft = 1'000;
        ASSERT(out.open_account(a) == AccountResult::ok);
    }
    auto move = [&, n = std::uint64_t{0}](std::uint16_t flags, std::uint64_t pending, MinorUnits amount,
                                          std::uint32_t timeout = 0) mutable {
        Transfer t;
        t.id = {2, ++n};
        t.flags = flags;
        t.amount = amount;
        t.timeout_s = timeout;
        t.timestamp_ns = kNow;
        if (pending != 0)
            t.pending_id = {2, pending};
        else
            t.debit_account = {1, 1}, t.credit_account = {1, 2}, t.currency = 963;
        ASSERT(out.apply(t) == TransferResult::ok);
    };
    move(0, 0, 500);
    move(kPending, 0, 100);
    move(kPostPending, 2, 60);
    move(kPending, 0, 70);
    move(kVoidPending, 4, 70);
    move(kPending, 0, 30, 1);
    move(kPending, 0, 40, 100'000);
    ASSERT(out.expire(kNow + 10'000'000'000).size() == 1);
    ASSERT(out.set_flags({1, 3}, kFrozen | kClosed) == AccountResult::ok);
    return out;
}

Hash256 snapshot_digest(Bytes snapshot) {
    constexpr std::size_t kHeader = 32, kAccount = 68, kCarried = 16;
    Reader in(snapshot);
    static_cast<void>(in.take(8));
    const std::uint64_t accounts = in.u64();
    if (!in.ok() || snapshot.size() < kHeader || accounts > (snapshot.size() - kHeader) / (kAccount + kCarried))
        return sha256(snapshot);
    Buffer parts = owned(snapshot.first(kHeader));
    const std::size_t carried_at = kHeader + accounts * kAccount;
    const Bytes runs[] = {snapshot.subspan(kHeader, accounts * kAccount), snapshot.subspan(carried_at, accounts * kCarried),
                          snapshot.subspan(carried_at + accounts * kCarried)};
    for (const Bytes run : runs)
        if (!run.empty()) Writer(parts).bytes(sha256(run));
    return sha256(parts);
}

SmallBox::SmallBox(switching::State loaded, std::vector<switching::PendingEntry> entries)
    : state(std::move(loaded)),
      journal(std::move(entries)),
      m_frames(gate::dialect()),
      m_core(state, policy(), m_random, [this](std::uint64_t seq) -> std::optional<entry::Payment> {
          if (seq == 0 || seq > journal.size() || journal[seq - 1].kind != entry::Kind::payment) return std::nullopt;
          return decode<entry::Payment>(journal[seq - 1].body);
      }) {}

switching::State SmallBox::state_copy() const {
    Buffer out;
    state.save(out);
    return switching::State::load(out).value();
}

Seeds SmallBox::requests() const {
    return {at_the_till(), over_the_link(), from_wallets(), from_staff()};
}

void SmallBox::serve(Bytes batch) {
    bus::RecordReader reader(batch);
    while (const auto record = reader.next()) {
        switch (static_cast<MessageType>(record->type)) {
            case MessageType::payment_request:
                payment(record->body);
                break;
            case MessageType::wallet_request:
                wallet(record->body);
                break;
            case MessageType::link_state:
                if (const auto link = bus::decode_link_state(record->body)) m_core.link_state(link->link, link->connections != 0);
                break;
            default:
                command(record->type, record->body);
        }
        for (auto& e : m_core.take_entries()) journal.push_back(std::move(e));
    }
    static_cast<void>(m_core.expire(kNow + 3'600'000'000'000));
    for (auto& e : m_core.take_entries()) journal.push_back(std::move(e));
}

// As the switch's pipeline: every field is read again from the frame.
void SmallBox::payment(Bytes body) {
    auto request = bus::decode_payment_request(body);
    if (!request || !iso8583::unpack(gate::dialect(), request->raw, m_message) ||
        !iso8583::to_request(gate::dialect(), request->raw, m_message, *request))
        return;
    if (request->source == PaymentRequest::Source::terminal) return from_terminal(*request);
    if (request->mti == 0x0210) static_cast<void>(m_core.link_answer(*request, kNow));
    if (request->mti == 0x0410) static_cast<void>(m_core.link_reversal_answer(*request));
}

// The vault's word is the block's own first byte.
switching::PinCheck SmallBox::check_pin(const PaymentRequest& r, const entry::SealedPan* pan) const {
    using switching::PinCheck, switching::PinQuestion;
    const iso8583::PinBlock block = iso8583::pin_block_of(gate::dialect(), m_message);
    if (!block.present || m_core.knows(r)) return PinCheck::none;
    const PinQuestion question = m_core.ask_pin(r, pan, kNow);
    if (question.kind == PinQuestion::Kind::none) return PinCheck::none;
    ASSERT(question.kind != PinQuestion::Kind::verify || (question.card != nullptr && question.product != nullptr));
    ASSERT(question.kind != PinQuestion::Kind::translate || question.link != nullptr);
    if (question.kind == PinQuestion::Kind::unusable || block.size == 0) return PinCheck::unusable;
    constexpr PinCheck kSaid[] = {PinCheck::good, PinCheck::wrong, PinCheck::locked, PinCheck::unusable};
    return kSaid[std::to_integer<unsigned>(block.bytes[0]) % std::size(kSaid)];
}

// The vault's word is the cryptogram's, or the value's, last byte.
switching::CardChecks SmallBox::check_card(const PaymentRequest& r, const entry::SealedPan* pan) {
    using switching::ChipCheck, switching::CvvCheck;
    m_shown.chip = iso8583::chip_data_of(gate::dialect(), m_message);
    m_shown.entry = iso8583::card_entry_of(gate::dialect(), m_message);
    const auto track = iso8583::track2_of(m_message);
    m_shown.verification_value = track.state != iso8583::Track2::State::absent;
    switching::CardChecks checks = check_pin(r, pan);
    checks.shown = &m_shown;
    const auto question = m_core.ask_card(r, m_shown, pan);
    ASSERT(question.product != nullptr || (question.chip == ChipCheck::none && !question.cvv));
    ASSERT(question.chip != ChipCheck::to_ask || (m_shown.chip.amount == r.amount && m_shown.chip.currency == r.currency));
    constexpr ChipCheck kSaid[] = {ChipCheck::good, ChipCheck::wrong, ChipCheck::used, ChipCheck::unusable};
    const auto last = std::to_integer<unsigned>(m_shown.chip.cryptogram.back());
    checks.chip = question.chip == ChipCheck::to_ask ? kSaid[last % std::size(kSaid)] : question.chip;
    if (question.cvv) checks.cvv = track.expiry.view() == "4912" ? CvvCheck::good : CvvCheck::wrong;
    return checks;
}

void SmallBox::from_terminal(const PaymentRequest& r) {
    if (state.terminal(r.terminal) == nullptr) return;
    switching::Answer answer;
    const Mti mti = without_repeat(r.mti);
    const entry::SealedPan sealed{{std::byte{1}}, FixedText<10>("9700010018"), Buffer(48, std::byte{1})};
    const entry::SealedPan* pan = r.pan.empty() ? nullptr : &sealed;
    static_cast<void>(m_core.key_expired(r.terminal, kNow));
    static_cast<void>(m_core.takes_previous_key(r.terminal, kNow));
    const switching::CardChecks checks = check_card(r, pan);
    if (mti == 0x0200) {
        answer = m_core.purchase(r, pan, kNow, checks);
    } else if (mti == 0x0100) {
        answer = m_core.authorisation(r, pan, kNow, checks);
    } else if (mti == 0x0220) {
        answer = m_core.completion(r, pan, kNow, checks);
    } else if (mti == 0x0320) {
        answer = m_core.upload(r, pan, kNow);
    } else if (mti == 0x0400 || mti == 0x0420) {
        answer = m_core.reversal(r, kNow);
    } else if (mti == 0x0500 || mti == 0x0520) {
        const auto claim = m_frames.claim(r, m_core.currency_of(r.terminal));
        const auto balanced = claim ? m_core.reconcile(r, *claim, kNow) : Core::Balanced{};
        static_cast<void>(m_frames.answer(r, {balanced.code, {}, {}, balanced.counted}, true));
    } else if (mti == 0x0800 && (r.network_code == switching::kSignOn || r.network_code == switching::kSignOff)) {
        answer.code = m_core.sign(r, kNow);
    } else if (mti == 0x0800 && r.network_code == switching::kCutOver) {
        answer.code = m_core.cut_over(r, kNow);
    } else if (r.mti == 0x0800 && m_core.key_exchange(r, kNow) == Core::KeyExchange::fresh) {
        m_core.session_key(r, {std::byte{1}}, {}, kNow);
    }
    if (answer.action == switching::Answer::Action::forward) {
        const auto payment = decode<entry::Payment>(state.outstanding(answer.payment) != nullptr
                                                        ? encode(state.outstanding(answer.payment)->payment)
                                                        : Buffer());
        ASSERT(payment);
        const Buffer zone_block = checks.pin == switching::PinCheck::good ? Buffer(8, std::byte{0xcd}) : Buffer();
        static_cast<void>(m_frames.link_request(r, *payment, gate::dialect(), zone_block));
        static_cast<void>(m_frames.link_reversal(*payment, r.replacement, r.pan));
    }
    static_cast<void>(m_frames.answer(r, {answer.code, answer.auth_code, "more"}, true));
}

void SmallBox::wallet(Bytes body) {
    const auto request = bus::decode_wallet_request(body);
    if (!request) return;
    if (request->kind == bus::WalletRequest::Kind::order)
        static_cast<void>(m_core.wallet_order(request->body, kNow));
    else
        static_cast<void>(m_core.wallet_query(request->body, kNow));
}

void SmallBox::command(std::uint16_t type, Bytes body) {
    const auto change = [&]<typename E>(switching::Done (Core::*method)(const E&)) {
        if (const auto e = decode<E>(body)) static_cast<void>((m_core.*method)(*e));
    };
    switch (static_cast<MessageType>(type)) {
        case MessageType::open_participant:
            return change(&Core::open_participant);
        case MessageType::open_account:
            return change(&Core::open_account);
        case MessageType::issue_card:
            return change(&Core::issue_card);
        case MessageType::set_card_pin:
            return change(&Core::set_card_pin);
        case MessageType::unlock_card:
            return change(&Core::unlock_card);
        case MessageType::add_terminal:
            return change(&Core::add_terminal);
        case MessageType::pay_in:
            return change(&Core::pay_in);
        case MessageType::close_window:
            static_cast<void>(m_core.close_window(kNow));
            return;
        case MessageType::propose_settlement:
            return change(&Core::propose_settlement);
        case MessageType::approve_settlement:
            return change(&Core::approve_settlement);
        case MessageType::confirm_settlement:
            return change(&Core::confirm_settlement);
        default:
            return;
    }
}

const SmallBox& box() {
    static const SmallBox start = made();
    return start;
}

}  // namespace giro::fuzz
