"""The lesson `digits`: two features of an image, one digit against the rest, two ways to go down.

The experiment of the course on learning from data: a network with one hidden layer of ten tanh units on the intensity
and the symmetry of handwritten digits, trained by gradient descent and by stochastic gradient descent.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import split
from chainrule.errors import DataError
from chainrule.lessons import figures_digits
from chainrule.lessons.digits_runs import RATE, gradient_descent, stochastic_gradient_descent
from chainrule.lessons.images import Images, read_images
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Section, Table
from chainrule.nn import Network
from chainrule.nn.network import Parameters
from chainrule.train.evaluation import outputs

__all__ = ["features_of", "lesson", "separations"]

Array = NDArray[Any]

_HIDDEN = 10
#: Images of the digit at most, and of the rest as many.
_EACH = 400
_AT_LEAST = 20
_HELD_OUT = 0.3


def features_of(pixels: Array) -> Array:
    """Compute intensity and symmetry.

    Parameters
    ----------
    pixels : array, shape (examples, side, side)
        Grey values from -1 to 1.

    Returns
    -------
    array, shape (examples, 2)
        The mean grey value; and minus the mean difference to the image flipped left to right and top to bottom, which
        is 0 where both flips change nothing.

    Examples
    --------
    >>> features_of(np.array([[[1.0, -1.0], [1.0, -1.0]]])).tolist()
    [[0.0, -1.0]]
    """
    flipped = (pixels[:, :, ::-1], pixels[:, ::-1, :])
    asymmetry = np.mean([np.abs(pixels - other).mean(axis=(1, 2)) for other in flipped], axis=0)
    return np.column_stack([pixels.mean(axis=(1, 2)), -asymmetry])


def separations(features: Array, labels: Array) -> dict[str, float]:
    """Measure how far each digit lies from the rest: Mahalanobis' distance of the means, by the pooled covariance."""
    found = {}
    for label in np.unique(labels):
        own, rest = features[labels == label], features[labels != label]
        pooled = sum((len(part) - 1) * np.cov(part.T) for part in (own, rest)) / (len(features) - 2)
        between = own.mean(axis=0) - rest.mean(axis=0)
        found[str(label)] = float(np.sqrt(between @ np.linalg.pinv(pooled) @ between))
    return found


def lesson(options: Options) -> Lesson:
    """Run the lesson; `options.source` is a file of images, by default scikit-learn's digits."""
    images = read_images(options.source)
    _check(images)
    rng = np.random.default_rng(options.seed)
    features = features_of(images.pixels)
    distances = separations(features, images.labels)
    digit = max(distances, key=lambda label: distances[label])
    rows, targets = _balanced(images.labels, digit, rng)
    kept, held_out = split(len(rows), _HELD_OUT, rng, classes=targets[:, 0])
    mean, spread = features[rows[kept]].mean(axis=0), features[rows[kept]].std(axis=0)
    X = (features[rows] - mean) / spread
    train, test = (X[kept], targets[kept]), (X[held_out], targets[held_out])
    network = Network.of(2, (_HIDDEN,), 1, activation="tanh", output="tanh")
    start = network.initialize(options.seed)
    gradient = gradient_descent(network, start, *train)
    stochastic = stochastic_gradient_descent(network, start, *train, options.seed)
    numbers: dict[str, Any] = {
        "digit": digit,
        "distances": distances,
        "train": train,
        "test": test,
        "rate": RATE,
        "network": network,
        "gradient": gradient,
        "stochastic": stochastic,
        "wrong_train": _wrong(network, stochastic.parameters, *train),
        "wrong_test": _wrong(network, stochastic.parameters, *test),
    }
    return Lesson(
        "digits",
        "One digit against the rest, by intensity and symmetry",
        "Tell one digit from the rest by two numbers computed from its image. Gradient descent and stochastic gradient "
        "descent learn it at the same rate: see which is faster, by the steps taken and by the examples seen.",
        (
            _features(images, features, numbers),
            _race(numbers),
            _boundary(numbers),
            _next(digit),
        ),
        numbers,
    )


def _check(images: Images) -> None:
    names, counts = np.unique(images.labels, return_counts=True)
    if len(names) < 2 or counts.min() < _AT_LEAST:
        found = ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True))
        raise DataError(f"{images.source}: at least two digits with {_AT_LEAST} images each are needed; found {found}")


