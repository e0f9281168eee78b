// giro-switch's pipeline between a vault and a gate that do what the test says (doubles on the real bus), over the real
// core and a real journal. For the tests of this folder.
#pragma once

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <map>

#include "appliance/giro-switch/pipeline.hpp"
#include "appliance/giro/terminal_message.hpp"
#include "bus/messages.hpp"
#include "iso8583/canonical.hpp"
#include "iso8583/chip.hpp"
#include "iso8583/request.hpp"
#include "payment/chip_card.hpp"
#include "tests/net/fixture.hpp"
#include "tests/switching/fixture.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"

namespace giro::appliance {

using bus::MessageType;
using bus::Status;

class TempFolder {
  public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-switch-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        m_path = name;
        for (const char* sub : {"run", "switch"}) std::filesystem::create_directories(m_path / sub);
    }
    ~TempFolder() { std::filesystem::remove_all(m_path); }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

  private:
    std::filesystem::path m_path;
};

// Every MAC is good, every PAN is card 1; or as `status` says. While it holds, requests wait for release().
class FakeVault {
  public:
    FakeVault(bus::Loop& loop, bus::Context& context, const std::filesystem::path& path) {
        bus::Handlers handlers;
        handlers.record = [this](bus::PeerId peer, const bus::Record& r) {
            const Held request{peer, r.type, r.correlation, Buffer(r.body.begin(), r.body.end())};
            if (holds) return held.push_back(request);
            answer(request);
        };
        auto bound = bus::Server::bind(loop, context, path, std::move(handlers));
        REQUIRE(bound.has_value());
        m_server = std::move(*bound);
    }
    struct Held {
        bus::PeerId peer;
        std::uint16_t type;
        std::uint64_t correlation;
        Buffer body;
    };
    std::vector<Held> held;
    bool holds = false;
    Status status = Status::ok;
    bool macs_good = true;
    bool reveals = false;  // else no card number is given back
    int good_under = -1;  // the first byte of the only nonce whose key finds MACs good; -1: any
    vault::DukptVerdict ksn_verdict = vault::DukptVerdict::good;
    std::vector<std::string> ksns, answered_ksns;  // of the checks and MACs that were asked for
    std::vector<int> link_checks, link_macs;       // of links: the first byte of the nonce of the key
    int nonces = 0;                                // that were given out: 1, 2, ...
    std::vector<std::uint16_t> asked;  // types, in order
    vault::PinVerdict pin_verdict = vault::PinVerdict::good;
    std::vector<std::string> pins;  // that were asked about: how, under which key and KSN
    vault::ArqcVerdict arqc_verdict = vault::ArqcVerdict::good;
    std::vector<std::string> chips;  // under which key, with which CVN, sequence number, use
    bool values_good = true;
    std::vector<std::string> values;  // card verification values: under which key, expiry, service code, value

    void release(std::size_t index) {
        const Held request = held.at(index);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
        answer(request);
    }

