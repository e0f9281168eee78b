// The ledger's state as bytes: what digest() hashes, what save() writes and load() reads. All integers little-endian.
//
//   offset  size
//        0     8  "GIROLDG2"
//        8     8  A, number of accounts
//       16     8  T, number of transfers that are there
//       24     8  F, number of transfers forgotten before them
//       32    68 each, A accounts in order of opening:
//                 0 id hi u64, 8 id lo u64, 16 participant u32, 20 code u32, 24 currency u16, 26 flags u16,
//                 28 overdraft i64, 36 debits pending i64, 44 debits posted, 52 credits pending, 60 credits posted
//        .    16 each, A: of each account what forgotten transfers posted: 0 debits i64, 8 credits i64
//        .    53 each, T transfers in order of recording, numbered from F modulo ffffffff:
//                 0 id hi u64, 8 id lo u64, 16 amount i64, 24 timestamp_ns u64, 32 debit account's number u32,
//                 36 credit account's number u32, 40 hold's number u32 (ffffffff: none), 44 timeout_s u32,
//                 48 flags u16, 50 code u16, 52 state u8
//        .    32  digest
//
// digest = SHA-256(the first 32 bytes, then SHA-256 of each run of up to 16,384 accounts, then of what was posted, then of
// transfers): hashing in runs needs no copy of the whole state. The hash tables and the expiry heap are rebuilt, so their
// layout is not in it.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "ledger/ledger.hpp"
#include "ledger/rules.hpp"
#include "util/hash.hpp"

