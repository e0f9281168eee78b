// giro-switch's pipeline between a vault and a gate that do what the test says (doubles on the real bus), over the real
// core and a real journal: order, what is asked of the vault, and what happens when vault or journal fail.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <fmt/format.h>

#include <algorithm>
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

namespace {

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
                return vault::encode(body, vault::NewSessionKey::Reply{vault::Nonce{static_cast<std::byte>(++nonces)}, {}});
            case MessageType::vault_mac_verify:
                note_links(vault::decode<vault::MacVerify::Request>(request.body)->items, link_checks);
                return vault::encode(
                    body, vault::MacVerify::Reply{std::vector<bool>(count<vault::MacVerify>(request), macs_good)});
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
                    pins.push_back(fmt::format("verify by {} {} format {} ...{:02x} {}", item.pvk.view(), text_of(item.on_file),
                                               static_cast<int>(item.pin.format), std::to_integer<int>(item.pin.ksn.back()),
                                               to_hex(item.pin.block)));
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
                    values.push_back(fmt::format("{} {} {} {}", item.key.view(), item.expiry.view(), item.service_code.view(), item.value.view()));
                return vault::encode(body, vault::CvvVerify::Reply{std::vector<bool>(asked_for.items.size(), values_good)});
            }
            case MessageType::vault_protect_pan: {
                vault::ProtectedPan card;
                card.token = switching::sealed(1).token;
                return vault::encode(body,
                                     vault::ProtectPan::Reply{std::vector<vault::ProtectedPan>(
                                         vault::decode<vault::ProtectPan::Request>(request.body)->pans.size(), card)});
            }
            case MessageType::vault_reveal_pan:  // none of them is given back
                return vault::encode(body, vault::RevealPan::Reply{std::vector<Pan>(
                                               vault::decode<vault::RevealPan::Request>(request.body)->pans.size())});
            default:
                FAIL("the pipeline asked for " << request.type);
        }
    }
    template <typename Items>
    static void note_links(const Items& items, std::vector<int>& keys) {
        for (const auto& item : items)
            if (item.terminal.view().starts_with("LNK")) keys.push_back(std::to_integer<int>(item.nonce[0]));
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
};

class Fixture {
  public:
    TempFolder folder;
    bus::Loop loop;
    bus::Context context;
    net::ManualClock clock;
    switching::Box box;
    bool configured;
    std::vector<Heard> heard;
    std::size_t link_frames = 0;
    Buffer to_link;  // the last of them
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

    explicit Fixture(void (*change)(config::Config&) = [](config::Config&) {}) : configured((change(box.config), box.make_core(), true)) {
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
    void link_answers(const iso8583::Dialect& dialect, std::string_view code, const Buffer& chip = {}) {
        iso8583::Message asked, answer;
        REQUIRE(iso8583::unpack(dialect, to_link, asked).has_value());
        iso8583::put_mti(dialect, answer, "0210");
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
    void link_takes_key() {
        iso8583::Message asked, answer;
        REQUIRE(iso8583::unpack(dialects[0], to_link, asked).has_value());
        REQUIRE(asked.number(70) == 161);
        iso8583::put_mti(dialects[0], answer, "0810");
        for (const unsigned field : {7U, 11U, 41U, 70U}) answer.copy(field, asked);
        answer.set(48, asked.field(48).substr(32));
        iso8583::put_response_code(dialects[0], answer, "00");
        answer.set(128, ByteArray<8>{});
        Buffer raw(iso8583::kFrameBytesMax);
        raw.resize(*iso8583::pack(dialects[0], answer, raw));
        PaymentRequest request;
        request.source = PaymentRequest::Source::link;
        request.received_ns = clock.wall_ns();
        request.raw = raw;
        send(request);
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
    void add_pin() {
        add_dukpt_terminal();
        REQUIRE(box.core->set_card_pin({switching::sealed(1).token, {}, FixedText<12>("4711")}));
        REQUIRE(pipeline.commit());
    }
    void link_up() {
        Buffer body;
        bus::encode(body, bus::LinkState{0, true});
        gate->send({static_cast<std::uint16_t>(MessageType::link_state), Status::ok, 0, body});
    }
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
            return void(++link_frames);
        }
        REQUIRE(record.type == static_cast<std::uint16_t>(MessageType::frame_out));
        const auto message = bus::decode_frame_out(record.body);
        REQUIRE(message.has_value());
        if (message->frame.empty()) return heard.push_back({message->connection, "none", false});
        pos::AnswerReader reader(dialects[m_spoken[message->connection]]);
        const auto answer = reader.read(message->frame);
        REQUIRE(answer.has_value());
        heard.push_back({message->connection, answer->code.str(), answer->has_mac, to_hex(answer->chip)});
    }
    std::map<std::uint64_t, std::uint8_t> m_spoken;  // connection -> dialect
};

}  // namespace

