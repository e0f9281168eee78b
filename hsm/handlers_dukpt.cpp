// The switch's verbs on messages of DUKPT terminals, and the KSN ledger: a counter is good once, and never goes back.
#include "hsm/handlers.hpp"
#include "hsm/payment/dukpt.hpp"

namespace giro::hsm {

namespace {
constexpr std::string_view kUse = "mac-ksn";

Ck<vault::DukptVerdict> verify(Vault& vault, const vault::DukptVerify::Item& item) {
    using enum vault::DukptVerdict;
    const PaymentKey* bdk = vault.present()->payment_keys.find(item.bdk.view());
    if (bdk == nullptr || !ksn_fits(*bdk, item.ksn)) return unknown;
    const CounterId id = ksn_id(kUse, item.bdk.view(), item.ksn);
    const std::uint32_t counter = ksn_counter(item.ksn), last = vault.counters().value(id);
    if (counter < last) return repeated;
    const auto mac = dukpt_mac8(vault.present()->session(), *bdk, item.ksn, Direction::request, item.kind, item.data);
    if (!mac) return tl::unexpected(mac.error());
    if (!*mac) return unknown;
    if (!equal_constant_time(**mac, item.mac)) return bad_mac;
    if (counter == last) return again;
    vault.counters().set(id, counter);
    return good;
}
}  // namespace

Verdict<vault::DukptVerify::Reply> dukpt_verify(Vault& vault, const vault::DukptVerify::Request& request) {
    vault::DukptVerify::Reply reply;
    for (const auto& item : request.items) {
        const auto verdict = verify(vault, item);
        if (!verdict) {
            vault.counters().forget();
            return token_failed(verdict.error());
        }
        reply.verdicts.push_back(*verdict);
    }
    return committed(vault, std::move(reply));
}

Verdict<vault::DukptMac::Reply> dukpt_mac(Vault& vault, const vault::DukptMac::Request& request) {
    vault::DukptMac::Reply reply;
    for (const auto& item : request.items) {
        auto& out = reply.macs.emplace_back();
        const PaymentKey* bdk = vault.present()->payment_keys.find(item.bdk.view());
        if (bdk == nullptr || !ksn_fits(*bdk, item.ksn) ||
            vault.counters().value(ksn_id(kUse, item.bdk.view(), item.ksn)) != ksn_counter(item.ksn))
            continue;
        const auto mac =
            dukpt_mac8(vault.present()->session(), *bdk, item.ksn, Direction::response, item.kind, item.data);
        if (!mac) return token_failed(mac.error());
        if (*mac) out = {true, **mac};
    }
    return reply;
}

}  // namespace giro::hsm
