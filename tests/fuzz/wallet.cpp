// A wallet's signed orders and queries, its file, and what its owner's phone reads back from the box.
#include <algorithm>

#include "appliance/giro/wallet_door.hpp"
#include "appliance/giro/wallet_file.hpp"
#include "tests/fuzz/scratch.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/fuzz/world.hpp"
#include "util/environment.hpp"
#include "util/log.hpp"
#include "wallet/key.hpp"

namespace giro::fuzz {

namespace {
wallet::WalletKey some_key() {
    CountingRandom random;
    return wallet::WalletKey::create(random);
}
wallet::PaymentOrder some_order() {
    wallet::PaymentOrder order;
    order.merchant = MerchantId("M00000000000001");
    order.amount = 2372;
    order.currency = 963;
    order.counter = 1;
    return order;
}
}  // namespace

void run_wallet_order(Bytes input) {
    if (const auto order = wallet::decode_order(input)) {
        ASSERT(std::ranges::equal(wallet::encode_order(*order), input));
        if (const auto good = wallet::verify(*order); !good) ASSERT(wallet::to_string(good.error()) != "unknown");
    } else {
        ASSERT(wallet::to_string(order.error()) != "unknown");
    }
    if (const auto query = wallet::decode_query(input)) {
        ASSERT(std::ranges::equal(wallet::encode_query(*query), input));
        if (const auto good = wallet::verify(*query); !good) ASSERT(wallet::to_string(good.error()) != "unknown");
    }
}
Seeds seeds_wallet_order() {
    const auto key = some_key();
    auto to_wallet = some_order();
    to_wallet.merchant = {};
    to_wallet.payee = Hash160{std::byte{1}};
    wallet::WalletQuery query;
    query.unix_s = 1'795'000'000;
    auto high_s = key.sign(some_order());
    std::fill(high_s.signature.begin() + 32, high_s.signature.end(), std::byte{0xf0});
    return {owned(Bytes(wallet::encode_order(key.sign(some_order())))),
            owned(Bytes(wallet::encode_order(key.sign(to_wallet)))),
            owned(Bytes(wallet::encode_query(key.sign(query)))), owned(Bytes(wallet::encode_order(high_s)))};
}

// The key's file or the counter's, whoever wrote it.
void run_wallet_file(Bytes input) {
    static const std::string good = [] {
        const auto path = scratch_folder() / "good.key";
        ASSERT(some_key().save(path));
        return std::string(as_text(read_file(path).value()));
    }();
    const config::Paths paths{scratch_folder() / "wallets"};
    const bool counter = take_choice(input, 2) == 1;
    scratch("wallets/demo/wallets/fuzz.key", counter ? as_bytes(good) : input);
    scratch("wallets/demo/wallets/fuzz.json", counter ? input : as_bytes("{\"counter\":7}"));
    auto file = customer::WalletFile::open(paths, "fuzz");
    if (!file) return;
    CountingRandom random;
    file->set_counters_at_a_time(1'000'000);
    static_cast<void>(file->sign(some_order(), SystemClock(), random));
}
Seeds seeds_wallet_file() {
    return {chosen(0, std::string(64, '1') + "\n"),
            chosen(0, std::string(64, '0') + "\n"),
            chosen(0, std::string_view("xyz")),
            chosen(1, std::string_view("{\"counter\":12}")),
            chosen(1, std::string_view("{\"counter\":\"x\"}")),
            chosen(1, std::string_view("{\"counter\":18446744073709551615}"))};
}

void run_wallet_answer(Bytes input) {
    const auto response = customer::parse_http_response(as_text(input));
    if (!response) return;
    if (const auto reply = customer::parse_door_reply(*response)) ASSERT(reply->response_code.size() == 2);
}
Seeds seeds_wallet_answer() {
    Seeds seeds;
    const auto add = [&](std::string_view status, std::string_view json) {
        seeds.push_back(owned("HTTP/1.1 " + std::string(status) +
                              "\r\nContent-Type: application/json\r\nContent-Length:  " + std::to_string(json.size()) +
                              " \r\n\r\n" + std::string(json)));
    };
    add("200 OK",
        R"({"response_code":"00","rrn":"123456789012","auth_code":"A12345","balance":5,"currency":963,"why":""})");
    add("200 OK", R"({"response_code":51})");
    add("200 OK", "[]");
    add("400 Bad Request", R"({"why":"no"})");
    add("503 Service Unavailable", "{}");
    add("4x0 No", "{}");
    return seeds;
}

// Text on its way into the log: a run of 13 to 19 digits that passes Luhn's check does not get through.
void run_log_mask(Bytes input) {
    const std::string masked = log::mask_pans(as_text(input));
    ASSERT(masked.size() == input.size() && log::mask_pans(masked) == masked);
}
Seeds seeds_log_mask() {
    return {owned("card 5413330089020011 declined"), owned("123456789012345678901234567890"),
            owned("9700010000000018")};
}

}  // namespace giro::fuzz
