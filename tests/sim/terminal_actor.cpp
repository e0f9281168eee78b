// A till and its network: loses frames, cuts connections, and lets a copy of a request come again later by another
// connection, which is how a stream network repeats and reorders.
#include <fmt/format.h>

#include <algorithm>

#include "appliance/giro/demo.hpp"
#include "iso8583/chip.hpp"
#include "payment/dukpt_device.hpp"
#include "payment/pin_device.hpp"
#include "tests/sim/actors.hpp"
#include "util/file.hpp"

namespace giro::sim {

namespace {
const std::string kDoor = "127.0.0.1:7801";
constexpr std::uint64_t kAnswerTimeout_ns = 5 * kSecond;
constexpr std::uint64_t kTick_ns = 500 * kMillisecond;

pos::Identity identity(std::uint32_t index) {
    // Of those with session keys each other one seals PINs under TDES.
    const auto pin = index % 2 == 0 ? vault::PinKeyKind::aes : vault::PinKeyKind::tdes;
    return {demo::terminal(index), MerchantId(demo::kMerchant), AcquirerId(demo::kAcquirer), 963, vault::MacKind::aes_cmac, pin};
}
Secret key_of(const Template& t, const std::string& name) {
    Secret copy(t.terminal_keys.at(name).size());
    std::ranges::copy(t.terminal_keys.at(name).reveal(), copy.writable().begin());
    return copy;
}

// A terminal's secure element, which loses nothing.
class DukptDevice final : public pos::MessageKeys {
  public:
    DukptDevice(Secret initial_key, const payment::Ksn& ksn) : m_initial_key(std::move(initial_key)), m_ksn(ksn) {}
    pos::MacKey next() override {
        do m_ksn = m_ksn.with_counter(m_ksn.counter() + 1);
        while (!m_ksn.is_counting());
        auto keys = payment::dukpt_working_keys(m_initial_key, m_ksn);
        m_pin_key = std::move(keys.pin);
        return {m_ksn, keys.mac_request, keys.mac_response};
    }
    Buffer pin_block(std::string_view pin, const Pan& pan, giro::Random& random) override {
        return payment::seal_pin_iso4(m_pin_key, pin, pan, random);
    }

