// The box's configuration (etc/giro.toml, etc/conf.d) and where its files lie. Read once at start by every program; checked whole,
// so that a box never runs with half of it. A mistake is reported as file:line: what is wrong and what to do.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "giro/result.hpp"
#include "giro/types.hpp"
#include "net/framing.hpp"

namespace giro::config {

// Everything of one box lies under one folder.
struct Paths {
    std::filesystem::path root;
    [[nodiscard]] std::filesystem::path config_file() const { return root / "etc" / "giro.toml"; }
    [[nodiscard]] std::filesystem::path dialects() const { return root / "etc" / "dialects"; }
    [[nodiscard]] std::filesystem::path links() const { return root / "etc" / "conf.d"; }          // <name>.toml, one link each
    [[nodiscard]] std::filesystem::path run() const { return root / "run"; }            // sockets, locks, ready marks
    [[nodiscard]] std::filesystem::path log() const { return root / "log"; }            // <program>.log
    [[nodiscard]] std::filesystem::path vault() const { return root / "vault"; }        // the token, its PIN: giro-vault alone
    [[nodiscard]] std::filesystem::path journal() const { return root / "switch" / "journal.db"; }
    [[nodiscard]] std::filesystem::path snapshots() const { return root / "auditor"; }
    [[nodiscard]] std::filesystem::path chain() const { return root / "chain" / "chain.db"; }
    [[nodiscard]] std::filesystem::path pub() const { return root / "pub"; }            // bundle.json, CA and server certificate
    [[nodiscard]] std::filesystem::path demo() const { return root / "demo"; }          // terminals' keys, wallets, officers of the demo
    // run/<server>.<caller>, e.g. endpoint("vault", "switch")
    [[nodiscard]] std::filesystem::path endpoint(std::string_view server, std::string_view caller) const;
};

struct Address {
    std::string host;  // a numeric IPv4 or IPv6 address
    std::uint16_t port = 0;
};

struct Participant {
    std::uint32_t id = 0;             // 1..
    std::string name;                 // at most 16 characters, [a-z0-9-]
    std::vector<std::string> bins;    // 6 to 8 digits each; cards on us
    MinorUnits backing = 0;           // coins that the first block pays it
};

// The data elements that Link::match_0210 and match_0410 can name.
inline constexpr unsigned kCorrelationFields[] = {4, 12, 13, 32, 37, 41, 42, 49, 95};

// One more port for terminals, besides the gate's own two.
struct Port {
    std::string name;
    Address address;
    bool tls = true;        // TLS 1.3 with client certificates; without it on loopback only
    std::string dialect;    // the gate's where nothing is said
    net::Framing framing{};
};

// How the PINs of cards on us are verified, in the vault (hsm/payment/pin_verify.hpp).
enum class PinMethod : std::uint8_t { visa_pvv = 1, ibm_3624 = 2 };
// How a payment is decided whose terminal read the chip (DE22) and sends no chip data (DE55).
enum class ChipPolicy : std::uint8_t {
    if_present,  // as one without a chip
    required,    // refused
};
// What the cards of some BINs have in common.
struct CardProduct {
    std::string name;
    std::vector<std::string> bins;  // each one of a participant's
    PinMethod pin = PinMethod::visa_pvv;
    std::string pvk;                // the PIN verification key's name in the vault (giro key list)
    std::uint8_t pvki = 1;          // Visa PVV: which of the issuer's keys
    ByteArray<16> table{};          // IBM 3624: decimalisation, a digit of 0 to 9 each
    std::uint8_t first = 0, count = 16, pad = 15;  // IBM 3624: the validation data's digits of the card number, and its fill
    std::string chip_key{};         // the issuer master key of the chips' cryptograms; empty: chip data is not looked at
    bool chip_option_b = false;     // how a card's key is derived from it (EMV Book 2, A1.4)
    std::vector<std::uint8_t> cvns{10, 18};  // the cryptogram versions that are taken
    ChipPolicy chip = ChipPolicy::if_present;
    bool fallback = true;           // a chip card's stripe, because the chip could not be read (DE22 80x), is taken
    ByteArray<4> csu{};             // CVN 18: card status update with an approval; a declining one lacks its bit "approved"
    std::string cvv_key{};          // the pair for card verification values; empty: they are not looked at
    std::uint8_t cvv_at = 0;        // where the CVV begins in the discretionary data of track 2
};
// The bit "issuer approves online transaction" of a card status update's second byte (EMV 4.3 Book 3, Annex C10).
inline constexpr std::byte kCsuApproves{0x80};

// The PIN block format that a link's zone takes (ISO 9564-1): to format 1 none is ever translated (PCI PIN 3-3).
enum class ZonePinFormat : std::uint8_t { iso0 = 0, iso3 = 3, iso4 = 4 };

// How the box approves payments with a link's cards by itself while the link is down. Over any of it the answer is 91.
struct StandIn {
    std::string name;                       // at most 16 of a-z 0-9 -
    MinorUnits floor = 0;                   // of one payment
    std::uint32_t card_count = 0;           // of one card, in card_hours: so many payments,
    MinorUnits card_sum = 0;                // and so much
    std::uint32_t card_hours = 24;          // 1 to kStandInHoursMax
    MinorUnits merchant_hour_sum = 0;       // at one merchant, in an hour
    ChipPolicy chip = ChipPolicy::required; // a cryptogram in DE55 must be there; the issuer's host verifies it later
    std::uint16_t expire_days = 30;         // an advice that nobody answered for so long is not sent any more
    bool operator==(const StandIn&) const = default;
};
inline constexpr std::uint32_t kStandInHoursMax = 24;  // the state counts no further back
inline constexpr std::size_t kStandInsMax = 64;

// How long a session key serves: so many requests and so long; 0: for ever. The one before it no longer than the overlap.
struct KeyAges {
    std::uint32_t requests = 0, seconds = 0, overlap_s = 300;
    bool operator==(const KeyAges&) const = default;
};

// How frames spread over a link's connections.
enum class LinkMode : std::uint8_t {
    shared,   // over all of them in turn
    primary,  // to the first of `addresses` that is connected; the others stand by
};

// TLS 1.3 on a link's connections, with certificates on both sides; the box's own is pub/server.pem.
struct LinkTls {
    std::string ca{};    // a file in etc/conf.d, the authority of the host's certificate; empty: the box's own
    std::string peer{};  // the name that the host's certificate must bear
    bool operator==(const LinkTls&) const = default;
};

// The way to an issuer's host that keeps its own cards: one or more connections.
struct Link {
    std::string name;
    std::vector<Address> addresses;  // of the host, which the gate connects to; or one of ours, where the host does (`inbound`)
    std::uint32_t participant = 0;  // the bank that owes what is approved here
    std::vector<std::string> bins;
    net::Framing framing{};
    std::string dialect{};  // the gate's where nothing is said
    // The id of its file less one: what the journal, the messages and the key's name know this link by, whatever the file is
    // called.
    std::uint16_t number = 0;
    // What an answer of this type must repeat of our message, beside its STAN, to count as the answer to it. DE4 or DE37 is
    // always among them (STANs are used again), and DE95 for 0410: else the late answer to a smaller reversal would do.
    std::vector<unsigned> match_0210 = {4, 37, 41};
    std::vector<unsigned> match_0410 = {4, 37, 41, 95};
    std::string pin_key{};  // the zone key's name in the vault; empty: this link takes no PINs
    ZonePinFormat pin_format = ZonePinFormat::iso0;
    KeyAges key_ages{};  // of its session MAC keys; neither age nor count: its base key serves for ever
    bool inbound = false;
    std::uint16_t connections = 1;  // to each address; inbound: at most so many at once
    LinkMode mode = LinkMode::shared;
    std::optional<LinkTls> tls{};   // nothing: plain
    std::uint32_t in_flight_max = 4'096;  // payments that wait for the host's answer; beyond, the next link of a route is asked
    // When it counts as up (appliance/giro-switch/link_health.hpp).
    bool sign_on = true;            // nothing goes out before the host has answered a sign-on
    std::uint32_t echo_ms = 10'000; // of silence; 0: none, and only its connections and sign-on say whether it is up
    std::uint32_t echo_timeout_ms = 400;
    std::uint16_t down_after = 3;   // so many echoes or payments without an answer, in a row
    std::uint16_t up_after = 2;     // so many answers, in a row
    std::string stand_in{};  // the StandIn for its cards while it is down; empty: 91
    std::uint32_t saf_in_flight_max = 32;  // advices and reversals that are owed to it, under way at once; of one terminal one
};

inline constexpr std::size_t kPortsMax = 16;
inline constexpr std::size_t kLinksMax = 256;
inline constexpr std::size_t kLinkConnectionsMax = 64;  // of one link
inline constexpr std::size_t kKeyClassesMax = 64;
inline constexpr std::size_t kTerminalIdCharsMax = 8;  // DE41
inline constexpr std::size_t kDialectsMax = 16;  // that one box speaks
inline constexpr std::size_t kOfficersMax = 16;  // as many approvals as one request to the vault carries

struct Config {
    std::string box;
    Currency currency = 0;
    std::vector<Participant> participants;
    std::vector<Link> links;  // by number; at most kLinksMax
    std::vector<CardProduct> card_products;
    std::vector<StandIn> stand_ins;  // at most kStandInsMax
    std::vector<Port> ports;  // at most kPortsMax
    std::vector<std::string> officers;  // at most kOfficersMax
    std::uint32_t wallet_participant = 0;  // the bank at which wallets register
    struct Gate {
        Address terminals;       // ISO 8583, plain: loopback only
        Address terminals_tls;   // ISO 8583 over TLS 1.3 with client certificates
        Address wallets;         // HTTPS
        std::string dialect;     // name of a file in etc/dialects, without .toml
        std::uint32_t connections_max = 0;
        std::uint32_t idle_timeout_s = 0;
        net::Framing framing{};  // of `terminals` and `terminals_tls`
        std::uint32_t wait_max_ms = 100;  // a new payment that would wait longer for its decision is refused
    } gate;
    struct Switch {
        MinorUnits payment_max = 0;
        std::uint64_t forward_timeout_ms = 0;   // issuer's answer
        std::uint64_t request_deadline_ms = 0;  // older at the switch: 68, no effect
        std::uint32_t hold_lifetime_s = 0;              // of a pre-authorisation
        std::uint32_t completion_tolerance_percent = 0; // that a completion may be above what was authorised: tips
        MinorUnits offline_max = 0;                     // of a sale that a terminal approved by itself
        // KeyAges of the terminals that are in no [[key_class]].
        std::uint32_t session_key_requests = 0, session_key_s = 0, session_key_overlap_s = 300;
        std::uint32_t remember_s = 0;                   // how long a settled request's repeat and reversal are known
    } switching;
    // By a terminal's id, or by the beginning of ids and a '*': those of a [[key_class]].
    std::map<std::string, KeyAges, std::less<>> key_ages;
    struct Vault {
        std::string module;  // the PKCS#11 module's path; empty: Debian's SoftHSM
    } vault;
    struct Mac {  // names of keys: a terminal's id, LNKnnnnn for a link; everyone else has AES-CMAC
        std::vector<std::string> x9_19;
        std::vector<std::string> hmac_sha_256;
    } mac;
    struct Pin {
        std::uint8_t tdes_format = 0;  // of the blocks that TDES DUKPT terminals send, ISO 9564-1: 0, 1 or 3; AES ones send format 4
    } pin;
    struct Settle {
        std::uint32_t approvals_required = 0;
        std::uint32_t confirmations = 0;
    } settle;
    struct BitcoinNode {
        Address rpc;                   // loopback: the cookie travels in the clear
        std::filesystem::path cookie;  // absolute; the node makes it anew at each start
        std::vector<Address> zmq;      // loopback; where it publishes hashblock and rawtx
    };
    struct Chain {
        std::uint32_t premine_blocks = 0;
        std::uint32_t block_interval_s = 0;
        std::optional<BitcoinNode> node;  // nothing: the embedded node alone
    } chain;
    struct Auditor {
        std::uint64_t snapshot_every_entries = 0;
        std::uint64_t checkpoint_every_ms = 0;
    } auditor;
    // The public pages; where the file has no [explorer], the box has no giro-explorer.
    struct Explorer {
        Address listen;                         // HTTP, plain: TLS is a proxy's in front of it
        std::uint32_t requests_per_second = 0;  // of one source address; 0: no limit (a proxy counts them)
    };
    std::optional<Explorer> explorer{};
};

// Of this terminal's session keys: of the class that names it, else of the one that names the longest beginning of its id,
// else of [switch].
[[nodiscard]] KeyAges key_ages(const Config& config, std::string_view terminal);

// Null when there is no such link (any more).
[[nodiscard]] const Link* find_link(const Config& config, std::uint16_t number) noexcept;

// Null when there is none of that name.
[[nodiscard]] const StandIn* find_stand_in(const Config& config, std::string_view name) noexcept;

// The dialects that the box speaks, each once, the gate's own first. A dialect's place among them is its number in
// PaymentRequest: gate and switch must have read the same file.
[[nodiscard]] std::vector<std::string> dialects_of(const Config& config);
// The place of a dialect that is spoken (ASSERTed); an empty name is the gate's own.
[[nodiscard]] std::uint8_t dialect_number(const Config& config, const std::string& name);

// `file`, and the links in the folder conf.d beside it. Beside the form of the files, that every dialect they name is a file in
// `dialects` beside it, where that folder is.
[[nodiscard]] Result<Config> load(const std::filesystem::path& file);

}  // namespace giro::config