namespace giro::ledger {

namespace {
constexpr std::string_view kMagic = "GIROLDG2";
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kAccountBytes = 68;
constexpr std::size_t kCarriedBytes = 16;
constexpr std::size_t kTransferBytes = 53;
constexpr std::size_t kRunRecords = 16'384;
constexpr std::uint64_t kForgottenMax = std::uint64_t{1} << 62;  // the numbers of what comes after fit in 64 bits

ByteArray<kHeaderBytes> encode_header(std::size_t accounts, std::size_t transfers, std::uint64_t forgotten) {
    ByteArray<kHeaderBytes> out;
    std::memcpy(out.data(), kMagic.data(), kMagic.size());
    store_le(out.data() + 8, std::uint64_t{accounts});
    store_le(out.data() + 16, std::uint64_t{transfers});
    store_le(out.data() + 24, forgotten);
    return out;
}

void encode(const Account& a, std::byte* out) {
    store_le(out, a.id.hi);
    store_le(out + 8, a.id.lo);
    store_le(out + 16, a.participant);
    store_le(out + 20, a.code);
    store_le(out + 24, a.currency);
    store_le(out + 26, a.flags);
    const MinorUnits sums[] = {a.overdraft, a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted};
    for (std::size_t i = 0; i < std::size(sums); ++i) store_le(out + 28 + 8 * i, static_cast<std::uint64_t>(sums[i]));
}

void encode(const Carried& c, std::byte* out) {
    store_le(out, static_cast<std::uint64_t>(c.debits));
    store_le(out + 8, static_cast<std::uint64_t>(c.credits));
}

void encode(const StoredTransfer& t, std::byte* out) {
    store_le(out, t.id.hi);
    store_le(out + 8, t.id.lo);
    store_le(out + 16, static_cast<std::uint64_t>(t.amount));
    store_le(out + 24, t.timestamp_ns);
    store_le(out + 32, t.debit);
    store_le(out + 36, t.credit);
    store_le(out + 40, t.pending);
    store_le(out + 44, t.timeout_s);
    store_le(out + 48, t.flags);
    store_le(out + 50, t.code);
    out[52] = static_cast<std::byte>(t.state);
}

Account decode_account(Reader& in) {
    Account a;
    a.id = in.id128();
    a.participant = in.u32();
    a.code = in.u32();
    a.currency = in.u16();
    a.flags = in.u16();
    for (MinorUnits* sum : {&a.overdraft, &a.debits_pending, &a.debits_posted, &a.credits_pending, &a.credits_posted})
        *sum = in.i64();
    return a;
}

StoredTransfer decode_transfer(Reader& in) {
    StoredTransfer t{};
    t.id = in.id128();
    t.amount = in.i64();
    t.timestamp_ns = in.u64();
    t.debit = in.u32();
    t.credit = in.u32();
    t.pending = in.u32();
    t.timeout_s = in.u32();
    t.flags = in.u16();
    t.code = in.u16();
    t.state = in.u8();
    return t;
}

// Calls use(bytes) for each run of up to kRunRecords encoded records.
template <std::size_t kBytes, typename Store, typename Use>
void for_each_run(const Store& records, const Use& use) {
    Buffer run(std::min(records.size(), kRunRecords) * kBytes);
    for (std::size_t first = 0; first < records.size(); first += kRunRecords) {
        const std::size_t count = std::min(kRunRecords, records.size() - first);
        for (std::size_t i = 0; i < count; ++i) encode(records.at(first + i), run.data() + i * kBytes);
        use(Bytes(run).first(count * kBytes));
    }
}

tl::unexpected<Failure> bad_snapshot(std::string_view why) {
    return fail(Failure::Kind::integrity,
                fmt::format("the ledger snapshot is damaged: {}; remove it and start from the journal", why));
}

// What is wrong with a transfer by itself; empty when nothing is.
std::string_view form_fault(const StoredTransfer& t, std::size_t accounts) {
    const bool resolves = (t.flags & kResolveFlags) != 0;
    if (t.id.is_zero()) return "a zero id";
    if ((t.flags & ~kTransferFlags) != 0 || !flags_compatible(t.flags)) return "impossible flags";
    if (t.amount < 1 || t.amount > kAmountMax) return "an impossible amount";
    if (t.timeout_s != 0 && (t.flags & kPending) == 0) return "a timeout without a hold";
    if (t.timeout_s * kNsPerSecond > std::numeric_limits<std::uint64_t>::max() - t.timestamp_ns)
        return "an impossible timeout";
    if (t.debit >= accounts || t.credit >= accounts || t.debit == t.credit) return "impossible accounts";
    if (resolves != (t.pending != kNoRef)) return "an impossible hold";
    const auto state = static_cast<TransferState>(t.state);
    const bool hold = (t.flags & kPending) != 0;
    if (hold ? state < TransferState::pending || state > TransferState::pending_expired
             : state != state_when_recorded(t.flags))
        return "an impossible state";
    if (state == TransferState::pending_expired && t.timeout_s == 0) return "an expiry without a timeout";
    return {};
}

// What is wrong between a post or void and its hold; empty when nothing is.
std::string_view resolve_fault(const StoredTransfer& t, const StoredTransfer& hold, std::uint64_t expires_ns) {
    if ((hold.flags & kPending) == 0) return "a hold that is none";
    if (hold.debit != t.debit || hold.credit != t.credit) return "accounts other than its hold's";
    if (t.amount > hold.amount) return "more than is held";
    if ((t.flags & kVoidPending) != 0 && t.amount != hold.amount) return "a void of less than is held";
    if (t.timestamp_ns >= expires_ns) return "a time after its hold expired";
    if (hold.state != static_cast<std::uint8_t>(state_when_resolved(t.flags))) return "a hold in another state";
    return {};
}
}  // namespace

Hash256 Ledger::digest() const {
    Buffer parts;
    Writer out(parts);
    out.bytes(encode_header(m_accounts.size(), m_transfers.size(), m_transfers.dropped()));
    const auto add_hash = [&](Bytes run) { out.bytes(sha256(run)); };
    for_each_run<kAccountBytes>(m_accounts, add_hash);
    for_each_run<kCarriedBytes>(m_carried, add_hash);
    for_each_run<kTransferBytes>(m_transfers, add_hash);
    return sha256(parts);
}

void Ledger::save(Writer& out) const {
    out.out().reserve(out.out().size() + kHeaderBytes + m_accounts.size() * (kAccountBytes + kCarriedBytes) +
                      m_transfers.size() * kTransferBytes + sizeof(Hash256));
    out.bytes(encode_header(m_accounts.size(), m_transfers.size(), m_transfers.dropped()));
    const auto add = [&](Bytes run) { out.bytes(run); };
    for_each_run<kAccountBytes>(m_accounts, add);
    for_each_run<kCarriedBytes>(m_carried, add);
    for_each_run<kTransferBytes>(m_transfers, add);
    out.bytes(digest());
}

Result<Ledger> Ledger::load(Reader& in, Options options) {
    Ledger ledger(options);
    const Bytes magic = in.take(kMagic.size());
    if (!std::ranges::equal(magic, giro::as_bytes(kMagic))) return bad_snapshot("it does not start as one");
    const std::uint64_t accounts = in.u64();
    const std::uint64_t transfers = in.u64();
    const std::uint64_t forgotten = in.u64();
    if (!in.ok() || accounts > in.left() / (kAccountBytes + kCarriedBytes) || transfers > in.left() / kTransferBytes)
        return bad_snapshot("it is too short");
    if (accounts > options.accounts_max || transfers > options.transfers_max || forgotten > kForgottenMax)
        return bad_snapshot("it is too large");
    if (auto fault = ledger.load_accounts(in, accounts); !fault.empty()) return bad_snapshot(fault);
    ledger.m_transfers.start_at(forgotten);
    if (auto fault = ledger.load_transfers(in, transfers); !fault.empty()) return bad_snapshot(fault);
    if (auto fault = ledger.recompute_sums(); !fault.empty()) return bad_snapshot(fault);
    const auto digest = in.array<sizeof(Hash256)>();
    if (!in.ok()) return bad_snapshot("it is too short");
    if (digest != ledger.digest()) return bad_snapshot("its digest does not match");
    return ledger;
}

std::string Ledger::load_accounts(Reader& in, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        const Account a = decode_account(in);
        ASSERT(in.ok());  // load() has counted the bytes
        if (const auto form = check_form(a); form != AccountResult::ok)
            return fmt::format("account {} has {}", i, to_string(form));
        if (account(a.id) != nullptr) return fmt::format("account {} is there twice", i);
        m_account_index.insert(a.id, static_cast<Ref>(i));
        m_accounts.push_back(a);
    }
    std::map<Currency, WideUnits> unbalanced;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Carried carried{.debits = in.i64(), .credits = in.i64()};
        ASSERT(in.ok());
        if (carried.debits < 0 || carried.credits < 0) return fmt::format("account {} has an impossible sum", i);
        unbalanced[m_accounts.at(i).currency] += WideUnits{carried.debits} - carried.credits;
        m_carried.push_back(carried);
    }
    for (const auto& [currency, sum] : unbalanced)
        if (sum != 0) return fmt::format("what was forgotten in currency {} does not balance", currency);
    return {};
}