TEST_CASE("pipeline: batches are decided in the order they came, whatever order the vault answers in") {
    Fixture f;
    f.vault.holds = true;
    f.buy(1);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy(2);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);  // the MAC of the later one first, then its PAN
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);
    CHECK(f.payments() == 0);
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].connection == 1);
    CHECK(f.heard[1].connection == 2);
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[1].has_mac);
    CHECK(f.journal.head().seq == f.box.core->state().last_seq());
    CHECK(f.pipeline.times().batches == 1);  // the first was all that the second waited for
}

TEST_CASE("pipeline: what arrives while the vault is busy is gathered; at most three batches wait there, and what it answers at once is written down at once") {
    Fixture f;
    f.vault.holds = true;
    for (std::uint32_t stan = 1; stan <= 3; ++stan) {
        f.buy(stan);
        REQUIRE(f.until([&] { return f.vault.held.size() == stan; }));
    }
    for (std::uint32_t stan = 4; stan <= 9; ++stan) f.buy(stan);
    // All of them are in the switch when it has read a frame that it tells of.
    bool read = false;
    bus::Timer later(f.loop, [&] { read = true; });
    later.once(50);
    REQUIRE(f.until([&] { return read; }));
    CHECK(f.vault.held.size() == 3);
    f.vault.holds = false;
    while (!f.vault.held.empty()) f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 9; }));
    for (std::size_t i = 0; i < 9; ++i) CHECK(f.heard[i].connection == i + 1);
    CHECK(f.pipeline.times().batches == 2);  // 1 to 3, and 4 to 9
    CHECK(f.pipeline.times().requests_max == 6);
}

TEST_CASE(
    "pipeline: a vault that refuses: 91 without a MAC, nothing is journalled, and the same request is taken later") {
    Fixture f;
    const std::uint64_t before = f.journal.head().seq;
    for (const Status status : {Status::token_absent, Status::try_again}) {
        f.heard.clear();
        f.vault.status = status;
        f.buy(1);
        REQUIRE(f.until([&] { return f.heard.size() == 1; }));
        CHECK(f.heard[0].code == "91");
        CHECK_FALSE(f.heard[0].has_mac);
        CHECK_FALSE(f.pipeline.vault_answers());
    }
    CHECK(f.payments() == 0);
    CHECK(f.journal.head().seq == before);
    f.heard.clear();
    f.vault.status = Status::ok;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "00");
    CHECK(f.pipeline.vault_answers());
}

TEST_CASE("pipeline: a wrong MAC is answered 63 without a MAC, and nothing is decided") {
    Fixture f;
    f.vault.macs_good = false;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "63");
    CHECK_FALSE(f.heard[0].has_mac);
    CHECK(f.payments() == 0);
}

TEST_CASE("pipeline: a DUKPT terminal's MAC is checked under its KSN, and its answer made under the same") {
    Fixture f;
    f.add_dukpt_terminal();
    f.buy_dukpt(1, f.device().with_counter(1));
    f.buy(2);  // one with a session key, in the same batch
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    for (const auto& heard : f.heard) {
        CHECK(heard.code == "00");
        CHECK(heard.has_mac);
    }
    CHECK(f.vault.ksns == std::vector<std::string>{"shop.bdk 222222222222222200000001"});
    CHECK(f.vault.answered_ksns == std::vector<std::string>{"222222222222222200000001"});
}

TEST_CASE("pipeline: under a KSN that was used, the same request gets its answer again, and nothing new is decided") {
    Fixture f;
    f.add_dukpt_terminal();
    f.buy_dukpt(1, f.device().with_counter(1));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    const std::uint64_t decided = f.journal.head().seq;
    f.vault.ksn_verdict = vault::DukptVerdict::again;
    f.buy_dukpt(1, f.device().with_counter(1));
    f.buy_dukpt(1, f.device().with_counter(1), true);  // 0201
    f.buy_dukpt(2, f.device().with_counter(1));        // another sale
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[2].code == "00");
    CHECK(f.heard[3].code == "94");
    CHECK_FALSE(f.heard[3].has_mac);  // no decision
    f.vault.ksn_verdict = vault::DukptVerdict::repeated;
    f.buy_dukpt(1, f.device().with_counter(1));  // the terminal has gone on since
    REQUIRE(f.until([&] { return f.heard.size() == 5; }));
    CHECK(f.heard[4].code == "94");
    CHECK_FALSE(f.heard[4].has_mac);
    CHECK(f.journal.head().seq == decided);
}

