#include "tests/bench/overload.hpp"

#include <algorithm>

#include "tests/bench/medians.hpp"
#include "tests/bench/say.hpp"

namespace bench {

namespace {
using nlohmann::json;

constexpr double kOver = 3;                    // times its peak
constexpr double kSteps[] = {1.0, 1.25, 1.5};  // of the closed loop's rate: somewhere there is the peak

constexpr const char *kPatient = "patient", *kHasty = "hasty";  // tills, to giro-bench-blast

int run_seconds() { return quick() ? 2 : 4; }

json blast(LoadBox& box, double rate, const char* conduct) {
    const json out = box.blast(rate, run_seconds(), conduct);
    const auto number = [&out](const char* key) { return out[key].get<double>(); };
    say(fmt::format("{:.0f}/s offered, {}: {:.0f}/s decided, p99 {:.0f} ms; {:.0f} refused, p99 {:.1f} ms; {:.0f} repeated, {:.0f} taken back; reversals p99 {:.0f} ms; "
                    "all is over after {:.1f} s, but {:.0f}",
                    rate, conduct, number("per_second"), number("p99_ms"), number("refused"), number("refused_p99_ms"), number("repeated"), number("taken_back"),
                    number("reversed_p99_ms"), number("tail_s"), number("unanswered")));
    need(out["reversals_refused"] == 0, fmt::format("{} reversals were refused", number("reversals_refused")));
    box.rest();
    return out;
}
}  // namespace

json measure_overload(LoadBox& box) {
    const std::vector<std::string> closed{"--terminals", "64", "--seconds", std::to_string(run_seconds())};
    std::vector<json> all;
    for (int run = 0; run < runs(); ++run) {
        box.rest();
        const double rate = box.run(closed)["per_second"].get<double>();
        double peak = 0;
        for (const double step : kSteps) peak = std::max(peak, blast(box, step * rate, kPatient)["per_second"].get<double>());
        json over = blast(box, kOver * peak, kPatient);
        over["hasty"] = blast(box, kOver * peak, kHasty);
        for (json* one : {&over, &over["hasty"]}) (*one)["of_peak"] = (*one)["per_second"].get<double>() / peak;
        over["peak_per_s"] = peak;
        all.push_back(std::move(over));
    }
    return medians(all);
}

json measure_forwarded(LoadBox& box) {
    box.serve_issuer_host();
    json out;
    for (const int terminals : {64, 1'000}) {
        const std::vector<std::string> on_us{"--terminals", std::to_string(terminals), "--seconds", std::to_string(run_seconds())};
        std::vector<std::string> forwarded = on_us;
        forwarded.insert(forwarded.end(), {"--mix", "link=100"});
        std::vector<json> all;
        for (int run = 0; run < runs(); ++run) {
            const json own = box.run(on_us);
            json other = box.run(forwarded);
            other["on_us_per_s"] = own["per_second"];
            other["of_on_us"] = other["per_second"].get<double>() / own["per_second"].get<double>();
            say(fmt::format("{} terminals: forwarded {:.0f}/s, on us {:.0f}/s", terminals, other["per_second"].get<double>(),
                            own["per_second"].get<double>()));
            all.push_back(std::move(other));
        }
        out[std::to_string(terminals)] = medians(all);
    }
    box.stop_issuer_host();
    return out;
}

}  // namespace bench
