// The vault's verbs on the wire: one type per verb, holding its number, its Request and its Reply. Both sides use this
// file, and encoder and decoder come from one list of fields (wire.cpp), so they cannot disagree.
//
// Hostile input: to the vault every request, to a caller every reply. A body with a byte too few or too many, a count
// over its bound or an unknown enum value does not decode. The views (Bytes) of a decoded Request point into the
// record.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bus/messages.hpp"
#include "giro/types.hpp"
#include "util/secret.hpp"

namespace giro::vault {

inline constexpr std::size_t kBatchItemsMax = 1024;        // items in one mac_* or *_pan request
inline constexpr std::size_t kMacDataBytesMax = 8192;      // what one MAC covers: more than any ISO 8583 frame
inline constexpr std::size_t kRandomBytesMax = 4096;
inline constexpr std::size_t kTxBytesMax = 400'000;        // a standard tx has at most 400,000 weight units
inline constexpr std::size_t kTxInputsMax = 1000;
inline constexpr std::size_t kApprovalsMax = 16;
inline constexpr std::size_t kSignatureBytesMax = 1024;    // RSA-8192
inline constexpr std::size_t kNameBytesMax = 64;           // an officer's or a certificate's name
inline constexpr std::size_t kSpkiBytesMax = 2048;
inline constexpr std::size_t kWitnessItemsMax = 16;
inline constexpr std::size_t kWitnessItemBytesMax = 10'000;
inline constexpr std::size_t kPublicKeysBytesMax = 256U << 10;
inline constexpr std::size_t kCertificateBytesMax = 8192;
inline constexpr std::size_t kTerminalKeyBytes = 32;     // AES-256

using Nonce = ByteArray<16>;      // diversifies a terminal's session MAC key; public. All zero: the terminal's base key
using Mac8 = ByteArray<8>;        // the leftmost 8 bytes of a MAC
using Kcv = ByteArray<3>;         // key check value (ANSI X9.24-1 A.2). AES: leftmost 3 bytes of the CMAC of 16 zero bytes;
                                  // TDES: of 8 zero bytes enciphered; HMAC: of the HMAC of nothing
using PanToken = ByteArray<16>;   // AES-CMAC of the digits under storage.token: the same PAN gives the same token
using Signature64 = ByteArray<64>;  // ECDSA r || s, big-endian, s in the lower half of the order

// Which MAC a terminal or link uses: AES-CMAC (NIST SP 800-38B), the ANSI X9.19 retail MAC, HMAC-SHA-256.
enum class MacKind : std::uint8_t { aes_cmac = 1, x9_19 = 2, hmac_sha256 = 3 };
inline constexpr std::array kMacKinds = {MacKind::aes_cmac, MacKind::x9_19, MacKind::hmac_sha256};

// status: any caller -> is the token there? Answered also while it is not.
struct VaultStatus {
    static constexpr auto kType = bus::MessageType::vault_status;
    struct Request {};
    struct Reply { bool token_present = false; };
};

// mac_verify: is `mac` the MAC of `data` under that terminal's key for `nonce`? Item by item, in order.
struct MacVerify {
    static constexpr auto kType = bus::MessageType::vault_mac_verify;
    struct Item { TerminalId terminal; Nonce nonce{}; Mac8 mac{}; Bytes data; MacKind kind = MacKind::aes_cmac; };
    struct Request { std::vector<Item> items; };
    struct Reply { std::vector<bool> good; };
};

struct MacGenerate {
    static constexpr auto kType = bus::MessageType::vault_mac_generate;
    struct Item { TerminalId terminal; Nonce nonce{}; Bytes data; MacKind kind = MacKind::aes_cmac; };
    struct Request { std::vector<Item> items; };
    struct Reply { std::vector<Mac8> macs; };
};

// new_session_key: a fresh random nonce, and the check value (KCV) of the MAC key it gives, so that the terminal can tell
// that it derived the same one (src/vault/terminal_keys.hpp); `pins`: and those of the PIN keys it gives. `of`, if not zero:
// no fresh one, but the check values of that nonce, for an exchange whose answer was lost.
struct NewSessionKey {
    static constexpr auto kType = bus::MessageType::vault_new_session_key;
    struct Request { TerminalId terminal; MacKind kind = MacKind::aes_cmac; bool pins = false; Nonce of{}; };
    struct Reply { Nonce nonce{}; Kcv kcv{}; Kcv pin_aes{}, pin_tdes{}; };
};

// A PAN as the journal keeps it: AES-256-GCM under storage.pan of count:1 digits:19 (zero-padded), with the token as
// additional data, so that a ciphertext cannot be moved to another card.
struct ProtectedPan {
    static constexpr std::size_t kCipherBytes = 20 + 16;  // padded digits, tag
    PanToken token{};
    ByteArray<12> nonce{};
    ByteArray<kCipherBytes> cipher{};
    bool operator==(const ProtectedPan&) const = default;
};

struct ProtectPan {
    static constexpr auto kType = bus::MessageType::vault_protect_pan;
    struct Request { std::vector<Pan> pans; };  // none empty
    struct Reply { std::vector<ProtectedPan> pans; };
};

// reveal_pan: an empty Pan where the ciphertext does not belong to the token or was changed.
struct RevealPan {
    static constexpr auto kType = bus::MessageType::vault_reveal_pan;
    struct Request { std::vector<ProtectedPan> pans; };
    struct Reply { std::vector<Pan> pans; };
};

// tls_sign: ECDSA P-256 over a digest with identity.p256; the reply is the DER signature (RFC 8422 5.4).
struct TlsSign {
    static constexpr auto kType = bus::MessageType::vault_tls_sign;
    struct Request { Hash256 digest{}; };
    struct Reply { Buffer der; };
};

// A signed statement "the journal up to `seq` hashes to `chain_hash` and gives the state `state_digest`".
// state_digest: SHA-256 of State::save()'s bytes in the switch's snapshots; all zero in the auditor's checkpoints.
// Signed with checkpoint.p256 over checkpoint_digest() (digests.hpp).
struct Checkpoint {
    std::uint64_t seq = 0;
    Hash256 chain_hash{};
    Hash256 state_digest{};
    bool operator==(const Checkpoint&) const = default;
};
struct SignedCheckpoint {
    Checkpoint checkpoint;
    Signature64 signature{};
};

// sign_checkpoint: declined (refused) when seq is lower than the last one signed or too far beyond it, or the same with
// another chain hash. A state_digest that is not zero is for the switch alone: any other caller is closed.
struct SignCheckpoint {
    static constexpr auto kType = bus::MessageType::vault_sign_checkpoint;
    struct Request { Checkpoint checkpoint; };
    struct Reply { Signature64 signature{}; };
};

struct LastCheckpoint {
    static constexpr auto kType = bus::MessageType::vault_last_checkpoint;
    struct Request {};
    struct Reply { std::optional<SignedCheckpoint> last; };  // nothing when none was signed yet
};

// sign_tx: settlement. `tx` is the unsigned transaction (BIP144 without witness); inputs in its order. An approval is
// an officer's RSA signature over approval_digest() (digests.hpp). The vault signs only with kApprovalsRequired
// distinct enrolled officers, and only outputs to participants, the issuer or OP_RETURN.
struct SignTx {
    static constexpr auto kType = bus::MessageType::vault_sign_tx;
    struct Input { std::int64_t amount = 0; std::uint32_t owner = 0; };  // satoshi; participant id, 0 = the issuer
    struct Approval { std::string officer; Buffer signature; };
    struct Request {
        std::uint64_t window = 0;
        Bytes tx;
        std::vector<Input> inputs;
        std::vector<Approval> approvals;
    };
    struct Reply { std::vector<std::vector<Buffer>> witnesses; };  // one stack per input
};

// sign_block: the 72 bytes of BIP325 (version, previous, modified merkle root, time) -> the signet solution.
struct SignBlock {
    static constexpr auto kType = bus::MessageType::vault_sign_block;
    struct Request { ByteArray<72> block_data{}; };
    struct Reply { Buffer solution; };
};

struct RandomBytes {
    static constexpr auto kType = bus::MessageType::vault_random;
    struct Request { std::uint16_t count = 0; };  // 1 to kRandomBytesMax
    struct Reply { Buffer bytes; };
};

// public_keys: the JSON text of D/pub/bundle.json.
struct PublicKeys {
    static constexpr auto kType = bus::MessageType::vault_public_keys;
    struct Request {};
    struct Reply { std::string json; };
};

enum class CertificateRole : std::uint8_t { server = 1, terminal = 2, admin = 3 };

// issue_certificate: X.509 v3 for the key in `spki` (DER SubjectPublicKeyInfo), signed by identity.rsa. Provisioning
// only.
struct IssueCertificate {
    static constexpr auto kType = bus::MessageType::vault_issue_certificate;
    struct Request { CertificateRole role = CertificateRole::terminal; std::string name; Bytes spki; };
    struct Reply { Buffer der; };
};

// inject_terminal_key: the one way a clear key leaves the vault: a terminal's master key, to be put into that terminal.
// Provisioning only.
struct InjectTerminalKey {
    static constexpr auto kType = bus::MessageType::vault_inject_terminal_key;
    struct Request { TerminalId terminal; };
    struct Reply { Secret tmk; Kcv kcv{}; };  // 32 bytes; the check value of the base key (nonce of zeros)
};

// Appends the body of any Request or Reply above. ASSERTs the bounds: what we send is ours.
template <typename Message>
void encode(Buffer& out, const Message& message);
// Nothing when `body` is not exactly one such message within its bounds.
template <typename Message>
[[nodiscard]] std::optional<Message> decode(Bytes body);

}  // namespace giro::vault