TEST_CASE("pipeline: a wrong MAC, no KSN, or another device's KSN is answered 63, and nothing is decided") {
    Fixture f;
    f.add_dukpt_terminal();
    const std::uint64_t before = f.journal.head().seq;
    f.buy_dukpt(1, payment::Ksn::parse(Buffer(12, std::byte{0x23})).value());  // good keys, but of another till's device
    f.buy_dukpt(2, payment::Ksn());
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.vault.ksns.empty());
    f.vault.ksn_verdict = vault::DukptVerdict::bad_mac;
    f.buy_dukpt(3, f.device().with_counter(1));
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    for (const auto& heard : f.heard) {
        CHECK(heard.code == "63");
        CHECK_FALSE(heard.has_mac);
    }
    CHECK(f.journal.head().seq == before);
}

TEST_CASE("pipeline: an issuer's late answer to a DUKPT terminal that has gone on settles it with the gate, without a frame") {
    Fixture f;
    f.add_dukpt_terminal();
    f.link_up();
    f.buy_dukpt(1, f.device().with_counter(1), false, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.vault.ksn_verdict = vault::DukptVerdict::repeated;  // the vault makes no MAC for it any more
    f.clock.advance_ms(60'000);
    f.pipeline.tick();
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "none");
}

TEST_CASE("pipeline: a PIN on us is verified under its message's KSN, by the card's product, against what is on file") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(1, 7);
    f.buy(2);  // without a PIN, in the same batch
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.pins == std::vector<std::string>{"verify by alpha.pvk 4711 format 4 ...07 abababababababababababababababab"});
}

TEST_CASE("pipeline: wrong is 55, locked 75, and what the vault cannot look at 55; with a MAC and an entry") {
    Fixture f;
    f.add_pin();
    using enum vault::PinVerdict;
    std::uint32_t stan = 0;
    for (const auto& [verdict, code] : {std::pair(wrong, "55"), std::pair(locked, "75"), std::pair(refused, "55")}) {
        f.vault.pin_verdict = verdict;
        ++stan;
        f.buy_with_pin(stan, stan);
        REQUIRE(f.until([&] { return f.heard.size() == stan; }));
        CHECK(f.heard.back().code == code);
        CHECK(f.heard.back().has_mac);
    }
    CHECK(f.payments() == 3);
    CHECK(f.vault.pins.size() == 3);
}

TEST_CASE("pipeline: a repeat is never asked about again, under its KSN or the next one, decided or still at the vault") {
    Fixture f;
    f.add_pin();
    f.vault.pin_verdict = vault::PinVerdict::wrong;
    f.buy_with_pin(1, 1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.buy_with_pin(1, 2, true);  // 0201, under the next KSN
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    f.vault.ksn_verdict = vault::DukptVerdict::again;
    f.buy_with_pin(1, 2, true);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.vault.pins.size() == 1);
    for (const auto& heard : f.heard) CHECK(heard.code == "55");

    // The first copy is at the vault for its PIN while the second comes, in a batch of its own.
    f.vault.ksn_verdict = vault::DukptVerdict::good;
    f.heard.clear();
    f.vault.holds = true;
    f.buy_with_pin(2, 3);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);  // its MAC; its card is known by now
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy_with_pin(2, 4, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].code == "55");
    CHECK(f.heard[1].code == "55");
    CHECK(f.vault.pins.size() == 2);
}

TEST_CASE("pipeline: a vault that fails at the PIN decides nothing, and the same request is asked about anew") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    const std::uint64_t before = f.journal.head().seq;
    f.vault.holds = true;
    f.buy_with_pin(1, 2);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.status = Status::try_again;
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "91");
    CHECK(f.journal.head().seq == before);
    f.vault.status = Status::ok;
    f.buy_with_pin(1, 3, true);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.heard[2].code == "00");
}

TEST_CASE("pipeline: a copy whose first was at the vault for its PIN, in vain, is not decided without it: 91, with a MAC") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    const std::uint64_t before = f.journal.head().seq;
    f.vault.pin_verdict = vault::PinVerdict::wrong;
    f.vault.holds = true;
    f.buy_with_pin(1, 2);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));  // its PIN
    f.buy_with_pin(1, 3, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.holds = false;
    f.vault.release(1);  // the copy's MAC: its PIN is not asked about
    f.vault.status = Status::try_again;
    f.vault.release(0);
    f.vault.status = Status::ok;
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    for (const std::size_t i : {1U, 2U}) CHECK(f.heard[i].code == "91");
    CHECK(f.vault.pins.size() == 1);
    CHECK(f.journal.head().seq == before);
}

TEST_CASE("pipeline: two copies of a request whose PIN is at the vault wait for it, each in a batch of its own") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.holds = true;
    f.buy_dukpt(1, f.device().with_counter(2), false, "9700010000000013", Buffer(16));
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy_with_pin(1, 3, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(0);  // the first goes on to its PIN,
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(0);  // the copy waits for it,
    f.buy_with_pin(1, 4, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);  // and so does the next
    f.vault.holds = false;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.vault.pins.size() == 2);
}

