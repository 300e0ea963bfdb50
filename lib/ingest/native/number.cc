// What C has no function for: the fewest digits that read as the same double, and reading one whatever the locale.

#include <charconv>
#include <cstddef>

extern "C" std::size_t write_scientific(double value, char *text) {
  // As writer.h has it; the longest is -2.2250738585072014e-308.
  constexpr std::size_t room = 32;
  return static_cast<std::size_t>(std::to_chars(text, text + room, value, std::chars_format::scientific).ptr - text);
}

extern "C" bool read_double(const char *text, std::size_t length, double *value) {
  const auto read = std::from_chars(text, text + length, *value);
  return read.ec == std::errc() && read.ptr == text + length;
}
