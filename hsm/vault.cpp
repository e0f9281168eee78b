#include "hsm/vault.hpp"

#include <fmt/format.h>

#include "util/file.hpp"
#include "util/log.hpp"

namespace giro::hsm {

namespace {
using Kind = Failure::Kind;

// What an error on opening means: a PIN that is refused must not be tried again (a token locks itself after a few),
// everything else may pass.
Failure open_failure(const CkError& error, const std::filesystem::path& folder) {
    switch (error.code) {
        case CKR_PIN_INCORRECT:
        case CKR_PIN_INVALID:
        case CKR_PIN_LEN_RANGE:
            return {Kind::not_provisioned, fmt::format("the token refuses the PIN in {} ({}); put the right PIN there",
                                                       (folder / "pin").string(), error.name())};
        case CKR_PIN_LOCKED:
        case CKR_PIN_EXPIRED:
        case CKR_USER_PIN_NOT_INITIALIZED:
            return {Kind::not_provisioned,
                    fmt::format("the token's PIN is not usable ({}); unlock it with the SO PIN", error.name())};
        default: return {Kind::try_again, error.name()};
    }
}

bool is_of_these_keys(const vault::Bundle& bundle, const KeyRing& keys) {
    bool same = bundle.block.script == keys.block.public_part.script &&
                bundle.issuer.script == keys.owners.at(kIssuer).public_part.script &&
                bundle.checkpoint_key == keys.checkpoint_p256_public && bundle.server_key == keys.identity_p256_public;
    for (const auto& p : bundle.participants) {
        const auto owner = keys.owners.find(p.id);
        same = same && owner != keys.owners.end() && owner->second.public_part.script == p.settlement.script;
    }
    return same;
}
}  // namespace

Result<std::unique_ptr<Vault>> Vault::open(VaultConfig config) {
    const auto bundle = vault::load_bundle(config.bundle);
    if (!bundle) return tl::unexpected(bundle.error());
    auto pin = read_pin(config.folder);
    if (!pin) return tl::unexpected(pin.error());
    if (auto done = prepare_softhsm(config.folder); !done) return tl::unexpected(done.error());
    const auto cryptoki = Cryptoki::load(config.module);
    if (!cryptoki) return tl::unexpected(cryptoki.error());
    auto checkpoints = CheckpointFile::open(config.folder / "checkpoint");
    if (!checkpoints) return tl::unexpected(checkpoints.error());
    auto settlements = SettlementFile::open(config.folder / "settlement");
    if (!settlements) return tl::unexpected(settlements.error());

    auto counters = CounterFile::open(config.folder / "counters");
    if (!counters) return tl::unexpected(counters.error());

    std::unique_ptr<Vault> self(new Vault(std::move(config), *cryptoki, std::move(*pin), std::move(*checkpoints),
                                          std::move(*settlements), std::move(*counters), vault::to_json(*bundle)));
    const auto entered = self->enter();
    if (!entered && entered.error().kind != Kind::try_again) return tl::unexpected(entered.error());
    if (!entered) self->lose(entered.error().what);
    return self;
}

Result<void> Vault::enter() {
    auto token = Token::open(m_cryptoki, kTokenLabel, m_pin.reveal());
    if (!token) return tl::unexpected(open_failure(token.error(), m_config.folder));
    return load(std::move(*token));
}

Result<void> Vault::load(std::unique_ptr<Token> token) {
    auto keys = load_keys(token->session(), m_config.participant_ids());
    if (!keys) return tl::unexpected(keys.error());
    const auto bundle = vault::parse_bundle(m_bundle_json);
    if (!bundle || !is_of_these_keys(*bundle, *keys))
        return fail(Kind::integrity, fmt::format("the token's keys are not those of {}", m_config.bundle.string()));
    const ProtectionKey lmk{{keys->payment_lmk, Cipher::aes}, 32};
    auto payment_keys = KeyStore::open(token->session(), lmk, m_config.folder / "keys");
    if (!payment_keys) return tl::unexpected(payment_keys.error());
    m_present = std::make_unique<Present>(std::move(token), std::move(*keys), std::move(*payment_keys));
    return {};
}

void Vault::lose(std::string_view why) {
    m_present.reset();
    log::error(
        "the token '{}' is away ({}): every request that needs it is refused; put it back (SoftHSM: {}), no restart "
        "is needed",
        kTokenLabel, why, (m_config.folder / "tokens").string());
}

void Vault::note(const CkError& error) {
    if (m_present && error.token_lost()) lose(error.name());
}

Result<void> Vault::tick() {
    if (m_present) {
        if (const auto alive = m_present->token->probe(m_present->keys.checkpoint_p256); !alive)
            lose(alive.error().name());
        return {};
    }
    auto token = Token::open(m_cryptoki, kTokenLabel, m_pin.reveal());
    if (!token) {
        const Failure failure = open_failure(token.error(), m_config.folder);
        if (failure.kind == Kind::try_again) return {};
        return tl::unexpected(failure);
    }
    // A token whose files are still being copied back lacks keys for a moment: away until it has them all.
    if (load(std::move(*token))) log::info("the token '{}' is back: serving again", kTokenLabel);
    return {};
}

}  // namespace giro::hsm