TEST_CASE("pipeline: a copy that is answered unasked does not let the next copy be asked beside the one whose PIN is at the vault") {
    Fixture f;
    f.add_pin();
    f.buy_with_pin(9, 1);  // its card is known afterwards
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.holds = true;
    // Of a merchant that is not the terminal's: 03, without an entry, and nobody is asked about its PIN.
    f.buy_dukpt(1, f.device().with_counter(2), false, "9700010000000013", Buffer(16, std::byte{0xab}), "M2");
    REQUIRE(f.until([&] { return f.vault.held.size() == 1; }));
    f.buy_with_pin(1, 3);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));  // its PIN
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.release(1);  // the MAC of its answer
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "03");
    f.buy_with_pin(1, 4, true);
    REQUIRE(f.until([&] { return f.vault.held.size() == 2; }));
    f.vault.holds = false;
    f.vault.release(1);
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[2].code == "00");
    CHECK(f.heard[3].code == "00");
    CHECK(f.vault.pins.size() == 2);
}

TEST_CASE("pipeline: a PIN for a link's card goes out under the zone key, never as it came; what is not translated is not sent") {
    Fixture f;
    f.add_pin();
    f.link_up();
    f.buy_with_pin(1, 1, false, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    CHECK(f.vault.pins == std::vector<std::string>{"translate to gamma.zpk format 0"});
    iso8583::Message sent;
    REQUIRE(iso8583::unpack(f.dialects[0], f.to_link, sent).has_value());
    CHECK(to_hex(sent.bytes(52)) == "cdcdcdcdcdcdcdcd");
    CHECK_FALSE(sent.has(f.dialects[0].pin_field));
    CHECK_FALSE(sent.has(f.dialects[0].ksn_field));
    f.vault.pin_verdict = vault::PinVerdict::refused;
    f.buy_with_pin(2, 2, false, "9700030000000011");
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "55");
    CHECK(f.link_frames == 1);
}

TEST_CASE("pipeline: a PIN from a terminal without DUKPT keys, or that is no block, is 55 without a word to the vault") {
    Fixture f;
    f.add_pin();
    f.buy_dukpt(1, f.device().with_counter(1), false, "9700010000000013", Buffer(8, std::byte{0xab}));  // of TDES, by an AES key
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.vault.pins.size() == 1);  // the vault knows which cipher a key is of
    pos::MessageBuilder builder(f.dialects[0]);
    pos::MacKey key(Secret(Buffer(vault::kTerminalKeyBytes)), {});
    const pos::Sale sale{*Pan::parse("9700010000000013"), {}, 100, 2, Rrn("RRN100000002"), pos::Stamp::at(f.clock.wall_ns())};
    pos::Frame frame;
    REQUIRE(builder.purchase(frame, {TerminalId("T0000001"), MerchantId("M1"), AcquirerId("970002"), 963}, sale, key, false,
                             Buffer(16, std::byte{0xab})).has_value());
    PaymentRequest request;
    request.connection = 2;
    request.received_ns = f.clock.wall_ns();
    request.raw = frame.message();
    f.send(request);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "55");
    CHECK(f.vault.pins.size() == 1);
}

TEST_CASE("pipeline: a chip on us is verified by its product, and its answer has the issuer's, of an approval and of a refusal") {
    Fixture f;
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.vault.chips == std::vector<std::string>{"alpha.imk cvn 10 psn 1 use 1 codes 3030 3035 csu 00800000 00000000"});
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[0].chip == "910aa5a5a5a5a5a5a5a53030");
    // The same once more: the same answer, and nothing is counted.
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.vault.chips.back().find("use 2") != std::string::npos);
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[1].chip == f.heard[0].chip);
    CHECK(f.payments() == 1);
}

TEST_CASE("pipeline: a chip payment that is declined for want of money has the issuer's refusal for the card") {
    Fixture f([](config::Config& config) { config.switching.payment_max = 50; });
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "61");
    CHECK(f.heard[0].chip == "910a5a5a5a5a5a5a5a5a3035");
}

TEST_CASE("pipeline: CVN 18's answer is four bytes of ARPC and the card status update of its product") {
    Fixture f([](config::Config& config) {
        config.card_products[0].cvns = {18};
        config.card_products[0].csu = {std::byte{1}, std::byte{0x82}, std::byte{3}, std::byte{4}};
        config.card_products[0].chip_option_b = true;
    });
    f.buy_by(1, f.chip_of(100, payment::ChipAnswer::arqc, 18));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.vault.chips == std::vector<std::string>{"alpha.imk cvn 18 psn 1 use 1 codes 3030 3035 csu 01820304 01020304"});
    CHECK(f.heard[0].chip == "910ca5a5a5a5a5a5a5a501820304");  // the double's ARPC has 8 bytes
}

