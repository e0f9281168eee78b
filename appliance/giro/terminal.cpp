#include "appliance/giro/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "payment/pin_device.hpp"

namespace giro::pos {

namespace {
constexpr std::uint32_t kStanMax = 999'999;
constexpr std::uint64_t kAskAgainAfterNs = 500'000'000;
constexpr std::string_view kKeyExpired = "79";
constexpr std::uint32_t kBehindMax = 3;  // key exchanges refused as older than the last: longer than a second

std::string_view answer_mti(Kind kind, const ReversalForm& form, Form sale) noexcept {
    switch (kind) {
        case Kind::network:
        case Kind::notice:
        case Kind::echo: return "0810";
        case Kind::reconciliation: return "0510";
        case Kind::sale:
        case Kind::repeat: return sale == Form::purchase ? "0210" : sale == Form::authorisation ? "0110" : "0230";
        case Kind::reversal: return form.upload ? "0330" : form.advice ? "0430" : "0410";
    }
    return "";
}

constexpr std::string_view kTooMuch = "96";
constexpr std::uint64_t kPauseFirstNs = 250'000'000, kPauseMaxNs = 16 * kPauseFirstNs;  // five times in eight seconds

bool is_network(Kind kind) noexcept { return kind == Kind::network || kind == Kind::echo || kind == Kind::notice; }

// Refusals that a box gives before it has the terminal's key, or a message to make a MAC of; and of a wrong MAC, so that
// nobody can turn a payment's MAC wrong and have its refusal proved; of a DUKPT key that it has left behind (94); and of what
// came to its gate while there was too much to do (96), or to the box while its vault is away (91).
bool may_lack_mac(std::string_view code) noexcept {
    return code == "58" || code == "30" || code == "12" || code == "63" || code == "94" || code == "91" || code == kTooMuch;
}

// A 0800 refused with these may be asked again; other refusals mean that terminal and box do not fit together.
bool passing(std::string_view code) noexcept { return code == "96" || code == "91" || code == "68"; }

Frame copy(const Frame& frame) noexcept {
    Frame out;
    std::memcpy(out.bytes.data(), frame.bytes.data(), frame.size);
    out.size = frame.size;
    return out;
}
}  // namespace

Terminal::Terminal(Identity identity, Keys keys, std::uint64_t timeout_ns, Shared& shared, Wire& wire,
                   Observer& observer)
    : m_identity(identity), m_keys(std::move(keys)), m_timeout_ns(timeout_ns), m_shared(shared), m_wire(wire),
      m_observer(observer) {
    if (m_keys.dukpt != nullptr) return;
    m_base_key = MacKey(m_keys.tmk, {}, m_identity.mac);
    m_session_key = MacKey(m_keys.tmk, {}, m_identity.mac);
}

MacKey& Terminal::key_of_new_message(bool network) {
    if (m_keys.dukpt == nullptr) return network ? m_base_key : m_session_key;
    m_session_key = m_keys.dukpt->next();
    return m_session_key;
}

// Under the PIN key that belongs to the message's MAC key: of DUKPT the last that was made, else the session's.
Buffer Terminal::pin_block() {
    if (m_sale.pin.empty()) return {};
    if (m_keys.dukpt != nullptr) return m_keys.dukpt->pin_block(m_sale.pin, m_sale.pan, m_shared.random);
    if (m_pin_key.empty()) return {};
    return m_identity.pin == vault::PinKeyKind::aes ? payment::seal_pin_iso4(m_pin_key, m_sale.pin, m_sale.pan, m_shared.random)
                                                    : payment::seal_pin_iso0(m_pin_key, m_sale.pin, m_sale.pan);
}

MessageBuilder::Built Terminal::build_sale(MacKey& key, bool repeat) {
    return m_shared.builder.purchase(m_frame, m_identity, m_sale, key, repeat, pin_block());
}

std::uint32_t Terminal::next_stan() noexcept {
    m_stan = m_stan == kStanMax ? 1 : m_stan + 1;
    return m_stan;
}

void Terminal::fail(std::string why) {
    m_state = State::failed;
    m_observer.failed(*this, fmt::format("terminal {}: {}", m_identity.terminal.view(), why));
}

void Terminal::start(MessageBuilder::Built built, UnderWay request, Now now) {
    if (!built) return fail(fmt::format("the dialect cannot carry this message: {}", built.error().text()));
    m_request = request;
    m_request.sent_ns = now.monotonic_ns;
    if (m_connected) m_wire.send(m_frame.view());
}

void Terminal::connected(Now now) {
    m_connected = true;
    if (m_state == State::waiting) m_wire.send(m_frame.view());
    else if (m_state == State::signing_on) ask_network(NetworkCode::sign_on, Kind::network, now.monotonic_ns, now);
    else if (m_state == State::exchanging) ask_network(NetworkCode::key_exchange, Kind::network, now.monotonic_ns, now);
}

void Terminal::ask_network(NetworkCode code, Kind kind, std::uint64_t meant_ns, Now now) {
    m_ask_again_ns = 0;
    const std::uint32_t stan = next_stan();
    start(m_shared.builder.network(m_frame, m_identity, code, stan, Stamp::at(now.wall_ns), key_of_new_message(true)),
          {.kind = kind, .stan = stan, .meant_ns = meant_ns}, now);
}

void Terminal::echo(std::uint64_t meant_ns, Now now) {
    ASSERT(ready());
    m_state = State::waiting;
    ask_network(NetworkCode::echo, Kind::echo, meant_ns, now);
}

void Terminal::notify(NetworkCode code, Now now) {
    ASSERT(ready());
    m_state = State::waiting;
    ask_network(code, Kind::notice, now.monotonic_ns, now);
}

void Terminal::reconcile(const Claim& claim, Now now) {
    ASSERT(ready());
    m_state = State::waiting;
    m_claim = claim;
    m_claim_rrn = m_shared.rrns.next();
    m_form_stamp = Stamp::at(now.wall_ns);
    const std::uint32_t stan = next_stan();
    start(m_shared.builder.reconciliation(m_frame, m_identity, {claim, m_claim_rrn, stan, m_form_stamp}, key_of_new_message(false)),
          {.kind = Kind::reconciliation, .stan = stan, .meant_ns = now.monotonic_ns}, now);
}

void Terminal::sell(Pan pan, std::string qr, MinorUnits amount, bool spoil_mac, std::uint64_t meant_ns, Now now,
                    std::string pin, CardData card) {
    start_sale({.pan = pan, .qr = std::move(qr), .amount = amount, .rrn = m_shared.rrns.next(), .stamp = Stamp::at(now.wall_ns),
                .pin = std::move(pin), .card = std::move(card)},
               spoil_mac, meant_ns, now);
}

void Terminal::sell_offline(Pan pan, MinorUnits amount, bool spoil_mac, std::uint64_t meant_ns, Now now, CardData card) {
    start_sale({.pan = pan, .qr = {}, .amount = amount, .rrn = m_shared.rrns.next(), .stamp = Stamp::at(now.wall_ns), .form = Form::completion,
                .card = std::move(card)},
               spoil_mac, meant_ns, now);
}

void Terminal::authorise(Pan pan, MinorUnits amount, Now now, std::string pin, CardData card) {
    start_sale({.pan = pan, .qr = {}, .amount = amount, .rrn = m_shared.rrns.next(), .stamp = Stamp::at(now.wall_ns), .form = Form::authorisation,
                .pin = std::move(pin), .card = std::move(card)},
               false, now.monotonic_ns, now);
}

void Terminal::raise(const Sale& authorised, MinorUnits amount, Now now) {
    follow(authorised, Form::authorisation, amount, now);
}

void Terminal::complete(const Sale& authorised, MinorUnits amount, Now now) {
    follow(authorised, Form::completion, amount, now);
}

// What names another keeps its RRN and local time.
void Terminal::follow(const Sale& authorised, Form form, MinorUnits amount, Now now) {
    Sale sale = authorised;
    sale.pin.clear();  // the customer has gone, and the card
    sale.card = {};
    sale.form = form;
    sale.amount = amount;
    sale.original_stan = authorised.stan;
    sale.original_transmission = authorised.stamp.transmission;
    sale.stamp.transmission = Stamp::at(now.wall_ns).transmission;
    start_sale(std::move(sale), false, now.monotonic_ns, now);
}

void Terminal::start_sale(Sale sale, bool spoil_mac, std::uint64_t meant_ns, Now now) {
    ASSERT(ready());
    m_state = State::waiting;
    m_sale = std::move(sale);
    m_sale.stan = next_stan();
    const auto built = build_sale(key_of_new_message(false), false);
    m_sale_ksn = m_session_key.ksn();
    if (built && spoil_mac) m_frame.spoil_mac();
    m_sale_frame.size = m_frame.size;
    std::memcpy(m_sale_frame.bytes.data(), m_frame.bytes.data(), m_frame.size);
    start(built, {.kind = Kind::sale, .stan = m_sale.stan, .meant_ns = meant_ns}, now);
}

void Terminal::repeat_sale(Now now, bool as_repeat) {
    ASSERT(ready() && m_sale_frame.size != 0);
    m_state = State::waiting;
    MessageBuilder::Built built;
    if (as_repeat) {
        MacKey& key = m_session_key.ksn() == m_sale_ksn ? m_session_key : key_of_new_message(false);
        built = build_sale(key, true);
    }
    else m_frame = copy(m_sale_frame);
    start(built, {.kind = Kind::repeat, .stan = m_sale.stan, .meant_ns = now.monotonic_ns}, now);
}

void Terminal::reverse(const Sale& sale, Now now, ReversalForm form) {
    ASSERT(ready());
    start_reversal(sale, false, now, form);
}

void Terminal::start_reversal(const Sale& sale, bool forced, Now now, ReversalForm form) {
    m_state = State::waiting;
    m_reversed = sale;
    m_form = form;
    m_form_stamp = Stamp::at(now.wall_ns);
    const std::uint32_t stan = next_stan();
    start(m_shared.builder.reversal(m_frame, m_identity, m_reversed, stan, m_form_stamp, key_of_new_message(false), m_form),
          {.kind = Kind::reversal, .forced = forced, .stan = stan, .meant_ns = now.monotonic_ns}, now);
}

// The same but for its MTI and MAC.
void Terminal::repeat_request(Now now) {
    m_form.repeat = true;
    const bool reversal = m_request.kind == Kind::reversal;
    const bool left_behind = m_code_without_mac.view() == "94";  // the box has seen a later KSN
    MacKey& key = left_behind ? key_of_new_message(false) : m_session_key;
    if (m_request.kind == Kind::reconciliation)
        return start(m_shared.builder.reconciliation(m_frame, m_identity, {m_claim, m_claim_rrn, m_request.stan, m_form_stamp},
                                                     key, true),
                     m_request, now);
    start(reversal ? m_shared.builder.reversal(m_frame, m_identity, m_reversed, m_request.stan, m_form_stamp, key, m_form)
                   : build_sale(key, true),
          m_request, now);
}

bool Terminal::believable(const Answer& answer, Bytes message) {
    const bool network = is_network(m_request.kind);
    if (!answer.has_mac) return network && may_lack_mac(answer.code.view());
    return m_shared.reader.mac_good(message, network && m_keys.dukpt == nullptr ? m_base_key : m_session_key);
}

void Terminal::received(Bytes message, Now now) {
    if (m_state == State::failed) return;
    const auto answer = m_shared.reader.read(message, m_identity.currency);
    if (!answer || answer->code.empty()) return m_observer.odd(*this, Observer::Oddity::malformed);
    if (m_state == State::ready || m_request.stan == 0) return m_observer.odd(*this, Observer::Oddity::late);
    // A box that could not read the request names it as far as it could: 12 and 30 may lack STAN and terminal.
    const bool nameless = !answer->has_mac && answer->terminal.empty() && answer->stan == 0;
    if (!nameless && !answers(*answer, m_identity, m_request.stan))
        return m_observer.odd(*this, Observer::Oddity::late);
    m_code_without_mac = answer->has_mac ? ResponseCode() : answer->code;
    const bool network = is_network(m_request.kind);
    if (!network && !answer->has_mac && may_lack_mac(answer->code.view()) && answer->mti == answer_mti(m_request.kind, m_form, m_sale.form))
        return refused_without_mac(answer->code, now);
    const bool other_type = answer->mti != answer_mti(m_request.kind, m_form, m_sale.form);
    // The answer to the sale that is being reversed, at last.
    if (other_type && m_request.kind == Kind::reversal) return m_observer.odd(*this, Observer::Oddity::late);
    if (other_type || !believable(*answer, message)) return m_observer.odd(*this, Observer::Oddity::mac_failure);
    if (!network && m_request.kind != Kind::reconciliation &&
        !matches(*answer, m_request.kind == Kind::reversal ? m_reversed : m_sale))
        return m_observer.odd(*this, Observer::Oddity::mismatch);
    finish(*answer, now);
}

void Terminal::finish(const Answer& answer, Now now) {
    if (m_request.kind == Kind::network) return network_answered(answer, now);
    if (answer.code.view() == kKeyExpired && m_keys.dukpt == nullptr && !is_network(m_request.kind)) return exchange_first(now);
    Outcome outcome;
    outcome.kind = m_request.kind;
    outcome.answered = true;
    outcome.forced = m_request.forced;
    outcome.code = answer.code;
    outcome.auth_code = answer.auth_code;
    outcome.totals = answer.totals;
    outcome.chip = answer.chip;
    outcome.stan = m_request.stan;
    outcome.latency_ns = now.monotonic_ns - std::min(m_request.meant_ns, now.monotonic_ns);
    m_request.stan = 0;
    m_state = State::ready;
    m_observer.done(*this, outcome);
}

void Terminal::network_answered(const Answer& answer, Now now) {
    const std::string_view code = answer.code.view();
    m_request.stan = 0;
    // Within a second the STAN orders what 0800 changes: a terminal that started again in one may be behind, in the next not.
    const bool behind = code == "94" && m_keys.dukpt == nullptr && m_behind++ < kBehindMax;
    if (passing(code) || behind) {
        m_ask_again_ns = now.monotonic_ns + kAskAgainAfterNs;
        return;
    }
    if (code != "00") return fail(fmt::format("sign-on refused with {}: {}", code, response_words(code)));
    if (m_state == State::exchanging) return take_new_key(answer, now);
    if (m_keys.dukpt != nullptr) return signed_on();
    m_state = State::exchanging;
    ask_network(NetworkCode::key_exchange, Kind::network, now.monotonic_ns, now);
}

// Nothing was decided: what is under way is said again under the new key, as the repeat that it then is.
void Terminal::exchange_first(Now now) {
    m_held = m_request;
    m_state = State::exchanging;
    ask_network(NetworkCode::key_exchange, Kind::network, now.monotonic_ns, now);
}

void Terminal::take_new_key(const Answer& answer, Now now) {
    const auto key = parse_new_key(answer.additional);
    if (!key) return fail("the key exchange was answered without a nonce and check value");
    MacKey session(m_keys.tmk, key->nonce, m_identity.mac);
    if (session.kcv() != key->kcv)
        return fail("the new key's check value differs: this terminal's master key is not the one in the box");
    if (key->pins) {
        const bool aes = m_identity.pin == vault::PinKeyKind::aes;
        m_pin_key = vault::derive_pin_key(m_keys.tmk, key->nonce, m_identity.pin);
        if (vault::pin_kcv(m_pin_key, m_identity.pin) != (aes ? key->pins->aes : key->pins->tdes))
            return fail("the new PIN key's check value differs: this terminal and the box do not derive it alike");
    }
    m_session_key = std::move(session);
    m_behind = 0;
    if (!m_held) return signed_on();
    m_request = *std::exchange(m_held, std::nullopt);
    m_state = State::waiting;
    repeat_request(now);
    if (m_request.kind == Kind::sale || m_request.kind == Kind::repeat) m_sale_frame = copy(m_frame);
}

void Terminal::signed_on() {
    m_state = State::ready;
    m_observer.ready(*this);
}

void Terminal::tick(Now now) {
    if (m_state == State::ready || m_state == State::failed) return;
    if (m_request.stan == 0) {
        if (m_connected && m_ask_again_ns != 0 && now.monotonic_ns >= m_ask_again_ns) connected(now);
        return;
    }
    if (m_request.again_ns != 0) {
        if (now.monotonic_ns < m_request.again_ns) return;
        m_request.again_ns = 0;
        return repeat_request(now);
    }
    if (now.monotonic_ns - std::min(m_request.sent_ns, now.monotonic_ns) >= m_timeout_ns) timed_out(now);
}

// What has happened, or names what has: nothing to take back.
bool Terminal::is_told_until_heard() const noexcept {
    if (m_request.kind == Kind::reversal || m_request.kind == Kind::reconciliation) return true;
    return m_request.kind == Kind::sale && (m_sale.form == Form::completion || m_sale.original_stan != 0);
}

void Terminal::timed_out(Now now) {
    if (m_request.kind == Kind::network) {
        m_request.stan = 0;
        if (m_connected) connected(now);
        return;
    }
    if (is_told_until_heard()) return repeat_request(now);
    end_undecided({}, now);
}

// No decision: whoever is on the way could have said it, and the payment may be posted. It is taken back at once. A
// reversal is sent again in its own time.
void Terminal::refused_without_mac(const ResponseCode& code, Now now) {
    m_observer.odd(*this, Observer::Oddity::unproven);
    if (is_told_until_heard() || says_again_later(code, now)) return;
    Outcome outcome;
    outcome.unproven = code;
    end_undecided(outcome, now);
}

// A box with too much to do is not helped by a reversal, which costs it as much: the sale is said once more, as its repeat, after
// a pause that grows; what it may have decided all the same is then heard. At last the sale is taken back.
bool Terminal::says_again_later(const ResponseCode& code, Now now) {
    if (code.view() != kTooMuch || m_request.kind != Kind::sale || m_request.pause_ns >= kPauseMaxNs) return false;
    m_request.pause_ns = m_request.pause_ns == 0 ? kPauseFirstNs : 2 * m_request.pause_ns;
    m_request.again_ns = now.monotonic_ns + m_request.pause_ns;
    return true;
}

void Terminal::end_undecided(Outcome outcome, Now now) {
    outcome.kind = m_request.kind;
    outcome.stan = m_request.stan;
    outcome.latency_ns = now.monotonic_ns - std::min(m_request.meant_ns, now.monotonic_ns);
    if (m_request.kind == Kind::sale) {
        const bool silent = outcome.unproven.empty();
        start_reversal(m_sale, true, now, {.why = silent ? MessageReason::timeout : MessageReason::invalid_answer});
    } else {
        m_request.stan = 0;
        m_state = State::ready;
    }
    m_observer.done(*this, outcome);
}

}  // namespace giro::pos
