/* What losses have come to: kept by the CPU beside its queue, by a GPU in its own memory. */
#ifndef FLOPSTEP_KERNELS_TALLY_H
#define FLOPSTEP_KERNELS_TALLY_H

/* Since tally_clear. */
struct tally {
    double loss;  /* the latest */
    long correct; /* of the latest: images whose largest output is the labelled one (with one
                     output: on the right side of a half); -1 without labels */
    double loss_sum, weighted_sum; /* of loss, of loss x images */
    long correct_sum, images, calls;
    long fine; /* calls before the first one whose loss is not finite */
};

#ifdef __CUDACC__
#define TALLY_FUNCTION static inline __host__ __device__
#else
#define TALLY_FUNCTION static inline
#endif

TALLY_FUNCTION void tally_add(struct tally *t, double loss, long correct, long images) {
    t->loss = loss;
    t->correct = correct;
    t->loss_sum += loss;
    t->weighted_sum += loss * (double)images;
    if (correct >= 0) t->correct_sum += correct;
    t->images += images;
    if (t->fine == t->calls && loss - loss == 0) t->fine++; /* NaN and infinity: NaN */
    t->calls++;
}

#endif
