// bench_hsm: what the token gives bare, and what is left of it behind the vault's verbs. One JSON line on standard
// output, operations a second, medians of five runs. Makes and removes a box of its own under the temporary folder.
#include <stdlib.h>

#include <cstdio>

#include "hsm/vault.hpp"
#include "hsm/verbs.hpp"
#include "tests/bench/measure.hpp"

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
    const auto ask = [&](bus::MessageType type, Bytes body) {
        const auto answer =
            dispatch(vault, Caller::giro_switch, Permit::running, static_cast<std::uint16_t>(type), body);
        ASSERT(answer.status == bus::Status::ok);
    };
    Buffer body;
    vault::encode(body, verify);
    out.mac_verify = rate(300, kBatch, [&] { ask(vault::MacVerify::kType, body); });
    body.clear();
    vault::encode(body, protect);
    out.protect_pan = rate(50, kBatch, [&] { ask(vault::ProtectPan::kType, body); });
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
        std::printf("{\"bare_cmac_per_s\":%.0f,\"p256_sign_per_s\":%.0f,\"secp256k1_sign_per_s\":%.0f,"
                    "\"vault_mac_verify_per_s\":%.0f,\"vault_protect_pan_per_s\":%.0f}\n",
                    r.bare_cmac, r.p256_sign, r.secp256k1_sign, r.mac_verify, r.protect_pan);
    }
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
    return status;
}
