"""The words of the command line. Values stay text here; the handlers read them, and say what would do instead."""

import argparse
import re
import sys
from typing import NoReturn, TypeAlias

import headhunt
from headhunt.cli.conditions import NUMBER_CONDITIONS, TEXT_CONDITIONS
from headhunt.cli.study_parser import add_study
from headhunt.errors import did_you_mean, printable

SHELF = "headhunt.cli.shelf:"
WORK = "headhunt.cli.work:"
FILL = "headhunt.cli.fill:"
HEALTH = "headhunt.cli.health:"
NEAR = "headhunt.cli.near:"
RECOMMEND = "headhunt.cli.recommend:"
SERVE = "headhunt.cli.serving:"
ASK = "headhunt.cli.asking:"
LOGIN = "headhunt.cli.logging_in:"
RUNS = "headhunt.cli.runs:"
SYNC = "headhunt.cli.syncing:"
DATA = "headhunt.cli.data:"
IMPORT = "headhunt.cli.importing:"
REPORT = "headhunt.cli.reporting:"
TUNE = "headhunt.cli.tuning:"
CHECK_SUGGEST = "headhunt.cli.values:check_suggest"
"""Runs before the handler is imported."""
INVALID_CHOICE = re.compile(r"^argument [^:]*: invalid choice: '?(?P<given>.*?)'? \(choose from (?P<choices>[^()]*)\)$")


