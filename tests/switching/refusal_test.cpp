// What tests/fuzz found (targets switch_entries, switch_requests and switch_snapshot): an entry that is refused must
// have changed nothing, or the memory of the switch runs ahead of its journal; and a snapshot has one form.
#include <algorithm>

#include "fixture.hpp"

using namespace giro;
using namespace giro::switching;

namespace {
// Refused, and nothing of it stays.
void check_refused(Box& box, entry::Kind kind, const auto& e) {
    const Hash256 before = box.state.digest();
    const auto applied = box.state.apply(kind, encode(e));
    CHECK_FALSE(applied);
    CHECK(box.state.digest() == before);
    CHECK(box.state.balanced());
}
entry::AccountOpened account(Id128 id, Amount opening) {
    return {id, 1, opening, 0, FixedText<24>("new")};
}
entry::ParticipantOpened participant(std::uint32_t id, Amount backing) {
    return {id, entry::ParticipantName("new"), backing, Buffer(34)};
}
}  // namespace

TEST_CASE("switch: an account whose opening is in another currency than its bank's is refused, and is not there") {
    Box box;
    check_refused(box, entry::Kind::account_opened, account({0xC, 9}, {5, 978}));
    CHECK(box.state.ledger().account({0xC, 9}) == nullptr);
    CHECK_FALSE(box.core->open_account(account({0xC, 9}, {0, 978})));
    CHECK(box.core->open_account(account({0xC, 9}, {5, 963})));
    box.commit();
    CHECK(box.replayed().digest() == box.state.digest());
}

TEST_CASE("switch: nobody opens an account under an id that a bank to come will have") {
    Box box;
    for (const Id128 id : {issuance_account(978), reserve_account(9)})
        check_refused(box, entry::Kind::account_opened, account(id, {0, 963}));
    CHECK(box.core->open_participant(participant(9, {1'000, 963})));
    box.commit();
}

TEST_CASE("switch: a bank in a currency that is none, or whose backing is out of range, leaves nothing behind") {
    Box box;
    check_refused(box, entry::Kind::participant_opened, participant(9, {1'000, 0}));
    check_refused(box, entry::Kind::participant_opened, participant(9, {1'000, 1'000}));
    check_refused(box, entry::Kind::participant_opened, participant(9, {-1, 963}));
    check_refused(box, entry::Kind::participant_opened, participant(9, {kAmountMax + 1, 963}));
    check_refused(box, entry::Kind::participant_opened, participant(0, {1, 963}));
}

TEST_CASE("switch: backings that together pass 64 bits are refused") {
    Box box;
    for (std::uint32_t id = 1'000; id < 1'000 + 9'223; ++id)
        REQUIRE(box.state.apply(entry::Kind::participant_opened, encode(participant(id, {kAmountMax, 978}))));
    check_refused(box, entry::Kind::participant_opened, participant(999, {kAmountMax, 978}));
}

TEST_CASE("switch: a payment that would move issued money is refused") {
    Box box;
    REQUIRE(box.buy(purchase_of(5, 1)).code == kApproved);
    auto e = *decode<entry::Payment>(box.journal.back().body);
    e.key.stan = 2;
    for (Id128* account : {&e.debit, &e.credit}) {
        const Id128 before = std::exchange(*account, issuance_account(963));
        check_refused(box, entry::Kind::payment, e);
        *account = before;
    }
}

TEST_CASE("state: a snapshot whose items are out of order, or doubled where there is one at most, is refused") {
    Box box;
    REQUIRE(box.core->close_window(kNow));
    entry::SettlementProposed proposed;
    proposed.window = 1;
    proposed.unsigned_tx = Buffer(60, std::byte{0x55});
    REQUIRE(box.core->propose_settlement(proposed));
    for (const char* officer : {"alice", "bob"})
        REQUIRE(box.state.apply(entry::Kind::settlement_approved,
                                encode(entry::SettlementApproved{1, entry::OfficerName(officer), Buffer(8)})));
    Buffer bytes;
    box.state.save(bytes);
    REQUIRE(State::load(bytes));
    const auto find = [&](std::string_view text) {
        const Bytes what = as_bytes(text);
        const auto at = std::search(bytes.begin(), bytes.end(), what.begin(), what.end());
        REQUIRE(at != bytes.end());
        return at - bytes.begin();
    };
    Buffer swapped = bytes;
    std::swap_ranges(swapped.begin() + find("alice"), swapped.begin() + find("alice") + 16,
                     swapped.begin() + find("bob"));
    CHECK_FALSE(State::load(swapped));
    Buffer twice = bytes;
    std::copy_n(bytes.begin() + find("alice"), 16, twice.begin() + find("bob"));
    CHECK_FALSE(State::load(twice));
    // The proposal is a list of one: a list of two of the same is no snapshot either.
    const Buffer one = encode(proposed);
    const auto at = std::search(bytes.begin(), bytes.end(), one.begin(), one.end());
    REQUIRE(at != bytes.end());
    Buffer doubled = bytes;
    const auto offset = at - bytes.begin();
    doubled[static_cast<std::size_t>(offset) - 2] = std::byte{2};
    doubled.insert(doubled.begin() + offset, one.begin(), one.end());
    CHECK_FALSE(State::load(doubled));
}
