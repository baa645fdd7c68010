/* Includes TYPED_FILE once for each element type, with REAL as the type, NAME(x) as x_s or x_d and
 * FUNCTION(x) as the x of <math.h> for it. No include guard: a file of operations includes it once
 * for its own TYPED_FILE. */
#define REAL        float
#define NAME(x)     x##_s
#define FUNCTION(x) x##f /* expf */
#include TYPED_FILE
#undef REAL
#undef NAME
#undef FUNCTION
#define REAL        double
#define NAME(x)     x##_d
#define FUNCTION(x) x
#include TYPED_FILE
#undef REAL
#undef NAME
#undef FUNCTION
