/* Spans: nothing is told while no reader is set; a reader hears begin and end in pairs, nested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "kernels/trace.h"

enum { MOST = 64 };

struct heard {
    size_t begins, ends, depth, deepest;
    const struct span *open[MOST];
    char story[400]; /* "(gemm " for begin, ")" for end */
};

static void hear_begin(void *context, const struct span *span) {
    struct heard *h = context;
    assert_true(h->depth < MOST);
    h->open[h->depth++] = span;
    if (h->depth > h->deepest) h->deepest = h->depth;
    h->begins++;
    strcat(h->story, "(");
    strcat(h->story, span->operation);
}

static void hear_end(void *context, const struct span *span) {
    struct heard *h = context;
    assert_true(h->depth > 0);
    assert_ptr_equal(h->open[--h->depth], span); /* the one that was opened last */
    h->ends++;
    strcat(h->story, ")");
}

static const struct span step = {.operation = "step", .m = -1, .n = -1, .k = -1};
static const struct span dense = {
    .operation = "dense", .pass = "forward", .layer = "fc1", .m = -1, .n = -1, .k = -1};
static const struct span gemm = {.operation = "gemm", .m = 128, .n = 1024, .k = 784, .thread = 1};

static void make_spans(void) {
    span_begin(&step);
    span_begin(&dense);
    span_begin(&gemm);
    span_end(&gemm);
    span_end(&dense);
    span_begin(&gemm);
    span_end(&gemm);
    span_end(&step);
}

static void without_a_reader_nothing_is_told(void **state) {
    (void)state;
    struct heard heard = {0};
    const struct trace_reader reader = {hear_begin, hear_end, &heard};
    assert_null(trace_current); /* off from the start */
    make_spans();
    assert_null(trace_set(&reader));
    assert_ptr_equal(trace_set(NULL), &reader);
    make_spans();
    assert_int_equal(heard.begins + heard.ends, 0);
}

static void a_reader_hears_pairs_in_order(void **state) {
    (void)state;
    struct heard heard = {0};
    const struct trace_reader reader = {hear_begin, hear_end, &heard};
    trace_set(&reader);
    make_spans();
    trace_set(NULL);
    make_spans();
    assert_int_equal(heard.begins, 4);
    assert_int_equal(heard.ends, 4);
    assert_int_equal(heard.depth, 0);
    assert_int_equal(heard.deepest, 3);
    assert_string_equal(heard.story, "(step(dense(gemm))(gemm))");
}

static void readers_replace_each_other(void **state) {
    (void)state;
    struct heard one = {0}, two = {0};
    const struct trace_reader first = {hear_begin, hear_end, &one};
    const struct trace_reader second = {hear_begin, hear_end, &two};
    assert_null(trace_set(&first));
    assert_ptr_equal(trace_set(&second), &first);
    make_spans();
    assert_ptr_equal(trace_set(&first), &second); /* put back, as by a reader inside another */
    span_begin(&gemm);
    span_end(&gemm);
    assert_ptr_equal(trace_set(NULL), &first);
    assert_string_equal(two.story, "(step(dense(gemm))(gemm))");
    assert_string_equal(one.story, "(gemm)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_reader_nothing_is_told),
        cmocka_unit_test(a_reader_hears_pairs_in_order),
        cmocka_unit_test(readers_replace_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
