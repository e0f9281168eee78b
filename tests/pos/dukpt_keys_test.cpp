// The files of a demo terminal with DUKPT keys: each kind is read as it was written, and what does not go together is refused.
#include <doctest/doctest.h>
#include <stdlib.h>

#include "appliance/giro/terminal_dukpt.hpp"
#include "payment/pin_device.hpp"
#include "util/bytes.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::pos;

namespace {
struct DemoFolder {
    std::filesystem::path path;
    DemoFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "giro-pos-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
        std::filesystem::create_directories(path / "terminals");
    }
    ~DemoFolder() { std::filesystem::remove_all(path); }
    DemoFolder(const DemoFolder&) = delete;
    DemoFolder& operator=(const DemoFolder&) = delete;
};

struct KeyKind {
    const char* ksn;
    std::size_t key_bytes;
    vault::MacKind mac;
    std::size_t pin_block_bytes;
};
constexpr KeyKind kKinds[] = {{"970002010000000100000000", 16, vault::MacKind::aes_cmac, 16},
                           {"970002020000004100000000", 32, vault::MacKind::aes_cmac, 16},
                           {"970002020000004500000000", 32, vault::MacKind::hmac_sha256, 16},
                           {"97000203000009200000", 16, vault::MacKind::x9_19, 8}};
payment::Ksn ksn_of(std::string_view digits) {
    return payment::Ksn::parse(from_hex(digits).value()).value();
}
}  // namespace

TEST_CASE("DUKPT keys: a terminal of each kind counts on, MACs both ways and enciphers PINs") {
    const DemoFolder demo;
    SystemRandom random;
    const auto pan = Pan::parse("9700010000000078").value();
    for (const KeyKind& kind : kKinds) {
        CAPTURE(kind.ksn);
        const Secret key(Buffer(kind.key_bytes, std::byte{0x5a}));
        REQUIRE(write_initial_key(demo.path, "D1", key, ksn_of(kind.ksn), kind.mac));
        auto keys = DukptKeys::load(demo.path, "D1");
        REQUIRE_MESSAGE(keys, (keys ? std::string() : keys.error().what));
        MacKey first = (*keys)->next(), second = (*keys)->next();
        CHECK(first.ksn().counter() == 1);
        CHECK(second.ksn().counter() == 2);
        CHECK(first.ksn().device() == ksn_of(kind.ksn));
        CHECK(first.mac(as_bytes("0200")) != second.mac(as_bytes("0200")));
        CHECK_FALSE(first.verify(as_bytes("0210"), first.mac(as_bytes("0210"))));  // answers are under another key
        const auto working = payment::dukpt_working_keys(
            key, second.ksn(),
            kind.mac == vault::MacKind::hmac_sha256 ? payment::DukptMacKey::hmac_sha_256 : payment::DukptMacKey::aes_cmac);
        MacKey box(second.ksn(), working.mac_response, working.mac_request, kind.mac);
        CHECK(second.verify(as_bytes("0210"), box.mac(as_bytes("0210"))));
        CHECK(box.verify(as_bytes("0200"), second.mac(as_bytes("0200"))));
        const Buffer block = (*keys)->pin_block("1234", pan, random);
        CHECK(block.size() == kind.pin_block_bytes);
        CHECK(payment::open_pin(working.pin, block, pan) == "1234");
    }
}

TEST_CASE("DUKPT keys: a file whose key, KSN and kind of MAC do not go together is refused") {
    const DemoFolder demo;
    const std::string aes = "970002010000000100000000", tdes = "97000203000009200000", k16(32, '5'), k32(64, '5');
    const auto load = [&](const std::string& text) {
        REQUIRE(write_file_atomic(initial_key_file(demo.path, "D1"), as_bytes(text), 0600));
        return DukptKeys::load(demo.path, "D1");
    };
    REQUIRE(write_initial_key(demo.path, "D1", Secret(std::size_t{16}), ksn_of(aes), vault::MacKind::aes_cmac));
    CHECK(load(k16 + " " + aes + " aes-cmac\n").has_value());
    CHECK(load(k32 + " " + aes + " hmac-sha-256\n").has_value());
    for (const std::string& bad : {k16 + " " + aes + " hmac-sha-256\n", k16 + " " + aes + " x9.19\n", k16 + " " + tdes + " aes-cmac\n",
                                   k32 + " " + tdes + " x9.19\n", k16 + " " + aes + "\n", k16 + " " + aes + " cmac\n", k16 + " aes-cmac\n",
                                   "5" + k16 + " " + aes + " aes-cmac\n", k16 + k16.substr(16) + " " + aes + " aes-cmac\n",
                                   k16 + " " + aes + " aes-cmac", std::string("\n"), std::string()}) {
        CAPTURE(bad);
        const auto refused = load(bad);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().kind == Failure::Kind::config);
    }
    const auto missing = DukptKeys::load(demo.path, "D2");
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().kind == Failure::Kind::not_provisioned);
}
