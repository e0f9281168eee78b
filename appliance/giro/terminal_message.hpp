// The ISO 8583 messages of a terminal: what it sends (0100, 0200, 0220, 0320, 0400, 0420, 0500, 0800 and repeats) and what
// it reads in an answer. One file holds
// both sides, so that a field is written and checked in the same words. Used by giro pos; the answer is hostile.
//
// MAC: the last field, over every byte before it. 0800 always under the base key; all others under the session key.
#pragma once

#include <array>
#include <string>

#include "appliance/giro/terminal_mac.hpp"
#include "giro/environment.hpp"
#include "iso8583/codec.hpp"
#include "iso8583/totals.hpp"

namespace giro::pos {

inline constexpr std::size_t kLengthBytes = 2;  // big-endian, before each message

// DE70 of ISO 8583:1987
enum class NetworkCode : std::uint16_t { sign_on = 1, sign_off = 2, key_exchange = 161, cut_over = 201, echo = 301 };

// Length and message as they go on the wire.
struct Frame {
    std::array<std::byte, kLengthBytes + iso8583::kFrameBytesMax> bytes;
    std::size_t size = 0;
    [[nodiscard]] Bytes view() const noexcept { return Bytes(bytes).first(size); }
    [[nodiscard]] Bytes message() const noexcept { return view().subspan(kLengthBytes); }
    // Inverts one bit of the MAC, as a line or a thief would.
    void spoil_mac() noexcept { bytes[size - 1] ^= std::byte{1}; }
};

// DE7 (UTC), DE12 and DE13 (the terminal's own time).
struct Stamp {
    FixedText<10> transmission;  // MMDDhhmmss
    FixedText<6> local_time;     // hhmmss
    FixedText<4> local_date;     // MMDD
    std::uint64_t wall_ns = 0;   // of the moment itself: editions after 1987 say the year
    [[nodiscard]] static Stamp at(std::uint64_t wall_ns);
};

// Who the terminal is: the same in each of its messages.
struct Identity {
    TerminalId terminal;
    MerchantId merchant;
    AcquirerId acquirer;
    Currency currency = 0;
    vault::MacKind mac = vault::MacKind::aes_cmac;
    vault::PinKeyKind pin = vault::PinKeyKind::aes;  // of a terminal with session keys: blocks of ISO format 4, or with TDES of 0
};

// What is asked for: 0200, 0100, 0220.
enum class Form : std::uint8_t { purchase, authorisation, completion };
[[nodiscard]] std::string_view mti_of(Form form) noexcept;

// What the card shows beside its number, as it was read; each may be empty.
struct CardData {
    Buffer chip{};         // DE55
    std::string track2{};  // DE35
    std::string cvv2{};    // printed; in the dialect's cvv2_field
};

// One purchase as the terminal remembers it: what a repeat and a reversal must say again.
struct Sale {
    Pan pan;         // empty for a QR payment
    std::string qr;  // a consumer-presented payload, as scanned; empty for a card
    MinorUnits amount = 0;
    std::uint32_t stan = 0;
    Rrn rrn;
    Stamp stamp;
    Form form = Form::purchase;
    // Of the authorisation that this one raises or completes, whose RRN and local time it repeats: STAN and DE7 for DE90.
    std::uint32_t original_stan = 0;
    FixedText<10> original_transmission{};
    std::string pin{};  // typed for a card; empty: none
    CardData card{};
};

// How a reversal is said.
struct ReversalForm {
    MinorUnits stands = 0;  // what is to stand of the original, as the dialect says it; 0: nothing
    bool advice = false;    // 0420, not 0400
    bool repeat = false;    // 0401, 0421
    bool upload = false;    // no reversal: 0320, a record of the batch that names its original as one does
    // DE25 of a later edition; none: a cancellation, or when some is to stand, that it was completed in part
    MessageReason why = MessageReason::none;
};

// One reconciliation, and each repeat of it.
struct Reconciliation {
    const Claim& claim;
    Rrn rrn;
    std::uint32_t stan = 0;
    Stamp stamp;
};

// Builds messages without touching the heap; one serves all terminals of a thread. A dialect that cannot carry the
// message is an operator's mistake: the error says which field.
class MessageBuilder {
  public:
    explicit MessageBuilder(const iso8583::Dialect& dialect) : m_dialect(dialect) {}
    using Built = Expected<void, iso8583::PackError>;
    [[nodiscard]] Built network(Frame& out, const Identity& who, NetworkCode code, std::uint32_t stan,
                                const Stamp& stamp, MacKey& base_key);
    // `repeat`: 0201. `pin_block`: the sale's PIN as the terminal enciphered it, or empty.
    [[nodiscard]] Built purchase(Frame& out, const Identity& who, const Sale& sale, MacKey& key, bool repeat = false,
                                 Bytes pin_block = {});
    // `stan` is the reversal's own; the original's stands in DE90.
    [[nodiscard]] Built reversal(Frame& out, const Identity& who, const Sale& original, std::uint32_t stan,
                                 const Stamp& stamp, MacKey& key, ReversalForm form = {});