def _balanced(labels: Array, digit: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw images of the digit and as many others, with targets 1 and -1."""
    own, rest = (rng.permutation(np.flatnonzero(which)) for which in (labels == digit, labels != digit))
    count = min(_EACH, len(own), len(rest))
    targets = np.repeat([1.0, -1.0], count)[:, np.newaxis]
    return np.concatenate([own[:count], rest[:count]]), targets


def _wrong(network: Network, parameters: Parameters, X: Array, T: Array) -> float:
    given = outputs(network, parameters, network.initial_state(), X)
    return float(np.mean((given > 0) != (T > 0)))


def _features(images: Images, features: Array, numbers: dict[str, Any]) -> Section:
    digit, distances = numbers["digit"], numbers["distances"]
    rows = tuple(
        (
            name,
            int(np.count_nonzero(images.labels == name)),
            *(f"{mean:.3f}" for mean in features[images.labels == name].mean(axis=0)),
            f"{far:.2f}",
        )
        for name, far in distances.items()
    )
    second = sorted(distances.values())[-2]
    one = _typical(images, features)
    side = images.pixels.shape[1]
    return Section(
        "Two numbers for an image",
        (
            f"An image of {side} x {side} pixels is a point in a space of {side * side} dimensions, which nobody "
            "can look at. So compute two numbers from it that mean something. The intensity is the mean grey value, "
            "from -1 for paper to 1 for ink. The symmetry is minus the mean difference between the image and its "
            "mirror images, left to right and top to bottom: 0 for a perfectly symmetric digit, below 0 for all "
            "others.",
            Formula("x₁ = mean of the pixels"),
            Formula("x₂ = −mean of |image − flipped image|"),
            Figure(
                "An image of each digit, with its intensity and symmetry",
                lambda: figures_digits.examples(images.pixels[one], images.labels[one], features[one]),
                "A row of handwritten digits. Above each image stand its label, its intensity and its symmetry.",
            ),
            f"These are {len(images.pixels):,} images, of {images.source}. How far does each digit lie from the "
            "rest? The last column measures it: the distance between the mean of the digit and the mean of all "
            "others, in standard deviations.",
            Table("Means of the features", ("digit", "images", "intensity", "symmetry", "distance"), rows),
            Claim(
                f"The digit {digit} stands out: its mean lies {distances[digit]:.2f} standard deviations from that "
                f"of the rest, the next one {second:.2f}.",
                distances[digit] > second,
            )
            if len(distances) > 2
            else f"There are two digits, each of which is the rest of the other; {digit} shall be the one to tell.",
        ),
    )


def _typical(images: Images, features: Array) -> Array:
    """For each digit the image whose features are nearest to their mean."""
    found = []
    for name in np.unique(images.labels):
        own = np.flatnonzero(images.labels == name)
        off = (features[own] - features[own].mean(axis=0)) / features.std(axis=0)
        found.append(own[np.argmin(np.sum(off**2, axis=1))])
    return np.array(found)


def _race(numbers: dict[str, Any]) -> Section:
    gradient, stochastic = numbers["gradient"], numbers["stochastic"]
    count = len(numbers["train"][0])
    first = float(stochastic.errors[list(stochastic.steps).index(count)])
    beside = float(gradient.objectives[count])
    # The steps, each over all images, after which gradient descent is there.
    there = np.flatnonzero(gradient.objectives <= first)
    ratio = int(there[0]) if len(there) else len(gradient.objectives)
    numbers |= {"beside": beside, "first": first, "ratio": ratio}
    return Section(
        "Two ways down, at one rate",
        (
            f"A network with {_HIDDEN} hidden tanh units and one tanh output shall say 1 for the digit "
            f"{numbers['digit']} and -1 for the others. There are {count} images to learn from, half of them of the "
            "digit, so that guessing is right half the time. The error is the mean squared one:",
            Formula("E_in(w) = 1/N · Σₙ (x⁽ᴸ⁾(xₙ; w) − yₙ)²"),
            f"Gradient descent computes the gradient over all {count} images, then takes one step. Stochastic "
            "gradient descent takes a step after every single image, in an order drawn anew for each epoch. Both "
            f"start from the same weights, and both have the rate η = {RATE}: all that differs is how many images "
            "a step looks at. The axes are log10 of the error by log10 of what was spent, as in the lecture.",
            Figure(
                "The error by steps",
                lambda: figures_digits.race(gradient, stochastic, "steps"),
                "Two falling curves on logarithmic axes. By number of steps they lie upon each other where both have "
                "points; the stochastic one goes on to more steps.",
            ),
            Claim(
                f"By steps the two are alike: after {count} steps E_in is {beside:.3f} for gradient descent and "
                f"{first:.3f} for stochastic gradient descent.",
                0.75 < first / beside < 1.33,
            ),
            "That is no accident. For small steps the sum of N single gradients, each at weights that have hardly "
            "moved, is N times the mean gradient: an epoch of small steps goes about as far as N steps of gradient "
            "descent. But it looks at each image once, and those N steps look at each image N times.",
            Figure(
                "The error by examples seen",
                lambda: figures_digits.race(gradient, stochastic, "examples"),
                "The same two curves by number of examples seen: the one of stochastic gradient descent now lies "
                "far to the left.",
            ),
            Claim(
                f"By examples seen they are worlds apart: one epoch of stochastic gradient descent, {count} images "
                f"looked at, brings E_in to {first:.3f}. Gradient descent has seen {ratio} times as many when it "
                "gets there.",
                ratio >= 10,
            ),
            Claim(
                f"Gradient descent goes down at every one of its {len(gradient.objectives):,} steps; of stochastic "
                f"gradient descent {stochastic.rises} of {len(stochastic.objectives):,} epochs end with a higher "
                "mean loss than the one before.",
                gradient.rises == 0 and stochastic.rises > 0,
            ),
            "A single image pulls the weights its own way, and the next one back. Close to a minimum, where the "
            "mean gradient is small, that noise is all that is left: which is why one lets the rate fall, or takes "
            "minibatches.",
        ),
    )


def _boundary(numbers: dict[str, Any]) -> Section:
    network, (X, T) = numbers["network"], numbers["test"]
    parameters, digit = numbers["stochastic"].parameters, numbers["digit"]
    return Section(
        "What it decides",
        (
            "Where the output is above 0 the network says: this is the digit. The line where it is 0 is the "
            f"decision boundary. Here it is with the {len(X)} images that were held out of training; class 1 is the "
            f"digit {digit}.",
            Figure(
                f"The digit {digit} against the rest, on images that were held out",
                lambda: figures_digits.boundary(network, parameters, X, T),
                "The plane of intensity and symmetry in two colours with a curved line between them, and the held-out "
                "images as points, those that are decided wrongly with a ring.",
            ),
            Claim(
                f"Of the images it learned from {100 * numbers['wrong_train']:.1f} % are decided wrongly, of those "
                f"it never saw {100 * numbers['wrong_test']:.1f} %: far from the 50 % of guessing, with two numbers "
                "an image.",
                numbers["wrong_train"] < 0.25 and numbers["wrong_test"] < 0.25,
            ),
            "What is left is not the fault of descent. Digits that have the same intensity and symmetry stand at "
            "the same point, whatever they look like: two features have thrown the difference away. The lesson "
            "`mnist` gives the network all pixels.",
        ),
    )


def _next(digit: str) -> Section:
    return Section(
        "Try next",
        (
            "The digits of the lecture are those of the US Postal Service, a text file with 16 x 16 pixels a line: "
            "`chainrule lesson digits --data zip.train.gz`. Another seed draws other weights and another half of "
            "the rest: `chainrule lesson digits --seed 1`.",
            "Or take more features than two. This asks an estimator about all pixels of the bundled images:",
            Code(
                "from sklearn.datasets import load_digits\n"
                "from chainrule.estimators import MLPClassifier\n"
                "\n"
                "X, y = load_digits(return_X_y=True)\n"
                "model = MLPClassifier((10,), max_iter=50, early_stopping=True, random_state=0)\n"
                f"model.fit(X[:1200] / 16, y[:1200] == {int(digit) if digit.isdecimal() else 0})\n"
                f"print(model.score(X[1200:] / 16, y[1200:] == {int(digit) if digit.isdecimal() else 0}))"
            ),
        ),
    )
