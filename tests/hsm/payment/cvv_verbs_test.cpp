// Card verification values by the vault's verb: which match, and how wrong ones are counted.
#include "hsm/payment/wrong_values.hpp"
#include "tests/hsm/payment_verbs.hpp"
#include "util/environment.hpp"

namespace giro::test {

using namespace hsm;
using vault::KeyName;

TEST_CASE("card verbs: CVV") {
    PinBox box;
    const auto cvv_good = [&](const char* key, const char* value) -> bool {
        return box
            .get<vault::CvvVerify>({{{KeyName(key), *Pan::parse("4123456789012345"), FixedText<4>("8701"),
                                      FixedText<3>("101"), FixedText<3>(value)}}},
                                   kSwitch)
            .good.at(0);
    };
    CHECK(cvv_good("cvk", "561"));
    CHECK(!cvv_good("cvk", "562"));
    CHECK(!cvv_good("cvk", ""));
    CHECK(!cvv_good("zone", "561"));
    CHECK(!cvv_good("nothing", "561"));
    const vault::CvvVerify::Item no_expiry{KeyName("cvk"), *Pan::parse("4123456789012345"), {}, FixedText<3>("101"), FixedText<3>("561")};
    CHECK(!box.get<vault::CvvVerify>({{no_expiry}}, kSwitch).good.at(0));
}

TEST_CASE("CVV verb: after five wrong ones of a card none is good, across a restart; an hour later one more is compared") {
    PinBox box;
    const Pan pan = *Pan::parse("4123456789012345");
    const auto good = [&](const char* value, const Pan& of) -> bool {
        return box.get<vault::CvvVerify>({{{KeyName("cvk"), of, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>(value)}}}, kSwitch).good.at(0);
    };
    for (unsigned i = 0; i + 1 < kWrongValuesMax; ++i) CHECK(!good("562", pan));
    CHECK(good("561", pan));  // which forgets nothing
    CHECK(!good("562", pan));
    CHECK(!good("561", pan));
    box.restart();
    CHECK(!good("561", pan));
    CHECK(box.get<vault::CvvVerify>({{{KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")},
                                      {KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("561")}}},
                                    kSwitch)
              .good == std::vector{false, false});
    // As it would stand an hour ago.
    const auto token = cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value();
    const std::uint64_t hour_ago_s = SystemClock{}.wall_ns() / 1'000'000'000 - kForgetAfter_s - 16;
    std::uint32_t counter = 0;
    for (unsigned i = 0; i < kWrongValuesMax; ++i) counter = add_wrong_value(counter, hour_ago_s);
    box.vault().counters().set(counter_id("cvv", token), counter);
    REQUIRE(box.vault().counters().commit());
    CHECK(good("561", pan));
    CHECK(!good("562", pan));
    CHECK(!good("561", pan));
}

TEST_CASE("CVV verb: two wrong values of one message are one try; a chain of such is none") {
    PinBox box;
    const Pan pan = *Pan::parse("4123456789012345");
    const auto wrong = [&](std::initializer_list<bool> joined) {
        vault::CvvVerify::Request request;
        for (const bool with_last : joined)  // one of the stripe, then the printed one
            request.items.push_back(
                {KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>(with_last ? "000" : "101"), FixedText<3>("562"), with_last});
        const auto reply = box.get<vault::CvvVerify>(request, kSwitch);
        CHECK(std::ranges::count(reply.good, true) == 0);
        const auto token = cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value();
        return wrong_values(box.vault().counters().value(counter_id("cvv", token)), SystemClock{}.wall_ns() / 1'000'000'000);
    };
    CHECK(wrong({false, true}) == 1);
    CHECK(wrong({true}) == 2);                 // there is none before it
    CHECK(wrong({false, true, true}) == 4);    // the third is one of its own
}

TEST_CASE("CVV verb: two values of one kind are two tries, whatever is said of them") {
    PinBox box;
    const Pan pan = *Pan::parse("4123456789012345");
    const vault::CvvVerify::Item value{KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>("562"), true};
    CHECK(box.get<vault::CvvVerify>({{value, value}}, kSwitch).good == std::vector{false, false});
    const auto token = cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value();
    CHECK(wrong_values(box.vault().counters().value(counter_id("cvv", token)), SystemClock{}.wall_ns() / 1'000'000'000) == 2);
}

TEST_CASE("CVV verb: another card's value is no second one of the message; a time to come is now; a card without a number has no value") {
    PinBox box;
    const Pan one = *Pan::parse("4123456789012345"), other = *Pan::parse("4999988887777000");
    const auto item = [](const Pan& pan, const char* value, bool with_last = false) {
        return vault::CvvVerify::Item{KeyName("cvk"), pan, FixedText<4>("8701"), FixedText<3>("101"), FixedText<3>(value), with_last};
    };
    const auto id = [&](const Pan& pan) {
        return counter_id("cvv", cmac(box.at().session(), box.at().keys.storage_token, as_bytes(pan.reveal())).value());
    };
    const std::uint64_t now_s = SystemClock{}.wall_ns() / 1'000'000'000;
    const auto wrong_of = [&](const Pan& pan) { return wrong_values(box.vault().counters().value(id(pan)), now_s); };
    CHECK(box.get<vault::CvvVerify>({{item(one, "562"), item(other, "000", true)}}, kSwitch).good == std::vector{false, false});
    CHECK(wrong_of(one) == 1);
    CHECK(wrong_of(other) == 1);
    // One of two is right, in either order.
    const auto printed = [&](bool with_last) {
        auto wrong = item(one, "001", with_last);
        wrong.service_code = FixedText<3>("000");
        return wrong;
    };
    CHECK(box.get<vault::CvvVerify>({{item(one, "561"), printed(true)}}, kSwitch).good == std::vector{true, false});
    CHECK(wrong_of(one) == 2);
    CHECK(box.get<vault::CvvVerify>({{printed(false), item(one, "561", true)}}, kSwitch).good == std::vector{false, true});
    CHECK(wrong_of(one) == 3);
    CHECK(box.get<vault::CvvVerify>({{item(Pan(), "561")}}, kSwitch).good == std::vector{false});
    box.vault().counters().set(id(other), add_wrong_value(0, now_s + 1'000'000'000));
    REQUIRE(box.vault().counters().commit());
    CHECK(!box.get<vault::CvvVerify>({{item(other, "000")}}, kSwitch).good.at(0));
    CHECK(wrong_values(box.vault().counters().value(id(other)), now_s + 1'000 * kForgetAfter_s) == 0);
}

TEST_CASE("wrong values: each counts for an hour, one after the other, and a clock that is set back locks no card for good") {
    constexpr std::uint64_t kNow_s = 1'800'000'000;
    std::uint32_t counter = 0;
    CHECK(wrong_values(counter, kNow_s) == 0);
    for (unsigned i = 1; i <= kWrongValuesMax; ++i) {
        counter = add_wrong_value(counter, kNow_s);
        CHECK(wrong_values(counter, kNow_s) == i);
    }
    CHECK(add_wrong_value(counter, kNow_s) == counter);
    CHECK(wrong_values(counter, kNow_s + kForgetAfter_s - 16) == 5);
    CHECK(wrong_values(counter, kNow_s + kForgetAfter_s) == 4);
    CHECK(wrong_values(counter, kNow_s + 5 * kForgetAfter_s) == 0);
    CHECK(wrong_values(counter, kNow_s + 1'000 * kForgetAfter_s) == 0);
    // A try in the second hour does not begin the first one's anew.
    const std::uint32_t later = add_wrong_value(counter, kNow_s + kForgetAfter_s + 1'600);
    CHECK(wrong_values(later, kNow_s + kForgetAfter_s + 1'600) == 5);
    CHECK(wrong_values(later, kNow_s + 2 * kForgetAfter_s) == 4);
    // Made while the clock was wrong.
    std::uint32_t ahead = 0;
    for (unsigned i = 0; i < 5; ++i) ahead = add_wrong_value(ahead, kNow_s + 1'000'000'000);
    CHECK(wrong_values(ahead, kNow_s) == 5);
    ahead = no_later_than(ahead, kNow_s);
    CHECK(wrong_values(ahead, kNow_s + kForgetAfter_s) == 4);
    CHECK(no_later_than(counter, kNow_s + 1) == counter);
}

}  // namespace giro::test
