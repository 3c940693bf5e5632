"""Maps from a vector to coefficients: the three kinds of `rows`, on blocks that stay in the cache.

* PROX: the proximal map of ψ, `amount` being the step.  A convex ψ without weights has a table of thresholds,
  made anew for every amount; otherwise the cells compete in every coordinate for itself.
* SOFT: in the cell [a, b] of v, c its middle: ``c + amount (v − c)``, clipped to the cell; the nearest level
  if the amount is infinite.
* BLEND: ``(1 − amount) v + amount q``, q the nearest level.
"""

from libc.float cimport DBL_MAX
from libc.math cimport INFINITY

cdef enum:
    BLOCK = 1024
    # Up to so many pieces all thresholds are compared with every argument of a block.
    FEW = 48

cdef enum Kind:
    PROX, SOFT, BLEND

cdef extern from *:
    """
    #if defined(__GNUC__) && defined(__x86_64__) && defined(__GLIBC__)
    #define ROWS_CLONES __attribute__((unused, target_clones("avx512f", "avx2", "default")))
    #elif defined(__GNUC__)
    #define ROWS_CLONES __attribute__((unused))
    #else
    #define ROWS_CLONES
    #endif
    /* How many thresholds are at most v, for each argument; NaN counts none. */
    ROWS_CLONES static void parlin_places(const double* tau, int m, const double* v, int size, double* place)
    {
        for (int i = 0; i < size; i++) place[i] = 0.0;
        for (int k = 0; k < m; k++)
            for (int i = 0; i < size; i++) place[i] += v[i] >= tau[k] ? 1.0 : 0.0;
    }
    /* The middle of low, x and high; NaN stays NaN. */
    static inline double parlin_clip(double x, double low, double high)
    {
        x = low > x ? low : x;
        return high < x ? high : x;
    }
    ROWS_CLONES static void parlin_shifted(
        const double* place, const double* v, const double* shift, const double* low, const double* high,
        int size, double* out)
    {
        for (int i = 0; i < size; i++) {
            int k = (int)place[i];
            out[i] = parlin_clip(v[i] - shift[k], low[k], high[k]);
        }
    }
    ROWS_CLONES static void parlin_steep(
        const double* place, const double* v, double slope, const double* middle, const double* low,
        const double* high, int size, double* out)
    {
        for (int i = 0; i < size; i++) {
            int k = (int)place[i];
            out[i] = parlin_clip(middle[k] + slope * (v[i] - middle[k]), low[k], high[k]);
        }
    }
    ROWS_CLONES static void parlin_blended(
        const double* place, const double* v, double blend, const double* level, int size, double* out)
    {
        for (int i = 0; i < size; i++) {
            double q = level[(int)place[i]];
            out[i] = blend == 1.0 ? (v[i] == v[i] ? q : v[i]) : (1.0 - blend) * v[i] + blend * q;
        }
    }
    """
    void parlin_places(const double* tau, int m, const double* v, int size, double* place) noexcept nogil
    double parlin_clip(double x, double low, double high) noexcept nogil
    void parlin_shifted(
        const double* place, const double* v, const double* shift, const double* low, const double* high,
        int size, double* out
    ) noexcept nogil
    void parlin_steep(
        const double* place, const double* v, double slope, const double* middle, const double* low,
        const double* high, int size, double* out
    ) noexcept nogil
    void parlin_blended(
        const double* place, const double* v, double blend, const double* level, int size, double* out
    ) noexcept nogil


cdef struct Map:
    Kind kind
    bint convex
    int n_levels
    const double* levels
    const double* slopes
    int first, last          # the cells of finite slope
    const double* weights    # of the penalty, one a coefficient, or NULL
    int n_thresholds         # scratch: the thresholds of the current amount, and for each piece between
    double* tau              # them its shift or middle and its ends
    double* shift
    double* low
    double* high


cdef inline void apply(
    Map* map, double amount, const double* v, const int* columns, double* out, Py_ssize_t size
) noexcept nogil:
    """The map of `size` arguments, those of the columns or of the first ones; `out` may be `v`."""
    cdef Py_ssize_t begin = 0, i
    cdef int width
    cdef double place[BLOCK]
    cdef double weight
    if map.convex and map.weights == NULL and map.n_levels <= FEW and map.first <= map.last:
        _tabulate(map, amount)
        while begin < size:
            width = <int>min(BLOCK, size - begin)
            parlin_places(map.tau, map.n_thresholds, v + begin, width, place)
            if map.kind == PROX:
                parlin_shifted(place, v + begin, map.shift, map.low, map.high, width, out + begin)
            elif map.kind == BLEND:
                parlin_blended(place, v + begin, amount, map.levels, width, out + begin)
            elif amount == INFINITY:
                parlin_blended(place, v + begin, 1.0, map.levels, width, out + begin)
            else:
                parlin_steep(place, v + begin, amount, map.shift, map.low, map.high, width, out + begin)
            begin += BLOCK
        return
    for i in range(size):
        weight = 1.0
        if map.weights != NULL:
            weight = map.weights[i if columns == NULL else columns[i]]
            if weight == 0.0:
                out[i] = v[i]
                continue
        out[i] = _one(map, amount, weight, v[i])


