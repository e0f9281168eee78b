#include "vault/wire.hpp"

#include "vault/codec.hpp"

namespace giro::vault {

// --- the bodies, field by field -------------------------------------------------------------------
// `c` is an Encoder or a Decoder. Lists are count:u16 and the items, views and strings size:u32 and the bytes.

template <typename C>
void fields(C&, VaultStatus::Request&) {}
template <typename C>
void fields(C& c, VaultStatus::Reply& m) { c.flag(m.token_present); }

template <typename C>
void fields(C& c, MacVerify::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        c.text(i.terminal);
        c.array(i.nonce);
        c.array(i.mac);
        c.view(i.data, kMacDataBytesMax);
        c.one_of(i.kind, kMacKinds);
    });
}
template <typename C>
void fields(C& c, MacVerify::Reply& m) { c.flags(m.good, kBatchItemsMax); }

template <typename C>
void fields(C& c, MacGenerate::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        c.text(i.terminal);
        c.array(i.nonce);
        c.view(i.data, kMacDataBytesMax);
        c.one_of(i.kind, kMacKinds);
    });
}
template <typename C>
void fields(C& c, MacGenerate::Reply& m) {
    c.list(m.macs, kBatchItemsMax, [&](auto& mac) { c.array(mac); });
}

template <typename C>
void fields(C& c, NewSessionKey::Request& m) {
    c.text(m.terminal);
    c.one_of(m.kind, kMacKinds);
    c.flag(m.pins);
    c.array(m.of);
}
template <typename C>
void fields(C& c, NewSessionKey::Reply& m) {
    c.array(m.nonce);
    c.array(m.kcv);
    c.array(m.pin_aes);
    c.array(m.pin_tdes);
}

template <typename C>
void fields(C& c, ProtectPan::Request& m) {
    c.list(m.pans, kBatchItemsMax, [&](auto& pan) { c.pan(pan); });
}
template <typename C, typename List>
void protected_pans(C& c, List& pans) {
    c.list(pans, kBatchItemsMax, [&](auto& p) {
        c.array(p.token);
        c.array(p.nonce);
        c.array(p.cipher);
    });
}
template <typename C>
void fields(C& c, ProtectPan::Reply& m) { protected_pans(c, m.pans); }
template <typename C>
void fields(C& c, RevealPan::Request& m) { protected_pans(c, m.pans); }
template <typename C>
void fields(C& c, RevealPan::Reply& m) {
    c.list(m.pans, kBatchItemsMax, [&](auto& pan) { c.pan(pan); });
}

template <typename C>
void fields(C& c, TlsSign::Request& m) { c.array(m.digest); }
template <typename C>
void fields(C& c, TlsSign::Reply& m) { c.buffer(m.der, kSignatureBytesMax); }

template <typename C>
void checkpoint(C& c, Checkpoint& m) {
    c.integer(m.seq);
    c.array(m.chain_hash);
    c.array(m.state_digest);
}
template <typename C>
void fields(C& c, SignCheckpoint::Request& m) { checkpoint(c, m.checkpoint); }
template <typename C>
void fields(C& c, SignCheckpoint::Reply& m) { c.array(m.signature); }
template <typename C>
void fields(C&, LastCheckpoint::Request&) {}
template <typename C>
void fields(C& c, SignedCheckpoint& m) {
    checkpoint(c, m.checkpoint);
    c.array(m.signature);
}
template <typename C>
void fields(C& c, LastCheckpoint::Reply& m) {
    bool some = m.last.has_value();
    c.flag(some);
    if (some && !m.last) m.last.emplace();
    if (some) fields(c, *m.last);
}

template <typename C>
void fields(C& c, SignTx::Request& m) {
    c.integer(m.window);
    c.view(m.tx, kTxBytesMax);
    c.list(m.inputs, kTxInputsMax, [&](auto& i) {
        c.integer(i.amount);
        c.integer(i.owner);
    });
    c.list(m.approvals, kApprovalsMax, [&](auto& a) {
        c.string(a.officer, kNameBytesMax);
        c.buffer(a.signature, kSignatureBytesMax);
    });
}
template <typename C>
void fields(C& c, SignTx::Reply& m) {
    c.list(m.witnesses, kTxInputsMax, [&](auto& stack) {
        c.list(stack, kWitnessItemsMax, [&](auto& item) { c.buffer(item, kWitnessItemBytesMax); });
    });
}

template <typename C>
void fields(C& c, SignBlock::Request& m) { c.array(m.block_data); }
template <typename C>
void fields(C& c, SignBlock::Reply& m) { c.buffer(m.solution, kWitnessItemBytesMax); }

template <typename C>
void fields(C& c, RandomBytes::Request& m) { c.integer(m.count); }
template <typename C>
void fields(C& c, RandomBytes::Reply& m) { c.buffer(m.bytes, kRandomBytesMax); }

template <typename C>
void fields(C&, PublicKeys::Request&) {}
template <typename C>
void fields(C& c, PublicKeys::Reply& m) { c.string(m.json, kPublicKeysBytesMax); }

template <typename C>
void fields(C& c, IssueCertificate::Request& m) {
    c.role(m.role);
    c.string(m.name, kNameBytesMax);
    c.view(m.spki, kSpkiBytesMax);
}
template <typename C>
void fields(C& c, IssueCertificate::Reply& m) { c.buffer(m.der, kCertificateBytesMax); }

template <typename C>
void fields(C& c, InjectTerminalKey::Request& m) { c.text(m.terminal); }
template <typename C>
void fields(C& c, InjectTerminalKey::Reply& m) {
    c.secret(m.tmk, kTerminalKeyBytes);
    c.array(m.kcv);
}

GIRO_VAULT_VERB(VaultStatus)
GIRO_VAULT_VERB(MacVerify)
GIRO_VAULT_VERB(MacGenerate)
GIRO_VAULT_VERB(NewSessionKey)
GIRO_VAULT_VERB(ProtectPan)
GIRO_VAULT_VERB(RevealPan)
GIRO_VAULT_VERB(TlsSign)
GIRO_VAULT_VERB(SignCheckpoint)
GIRO_VAULT_VERB(LastCheckpoint)
GIRO_VAULT_VERB(SignTx)
GIRO_VAULT_VERB(SignBlock)
GIRO_VAULT_VERB(RandomBytes)
GIRO_VAULT_VERB(PublicKeys)
GIRO_VAULT_VERB(IssueCertificate)
GIRO_VAULT_VERB(InjectTerminalKey)
GIRO_VAULT_MESSAGE(SignedCheckpoint)

}  // namespace giro::vault
