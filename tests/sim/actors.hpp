// The world outside the box: terminals, wallets, the issuer's host, the clerk with the officers. Terminals and host are
// the product's own cores (giro pos, giro host); around them is a network that loses, repeats and delays.
#pragma once

#include <memory>

#include "appliance/giro/host_issuer.hpp"
#include "appliance/giro/terminal.hpp"
#include "bus/admin_messages.hpp"
#include "net/deframer.hpp"
#include "payment/chip_card.hpp"
#include "tests/sim/box.hpp"
#include "tests/sim/heard.hpp"
#include "tests/sim/os/network.hpp"
#include "wallet/key.hpp"

namespace giro::sim {

// What the seed makes of the weather outside.
struct Weather {
    std::uint32_t loss_percent = 0;           // of messages of terminals and wallets, 0 to 30
    std::uint32_t duplicate_percent = 0;      // of requests that come again by another connection, 0 to 50
    std::uint64_t late_max_ns = 4 * kSecond;  // how late a duplicate comes: what reorders requests
    std::uint64_t host_delay_max_ns = 500 * kMillisecond;
    bool calm = false;  // the liveness phase: nothing new is begun, what is open is brought to its end
    std::uint64_t lost = 0, duplicated = 0;
    std::uint64_t routes_changed = 0, cards_blocked = 0, parked = 0;  // by staff
    std::uint64_t shed = 0;                                           // answered 96 by the gate
};

// giro::Random and giro::Clock of the world, for the product's cores.
class WorldRandom final : public giro::Random {
  public:
    explicit WorldRandom(World& world) : m_world(world) {}
    void fill(MutableBytes out) override;

  private:
    World& m_world;
};

// A chip card: what it put under its last cryptogram; and what somebody who copies it has seen.
struct Chip {
    payment::ChipPurchase purchase;
    Buffer seen;  // DE55; empty: nothing yet
    MinorUnits seen_amount = 0;
    std::uint16_t seen_atc = 0;
    bool seen_refused = false;  // it was an AAC,
    bool seen_offline = false;  // or a TC
};

// What the actors share.
struct Outside {
    Outside(Box& b, Weather& w, Ears& e);
    Box& box;
    World& world;
    Weather& weather;
    Ears& ears;
    WorldRandom random;
    iso8583::Dialect dialect;
    pos::Shared terminals;
    pos::AnswerReader reader;          // for what comes back to duplicates
    std::map<std::string, Chip> chips;  // by card number: every till meets the same cards
    std::vector<std::string> secrets;  // card numbers and keys that must never be found anywhere
    [[nodiscard]] pos::Now now() const { return {world.time_ns() + kSecond, world.wall_ns()}; }
    [[nodiscard]] bool percent(std::uint32_t p) const { return p != 0 && world.random.below(100) < p; }
};

class TerminalActor final : public pos::Wire, public pos::Observer {
  public:
    TerminalActor(Outside& outside, std::uint32_t index);
    void start();
    [[nodiscard]] bool at_rest() const { return m_terminal.ready(); }
    [[nodiscard]] std::string state() const;
    void hand_over(std::string qr, MinorUnits amount) {
        m_qr = std::move(qr), m_qr_amount = amount;
    }  // a customer's code to scan

  private:
    void send(Bytes frame) override;
    void ready(pos::Terminal&) override {}
    void done(pos::Terminal&, const pos::Outcome& outcome) override;
    void failed(pos::Terminal&, const std::string& why) override;
    void odd(pos::Terminal&, Oddity oddity) override;
    void connect();
    void received(Bytes bytes);
    void act();
    void sell();
    void sell_offline();
    [[nodiscard]] pos::CardData read_chip(const Pan& pan, std::size_t bank, MinorUnits& amount, Dipped& dipped,
                                          payment::ChipAnswer answer);
    [[nodiscard]] pos::CardData read_stripe(const Pan& pan, Shown& shown);
    [[nodiscard]] std::string last_request() const;
    void let_card_read(const pos::Sale& sale, const pos::Outcome& outcome);
    void authorise_or_follow();
    void reverse();
    void end_of_day();
    void notify(pos::NetworkCode code);
    void duplicate(Bytes frame);
    void hear(Bytes message);
    void hear_gate(const pos::Answer& answer);

