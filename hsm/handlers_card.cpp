// The switch's verbs on PINs and card verification values. Clear PINs live and die in this file's calls.
#include <algorithm>

#include "hsm/handlers.hpp"
#include "hsm/payment/cvv.hpp"
#include "hsm/payment/dukpt.hpp"
#include "hsm/payment/pin_translate.hpp"
#include "hsm/payment/pin_verify.hpp"
#include "hsm/payment/wrong_values.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"

namespace giro::hsm {

namespace {
// Counters that one item sets: its KSN's, and of its card the wrong PINs, one of their marks and their question.
constexpr std::size_t kCountersOfItem = 4;
static_assert(vault::kBatchItemsMax * kCountersOfItem <= CounterFile::kBatchRecordsMax);

PinFormat format_of(vault::PinFormat format) noexcept {
    return static_cast<PinFormat>(format);
}

// The key a PIN came under: made for one KSN, or the terminal's for its session. Empty: there is none for it. A key of the
// store is none, whatever its header allows: under a zone key a block that the vault itself has translated could be asked
// about, as often as its caller likes.
struct PinKeyHolder {
    std::optional<PinKey> key;
    DukptKeys dukpt;
};
Ck<void> find_pin_key(Vault& vault, const vault::EncryptedPin& pin, PinKeyHolder& out) {
    if (pin.ksn.empty()) {
        const bool of_session = pin.key.empty() && !pin.terminal.empty() && pin.nonce != vault::Nonce{};
        if (!of_session) return {};
        const auto kind = pin.format == vault::PinFormat::iso4 ? vault::PinKeyKind::aes : vault::PinKeyKind::tdes;
        const auto key = vault.present()->terminal_keys.pin_key(pin.terminal, pin.nonce, kind);
        if (!key) return tl::unexpected(key.error());
        out.key.emplace(*key);
        return {};
    }
    PaymentKey* stored = vault.present()->payment_keys.find(pin.key.view());
    if (stored == nullptr) return {};
    if (const auto done = dukpt_pin_key(vault.present()->session(), *stored, pin.ksn, out.dukpt); !done) return done;
    if (out.dukpt.pin_in_memory)
        out.key.emplace(out.dukpt.memory);
    else if (out.dukpt.token)
        out.key.emplace(KeyRef{out.dukpt.token->handle(), Cipher::aes});
    return {};
}

// The clear PIN of an item; false where there is none to be had. A KSN enciphers one PIN: one whose counter was used, or one
// after it, is refused; only a block that holds a PIN under its key moves the counter, so a stranger cannot burn it. In
// memory: the verb commits.
Ck<bool> open_pin(Vault& vault, const vault::EncryptedPin& pin, const Pan& pan, ClearPin& out) {
    if (pan.empty()) return false;
    const CounterId id = ksn_id("pin-ksn", pin.key.view(), pin.ksn);
    const std::uint32_t counter = ksn_counter(pin.ksn);
    if (!pin.ksn.empty() && counter <= vault.counters().value(id)) return false;
    PinKeyHolder holder;
    if (const auto done = find_pin_key(vault, pin, holder); !done) return tl::unexpected(done.error());
    if (!holder.key) return false;
    const auto opened =
        decipher_pin(vault.present()->session(), *holder.key, format_of(pin.format), pin.block, pan, out);
    if (opened && *opened && !pin.ksn.empty()) vault.counters().set(id, counter);
    return opened;
}

Verdict<Buffer> translate(Vault& vault, const vault::PinTranslate::Item& item) {
    if (!is_translation_permitted(format_of(item.pin.format), format_of(item.to))) return Buffer();
    const PaymentKey* to = vault.present()->payment_keys.find(item.to_key.view());
    if (to == nullptr || !to->is("P0") || to->header.mode == 'D') return Buffer();
    ClearPin pin;
    const auto opened = open_pin(vault, item.pin, item.pan, pin);
    if (!opened) return token_failed(opened.error());
    if (!*opened) return Buffer();
    Buffer block(block_bytes(format_of(item.to)));
    const auto sealed =
        encipher_pin(vault.present()->session(), PinKey(to->ref()), format_of(item.to), pin, item.pan, block);
    if (!sealed) return token_failed(sealed.error());
    return *sealed ? block : Buffer();
}

// Does the PIN match what is on file? Nothing: the item's parameters or key do not allow to say.
Ck<std::optional<bool>> matches(const Session& session, const PaymentKey& pvk, const vault::PinVerify::Item& item,
                                const ClearPin& pin) {
    const auto say = [](const CkError& error) -> Ck<std::optional<bool>> {
        if (error.code == CKR_ARGUMENTS_BAD) return std::nullopt;
        return tl::unexpected(error);
    };
    if (item.method == vault::PinMethod::visa_pvv) {
        if (!pvk.is("V2")) return std::nullopt;
        const auto pvv = visa_pvv(session, pvk.main.handle(), item.pvki, pin, item.pan);
        if (!pvv) return say(pvv.error());
        return same_digits(*pvv, item.on_file);
    }
    if (!pvk.is("V1")) return std::nullopt;
    Wiped<16> natural;
    const auto done =
        ibm_natural_pin(session, pvk.main.handle(), {item.table, item.first, item.count, item.pad}, item.pan, natural);
    if (!done) return say(done.error());
    return same_digits(ibm_offset(pin, natural), item.on_file);
}

// What the PIN is compared with, and how. Above kMixedQuestions.
constexpr std::uint32_t kMixedQuestions = 1;
Ck<std::uint32_t> question_mark(Vault::Present& at, const vault::PinVerify::Item& item) {
    Buffer what;
    Writer w(what);
    w.text(item.pvk);
    w.bytes(item.table);
    for (const std::uint8_t b : {static_cast<std::uint8_t>(item.method), item.pvki, item.first, item.count, item.pad}) w.u8(b);
    w.bytes(item.on_file);
    const auto mac = cmac(at.session(), at.keys.storage_token, what);
    if (!mac) return tl::unexpected(mac.error());
    return load_le<std::uint32_t>(mac->data()) | 2U;
}

// What a wrong PIN was typed for, which it was and what it was compared with, under a key: the same again tells nobody anything,
// so it need not count; another PIN, question, or request's, always does. Never 0.
Ck<std::uint32_t> attempt_mark(Vault::Present& at, const vault::PinVerify::Item& item, std::uint32_t question, const ClearPin& pin) {
    Wiped<sizeof item.request + sizeof question + Pan::kDigitsMax + kPinDigitsMax> what;
    store_le(what.writable().data(), item.request);
    store_le(what.writable().data() + sizeof item.request, question);
    const auto digits_at = what.writable().begin() + sizeof item.request + sizeof question;
    std::ranges::copy(as_bytes(item.pan.reveal()), digits_at);
    std::ranges::copy(pin.digits(), digits_at + Pan::kDigitsMax);
    what.writable()[what.size() - 1] ^= static_cast<std::byte>(pin.size() << 4);
    const auto mac = cmac(at.session(), at.keys.storage_token, what.reveal());
    if (!mac) return tl::unexpected(mac.error());
    return load_le<std::uint32_t>(mac->data()) | 1U;
}

// Whether a right PIN may forget the wrong ones: a block under a session key does so once. It can be had again by whoever recorded
// it, and would else give two more guesses each time. A KSN's is good once as it is.
bool forgets(Vault& vault, const vault::EncryptedPin& pin) {
    if (!pin.ksn.empty()) return true;
    Buffer what;
    Writer w(what);
    w.text(pin.terminal);
    w.bytes(pin.nonce);
    w.bytes(pin.block);
    const CounterId block = counter_id("pin-block", what);
    if (vault.counters().value(block) != 0) return false;
    vault.counters().set(block, 1);
    return true;
}

Verdict<vault::PinVerify::Result> verify(Vault& vault, const vault::PinVerify::Item& item) {
    using enum vault::PinVerdict;
    Vault::Present& at = *vault.present();
    const PaymentKey* pvk = at.payment_keys.find(item.pvk.view());
    if (pvk == nullptr || item.pan.empty()) return vault::PinVerify::Result{refused, 0};
    const auto card = cmac(at.session(), at.keys.storage_token, as_bytes(item.pan.reveal()));
    if (!card) return token_failed(card.error());
    const CounterId id = counter_id("pin", *card);
    // The wrong ones that count, by their marks: all that there can be before the card is locked.
    const std::array<CounterId, vault::kPinAttemptsMax - 1> counted = {counter_id("pin-request", *card), counter_id("pin-request-2", *card)};
    const std::uint32_t wrong_before = vault.counters().value(id);
    if (wrong_before >= vault::kPinAttemptsMax) return vault::PinVerify::Result{locked, 0};
    const auto left = [&](std::uint32_t wrong_now) {
        return static_cast<std::uint8_t>(vault::kPinAttemptsMax - wrong_now);
    };

    ClearPin pin;
    const auto opened = open_pin(vault, item.pin, item.pan, pin);
    if (!opened) return token_failed(opened.error());
    if (!*opened) return vault::PinVerify::Result{refused, left(wrong_before)};
    const auto matched = matches(at.session(), *pvk, item, pin);
    if (!matched) return token_failed(matched.error());
    if (!*matched) return vault::PinVerify::Result{refused, left(wrong_before)};
    const auto question = question_mark(at, item);
    if (!question) return token_failed(question.error());
    const CounterId asked = counter_id("pin-question", *card);
    const std::uint32_t asked_before = wrong_before == 0 ? 0 : vault.counters().value(asked);
    const bool same_question = asked_before == 0 || asked_before == *question;
    if (**matched) {
        // A right PIN forgets wrong ones that were compared with the same. Who could ask a question of his own between two right
        // ones, as often as he likes, would find any PIN out.
        if (wrong_before != 0 && (!same_question || !forgets(vault, item.pin))) return vault::PinVerify::Result{good, left(wrong_before)};
        if (wrong_before != 0) vault.counters().set(id, 0);
        return vault::PinVerify::Result{good, vault::kPinAttemptsMax};
    }
    // The switch may have stopped before it could answer, and the terminal have asked again under its next KSN; meanwhile another
    // terminal may have asked about the same card.
    const auto mark = attempt_mark(at, item, *question, pin);
    if (!mark) return token_failed(mark.error());
    const auto end = counted.begin() + wrong_before;
    const bool again = item.request != 0 && std::any_of(counted.begin(), end, [&](const CounterId& one) { return vault.counters().value(one) == *mark; });
    if (again) return vault::PinVerify::Result{wrong, left(wrong_before)};
    if (wrong_before < counted.size()) vault.counters().set(counted[wrong_before], *mark);
    vault.counters().set(asked, same_question ? *question : kMixedQuestions);
    vault.counters().set(id, wrong_before + 1);
    return vault::PinVerify::Result{wrong, left(wrong_before + 1)};
}

Ck<bool> matches(const Session& session, const PaymentKey& key, const vault::CvvVerify::Item& item) {
    const auto value = cvv(session, {key.main.handle(), key.second.handle()}, item.pan, item.expiry.view(), item.service_code.view());
    if (!value && value.error().code != CKR_ARGUMENTS_BAD) return tl::unexpected(value.error());
    ByteArray<3> given{};
    for (std::size_t i = 0; i < given.size(); ++i) given[i] = static_cast<std::byte>(item.value.chars[i] - '0');
    return value && equal_constant_time(*value, given);
}

constexpr std::string_view kPrintedServiceCode = "000";  // CVV2

// One value of a message, and what is to be known of it when the next item is of the same message.
struct CvvTry {
    bool good = false;
    bool counted = false;    // as wrong
    bool may_join = false;   // the next one may be of the same message,
    bool printed = false;    // and is then of the other kind,
    CounterId card{};        // and of this card
    std::uint32_t before = 0;  // the card's counter when the message came
};

Ck<CvvTry> try_value(Vault& vault, const vault::CvvVerify::Item& item, const CvvTry& last, std::uint64_t now_s) {
    Vault::Present& at = *vault.present();
    const PaymentKey* key = at.payment_keys.find(item.key.view());
    if (key == nullptr || !key->is("C0") || item.pan.empty()) return CvvTry{};
    const auto card = cmac(at.session(), at.keys.storage_token, as_bytes(item.pan.reveal()));
    if (!card) return tl::unexpected(card.error());
    CvvTry out;
    out.card = counter_id("cvv", *card);
    // One of the stripe or chip and one that is printed: two of a kind are two guesses.
    out.printed = item.service_code.view() == kPrintedServiceCode;
    const bool joins = item.with_last && last.may_join && last.card == out.card && last.printed != out.printed;
    out.may_join = !joins;
    const std::uint32_t kept = vault.counters().value(out.card);
    out.before = joins ? last.before : no_later_than(kept, now_s);
    if (!joins && out.before != kept) vault.counters().set(out.card, out.before);
    if (wrong_values(out.before, now_s) >= kWrongValuesMax) return out;
    const auto good = matches(at.session(), *key, item);
    if (!good) return tl::unexpected(good.error());
    out.good = *good;
    out.counted = !*good || (joins && last.counted);
    if (!*good && !(joins && last.counted)) vault.counters().set(out.card, add_wrong_value(out.before, now_s));
    return out;
}

}  // namespace

Verdict<vault::PinTranslate::Reply> pin_translate(Vault& vault, const vault::PinTranslate::Request& request) {
    vault::PinTranslate::Reply reply;
    for (const auto& item : request.items) {
        auto block = translate(vault, item);
        if (!block) {
            vault.counters().forget();
            return tl::unexpected(block.error());
        }
        reply.blocks.push_back(std::move(*block));
    }
    return committed(vault, std::move(reply));
}

Verdict<vault::PinVerify::Reply> pin_verify(Vault& vault, const vault::PinVerify::Request& request) {
    vault::PinVerify::Reply reply;
    for (const auto& item : request.items) {
        const auto result = verify(vault, item);
        if (!result) {
            vault.counters().forget();
            return tl::unexpected(result.error());
        }
        reply.results.push_back(*result);
    }
    return committed(vault, std::move(reply));
}

Verdict<vault::CvvVerify::Reply> cvv_verify(Vault& vault, const vault::CvvVerify::Request& request) {
    const std::uint64_t now_s = SystemClock{}.wall_ns() / 1'000'000'000;
    vault::CvvVerify::Reply reply;
    CvvTry last;
    for (const auto& item : request.items) {
        const auto tried = try_value(vault, item, last, now_s);
        if (!tried) {
            vault.counters().forget();
            return token_failed(tried.error());
        }
        last = *tried;
        reply.good.push_back(tried->good);
    }
    return committed(vault, std::move(reply));
}

Verdict<vault::PinUnlock::Reply> pin_unlock(Vault& vault, const vault::PinUnlock::Request& request) {
    vault.counters().set(counter_id("pin", request.card), 0);
    return committed(vault, vault::PinUnlock::Reply{});
}

}  // namespace giro::hsm
