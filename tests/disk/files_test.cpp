// The small files that SQLite does not keep: cut off anywhere, a byte changed anywhere, left behind by a crash.
#include "appliance/snapshot_file.hpp"
#include "hsm/checkpoint_file.hpp"
#include "tests/hsm/token_fixture.hpp"
#include "util/append_line.hpp"
#include "util/hash.hpp"
#include "util/secret.hpp"
#include "vault/digests.hpp"

#include <botan/ecdsa.h>
#include <botan/pubkey.h>
#include <botan/system_rng.h>

using namespace giro;

namespace {
// A checkpoint key of the test's own.
struct Signer {
    Botan::ECDSA_PrivateKey key{Botan::system_rng(), Botan::EC_Group("secp256r1")};
    [[nodiscard]] Buffer public_key() const {
        const auto point = key.public_point().encode(Botan::PointGFp::UNCOMPRESSED);
        const Bytes view = std::as_bytes(std::span(point));
        return {view.begin(), view.end()};
    }
    [[nodiscard]] vault::SignedCheckpoint sign(const vault::Checkpoint& checkpoint) const {
        Botan::PK_Signer signer(key, Botan::system_rng(), "Raw(SHA-256)");
        const Hash256 digest = vault::checkpoint_digest(checkpoint);
        const auto signature = signer.sign_message(reinterpret_cast<const std::uint8_t*>(digest.data()), digest.size(),
                                                   Botan::system_rng());
        vault::SignedCheckpoint out{checkpoint, {}};
        std::ranges::copy(std::as_bytes(std::span(signature)), out.signature.begin());
        return out;
    }
};

// Calls `check` with the file cut off at every length, and with every byte of it changed.
void damage(const std::filesystem::path& file, const std::function<void()>& check) {
    const Buffer whole = read_file(file).value();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        REQUIRE(write_file_atomic(file, Bytes(whole).first(size)));
        check();
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        CAPTURE(at);
        Buffer changed = whole;
        changed[at] ^= std::byte{0x10};
        REQUIRE(write_file_atomic(file, changed));
        check();
    }
    REQUIRE(write_file_atomic(file, whole));
}

bool is_one_line(const Failure& failure) {
    return !failure.what.empty() && failure.what.find('\n') == std::string::npos;
}
}  // namespace

TEST_CASE("files: a snapshot that is cut off or changed anywhere is refused with a line, and never believed") {
    test::TempDir folder;
    const Signer signer;
    const Buffer key = signer.public_key();
    const Buffer state(300, std::byte{7});
    REQUIRE(appliance::write_snapshot(folder.path(), {signer.sign({42, Hash256{std::byte{1}}, sha256(state)}), state}));
    REQUIRE(appliance::read_snapshot(folder.path(), key)->has_value());
    damage(appliance::snapshot_file(folder.path()), [&] {
        const auto read = appliance::read_snapshot(folder.path(), key);
        REQUIRE(!read);
        CHECK(read.error().kind == Failure::Kind::integrity);
        CHECK(is_one_line(read.error()));
    });
    CHECK(appliance::read_snapshot(folder.path(), key)->has_value());
    std::filesystem::remove(appliance::snapshot_file(folder.path()));
    CHECK(!appliance::read_snapshot(folder.path(), key)->has_value());
}

TEST_CASE("files: the vault's last checkpoint, cut off or changed anywhere, stops the start with a line") {
    test::TempDir folder;
    const Signer signer;
    const auto path = folder.path() / "checkpoint";
    auto file = hsm::CheckpointFile::open(path);
    REQUIRE(file);
    REQUIRE(file->store(signer.sign({7, {}, {}})));
    damage(path, [&] {
        const auto opened = hsm::CheckpointFile::open(path);
        REQUIRE(!opened);
        CHECK(opened.error().kind == Failure::Kind::integrity);
        CHECK(is_one_line(opened.error()));
    });
    CHECK(hsm::CheckpointFile::open(path)->last()->checkpoint.seq == 7);
}

// Found: the auditor wrote its next checkpoint behind the unfinished one, and `giro journal verify` ended with 4.
TEST_CASE("files: a line that a crash left unfinished spoils no line after it") {
    test::TempDir folder;
    const auto path = folder.path() / "lines";
    const std::string before = "one\ntwo\n", torn = "a third, which is longer than the one that follows";
    for (std::size_t size = 0; size <= torn.size(); ++size) {
        CAPTURE(size);
        REQUIRE(write_file_atomic(path, as_bytes(before + torn.substr(0, size))));
        REQUIRE(append_line(path, "three\n"));
        CHECK(as_text(read_file(path).value()) == before + "three\n");
    }
    REQUIRE(write_file_atomic(path, as_bytes(std::string(10'000, 'x'))));  // nothing whole at all
    REQUIRE(append_line(path, "one\n"));
    CHECK(as_text(read_file(path).value()) == "one\n");
}

TEST_CASE("files: what a killed writer left beside a file is in nobody's way") {
    test::TempDir folder;
    const auto path = folder.path() / "file";
    REQUIRE(write_file_atomic(path, as_bytes("old")));
    REQUIRE(write_file_atomic(folder.path() / "file.1.tmp", as_bytes("half a new")));  // of a process that was killed
    CHECK(as_text(read_file(path).value()) == "old");
    REQUIRE(write_file_atomic(path, as_bytes("new")));
    CHECK(as_text(read_file(path).value()) == "new");
}
