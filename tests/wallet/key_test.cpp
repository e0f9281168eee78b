// The verifier against third-party vectors, and the wallet's file.
#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"
#include "util/hash.hpp"
#include "wallet/key.hpp"

using namespace giro;
using namespace giro::wallet;

namespace {
// A folder that goes away with the test.
struct TemporaryFolder {
    std::filesystem::path path;
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-wallet-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

// A fixed secret given as hexadecimal.
class FixedRandom final : public Random {
  public:
    explicit FixedRandom(std::string_view hex) : m_bytes(*from_hex(hex)) {}
    void fill(MutableBytes out) override { std::memcpy(out.data(), m_bytes.data(), out.size()); }

  private:
    Buffer m_bytes;
};

// One INTEGER of a DER signature as 32 bytes; nothing unless strict DER, not negative and of at most 256 bits.
std::optional<Buffer> der_integer(Bytes& der) {
    if (der.size() < 3 || der[0] != std::byte{2}) return std::nullopt;
    const auto size = std::to_integer<std::size_t>(der[1]);
    if (size == 0 || size > 33 || der.size() < 2 + size) return std::nullopt;
    Bytes value = der.subspan(2, size);
    der = der.subspan(2 + size);
    if ((value[0] & std::byte{0x80}) != std::byte{0}) return std::nullopt;
    if (size > 1 && value[0] == std::byte{0}) {
        if ((value[1] & std::byte{0x80}) == std::byte{0}) return std::nullopt;
        value = value.subspan(1);
    }
    if (value.size() > 32) return std::nullopt;
    Buffer out(32 - value.size());
    out.insert(out.end(), value.begin(), value.end());
    return out;
}

std::optional<Signature> compact(Bytes der) {
    if (der.size() < 2 || der[0] != std::byte{0x30} || std::to_integer<std::size_t>(der[1]) != der.size() - 2)
        return std::nullopt;
    der = der.subspan(2);
    const auto r = der_integer(der);
    const auto s = r ? der_integer(der) : std::nullopt;
    if (!s || !der.empty()) return std::nullopt;
    Signature out;
    std::memcpy(out.data(), r->data(), 32);
    std::memcpy(out.data() + 32, s->data(), 32);
    return out;
}

PublicKey compressed(const std::string& uncompressed_hex) {
    const Buffer point = *from_hex(uncompressed_hex);
    REQUIRE(point.size() == 65);
    PublicKey out;
    std::memcpy(out.data(), point.data(), 33);
    out[0] = (point[64] & std::byte{1}) == std::byte{0} ? std::byte{2} : std::byte{3};
    return out;
}

// Runs one file; returns how many of its signatures have a compact form.
unsigned run_wycheproof(const std::string& name, bool high_s_is_listed_invalid) {
    std::ifstream file(GIRO_SOURCE_DIR "/../shared/vectors/wycheproof/" + name);
    if (!file) {
        MESSAGE("skipped: no ../shared/vectors");
        return 0;
    }
    unsigned run = 0;
    const auto vectors = nlohmann::json::parse(file);
    for (const auto& group : vectors["testGroups"]) {
        const PublicKey key = compressed(group["publicKey"]["uncompressed"]);
        for (const auto& test : group["tests"]) {
            CAPTURE(test["tcId"].get<int>());
            const bool valid = test["result"] == "valid";
            const auto signature = compact(*from_hex(test["sig"].get<std::string>()));
            if (!signature) {
                CHECK_FALSE(valid);
                continue;
            }
            ++run;
            const auto result = verify_digest(key, sha256(*from_hex(test["msg"].get<std::string>())), *signature);
            if (!high_s_is_listed_invalid && valid && !result) CHECK(result.error() == OrderError::high_s);
            else CHECK(result.has_value() == valid);
        }
    }
    return run;
}
}  // namespace

TEST_CASE("key: the verifier agrees with the Bitcoin set of third-party vectors") {
    const unsigned run = run_wycheproof("ecdsa_secp256k1_sha256_bitcoin_test.json", true);
    CHECK((run == 0 || run > 200));
}

TEST_CASE("key: the verifier agrees with the general set, high s apart") {
    const unsigned run = run_wycheproof("ecdsa_secp256k1_sha256_test.json", false);
    CHECK((run == 0 || run > 200));
}

TEST_CASE("key: secret 1 has the generator as its public key, and BIP 173's example hash") {
    FixedRandom random("0000000000000000000000000000000000000000000000000000000000000001");
    const WalletKey key = WalletKey::create(random);
    CHECK(to_hex(key.pubkey()) == "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    CHECK(to_hex(pubkey_hash(key.pubkey())) == "751e76e8199196d454941c45d1b3a323f1433bd6");
}

TEST_CASE("key: two wallets made with the kernel's randomness differ") {
    SystemRandom random;
    CHECK(WalletKey::create(random).pubkey() != WalletKey::create(random).pubkey());
}

TEST_CASE("key: a saved wallet loads as the same key, readable by its owner only, and is never overwritten") {
    const TemporaryFolder folder;
    const auto path = folder.path / "wallet";
    SystemRandom random;
    const WalletKey key = WalletKey::create(random);
    REQUIRE(key.save(path).has_value());
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const auto loaded = WalletKey::load(path);
    REQUIRE(loaded.has_value());
    CHECK(loaded->pubkey() == key.pubkey());
    CHECK(verify(loaded->sign(WalletQuery{})).has_value());
    CHECK(WalletKey::create(random).save(path).error().what.find("exists already") != std::string::npos);
    CHECK(WalletKey::load(path)->pubkey() == key.pubkey());
    CHECK(key.save(folder.path / "no" / "wallet").error().what.find("cannot be created") != std::string::npos);
}

TEST_CASE("key: a wallet file that is open to others, or no key, is refused with the remedy") {
    const TemporaryFolder folder;
    const auto path = folder.path / "wallet";
    const auto complaint = [&](const std::string& text, unsigned mode = 0600) {
        REQUIRE(write_file_atomic(path, as_bytes(text), mode).has_value());
        const auto key = WalletKey::load(path);
        return key ? std::string("loaded") : key.error().what;
    };
    const std::string good = std::string(63, '0') + "1\n";
    CHECK(complaint(good) == "loaded");
    CHECK(complaint(good, 0400) == "loaded");
    CHECK(complaint(good, 0640).find("chmod 600") != std::string::npos);
    CHECK(complaint(good, 0604).find("chmod 600") != std::string::npos);
    CHECK(complaint(good.substr(1)).find("is not a wallet") != std::string::npos);
    CHECK(complaint("").find("is not a wallet") != std::string::npos);
    CHECK(complaint(std::string(63, '0') + "g\n").find("is not a wallet") != std::string::npos);
    CHECK(complaint(std::string(65, '1')).find("is not a wallet") != std::string::npos);
    CHECK(complaint(good + good).find("larger than") != std::string::npos);
    CHECK(complaint(std::string(64, '0') + "\n").find("no secp256k1 key") != std::string::npos);
    CHECK(complaint(std::string(64, 'f') + "\n").find("no secp256k1 key") != std::string::npos);
    CHECK(WalletKey::load(folder.path / "none").error().what.find("cannot open") != std::string::npos);
}
