"""Training: the loop with its history, early stopping and checkpoints; models and their files.

`fit` trains any network on arrays. `prepare_problem`, `choose` and `train` go from what a file holds to a trained
`Model`, which `save` and `load` write and read.
"""

from chainrule.train.checkpoint import Checkpoint, check_checkpoint
from chainrule.train.defaults import Settings, choose
from chainrule.train.display import Bar, Lines, progress
from chainrule.train.evaluation import Scores, evaluate
from chainrule.train.files import check_place, load, save
from chainrule.train.loop import Fit, fit
from chainrule.train.model import Model, Record
from chainrule.train.options import Options
from chainrule.train.problem import Problem, prepare_problem
from chainrule.train.running import Progress
from chainrule.train.session import Report, train
from chainrule.train.state import Best, Epoch, Halving, History, TrainState

__all__ = [
    "Bar",
    "Best",
    "Checkpoint",
    "Epoch",
    "Fit",
    "Halving",
    "History",
    "Lines",
    "Model",
    "Options",
    "Problem",
    "Progress",
    "Record",
    "Report",
    "Scores",
    "Settings",
    "TrainState",
    "check_checkpoint",
    "check_place",
    "choose",
    "evaluate",
    "fit",
    "load",
    "prepare_problem",
    "progress",
    "save",
    "train",
]
