"""Diagnosis: what keeps a network from learning, at one moment and over a run, in numbers and in words."""

from chainrule.inspection.diagnosis.diagnosis import Diagnosis, diagnose
from chainrule.inspection.diagnosis.findings import Finding
from chainrule.inspection.diagnosis.measures import LayerDiagnosis
from chainrule.inspection.diagnosis.watching import Watch

__all__ = ["Diagnosis", "Finding", "LayerDiagnosis", "Watch", "diagnose"]