class Parser(argparse.ArgumentParser):
    """An argument parser whose faults are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        print(f"headhunt: {self._plain(printable(message))} See '{self.prog} --help'.", file=sys.stderr)
        sys.exit(2)

    def _plain(self, message: str) -> str:
        if found := INVALID_CHOICE.search(message):
            given, choices = found["given"], found["choices"].replace("'", "").split(", ")
            return did_you_mean("command", given, choices, f"There are: {', '.join(choices)}.")
        return message[:1].upper() + message[1:] + "."


def build_parser() -> Parser:
    parser = Parser(prog="headhunt", description="Which pre-trained image model to start from, with evidence.")
    parser.add_argument("--version", action="version", version=f"headhunt {headhunt.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    add_recommending(commands)
    add_tuning(commands)
    add_serving(commands)
    add_reporting(commands)
    health = command(commands, "health", HEALTH + "examine_sample", "what is wrong with a sample, before it is used")
    health.add_argument("sample", help="a folder, zip, tar, or the name of a domain")
    health.add_argument("--json", action="store_true")
    add_runs(commands)
    add_sync(commands)
    add_data(commands)
    add_importing(commands)
    study = commands.add_parser("study", help="searches for good parameters that several workers share")
    add_study(study.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser), command)
    zoo = commands.add_parser("zoo", help="the repository of pre-trained models: Data x Network")
    actions = zoo.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    add_looking(actions)
    add_filling(actions)
    add_working(actions)
    add_domains(actions)
    return parser


Actions: TypeAlias = "argparse._SubParsersAction[Parser]"


def command(actions: Actions, name: str, handler: str, summary: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
    parser.set_defaults(handler=handler)
    return parser


def add_serving(actions: Actions) -> None:
    serve = command(actions, "serve", SERVE + "start", "the service for a team: sends back recommendations over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", default="8765", metavar="N", help="default 8765")
    serve.add_argument("--workers", default="1", metavar="N", help="jobs at a time here (default 1; 0: none)")
    serve.add_argument("--ray", metavar="HOST:PORT", help="fan jobs out over this Ray cluster (needs headhunt[ray])")
    collect = command(actions, "collect", SERVE + "collect", "remove what nobody needs any more from a server's home")
    collect.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    login = command(actions, "login", LOGIN + "login", "let a server answer from now on, and keep a key for it")
    login.add_argument("url", metavar="URL", help="as http://host:8765")
    login.add_argument("--key", help="a key of the server; - reads it from standard input (default: you are asked)")
    login.add_argument("--user", metavar="NAME", help="with your password instead: a key is made for this machine")
    login.add_argument("--project", metavar="NAME", help="with --user: the project that the key is for")
    logout = command(actions, "logout", LOGIN + "logout", "forget a server's key, and revoke it if login made it")
    logout.add_argument("url", metavar="URL", nargs="?", help="default: the one that is asked now")
    keys = actions.add_parser("key", help="keys for programs that ask the service")
    making = keys.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    create = command(making, "create", SERVE + "create_key", "print a new key, for scripts on the server's machine")
    create.add_argument("--project", default="default", metavar="NAME", help="made if it is not there")
    create.add_argument("--role", default="member", help="reader, member or owner (default member)")
    create.add_argument("--name", default="", help="what it is for")
    create.add_argument("--days", metavar="N", help="it holds for so long (default: until it is revoked)")
    people = add_people(actions)
    for parser in (serve, *people[:2]):
        parser.add_argument("--url", metavar="URL", help="where users reach the server, when not at http://HOST:PORT")
    for parser in (serve, create, collect, *people):
        parser.add_argument("--home", metavar="FOLDER", help="where all is kept (default: HEADHUNT_HOME)")
        parser.add_argument("--database", metavar="URL", help="postgresql+psycopg://... (default: SQLite in the home)")
        parser.add_argument(
            "--store", metavar="URL", help="s3://bucket/prefix, where several machines serve (default: the home)"
        )


def add_reporting(actions: Actions) -> None:
    report = command(actions, "report", REPORT + "report", "what a run has come to, as a page, a PDF or a mail")
    report.add_argument("run", help="its id, the beginning of it, or the name of the run")
    report.add_argument("--html", metavar="FILE", help="write a page, with its charts inside")
    report.add_argument("--pdf", metavar="FILE", help="write a PDF")
    report.add_argument("--mail", action="append", metavar="ADDRESS", help="mail it, by HEADHUNT_SMTP or the server")
    report.add_argument("--template", metavar="FILE", help="HTML in Jinja's words, instead of ours (docs/reports.md)")
    report.add_argument("--server", metavar="URL", help="who keeps the run: http://host:8765, or local")


def add_people(actions: Actions) -> tuple[argparse.ArgumentParser, ...]:
    """Users and projects; the first two print a link."""
    users = actions.add_parser("user", help="people who may sign in to the service")
    doing = users.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    add = command(doing, "add", SERVE + "add_user", "add somebody, and print a link that lets them in once")
    add.add_argument("--admin", action="store_true", help="may add and remove users")
    add.add_argument("--project", metavar="NAME", help="a member of this project from now on")
    add.add_argument("--role", default="member", help="there: reader, member or owner (default member)")
    link = command(doing, "link", SERVE + "link_user", "print a new link, for somebody who forgot the password")
    listing = command(doing, "list", SERVE + "list_users", "who there is")
    remove = command(doing, "remove", SERVE + "remove_user", "they can no longer sign in")
    for parser in (add, link, remove):
        parser.add_argument("name")
    projects = actions.add_parser("project", help="what the projects of the service may keep")
    there = projects.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    shown = command(there, "list", SERVE + "list_projects", "the projects, and what each keeps")
    limit = command(there, "limit", SERVE + "limit_project", "let a project keep so much of images")
    limit.add_argument("name")
    limit.add_argument("size", help="as 50GB; default: what the server allows each project")
    return add, link, listing, remove, shown, limit


def add_runs(actions: Actions) -> None:
    runs = actions.add_parser("runs", help="what trainings told of themselves, here or at a server")
    doing = runs.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    listing = command(doing, "list", RUNS + "list_runs", "the runs that a query holds for, the newest first")
    show = command(doing, "show", RUNS + "show_run", "all that is known of one run")
    compare = command(doing, "compare", RUNS + "compare_runs", "where two runs differ")
    export = command(doing, "export", RUNS + "export_runs", "runs as a table, or all points of some")
    delete = command(doing, "delete", RUNS + "delete_runs", "remove runs for good, with all that they told")
    resume = command(doing, "resume", RUNS + "resume_run", "let a run that has ended go on")
    for parser in (listing, export):
        parser.add_argument("--query", metavar="WORDS", help="as: metrics.val_accuracy > 0.9 and tags.baseline")
        parser.add_argument("--experiment", metavar="NAME", help="only of this one")
    listing.add_argument("--sort", action="append", metavar="KEY", help="as metrics.loss; -metrics.loss for largest")
    listing.add_argument("--limit", default="50", metavar="N", help="show so many (default 50)")
    for parser in (show, compare, resume):
        parser.add_argument("run", help="its id, the beginning of it, or the name of the run")
    compare.add_argument("other", help="the run that is compared with it")
    export.add_argument("runs", nargs="*", metavar="RUN", help="only these (default: all)")
    export.add_argument("--points", action="store_true", help="the points of their metrics")
    export.add_argument("--format", default="csv", help="csv or json (default csv)")
    export.add_argument("--out", metavar="FILE", help="write it there")
    delete.add_argument("runs", nargs="+", metavar="RUN")
    for parser in (listing, show, compare):
        parser.add_argument("--json", action="store_true", help="print everything as JSON")
    for parser in (listing, show, compare, export, delete, resume):
        parser.add_argument("--server", metavar="URL", help="http://host:8765, or local (default: login)")


def add_sync(actions: Actions) -> None:
    sync = command(actions, "sync", SYNC + "sync", "bring the runs that lie in the home to a server")
    sync.add_argument("--server", metavar="URL", help="as http://host:8765 (default: login)")


def add_recommending(actions: Actions) -> None:
    suggest = command(actions, "suggest", ASK + "suggest_model", "which model these images should start from")
    suggest.add_argument(
        "sample", nargs="?", help="a folder, zip or tar with a folder for each class, or the name of a domain"
    )
    suggest.add_argument("--budget", metavar="TIME", help="as 90s or 5m (default: by the size of the task)")
    suggest.add_argument("--top", default="10", metavar="N", help="show so many (default 10)")
    suggest.add_argument("--no-labels", action="store_true", help="rank by resemblance and history alone")
    suggest.add_argument("--allow-seen", action="store_true", help="models already trained on these images may win")
    suggest.add_argument("--json", action="store_true", help="print everything as JSON")
    there = suggest.add_argument_group("on a server")
    there.add_argument("--server", metavar="URL", help="who does the work: http://host:8765, or local (default: login)")
    there.add_argument("--wait", action=argparse.BooleanOptionalAction, default=True, help="until the answer is there")
    there.add_argument("--job", metavar="ID", help="wait for one that was asked for before, instead of images")
    add_conditions(suggest)
    suggest.set_defaults(check=CHECK_SUGGEST)
    demo = command(
        actions, "demo", RECOMMEND + "demo", "the starter zoo, and a recommendation for images that come along"
    )
    demo.add_argument("--workers", metavar="N", help="processes that build the starter zoo (default: one a core)")


def add_tuning(actions: Actions) -> None:
    tune = command(actions, "tune", TUNE + "tune_model", "search for a fine-tuning's hyper-parameters; keep the best")
    tune.add_argument("sample", help="a folder, zip or tar with a folder for each class, or the name of a domain")
    tune.add_argument("--model", action="append", metavar="MODEL", help="fine-tune this one; again: search among them")
    tune.add_argument("--models", metavar="N", help="without --model: search among the N best of a recommendation")
    tune.add_argument("--budget", metavar="TIME", help="without --model: of the recommendation, as 90s")
    tune.add_argument("--trials", metavar="N", help="end after so many (default 40, without --seconds)")
    tune.add_argument("--seconds", metavar="TIME", help="end within this time, as 600, 90s or 10m")
    tune.add_argument("--aims", default="loss", metavar="NAMES", help="loss, or accuracy,latency ... (default loss)")
    tune.add_argument("--limits", metavar="LIMITS", help="the worst allowed, as latency=20ms,memory=200MB")
    tune.add_argument("--space", metavar="FILE", help="over the default space, as JSON: a file, or the text itself")
    tune.add_argument("--algo", default="auto", help="auto, tpe, gp, random ... (default auto)")
    tune.add_argument("--seed", default="0", metavar="N", help="default 0")
    tune.add_argument("--study", metavar="NAME", help="its name (default: made of the question)")
    tune.add_argument("--no-curtail", action="store_true", help="let trials that fall behind run to their end")
    tune.add_argument("--part", metavar="SHARE", help="trials learn from this share of the images, as 0.25; 1: all")
    tune.add_argument("--server", metavar="URL", help="who tunes: http://host:8765, or local (default: as for suggest)")
    tune.add_argument("--top", default="10", metavar="N", help="show so many trials (default 10)")
    tune.add_argument("--json", action="store_true", help="print everything as JSON")
    tune.set_defaults(check=TUNE + "check_tune")


def add_data(actions: Actions) -> None:
    data = actions.add_parser("data", help="versions of folders: kept, compared, brought back; with DVC's ids")
    verbs = data.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    add = command(verbs, "add", DATA + "add", "keep a folder as it is now")
    add.add_argument("folder")
    add.add_argument("--name", help="default: the folder's")
    add.add_argument("--note", default="", metavar="WORDS", help="what is to be remembered of it")
    listing = command(verbs, "list", DATA + "list_versions", "what is kept, newest last")
    listing.add_argument("name", nargs="?", help="only the versions of this name")
    listing.add_argument("--server", metavar="URL", help="what a server keeps")
    diff = command(verbs, "diff", DATA + "diff", "what changed between two versions: files, classes")
    diff.add_argument("before", help="an id, the beginning of one, a name, or a folder")
    diff.add_argument("after", nargs="?", help="default: BEFORE is a name, and its last two are meant")
    diff.add_argument("--shift", action="store_true", help="images: how far apart the two look to a network")
    checkout = command(verbs, "checkout", DATA + "check_out", "make a folder what it was in a version")
    checkout.add_argument("version", help="an id, the beginning of one, or a name")
    checkout.add_argument("folder")
    checkout.add_argument("--force", action="store_true", help="overwrite files that have changed and are kept nowhere")
    push = command(verbs, "push", DATA + "push", "send a version to a server: only the files that it lacks")
    pull = command(verbs, "pull", DATA + "pull", "bring a version from a server")
    for parser in (push, pull):
        parser.add_argument("version", help="an id, the beginning of one, or a name")
        parser.add_argument("--server", metavar="URL", help="default: the one of your login")
    for parser in (add, listing, diff, checkout, push, pull):
        parser.add_argument("--json", action="store_true")


def add_importing(actions: Actions) -> None:
    bring = command(actions, "import", IMPORT + "bring", "take in runs that another tracker kept")
    bring.add_argument("kind", choices=("mlflow", "tensorboard", "wandb", "csv"))
    bring.add_argument("path", help="mlruns or mlflow.db, a log folder, a folder wandb, a table")
    for name, usual in (("step", "step, epoch"), ("time", "time, timestamp"), ("run", "run; each value is one")):
        bring.add_argument(f"--{name}", metavar="COLUMN", help=f"csv: where not called {usual}")
    bring.add_argument("--json", action="store_true")


def add_looking(actions: Actions) -> None:
    listing = command(actions, "list", SHELF + "list_models", "the models that meet every condition given")
    add_conditions(listing)
    listing.add_argument("--sort", metavar="FACT", default="id", help="a fact to sort by, '-params' for largest first")
    listing.add_argument("--server", metavar="URL", help="the models of this server's zoo, with the key of your login")
    listing.add_argument("--json", action="store_true", help="print whole cards as JSON")
    show = command(actions, "show", SHELF + "show_model", "all that is known of one model")
    show.add_argument("model", help="its id, as in 'headhunt zoo list'")
    show.add_argument("--json", action="store_true")
    near = command(actions, "near", NEAR + "show_near", "the domains and models nearest to a sample, by how they look")
    near.add_argument("sample", help="a folder, zip, tar, or the name of a domain")
    near.add_argument("--top", default="10", metavar="N", help="so many of each (default 10)")
    near.add_argument("--json", action="store_true")
    matrix = command(actions, "matrix", SHELF + "show_matrix", "the repository at a glance: domains x networks")
    matrix.add_argument("--html", metavar="FILE", help="write a page instead")
    history = command(actions, "history", SHELF + "show_history", "the outcomes of trainings, newest last")
    history.add_argument("--model", help="only of this model")
    history.add_argument("--dataset", help="only on this dataset")
    history.add_argument("--csv", metavar="FILE", help="write all of them as a table")
    history.add_argument("--json", action="store_true")


def add_conditions(parser: argparse.ArgumentParser) -> None:
    facts = parser.add_argument_group(
        "conditions", "counts as 5M or 1.5G, sizes as 20MB or 512MiB, names as patterns (resnet*)"
    )
    for name, meaning in TEXT_CONDITIONS:
        facts.add_argument(f"--{name}", action="append", metavar="NAME", help=meaning)
    for name, meaning in NUMBER_CONDITIONS:
        facts.add_argument(f"--{name}", metavar="N", help=meaning)
    facts.add_argument("--text", metavar="WORDS", help="stands somewhere in its id, network, licence or classes")
    facts.add_argument("--here", action="store_true", help="only models whose weights are on this machine")


def add_filling(actions: Actions) -> None:
    add = command(
        actions, "add", FILL + "add_models", "take in models: timm:TAG, timm:PATTERN, recommended, or a weights file"
    )
    add.add_argument(
        "source",
        metavar="SOURCE",
        help="timm:resnet18.a1_in1k, 'timm:convnext_*.fb_in22k_ft_in1k', recommended, or a path",
    )
    add.add_argument("--domain", help="the data that it was trained on")
    add.add_argument("--network", help="for a file: a timm architecture, or package.module:factory")
    add.add_argument("--name", help="its name in the domain (default: the network's, or the timm tag)")
    add.add_argument("--input", metavar="PIXELS", help="for a file: the size of its input")
    add.add_argument(
        "--mean", nargs="+", metavar="X", help="for a file: the mean of its input, as fractions (default: ImageNet's)"
    )
    add.add_argument("--std", nargs="+", metavar="X", help="for a file: the spread of its input")
    add.add_argument(
        "--classes",
        metavar="NAMES",
        help="for a file: names of its outputs, as a,b,c or a text file with a name a line",
    )
    add.add_argument("--license", help="for a file: its licence")
    add.add_argument("--fetch", action="store_true", help="fetch the weights now instead of at first use")
    remove = command(actions, "remove", FILL + "remove_models", "remove models; their weights go with the last of them")
    remove.add_argument("models", nargs="+", metavar="MODEL", help="ids or patterns ('digits/*')")
    starter = command(actions, "build-starter", FILL + "build_starter", "train the built-in starter zoo, once")
    starter.add_argument("--workers", metavar="N", help="processes (default: one a core)")
    measure = command(actions, "measure", FILL + "measure_models", "measure latency and memory on this machine")
    measure.add_argument(
        "models", nargs="*", metavar="MODEL", help="ids or patterns (default: all that are not measured yet)"
    )
    imports = command(
        actions, "import-history", FILL + "import_history", "take in outcomes of trainings made elsewhere"
    )
    imports.add_argument("file", help="a csv with model, dataset and accuracy or test_accuracy")
    imports.add_argument("--json", action="store_true")


def add_working(actions: Actions) -> None:
    evaluate = command(actions, "evaluate", WORK + "evaluate_model", "what a model's own head says of a sample")
    evaluate.add_argument("model")
    evaluate.add_argument("sample", help="a folder, zip, tar, or the name of a domain")
    evaluate.add_argument("--split", help="train, val or test (default: test if there is one, else everything)")
    evaluate.add_argument("--json", action="store_true")
    train = command(
        actions,
        "train",
        WORK + "train_model",
        "fill one cell: train a network on a sample; again to go on after a stop",
    )
    train.add_argument("sample", help="a folder, zip, tar, or the name of a domain")
    train.add_argument("--network", help="a timm architecture, or package.module:factory")
    train.add_argument("--domain", required=True, help="the name of the data; made if it is new")
    train.add_argument("--parent", metavar="MODEL", help="start from this model's weights")
    train.add_argument("--name", help="its name in the domain (default: the network's)")
    for name, meaning in PROTOCOL:
        train.add_argument(f"--{name}", metavar="X", help=meaning)
    train.add_argument("--json", action="store_true")


PROTOCOL = (
    ("epochs", "how often every image is seen (default 10)"),
    ("steps", "exactly so many steps, instead of epochs"),
    ("batch-size", "images a step (default 64)"),
    ("lr", "the highest learning rate (default 0.002)"),
    ("optimiser", "adamw or sgd"),
    ("schedule", "one-cycle, cosine or constant"),
    ("augment", "auto, none, shift, shift-flip, crop or crop-flip"),
    ("head-first", "share of the steps in which only the head learns (default 0)"),
    ("layer-decay", "each stage's rate over that of the stage above (default 1)"),
    ("label-smoothing", "0 to 0.5 (default 0)"),
    ("ema", "decay of the moving average of the weights (default 0: none)"),
    ("precision", "auto, fp32 or bf16"),
    ("input", "size of the images in pixels (default: fits the images)"),
    ("seeds", "one or more, as 0,1,2 (default 0)"),
)


def add_domains(actions: Actions) -> None:
    domain = actions.add_parser(
        "domain", help="the rows of the repository: add, list, remove", description="The rows of the repository."
    )
    verbs = domain.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    add = command(verbs, "add", FILL + "add_domain", "keep a sample under a name")
    add.add_argument("name")
    add.add_argument("sample", help="a folder, zip or tar")
    add.add_argument("--description", default="")
    add.add_argument("--license")
    listing = command(verbs, "list", SHELF + "list_domains", "all domains")
    listing.add_argument("--json", action="store_true")
    remove = command(verbs, "remove", FILL + "remove_domain", "forget a domain that no model stands on")
    remove.add_argument("name")
