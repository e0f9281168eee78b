#include "vault/wire.hpp"

#include <algorithm>

#include "giro/result.hpp"
#include "util/bytes.hpp"

namespace giro::vault {

namespace {
// Encoder and Decoder have the same calls; fields() below is written once for both.
class Encoder {
  public:
    explicit Encoder(Buffer& out) noexcept : m_w(out) {}
    template <std::unsigned_integral T>
    void integer(const T& v) { m_w.le(v); }
    void integer(const std::int64_t& v) { m_w.i64(v); }
    void flag(bool v) { m_w.u8(v ? 1 : 0); }
    template <std::size_t N>
    void array(const ByteArray<N>& v) { m_w.bytes(v); }
    template <std::size_t N>
    void text(const FixedText<N>& v) { m_w.text(v); }
    void view(Bytes v, std::size_t bytes_max) {
        ASSERT(v.size() <= bytes_max);
        m_w.var32(v);
    }
    void buffer(const Buffer& v, std::size_t bytes_max) { view(v, bytes_max); }
    void string(const std::string& v, std::size_t bytes_max) { view(as_bytes(v), bytes_max); }
    void secret(const Secret& v, std::size_t size) {
        ASSERT(v.size() == size);
        m_w.bytes(v.reveal());
    }
    void pan(const Pan& v) { m_w.text(FixedText<Pan::kDigitsMax>(v.reveal())); }
    void role(CertificateRole v) { m_w.u8(static_cast<std::uint8_t>(v)); }
    template <typename T, typename Each>
    void list(const std::vector<T>& v, std::size_t items_max, Each&& each) {
        ASSERT(v.size() <= items_max);
        m_w.u16(static_cast<std::uint16_t>(v.size()));
        for (const T& item : v) each(item);
    }
    void flags(const std::vector<bool>& v, std::size_t items_max) {
        ASSERT(v.size() <= items_max);
        m_w.u16(static_cast<std::uint16_t>(v.size()));
        for (const bool b : v) flag(b);
    }

  private:
    Writer m_w;
};

class Decoder {
  public:
    explicit Decoder(Bytes in) noexcept : m_r(in) {}
    [[nodiscard]] bool done() const noexcept { return m_r.done(); }
    template <std::unsigned_integral T>
    void integer(T& v) { v = m_r.le<T>(); }
    void integer(std::int64_t& v) { v = m_r.i64(); }
    void flag(bool& v) {
        const auto raw = m_r.u8();
        if (raw > 1) m_r.fail();
        v = raw == 1;
    }
    template <std::size_t N>
    void array(ByteArray<N>& v) { v = m_r.array<N>(); }
    template <std::size_t N>
    void text(FixedText<N>& v) { v = m_r.text<N>(); }
    void view(Bytes& v, std::size_t bytes_max) {
        v = m_r.var32();
        if (v.size() > bytes_max) m_r.fail();
    }
    void buffer(Buffer& v, std::size_t bytes_max) {
        Bytes raw;
        view(raw, bytes_max);
        if (m_r.ok()) v.assign(raw.begin(), raw.end());
    }
    void string(std::string& v, std::size_t bytes_max) {
        Bytes raw;
        view(raw, bytes_max);
        if (m_r.ok()) v = as_text(raw);
    }
    void secret(Secret& v, std::size_t size) {
        const Bytes raw = m_r.take(size);
        if (m_r.ok()) v = Secret(Buffer(raw.begin(), raw.end()));
    }
    void pan(Pan& v) {
        auto raw = m_r.text<Pan::kDigitsMax>();
        const auto digits = raw.view();
        const auto parsed = Pan::parse(digits);
        if (parsed) v = *parsed;
        const bool padded =
            std::all_of(raw.chars.begin() + digits.size(), raw.chars.end(), [](char c) { return c == 0; });
        if (!padded || (!digits.empty() && !parsed)) m_r.fail();
        wipe(std::as_writable_bytes(std::span(raw.chars)));
    }
    void role(CertificateRole& v) {
        const auto raw = m_r.u8();
        if (raw < 1 || raw > 3) m_r.fail();
        v = static_cast<CertificateRole>(raw);
    }
    // Items are read one by one, so that a count without its bytes allocates nothing.
    template <typename T, typename Each>
    void list(std::vector<T>& v, std::size_t items_max, Each&& each) {
        const std::size_t count = m_r.u16();
        if (count > items_max) m_r.fail();
        for (std::size_t i = 0; i < count && m_r.ok(); ++i) each(v.emplace_back());
    }
    void flags(std::vector<bool>& v, std::size_t items_max) {
        const std::size_t count = m_r.u16();
        if (count > items_max) m_r.fail();
        for (std::size_t i = 0; i < count && m_r.ok(); ++i) {
            bool b = false;
            flag(b);
            v.push_back(b);
        }
    }

  private:
    Reader m_r;
};

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
    });
}
template <typename C>
void fields(C& c, MacGenerate::Reply& m) {
    c.list(m.macs, kBatchItemsMax, [&](auto& mac) { c.array(mac); });
}

template <typename C>
void fields(C& c, NewSessionKey::Request& m) { c.text(m.terminal); }
template <typename C>
void fields(C& c, NewSessionKey::Reply& m) {
    c.array(m.nonce);
    c.array(m.kcv);
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
}  // namespace

template <typename Message>
void encode(Buffer& out, const Message& message) {
    Encoder encoder(out);
    fields(encoder, const_cast<Message&>(message));  // an Encoder only reads
}

template <typename Message>
std::optional<Message> decode(Bytes body) {
    Decoder decoder(body);
    std::optional<Message> message(std::in_place);
    fields(decoder, *message);
    if (!decoder.done()) message.reset();
    return message;
}

#define GIRO_VAULT_MESSAGE(Message)                          \
    template void encode<Message>(Buffer&, const Message&); \
    template std::optional<Message> decode<Message>(Bytes);
#define GIRO_VAULT_VERB(Verb)          \
    GIRO_VAULT_MESSAGE(Verb::Request) \
    GIRO_VAULT_MESSAGE(Verb::Reply)
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
