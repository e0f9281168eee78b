// The way of a request through the switch, in batches: verify MACs and seal PANs in the vault, decide, journal, build
// and MAC the answers, send. Several batches may be at the vault; they are decided strictly in the order they came.
//
// No answer leaves before its entry is durable; the vault makes its MAC while the entry is written. Hostile input: whatever the gate sends. When the vault does not answer,
// terminals hear 91 without a MAC and nothing is decided; when the journal fails, the program ends.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "appliance/giro-switch/link_health.hpp"
#include "appliance/giro-switch/link_keys.hpp"
#include "appliance/giro-switch/pan_cache.hpp"
#include "appliance/giro-switch/saf.hpp"
#include "appliance/skeleton.hpp"
#include "bus/gate_messages.hpp"
#include "iso8583/message.hpp"
#include "journal/journal.hpp"
#include "switching/core.hpp"
#include "switching/frames.hpp"
#include "vault/client.hpp"
#include "vault/mac_kinds.hpp"
#include "vault/payment_wire.hpp"

namespace giro::appliance {

// Where the time of a payment goes; read by box_status and the benchmark.
struct StageTimes {
    std::uint64_t batches = 0, requests = 0;  // batches: what was decided and written down at once
    std::uint64_t vault_verify_ns = 0, decide_ns = 0, journal_ns = 0, vault_mac_ns = 0;  // sums over batches
    std::uint64_t requests_max = 0;                                                     // in one batch
};

// Failure::config, naming dialect and field, when the switch cannot serve it: what it reads of DE48 and DE63 are views
// into the frame, so their bodies must be ASCII or binary.
[[nodiscard]] Result<void> check_dialect(const iso8583::Dialect& dialect);
// The same, naming both: two dialects whose messages cannot be told apart say other sums in a reversal in part, and a terminal
// speaks one of them. Its MAC does not say which: whoever carries a message from one port to the other would choose the sum.
[[nodiscard]] Result<void> check_reversals(const config::Config& config, const std::vector<iso8583::Dialect>& dialects);
// The same: each link that a route sends codes to (routing::Rule::aids) must have room for them in DE63.
[[nodiscard]] Result<void> check_codes(const routing::Routing& routing, const config::Config& config, const std::vector<iso8583::Dialect>& dialects);
// Those that terminals speak, by number: the gate's own and its ports'.
[[nodiscard]] std::set<std::uint8_t> terminal_dialects(const config::Config& config);
// The same, naming the link: its dialect has no field for the PIN blocks that its pin_format makes.
[[nodiscard]] Result<void> check_pins(const config::Config& config, const std::vector<iso8583::Dialect>& dialects);
// The same, naming the link: it is to have session keys, a sign-on or echoes, and its dialect cannot say them.
[[nodiscard]] Result<void> check_link_network(const config::Config& config, const std::vector<iso8583::Dialect>& dialects);

class Pipeline {
  public:
    // `dialects`: by config::dialects_of; they outlive the pipeline.
    Pipeline(Program& program, switching::Core& core, journal::Journal& journal, vault::Client& vault,
             const std::vector<iso8583::Dialect>& dialects, Clock& clock, Random& random);
    ~Pipeline();

    // Opens run/switch.gate.
    [[nodiscard]] Result<void> open();
    // Makes what the core decided durable. False: the journal failed and the program is ending; send nothing.
    [[nodiscard]] bool commit();
    [[nodiscard]] const std::vector<iso8583::Dialect>& dialects() const noexcept { return m_dialects; }
    // The journal's end after commit(): it is on the disk.
    [[nodiscard]] const journal::Head& durable() const noexcept { return m_journal.head(); }
    // Once every few milliseconds: timeouts, reversals owed, journal checkpoint, disk space.
    void tick();
    void seal(const Pan& pan, std::function<void(std::optional<entry::SealedPan>)> done);
    [[nodiscard]] const StageTimes& times() const noexcept { return m_times; }
    [[nodiscard]] bool vault_answers() const noexcept { return m_vault_answers; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return m_dropped; }
    // Answers of a link's host since the start that answered nothing.
    [[nodiscard]] std::uint64_t answers_unmatched(std::uint16_t link) const;
    // What is under way of what issuers are owed.
    [[nodiscard]] const StoreAndForward& saf() const noexcept { return m_saf; }
    // How the link's host is.
    [[nodiscard]] LinkHealth::Figures link_figures(std::uint16_t link) const { return m_link_health.figures(link); }
    [[nodiscard]] bool link_busy(std::uint16_t link) const { return m_link_health.busy(link); }
    // Staff has taken the link down, or brought it up again (State::links_down()): its host is signed off from, or on to.
    void link_set(std::uint16_t link);

