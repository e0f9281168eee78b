// From journal entries to settlement windows: which postings a window holds, what each bank owes, the Merkle root.
// Run by giro-settle, `giro approve` (recomputes what it is asked to sign) and `giro receipt`. Pure and deterministic.
//
// What counts as a posting: a payment approved here, on us or for an issuer whose link was down (its bank owes it, whatever
// becomes of its advice), a completion, a forwarded payment whose answer is "approved", a reversal that
// moved money back. Openings and pay-ins stay inside one bank. A posting's net effect: the bank of the debit account
// pays, the bank of the credit account receives; so the nets of a window add up to zero.
//
// Hostile: nothing, the journal has checked its bytes; still, an entry that does not decode or does not fit what came
// before is Failure::integrity with its sequence number, never a wrong net.
#pragma once

#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

#include "giro/result.hpp"
#include "settlement/posting.hpp"

namespace giro::settlement {

// Accounts that are not opened by an entry of their own; `lo` is the currency or the participant.
inline constexpr std::uint64_t kIssuanceAccount = 0x1000'0000'0000'0000;
inline constexpr std::uint64_t kReserveAccount = 0x2000'0000'0000'0000;
inline constexpr std::uint64_t kLinkAccount = 0x3000'0000'0000'0000;  // what the bank behind an issuer link owes

struct WindowResult {
    std::uint64_t window = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t closed_ns = 0;
    Hash256 root{};
    std::vector<entry::NetPosition> nets;  // every participant, by id; adds up to zero
    std::uint64_t postings = 0;
    std::vector<Hash256> leaves;  // in order of seq, `postings` of them; may be dropped once the root is known
};

class WindowBuilder {
  public:
    // Called for every posting as it is found, with the window it will belong to if that is cut next, and its leaf.
    using OnPosting = std::function<void(const Posting&, const entry::Salt&)>;
    using OnWindow = std::function<void(WindowResult&&)>;

    explicit WindowBuilder(OnWindow on_window, OnPosting on_posting = {});

    // Entries in journal order, from seq 1. Kinds that don't matter here are skipped unread.
    [[nodiscard]] Result<void> feed(std::uint64_t seq, std::uint16_t kind, Bytes body);

    [[nodiscard]] std::size_t open_postings() const noexcept { return m_open.size(); }
    // What each bank owes or gets in the window that is still open.
    [[nodiscard]] std::vector<entry::NetPosition> open_nets() const { return nets_of(m_open.size()); }

  private:
    using Index = std::uint16_t;  // into m_participants
    struct Sides {
        Index debit = 0;
        Index credit = 0;
    };
    struct Posted {  // 24 bytes for each payment of all time: what its reversal needs
        std::uint64_t seq = 0;
        Sides sides;
        MinorUnits stands = 0;  // what no reversal took back
    };
    struct Open {
        std::uint64_t seq = 0;
        MinorUnits amount = 0;
        Sides sides;
        Hash256 leaf{};
    };
    struct Forward {
        Posting posting;
        Sides sides;
    };
    struct IdHash {
        std::size_t operator()(Id128 id) const noexcept {
            return static_cast<std::size_t>((id.hi ^ (id.hi >> 29)) * 0x9e3779b97f4a7c15U ^
                                            id.lo * 0xc2b2ae3d27d4eb4fU);
        }
    };

    Result<void> participant_opened(std::uint64_t seq, Bytes body);
    Result<void> account_opened(std::uint64_t seq, Bytes body);
    Result<void> wallet_registered(std::uint64_t seq, Bytes body);
    Result<void> payment(std::uint64_t seq, Bytes body);
    Result<void> forward_answered(std::uint64_t seq, Bytes body);
    Result<void> completed(std::uint64_t seq, Bytes body);
    Result<void> stood_in(std::uint64_t seq, Bytes body);
    Result<void> reversal(std::uint64_t seq, Bytes body);
    Result<void> window_closed(std::uint64_t seq, Bytes body);
    [[nodiscard]] Result<Index> index_of(std::uint64_t seq, entry::ParticipantId id) const;
    [[nodiscard]] Result<Index> owner_of(std::uint64_t seq, Id128 account) const;
    [[nodiscard]] Posted* find_posted(std::uint64_t seq) noexcept;
    Result<void> post(const Posting& posting, Sides sides, const entry::Salt& salt);
    [[nodiscard]] std::vector<entry::NetPosition> nets_of(std::size_t count) const;

    OnWindow m_on_window;
    OnPosting m_on_posting;
    std::vector<entry::ParticipantId> m_participants;
    Currency m_currency = 0;
    std::unordered_map<Id128, Index, IdHash> m_accounts;
    std::unordered_map<std::uint64_t, Forward> m_forwards;  // unanswered
    std::vector<Posted> m_posted;                           // by seq
    std::deque<Open> m_open;                                // postings not yet in a window
    std::uint64_t m_last_window = 0;
    std::uint64_t m_last_cut = 0;
    std::uint64_t m_last_seq = 0;
};

}  // namespace giro::settlement