TEST_CASE("pipeline: a cryptogram that is wrong, or used, is 82 without an issuer's answer; one over another amount is not asked about") {
    Fixture f;
    f.vault.arqc_verdict = vault::ArqcVerdict::wrong;
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.vault.arqc_verdict = vault::ArqcVerdict::used;
    f.buy_by(2, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    f.vault.arqc_verdict = vault::ArqcVerdict::refused;
    f.buy_by(3, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.vault.chips.size() == 3);
    f.buy_by(4, f.chip_of(99));
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.vault.chips.size() == 3);
    const std::vector<std::string> codes{f.heard[0].code, f.heard[1].code, f.heard[2].code, f.heard[3].code};
    CHECK(codes == std::vector<std::string>{"82", "82", "30", "12"});
    for (const auto& heard : f.heard) CHECK(heard.chip.empty());
}

TEST_CASE("pipeline: a vault that fails at the chip decides nothing, and the same request is asked about anew") {
    Fixture f;
    f.vault.holds = true;
    f.buy_by(1, f.chip_of(100));
    const auto next = [&](MessageType type) {
        REQUIRE(f.until([&] { return !f.vault.held.empty(); }));
        CHECK(f.vault.held[0].type == static_cast<std::uint16_t>(type));
        f.vault.release(0);
    };
    next(MessageType::vault_mac_verify);
    next(MessageType::vault_protect_pan);
    REQUIRE(f.until([&] { return !f.vault.held.empty(); }));
    f.vault.status = Status::token_absent;
    f.vault.release(0);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    CHECK_FALSE(f.heard[0].has_mac);
    CHECK(f.payments() == 0);
    f.vault.status = Status::ok;
    f.vault.holds = false;
    f.buy_by(1, f.chip_of(100));
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.chips.back().find("use 1") != std::string::npos);
}

TEST_CASE("pipeline: the cryptogram of an offline sale is asked about as an advice's, once, and is an entry") {
    Fixture f;
    f.vault.arqc_verdict = vault::ArqcVerdict::used;
    f.buy_by(1, f.chip_of(100, payment::ChipAnswer::tc), "9700010000000013", pos::Form::completion);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "00");
    CHECK(f.heard[0].chip.empty());
    REQUIRE(f.vault.chips.size() == 1);
    CHECK(f.vault.chips[0].find("use 3") != std::string::npos);
    f.buy_by(1, f.chip_of(100, payment::ChipAnswer::tc), "9700010000000013", pos::Form::completion);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.chips.size() == 1);
}

TEST_CASE("pipeline: chip data for a link goes out and its issuer's comes back byte for byte, for a repeat too, whatever the dialects") {
    Fixture f([](config::Config& config) {
        config.ports = {{"new", {}, false, "iso2003", {}}};
        config.links.at(0).dialect = "iso1987-ebcdic";
    });
    f.link_up();
    const Buffer said = *from_hex("9f2608ffeeddccbbaa99889f3602000171099f1804deadbeef8600df7f0201ff");
    std::uint32_t stan = 0;
    for (const std::uint8_t dialect : {std::uint8_t{0}, std::uint8_t{1}}) {
        CAPTURE(int{dialect});
        const std::uint32_t this_stan = ++stan;
        f.heard.clear();
        f.buy_by(this_stan, {said, {}, {}}, "9700030000000011", pos::Form::purchase, dialect);
        REQUIRE(f.until([&] { return f.link_frames == this_stan; }));
        CHECK(f.vault.chips.empty());
        iso8583::Message sent;
        REQUIRE(iso8583::unpack(f.dialects[2], f.to_link, sent).has_value());
        CHECK(to_hex(sent.bytes(55)) == to_hex(said));
        const Buffer back = *from_hex("910a112233445566778830307107" "86058418000000" "8a023030");
        f.link_answers(f.dialects[2], "00", back);
        REQUIRE(f.until([&] { return f.heard.size() == 1; }));
        CHECK(f.heard[0].chip == to_hex(back));
        f.buy_by(this_stan, {said, {}, {}}, "9700030000000011", pos::Form::purchase, dialect);
        REQUIRE(f.until([&] { return f.heard.size() == 2; }));
        CHECK(f.heard[1].chip == to_hex(back));
    }
}

