/* The constants of the CBLAS interface. Its functions are looked up by name at run time, so no
 * library's header is needed. */
#ifndef FLOPSTEP_KERNELS_CBLAS_H
#define FLOPSTEP_KERNELS_CBLAS_H

enum { CBLAS_ROW_MAJOR = 101, CBLAS_COL_MAJOR = 102 };
enum { CBLAS_NO_TRANS = 111, CBLAS_TRANS = 112 };
enum { CBLAS_UPPER = 121, CBLAS_LOWER = 122 };
enum { CBLAS_NON_UNIT = 131 };
enum { CBLAS_LEFT = 141 };

static inline int cblas_trans(char letter) { return letter == 't' ? CBLAS_TRANS : CBLAS_NO_TRANS; }
static inline int cblas_uplo(char letter) { return letter == 'u' ? CBLAS_UPPER : CBLAS_LOWER; }

#endif
