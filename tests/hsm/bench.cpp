// bench_hsm: what the token gives bare, and what is left of it behind the vault's verbs. One JSON line on standard
// output, operations a second, medians of five runs. Makes and removes a box of its own under the temporary folder.
#include <stdlib.h>

#include <cstdio>

#include "hsm/payment/dukpt.hpp"
#include "hsm/payment/pin_block.hpp"
#include "hsm/vault.hpp"
#include "hsm/verbs.hpp"
#include "tests/bench/measure.hpp"
#include "util/bytes.hpp"
#include "vault/payment_wire.hpp"

namespace {

using namespace giro;
using namespace giro::hsm;

constexpr std::size_t kMessageBytes = 200;  // as many as the MAC of a 17-field 0200 covers
constexpr std::size_t kBatch = 64;
constexpr std::size_t kTerminals = 64;

// The median rate of some runs of `count` calls of `work`, each of which counts for `operations`.
template <typename Work>
double rate(int count, std::size_t operations, Work&& work) {
    return bench::median_of_runs([&] {
        const auto start = bench::Steady::now();
        for (int i = 0; i < count; ++i) work();
        return static_cast<double>(count) * static_cast<double>(operations) / bench::seconds_since(start);
    });
}

template <typename V>
typename V::Reply ask(Vault& vault, const typename V::Request& request) {
    Buffer body;
    vault::encode(body, request);
    const auto answer =
        dispatch(vault, Caller::giro_switch, Permit::running, static_cast<std::uint16_t>(V::kType), body);
    ASSERT(answer.status == bus::Status::ok);
    return std::move(*vault::decode<typename V::Reply>(answer.body));
}

// What payments cost beyond a bare CMAC: both MACs of a purchase, an AES DUKPT purchase, a PIN translation, each through
// the vault's verbs in batches of 64 and beside the token's own calls that it is made of.
struct PaymentRates {
    double purchase_macs = 0, bare_derive = 0, dukpt_purchase = 0, dukpt_derivations = 0, bare_pin_ciphers = 0,
           pin_translate = 0;
};

void measure_macs(Vault& vault, PaymentRates& out) {
    const Buffer message(kMessageBytes, std::byte{0x5a});
    vault::MacVerify::Request verify;
    vault::MacGenerate::Request generate;
    for (std::size_t i = 0; i < kBatch; ++i) {
        const TerminalId terminal("T" + std::to_string(1'000'000 + i % kTerminals));
        verify.items.push_back({terminal, {}, {}, message});
        generate.items.push_back({terminal, {}, message});
    }
    out.purchase_macs = rate(150, kBatch, [&] {
        ask<vault::MacVerify>(vault, verify);
        ask<vault::MacGenerate>(vault, generate);
    });
}

// Terminals that count up, each purchase with the next KSN: its MAC checked, its answer's made, the ledger synced.
void measure_dukpt(Vault& vault, PaymentRates& out) {
    const Buffer message(kMessageBytes, std::byte{0x5a});
    const Session& session = vault.present()->session();
    const PaymentKey& bdk = *vault.present()->payment_keys.find("bdk");
    out.bare_derive = rate(5'000, 1, [&] {
        ASSERT(derive_secret(session, bdk.ref(), ByteArray<16>{}, Cipher::aes, {.derive = true}));
    });
    std::uint32_t counter = 0;
    const auto purchases = [&] {
        do ++counter;
        while (!is_aes_dukpt_counter(counter));
        vault::DukptVerify::Request in;
        vault::DukptMac::Request answers;
        std::vector<AesKsn> ksns(kBatch);
        for (std::size_t i = 0; i < kBatch; ++i) {
            store_be(ksns[i].data(), std::uint64_t{0x1234567800000000} + i);
            store_be(ksns[i].data() + 8, counter);
            in.items.push_back({vault::KeyName("bdk"), ksns[i], {}, message});
            answers.items.push_back({vault::KeyName("bdk"), ksns[i], message});
        }
        // Our MACs are wrong, which costs the same; the ledger is told that they were right, as a good one would tell it.
        ASSERT(ask<vault::DukptVerify>(vault, in).verdicts[0] == vault::DukptVerdict::bad_mac);
        for (const AesKsn& ksn : ksns) vault.counters().set(ksn_id("mac-ksn", "bdk", ksn), counter);
        ASSERT(vault.counters().commit());
        ASSERT(ask<vault::DukptMac>(vault, answers).macs[0].made);
    };
    purchases();  // the initial keys
    const auto derived = bdk.dukpt->derivations();
    std::size_t batches = 0;
    out.dukpt_purchase = rate(20, kBatch, [&] {
        purchases();
        ++batches;
    });
    out.dukpt_derivations =
        static_cast<double>(bdk.dukpt->derivations() - derived) / static_cast<double>(batches * kBatch);
}

