#include "tests/kill/ordeal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <thread>

namespace ordeal {

namespace {
constexpr auto kPoll = std::chrono::milliseconds(5);
constexpr int kPatience_s = 30;
constexpr int kLoadMax_s = 86'400;

std::string key_of(const json& event) {
    return event["terminal"].get<std::string>() + "/" + event["rrn"].get<std::string>();
}
}  // namespace

Ordeal::Ordeal(const std::string& name, const std::filesystem::path& programs, const std::vector<std::string>& host_options,
               const std::function<void(story::Box&)>& configure)
    : m_box(name) {
    m_box.use_programs(programs);
    m_box.init();
    if (configure) configure(m_box);
    m_box.serve_issuer_host(host_options);
    m_box.up();
    const story::Said provisioned = m_box.giro({"demo", "provision"});
    INFO(provisioned.text);
    REQUIRE(provisioned.status == 0);
}

std::map<std::string, Program> Ordeal::programs() {
    const json state = json::parse(story::read_text(m_box.file("run/up.json")), nullptr, false);
    std::map<std::string, Program> all;
    if (!state.is_object()) return all;
    for (const auto& p : state["programs"]) all[p["name"]] = {p["state"], p["pid"].get<pid_t>()};
    return all;
}

std::optional<Program> Ordeal::wait_for(const std::string& name, const std::string& state, pid_t not_pid) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kPatience_s);
    while (std::chrono::steady_clock::now() < deadline) {
        const Program now = programs()[name];
        if (now.state == state && now.pid != not_pid) return now;
        std::this_thread::sleep_for(kPoll);
    }
    return std::nullopt;
}

std::optional<Program> Ordeal::next_life(const std::string& name, pid_t not_pid) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kPatience_s);
    while (std::chrono::steady_clock::now() < deadline) {
        const Program now = programs()[name];
        if (now.pid != 0 && now.pid != not_pid) return now;
        std::this_thread::sleep_for(kPoll);
    }
    return std::nullopt;
}

