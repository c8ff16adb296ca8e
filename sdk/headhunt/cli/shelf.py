"""Commands that only look: models, the matrix, domains, history. They load no torch, so they answer at once."""

import argparse
import json
import shutil
import sys
from pathlib import Path

import msgspec

from headhunt.cli.render import count, facts, milliseconds, percent, size, table
from headhunt.home import home_folder
from headhunt.vocabulary import ModelCard
from zoo.catalogue import Catalogue
