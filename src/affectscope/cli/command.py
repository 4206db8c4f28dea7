"""The command and its sub-commands; what is heavy is imported by the one that needs it."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from affectscope import __version__
from affectscope.errors import AffectscopeError, InvalidValue

app = typer.Typer(
    name="affectscope",
    help="Perceived emotion from face, voice, text and questionnaires, on your own machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for an answer.", min=0.1)]
GATEWAY = "http://127.0.0.1:9000"
Gateway = Annotated[
    str, typer.Option(envvar="AFFECTSCOPE_GATEWAY_URL", help="Address of the gateway.")
]


class ServiceName(StrEnum):
    """The services that `serve` runs."""

    VIDEO = "video"
    SPEECH = "speech"
    CHAT = "chat"
    SURVEY = "survey"
    GATEWAY = "gateway"
    OBSERVATORY = "observatory"


class TableName(StrEnum):
    """The tables that `analyze` writes."""

    SEGMENTS = "segments"
    FACES_WIDE = "faces-wide"
    FACES_LONG = "faces-long"
    PHRASES = "phrases"
    VOICE_WINDOWS = "voice-windows"
    WORDS = "words"


class ChannelsName(StrEnum):
    """What `analyze` does with the channels of a sound."""

    AUTO = "auto"
    MIX = "mix"
    SPLIT = "split"


class TaskName(StrEnum):
    """The tasks that `evaluate` scores."""

    FACE = "face"
    TEXT = "text"
    VOICE = "voice"
    TRANSCRIPT = "transcript"
    VALENCE_AROUSAL = "valence-arousal"


def main() -> None:
    """Run the command; what Affectscope refuses is one line and exit status 2."""
    try:
        app()
    except AffectscopeError as error:
        print(f"affectscope: {error.detail}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of a pipe, such as head, has what it wanted.
        sys.stderr.close()
        raise SystemExit(0) from None


def _version(wanted: bool) -> None:
    if wanted:
        print(f"affectscope {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Perceived emotion from face, voice, text and questionnaires, on your own machine."""


@app.command()
def up() -> None:
    """Start all services, keep them running, and stop them on Ctrl-C."""
    from affectscope.supervisor import up as run

    raise SystemExit(run())


@app.command()
def serve(service: Annotated[ServiceName, typer.Argument(help="Which service.")]) -> None:
    """Run one service in this process."""
    from importlib import import_module

    from affectscope.service import limit_heaps, run_service

    limit_heaps()
    run_service(import_module(f"affectscope.{service.value}.app").create())


@app.command()
def analyze(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Video, audio, images, folders and .zip of numbered images; conversations (.json, "
            ".csv, .txt, .vtt, .srt, WhatsApp, Slack, .zip); .json questionnaires."
        ),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Analyse the shipped samples.")] = False,
    purpose: Annotated[
        str, typer.Option(help="Why; workplace and education refuse face and voice.")
    ] = "unspecified",
    justification: Annotated[
        str | None, typer.Option(help="Recorded; needed for medical and safety.")
    ] = None,
    fps: Annotated[float, typer.Option(help="Video frames analysed a second, up to 60.")] = 5.0,
    sequence_rate: Annotated[
        float, typer.Option("--sequence-fps", help="Images a second of numbered images.")
    ] = 25.0,
    channels: Annotated[
        ChannelsName,
        typer.Option(
            help="Whether two channels with different voices are two speakers, all are mixed, or "
            "each is a speaker."
        ),
    ] = ChannelsName.AUTO,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write .json, .csv, .ndjson, .vtt, .srt or .TextGrid."),
    ] = None,
    table: Annotated[
        TableName,
        typer.Option(
            help="What a .csv or .ndjson holds: one row per segment of everything, per frame and "
            "face (columns as in OpenFace and py-feat), per measured value of a face, per spoken "
            "phrase with all that was measured, per window of it, or per spoken word."
        ),
    ] = TableName.SEGMENTS,
    render: Annotated[
        Path | None,
        typer.Option(help="Write the video again with faces and expressions drawn: .mp4, .mkv."),
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Write thumbnails of every face with times: .jpg, .png.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write what is printed as a picture (.svg).", hidden=True)
    ] = None,
    as_json: Json = False,
) -> None:
    """Analyse files of one occasion: one record of perceived emotion, on one clock.

    Examples: `affectscope analyze --sample`, `affectscope analyze interview.mp4 chat.json -o a.csv`,
    `affectscope analyze talk.mp4 -o faces.csv --table faces-wide --render seen.mp4`
    """
    from affectscope.cli.outputs import Outputs
    from affectscope.cli.progress import Progress
    from affectscope.cli.report import print_report
    from affectscope.samples import KINDS
    from affectscope.samples import sample as sample_path
    from affectscope.session import analyze as run

    if sample and files:
        raise InvalidValue("--sample takes no files of yours; give one or the other")
    paths = [sample_path(k) for k in KINDS if k != "speech"] if sample else files or []
    outputs = Outputs(output, table.value, render, contact_sheet, fps, sequence_rate)
    video = outputs.check(paths)
    with Progress() as progress:
        session = run(
            *paths,
            purpose=purpose,
            justification=justification,
            fps=fps,
            sequence_rate=sequence_rate,
            channels=channels.value,
            on_record=progress,
        )
    outputs.write(session, video)
    if as_json:
        print(session.model_dump_json(indent=2))
    else:
        print_report(session, progress.seconds, picture)