  private:
    struct Item;
    struct Batch;
    struct Outgoing;
    struct Waiting;
    struct NewPan;
    struct Portion;
    struct PinRequests;
    struct CardRequests;

    void received(bus::PeerId peer, const bus::Record& record);
    Item& arrive(bus::PeerId peer, const bus::Record& record);
    void start_batches();
    void start_batch();
    [[nodiscard]] bool read_raw(Item& item);
    void read_card(const iso8583::Dialect& dialect, Item& item);
    void ask_vault(const std::shared_ptr<Batch>& batch);
    void ask_about_genuine(const std::shared_ptr<Batch>& batch);
    void warn(std::string_view what);
    template <typename Verb>
    void ask_checks(const std::shared_ptr<Batch>& batch, const typename Verb::Request& request);
    void keep_checks(Batch& batch, vault::MacVerify::Reply& reply);
    void keep_checks(Batch& batch, vault::DukptVerify::Reply& reply);
    void add_mac_checks(Item& item, vault::MacVerify::Request& macs) const;
    void add_dukpt_check(Item& item, vault::DukptVerify::Request& macs) const;
    void ask_about_sealed(const std::shared_ptr<Batch>& batch);
    void ask_about_pins(const std::shared_ptr<Batch>& batch);
    void add_pin(Item& item, PinRequests& pins);
    template <typename Verb>
    void ask_pins(const std::shared_ptr<Batch>& batch, const typename Verb::Request& request, const std::vector<std::size_t>& items);
    void keep_pins(Batch& batch, const vault::PinVerify::Reply& reply, const std::vector<std::size_t>& items);
    void keep_pins(Batch& batch, const vault::PinTranslate::Reply& reply, const std::vector<std::size_t>& items);
    [[nodiscard]] bool pin_is_due(const Item& item) const;
    void forget_pins(const Batch& batch);
    void ask_about_cards(const std::shared_ptr<Batch>& batch);
    void add_card(Item& item, CardRequests& cards);
    void add_chip(Item& item, const config::CardProduct& product, bool known, CardRequests& cards);
    void add_values(Item& item, const config::CardProduct& product, CardRequests& cards);
    void ask_chips(const std::shared_ptr<Batch>& batch, const CardRequests& cards);
    void keep_chip(Item& item, const vault::ArqcVerify::Result& result);
    void ask_values(const std::shared_ptr<Batch>& batch, CardRequests& cards);
    void warn_of_card(const Item& item, std::string_view what);
    [[nodiscard]] Buffer chip_answer(const Item& item, const switching::Answer& decided) const;
    void keep_issuer_chip(std::uint64_t payment, const Buffer& field);
    void add_pan(Item& item, vault::ProtectPan::Request& pans, std::vector<NewPan>& keys) const;
    void ask_session_key(const std::shared_ptr<Batch>& batch, std::size_t index, const vault::Nonce& of);
    void vault_done(Batch& batch, bool ok);
    void finish_later();
    void finish_ready_batches();
    void finish(const std::vector<std::shared_ptr<Batch>>& ready);
    void tell_decided(const std::vector<std::shared_ptr<Batch>>& ready);
    void note_dropped();
    void decide(Batch& batch);
    void decide_terminal(Batch& batch, Item& item);
    [[nodiscard]] bool accept_ksn(Batch& batch, const Item& item);
    void decide_link(Batch& batch, Item& item);
    void decide_wallet(Batch& batch, Item& item);
    void answer_wallet(Batch& batch, const Item& item, const switching::WalletAnswer& answer);
    void decide_network(Batch& batch, Item& item, bool mac_good);
    [[nodiscard]] ResponseCode network_code(const PaymentRequest& request);
    [[nodiscard]] switching::Reply reconcile(Item& item, std::uint64_t now_ns);
    void answer(Batch& batch, const Item& item, const switching::Reply& reply, bool with_mac, const vault::Nonce& nonce);
    void forward(Batch& batch, Item& item, const switching::Answer& answer);
    void wait(Batch& batch, std::uint64_t payment, Waiting waiting);
    void settle_waiting(std::vector<Outgoing>& out, const switching::Decided& decided, const Buffer& chip = {});
    void refuse_all(Batch& batch, const ResponseCode& code);
    using Portions = std::vector<std::shared_ptr<Portion>>;
    void send_with_macs(std::vector<Outgoing> out);
    [[nodiscard]] Portions ask_for_macs(std::vector<Outgoing> out);
    [[nodiscard]] std::shared_ptr<Portion> ask_for_portion(std::vector<Outgoing> out);
    void release(const Portions& portions);
    void macs_made(Portion& portion, const vault::MacGenerate::Reply& reply);
    void macs_made(Portion& portion, const vault::DukptMac::Reply& reply);
    template <typename Verb>
    void ask_macs(const std::shared_ptr<Portion>& portion, const typename Verb::Request& request);
    static void mac_under(Outgoing& out, const Item& item);
    void send(const Outgoing& out);
    void send_owed();
    void reveal_and_send(std::vector<StoreAndForward::Send> sends);
    void not_revealed(const std::vector<StoreAndForward::Send>& sends, bus::Status status);
    void add_owed(std::vector<Outgoing>& out, const StoreAndForward::Send& send, const Pan& pan);
    void set_aside(const StoreAndForward::Send& send, entry::SafWhy why);
    void close(bus::PeerId gate);
    void stay_open();
    void close_when_done();
    void update_link(const config::Link& link);
    void renew_links();
    void renew_link(const config::Link& link);
    void renew_link(std::uint16_t number);
    void link_connected(bus::PeerId peer, const bus::LinkState& state);
    void ask_link(std::uint16_t link, std::uint16_t code);
    void network_answered(const PaymentRequest& answer, std::string_view name);
    void answer_link(Batch& batch, const Item& item, std::string_view name);
    void send_to_link(std::uint16_t link, Buffer frame);
    [[nodiscard]] vault::Nonce next_link_key(std::uint16_t link);
    void link_failed(std::uint16_t link);
    void ask_link_key(std::uint16_t link);
    void link_key_answered(const PaymentRequest& answer, std::string_view name);
    void note_unmatched(const PaymentRequest& answer, std::string_view link, switching::Unmatched why);
    void note_vault(bool answers, const std::string& why);
    void check_disk();

