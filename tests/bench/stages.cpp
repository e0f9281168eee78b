// bench_stages: what each stage of a card purchase costs by itself, in one process and by the product's own functions:
// unpack, MAC in, decide, journal, MAC out, pack. No sockets, no queues: the rest of a payment's time is transport and
// waiting. CPU nanoseconds of one purchase, for batches of 1, 8, 64 and 400 (the largest the switch makes); medians;
// one JSON line. The journal is given twice, as CPU time and as time until it is on the disk.
#include <fmt/format.h>
#include <stdlib.h>
#include <time.h>

#include <cstdio>

#include "hsm/vault.hpp"
#include "hsm/verbs.hpp"
#include "iso8583/mac.hpp"
#include "iso8583/request.hpp"
#include "journal/journal.hpp"
#include "switching/core.hpp"
#include "switching/frames.hpp"
#include "tests/bench/measure.hpp"
#include "util/environment.hpp"

namespace {
using namespace giro;

constexpr std::size_t kBatches[] = {1, 8, 64, 400};
constexpr std::size_t kPurchasesMax = 12'800;  // in a run
constexpr std::size_t kRoundsMax = 1'600;      // in a run
constexpr std::uint32_t kTerminals = 64;
constexpr std::size_t kCards = 100;
constexpr MinorUnits kOpening = 1'000'000;
const Id128 kMerchantAccount{0xD, 1};
const MerchantId kMerchant("M00000000000001");
const AcquirerId kAcquirer("970002");

enum Stage : std::size_t { kUnpack, kMacIn, kDecide, kJournal, kMacOut, kPack, kStages };
constexpr const char* kNames[kStages] = {"unpack", "mac_in", "decide", "journal", "mac_out", "pack"};

// Nanoseconds of one purchase.
struct Costs {
    double cpu[kStages]{};
    double journal = 0;  // until it is on the disk
};

struct Purchase {
    TerminalId terminal;
    std::size_t card = 0;
    Buffer frame;
};

template <typename T>
T need(Result<T> result) {
    if (result) return std::move(*result);
    std::fprintf(stderr, "bench_stages: %s\n", result.error().what.c_str());
    std::exit(result.error().exit_code());
}

void need(const Result<void>& result) {
    if (result) return;
    std::fprintf(stderr, "bench_stages: %s\n", result.error().what.c_str());
    std::exit(result.error().exit_code());
}

std::uint64_t thread_cpu_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

// What asking for it costs: taken off each stage, which asks once.
double thread_clock_ns() {
    constexpr int kCalls = 10'000;
    const std::uint64_t began = thread_cpu_ns();
    for (int i = 0; i < kCalls; ++i) thread_cpu_ns();
    return static_cast<double>(thread_cpu_ns() - began) / kCalls;
}

std::string pan_of(std::size_t card) {
    return fmt::format("970001{:010}", card);
}
TerminalId terminal_of(std::size_t n) {
    return TerminalId(fmt::format("T{:07}", n % kTerminals + 1));
}

hsm::VaultConfig vault_in(const std::filesystem::path& root) {
    hsm::VaultConfig config;
    config.folder = root / "vault";
    config.bundle = root / "pub" / "bundle.json";
    config.participants = {{1, "alpha"}};
    need(hsm::provision(config, [](const std::string&) {}));
    return config;
}

// The parts of a box that a purchase goes through, without the programs around them.
class Way {
  public:
    explicit Way(const std::filesystem::path& root)
        : m_config(need(config::load(GIRO_SOURCE_DIR "/firmware-config/giro.toml"))),
          m_dialect(need(iso8583::load_dialect(GIRO_SOURCE_DIR "/firmware-config/dialects/iso1987-ascii.toml"))),
          m_vault(need(hsm::Vault::open(vault_in(root)))),
          m_journal(need(journal::Journal::open(root / "journal.db", {.create = true}))),
          m_core(m_state, switching::Policy{m_config, {}}, m_random, [](std::uint64_t) { return std::nullopt; }),
          m_builder(m_dialect) {
        m_nonce.fill(std::byte{7});
        set_up();
    }

    // What one run pays: each its own purchase, MACed under its terminal's key.
    std::vector<Purchase> purchases(std::size_t count) {
        std::vector<Purchase> out;
        for (std::size_t i = 0; i < count; ++i) out.push_back(purchase(++m_number));
        for (std::size_t at = 0; at < count; at += kBatches[3])
            put_macs(std::span(out).subspan(at, std::min(kBatches[3], count - at)));
        return out;
    }