void measure_pins(Vault& vault, PaymentRates& out) {
    const Session& session = vault.present()->session();
    const KeyRef zone = vault.present()->payment_keys.find("zone")->ref();
    const Pan pan = *Pan::parse("4111111111111111");
    auto clear = array_from_hex<8>("041234ffffffffff").value();
    xor_into(clear, pan_field8(pan).value());
    ByteArray<8> block{};
    ASSERT(encrypt_ecb(session, zone, clear, block));
    out.bare_pin_ciphers = rate(5'000, 1, [&] {
        ASSERT(decrypt_ecb(session, zone, block, clear) && encrypt_ecb(session, zone, clear, block));
    });
    vault::PinTranslate::Request request;
    const vault::EncryptedPin pin{vault::KeyName("zone"), {}, vault::PinFormat::iso0, block};
    for (std::size_t i = 0; i < kBatch; ++i)
        request.items.push_back({pin, pan, vault::KeyName("zone"), vault::PinFormat::iso0});
    out.pin_translate =
        rate(80, kBatch, [&] { ASSERT(!ask<vault::PinTranslate>(vault, request).blocks[0].empty()); });
}

PaymentRates measure_payments(Vault& vault) {
    KeyStore& keys = vault.present()->payment_keys;
    const auto header = [](const char* text) { return payment::parse_key_block_header(text).value(); };
    ASSERT(keys.add("bdk", header("D0000B0AX00E0000"), Buffer(16, std::byte{7})));
    ASSERT(keys.add("zone", header("D0000P0TB00E0000"), from_hex("0123456789abcdeffedcba9876543210").value()));
    PaymentRates out;
    measure_macs(vault, out);
    measure_dukpt(vault, out);
    measure_pins(vault, out);
    return out;
}

struct Rates {
    double bare_cmac = 0, p256_sign = 0, secp256k1_sign = 0, mac_verify = 0, protect_pan = 0;
};

Rates measure(Vault& vault) {
    const auto& at = *vault.present();
    const Session& session = at.session();
    const Buffer message(kMessageBytes, std::byte{0x5a});
    Rates out;

    const auto key = derive_key(session, at.keys.terminal_master, ByteArray<32>{}, KeyUse::sign);
    ASSERT(key.has_value());
    const Cryptoki& cryptoki = session.cryptoki();
    out.bare_cmac = rate(20'000, 1, [&] {
        CK_MECHANISM mechanism{CKM_AES_CMAC, nullptr, 0};
        ByteArray<16> mac;
        ASSERT(cryptoki.C_SignInit(session.handle(), mechanism, key->handle()) &&
               cryptoki.C_Sign(session.handle(), message, mac));
    });
    out.p256_sign = rate(2'000, 1, [&] { ASSERT(sign_ecdsa(session, at.keys.identity_p256, Curve::p256, {})); });
    out.secp256k1_sign =
        rate(300, 1, [&] { ASSERT(sign_ecdsa(session, at.keys.block.handles[0], Curve::secp256k1, {})); });

    vault::MacVerify::Request verify;
    vault::ProtectPan::Request protect;
    for (std::size_t i = 0; i < kBatch; ++i) {
        const auto text = "T" + std::to_string(1'000'000 + i % kTerminals);
        verify.items.push_back({TerminalId(text), {}, {}, message});
        protect.pans.push_back(*Pan::parse("5413330089604111"));
    }
    const auto send = [&](bus::MessageType type, Bytes body) {
        const auto answer =
            dispatch(vault, Caller::giro_switch, Permit::running, static_cast<std::uint16_t>(type), body);
        ASSERT(answer.status == bus::Status::ok);
    };
    Buffer body;
    vault::encode(body, verify);
    out.mac_verify = rate(300, kBatch, [&] { send(vault::MacVerify::kType, body); });
    body.clear();
    vault::encode(body, protect);
    out.protect_pan = rate(50, kBatch, [&] { send(vault::ProtectPan::kType, body); });
    return out;
}

}  // namespace

int main() {
    std::string root = (std::filesystem::temp_directory_path() / "giro-bench-XXXXXX").string();
    if (::mkdtemp(root.data()) == nullptr) return 1;
    VaultConfig config;
    config.folder = std::filesystem::path(root) / "vault";
    config.bundle = std::filesystem::path(root) / "pub" / "bundle.json";
    config.participants = {{1, "alpha"}};
    int status = 0;
    if (const auto made = provision(config, [](const std::string&) {}); !made) {
        std::fprintf(stderr, "%s\n", made.error().what.c_str());
        status = made.error().exit_code();
    } else if (auto vault = Vault::open(config); !vault) {
        std::fprintf(stderr, "%s\n", vault.error().what.c_str());
        status = vault.error().exit_code();
    } else {
        const Rates r = measure(**vault);
        const PaymentRates p = measure_payments(**vault);
        std::printf("{\"bare_cmac_per_s\":%.0f,\"p256_sign_per_s\":%.0f,\"secp256k1_sign_per_s\":%.0f,"
                    "\"vault_mac_verify_per_s\":%.0f,\"vault_protect_pan_per_s\":%.0f,\"vault_purchase_macs_per_s\":%.0f,"
                    "\"bare_derive_per_s\":%.0f,\"vault_dukpt_purchases_per_s\":%.0f,\"dukpt_derivations\":%.2f,"
                    "\"bare_pin_ciphers_per_s\":%.0f,\"vault_pin_translate_per_s\":%.0f}\n",
                    r.bare_cmac, r.p256_sign, r.secp256k1_sign, r.mac_verify, r.protect_pan,
                    p.purchase_macs, p.bare_derive, p.dukpt_purchase, p.dukpt_derivations, p.bare_pin_ciphers,
                    p.pin_translate);
    }
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
    return status;
}
