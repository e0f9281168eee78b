// Tier-1 signatures: the vault signs a settlement only with two officers over exactly that transaction, and what it
// signs is valid by the chain's own rules; blocks and checkpoints.
#include "chain/block_builder.hpp"
#include "chain/params.hpp"
#include "chain/script.hpp"
#include "chain/verify.hpp"
#include "hsm/officers.hpp"
#include "hsm/settlement.hpp"
#include "tests/hsm/box_fixture.hpp"
#include "tests/hsm/sim_token.hpp"
#include "util/bytes.hpp"

namespace giro::test {

using namespace hsm;
using bus::Status;

namespace {
constexpr std::uint64_t kWindow = 42;

// Bank 1 and the issuer pay bank 2; the root stands in an OP_RETURN.
struct Settlement {
    chain::Tx tx;
    std::vector<vault::SignTx::Input> inputs = {{100'000, 1}, {50'000, kIssuer}};
    std::vector<const Officer*> approvers = {&officers()[0], &officers()[1]};
    Buffer bytes;

    explicit Settlement(BoxFixture& box) {
        const auto& owners = box.at().keys.owners;
        tx.inputs = {{{Hash256{std::byte{1}}, 0}, {}, chain::kSequenceFinal, {}},
                     {{Hash256{std::byte{2}}, 7}, {}, chain::kSequenceFinal, {}}};
        tx.outputs = {{120'000, owners.at(2).public_part.script},
                      {29'000, owners.at(1).public_part.script},
                      {0, chain::op_return_script(Hash256{std::byte{9}})}};
    }
    std::uint64_t window = kWindow;

    [[nodiscard]] Hash256 digest() {
        bytes = chain::encode_tx(tx, chain::WithWitness::no);
        std::vector<std::int64_t> amounts;
        for (const auto& i : inputs) amounts.push_back(i.amount);
        return vault::approval_digest(window, bytes, amounts);
    }
    [[nodiscard]] vault::SignTx::Request request() {
        vault::SignTx::Request out;
        out.window = window;
        const Hash256 d = digest();
        out.tx = bytes;
        out.inputs = inputs;
        for (const Officer* o : approvers) out.approvals.push_back(o->approve(d));
        return out;
    }
};

bool is_closed(BoxFixture& box, const vault::SignTx::Request& request) {
    const Answer answer = box.ask<vault::SignTx>(request, Caller::settle);
    return answer.close_peer && answer.status == Status::bad_request;
}

// Refused, and free to ask again.
bool is_refused(BoxFixture& box, const vault::SignTx::Request& request) {
    const Answer answer = box.ask<vault::SignTx>(request, Caller::settle);
    return !answer.close_peer && answer.status == Status::refused;
}
}  // namespace

TEST_CASE("sign_tx: two officers over this transaction get witnesses that spend every input") {
    BoxFixture box;
    Settlement s(box);
    const auto reply = box.get<vault::SignTx>(s.request(), Caller::settle);
    REQUIRE(reply.witnesses.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) s.tx.inputs[i].witness = reply.witnesses[i];
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& owner = box.at().keys.owners.at(s.inputs[i].owner).public_part;
        CHECK(chain::verify_spend(s.tx, i, {s.inputs[i].amount, owner.script}).has_value());
        CHECK(!chain::verify_spend(s.tx, i, {s.inputs[i].amount + 1, owner.script}).has_value());
    }
}

TEST_CASE("sign_tx: approvals that are too few, doubled, unknown, or over something else are refused") {
    BoxFixture box;
    Settlement s(box);
    s.approvers = {};
    CHECK(is_refused(box, s.request()));
    s.approvers = {&officers()[0]};
    CHECK(is_refused(box, s.request()));
    s.approvers = {&officers()[0], &officers()[0]};
    CHECK(is_refused(box, s.request()));

    const Officer stranger = make_officer("mallory");
    s.approvers = {&officers()[0], &stranger};
    CHECK(is_refused(box, s.request()));

    Officer impostor = stranger;  // signs with his own key in an officer's name
    impostor.name = "bob";
    s.approvers = {&officers()[0], &impostor};
    CHECK(is_refused(box, s.request()));

    Officer twin = officers()[0];  // one key, enrolled under two names
    twin.name = "alice-2";
    box.enrol(twin.name, twin.public_pem);
    s.approvers = {&officers()[0], &twin};
    CHECK(is_refused(box, s.request()));

    Officer path = officers()[1];
    for (const std::string& name : {std::string("../officers/bob"), std::string(), std::string(vault::kNameBytesMax, 'b')}) {
        path.name = name;
        s.approvers = {&officers()[0], &path};
        CHECK(is_refused(box, s.request()));
    }
    box.enrol("broken", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    path.name = "broken";
    CHECK(is_refused(box, s.request()));
    const Hash256 digest = s.digest();  // a name that no request can carry
    path.name = std::string(vault::kNameBytesMax + 1, 'b');
    const vault::SignTx::Approval approval = path.approve(digest);
    CHECK(count_approvals(box.config().folder / "officers", {&approval, 1}, digest) == 0);

    s.approvers = {&officers()[1], &officers()[2]};
    CHECK(!is_refused(box, s.request()));
}

TEST_CASE("sign_tx: an approval that is not good counts for nothing and spoils nothing") {
    BoxFixture box;
    Settlement s(box);
    const Officer stranger = make_officer("mallory");
    s.approvers = {&stranger, &officers()[0], &officers()[0], &officers()[1]};
    auto request = s.request();
    request.approvals.push_back({"carol", Buffer(256)});  // no signature over this
    CHECK(box.get<vault::SignTx>(request, Caller::settle).witnesses.size() == 2);
    while (request.approvals.size() < vault::kApprovalsMax) request.approvals.insert(request.approvals.begin(), request.approvals[0]);
    CHECK(box.get<vault::SignTx>(request, Caller::settle).witnesses.size() == 2);
}

TEST_CASE("sign_tx: an approval holds for one window, one transaction and its amounts") {
    BoxFixture box;
    Settlement s(box);
    auto other_window = s.request();
    other_window.window += 1;
    CHECK(is_refused(box, other_window));

    auto other_amount = s.request();
    other_amount.inputs[0].amount += 1;
    CHECK(is_refused(box, other_amount));

    auto other_tx = s.request();
    s.tx.outputs[0].value -= 1;
    const Buffer changed = chain::encode_tx(s.tx, chain::WithWitness::no);
    other_tx.tx = changed;
    CHECK(is_refused(box, other_tx));
}

TEST_CASE("sign_tx: a window gets one transaction, whoever approves another, also after a restart") {
    BoxFixture box;
    Settlement first(box), second(box);
    second.tx.outputs[0].value -= 1;
    const auto is_declined = [&](const vault::SignTx::Request& request) {
        const Answer answer = box.ask<vault::SignTx>(request, Caller::settle);
        return answer.status == Status::refused && !answer.close_peer && answer.body.size() > 0;
    };
    CHECK(box.ask<vault::SignTx>(first.request(), Caller::settle).status == Status::ok);
    CHECK(is_declined(second.request()));
    CHECK(box.ask<vault::SignTx>(first.request(), Caller::settle).status == Status::ok);  // its signatures were lost
    box.restart();
    CHECK(is_declined(second.request()));
    CHECK(box.ask<vault::SignTx>(first.request(), Caller::settle).status == Status::ok);

    second.window = kWindow + 1;
    CHECK(box.ask<vault::SignTx>(second.request(), Caller::settle).status == Status::ok);
    CHECK(is_declined(first.request()));  // windows are settled in order
}

TEST_CASE("sign_tx: what is not approved leaves no trace, and a disk that takes nothing gives no signature") {
    BoxFixture box;
    Settlement s(box), other(box);
    other.tx.outputs[0].value -= 1;
    other.approvers = {&officers()[0]};
    CHECK(box.ask<vault::SignTx>(other.request(), Caller::settle).status == Status::refused);
    const auto file = box.config().folder / "settlement";
    std::filesystem::create_directories(file / "full");  // the rename cannot replace it
    CHECK(box.ask<vault::SignTx>(s.request(), Caller::settle).status == Status::try_again);
    std::filesystem::remove_all(file);
    CHECK(box.ask<vault::SignTx>(s.request(), Caller::settle).status == Status::ok);
    box.stop();
    Buffer bad = read_file(file).value();
    bad[3] ^= std::byte{1};
    REQUIRE(write_file_atomic(file, bad).has_value());
    const auto opened = Vault::open(box.config());
    REQUIRE(!opened);
    CHECK(opened.error().kind == Failure::Kind::integrity);
}

TEST_CASE("settlement: each rule refuses by its name, approved or not") {
    BoxFixture box;
    const KeyRing& keys = box.at().keys;
    const auto refusal = [&](auto&& change) {
        Settlement s(box);
        change(s);
        const auto request = s.request();
        const auto checked = check_settlement(request, keys);
        REQUIRE(!checked);
        CHECK(is_closed(box, request));
        CHECK(!describe(checked.error()).empty());
        return checked.error();
    };
    using E = SettlementError;
    CHECK(refusal([](Settlement& s) { s.tx.inputs[0].script_sig = {std::byte{0}}; }) == E::bad_tx);
    CHECK(refusal([](Settlement& s) { s.tx.inputs[1].prevout = s.tx.inputs[0].prevout; }) == E::bad_tx);
    CHECK(refusal([](Settlement& s) { s.tx.inputs[0].prevout = {}; }) == E::bad_tx);
    CHECK(refusal([](Settlement& s) { s.tx.outputs.clear(); }) == E::bad_tx);
    CHECK(refusal([](Settlement& s) { s.inputs.pop_back(); }) == E::inputs_differ);
    CHECK(refusal([](Settlement& s) { s.inputs[0].owner = 99; }) == E::unknown_owner);
    CHECK(refusal([](Settlement& s) { s.inputs[0].amount = 0; }) == E::bad_amount);
    CHECK(refusal([](Settlement& s) { s.inputs[0].amount = chain::kMoneyMax + 1; }) == E::bad_amount);
    CHECK(refusal([](Settlement& s) { s.tx.outputs[0].script_pubkey = chain::p2wsh_script({}); }) == E::foreign_output);
    CHECK(refusal([](Settlement& s) { s.tx.outputs[2].value = 1; }) == E::foreign_output);
    CHECK(refusal([](Settlement& s) {
              s.tx.outputs[2].script_pubkey = chain::op_return_script(Buffer(chain::kOpReturnBytesMax));
              s.tx.outputs[2].script_pubkey.insert(s.tx.outputs[2].script_pubkey.end(), 2, std::byte{0});
          }) == E::foreign_output);
    CHECK(refusal([](Settlement& s) { s.tx.outputs.push_back(s.tx.outputs[2]); }) == E::foreign_output);
    CHECK(refusal([](Settlement& s) { s.tx.outputs[1].value = 30'001; }) == E::outputs_exceed_inputs);
    CHECK(refusal([](Settlement& s) {
              s.tx.outputs[0].value = 20'000;
              s.tx.outputs[1].value = 29'999;
          }) == E::fee_too_high);
}

TEST_CASE("settlement: a tx that carries a witness already, or has no input, is none to sign") {
    BoxFixture box;
    Settlement s(box);
    auto request = s.request();
    s.tx.inputs[0].witness = {Buffer(1)};
    const Buffer witnessed = chain::encode_tx(s.tx);
    request.tx = witnessed;
    CHECK(check_settlement(request, box.at().keys).error() == SettlementError::bad_tx);
    CHECK(is_closed(box, request));
    Buffer empty(4);  // version, marker and flag of BIP144, no inputs, no outputs, lock time
    for (const unsigned byte : {0U, 1U, 0U, 0U, 0U, 0U, 0U, 0U}) empty.push_back(static_cast<std::byte>(byte));
    request.tx = empty;
    request.inputs.clear();
    CHECK(check_settlement(request, box.at().keys).error() == SettlementError::bad_tx);
    CHECK(is_closed(box, request));
    const Buffer nothing = chain::encode_tx({}, chain::WithWitness::no);  // which decodes: no inputs, no outputs
    REQUIRE(chain::decode_tx(nothing));
    request.tx = nothing;
    CHECK(check_settlement(request, box.at().keys).error() == SettlementError::bad_tx);
    CHECK(is_closed(box, request));
}

TEST_CASE("settlement: a token whose signatures are out of range is a broken token, and nothing is signed") {
    const GiroTestToken& token = sim_token(9);
    BoxFixture box(test_token_module());
    Settlement s(box);
    token.set_bad_signatures(1);
    const Answer answer = box.ask<vault::SignTx>(s.request(), Caller::settle);
    token.set_bad_signatures(0);
    CHECK(answer.status == Status::token_absent);
    while (box.vault().present() == nullptr) REQUIRE(box.vault().tick());
    CHECK(box.get<vault::SignTx>(s.request(), Caller::settle).witnesses.size() == 2);
}

TEST_CASE("sign_block: the solution satisfies the box's challenge, and no other block's") {
    BoxFixture box;
    const auto& signer = box.at().keys.block.public_part;
    chain::BlockTemplate tmpl;
    tmpl.previous = chain::block_hash(chain::genesis_block().header);
    tmpl.height = 1;
    tmpl.time = 1'700'000'000;
    tmpl.coinbase_outputs = {{chain::block_subsidy(1), box.at().keys.owners.at(1).public_part.script}};
    chain::Block block = chain::build_block(tmpl);
    const auto message = chain::signet_parts(block).value().message;
    Buffer data;
    Writer w(data);
    w.u32(static_cast<std::uint32_t>(message.version));
    w.bytes(message.previous);
    w.bytes(message.signet_merkle_root);
    w.u32(message.time);
    vault::SignBlock::Request request;
    REQUIRE(data.size() == request.block_data.size());
    std::ranges::copy(data, request.block_data.begin());

    const auto reply = box.get<vault::SignBlock>(request, Caller::chain);
    chain::set_signet_solution(block, reply.solution);
    CHECK(chain::verify_signet(block, signer.script).has_value());
    block.header.time += 1;
    CHECK(!chain::verify_signet(block, signer.script).has_value());
}

TEST_CASE("sign_checkpoint: goes forward only, repeats itself, and remembers through a restart") {
    BoxFixture box;
    const auto checkpoint = [](std::uint64_t seq, std::uint8_t hash) {
        return vault::SignCheckpoint::Request{{seq, Hash256{std::byte{hash}}, {}}};
    };
    CHECK(!box.get<vault::LastCheckpoint>({}, Caller::auditor).last);
    const auto first = box.get<vault::SignCheckpoint>(checkpoint(10, 1), Caller::auditor);
    CHECK(vault::verify_checkpoint(box.bundle().checkpoint_key, {checkpoint(10, 1).checkpoint, first.signature}));
    box.restart();
    for (const auto& wrong : {checkpoint(9, 1), checkpoint(10, 2)}) {
        const Answer declined = box.ask<vault::SignCheckpoint>(wrong, Caller::auditor);
        CHECK(declined.status == Status::refused);
        CHECK(!declined.close_peer);  // an honest auditor may ask this beside the switch
        CHECK(!declined.body.empty());
    }
    CHECK(box.get<vault::SignCheckpoint>(checkpoint(10, 1), Caller::auditor).signature == first.signature);
    const auto second = box.get<vault::SignCheckpoint>(checkpoint(11, 3), Caller::giro_switch);
    box.restart();
    const auto last = box.get<vault::LastCheckpoint>({}, Caller::admin).last;
    REQUIRE(last);
    CHECK(last->checkpoint == checkpoint(11, 3).checkpoint);
    CHECK(last->signature == second.signature);
}

TEST_CASE("sign_checkpoint: a state is signed for the switch alone") {
    BoxFixture box;
    const Hash256 hash{std::byte{1}}, state{std::byte{2}};
    const vault::SignCheckpoint::Request with_state{{10, hash, state}};
    const Answer forged = box.ask<vault::SignCheckpoint>(with_state, Caller::auditor);
    CHECK(forged.status == Status::bad_request);
    CHECK(forged.close_peer);
    CHECK(as_text(forged.body) == "a state's digest, which only the switch may have signed");
    CHECK(!box.get<vault::LastCheckpoint>({}, Caller::auditor).last);

    const auto snapshot = box.get<vault::SignCheckpoint>(with_state, Caller::giro_switch);
    CHECK(vault::verify_checkpoint(box.bundle().checkpoint_key, {with_state.checkpoint, snapshot.signature}));
    // Not even what the switch has just had signed.
    CHECK(box.ask<vault::SignCheckpoint>(with_state, Caller::auditor).close_peer);
}

TEST_CASE("sign_checkpoint: the same place is signed with and without a state; what is stored stays") {
    BoxFixture box;
    const Hash256 hash{std::byte{1}};
    const auto at_10 = [&](std::uint8_t state) { return vault::SignCheckpoint::Request{{10, hash, Hash256{std::byte{state}}}}; };
    const auto plain = box.get<vault::SignCheckpoint>(at_10(0), Caller::auditor);
    for (const std::uint8_t state : {std::uint8_t{2}, std::uint8_t{3}}) {
        const auto reply = box.get<vault::SignCheckpoint>(at_10(state), Caller::giro_switch);
        CHECK(vault::verify_checkpoint(box.bundle().checkpoint_key, {at_10(state).checkpoint, reply.signature}));
    }
    const auto last = box.get<vault::LastCheckpoint>({}, Caller::auditor).last;
    REQUIRE(last);
    CHECK(last->checkpoint == at_10(0).checkpoint);
    CHECK(last->signature == plain.signature);
    vault::SignCheckpoint::Request other = at_10(2);
    other.checkpoint.chain_hash[0] ^= std::byte{8};
    CHECK(box.ask<vault::SignCheckpoint>(other, Caller::giro_switch).status == Status::refused);
}

TEST_CASE("sign_checkpoint: a step is bounded, from nothing and from the last one") {
    BoxFixture box;
    const auto ask = [&](std::uint64_t seq) { return box.ask<vault::SignCheckpoint>({{seq, {}, {}}}, Caller::auditor); };
    for (const std::uint64_t far : {kCheckpointStepMax + 1, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
        CHECK(ask(far).status == Status::refused);
        CHECK(!ask(far).close_peer);
    }
    CHECK(!box.get<vault::LastCheckpoint>({}, Caller::auditor).last);
    CHECK(ask(kCheckpointStepMax).status == Status::ok);
    CHECK(ask(2 * kCheckpointStepMax + 1).status == Status::refused);
    CHECK(ask(2 * kCheckpointStepMax).status == Status::ok);
}

TEST_CASE("checkpoint file: damage stops the start") {
    BoxFixture box;
    CHECK(box.get<vault::SignCheckpoint>({{1, {}, {}}}, Caller::auditor).signature != Signature64{});
    box.stop();
    const auto file = box.config().folder / "checkpoint";
    const Buffer good = read_file(file).value();
    for (const std::size_t at : {std::size_t{0}, good.size() / 2, good.size() - 1}) {
        Buffer bad = good;
        bad[at] ^= std::byte{1};
        REQUIRE(write_file_atomic(file, bad).has_value());
        const auto opened = Vault::open(box.config());
        REQUIRE(!opened);
        CHECK(opened.error().kind == Failure::Kind::integrity);
    }
    REQUIRE(write_file_atomic(file, Bytes(good).first(20)).has_value());
    CHECK(!Vault::open(box.config()));
    REQUIRE(write_file_atomic(file, good).has_value());
    box.restart();
}

TEST_CASE("sign_checkpoint: a disk that takes nothing gives try_again and no signature") {
    BoxFixture box;
    // A folder where the file should be: the rename cannot replace it.
    std::filesystem::create_directories(box.config().folder / "checkpoint" / "full");
    const Answer answer = box.ask<vault::SignCheckpoint>({{1, {}, {}}}, Caller::auditor);
    CHECK(answer.status == Status::try_again);
    CHECK(!answer.close_peer);
    CHECK(!box.get<vault::LastCheckpoint>({}, Caller::auditor).last);
}

}  // namespace giro::test