  private:
    void answer(const Held& request) {
        asked.push_back(request.type);
        Buffer body;
        if (status == Status::ok) encode_reply(request, body);
        m_server->send(request.peer, {request.type, status, request.correlation, body});
    }
    void encode_reply(const Held& request, Buffer& body) {
        switch (static_cast<MessageType>(request.type)) {
            case MessageType::vault_new_session_key:
                {
                    const auto asked_for = *vault::decode<vault::NewSessionKey::Request>(request.body);
                    const bool again = asked_for.of != vault::Nonce{};
                    const vault::Nonce nonce = again ? asked_for.of : vault::Nonce{static_cast<std::byte>(++nonces)};
                    const vault::Kcv aes{std::byte{0xae}, nonce[0]}, tdes{std::byte{0xde}, nonce[0]};
                    return vault::encode(body, vault::NewSessionKey::Reply{nonce, {}, aes, tdes});
                }
            case MessageType::vault_mac_verify: {
                const auto asked_for = *vault::decode<vault::MacVerify::Request>(request.body);
                note_links(asked_for.items, link_checks);
                vault::MacVerify::Reply reply;
                for (const auto& item : asked_for.items)
                    reply.good.push_back(macs_good && (good_under < 0 || item.nonce[0] == static_cast<std::byte>(good_under)));
                return vault::encode(body, reply);
            }
            case MessageType::vault_mac_generate:
                note_links(vault::decode<vault::MacGenerate::Request>(request.body)->items, link_macs);
                return vault::encode(body,
                                     vault::MacGenerate::Reply{std::vector<vault::Mac8>(
                                         vault::decode<vault::MacGenerate::Request>(request.body)->items.size())});
            case MessageType::vault_dukpt_verify: {
                const auto asked_for = *vault::decode<vault::DukptVerify::Request>(request.body);
                for (const auto& item : asked_for.items) ksns.push_back(std::string(item.bdk.view()) + " " + to_hex(item.ksn));
                return vault::encode(body, vault::DukptVerify::Reply{
                                               std::vector<vault::DukptVerdict>(asked_for.items.size(), ksn_verdict)});
            }
            case MessageType::vault_dukpt_mac: {
                const auto asked_for = *vault::decode<vault::DukptMac::Request>(request.body);
                for (const auto& item : asked_for.items) answered_ksns.push_back(to_hex(item.ksn));
                return vault::encode(body, vault::DukptMac::Reply{std::vector<vault::DukptMac::Result>(
                                               asked_for.items.size(), {ksn_verdict != vault::DukptVerdict::repeated, {}})});
            }
            case MessageType::vault_pin_verify: {
                const auto asked_for = *vault::decode<vault::PinVerify::Request>(request.body);
                for (const auto& item : asked_for.items)
                    pins.push_back(fmt::format("verify by {} {} format {} {} {}", item.pvk.view(), text_of(item.on_file),
                                               static_cast<int>(item.pin.format), key_of(item.pin), to_hex(item.pin.block)));
                return vault::encode(body, vault::PinVerify::Reply{std::vector<vault::PinVerify::Result>(
                                               asked_for.items.size(), {pin_verdict, 1})});
            }
            case MessageType::vault_pin_translate: {
                const auto asked_for = *vault::decode<vault::PinTranslate::Request>(request.body);
                for (const auto& item : asked_for.items)
                    pins.push_back(fmt::format("translate to {} format {}", item.to_key.view(), static_cast<int>(item.to)));
                const bool good = pin_verdict == vault::PinVerdict::good;
                return vault::encode(body, vault::PinTranslate::Reply{std::vector<Buffer>(
                                               asked_for.items.size(), good ? Buffer(8, std::byte{0xcd}) : Buffer())});
            }
            case MessageType::vault_arqc_verify: {
                const auto asked_for = *vault::decode<vault::ArqcVerify::Request>(request.body);
                for (const auto& item : asked_for.items)
                    chips.push_back(fmt::format("{} cvn {} psn {} use {} codes {} {} csu {} {}", item.key.view(), item.cvn, item.psn,
                                                static_cast<int>(item.use), to_hex(item.code_approved), to_hex(item.code_declined),
                                                to_hex(item.csu_approved), to_hex(item.csu_declined)));
                vault::ArqcVerify::Result result{arqc_verdict, {}, {}};
                if (arqc_verdict == vault::ArqcVerdict::good) result = {arqc_verdict, Buffer(8, std::byte{0xa5}), Buffer(8, std::byte{0x5a})};
                return vault::encode(body, vault::ArqcVerify::Reply{std::vector<vault::ArqcVerify::Result>(asked_for.items.size(), result)});
            }
            case MessageType::vault_cvv_verify: {
                const auto asked_for = *vault::decode<vault::CvvVerify::Request>(request.body);
                for (const auto& item : asked_for.items)
                    values.push_back(fmt::format("{} {} {} {}{}", item.key.view(), item.expiry.view(), item.service_code.view(), item.value.view(),
                                                 item.with_last ? " too" : ""));
                return vault::encode(body, vault::CvvVerify::Reply{std::vector<bool>(asked_for.items.size(), values_good)});
            }
            case MessageType::vault_protect_pan: {
                vault::ProtectedPan card;
                card.token = switching::sealed(1).token;
                return vault::encode(body,
                                     vault::ProtectPan::Reply{std::vector<vault::ProtectedPan>(
                                         vault::decode<vault::ProtectPan::Request>(request.body)->pans.size(), card)});
            }
            case MessageType::vault_reveal_pan:
                return vault::encode(
                    body, vault::RevealPan::Reply{std::vector<Pan>(vault::decode<vault::RevealPan::Request>(request.body)->pans.size(),
                                                                   reveals ? *Pan::parse("9700030000000011") : Pan())});
            default:
                FAIL("the pipeline asked for " << request.type);
        }
    }
    template <typename Items>
    static void note_links(const Items& items, std::vector<int>& keys) {
        for (const auto& item : items)
            if (item.terminal.view().starts_with("LNK")) keys.push_back(std::to_integer<int>(item.nonce[0]));
    }
    static std::string key_of(const vault::EncryptedPin& pin) {
        if (!pin.ksn.empty()) return fmt::format("...{:02x}", std::to_integer<int>(pin.ksn.back()));
        return fmt::format("{}/{}", pin.terminal.view(), std::to_integer<int>(pin.nonce[0]));
    }
    static std::string text_of(const Buffer& digits) {
        std::string text;
        for (const std::byte d : digits) text += static_cast<char>('0' + std::to_integer<int>(d));
        return text;
    }
    template <typename Verb>
    static std::size_t count(const Held& request) {
        return vault::decode<typename Verb::Request>(request.body)->items.size();
    }
    std::unique_ptr<bus::Server> m_server;
};

