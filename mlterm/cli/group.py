"""The commands, as click knows them; each one's module is imported when it is called."""

import gc
import os
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click
from click.shell_completion import CompletionItem

from mlterm import __version__

_COMMANDS = {  # name: (module, what `mlterm --help` says, so that it imports none of them)
    "run": ("run", "Run a command under supervision."),
    "attach": ("attach", "Come back to a run's output and keys."),
    "dashboard": ("dashboard", "Show runs side by side."),
    "watch": ("watch", "Sample a process that runs already."),
    "stop": ("control", "End runs with all their processes."),
    "wait": ("control", "Wait for runs and exit with the run's code."),
    "parse": ("parse", "Print the metrics that an output tells."),
    "logs": ("logs", "Print a run's output."),
    "list-runs": ("runs", "Show live and ended runs (alias: ls)."),
    "show": ("describe", "Show everything known of a run."),
    "compare": ("compare", "Show in what runs differ, and which did best."),
    "export": ("export", "Write runs as csv, json and other formats."),
    "import": ("importing", "Make runs of what TensorBoard, wandb or a table has."),
    "plot": ("plot", "Draw metrics, in the terminal or into a file."),
    "rm": ("remove", "Remove runs: to the trash, or for good."),
    "prune": ("prune", "Remove the runs that pass a filter."),
    "tag": ("annotate", "Label a run."),
    "note": ("annotate", "Write something down beside a run."),
}
PIPE_CLOSED = 128 + 13
"""Whoever read us has seen enough: as if SIGPIPE had ended us, without a word."""
_ALIASES = {"ls": "list-runs"}


class _Lazy(click.Group):
    """A group whose commands' modules are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = _ALIASES.get(cmd_name, cmd_name)
        if name not in _COMMANDS:
            return None
        module = import_module(f"mlterm.cli.{_COMMANDS[name][0]}")
        gc.enable()
        function = name.replace("-", "_") + "_" * iskeyword(name)
        command: click.Command = getattr(module, function)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As the base class, without importing every command."""
        commands = [
            CompletionItem(name, help=words)
            for name, (_, words) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            if not near:
                raise
            words = f"{error.message} Did you mean '{near[0]}'?"
            raise click.UsageError(words, error.ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click itself would exit with 1
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return PIPE_CLOSED

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mlterm")
def cli() -> None:
    """Supervise and track machine-learning runs, in the terminal and offline."""
