#include "settler.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "chain/params.hpp"
#include "util/archive.hpp"
#include "util/failpoint.hpp"
#include "util/log.hpp"

namespace giro::settle {

namespace {
constexpr std::uint64_t kTick_ms = 200;
constexpr std::size_t kReadEntries = 4096;  // per read: the writer's log cannot start over meanwhile
constexpr int kReadsPerTick = 16;
constexpr std::uint64_t kRetry_ms = 1'000;          // what passes by itself
constexpr std::uint64_t kRefusedRetry_ms = 30'000;  // what somebody must mend
}  // namespace

Result<std::shared_ptr<Settler>> Settler::start(appliance::Program& program) {
    std::shared_ptr<Settler> settler(new Settler(program));
    if (auto opened = settler->open(); !opened) return tl::unexpected(std::move(opened.error()));
    settler->m_timer.once(1);
    return settler;
}

Settler::Settler(appliance::Program& program)
    : m_program(program),
      m_timer(program.loop, [this] { tick(); }),
      m_builder([this](settlement::WindowResult&& result) {
          result.leaves = {};
          m_windows[result.window].result = std::move(result);
      }) {}

Result<void> Settler::open() {
    auto& p = m_program;
    auto to_switch = Requests::connect(p.loop, p.context, p.paths.endpoint("switch", bus::caller::kSettle));
    if (!to_switch) return tl::unexpected(std::move(to_switch.error()));
    auto to_chain = Requests::connect(p.loop, p.context, p.paths.endpoint("chain", bus::caller::kSettle));
    if (!to_chain) return tl::unexpected(std::move(to_chain.error()));
    auto to_vault = vault::Client::connect(p.loop, p.context, p.paths.run(), bus::caller::kSettle);
    if (!to_vault) return tl::unexpected(std::move(to_vault.error()));
    m_switch = std::move(*to_switch);
    m_chain = std::move(*to_chain);
    m_vault = std::move(*to_vault);
    return {};
}

// --- the journal ----------------------------------------------------------------------------------------------------

void Settler::tick() {
    const bool caught_up = tail();
    if (caught_up && !m_busy && m_clock.monotonic_ns() / 1'000'000 >= m_not_before_ms) step();
    m_timer.once(caught_up ? kTick_ms : 1);
}

bool Settler::tail() {
    if (!m_reader) {
        auto opened = journal::JournalReader::open(m_program.paths.journal());
        if (!opened && opened.error().kind == Failure::Kind::integrity) m_program.fail(opened.error());
        if (!opened) return true;  // the switch has not made it yet
        m_reader = std::move(*opened);
    }
    const auto take = [this](const journal::Entry& e) -> Result<void> {
        if (auto fed = m_book.feed(e.seq, e.kind, e.body); !fed) return fed;
        if (auto fed = m_builder.feed(e.seq, e.kind, e.body); !fed) return fed;
        m_next_seq = e.seq + 1;
        return {};
    };
    for (int i = 0; i < kReadsPerTick; ++i) {
        const auto count = m_reader->read_from(m_next_seq, kReadEntries, take);
        if (!count) {
            if (count.error().kind == Failure::Kind::try_again) return true;
            m_program.fail(count.error());
            return true;
        }
        if (*count < kReadEntries) return true;
    }
    return false;
}

void Settler::step() {
    const auto* record = m_book.first_unconfirmed();
    if (record == nullptr) return;
    m_windows.erase(m_windows.begin(), m_windows.lower_bound(record->closed.window));
    switch (record->state(m_program.config.settle.approvals_required)) {
        case settlement::WindowState::closed:
            return propose(*record);
        case settlement::WindowState::approved:
            return finish_transaction(*record);
        case settlement::WindowState::proposed:
        case settlement::WindowState::confirmed:
            return;
    }
}

void Settler::again_in(std::uint64_t milliseconds) {
    m_busy = false;
    m_not_before_ms = m_clock.monotonic_ns() / 1'000'000 + milliseconds;
}

void Settler::wait_for(std::string why, std::uint64_t milliseconds) {
    if (why != m_said) log::info("{}", why);
    m_said = std::move(why);
    again_in(milliseconds);
}

std::vector<settlement::Party> Settler::parties() const {
    std::vector<settlement::Party> all;
    for (const auto& p : m_book.participants()) all.push_back({p.id, p.settlement_script, {}});
    return all;
}

std::string Settler::nets_text(const std::vector<entry::NetPosition>& nets) const {
    std::string text;
    for (const auto& [id, net] : nets)
        text += fmt::format("{}{} {:+}", text.empty() ? "" : ", ", m_book.participant_name(id), net);
    return text;
}

// --- closed: propose
// --------------------------------------------------------------------------------------------------

void Settler::propose(const settlement::WindowRecord& record) {
    const auto& nets = m_windows.at(record.closed.window).result.nets;
    auto gathering = std::make_shared<Gathering>();
    gathering->window = record.closed.window;
    gathering->ready = gathering->eventual = parties();
    bool anyone_owes = false;
    for (const auto& position : nets) anyone_owes = anyone_owes || position.net < 0;
    for (std::size_t i = 0; i < gathering->ready.size(); ++i) {
        const auto id = gathering->ready[i].participant;
        const bool owes = std::ranges::any_of(nets, [&](const auto& n) { return n.participant == id && n.net < 0; });
        if (owes || !anyone_owes) gathering->to_ask.push_back(i);
    }
    m_busy = true;
    m_chain->call(bus::MessageType::chain_tip, {}, [this, gathering](std::optional<bus::Status> status, Bytes body) {
        const auto tip = status == bus::Status::ok ? decode<bus::ChainTip>(body) : std::nullopt;
        if (!tip) return wait_for("the chain does not answer; trying on", kRetry_ms);
        gathering->tip = tip->height;
        gather_next(gathering);
    });
}

void Settler::gather_next(std::shared_ptr<Gathering> gathering) {
    if (gathering->to_ask.empty()) return build(*gathering);
    const std::size_t index = gathering->to_ask.back();
    gathering->to_ask.pop_back();
    Buffer body;
    Writer(body).var16(gathering->ready[index].script);
    m_chain->call(bus::MessageType::chain_utxos, body,
                  [this, gathering, index](std::optional<bus::Status> status, Bytes reply) {
                      const auto utxos = status == bus::Status::ok ? decode<bus::ChainUtxos>(reply) : std::nullopt;
                      if (!utxos) return wait_for("the chain does not say which coins there are; trying on", kRetry_ms);
                      take_coins(*gathering, index, *utxos);
                      gather_next(gathering);
                  });
}

void Settler::take_coins(Gathering& gathering, std::size_t index, const bus::ChainUtxos& utxos) {
    for (const auto& utxo : utxos.utxos) {
        const settlement::Coin coin{{utxo.txid, utxo.vout}, utxo.amount};
        gathering.eventual[index].coins.push_back(coin);
        const std::uint32_t mature_at = utxo.coinbase != 0 ? utxo.height + chain::kCoinbaseMaturity : 0;
        if (mature_at <= gathering.tip + 1)
            gathering.ready[index].coins.push_back(coin);
        else
            gathering.mature_at = std::max(gathering.mature_at, mature_at);
    }
}

void Settler::build(const Gathering& gathering) {
    const auto& result = m_windows.at(gathering.window).result;
    const settlement::Commitment commitment{result.window, result.root};
    const auto built = settlement::build_settlement(commitment, result.nets, gathering.ready);
    if (!built) return coins_missing(gathering, built.error());
    GIRO_FAILPOINT("settle.proposal.built");
    send_proposal(
        {result.window, result.root, result.postings, result.nets, chain::encode_tx(built->tx), built->inputs});
}

void Settler::coins_missing(const Gathering& gathering, settlement::SettlementProblem problem) {
    const auto& result = m_windows.at(gathering.window).result;
    const bool later = problem.error == settlement::SettlementError::coins_short &&
                       (gathering.tip == 0 ||  // the first block, which pays the banks, is not there yet
                        settlement::build_settlement({result.window, result.root}, result.nets, gathering.eventual));
    if (later)
        return wait_for(
            fmt::format(
                "window {} waits: the banks' coins can be spent from block {} on, while the chain is being pre-mined",
                gathering.window, gathering.mature_at != 0 ? gathering.mature_at : chain::kCoinbaseMaturity + 1),
            kRetry_ms);
    wait_for(fmt::format("window {} cannot be settled: {} ({}); nets: {}", gathering.window,
                         settlement::describe(problem.error), m_book.participant_name(problem.participant),
                         nets_text(result.nets)),
             kRefusedRetry_ms);
}

void Settler::send_proposal(const entry::SettlementProposed& proposal) {
    m_switch->call(bus::MessageType::propose_settlement, encode(proposal),
                   [this, proposal](std::optional<bus::Status> status, Bytes body) {
                       GIRO_FAILPOINT("settle.proposal.answered");
                       const auto window = proposal.window;
                       if (!status) return wait_for("the switch does not answer; trying on", kRetry_ms);
                       if (*status != bus::Status::ok)
                           return wait_for(
                               fmt::format("the switch refuses the settlement of window {}: {}", window, as_text(body)),
                               kRefusedRetry_ms);
                       log::info("window {}: {} postings, root {}, nets: {}; waits for {} officers (giro approve)",
                                 window, proposal.postings, to_hex(proposal.merkle_root), nets_text(proposal.net),
                                 m_program.config.settle.approvals_required);
                       again_in(0);
                   });
}

}  // namespace giro::settle
