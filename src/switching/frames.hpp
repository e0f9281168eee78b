// The messages that the switch sends: answers to terminals, requests and reversals to issuers' hosts. Built by the
// link's dialect with the MAC field zeroed; the shell has the vault compute the MAC over `covered()` and puts it in.
#pragma once

#include "entry/entry.hpp"
#include "giro/request.hpp"
#include "iso8583/codec.hpp"
#include "iso8583/totals.hpp"

namespace giro::switching {

// The eight bytes of DE64 or DE128 that stand last in a frame built with a MAC.
inline constexpr std::size_t kMacBytes = 8;

struct Reply {
    ResponseCode code;
    AuthCode auth_code;        // DE38; empty: left out
    std::string additional;    // DE48; empty: left out
    std::optional<Totals> totals = std::nullopt;  // of a reconciliation: what the box counted, and DE66
    Buffer chip{};             // DE55; empty, or no room for it in the dialect: left out
};

// What it worked on is overwritten before it returns.
class FrameBuilder {
  public:
    explicit FrameBuilder(const iso8583::Dialect& dialect) : m_dialect(dialect) {}

    // The answer to `request`: its MTI + 10 (no repeat), the fields a terminal wants back, DE38/39/48, and room for the MAC when
    // `with_mac`. Nothing when the request's bytes do not unpack (the gate has checked them: a hostile gate).
    [[nodiscard]] std::optional<Buffer> answer(const PaymentRequest& request, const Reply& reply, bool with_mac);
    // What a 0500 or 0520 says; nothing when it is malformed.
    [[nodiscard]] std::optional<Claim> claim(const PaymentRequest& request, Currency currency);
    // The 0200 for an issuer's host: the terminal's, which came in the dialect `came_in`, under our STAN and our transmission
    // time. To a host of another edition goes what both say alike; DE22 and DE25, of another meaning there, do not.
    // The chip's data (DE55) goes on byte for byte.
    // `pin_block`: under the link's zone key, or empty; never what the terminal sent. Nothing also when the dialect has no room
    // for it.
    [[nodiscard]] std::optional<Buffer> link_request(const PaymentRequest& request, const entry::Payment& payment,
                                                     const iso8583::Dialect& came_in, Bytes pin_block = {});
    // The 0400 that tells an issuer's host that of `payment` only `stands` stands (0: nothing). `pan` as the vault revealed it.
    // Nothing when the dialect cannot say it; `why` where it has a word for it.
    [[nodiscard]] std::optional<Buffer> link_reversal(const entry::Payment& payment, MinorUnits stands, const Pan& pan,
                                                      MessageReason why = MessageReason::none);

    // An 0800 to an issuer's host: `code` in DE70. With kKeyExchange, `additional` (DE48, hexadecimal) tells a nonce and its
    // key's check value, from which the host derives the link's next session key.
    [[nodiscard]] std::optional<Buffer> link_network(std::uint16_t code, std::uint32_t stan, const FixedText<10>& transmission,
                                                     const TerminalId& key, std::string_view additional = {});

    // What the MAC of a frame made here with one covers, by the dialect: a view into the frame, or into `scratch`.
    [[nodiscard]] Bytes covered(const Buffer& frame, Buffer& scratch) const;
    static void put_mac(Buffer& frame, const ByteArray<kMacBytes>& mac);

  private:
    void put_request(const PaymentRequest& request, const entry::Payment& payment);
    [[nodiscard]] std::optional<Buffer> finish(bool with_mac);
    const iso8583::Dialect& m_dialect;
    iso8583::Message m_in, m_out;
    ByteArray<iso8583::kFrameBytesMax> m_packed;
};

// The pseudo-terminal under whose base key a link's messages are authenticated: "LNK00001" for link 0 (id = 1).
[[nodiscard]] TerminalId link_key_id(std::uint16_t link);
// DE7, MMDDhhmmss in UTC.
[[nodiscard]] FixedText<10> transmission_time(std::uint64_t wall_ns);

}  // namespace giro::switching
