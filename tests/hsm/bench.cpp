// bench_hsm: what the token gives bare, and what is left of it behind the vault's verbs. One JSON line on standard
// output, operations a second, medians of five runs. Makes and removes a box of its own under the temporary folder.
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <functional>

#include "hsm/payment/dukpt.hpp"
#include "hsm/payment/emv.hpp"
#include "hsm/payment/pin_block.hpp"
#include "hsm/vault.hpp"
#include "hsm/verbs.hpp"
#include "payment/pin_device.hpp"
#include "tests/bench/measure.hpp"
#include "util/bytes.hpp"
#include "vault/payment_wire.hpp"

namespace {

using namespace giro;
using namespace giro::hsm;

constexpr std::size_t kMessageBytes = 200;  // as many as the MAC of a 17-field 0200 covers
constexpr std::size_t kBatch = 64;
constexpr std::size_t kTerminals = 64;
constexpr std::uint32_t kManyKeys = 1'024;  // in turn: as a thousand terminals' are used

// The median rate of some runs of `count` calls of `work`, each of which counts for `operations`.
template <typename Work>
double rate(int count, std::size_t operations, Work&& work) {
    return bench::median_of_runs([&] {
        const auto start = bench::Steady::now();
        for (int i = 0; i < count; ++i) work();
        return static_cast<double>(count) * static_cast<double>(operations) / bench::seconds_since(start);
    });
}

// A verb and what it is made of. The cores of a shared machine change their speed within seconds, so a ratio is taken of
// runs in which both have turns of some ten milliseconds.
struct Kind {
    int count = 0;               // calls of `work` in a turn
    std::size_t operations = 1;  // that each call counts for
    std::function<void()> work;
};
constexpr int kTurns = 10;

template <std::size_t N>
std::array<double, N> rates(const std::array<Kind, N>& kinds) {
    std::array<std::vector<double>, N> runs;
    for (int run = 0; run < bench::runs(); ++run) {
        std::array<double, N> seconds{};
        for (int turn = 0; turn < kTurns; ++turn)
            for (std::size_t i = 0; i < N; ++i) {
                const auto start = bench::Steady::now();
                for (int call = 0; call < kinds[i].count; ++call) kinds[i].work();
                seconds[i] += bench::seconds_since(start);
            }
        for (std::size_t i = 0; i < N; ++i)
            runs[i].push_back(static_cast<double>(kTurns * kinds[i].count) * static_cast<double>(kinds[i].operations) / seconds[i]);
    }
    std::array<double, N> out{};
    for (std::size_t i = 0; i < N; ++i) out[i] = bench::median(runs[i]);
    return out;
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

// All rates a second; the vault's are through its verbs, in batches of 64, beside the token's own calls that they are made
// of: MACs checked, both MACs of a purchase, an AES DUKPT purchase, a PIN translation.
struct Rates {
    double bare_cmac = 0, bare_cmac_many_keys = 0, p256_sign = 0, secp256k1_sign = 0, mac_verify = 0, protect_pan = 0;
    double purchase_macs = 0, bare_derive = 0, dukpt_purchase = 0, dukpt_derivations = 0, bare_pin_ciphers = 0,
           pin_translate = 0, bare_chip = 0, arqc_verify = 0;
};

void measure_macs(Vault& vault, Rates& out) {
    const auto& at = *vault.present();
    const Session& session = at.session();
    const Cryptoki& cryptoki = session.cryptoki();
    const Buffer message(kMessageBytes, std::byte{0x5a});
    const auto key = derive_key(session, at.keys.terminal_master, ByteArray<32>{}, KeyUse::sign);
    ASSERT(key.has_value());
    const auto mac_under = [&](const Object& one) {
        CK_MECHANISM mechanism{CKM_AES_CMAC, nullptr, 0};
        ByteArray<16> mac;
        ASSERT(cryptoki.C_SignInit(session.handle(), mechanism, one.handle()) && cryptoki.C_Sign(session.handle(), message, mac));
    };
    const auto bare = [&] { mac_under(*key); };
    vault::MacVerify::Request verify;
    vault::MacGenerate::Request generate;
    for (std::size_t i = 0; i < kBatch; ++i) {
        const TerminalId terminal("T" + std::to_string(1'000'000 + i % kTerminals));
        verify.items.push_back({terminal, {}, {}, message});
        generate.items.push_back({terminal, {}, message});
    }
    const auto check = [&] { ask<vault::MacVerify>(vault, verify); };
    const auto purchase = [&] {
        ask<vault::MacVerify>(vault, verify);
        ask<vault::MacGenerate>(vault, generate);
    };
    check();  // the session keys
    const auto r = rates<3>({{{2'000, 1, bare}, {30, kBatch, check}, {15, kBatch, purchase}}});
    out.bare_cmac = r[0];
    out.mac_verify = r[1];
    out.purchase_macs = r[2];
    std::vector<Object> keys;  // only now: so many more objects in the token would slow the others
    for (std::uint32_t i = 1; i <= kManyKeys; ++i) {
        ByteArray<32> data{};
        store_be(data.data(), i);
        auto made = derive_key(session, at.keys.terminal_master, data, KeyUse::sign);
        ASSERT(made.has_value());
        keys.push_back(std::move(*made));
    }
    std::size_t next = 0;
    const auto in_turn = [&] { mac_under(keys[next++ % keys.size()]); };
    out.bare_cmac_many_keys = rates<1>({{{2 * kManyKeys, 1, in_turn}}})[0];
}

// Terminals that count up, each purchase with the next KSN: its MAC checked, its answer's made, the ledger synced.
void measure_dukpt(Vault& vault, Rates& out) {
    const Buffer message(kMessageBytes, std::byte{0x5a});
    const Session& session = vault.present()->session();
    const PaymentKey& bdk = *vault.present()->payment_keys.find("bdk");
    const auto bare = [&] { ASSERT(derive_secret(session, bdk.ref(), ByteArray<16>{}, Cipher::aes, {.derive = true})); };
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
    const auto counted = [&] {
        purchases();
        ++batches;
    };
    const auto r = rates<2>({{{500, 1, bare}, {2, kBatch, counted}}});
    out.bare_derive = r[0];
    out.dukpt_purchase = r[1];
    out.dukpt_derivations =
        static_cast<double>(bdk.dukpt->derivations() - derived) / static_cast<double>(batches * kBatch);
}

// From a terminal's session key to a zone key.
void measure_pins(Vault& vault, Rates& out) {
    const Session& session = vault.present()->session();
    TerminalKeys& terminals = vault.present()->terminal_keys;
    const KeyRef zone = vault.present()->payment_keys.find("zone")->ref();
    const TerminalId terminal("T0000001");
    const vault::Nonce nonce{std::byte{7}};
    const KeyRef from = terminals.pin_key(terminal, nonce, vault::PinKeyKind::tdes).value();
    const Secret in_terminal = vault::derive_pin_key(terminals.master_key_in_clear(terminal).value(), nonce, vault::PinKeyKind::tdes);
    const Pan pan = *Pan::parse("4111111111111111");
    const Buffer block = payment::seal_pin_iso0(in_terminal, "1234", pan);
    ByteArray<8> clear{};
    const auto bare = [&] { ASSERT(decrypt_ecb(session, from, block, clear) && encrypt_ecb(session, zone, clear, clear)); };
    vault::PinTranslate::Request request;
    const vault::EncryptedPin pin{{}, {}, vault::PinFormat::iso0, block, terminal, nonce};
    for (std::size_t i = 0; i < kBatch; ++i)
        request.items.push_back({pin, pan, vault::KeyName("zone"), vault::PinFormat::iso0});
    const auto translate = [&] { ASSERT(!ask<vault::PinTranslate>(vault, request).blocks[0].empty()); };
    const auto r = rates<2>({{{500, 1, bare}, {8, kBatch, translate}}});
    out.bare_pin_ciphers = r[0];
    out.pin_translate = r[1];
}

// Cards of CVN 18 that count up: the card's keys, the ARQC and both ARPCs by the token's own calls; and by the verb, ledger
// included. The cryptograms are made before.
void measure_chips(Vault& vault, Rates& out) {
    const Session& session = vault.present()->session();
    const CK_OBJECT_HANDLE master = vault.present()->payment_keys.find("imk")->main.handle();
    constexpr int kBatches = 2;  // in a turn
    std::vector<Buffer> data;
    std::vector<vault::ArqcVerify::Request> requests(static_cast<std::size_t>(kBatches * kTurns * bench::runs()) + 1);
    data.reserve(requests.size() * kBatch);
    for (std::size_t n = 0; n < requests.size(); ++n)
        for (std::size_t card = 0; card < kBatch; ++card) {
            Buffer& under = data.emplace_back(from_hex("0000000040000000000000000756000000000009632611230052bf458518000000"
                                                       "06011203a00000").value());
            const auto atc = static_cast<std::uint16_t>(n + 1);
            store_be(under.data() + 31, atc);
            vault::ArqcVerify::Item& item = requests[n].items.emplace_back();
            item.key = vault::KeyName("imk");
            item.pan = *Pan::parse(std::to_string(9'700'010'000'000'000 + card));
            item.cvn = 18;
            item.data = under;
            const Atc counter{static_cast<std::byte>(atc >> 8), static_cast<std::byte>(atc)};
            const auto key = card_key(session, master, item.pan, 0, IccKeyOption::a, Cvn::cvn18, counter);
            ASSERT(key.has_value());
            item.arqc = application_cryptogram(session, *key, Cvn::cvn18, under).value();
        }
    const vault::ArqcVerify::Item& first = requests[0].items[0];
    const auto bare = [&] {
        const auto key = card_key(session, master, first.pan, 0, IccKeyOption::a, Cvn::cvn18, {});
        ASSERT(key && application_cryptogram(session, *key, Cvn::cvn18, first.data));
        for (int i = 0; i < 2; ++i) ASSERT(arpc_method2(session, *key, first.arqc, {}));
    };
    std::size_t next = 0;
    const auto verify = [&] { ASSERT(ask<vault::ArqcVerify>(vault, requests.at(next++)).results[0].verdict == vault::ArqcVerdict::good); };
    verify();
    const auto r = rates<2>({{{100, 1, bare}, {kBatches, kBatch, verify}}});
    out.bare_chip = r[0];
    out.arqc_verify = r[1];
}

void measure_payments(Vault& vault, Rates& out) {
    KeyStore& keys = vault.present()->payment_keys;
    const auto header = [](const char* text) { return payment::parse_key_block_header(text).value(); };
    ASSERT(keys.add("bdk", header("D0000B0AX00E0000"), Buffer(16, std::byte{7})));
    ASSERT(keys.add("zone", header("D0000P0TB00E0000"), from_hex("0123456789abcdeffedcba9876543210").value()));
    measure_macs(vault, out);
    measure_dukpt(vault, out);
    ASSERT(keys.add("imk", header("D0000E0TX00N0000"), from_hex("0123456789abcdeffedcba9876543210").value()));
    measure_pins(vault, out);
    measure_chips(vault, out);
}

Rates measure(Vault& vault) {
    const auto& at = *vault.present();
    const Session& session = at.session();
    Rates out;
    out.p256_sign = rate(2'000, 1, [&] { ASSERT(sign_ecdsa(session, at.keys.identity_p256, Curve::p256, {})); });
    out.secp256k1_sign =
        rate(300, 1, [&] { ASSERT(sign_ecdsa(session, at.keys.block.handles[0], Curve::secp256k1, {})); });

    vault::ProtectPan::Request protect;
    for (std::size_t i = 0; i < kBatch; ++i) protect.pans.push_back(*Pan::parse("5413330089604111"));
    out.protect_pan = rate(50, kBatch, [&] { ask<vault::ProtectPan>(vault, protect); });
    measure_payments(vault, out);
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
        std::printf("{\"bare_cmac_per_s\":%.0f,\"bare_cmac_many_keys_per_s\":%.0f,\"p256_sign_per_s\":%.0f,\"secp256k1_sign_per_s\":%.0f,"
                    "\"vault_mac_verify_per_s\":%.0f,\"vault_protect_pan_per_s\":%.0f,\"vault_purchase_macs_per_s\":%.0f,"
                    "\"bare_derive_per_s\":%.0f,\"vault_dukpt_purchases_per_s\":%.0f,\"dukpt_derivations\":%.2f,"
                    "\"bare_pin_ciphers_per_s\":%.0f,\"vault_pin_translate_per_s\":%.0f,"
                    "\"bare_chip_per_s\":%.0f,\"vault_arqc_verify_per_s\":%.0f}\n",
                    r.bare_cmac, r.bare_cmac_many_keys, r.p256_sign, r.secp256k1_sign, r.mac_verify, r.protect_pan,
                    r.purchase_macs, r.bare_derive, r.dukpt_purchase, r.dukpt_derivations, r.bare_pin_ciphers,
                    r.pin_translate, r.bare_chip, r.arqc_verify);
    }
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
    return status;
}