TEST_CASE("pipeline: verification values of track 2 and of the print are verified by the product's key; of a chip, the chip's") {
    Fixture f;
    f.buy_by(1, {{}, "9700010000000013=49122010000056199", {}});
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    f.buy_by(2, {{}, {}, "123"});
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    auto both = f.chip_of(100);
    both.track2 = "9700010000000013=49122010000056199";
    f.buy_by(3, both);
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.vault.values == std::vector<std::string>{"alpha.cvk 4912 201 561", "alpha.cvk 4912 000 123", "alpha.cvk 4912 999 561"});
    for (const auto& heard : f.heard) CHECK(heard.code == "00");
    f.buy_by(2, {{}, {}, "124"});  // a repeat is not asked about
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[3].code == "00");
    CHECK(f.vault.values.size() == 3);
}

TEST_CASE("pipeline: a wrong value is 82 or N7; a track of another card, or one that is none, has no value at all") {
    Fixture f;
    f.vault.values_good = false;
    f.buy_by(1, {{}, "9700010000000013=49122010000056199", {}});
    f.buy_by(2, {{}, {}, "123"});
    f.buy_by(3, {{}, "9700010000000021=49122010000056199", {}});
    f.buy_by(4, {{}, "9700010000000013=4912201", {}});
    f.buy_by(5, {{}, {}, "12"});
    // Both: the answer says what was sent, not which was wrong, right or locked.
    f.buy_by(6, {{}, "9700010000000013=49122010000056199", "123"});
    REQUIRE(f.until([&] { return f.heard.size() == 6; }));
    CHECK(f.heard[5].code == "N7");
    CHECK(f.heard[0].code == "82");
    CHECK(f.heard[1].code == "N7");
    CHECK(f.heard[2].code == "82");
    CHECK(f.heard[3].code == "82");
    CHECK(f.heard[4].code == "N7");
    CHECK(f.vault.values == std::vector<std::string>{"alpha.cvk 4912 201 561", "alpha.cvk 4912 000 123", "alpha.cvk 4912 201 ",
                                                     "alpha.cvk 4912 201 ", "alpha.cvk 4912 000 ",
                                                     "alpha.cvk 4912 201 561", "alpha.cvk 4912 000 123"});
    f.vault.values_good = true;
    f.buy_by(7, {{}, "9700010000000013=49122010000056199", "123"});  // within the lock: nothing is taken for right
    f.buy_by(8, {{}, {}, "123"});
    REQUIRE(f.until([&] { return f.heard.size() == 8; }));
    CHECK(f.heard[6].code == "N7");
    CHECK(f.heard[7].code == "N7");
}

TEST_CASE("pipeline: the stripe of a card with a chip is a fallback, whatever DE22 says; so is a stripe without a track") {
    Fixture f([](config::Config& config) { config.card_products[0].fallback = false; });
    f.buy_by(1, {{}, "9700010000000013=49122010000056199", {}});
    f.buy_by(2, {{}, "9700010000000013=49121010000056199", {}});  // no chip
    f.buy_by(3, {{}, "9700010000000013=4912", {}});
    REQUIRE(f.until([&] { return f.heard.size() == 3; }));
    CHECK(f.heard[0].code == "57");
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[2].code == "57");
}

TEST_CASE("pipeline: what an issuer's host echoes of a card is not kept for repeats") {
    Fixture f;
    f.link_up();
    const Buffer said = *from_hex("9f2608ffeeddccbbaa9988");
    f.buy_by(1, {said, {}, {}}, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    const Buffer back = *from_hex("910a112233445566778830305a089700030000000011");
    f.link_answers(f.dialects[0], "00", back);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].chip == to_hex(back));
    f.buy_by(1, {said, {}, {}}, "9700030000000011");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.heard[1].chip.empty());
}

TEST_CASE("pipeline: what a chip shows or is printed makes no stripe") {
    Fixture f;
    f.buy_by(1, {{}, "9700010000000013=49129990000056199", {}});  // iCVV's service code
    f.buy_by(2, {{}, "9700010000000013=49120000000056199", {}});  // CVV2's
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.vault.values == std::vector<std::string>{"alpha.cvk 4912 999 ", "alpha.cvk 4912 000 "});
}

TEST_CASE("pipeline: an AAC passed off as an ARQC is what the card said: 05, and nobody is asked") {
    Fixture f;
    auto said_no = f.chip_of(100, payment::ChipAnswer::aac);
    const auto information = iso8583::chip_tag(said_no.chip, 0x9F27);
    REQUIRE(information.has_value());
    said_no.chip[static_cast<std::size_t>(information->data() - said_no.chip.data())] = std::byte{0x80};
    f.buy_by(1, said_no);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "05");
    CHECK(f.vault.chips.empty());
}