    Outside& m_out;
    pos::Terminal m_terminal;
    std::shared_ptr<ActorStream> m_stream;
    std::uint64_t m_connection = 0;  // counts: what still comes of an earlier one is not this one's
    std::unique_ptr<net::Deframer> m_deframer;
    std::vector<pos::Sale> m_approved, m_authorised;
    std::optional<payment::ChipPurchase> m_dipped;  // of the sale under way, if its card made it
    std::string m_qr;
    MinorUnits m_qr_amount = 0;
    bool m_checkpoint = false;     // the reconciliation under way is one
    MinorUnits m_net = 0;          // what this till believes that its period came to
    bool m_signed_off = false;     // as far as it knows
    pos::NetworkCode m_noticed{};  // the notice under way
    bool m_connecting = false;
};

class WalletActor {
  public:
    WalletActor(Outside& outside, std::uint32_t index);
    void start();
    [[nodiscard]] bool registered() const noexcept { return m_registered; }
    [[nodiscard]] bool at_rest() const noexcept { return m_pending.empty() || m_tries >= kTriesMax; }
    [[nodiscard]] Hash160 address() const { return wallet::pubkey_hash(m_key.pubkey()); }
    // A signed order for a terminal to scan.
    [[nodiscard]] std::string present(MinorUnits amount);
    std::vector<WalletActor*> others;
    std::vector<TerminalActor*> tills;

  private:
    static constexpr int kTriesMax = 40;
    static constexpr int kPatience = 4;
    void act();
    void post();
    void answered(const std::string& response);
    [[nodiscard]] wallet::PaymentOrder order(MinorUnits amount);

    Outside& m_out;
    wallet::WalletKey m_key;
    std::uint64_t m_counter = 0;
    bool m_registered = false;
    bool m_is_order = false;
    std::string m_pending;  // the request as it is sent, until it is answered
    std::string m_order_key;
    std::string m_in;
    int m_tries = 0;
    std::uint64_t m_attempt = 0;
    std::shared_ptr<ActorStream> m_stream;
};

// The host of one link: a bank that keeps its own cards, or a scheme's. The product's own issuer core behind a line that is
// slow and loses messages; beside that it has its own troubles, whatever the other hosts do.
class HostActor {
  public:
    enum class Trouble : std::uint8_t {
        down,      // nobody there
        slow,      // answers seconds late, some too late
        silent,    // decides, and says nothing; now and then not even to an echo
        wrong,     // wrong MACs, halves of answers, answers to another message
        confused,  // makes nothing of advices and reversals (30)
        restart,   // gone for a moment; its books are kept, its session keys are not
        kLast = restart
    };
    HostActor(Outside& outside, const config::Link& link);
    void strike(Trouble trouble, std::uint64_t for_ns);
    void mend();
    [[nodiscard]] std::uint16_t link() const noexcept { return m_link.number; }
    [[nodiscard]] const std::vector<host::Seen>& seen() const noexcept { return m_seen; }

  private:
    [[nodiscard]] bool has(Trouble trouble) const noexcept { return m_trouble == trouble; }
    void open_doors();
    void close_doors();
    void dial();
    void start();
    [[nodiscard]] StreamEvents accept(const std::shared_ptr<ActorStream>& stream);
    void frame(const std::shared_ptr<ActorStream>& stream, Bytes message);
    void note_advice(const host::Seen& seen, Bytes message);
    void say(const std::shared_ptr<ActorStream>& stream, Buffer frame);
    [[nodiscard]] Buffer distorted(Buffer frame);

    Outside& m_out;
    const config::Link& m_link;
    iso8583::Dialect m_dialect;
    std::vector<std::string> m_addresses;
    std::unique_ptr<host::Issuer> m_issuer;
    std::vector<host::Seen> m_seen;
    std::optional<Trouble> m_trouble;
    bool m_mute = false;           // silent to echoes too
    std::uint64_t m_troubles = 0;  // counts: what ends one ends no later one
    Buffer m_last;                 // what it said last
    std::shared_ptr<ActorStream> m_dialed;  // where it connects to the box
    std::uint64_t m_dials = 0;
};

// Staff at the command line: opens the box's accounts, closes windows, and the officers who approve. It waits in calls
// to the switch, as `giro` does.
class Clerk {
  public:
    Clerk(Outside& outside, std::vector<WalletActor*> wallets);
    void start();
    void stop();  // before the end: its calls come back
    [[nodiscard]] bool provisioned() const noexcept { return m_provisioned; }
    [[nodiscard]] bool everything_settled() const noexcept { return m_settled; }

  private:
    void work();
    void provision();
    void pay_in();
    void close_window();
    void approve_what_waits();
    void change_routes();
    void block_or_unblock();
    void look_after_owed();
    [[nodiscard]] std::optional<bus::SafPage> owed(bool parked_only);
    bool tell(bus::MessageType type, Bytes body, bool until_ok);
    void sleep(std::uint64_t ns);
    [[nodiscard]] bool alive() const { return m_process.alive; }

    Outside& m_out;
    Process m_process;
    std::vector<WalletActor*> m_wallets;
    bool m_provisioned = false;
    bool m_settled = false;
    bool m_closed_last = false;
    std::set<std::string> m_blocked;                  // card numbers, as far as the clerk knows
};

}  // namespace giro::sim
