// The heap of the programs that see card numbers in the clear, giro-gate and giro-switch: what is given back is
// overwritten first, whoever allocated it (our containers, OpenSSL's records, SQLite's pages). Linked into those two
// programs alone, and not under sanitizers, which have a heap of their own.
//
// free() and realloc() stand here in place of the C library's, as it permits; memory comes from its malloc() as ever.
// operator delete ends in free(). Blocks that the library's own functions give back inside themselves are not caught:
// none of those (reallocarray, glob, ...) is asked to hold card data.
#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

extern "C" {

void __libc_free(void*) noexcept;  // what free() is in glibc when nobody takes its place

void free(void* block) noexcept {
    if (block == nullptr) return;
    std::memset(block, 0, malloc_usable_size(block));
    asm volatile("" : : "r"(block) : "memory");  // the compiler may not leave it out
    __libc_free(block);
}

// Moves unless it fits where it is and would not waste half of it: the library's would leave the old copy as it was.
void* realloc(void* block, std::size_t bytes) noexcept {
    if (block == nullptr) return std::malloc(bytes);
    if (bytes == 0) {
        free(block);
        return nullptr;
    }
    const std::size_t has = malloc_usable_size(block);
    if (bytes <= has && bytes >= has / 2) return block;
    void* moved = std::malloc(bytes);
    if (moved == nullptr) return nullptr;
    std::memcpy(moved, block, bytes < has ? bytes : has);
    free(block);
    return moved;
}

}  // extern "C"
