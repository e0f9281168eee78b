#include "vault/payment_wire.hpp"

#include "vault/codec.hpp"

namespace giro::vault {

template <typename C>
void fields(C& c, DukptVerify::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        c.text(i.bdk);
        c.view(i.ksn, kKsnBytesMax);
        c.array(i.mac);
        c.view(i.data, kMacDataBytesMax);
        c.one_of(i.kind, kMacKinds);
    });
}
template <typename C>
void fields(C& c, DukptVerify::Reply& m) {
    c.list(m.verdicts, kBatchItemsMax, [&](auto& v) { c.one_of(v, kDukptVerdicts); });
}

template <typename C>
void fields(C& c, DukptMac::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        c.text(i.bdk);
        c.view(i.ksn, kKsnBytesMax);
        c.view(i.data, kMacDataBytesMax);
        c.one_of(i.kind, kMacKinds);
    });
}
template <typename C>
void fields(C& c, DukptMac::Reply& m) {
    c.list(m.macs, kBatchItemsMax, [&](auto& r) {
        c.flag(r.made);
        c.array(r.mac);
    });
}

template <typename C, typename Pin>
void encrypted_pin(C& c, Pin& pin) {
    c.text(pin.key);
    c.view(pin.ksn, kKsnBytesMax);
    c.one_of(pin.format, kPinFormats);
    c.view(pin.block, kPinBlockBytesMax);
    c.text(pin.terminal);
    c.array(pin.nonce);
}
template <typename C>
void fields(C& c, PinTranslate::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        encrypted_pin(c, i.pin);
        c.pan(i.pan);
        c.text(i.to_key);
        c.one_of(i.to, kPinFormats);
    });
}
template <typename C>
void fields(C& c, PinTranslate::Reply& m) {
    c.list(m.blocks, kBatchItemsMax, [&](auto& b) { c.buffer(b, kPinBlockBytesMax); });
}

template <typename C>
void fields(C& c, PinVerify::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        encrypted_pin(c, i.pin);
        c.pan(i.pan);
        c.one_of(i.method, kPinMethods);
        c.text(i.pvk);
        c.buffer(i.on_file, kPinDigitsMax);
        c.integer(i.pvki);
        c.array(i.table);
        c.integer(i.first);
        c.integer(i.count);
        c.integer(i.pad);
        c.integer(i.request);
    });
}
template <typename C>
void fields(C& c, PinVerify::Reply& m) {
    c.list(m.results, kBatchItemsMax, [&](auto& r) {
        c.one_of(r.verdict, kPinVerdicts);
        c.integer(r.attempts_left);
    });
}

template <typename C>
void fields(C& c, CvvVerify::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        c.text(i.key);
        c.pan(i.pan);
        c.text(i.expiry);
        c.text(i.service_code);
        c.text(i.value);
        c.flag(i.with_last);
    });
}
template <typename C>
void fields(C& c, CvvVerify::Reply& m) {
    c.flags(m.good, kBatchItemsMax);
}

template <typename C>
void fields(C& c, ArqcVerify::Request& m) {
    c.list(m.items, kBatchItemsMax, [&](auto& i) {
        c.text(i.key);
        c.pan(i.pan);
        c.integer(i.psn);
        c.flag(i.option_b);
        c.integer(i.cvn);
        c.view(i.data, kArqcDataBytesMax);
        c.array(i.arqc);
        c.array(i.code_approved);
        c.array(i.code_declined);
        c.array(i.csu_approved);
        c.array(i.csu_declined);
        c.one_of(i.use, kArqcUses);
        c.array(i.request);
    });
}
template <typename C>
void fields(C& c, ArqcVerify::Reply& m) {
    c.list(m.results, kBatchItemsMax, [&](auto& r) {
        c.one_of(r.verdict, kArqcVerdicts);
        c.buffer(r.arpc_approved, kArpcBytesMax);
        c.buffer(r.arpc_declined, kArpcBytesMax);
    });
}

template <typename C, typename Row>
void key_row(C& c, Row& row) {
    c.text(row.name);
    c.string(row.header, kKeyBlockTextMax);
    c.array(row.kcv);
}
template <typename C>
void fields(C&, KeyList::Request&) {}
template <typename C>
void fields(C& c, KeyList::Reply& m) {
    c.list(m.keys, 2 * kPaymentKeysMax, [&](auto& row) { key_row(c, row); });
}
template <typename C>
void fields(C& c, KeyImport::Request& m) {
    c.text(m.name);
    c.text(m.kek);
    c.string(m.block, kKeyBlockTextMax);
}
template <typename C>
void fields(C& c, KeyImport::Reply& m) {
    key_row(c, m.key);
}
template <typename C>
void fields(C& c, KeyExport::Request& m) {
    c.text(m.name);
    c.text(m.kek);
}
template <typename C>
void fields(C& c, KeyExport::Reply& m) {
    c.string(m.block, kKeyBlockTextMax);
    c.array(m.kcv);
}
template <typename C>
void fields(C& c, KeyRotate::Request& m) {
    c.text(m.name);
    c.string(m.header, kKeyBlockTextMax);
}
template <typename C>
void fields(C& c, KeyRotate::Reply& m) {
    key_row(c, m.key);
}
template <typename C>
void fields(C& c, KeyComponent::Request& m) {
    c.text(m.name);
    c.string(m.header, kKeyBlockTextMax);
    c.string(m.officer, kNameBytesMax);
    c.buffer(m.signature, kSignatureBytesMax);
    c.secret_var(m.component, kComponentBytesMax);
}
template <typename C>
void fields(C& c, KeyComponent::Reply& m) {
    c.array(m.component);
    c.flag(m.complete);
    c.array(m.sum);
}
template <typename C>
void fields(C& c, PinUnlock::Request& m) {
    c.array(m.card);
}
template <typename C>
void fields(C&, PinUnlock::Reply&) {}

GIRO_VAULT_VERB(DukptVerify)
GIRO_VAULT_VERB(DukptMac)
GIRO_VAULT_VERB(PinTranslate)
GIRO_VAULT_VERB(PinVerify)
GIRO_VAULT_VERB(CvvVerify)
GIRO_VAULT_VERB(ArqcVerify)
GIRO_VAULT_VERB(KeyList)
GIRO_VAULT_VERB(KeyImport)
GIRO_VAULT_VERB(KeyExport)
GIRO_VAULT_VERB(KeyRotate)
GIRO_VAULT_VERB(KeyComponent)
GIRO_VAULT_VERB(PinUnlock)

}  // namespace giro::vault
