// giro-settle: nets closed windows, proposes their tier-1 transactions, has them signed once officers have approved,
// and follows them into a block. Reads the journal (read-only), asks switch, vault and chain; holds no key and no file.
// Hostile: what it reads and is answered. Its takeover can propose a wrong transaction, which officers and vault check.
#include "settler.hpp"

int main(int argc, char** argv) {
    using namespace giro;
    return appliance::run("giro-settle", "settles closed windows on the tier-1 chain", argc, argv,
                          [](appliance::Program& program) -> Result<std::shared_ptr<void>> {
                              auto settler = settle::Settler::start(program);
                              if (!settler) return tl::unexpected(std::move(settler.error()));
                              return std::shared_ptr<void>(std::move(*settler));
                          });
}
