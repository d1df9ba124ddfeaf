"""Training: the loop with its history, early stopping and checkpoints; models and their files.

`fit` trains any network on arrays. `prepare_problem`, `choose` and `train` go from what a file holds to a trained
`Model`, which `save` and `load` write and read.
"""

from typing import TYPE_CHECKING

from chainrule.on_demand import on_demand as _on_demand
from chainrule.train.checkpoint import Checkpoint, check_checkpoint
from chainrule.train.display import Bar, Lines, progress
from chainrule.train.running import Progress
from chainrule.train.state import Best, Epoch, Halving, History, TrainState

if TYPE_CHECKING:
    from chainrule.train.defaults import Settings, choose
    from chainrule.train.evaluation import Scores, evaluate
    from chainrule.train.files import check_place, load, save
    from chainrule.train.live import Live
    from chainrule.train.loop import Fit, fit
    from chainrule.train.model import Model, Record
    from chainrule.train.options import Options
    from chainrule.train.problem import Problem, prepare_fold, prepare_problem
    from chainrule.train.rate_finder import RateSearch, find_rate
    from chainrule.train.search import Search, Trial, cross_validate, random_search
    from chainrule.train.session import Report, train
    from chainrule.train.space import Range, Space, default_space

__all__ = [
    "Bar",
    "Best",
    "Checkpoint",
    "Epoch",
    "Fit",
    "Halving",
    "History",
    "Lines",
    "Live",
    "Model",
    "Options",
    "Problem",
    "Progress",
    "RateSearch",
    "Range",
    "Record",
    "Report",
    "Scores",
    "Search",
    "Settings",
    "Space",
    "TrainState",
    "Trial",
    "check_checkpoint",
    "check_place",
    "choose",
    "cross_validate",
    "default_space",
    "evaluate",
    "find_rate",
    "fit",
    "load",
    "prepare_fold",
    "prepare_problem",
    "progress",
    "random_search",
    "save",
    "train",
]

# What whoever trains a network of arrays, or an estimator, has no need of is loaded when it is first asked for.
_LATER = {
    "Fit": "loop",
    "Live": "live",
    "Model": "model",
    "Options": "options",
    "Problem": "problem",
    "Range": "space",
    "RateSearch": "rate_finder",
    "Record": "model",
    "Report": "session",
    "Scores": "evaluation",
    "Search": "search",
    "Settings": "defaults",
    "Space": "space",
    "Trial": "search",
    "check_place": "files",
    "choose": "defaults",
    "cross_validate": "search",
    "default_space": "space",
    "evaluate": "evaluation",
    "find_rate": "rate_finder",
    "fit": "loop",
    "load": "files",
    "prepare_fold": "problem",
    "prepare_problem": "problem",
    "random_search": "search",
    "save": "files",
    "train": "session",
}


__getattr__, __dir__ = _on_demand(__name__, names=_LATER)
