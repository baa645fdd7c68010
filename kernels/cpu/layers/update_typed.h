#include "kernels/cpu/layers/clones.h"

/* A rule is given the slots that it uses. NOLINTBEGIN(clang-analyzer-core.NullDereference) */
/* restrict: the arrays are different ones, so the loops run in vectors. */
CLONES static void NAME(update_part)(enum update_rule rule, const struct update_numbers *numbers,
                                     long n, REAL *restrict w, const REAL *restrict gradient,
                                     REAL *restrict slot0, REAL *restrict slot1) {
    const REAL lr = (REAL)numbers->lr, mu = (REAL)numbers->mu, rho = (REAL)numbers->rho;
    const REAL b1 = (REAL)numbers->b1, b2 = (REAL)numbers->b2, eps = (REAL)numbers->eps;
    const REAL from_m = (REAL)numbers->from_m, from_g = (REAL)numbers->from_g;
    const REAL scale_s = (REAL)numbers->scale_s, decay = (REAL)numbers->decay;
    const REAL rest = (REAL)(1 - numbers->rho), rest1 = (REAL)(1 - numbers->b1);
    const REAL rest2 = (REAL)(1 - numbers->b2);
    switch (rule) {
    case UPDATE_GRADIENT_DESCENT:
        for (long i = 0; i < n; i++) w[i] -= lr * (gradient[i] + decay * w[i]);
        break;
    case UPDATE_MOMENTUM:
        for (long i = 0; i < n; i++) {
            slot0[i] = mu * slot0[i] + (gradient[i] + decay * w[i]);
            w[i] -= lr * slot0[i];
        }
        break;
    case UPDATE_NESTEROV:
        for (long i = 0; i < n; i++) {
            REAL g = gradient[i] + decay * w[i];
            slot0[i] = mu * slot0[i] + g;
            w[i] -= lr * (g + mu * slot0[i]);
        }
        break;
    case UPDATE_RMSPROP:
        for (long i = 0; i < n; i++) {
            REAL g = gradient[i] + decay * w[i];
            slot0[i] = rho * slot0[i] + rest * g * g;
            w[i] -= lr * g / (FUNCTION(sqrt)(slot0[i]) + eps);
        }
        break;
    case UPDATE_ADADELTA:
        for (long i = 0; i < n; i++) {
            REAL g = gradient[i] + decay * w[i];
            slot0[i] = rho * slot0[i] + rest * g * g;
            REAL d = FUNCTION(sqrt)((slot1[i] + eps) / (slot0[i] + eps)) * g; /* one root */
            slot1[i] = rho * slot1[i] + rest * d * d;
            w[i] -= lr * d;
        }
        break;
    case UPDATE_ADAM:
        for (long i = 0; i < n; i++) {
            REAL g = gradient[i] + decay * w[i];
            slot0[i] = b1 * slot0[i] + rest1 * g;
            slot1[i] = b2 * slot1[i] + rest2 * g * g;
            w[i] -= (from_m * slot0[i] + from_g * g) / (FUNCTION(sqrt)(slot1[i] * scale_s) + eps);
        }
        break;
    case UPDATE_COUNT: break;
    }
}
/* NOLINTEND(clang-analyzer-core.NullDereference) */