    // 0500 or 0501: what the terminal has counted. A checkpoint is of 1993 and 2003.
    [[nodiscard]] Built reconciliation(Frame& out, const Identity& who, const Reconciliation& of, MacKey& key, bool repeat = false);

  private:
    Built finish(Frame& out, MacKey& key);
    void common(const Identity& who, const Sale& sale);
    [[nodiscard]] iso8583::PackError lacks(unsigned field) const;  // a field as 1987 numbers it
    [[nodiscard]] Built put_card(const CardData& card);
    const iso8583::Dialect& m_dialect;
    iso8583::Message m_message;
    Buffer m_scratch;
};

// What a terminal takes from an answer. Views live until the next read().
struct Answer {
    std::string_view mti;  // as 1987 has it: "0210"
    std::uint32_t stan = 0;
    std::optional<MinorUnits> amount;  // of a reversal its original's
    Rrn rrn;
    TerminalId terminal;
    ResponseCode code;
    AuthCode auth_code;
    Bytes additional;  // DE48
    std::optional<Claim> totals;  // of 0510: what the box counted
    Buffer chip{};                // DE55
    bool has_mac = false;
};

class AnswerReader {
  public:
    explicit AnswerReader(const iso8583::Dialect& dialect) : m_dialect(dialect) {}
    // `currency`: of 0510's totals.
    [[nodiscard]] Expected<Answer, iso8583::UnpackError> read(Bytes message, Currency currency = 0);
    // Of the message read last: is its MAC there, and made under `key`?
    [[nodiscard]] bool mac_good(Bytes message, MacKey& key);

  private:
    const iso8583::Dialect& m_dialect;
    iso8583::Message m_message;
    std::array<char, 4> m_mti{};
    Buffer m_scratch;
};

// Does the answer belong to this request? STAN and terminal always; RRN and amount for 0210 and 0410.
[[nodiscard]] bool answers(const Answer& answer, const Identity& who, std::uint32_t stan) noexcept;
[[nodiscard]] bool matches(const Answer& answer, const Sale& sale) noexcept;

// Of a key exchange, in DE48: 32 hexadecimal digits of nonce and 6 of the MAC key's check value; to a terminal 6 more of that of
// the AES PIN key and 6 of that of the TDES PIN key.
struct NewKey {
    vault::Nonce nonce;
    vault::Kcv kcv;
    struct Pins {
        vault::Kcv aes{}, tdes{};
    };
    std::optional<Pins> pins{};
};
[[nodiscard]] std::optional<NewKey> parse_new_key(Bytes additional);

// Retrieval reference numbers: 7 characters drawn once, 5 counted. Letters and digits that cannot be misread aloud
// (Crockford's base 32), for they stand on the receipt. Unique in a box up to one chance in 3 * 10^10 for two runs.
class RrnMaker {
  public:
    explicit RrnMaker(Random& random);
    [[nodiscard]] Rrn next();

  private:
    Random& m_random;
    std::uint64_t m_prefix = 0;
    std::uint64_t m_count = 0;
    void draw();
};

// A DE39 value in a cashier's words.
[[nodiscard]] std::string_view response_words(std::string_view code) noexcept;

}  // namespace giro::pos
