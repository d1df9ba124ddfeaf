"""What NumPy and SciPy users ask for, and what autograd covers, against the tables."""

import operator
import types

import numpy as np
import pytest
import scipy.fft
import scipy.fftpack
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.spatial
import scipy.special
import scipy.stats

from chainrule.library.densities import is_followed as is_followed_method
from chainrule.library.with_scipy import load_all
from chainrule.ops import PRIMITIVES
from chainrule.trace.creation import MADE
from chainrule.trace.hooks import HOOKED
from chainrule.trace.tables import FUNCTIONS, SPECIAL_COMPOSITIONS, UFUNC_COMPOSITIONS

load_all()
TABLES = (FUNCTIONS, UFUNC_COMPOSITIONS, SPECIAL_COMPOSITIONS, HOOKED)
NAMES = {*PRIMITIVES, *(entry.name for table in TABLES for entry in table.values())}

NUMPY = """
einsum tensordot kron cross trace diag diagonal tril triu roll rot90 flip moveaxis swapaxes squeeze expand_dims
atleast_1d atleast_2d atleast_3d stack hstack vstack dstack column_stack concatenate block split array_split hsplit
vsplit dsplit append take take_along_axis searchsorted argsort argmax sort partition median percentile quantile interp
convolve gradient diff ediff1d trapezoid nan_to_num sinc polyval select piecewise nansum nanmean nanvar nanstd nanmax
nanmin nanprod nancumsum nancumprod nanmedian nanpercentile nanquantile unwrap angle vander cov corrcoef
apply_along_axis correlate inner outer dot vdot matmul where clip cumsum cumprod
"""
LINALG = """
norm inv pinv det slogdet solve lstsq cholesky qr eig eigh svd eigvals eigvalsh svdvals matrix_power multi_dot cond
matrix_rank tensorinv tensorsolve
"""
FOURIER = """
fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn fftshift ifftshift
"""
SPECIAL = """
gamma gammaln loggamma rgamma gammasgn multigammaln poch beta betaln psi digamma polygamma zeta erf erfc erfcx erfinv
erfcinv erfi j0 j1 jv jn y0 y1 yn yv i0 i1 iv i0e i1e ive k0 k1 kv k0e k1e kve expit log_expit logit logsumexp softmax
log_softmax entr rel_entr kl_div xlogy xlog1py ndtr log_ndtr ndtri gammainc gammaincc betainc sici shichi fresnel expi
exp1 expn dawsn wofz ellipk ellipkm1 ellipe ellipkinc ellipeinc lambertw spence airy struve modstruve hyp0f1 hyp1f1
hyp2f1 hyperu gammaincinv gammainccinv betaincinv betainccinv spherical_jn spherical_yn spherical_in spherical_kn
eval_legendre eval_chebyt eval_chebyu eval_laguerre eval_genlaguerre eval_hermite eval_hermitenorm eval_gegenbauer
eval_jacobi fdtr gdtr
"""
SCIPY_FOURIER = """
dct idct dst idst dctn idctn dstn idstn hfft2 hfftn ihfft2 ihfftn
"""
SCIPY_LINALG = """
solve solve_triangular cho_factor cho_solve expm logm sqrtm solve_sylvester block_diag toeplitz solve_banded cholesky lu
lu_factor lu_solve eigh eigvalsh eig eigvals svd svdvals qr det inv pinv lstsq norm circulant hankel solve_toeplitz
fractional_matrix_power
"""
# What users ask for besides, by subject: what they wrote when another library had no derivative of it.
ASKED_OF_NUMPY = {
    "np": """
        # order, sets and counting
        unique union1d isin lexsort sort_complex trim_zeros choose compress extract histogram histogram_bin_edges
        bincount digitize argpartition
        # polynomials
        roots poly polydiv polyfit polyadd polysub polymul polyder polyint vander
        # statistics
        cov corrcoef average ptp nanmedian nanpercentile
        # arrays from others
        geomspace logspace linspace full_like resize insert delete append pad tile repeat broadcast_to meshgrid
        # what is written
        put putmask place put_along_axis fill_diagonal copyto
        # of entries and axes
        vectorize apply_along_axis apply_over_axes piecewise select
        # of numbers
        i0 unwrap sinc ldexp nan_to_num heaviside logaddexp hypot cbrt
        # of shapes, memory and text
        tril_indices_from triu_indices_from diag_indices_from array_equiv common_type array2string
    """,
    "np.emath": "sqrt log log2 log10 logn power arccos arcsin arctanh",
    "np.lib.stride_tricks": "sliding_window_view",
    "np.polynomial.polynomial": "polyval polyvander polyder polyint polyadd polysub polymul polyroots polyfit",
    "np.polynomial.chebyshev": "chebval chebvander chebder chebint chebadd chebsub chebmul chebroots chebfit cheb2poly",
    "np.polynomial.legendre": "legval legvander legder legint legadd legsub legmul legroots legfit leg2poly",
    "np.polynomial.hermite": "hermval hermvander hermder hermint hermadd hermsub hermmul hermroots hermfit",
    "np.polynomial.hermite_e": "hermeval hermevander hermeder hermeint hermeadd hermesub hermemul hermeroots hermefit",
    "np.polynomial.laguerre": "lagval lagvander lagder lagint lagadd lagsub lagmul lagroots lagfit",
}
ASKED_OF_SCIPY = {
    "scipy.special": """
        hankel1 hankel2 hankel1e hankel2e jve yve ber bei ker kei voigt_profile inv_boxcox inv_boxcox1p powm1 agm
        eval_chebyc eval_chebys eval_sh_chebyt eval_sh_chebyu eval_sh_legendre eval_sh_jacobi
        chdtri bdtr bdtrc nbdtr nbdtrc factorial comb perm sindg cosdg tandg cotdg radian
    """,
    "scipy.stats": """
        gmean hmean pmean tmean tvar tstd sem trim_mean gstd variation iqr median_abs_deviation moment skew kurtosis
        zscore zmap gzscore rankdata entropy wasserstein_distance energy_distance circmean circvar circstd
        boxcox boxcox_llf yeojohnson yeojohnson_llf pearsonr linregress
    """,
    "scipy.signal": """
        lfilter lfilter_zi sosfilt filtfilt sosfiltfilt detrend savgol_filter hilbert resample oaconvolve convolve2d
        correlate2d periodogram welch freqz
    """,
    "scipy.ndimage": """
        correlate correlate1d convolve convolve1d gaussian_filter gaussian_filter1d uniform_filter uniform_filter1d
        sobel prewitt laplace gaussian_laplace gaussian_gradient_magnitude maximum_filter minimum_filter median_filter
        percentile_filter map_coordinates shift zoom rotate affine_transform center_of_mass
    """,
    "scipy.spatial.distance": """
        cdist pdist squareform euclidean sqeuclidean cityblock minkowski chebyshev cosine correlation braycurtis
        canberra seuclidean mahalanobis jensenshannon
    """,
    "scipy.linalg": """
        khatri_rao companion leslie fiedler convolution_matrix matmul_toeplitz solve_circulant solveh_banded
        solve_continuous_lyapunov solve_discrete_lyapunov pinvh polar orthogonal_procrustes expm_frechet
        eigh_tridiagonal eigvalsh_tridiagonal
    """,
    "scipy.fftpack": "fft ifft fft2 ifft2 fftn ifftn dct idct dst idst dctn idctn dstn idstn",
}
#: Distributions with the methods that SciPy has for each.
DISTRIBUTIONS = {
    "norm t gamma beta expon lognorm laplace uniform": "pdf logpdf cdf logcdf sf logsf ppf isf",
    "poisson binom geom nbinom bernoulli": "pmf logpmf cdf logcdf sf logsf",
    "dirichlet multivariate_normal": "pdf logpdf",
}
OPTIMIZE = """
root fsolve root_scalar brentq brenth ridder bisect toms748 newton fixed_point minimize minimize_scalar least_squares
curve_fit
"""
INTERPOLATE = """
CubicSpline CubicHermiteSpline PchipInterpolator Akima1DInterpolator RegularGridInterpolator interpn interp1d
make_interp_spline BSpline
"""
ASKED_FOR = {
    "np": NUMPY,
    "np.linalg": LINALG,
    "np.fft": FOURIER,
    "scipy.special": SPECIAL,
    "scipy.linalg": SCIPY_LINALG,
    "scipy.fft": FOURIER + SCIPY_FOURIER,
    "scipy.optimize": OPTIMIZE,
    "scipy.interpolate": INTERPOLATE,
    "scipy.signal": "convolve fftconvolve correlate",
    "scipy.sparse.linalg": "spsolve cg gmres bicgstab minres splu factorized spilu",
    "scipy.integrate": "odeint solve_ivp quad quad_vec dblquad nquad trapezoid simpson cumulative_trapezoid",
}
MODULES = {
    "np": np,
    "np.linalg": np.linalg,
    "np.fft": np.fft,
    "scipy.special": scipy.special,
    "scipy.linalg": scipy.linalg,
    "scipy.fft": scipy.fft,
    "scipy.signal": scipy.signal,
    "scipy.integrate": scipy.integrate,
    "scipy.optimize": scipy.optimize,
    "scipy.interpolate": scipy.interpolate,
    "scipy.sparse.linalg": scipy.sparse.linalg,
}


