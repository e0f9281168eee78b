#include "appliance/giro/pos_trace.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "fixture.hpp"
#include "util/bytes.hpp"
#include "util/file.hpp"

using namespace giro;
using namespace giro::pos;

namespace {
struct Deaf final : Wire, Observer {
    void send(Bytes) override {}
    void ready(Terminal&) override {}
    void done(Terminal&, const Outcome&) override {}
    void failed(Terminal&, const std::string&) override {}
    void odd(Terminal&, Oddity) override {}
};
}  // namespace

TEST_CASE("trace: a sale is found again by its RRN, without its card number ever having been written") {
    const auto file = std::filesystem::temp_directory_path() / ("giro-trace-" + std::to_string(::getpid()));
    std::filesystem::remove(file);
    test::CountingRandom random;
    Shared shared(test::dialect(), random);
    Deaf deaf;
    const auto terminal = std::make_unique<Terminal>(test::kWho, test::tmk(), 1'000'000, shared, deaf, deaf);
    const Now now{1, 1'795'000'000'000'000'000};
    terminal->connected(now);
    const Secret base = vault::derive_session_key(test::tmk(), {});
    terminal->received(test::answer("0810", {{11, "000001"}, {39, "00"}, {41, "T0000001"}, {70, "001"}}, &base, 128), now);
    const std::string key = "00000000000000000000000000000000" + to_hex(vault::kcv(base));
    terminal->received(test::answer("0810", {{11, "000002"}, {39, "00"}, {41, "T0000001"}, {48, key}, {70, "161"}}, &base, 128), now);
    REQUIRE(terminal->ready());
    terminal->sell(*Pan::parse("9700010000000051"), {}, 1250, false, 0, now);
    {
        auto trace = Trace::open(file);
        REQUIRE(trace);
        trace->sale(*terminal, {"970001", 5});
        Outcome outcome;
        outcome.answered = true;
        outcome.code = ResponseCode("00");
        outcome.auth_code = AuthCode("123456");
        outcome.stan = 3;
        trace->outcome(*terminal, outcome);
    }
    const auto bytes = read_file(file);
    REQUIRE(bytes);
    CHECK(as_text(*bytes).find("9700010000000051") == std::string_view::npos);
    CHECK(as_text(*bytes).find("\"auth_code\":\"123456\"") != std::string_view::npos);
    const auto found = find_sale(file, terminal->last_sale().rrn.str());
    REQUIRE(found);
    REQUIRE(*found);
    const Sale& sale = (*found)->sale;
    CHECK((*found)->terminal == test::kWho.terminal);
    CHECK((*found)->card.bin == "970001");
    CHECK((*found)->card.index == 5);
    CHECK(sale.amount == 1250);
    CHECK(sale.stan == terminal->last_sale().stan);
    CHECK(sale.stamp.transmission == terminal->last_sale().stamp.transmission);
    CHECK(sale.stamp.local_time == terminal->last_sale().stamp.local_time);
    // The same RRN again: what was declined hides nothing, what was approved is the later one.
    const std::string rrn = sale.rrn.str();
    const auto append = [&](const char* stan, const char* code) {
        std::ofstream(file, std::ios::app)
            << R"({"event":"sale","terminal":"T0000001","stan":)" << stan << R"(,"rrn":")" << rrn
            << R"(","amount":7,"currency":963,"mti":"0220","transmission":"1122101112"})" "\n"
            << R"({"event":"answer","of":"sale","terminal":"T0000001","stan":)" << stan << R"(,"rrn":")" << rrn
            << R"(","code":")" << code << "\"}\n";
    };
    append("8", "94");
    CHECK((*find_sale(file, rrn))->sale.stan == sale.stan);
    append("9", "00");
    CHECK((*find_sale(file, rrn))->sale.stan == 9);
    append("10", "51");
    append("11", "94");
    CHECK((*find_sale(file, rrn))->sale.stan == 9);
    CHECK_FALSE(*find_sale(file, "XXXXXXXXXXXX"));
    CHECK_FALSE(find_sale(file.string() + ".none", "XXXXXXXXXXXX"));
    std::filesystem::remove(file);
}
