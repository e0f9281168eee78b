// Messages made by another implementation.
#include <doctest/doctest.h>
TEST_CASE("placeholder") {}