MODULES |= {
    "np.emath": np.emath,
    "np.lib.stride_tricks": np.lib.stride_tricks,
    "scipy.stats": scipy.stats,
    "scipy.ndimage": scipy.ndimage,
    "scipy.spatial.distance": scipy.spatial.distance,
    "scipy.fftpack": scipy.fftpack,
    **{f"np.polynomial.{x}": getattr(np.polynomial, x) for x in ("polynomial", "chebyshev", "legendre")},
    **{f"np.polynomial.{x}": getattr(np.polynomial, x) for x in ("hermite", "hermite_e", "laguerre")},
}


def is_followed(namespace, name):
    """Whether a function is in a table, under this name or another that it has."""
    if f"{namespace}.{name}" in NAMES or (namespace == "np" and name in {str(n) for n in MADE}):
        return True
    function = getattr(MODULES[namespace], name)
    own = getattr(function, "__name__", name)
    return f"{namespace}.{own}" in NAMES or function in FUNCTIONS


@pytest.mark.parametrize("namespace", ASKED_FOR)
def test_what_is_asked_for_is_followed(namespace):
    names = ASKED_FOR[namespace].split()
    assert names
    assert [name for name in names if not is_followed(namespace, name)] == []


@pytest.mark.parametrize(
    ("namespace", "names"), [*ASKED_OF_NUMPY.items(), *ASKED_OF_SCIPY.items()], ids=lambda x: x[:30]
)
def test_what_users_of_other_libraries_ask_for_is_followed(namespace, names):
    listed = [name for line in names.splitlines() if not line.strip().startswith("#") for name in line.split()]
    assert listed
    assert [name for name in listed if not is_followed(namespace, name)] == []