    Costs run(std::size_t batch) {
        const std::size_t rounds = std::min(kRoundsMax, kPurchasesMax / batch);
        const std::vector<Purchase> all = purchases(rounds * batch);
        Costs sum;
        for (std::size_t round = 0; round < rounds; ++round) pay(std::span(all).subspan(round * batch, batch), sum);
        const auto count = static_cast<double>(rounds * batch);
        for (double& s : sum.cpu) s = std::max(0.0, s - static_cast<double>(rounds) * m_clock_ns) / count;
        sum.journal /= count;
        return sum;
    }

  private:
    void set_up() {
        for (const auto& p : m_config.participants)
            ASSERT(m_core.open_participant(
                {p.id, entry::ParticipantName(p.name), {p.backing, m_config.currency}, Buffer(34, std::byte{1})}));
        ASSERT(m_core.open_account({kMerchantAccount, 2, {0, m_config.currency}, 0, FixedText<24>("merchant")}));
        for (std::size_t i = 0; i < kTerminals; ++i)
            ASSERT(m_core.add_terminal({terminal_of(i), kMerchant, kAcquirer, kMerchantAccount}));
        for (std::size_t i = 0; i < kCards; ++i) {
            const Id128 account{0xC, i + 1};
            ASSERT(m_core.open_account({account, 1, {kOpening, m_config.currency}, 0, FixedText<24>("card")}));
            entry::SealedPan pan;  // as the switch has it from its cache: the vault sealed it once
            store_le(pan.token.data(), static_cast<std::uint64_t>(i + 1));
            pan.first6_last4 = FixedText<10>("9700010001");
            pan.sealed = Buffer(48, std::byte{1});
            ASSERT(m_core.issue_card({pan, account}));
            m_pans.push_back(std::move(pan));
        }
        commit();
    }

    // The 0200 of a terminal, still without its MAC.
    Purchase purchase(std::uint64_t number) {
        Purchase out{terminal_of(number), number % kCards, Buffer(iso8583::kFrameBytesMax)};
        iso8583::Message& m = m_message;
        const auto time = switching::transmission_time(m_clock.wall_ns());
        m.clear();
        m.set_mti("0200");
        m.set(2, pan_of(out.card));
        m.set(3, "000000");
        m.set_number(4, 1, 12);
        m.set(7, time.view());
        m.set_number(11, number % 1'000'000, 6);
        m.set(12, time.view().substr(4));
        m.set(13, time.view().substr(0, 4));
        m.set(14, "2912");
        m.set(22, "051");
        m.set(25, "00");
        m.set(32, kAcquirer.view());
        m.set(37, fmt::format("{:012}", number));
        m.set(41, out.terminal.view());
        m.set(42, kMerchant.view());
        m.set_number(49, m_config.currency, 3);
        m.set(64, ByteArray<8>{});
        const auto size = iso8583::pack(m_dialect, m, out.frame);
        ASSERT(size.has_value());
        out.frame.resize(*size);
        return out;
    }

    template <typename Verb>
    typename Verb::Reply ask(const typename Verb::Request& request) {
        m_body.clear();
        vault::encode(m_body, request);
        const auto answer = hsm::dispatch(*m_vault, hsm::Caller::giro_switch, hsm::Permit::running,
                                          static_cast<std::uint16_t>(Verb::kType), m_body);
        auto reply = vault::decode<typename Verb::Reply>(answer.body);
        ASSERT(answer.status == bus::Status::ok && reply);
        return std::move(*reply);
    }

    void put_macs(std::span<Purchase> some) {
        vault::MacGenerate::Request request;
        for (const Purchase& p : some)
            request.items.push_back({p.terminal, m_nonce, iso8583::mac_input(m_dialect, p.frame)->covered});
        const auto reply = ask<vault::MacGenerate>(request);
        for (std::size_t i = 0; i < some.size(); ++i) switching::FrameBuilder::put_mac(some[i].frame, reply.macs[i]);
    }

    void commit() {
        const auto entries = m_core.take_entries();
        m_views.clear();
        for (const auto& e : entries) m_views.push_back({static_cast<std::uint16_t>(e.kind), e.body});
        need(m_journal.append(m_views, m_clock.wall_ns()));
    }