// What came out at the gate, in order.
struct Heard {
    std::uint64_t connection;
    std::string code;
    bool has_mac;
    std::string chip{};  // DE55, hexadecimal
    std::string additional{};  // DE48
};

class Fixture {
  public:
    TempFolder folder;
    bus::Loop loop;
    bus::Context context;
    net::ManualClock clock{1'795'000'000'000'000'000};  // 2026-11-18: a chip's dates are of this century
    switching::Box box;
    bool configured;
    std::vector<Heard> heard;
    std::size_t link_frames = 0;
    std::uint64_t decided_ns = 0;  // how far it says that it is
    Buffer to_link;  // the last of them
    std::uint64_t to_connection = 0;  // that it is for
    std::vector<MessageType> said_of_end;  // closing, closed
    std::optional<Failure> failed;
    Program program{config::Paths{folder.path()}, box.config, loop, context,
                    [this](Failure f) { failed = std::move(f); }};
    FakeVault vault{loop, context, program.paths.endpoint("vault", bus::caller::kSwitch)};
    journal::Journal journal = open_journal();
    std::unique_ptr<vault::Client> client = connect();
    const std::vector<iso8583::Dialect> dialects =
        *iso8583::load_dialects(GIRO_SOURCE_DIR "/firmware-config/dialects", config::dialects_of(box.config));
    SystemRandom random;
    Pipeline pipeline{program, *box.core, journal, *client, dialects, clock, random};
    std::unique_ptr<bus::Client> gate;

