"""Products, sums and rotations of short vectors: a call of BLAS takes longer than 20 entries do."""

cdef extern from *:
    """
    #if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
    #define PARLIN_CLONES __attribute__((unused, target_clones("avx512f", "avx2", "default")))
    #elif defined(__GNUC__)
    #define PARLIN_CLONES __attribute__((unused))
    #else
    #define PARLIN_CLONES
    #endif

    #if defined(__GNUC__)
    typedef double parlin_eight __attribute__((vector_size(64), aligned(8), may_alias));
    typedef double parlin_four __attribute__((vector_size(32), aligned(8), may_alias));
    #define EIGHT(x) (*(parlin_eight*)(x))
    #define FOUR(x) (*(parlin_four*)(x))

    PARLIN_CLONES static double parlin_dot(int n, const double* x, const double* y) {
        parlin_eight a = {0}, b = {0};
        double rest = 0.0;
        int i = 0;
        for (; i + 16 <= n; i += 16) {
            a += EIGHT(x + i) * EIGHT(y + i);
            b += EIGHT(x + i + 8) * EIGHT(y + i + 8);
        }
        if (i + 8 <= n) {
            a += EIGHT(x + i) * EIGHT(y + i);
            i += 8;
        }
        if (i + 4 <= n) {
            parlin_four c = FOUR(x + i) * FOUR(y + i);
            rest = (c[0] + c[1]) + (c[2] + c[3]);
            i += 4;
        }
        for (; i < n; i++) rest += x[i] * y[i];
        a += b;
        return rest + (((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7])));
    }

    /* x'y, and x'x in `square`: the sums of parlin_dot, where x is read once. */
    PARLIN_CLONES static double parlin_dot_square(int n, const double* x, const double* y, double* square) {
        parlin_eight a = {0}, b = {0}, p = {0}, q = {0};
        double rest = 0.0, left = 0.0;
        int i = 0;
        for (; i + 16 <= n; i += 16) {
            parlin_eight u = EIGHT(x + i), v = EIGHT(x + i + 8);
            a += u * EIGHT(y + i);
            b += v * EIGHT(y + i + 8);
            p += u * u;
            q += v * v;
        }
        if (i + 8 <= n) {
            a += EIGHT(x + i) * EIGHT(y + i);
            p += EIGHT(x + i) * EIGHT(x + i);
            i += 8;
        }
        if (i + 4 <= n) {
            parlin_four c = FOUR(x + i) * FOUR(y + i), d = FOUR(x + i) * FOUR(x + i);
            rest = (c[0] + c[1]) + (c[2] + c[3]);
            left = (d[0] + d[1]) + (d[2] + d[3]);
            i += 4;
        }
        for (; i < n; i++) {
            rest += x[i] * y[i];
            left += x[i] * x[i];
        }
        a += b;
        p += q;
        *square = left + (((p[0] + p[4]) + (p[1] + p[5])) + ((p[2] + p[6]) + (p[3] + p[7])));
        return rest + (((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7])));
    }

    PARLIN_CLONES static void parlin_add(int n, double t, const double* x, double* y) {
        int i = 0;
        for (; i + 8 <= n; i += 8) EIGHT(y + i) += t * EIGHT(x + i);
        if (i + 4 <= n) {
            FOUR(y + i) += t * FOUR(x + i);
            i += 4;
        }
        for (; i < n; i++) y[i] += t * x[i];
    }

    /* The same for the vector (x - m) q, entry by entry. */
    PARLIN_CLONES static double parlin_dot_rows(
        int n, const double* x, double m, const double* q, const double* y
    ) {
        parlin_eight a = {0};
        double rest = 0.0;
        int i = 0;
        for (; i + 8 <= n; i += 8) a += (EIGHT(x + i) - m) * EIGHT(q + i) * EIGHT(y + i);
        if (i + 4 <= n) {
            parlin_four c = (FOUR(x + i) - m) * FOUR(q + i) * FOUR(y + i);
            rest = (c[0] + c[1]) + (c[2] + c[3]);
            i += 4;
        }
        for (; i < n; i++) rest += (x[i] - m) * q[i] * y[i];
        return rest + (((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7])));
    }

    PARLIN_CLONES static void parlin_add_rows(
        int n, double t, const double* x, double m, const double* q, double* y
    ) {
        int i = 0;
        for (; i + 8 <= n; i += 8) EIGHT(y + i) += t * ((EIGHT(x + i) - m) * EIGHT(q + i));
        if (i + 4 <= n) {
            FOUR(y + i) += t * ((FOUR(x + i) - m) * FOUR(q + i));
            i += 4;
        }
        for (; i < n; i++) y[i] += t * ((x[i] - m) * q[i]);
    }

    PARLIN_CLONES static void parlin_copy(int n, double t, const double* x, double* y) {
        for (int i = 0; i < n; i++) y[i] = t * x[i];
    }

    PARLIN_CLONES static void parlin_rotate(int n, double* x, double* y, double c, double s) {
        int i = 0;
        for (; i + 8 <= n; i += 8) {
            parlin_eight a = EIGHT(x + i), b = EIGHT(y + i);
            EIGHT(x + i) = c * a + s * b;
            EIGHT(y + i) = c * b - s * a;
        }
        for (; i < n; i++) {
            double a = x[i], b = y[i];
            x[i] = c * a + s * b;
            y[i] = c * b - s * a;
        }
    }
    #else
    static double parlin_dot_rows(int n, const double* x, double m, const double* q, const double* y) {
        double total = 0.0;
        for (int i = 0; i < n; i++) total += (x[i] - m) * q[i] * y[i];
        return total;
    }

    static void parlin_add_rows(int n, double t, const double* x, double m, const double* q, double* y) {
        for (int i = 0; i < n; i++) y[i] += t * ((x[i] - m) * q[i]);
    }

    static double parlin_dot(int n, const double* x, const double* y) {
        double total = 0.0;
        for (int i = 0; i < n; i++) total += x[i] * y[i];
        return total;
    }

    static double parlin_dot_square(int n, const double* x, const double* y, double* square) {
        *square = parlin_dot(n, x, x);
        return parlin_dot(n, x, y);
    }

    static void parlin_add(int n, double t, const double* x, double* y) {
        for (int i = 0; i < n; i++) y[i] += t * x[i];
    }

    static void parlin_copy(int n, double t, const double* x, double* y) {
        for (int i = 0; i < n; i++) y[i] = t * x[i];
    }

    static void parlin_rotate(int n, double* x, double* y, double c, double s) {
        for (int i = 0; i < n; i++) {
            double a = x[i], b = y[i];
            x[i] = c * a + s * b;
            y[i] = c * b - s * a;
        }
    }
    #endif

    PARLIN_CLONES static void parlin_copy_rows(
        int n, double t, const double* x, double m, const double* q, double* y
    ) {
        for (int i = 0; i < n; i++) y[i] = t * ((x[i] - m) * q[i]);
    }
    """
    double dot "parlin_dot"(int n, const double* x, const double* y) noexcept nogil
    # x'y, and x'x in `square`
    double dot_square "parlin_dot_square"(
        int n, const double* x, const double* y, double* square
    ) noexcept nogil
    # y += t x
    void add "parlin_add"(int n, double t, const double* x, double* y) noexcept nogil
    # y = t x
    void copy "parlin_copy"(int n, double t, const double* x, double* y) noexcept nogil
    # the same with (x - m) q, entry by entry, in place of x
    double dot_rows "parlin_dot_rows"(
        int n, const double* x, double m, const double* q, const double* y
    ) noexcept nogil
    void add_rows "parlin_add_rows"(
        int n, double t, const double* x, double m, const double* q, double* y
    ) noexcept nogil
    void copy_rows "parlin_copy_rows"(
        int n, double t, const double* x, double m, const double* q, double* y
    ) noexcept nogil
    # (x, y) becomes (c x + s y, c y - s x)
    void rotate "parlin_rotate"(int n, double* x, double* y, double c, double s) noexcept nogil
