"""The command line: ``main`` is the only place that prints errors and picks exit codes."""

import os
import sys
from importlib import import_module
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from mlterm import __version__
from mlterm.core.errors import MltermError

_COMMANDS = {  # name: (module, what `mlterm --help` says, so that it imports none of them)
    "run": ("run", "Run a command under supervision."),
    "attach": ("attach", "Come back to a run's output and keys."),
    "stop": ("control", "End runs with all their processes."),
    "wait": ("control", "Wait for runs and exit with the run's code."),
    "logs": ("logs", "Print a run's output."),
    "list-runs": ("runs", "Show live and ended runs (alias: ls)."),
}
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
        command: click.Command = getattr(module, name.replace("-", "_"))
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mlterm")
def cli() -> None:
    """Supervise and track machine-learning runs, in the terminal and offline."""


def main() -> NoReturn:
    """Run the command line and exit."""
    if sys.platform == "win32":
        print("mlterm needs Linux or macOS: it runs commands on Unix terminals.", file=sys.stderr)
        sys.exit(2)
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130
    except MltermError as error:
        from mlterm.core.clean import clean_text

        print(
            "\n".join(clean_text(line) for line in f"Error: {error}".split("\n")), file=sys.stderr
        )
        code = error.exit_code
    except BrokenPipeError:
        code = _quiet_pipe()
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        print(f"Error: {error}", file=sys.stderr)
        code = 125 if sys.argv[1:2] == ["run"] else 1
    _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """Exit without tearing the interpreter down, which takes 14 ms and nobody misses."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 1
    os._exit(code)


def _quiet_pipe() -> int:
    """Whoever read us has seen enough; Python must not complain at its exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 141
