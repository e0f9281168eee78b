// Officers' keys on disk, and the signature that the switch and the vault check.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "approval/officer.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"

using namespace giro;
using namespace giro::approval;
namespace fs = std::filesystem;

namespace {
// Two officers, made once: a key takes about a second.
struct Office {
    fs::path root = fs::temp_directory_path() / ("giro-officers-" + std::to_string(::getpid()));
    OfficerFiles alice, bob;
    Office() {
        alice = create_officer(root, "alice").value();
        bob = create_officer(root, "bob").value();
    }
    ~Office() { fs::remove_all(root); }
};
Office& office() {
    static Office made;
    return made;
}
unsigned mode_of(const fs::path& file) {
    struct stat info {};
    return ::stat(file.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
}
const Hash256 kDigest = approval_digest(3, as_bytes("a transaction"), std::vector<std::int64_t>{5, 6});
}  // namespace

TEST_CASE("approval: an officer's signature verifies under that officer's key and no other") {
    const auto signature = sign_with_files(office().alice.key, office().alice.passphrase, kDigest);
    REQUIRE(signature);
    const auto alice = load_public_key(office().alice.public_key), bob = load_public_key(office().bob.public_key);
    REQUIRE(alice);
    REQUIRE(bob);
    CHECK(verify_approval(*alice, kDigest, *signature));
    CHECK_FALSE(verify_approval(*bob, kDigest, *signature));
    CHECK_FALSE(verify_approval("not a key", kDigest, *signature));
}

TEST_CASE("approval: a change of window, transaction or amount voids the signature") {
    const auto signature = sign_with_files(office().alice.key, office().alice.passphrase, kDigest);
    REQUIRE(signature);
    const auto alice = load_public_key(office().alice.public_key);
    const std::vector<std::int64_t> amounts{5, 6}, others{5, 7};
    CHECK_FALSE(verify_approval(*alice, approval_digest(4, as_bytes("a transaction"), amounts), *signature));
    CHECK_FALSE(verify_approval(*alice, approval_digest(3, as_bytes("A transaction"), amounts), *signature));
    CHECK_FALSE(verify_approval(*alice, approval_digest(3, as_bytes("a transaction"), others), *signature));
}

TEST_CASE("approval: the digest is SHA-256 over tag, window, transaction and amounts, little-endian") {
    Buffer message;
    Writer out(message);
    out.bytes(as_bytes("giro-approval-v1"));
    out.u64(3);
    out.bytes(as_bytes("a transaction"));
    out.u64(5);
    out.u64(6);
    CHECK(kDigest == sha256(message));
}

TEST_CASE("approval: keys lie encrypted, for their owner's eyes only") {
    CHECK(mode_of(office().alice.key) == 0600);
    CHECK(mode_of(office().alice.passphrase) == 0600);
    CHECK(mode_of(office().alice.key.parent_path()) == 0700);
    const auto pem = read_file(office().alice.key);
    REQUIRE(pem);
    CHECK(as_text(*pem).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
}

TEST_CASE("approval: a passphrase that does not open the key is refused, and so is a key that is none") {
    const auto wrong = unlock_key(office().alice.key, office().bob.passphrase);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().kind == Failure::Kind::refused);
    const auto no_key = unlock_key(office().alice.public_key, office().alice.passphrase);
    REQUIRE_FALSE(no_key);
    CHECK(no_key.error().kind == Failure::Kind::refused);
    const fs::path empty = office().root / "empty";
    REQUIRE(write_file_atomic(empty, as_bytes("\n")));
    const auto no_passphrase = unlock_key(office().alice.key, empty);
    REQUIRE_FALSE(no_passphrase);
    CHECK(no_passphrase.error().kind == Failure::Kind::config);
    const fs::path longer = office().root / "longer";
    REQUIRE(write_file_atomic(longer, as_bytes(std::string(kPassphraseBytesMax + 1, 'a'))));
    CHECK(unlock_key(office().alice.key, longer).error().kind == Failure::Kind::config);
    CHECK(unlock_key(office().alice.key, office().root).error().kind == Failure::Kind::refused);  // a folder
}

TEST_CASE("approval: an officer whose files cannot be written has no key") {
    for (const char* in_the_way : {"passphrase", "public.pem"}) {
        const fs::path folder = office().root / "dave";
        fs::create_directories(folder / in_the_way / "something");
        const auto made = create_officer(office().root, "dave");
        REQUIRE_FALSE(made);
        CHECK(made.error().kind == Failure::Kind::refused);
        CHECK_FALSE(fs::exists(folder / "key.pem"));
        fs::remove_all(folder);
    }
}

TEST_CASE("approval: an officer that is not there is said so") {
    const auto files = officer_files(office().root, "carol");
    CHECK(sign_with_files(files.key, files.passphrase, kDigest).error().kind == Failure::Kind::not_provisioned);
    CHECK(load_public_key(files.public_key).error().kind == Failure::Kind::not_provisioned);
}

TEST_CASE("approval: an enrolled officer's key is never replaced") {
    const auto again = create_officer(office().root, "alice");
    REQUIRE_FALSE(again);
    CHECK(again.error().kind == Failure::Kind::refused);
}

TEST_CASE("approval: a name that could leave its folder is no name") {
    for (const std::string_view bad : {"", "..", "a/b", "Alice", "a b", "a{b", "seventeen-letters"}) {
        CHECK_FALSE(is_officer_name(bad));
        CHECK(create_officer(office().root, bad).error().kind == Failure::Kind::config);
    }
    CHECK(is_officer_name("alice-2"));
}
