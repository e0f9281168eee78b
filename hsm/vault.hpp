// The state behind the verbs: the token while it is there, the keys' handles, the last checkpoint and settlement that were
// signed, the public bundle.
//
// The token may be pulled at any moment. Then requests are refused with token_absent, the log says once what to do, and
// tick() looks for it until it is back: C_Finalize, C_Initialize, find the token by label, log in, load the handles.
#pragma once

#include "hsm/checkpoint_file.hpp"
#include "hsm/keys.hpp"
#include "hsm/payment/counter_file.hpp"
#include "hsm/payment/key_store.hpp"
#include "hsm/provision.hpp"
#include "hsm/settlement_file.hpp"
#include "hsm/terminal_keys.hpp"

namespace giro::hsm {

inline constexpr std::uint64_t kTickInterval_ms = 500;  // how late the loss or return of the token may be noticed

// A key ceremony under way: the first custodian's component (vault/payment_wire.hpp, key_component).
struct Ceremony {
    std::string name;
    std::string header;
    std::string signer;  // fingerprint of the officer's key
    Secret component;
    std::uint64_t since_ms = 0;
};

class Vault {
  public:
    // Everything that needs the token.
    struct Present {
        std::unique_ptr<Token> token;  // declared first: the session objects go before their session
        KeyRing keys;
        TerminalKeys terminal_keys;
        KeyStore payment_keys;
        Present(std::unique_ptr<Token> t, KeyRing k, KeyStore p)
            : token(std::move(t)), keys(std::move(k)), terminal_keys(token->session(), keys.terminal_master),
              payment_keys(std::move(p)) {}
        [[nodiscard]] const Session& session() const noexcept { return token->session(); }
    };

    // not_provisioned: no bundle, no PIN, a wrong PIN, a key missing. integrity: a key that can be extracted, a bundle
    // that is not of these keys, a damaged checkpoint or settlement file. A token that is merely away is no failure.
    [[nodiscard]] static Result<std::unique_ptr<Vault>> open(VaultConfig config);

    [[nodiscard]] Present* present() noexcept { return m_present.get(); }  // null while the token is away
    // Call every kTickInterval_ms. A failure cannot be mended by waiting (the PIN is refused): end the program.
    [[nodiscard]] Result<void> tick();
    // A call on the token failed: if that means it is gone, it counts as away from now on.
    void note(const CkError& error);

    [[nodiscard]] const VaultConfig& config() const noexcept { return m_config; }
    [[nodiscard]] CheckpointFile& checkpoints() noexcept { return m_checkpoints; }
    [[nodiscard]] SettlementFile& settlements() noexcept { return m_settlements; }
    [[nodiscard]] CounterFile& counters() noexcept { return m_counters; }
    [[nodiscard]] std::optional<Ceremony>& ceremony() noexcept { return m_ceremony; }
    [[nodiscard]] const std::string& bundle_json() const noexcept { return m_bundle_json; }

  private:
    Vault(VaultConfig config, Cryptoki cryptoki, Secret pin, CheckpointFile checkpoints, SettlementFile settlements,
          CounterFile counters, std::string bundle_json)
        : m_config(std::move(config)), m_cryptoki(cryptoki), m_pin(std::move(pin)),
          m_checkpoints(std::move(checkpoints)), m_settlements(std::move(settlements)),
          m_counters(std::move(counters)), m_bundle_json(std::move(bundle_json)) {}
    Result<void> enter();  // opens the token and loads the keys; try_again when it is away
    Result<void> load(std::unique_ptr<Token> token);
    void lose(std::string_view why);

    VaultConfig m_config;
    Cryptoki m_cryptoki;
    Secret m_pin;  // kept for the token's return; locked in memory by giro-vault
    CheckpointFile m_checkpoints;
    SettlementFile m_settlements;
    CounterFile m_counters;
    std::optional<Ceremony> m_ceremony;
    std::string m_bundle_json;
    std::unique_ptr<Present> m_present;
};

}  // namespace giro::hsm
