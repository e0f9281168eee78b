#include "tests/sim/token/control.hpp"

#include <dlfcn.h>

#include <stdexcept>

namespace giro::test {

const char* test_token_module() noexcept {
    return GIRO_TEST_TOKEN;
}

const GiroTestToken& test_token() {
    static const GiroTestToken* const control = [] {
        void* library = ::dlopen(test_token_module(), RTLD_NOW | RTLD_LOCAL);
        void* symbol = library == nullptr ? nullptr : ::dlsym(library, "giro_test_token");
        if (symbol == nullptr) throw std::runtime_error(::dlerror());
        return static_cast<const GiroTestToken*>(symbol);
    }();
    return *control;
}

}  // namespace giro::test