models = typer.Typer(
    help="List the models, and add one that transcribes.", rich_markup_mode="markdown"
)
app.add_typer(models, name="models")


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context, as_json: Json = False) -> None:
    """List the shipped models (licence class, figures and limits), and those that were added.

    With `--json`, the cards of the shipped ones; `models added --json` has the others.
    """
    from affectscope.cli.tables import print_added, print_models
    from affectscope.models import cards
    from affectscope.models.added import added

    if context.invoked_subcommand is not None:
        return
    if as_json:
        print(json.dumps([card.model_dump(mode="json", exclude={"folder"}) for card in cards()]))
    else:
        print_models()
        if found := added():
            print_added(found)


@models.command(name="added")
def list_added(as_json: Json = False) -> None:
    """List the models that were added, and where they lie."""
    from affectscope.cli.tables import print_added
    from affectscope.models.added import added

    if as_json:
        print(json.dumps([{**one.model_dump(), "folder": str(one.folder)} for one in added()]))
    else:
        print_added(added())


@models.command(name="add")
def add_model(
    what: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FOLDER",
            help="`whisper-` and a size (`tiny.en`, `base.en`, `small.en`, `medium.en`; `tiny`, "
            "`base`, `small` for many languages), or a folder with a converted model.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Call it so; otherwise as the model or the folder.")
    ] = None,
    revision: Annotated[
        str, typer.Option(help="Branch, tag or commit of the model's repository on the hub.")
    ] = "main",
    link: Annotated[
        bool, typer.Option("--link", help="Link the files of a folder instead of copying them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add a Whisper model, which then transcribes: from the Hugging Face hub, or from a folder.

    Every file is checked against what the hub states, and again whenever the model is loaded.
    Examples: `affectscope models add whisper-small.en`, `affectscope models add /media/usb/whisper`
    """
    from affectscope.cli.adding import add
    from affectscope.cli.tables import print_added_model

    model = add(what, name=name, revision=revision, link=link)
    if as_json:
        print(json.dumps({**model.model_dump(), "folder": str(model.folder)}))
    else:
        print_added_model(model)


@models.command(name="remove")
def remove_model(
    name: Annotated[str, typer.Argument(help="Its name, as `affectscope models added` shows it.")],
) -> None:
    """Remove a model that was added."""
    from affectscope.models.added import added, remove

    known = {one.name for one in added()}
    model = remove(name if name in known or f"whisper-{name}" not in known else f"whisper-{name}")
    print(f"removed {model.name} from {model.folder}")


@app.command()
def evaluate(
    task: Annotated[TaskName, typer.Argument(help="What to score.")],
    data: Annotated[Path, typer.Argument(help="Labelled data: .npz, .tsv, or .csv.")],
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", show_default=False, help="As other commands take it; JSON is printed anyway."
        ),
    ] = True,
    product_path: Annotated[
        bool,
        typer.Option(
            "--product-path",
            help="For face: set the images into pictures and find them there first.",
        ),
    ] = False,
    condition: Annotated[
        str | None,
        typer.Option(
            help="For face: damage the images first: blur, jpeg_30, 24_pixels or dark.",
        ),
    ] = None,
) -> None:
    """Score a shipped model on labelled data of your own; prints one JSON object.

    Data: `face` .npz with images and votes (FER+), `text` .tsv of text and label numbers
    (GoEmotions), `voice` .csv of path,label,speaker, `transcript` .csv of path,transcript,
    `valence-arousal` .csv with V,A,text and perhaps D, rated 1 to 5 (EmoBank).
    """
    from affectscope.cli.progress import counting
    from affectscope.evaluation import evaluate as run

    with counting(f"scoring {task.value}") as progress:
        figures = run(task.value, data, progress, product_path=product_path, condition=condition)
    print(json.dumps(figures, indent=2))


@app.command()
def health(gateway: Gateway = GATEWAY, timeout: Timeout = 5.0, as_json: Json = False) -> None:
    """Show the health of the running system; exit status 1 where it fails."""
    from affectscope.cli.remote import get_health
    from affectscope.cli.tables import print_health

    document = get_health(gateway, timeout)
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        print_health(document)
    if document["status"] == "fail":
        raise SystemExit(1)


@app.command(
    name="load-test",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def load_test(context: typer.Context) -> None:
    """Send real requests to the running system and print how it did; --help tells the modes."""
    from affectscope.cli.load_tool import main as run

    raise SystemExit(run(context.args, "affectscope load-test"))
