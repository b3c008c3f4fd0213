"""Synthetic rosters with planted faults, in every form that can be read: a school system's export without a school system."""

from cli.samples.faults import Planted, plant
from cli.samples.forms import FORMS
from cli.samples.sheets import Place, Record, Sample, Sheet

__all__ = ["FORMS", "Place", "Planted", "Record", "Sample", "Sheet", "plant"]
