/*
 * The tags of metrics: sets of names with their text, of which one may hide what another has. The text of a whole set is kept, so that
 * the tags that many metrics share are written once and copied then.
 */
#ifndef VANTAGE_TAGS_H
#define VANTAGE_TAGS_H

#include "hash.h"
#include "protobuf.h"
#include "writer.h"

/* Of a set, and of all the sets of a metric together. */
enum { max_tags = 1000 };
/* A power of 2, of which half stay free. */
enum { tag_slots = 2048 };
/* Of those that are around a set of tags: the scope's hide the resource's, the point's both. */
enum { max_layers = 2 };
/* The serial of no set. */
#define NO_SET UINT64_MAX

typedef struct {
  span name;
  uint64_t hash;
  /* Its text, with the comma before it, in the set's. */
  size_t start, end;
  /* By whom it is hidden: the serial of the set, of each layer. */
  uint64_t hidden_by[max_layers];
} tag;

typedef struct {
  tag tags[max_tags];
  uint32_t count;
  /* More than there is room for. */
  bool overflow;
  struct {
    uint64_t serial;
    uint32_t index;
  } slots[tag_slots];
  /* Changes each time that the set is emptied, so that the slots need not be. */
  uint64_t serial;
  /* The last set of each layer that hides a tag of this one. */
  uint64_t hidden_by[max_layers];
  writer text;
} tag_set;

void tags_clear(tag_set *set);

typedef enum { TAG_BEGUN, TAG_LEFT_OUT, TAG_NOT_UTF8 } tag_beginning;

/*
 * Begins a tag: its name is written, its value is for the caller to write, in quotes, and then tag_ends. It is left out if there is one
 * of that name already, or no room.
 */
tag_beginning tag_begins(tag_set *set, span name, uint64_t hash);

void tag_ends(tag_set *set);

/* Hides the tag of that name, if there is one, as long as the hiding set of that layer has this serial. */
void hide_tag(tag_set *set, span name, uint64_t hash, int layer, uint64_t serial);

/* Whether what was hidden by sets of these serials still is. */
static inline bool is_hidden(const uint64_t hidden_by[max_layers], const uint64_t serials[max_layers]) {
  return hidden_by[0] == serials[0] || hidden_by[1] == serials[1];
}

/* Writes the tags that are not hidden, each with a comma before it. `serials` are those of the hiding sets, of each layer. */
void put_tags(writer *writer, const tag_set *set, const uint64_t serials[max_layers]);

#endif
