// The rows of the table as data: what is shown, what was asked for, against which yardstick, and how to take it again.
#pragma once

#include <span>
#include <vector>

namespace bench {

struct Wanted {
    const char* pointer;
    bool at_least;  // otherwise at most
    double value;
};

// The texts are for fill_in() (table.hpp). A row without figures is left out.
struct Row {
    const char* name;
    const char* measured;
    const char* parts;  // ./dev bench …
    const char* ratio = "";
    const char* asked = "";
    std::vector<Wanted> wanted = {};
};
struct Section {
    const char* title;
    std::vector<Row> rows;
};

[[nodiscard]] std::span<const Section> sections();

// Once for each size of journal; "@" is its place in the results, "%" that of the smallest.
[[nodiscard]] std::span<const Row> growth_rows();

}  // namespace bench