TEST_CASE("pipeline: a link with session keys is down until its host has one, and from the last message under one until the next") {
    Fixture f([](config::Config& c) { c.links.at(0).key_ages = {10, 0, 30}; });
    constexpr const char* kCard = "9700030000000011";
    f.link_up();
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.buy(1, 1, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].code == "91");
    f.link_takes_key();
    REQUIRE(f.until([&] { return f.box.core->link_up(0); }));
    CHECK(f.vault.link_macs == std::vector<int>{0});    // the question, under the base key
    CHECK(f.vault.link_checks == std::vector<int>{0});  // and the answer to it
    f.buy(2, 2, kCard);
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    f.link_answers(f.dialects[0], "00");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[1].code == "00");
    CHECK(f.vault.link_macs == std::vector<int>{0, 1});
    CHECK(f.vault.link_checks == std::vector<int>{0, 1});  // never under the base key
    // Ten in one go: nine are left under this key. What is beyond hears 91 at once, and leaves the host no reversal.
    for (std::uint32_t stan = 3; stan < 13; ++stan) f.buy(stan, stan, kCard);
    REQUIRE(f.until([&] { return f.heard.size() == 3 && f.link_frames == 12; }));
    CHECK(f.heard[2].code == "91");
    CHECK(f.vault.nonces == 2);
    CHECK(f.box.core->state().all_outstanding().size() == 9);
    CHECK_FALSE(f.box.core->link_up(0));
}

TEST_CASE("pipeline: after wrong MACs in a row a link's host is told another key") {
    Fixture f([](config::Config& c) { c.links.at(0).key_ages = {1'000, 0, 30}; });
    f.link_up();
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.link_takes_key();
    REQUIRE(f.until([&] { return f.box.core->link_up(0); }));
    f.buy(1, 1, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 2; }));
    f.clock.advance_ms(6'000);
    f.vault.macs_good = false;
    for (int i = 0; i < 3; ++i) {
        CHECK(f.vault.nonces == 1);
        const std::size_t checks = f.vault.link_checks.size();
        f.link_answers(f.dialects[0], "00");
        REQUIRE(f.until([&] { return f.vault.link_checks.size() == checks + 1; }));
    }
    REQUIRE(f.until([&] { return f.link_frames == 3; }));
    CHECK(f.vault.nonces == 2);
    CHECK(f.heard.empty());
}

TEST_CASE("pipeline: a link that is to have session keys and whose dialect cannot say their exchange stops the start, by name") {
    config::Config config = *config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml");
    auto dialects = *iso8583::load_dialects(GIRO_SOURCE_DIR "/firmware-config/dialects", config::dialects_of(config));
    dialects[0].fields[48].max = 37;
    CHECK(check_link_keys(config, dialects).has_value());
    config.links[0].key_ages.seconds = 60;
    const auto refused = check_link_keys(config, dialects);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Failure::Kind::config);
    CHECK(refused.error().what.starts_with("link gamma-host: dialect iso1987-ascii cannot say a key exchange"));
    dialects[0].fields[48].max = 38;
    CHECK(check_link_keys(config, dialects).has_value());
}

TEST_CASE("pipeline: a link whose dialect has no room for its PIN blocks stops the start, by name") {
    Fixture f;
    CHECK(check_pins(f.program.config, f.dialects).has_value());
    config::Config config = f.program.config;
    config.links[0].pin_format = config::ZonePinFormat::iso4;
    CHECK(check_pins(config, f.dialects).has_value());
    auto dialects = f.dialects;
    dialects[0].pin_field = 0;
    const auto refused = check_pins(config, dialects);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().what.starts_with("link gamma-host: dialect iso1987-ascii has no field for its PIN blocks of 16 bytes"));
}

