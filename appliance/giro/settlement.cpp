// giro settle close|withdraw|status|wait, and the table of all settlement commands. Run by operators and scripts.
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "appliance/giro/settlement_read.hpp"
#include "appliance/giro/switch_client.hpp"
#include "bus/admin_messages.hpp"
#include "util/archive.hpp"

namespace giro::cli {

namespace {
using Json = nlohmann::ordered_json;
using settlement::WindowRecord;
using settlement::WindowState;

constexpr auto kWaitStep = std::chrono::milliseconds(200);
constexpr std::array<WindowState, 4> kStates{WindowState::closed, WindowState::proposed, WindowState::approved,
                                             WindowState::confirmed};

Result<void> close_window(const Args& args) {
    const auto body = tell_switch(args.paths(), bus::MessageType::close_window, {});
    if (!body) return tl::unexpected(body.error());
    const auto reply = decode<bus::WindowReply>(*body);
    if (!reply) return fail(Failure::Kind::refused, "the switch's answer does not decode");
    if (args.json())
        fmt::print("{}\n", Json{{"window", reply->window}, {"last_seq", reply->last_seq}}.dump());
    else
        fmt::print("window {} is closed; it holds the postings up to journal entry {}\n", reply->window,
                   reply->last_seq);
    return {};
}

Result<void> withdraw(const Args& args) {
    if (args.number("--window") < 1) return fail(Failure::Kind::config, "--window takes the number of a window");
    const auto window = static_cast<std::uint64_t>(args.number("--window"));
    const auto body = tell_switch(args.paths(), bus::MessageType::withdraw_settlement, encode(entry::SettlementWithdrawn{window}));
    if (!body) return tl::unexpected(body.error());
    if (args.json())
        fmt::print("{}\n", Json{{"window", window}, {"withdrawn", true}}.dump());
    else
        fmt::print("the proposal of window {} is withdrawn; giro-settle makes another from the coins there are now\n", window);
    return {};
}

// As people write it; empty before there is a proposal.
std::string txid_text(const WindowRecord& record) {
    const auto tx =
        record.proposal ? chain::decode_tx(record.proposal->unsigned_tx) : tl::unexpected(chain::ChainError::truncated);
    return tx ? chain::hash_text(chain::txid(*tx)) : "";
}

std::string officers_text(const WindowRecord& record) {
    std::string text;
    for (const auto& approval : record.approvals) text += (text.empty() ? "" : ",") + approval.officer.str();
    return text.empty() ? "-" : text;
}

Json to_json(const settlement::Book& book, const WindowRecord& record, std::size_t required) {
    Json j;
    j["window"] = record.closed.window;
    j["state"] = settlement::name(record.state(required));
    j["last_seq"] = record.closed.last_seq;
    j["approvals"] = Json::array();
    for (const auto& approval : record.approvals) j["approvals"].push_back(approval.officer.view());
    j["approvals_required"] = required;
    if (record.proposal) {
        j["postings"] = record.proposal->postings;
        j["root"] = to_hex(record.proposal->merkle_root);
        j["nets"] = Json::object();
        for (const auto& [id, net] : record.proposal->net) j["nets"][book.participant_name(id)] = net;
        j["txid"] = txid_text(record);
    }
    if (record.confirmation) {
        j["height"] = record.confirmation->height;
        j["block"] = chain::hash_text(record.confirmation->block_hash);
    }
    return j;
}

void print_table(const settlement::Book& book, std::size_t required) {
    if (book.windows().empty())
        fmt::print("no window was closed yet (giro settle close)\n");
    else
        fmt::print("{:>6}  {:9}  {:>8}  {:>6}  {:16}  {:64}  {}\n", "window", "state", "postings", "height",
                   "approved by", "txid", "nets");
    for (const auto& [id, record] : book.windows()) {
        const auto postings = record.proposal ? fmt::to_string(record.proposal->postings) : "-";
        const auto height = record.confirmation ? fmt::to_string(record.confirmation->height) : "-";
        const auto txid = txid_text(record);
        fmt::print("{:>6}  {:9}  {:>8}  {:>6}  {:16}  {:64}  {}\n", id, settlement::name(record.state(required)),
                   postings, height, officers_text(record), txid.empty() ? "-" : txid,
                   record.proposal ? nets_line(book, record.proposal->net) : "-");
    }
}

Result<void> status(const Args& args) {
    const auto required = approvals_required(args.paths());
    if (!required) return tl::unexpected(required.error());
    const auto book = read_book(args.paths());
    if (!book) return tl::unexpected(book.error());
    if (!args.json()) {
        print_table(*book, *required);
        return {};
    }
    Json windows = Json::array();
    for (const auto& [id, record] : book->windows()) windows.push_back(to_json(*book, record, *required));
    fmt::print("{}\n", Json{{"windows", windows}}.dump(2));
    return {};
}

// Follows the journal until the window has got as far as `wanted`.
class Waiter {
  public:
    Waiter(std::uint64_t window, WindowState wanted, std::size_t required, bool quiet)
        : m_window(window), m_wanted(wanted), m_required(required), m_quiet(quiet) {}

