// A run of many terminals (pos_load.hpp): what it holds, and its parts. pos_load.cpp has its beginning, its clock and its end,
// pos_load_pay.cpp what the terminals pay and say. For those two files alone.
#pragma once

#include <event2/event.h>

#include <deque>
#include <limits>
#include <map>
#include <unordered_map>

#include "appliance/giro/pos_chip.hpp"
#include "appliance/giro/pos_load.hpp"
#include "appliance/giro/pos_mischief.hpp"
#include "appliance/giro/pos_trace.hpp"
#include "appliance/giro/wallet_file.hpp"

namespace giro::pos {

inline constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();  // payments, of a closed loop

struct Card {
    CardName name;
    Pan pan;
};

// One terminal's part of the run.
struct Seat {
    std::unique_ptr<Station> station;
    Job job = Job::card;
    int wallet = -1;           // index of the wallet that is paying here
    std::uint8_t steps = 0;    // kRepeat, kReverse, kReverseLate: still to do for this payment
    ResponseCode code;         // of the sale, for the comparison with its repeat
    AuthCode auth_code;
    Buffer chip;
    const Card* card = nullptr;
    ChipUse use;               // of its card's chip; empty: none
};

class LoadRun final : public Observer {
  public:
    LoadRun(const Scenario& scenario, const Equipment& equipment);
    ~LoadRun() override;
    Result<Report> run();

  private:
    // --- before the run ---------------------------------------------------------------------------
    Result<void> prepare();
    void make_cards();
    Result<void> make_seats();

    // --- what the terminals say -------------------------------------------------------------------
    void ready(Terminal& terminal) override;
    void failed(Terminal&, const std::string& why) override { stop_with(Failure::Kind::refused, why); }
    void odd(Terminal&, Oddity oddity) override;
    void done(Terminal& terminal, const Outcome& outcome) override;
    void rest(Seat& seat, std::uint64_t until_ns);
    void go_on(Seat& seat, Now now);
    void wake_rested(Now now);
    void sale_done(Seat& seat, const Outcome& outcome, Now now);
    void chip_answered(const Seat& seat, const Outcome& outcome);
    void repeat_done(const Seat& seat, const Outcome& outcome);
    void reversal_done(const Outcome& outcome);
    void next_step(Seat& seat, Now now);

    // --- payments ---------------------------------------------------------------------------------
    void start();
    void pump(Now now);
    void send_due(Now now);
    void stop_sending();
    std::optional<std::uint64_t> next_due(Now now);
    void pay(Job job, std::uint64_t meant_ns, Now now);
    bool read_chip(Seat& seat, MinorUnits amount, std::uint64_t number, Now now);
    [[nodiscard]] std::string typed_pin(const Card& card, std::uint64_t number) const;
    void pay_by_code(Seat& seat, MinorUnits amount, bool spoilt, std::uint64_t meant_ns, Now now);
    void free_wallet(Seat& seat);
    void check_end();

    // --- time -------------------------------------------------------------------------------------
    void wake_at(std::uint64_t monotonic_ns);
    static void woken(int fd, short, void* self);
    void tick();
    [[nodiscard]] std::string why_not_started() const;
    void stop();
    void stop_with(Failure::Kind kind, std::string why);
    void finish_report();
    void finish_codes();
    std::uint64_t& code_count(const ResponseCode& code);
    Seat& seat_of(const Terminal& terminal) { return *m_seat_of.at(&terminal); }

    const Scenario& m_scenario;
    const Equipment& m_equipment;
    SystemRandom m_random;
    bus::Loop m_loop;
    Shared m_shared;
    ChipCards m_chips;
    bus::Timer m_tick;
    int m_timer_fd = -1;
    event* m_wake = nullptr;
    std::unique_ptr<Trace> m_trace;
    std::unique_ptr<Mischief> m_mischief;
    std::vector<Card> m_cards, m_link_cards, m_empty_cards;
    std::vector<customer::WalletFile> m_wallets;
    std::deque<int> m_free_wallets;
    std::vector<std::unique_ptr<Seat>> m_seats;
    std::unordered_map<const Terminal*, Seat*> m_seat_of;
    std::deque<Seat*> m_idle;                 // longest idle first
    std::multimap<std::uint64_t, Seat*> m_resting;  // by the end of its pause; not among the idle
    std::size_t m_thinking = 0;               // of those, between two payments
    std::uint64_t m_due_ns = 0;               // when the next payment of an open loop is
    std::deque<std::uint64_t> m_qr_waiting;   // the times they were meant for
    std::size_t m_ready = 0;
    std::uint64_t m_next = 0;                 // number of the next payment
    std::uint64_t m_jobs = 0;                 // payments in all
    std::size_t m_next_card = 0;
    std::uint64_t m_created_ns = 0, m_started_ns = 0, m_ended_ns = 0, m_stop_at_ns = 0, m_last_heard_ns = 0, m_woken_ns = 0;
    bool m_stopping = false;
    std::vector<std::pair<ResponseCode, std::uint64_t>> m_code_counts;
    std::optional<Failure> m_failure;
    Report m_report;
    Progress m_progress;
};

}  // namespace giro::pos
