"""Rows of the tables that have no meaning for complex numbers, each with the reason.

Every other row with a derivative has a line in the case tables that is tried with complex numbers. What NumPy and SciPy
refuse is refused here, too, and nothing else is: tests/ops/test_complex.py holds each reason against them.
"""

#: NumPy and SciPy raise TypeError: the function has no loop for complex numbers, or needs an order or an angle.
REFUSED = frozenset(
    {
        *(
            f"np.{name}"
            for name in (
                # of one real variable, of angles and of sizes
                *("fabs", "cbrt", "deg2rad", "radians", "rad2deg", "degrees", "hypot", "arctan2", "unwrap", "ldexp"),
                *("logaddexp", "logaddexp2", "copysign", "heaviside"),
                # of the whole part
                *("fmod", "remainder", "modf", "divmod"),
                # order statistics between two entries
                *("quantile", "percentile", "nanquantile", "nanpercentile"),
                "bincount",
                # transforms of real signals
                *("fft.rfft", "fft.ihfft", "fft.rfft2", "fft.rfftn"),
            )
        ),
        *(f"scipy.fft.{name}" for name in ("rfft", "ihfft", "rfft2", "ihfft2", "rfftn", "ihfftn")),
        *(
            f"scipy.special.{name}"
            for name in (
                *("expit", "logit", "log_expit", "cosm1", "exp2", "exp10", "cbrt", "exprel", "boxcox", "boxcox1p"),
                *("entr", "rel_entr", "kl_div", "huber", "pseudo_huber", "owens_t"),
                *("gammaln", "multigammaln", "polygamma", "zeta", "poch", "beta", "betaln", "binom"),
                *("gammainc", "gammaincc", "betainc", "betaincc", "expn"),
                # distribution functions and inverses
                *("chdtr", "chdtrc", "stdtr", "pdtr", "pdtrc", "fdtr", "fdtrc", "gdtr", "gdtrc"),
                *("erfinv", "erfcinv", "ndtri", "ndtri_exp", "gammaincinv", "gammainccinv", "betaincinv"),
                *("betainccinv", "stdtrit", "fdtri"),
                # Bessel functions of fixed or whole order, for which jv, yv, iv and kv take complex numbers
                *("j0", "j1", "y0", "y1", "yn", "i0", "i1", "i0e", "i1e", "k0", "k1", "k0e", "k1e", "kn"),
                *("ellipk", "ellipkm1", "ellipe", "ellipkinc", "ellipeinc", "struve", "modstruve", "hyperu"),
                *("eval_hermite", "eval_hermitenorm"),
                *("ber", "bei", "ker", "kei", "voigt_profile", "agm", "powm1", "inv_boxcox", "inv_boxcox1p"),
                *("sindg", "cosdg", "tandg", "cotdg", "radian", "factorial", "comb", "perm"),
                *("bdtr", "bdtrc", "nbdtr", "nbdtrc", "chdtri", "bdtri", "nbdtri", "pdtri", "gdtrix", "gdtria"),
                *("berp", "beip", "kerp", "keip", "nrdtrimn", "nrdtrisd", "ellipj"),
            )
        ),
        "np.i0",
        *(f"scipy.linalg.{name}" for name in ("eigh_tridiagonal", "eigvalsh_tridiagonal")),
        *(f"scipy.spatial.distance.{name}" for name in ("correlation", "cosine", "jensenshannon")),
        *(f"scipy.ndimage.{name}_filter" for name in ("maximum", "minimum", "median", "percentile")),
        "scipy.ndimage.map_coordinates",
        "scipy.signal.hilbert",
        *(f"scipy.stats.{name}" for name in ("iqr", "moment", "entropy", "circmean", "boxcox", "variation")),
        *(f"scipy.stats.{name}" for name in ("yeojohnson", "pearsonr")),
        *(f"scipy.stats.gaussian_kde.{name}" for name in ("evaluate", "pdf", "logpdf")),
        # of real data, whose slopes have signs
        *(f"scipy.interpolate.{name}" for name in ("PchipInterpolator", "Akima1DInterpolator")),
        # of a real state; solve_ivp takes complex ones
        "scipy.integrate.odeint",
    }
)

#: SciPy drops imaginary parts with a warning, or computes what is no probability; chainrule refuses by name.
REFUSED_HERE = frozenset(
    {
        # quad and quad_vec take complex integrands
        *("scipy.integrate.dblquad", "scipy.integrate.nquad"),
        *(
            f"scipy.stats.rv_continuous.{name}"
            for name in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")
        ),
        *(f"scipy.stats.rv_discrete.{name}" for name in ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf")),
        *("scipy.stats.multivariate_normal", "scipy.stats.dirichlet"),
        *(f"scipy.stats.{name}.{f}" for name in ("multivariate_normal", "dirichlet") for f in ("pdf", "logpdf")),
        *(f"scipy.stats.multivariate_normal().{f}" for f in ("pdf", "logpdf")),
        "scipy.stats.multivariate_normal.entropy",
        *(f"scipy.stats.{name}" for name in ("wasserstein_distance", "energy_distance", "circvar", "circstd")),
        *(f"scipy.stats.{name}" for name in ("boxcox_llf", "yeojohnson_llf", "linregress")),
        *(f"scipy.spatial.distance.{name}" for name in ("braycurtis", "canberra", "seuclidean", "pdist")),
        *(f"scipy.ndimage.{name}" for name in ("shift", "affine_transform")),
        *("scipy.signal.savgol_filter", "scipy.sparse.linalg.minres"),
        # between bounds, which complex numbers do not lie
        *("scipy.optimize.nnls", "scipy.optimize.lsq_linear"),
        # at real points
        *(f"scipy.interpolate.{name}" for name in ("splev", "UnivariateSpline.__call__")),
        "scipy.interpolate.RectBivariateSpline.__call__",
    }
)

#: Made of real numbers alone, in the derivatives of what is refused above, and of np.linalg.cholesky.
INTERNAL = frozenset(
    {
        *("cholesky_pullback", "elliptic_integral"),
        *(f"gammainc_by_{by}" for by in ("a", "aa", "aaa")),
        *(f"stdtr_by_{by}" for by in ("v", "vv", "vvv")),
        *(f"betainc_by_{by}" for by in ("a", "b", "aa", "ab", "bb", "aaa", "aab", "abb", "bbb")),
        *(f"jacobi_{name}" for name in ("sn", "cn", "dn", "ph")),
    }
)

#: A factor of the function has no derivative by a complex number; the error says how to write the function.
FACTOR = frozenset({f"scipy.special.{name}" for name in ("ive", "jve", "yve")})