    Result<bool> reached(journal::JournalReader& reader) {
        const auto take = [this](const journal::Entry& e) {
            m_next = e.seq + 1;
            return m_book.feed(e.seq, e.kind, e.body);
        };
        constexpr std::size_t kReadEntries = 4096;
        for (;;) {
            const auto count = reader.read_from(m_next, kReadEntries, take);
            if (!count) return tl::unexpected(count.error());
            if (*count < kReadEntries) break;
        }
        if (m_window == 0 && !m_book.windows().empty())
            m_window = m_book.windows().rbegin()->first;  // the last closed one
        m_record = m_book.find(m_window);
        const bool is_reached = m_record != nullptr && m_record->state(m_required) >= m_wanted;
        report(is_reached);
        return is_reached;
    }
    [[nodiscard]] std::string progress() const { return m_said.empty() ? "no such window is closed yet" : m_said; }
    // For the failure: what no line of progress has said.
    [[nodiscard]] std::string not_yet_told() const { return m_quiet || m_said.empty() ? ": " + progress() : ""; }
    [[nodiscard]] const settlement::Book& book() const { return m_book; }
    [[nodiscard]] const WindowRecord& record() const { return *m_record; }

  private:
    // What is reached in the end is said on standard output.
    void report(bool is_reached) {
        if (m_record == nullptr) return;
        auto now = fmt::format("window {} is {}", m_window, settlement::name(m_record->state(m_required)));
        if (m_record->proposal) now += fmt::format(", {} of {} approvals", m_record->approvals.size(), m_required);
        if (now != m_said && !m_quiet && !is_reached) {
            fmt::print(stderr, "{}\n", now);
            std::fflush(stderr);
        }
        m_said = std::move(now);
    }

    std::uint64_t m_window;
    WindowState m_wanted;
    std::size_t m_required;
    bool m_quiet;
    std::uint64_t m_next = 1;
    settlement::Book m_book;
    const WindowRecord* m_record = nullptr;
    std::string m_said;
};

Result<void> wait(const Args& args) {
    const auto wanted =
        std::ranges::find_if(kStates, [&](WindowState s) { return settlement::name(s) == args.text("--state"); });
    if (wanted == kStates.end())
        return fail(Failure::Kind::config, "--state is one of closed, proposed, approved, confirmed");
    if (args.number("--window") < 0 || args.number("--timeout") < 0)
        return fail(Failure::Kind::config, "--window and --timeout are not negative");
    const auto required = approvals_required(args.paths());
    if (!required) return tl::unexpected(required.error());
    auto reader = open_journal(args.paths());
    if (!reader) return tl::unexpected(std::move(reader.error()));
    Waiter waiter(static_cast<std::uint64_t>(args.number("--window")), *wanted, *required, args.json());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(args.number("--timeout"));
    for (;;) {
        const auto reached = waiter.reached(*reader);
        if (!reached) return tl::unexpected(reached.error());
        if (*reached) break;
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(Failure::Kind::try_again,
                        fmt::format("not {} after {} s{}", args.text("--state"), args.number("--timeout"), waiter.not_yet_told()));
        std::this_thread::sleep_for(kWaitStep);
    }
    if (args.json())
        fmt::print("{}\n", to_json(waiter.book(), waiter.record(), *required).dump());
    else
        fmt::print("{}\n", waiter.progress());
    return {};
}
}  // namespace

std::vector<Command> settlement_commands() {
    using Kind = Option::Kind;
    return {
        {"settle close", "cuts the open window over: later payments belong to the next one", {}, close_window},
        {"settle withdraw",
         "takes a proposal back that no officer has approved yet, e.g. because its coins are gone; another follows",
         {{"--window", "number", Kind::number, "0", true}},
         withdraw},
        {"settle status", "every window: state, postings, nets, approvals, transaction, block", {}, status},
        {"settle wait",
         "waits until a window has got that far; exits 75 when it takes too long",
         {{"--window", "number; 0 = the last closed one", Kind::number, "0", false},
          {"--state", "closed, proposed, approved or confirmed", Kind::text, "confirmed", false},
          {"--timeout", "seconds", Kind::number, "60", false}},
         wait},
        {"approve",
         "an officer's signature over a proposed settlement, after showing it",
         {{"--officer", "name", Kind::text, "", true},
          {"--window", "number; 0 = the oldest that waits for approval", Kind::number, "0", false},
          {"--key", "file: PKCS#8 PEM, encrypted; default: demo/officers/NAME/key.pem", Kind::text, "", false},
          {"--passphrase-file", "file whose first line opens the key; default: demo/officers/NAME/passphrase",
           Kind::text, "", false}},
         approve},
        {"officer new",
         "makes an officer's key in demo/officers/NAME; enrol public.pem in vault/officers/NAME.pem",
         {{"name", "1 to 16 of a-z, 0-9 and -", Kind::text, "", true}},
         new_officer},
        {"receipt",
         "the receipt of a settled payment: proof that it is in a signed block",
         {{"rrn", "retrieval reference number (DE37) of the payment", Kind::text, "", true},
          {"--terminal", "terminal (DE41), when several used that number", Kind::text, "", false},
          {"--reversal", "of the payment's reversal", Kind::flag, "", false},
          {"--out", "file; default: standard output", Kind::text, "", false}},
         receipt},
        {"verify",
         "checks a receipt offline; exits 4 and names the check that failed",
         {{"file", "the receipt", Kind::text, "", true},
          {"--chain", "file of blocks as a node keeps them; default: pub/blocks.dat", Kind::text, "", false},
          {"--challenge", "signet challenge script, hex; default: from pub/bundle.json", Kind::text, "", false},
          {"--block1", "hash of block 1; default: it pays only whom pub/bundle.json names", Kind::text, "", false}},
         verify, [](const Args& args) { return !args.given("--chain") || !args.given("--challenge"); }},
    };
}

}  // namespace giro::cli
