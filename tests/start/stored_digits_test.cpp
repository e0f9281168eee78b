#include "appliance/giro-switch/stored_digits.hpp"

#include <doctest/doctest.h>

using namespace giro;

TEST_CASE("stored digits: first six and last four, but never all digits of a card number") {
    CHECK(appliance::stored_digits(*Pan::parse("5413330089604242")).view() == "5413334242");
    CHECK(appliance::stored_digits(*Pan::parse("54133304242")).view() == "5413334242");
    for (const char* digits : {"12345678", "123456789", "1234567890"})
        CHECK(appliance::stored_digits(*Pan::parse(digits)).view() == std::string_view(digits).substr(std::string_view(digits).size() - 4));
    CHECK(appliance::stored_digits(Pan()).empty());
}