std::string Ledger::load_transfers(Reader& in, std::uint64_t count) {
    std::vector<bool> resolved(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        const StoredTransfer t = decode_transfer(in);
        if (!in.ok()) return "it is too short";
        std::string_view fault = form_fault(t, m_accounts.size());
        if (fault.empty() && m_accounts[t.debit].currency != m_accounts[t.credit].currency) fault = "two currencies";
        if (fault.empty() && m_transfer_index.find(t.id, m_transfers) != kNoRef) fault = "the id of another";
        if (fault.empty() && t.pending != kNoRef && m_transfers.has(t.pending)) {
            const std::size_t hold = m_transfers.offset(t.pending);
            if (resolved[hold]) fault = "a hold that is resolved already";
            else fault = resolve_fault(t, m_transfers[t.pending], expiry_ns(m_transfers[t.pending]));
            if (fault.empty()) resolved[hold] = true;
        } else if (fault.empty() && t.pending != kNoRef && !m_transfers.may_be_dropped(t.pending)) {
            fault = "a hold that comes later";
        }
        if (!fault.empty()) return fmt::format("transfer {} has {}", i, fault);
        m_transfer_index.insert(t.id, m_transfers.ref_at(i));
        m_transfers.push_back(t);
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto state = static_cast<TransferState>(m_transfers.at(i).state);
        const bool ended = state == TransferState::pending_posted || state == TransferState::pending_voided;
        if (ended && !resolved[i]) return fmt::format("hold {} ended without a post or void", i);
        watch_expiry(i);
    }
    return {};
}

// The accounts' sums say what the transfers say, fit, and keep the limits.
std::string Ledger::recompute_sums() const {
    struct Sides {
        WideUnits debits_pending = 0, debits_posted = 0, credits_pending = 0, credits_posted = 0;
    };
    std::vector<Sides> sums(m_accounts.size());
    for (std::size_t i = 0; i < m_accounts.size(); ++i) {
        sums[i].debits_posted = m_carried.at(i).debits;
        sums[i].credits_posted = m_carried.at(i).credits;
    }
    for (std::size_t i = 0; i < m_transfers.size(); ++i) {
        const StoredTransfer& t = m_transfers.at(i);
        const auto state = static_cast<TransferState>(t.state);
        if (state == TransferState::pending) {
            sums[t.debit].debits_pending += t.amount;
            sums[t.credit].credits_pending += t.amount;
        } else if (state == TransferState::posted) {
            sums[t.debit].debits_posted += t.amount;
            sums[t.credit].credits_posted += t.amount;
        }
    }
    for (std::size_t i = 0; i < m_accounts.size(); ++i) {
        const Account& a = m_accounts.at(i);
        const Sides& s = sums[i];
        const bool same = s.debits_pending == a.debits_pending && s.debits_posted == a.debits_posted &&
                          s.credits_pending == a.credits_pending && s.credits_posted == a.credits_posted;
        if (!same) return fmt::format("the sums of account {} are not those of its transfers", i);
        if (s.debits_pending + s.debits_posted > std::numeric_limits<MinorUnits>::max() ||
            s.credits_pending + s.credits_posted > std::numeric_limits<MinorUnits>::max())
            return fmt::format("the sums of account {} do not fit", i);
        if (passes_debit_limit(a, a.debits_pending + a.debits_posted) ||
            passes_credit_limit(a, a.credits_pending + a.credits_posted))
            return fmt::format("account {} is past its limit", i);
        if ((a.flags & kClosed) != 0 && (a.debits_pending != 0 || a.credits_pending != 0))
            return fmt::format("account {} is closed with pending amounts", i);
    }
    return {};
}

}  // namespace giro::ledger
