// What the bus asks of the operating system: Unix-domain stream sockets that never block. The simulator gives these few
// functions itself (tests/sim/os/bus.cpp), so that all that stands on them runs in it unchanged.
#pragma once

#include <cstdint>
#include <filesystem>

#include "giro/types.hpp"

namespace giro::bus::unix_socket {

// Each gives a descriptor, or -1 and errno. A socket that is at `path` already is replaced: a program that died left
// it. The new one is its user's alone (0600), and a connection with another user's program, root's aside, is closed at
// once.
[[nodiscard]] int listen_at(const std::filesystem::path& path) noexcept;
[[nodiscard]] int connect_to(const std::filesystem::path& path) noexcept;
[[nodiscard]] int accept_one(int listener) noexcept;

// What came of a read or write: how many bytes, or why none.
struct Moved {
    enum class Status : std::uint8_t { ok, blocked, ended } status = Status::ok;
    std::size_t bytes = 0;
};
[[nodiscard]] Moved read(int fd, MutableBytes into) noexcept;
// `head` and `body` one behind the other.
[[nodiscard]] Moved write(int fd, Bytes head, Bytes body) noexcept;

enum class Until : std::uint8_t { readable, writable };
// Waits for the descriptor (-1: for none) or until the time has passed.
void wait(int fd, Until what, std::uint64_t timeout_ms) noexcept;

void close(int fd) noexcept;
// Of a listener: its name goes, too.
void close_listener(int fd, const std::filesystem::path& path) noexcept;

}  // namespace giro::bus::unix_socket