    explicit Fixture(void (*change)(config::Config&) = [](config::Config&) {}) : configured((quiet(box.config), change(box.config), box.make_core(), true)) {
        // The box's banks, cards and terminal, and a session key for it.
        box.core->session_key(switching::purchase_of(1, 900'000), ByteArray<16>{std::byte{5}}, {}, clock.wall_ns());
        box.commit();
        std::vector<journal::EntryView> views;
        for (const auto& e : box.journal) views.push_back({static_cast<std::uint16_t>(e.kind), e.body});
        REQUIRE(journal.append(views, clock.wall_ns()).has_value());
        REQUIRE(pipeline.open().has_value());
        bus::Handlers handlers;
        handlers.record = [this](bus::PeerId, const bus::Record& r) { took(r); };
        auto connected = bus::Client::connect(loop, context, program.paths.endpoint("switch", bus::caller::kGate),
                                              std::move(handlers));
        REQUIRE(connected.has_value());
        gate = std::move(*connected);
    }

    // Its link is up with its connection, where a test does not want to see its host signed on to and echoed.
    static void quiet(config::Config& config) {
        for (auto& link : config.links) {
            link.sign_on = false;
            link.echo_ms = 0;
        }
    }
    // A purchase on connection `stan`, as the gate passes it on.
    void buy(std::uint32_t stan) { buy(stan, stan, "9700010000000013"); }
    void buy(std::uint32_t stan, std::uint64_t connection, std::string_view pan, std::uint8_t dialect = 0) {
        const Buffer raw = purchase(stan, dialect, pan);
        PaymentRequest request;
        request.connection = connection;
        request.received_ns = clock.wall_ns();
        request.raw = raw;
        request.dialect = m_spoken[connection] = dialect;
        send(request);
    }
    [[nodiscard]] Buffer purchase(std::uint32_t stan, std::uint8_t dialect, std::string_view pan = "9700010000000013",
                                  const pos::CardData& card = {}, pos::Form form = pos::Form::purchase) {
        pos::MessageBuilder builder(dialects[dialect]);
        pos::MacKey key(Secret(Buffer(vault::kTerminalKeyBytes)), {});
        pos::Sale sale{*Pan::parse(pan), {}, 100, stan, Rrn("RRN" + std::to_string(100'000'000 + stan)),
                       pos::Stamp::at(clock.wall_ns())};
        sale.card = card;
        sale.form = form;
        pos::Frame frame;
        const auto built = builder.purchase(frame, {TerminalId("T0000001"), MerchantId("M1"), AcquirerId("970002"), 963}, sale, key);
        REQUIRE(built.has_value());
        return {frame.message().begin(), frame.message().end()};
    }
    // The same with what the card shows.
    void buy_by(std::uint32_t stan, const pos::CardData& card, std::string_view pan = "9700010000000013",
                pos::Form form = pos::Form::purchase, std::uint8_t dialect = 0) {
        const Buffer raw = purchase(stan, dialect, pan, card, form);
        PaymentRequest request;
        request.connection = stan;
        request.received_ns = clock.wall_ns();
        request.raw = raw;
        request.dialect = m_spoken[stan] = dialect;
        send(request);
    }
    [[nodiscard]] pos::CardData chip_of(MinorUnits amount, payment::ChipAnswer type = payment::ChipAnswer::arqc, std::uint8_t cvn = 10) {
        payment::ChipPurchase p;
        p.type = type;
        p.cvn = cvn;
        p.atc = 7;
        p.amount = amount;
        p.currency = 963;
        p.date = FixedText<6>("26" + pos::Stamp::at(clock.wall_ns()).local_date.str());
        return {payment::chip_field(Secret(Buffer(payment::kChipKeyBytes, std::byte{1})), p), {}, {}};
    }
    void send(const PaymentRequest& request) {
        Buffer body;
        bus::encode(body, request);
        gate->send({static_cast<std::uint16_t>(MessageType::payment_request), Status::ok, 0, body});
    }
    // The issuer's answer to the last frame sent to it, by its own dialect.
    void link_answers(const iso8583::Dialect& dialect, std::string_view code, const Buffer& chip = {}, std::string_view mti = "0210") {
        iso8583::Message asked, answer;
        REQUIRE(iso8583::unpack(dialect, to_link, asked).has_value());
        iso8583::put_mti(dialect, answer, mti);
        for (const unsigned field : {4U, 11U, 37U, 41U, 49U}) answer.copy(field, asked);
        iso8583::put_response_code(dialect, answer, code);
        if (!chip.empty()) REQUIRE(iso8583::put_chip(dialect, answer, chip));
        answer.set(64, ByteArray<8>{});
        Buffer raw(iso8583::kFrameBytesMax);
        raw.resize(*iso8583::pack(dialect, answer, raw));
        PaymentRequest request;
        request.source = PaymentRequest::Source::link;
        request.received_ns = clock.wall_ns();
        request.raw = raw;
        send(request);
    }
    // The issuer's answer to the exchange of keys in the last frame sent to it.
    void link_takes_key() { link_answers_network(161); }
    // The same to any 0800.
    void link_answers_network(unsigned code, const char* says = "00") {
        iso8583::Message asked, answer;
        REQUIRE(iso8583::unpack(dialects[0], to_link, asked).has_value());
        REQUIRE(asked.mti() == "0800");
        REQUIRE(asked.number(70) == code);
        iso8583::put_mti(dialects[0], answer, "0810");
        for (const unsigned field : {7U, 11U, 41U, 70U}) answer.copy(field, asked);
        if (code == 161) answer.set(48, asked.field(48).substr(32));
        iso8583::put_response_code(dialects[0], answer, says);
        answer.set(128, ByteArray<8>{});
        Buffer raw(iso8583::kFrameBytesMax);
        raw.resize(*iso8583::pack(dialects[0], answer, raw));
        PaymentRequest request;
        request.source = PaymentRequest::Source::link;
        request.received_ns = clock.wall_ns();
        request.raw = raw;
        send(request);
    }
    // An 0800 of the issuer's own, on connection 77.
    void link_asks(unsigned code) {
        iso8583::Message asked;
        iso8583::put_mti(dialects[0], asked, "0800");
        asked.set(7, switching::transmission_time(clock.wall_ns()).view());
        asked.set_number(11, 4711, 6);
        asked.set_number(70, code, 3);
        asked.set(128, ByteArray<8>{});
        Buffer raw(iso8583::kFrameBytesMax);
        raw.resize(*iso8583::pack(dialects[0], asked, raw));
        from_link(raw);
    }
    // The last frame sent to the issuer comes back as it is.
    void link_reflects() { from_link(to_link); }
    void from_link(Bytes raw) {
        PaymentRequest request;
        request.source = PaymentRequest::Source::link;
        request.connection = 77;
        request.received_ns = clock.wall_ns();
        request.raw = raw;
        send(request);
    }
    // A field of the last frame sent to the issuer.
    [[nodiscard]] std::string to_link_field(unsigned field) {
        iso8583::Message m;
        REQUIRE(iso8583::unpack(dialects[0], to_link, m).has_value());
        return field == 0 ? std::string(m.mti()) : std::string(m.field(field));
    }
    // The same at a terminal with DUKPT keys.
    static payment::Ksn device() { return payment::Ksn::parse(Buffer(12, std::byte{0x22})).value().device(); }
    void add_dukpt_terminal() {
        const auto ksn = device();
        REQUIRE(box.core->add_terminal({TerminalId("D0000001"), MerchantId("M1"), AcquirerId("970002"), switching::kMerchant}));
        REQUIRE(box.core->set_terminal_dukpt(
            {TerminalId("D0000001"), FixedText<22>("shop.bdk"), Buffer(ksn.view().begin(), ksn.view().end()), 1}));
        REQUIRE(pipeline.commit());
    }
    void buy_dukpt(std::uint32_t stan, const payment::Ksn& ksn, bool repeat = false, const char* pan = "9700010000000013",
                   const Buffer& pin_block = {}, const char* merchant = "M1") {
        pos::MessageBuilder builder(dialects[0]);
        pos::MacKey key(ksn, Secret(Buffer(16)), Secret(Buffer(16)));
        pos::Sale sale{*Pan::parse(pan), {}, 100, stan, Rrn("RRN" + std::to_string(100'000'000 + stan)),
                       pos::Stamp::at(clock.wall_ns())};
        pos::Frame frame;
        const pos::Identity who{TerminalId("D0000001"), MerchantId(merchant), AcquirerId("970002"), 963};
        REQUIRE(builder.purchase(frame, who, sale, key, repeat, pin_block).has_value());
        PaymentRequest request;
        request.connection = stan;
        request.received_ns = clock.wall_ns();
        request.raw = frame.message();
        Buffer body;
        bus::encode(body, request);
        gate->send({static_cast<std::uint16_t>(MessageType::payment_request), Status::ok, 0, body});
    }
    // The same with a PIN, and card 1 with one on file.
    void buy_with_pin(std::uint32_t stan, std::uint32_t counter, bool repeat = false, const char* pan = "9700010000000013") {
        buy_dukpt(stan, device().with_counter(counter), repeat, pan, Buffer(16, std::byte{0xab}));
    }
    // A PIN block from the terminal with session keys, whose MAC the vault's double finds good under `nonce` alone.
    void buy_in_session(std::uint32_t stan, const Buffer& pin_block, bool repeat = false, const char* pan = "9700010000000013") {
        pos::MessageBuilder builder(dialects[0]);
        pos::MacKey key(Secret(Buffer(vault::kTerminalKeyBytes)), {});
        const pos::Sale sale{*Pan::parse(pan), {}, 100, stan, Rrn("RRN" + std::to_string(100'000'000 + stan)), pos::Stamp::at(clock.wall_ns())};
        pos::Frame frame;
        REQUIRE(builder.purchase(frame, {TerminalId("T0000001"), MerchantId("M1"), AcquirerId("970002"), 963}, sale, key, repeat, pin_block)
                    .has_value());
        from_terminal(stan, frame);
    }
    void from_terminal(std::uint64_t connection, const pos::Frame& frame) {
        PaymentRequest request;
        request.connection = connection;
        request.received_ns = clock.wall_ns();
        request.raw = frame.message();
        send(request);
    }
    // 0800, DE70 161.
    void exchange_keys(std::uint32_t stan) {
        pos::MessageBuilder builder(dialects[0]);
        pos::MacKey key(Secret(Buffer(vault::kTerminalKeyBytes)), {});
        pos::Frame frame;
        REQUIRE(builder.network(frame, {TerminalId("T0000001"), MerchantId("M1"), AcquirerId("970002"), 963}, pos::NetworkCode::key_exchange,
                                stan, pos::Stamp::at(clock.wall_ns()), key)
                    .has_value());
        from_terminal(stan, frame);
    }
    void add_pin() {
        add_dukpt_terminal();
        REQUIRE(box.core->set_card_pin({switching::sealed(1).token, {}, FixedText<12>("4711")}));
        REQUIRE(pipeline.commit());
    }
    void link_up(std::uint16_t connections = 1) {
        Buffer body;
        bus::encode(body, bus::LinkState{0, connections});
        gate->send({static_cast<std::uint16_t>(MessageType::link_state), Status::ok, 0, body});
    }
    void gate_closes() { gate->send({static_cast<std::uint16_t>(MessageType::closing), Status::ok, 0, {}}); }
    [[nodiscard]] bool until(const std::function<bool()>& done) { return net::run_until(loop, done); }
    [[nodiscard]] std::uint64_t payments() {
        const auto& c = box.core->state().counters();
        return c.card_approved + c.declined;
    }

  private:
    journal::Journal open_journal() {
        auto opened = journal::Journal::open(program.paths.journal(), {.create = true});
        REQUIRE(opened.has_value());
        return std::move(*opened);
    }
    std::unique_ptr<vault::Client> connect() {
        auto connected = vault::Client::connect(loop, context, program.paths.run(), bus::caller::kSwitch);
        REQUIRE(connected.has_value());
        return std::move(*connected);
    }
    void took(const bus::Record& record) {
        if (record.type == static_cast<std::uint16_t>(MessageType::link_frame_out)) {
            const auto frame = bus::decode_link_frame_out(record.body);
            REQUIRE(frame.has_value());
            to_link.assign(frame->frame.begin(), frame->frame.end());
            to_connection = frame->connection;
            return void(++link_frames);
        }
        if (record.type == static_cast<std::uint16_t>(MessageType::decided)) {
            decided_ns = bus::decode_decided(record.body).value().received_ns;
            return;
        }
        if (const auto type = static_cast<MessageType>(record.type); type == MessageType::closing || type == MessageType::closed)
            return said_of_end.push_back(type);
        REQUIRE(record.type == static_cast<std::uint16_t>(MessageType::frame_out));
        const auto message = bus::decode_frame_out(record.body);
        REQUIRE(message.has_value());
        if (message->frame.empty()) return heard.push_back({message->connection, "none", false});
        pos::AnswerReader reader(dialects[m_spoken[message->connection]]);
        const auto answer = reader.read(message->frame);
        REQUIRE(answer.has_value());
        heard.push_back({message->connection, answer->code.str(), answer->has_mac, to_hex(answer->chip), std::string(as_text(answer->additional))});
    }
    std::map<std::uint64_t, std::uint8_t> m_spoken;  // connection -> dialect
};

}  // namespace giro::appliance