    Program& m_program;
    switching::Core& m_core;
    journal::Journal& m_journal;
    vault::Client& m_vault;
    const std::vector<iso8583::Dialect>& m_dialects;
    iso8583::Message m_message;
    std::deque<switching::FrameBuilder> m_frames;            // by dialect
    std::map<std::uint16_t, std::uint8_t> m_link_dialects;   // by the link's number
    std::set<std::uint8_t> m_terminal_dialects;
    vault::MacKinds m_mac_kinds;
    LinkKeys m_link_keys;
    LinkHealth m_link_health;
    std::uint64_t m_in_flight_checked_ns = 0;
    Clock& m_clock;
    PanCache m_pans;
    std::unique_ptr<bus::Server> m_gate;
    std::vector<Item> m_arrived;
    std::vector<Item> m_spare;  // empty: the memory of a batch that is done, for the next
    Buffer m_body;              // of the record being sent; used again
    std::deque<std::shared_ptr<Batch>> m_batches;  // at the vault, in order
    std::map<std::uint64_t, Waiting> m_waiting;    // payment seq -> the terminal that waits for its issuer
    std::map<std::uint16_t, bus::PeerId> m_link_peers;
    StoreAndForward m_saf;
    std::optional<bus::PeerId> m_closing;          // the gate that will end
    bool m_links_closing = false, m_closed = false;  // .. the links are signed off from; it was told
    std::size_t m_portions = 0;                    // at the vault for their MACs
    bool m_owed_answered = false;                  // in this turn: the next of its line may go
    std::map<std::uint64_t, Buffer> m_issuer_chips;  // payment seq -> DE55 of its issuer's answer: the newest
    std::set<Id128> m_pins_asked;                  // requests whose PIN the vault was asked about, until they are decided
    std::map<std::tuple<std::uint16_t, Mti, unsigned>, std::uint64_t> m_unmatched;  // link, type, field -> how often
    StageTimes m_times;
    bool m_vault_answers = true;
    bool m_disk_low = false;
    bool m_ended = false;
    bool m_finish_pending = false;
    std::uint64_t m_dropped = 0;
    std::uint64_t m_warned = 0, m_warned_second = 0;
    std::uint64_t m_disk_checked_ns = 0;
};

}  // namespace giro::appliance
