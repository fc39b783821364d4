"""`cmlkit` and `python -m cmlkit`: run a command, and turn a failure into a message and an exit code."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from cmlkit.errors import CmlkitError
from cmlkit.sinks.printing import hiding, show
from cmlkit.sinks.secrets import Secrets


def main() -> None:
    """Run the console script."""
    # Imports make many objects and hardly any garbage, which Python would search for a dozen times meanwhile.
    gc.set_threshold(50_000)
    _prepare_streams()
    code = run(sys.argv[1:], environ=os.environ)
    # The process frees everything when it ends; without this, Python's garbage collector would first go through all
    # of it several times, which takes a tenth of a short command's time.
    gc.freeze()
    sys.exit(code)


def main_of_name() -> None:
    """Run a console script that is named for a command: `cmlkit-send-comment` is `cmlkit send-comment`."""
    name = Path(sys.argv[0]).name.removesuffix(".exe")
    sys.argv[1:1] = [name.removeprefix("cmlkit-")]
    main()


def _prepare_streams() -> None:
    """Open those of standard input, output and error that are closed, and let each take any text.

    Otherwise the next file or socket that is opened would become standard output, and an encoding such as ASCII, or
    a name of a file that is no UTF-8, would end the command.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
        stream = getattr(sys, name)
        if number and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def run(arguments: Sequence[str], *, environ: Mapping[str, str]) -> int:
    """Run one command line; return its exit code. A traceback appears only with `--debug` or `CMLKIT_DEBUG`."""
    with hiding(Secrets.of(environ)):
        return _run(arguments, environ)


def _run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    from cmlkit.cli import cli

    if "_CMLKIT_COMPLETE" in environ:
        from cmlkit.cli import completion

        completion.register()
    try:
        # The code of an Exit, if the command raised one.
        code = cli.main(args=list(arguments), prog_name="cmlkit", standalone_mode=False, obj=environ)
    except click.Abort:
        # click's name for SIGINT, and for the end of the input at a question.
        show("Interrupted.", errors=True)
        return 130
    except click.ClickException as error:
        return _usage(error, environ)
    except KeyboardInterrupt:
        show("Interrupted.", errors=True)
        return 130
    except BrokenPipeError:
        _silence_output()  # its reader has closed it
        return 0
    except CmlkitError as error:
        return _failure(error, environ, debug=_debugging(arguments, environ))
    except Exception as error:
        return _unexpected(error, environ, debug=_debugging(arguments, environ))
    return code if isinstance(code, int) else 0


def _silence_output() -> None:
    """Let standard output lead nowhere: Python would fail again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _debugging(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    from cmlkit.settings.variables import DEBUG

    return "--debug" in arguments or bool(environ.get(DEBUG))


def _usage(error: click.ClickException, environ: Mapping[str, str]) -> int:
    if isinstance(error, click.NoSuchOption):
        error = _without_guesses(error)
    words = io.StringIO()
    error.show(file=words)
    show(words.getvalue().rstrip(), errors=True)
    _annotate(error.format_message(), environ)
    return 2


def _without_guesses(error: click.NoSuchOption) -> click.UsageError:
    """Return the error with a suggestion of ours: click's, such as `--json` for `--token`, lead astray."""
    from cmlkit.cli.spelling import option_suggestion

    message = f"No such option {error.option_name!r}. {option_suggestion(error.option_name, error.ctx)}"
    return click.UsageError(message.rstrip(), ctx=error.ctx)


def _failure(error: CmlkitError, environ: Mapping[str, str], *, debug: bool) -> int:
    if debug:
        _print_traceback(error)
    show(f"error: {error.message}", errors=True)
    if error.next_step:
        show(f"  next: {error.next_step}", errors=True)
    _annotate(str(error), environ)
    return error.exit_code


def _unexpected(error: Exception, environ: Mapping[str, str], *, debug: bool) -> int:
    from cmlkit.errors import file_error, is_of_files

    if not (isinstance(error, OSError) and is_of_files(error)):
        return _defect(error, environ, debug=debug)
    if error.filename is None:
        _silence_output()  # it may be standard output itself that takes no more
    return _failure(file_error(error), environ, debug=debug)


def _defect(error: Exception, environ: Mapping[str, str], *, debug: bool) -> int:
    if debug:
        _print_traceback(error)
    message = f"This is a defect in cmlkit: {type(error).__name__}: {error}"
    show(f"error: {message}\n  next: Run again with --debug, and report the output.", errors=True)
    _annotate(message, environ)
    return 1


def _annotate(message: str, environ: Mapping[str, str]) -> None:
    from cmlkit.ci import workplace

    workplace(environ).annotate("error", message, title="cmlkit")


def _print_traceback(error: BaseException) -> None:
    import traceback

    show("".join(traceback.format_exception(error)).rstrip(), errors=True)


if __name__ == "__main__":
    main()