# Functions of autograd that do not stand in a table of functions, each with the reason.
OTHERWISE = {
    "np.abs": "the ufunc np.absolute",
    "np.array_from_args": "autograd's own",
    "np.concatenate_args": "autograd's own",
    "np.make_diagonal": "autograd's own",
    "np._original_where": "autograd's own",
    "np.linalg._primitive_norm": "autograd's own",
    "np.fft.truncate_pad": "autograd's own",
}


def differentiable(module):
    """Names of a module of autograd with a rule for reverse mode."""
    from autograd.core import primitive_vjps

    def is_one(x):
        return isinstance(x, types.FunctionType) and x in primitive_vjps

    return sorted(name for name, x in vars(module).items() if is_one(x))


def test_what_autograd_covers_is_followed():
    pytest.importorskip("autograd")
    import autograd.numpy
    import autograd.scipy.integrate
    import autograd.scipy.linalg
    import autograd.scipy.signal
    import autograd.scipy.special

    theirs = {
        "np": autograd.numpy,
        "np.linalg": autograd.numpy.linalg,
        "np.fft": autograd.numpy.fft,
        "scipy.special": autograd.scipy.special,
        "scipy.linalg": autograd.scipy.linalg,
        "scipy.signal": autograd.scipy.signal,
        "scipy.integrate": autograd.scipy.integrate,
    }
    listed = [(namespace, name) for namespace, module in theirs.items() for name in differentiable(module)]
    assert len(listed) > 150
    missing = [
        f"{namespace}.{name}"
        for namespace, name in listed
        if f"{namespace}.{name}" not in OTHERWISE and not is_followed(namespace, name)
    ]
    assert missing == []


def test_the_distributions_that_autograd_covers_are_followed():
    pytest.importorskip("autograd")
    import autograd.scipy.stats

    methods = {
        (name, method)
        for name, module in vars(autograd.scipy.stats).items()
        if isinstance(module, types.ModuleType)
        for method in differentiable(module)
        if hasattr(getattr(scipy.stats, name), method)
    }
    assert len(methods) > 20
    assert [one for one in sorted(methods) if not is_hooked(*one)] == []


def is_hooked(name, method):
    """Whether a method of a distribution is in the table, for it or for all of its kind."""
    distribution = getattr(scipy.stats, name)
    owners = {f"scipy.stats.{k.__name__.removesuffix('_gen')}.{method}" for k in type(distribution).__mro__}
    is_one_of_many = isinstance(distribution, (scipy.stats.rv_continuous, scipy.stats.rv_discrete))
    return bool(NAMES & owners) and (not is_one_of_many or is_followed_method(distribution, method))


def test_the_distributions_that_are_asked_for_are_followed():
    asked = [
        (name, method)
        for names, methods in DISTRIBUTIONS.items()
        for name in names.split()
        for method in methods.split()
    ]
    assert [one for one in asked if not is_hooked(*one)] == []


def test_names_in_the_tables_are_names_of_functions():
    """A misspelt name would be a row that nobody finds."""
    for name in NAMES:
        namespace, _, own = name.rpartition(".")
        if namespace in MODULES:
            assert callable(operator.attrgetter(own)(MODULES[namespace])), name
