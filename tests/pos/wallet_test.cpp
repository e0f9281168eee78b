#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "appliance/giro/wallet_door.hpp"
#include "appliance/giro/wallet_file.hpp"
#include "fixture.hpp"
#include "qr/cpm.hpp"
#include "util/environment.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::customer;

namespace {
struct FixedClock final : Clock {
    std::uint64_t wall = 1'795'000'000'000'000'000;
    std::uint64_t wall_ns() const override { return wall; }
    std::uint64_t monotonic_ns() const override { return wall; }
};
struct Folder {
    config::Paths paths{std::filesystem::temp_directory_path() / ("giro-wallet-" + std::to_string(::getpid()))};
    Folder() { std::filesystem::remove_all(paths.root); }
    ~Folder() { std::filesystem::remove_all(paths.root); }
};
}  // namespace

TEST_CASE("wallet: a key is made once, private, and found again under its name") {
    Folder folder;
    SystemRandom random;
    const auto made = WalletFile::create(folder.paths, "ann", random);
    REQUIRE(made);
    struct stat info {};
    REQUIRE(::stat(made->key_file().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK(made->address().starts_with("tb1q"));
    CHECK(WalletFile::open(folder.paths, "ann")->address() == made->address());
    CHECK_FALSE(WalletFile::create(folder.paths, "ann", random));
    CHECK_FALSE(WalletFile::open(folder.paths, "bob"));
    for (const char* name : {"", "../ann", "Ann", "a b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
        CHECK_FALSE(WalletFile::open(folder.paths, name));
}

TEST_CASE("wallet: a code holds a signed order, and its counter grows over restarts, time going back, and batches") {
    Folder folder;
    SystemRandom random;
    FixedClock clock;
    std::uint64_t last = 0;
    const auto present = [&](WalletFile& wallet) {
        const auto code = wallet.present(MerchantId("M1"), {1250, 963}, clock, random);
        REQUIRE(code);
        const auto payload = qr::decode_cpm(*code);
        REQUIRE(payload);
        const auto order = wallet::decode_order(payload->order);
        REQUIRE(order);
        CHECK(wallet::verify(*order));
        CHECK(order->order.amount == 1250);
        CHECK(order->order.merchant.view() == "M1");
        CHECK(order->order.expiry_unix_s == clock.wall / 1'000'000'000 + kOrderValidS);
        CHECK(order->order.counter > last);
        last = order->order.counter;
    };
    auto first = WalletFile::create(folder.paths, "ann", random);
    REQUIRE(first);
    present(*first);
    CHECK(last == clock.wall / 1'000'000);
    present(*first);
    clock.wall -= 3'600'000'000'000;
    auto second = WalletFile::open(folder.paths, "ann");
    REQUIRE(second);
    second->set_counters_at_a_time(1000);
    present(*second);
    present(*second);
    const std::uint64_t in_batch = last;
    auto third = WalletFile::open(folder.paths, "ann");
    present(*third);
    CHECK(last >= in_batch + 998);
    REQUIRE(write_file_atomic(folder.paths.demo() / "wallets" / "ann.json", as_bytes("{\"counter\":x}")));
    auto damaged = WalletFile::open(folder.paths, "ann");
    const auto refused = damaged->present(MerchantId("M1"), {1250, 963}, clock, random);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Failure::Kind::integrity);
}

TEST_CASE("wallet door: an answer counts when it is whole, and no prefix of it does") {
    const std::string body = R"({"response_code":"00","rrn":"ABC","auth_code":"123456","balance":50000,"currency":963,"why":""})";
    const std::string whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(parse_http_response(std::string_view(whole).substr(0, size)));
    const auto response = parse_http_response(whole);
    REQUIRE(response);
    const auto reply = parse_door_reply(*response);
    REQUIRE(reply);
    CHECK(reply->approved());
    CHECK(reply->balance == 50'000);
    CHECK(reply->currency == 963);
    CHECK_FALSE(parse_http_response(whole + "x"));
    CHECK_FALSE(parse_http_response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
    CHECK_FALSE(parse_http_response("HTTP/1.1 200 OK\r\n\r\n"));
    CHECK_FALSE(parse_http_response("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"));
}

TEST_CASE("wallet door: 503 means try again, other statuses refused, and a body of another kind is not understood") {
    CHECK(parse_door_reply({503, ""}).error().kind == Failure::Kind::try_again);
    CHECK(parse_door_reply({400, "no"}).error().kind == Failure::Kind::refused);
    for (const char* body : {"", "[]", "{}", R"({"response_code":0})", R"({"response_code":"00","balance":"x"})"})
        CHECK(parse_door_reply({200, body}).error().kind == Failure::Kind::try_again);
}

TEST_CASE("wallet door: nobody there, or no certificate authority to know it by, is one line and no crash") {
    Folder folder;
    std::filesystem::create_directories(folder.paths.pub());
    const Buffer order(4);
    const auto unprovisioned = WalletDoor({"127.0.0.1", 9}, folder.paths.pub() / "ca.pem").order(order);
    REQUIRE_FALSE(unprovisioned);
    CHECK(unprovisioned.error().kind == Failure::Kind::not_provisioned);
}
