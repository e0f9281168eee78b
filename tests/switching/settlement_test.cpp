// Windows and the settlement of each, as the switch guards them: in order, once, with distinct officers' signatures.
#include <botan/auto_rng.h>
#include <botan/pkcs8.h>
#include <botan/rsa.h>
#include <botan/x509_key.h>

#include "fixture.hpp"
#include "vault/digests.hpp"

using namespace giro;
using namespace giro::switching;

namespace {

struct Officer {
    Secret private_pem;
    std::string public_pem;
    Officer() {
        Botan::AutoSeeded_RNG rng;
        const Botan::RSA_PrivateKey key(rng, 2048);
        const std::string pem = Botan::PKCS8::PEM_encode(key);
        private_pem = Secret(Buffer(as_bytes(pem).begin(), as_bytes(pem).end()));
        public_pem = Botan::X509::PEM_encode(key);
    }
};

Officer& alice() {
    static Officer o;
    return o;
}
Officer& bob() {
    static Officer o;
    return o;
}

struct SettlementBox : Box {
    SettlementBox()
        : Box({{entry::OfficerName("alice"), alice().public_pem}, {entry::OfficerName("bob"), bob().public_pem}}) {}

    entry::SettlementProposed proposal(std::uint64_t window) {
        entry::SettlementProposed p;
        p.window = window;
        p.net = {{1, -50}, {2, 50}};
        p.unsigned_tx = Buffer(60, std::byte{9});
        p.inputs = {{1, 1'000}};
        return p;
    }
    Done approve(const char* name, const Officer& officer, const entry::SettlementProposed& p) {
        const std::int64_t amounts[] = {1'000};
        const auto signature =
            vault::sign_approval(officer.private_pem, vault::approval_digest(p.window, p.unsigned_tx, amounts));
        REQUIRE(signature);
        const auto done = core->approve_settlement({p.window, entry::OfficerName(name), *signature});
        commit();
        return done;
    }
};

}  // namespace

TEST_CASE("settlement: from close to confirmation, each step once and in order") {
    SettlementBox box;
    (void)box.buy(purchase_of(50, 1));
    const auto p = box.proposal(1);
    CHECK_FALSE(box.core->propose_settlement(p));  // not closed
    const auto closed = box.core->close_window(kNow);
    REQUIRE(closed);
    CHECK(closed->window == 1);
    CHECK(closed->last_seq == box.state.last_seq() - 1);
    CHECK(box.state.open_window() == 2);
    CHECK_FALSE(box.approve("alice", alice(), p));  // not proposed
    REQUIRE(box.core->propose_settlement(p));
    CHECK_FALSE(box.core->propose_settlement(p));
    box.commit();

    entry::SettlementConfirmed c;
    c.window = 1;
    c.txid = sha256d(p.unsigned_tx);
    REQUIRE(box.approve("alice", alice(), p));
    CHECK_FALSE(box.core->confirm_settlement(c));   // one approval is not two
    CHECK_FALSE(box.approve("alice", alice(), p));  // nor is the same officer twice
    REQUIRE(box.approve("bob", bob(), p));
    auto other = c;
    other.txid[0] ^= std::byte{1};
    CHECK_FALSE(box.core->confirm_settlement(other));
    REQUIRE(box.core->confirm_settlement(c));
    CHECK_FALSE(box.core->confirm_settlement(c));
    box.commit();
    CHECK(box.replayed().digest() == box.state.digest());
}

TEST_CASE("settlement: a signature over anything else is refused and not journalled") {
    SettlementBox box;
    REQUIRE(box.core->close_window(kNow));
    const auto p = box.proposal(1);
    REQUIRE(box.core->propose_settlement(p));
    box.commit();
    auto other = p;
    other.unsigned_tx[0] ^= std::byte{1};
    CHECK_FALSE(box.approve("alice", alice(), other));
    CHECK_FALSE(box.approve("alice", bob(), p));
    CHECK_FALSE(box.approve("mallory", alice(), p));
    CHECK(box.state.settlements().at(1).approvals.empty());
}

TEST_CASE("settlement: a participant of a second currency, which no window can hold, is refused") {
    // settlement::WindowBuilder stops at such an entry with Failure::integrity: giro-settle, approve and receipt, for ever.
    Box box;
    CHECK_FALSE(box.core->open_participant({9, entry::ParticipantName("nine"), {5, 978}, Buffer(34, std::byte{1})}));
}

TEST_CASE("settlement: nets that do not sum to zero, or of nobody, are refused") {
    SettlementBox box;
    REQUIRE(box.core->close_window(kNow));
    auto p = box.proposal(1);
    p.net = {{1, -50}, {2, 51}};
    CHECK_FALSE(box.core->propose_settlement(p));
    p.net = {{1, -50}, {9, 50}};
    CHECK_FALSE(box.core->propose_settlement(p));
    p.net = {{1, INT64_MIN}, {2, -1}};
    CHECK_FALSE(box.core->propose_settlement(p));
    box.commit();
}

TEST_CASE("settlement: a proposal may be taken back and replaced until an officer has approved it") {
    SettlementBox box;
    CHECK_FALSE(box.core->withdraw_settlement({1}));  // no window
    REQUIRE(box.core->close_window(kNow));
    CHECK_FALSE(box.core->withdraw_settlement({1}));  // no proposal
    auto stale = box.proposal(1);
    REQUIRE(box.core->propose_settlement(stale));
    REQUIRE(box.core->withdraw_settlement({1}));
    CHECK_FALSE(box.core->withdraw_settlement({1}));
    box.commit();
    CHECK_FALSE(box.approve("alice", alice(), stale));  // nobody can approve what was taken back

    auto p = box.proposal(1);
    p.unsigned_tx[0] ^= std::byte{1};
    REQUIRE(box.core->propose_settlement(p));
    CHECK_FALSE(box.approve("alice", alice(), stale));  // nor is a signature over it one over the other
    REQUIRE(box.approve("alice", alice(), p));
    CHECK_FALSE(box.core->withdraw_settlement({1}));
    CHECK(box.replayed().digest() == box.state.digest());
}
