/* Conversions of 16-bit numbers and of tf32: all patterns, and rounding against arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "kernels/half.h"
#include "kernels/scalar.h"

struct format {
    const char *name;
    int fraction; /* bits */
    int least;    /* exponent of the smallest normal number */
    double largest;
    double (*nearest)(double);
};

static double nearest_half(double value) { return (double)half_to_single(half_from(value)); }
static double nearest_bf16(double value) { return (double)bf16_to_single(bf16_from(value)); }
static double nearest_tf32(double value) { return (double)tf32_from(value); }

static const struct format formats[] = {
    {"h", 10, -14, 65504, nearest_half},
    {"bf16", 7, -126, 0x1.fep127, nearest_bf16},
    {"tf32", 10, -126, 0x1.ffcp127, nearest_tf32},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* What a number rounds to by the definition: the nearest multiple of its spacing, ties to even. */
static double by_definition(const struct format *f, double value) {
    int exponent;
    if (value == 0 || isnan(value) || isinf(value)) return value;
    frexp(value, &exponent); /* in [0.5, 1) */
    exponent = exponent - 1 > f->least ? exponent - 1 : f->least;
    double spacing = ldexp(1, exponent - f->fraction);
    double rounded = nearbyint(value / spacing) * spacing;
    return fabs(rounded) > f->largest ? copysign(INFINITY, value) : rounded;
}

/* Every pattern is a number that its definition gives, and comes back as itself. */
static void all_patterns_of_half(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
        double value = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        if (exponent == 31) value = fraction ? NAN : INFINITY;
        if (bits >> 15) value = -value;
        float single = half_to_single((uint16_t)bits);
        if (isnan(value)) {
            assert_true(isnan(single));
            uint16_t back = half_from((double)single);
            assert_true((back & 0x7c00) == 0x7c00 && (back & 0x3ff));
            continue;
        }
        assert_true((double)single == value && !signbit(single) == !signbit(value));
        assert_int_equal(half_from(value), bits);
    }
}

static void all_patterns_of_bf16(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float single = bf16_to_single((uint16_t)bits);
        assert_int_equal(single_bits(single), bits << 16);
        if (isnan(single))
            assert_true(isnan(bf16_to_single(bf16_from((double)single))));
        else
            assert_int_equal(bf16_from((double)single), bits);
    }
}

/* Between two neighbours: the quarters, the half, and the half but for the last bit of a double,
 * which rounding to single first would lose. */
static void numbers_between_round_to_the_nearest(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 0x7c00; bits++) {
        double low = (double)half_to_single((uint16_t)bits);
        double high = bits == 0x7bff ? 65536 : (double)half_to_single((uint16_t)(bits + 1));
        double middle = low + (high - low) / 2;
        uint16_t even = (uint16_t)(bits % 2 ? bits + 1 : bits);
        assert_int_equal(half_from(low + (high - low) / 4), bits);
        assert_int_equal(half_from(high - (high - low) / 4), bits + 1);
        assert_int_equal(half_from(middle), even);
        assert_int_equal(half_from(nextafter(middle, 0)), bits);
        assert_int_equal(half_from(nextafter(middle, INFINITY)), bits + 1);
        assert_int_equal(half_from(-middle), even | 0x8000);
        if (bits == 0) continue;     /* between two subnormal singles nothing fits */
        uint16_t b = (uint16_t)bits; /* the same as bf16 */
        low = (double)bf16_to_single(b), high = (double)bf16_to_single((uint16_t)(b + 1));
        middle = low + (high - low) / 2;
        assert_int_equal(bf16_from(middle), b % 2 ? b + 1 : b);
        assert_int_equal(bf16_from(nextafter(middle, 0)), b);
        assert_int_equal(bf16_from(nextafter(middle, INFINITY)), b + 1);
    }
}

static void random_numbers_round_by_definition(void **state) {
    (void)state;
    uint64_t z = 1;
    for (long i = 0; i < 2000000; i++) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        int exponent = (int)(z >> 59) - 28;             /* 2^-28 to 2^3 */
        if (i % 7 == 0) exponent = 12 + (int)(z >> 61); /* to where h ends */
        double value = ldexp((double)(z >> 6 & ((1L << 52) - 1)) + 0x1p52, exponent - 52);
        if (z & 1) value = -value;
        for (size_t f = 0; f < FORMATS; f++) {
            double got = formats[f].nearest(value), want = by_definition(&formats[f], value);
            if (got != want)
                fail_msg("%s: %a rounds to %a, not %a", formats[f].name, value, got, want);
        }
    }
}

static void ends_are_right(void **state) {
    (void)state;
    assert_int_equal(half_from(65519.99), 0x7bff);
    assert_int_equal(half_from(65520), 0x7c00);
    assert_int_equal(half_from(1e300), 0x7c00);
    assert_int_equal(half_from(-INFINITY), 0xfc00);
    assert_int_equal(half_from(0x1p-25), 0); /* half of the smallest, to even */
    assert_int_equal(half_from(0x1.00001p-25), 1);
    assert_int_equal(half_from(1e-300), 0);
    assert_int_equal(half_from(-0.0), 0x8000);
    assert_int_equal(bf16_from(1e300), 0x7f80);
    assert_int_equal(bf16_from(1), 0x3f80);
    assert_true(tf32_from(1 + 0x1p-11) == 1.0f && tf32_from(1 + 0x1.8p-10) == 1 + 0x1p-9f);
    for (size_t f = 0; f < FORMATS; f++) {
        assert_true(formats[f].nearest(formats[f].largest) == formats[f].largest);
        assert_true(isnan(formats[f].nearest(NAN)));
        assert_true(isinf(formats[f].nearest(1e300)));
    }
}

static void epsilons_are_the_spacing_behind_one(void **state) {
    (void)state;
    static const enum scalar types[FORMATS] = {SCALAR_H, SCALAR_BF16, SCALAR_TF32};
    for (size_t f = 0; f < FORMATS; f++) {
        double epsilon = scalar_epsilon(types[f]);
        assert_true(formats[f].nearest(1 + epsilon) == 1 + epsilon);
        assert_true(formats[f].nearest(1 + epsilon / 2) == 1);
        assert_string_equal(scalar_letter(types[f]), formats[f].name);
    }
    assert_true(scalar_epsilon(SCALAR_S) == 0x1p-23 && scalar_epsilon(SCALAR_D) == 0x1p-52);
    assert_true(scalar_smallest(SCALAR_H) == 0x1p-14 && scalar_largest(SCALAR_H) == 65504);
    assert_int_equal(scalar_bytes(SCALAR_H), 2);
    assert_int_equal(scalar_bytes(SCALAR_BF16), 2);
    assert_int_equal(scalar_bytes(SCALAR_TF32), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_patterns_of_half),
        cmocka_unit_test(all_patterns_of_bf16),
        cmocka_unit_test(numbers_between_round_to_the_nearest),
        cmocka_unit_test(random_numbers_round_by_definition),
        cmocka_unit_test(ends_are_right),
        cmocka_unit_test(epsilons_are_the_spacing_behind_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