    // One batch through every stage; each adds its time.
    void pay(std::span<const Purchase> batch, Costs& sum) {
        std::uint64_t began = thread_cpu_ns();
        const auto add = [&](Stage stage) {
            const std::uint64_t now = thread_cpu_ns();
            sum.cpu[stage] += static_cast<double>(now - began);
            began = now;
        };
        m_requests.resize(batch.size());
        for (std::size_t i = 0; i < batch.size(); ++i)
            ASSERT(iso8583::unpack(m_dialect, batch[i].frame, m_message) &&
                   iso8583::to_request(m_dialect, batch[i].frame, m_message, m_requests[i]));
        add(kUnpack);
        vault::MacVerify::Request macs;
        for (const PaymentRequest& r : m_requests)
            macs.items.push_back({r.terminal, m_nonce, r.mac, r.raw.first(r.raw.size() - switching::kMacBytes)});
        const auto verified = ask<vault::MacVerify>(macs);
        ASSERT(std::ranges::all_of(verified.good, [](bool good) { return good; }));
        add(kMacIn);
        std::vector<switching::Answer> decided;
        const std::uint64_t now_ns = m_clock.wall_ns();
        for (std::size_t i = 0; i < batch.size(); ++i) {
            m_requests[i].received_ns = now_ns;
            decided.push_back(m_core.purchase(m_requests[i], &m_pans[batch[i].card], now_ns));
            ASSERT(decided.back().code == switching::kApproved);
        }
        add(kDecide);
        const auto handed_over = bench::Steady::now();
        commit();
        sum.journal += bench::seconds_since(handed_over) * 1e9;
        add(kJournal);
        std::vector<Buffer> answers;
        for (std::size_t i = 0; i < batch.size(); ++i)
            answers.push_back(*m_builder.answer(m_requests[i], {decided[i].code, decided[i].auth_code, {}}, true));
        add(kPack);
        vault::MacGenerate::Request request;
        for (std::size_t i = 0; i < batch.size(); ++i)
            request.items.push_back({batch[i].terminal, m_nonce, iso8583::mac_input(m_dialect, answers[i])->covered});
        const auto made = ask<vault::MacGenerate>(request);
        for (std::size_t i = 0; i < batch.size(); ++i) switching::FrameBuilder::put_mac(answers[i], made.macs[i]);
        add(kMacOut);
        if (m_journal.checkpoint_due(false)) need(m_journal.checkpoint());
    }

    config::Config m_config;
    iso8583::Dialect m_dialect;
    std::unique_ptr<hsm::Vault> m_vault;
    journal::Journal m_journal;
    SystemClock m_clock;
    SystemRandom m_random;
    switching::State m_state;
    switching::Core m_core;
    switching::FrameBuilder m_builder;
    iso8583::Message m_message;
    vault::Nonce m_nonce{};
    std::vector<entry::SealedPan> m_pans;
    std::uint64_t m_number = 0;
    double m_clock_ns = thread_clock_ns();
    Buffer m_body;
    std::vector<journal::EntryView> m_views;
    std::vector<PaymentRequest> m_requests;
};

// {"unpack_ns":…,…,"total_ns":…,"journal_durable_ns":…}, medians over the runs.
std::string measure(Way& way, std::size_t batch) {
    std::vector<double> values[kStages], journal, total;
    for (int run = 0; run < bench::runs(); ++run) {
        const Costs costs = way.run(batch);
        double sum = 0;
        for (std::size_t s = 0; s < kStages; ++s) {
            values[s].push_back(costs.cpu[s]);
            sum += costs.cpu[s];
        }
        journal.push_back(costs.journal);
        total.push_back(sum);
    }
    std::string out = "{";
    for (std::size_t s = 0; s < kStages; ++s)
        out += fmt::format("\"{}_ns\":{:.0f},", kNames[s], bench::median(values[s]));
    return out + fmt::format("\"total_ns\":{:.0f},\"journal_durable_ns\":{:.0f}}}", bench::median(total),
                             bench::median(journal));
}
}  // namespace

int main() {
    std::string root = (std::filesystem::temp_directory_path() / "giro-bench-XXXXXX").string();
    if (::mkdtemp(root.data()) == nullptr) return 1;
    std::string out;
    {
        Way way(root);
        for (const std::size_t batch : kBatches)
            out += fmt::format("{}\"{}\":{}", out.empty() ? "" : ",", batch, measure(way, batch));
    }
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
    fmt::print("{{{}}}\n", out);
}
