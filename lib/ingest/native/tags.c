#include "tags.h"

enum { kept_bytes = 1 << 20 };
enum { slot_mask = tag_slots - 1 };

void tags_clear(tag_set *set) {
  writer_clear(&set->text, kept_bytes);
  set->count = 0;
  set->overflow = false;
  set->serial++;
}

static bool is_named(const tag *tag, span name, uint64_t hash) {
  return tag->hash == hash && length_of(tag->name) == length_of(name) &&
         memcmp(tag->name.at, name.at, length_of(name)) == 0;
}

/* The slot of the tag of that name, or the one where it belongs. */
static uint64_t slot_for(const tag_set *set, span name, uint64_t hash) {
  uint64_t n = hash & slot_mask;
  while (set->slots[n].serial == set->serial && !is_named(&set->tags[set->slots[n].index], name, hash))
    n = (n + 1) & slot_mask;
  return n;
}

tag_beginning tag_begins(tag_set *set, span name, uint64_t hash) {
  const uint64_t n = slot_for(set, name, hash);
  if (set->slots[n].serial == set->serial) return TAG_LEFT_OUT;
  if (set->count == max_tags) {
    set->overflow = true;
    return is_utf8(name.at, length_of(name)) ? TAG_LEFT_OUT : TAG_NOT_UTF8;
  }
  set->slots[n].serial = set->serial;
  set->slots[n].index = set->count;
  tag *made = &set->tags[set->count];
  made->name = name;
  made->hash = hash;
  made->start = set->text.length;
  memset(made->hidden_by, 0, sizeof made->hidden_by);
  put_literal(&set->text, ",\"");
  const bool good = put_text(&set->text, name.at, length_of(name));
  put_literal(&set->text, "\":");
  return good ? TAG_BEGUN : TAG_NOT_UTF8;
}

void tag_ends(tag_set *set) { set->tags[set->count++].end = set->text.length; }

void hide_tag(tag_set *set, span name, uint64_t hash, int layer, uint64_t serial) {
  if (set->count == 0) return;
  const uint64_t n = slot_for(set, name, hash);
  if (set->slots[n].serial != set->serial) return;
  set->tags[set->slots[n].index].hidden_by[layer] = serial;
  set->hidden_by[layer] = serial;
}

void put_tags(writer *writer, const tag_set *set, const uint64_t serials[max_layers]) {
  if (!is_hidden(set->hidden_by, serials)) {
    put_all(writer, &set->text);
    return;
  }
  for (uint32_t i = 0; i < set->count; i++) {
    const tag *tag = &set->tags[i];
    if (!is_hidden(tag->hidden_by, serials)) put_bytes(writer, set->text.bytes + tag->start, tag->end - tag->start);
  }
}
