/* Cost models of communication: seconds of n bytes on p ranks as
 *     rounds(p) alpha + moved(p) n beta + added(p) n gamma
 * with alpha the seconds that a message takes to start, beta those of a byte on the link, gamma
 * those of adding a byte. Thakur, Rabenseifner and Gropp, "Optimization of Collective Communication
 * Operations in MPICH", IJHPCA 19(1), 2005. The parameters are fitted to measured times. */
#ifndef FLOPSTEP_MPI_COST_MODEL_H
#define FLOPSTEP_MPI_COST_MODEL_H

#include <stdbool.h>
#include <stddef.h>

struct cost_model {
    const char *name;
    const char *formula; /* for people */
    double (*rounds)(int ranks);
    double (*moved)(int ranks); /* bytes that pass a rank's link, over n */
    double (*added)(int ranks); /* bytes that a rank adds, over n */
};

/* Ends with a NULL name. */
extern const struct cost_model cost_models[];
const struct cost_model *cost_model_find(const char *name);

/* One measured time. */
struct cost_point {
    double bytes, seconds;
    int ranks;
    bool held_out; /* not fitted: the prediction is tried on it */
    bool middle;   /* not fitted either */
};

struct cost_fit {
    double alpha, alpha_low, alpha_high; /* s */
    double beta, beta_low, beta_high;    /* s per byte */
    double gamma;                        /* s per byte, as given */
    size_t fitted;                       /* points */
    double fit_error;                    /* largest relative error of these */
    double middle_error;                 /* of those in the middle; NaN: there are none */
    double prediction_error;             /* of those held out; NaN: there are none */
};

/* Between them messages are neither short nor long: libraries change from eager to rendezvous
 * protocols there, and links let bursts pass, so neither alpha nor beta shows. */
#define COST_SMALL 1024
#define COST_LARGE (512 * 1024)

/* Marks what is in the middle, where two sizes or more are left on either side; and the two largest
 * sizes as held out (one of four, none of fewer), and all points of the largest number of ranks
 * where there are three or more numbers. */
void cost_hold_out(struct cost_point *points, size_t count);

/* Weighted least squares of the relative errors over the points that are not held out, alpha and
 * beta not negative. Robust (Cauchy weights of the errors' logarithms, repeated until they settle):
 * a few sizes that follow another law, where a library changes its protocol or a link lets a burst
 * pass, bend it little. The intervals hold at 95 % where the relative errors are independent and
 * normal (from the covariance, with Student's t); NaN where no more points count than there are
 * parameters. False where the points cannot tell alpha from beta: a single size. */
bool cost_fit(const struct cost_model *model, double gamma, const struct cost_point *points,
              size_t count, struct cost_fit *fit);

/* Seconds by the fitted parameters, and by the ends of their intervals. */
double cost_seconds(const struct cost_model *model, const struct cost_fit *fit, double bytes,
                    int ranks);
double cost_seconds_low(const struct cost_model *model, const struct cost_fit *fit, double bytes,
                        int ranks);
double cost_seconds_high(const struct cost_model *model, const struct cost_fit *fit, double bytes,
                         int ranks);

#endif