cdef inline void _tabulate(Map* map, double amount) noexcept nogil:
    """The pieces of the map with this amount, and the thresholds between them."""
    cdef int k, piece
    if map.kind == PROX:  # the cells of finite slope
        map.n_thresholds = map.last - map.first
        for k in range(map.first, map.last + 1):
            piece = k - map.first
            map.shift[piece] = amount * map.slopes[k]
            map.low[piece], map.high[piece] = _left(map, k), _right(map, k)
            if piece > 0:
                map.tau[piece - 1] = map.low[piece] + 0.5 * (map.shift[piece - 1] + map.shift[piece])
    elif map.kind == BLEND or amount == INFINITY:  # the levels
        map.n_thresholds = map.n_levels - 1
        for k in range(map.n_thresholds):
            map.tau[k] = 0.5 * map.levels[k] + 0.5 * map.levels[k + 1]
    else:  # the cells between levels
        map.n_thresholds = max(map.n_levels - 2, 0)
        map.shift[0] = map.low[0] = map.high[0] = map.levels[0]
        for k in range(map.n_levels - 1):
            map.low[k], map.high[k] = map.levels[k], map.levels[k + 1]
            map.shift[k] = 0.5 * map.low[k] + 0.5 * map.high[k]
            if k > 0:
                map.tau[k - 1] = map.low[k]


cdef inline double _one(const Map* map, double amount, double weight, double v) noexcept nogil:
    cdef int k
    cdef double low, high, middle
    if map.kind == PROX:
        amount = min(amount * weight, DBL_MAX)
        return _prox_convex(map, amount, v) if map.convex else _prox_any(map, amount, v)
    k = _count(map.levels, map.n_levels, v)  # levels below v
    if map.kind == SOFT:
        k = min(max(k + (k < map.n_levels and v == map.levels[k]), 1), map.n_levels - 1)
        if k == 0:
            return map.levels[0] if v == v else v
        low, high = map.levels[k - 1], map.levels[k]
        middle = 0.5 * low + 0.5 * high
        if amount == INFINITY and v == v:
            return low if v < middle else high
        return parlin_clip(middle + amount * (v - middle), low, high)
    if k == map.n_levels or (k > 0 and v < 0.5 * map.levels[k - 1] + 0.5 * map.levels[k]):
        k -= 1
    if amount == 1.0:
        return map.levels[k] if v == v else v
    return (1.0 - amount) * v + amount * map.levels[k]


cdef inline double _left(const Map* map, int cell) noexcept nogil:
    return map.levels[cell - 1] if cell > 0 else -INFINITY


cdef inline double _right(const Map* map, int cell) noexcept nogil:
    return map.levels[cell] if cell < map.n_levels else INFINITY


cdef inline int _count(const double* levels, int size, double v) noexcept nogil:
    """How many levels are below v."""
    cdef int low = 0, high = size, middle
    while low < high:
        middle = (low + high) // 2
        if levels[middle] < v:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline double _prox_convex(const Map* map, double step, double v) noexcept nogil:
    """The last cell whose threshold is at most v, by bisection."""
    cdef int low = map.first, high = map.last, middle
    if low > high:
        return map.levels[0] if v == v else v
    while low < high:
        middle = (low + high + 1) // 2
        if v >= map.levels[middle - 1] + 0.5 * (step * map.slopes[middle - 1] + step * map.slopes[middle]):
            low = middle
        else:
            high = middle - 1
    return parlin_clip(v - step * map.slopes[low], _left(map, low), _right(map, low))


cdef inline double _prox_any(const Map* map, double step, double v) noexcept nogil:
    """The cells compete from left to right, as in `parlin.penalty.prox`."""
    cdef int j, best = map.first
    cdef double shift, challenge, width, gap, t, x, eta, lead, rise = 0.0
    if map.first > map.last:
        return map.levels[0] if v == v else v
    if not -INFINITY < v < INFINITY:
        return parlin_clip(v, _left(map, map.first), _right(map, map.last))
    shift = step * map.slopes[best]
    for j in range(map.first + 1, map.last + 1):
        challenge, width = step * map.slopes[j], _right(map, j) - _left(map, j)
        t, gap = v - _right(map, best), _left(map, j) - _right(map, best)
        x = min(max(t - shift, _left(map, best) - _right(map, best)), 0.0)
        eta = min(max(t - gap - challenge, 0.0), width)
        lead = gap * (t - 0.5 * gap) - rise + eta * (t - gap - challenge - 0.5 * eta)
        lead -= x * (t - shift - 0.5 * x)
        if lead >= 0.0:
            best, shift, rise = j, challenge, 0.0
        elif width < INFINITY:
            rise += challenge * width
    return parlin_clip(v - shift, _left(map, best), _right(map, best))
