#include "settlement/posting.hpp"

#include "util/bytes.hpp"
#include "util/hash.hpp"

namespace giro::settlement {

namespace {
// Fills a fixed array from the front; what is not written stays zero.
class Layout {
  public:
    explicit Layout(ByteArray<kPostingBytes>& out) noexcept : m_at(out.data()) {}
    template <std::unsigned_integral T>
    void le(T value) noexcept {
        store_le(m_at, value);
        m_at += sizeof(T);
    }
    void bytes(Bytes b) noexcept {
        std::memcpy(m_at, b.data(), b.size());
        m_at += b.size();
    }
    template <std::size_t N>
    void text(const FixedText<N>& t) noexcept {
        bytes(std::as_bytes(std::span(t.chars)));
    }

  private:
    std::byte* m_at;
};

constexpr std::size_t kFieldBytes = 4 + 8 + 1 + 1 + 8 + 8 + 12 + 8 + 4 + 15 + 8 + 2 + 2 + 6 + 10 + 20 + 4 + 4;
static_assert(kFieldBytes == 125 && kPostingBytes == kFieldBytes + 23);
}  // namespace

std::string_view name(PostingKind kind) noexcept {
    switch (kind) {
        case PostingKind::payment:
            return "payment";
        case PostingKind::forwarded:
            return "forwarded";
        case PostingKind::reversal:
            return "reversal";
        case PostingKind::stood_in:
            return "stood_in";
    }
    return "unknown";
}

ByteArray<kPostingBytes> canonical_bytes(const Posting& p) noexcept {
    ByteArray<kPostingBytes> out{};
    Layout layout(out);
    layout.bytes(as_bytes("GPL1"));
    layout.le(p.seq);
    layout.le(static_cast<std::uint8_t>(p.kind));
    layout.le(static_cast<std::uint8_t>(p.channel));
    layout.le(p.time_ns);
    layout.le(p.payment);
    layout.text(p.rrn);
    layout.text(p.terminal);
    layout.le(p.stan);
    layout.text(p.merchant);
    layout.le(static_cast<std::uint64_t>(p.amount.minor));
    layout.le(p.amount.currency);
    layout.text(p.response_code);
    layout.text(p.auth_code);
    layout.text(p.card);
    layout.bytes(p.wallet);
    layout.le(p.debit);
    layout.le(p.credit);
    return out;
}

Hash256 leaf_hash(const Posting& posting, const entry::Salt& salt) {
    ByteArray<1 + sizeof(entry::Salt) + kPostingBytes> message{};  // message[0] = 0x00: a leaf
    std::memcpy(message.data() + 1, salt.data(), salt.size());
    const auto canonical = canonical_bytes(posting);
    std::memcpy(message.data() + 1 + salt.size(), canonical.data(), canonical.size());
    return sha256(message);
}

}  // namespace giro::settlement
