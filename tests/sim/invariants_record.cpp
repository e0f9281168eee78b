// What lies on the disks: the journal's chain, no secret, the same state again.
#include "tests/sim/invariants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "appliance/snapshot_file.hpp"
#include "journal/journal.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

namespace giro::sim {

namespace {
using Broken = std::vector<std::string>;

class JournalUnbroken final : public Invariant {
  public:
    int number() const override { return 5; }
    std::string_view sentence() const override {
        return "the journal has no gap, and the signed checkpoints are its own";
    }
    void check(const Scene& s, Broken& broken) const override {
        const auto verified = journal::verify(s.box.paths().journal());
        if (!verified) return broken.push_back(verified.error().what);
        for (std::size_t i = 0; i < s.journal.entries.size(); ++i)
            if (s.journal.entries[i].seq != i + 1)
                return broken.push_back(fmt::format("entry {} stands in place {}", s.journal.entries[i].seq, i + 1));
        auto reader = journal::JournalReader::open(s.box.paths().journal());
        if (!reader) return broken.push_back(reader.error().what);
        std::ifstream lines(s.box.paths().snapshots() / "checkpoints.jsonl");
        for (std::string line; std::getline(lines, line);) {
            const auto seq_at = line.find("\"seq\":"), hash_at = line.find("\"chain_hash\":\"");
            if (seq_at == std::string::npos || hash_at == std::string::npos || line.size() < hash_at + 14 + 64)
                continue;  // torn: its writer died
            const std::uint64_t seq = std::stoull(line.substr(seq_at + 6));
            const auto hash = reader->hash_at(seq);
            if (!hash || !*hash || to_hex(**hash) != line.substr(hash_at + 14, 64))
                return broken.push_back(fmt::format("entry {} is not what was signed", seq));
        }
    }
};

class NothingInTheClear final : public Invariant {
  public:
    int number() const override { return 9; }
    std::string_view sentence() const override { return "no card number and no key in any file or log"; }
    void check(const Scene& s, Broken& broken) const override {
        if (s.secrets == nullptr) return;
        search(*s.secrets, "the logs", as_bytes(*s.logs), broken);
        namespace fs = std::filesystem;
        for (const auto& file : fs::recursive_directory_iterator(s.box.paths().root)) {
            if (!file.is_regular_file()) continue;
            if (const auto bytes = read_file(file.path()))
                search(*s.secrets, file.path().filename().string(), *bytes, broken);
        }
        for (const char* name : {"journal.db", "journal.db-wal"})
            search(*s.secrets, name, s.box.switch_disk().bytes(name), broken);
        for (const char* name : {"chain.db", "chain.db-wal"})
            search(*s.secrets, name, s.box.chain_disk().bytes(name), broken);
    }

  private:
    static void search(const std::vector<std::string>& secrets, std::string_view where, Bytes in, Broken& broken) {
        if (in.empty()) return;
        for (const auto& secret : secrets)
            if (memmem(in.data(), in.size(), secret.data(), secret.size()) != nullptr)
                return broken.push_back(fmt::format("{} holds a secret in the clear", where));
    }
};

class SameState final : public Invariant {
  public:
    int number() const override { return 10; }
    std::string_view sentence() const override {
        return "the same journal gives the same state, and two nodes the same chain";
    }
    void check(const Scene& s, Broken& broken) const override {
        const auto again = Evidence::read(s.box.paths().journal(), 99);
        if (!again || again->state.digest() != s.journal.state.digest())
            broken.emplace_back("a second replay came to another state");
        const auto snapshot =
            appliance::read_snapshot(s.box.paths().journal().parent_path(), s.box.made().bundle.checkpoint_key);
        if (snapshot && *snapshot && (*snapshot)->checkpoint.checkpoint.seq <= s.journal.entries.size()) {
            switching::State state;
            for (std::uint64_t i = 0; i < (*snapshot)->checkpoint.checkpoint.seq; ++i)
                static_cast<void>(state.apply(s.journal.entries[i].kind, s.journal.entries[i].body));
            Buffer bytes;
            state.save(bytes);
            if (sha256(bytes) != (*snapshot)->checkpoint.checkpoint.state_digest)
                broken.push_back(
                    fmt::format("the snapshot at entry {} is another state", (*snapshot)->checkpoint.checkpoint.seq));
        }
        if (s.second_chain != nullptr && s.at_rest && s.second_chain->tip().hash != s.chain->tip().hash)
            broken.emplace_back("the second node has another chain");
    }
};
}  // namespace

void add_record_invariants(Invariants& all) {
    all.push_back(std::make_unique<JournalUnbroken>());
    all.push_back(std::make_unique<NothingInTheClear>());
    all.push_back(std::make_unique<SameState>());
}

}  // namespace giro::sim