TEST_CASE("pipeline: under an expired session key nothing new is decided: 79 with a MAC; what is known is answered, and 0800 taken") {
    Fixture f([](config::Config& c) { c.switching.session_key_requests = 2; });
    f.buy(1);
    f.buy(2);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    const std::uint64_t decided = f.journal.head().seq;
    f.buy(3);
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 4; }));
    CHECK(f.heard[2].code == "79");
    CHECK(f.heard[2].has_mac);
    CHECK(f.heard[3].code == "00");
    CHECK(f.journal.head().seq == decided);
    f.box.core->session_key(switching::purchase_of(1, 900'001), ByteArray<16>{std::byte{6}}, {}, f.clock.wall_ns());
    REQUIRE(f.pipeline.commit());
    f.buy(3);
    REQUIRE(f.until([&] { return f.heard.size() == 5; }));
    CHECK(f.heard[4].code == "00");
}

TEST_CASE("pipeline: each repeat of a request that waits for its issuer settles the one before with the gate") {
    Fixture f;
    f.link_up();
    f.buy(1, 11, "9700030000000011");
    REQUIRE(f.until([&] { return f.link_frames == 1; }));
    f.buy(1, 12, "9700030000000011");
    f.buy(1, 13, "9700030000000011");
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.heard[0].connection == 11);
    CHECK(f.heard[0].code == "none");
    CHECK(f.heard[1].connection == 12);
    CHECK(f.heard[1].code == "none");
    CHECK(f.link_frames == 1);
    // The last one gets the answer; the issuer is owed a reversal, whose card number the vault does not give back.
    CHECK(f.pipeline.reversals_unsendable() == 0);
    f.clock.advance_ms(60'000);
    f.pipeline.tick();
    REQUIRE(f.until([&] { return f.heard.size() == 3 && f.pipeline.reversals_unsendable() == 1; }));
    CHECK(f.heard[2].connection == 13);
    CHECK(f.heard[2].code == "91");
    CHECK(f.link_frames == 1);
}

TEST_CASE("pipeline: terminals of several dialects and an issuer of another hear each their own") {
    Fixture f([](config::Config& config) {
        config.ports = {{"bcd", {}, false, "iso1987-bcd", {}}, {"new", {}, false, "iso2003", {}}};
        config.links.at(0).dialect = "iso1987-ebcdic";
    });
    REQUIRE(f.dialects.size() == 4);
    const iso8583::Dialect& issuer = f.dialects[3];
    f.link_up();
    for (const std::uint8_t dialect : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
        CAPTURE(int{dialect});
        const std::uint32_t stan = 10U + dialect;
        f.heard.clear();
        f.buy(stan, stan, "9700010000000013", dialect);
        REQUIRE(f.until([&] { return f.heard.size() == 1; }));
        CHECK(f.heard[0].code == "00");
        f.buy(stan + 10, stan, "9700030000000011", dialect);
        REQUIRE(f.until([&] { return f.link_frames == dialect + 1U; }));
        iso8583::Message forwarded;
        REQUIRE(iso8583::unpack(issuer, f.to_link, forwarded).has_value());
        PaymentRequest read;
        REQUIRE(iso8583::to_request(issuer, f.to_link, forwarded, read));
        CHECK(read.mti == 0x0200);
        CHECK(read.pan.reveal() == "9700030000000011");
        CHECK(read.amount == 100);
        CHECK(read.currency == 963);
        CHECK(read.terminal.view() == "T0000001");
        CHECK(read.rrn.view() == "RRN" + std::to_string(100'000'000 + stan + 10));
        CHECK(read.local_date.view() == pos::Stamp::at(f.clock.wall_ns()).local_date.view());
        f.link_answers(issuer, "51");
        REQUIRE(f.until([&] { return f.heard.size() == 2; }));
        CHECK(f.heard[1].code == "51");
        CHECK(f.heard[1].has_mac);
    }
}

TEST_CASE("pipeline: a dialect that the box does not speak, or a link that it does not know, is not read") {
    Fixture f;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    PaymentRequest request;
    const Buffer raw = f.purchase(2, 0);
    request.raw = raw;
    request.dialect = 7;
    f.send(request);
    request.dialect = 0;
    request.source = PaymentRequest::Source::link;
    request.link = 9;
    f.send(request);
    f.buy(3);
    REQUIRE(f.until([&] { return f.heard.size() == 2; }));
    CHECK(f.payments() == 2);
}

TEST_CASE("pipeline: a terminal's message is not read by a dialect that only a link has, whatever the gate says") {
    Fixture f([](config::Config& config) { config.links[0].dialect = "iso1993"; });
    f.buy(1, 1, "9700010000000013", 1);
    f.buy(2);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    CHECK(f.heard[0].connection == 2);
    CHECK(f.payments() == 1);
    Fixture with_port([](config::Config& config) {
        config.ports.push_back({"new", {"127.0.0.1", 7899}, false, "iso1993"});
        config.links[0].dialect = "iso1993";
    });
    with_port.buy(1, 1, "9700010000000013", 1);
    REQUIRE(with_port.until([&] { return with_port.heard.size() == 1; }));
    CHECK(with_port.payments() == 1);
}

TEST_CASE("pipeline: a journal that fails ends the program, and no answer leaves") {
    Fixture f;
    f.buy(1);
    REQUIRE(f.until([&] { return f.heard.size() == 1; }));
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open(f.program.paths.journal().c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "DROP TABLE entries", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(other);
    f.buy(2);
    REQUIRE(f.until([&] { return f.failed.has_value(); }));
    CHECK(f.failed->what.find("journal.db") != std::string::npos);
    CHECK_FALSE(f.pipeline.commit());
    f.buy(3);
    bool waited = false;
    bus::Timer later(f.loop, [&] { waited = true; });
    later.once(50);
    REQUIRE(f.until([&] { return waited; }));
    CHECK(f.heard.size() == 1);
}

}  // namespace giro::appliance