void Ordeal::begin_load(int per_second, const std::string& mix, const std::vector<std::string>& options, int timeout_ms) {
    std::vector<std::string> arguments{"--json", "pos", "load", "--terminals", "60", "--seconds", std::to_string(kLoadMax_s),
                                       "--rate", std::to_string(per_second), "--timeout", std::to_string(timeout_ms), "--mix", mix,
                                       "--trace", m_box.file("ordeal.jsonl").string()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    m_load = m_box.start(arguments, "load.out");
}

void Ordeal::end_load() {
    m_load->signal(SIGTERM);
    m_load->wait();
    MESSAGE(m_load->output());
    m_load.reset();
}

// The last lines of each program's log, for whoever has to find out.
std::string Ordeal::last_words() const {
    constexpr std::size_t kBytes = 1'500;
    std::string words;
    for (const char* role : kRoles) {
        const std::string log = story::read_text(m_box.file("log/giro-" + std::string(role) + ".log"));
        words += "\n--- " + std::string(role) + "\n" + log.substr(log.size() - std::min(log.size(), kBytes));
    }
    return words;
}

void Ordeal::read_trace() {
    if (!m_trace.is_open()) m_trace.open(m_box.file("ordeal.jsonl"), std::ios::binary);
    m_trace.clear();
    const std::string more{std::istreambuf_iterator<char>(m_trace), {}};
    m_rest += more;
    for (std::size_t end = 0; (end = m_rest.find('\n')) != std::string::npos; m_rest.erase(0, end + 1)) {
        const json event = json::parse(m_rest.substr(0, end), nullptr, false);
        if (!event.is_object() || event.value("event", "") != "answer" || event.value("code", "") != "00") continue;
        const std::string of = event.value("of", "");
        if (of == "sale" || of == "repeat") m_told_approved.insert(key_of(event));
        if (of == "reversal") m_told_reversed.insert(key_of(event));
    }
}

std::size_t Ordeal::approved_so_far() {
    read_trace();
    return m_told_approved.size();
}

bool Ordeal::pays_again(std::size_t more) {
    const std::size_t before = approved_so_far();
    const bool pays = story::eventually(kPatience_s, [&] { return approved_so_far() >= before + more; });
    if (!pays) MESSAGE(m_load->output(), last_words());
    return pays;
}

std::size_t Ordeal::check_books() {
    read_trace();
    std::map<std::uint64_t, std::string> forwarded;  // the payment's entry: what came of it
    for (const auto& answer : m_box.journal("forward_answered"))
        forwarded[answer["payment"].get<std::uint64_t>()] = answer["outcome"].get<std::string>();
    std::map<std::string, int> entries, approved;
    for (const auto& payment : m_box.journal("payment")) {
        std::string outcome = payment["outcome"];
        if (outcome == "forwarded") outcome = forwarded[payment["seq"].get<std::uint64_t>()];
        ++entries[key_of(payment)];
        approved[key_of(payment)] += outcome == "approved" ? 1 : 0;
    }
    for (const auto& stood_in : m_box.journal("stood_in")) {
        ++entries[key_of(stood_in)];
        ++approved[key_of(stood_in)];
    }
    std::map<std::string, int> reversed;
    for (const auto& reversal : m_box.journal("reversal")) ++reversed[key_of(reversal)];
    for (const auto& key : m_told_approved)
        CHECK_MESSAGE(approved[key] == 1, "told approved, and not so in the journal: ", key);
    for (const auto& entry : entries) CHECK_MESSAGE(entry.second == 1, "decided twice: ", entry.first);
    for (const auto& key : m_told_reversed)
        CHECK_MESSAGE(reversed[key] >= 1, "told reversed, and not in the journal: ", key);
    const story::Said whole = m_box.giro({"journal", "verify"});
    CHECK_MESSAGE(whole.status == 0, whole.text);
    return m_told_approved.size();
}

std::size_t Ordeal::check_issuer() {
    std::map<std::string, std::int64_t> here, there, there_reversed;
    std::map<std::uint64_t, std::string> key_by_seq;
    std::map<std::uint64_t, std::int64_t> amounts;
    for (const auto& payment : m_box.journal("payment")) {
        if (payment["outcome"] != "forwarded") continue;
        const auto seq = payment["seq"].get<std::uint64_t>();
        key_by_seq[seq] = key_of(payment);
        amounts[seq] = payment["amount"].get<std::int64_t>();
        here[key_by_seq[seq]] = 0;
    }
    for (const auto& answer : m_box.journal("forward_answered"))
        if (const auto seq = answer["payment"].get<std::uint64_t>(); answer["outcome"] == "approved") here[key_by_seq[seq]] = amounts[seq];
    for (const auto& payment : m_box.journal("stood_in")) {
        key_by_seq[payment["seq"].get<std::uint64_t>()] = key_of(payment);
        here[key_of(payment)] = payment["amount"].get<std::int64_t>();
    }
    for (const auto& answer : m_box.journal("saf_answered"))
        if (answer["message"] == "advice" && answer["verdict"] == "refused") here[key_by_seq[answer["payment"].get<std::uint64_t>()]] = 0;
    for (const auto& reversal : m_box.journal("reversal"))
        if (const auto found = key_by_seq.find(reversal["payment"].get<std::uint64_t>()); found != key_by_seq.end())
            here[found->second] = std::min(here[found->second], reversal.value("stands", std::int64_t{0}));
    std::istringstream lines(story::read_text(m_box.file("host.jsonl")));
    for (std::string line; std::getline(lines, line);) {
        const json seen = json::parse(line, nullptr, false);
        REQUIRE_MESSAGE(seen.is_object(), line);
        const std::string key = key_of(seen), mti = seen["mti"];
        if (mti.starts_with("04")) {
            if (seen["code"] != "00") continue;
            const auto at = there_reversed.try_emplace(key, seen["stands"].get<std::int64_t>()).first;
            at->second = std::min(at->second, seen["stands"].get<std::int64_t>());
        } else if (seen["code"] == "00") {
            there[key] = seen["amount"].get<std::int64_t>();
        }
    }
    std::size_t standing = 0;
    for (const auto& [key, stands] : there_reversed)
        if (const auto found = there.find(key); found != there.end()) found->second = std::min(found->second, stands);
    for (const auto& booked : there) {  // Clang 14 captures no structured binding
        const auto ours = here.find(booked.first);
        const std::int64_t known = ours == here.end() ? 0 : ours->second;
        CHECK_MESSAGE(booked.second == known, "the host has ", booked.second, " of ", booked.first, ", the box ", known);
        standing += booked.second != 0 ? 1 : 0;
    }
    for (const auto& payment : here)
        CHECK_MESSAGE((payment.second == 0 || there.contains(payment.first)), "the host never saw ", payment.first, ", of which ", payment.second, " stands");
    return standing;
}

}  // namespace ordeal
