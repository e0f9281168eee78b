// The switch's verb on chip cards' cryptograms (hsm/payment/emv.hpp), and the ledger of their transaction counters.
//
// Of each card, by PAN and sequence number: "atc", the last ATC that was seen; "atc-request", a mark of the request and
// the cryptogram that the last ARQC came with; "atc-advice", a bit for each of the kAtcWindow ATCs up to the last one,
// set when an advice has used it; "atc-advice-request", a mark of the last such one. Only a good cryptogram moves them:
// nobody without the card burns its numbers.
#include <algorithm>

#include "hsm/handlers.hpp"
#include "hsm/payment/emv.hpp"
#include "util/bytes.hpp"

namespace giro::hsm {

namespace {
using enum vault::ArqcVerdict;

// Both CVNs begin with the same values, of fixed sizes: amounts 6 6, country 2, TVR 5, currency 2, date 3, type 1,
// unpredictable number 4, AIP 2; then the ATC, and what the card says of itself: CVN 10 its 4 bytes of verification results,
// CVN 18 the issuer application data (up to 32), in which they stand behind 3 bytes.
constexpr std::size_t kAtcAt = 31;
constexpr std::size_t kResultsBytes = 4;
std::size_t results_at(Cvn cvn) {
    return kAtcAt + sizeof(Atc) + (cvn == Cvn::cvn10 ? 0 : 3);
}

// By the card verification results (hsm/payment/emv.hpp): two bits for the second GENERATE AC, 10 when there was none, two for
// the first, 10 for an ARQC.
bool is_arqc(Cvn cvn, Bytes data) {
    return (data[results_at(cvn) + 1] >> 4) == std::byte{0x0a};
}

struct AtcIds {
    CounterId last, request, advice, advice_request;
};

AtcIds atc_ids(const vault::PanToken& card, std::uint8_t psn) {
    Buffer thing(card.begin(), card.end());
    thing.push_back(static_cast<std::byte>(psn));
    return {counter_id("atc", thing), counter_id("atc-request", thing), counter_id("atc-advice", thing),
            counter_id("atc-advice-request", thing)};
}

// What the last ARQC was and for which request, under a key: nobody can look for another request with the same. Never
// 0.
Ck<std::uint32_t> request_mark(Vault::Present& at, const vault::PanToken& card, const vault::ArqcVerify::Item& item) {
    constexpr std::string_view kUse = "arqc";  // card numbers and wrong PINs, which the key marks too, begin otherwise
    Buffer what;
    const std::byte psn[] = {static_cast<std::byte>(item.psn)};
    for (const Bytes part : {as_bytes(kUse), Bytes(item.request), Bytes(card), Bytes(psn), Bytes(item.arqc), item.data})
        what.insert(what.end(), part.begin(), part.end());
    const auto mac = cmac(at.session(), at.keys.storage_token, what);
    if (!mac) return tl::unexpected(mac.error());
    return load_le<std::uint32_t>(mac->data()) | 1U;
}

// Online: beyond all that was seen, or the last one asked about again.
vault::ArqcVerdict count_online(CounterFile& counters, const AtcIds& ids, std::uint32_t atc, std::uint32_t mark,
                                bool again) {
    const std::uint32_t last = counters.value(ids.last);
    if (atc == last && counters.value(ids.request) == mark) return good;
    if (again || atc <= last) return used;
    const std::uint32_t advices = counters.value(ids.advice);
    const std::uint32_t moved = atc - last;
    counters.set(ids.last, atc);
    counters.set(ids.request, mark);
    if (advices != 0) counters.set(ids.advice, moved < vault::kAtcWindow ? advices << moved : 0);
    return good;
}

// Advices come late and in any order, while the card goes on.
// A TC may share its counter with the ARQC of the same payment; an ARQC that an advice brings is good once in all.
vault::ArqcVerdict count_advice(CounterFile& counters, const AtcIds& ids, std::uint32_t atc, std::uint32_t mark, bool arqc) {
    const std::uint32_t last = counters.value(ids.last);
    if (arqc && atc <= last && counters.value(ids.advice_request) != mark) return used;
    const std::uint32_t advices = counters.value(ids.advice);
    if (atc > last) {
        const std::uint32_t moved = atc - last;
        counters.set(ids.last, atc);
        counters.set(ids.advice, (moved < vault::kAtcWindow ? advices << moved : 0) | 1U);
    } else {
        const std::uint32_t back = last - atc;
        if (atc == 0 || back >= vault::kAtcWindow) return used;
        if ((advices >> back & 1U) != 0) return counters.value(ids.advice_request) == mark ? good : used;
        counters.set(ids.advice, advices | 1U << back);
    }
    counters.set(ids.advice_request, mark);
    return good;
}
static_assert(vault::kAtcWindow == 32, "a bit of a counter each");

Ck<Buffer> arpc(Vault::Present& at, const CardKey& key, Cvn cvn, const vault::ArqcVerify::Item& item, bool approved) {
    if (cvn == Cvn::cvn10) {
        const auto made =
            arpc_method1(at.session(), key, item.arqc, approved ? item.code_approved : item.code_declined);
        if (!made) return tl::unexpected(made.error());
        return Buffer(made->begin(), made->end());
    }
    const auto made = arpc_method2(at.session(), key, item.arqc, approved ? item.csu_approved : item.csu_declined);
    if (!made) return tl::unexpected(made.error());
    return Buffer(made->begin(), made->end());
}

Ck<vault::ArqcVerify::Result> check(Vault& vault, const vault::ArqcVerify::Item& item) {
    Vault::Present& at = *vault.present();
    const PaymentKey* key = at.payment_keys.find(item.key.view());
    const auto cvn = cvn_of(item.cvn);
    if (key == nullptr || !key->is("E0") || !cvn || item.pan.empty() || item.psn > 99 ||
        item.data.size() < results_at(*cvn) + kResultsBytes)
        return vault::ArqcVerify::Result{refused, {}, {}};
    Atc atc{};
    std::copy_n(item.data.begin() + kAtcAt, atc.size(), atc.begin());
    const auto option = item.option_b ? IccKeyOption::b : IccKeyOption::a;
    const auto card = card_key(at.session(), key->main.handle(), item.pan, item.psn, option, *cvn, atc);
    if (!card) return tl::unexpected(card.error());
    const auto expected = application_cryptogram(at.session(), *card, *cvn, item.data);
    if (!expected) return tl::unexpected(expected.error());
    if (!equal_constant_time(*expected, item.arqc)) return vault::ArqcVerify::Result{wrong, {}, {}};
    const auto token = cmac(at.session(), at.keys.storage_token, as_bytes(item.pan.reveal()));
    if (!token) return tl::unexpected(token.error());
    const auto mark = request_mark(at, *token, item);
    if (!mark) return tl::unexpected(mark.error());
    const AtcIds ids = atc_ids(*token, item.psn);
    const std::uint32_t counter = load_be<std::uint16_t>(atc.data());
    vault::ArqcVerify::Result result;
    result.verdict = item.use == vault::ArqcUse::advice
                         ? count_advice(vault.counters(), ids, counter, *mark, is_arqc(*cvn, item.data))
                         : count_online(vault.counters(), ids, counter, *mark, item.use == vault::ArqcUse::again);
    if (result.verdict != good || item.use == vault::ArqcUse::advice) return result;
    auto approved = arpc(at, *card, *cvn, item, true);
    if (!approved) return tl::unexpected(approved.error());
    auto declined = arpc(at, *card, *cvn, item, false);
    if (!declined) return tl::unexpected(declined.error());
    result.arpc_approved = std::move(*approved);
    result.arpc_declined = std::move(*declined);
    return result;
}
}  // namespace

Verdict<vault::ArqcVerify::Reply> arqc_verify(Vault& vault, const vault::ArqcVerify::Request& request) {
    vault::ArqcVerify::Reply reply;
    for (const auto& item : request.items) {
        auto result = check(vault, item);
        if (!result) {
            vault.counters().forget();
            return token_failed(result.error());
        }
        reply.results.push_back(std::move(*result));
    }
    return committed(vault, std::move(reply));
}

}  // namespace giro::hsm
