// SPDX-License-Identifier: Apache-2.0
// The operand tables themselves: what everything that reads them takes for granted.
#include <stdio.h>
#include <string.h>

#include "call/abi_fixture.h"
#include "call/draw.h"
#include "support/check.h"

static fixture f;
static const rapt_operation *operation;

// Fields do not meet; bytes that no table names are for options, whose width no table knows.
static unsigned char owner[RAPT_PROBLEM_ROOM];

static void claim(const char *name, int32_t offset, size_t size, size_t alignment) {
  CHECK(offset >= (int32_t)sizeof(rapt_head) && (size_t)offset + size <= operation->struct_size,
        "%s at %d does not lie behind the head and in %s of %zu bytes", name, offset, operation->struct_name,
        operation->struct_size);
  CHECK((size_t)offset % alignment == 0, "%s at %d is not aligned", name, offset);
  CHECK(rapt_field_offset(operation->struct_name, name) == offset, "%s.%s is at %lld, says the layout report; %d here",
        operation->struct_name, name, (long long)rapt_field_offset(operation->struct_name, name), offset);
  for (size_t i = 0; i < size && (size_t)offset + i < sizeof owner; i++) {
    CHECK(!owner[(size_t)offset + i], "%s at %d meets another field", name, offset);
    owner[(size_t)offset + i] = 1;
  }
}

static void check_dimensions(void) {
  uint32_t letters = 0;
  for (const rapt_dimension *d = operation->dimensions; d->name != NULL; d++) {
    CHECK(d->letter >= 'A' && d->letter <= 'Z', "%s has letter 0x%x", d->name, (unsigned)d->letter);
    CHECK(!(letters & (1u << (d->letter - 'A'))), "%c is two sizes, %s the second", d->letter, d->name);
    CHECK(d->least >= 0 && d->least <= d->most && d->most <= RAPT_MAX_SIZE, "%s is %lld to %lld", d->name,
          (long long)d->least, (long long)d->most);
    letters |= 1u << (d->letter - 'A');
    claim(d->name, d->offset, sizeof(int64_t), sizeof(int64_t));
  }
}

// Entries of one tensor are of one case each: the same name and access, and never two at a time.
static int check_twins(const rapt_operand *o) {
  int first = 1;
  for (const rapt_operand *other = operation->operands; other < o; other++) {
    if (other->offset == o->offset) {
      first = 0;
      CHECK(o->when && other->when && !(o->when & other->when), "%s has two entries in one case", o->name);
      CHECK(!strcmp(o->name, other->name) && o->access == other->access && o->in_place == other->in_place,
            "%s and %s have one place", o->name, other->name);
    } else {
      CHECK(strcmp(o->name, other->name) != 0, "%s has two places", o->name);
    }
  }
  return first;
}

static const rapt_operand *operand_at(int32_t offset) {
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    if (o->offset == offset) return o;
  }
  return NULL;
}

static void check_operand(const rapt_operand *o) {
  size_t rank = strlen(o->shape);
  CHECK(o->access == RAPT_READ || o->access == RAPT_WRITE || o->access == (RAPT_READ | RAPT_WRITE), "%s: access %d",
        o->name, o->access);
  CHECK(o->dtypes != 0 && (o->dtypes & 1) == 0 && o->dtypes < 1u << RAPT_DTYPES, "%s: dtypes 0x%x", o->name,
        (unsigned)o->dtypes);
  CHECK(rank >= 1 && rank <= RAPT_MAX_RANK, "%s has %zu dimensions", o->name, rank);
  for (const char *letter = o->shape; *letter; letter++) {
    CHECK(*letter >= 'A' && *letter <= 'Z', "%s has shape %s", o->name, o->shape);
  }
  if (o->in_place) {
    const rapt_operand *in = operand_at(o->in_place);
    CHECK((o->access & RAPT_WRITE) && in != NULL && in->access == RAPT_READ && !strcmp(in->shape, o->shape),
          "%s may be in place of what is not its like", o->name);
  }
}

// As many pointers as a call of a managed caller has slots for: CallFrame.SLOTS in Java.
enum { HELD = 24 };

static void check_fields(void) {
  int pointers = 1, written = 0;
  char name[64];
  snprintf(name, sizeof name, "rapt_%s", operation->word);
  CHECK(!strcmp(name, operation->struct_name), "%s's struct is %s", operation->word, operation->struct_name);
  CHECK(operation->struct_size <= RAPT_PROBLEM_ROOM, "%s has %zu bytes", name, operation->struct_size);
  CHECK(rapt_struct_size(name) == (int64_t)operation->struct_size, "%s: the layout report says %lld", name,
        (long long)rapt_struct_size(name));
  memset(owner, 0, sizeof owner);
  check_dimensions();
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    check_operand(o);
    written |= o->access & RAPT_WRITE;
    if (check_twins(o)) {
      claim(o->name, o->offset, sizeof(rapt_tensor), _Alignof(rapt_tensor));
      pointers++;
    }
  }
  for (const rapt_weights_operand *w = operation->weights; w != NULL && w->name != NULL; w++) {
    claim(w->name, w->offset, sizeof(void *), _Alignof(void *));
    pointers++;
  }
  for (const rapt_field *field = operation->fields; field->name != NULL; field++) {
    CHECK(field->offset % 4 == 0 && (size_t)field->offset < operation->struct_size && !owner[field->offset],
          "%s at %d is no place for a field", field->name, field->offset);
  }
  CHECK(written, "%s writes nothing", operation->word);
  CHECK(pointers <= HELD, "%s has %d pointers to hold; there are %d", operation->word, pointers, HELD);
}

// Over many drawn calls: every entry counts in some, and the rules know every size that it speaks of.
static void check_rules(void) {
  const rapt_linear_weights *const weights[] = {f.square, f.narrow, f.odd};
  static unsigned char memory[1 << 12];
  const draw_source from = {.weights = weights, .weights_count = 3, .memory = memory, .bytes = sizeof memory};
  _Alignas(64) unsigned char call[RAPT_PROBLEM_ROOM];
  int64_t counted[64] = {0}, good = 0;
  random_state r = {5};
  for (int round = 0; round < 3000; round++) {
    rapt_sizes sizes;
    uint32_t cases;
    draw_call(&r, operation, &from, call);
    if (!draw_sizes(operation, call, &sizes, &cases)) continue;
    good++;
    for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
      if (o->when && !(o->when & cases)) continue;
      counted[o - operation->operands]++;
      for (const char *letter = o->shape; *letter; letter++) {
        int64_t size = *rapt_size(&sizes, *letter);
        CHECK(size >= 0, "%s: %c of %s is %lld%s", operation->word, *letter, o->name, (long long)size,
              size == DRAW_UNSET ? ", for neither the struct nor the rules say what it is" : "");
      }
    }
  }
  CHECK(good > 500, "%s: %lld of 3000 drawn calls keep the rules", operation->word, (long long)good);
  for (const rapt_operand *o = operation->operands; o->name != NULL; o++) {
    CHECK(counted[o - operation->operands] > 0, "%s: the entry of %s with shape %s never counts", operation->word,
          o->name, o->shape);
  }
}

int main(void) {
  check_start();
  fixture_open(&f);
  for (int32_t number = 0; number < RAPT_OPERATIONS; number++) {
    operation = rapt_operation_of(number);
    check_set_case("tables_test: operation %d", number);
    CHECK(operation != NULL, "operation %d has no table", number);
    if (operation != NULL) {
      check_fields();
      check_rules();
    }
  }
  fixture_close(&f);
  return check_finish("tables_test");
}
