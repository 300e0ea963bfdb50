// What C has no function for: the fewest digits that read as the same double, and reading one whatever the locale.

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <string>

extern "C" std::size_t write_scientific(double value, char *text) {
  // As writer.h has it; the longest is -2.2250738585072014e-308.
  constexpr std::size_t room = 32;
  return static_cast<std::size_t>(std::to_chars(text, text + room, value, std::chars_format::scientific).ptr - text);
}

extern "C" bool read_double(const char *text, std::size_t length, double *value) {
  const auto read = std::from_chars(text, text + length, *value);
  if (read.ptr != text + length || read.ec == std::errc::invalid_argument) return false;
  // It says no more of what is too small than of what is too large.
  if (read.ec == std::errc::result_out_of_range) *value = std::strtod(std::string(text, length).c_str(), nullptr);
  return std::isfinite(*value);
}
