"""Callbacks that are at hand: functions of the state after every epoch, for `fit` and for the estimators.

Any callable of a `TrainState` is a callback; a true result ends the run. `Table` prints, `CSVLog` and `TensorBoard`
write to files.
"""

from chainrule.train.callbacks.csv_log import CSVLog
from chainrule.train.callbacks.table import Table
from chainrule.train.callbacks.tensorboard import TensorBoard

__all__ = ["CSVLog", "Table", "TensorBoard"]
