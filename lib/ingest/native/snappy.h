/* Inflates snappy's block format, as remote write has it (google/snappy, format_description.txt). */
#ifndef VANTAGE_SNAPPY_H
#define VANTAGE_SNAPPY_H

#include "protobuf.h"
#include "writer.h"

/*
 * Puts what is compressed into the writer, which it empties before. A length beyond `longest`, or one that so few bytes cannot come to,
 * is a fault before there is memory for it. false for a fault.
 */
bool snappy_inflate(span compressed, size_t longest, writer *writer, fault *fault);

#endif