  private:
    Secret m_initial_key, m_pin_key;
    payment::Ksn m_ksn;
};

pos::Keys keys_of(const Template& t, std::uint32_t index) {
    Secret key = key_of(t, demo::terminal(index).str());
    if (index < kDukptFrom) return key;
    return std::unique_ptr<pos::MessageKeys>(std::make_unique<DukptDevice>(std::move(key), demo::dukpt_ksn(index)));
}
}  // namespace

std::string key_of_sale(std::string_view terminal, std::uint32_t stan, std::string_view rrn) {
    return fmt::format("{}/{:06}/{}", terminal, stan, rrn);
}

std::string key_of_reconciliation(std::string_view terminal, std::uint32_t stan) {
    return fmt::format("reconciliation/{}/{:06}", terminal, stan);
}

std::string key_of_upload(std::string_view terminal, std::uint32_t stan, std::string_view rrn) {
    return fmt::format("upload/{}/{:06}/{}", terminal, stan, rrn);
}

// An advice or an upload that is refused leaves no entry: it may be asked again.
static bool is_decision(const pos::Answer& answer) noexcept {
    static constexpr std::string_view kTypes[] = {"0110", "0210", "0410", "0430", "0510"};
    if (answer.mti == "0330") return answer.code.view() == "00" || answer.code.view() == "95";
    if (answer.mti == "0230") return answer.code.view() == "00";
    return std::ranges::find(kTypes, answer.mti) != std::end(kTypes);
}

bool decides(std::string_view code) noexcept {
    return code != "91" && code != "96" && code != "63" && code != "30" && code != "12" && code != "58" && code != "79" &&
           code != "25" && code != "68";
}

void WorldRandom::fill(MutableBytes out) {
    for (std::byte& b : out) b = static_cast<std::byte>(m_world.entropy.next() >> 32);
}

Outside::Outside(Box& b, Weather& w, Ears& e)
    : box(b),
      world(b.world()),
      weather(w),
      ears(e),
      random(b.world()),
      dialect(*iso8583::load_dialect(b.paths().dialects() / (b.config().gate.dialect + ".toml"))),
      terminals(dialect, random),
      reader(dialect) {}

TerminalActor::TerminalActor(Outside& outside, std::uint32_t index)
    : m_out(outside),
      m_terminal(identity(index), keys_of(outside.box.made(), index), kAnswerTimeout_ns,
                 outside.terminals, *this, *this) {}

void TerminalActor::start() {
    m_out.world.at(m_out.world.random.below(kSecond), [this] { act(); });
}

std::string TerminalActor::state() const {
    return fmt::format("{} in state {}, {}", m_terminal.identity().terminal.view(),
                       static_cast<int>(m_terminal.state()),
                       m_stream != nullptr && m_stream->open() ? "connected" : "not connected");
}

void TerminalActor::connect() {
    if (m_connecting || (m_stream != nullptr && m_stream->open())) return;
    m_connecting = true;
    const std::uint64_t mine = ++m_connection;
    m_deframer = std::make_unique<net::Deframer>(iso8583::kFrameBytesMax);
    StreamEvents events;
    events.opened = [this, mine] {
        if (mine != m_connection) return;
        m_connecting = false;
        m_terminal.connected(m_out.now());
    };
    events.received = [this, mine](Bytes bytes) {
        if (mine == m_connection) received(bytes);
    };
    events.closed = [this, mine] {
        if (mine != m_connection) return;
        m_connecting = false;
        m_terminal.disconnected();
    };
    m_stream = connect_to(kDoor, std::move(events));
}

void TerminalActor::received(Bytes bytes) {
    static_cast<void>(m_deframer->feed(bytes, [this](Bytes message) {
        if (!m_out.weather.calm && m_out.percent(m_out.weather.loss_percent)) {
            ++m_out.weather.lost;
            return true;
        }
        hear(message);
        m_terminal.received(message, m_out.now());
        return true;
    }));
}

// Whatever the box says with a MAC is said, whether this terminal still waits for it or not.
void TerminalActor::hear(Bytes message) {
    const auto answer = m_out.reader.read(message);
    if (answer && !answer->has_mac) return hear_gate(*answer);
    if (!answer || !is_decision(*answer)) return;
    m_out.world.mix(answer->stan);
    if (m_out.world.traces())
        m_out.world.trace(fmt::format("terminal {} heard {} {} to STAN {:06}", answer->terminal.view(), answer->mti,
                                      answer->code.view(), answer->stan));
    const std::string request = answer->mti == "0510" ? key_of_reconciliation(answer->terminal.view(), answer->stan)
                                : answer->mti == "0330" ? key_of_upload(answer->terminal.view(), answer->stan, answer->rrn.view())
                                                        : key_of_sale(answer->terminal.view(), answer->stan, answer->rrn.view());
    m_out.ears.hear({request, answer->mti[1] == '4',
                     std::string(answer->code.view()), std::string(answer->auth_code.view()), m_out.world.time_ns()});
}

// The gate's own refusals name no payment (DE37).
void TerminalActor::hear_gate(const pos::Answer& answer) {
    if (answer.code.view() != "96" || !answer.rrn.empty()) return;
    ++m_out.weather.shed;
    if (answer.mti != "0110" && answer.mti != "0210" && answer.mti != "0810")
        m_out.ears.shed(fmt::format("{} of {} with STAN {:06}", answer.mti, answer.terminal.view(), answer.stan));
}

void TerminalActor::send(Bytes frame) {
    Weather& w = m_out.weather;
    if (!w.calm && m_out.percent(w.duplicate_percent)) duplicate(frame);
    if (!w.calm && m_out.percent(w.loss_percent)) {
        ++w.lost;
        if (m_out.world.random.one_in(3) && m_stream != nullptr) m_stream->cut();
        return;
    }
    if (m_stream != nullptr) m_stream->send(frame);
}

void TerminalActor::duplicate(Bytes frame) {
    ++m_out.weather.duplicated;
    auto copy = std::make_shared<Buffer>(frame.begin(), frame.end());
    m_out.world.at(m_out.world.random.below(m_out.weather.late_max_ns), [this, copy] {
        auto deframer = std::make_shared<net::Deframer>(iso8583::kFrameBytesMax);
        auto stream = std::make_shared<std::shared_ptr<ActorStream>>();
        StreamEvents events;
        events.opened = [stream, copy] { (*stream)->send(*copy); };
        events.received = [this, deframer](Bytes bytes) {
            static_cast<void>(deframer->feed(bytes, [this](Bytes message) {
                hear(message);
                return true;
            }));
        };
        *stream = connect_to(kDoor, std::move(events));
        m_out.world.at(6 * kSecond, [stream] {
            (*stream)->close();
            stream->reset();
        });
    });
}

void TerminalActor::act() {
    m_terminal.tick(m_out.now());
    if (!(m_stream != nullptr && m_stream->open()))
        connect();
    else if (!m_out.weather.calm && m_out.world.random.one_in(40))
        m_stream->cut();
    if (m_terminal.ready() && m_stream != nullptr && m_stream->open() && !m_out.weather.calm) {
        const std::uint64_t dice = m_out.world.random.below(20);
        if (m_signed_off && dice < 8)
            notify(pos::NetworkCode::sign_on);
        else if (dice < 11)
            sell();
        else if (dice < 12)
            sell_offline();
        else if (dice < 14)
            authorise_or_follow();
        else if (dice < 16 && m_terminal.last_sale().stan != 0)
            m_terminal.repeat_sale(m_out.now(), dice == 15);
        else if (dice < 19 && !m_approved.empty())
            reverse();
        else if (m_out.world.random.one_in(2))
            end_of_day();
        else
            m_terminal.echo(m_out.now().monotonic_ns, m_out.now());
    }
    m_out.world.at(m_terminal.ready() ? 50 * kMillisecond + m_out.world.random.below(kTick_ns) : kTick_ns / 2,
                   [this] { act(); });
}

// Off and on again, cut over, or reconciled: with what the box has counted, as far as this till can know, or anything else.
void TerminalActor::end_of_day() {
    auto& random = m_out.world.random;
    static constexpr pos::NetworkCode kCodes[] = {pos::NetworkCode::sign_off, pos::NetworkCode::cut_over};
    if (random.one_in(2)) return notify(kCodes[random.below(2)]);
    Claim claim;
    claim.say(Total::net, m_net + (random.one_in(4) ? 1 : 0));
    if (random.one_in(3)) claim.say(Total::debits, static_cast<std::int64_t>(random.below(5)));
    if (m_out.dialect.edition != iso8583::Edition::y1987) claim.checkpoint = random.one_in(3);
    m_checkpoint = claim.checkpoint;
    m_terminal.reconcile(claim, m_out.now());
}

void TerminalActor::notify(pos::NetworkCode code) {
    m_noticed = code;
    m_terminal.notify(code, m_out.now());
}

// An answer to the card itself is its issuer's, or there is none: it may have paid elsewhere meanwhile.
void TerminalActor::let_card_read(const pos::Sale& sale, const pos::Outcome& outcome) {
    const auto tag91 = iso8583::chip_tag(outcome.chip, 0x91);
    const auto cryptogram = iso8583::chip_tag(sale.card.chip, 0x9F26);
    if (!m_dipped || !tag91 || !cryptogram) return;
    const auto name = m_dipped->cvn == 10 ? demo::kAlphaChipKey : demo::kBetaChipKey;
    const Secret key = payment::chip_card_key(pin_key(name), sale.pan, m_dipped->psn);
    if (!payment::is_issuers_answer(key, *m_dipped, *cryptogram, *tag91, outcome.approved()))
        m_out.ears.disbelieve(fmt::format("the card of STAN {:06} at {} does not believe {}", sale.stan,
                                          m_terminal.identity().terminal.view(), outcome.code.view()));
}

void TerminalActor::done(pos::Terminal& terminal, const pos::Outcome& outcome) {
    const bool answers_card = outcome.kind == pos::Kind::sale || outcome.kind == pos::Kind::repeat;
    if (answers_card && outcome.answered) let_card_read(terminal.last_sale(), outcome);
    if (outcome.kind == pos::Kind::sale && outcome.approved()) {
        const pos::Sale& sale = terminal.last_sale();
        if (sale.form != pos::Form::authorisation) m_approved.push_back(sale);
        else if (sale.original_stan == 0) m_authorised.push_back(sale);
    }
    // Right as long as nothing was lost on the way or reversed.
    if (outcome.kind == pos::Kind::sale && outcome.approved() && terminal.last_sale().form != pos::Form::authorisation)
        m_net += terminal.last_sale().amount;
    if (outcome.kind == pos::Kind::reconciliation && outcome.answered && !m_checkpoint) m_net = 0;
    // A sign-off that was not answered may have come to be: so it signs on.
    if (outcome.kind == pos::Kind::notice && m_noticed == pos::NetworkCode::sign_off) m_signed_off = true;
    if (outcome.kind == pos::Kind::notice && m_noticed == pos::NetworkCode::sign_on && outcome.approved()) m_signed_off = false;
    if (m_authorised.size() > 4) m_authorised.erase(m_authorised.begin());
    if (m_approved.size() > 8) m_approved.erase(m_approved.begin());
}

// What it did not believe says most about a terminal that does not come to its end.
void TerminalActor::odd(pos::Terminal& terminal, Oddity oddity) {
    static constexpr std::string_view kWords[] = {"a wrong MAC", "another payment's answer", "a late answer",
                                                  "no message", "a refusal without a MAC"};
    if (m_out.world.traces())
        m_out.world.trace(fmt::format("terminal {} heard {} {}", terminal.identity().terminal.view(),
                                      kWords[static_cast<std::size_t>(oddity)], terminal.code_without_mac().view()));
}

void TerminalActor::failed(pos::Terminal&, const std::string& why) {
    if (m_out.world.traces()) m_out.world.trace(why);
}

}  // namespace giro::sim
